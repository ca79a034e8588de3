"""The address that a store has here: takes connections, by TLS where AWS would, and hands them to the server behind."""

import asyncio
import contextlib
import socket
import ssl

# What PostgreSQL's client sends before TLS: https://www.postgresql.org/docs/current/protocol-message-formats.html
SSL_REQUEST = bytes([0, 0, 0, 8, 4, 210, 22, 47])


# Linux lets an address be listened at before its network is there.
IP_FREEBIND = getattr(socket, "IP_FREEBIND", 15)


class Relay:
    """`starts_plain`: as PostgreSQL does it, TLS begins within the connection. Port 0 is any that is free."""

    def __init__(self, port, pair=None, starts_plain=False, host="127.0.0.1"):
        self.host, self.port, self.starts_plain, self.behind, self.open = host, port, starts_plain, None, set()
        self.tls = None
        if pair:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*pair)

    async def begin(self):
        tls = None if self.starts_plain else self.tls
        if self.host == "127.0.0.1":
            self.server = await asyncio.start_server(self.serve, self.host, self.port, ssl=tls)
        else:
            there = socket.socket()
            there.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
            there.bind((self.host, self.port))
            self.server = await asyncio.start_server(self.serve, sock=there, ssl=tls)
        self.port = self.server.sockets[0].getsockname()[1]

    def lead_to(self, port):
        """Connections go to the server at this port from now on; those to another one are cut, as in a failover."""
        if port != self.behind:
            self.behind = port
            self.cut()

    def cut(self):
        for task in self.open:
            task.cancel()

    async def serve(self, reader, writer):
        task = asyncio.current_task()
        self.open.add(task)
        try:
            if self.starts_plain and self.tls:
                await self.begin_tls(reader, writer)
            there, to = await asyncio.open_connection("127.0.0.1", self.behind)
            ways = [asyncio.create_task(pass_on(*way)) for way in ((reader, to), (there, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                to.close()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open.discard(task)
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    async def begin_tls(self, reader, writer):
        """Only who asks for TLS is let in, as `rds.force_ssl` has it."""
        if await reader.readexactly(len(SSL_REQUEST)) != SSL_REQUEST:
            raise ConnectionError("no TLS")
        writer.write(b"S")
        await writer.drain()
        await writer.start_tls(self.tls)

    async def stop(self):
        self.server.close()
        self.cut()


async def pass_on(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
