"""An instance: a folder in which its real user data runs, and the unit that this leaves, run as systemd would."""

import asyncio
import contextlib
import json
import os
import pathlib
import shlex
import shutil
import sys

from .engines import Engine, settings
from .processes import end, start

HERE = pathlib.Path(__file__).resolve().parent
STANDINS = ("aws", "dnf", "docker", "mount", "mountpoint", "python3", "sleep", "systemctl")
# Where user data writes, and what it calls by its whole path.
ROOTED = ("/etc/stackctl", "/etc/systemd/system", "/usr/local/sbin", "/var/lib/docker")
DOCKER = "/usr/bin/docker"
GRACE = 30  # seconds: what `docker stop -t 30` of the unit leaves an app
HASTE = 3  # seconds: what the twin's end leaves it


class Instance:
    def __init__(self, twin, name, machine, port):
        self.name, self.machine, self.port, self.say = name, machine, port, twin.say
        self.folder = twin.folder / "instances" / name
        self.root, self.log = self.folder / "root", self.folder / "instance.log"
        self.process, self.stopping = None, False
        shutil.rmtree(self.folder, ignore_errors=True)
        for folder in ("bin", "root"):
            (self.folder / folder).mkdir(parents=True)
        for path in ROOTED:
            self.below(path).mkdir(parents=True)
        self.lay_out(twin)
        self.task = asyncio.create_task(self.live())

    def lay_out(self, twin):
        """What its programs have to know, and the programs that stand in for those of Amazon Linux."""
        self.about = {
            "endpoint": twin.endpoint,
            "account": self.machine["account"],
            "region": self.machine["region"],
            "name": self.machine["name"],
            "port": self.port,
            "root": str(self.root),
            "app": str(HERE.parent / "app" / "app.py"),
            "stores": str(twin.stores.file),
            "trust": str(twin.stores.trust),
            "engine": settings(),
            # Unique on this machine, as the port is.
            "container": f"stackctl-{self.machine['name']}-{self.port}",
        }
        self.know()
        for name in STANDINS:
            program = self.folder / "bin" / name
            words = map(shlex.quote, (f"PYTHONPATH={HERE.parent}", sys.executable, "-P", "-m", "twin.standins", name))
            program.write_text(f'#!/bin/sh\nexec env {" ".join(words)} "$@"\n')
            program.chmod(0o755)
        (self.folder / "user-data").write_text(self.here(self.machine["user_data"]))

    def know(self, **more):
        """Writes down what its programs have to know, when that has changed."""
        about = {**self.about, **more}
        if about != self.about or not more:
            self.about = about
            draft = self.folder / "instance.json.new"
            draft.write_text(json.dumps(about))
            draft.replace(self.folder / "instance.json")

    def below(self, path):
        return self.root / path.lstrip("/")

    def here(self, script):
        """A script with its paths below the instance's folder."""
        for path in ROOTED:
            script = script.replace(path, str(self.below(path)))
        return script.replace(DOCKER, str(self.folder / "bin" / "docker"))

    def environment(self):
        folders = [str(self.folder / "bin"), "/usr/local/bin", "/usr/bin", "/bin"]
        return {
            "PATH": os.pathsep.join(folders),
            "HOME": str(self.root),
            "LANG": "C.UTF-8",
            "TWIN_INSTANCE": str(self.folder / "instance.json"),
        }

    async def live(self):
        try:
            await self.perform(["bash", self.folder / "user-data"])
            for unit in self.below("/etc/systemd/system").glob("*.service.enabled"):
                await self.serve(Unit(unit.with_suffix("").read_text()))
        except OSError as error:
            self.say(f"{self.name}: {error}")

    async def perform(self, command):
        """Runs a program to its end, and answers its exit code."""
        self.process = await start(command, log=self.log, env=self.environment(), cwd=self.root)
        return await self.process.wait()

    async def serve(self, unit):
        """Starts the unit's programs, again and again."""
        while not self.stopping:
            for command in unit.before:
                words = shlex.split(command.removeprefix("-"))
                if await self.perform(words) and not command.startswith("-"):
                    break
            else:
                await self.perform(shlex.split(unit.main))
            await asyncio.sleep(unit.pause)

    async def stop(self, grace=GRACE):
        self.stopping = True
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task
        if self.process and self.process.returncode is None:
            await end(self.process, grace)
        engine = self.app().get("engine")
        if engine:
            # Its client may have been killed, and that ends no container.
            await asyncio.to_thread(Engine(engine, self.about["engine"]).ask, "rm", "--force", self.about["container"])

    def app(self):
        """What has become of its image, once something has."""
        with contextlib.suppress(OSError, ValueError):
            return json.loads((self.folder / "app.json").read_text())
        return {}

    def told(self):
        told = {**{k: self.machine[k] for k in ("name", "stack")}, "port": self.port, "log": str(self.log)}
        return told | self.app()


class Unit:
    """As much of a systemd unit as a boot script writes."""

    def __init__(self, text):
        lines = [line.partition("=") for line in text.splitlines() if "=" in line]
        self.before = [value for key, _, value in lines if key == "ExecStartPre"]
        self.main = next(value for key, _, value in lines if key == "ExecStart")
        self.pause = float(next((value for key, _, value in lines if key == "RestartSec"), 0.1))
