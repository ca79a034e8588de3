"""EC2 security groups and their rules."""

import re

from ..call import fault
from .holders import tenants
from .registry import on


@on("ec2", "CreateSecurityGroup")
def create_security_group(call):
    if call.get("GroupName", "").startswith("sg-"):
        raise fault("InvalidParameterValue", "Group names may not be in the format sg-*")
    if not re.fullmatch(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}", call.get("Description", "")):
        raise fault(
            "InvalidParameterValue", "Character sets beyond ASCII are not supported in a group description"
        )
    return call.forward()


@on("ec2", "DeleteSecurityGroup")
def delete_security_group(call):
    ec2, group = call.moto("ec2"), call.get("GroupId")
    rules = [
        r
        for by_vpc in list(ec2.groups.values())
        for g in by_vpc.values()
        if g.id != group
        for r in g.ingress_rules + g.egress_rules
    ]
    referenced = any((r.source_group or {}).get("GroupId") == group for r in rules)
    if group and (referenced or any(group in holder.groups for holder in tenants(call))):
        raise fault("DependencyViolation", f"resource {group} has a dependent object")
    return call.forward()


@on("ec2", "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress")
def authorize(call):
    """moto takes the description for part of the rule; for AWS it is not."""
    ec2 = call.moto("ec2")
    group = ec2.get_security_group_from_id(call.get("GroupId")) if call.get("GroupId") else None

    def ends(p):
        ports = (str(p.get("IpProtocol")), p.get("FromPort"), p.get("ToPort"))
        for key, field in (
            ("IpRanges", "CidrIp"),
            ("Ipv6Ranges", "CidrIpv6"),
            ("UserIdGroupPairs", "GroupId"),
            ("PrefixListIds", "PrefixListId"),
        ):
            for r in p.get(key) or []:
                yield (*ports, r.get(field))

    have = set()
    for r in (group.ingress_rules if "Ingress" in call.op else group.egress_rules) if group else []:
        source = (
            (r.source_group or {}).get("GroupId")
            or (r.ip_range or {}).get("CidrIp")
            or (r.ip_range or {}).get("CidrIpv6")
            or (r.prefix_list_id or {}).get("PrefixListId")
        )
        have.add((str(r.ip_protocol), r.from_port and int(r.from_port), r.to_port and int(r.to_port), source))
    for p in call.get("IpPermissions", []):
        for end in ends(p):
            if end in have:
                raise fault(
                    "InvalidPermission.Duplicate",
                    f'the specified rule "peer: {end[3]}, {end[0]}, from port: {end[1]}, to port: {end[2]}, ALLOW" '
                    "already exists",
                )
            have.add(end)
    return call.forward()
