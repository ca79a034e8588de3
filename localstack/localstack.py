#!/usr/bin/env python3
"""Start, stop and look at an AWS emulator on this machine, without Docker.

    python3 localstack.py start  [--port 4566] [--delay SECONDS] [--page N] [--rules 0|1] [--until-pid PID]
    python3 localstack.py run    … the same, in the foreground
    python3 localstack.py status [--port 4566]
    python3 localstack.py stop   [--port 4566]

`start` prints the endpoint on stdout; what it has to say besides goes to stderr. Everything is written below one
folder: --home, else $STACKCTL_LOCALSTACK_HOME, else $XDG_CACHE_HOME/stackctl/localstack, else ~/.cache/stackctl/localstack.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import hashlib
import http.client
import importlib.util
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

try:
    import fcntl
except ImportError:
    sys.exit("error: the emulator runs on Linux and macOS only\nhint: use a LocalStack container and --endpoint-url")

HERE = pathlib.Path(__file__).resolve().parent
TESTED = ((3, 11), (3, 12), (3, 13))
SERVICES = "acm,ec2,elasticache,elbv2,iam,kms,rds,route53,secretsmanager,ssm,sts"


class Trouble(Exception):
    """What went wrong, and what to do about it."""

    def __init__(self, what, hint):
        super().__init__(what)
        self.hint = hint


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---- the emulators


class LocalStack:
    title, requirements, bridge = "LocalStack", "requirements.txt", True
    health, sign = "/_localstack/health", '"services"'

    @staticmethod
    def command(venv, port):
        return [venv / "bin/python", "-m", "localstack.runtime.main"]

    @staticmethod
    def environment(settings, state):
        port = settings["port"]
        return {
            # A /.dockerenv file would make it write to /var/lib, /etc and /usr/lib.
            "OVERRIDE_IN_DOCKER": "0",
            "FILESYSTEM_ROOT": state / "root",
            "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "LOCALSTACK_HOST": f"127.0.0.1:{port}",
            # Its default server listens on 0.0.0.0 whatever it is told; this one is the bridge's.
            "GATEWAY_SERVER": "loopback",
            # No DNS server, no download, no telemetry: it starts on a machine without a network.
            "DNS_ADDRESS": "0",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DISABLE_EVENTS": "1",
            "PERSISTENCE": "0",
            "EAGER_SERVICE_LOADING": "0",
            # S3 alone would write outside its folder, so only what a stack needs is served.
            "SERVICES": SERVICES,
            "STRICT_SERVICE_LOADING": "1",
            **{f"PROVIDER_OVERRIDE_{s}": "tier" for s in ("ACM", "EC2", "IAM", "ROUTE53", "SECRETSMANAGER", "SSM")},
            "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
            "LS_LOG": os.environ.get("LS_LOG", "warning"),
            "TIER_RULES": settings["rules"],
            "TIER_DELAY": settings["delay"],
            "TIER_PAGE": settings["page"],
        }


class Moto:
    title, requirements, bridge = "moto", "requirements-moto.txt", False
    health, sign = "/moto-api/data.json", "{"

    @staticmethod
    def command(venv, port):
        return [venv / "bin/python", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]

    @staticmethod
    def environment(settings, state):
        return {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}


class MiniStack:
    title, requirements, bridge = "MiniStack", "requirements-ministack.txt", False
    health, sign = "/_ministack/health", '"services"'

    @staticmethod
    def command(venv, port):
        return [venv / "bin/python", "-m", "ministack"]

    @staticmethod
    def environment(settings, state):
        return {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": settings["port"],
            "MINISTACK_REGION": "eu-west-1",
            "S3_DATA_DIR": state / "s3",
            "STATE_DIR": state / "root",
        }


# MiniStack also answers LocalStack's health path, so it has to be asked for first.
EMULATORS = {"ministack": MiniStack, "moto": Moto, "localstack": LocalStack}


def version(emulator):
    """The pinned version, read from the requirements so that it stands in one place."""
    package = {"LocalStack": "localstack-core", "moto": "moto", "MiniStack": "ministack"}[emulator.title]
    lines = (HERE / emulator.requirements).read_text().splitlines()
    return next(line.split("==")[1] for line in lines if line.startswith(f"{package}=="))


def listening(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def who(port):
    """Which emulator answers at a port, or None."""
    if not listening(port):
        return None
    for name, emulator in EMULATORS.items():
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", emulator.health)
            answer = connection.getresponse()
            body = answer.read().decode(errors="replace")
            connection.close()
            if answer.status == 200 and emulator.sign in body:
                return name
    return None


# ---- files: all below one folder, each of them safe to meet another process at


def home(given=None):
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
        self.file, self.log, self.until = self.state / "server.json", self.state / "localstack.log", self.state / "until"
        self.gate = self.state / "lock"

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


# ---- installing


def fingerprint(*parts):
    """One name for the contents of files and folders, and for words."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, pathlib.Path):
            files = [part] if part.is_file() else sorted(p for p in part.rglob("*") if p.suffix in (".py", ".toml"))
            for file in files:
                digest.update(str(file.relative_to(HERE)).encode() + b"\0" + file.read_bytes())
        else:
            digest.update(part.encode())
    return digest.hexdigest()[:12]


