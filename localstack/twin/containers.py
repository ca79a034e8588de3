"""The app's own image in a container, with the environment that its instance was given."""

import asyncio
import signal

from .addresses import move
from .engines import HOST
from .instances import GRACE
from .relay import Relay

TRUST = "/etc/stackctl-trust.pem"


class Container:
    """`app` is the image, the port that it listens on, and the command in place of its own."""

    def __init__(self, engine, about, app, environment):
        self.engine, self.about, self.environment = engine, about, environment
        self.image, self.port, self.command = app

    async def run(self, reached):
        """Runs it until it ends or is told to, and answers its exit code. It reaches these addresses of the loopback."""
        network, gateway = self.engine.network()
        for here in reached:
            move(self.environment, here, f"{HOST}:{await self.lead_to(int(here.rpartition(':')[2]), gateway)}")
        self.environment |= {"SSL_CERT_FILE": TRUST, "NODE_EXTRA_CA_CERTS": TRUST}
        name = self.about["container"]
        flags = ["--rm", "--name", name, *network]
        flags += ["--publish", f"127.0.0.1:{self.about['port']}:{self.port}"]
        flags += ["--volume", f"{self.about['trust']}:{TRUST}:ro"]
        self.engine.ask("rm", "--force", name)
        words = [self.engine.program, "run", *flags, *self.told(), self.image, *self.command]
        client = await asyncio.create_subprocess_exec(*words, env={**self.environment, **self.engine.settings})
        stopping = asyncio.create_task(self.stop_when_told(name))
        code = await client.wait()
        stopping.cancel()
        return code

    async def lead_to(self, port, gateway):
        """The port at which the container reaches this one. Each has its own: who ends takes nobody's connections along."""
        if not gateway:
            return port
        relay = Relay(0, host=gateway)
        relay.lead_to(port)
        await relay.begin()
        return relay.port

    def told(self):
        """Values by the client's environment, which nobody else sees; but what the client itself goes by is as it is."""
        for key, value in self.environment.items():
            yield from ("--env", f"{key}={value}" if key in self.engine.settings else key)

    async def stop_when_told(self, name):
        told, loop = asyncio.Event(), asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(sign, told.set)
        await told.wait()
        await asyncio.to_thread(self.engine.ask, "stop", "--time", str(GRACE), name)
