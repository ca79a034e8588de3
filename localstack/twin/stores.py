"""Caches and databases: real servers on loopback, as the emulator wants them, and the addresses that they have here."""

import asyncio
import json
import os
import pathlib
import shutil
import tempfile
import time

from .processes import end, start
from .programs import Missing, Programs
from .relay import Relay

LIMIT = 60  # seconds that a server may take to start
PATIENCE = 10  # seconds that it may take to end
CATCH_UP = 2  # seconds that a new primary may take


class Stores:
    def __init__(self, folder, ports, settings, say):
        # It wants a package that the emulator's own Python has, and whoever tests the rest may not.
        from .certificates import Authority

        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.ports, self.say = folder, ports, say
        self.programs = Programs(pathlib.Path(settings["programs"]), say)
        self.authority = Authority(folder)
        self.trust, self.file = self.authority.trust, folder / "stores.json"
        self.running, self.starting, self.ending, self.written = {}, {}, set(), None
        self.write()

    async def become(self, wanted):
        """Starts and ends servers. Nothing waits for them but the apps that want them."""
        wanted = {store["id"]: store for store in wanted}
        for name in [n for n in [*self.running, *self.starting] if n not in wanted]:
            task = asyncio.create_task(self.leave(name))
            self.ending.add(task)
            task.add_done_callback(self.ending.discard)
        for name, store in wanted.items():
            if name in self.running:
                await self.running[name].follow(store)
            elif name not in self.starting:
                self.starting[name] = asyncio.create_task(self.begin(name, store))
        self.write()

    async def begin(self, name, store):
        server = KINDS[store["kind"]](self, name, store)
        try:
            await server.begin()
            self.say(f"{name} is {server.title} at {server.at()}")
        except (Missing, OSError) as error:
            await server.stop()
            server = Absent(store, str(error))
            self.say(f"{name}: {error}")
        self.running[name] = server
        self.starting.pop(name, None)
        self.write()

    async def leave(self, name):
        if name in self.starting:
            await asyncio.wait([self.starting[name]])
        server = self.running.pop(name, None)
        if server:
            await server.stop()
            self.ports.forget(name)

    def write(self):
        """Where the stores are, for those who start apps: by account and region, and by what they are called on AWS."""
        here = {}
        for name, server in self.running.items():
            there = here.setdefault(name.rpartition("/")[0], {})
            there |= dict.fromkeys(server.store["names"], server.where())
        if here != self.written:
            draft = self.file.with_suffix(".new")
            draft.write_text(json.dumps(here))
            draft.replace(self.file)
            self.written = here

    def told(self):
        return [
            {"id": name, "stack": server.store["stack"], **server.where()} for name, server in self.running.items()
        ]

    async def stop(self):
        for task in self.starting.values():
            task.cancel()
        await asyncio.gather(*(server.stop() for server in self.running.values()), *self.ending)


class Absent:
    """A store whose server is not on this machine."""

    def __init__(self, store, why):
        self.store, self.why = store, why

    async def follow(self, store):
        self.store = store

    def where(self):
        return {"kind": self.store["kind"], "missing": self.why}

    async def stop(self):
        pass


class Server:
    """A store with one server behind its address."""

    starts_plain = False

    def __init__(self, stores, name, store):
        self.stores, self.store, self.name = stores, store, name
        self.short = name.rpartition("/")[2]
        self.folder = stores.folder / name.replace("/", "-")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.processes, self.launched = {}, {}
        pair = stores.authority.issue(self.folder / "address") if store["tls"] else None
        self.relay = Relay(stores.ports.of(name), pair, self.starts_plain)

    async def begin(self):
        """Starts it, and answers once it takes connections."""
        await self.start()
        await self.relay.begin()

    async def launch(self, key, command, port, **ways):
        log = self.folder / f"{self.short}.log"
        self.launched[key] = (command, port, ways)
        ways = {"cwd": self.folder, "env": self.stores.programs.libraries(), **ways}
        self.processes[key] = await start(command, log=log, **ways)
        await answers(port, self.processes[key], log)

    def at(self):
        return f"localhost:{self.relay.port}"

    def where(self):
        return {"kind": self.store["kind"], "at": self.at(), "title": self.title}

    async def follow(self, store):
        rebooted, self.store = store.get("boots") != self.store.get("boots"), store
        if rebooted:
            await self.reboot()

    async def reboot(self):
        """Ends its server and starts it anew, with the data that it had."""
        self.relay.cut()
        for key, (command, port, ways) in self.launched.items():
            await end(self.processes[key], PATIENCE)
            await self.launch(key, command, port, **ways)

    async def stop(self):
        if hasattr(self.relay, "server"):
            await self.relay.stop()
        await asyncio.gather(*(end(process, PATIENCE) for process in self.processes.values()))
        shutil.rmtree(self.folder, ignore_errors=True)


