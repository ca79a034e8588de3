"""The first calls of a service, which come while it is being loaded."""

import subprocess
import unittest

from .support import HERE, Server

from starter.emulators import LocalStack  # noqa: E402  (support has set the path)
from starter.files import home  # noqa: E402
from starter.install import places  # noqa: E402

# In a Python of its own: here `localstack` is the script.
SECOND_CALL_WHILE_LOADING = """
import sys, threading
from types import SimpleNamespace

sys.path.insert(0, sys.argv[1])
from localstack.aws.handlers.service_plugin import ServiceLoader
from localstack.services.plugins import Service
from tier_bridge.server import load_services_whole

entering, go_on, entered, found = threading.Event(), threading.Event(), [], []

def add_skeleton(skeleton):
    entering.set()
    go_on.wait(20)
    entered.append(skeleton)

load_services_whole()
manager = SimpleNamespace(exists=lambda name: True, require=lambda name: Service(name, skeleton=object()))
loader = ServiceLoader(manager, SimpleNamespace(add_skeleton=add_skeleton))
context = SimpleNamespace(service=SimpleNamespace(service_name="ec2"))

def call():
    loader(None, context, None)
    found.append(len(entered))

threads = [threading.Thread(target=call) for _ in range(2)]
threads[0].start()
assert entering.wait(20)
threads[1].start()
threads[1].join(0.5)
go_on.set()
for thread in threads:
    thread.join(20)
print(found)
"""


class Loading(unittest.TestCase):
    def test_a_call_that_comes_while_its_service_is_being_loaded_waits_for_it(self):
        Server.client("sts", "000000000000")  # It is installed then.
        venv, _ = places(home(), LocalStack)
        words = [venv / "bin" / "python", "-P", "-c", SECOND_CALL_WHILE_LOADING, HERE / "bridge"]
        done = subprocess.run(words, capture_output=True, text=True)
        self.assertEqual(done.stdout, "[1, 1]\n", done.stderr)
