"""Load balancers."""

import random
import re

from ..call import fault
from .holders import balancer_interfaces
from .registry import on
from .states import enter, passing

# The hosted zone of a region's application load balancers, for alias records.
ZONES = {"eu-west-1": "Z32O12XQLNTSW2", "us-east-1": "Z35SXDOTRQ7X7K"}
ATTRIBUTES = {  # of an application load balancer: key -> default
    "access_logs.s3.enabled": "false",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "idle_timeout.timeout_seconds": "60",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}


def bad(text):
    return fault("ValidationError", text)


def one_vpc(known, subnets, vpc=None):
    """The VPC that all of these subnets are in, and that is this one if one is given."""
    vpcs = {known[s].vpc_id for s in subnets if s in known} | ({vpc} if vpc else set())
    if len(vpcs) > 1:
        raise fault("InvalidSubnet", f"Subnets are not in the same VPC: {', '.join(sorted(subnets))}")
    return next(iter(vpcs), None)


@on("elbv2", "SetSubnets")
def set_subnets(call):
    balancer = call.moto("elbv2").load_balancers.get(call.get("LoadBalancerArn"))
    subnets = call.get("Subnets") or [m["SubnetId"] for m in call.get("SubnetMappings") or []]
    known = {s.id: s for by_zone in list(call.moto("ec2").subnets.values()) for s in by_zone.values()}
    if balancer:
        one_vpc(known, subnets, balancer.vpc_id)
        zones = {known[s].availability_zone for s in subnets if s in known}
        if balancer.type == "application" and len(zones) < 2:
            raise bad("At least two subnets in two different Availability Zones must be specified")
    return call.forward()


@on("elbv2", "SetSecurityGroups")
def set_security_groups(call):
    balancer = call.moto("elbv2").load_balancers.get(call.get("LoadBalancerArn"))
    groups = {g: by for by, by_vpc in list(call.moto("ec2").groups.items()) for g in by_vpc}
    for g in call.get("SecurityGroups", []):
        if balancer and groups.get(g) != balancer.vpc_id:
            raise fault("InvalidSecurityGroup", f"One or more security groups are invalid: {g}")
    return call.forward()


def check(call, subnets, known):
    ec2, kind, name = call.moto("ec2"), call.get("Type", "application"), call.get("Name", "")
    if not re.fullmatch(r"(?!internal-)[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?", name):
        raise bad(
            f"The load balancer name '{name}' is not valid: at most 32 letters, digits and inner hyphens, "
            "not starting with internal-"
        )
    for s in subnets:
        if s not in known:
            raise fault("SubnetNotFound", f"The subnet ID '{s}' is not valid")
    if kind == "application" and len({known[s].availability_zone for s in subnets}) < 2:
        raise bad("At least two subnets in two different Availability Zones must be specified")
    if len({known[s].availability_zone for s in subnets}) < len(subnets):
        raise fault("InvalidConfigurationRequest", "A load balancer cannot be attached to multiple subnets in the same Availability Zone")
    vpc = one_vpc(known, subnets)
    groups = {g: by for by, by_vpc in list(ec2.groups.items()) for g in by_vpc}
    for g in call.get("SecurityGroups", []):
        if groups.get(g) != vpc:
            raise fault("InvalidSecurityGroup", f"One or more security groups are invalid: {g}")
    facing = call.get("Scheme", "internet-facing") == "internet-facing"
    if facing and not any(g.vpc and g.vpc.id == vpc for g in list(ec2.internet_gateways.values())):
        raise fault("InvalidSubnet", f"VPC {vpc} has no internet gateway")


