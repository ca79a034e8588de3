"""Replication groups and how their members are laid out."""

from ..call import fault
from .nodes import (
    check_groups,
    check_name,
    check_node_type,
    cluster_shape,
    endpoint,
    family_of,
    known_parameters,
    known_version,
    no_change,
    node_settings,
    placed,
    spread,
)
from .store import EXISTS, listed, op, pass_through, settled, view


def shown(res):
    """What Describe shows; endpoints come with the end of `creating`."""
    here = view(res, "Status")
    if res.busy == "creating":
        here.pop("ConfigurationEndpoint", None)
        for group in here["NodeGroups"]:
            group["Status"] = "creating"
            group.pop("PrimaryEndpoint", None)
            group.pop("ReaderEndpoint", None)
            for member in group["NodeGroupMembers"]:
                member.pop("ReadEndpoint", None)
    return here


def primary(hidden):
    """Which of the nodes is the primary: the first, until a failover."""
    return hidden.get("Primary", 0) if hidden.get("Primary", 0) <= hidden["Replicas"] else 0


def member(s, res, name, index):
    """One node as its node group shows it."""
    hidden = res.hidden
    node = {"CacheClusterId": name, "CacheNodeId": "0001", "PreferredAvailabilityZone": hidden["Places"][index][0]}
    if hidden["ClusterMode"] != "enabled":
        node["CurrentRole"] = "primary" if index == primary(hidden) else "replica"
        node["ReadEndpoint"] = endpoint(s, hidden, name, res.name, "abc123", "0001")
    return node


def node_group(s, res, index):
    """One shard. Its members are named by the service from the group's name."""
    name, hidden = res.name, res.hidden
    sharded, step = hidden["ClusterMode"] == "enabled", 16384 // hidden["Shards"]
    stem = f"{name}-{index + 1:04}" if sharded else name
    group = {
        "NodeGroupId": f"{index + 1:04}",
        "Status": "available",
        "NodeGroupMembers": [member(s, res, f"{stem}-{j + 1:03}", j) for j in range(hidden["Replicas"] + 1)],
    }
    if sharded:
        last = 16383 if index == hidden["Shards"] - 1 else (index + 1) * step - 1
        group["Slots"] = f"{index * step}-{last}"
    else:
        group["PrimaryEndpoint"] = endpoint(s, hidden, "master", name, "abc123")
        group["ReaderEndpoint"] = endpoint(s, hidden, "replica", name, "abc123")
    return group


def lay_out(s, res):
    """(Re)make what is shown of the group, and its member clusters, from its settings."""
    hidden, have = res.hidden, s.kinds["cluster"]
    same = (
        "Description",
        "Engine",
        "AutomaticFailover",
        "MultiAZ",
        "SnapshotRetentionLimit",
        "SnapshotWindow",
        "CacheNodeType",
        "AuthTokenEnabled",
        "TransitEncryptionEnabled",
        "TransitEncryptionMode",
        "AtRestEncryptionEnabled",
        "KmsKeyId",
        "AutoMinorVersionUpgrade",
        "ClusterMode",
    )
    groups = [node_group(s, res, i) for i in range(hidden["Shards"])]
    names = [m["CacheClusterId"] for g in groups for m in g["NodeGroupMembers"]]
    res.shown = {
        **{k: hidden[k] for k in same if hidden[k] is not None},
        "ARN": res.arn,
        "ReplicationGroupId": res.name,
        "Status": "available",
        "PendingModifiedValues": {},
        "ClusterEnabled": hidden["ClusterMode"] == "enabled",
        "ReplicationGroupCreateTime": hidden["Created"],
        "NetworkType": "ipv4",
        "IpDiscovery": "ipv4",
        "DataTiering": "disabled",
        "UserGroupIds": [],
        "MemberClusters": names,
        "NodeGroups": groups,
    }
    if res.shown["ClusterEnabled"]:
        res.shown["ConfigurationEndpoint"] = endpoint(s, hidden, "clustercfg", res.name, "abc123")
    for old in [n for n, c in have.items() if c.shown.get("ReplicationGroupId") == res.name and n not in names]:
        del have[old]
    for name in names:
        if name not in have:
            s.add("cluster", name, {}, [{"Key": k, "Value": v} for k, v in res.tags.items()])
        place = hidden["Places"][names.index(name) % (hidden["Replicas"] + 1)]
        have[name].hidden = {**hidden, "Places": [place]}
        have[name].shown = {**cluster_shape(s, name, have[name].hidden, res.name), "ARN": have[name].arn}


