"""Installing: a virtual environment for each set of pinned requirements, and beside it the bridge.

Both stand in folders named after their contents, so that a new version gets new folders and running servers keep theirs.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import time

from . import Trouble, say
from .emulators import HERE, version
from .files import Record, locked

MARK = ".ready"
UNUSED_DAYS = 30
# Seconds to wait before pip is tried again: a package index that fails once mostly answers a moment later.
PAUSES = (2, 10)
UNREACHABLE = ("NewConnectionError", "Temporary failure", "No matching distribution", "ConnectTimeout", "ProxyError")


def fingerprint(*parts):
    """One name for the contents of files and folders, and for words."""
    digest = hashlib.sha256()
    for part in parts:
        if not isinstance(part, pathlib.Path):
            digest.update(part.encode())
            continue
        for file in [part] if part.is_file() else sorted(p for p in part.rglob("*") if p.suffix in (".py", ".toml")):
            digest.update(str(file.relative_to(HERE)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def places(root, emulator):
    """The folders of the virtual environment and of the bridge (None: this emulator has none)."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    venv = fingerprint(*map(HERE.joinpath, emulator.requirements), python, sys.base_prefix)
    bridge = root / f"bridge-{fingerprint(HERE / 'bridge')}" if emulator.bridge else None
    return root / f"venv-{emulator.title.lower()}-{python}-{venv}", bridge


def programs(root):
    """The folder of the twin's servers, which the twin installs when it needs them."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return root / f"programs-{python}-{fingerprint(HERE / 'twin' / 'requirements-stores.txt')}"


def ready(folder):
    """Whether a folder was finished. One without its mark was left half-made, and is made again."""
    return folder is None or (folder / MARK).exists()


def install(root, emulator):
    """Make what is not there yet."""
    venv, bridge = places(root, emulator)
    if not (ready(venv) and ready(bridge)):
        with locked(root / "install.lock", "waiting for another process that is installing"):
            (root / "tmp").mkdir(exist_ok=True)
            if not ready(venv):
                install_venv(root, emulator, venv)
            if not ready(bridge):
                install_bridge(root, venv, bridge)
            shutil.rmtree(root / "tmp", ignore_errors=True)
            forget_old(root)
    for folder in (venv, bridge):
        if folder:
            (folder / MARK).touch()


def install_venv(root, emulator, venv):
    name = f"{emulator.title} {version(emulator)}"
    if not importlib.util.find_spec("ensurepip") or not importlib.util.find_spec("venv"):
        raise Trouble(
            f"this Python ({sys.executable}) cannot make virtual environments",
            "install its venv module; on Debian and Ubuntu: "
            f"apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv",
        )
    begun, log = time.monotonic(), fresh_log(root, venv)
    say(f"installing {name}, about a minute (log: {log})")
    shutil.rmtree(venv, ignore_errors=True)
    checked([sys.executable, "-m", "venv", venv], log, root, "making the virtual environment")
    wanted = [word for file in emulator.requirements for word in ("-r", HERE / file)]
    checked([*pip(venv), *wanted], log, root, f"installing {name}", PAUSES)
    shutil.rmtree(root / "pip-cache", ignore_errors=True)
    (venv / MARK).touch()
    say(f"installed {name} in {time.monotonic() - begun:.0f} s")


def install_bridge(root, venv, bridge):
    log = fresh_log(root, bridge)
    shutil.rmtree(bridge, ignore_errors=True)
    # setuptools builds beside the sources, and these may be read-only.
    copy = root / "tmp" / bridge.name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(HERE / "bridge", copy)
    how = ["--no-deps", "--no-build-isolation", "--target", bridge]
    checked([*pip(venv), *how, copy], log, root, "installing the bridge")
    (bridge / MARK).touch()


def pip(venv):
    quiet = ["--disable-pip-version-check", "--no-input"]
    return [venv / "bin/python", "-m", "pip", *quiet, "install", "--progress-bar", "off"]


def fresh_log(root, folder):
    log = root / f"{folder.name}.log"
    log.unlink(missing_ok=True)
    return log


def checked(command, log, root, what, pauses=()):
    """Run a command with its output in a log file, again after each pause; say what failed in words that help."""
    # The caller's Python and some of pip's settings are about another environment than this one.
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    for key in ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_REQUIRE_HASHES"):
        env.pop(key, None)
    env.update(TMPDIR=str(root / "tmp"), PIP_CACHE_DIR=str(root / "pip-cache"))
    command = [str(word) for word in command]
    for pause in (*pauses, None):
        with open(log, "a") as file:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=env)
        if done.returncode == 0:
            return
        if pause is not None:
            say(f"{what} failed; trying again in {pause} s")
            time.sleep(pause)
    text = log.read_text(errors="replace")
    if any(sign in text for sign in UNREACHABLE):
        raise Trouble(
            f"{what} failed: pip could not fetch a package (log: {log})",
            "check the network and pip's proxy and index settings, then start again; or run LocalStack elsewhere "
            "and give its address with --endpoint-url",
        )
    tail = "\n".join(text.splitlines()[-8:])
    raise Trouble(
        f"{what} failed (log: {log})\n{tail}",
        f"mend what the log says and start again; deleting {root} is always safe",
    )


def forget_old(root):
    """Remove what no start has used for a month: left over from earlier versions."""
    for mark in [*root.glob(f"venv-*/{MARK}"), *root.glob(f"bridge-*/{MARK}")]:
        if time.time() - mark.stat().st_mtime > UNUSED_DAYS * 86400:
            mark.unlink()
            shutil.rmtree(mark.parent, ignore_errors=True)
            (root / f"{mark.parent.name}.log").unlink(missing_ok=True)
    for log in root.glob("state-*/localstack.log"):
        unused = time.time() - log.stat().st_mtime > UNUSED_DAYS * 86400
        if unused and not Record(root, log.parent.name.removeprefix("state-")).read():
            shutil.rmtree(log.parent, ignore_errors=True)
