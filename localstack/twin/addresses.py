"""Where the stores of an app's environment are on this machine."""

import json
import pathlib
import time

STORES_LIMIT = 120  # seconds that a store may take to start


def addresses(environment):
    """The addresses of stores in an app's environment."""
    found = environment.get("MEMCACHED_SERVERS", "").split(",")
    found.append(environment.get("REDIS_URL", "").rpartition("//")[2].rpartition("@")[2])
    if "DATABASE_HOST" in environment:
        found.append(f"{environment['DATABASE_HOST']}:{environment['DATABASE_PORT']}")
    return [name for name in found if name]


def stores_of(about, environment):
    """What the stores of an app's environment are on this machine, once all of them have started, by their addresses."""
    wanted, until = addresses(environment), time.monotonic() + STORES_LIMIT
    while True:
        known = json.loads(pathlib.Path(about["stores"]).read_text())
        known = known.get(f"{about['account']}/{about['region']}", {})
        if all(name in known for name in wanted):
            return {name: known[name] for name in wanted}
        if time.monotonic() > until:
            raise SystemExit(f"a store has not started: {', '.join(n for n in wanted if n not in known)}")
        time.sleep(0.2)


def with_stores(stores, environment):
    """Puts in the addresses that stores have on this machine; answers why the session's store is not there, if so."""
    sessions, why = environment.get("SESSION_STORE"), None
    for name, here in stores.items():
        if "missing" in here:
            kinds = {"redis": "redis", "memcached": "memcached", "database": ("postgres", "mysql")}
            why = here["missing"] if here["kind"] in kinds.get(sessions, ()) else why
            continue
        move(environment, name, here["at"])
    return why


def move(environment, old, new):
    """Puts another address in the place of one that an app was told."""
    for key, value in environment.items():
        environment[key] = value.replace(old, new)
    if f"{environment.get('DATABASE_HOST')}:{environment.get('DATABASE_PORT')}" == old:
        environment["DATABASE_HOST"], _, environment["DATABASE_PORT"] = new.partition(":")
