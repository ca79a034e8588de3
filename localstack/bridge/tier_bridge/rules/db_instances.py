"""RDS instances."""

from ..call import fault
from .db_secrets import give_name
from .engines import full_version, major
from .holders import db_net
from .registry import on
from .states import enter, leave, passing

# What waits for the maintenance window unless ApplyImmediately is given.
WAITS = ("DBInstanceClass", "AllocatedStorage", "EngineVersion", "MultiAZ", "StorageType", "Iops")
LATER = {}  # (account, region, id) -> changes which wait


def invalid(text, code="InvalidParameterValue"):
    return fault(code, text)


def combination(text):
    return fault("InvalidParameterCombination", text)


def check_groups(call):
    known = {g for by_vpc in list(call.moto("ec2").groups.values()) for g in by_vpc}
    for g in call.get("VpcSecurityGroupIds", []):
        if g not in known:
            raise invalid(f"Invalid security group , groupId= {g}, groupName=.")


def check_password(call, needed):
    password, managed = call.get("MasterUserPassword"), call.get("ManageMasterUserPassword")
    if needed and not password and not managed:
        raise invalid("The parameter MasterUserPassword must be provided and must not be blank.")
    if password and managed:
        raise combination("You can't specify MasterUserPassword when ManageMasterUserPassword is enabled.")
    if password and not 8 <= len(password) <= 128:
        raise invalid("The parameter MasterUserPassword is not a valid password because it is not 8 to 128 characters.")


def check_class(kind):
    if kind.count(".") < (1 if kind == "db.serverless" else 2) or not kind.startswith("db."):
        raise invalid(f"Invalid DB Instance class: {kind}")


def check_create(call):
    engine, cluster, user = call.get("Engine"), call.get("DBClusterIdentifier"), call.get("MasterUsername", "")
    storage, disk = call.get("AllocatedStorage", 20), call.get("StorageType", "gp3")
    check_class(call.get("DBInstanceClass", ""))
    check_groups(call)
    check_password(call, needed=not cluster)
    if engine == "postgres" and user.lower() in ("admin", "rdsadmin"):
        raise invalid(f"MasterUsername {user} cannot be used as it is a reserved word used by the engine")
    if not cluster and storage < (20 if disk in ("gp2", "gp3") else 5):
        raise invalid(f"Invalid storage size for engine name {engine} and storage type {disk}: {storage}")
    if not 0 <= call.get("BackupRetentionPeriod", 1) <= 35:
        raise invalid(
            f"Invalid backup retention period: {call.get('BackupRetentionPeriod')}. "
            "Retention period must be between 0 and 35"
        )
    if cluster and passing(call, "dbcluster", cluster.lower()) == "deleting":
        raise invalid(f"DB cluster {cluster} is being deleted", "InvalidDBClusterStateFault")


@on("rds", "CreateDBInstance")
def create_db_instance(call):
    version = full_version(call.get("Engine"), call.get("EngineVersion"))
    check_create(call)
    name = call.get("DBInstanceIdentifier").lower()
    if passing(call, "db", name):
        raise fault("DBInstanceAlreadyExists", "DB instance already exists")
    cluster = call.moto("rds").clusters.get((call.get("DBClusterIdentifier") or "").lower())
    answer = call.forward({**call.request, "EngineVersion": cluster.engine_version if cluster else version})
    made = call.moto("rds").databases[name]
    give_name(made)
    enter(call, "db", name, "creating")
    return {"DBInstance": shown(call, answer["DBInstance"], "creating")}


def shown(call, d, state=None):
    """What Describe shows: the state, no endpoint before there is one, and what waits."""
    name = d["DBInstanceIdentifier"]
    state = state or passing(call, "db", name)
    if state:
        d["DBInstanceStatus"] = state
    if state == "creating":
        d.pop("Endpoint", None)
    for group in d.get("DBParameterGroups", []):
        if group["DBParameterGroupName"].startswith("default."):
            group["DBParameterGroupName"] = f"default.{d['Engine']}{major(d['Engine'], d['EngineVersion'])}"
    waiting = LATER.get((call.account, call.region, name), {})
    d["PendingModifiedValues"] = {**(d.get("PendingModifiedValues") or {}), **waiting}
    return d