async def answers(port, process, log):
    """Waits until something takes connections at the port."""
    for _ in range(LIMIT * 20):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        except OSError:
            if process.returncode is not None:
                said = log.read_text(errors="replace").strip().splitlines()[-1:]
                raise OSError(f"its server ended at once: {' '.join(said)}") from None
            await asyncio.sleep(0.05)
    raise OSError(f"its server did not answer within {LIMIT} s")


class Redis(Server):
    """A replication group: a server for each node, and the address leads to the primary."""

    title, roles = "redis", None

    async def start(self):
        find = self.stores.programs.find
        self.program = await find("valkey-server", "redis-server", package="redis-server", packed=True)
        self.title = os.path.basename(self.program)
        for node in self.store["nodes"]:
            await self.add(node)
        await self.follow(self.store)

    async def add(self, node):
        port = self.port(node)
        quiet = ["--save", "", "--appendonly", "no", "--daemonize", "no"]
        command = [self.program, "--bind", "127.0.0.1", "--port", port, *quiet]
        await self.launch(node, command, port)

    def port(self, node):
        return self.stores.ports.of(f"{self.name}/{node}")

    async def follow(self, store):
        self.store, primary = store, store["primary"]
        for node in [n for n in self.processes if n not in store["nodes"]]:
            await end(self.processes.pop(node), PATIENCE)
        for node in store["nodes"]:
            if node not in self.processes or self.processes[node].returncode is not None:
                await self.add(node)
                self.roles = None
        roles = (primary, tuple(store["nodes"]))
        if roles != self.roles:
            if self.roles and self.roles[0] in store["nodes"]:
                await self.fail_over(self.roles[0], primary)
            await tell(self.port(primary), "REPLICAOF", "NO", "ONE")
            # Before the old primary is a replica: then it would refuse the writes that still come to it.
            self.relay.lead_to(self.port(primary))
            for node in store["nodes"]:
                if node != primary:
                    await tell(self.port(node), "REPLICAOF", "127.0.0.1", self.port(primary))
            self.roles = roles

    async def fail_over(self, old, new):
        """Lets the new primary catch up while the old one takes no writes: nothing that was answered is lost."""
        if old == new:
            return
        await tell(self.port(old), "CLIENT", "PAUSE", int(CATCH_UP * 1000), "WRITE")
        until = time.monotonic() + CATCH_UP
        while time.monotonic() < until and await offset(self.port(new)) < await offset(self.port(old)):
            await asyncio.sleep(0.01)


