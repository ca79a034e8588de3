"""What clusters and replication groups have in common: engines, node types, names, the shape of a node."""

import re

from ..call import fault
from .store import now

# engine -> what one asks for -> (what AWS makes of it, parameter group family), the oldest first
VERSIONS = {
    "redis": {
        "6.0": ("6.0.5", "redis6.x"),
        "6.2": ("6.2.6", "redis6.x"),
        "7.0": ("7.0.7", "redis7"),
        "7.1": ("7.1.0", "redis7"),
    },
    "valkey": {
        "7.2": ("7.2.6", "valkey7"),
        "8.0": ("8.0.1", "valkey8"),
        "8.1": ("8.1.0", "valkey8"),
        "8.2": ("8.2.0", "valkey8"),
        "9.0": ("9.0.0", "valkey9"),
    },
    "memcached": {v: (v, "memcached1.6") for v in ("1.6.12", "1.6.17", "1.6.22")},
}
SIZES = {
    **dict.fromkeys(("t2", "t3", "t4g"), "micro small medium"),
    **dict.fromkeys(("m5", "m6g", "m7g", "r5", "r6g", "r7g"), "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
}
PENDING = ("NumCacheNodes", "CacheNodeType", "EngineVersion")
NODE_TYPES = [f"cache.{family}.{size}" for family, sizes in SIZES.items() for size in sizes.split()]


def check_groups(call, ids):
    known = {g for by_vpc in list(call.moto("ec2").groups.values()) for g in by_vpc}
    for i in ids or []:
        if i not in known:
            raise fault("InvalidParameterValue", f"The security group {i} does not exist")


def check_node_type(asked):
    if asked not in NODE_TYPES:
        raise fault("InvalidParameterValue", f"Invalid cache node type: {asked}")


def check_name(name, longest):
    if len(name) > longest or not re.fullmatch(r"[a-z]([a-z0-9]|-(?!-|$))*", name):
        raise fault(
            "InvalidParameterValue",
            f"The identifier {name} is not valid: at most {longest} letters, digits and single inner hyphens, "
            "beginning with a letter",
        )


def known_version(engine, asked):
    """The full version that an asked one stands for, and its family; without one, the newest."""
    asked = asked or list(VERSIONS[engine])[-1]
    for short, (full, family) in VERSIONS[engine].items():
        if asked in (short, full):
            return full, family
    raise fault("InvalidParameterCombination", f"Cannot find version {asked} for {engine}")


def family_of(s, name):
    """The family of a parameter group that is there."""
    name = name.lower()
    default = name.removeprefix("default.").removesuffix(".cluster.on")
    if name != default and any(default == family for all in VERSIONS.values() for _, family in all.values()):
        return default
    return s.get("parameters", name).shown["CacheParameterGroupFamily"]


def known_parameters(s, family, asked):
    """The parameter group that is asked for, if it is of this family; AWS's own if none is."""
    if not asked:
        return f"default.{family}"
    found = family_of(s, asked)
    if found != family:
        raise fault(
            "InvalidParameterCombination",
            f"Expected a parameter group of family {family} but found one of family {found}",
        )
    return asked.lower()


def node_settings(call, s, engine):
    """Check and complete the settings that CreateCacheCluster and CreateReplicationGroup share."""
    if engine not in VERSIONS:
        raise fault("InvalidParameterValue", f"Invalid engine {engine}")
    version, family = known_version(engine, call.get("EngineVersion"))
    check_node_type(call.get("CacheNodeType"))
    parameters = known_parameters(s, family, call.get("CacheParameterGroupName"))
    if call.get("CacheSubnetGroupName"):
        s.get("subnets", call.get("CacheSubnetGroupName"))
    check_groups(call, call.get("SecurityGroupIds"))
    token, encrypted = call.get("AuthToken"), bool(call.get("TransitEncryptionEnabled"))
    if token and not 16 <= len(token) <= 128:
        raise fault("InvalidParameterValue", "Invalid AuthToken provided: it must have 16 to 128 characters")
    if token and not encrypted:
        raise fault(
            "InvalidParameterCombination", "The AUTH token is only supported when encryption-in-transit is enabled"
        )
    if engine == "memcached" and encrypted and call.get("CacheNodeType").startswith("cache.t2."):
        raise fault(
            "InvalidParameterCombination",
            f"Encryption features are not supported for the cache node type {call.get('CacheNodeType')}",
        )
    return {
        "Engine": engine,
        "EngineVersion": version,
        "CacheNodeType": call.get("CacheNodeType"),
        "CacheParameterGroupName": parameters,
        "CacheSubnetGroupName": (call.get("CacheSubnetGroupName") or "").lower() or None,
        "SecurityGroupIds": call.get("SecurityGroupIds", []),
        "Port": call.get("Port") or (11211 if engine == "memcached" else 6379),
        "PreferredMaintenanceWindow": call.get("PreferredMaintenanceWindow", "sun:05:00-sun:06:00"),
        "AutoMinorVersionUpgrade": call.get("AutoMinorVersionUpgrade", True),
        "SnapshotRetentionLimit": call.get("SnapshotRetentionLimit", 0),
        "SnapshotWindow": call.get("SnapshotWindow", "03:00-04:00"),
        "AuthTokenEnabled": bool(token),
        "TransitEncryptionEnabled": encrypted,
        "TransitEncryptionMode": call.get("TransitEncryptionMode", "required") if encrypted else None,
        "AtRestEncryptionEnabled": bool(call.get("AtRestEncryptionEnabled")),
        "Nodes": 1,
        "Places": [],
        "Created": now(),
    }


def sites(s, hidden):
    """Where a node may stand: zone -> subnet."""
    group = s.kinds["subnets"].get(hidden["CacheSubnetGroupName"])
    if group:
        return {x["SubnetAvailabilityZone"]["Name"]: x["SubnetIdentifier"] for x in group.shown["Subnets"]}
    return {f"{s.region}{letter}": None for letter in "ab"}


def placed(s, hidden, zones):
    """Nodes in these zones, each as (zone, subnet)."""
    there = sites(s, hidden)
    for zone in zones:
        if zone not in there:
            raise fault("InvalidParameterValue", f"The subnet group has no subnet in the zone {zone}")
    return [(zone, there[zone]) for zone in zones]


def spread(s, hidden, count, taken=()):
    """Zones for so many more nodes: each goes where fewest are."""
    zones, more = [zone for zone, _ in taken], []
    for _ in range(count):
        more.append(min(sorted(sites(s, hidden)), key=lambda zone: (zones + more).count(zone)))
    return more


def no_change():
    """AWS's refusal of a change of nothing, as after a call that was sent again."""
    return fault("InvalidParameterCombination", "No modifications were requested")


def host(s, *parts):
    area, *sides, number = s.region.split("-")  # eu-west-1 -> euw1
    return ".".join([*parts, area + "".join(side[0] for side in sides) + number, "cache.amazonaws.com"])


def endpoint(s, hidden, *parts):
    return {"Address": host(s, *parts), "Port": hidden["Port"]}


def cluster_shape(s, name, hidden, group=None):
    """What DescribeCacheClusters shows of a cluster with these settings."""
    places, nodes = hidden["Places"], hidden["Nodes"]
    zone = [zone for zone, _ in places]
    same = (
        "Engine",
        "EngineVersion",
        "CacheNodeType",
        "CacheSubnetGroupName",
        "PreferredMaintenanceWindow",
        "AutoMinorVersionUpgrade",
        "SnapshotRetentionLimit",
        "SnapshotWindow",
        "AuthTokenEnabled",
        "TransitEncryptionEnabled",
        "TransitEncryptionMode",
        "AtRestEncryptionEnabled",
    )
    shape = {
        **{k: hidden[k] for k in same if hidden[k] is not None},
        "CacheClusterId": name,
        "CacheClusterStatus": "available",
        "NumCacheNodes": nodes,
        "CacheClusterCreateTime": hidden["Created"],
        "PreferredAvailabilityZone": "Multiple" if len(set(zone)) > 1 else zone[0],
        "PendingModifiedValues": {k: v for k, v in hidden.get("Later", {}).items() if k in PENDING},
        "CacheParameterGroup": {
            "CacheParameterGroupName": hidden["CacheParameterGroupName"],
            "ParameterApplyStatus": "in-sync",
            "CacheNodeIdsToReboot": [],
        },
        "SecurityGroups": [{"SecurityGroupId": g, "Status": "active"} for g in hidden["SecurityGroupIds"]],
        "CacheNodes": [
            {
                "CacheNodeId": f"{i + 1:04}",
                "CacheNodeStatus": "available",
                "CacheNodeCreateTime": hidden["Created"],
                "ParameterGroupStatus": "in-sync",
                "CustomerAvailabilityZone": zone[i],
                "Endpoint": endpoint(s, hidden, name, "abc123", f"{i + 1:04}"),
            }
            for i in range(nodes)
        ],
        "NetworkType": "ipv4",
        "IpDiscovery": "ipv4",
    }
    if hidden["Engine"] == "memcached":
        shape["ConfigurationEndpoint"] = endpoint(s, hidden, name, "abc123", "cfg")
    if group:
        shape["ReplicationGroupId"] = group
    return shape
