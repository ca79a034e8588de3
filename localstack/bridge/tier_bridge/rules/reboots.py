"""Reboots and failovers of databases."""

from ..call import fault
from .db_clusters import busy
from .registry import on
from .states import enter, passing

BOOTS = {}  # (account, region, name) -> how often it was started anew


def boots(place, name):
    return BOOTS.get((place.account, place.region, name), 0)


def booted(call, name):
    BOOTS[call.account, call.region, name] = boots(call, name) + 1


@on("rds", "RebootDBInstance")
def reboot_db_instance(call):
    name = (call.get("DBInstanceIdentifier") or "").lower()
    db = call.moto("rds").databases.get(name)
    if not db:
        raise fault("DBInstanceNotFound", f"DBInstance {name} not found.", 404)
    if passing(call, "db", name) or db.status != "available":
        raise fault("InvalidDBInstanceState", f"DB instance {name} is not in available state")
    if call.get("ForceFailover") and not db.multi_az:
        raise fault("InvalidParameterCombination", f"Cannot force a failover: {name} is not a Multi-AZ DB instance")
    answer = call.forward()
    booted(call, name)
    enter(call, "db", name, "rebooting")
    answer["DBInstance"]["DBInstanceStatus"] = "rebooting"
    return answer


@on("rds", "FailoverDBCluster")
def failover_db_cluster(call):
    name = (call.get("DBClusterIdentifier") or "").lower()
    busy(call, name)
    # moto refuses a cluster that is not there, or that has nothing to fail over to.
    answer = call.forward()
    booted(call, name)
    enter(call, "dbcluster", name, "failing-over")
    answer["DBCluster"]["Status"] = passing(call, "dbcluster", name) or "available"
    return answer