@on("elbv2", "CreateLoadBalancer")
def create_load_balancer(call):
    elbv2, kind, scheme = call.moto("elbv2"), call.get("Type", "application"), call.get("Scheme", "internet-facing")
    subnets = call.get("Subnets") or [m["SubnetId"] for m in call.get("SubnetMappings", [])]
    known = {s.id: s for by_zone in list(call.moto("ec2").subnets.values()) for s in by_zone.values()}
    check(call, subnets, known)
    old = next((b for b in list(elbv2.load_balancers.values()) if b.name == call.get("Name")), None)
    if old:
        same = (old.scheme, old.type, {s.id for s in old.subnets}) == (scheme, kind, set(subnets))
        groups = set(old.security_groups or [])
        if not same or groups != set(call.get("SecurityGroups") or groups):
            raise fault(
                "DuplicateLoadBalancerName",
                f"A load balancer with the same name '{old.name}' exists, but with different settings",
            )
        found = call.client("elbv2").describe_load_balancers(LoadBalancerArns=[old.arn])
        return {"LoadBalancers": found["LoadBalancers"]}
    answer = call.forward()
    for b in answer["LoadBalancers"]:
        made = elbv2.load_balancers[b["LoadBalancerArn"]]
        # moto gives the same names to whatever has the same name; on AWS a new load balancer has a new one.
        prefix = "internal-" if scheme == "internal" else ""
        made.dns_name = f"{prefix}{made.name}-{random.randrange(10**8, 10**10)}.{call.region}.elb.amazonaws.com"
        made.canonical_hosted_zone_id = ZONES.get(call.region, made.canonical_hosted_zone_id)
        made.scheme = scheme  # moto keeps None when it was not given
        if kind == "application":
            made.attrs["load_balancing.cross_zone.enabled"] = "true"
        enter(call, "elb", made.arn, "provisioning")
        shown(call, b, "provisioning")
    return answer


def shown(call, b, state=None):
    made = call.moto("elbv2").load_balancers[b["LoadBalancerArn"]]
    b["DNSName"], b["CanonicalHostedZoneId"] = made.dns_name, made.canonical_hosted_zone_id
    b["Scheme"] = made.scheme
    b["State"] = {"Code": state or passing(call, "elb", made.arn) or "active"}


@on("elbv2", "DescribeLoadBalancers")
def describe_load_balancers(call):
    answer = call.forward()
    for b in answer.get("LoadBalancers", []):
        shown(call, b)
    return answer


@on("elbv2", "DescribeLoadBalancerAttributes")
def describe_load_balancer_attributes(call):
    answer = call.forward()
    have = {a["Key"] for a in answer.get("Attributes", [])}
    if call.moto("elbv2").load_balancers[call.get("LoadBalancerArn")].type == "application":
        answer["Attributes"] += [{"Key": k, "Value": v} for k, v in ATTRIBUTES.items() if k not in have]
    return answer


@on("elbv2", "ModifyLoadBalancerAttributes")
def modify_load_balancer_attributes(call):
    balancer = call.moto("elbv2").load_balancers.get(call.get("LoadBalancerArn"))
    known = {*ATTRIBUTES, *(balancer.attrs if balancer else ())}
    for a in call.get("Attributes", []):
        if balancer and balancer.type == "application" and a["Key"] not in known:
            raise fault("InvalidConfigurationRequest", f"Load balancer attribute key '{a['Key']}' is not recognized")
        if a["Key"] == "idle_timeout.timeout_seconds" and not 1 <= int(a["Value"] or 60) <= 4000:
            raise bad("Load balancer attribute 'idle_timeout.timeout_seconds' is from 1 to 4000")
    return call.forward()


@on("elbv2", "DeleteLoadBalancer")
def delete_load_balancer(call):
    arn, elbv2 = call.get("LoadBalancerArn"), call.moto("elbv2")
    balancer = elbv2.load_balancers.get(arn)
    if not balancer:
        return {}  # AWS: gone already is as good
    if str(balancer.attrs.get("deletion_protection.enabled")).lower() == "true":
        raise fault(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )
    extra = {
        "what": balancer_interfaces(balancer),
        "subnets": {s.id for s in balancer.subnets},
        "groups": set(balancer.security_groups or []),
        "vpc": balancer.vpc_id if balancer.scheme == "internet-facing" else None,
    }
    enter(call, "elb-eni", arn, "deleting", extra)
    for group in list(elbv2.target_groups.values()):  # moto leaves the link
        group.load_balancer_arns = [a for a in group.load_balancer_arns if a != arn]
    return call.forward()
