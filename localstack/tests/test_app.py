"""The sample app, as a browser and a load balancer see it."""

import base64
import http.client
import json
import os
import pathlib
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from .support import free_port

APP = pathlib.Path(__file__).resolve().parent.parent / "app" / "app.py"


class App:
    """A running app, asked as one user with a jar of cookies would."""

    def __init__(self, case, wait=True, **env):
        self.port, self.jar = free_port(), {}
        told = {"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(self.port), "INSTANCE": "app-1", **env}
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([sys.executable, "-B", APP], env=told, stdout=self.log, stderr=self.log)
        case.addCleanup(self.end)
        if wait:
            self.wait()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def wait(self):
        for _ in range(200):
            try:
                return self.ask("/healthz")
            except OSError:
                time.sleep(0.05)
        self.log.seek(0)
        raise AssertionError(self.log.read().decode())

    def ask(self, path="/", method="GET", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.jar.items()), **headers}
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = json.load(answer)
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            self.jar[name] = value
        connection.close()
        return answer, body


class Redis(socketserver.StreamRequestHandler):
    """Answers the four commands that the app uses, from a dict of the server."""

    def handle(self):
        while head := self.rfile.readline():
            words = []
            for _ in range(int(head[1:])):
                words.append(self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2].decode())
            self.wfile.write(self.answer(*words))

    def answer(self, command, key, *more):
        kept = self.server.kept
        if command == "SET":
            kept[key] = int(more[0])
            return b"+OK\r\n"
        if command == "EXPIRE":
            return b":%d\r\n" % (key in kept)
        if command == "INCR":
            kept[key] += 1
            return b":%d\r\n" % kept[key]
        return b"-ERR unknown\r\n"


class SampleApp(unittest.TestCase):
    def visits(self, app, times=3):
        seen = [app.ask()[1] for _ in range(times)]
        self.assertEqual(len({s["session_id"] for s in seen}), 1)
        return [s["visits"] for s in seen]

    def test_a_session_in_memory_counts_up_and_tells_who_answered(self):
        app = App(self)
        answer, body = app.ask()
        self.assertEqual((body["visits"], body["instance"], answer.headers["X-Instance"]), (1, "app-1", "app-1"))
        self.assertEqual(self.visits(app), [2, 3, 4])
        app.jar = {"SESSIONID": "0" * 32}
        self.assertEqual(app.ask()[1]["visits"], 1)
        self.assertNotEqual(app.jar["SESSIONID"], "0" * 32, "nobody chooses a session's id")

    def test_the_cookie_is_for_http_only_and_secure_behind_https(self):
        app = App(self, SESSION_COOKIE="JSESSIONID")
        plain = app.ask()[0].headers["Set-Cookie"]
        self.assertTrue(plain.startswith("JSESSIONID=") and "; HttpOnly" in plain and "Secure" not in plain, plain)
        self.assertIn("; Secure", app.ask(**{"X-Forwarded-Proto": "https"})[0].headers["Set-Cookie"])
        self.assertIn("; Secure", App(self, COOKIE_SECURE="1").ask()[0].headers["Set-Cookie"])

    def test_a_session_in_redis_is_there_for_every_instance(self):
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Redis) as redis:
            redis.kept, redis.daemon_threads = {}, True
            threading.Thread(target=redis.serve_forever, daemon=True).start()
            url = f"redis://127.0.0.1:{redis.server_address[1]}"
            one, two = (App(self, SESSION_STORE="redis", REDIS_URL=url) for _ in range(2))
            self.assertEqual(self.visits(one), [1, 2, 3])
            two.jar = one.jar
            self.assertEqual(self.visits(two), [4, 5, 6])
            redis.kept.clear()
            self.assertEqual(two.ask()[1]["visits"], 1)
            redis.shutdown()

    def test_a_store_that_does_not_answer_is_told(self):
        app = App(self, SESSION_STORE="redis", REDIS_URL=f"redis://127.0.0.1:{free_port()}")
        answer, body = app.ask()
        self.assertEqual(answer.status, 503)
        self.assertIn("does not answer", body["message"])
        self.assertEqual(app.ask("/healthz")[0].status, 200)

    def test_a_token_is_good_wherever_the_key_is_and_after_it_was_rotated(self):
        one = App(self, SESSION_STORE="token", SESSION_KEY="old")
        self.assertEqual(self.visits(one), [1, 2, 3])
        two = App(self, SESSION_STORE="token", SESSION_KEY="new,old")
        two.jar = one.jar
        self.assertEqual(self.visits(two), [4, 5, 6])
        three = App(self, SESSION_STORE="token", SESSION_KEY="new")
        three.jar = two.jar
        self.assertEqual(three.ask()[1]["visits"], 7)
        stranger = App(self, SESSION_STORE="token", SESSION_KEY="other")
        stranger.jar = two.jar
        self.assertEqual(stranger.ask()[1]["visits"], 1)

    def test_a_token_that_was_changed_is_no_session(self):
        app = App(self, SESSION_STORE="token", SESSION_KEY="key")
        app.ask()
        text, _, signature = app.jar["SESSIONID"].partition(".")
        forged = base64.urlsafe_b64encode(json.dumps({"sid": "x", "visits": 99, "exp": 1 << 40}).encode()).decode()
        app.jar["SESSIONID"] = f"{forged.rstrip('=')}.{signature}"
        self.assertEqual(app.ask()[1]["visits"], 1)

    def test_it_starts_late_fails_and_crashes_on_demand(self):
        began = time.monotonic()
        app = App(self, START_DELAY="1")
        self.assertGreater(time.monotonic() - began, 1)
        self.assertEqual(app.ask("/fail?seconds=0.5", "POST")[0].status, 200)
        self.assertEqual(app.ask("/healthz")[0].status, 503)
        self.assertEqual(app.ask()[0].status, 200)
        time.sleep(0.5)
        self.assertEqual(app.ask("/healthz")[0].status, 200)
        with self.assertRaises(OSError):
            app.ask("/crash", "POST")
        self.assertEqual(app.process.wait(5), 1)

    def test_it_finishes_what_is_under_way_when_it_is_told_to_end(self):
        app = App(self)
        seen = []
        asking = threading.Thread(target=lambda: seen.append(app.ask("/slow?seconds=1")[0].status))
        asking.start()
        time.sleep(0.4)
        app.process.terminate()
        asking.join()
        self.assertEqual((seen, app.process.wait(5)), ([200], 0))

    def test_a_websocket_sends_back_what_it_is_sent(self):
        app = App(self)
        connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=5)
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        connection.request("GET", "/ws", headers={**upgrade, "Sec-WebSocket-Version": "13"})
        with connection.sock.makefile("rb") as file:
            head = b"".join(iter(file.readline, b"\r\n"))
            self.assertIn(b" 101 ", head)
            self.assertIn(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", head)
            mask, text = b"\1\2\3\4", b"hello"
            masked = bytes(b ^ mask[i % 4] for i, b in enumerate(text))
            connection.sock.sendall(bytes([0x81, 0x80 | len(text)]) + mask + masked)
            self.assertEqual(file.read(2), bytes([0x81, len("app-1: hello")]))
            self.assertEqual(file.read(len("app-1: hello")), b"app-1: hello")
        connection.close()


if __name__ == "__main__":
    unittest.main()
