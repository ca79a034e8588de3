"""Cache clusters: Memcached by itself, and the members of replication groups."""

from ..call import fault
from .nodes import (
    check_groups,
    check_name,
    cluster_shape,
    known_parameters,
    known_version,
    no_change,
    node_settings,
    placed,
    sites,
    spread,
)
from .store import begin, listed, op, settled, view

STATUS = "CacheClusterStatus"


def shown(res):
    """What Describe shows; endpoints come with the end of `creating`."""
    here = view(res, STATUS)
    if res.busy == "creating":
        here.pop("ConfigurationEndpoint", None)
        here["CacheNodes"] = []
    return here


@op
def CreateCacheCluster(call, s):
    name, engine, nodes = call.get("CacheClusterId").lower(), call.get("Engine", "redis"), call.get("NumCacheNodes", 1)
    check_name(name, 50)
    if not 1 <= nodes <= 40:
        raise fault("InvalidParameterValue", "NumCacheNodes must be from 1 to 40")
    hidden = {**node_settings(call, s, engine), "Nodes": nodes}
    if engine != "memcached" and nodes != 1:
        raise fault("InvalidParameterValue", "NumCacheNodes should be 1 if engine is redis")
    if engine == "valkey":
        raise fault("InvalidParameterCombination", "Valkey is created as a replication group")
    if call.get("PreferredAvailabilityZones"):
        zones = call.get("PreferredAvailabilityZones")
    elif call.get("AZMode") == "cross-az":
        zones = spread(s, hidden, nodes)
    else:
        zones = [call.get("PreferredAvailabilityZone") or sorted(sites(s, hidden))[0]] * nodes
    hidden["Places"] = placed(s, hidden, zones)
    res = s.add("cluster", name, cluster_shape(s, name, hidden), call.get("Tags"))
    res.hidden = hidden
    begin(res, "creating")
    return {"CacheCluster": shown(res)}


def check_change(call, res):
    """The settings that wait for the maintenance window or ApplyImmediately, checked."""
    change = {k: call.get(k) for k in ("NumCacheNodes", "CacheNodeType", "EngineVersion") if call.get(k) is not None}
    now = res.hidden["Nodes"]
    if "CacheNodeType" in change and res.hidden["Engine"] == "memcached":
        raise fault(
            "InvalidParameterCombination", "Changing the cache node type is not supported for Memcached clusters"
        )
    if change.get("NumCacheNodes", now) < now:
        if len(call.get("CacheNodeIdsToRemove", [])) != now - change["NumCacheNodes"]:
            raise fault(
                "InvalidParameterCombination",
                "CacheNodeIdsToRemove must name as many nodes as are to go",
            )
    if "EngineVersion" in change:
        change["EngineVersion"], _ = known_version(res.hidden["Engine"], change["EngineVersion"])
    shown = {**res.hidden, "NumCacheNodes": now}
    return {k: v for k, v in change.items() if v != shown[k]}


def resized(s, hidden, count, mode):
    """The places of the nodes when there are so many: those that are added stay in one zone unless asked otherwise."""
    places = hidden["Places"][:count]
    more = count - len(places)
    lone = mode != "cross-az" and len(set(places)) == 1
    return places + placed(s, hidden, [places[0][0]] * more if lone else spread(s, hidden, more, places))


@op
def ModifyCacheCluster(call, s):
    res = s.get("cluster", call.get("CacheClusterId"))
    settled(res)
    change = check_change(call, res)
    check_groups(call, call.get("SecurityGroupIds"))
    if call.get("CacheParameterGroupName"):
        _, family = known_version(res.hidden["Engine"], res.hidden["EngineVersion"])
        known_parameters(s, family, call.get("CacheParameterGroupName"))
    at_once = (
        "PreferredMaintenanceWindow",
        "AutoMinorVersionUpgrade",
        "SnapshotRetentionLimit",
        "SnapshotWindow",
        "SecurityGroupIds",
        "CacheParameterGroupName",
    )
    now = {k: call.get(k) for k in at_once if call.get(k) is not None}
    applies = bool(call.get("ApplyImmediately")) and bool(res.hidden.get("Later"))
    if not change and not applies and all(res.hidden[k] == v for k, v in now.items()):
        raise no_change()
    res.hidden.update(now)
    mode = call.get("AZMode")
    waiting = {**res.hidden.get("Later", {}), **change}
    apply = bool(waiting) and bool(call.get("ApplyImmediately"))
    res.hidden["Later"] = {} if apply else waiting

    def done():
        if apply:
            res.hidden["Nodes"] = waiting.pop("NumCacheNodes", res.hidden["Nodes"])
            res.hidden["Places"] = resized(s, res.hidden, res.hidden["Nodes"], mode)
            res.hidden.update(waiting)
        res.shown = {**cluster_shape(s, res.name, res.hidden, res.shown.get("ReplicationGroupId")), "ARN": res.arn}

    if apply:
        begin(res, "modifying", done)
    else:
        done()
    return {"CacheCluster": shown(res)}


@op
def DescribeCacheClusters(call, s):
    lone = bool(call.get("ShowCacheClustersNotInReplicationGroups"))
    answer = listed(
        call,
        s,
        "cluster",
        "CacheClusterId",
        "CacheClusters",
        shown,
        lambda r: not (lone and r.shown.get("ReplicationGroupId")),
    )
    if not call.get("ShowCacheNodeInfo"):
        for c in answer["CacheClusters"]:
            c.pop("CacheNodes")
    return answer


@op
def DeleteCacheCluster(call, s):
    res = s.get("cluster", call.get("CacheClusterId"))
    settled(res)
    if call.get("FinalSnapshotIdentifier") and res.hidden["Engine"] == "memcached":
        raise fault("SnapshotFeatureNotSupportedFault", "Memcached has no snapshots")
    if res.shown.get("ReplicationGroupId"):
        raise fault(
            "InvalidCacheClusterState", f"Cache cluster {res.name} is serving as a member of a replication group"
        )
    begin(res, "deleting", lambda: s.kinds["cluster"].pop(res.name, None))
    return {"CacheCluster": shown(res)}
