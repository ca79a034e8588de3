"""RDS instances and subnet groups."""

from ..call import fault
from .holders import db_net
from .registry import on
from .states import enter, passing


ENGINES = {  # engine -> (versions, parameter group family prefix)
    "postgres": "15.8 16.4 16.6 17.2",
    "mysql": "8.0.39 8.0.40 8.4.3",
    "mariadb": "10.11.9 11.4.3",
    "aurora-postgresql": "15.8 16.4 16.6",
    "aurora-mysql": "8.0.mysql_aurora.3.07.1 8.0.mysql_aurora.3.08.0",
}
WAITS = (
    "DBInstanceClass",
    "AllocatedStorage",
    "EngineVersion",
    "MultiAZ",
    "MasterUserPassword",
    "StorageType",
    "Iops",
)
LATER = {}  # (account, region, id) -> changes which wait for the maintenance window


def major(engine, version):
    return version.split(".")[0] if "postgres" in engine else ".".join(version.split(".")[:2])


@on("rds", "DescribeDBEngineVersions")
def describe_db_engine_versions(call):
    found = [
        {
            "Engine": e,
            "EngineVersion": v,
            "DBParameterGroupFamily": e + major(e, v),
            "DBEngineDescription": e,
            "DBEngineVersionDescription": f"{e} {v}",
            "MajorEngineVersion": major(e, v),
            "Status": "available",
        }
        for e, versions in ENGINES.items()
        for v in versions.split()
        if call.get("Engine") in (None, e)
        and (
            not call.get("EngineVersion")
            or v == call.get("EngineVersion")
            or v.startswith(call.get("EngineVersion") + ".")
        )
    ]
    return {"DBEngineVersions": found}


@on("rds", "CreateDBSubnetGroup", "ModifyDBSubnetGroup")
def db_subnet_group(call):
    rds, name = call.moto("rds"), call.get("DBSubnetGroupName")
    known = {s.id: s for by_zone in call.moto("ec2").subnets.values() for s in by_zone.values()}
    old = rds.subnet_groups.get(name)
    if call.op.startswith("Create") and old:
        raise fault("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists.")
    for s in call.get("SubnetIds", []):
        if s not in known:
            raise fault("InvalidSubnet", f"The subnet '{s}' does not exist")
    if len({known[s].availability_zone for s in call.get("SubnetIds", [])}) < 2:
        raise fault(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: 1. Add subnets to cover at least 2 AZs.",
        )
    answer = call.forward()
    if old:
        rds.subnet_groups[name] = old  # moto loses a group when it is modified
    return answer


@on("rds", "DeleteDBSubnetGroup")
def delete_db_subnet_group(call):
    rds, name = call.moto("rds"), (call.get("DBSubnetGroupName") or "").lower()
    used = [db_net(rds, d)[2] for d in [*rds.databases.values(), *rds.clusters.values()]]
    used += [e["group"] for kind in ("db", "dbcluster") for e in passing(call, kind).values() if e]
    if name in used:
        raise fault(
            "InvalidDBSubnetGroupStateFault",
            f"Cannot delete the subnet group '{name}' because at least one database instance is still using it.",
        )
    return call.forward()


@on("rds", "CreateDBInstance")
def create_db_instance(call):
    kind, cluster, engine = (
        call.get("DBInstanceClass", ""),
        call.get("DBClusterIdentifier"),
        call.get("Engine"),
    )
    if kind.count(".") < (1 if kind == "db.serverless" else 2) or not kind.startswith("db."):
        raise fault("InvalidParameterValue", f"Invalid DB Instance class: {kind}")
    if engine not in ENGINES:
        raise fault("InvalidParameterValue", "Invalid DB engine")
    if call.get("EngineVersion") and not any(
        v == call.get("EngineVersion") or v.startswith(call.get("EngineVersion") + ".")
        for v in ENGINES[engine].split()
    ):
        raise fault(
            "InvalidParameterCombination", f"Cannot find version {call.get('EngineVersion')} for {engine}"
        )
    if not cluster and not (call.get("MasterUserPassword") or call.get("ManageMasterUserPassword")):
        raise fault(
            "InvalidParameterValue",
            "The parameter MasterUserPassword must be provided and must not be blank.",
        )
    if call.get("MasterUserPassword") and not 8 <= len(call.get("MasterUserPassword")) <= 128:
        raise fault(
            "InvalidParameterValue",
            "The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.",
        )
    if (
        call.get("MasterUsername", "").lower() in ("admin", "rdsadmin", "postgres")
        and engine == "postgres"
        and call.get("MasterUsername") != "postgres"
    ):
        raise fault(
            "InvalidParameterValue",
            f"MasterUsername {call.get('MasterUsername')} cannot be used as it is a reserved word used by the engine",
        )
    if not cluster and call.get("AllocatedStorage", 20) < (
        20 if call.get("StorageType", "gp3") in ("gp2", "gp3") else 5
    ):
        raise fault(
            "InvalidParameterValue",
            f"Invalid storage size for engine name {engine} and storage type {call.get('StorageType', 'gp2')}: {call.get('AllocatedStorage')}",
        )
    if not 0 <= call.get("BackupRetentionPeriod", 1) <= 35:
        raise fault(
            "InvalidParameterValue",
            f"Invalid backup retention period: {call.get('BackupRetentionPeriod')}. Retention period must be between 0 and 35",
        )
    known = {g for by_vpc in call.moto("ec2").groups.values() for g in by_vpc}
    for g in call.get("VpcSecurityGroupIds", []):
        if g not in known:
            raise fault("InvalidParameterValue", f"Invalid security group , groupId= {g}, groupName=.")
    if passing(call, "db", call.get("DBInstanceIdentifier").lower()):
        raise fault("DBInstanceAlreadyExists", "DB instance already exists")
    answer = call.forward()
    return shown_db(call, answer, "creating")


