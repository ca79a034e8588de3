"""localstack.py itself: starting, stopping, and everything that may go wrong."""

import contextlib
import io
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from .support import SCRIPT, free_port, script

from starter import Trouble  # noqa: E402  (support has set the path)
from starter.emulators import LocalStack, listening, version, who  # noqa: E402
from starter.files import Record, home  # noqa: E402
from starter.install import checked  # noqa: E402


def eventually(what, limit=20):
    end = time.monotonic() + limit
    while not what():
        if time.monotonic() > end:
            raise AssertionError("it did not come")
        time.sleep(0.05)


class Starter(unittest.TestCase):
    def setUp(self):
        self.port = free_port()
        self.addCleanup(script, "stop", "--port", self.port, check=False)

    def test_starting_twice_is_starting_once(self):
        first = script("start", "--port", self.port, "--delay", "0.5")
        self.assertEqual(first.stdout, f"http://127.0.0.1:{self.port}\n")
        self.assertIn(f"LocalStack {version(LocalStack)} started", first.stderr)
        pid = Record(home(), self.port).read()["pid"]
        second = script("start", "--port", self.port)
        self.assertEqual(second.stdout, first.stdout)
        self.assertIn("already answers", second.stderr)
        self.assertIn("--delay 0.5", second.stderr)
        self.assertEqual(Record(home(), self.port).read()["pid"], pid)
        self.assertIn(f"pid {pid}", script("status", "--port", self.port).stdout)

    def test_of_many_starts_at_once_one_starts_and_all_succeed(self):
        words = [sys.executable, SCRIPT, "start", "--port", str(self.port), "--until-pid", str(os.getpid())]
        starts = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
        told = [p.communicate() for p in starts]
        self.assertEqual([p.returncode for p in starts], [0] * 4)
        self.assertEqual({out for out, _ in told}, {f"http://127.0.0.1:{self.port}\n"})
        self.assertEqual(sum(" started in " in err for _, err in told), 1)

    def test_stopping_stops_and_stopping_again_is_no_error(self):
        script("start", "--port", self.port)
        child = Record(home(), self.port).read()["child"]
        script("stop", "--port", self.port)
        self.assertFalse(listening(self.port))
        self.assertRaises(ProcessLookupError, os.kill, child, 0)
        self.assertIn("nothing runs", script("stop", "--port", self.port).stderr)
        self.assertEqual(script("status", "--port", self.port, check=False).returncode, 1)

    def test_a_server_ends_when_the_last_process_it_is_for_has_ended(self):
        waiting = [subprocess.Popen(["sleep", "600"]) for _ in range(2)]
        for process in waiting:
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            script("start", "--port", self.port, "--until-pid", process.pid)
        waiting[0].kill()
        waiting[0].wait()
        with self.assertRaises(AssertionError):
            eventually(lambda: not listening(self.port), limit=2)
        waiting[1].kill()
        waiting[1].wait()
        eventually(lambda: not listening(self.port))

    def test_a_server_that_someone_wants_for_good_stays(self):
        with subprocess.Popen(["sleep", "600"]) as process:
            script("start", "--port", self.port, "--until-pid", process.pid)
            script("start", "--port", self.port)
            process.kill()
        with self.assertRaises(AssertionError):
            eventually(lambda: not listening(self.port), limit=2)

    @unittest.skipUnless(sys.platform == "linux", "needs the parent-death signal")
    def test_a_killed_supervisor_takes_its_server_with_it(self):
        script("start", "--port", self.port)
        os.kill(Record(home(), self.port).read()["pid"], signal.SIGKILL)
        eventually(lambda: not listening(self.port))
        script("start", "--port", self.port)
        self.assertEqual(who(self.port), "localstack")

    def test_the_foreground_ends_by_a_signal(self):
        words = [sys.executable, SCRIPT, "run", "--port", str(self.port)]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            eventually(lambda: who(self.port) == "localstack")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(20), 0)
        self.assertFalse(listening(self.port))

    def test_a_port_that_another_program_has_is_said_to_be_taken(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", self.port))
            other.listen()
            done = script("start", "--port", self.port, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"port {self.port} is taken by another program", done.stderr)

    def test_a_process_that_is_not_there_cannot_be_waited_for(self):
        done = script("start", "--port", self.port, "--until-pid", 2**22 - 3, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_a_server_of_another_home_is_not_stopped(self):
        script("start", "--port", self.port)
        with tempfile.TemporaryDirectory() as other:
            done = script("stop", "--port", self.port, "--home", other, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(who(self.port), "localstack")

    def test_pip_without_a_network_says_so_and_leaves_nothing_half_made(self):
        with tempfile.TemporaryDirectory() as empty:
            env = {**os.environ, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
            env.pop("PIP_FIND_LINKS", None)
            words = [sys.executable, SCRIPT, "start", "--port", str(self.port), "--home", empty]
            done = subprocess.run(words, capture_output=True, text=True, env=env)
            self.assertEqual(done.returncode, 1)
            self.assertIn("hint: check the network", done.stderr)
            self.assertEqual(list(pathlib.Path(empty).glob("venv-*/.ready")), [])

    def test_a_package_index_that_fails_once_is_asked_again(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "tmp").mkdir()
            once = ["sh", "-c", f"mkdir {root}/second && exit 1; rmdir {root}/second"]
            with contextlib.redirect_stderr(io.StringIO()):
                checked(once, root / "log", root, "installing", pauses=(0,))
                with self.assertRaisesRegex(Trouble, "installing failed"):
                    checked(once, root / "log", root, "installing")

    def test_the_server_listens_on_the_loopback_only(self):
        script("start", "--port", self.port)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))
            except OSError:
                self.skipTest("this machine has no other address")
            address = probe.getsockname()[0]
        with socket.socket() as outside:
            self.assertNotEqual(outside.connect_ex((address, self.port)), 0)
