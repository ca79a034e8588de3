"""What clusters and replication groups have in common: engines, node types, names, the shape of a node."""

import re

from ..call import fault
from .store import now

# engine -> what one asks for -> (what AWS makes of it, parameter group family)
VERSIONS = {
    "redis": {"6.2": ("6.2.6", "redis6.x"), "7.0": ("7.0.7", "redis7"), "7.1": ("7.1.0", "redis7")},
    "valkey": {"7.2": ("7.2.6", "valkey7"), "8.0": ("8.0.1", "valkey8"), "8.1": ("8.1.0", "valkey8")},
    "memcached": {v: (v, "memcached1.6") for v in ("1.6.12", "1.6.17", "1.6.22")},
}
SIZES = {
    "t3": "micro small medium",
    "t4g": "micro small medium",
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


def known_parameters(family, asked):
    """Only the default parameter groups are there."""
    default = f"default.{family}"
    if asked in (None, default, f"{default}.cluster.on"):
        return asked or default
    if asked.startswith("default."):
        found = asked.removeprefix("default.").removesuffix(".cluster.on")
        raise fault(
            "InvalidParameterCombination",
            f"Expected a parameter group of family {family} but found one of family {found}",
        )
    raise fault("CacheParameterGroupNotFound", f"CacheParameterGroup not found: {asked}", 404)


def node_settings(call, s, engine):
    """Check and complete the settings that CreateCacheCluster and CreateReplicationGroup share."""
    if engine not in VERSIONS:
        raise fault("InvalidParameterValue", f"Invalid engine {engine}")
    version, family = known_version(engine, call.get("EngineVersion"))
    check_node_type(call.get("CacheNodeType"))
    parameters = known_parameters(family, call.get("CacheParameterGroupName"))
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
        "Created": now(),
    }


def zones(s, hidden):
    group = s.kinds["subnets"].get(hidden["CacheSubnetGroupName"])
    if group:
        return [x["SubnetAvailabilityZone"]["Name"] for x in group.shown["Subnets"]]
    return [f"{s.region}a", f"{s.region}b"]


def host(s, *parts):
    area, *sides, number = s.region.split("-")  # eu-west-1 -> euw1
    return ".".join([*parts, area + "".join(side[0] for side in sides) + number, "cache.amazonaws.com"])


def endpoint(s, hidden, *parts):
    return {"Address": host(s, *parts), "Port": hidden["Port"]}


def cluster_shape(s, name, hidden, group=None):
    """What DescribeCacheClusters shows of a cluster with these settings."""
    zone, nodes = zones(s, hidden), hidden["Nodes"]
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
        "PreferredAvailabilityZone": "Multiple" if nodes > 1 and len(zone) > 1 else zone[0],
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
                "CustomerAvailabilityZone": zone[i % len(zone)],
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
