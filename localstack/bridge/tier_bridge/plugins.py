"""The plugins LocalStack loads (see the entry points in pyproject.toml).

LocalStack keeps the state of EC2, IAM, SSM and others in moto backends inside its own process. A request for another
service that is handed to moto in that same process therefore sees the same VPCs, subnets and security groups. So most
of a missing service is one line: forward every operation of its botocore model to moto.
"""

from localstack.aws.skeleton import Skeleton, create_dispatch_table
from localstack.aws.spec import load_service
from localstack.services.plugins import Service, aws_provider

from . import rules
from .call import Call
from .settings import RULES_ON


def with_rules(table):
    """Wrap each handler of a dispatch table (None: moto) with the rules registered for its operation."""

    def wrap(handler):
        def handle(context, request):
            call = Call(context, request, handler)
            return call.served(rules.run(call)) if RULES_ON else call.forward()

        return handle

    return {op: wrap(handler) for op, handler in table.items()}


def from_moto(api):
    """A service whose every operation goes to moto. What moto lacks comes back as LocalStack's usual 501."""
    model = load_service(api)
    return Service(api, skeleton=Skeleton(model, with_rules(dict.fromkeys(model.operation_names))))


def from_localstack(provider):
    """LocalStack's own provider (which itself falls back on moto), with rules around it."""
    return Service.for_provider(provider, lambda p: with_rules(create_dispatch_table(p)))


# Services which LocalStack lacks: it picks "default" unasked.


@aws_provider()
def elbv2():
    return from_moto("elbv2")


@aws_provider()
def rds():
    return from_moto("rds")


@aws_provider()
def elasticache():
    from . import elasticache as here

    def handler(op):
        def handle(context, request):
            call = Call(context, request, None)
            return call.served(here.run(call))

        return handle

    return Service("elasticache", skeleton=Skeleton(load_service("elasticache"), {op: handler(op) for op in here.OPS}))


# Services which LocalStack has: picked with PROVIDER_OVERRIDE_<SERVICE>=tier.


@aws_provider(api="dynamodb", name="tier")
def dynamodb():
    # LocalStack's own would download a server in Java.
    return from_moto("dynamodb")


@aws_provider(api="ec2", name="tier")
def ec2():
    from localstack.services.ec2.provider import Ec2Provider

    return from_localstack(Ec2Provider())


@aws_provider(api="route53", name="tier")
def route53():
    from localstack.services.route53.provider import Route53Provider

    return from_localstack(Route53Provider())


@aws_provider(api="acm", name="tier")
def acm():
    from localstack.services.acm.provider import AcmProvider

    return from_localstack(AcmProvider())


@aws_provider(api="iam", name="tier")
def iam():
    from localstack.services.iam.provider import IamProvider

    return from_localstack(IamProvider())


@aws_provider(api="ssm", name="tier")
def ssm():
    from localstack.services.ssm.provider import SsmProvider

    return from_localstack(SsmProvider())


@aws_provider(api="secretsmanager", name="tier")
def secretsmanager():
    from localstack.services.secretsmanager.provider import SecretsmanagerProvider

    return from_localstack(SecretsmanagerProvider())


@aws_provider(api="kms", name="tier")
def kms():
    from localstack.services.kms.provider import KmsProvider

    from . import kms_keys  # noqa: F401  (mends keys on Python 3.11)

    return Service.for_provider(KmsProvider())