@op
def CreateReplicationGroup(call, s):
    name, engine = call.get("ReplicationGroupId").lower(), call.get("Engine", "redis")
    if engine == "memcached":
        raise fault("InvalidParameterValue", "Memcached has no replication groups")
    if name in s.kinds["group"]:
        raise fault(EXISTS["group"], f"Replication group with id {name} already exists")
    check_name(name, 40)
    settings = node_settings(call, s, engine)
    shards = call.get("NumNodeGroups", 1)
    replicas = call.get("ReplicasPerNodeGroup", max(call.get("NumCacheClusters", 1) - 1, 0))
    failover, multi_az = bool(call.get("AutomaticFailoverEnabled")), bool(call.get("MultiAZEnabled"))
    if replicas > 5:
        raise fault("InvalidParameterValue", "A node group has at most 5 replicas")
    check_failover(failover, multi_az, replicas, shards)
    asked = call.get("PreferredCacheClusterAZs")
    if asked and len(asked) != replicas + 1:
        raise fault("InvalidParameterValue", "PreferredCacheClusterAZs must name a zone for each node")
    settings["Places"] = placed(s, settings, asked or spread(s, settings, replicas + 1))
    check_zones(multi_az, settings["Places"])
    res = s.add("group", name, {}, call.get("Tags"))
    res.hidden = {
        **settings,
        "Description": call.get("ReplicationGroupDescription"),
        "AutomaticFailover": "enabled" if failover else "disabled",
        "MultiAZ": "enabled" if multi_az else "disabled",
        "KmsKeyId": call.get("KmsKeyId"),
        "Shards": shards,
        "Replicas": replicas,
        "ClusterMode": call.get("ClusterMode") or ("enabled" if shards > 1 else "disabled"),
        "Later": {},
    }
    lay_out(s, res)
    pass_through(s, res, "creating", None)
    return {"ReplicationGroup": shown(res)}


def check_failover(failover, multi_az, replicas, shards):
    if failover and not replicas and shards == 1:
        raise fault(
            "InvalidParameterCombination",
            "Automatic failover is not supported for a replication group with one node",
        )
    if multi_az and not failover:
        raise fault("InvalidParameterCombination", "Multi-AZ needs automatic failover")


def check_zones(multi_az, places):
    if multi_az and len({zone for zone, _ in places}) < 2:
        raise fault(
            "InvalidParameterCombination",
            "Multi-AZ cannot be enabled: all nodes of the replication group are in one Availability Zone",
        )


def check_change(call, s, hidden):
    """The settings that wait for the maintenance window or ApplyImmediately, checked."""
    check_groups(call, call.get("SecurityGroupIds"))
    failover = call.get("AutomaticFailoverEnabled", hidden["AutomaticFailover"] == "enabled")
    multi_az = call.get("MultiAZEnabled", hidden["MultiAZ"] == "enabled")
    check_failover(failover, multi_az, hidden["Replicas"], hidden["Shards"])
    check_zones(multi_az, hidden["Places"])
    engine, change = call.get("Engine") or hidden["Engine"], {}
    if engine != hidden["Engine"] and (hidden["Engine"], engine) != ("redis", "valkey"):
        raise fault("InvalidParameterCombination", f"The engine cannot change from {hidden['Engine']} to {engine}")
    if engine != hidden["Engine"] or call.get("EngineVersion"):
        change["Engine"] = engine
        change["EngineVersion"], family = known_version(engine, call.get("EngineVersion"))
        if engine == hidden["Engine"] and numbers(change["EngineVersion"]) < numbers(hidden["EngineVersion"]):
            raise fault("InvalidParameterCombination", "The engine version cannot go down")
        asked = call.get("CacheParameterGroupName")
        change["CacheParameterGroupName"] = parameters_for(s, family, asked, hidden, engine)
    elif call.get("CacheParameterGroupName"):
        _, family = known_version(engine, hidden["EngineVersion"])
        change["CacheParameterGroupName"] = known_parameters(s, family, call.get("CacheParameterGroupName"))
    if call.get("CacheNodeType"):
        check_node_type(call.get("CacheNodeType"))
        change["CacheNodeType"] = call.get("CacheNodeType")
    mode = call.get("TransitEncryptionMode")
    if call.get("TransitEncryptionEnabled") and not hidden["TransitEncryptionEnabled"]:
        if mode != "preferred":
            raise fault("InvalidParameterCombination", "Encryption in transit begins with the mode preferred")
        change["TransitEncryptionEnabled"] = True
    if mode:
        change["TransitEncryptionMode"] = mode
    return {k: v for k, v in change.items() if v != hidden[k]}


def parameters_for(s, family, asked, hidden, engine):
    """The parameter group for another version: AWS finds one of another family by itself only on the way from
    Redis to Valkey, and only from its own group."""
    now = hidden["CacheParameterGroupName"]
    if asked or family_of(s, now) == family:
        return known_parameters(s, family, asked or now)
    if engine != hidden["Engine"] and now.startswith("default."):
        return f"default.{family}"
    return known_parameters(s, family, now)


def numbers(version):
    return [int(n) for n in version.split(".")]