def shown_db(call, answer, state, extra=None):
    enter(call, "db", answer["DBInstance"]["DBInstanceIdentifier"], state, extra)
    answer["DBInstance"]["DBInstanceStatus"] = state
    if state == "creating":
        answer["DBInstance"].pop("Endpoint", None)
    return answer


def with_state(call, d):
    now = passing(call, "db", d["DBInstanceIdentifier"])
    if now:
        d["DBInstanceStatus"] = now
        if now == "creating":
            d.pop("Endpoint", None)
    waiting = LATER.get((call.account, call.region, d["DBInstanceIdentifier"]))
    if waiting:
        d["PendingModifiedValues"] = {**(d.get("PendingModifiedValues") or {}), **waiting}
    return d


@on("rds", "DescribeDBInstances")
def describe_db_instances(call):
    name = (call.get("DBInstanceIdentifier") or "").split(":")[-1].lower()
    ghosts = {n: e["shown"] for n, e in passing(call, "db").items() if e}
    if name and name in ghosts:
        return {"DBInstances": [ghosts[name]]}
    answer = call.forward()
    answer["DBInstances"] = [with_state(call, d) for d in answer.get("DBInstances", [])]
    if not name and not call.get("Filters"):
        answer["DBInstances"] += list(ghosts.values())
    return answer


@on("rds", "ModifyDBInstance")
def modify_db_instance(call):
    rds, name = call.moto("rds"), (call.get("DBInstanceIdentifier") or "").lower()
    db = rds.databases.get(name)
    if not db:
        return call.forward()
    if passing(call, "db", name):
        raise fault("InvalidDBInstanceState", "Database instance is not in available state.")
    if call.get("AllocatedStorage") and call.get("AllocatedStorage") < int(db.allocated_storage or 0):
        raise fault(
            "InvalidParameterCombination",
            f"Requested storage size ({call.get('AllocatedStorage')}) cannot be less than the current storage size ({db.allocated_storage})",
        )
    key, request = (call.account, call.region, name), dict(call.request)
    if call.get("ApplyImmediately"):
        request = {**LATER.pop(key, {}), **request}
    else:
        waiting = {k: request.pop(k) for k in WAITS if k in request}
        if waiting:
            LATER.setdefault(key, {}).update(waiting)
    answer = call.forward(request)
    if call.get("ApplyImmediately") and any(k in request for k in WAITS):
        enter(call, "db", name, "modifying")
    answer["DBInstance"] = with_state(call, answer["DBInstance"])
    return answer


@on("rds", "DeleteDBInstance")
def delete_db_instance(call):
    rds, name = call.moto("rds"), (call.get("DBInstanceIdentifier") or "").lower()
    db = rds.databases.get(name)
    if not db:
        return call.forward()
    if passing(call, "db", name) in ("creating", "deleting"):
        raise fault("InvalidDBInstanceState", f"Instance {name} is already being deleted or not yet created.")
    if (
        not db.db_cluster_identifier
        and not call.get("SkipFinalSnapshot")
        and not call.get("FinalDBSnapshotIdentifier")
    ):
        raise fault(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )
    subnets, groups, group = db_net(rds, db)
    extra = {"subnets": subnets, "groups": groups, "vpc": None, "group": group}
    answer = call.forward()
    LATER.pop((call.account, call.region, name), None)
    answer = shown_db(call, answer, "deleting", extra)
    extra["shown"] = answer["DBInstance"]
    return answer
