"""One server for all tests, and an account of its own for each."""

import atexit
import itertools
import os
import pathlib
import socket
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent.parent
SCRIPT = HERE / "localstack.py"
REGION = "eu-west-1"
DELAY, PAGE = 2, 2
ACCOUNTS = itertools.count(int(time.time()) % 10**8 * 1000 + 100000000000)
sys.path.insert(0, str(HERE))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def script(*words, check=True):
    """Run localstack.py; what it printed, or the process when failing is expected."""
    done = subprocess.run([sys.executable, SCRIPT, *map(str, words)], capture_output=True, text=True)
    if check and done.returncode:
        raise AssertionError(f"{words} failed:\n{done.stderr}")
    return done


def started(*words):
    port = free_port()
    endpoint = script("start", "--port", port, "--until-pid", os.getpid(), *words).stdout.strip()
    atexit.register(script, "stop", "--port", port, check=False)
    return endpoint


class Server:
    """The shared server; the first test that needs it starts it."""

    endpoint = None

    @classmethod
    def client(cls, service, account, region=REGION):
        if not cls.endpoint:
            cls.endpoint = started("--delay", DELAY, "--page", PAGE)
            from starter.emulators import LocalStack
            from starter.files import home
            from starter.install import places

            venv, _ = places(home(), LocalStack)
            sys.path.extend(map(str, venv.glob("lib/python*/site-packages")))
        import boto3

        return boto3.client(
            service,
            endpoint_url=cls.endpoint,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="any",
            config=boto3.session.Config(retries={"max_attempts": 0}),
        )


class CloudTest(unittest.TestCase):
    """Clients as attributes (self.ec2, self.rds …) of an account that no other test uses."""

    def setUp(self):
        self.account, self.clients = str(next(ACCOUNTS)), {}

    def __getattr__(self, name):
        services = ("acm", "dynamodb", "ec2", "elasticache", "elbv2", "iam", "kms", "rds", "route53", "secretsmanager", "ssm", "sts")
        if name not in services:
            raise AttributeError(name)
        if name not in self.clients:
            self.clients[name] = Server.client(name, self.account)
        return self.clients[name]

    def client(self, service, region):
        """A client for another region."""
        return Server.client(service, self.account, region)

    def refuses(self, code, call, **arguments):
        """The call is refused with this wire code."""
        from botocore.exceptions import ClientError

        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)

    def eventually(self, wanted, look, limit=10 * DELAY):
        """Every value on the way to the wanted one."""
        seen, end = [], time.monotonic() + limit
        while time.monotonic() < end:
            value = look()
            if not seen or seen[-1] != value:
                seen.append(value)
            if value == wanted:
                return seen
            time.sleep(0.05)
        raise AssertionError(f"{wanted!r} did not come, but {seen!r}")

    # ---- what many tests begin with

    def vpc(self):
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        zones = [f"{REGION}a", f"{REGION}b"]
        subnets = [
            self.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
            for i, zone in enumerate(zones)
        ]
        return vpc, subnets

    def gateway(self, vpc):
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
        return gateway

    def group(self, vpc, name="app"):
        return self.ec2.create_security_group(GroupName=name, Description="x", VpcId=vpc)["GroupId"]

    def image(self, architecture="x86_64"):
        name = f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture}"
        return self.ssm.get_parameter(Name=name)["Parameter"]["Value"]

    def instance(self, subnet, group, **more):
        asked = {"ImageId": self.image(), "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **more}
        made = self.ec2.run_instances(SubnetId=subnet, SecurityGroupIds=[group], **asked)
        return made["Instances"][0]["InstanceId"]

    def instance_state(self, name):
        found = self.ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]
        return found["State"]["Name"]

    def running(self, subnet, group, **more):
        name = self.instance(subnet, group, **more)
        self.eventually("running", lambda: self.instance_state(name))
        return name

    def balancer(self, subnets, group, name="web"):
        made = self.elbv2.create_load_balancer(Name=name, Subnets=subnets, SecurityGroups=[group])
        return made["LoadBalancers"][0]["LoadBalancerArn"]

    def target_group(self, vpc, name="app"):
        made = self.elbv2.create_target_group(Name=name, Protocol="HTTP", Port=3000, VpcId=vpc)
        return made["TargetGroups"][0]["TargetGroupArn"]

    def listener(self, balancer, targets, port=80):
        action = {"Type": "forward", "TargetGroupArn": targets}
        made = self.elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=[action])
        return made["Listeners"][0]["ListenerArn"]
