"""The server's side of a WebSocket (RFC 6455): text and pings, in frames of any length."""

import base64
import hashlib
import struct

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
LONGEST = 1 << 20


def serve(request, reply):
    """Answer the upgrade, and then each text by `reply(text)` until the other side ends."""
    key = request.headers.get("Sec-WebSocket-Key")
    if request.headers.get("Upgrade", "").lower() != "websocket" or not key:
        raise ValueError("this is a WebSocket")
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    request.send_response(101)
    request.send_header("Upgrade", "websocket")
    request.send_header("Connection", "Upgrade")
    request.send_header("Sec-WebSocket-Accept", accept)
    request.end_headers()
    request.wfile.flush()
    text = b""
    for last, kind, data in frames(request.rfile):
        if kind == CLOSE:
            send(request.wfile, CLOSE, data[:2])
            return
        if kind == PING:
            send(request.wfile, PONG, data)
        elif kind in (0, TEXT):
            text += data
            if last:
                send(request.wfile, TEXT, reply(text.decode(errors="replace")).encode())
                text = b""


def frames(file):
    while len(head := file.read(2)) == 2:
        last, kind, masked, length = head[0] >> 7, head[0] & 15, head[1] >> 7, head[1] & 127
        if length > 125:
            form, size = (">H", 2) if length == 126 else (">Q", 8)
            (length,) = struct.unpack(form, file.read(size))
        if length > LONGEST:
            return
        mask = file.read(4) if masked else bytes(4)
        data = file.read(length)
        if len(data) < length:
            return
        yield last, kind, bytes(b ^ mask[i % 4] for i, b in enumerate(data))


def send(file, kind, data):
    length = len(data)
    if length < 126:
        head = bytes([0x80 | kind, length])
    elif length < 1 << 16:
        head = struct.pack(">BBH", 0x80 | kind, 126, length)
    else:
        head = struct.pack(">BBQ", 0x80 | kind, 127, length)
    file.write(head + data)
    file.flush()
