"""The files: all below one folder, each of them safe to meet another process at."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib

from . import say


def home(given=None):
    """The folder for everything that is written."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    chosen = given or os.environ.get("STACKCTL_LOCALSTACK_HOME") or os.path.join(cache, "stackctl", "localstack")
    return pathlib.Path(chosen).resolve()


@contextlib.contextmanager
def locked(path, waiting=None):
    """Hold a lock file; a process that ends, however it ends, lets go of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting:
                say(waiting)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def born(pid):
    """When a process began, in the system's own words: tells it from a later one of the same id. None: it is gone."""
    with contextlib.suppress(OSError):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return None if fields[0] in "ZX" else fields[19]
    if os.path.exists("/proc/self/stat"):
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "unknown"


class Record:
    """What is known of the server of one port. Its supervisor holds a lock on the file for as long as it lives."""

    def __init__(self, root, port):
        self.state = root / f"state-{port}"
        self.file, self.log = self.state / "server.json", self.state / "localstack.log"
        self.findings = self.state / "requests.jsonl"
        # Whoever starts or stops the server of this port passes here, one after another.
        self.gate = self.state / "lock"
        self.until = self.state / "until"

    def read(self):
        """What the living supervisor wrote, or None."""
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError), open(self.file) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return json.load(file)
        return None

    def tail(self):
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        return ""

    def promise(self, until):
        """Note for how long a caller wants the server: until a process has ended, or for good."""
        self.until.mkdir(parents=True, exist_ok=True)
        (self.until / str(until or "for-good")).write_text(born(until) or "" if until else "")

    def unwanted(self):
        """Whether everyone who asked for the server "until" has ended, and no one asked for it for good."""
        asked = list(self.until.iterdir()) if self.until.is_dir() else []
        return bool(asked) and all(f.name != "for-good" and born(int(f.name)) != f.read_text() for f in asked)
