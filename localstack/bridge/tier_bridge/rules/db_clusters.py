"""RDS (Aurora) clusters."""

from ..call import fault
from .db_instances import check_groups, check_password, check_upgrade, combination
from .db_secrets import give_name
from .engines import check_lifecycle, full_version, major
from .holders import db_net
from .registry import on
from .states import enter, passing


def busy(call, name):
    cluster = call.moto("rds").clusters.get(name)
    if passing(call, "dbcluster", name) or cluster and cluster.status == "stopped":
        raise fault("InvalidDBClusterStateFault", f"DB cluster {name} is not in available state")


@on("rds", "CreateDBCluster")
def create_db_cluster(call):
    engine, name = call.get("Engine"), (call.get("DBClusterIdentifier") or "").lower()
    rds, version = call.moto("rds"), full_version(engine, call.get("EngineVersion"))
    if name in rds.clusters or passing(call, "dbcluster", name):
        raise fault("DBClusterAlreadyExistsFault", "DB Cluster already exists")
    check_groups(call)
    check_password(call, needed=True)
    check_lifecycle(engine, version, call.get("EngineLifecycleSupport"))
    group = (call.get("DBSubnetGroupName") or "").lower()
    if group and group not in rds.subnet_groups:
        raise fault("DBSubnetGroupNotFoundFault", f"DB subnet group '{group}' does not exist.", 404)
    family = f"default.{engine}{major(engine, version)}"
    answer = call.forward({"DBClusterParameterGroupName": family, **call.request, "EngineVersion": version})
    give_name(rds.clusters[name])
    rds.clusters[name].lifecycle = call.get("EngineLifecycleSupport") or "open-source-rds-extended-support"
    enter(call, "dbcluster", name, "creating")
    answer["DBCluster"]["Status"] = "creating"
    return answer


@on("rds", "RestoreDBClusterFromSnapshot")
def restore_db_cluster_from_snapshot(call):
    """A restored cluster has neither protection nor a managed password, whatever it was made from had."""
    rds, name = call.moto("rds"), (call.get("DBClusterIdentifier") or "").lower()
    if name in rds.clusters or passing(call, "dbcluster", name):
        raise fault("DBClusterAlreadyExistsFault", "DB Cluster already exists")
    check_groups(call)
    group = (call.get("DBSubnetGroupName") or "").lower()
    if group and group not in rds.subnet_groups:
        raise fault("DBSubnetGroupNotFoundFault", f"DB subnet group '{group}' does not exist.", 404)
    snapshot = rds.cluster_snapshots.get(call.get("SnapshotIdentifier", "").lower())
    if snapshot:  # moto makes none from one whose password was managed
        snapshot.cluster.__dict__.setdefault("_master_user_password", "of the snapshot")
        snapshot.cluster.manage_master_user_password = False
    answer = call.forward()
    made = rds.clusters[name]
    made.deletion_protection = bool(call.get("DeletionProtection"))
    made.lifecycle = call.get("EngineLifecycleSupport") or "open-source-rds-extended-support"
    enter(call, "dbcluster", name, "creating")
    answer["DBCluster"]["Status"] = "creating"
    return answer


@on("rds", "ModifyDBCluster")
def modify_db_cluster(call):
    name = (call.get("DBClusterIdentifier") or "").lower()
    busy(call, name)
    cluster, request = call.moto("rds").clusters.get(name), dict(call.request)
    if not cluster:
        raise fault("DBClusterNotFoundFault", f"DBCluster {name} not found.", 404)
    check_groups(call)
    check_password(call, needed=False)
    if request.get("EngineVersion"):
        check_upgrade(call, cluster.engine, cluster.engine_version)
        request["EngineVersion"] = full_version(cluster.engine, request["EngineVersion"])
    answer = call.forward(request)
    give_name(cluster)
    enter(call, "dbcluster", name, "modifying")
    answer["DBCluster"]["Status"] = passing(call, "dbcluster", name) or "available"
    return answer


@on("rds", "DeleteDBCluster")
def delete_db_cluster(call):
    rds, name = call.moto("rds"), (call.get("DBClusterIdentifier") or "").lower()
    busy(call, name)
    cluster = rds.clusters.get(name)
    if cluster and not call.get("SkipFinalSnapshot") and not call.get("FinalDBSnapshotIdentifier"):
        raise combination("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
    subnets, groups, group = db_net(rds, cluster) if cluster else (set(), set(), None)
    answer = call.forward()
    # moto keeps the automated snapshots, and so refuses a cluster of the same name within the same minute.
    for key, snapshot in list(rds.cluster_snapshots.items()):
        if key.startswith("rds:") and snapshot.cluster.db_cluster_identifier == name:
            del rds.cluster_snapshots[key]
    answer["DBCluster"]["Status"] = "deleting"
    extra = {"subnets": subnets, "groups": groups, "vpc": None, "group": group, "shown": answer["DBCluster"]}
    enter(call, "dbcluster", name, "deleting", extra)
    return answer


@on("rds", "DescribeDBClusters")
def describe_db_clusters(call):
    name = (call.get("DBClusterIdentifier") or "").split(":")[-1].lower()
    ghosts = {n: e["shown"] for n, e in passing(call, "dbcluster").items() if e}
    if name in ghosts:
        return {"DBClusters": [ghosts[name]]}
    answer = call.forward()
    for c in answer.get("DBClusters", []):
        c["Status"] = passing(call, "dbcluster", c["DBClusterIdentifier"]) or c["Status"]
        cluster = call.moto("rds").clusters.get(c["DBClusterIdentifier"])
        if getattr(cluster, "lifecycle", None):
            c["EngineLifecycleSupport"] = cluster.lifecycle
    if not name and not call.get("Filters"):
        answer["DBClusters"] += list(ghosts.values())
    return answer
