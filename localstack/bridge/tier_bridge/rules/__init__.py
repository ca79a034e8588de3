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
    db_instances,
    db_subnet_groups,
    engines,
    db_clusters,
    dns,
    endpoints,
    iam,
    instances,
    interfaces,
    listeners,
    load_balancers,
    nat_gateways,
    network,
    parameters,
    reboots,
    secrets,
    security_groups,
    tables,
    target_groups,
    target_health,
)
from .paging import ask_for_pages, has_pages, paged
from .registry import RULES
from .tokens import once


def run(call):
    """Answer a call by the rule of its operation, or as the service does by itself."""
    if call.api == "ec2" and call.get("DryRun"):
        raise fault("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
    ask_for_pages(call)
    rule = RULES.get((call.api, call.op))
    act = (lambda: rule(call)) if rule else call.forward
    if has_pages(call):
        return paged(call, act)
    token = call.get("ClientToken") or call.get("IdempotencyToken")
    return once(call, token, act) if token and call.api in ("ec2", "acm") else act()
