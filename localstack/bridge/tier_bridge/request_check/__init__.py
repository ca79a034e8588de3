"""Would AWS take this request? Each one that comes is held against AWS's models and its documented rules.

wire.py      takes a request apart, by protocol
model.py     holds it against botocore's model of the operation
registry.py  how documented rules are entered; one file for each service has them
gate.py      where LocalStack's requests pass

Nothing here but gate.py knows LocalStack, so that the check can be tried by itself.
"""

from . import ec2, elasticache, elbv2, iam, model, rds, registry, route53, ssm, tags, wire  # noqa: F401  (enter rules)
from .registry import World
from .wire import Problem, Record, Request

__all__ = ["Problem", "Record", "Request", "World", "examined"]


def examined(record, world):
    """The request, taken apart and judged."""
    request = wire.parse(record)
    if request.shape is not None:
        model.check(request)
        registry.check(request, world)
    return request
