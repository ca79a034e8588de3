"""RDS and Aurora."""

import re

from . import model, wire
from .registry import match, rule, within

RDS_ID = r"(?!.*--)[A-Za-z][A-Za-z0-9-]{0,62}(?<!-)"
RESERVED = {"postgres": {"admin", "rdsadmin", "postgres", "rds_superuser", "public", "user", "pg_monitor"},
            "mysql": {"rdsadmin", "rdsrepladmin", "mysql", "root", "rdsproxyadmin"}}
NEW_AURORA_ONLY = re.compile(r"This setting doesn['’]t apply to Amazon Aurora|doesn['’]t apply to Amazon Aurora because", re.I)


@rule("rds")
def rds_ids(request, params, world):
    creates = request.operation.startswith("Create")
    for name in ("DBInstanceIdentifier", "DBClusterIdentifier"):
        if params.get(name) and not params[name].startswith("arn:") and (creates or name in params):
            match(request, name, params[name], RDS_ID, "rds-id", "B:rds")
    for name in ("FinalDBSnapshotIdentifier",):
        match(request, name, params.get(name), r"(?!.*--)[A-Za-z][A-Za-z0-9-]{0,254}(?<!-)", "snapshot-id", "B:rds")
    if "DBSubnetGroupName" in params:
        match(request, "DBSubnetGroupName", params["DBSubnetGroupName"], r"(?!default$)[A-Za-z][A-Za-z0-9._ -]{0,254}",
              "subnet-group-name", "B:rds")
    within(request, "MaxRecords", params.get("MaxRecords"), 20, 100, "page-size", "B:rds")


def family(engine):
    return "postgres" if "postgres" in engine else "mysql"


@rule("rds", "CreateDBInstance", "CreateDBCluster")
def new_database(request, params, world):
    engine, instance = params.get("Engine", ""), request.operation == "CreateDBInstance"
    member = bool(instance and params.get("DBClusterIdentifier"))
    aurora = engine.startswith("aurora")
    if engine not in ("postgres", "mysql", "mariadb", "aurora-postgresql", "aurora-mysql"):
        request.problem("Engine", "rds-engine", repr(engine), "B:rds Engine")
    members = wire.service("rds")._service_description["shapes"][request.shape.input_shape.name]["members"]
    if aurora and instance:
        for name in sorted(params):
            says = model.plain(members[name].get("documentation"))
            if NEW_AURORA_ONLY.search(says):
                request.problem(name, "not-for-aurora-instance", "it belongs to the cluster", "B:rds CreateDBInstanceMessage")
    if aurora and not instance:
        for name in sorted(params):
            says = model.plain(members[name].get("documentation"))
            if "Valid for Cluster Type: Multi-AZ DB clusters only" in says:
                request.problem(name, "not-for-aurora-cluster", "for Multi-AZ DB clusters only", "B:rds CreateDBClusterMessage")
    if params.get("EngineLifecycleSupport") and engine == "mariadb":
        request.problem("EngineLifecycleSupport", "lifecycle-mariadb",
                        "the text: 'applies only to RDS for MySQL and RDS for PostgreSQL'; whether RDS refuses or ignores it is unknown",
                        "B:rds CreateDBInstanceMessage.EngineLifecycleSupport", "doubt")
    if params.get("EngineLifecycleSupport", "").endswith("disabled") and engine == "aurora-mysql":
        request.problem("EngineLifecycleSupport", "lifecycle-aurora-mysql",
                        "the Aurora guide says of 'disabled': only 'when creating an Aurora DB cluster … running PostgreSQL 12 and higher'",
                        "D:AuroraUserGuide/extended-support-creating-db-instance", "doubt")
    old = {"mysql": ("8.0", "standard support ends 2026-07-31"), "postgres": ("13", "standard support ended 2026-02-28")}
    version = params.get("EngineVersion", "")
    if params.get("EngineLifecycleSupport", "").endswith("disabled") and engine in old and (
            version == old[engine][0] or version.startswith(old[engine][0] + ".")):
        request.problem("EngineVersion", "lifecycle-ended",
                        f"{engine} {version}: {old[engine][1]}; with extended support off 'creating will fail' after that",
                        "B:rds EngineLifecycleSupport (date unverified)", "doubt")
    if member:
        return
    user, name = params.get("MasterUsername"), params.get("DBName") or params.get("DatabaseName")
    match(request, "MasterUsername", user, r"[A-Za-z][A-Za-z0-9_]*", "username", "B:rds")
    if user and len(user) > 16:
        level = "violation" if family(engine) == "mysql" else "doubt"
        request.problem("MasterUsername", "username-16", f"{len(user)} characters; the text says 1 to 16 for every engine",
                        f"B:rds {request.shape.input_shape.name}.MasterUsername", level)
    if not instance and user and "_" in user:
        request.problem("MasterUsername", "username-underscore", f"{user!r}: the text says letters or numbers for clusters",
                        "B:rds CreateDBClusterMessage.MasterUsername", "notice")
    if user and user.lower() in RESERVED[family(engine)]:
        request.problem("MasterUsername", "username-reserved", repr(user), "B:rds")
    match(request, "DBName", name, r"[A-Za-z][A-Za-z0-9_]*", "db-name", "B:rds")
    if name and len(name) > (63 if family(engine) == "postgres" else 64):
        request.problem("DBName", "db-name-length", f"{len(name)} characters", "B:rds")
    if params.get("ManageMasterUserPassword") and params.get("MasterUserPassword"):
        request.problem("MasterUserPassword", "password-twice", "with ManageMasterUserPassword", "B:rds")
    if not params.get("ManageMasterUserPassword"):
        secret = params.get("MasterUserPassword", "")
        low, high = (8, 128) if family(engine) == "postgres" else (8, 41)
        if not re.fullmatch(r"[!#-.0-?A-~]+", secret) or not low <= len(secret) <= high:
            request.problem("MasterUserPassword", "password", f"{len(secret)} characters", "B:rds")
    days = params.get("BackupRetentionPeriod")
    within(request, "BackupRetentionPeriod", days, 0 if instance else 1, 35, "backup-days", "B:rds")
    if params.get("StorageEncrypted") is not True:
        request.problem("StorageEncrypted", "encryption", "is not on", "B:rds", "doubt")
    if instance:
        size, kind = params.get("AllocatedStorage"), params.get("StorageType", "gp3")
        if size is None:
            request.problem("AllocatedStorage", "storage", "needed", "B:rds")
        low = {"gp2": 20, "gp3": 20, "io1": 100, "io2": 100, "standard": 5}[kind]
        within(request, "AllocatedStorage", size, low, 65536, "storage", "B:rds AllocatedStorage")
        if kind == "gp3" and size and size < 400 and (params.get("Iops") or params.get("StorageThroughput")):
            request.problem("Iops", "gp3-iops", "not below 400 GiB", "T#28160")
        if params.get("PubliclyAccessible") is not False:
            request.problem("PubliclyAccessible", "public", "send false explicitly", "B:rds", "doubt")
        if params.get("MultiAZ") and params.get("AvailabilityZone"):
            request.problem("AvailabilityZone", "zone-and-multi-az", "not with MultiAZ", "B:rds")
        known = {"storage": size or 0, "type": kind, "engine": engine}
        request.once_served(world.databases.__setitem__, params.get("DBInstanceIdentifier"), known)
    logs = {"postgres": {"postgresql", "upgrade", "iam-db-auth-error"},
            "mysql": {"audit", "error", "general", "slowquery", "iam-db-auth-error", "instance"}}
    for one in params.get("EnableCloudwatchLogsExports", []):
        if one not in logs[family(engine)]:
            request.problem("EnableCloudwatchLogsExports", "log-exports", f"{one!r} with {engine}", "B:rds")