@op
def ModifyReplicationGroup(call, s):
    res = s.get("group", call.get("ReplicationGroupId"))
    settled(res)
    hidden, change = res.hidden, check_change(call, s, res.hidden)
    # These apply at once whatever ApplyImmediately says.
    now = {
        to: call.get(key)
        for key, to in (
            ("ReplicationGroupDescription", "Description"),
            *((k, k) for k in ("SnapshotRetentionLimit", "SnapshotWindow", "AutoMinorVersionUpgrade")),
            *((k, k) for k in ("PreferredMaintenanceWindow", "SecurityGroupIds")),
        )
        if call.get(key) is not None
    }
    for key, to in (("AutomaticFailoverEnabled", "AutomaticFailover"), ("MultiAZEnabled", "MultiAZ")):
        if call.get(key) is not None:
            now[to] = "enabled" if call.get(key) else "disabled"
    token = call.get("AuthToken") or call.get("AuthTokenUpdateStrategy") == "DELETE"
    applies = call.get("ApplyImmediately") and hidden["Later"]
    if not change and not token and not applies and all(hidden[k] == v for k, v in now.items()):
        raise no_change()
    hidden.update(now)
    if token:
        hidden["AuthTokenEnabled"] = call.get("AuthTokenUpdateStrategy") != "DELETE"
    waiting = {**hidden["Later"], **change}
    # AWS shows what waits of these on the member clusters, and not on the group.
    hidden["Later"] = {} if call.get("ApplyImmediately") else waiting

    def done():
        if call.get("ApplyImmediately"):
            hidden.update(waiting)
        lay_out(s, res)

    pass_through(s, res, "modifying", done)
    return {"ReplicationGroup": shown(res)}


def rearranged(s, hidden, replicas, asked):
    """The places of all nodes when there are so many replicas."""
    places = hidden["Places"][: replicas + 1]
    more = replicas + 1 - len(places)
    if asked:
        if len(asked) != replicas + 1:
            raise fault("InvalidParameterValue", "PreferredAvailabilityZones must name a zone for each node")
        return places + placed(s, hidden, asked[len(places) :])
    # AWS promises other zones to Multi-AZ groups only.
    zones = spread(s, hidden, more, places) if hidden["MultiAZ"] == "enabled" else [places[0][0]] * more
    return places + placed(s, hidden, zones)


def change_replicas(call, s, up):
    res = s.get("group", call.get("ReplicationGroupId"))
    settled(res)
    shards = call.get("ReplicaConfiguration") or [{}]
    have, count = res.hidden["Replicas"], shards[0].get("NewReplicaCount") or call.get("NewReplicaCount")
    if count is None:
        raise fault("InvalidParameterCombination", "Either NewReplicaCount or ReplicaConfiguration must be given")
    if not call.get("ApplyImmediately"):
        raise fault("InvalidParameterValue", "ApplyImmediately must be true")
    if (count <= have) if up else (count >= have):
        raise fault("InvalidParameterValue", f"NewReplicaCount {count} is not {'more' if up else 'less'} than {have}")
    if count > 5 or (count < 1 and res.hidden["AutomaticFailover"] == "enabled"):
        raise fault("InvalidParameterCombination", f"{count} replicas are not possible for this replication group")

    places = rearranged(s, res.hidden, count, shards[0].get("PreferredAvailabilityZones"))

    def done():
        res.hidden["Replicas"], res.hidden["Places"] = count, places
        lay_out(s, res)

    pass_through(s, res, "modifying", done)
    return {"ReplicationGroup": shown(res)}


@op
def IncreaseReplicaCount(call, s):
    return change_replicas(call, s, True)


@op
def DecreaseReplicaCount(call, s):
    return change_replicas(call, s, False)


@op
def TestFailover(call, s):
    res = s.get("group", call.get("ReplicationGroupId"))
    settled(res)
    hidden = res.hidden
    if call.get("NodeGroupId") not in [group["NodeGroupId"] for group in res.shown["NodeGroups"]]:
        raise fault("NodeGroupNotFoundFault", f"Node group {call.get('NodeGroupId')} not found.", 404)
    if hidden["AutomaticFailover"] != "enabled":
        raise fault("InvalidReplicationGroupState", "Automatic failover is not enabled")

    def done():
        hidden["Primary"] = (primary(hidden) + 1) % (hidden["Replicas"] + 1)
        lay_out(s, res)

    pass_through(s, res, "modifying", done)
    return {"ReplicationGroup": shown(res)}


@op
def DescribeReplicationGroups(call, s):
    return listed(call, s, "group", "ReplicationGroupId", "ReplicationGroups", shown)


@op
def DeleteReplicationGroup(call, s):
    res = s.get("group", call.get("ReplicationGroupId"))
    settled(res)

    def done():
        for name, cluster in list(s.kinds["cluster"].items()):
            if cluster.shown.get("ReplicationGroupId") == res.name:
                if call.get("RetainPrimaryCluster") and name.endswith("-001"):
                    del cluster.shown["ReplicationGroupId"]
                else:
                    del s.kinds["cluster"][name]
        s.kinds["group"].pop(res.name, None)

    pass_through(s, res, "deleting", done)
    return {"ReplicationGroup": shown(res)}
