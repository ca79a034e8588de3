"""The twin's parts by themselves: what an instance does with its user data, and what stores are reached by."""

import asyncio
import contextlib
import io
import json
import os
import pathlib
import socket
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

from twin import standins  # noqa: E402
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
    def about(self, stores):
        (self.at / "stores.json").write_text(json.dumps({"1/eu-west-1": stores}))
        return {"stores": str(self.at / "stores.json"), "account": "1", "region": "eu-west-1"}

    def test_an_app_is_told_where_its_stores_are_on_this_machine(self):
        stores = {
            "cache.aws:6379": {"kind": "redis", "at": "localhost:1"},
            "db.aws:5432": {"kind": "postgres", "at": "localhost:2"},
        }
        told = {"REDIS_URL": "rediss://cache.aws:6379", "DATABASE_HOST": "db.aws", "DATABASE_PORT": "5432"}
        self.assertIsNone(standins.with_stores(self.about(stores), told))
        self.assertEqual(told["REDIS_URL"], "rediss://localhost:1")
        self.assertEqual((told["DATABASE_HOST"], told["DATABASE_PORT"]), ("localhost", "2"))

    def test_every_node_of_memcached_has_an_address_of_its_own(self):
        stores = {f"n{i}.aws:11211": {"kind": "memcached", "at": f"localhost:{i}"} for i in (1, 2)}
        told = {"MEMCACHED_SERVERS": "n1.aws:11211,n2.aws:11211"}
        standins.with_stores(self.about(stores), told)
        self.assertEqual(told["MEMCACHED_SERVERS"], "localhost:1,localhost:2")

    def test_only_the_store_of_sessions_is_missed(self):
        about = self.about({"n1.aws:11211": {"kind": "memcached", "missing": "no memcached"}})
        for store, missed in (("memcached", "no memcached"), ("database", None)):
            told = {"MEMCACHED_SERVERS": "n1.aws:11211", "SESSION_STORE": store}
            self.assertEqual(standins.with_stores(about, told), missed)


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