@on("rds", "DescribeDBInstances")
def describe_db_instances(call):
    name = (call.get("DBInstanceIdentifier") or "").split(":")[-1].lower()
    ghosts = {n: e["shown"] for n, e in passing(call, "db").items() if e}
    if name and name in ghosts:
        return {"DBInstances": [ghosts[name]]}
    answer = call.forward()
    answer["DBInstances"] = [shown(call, d) for d in answer.get("DBInstances", [])]
    if not name and not call.get("Filters"):
        answer["DBInstances"] += list(ghosts.values())
    return answer


def check_modify(call, db):
    storage, has = call.get("AllocatedStorage"), int(db.allocated_storage or 0)
    check_groups(call)
    check_password(call, needed=False)
    if call.get("DBInstanceClass"):
        check_class(call.get("DBInstanceClass"))
    if storage and storage < has:
        raise combination(f"Requested storage size ({storage}) cannot be less than the current storage size ({has})")
    if call.get("EngineVersion"):
        check_upgrade(call, db.engine, db.engine_version)


def check_upgrade(call, engine, has):
    """Versions go up only, and over a major one only with the flag that says so."""
    wanted = full_version(engine, call.get("EngineVersion"))
    if numbers(wanted) < numbers(has):
        raise combination(f"Cannot upgrade {engine} from {has} to {wanted}")
    if major(engine, wanted) != major(engine, has) and not call.get("AllowMajorVersionUpgrade"):
        raise combination("The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.")


def numbers(version):
    return [int(n) for n in version.split(".") if n.isdigit()]


@on("rds", "ModifyDBInstance")
def modify_db_instance(call):
    rds, name = call.moto("rds"), (call.get("DBInstanceIdentifier") or "").lower()
    db = rds.databases.get(name)
    if not db:
        return call.forward()
    if passing(call, "db", name):
        raise fault("InvalidDBInstanceState", "Database instance is not in available state.")
    check_modify(call, db)
    key, request = (call.account, call.region, name), dict(call.request)
    if request.get("EngineVersion"):
        request["EngineVersion"] = full_version(db.engine, request["EngineVersion"])
    if call.get("ApplyImmediately"):
        request = {**LATER.pop(key, {}), **request}
    else:
        waiting = {k: request.pop(k) for k in WAITS if k in request}
        if waiting:
            LATER.setdefault(key, {}).update(waiting)
    answer = call.forward(request)
    give_name(db)
    if call.get("ApplyImmediately") and any(k in request for k in WAITS):
        enter(call, "db", name, "modifying")
    return {"DBInstance": shown(call, answer["DBInstance"])}


@on("rds", "DeleteDBInstance")
def delete_db_instance(call):
    rds, name = call.moto("rds"), (call.get("DBInstanceIdentifier") or "").lower()
    db = rds.databases.get(name)
    if passing(call, "db", name) in ("creating", "deleting"):
        raise fault("InvalidDBInstanceState", f"Instance {name} is already being deleted or not yet created.")
    if not db:
        return call.forward()
    skip, final = call.get("SkipFinalSnapshot"), call.get("FinalDBSnapshotIdentifier")
    if db.db_cluster_identifier and final:
        raise combination("FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance")
    if not db.db_cluster_identifier and not skip and not final:
        raise combination("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
    if skip and final:
        raise combination("FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is true.")
    subnets, groups, group = db_net(rds, db)
    extra = {"subnets": subnets, "groups": groups, "vpc": None, "group": group}
    leave(call, "db", name)
    answer = call.forward()
    LATER.pop((call.account, call.region, name), None)
    extra["shown"] = shown(call, answer["DBInstance"], "deleting")
    enter(call, "db", name, "deleting", extra)
    return answer
