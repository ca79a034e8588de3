"""Docker or Podman on this machine: which has an app's image, and how its containers reach what listens on loopback."""

import os
import shutil
import subprocess
import sys

ENGINES = ("docker", "podman")
# What a client goes by: where its engine is, and where its settings are.
SETTINGS = ("CONTAINER", "DOCKER_", "HOME", "PATH", "XDG_")
PATH = os.pathsep.join((os.defpath, "/usr/local/bin", "/opt/homebrew/bin"))
LIMIT = 60  # seconds that a client may take to answer
# By this name a container reaches its machine.
HOST = "host.docker.internal"
# The machine's loopback, seen from a container of a Podman without root's rights.
SLIRP = "10.0.2.2"


def settings():
    """Of this process's environment, what a client of an engine goes by."""
    return {key: value for key, value in os.environ.items() if key.startswith(SETTINGS)}


def engine_with(image, settings):
    """The engine that has this image, and the processor that the image is made for; twice None where none has it."""
    path = os.pathsep.join(filter(None, (settings.get("PATH"), PATH)))
    for name in ENGINES:
        program = shutil.which(name, path=path)
        engine = program and Engine(program, {**settings, "PATH": path})
        made_for = engine and engine.ask("image", "inspect", "--format", "{{.Architecture}}", image)
        if made_for:
            return engine, made_for
    return None, None


class Engine:
    def __init__(self, program, settings):
        self.program, self.settings = program, settings

    @property
    def title(self):
        return os.path.basename(self.program)

    def ask(self, *words):
        """The first line that a command prints; None where it fails."""
        ways = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": LIMIT}
        try:
            done = subprocess.run([self.program, *words], env=self.settings, **ways)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return (done.stdout.strip().splitlines() or [""])[0] if done.returncode == 0 else None

    def network(self):
        """The flags that let a container reach this machine, and the address that it reaches: None is the loopback."""
        in_a_machine_of_its_own = sys.platform != "linux"
        if self.title == "podman":
            if in_a_machine_of_its_own:
                return [f"--add-host={HOST}:host-gateway"], None
            if self.ask("info", "--format", "{{.Host.Security.Rootless}}") == "true":
                return ["--network=slirp4netns:allow_host_loopback=true", f"--add-host={HOST}:{SLIRP}"], None
            gateway = self.ask("network", "inspect", "--format", "{{(index .Subnets 0).Gateway}}", "podman")
        else:
            if in_a_machine_of_its_own or self.ask("info", "--format", "{{.OperatingSystem}}") == "Docker Desktop":
                return [], None
            gateway = self.ask("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", "bridge")
        if not gateway:
            raise SystemExit(f"{self.title} has no network that leads to this machine")
        return [f"--add-host={HOST}:{gateway}"], gateway
