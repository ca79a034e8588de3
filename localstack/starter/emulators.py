"""The emulators: how each is started, what it is told, and how it is recognised at a port."""

from __future__ import annotations

import contextlib
import http.client
import os
import pathlib
import socket

HERE = pathlib.Path(__file__).resolve().parent.parent
# S3 would write outside its folder, so LocalStack serves only what a stack needs.
SERVICES = "acm,dynamodb,ec2,elasticache,elbv2,iam,kms,rds,route53,secretsmanager,ssm,sts"
OVERRIDDEN = ("ACM", "DYNAMODB", "EC2", "IAM", "KMS", "ROUTE53", "SECRETSMANAGER", "SSM")


class LocalStack:
    title, package, bridge = "LocalStack", "localstack-core", True
    # The sample app's are there as well: it runs in the same environment.
    requirements = ("requirements.txt", "app/requirements.txt")

    @staticmethod
    def command(python, port):
        return [python, "-P", "-m", "localstack.runtime.main"]

    @staticmethod
    def environment(settings, state):
        port = settings["port"]
        return {
            # A /.dockerenv file would make it write to /var/lib, /etc and /usr/lib.
            "OVERRIDE_IN_DOCKER": "0",
            "FILESYSTEM_ROOT": state / "root",
            "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "LOCALSTACK_HOST": f"127.0.0.1:{port}",
            # Its default server listens on 0.0.0.0 whatever it is told; this one is the bridge's.
            "GATEWAY_SERVER": "loopback",
            # No DNS server, no download, no telemetry: it starts on a machine without a network.
            "DNS_ADDRESS": "0",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DISABLE_EVENTS": "1",
            "PERSISTENCE": "0",
            "EAGER_SERVICE_LOADING": "0",
            "SERVICES": SERVICES,
            "STRICT_SERVICE_LOADING": "1",
            **{f"PROVIDER_OVERRIDE_{service}": "tier" for service in OVERRIDDEN},
            "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
            "LS_LOG": os.environ.get("LS_LOG", "warning"),
            "TIER_RULES": settings["rules"],
            "TIER_DELAY": settings["delay"],
            "TIER_PAGE": settings["page"],
            "TIER_JOURNAL": state / "requests.jsonl",
        }


class Moto:
    title, package, bridge = "moto", "moto", False
    requirements = ("requirements-moto.txt",)

    @staticmethod
    def command(python, port):
        return [python, "-P", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]

    @staticmethod
    def environment(settings, state):
        return {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}


class MiniStack:
    title, package, bridge = "MiniStack", "ministack", False
    requirements = ("requirements-ministack.txt",)

    @staticmethod
    def command(python, port):
        return [python, "-P", "-m", "ministack"]

    @staticmethod
    def environment(settings, state):
        return {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": settings["port"],
            "MINISTACK_REGION": "eu-west-1",
            "S3_DATA_DIR": state / "root" / "s3",
            "STATE_DIR": state / "root" / "state",
        }


EMULATORS = {"localstack": LocalStack, "moto": Moto, "ministack": MiniStack}


def version(emulator):
    """The pinned version, read from the requirements so that it stands in one place."""
    lines = (HERE / emulator.requirements[0]).read_text().splitlines()
    return next(line.split("==")[1] for line in lines if line.startswith(f"{emulator.package}=="))


def listening(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def fetched(port, path):
    """The body of a page, or an empty one if it is not there or nothing answers."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            if answer.status in (200, 201):  # moto says that its settings were created
                return answer.read().decode(errors="replace")
    return ""


def who(port):
    """Which emulator answers at a port, or None."""
    if not listening(port):
        return None
    health = fetched(port, "/_localstack/health")
    if '"services"' in health:
        # MiniStack answers here as well, with more.
        return "ministack" if '"ready_scripts"' in health else "localstack"
    return "moto" if '"use_docker"' in fetched(port, "/moto-api/config") else None
