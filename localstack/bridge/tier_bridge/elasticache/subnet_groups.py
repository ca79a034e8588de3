"""Cache subnet groups."""

from ..call import fault
from .store import listed, op


def subnets_of(call, ids):
    known = {sn.id: sn for by_zone in list(call.moto("ec2").subnets.values()) for sn in by_zone.values()}
    for i in ids:
        if i not in known:
            raise fault("InvalidSubnet", f"The requested subnet {i} does not exist")
    return [known[i] for i in ids]


def subnet_shape(call, ids):
    subnets = subnets_of(call, ids)
    if len({sn.vpc_id for sn in subnets}) != 1:
        raise fault("InvalidSubnet", "The subnets must belong to one VPC")
    return {
        "VpcId": subnets[0].vpc_id,
        "SupportedNetworkTypes": ["ipv4"],
        "Subnets": [
            {
                "SubnetIdentifier": sn.id,
                "SubnetAvailabilityZone": {"Name": sn.availability_zone},
                "SupportedNetworkTypes": ["ipv4"],
            }
            for sn in subnets
        ],
    }


def users(s, name):
    caches = [*s.kinds["group"].values(), *s.kinds["cluster"].values()]
    return [r for r in caches if r.hidden.get("CacheSubnetGroupName") == name]


def stood_in(s, name):
    """The subnets of a group in which a node stands."""
    return {subnet for cache in users(s, name) for _, subnet in cache.hidden["Places"]}


@op
def CreateCacheSubnetGroup(call, s):
    name = call.get("CacheSubnetGroupName").lower()
    shown = {
        "CacheSubnetGroupName": name,
        "CacheSubnetGroupDescription": call.get("CacheSubnetGroupDescription"),
        **subnet_shape(call, call.get("SubnetIds", [])),
    }
    return {"CacheSubnetGroup": s.add("subnets", name, shown, call.get("Tags")).shown}


@op
def ModifyCacheSubnetGroup(call, s):
    res = s.get("subnets", call.get("CacheSubnetGroupName"))
    if call.get("SubnetIds"):
        gone = {x["SubnetIdentifier"] for x in res.shown["Subnets"]} - set(call.get("SubnetIds"))
        held = sorted(gone & stood_in(s, res.name))
        if held:
            raise fault("SubnetInUse", f"The subnet {held[0]} is in use")
        res.shown.update(subnet_shape(call, call.get("SubnetIds")))
    if call.get("CacheSubnetGroupDescription") is not None:
        res.shown["CacheSubnetGroupDescription"] = call.get("CacheSubnetGroupDescription")
    return {"CacheSubnetGroup": res.shown}


@op
def DescribeCacheSubnetGroups(call, s):
    return listed(call, s, "subnets", "CacheSubnetGroupName", "CacheSubnetGroups", lambda res: res.shown)


@op
def DeleteCacheSubnetGroup(call, s):
    res = s.get("subnets", call.get("CacheSubnetGroupName"))
    if users(s, res.name):
        raise fault(
            "CacheSubnetGroupInUse", f"Cache Subnet Group {res.name} is currently in use by a cache cluster."
        )
    del s.kinds["subnets"][res.name]
    return {}
