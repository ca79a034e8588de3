"""The twin's parts by themselves: what an instance does with its user data, and what stores are reached by."""

import asyncio
import contextlib
import io
import json
import os
import pathlib
import signal
import socket
import sys
import tempfile
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

from twin import addresses, standins, stores  # noqa: E402
from twin.containers import Container  # noqa: E402
from twin.engines import HOST, engine_with  # noqa: E402
from twin.instances import Unit  # noqa: E402
from twin.ports import Ports  # noqa: E402
from twin.relay import SSL_REQUEST, Relay  # noqa: E402

UNIT = """[Service]
Environment=HOME=/root
ExecStartPre=-/bin/rm old
ExecStartPre=/bin/prepare
ExecStart=/bin/run it
RestartSec=5
"""


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.at = pathlib.Path(folder.name)


class UserData(Folder):
    def test_a_unit_is_read_as_systemd_reads_it(self):
        unit = Unit(UNIT)
        self.assertEqual(unit.before, ["-/bin/rm old", "/bin/prepare"])
        self.assertEqual((unit.main, unit.pause), ("/bin/run it", 5))

    def test_a_unit_that_is_enabled_is_marked_and_another_is_not(self):
        units = self.at / "etc/systemd/system"
        units.mkdir(parents=True)
        (units / "app.service").write_text(UNIT)
        about = {"root": str(self.at)}
        for words in (["daemon-reload"], ["enable", "--now", "docker.service"], ["enable", "--now", "app.service"]):
            self.assertEqual(standins.systemctl(about, words), 0)
        self.assertEqual([at.name for at in units.glob("*.enabled")], ["app.service.enabled"])

    def test_what_nothing_stands_in_for_fails_and_is_named(self):
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            self.assertEqual(standins.aws({}, ["s3", "cp", "a", "b"]), 252)
        self.assertIn("aws s3 cp", said.getvalue())


class Addresses(Folder):
    def told(self, stores, told):
        return addresses.with_stores(addresses.stores_of(self.about(stores), told), told)

    def about(self, stores):
        (self.at / "stores.json").write_text(json.dumps({"1/eu-west-1": stores}))
        return {"stores": str(self.at / "stores.json"), "account": "1", "region": "eu-west-1"}

    def test_an_app_is_told_where_its_stores_are_on_this_machine(self):
        stores = {
            "cache.aws:6379": {"kind": "redis", "at": "localhost:1"},
            "db.aws:5432": {"kind": "postgres", "at": "localhost:2"},
        }
        told = {"REDIS_URL": "rediss://cache.aws:6379", "DATABASE_HOST": "db.aws", "DATABASE_PORT": "5432"}
        self.assertIsNone(self.told(stores, told))
        self.assertEqual(told["REDIS_URL"], "rediss://localhost:1")
        self.assertEqual((told["DATABASE_HOST"], told["DATABASE_PORT"]), ("localhost", "2"))

    def test_every_node_of_memcached_has_an_address_of_its_own(self):
        stores = {f"n{i}.aws:11211": {"kind": "memcached", "at": f"localhost:{i}"} for i in (1, 2)}
        told = {"MEMCACHED_SERVERS": "n1.aws:11211,n2.aws:11211"}
        self.told(stores, told)
        self.assertEqual(told["MEMCACHED_SERVERS"], "localhost:1,localhost:2")

    def test_only_the_store_of_sessions_is_missed(self):
        stores = {"n1.aws:11211": {"kind": "memcached", "missing": "no memcached"}}
        for store, missed in (("memcached", "no memcached"), ("database", None)):
            told = {"MEMCACHED_SERVERS": "n1.aws:11211", "SESSION_STORE": store}
            self.assertEqual(self.told(stores, told), missed)


class Failovers(unittest.IsolatedAsyncioTestCase):
    async def test_no_connection_leads_to_a_primary_that_has_become_a_replica(self):
        done = []

        async def tell(port, *words):
            done.append((port, *words))
            return ""

        cache = stores.Redis.__new__(stores.Redis)
        cache.port = {"one": 1, "two": 2}.get
        cache.processes = dict.fromkeys(("one", "two"), mock.Mock(returncode=None))
        cache.relay = mock.Mock(lead_to=lambda port: done.append(("lead to", port)))
        with mock.patch.multiple(stores, tell=tell, offset=mock.AsyncMock(return_value=0)):
            await cache.follow({"nodes": ["one", "two"], "primary": "one"})
            done.clear()
            await cache.follow({"nodes": ["one", "two"], "primary": "two"})
        led, demoted = done.index(("lead to", 2)), done.index((1, "REPLICAOF", "127.0.0.1", 2))
        self.assertLess(done.index((2, "REPLICAOF", "NO", "ONE")), led)
        self.assertLess(led, demoted)