@rule("rds", "ModifyDBInstance")
def modify_database(request, params, world):
    known, size = world.databases.get(params.get("DBInstanceIdentifier")), params.get("AllocatedStorage")
    if size is not None and known:
        old = known["storage"]
        if size < old:
            request.problem("AllocatedStorage", "storage-shrinks", f"{old} -> {size}", "B:rds")
        elif size * 10 < old * 11:
            request.problem("AllocatedStorage", "storage-tenth",
                            f"{old} -> {size} GiB is less than a tenth more: RDS rounds up to {-(-old * 11 // 10)}, and what "
                            "the file says is then less than what is there", "B:rds ModifyDBInstance", "doubt")
        if known["type"] == "gp3" and old >= 400 and not params.get("Iops"):
            request.problem("Iops", "gp3-storage-and-iops",
                            f"{old} -> {size} GiB: from 400 GiB on a gp3 instance has IOPS, and 'You must specify both the "
                            "storage size and iops when modifying the storage size or iops on a DB instance that has iops'",
                            "T#28847, T#33512; alphagov/govuk-infrastructure#3164", "doubt")
        request.once_served(known.__setitem__, "storage", size)
    changed = set(params) - {"DBInstanceIdentifier", "ApplyImmediately", "AllowMajorVersionUpgrade"}
    # "If you choose to apply changes immediately, any changes in the pending modifications queue are also applied."
    if not changed and not params.get("ApplyImmediately"):
        request.problem("", "modify-nothing", "changes nothing", "B:rds")
    if not params.get("ApplyImmediately") and changed - {"DeletionProtection", "VpcSecurityGroupIds"}:
        request.problem("ApplyImmediately", "apply-immediately", "waits for the window", "B:rds", "doubt")
    within(request, "BackupRetentionPeriod", params.get("BackupRetentionPeriod"), 0, 35, "backup-days", "B:rds")


@rule("rds", "ModifyDBCluster")
def modify_cluster(request, params, world):
    within(request, "BackupRetentionPeriod", params.get("BackupRetentionPeriod"), 1, 35, "backup-days", "B:rds")
    if not params.get("ApplyImmediately"):
        request.problem("ApplyImmediately", "apply-immediately", "waits for the window", "B:rds", "doubt")


@rule("rds", "DeleteDBInstance", "DeleteDBCluster")
def delete_database(request, params, world):
    skip, name = params.get("SkipFinalSnapshot", False), params.get("FinalDBSnapshotIdentifier")
    if bool(skip) == bool(name):
        request.problem("FinalDBSnapshotIdentifier", "final-snapshot", "either a snapshot's id or SkipFinalSnapshot", "B:rds")


@rule("rds", "CreateDBSubnetGroup", "ModifyDBSubnetGroup")
def db_subnets(request, params, world):
    some = params.get("SubnetIds", [])
    if len(set(some)) < 2:
        request.problem("SubnetIds", "subnets-2", f"{some}: two zones at least", "B:rds")
    if len(some) > 20:
        request.problem("SubnetIds", "subnets-20", f"{len(some)}, 20 are the quota", "D:CHAP_Limits", "doubt")