def places(root, emulator):
    """The folders of the interpreter and of the bridge: new contents, new folders, so that running servers keep theirs."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    venv = fingerprint(HERE / emulator.requirements, python, sys.base_prefix)
    bridge = root / f"bridge-{fingerprint(HERE / 'bridge')}" if emulator.bridge else None
    return root / f"venv-{emulator.title.lower()}-{python}-{venv}", bridge


def checked(command, log, env, what):
    """Run a command with its output in a log file; say what failed in words that help."""
    with open(log, "a") as file:
        if subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=env).returncode == 0:
            return
    text = log.read_text(errors="replace")
    unreachable = ("NewConnectionError", "Temporary failure", "No matching distribution", "ConnectTimeout", "ProxyError")
    if any(sign in text for sign in unreachable):
        raise Trouble(
            f"{what} failed: pip could not fetch a package (log: {log})",
            "check the network and pip's proxy and index settings, then start again; or run LocalStack elsewhere "
            "and give its address with --endpoint-url",
        )
    tail = "\n".join(text.splitlines()[-8:])
    raise Trouble(f"{what} failed (log: {log})\n{tail}", f"mend what the log says and start again; deleting {log.parent} is always safe")


def install(root, emulator):
    """Make what is not there yet. A folder without its mark was left half-made, and is made again."""
    venv, bridge = places(root, emulator)
    if (venv / ".ready").exists() and (not bridge or (bridge / ".ready").exists()):
        return venv, bridge
    with locked(root / "install.lock", "waiting for another process that is installing"):
        (root / "tmp").mkdir(exist_ok=True)
        keep = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        env = {**keep, "TMPDIR": str(root / "tmp"), "PIP_CACHE_DIR": str(root / "pip-cache")}
        for key in ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_REQUIRE_HASHES"):
            env.pop(key, None)
        pip = [venv / "bin/python", "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar", "off"]
        if not (venv / ".ready").exists():
            install_venv(root, emulator, venv, pip, env)
        if bridge and not (bridge / ".ready").exists():
            log = root / f"{bridge.name}.log"
            log.unlink(missing_ok=True)
            shutil.rmtree(bridge, ignore_errors=True)
            # setuptools builds beside the sources, and these may be read-only.
            copy = root / "tmp" / bridge.name
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(HERE / "bridge", copy)
            checked([*pip, "--no-deps", "--no-build-isolation", "--target", bridge, copy], log, env, "installing the bridge")
            shutil.rmtree(copy, ignore_errors=True)
            (bridge / ".ready").touch()
    return venv, bridge


def install_venv(root, emulator, venv, pip, env):
    name = f"{emulator.title} {version(emulator)}"
    if not importlib.util.find_spec("ensurepip") or not importlib.util.find_spec("venv"):
        raise Trouble(
            f"this Python ({sys.executable}) cannot make virtual environments",
            f"install its venv module; on Debian and Ubuntu: apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv",
        )
    started, log = time.monotonic(), root / f"{venv.name}.log"
    log.unlink(missing_ok=True)
    shutil.rmtree(venv, ignore_errors=True)
    say(f"installing {name}, about a minute (log: {log})")
    checked([sys.executable, "-m", "venv", venv], log, env, "making the virtual environment")
    checked([*pip, "-r", HERE / emulator.requirements], log, env, f"installing {name}")
    shutil.rmtree(root / "pip-cache", ignore_errors=True)
    (venv / ".ready").touch()
    say(f"installed {name} in {time.monotonic() - started:.0f} s")


# ---- the supervisor: the parent of a server for as long as it runs


def die_with_parent():
    with contextlib.suppress(OSError, AttributeError):
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def environment(emulator, settings, record, bridge):
    # The caller's AWS and Python settings are about other things than this server.
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PYTHON", "LOCALSTACK_", "PROVIDER_OVERRIDE_"))}
    env.update({"TMPDIR": record.state / "tmp", "XDG_CACHE_HOME": record.state / "cache", "NO_PROXY": "127.0.0.1,localhost"})
    if bridge:
        env["PYTHONPATH"] = bridge
    env.update(emulator.environment(settings, record.state))
    return {k: str(v) for k, v in env.items()}


def unwanted(record):
    """Whether everyone who asked for the server "until" has ended, and no one asked for it for good."""
    asked = list(record.until.iterdir()) if record.until.is_dir() else []
    return bool(asked) and all(f.name != "for-good" and born(int(f.name)) != f.read_text() for f in asked)


def supervise(settings, record, gate=None):
    """Run the server as a child until it ends, is told to, or is wanted no more. `gate` is left when it answers."""
    emulator = EMULATORS[settings["emulator"]]
    venv, bridge = places(record.state.parent, emulator)
    for folder in ("root", "tmp", "cache"):
        (record.state / folder).mkdir(exist_ok=True)
    with open(record.file, "a+") as file, contextlib.ExitStack() as leaving:
        fcntl.flock(file, fcntl.LOCK_EX)
        woken, wake = socket.socketpair()
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        told = []
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda n, _: told.append(n))
        signal.signal(signal.SIGCHLD, lambda *_: None)
        child = subprocess.Popen(
            [str(c) for c in emulator.command(venv, settings["port"])],
            env=environment(emulator, settings, record, bridge),
            cwd=record.state / "tmp",
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        file.truncate(0)
        json.dump({**settings, "pid": os.getpid(), "child": child.pid, "bridge": bridge and bridge.name}, file)
        file.flush()
        deadline = None
        while child.poll() is None:
            if gate and who(settings["port"]):
                gate.close()
                say(f"{emulator.title} {version(emulator)} answers at http://127.0.0.1:{settings['port']}")
                gate = None
            if not told and not gate and unwanted(record):
                # Behind the gate, so that no one who starts just now is promised a server that is about to go.
                leaving.enter_context(locked(record.gate))
                if unwanted(record):
                    told.append(signal.SIGTERM)
                else:
                    leaving.close()
            if told and deadline is None:
                child.terminate()
                deadline = time.monotonic() + 10
            elif deadline and time.monotonic() > deadline:
                child.kill()
            select.select([woken], [], [], 0.2 if gate else 0.5)
            with contextlib.suppress(BlockingIOError):
                woken.recv(4096, socket.MSG_DONTWAIT)
        return 0 if told else child.returncode or 1


# ---- commands


def promise(record, until):
    """Note for how long the caller wants the server."""
    record.until.mkdir(parents=True, exist_ok=True)
    (record.until / str(until or "for-good")).write_text(born(until) if until else "")


def endpoint(settings):
    return f"http://127.0.0.1:{settings['port']}"


def already(settings, record):
    """Whether the wanted server answers already; raises when something else has its port."""
    port, wanted = settings["port"], EMULATORS[settings["emulator"]].title
    deadline = time.monotonic() + 5
    while listening(port):
        found = who(port)
        if found == settings["emulator"]:
            running = record.read()
            keys = ("delay", "page", "rules") if found == "localstack" else ()
            other = [f"--{k} {running[k]}" for k in keys if running and running[k] != settings[k]]
            _, bridge = places(record.state.parent, EMULATORS[found])
            if bridge and running and running["bridge"] != bridge.name:
                other.append("another version of the bridge")
            say(f"{wanted} already answers at {endpoint(settings)}" + (f" (with {', '.join(other)})" if other else ""))
            return True
        if found or time.monotonic() > deadline:
            raise Trouble(
                f"port {port} is taken by {EMULATORS[found].title if found else 'another program'}",
                f"stop that program, or choose another port with --port; `ss -ltnp 'sport = :{port}'` shows who it is",
            )
        time.sleep(0.2)
    return False


def fresh(root, settings, record):
    """Everything that has to be there before a server is started."""
    record.state.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(record.until, ignore_errors=True)
    shutil.rmtree(record.state / "root", ignore_errors=True)
    install(root, EMULATORS[settings["emulator"]])


def start(root, settings, record, until):
    waiting = f"waiting for another process that is starting the server of port {settings['port']}"
    with locked(record.gate, waiting):
        if already(settings, record):
            promise(record, until)
            print(endpoint(settings))
            return 0
        fresh(root, settings, record)
        promise(record, until)
        begun = time.monotonic()
        with open(record.log, "w") as log:
            supervisor = subprocess.Popen(
                [sys.executable, str(HERE / "localstack.py"), "supervise", "--home", str(root), json.dumps(settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            while who(settings["port"]) != settings["emulator"]:
                emulator = EMULATORS[settings["emulator"]]
                if supervisor.poll() is not None:
                    raise Trouble(f"{emulator.title} ended while starting\n{record.tail()}", f"see {record.log}")
                if time.monotonic() > begun + 90:
                    raise Trouble(f"{emulator.title} did not answer within 90 s\n{record.tail()}", f"see {record.log}")
                time.sleep(0.1)
        except BaseException:
            supervisor.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                supervisor.wait(15)
            raise
    title = f"{EMULATORS[settings['emulator']].title} {version(EMULATORS[settings['emulator']])}"
    say(f"{title} started in {time.monotonic() - begun:.1f} s; its log is {record.log}")
    print(endpoint(settings))
    return 0


def run(root, settings, record, until):
    with contextlib.ExitStack() as gate:
        gate.enter_context(locked(record.gate))
        if already(settings, record):
            return 0
        fresh(root, settings, record)
        promise(record, until)
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


def status(root, record, port):
    running, found = record.read(), who(port)
    if not found:
        say(f"nothing answers at port {port}" + (" (a server is starting there)" if running else ""))
        return 1
    line = f"{EMULATORS[found].title} answers at http://127.0.0.1:{port}"
    if running:
        line += f", pid {running['pid']}, delay {running['delay']}, page {running['page']}, rules {running['rules']}, log {record.log}"
    print(line if running else f"{line}, not started from {root}")
    return 0


def suitable_python():
    """Go on with a Python of a tested version where this is none."""
    if sys.version_info[:2] in TESTED:
        return
    for major, minor in reversed(TESTED):
        other = shutil.which(f"python{major}.{minor}")
        if other and subprocess.run([other, "-c", "import venv, ensurepip"], capture_output=True).returncode == 0:
            os.execv(other, [other, *sys.argv])
    raise Trouble(
        f"this is Python {sys.version_info[0]}.{sys.version_info[1]} ({sys.executable}), and the emulator runs on 3.11, 3.12 and 3.13",
        "install one of these, so that python3.11, python3.12 or python3.13 is on the PATH; or run LocalStack "
        "elsewhere and give its address with --endpoint-url",
    )


def arguments():
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--port", type=int, default=4566, help="the port at 127.0.0.1 (4566)")
    common.add_argument("--home", help="the folder for everything that is written")
    serving = argparse.ArgumentParser(add_help=False)
    serving.add_argument("--emulator", choices=sorted(EMULATORS), default="localstack")
    serving.add_argument("--delay", type=float, default=0, help="how many seconds creating, modifying, deleting take (0)")
    serving.add_argument("--page", type=int, default=0, help="answer lists in pages of so many, even unasked (0: only if asked)")
    serving.add_argument("--rules", type=int, choices=(0, 1), default=1, help="0: without the rules that moto does not enforce")
    serving.add_argument("--until-pid", type=int, help="end when this process has ended (each start may name another)")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="{start,stop,status,run}")
    commands.add_parser("start", parents=[common, serving], help="start it in the background, once it answers print the endpoint")
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
    settings.update(emulator=asked.emulator, delay=asked.delay, page=asked.page, rules=asked.rules)
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