# Says what it was called with, has one image, and its containers end when they are told to.
DOCKER = """#!/bin/sh
echo "$*" >>"$HOME/calls"
case "$1 $2" in
"image inspect") [ "$5" = shop:1 ] && echo arm64 ;;
"info --format") echo Debian ;;
"network inspect") echo 127.0.0.1 ;;
"run --rm") env >"$HOME/environment"; while ! [ -e "$HOME/stopped" ]; do sleep 0.05; done; exit 7 ;;
"stop --time") touch "$HOME/stopped" ;;
esac
"""


class Containers(Folder, unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        super().setUp()
        program = self.at / "docker"
        program.write_text(DOCKER)
        program.chmod(0o755)
        self.settings = {"HOME": str(self.at), "PATH": f"{self.at}:{os.defpath}"}

    def test_an_image_runs_where_an_engine_has_it_and_nowhere_else(self):
        engine, made_for = engine_with("shop:1", self.settings)
        self.assertEqual((engine.program, made_for), (str(self.at / "docker"), "arm64"))
        self.assertEqual(engine_with("shop:2", self.settings), (None, None))

    async def test_a_container_reaches_its_stores_and_its_secrets_are_not_in_the_list_of_processes(self):
        engine, _ = engine_with("shop:1", self.settings)
        store = await asyncio.start_server(lambda _, writer: writer.write(b"hello"), "127.0.0.1", 0)
        self.addCleanup(store.close)
        here = f"localhost:{store.sockets[0].getsockname()[1]}"
        about = {"container": "shop-1", "port": 4711, "trust": "/trust.pem"}
        told = {"REDIS_URL": f"rediss://{here}", "PASSWORD": "hush", "HOME": "/srv"}
        container = Container(engine, about, ("shop:1", "3000", ["serve", "--all"]), told)
        running = asyncio.create_task(container.run([here]))
        while not (self.at / "environment").exists() or "PASSWORD" not in (self.at / "environment").read_text():
            await asyncio.sleep(0.02)
        environment = (self.at / "environment").read_text().splitlines()
        self.assertIn("PASSWORD=hush", environment)
        address = next(line for line in environment if line.startswith("REDIS_URL=")).rpartition("//")[2]
        self.assertEqual(address.partition(":")[0], HOST)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        self.assertEqual(await reader.readexactly(5), b"hello")
        writer.close()
        os.kill(os.getpid(), signal.SIGTERM)
        self.assertEqual(await running, 7)
        call = next(line for line in (self.at / "calls").read_text().splitlines() if line.startswith("run"))
        self.assertIn(" --publish 127.0.0.1:4711:3000 ", call)
        self.assertIn(" --env HOME=/srv ", call)
        self.assertTrue(call.endswith(" shop:1 serve --all"), call)
        self.assertNotIn("hush", call)


class PortsOfThings(Folder):
    def test_a_thing_keeps_its_port_and_nobody_else_gets_it(self):
        file = self.at / "ports.json"
        ports = Ports(file)
        one, two = ports.of("a", 8080), ports.of("b", 8080)
        self.assertNotEqual(one, two)
        self.assertEqual(Ports(file).of("a", 9000), one)

    def test_a_port_that_is_taken_is_passed_over(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.assertNotEqual(Ports(self.at / "ports.json").of("a", port), port)


class Relays(unittest.IsolatedAsyncioTestCase):
    async def echo(self, word):
        async def serve(reader, writer):
            with contextlib.suppress(asyncio.CancelledError):
                while await reader.read(100):
                    writer.write(word)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.addCleanup(server.close)
        return server.sockets[0].getsockname()[1]

    async def relay(self, **how):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        here = os.path.dirname(__file__)
        pair = (os.path.join(here, "certificate.pem"), os.path.join(here, "certificate.key"))
        relay = Relay(port, pair if how else None, **how)
        await relay.begin()
        self.addAsyncCleanup(relay.stop)
        return relay

    async def test_a_failover_cuts_connections_and_new_ones_reach_the_other_server(self):
        relay = await self.relay()
        relay.lead_to(await self.echo(b"one"))
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"?")
        self.assertEqual(await reader.readexactly(3), b"one")
        relay.lead_to(await self.echo(b"two"))
        self.assertEqual(await reader.read(), b"")
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"?")
        self.assertEqual(await reader.readexactly(3), b"two")
        writer.close()

    async def test_a_database_lets_in_only_who_asks_for_tls(self):
        relay = await self.relay(starts_plain=True)
        relay.lead_to(await self.echo(b"one"))
        for asked, answer in ((SSL_REQUEST, b"S"), (bytes(8), b"")):
            reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
            writer.write(asked)
            self.assertEqual(await reader.read(1), answer)
            writer.close()


if __name__ == "__main__":
    unittest.main()
