"""A small app that keeps a session: it answers whose session it is, how often it was seen, and who answered.

It takes what stackctl tells an app: PORT, SESSION_STORE, and where the store is. Besides:

    HOST             the address to listen at (0.0.0.0)
    INSTANCE         the server's own name in answers (the host's name)
    SESSION_COOKIE   the name of the session's cookie (SESSIONID)
    SESSION_SECONDS  how long a session lasts after its last request (3600)
    COOKIE_SECURE    1: always Secure; 0: never; else where X-Forwarded-Proto says https
    START_DELAY      seconds until it listens

    GET /            {message, visits, session_id, instance}, and the session counts one more visit
    GET /healthz     ok
    GET /headers     the request's headers
    GET /slow?seconds=2        the same as /, later
    GET /ws          a WebSocket that sends back what it is sent
    POST /fail?seconds=30      /healthz answers 503 for so long
    POST /crash      ends the process at once
"""

import json
import os
import signal
import socket
import sys
import threading
import time
import uuid
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import sessions
import websocket

LONGEST_WAIT = 60  # seconds, for /slow
GRACE = 10  # seconds that requests under way may take after SIGTERM


class Settings:
    def __init__(self, env):
        self.host, self.port = env.get("HOST", "0.0.0.0"), int(env.get("PORT") or 3000)
        self.instance = env.get("INSTANCE") or socket.gethostname()
        self.cookie = env.get("SESSION_COOKIE") or "SESSIONID"
        self.seconds = int(env.get("SESSION_SECONDS") or 3600)
        self.secure = env.get("COOKIE_SECURE", "")
        self.start_delay = float(env.get("START_DELAY") or 0)
        self.store = sessions.store(env, self.seconds)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, settings):
        self.settings, self.failing_until = settings, 0
        self.active, self.changed = 0, threading.Condition()
        super().__init__((settings.host, settings.port), Handler)

    def server_bind(self):
        # The parent's asks the DNS for the host's name, which may take long.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def under_way(self, more):
        with self.changed:
            self.active += more
            self.changed.notify_all()

    def wait_until_idle(self, seconds):
        with self.changed:
            self.changed.wait_for(lambda: not self.active, seconds)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    # A load balancer's idle timeout must be shorter, or it uses a connection that is just being closed.
    timeout = 4060

    def do_GET(self):
        self.serve({"/": self.visit, "/slow": self.slow, "/healthz": self.healthz, "/headers": self.headers_seen, "/ws": self.talk})

    def do_POST(self):
        self.serve({"/fail": self.fail, "/crash": self.crash})

    def serve(self, routes):
        url = urlsplit(self.path)
        self.asked = {k: v[-1] for k, v in parse_qs(url.query).items()}
        self.server.under_way(1)
        try:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            routes.get(url.path, self.unknown)()
        except (sessions.Unavailable, ValueError) as error:
            status = 503 if isinstance(error, sessions.Unavailable) else 400
            self.answer({"message": str(error), "instance": self.server.settings.instance}, status)
        finally:
            self.server.under_way(-1)

    def visit(self):
        settings = self.server.settings
        sent = self.session_cookie()
        sid, visits, cookie = settings.store.visit(sent, lambda: uuid.uuid4().hex)
        name = settings.instance
        body = {"message": f"Hello from {name}!", "visits": visits, "session_id": sid, "instance": name}
        self.answer(body, cookies=[self.set_cookie(cookie)])

    def slow(self):
        time.sleep(min(float(self.asked.get("seconds", 1)), LONGEST_WAIT))
        self.visit()

    def healthz(self):
        well = time.monotonic() >= self.server.failing_until
        self.answer({"status": "ok" if well else "failing on demand"}, 200 if well else 503)

    def headers_seen(self):
        self.answer(dict(self.headers.items()))

    def talk(self):
        self.close_connection = True
        websocket.serve(self, lambda text: f"{self.server.settings.instance}: {text}")

    def fail(self):
        self.server.failing_until = time.monotonic() + float(self.asked.get("seconds", 30))
        self.answer({"status": "failing"})

    def crash(self):
        os._exit(1)

    def unknown(self):
        self.answer({"message": "nothing here"}, 404)

    def session_cookie(self):
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(self.server.settings.cookie)
        except CookieError:
            return None
        return found and found.value

    def set_cookie(self, value):
        settings = self.server.settings
        https = self.headers.get("X-Forwarded-Proto") == "https"
        secure = "; Secure" if settings.secure == "1" or (https and settings.secure != "0") else ""
        return f"{settings.cookie}={value}; Path=/; Max-Age={settings.seconds}; HttpOnly; SameSite=Lax{secure}"

    def answer(self, body, status=200, cookies=()):
        data = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Instance", self.server.settings.instance)
        for cookie in cookies:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, *_):
        """A line for each request would be most of the work."""


def main():
    settings = Settings(os.environ)
    time.sleep(settings.start_delay)
    server = Server(settings)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"{settings.instance} listens at {settings.host}:{settings.port}, sessions in {settings.store.name}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    server.wait_until_idle(GRACE)


if __name__ == "__main__":
    main()
