"""RDS clusters."""

from ..call import fault
from .holders import db_net
from .registry import on
from .states import enter, passing


@on("rds", "CreateDBCluster", "ModifyDBCluster", "DeleteDBCluster")
def change_db_cluster(call):
    name, op = (call.get("DBClusterIdentifier") or "").lower(), call.op
    cluster = call.moto("rds").clusters.get(name)
    if passing(call, "dbcluster", name):
        raise fault("InvalidDBClusterStateFault", f"DB cluster {name} is not in available state")
    if (
        op == "DeleteDBCluster"
        and cluster
        and not call.get("SkipFinalSnapshot")
        and not call.get("FinalDBSnapshotIdentifier")
    ):
        raise fault(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )
    subnets, groups, group = db_net(call.moto("rds"), cluster) if cluster else (set(), set(), None)
    answer = call.forward()
    now = {"CreateDBCluster": "creating", "ModifyDBCluster": "modifying", "DeleteDBCluster": "deleting"}[op]
    answer["DBCluster"]["Status"] = now
    enter(
        call,
        "dbcluster",
        name,
        now,
        {"subnets": subnets, "groups": groups, "shown": answer["DBCluster"], "group": group}
        if op == "DeleteDBCluster"
        else None,
    )
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
    if not name and not call.get("Filters"):
        answer["DBClusters"] += list(ghosts.values())
    return answer
