"""AWS behaviour which moto (and LocalStack on it) leaves out, and without which tests would pass wrongly.

A rule is a function for one or more operations; it gets the Call, may refuse it, and forwards it. Five kinds:
  - what is in use cannot be deleted (DependencyViolation and its like in the other services)
  - the same client token, or the same name and settings, gives the same resource and not a second one
  - bad values are refused
  - with TIER_DELAY, resources pass through their creating / modifying / deleting states
  - bugs of moto are mended; these say so
"""

from ..call import fault
from . import (  # noqa: F401  (each enters its rules)
    databases,
    db_clusters,
    dns,
    instances,
    load_balancers,
    nat_gateways,
    network,
    security_groups,
    target_groups,
)
from .paging import PAGED, paged
from .registry import RULES
from .tokens import once


def run(call):
    if call.api == "ec2" and call.get("DryRun"):
        raise fault("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
    rule = RULES.get((call.api, call.op))
    act = (lambda: rule(call)) if rule else call.forward
    if call.api in PAGED and call.op.startswith("Describe"):
        return paged(call, act)
    token = call.get("ClientToken") or call.get("IdempotencyToken")
    return once(call, token, act) if token and call.api in ("ec2", "acm") else act()
