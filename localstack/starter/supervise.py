"""The supervisor: the parent of a server for as long as it runs, and its end."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import time

from . import say
from .emulators import EMULATORS, HERE, version, who
from .files import locked
from .install import places, programs

# How long a server may take to end by itself, in seconds.
PATIENCE = 10
PR_SET_PDEATHSIG = 1


def die_with_parent(sign=signal.SIGKILL):
    """On Linux a server does not outlive a supervisor that was killed; elsewhere `stop` finds it by its id."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, sign)


def inherited():
    """The caller's environment, but for AWS and Python settings: these are about other things than our servers."""
    foreign = ("AWS_", "PYTHON", "LOCALSTACK_", "PROVIDER_OVERRIDE_")
    env = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    return {**env, "NO_PROXY": "127.0.0.1,localhost"}


def environment(emulator, settings, state, bridge):
    env = inherited()
    env.update(TMPDIR=state / "tmp", XDG_CACHE_HOME=state / "cache")
    if bridge:
        env["PYTHONPATH"] = bridge
    env.update(emulator.environment(settings, state))
    return {k: str(v) for k, v in env.items()}


def twin(settings, state, python):
    """Start the twin, which makes serve what the emulator keeps on record."""
    about = {
        "endpoint": f"http://127.0.0.1:{settings['port']}",
        "balancer": settings["twin"],
        "folder": str(state / "twin"),
        "programs": str(programs(state.parent)),
    }
    env = {**inherited(), "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(python), "-P", "-m", "twin", json.dumps(about)]
    return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, preexec_fn=lambda: die_with_parent(signal.SIGTERM))


def end(process):
    """End the twin first: its apps may still talk to the emulator."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE)
    process.kill()


class Signals:
    """Signals as things one waits for. Those that end the supervisor are kept in `told`."""

    def __init__(self):
        self.told = []
        self.woken, self.wake = socket.socketpair()
        self.woken.setblocking(False)
        self.wake.setblocking(False)
        signal.set_wakeup_fd(self.wake.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda n, _: self.told.append(n))
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def wait(self, seconds):
        select.select([self.woken], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            self.woken.recv(4096)


def supervise(settings, record, gate=None):
    """Run the server as a child until it ends, is told to, or is wanted no more. `gate` is left once it answers."""
    emulator = EMULATORS[settings["emulator"]]
    venv, bridge = places(record.state.parent, emulator)
    for folder in ("root", "tmp", "cache"):
        (record.state / folder).mkdir(exist_ok=True)
    with open(record.file, "a+") as file, contextlib.ExitStack() as leaving:
        fcntl.flock(file, fcntl.LOCK_EX)
        signals = Signals()
        child = subprocess.Popen(
            [str(c) for c in emulator.command(venv / "bin/python", settings["port"])],
            env=environment(emulator, settings, record.state, bridge),
            cwd=record.state / "tmp",
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        file.truncate(0)
        json.dump({**settings, "pid": os.getpid(), "child": child.pid, "bridge": bridge and bridge.name}, file)
        file.flush()
        killed_at, serving = None, None
        while child.poll() is None:
            if gate and who(settings["port"]):
                gate.close()
                gate = None
                say(f"{emulator.title} {version(emulator)} answers at http://127.0.0.1:{settings['port']}")
            if serving and serving.poll() is not None:
                say("the twin has ended: starting it anew")
                serving = None
            if settings["twin"] and not signals.told and not serving and (gate is None and who(settings["port"])):
                serving = twin(settings, record.state, venv / "bin/python")
            if not signals.told and not gate and record.unwanted():
                # Behind the gate, so that no one who starts just now is promised a server that is about to go.
                leaving.enter_context(locked(record.gate))
                if record.unwanted():
                    signals.told.append(signal.SIGTERM)
                else:
                    leaving.close()
            if signals.told and killed_at is None:
                if serving:
                    end(serving)
                child.terminate()
                killed_at = time.monotonic() + PATIENCE
            elif killed_at and time.monotonic() > killed_at:
                child.kill()
            signals.wait(0.2 if gate else 0.5)
        if serving:
            end(serving)
        return 0 if signals.told else child.returncode or 1
