"""Network interfaces that AWS's own services keep in one's subnets, which moto does not list."""

from .holders import requester_managed
from .registry import on


def fits(eni, wanted):
    """Whether a shown interface meets one filter; filters that are not known here let nothing through."""
    value = {
        "network-interface-id": [eni["NetworkInterfaceId"]],
        "vpc-id": [eni["VpcId"]],
        "subnet-id": [eni["SubnetId"]],
        "group-id": [g["GroupId"] for g in eni["Groups"]],
        "description": [eni["Description"]],
        "requester-managed": ["true"],
        "requester-id": [eni["RequesterId"]],
        "status": [eni["Status"]],
        "interface-type": [eni["InterfaceType"]],
        "attachment.instance-owner-id": [eni["Attachment"]["InstanceOwnerId"]],
    }.get(wanted["Name"], [])
    return any(matches(v, pattern) for v in value for pattern in wanted["Values"])


def matches(value, pattern):
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


@on("ec2", "DescribeNetworkInterfaces")
def describe_network_interfaces(call):
    theirs = list(requester_managed(call))
    asked = call.get("NetworkInterfaceIds", [])
    named = [e for e in theirs if e["NetworkInterfaceId"] in asked]
    others = [i for i in asked if i not in {e["NetworkInterfaceId"] for e in named}]
    shown = [e for e in (named if asked else theirs) if all(fits(e, f) for f in call.get("Filters", []))]
    if asked and not others:
        return {"NetworkInterfaces": shown}
    unknown = ("requester-managed", "requester-id", "interface-type", "attachment.instance-owner-id")
    if any(f["Name"] in unknown for f in call.get("Filters", [])):
        return {"NetworkInterfaces": shown}
    answer = call.forward({**call.request, "NetworkInterfaceIds": others} if asked else None)
    answer["NetworkInterfaces"] = [*answer.get("NetworkInterfaces", []), *shown]
    return answer
