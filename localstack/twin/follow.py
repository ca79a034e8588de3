"""The loop: what the emulator wants to run is made to run, and what has become of it is told back."""

import asyncio
import contextlib
import json
import os
import time
import urllib.error
import urllib.request

from .balancer import Balancer
from .instances import HASTE, Instance
from .ports import Ports
from .stores import Stores

EVERY = 0.5  # seconds between two looks
LOST = 30  # seconds: an emulator that has been silent for so long is gone
# Below 1024 a port is for root only.
WISHED = 8000


class Twin:
    def __init__(self, settings, folder, say):
        self.endpoint, self.say, self.folder = settings["endpoint"], say, folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)
        self.ports = Ports(folder / "ports.json")
        self.balancer = Balancer(settings["balancer"], folder, say)
        self.stores = Stores(folder / "stores", self.ports, settings, say)
        self.instances, self.leaving, self.urls = {}, set(), {}

    async def run(self, ending):
        """Follows until it is to end."""
        try:
            heard, trouble = time.monotonic(), None
            while not ending.is_set() and time.monotonic() < heard + LOST:
                wanted = await asyncio.to_thread(self.exchange)
                if wanted:
                    heard = time.monotonic()
                    try:
                        await self.become(wanted)
                    except (OSError, KeyError, ValueError) as error:
                        # Tried again at the next look; the same trouble is said once.
                        if repr(error) != trouble:
                            self.say(f"what is wanted could not be made to run: {error!r}")
                        trouble = repr(error)
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(ending.wait(), EVERY)
        finally:
            await self.stop()

    def exchange(self):
        """Tells the emulator what is, and asks what is to be; None where it does not answer."""
        request = urllib.request.Request(f"{self.endpoint}/_twin/exchange", json.dumps(self.told()).encode())
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except (OSError, ValueError):
            return None

    def told(self):
        return {
            **self.balancer.told(),
            "pid": os.getpid(),
            "urls": self.urls,
            "instances": {name: one.told() for name, one in self.instances.items()},
            "stores": self.stores.told(),
        }

    async def become(self, wanted):
        await self.stores.become(wanted["stores"])
        followed = {g["stack"]: g["stickiness"]["cookie"] for g in wanted["groups"].values() if g["stickiness"]}
        self.follow_instances(wanted["instances"], followed)
        listeners = {}
        urls = {}
        for balancer in wanted["balancers"]:
            listeners |= self.listeners(balancer, urls)
        groups = {arn: self.group(group) for arn, group in wanted["groups"].items()}
        await self.balancer.become(listeners, groups)
        if self.balancer.in_force == self.balancer.version:
            self.urls = urls

    def follow_instances(self, wanted, followed):
        """Starts and ends instances; the sample app's cookie has the name that the load balancer follows."""
        for name in [n for n in self.instances if n not in wanted]:
            task = asyncio.create_task(self.leave(name, self.instances.pop(name)))
            self.leaving.add(task)
            task.add_done_callback(self.leaving.discard)
        for name, machine in wanted.items():
            if name not in self.instances:
                port = self.ports.of(name)
                self.instances[name] = Instance(self, name, machine, port)
            self.instances[name].know(cookie=followed.get(machine["stack"]))

    async def leave(self, name, instance):
        await instance.stop()
        self.ports.forget(name)

    def group(self, group):
        here = [name for name in group["targets"] if name in self.instances]
        targets = [{"id": name, "address": f"127.0.0.1:{self.instances[name].port}"} for name in here]
        return {**group, "targets": targets}

    def listeners(self, balancer, urls):
        """A load balancer's listeners by their addresses here, and its URL."""
        here = {}
        for listener in balancer["listeners"]:
            port = listener["port"]
            key = f"{balancer['dns']}:{port}"
            here[port] = self.ports.of(key, WISHED + port if port < 1024 else port)
        secure = [one["port"] for one in balancer["listeners"] if "certificate" in one]
        if here:
            port = secure[0] if secure else min(here)
            urls[balancer["dns"]] = f"{'https' if secure else 'http'}://127.0.0.1:{here[port]}/"
        same = {k: balancer[k] for k in ("idle_timeout", "drop_invalid_headers")}
        return {
            f"127.0.0.1:{here[one['port']]}": {**one, **same, "here": here}
            for one in balancer["listeners"]
        }

    async def stop(self):
        await self.balancer.stop()
        await asyncio.gather(*(one.stop(HASTE) for one in self.instances.values()))
        for task in self.leaving:
            task.cancel()
        await self.stores.stop()
