"""Where rules are entered, and what they are written with.

A rule is a function of one request, `@rule("model", "Operation", …)`; it calls `request.problem`. What was done before it
finds in `world`, one per account and region, and notes there with `request.once_served`. Sources: `B` is the text of
botocore's model (a parameter's documentation), `D` a page of docs.aws.amazon.com, `T` an issue of terraform-provider-aws.

Levels: violation, AWS refuses it; doubt, documents say so but live reports differ or are missing; notice, worth knowing.
"""

import re
from collections import defaultdict
from fnmatch import fnmatchcase
from functools import cache

RULES = []


class World:
    """What was made and changed in one account and region."""

    def __init__(self):
        self.attributes = defaultdict(dict)  # target group ARN -> attributes
        self.databases = {}  # DB instance -> storage in GiB, its type, and engine
        self.clusters = {}  # cache cluster -> nodes
        self.deleted = {}  # parameter -> when it was deleted
        self.inbound = defaultdict(set)  # security group -> its rules
        self.tags = defaultdict(set)  # ARN of a load balancer, listener or target group -> keys


def rule(service, *operations):
    def keep(function):
        RULES.append((service, operations or ("*",), function))
        return function

    return keep


@cache
def of(service, operation):
    """The rules that hold for an operation."""
    fits = lambda one, operations: fnmatchcase(service, one) and any(fnmatchcase(operation, o) for o in operations)  # noqa: E731
    return [function for one, operations, function in RULES if fits(one, operations)]


def check(request, world):
    for function in of(request.model, request.operation):
        try:
            function(request, request.params, world)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            # A request too broken for this rule is refused as well: the model has said why, or nobody has looked.
            request.problem("", "rule-broke-off", f"{function.__name__}: {error!r}", "B:model")


def match(request, parameter, value, pattern, name, source, level="violation"):
    if value is not None and not re.fullmatch(pattern, value):
        request.problem(parameter, name, f"{value!r} is not of the form {pattern}", source, level)


def within(request, parameter, value, low, high, name, source, level="violation"):
    if value is not None and not low <= value <= high:
        request.problem(parameter, name, f"{value} is not in {low}..{high}", source, level)


def walk(value, path=""):
    """Every value with its path."""
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, f"{path}.{key}".strip("."))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from walk(inner, f"{path}[{i}]")
