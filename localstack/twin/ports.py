"""Ports on loopback: the same for the same thing at every start."""

import json
import socket


class Ports:
    def __init__(self, file):
        self.file = file
        self.known = json.loads(file.read_text()) if file.exists() else {}

    def of(self, key, wished=0):
        """The port of the thing of this name: the one it had, else the wished one or one of those after it."""
        if key not in self.known:
            self.known[key] = free(wished, set(self.known.values()))
            self.keep()
        return self.known[key]

    def forget(self, key):
        if self.known.pop(key, None):
            self.keep()

    def keep(self):
        self.file.write_text(json.dumps(self.known, indent=1))


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free(wished, taken):
    for port in range(wished, wished + 50) if wished else ():
        if port not in taken and is_free(port):
            return port
    while True:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if port not in taken:
            return port