async def tell(port, *words):
    """Sends one command to a Redis server, and answers what it says."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    parts = [str(word).encode() for word in words]
    writer.write(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
    head = await reader.readline()
    said = await reader.readexactly(int(head[1:])) if head.startswith(b"$") else head
    writer.close()
    return said.decode()


async def offset(port):
    """How far a Redis server has come in what is replicated."""
    lines = (line.partition(":") for line in (await tell(port, "INFO", "replication")).splitlines())
    known = {name: value for name, _, value in lines}
    return int(known.get("slave_repl_offset") or known.get("master_repl_offset") or 0)


class Memcached(Server):
    title = "memcached"

    async def start(self):
        program = await self.stores.programs.find("memcached", package="memcached")
        port = self.stores.ports.of(f"{self.name}/server")
        as_root = ["-u", "nobody"] if os.geteuid() == 0 else []
        await self.launch("server", [program, "-l", "127.0.0.1", "-p", port, "-U", "0", *as_root], port)
        self.relay.lead_to(port)


class Database(Server):
    """Servers that refuse to be root run as nobody then, in a folder that nobody can reach."""

    def ways(self):
        return {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}

    def prepare(self):
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="stackctl-twin-"))
        if self.ways():
            shutil.chown(self.data, **self.ways())

    async def once(self, command, **more):
        log = self.folder / f"{self.short}.log"
        ways = {"cwd": self.data, "env": self.stores.programs.libraries(), **self.ways(), **more}
        process = await start(command, log=log, **ways)
        if await process.wait():
            raise OSError(f"it could not be prepared: {' '.join(log.read_text(errors='replace').splitlines()[-2:])}")

    def secret(self, name, text):
        """A file that only its server can read."""
        file = self.data / name
        file.write_text(text)
        file.chmod(0o600)
        if self.ways():
            shutil.chown(file, **self.ways())
        return file

    async def stop(self):
        await super().stop()
        if hasattr(self, "data"):
            shutil.rmtree(self.data, ignore_errors=True)


class Postgres(Database):
    title, starts_plain = "postgres", True

    async def start(self):
        initdb = await self.stores.programs.find("initdb", package="postgresql", packed=True)
        self.prepare()
        bin = self.reachable(pathlib.Path(initdb).resolve().parent)
        user, data = self.store["user"], self.data / "data"
        password = self.secret("password", self.store["password"])
        how = ["-U", user, "--pwfile", password, "-A", "scram-sha-256", "-N", "--locale=C.UTF-8", "-E", "UTF8"]
        await self.once([bin / "initdb", "-D", data, *how])
        password.unlink()
        port = self.stores.ports.of(f"{self.name}/server")
        if self.store["database"]:
            # Before it takes connections; a name from AWS has letters, digits and underscores only.
            await self.once(["sh", "-c", 'echo "CREATE DATABASE \\"$1\\"" | "$0" --single -D "$2" postgres',
                             bin / "postgres", self.store["database"], data])
        fast = ["-c", "fsync=off", "-c", "max_connections=200"]
        command = [bin / "postgres", "-D", data, "-p", port, "-h", "127.0.0.1", "-k", "", *fast]
        await self.launch("server", command, port, cwd=self.data, **self.ways())
        self.relay.lead_to(port)

    def reachable(self, bin):
        """The programs where the server's user gets at them."""
        if not self.ways() or all(at.stat().st_mode & 0o001 for at in bin.parents):
            return bin
        whole = self.data / "programs"
        shutil.copytree(bin.parents[2], whole, symlinks=True)
        for at in (self.data, *whole.rglob("*")):
            at.chmod(at.stat().st_mode | 0o055)
        return whole / bin.relative_to(bin.parents[2])


class MySql(Database):
    title = "mariadb"

    def ways(self):
        return {}

    async def start(self):
        program = await self.stores.programs.find("mariadbd", package="mariadb-server-core")
        self.prepare()
        base = pathlib.Path(program).resolve().parents[1]
        share = next((at for at in (base / "share/mysql", base / "share/mariadb") if at.exists()), None)
        if not share:
            raise Missing(f"{program} has no system tables beside it: install mariadb-server-core")
        data, port = self.data / "data", self.stores.ports.of(f"{self.name}/server")
        data.mkdir()
        command = [program, "--no-defaults", f"--basedir={base}", f"--lc-messages-dir={share}", f"--datadir={data}"]
        # It refuses root's rights unless they are asked for.
        command += ["--user=root"] if os.geteuid() == 0 else []
        # A statement to a line: this is how its bootstrap reads.
        tables = ["CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n"]
        tables += [(share / f"mysql_{name}.sql").read_text() for name in ("system_tables", "system_tables_data")]
        with open(self.secret("tables.sql", "".join(tables))) as script:
            await self.once([*command, "--bootstrap"], stdin=script)
        quoted = self.store["password"].replace("\\", "\\\\").replace("'", "''")
        make = f"CREATE DATABASE IF NOT EXISTS `{self.store['database']}`;\n" if self.store["database"] else ""
        who = f"'{self.store['user']}'@'%'"
        make += f"CREATE USER IF NOT EXISTS {who} IDENTIFIED BY '{quoted}';\n"
        make += f"GRANT ALL ON *.* TO {who} WITH GRANT OPTION;\n"
        # Its TLS begins within its own handshake, so that the server does it itself.
        chain, key = self.stores.authority.issue(self.folder / "server")
        tls = [f"--ssl-cert={self.secret('chain.pem', chain.read_text())}"]
        tls += [f"--ssl-key={self.secret('key.pem', key.read_text())}", "--require-secure-transport=ON"]
        command += [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={self.data}/socket", *tls]
        await self.launch("server", [*command, f"--init-file={self.secret('init.sql', make)}"], port, cwd=self.data)
        self.relay.tls = None
        self.relay.lead_to(port)


KINDS = {"redis": Redis, "memcached": Memcached, "postgres": Postgres, "mysql": MySql}
