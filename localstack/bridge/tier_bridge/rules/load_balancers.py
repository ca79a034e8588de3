"""Load balancers and listeners."""

import re

from ..call import fault
from .registry import on
from .states import enter, passing


def bad(text):
    return fault("ValidationError", text)


def lb_named(call, name):
    return next((b for b in call.moto("elbv2").load_balancers.values() if b.name == name), None)


@on("elbv2", "CreateLoadBalancer")
def create_load_balancer(call):
    ec2, kind = call.moto("ec2"), call.get("Type", "application")
    if not re.fullmatch(r"(?!internal-)[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?", call.get("Name", "")):
        raise bad(
            f"The load balancer name '{call.get('Name')}' is not valid: at most 32 letters, digits and inner hyphens, not starting with internal-"
        )
    subnets = call.get("Subnets") or [m["SubnetId"] for m in call.get("SubnetMappings", [])]
    known = {s.id: s for by_zone in ec2.subnets.values() for s in by_zone.values()}
    for s in subnets:
        if s not in known:
            raise fault("SubnetNotFound", f"The subnet ID '{s}' is not valid")
    if kind == "application" and len({known[s].availability_zone for s in subnets}) < 2:
        raise bad("At least two subnets in two different Availability Zones must be specified")
    groups = {g for by_vpc in ec2.groups.values() for g in by_vpc}
    for g in call.get("SecurityGroups", []):
        if g not in groups:
            raise fault("InvalidSecurityGroup", f"One or more security groups are invalid: {g}")
    vpc = known[subnets[0]].vpc_id
    if call.get("Scheme", "internet-facing") == "internet-facing" and not any(
        g.vpc and g.vpc.id == vpc for g in ec2.internet_gateways.values()
    ):
        raise fault("InvalidSubnet", f"VPC {vpc} has no internet gateway")
    old = lb_named(call, call.get("Name"))
    if old:
        same = (old.scheme, old.type, {s.id for s in old.subnets}) == (
            call.get("Scheme", "internet-facing"),
            kind,
            set(subnets),
        )
        if not same or set(old.security_groups or []) != set(
            call.get("SecurityGroups") or old.security_groups or []
        ):
            raise fault(
                "DuplicateLoadBalancerName",
                f"A load balancer with the same name '{old.name}' exists, but with different settings",
            )
        return shown_lb(call, old.arn)
    answer = call.forward()
    for b in answer["LoadBalancers"]:
        enter(call, "elb", b["LoadBalancerArn"], "provisioning")
        b["State"] = {"Code": "provisioning"}
    return answer


def shown_lb(call, arn):
    """DescribeLoadBalancers of one, asked from inside another operation."""
    return {"LoadBalancers": call.client("elbv2").describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]}


@on("elbv2", "DescribeLoadBalancers")
def describe_load_balancers(call):
    answer = call.forward()
    for b in answer.get("LoadBalancers", []):
        b["State"] = {"Code": passing(call, "elb", b["LoadBalancerArn"]) or "active"}
    return answer


@on("elbv2", "DeleteLoadBalancer")
def delete_load_balancer(call):
    arn = call.get("LoadBalancerArn")
    balancer = call.moto("elbv2").load_balancers.get(arn)
    if balancer and str(balancer.attrs.get("deletion_protection.enabled")).lower() == "true":
        raise fault(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )
    if balancer:
        enter(
            call,
            "elb-eni",
            arn,
            "deleting",
            {
                "subnets": {s.id for s in balancer.subnets},
                "groups": set(balancer.security_groups or []),
                "vpc": balancer.vpc_id if balancer.scheme == "internet-facing" else None,
            },
        )
        for group in call.moto("elbv2").target_groups.values():  # moto leaves the link
            group.load_balancer_arns = [a for a in group.load_balancer_arns if a != arn]
    return call.forward()


@on("elbv2", "CreateListener")
def create_listener(call):
    balancer = call.moto("elbv2").load_balancers.get(call.get("LoadBalancerArn"))
    if balancer and any(int(x.port or 0) == call.get("Port") for x in balancer.listeners.values()):
        raise fault(
            "DuplicateListener",
            f"A listener already exists on this port for this load balancer '{balancer.arn}'",
        )
    if call.get("Protocol") in ("HTTPS", "TLS") and not call.get("Certificates"):
        raise bad("A certificate must be specified for HTTPS listeners")
    return call.forward()
