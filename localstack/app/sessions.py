"""Where sessions are: in memory, Redis or Valkey, Memcached, a database, DynamoDB, or in the cookie itself."""

import base64
import contextlib
import hashlib
import hmac
import json
import queue
import re
import secrets
import threading
import time

from clients import TIMEOUT, Memcached, Redis, connect_database, secret

ID = re.compile(r"[0-9a-f]{32}")


class Unavailable(Exception):
    """The store does not answer; whoever asked may try again."""


class Pool:
    """Connections that one request after another uses. One that has failed is not used again."""

    def __init__(self, connect, failures, limit=8):
        self.connect, self.failures = connect, failures
        self.idle, self.slots = queue.LifoQueue(), threading.Semaphore(limit)

    @contextlib.contextmanager
    def one(self):
        with self.slots:
            try:
                with contextlib.suppress(queue.Empty):
                    connection = self.idle.get_nowait()
                    if not stale(connection):
                        yield connection
                        self.idle.put(connection)
                        return
                connection = self.connect()
                yield connection
            except self.failures as error:
                raise Unavailable(f"the session store does not answer: {error}") from error
            self.idle.put(connection)


def stale(connection):
    """Whether a connection that was idle has been closed by the other side."""
    return getattr(connection, "closed_by_peer", lambda: False)()


class Kept:
    """A store that is a table from session to visits. Subclasses say how one visit is counted: `count(sid) -> visits`,
    0 where there is no such session, which is made by `make(sid)`."""

    def visit(self, sent, new_id):
        try:
            return self.once(sent, new_id)
        except Unavailable:
            # A store that has failed over cuts its connections; on a new one it answers.
            return self.once(sent, new_id)

    def once(self, sent, new_id):
        if sent and ID.fullmatch(sent):
            visits = self.count(sent)
            if visits:
                return sent, visits, sent
        sid = new_id()
        self.make(sid)
        return sid, 1, sid


class Memory(Kept):
    name = "memory"

    def __init__(self, seconds):
        self.seconds, self.known, self.lock = seconds, {}, threading.Lock()

    def count(self, sid):
        with self.lock:
            visits, until = self.known.get(sid, (0, 0))
            if until < time.monotonic():
                return 0
            self.known[sid] = (visits + 1, time.monotonic() + self.seconds)
            return visits + 1

    def make(self, sid):
        with self.lock:
            now = time.monotonic()
            if len(self.known) % 1000 == 999:
                self.known = {k: v for k, v in self.known.items() if v[1] >= now}
            self.known[sid] = (1, now + self.seconds)


class InRedis(Kept):
    name = "redis"

    def __init__(self, url, seconds):
        self.seconds, self.pool = seconds, Pool(lambda: Redis(url), OSError)

    def count(self, sid):
        with self.pool.one() as redis:
            # Only what is there is counted: a session that was evicted is gone.
            if not redis.call("EXPIRE", f"session:{sid}", self.seconds):
                return 0
            return redis.call("INCR", f"session:{sid}")

    def make(self, sid):
        with self.pool.one() as redis:
            redis.call("SET", f"session:{sid}", 1, "EX", self.seconds)


class InMemcached(Kept):
    name = "memcached"

    def __init__(self, servers, tls, seconds):
        self.seconds = seconds
        self.pools = [Pool(lambda s=s: Memcached(s, tls), OSError) for s in sorted(servers.split(","))]

    def node(self, sid):
        """Each session is on one node, the same for every instance, and stays there when others come or go."""
        weight = [hashlib.sha1(f"{n} {sid}".encode()).digest() for n in range(len(self.pools))]
        return self.pools[weight.index(max(weight))].one()

    def count(self, sid):
        with self.node(sid) as memcached:
            visits = memcached.increase(f"session:{sid}")
            if visits:
                memcached.touch(f"session:{sid}", self.seconds)
            return visits

    def make(self, sid):
        with self.node(sid) as memcached:
            memcached.set(f"session:{sid}", "1", self.seconds)


class InDatabase(Kept):
    name = "database"
    TABLE = (
        "CREATE TABLE IF NOT EXISTS sessions "
        "(id VARCHAR(64) PRIMARY KEY, visits INTEGER NOT NULL, expires BIGINT NOT NULL)"
    )
    COUNT = "UPDATE sessions SET visits = visits + 1, expires = %s WHERE id = %s AND expires >= %s"
    MAKE = "INSERT INTO sessions (id, visits, expires) VALUES (%s, 1, %s)"

    def __init__(self, env, seconds):
        self.env, self.seconds, self.ready = env, seconds, False
        self.pool = Pool(self.connect, (OSError, RuntimeError))

    def connect(self):
        connection = connect_database(self.env)
        if not self.ready:
            # Two instances may make the table at once; the second is then told that it is there.
            with contextlib.suppress(RuntimeError):
                connection.run((self.TABLE, ()))
            self.ready = True
        return connection

    def count(self, sid):
        now = int(time.time())
        with self.pool.one() as db:
            # One transaction: the row is locked from the first statement on.
            changed, rows = db.run(
                (self.COUNT, (now + self.seconds, sid, now)),
                ("SELECT visits FROM sessions WHERE id = %s", (sid,)),
            )
            return rows[0][0] if changed else 0

    def make(self, sid):
        with self.pool.one() as db:
            db.run((self.MAKE, (sid, int(time.time()) + self.seconds)))


