#!/usr/bin/env python3
"""Start, stop and look at an AWS emulator on this machine, without Docker.

    python3 localstack.py start  [--port 4566] [--delay SECONDS] [--page N] [--rules 0|1] [--twin PROGRAM] [--until-pid PID]
    python3 localstack.py run    … the same, in the foreground
    python3 localstack.py status [--port 4566]
    python3 localstack.py stop   [--port 4566]

`start` prints the endpoint on stdout; what it has to say besides goes to stderr. Everything is written below one
folder: --home, else $STACKCTL_LOCALSTACK_HOME, else $XDG_CACHE_HOME/stackctl/localstack, else ~/.cache/stackctl/localstack.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # the folder of this file may be read-only, and is not ours to fill
try:
    import fcntl  # noqa: F401
except ImportError:
    sys.exit("error: the emulator runs on Linux and macOS only\nhint: use a LocalStack container and --endpoint-url")

from starter import Trouble, say  # noqa: E402
from starter.emulators import EMULATORS, listening, version, who  # noqa: E402
from starter.files import Record, born, home, locked  # noqa: E402
from starter.install import install, places  # noqa: E402
from starter.supervise import supervise  # noqa: E402

TESTED = ((3, 11), (3, 12), (3, 13))
START_LIMIT = 120  # seconds; a busy machine takes ten times the usual two


def endpoint(settings):
    return f"http://127.0.0.1:{settings['port']}"


def differences(settings, record):
    """How the server that runs differs from the one asked for, in words."""
    running = record.read()
    if not running or settings["emulator"] != "localstack":
        return ""
    other = [f"--{k} {running[k]}" for k in ("delay", "page", "rules") if running[k] != settings[k]]
    _, bridge = places(record.state.parent, EMULATORS["localstack"])
    if settings["twin"] and not running.get("twin"):
        other.append("nothing that serves")
    if running["bridge"] != bridge.name:
        other.append("another version of the bridge")
    return f" (with {', '.join(other)}; stop it first to change that)" if other else ""


def already(settings, record):
    """Whether the wanted server answers already; raises when something else has its port."""
    port, wanted = settings["port"], settings["emulator"]
    deadline = time.monotonic() + 5
    while listening(port):
        found = who(port)
        if found == wanted:
            say(f"{EMULATORS[wanted].title} already answers at {endpoint(settings)}{differences(settings, record)}")
            return True
        if found or time.monotonic() > deadline:
            raise Trouble(
                f"port {port} is taken by {EMULATORS[found].title if found else 'another program'}",
                f"stop that program, or choose another port with --port; `ss -ltnp 'sport = :{port}'` shows who it is",
            )
        time.sleep(0.2)
    return False


def prepare(root, settings, record, until):
    """Everything that has to be there before a server is started."""
    record.state.mkdir(parents=True, exist_ok=True)
    for left_over in ("until", "root", "tmp"):
        shutil.rmtree(record.state / left_over, ignore_errors=True)
    install(root, EMULATORS[settings["emulator"]])
    record.promise(until)


def start(root, settings, record, until):
    waiting = f"waiting for another process that is starting the server of port {settings['port']}"
    emulator = EMULATORS[settings["emulator"]]
    with locked(record.gate, waiting):
        if already(settings, record):
            record.promise(until)
            print(endpoint(settings))
            return 0
        prepare(root, settings, record, until)
        begun = time.monotonic()
        with open(record.log, "w") as log:
            supervisor = subprocess.Popen(
                [sys.executable, os.path.abspath(__file__), "supervise", "--home", str(root), json.dumps(settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            while who(settings["port"]) != settings["emulator"]:
                if supervisor.poll() is not None:
                    raise Trouble(f"{emulator.title} ended while starting\n{record.tail()}", f"see {record.log}")
                if time.monotonic() > begun + START_LIMIT:
                    what = f"{emulator.title} did not answer within {START_LIMIT} s"
                    raise Trouble(f"{what}\n{record.tail()}", f"see {record.log}")
                time.sleep(0.1)
        except BaseException:
            supervisor.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                supervisor.wait(15)
            raise
    took = f"{time.monotonic() - begun:.1f} s"
    say(f"{emulator.title} {version(emulator)} started in {took}; its log is {record.log}")
    print(endpoint(settings))
    return 0


def run(root, settings, record, until):
    with contextlib.ExitStack() as gate:
        gate.enter_context(locked(record.gate))
        if already(settings, record):
            return 0
        prepare(root, settings, record, until)
        return supervise(settings, record, gate)


def stop(root, settings, record):
    port = settings["port"]
    with locked(record.gate):
        running = record.read()
        if not running:
            found = who(port)
            if found:
                raise Trouble(
                    f"{EMULATORS[found].title} at port {port} was not started from {root}",
                    "stop it the way it was started, or give the --home it was started with",
                )
            say(f"nothing runs at port {port}")
            return 0
        deadline = time.monotonic() + 15
        with contextlib.suppress(ProcessLookupError):
            os.kill(running["pid"], signal.SIGTERM)
        while record.read() and time.monotonic() < deadline:
            time.sleep(0.05)
        if record.read():
            say("it does not end by itself: killing it")
            for pid in (running["child"], running["pid"]):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        say(f"stopped {EMULATORS[running['emulator']].title} at port {port}")
    return 0


def findings(record):
    """What the request check has found, counted, and where it is written."""
    with contextlib.suppress(OSError):
        lines = [json.loads(line)["level"] for line in record.findings.read_text().splitlines()]
        counts = [f"{lines.count(level)} {level}s" for level in ("violation", "doubt", "notice") if level in lines]
        return f", requests: {', '.join(counts)} in {record.findings}" if counts else ""
    return ""


def status(root, record, port):
    running, found = record.read(), who(port)
    if not found:
        say(f"nothing answers at port {port}" + (" (a server is starting there)" if running else ""))
        return 1
    line = f"{EMULATORS[found].title} answers at http://127.0.0.1:{port}"
    if running:
        switches = ", ".join(f"{k} {running[k]}" for k in ("delay", "page", "rules"))
        print(f"{line}, pid {running['pid']}, {switches}, log {record.log}{findings(record)}")
    else:
        print(f"{line}, not started from {root}")
    return 0


def suitable_python():
    """Go on with a Python of a tested version where this is none."""
    if sys.version_info[:2] in TESTED:
        return
    for major, minor in reversed(TESTED):
        other = shutil.which(f"python{major}.{minor}")
        # A version manager puts programs on the PATH that only say that they are not installed.
        if other and subprocess.run([other, "-c", "import venv, ensurepip"], capture_output=True).returncode == 0:
            os.execv(other, [other, *sys.argv])
    raise Trouble(
        f"this is Python {sys.version_info[0]}.{sys.version_info[1]} ({sys.executable}), "
        "and the emulator runs on 3.11, 3.12 and 3.13",
        "install one of these, so that python3.11, python3.12 or python3.13 is on the PATH; or run LocalStack "
        "elsewhere and give its address with --endpoint-url",
    )


def seconds(text):
    value = float(text)
    return int(value) if value.is_integer() else value


def arguments():
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--port", type=int, default=4566, help="the port at 127.0.0.1 (4566)")
    common.add_argument("--home", type=pathlib.Path, help="the folder for everything that is written")
    serving = argparse.ArgumentParser(add_help=False)
    serving.add_argument("--emulator", choices=sorted(EMULATORS), default="localstack")
    serving.add_argument(
        "--delay", type=seconds, default=0, help="how many seconds creating, modifying, deleting take (0)"
    )
    serving.add_argument(
        "--page", type=int, default=0, help="answer lists in pages of so many, even unasked (0: only if asked)"
    )
    serving.add_argument(
        "--rules", type=int, choices=(0, 1), default=1, help="0: without the rules that LocalStack does not enforce"
    )
    serving.add_argument(
        "--twin", metavar="PROGRAM", help="make what is built serve on this machine; the program is stackctl"
    )
    serving.add_argument(
        "--until-pid", type=int, help="end when this process has ended (each start may name another one)"
    )
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="{start,stop,status,run}")
    commands.add_parser("start", parents=[common, serving], help="start it, print the endpoint once it answers")
    commands.add_parser("stop", parents=[common], help="stop the server that was started at this port")
    commands.add_parser("status", parents=[common], help="say what answers at this port; exit code 1: nothing")
    commands.add_parser("run", parents=[common, serving], help="run it in the foreground")
    inner = commands.add_parser("supervise")
    inner.add_argument("--home")
    inner.add_argument("settings", type=json.loads)
    return parser.parse_args()


def main():
    asked = arguments()
    root = home(asked.home)
    if asked.command == "supervise":
        return supervise(asked.settings, Record(root, asked.settings["port"]))
    record, settings = Record(root, asked.port), {"port": asked.port}
    if asked.command == "stop":
        return stop(root, settings, record)
    if asked.command == "status":
        return status(root, record, asked.port)
    suitable_python()
    until = asked.until_pid
    if until is not None and born(until) is None:
        raise Trouble(f"there is no process {until} to wait for", "give --until-pid the id of a running process")
    settings.update(emulator=asked.emulator, delay=asked.delay, page=asked.page, rules=asked.rules, twin=asked.twin)
    return (start if asked.command == "start" else run)(root, settings, record, until)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        say(f"error: {trouble}\nhint: {trouble.hint}")
        sys.exit(1)
    except OSError as error:
        say(f"error: {error}\nhint: choose another folder with --home, or mend this one")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
