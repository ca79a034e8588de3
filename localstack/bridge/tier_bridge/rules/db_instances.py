"""RDS instances."""

import math

from ..call import fault
from .db_secrets import give_name
from .engines import check_lifecycle, check_offered, full_version, major, numbers, targets
from .holders import db_net
from .registry import on
from .states import enter, leave, passing

# What waits for the maintenance window unless ApplyImmediately is given.
WAITS = ("DBInstanceClass", "AllocatedStorage", "EngineVersion", "MultiAZ", "StorageType", "Iops")
LATER = {}  # (account, region, id) -> changes which wait
STRIPED = 400  # GiB from which gp3 has IOPS of its own


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


def check_iops(call, engine, disk, storage):
    """A small gp3 disk has the IOPS it has."""
    told = call.get("Iops") or call.get("StorageThroughput")
    if disk == "gp3" and told and storage < STRIPED:
        raise combination(
            f"You can't specify IOPS or storage throughput for engine {engine} and a storage size less than {STRIPED}."
        )
    if disk == "gp3" and call.get("Iops") and call.get("Iops") < 12000:
        raise combination(f"The IOPS for engine {engine} and this storage size must be at least 12000.")


def zones_of(rds, name):
    group = rds.subnet_groups.get((name or "").lower())
    return sorted({s.availability_zone for s in group._subnets}) if group else []


def place(call, db):
    """Put an instance into a zone of its subnet group: the one asked for, or any."""
    zones, asked = zones_of(call.moto("rds"), db_net(call.moto("rds"), db)[2]), call.get("AvailabilityZone")
    if zones and not asked:
        db.availability_zone = zones[0]
    db.secondary_zone = next((z for z in zones if z != db.availability_zone), None)


def check_zone(call, group):
    zones, asked = zones_of(call.moto("rds"), group), call.get("AvailabilityZone")
    if asked and call.get("MultiAZ"):
        raise combination("Requesting a specific availability zone is not valid for Multi-AZ instances.")
    if asked and zones and asked not in zones:
        raise fault("InvalidVPCNetworkStateFault", f"The subnet group has no subnet in {asked}.")


def check_create(call, version):
    engine, cluster, user = call.get("Engine"), call.get("DBClusterIdentifier"), call.get("MasterUsername", "")
    storage, disk = call.get("AllocatedStorage", 20), call.get("StorageType", "gp3")
    check_class(call.get("DBInstanceClass", ""))
    check_offered(engine, call.get("DBInstanceClass"), version)
    check_groups(call)
    check_password(call, needed=not cluster)
    if not cluster:
        check_lifecycle(engine, version, call.get("EngineLifecycleSupport"))
        check_iops(call, engine, disk, storage)
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
    cluster = call.moto("rds").clusters.get((call.get("DBClusterIdentifier") or "").lower())
    check_create(call, cluster.engine_version if cluster else version)
    group = db_net(call.moto("rds"), cluster)[2] if cluster else None
    check_zone(call, call.get("DBSubnetGroupName") or group)
    name = call.get("DBInstanceIdentifier").lower()
    if passing(call, "db", name):
        raise fault("DBInstanceAlreadyExists", "DB instance already exists")
    answer = call.forward({**call.request, "EngineVersion": cluster.engine_version if cluster else version})
    made = call.moto("rds").databases[name]
    give_name(made)
    place(call, made)
    made.lifecycle = None if cluster else call.get("EngineLifecycleSupport") or "open-source-rds-extended-support"
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
    db = call.moto("rds").databases.get(name)
    if db:
        d["AvailabilityZone"] = db.availability_zone
        if d.get("MultiAZ") and getattr(db, "secondary_zone", None):
            d["SecondaryAvailabilityZone"] = db.secondary_zone
        if getattr(db, "lifecycle", None) and d["Engine"] != "mariadb":
            d["EngineLifecycleSupport"] = db.lifecycle
        if d.get("StorageType") == "gp3" and not db.db_cluster_identifier:
            large = d["AllocatedStorage"] >= STRIPED
            least = (12000, 500) if large else (3000, 125)
            d["Iops"] = max(d.get("Iops") or 0, least[0]) if large else least[0]
            d["StorageThroughput"] = max(d.get("StorageThroughput") or 0, least[1]) if large else least[1]
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
        check_offered(db.engine, call.get("DBInstanceClass"), db.engine_version)
    if storage and storage < has:
        raise combination(f"Requested storage size ({storage}) cannot be less than the current storage size ({has})")
    disk = call.get("StorageType") or db.storage_type
    if not db.db_cluster_identifier:
        check_iops(call, db.engine, disk, storage or has)
        if storage and storage > has and disk == "gp3" and storage >= STRIPED and not call.get("Iops"):
            raise combination(
                "You must specify both the storage size and iops when modifying the storage size or iops "
                "on a DB instance that has iops."
            )
    if call.get("EngineVersion"):
        check_upgrade(call, db.engine, db.engine_version)


def check_upgrade(call, engine, has):
    """Versions go up only, and over a major one only with the flag that says so."""
    wanted = full_version(engine, call.get("EngineVersion"))
    if wanted != has and wanted not in targets(engine, has):
        raise combination(f"Cannot upgrade {engine} from {has} to {wanted}")
    if major(engine, wanted) != major(engine, has) and not call.get("AllowMajorVersionUpgrade"):
        raise combination("The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.")


@on("rds", "ModifyDBInstance")
def modify_db_instance(call):
    rds, name = call.moto("rds"), (call.get("DBInstanceIdentifier") or "").lower()
    db = rds.databases.get(name)
    if not db:
        return call.forward()
    if passing(call, "db", name) or db.status == "stopped":
        raise fault("InvalidDBInstanceState", "Database instance is not in available state.")
    check_modify(call, db)
    key, request = (call.account, call.region, name), dict(call.request)
    if request.get("EngineVersion"):
        request["EngineVersion"] = full_version(db.engine, request["EngineVersion"])
    if (request.get("AllocatedStorage") or 0) > int(db.allocated_storage or 0):
        # What is not at least 10 % more is rounded up so that it is.
        least = math.ceil(int(db.allocated_storage or 0) * 1.1)
        request["AllocatedStorage"] = max(request["AllocatedStorage"], least)
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


@on("rds", "RestoreDBInstanceFromDBSnapshot")
def restore_db_instance_from_db_snapshot(call):
    """A restored instance has the tags of the snapshot, and neither protection nor a managed password."""
    name = (call.get("DBInstanceIdentifier") or "").lower()
    if passing(call, "db", name):
        raise fault("DBInstanceAlreadyExists", "DB instance already exists")
    check_groups(call)
    check_zone(call, call.get("DBSubnetGroupName"))
    answer = call.forward()
    made = call.moto("rds").databases[name]
    if hasattr(made, "master_user_secret"):
        made.master_user_secret.delete_secret()
        del made.master_user_secret
    made.manage_master_user_password = False
    made.deletion_protection = bool(call.get("DeletionProtection"))
    made.multi_az = bool(call.get("MultiAZ"))
    made.lifecycle = call.get("EngineLifecycleSupport") or "open-source-rds-extended-support"
    place(call, made)
    enter(call, "db", name, "creating")
    answer["DBInstance"].pop("MasterUserSecret", None)
    answer["DBInstance"]["DeletionProtection"] = made.deletion_protection
    answer["DBInstance"]["MultiAZ"] = made.multi_az
    return {"DBInstance": shown(call, answer["DBInstance"], "creating")}


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