class InDynamoDb(Kept):
    name = "dynamodb"

    def __init__(self, table, region, seconds):
        import boto3
        import botocore.exceptions

        self.name_of_table, self.seconds = table, seconds
        self.failures = botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        # Unlike a resource of boto3, a client may be used by many threads.
        config = boto3.session.Config(max_pool_connections=50, connect_timeout=TIMEOUT, read_timeout=TIMEOUT)
        self.client = boto3.client("dynamodb", region_name=region, config=config)

    def visit(self, sent, new_id):
        # The SDK itself asks again, and a request that was counted is not counted again.
        return self.once(sent, new_id)

    def update(self, sid, condition, values):
        request = secrets.token_hex(8)
        key = {"TableName": self.name_of_table, "Key": {"id": {"S": sid}}}
        try:
            done = self.client.update_item(
                **key,
                UpdateExpression="SET expires = :until, counted_by = :request ADD visits :one",
                # An ADD whose answer was lost would count twice when it is asked again.
                ConditionExpression=f"{condition} AND (attribute_not_exists(counted_by) OR counted_by <> :request)",
                ExpressionAttributeValues={
                    ":until": self.number(self.seconds),
                    ":one": {"N": "1"},
                    ":request": {"S": request},
                    **values,
                },
                ReturnValues="UPDATED_NEW",
            )
            return int(done["Attributes"]["visits"]["N"])
        except self.failures as error:
            if "ConditionalCheckFailedException" not in str(error):
                raise Unavailable(f"DynamoDB: {error}") from error
        return self.counted(key, request)

    def counted(self, key, request):
        """The visits as this request has left them; 0 where it has counted nothing."""
        try:
            item = self.client.get_item(**key, ConsistentRead=True).get("Item", {})
        except self.failures as error:
            raise Unavailable(f"DynamoDB: {error}") from error
        return int(item["visits"]["N"]) if item.get("counted_by") == {"S": request} else 0

    @staticmethod
    def number(seconds):
        """The time in so many seconds, as DynamoDB takes it."""
        return {"N": str(int(time.time()) + seconds)}

    def count(self, sid):
        # What has expired may still be there for days.
        return self.update(sid, "expires >= :now", {":now": self.number(0)})

    def make(self, sid):
        self.update(sid, "attribute_not_exists(id)", {})


class Token:
    """The session is in the cookie, signed, so that every server that has a key can read it. Of several keys the first
    signs, and all of them are good."""

    name = "token"

    def __init__(self, keys, seconds):
        self.keys, self.seconds = [k.encode() for k in keys if k], seconds
        if not self.keys:
            raise SystemExit("sessions in tokens need a key: set SESSION_KEY or SESSION_KEY_SECRET_ARN")

    def sign(self, text, key):
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def visit(self, sent, new_id):
        sid, visits = self.read(sent or "") or (new_id(), 0)
        claims = json.dumps({"sid": sid, "visits": visits + 1, "exp": int(time.time()) + self.seconds})
        text = base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=")
        return sid, visits + 1, f"{text}.{self.sign(text, self.keys[0])}"

    def read(self, sent):
        text, _, signature = sent.partition(".")
        if not any(hmac.compare_digest(self.sign(text, k), signature) for k in self.keys):
            return None
        claims = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return (claims["sid"], claims["visits"]) if claims["exp"] >= time.time() else None


def session_keys(env):
    """The keys that sign tokens: given, by commas, or those of a secret at the stages that `stackctl rotate-key` takes
    them through. One that is pending is known before it signs, and one that has signed stays good."""
    if given := env.get("SESSION_KEY"):
        return given.split(",")
    arn = env.get("SESSION_KEY_SECRET_ARN")
    return [secret(arn, stage) for stage in ("AWSCURRENT", "AWSPENDING", "AWSPREVIOUS")] if arn else []


def store(env, seconds):
    """The store that SESSION_STORE names."""
    name = env.get("SESSION_STORE") or "memory"
    if name in ("memory", "none"):
        return Memory(seconds)
    if name == "redis":
        return InRedis(env["REDIS_URL"], seconds)
    if name == "memcached":
        return InMemcached(env["MEMCACHED_SERVERS"], env.get("MEMCACHED_TLS") == "1", seconds)
    if name == "database":
        return InDatabase(env, seconds)
    if name == "dynamodb":
        return InDynamoDb(env["SESSION_TABLE"], env.get("AWS_REGION"), seconds)
    if name == "token":
        return Token(session_keys(env), seconds)
    raise SystemExit(f"SESSION_STORE is {name}: not one of memory, redis, memcached, database, dynamodb, token, none")
