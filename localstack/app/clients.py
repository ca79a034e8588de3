"""Just enough of a client for each store. Redis and Memcached need nothing but Python; databases need requirements.txt."""

import contextlib
import json
import os
import select
import socket
import ssl
from urllib.parse import urlsplit

TIMEOUT = 5  # seconds for any answer of a store


class Line:
    """A connection, plain or by TLS, that is read line by line."""

    def __init__(self, host, port, tls):
        self.socket = socket.create_connection((host, port), TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = ssl.create_default_context().wrap_socket(self.socket, server_hostname=host)
        self.file = self.socket.makefile("rb")

    def closed_by_peer(self):
        """Nobody speaks unasked, so that what can be read of an idle connection is its end."""
        return bool(select.select([self.socket], [], [], 0)[0])

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        text = self.file.readline()
        if not text.endswith(b"\r\n"):
            raise ConnectionError("the store closed the connection")
        return text[:-2]


class Redis(Line):
    def __init__(self, url):
        at = urlsplit(url)
        super().__init__(at.hostname, at.port or 6379, at.scheme == "rediss")
        if at.password:
            self.call("AUTH", *([at.username] if at.username else []), at.password)

    def call(self, *words):
        parts = [str(w).encode() for w in words]
        self.send(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
        return self.read()

    def read(self):
        head = self.line()
        kind, rest = head[:1], head[1:]
        if kind == b"-":
            raise ConnectionError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        return rest


class Memcached(Line):
    def __init__(self, server, tls):
        host, _, port = server.rpartition(":")
        super().__init__(host, int(port), tls)

    def ask(self, text):
        self.send(text.encode())
        answer = self.line().decode()
        if "ERROR" in answer:
            raise ConnectionError(answer)
        return answer

    def increase(self, key):
        answer = self.ask(f"incr {key} 1\r\n")
        return 0 if answer == "NOT_FOUND" else int(answer)

    def touch(self, key, seconds):
        self.ask(f"touch {key} {seconds}\r\n")

    def set(self, key, value, seconds):
        self.ask(f"set {key} 0 {seconds} {len(value)}\r\n{value}\r\n")


class Database:
    """A connection of a driver after PEP 249."""

    def __init__(self, connection, errors):
        self.connection, self.errors = connection, errors

    def closed_by_peer(self):
        at = getattr(self.connection, "_usock", None) or getattr(self.connection, "_sock", None)
        return at is None or bool(select.select([at], [], [], 0)[0])

    def run(self, *statements):
        """Runs statements, each with its values, as one transaction: how many rows the first has changed, and the rows
        of the last."""
        try:
            cursor, changed = self.connection.cursor(), None
            for text, values in statements:
                cursor.execute(text, values)
                changed = cursor.rowcount if changed is None else changed
            rows = cursor.fetchall() if cursor.description else []
            self.connection.commit()
            return changed, rows
        except self.errors as error:
            with contextlib.suppress(*self.errors):
                self.connection.rollback()
            raise RuntimeError(str(error)) from error


def connect_database(env):
    """The password is asked for at each connection, since AWS rotates it."""
    password = json.loads(secret(env["DATABASE_SECRET_ARN"]))["password"]
    at = {"host": env["DATABASE_HOST"], "port": int(env["DATABASE_PORT"]), "database": env["DATABASE_NAME"]}
    at |= {"user": env["DATABASE_USER"], "password": password}
    # RDS's certificates are signed by authorities of its own: encrypted, as `sslmode=require`, and not verified.
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    # The mode is told in the words of the engine's own client: MySQL's are in capitals.
    if env.get("DATABASE_SSLMODE", "").isupper():
        import pymysql as driver

        more = {"ssl": tls, "connect_timeout": TIMEOUT}
    else:
        import pg8000.dbapi as driver

        more = {"ssl_context": tls, "timeout": TIMEOUT}
    errors = (driver.Error, OSError)
    try:
        return Database(driver.connect(**at, **more), errors)
    except errors as error:
        raise RuntimeError(str(error)) from error


def secret(arn, stage="AWSCURRENT"):
    """The text of a secret's version, by the instance's own role; None where no version is at this stage."""
    import boto3

    region = arn.split(":")[3] or os.environ.get("AWS_REGION")
    client = boto3.client("secretsmanager", region_name=region)
    try:
        return client.get_secret_value(SecretId=arn, VersionStage=stage)["SecretString"]
    except client.exceptions.ResourceNotFoundException:
        return None
