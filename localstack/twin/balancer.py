"""The load balancer's process: told the whole wanted state on stdin, it tells health, drained targets and counts."""

import asyncio
import json
import secrets

from .processes import end, start


class Balancer:
    def __init__(self, program, folder, say):
        self.program, self.folder, self.say = program, folder, say
        self.process, self.wanted, self.version, self.in_force = None, None, 0, 0
        self.health, self.drained, self.requests = {}, [], {}
        secret = folder / "cookies.secret"
        if not secret.exists():
            secret.write_text(secrets.token_hex(32))
            secret.chmod(0o600)
        # Kept, so that cookies go on binding when the twin has been started anew.
        self.secret = secret.read_text()

    async def become(self, listeners, groups):
        """Makes this what is served."""
        if self.process is None or self.process.returncode is not None:
            await self.begin()
        wanted = {"secret": self.secret, "listeners": listeners, "groups": groups}
        if wanted == self.wanted:
            return
        self.forget_others(groups)
        self.version += 1
        self.process.stdin.write(json.dumps({**wanted, "version": self.version}).encode() + b"\n")
        await self.process.stdin.drain()
        self.wanted = wanted

    async def begin(self):
        pipe = asyncio.subprocess.PIPE
        log = self.folder / "balancer.log"
        self.process = await start([self.program, "localstack", "balancer"], log=log, stdin=pipe, stdout=pipe, limit=1 << 20)
        self.wanted, self.health = None, {}
        self.listening = asyncio.create_task(self.listen(self.process))

    async def listen(self, process):
        async for line in process.stdout:
            said = json.loads(line)
            if "target" in said:
                self.hear(said)
            elif "requests" in said:
                self.requests = said["requests"]
            elif "ready" in said:
                self.in_force = said["ready"]
            else:
                self.say(f"the load balancer: {said.get('error')}")

    def hear(self, said):
        group, target, state = said["group"], said["target"], said["state"]
        if state == "drained":
            self.drained.append([group, target])
            return
        groups = (self.wanted or {}).get("groups", {})
        known = any(t["id"] == target for t in groups.get(group, {}).get("targets", []))
        if known:
            self.health.setdefault(group, {})[target] = [state, said["why"]]
            self.say(f"{target} is {state}" + (f": {said['why']}" if said["why"] else ""))

    def forget_others(self, groups):
        """The health of targets that are no more, or are anew."""
        before = (self.wanted or {}).get("groups", {})
        for group in list(self.health):
            now = {t["id"]: t for t in groups.get(group, {}).get("targets", [])}
            was = {t["id"]: t for t in before.get(group, {}).get("targets", [])}
            same = {name for name, target in now.items() if was.get(name) == target}
            self.health[group] = {name: h for name, h in self.health[group].items() if name in same}

    def told(self):
        """What is to be told to the emulator; drained targets once."""
        drained, self.drained = self.drained, []
        return {"health": self.health, "drained": drained, "requests": self.requests}

    async def stop(self):
        if self.process and self.process.returncode is None:
            await end(self.process, 5)
