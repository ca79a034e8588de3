"""The engine versions RDS offers, what a short one stands for, what they upgrade to, and the classes they run on."""

from ..call import fault
from .registry import on

# Of each major version the oldest first. The newest is not yet what a major version alone stands for.
ENGINES = {
    "postgres": "13.21 13.22 14.18 14.19 15.13 15.14 16.9 16.10 17.5 17.6 18.1 18.2",
    "mysql": "8.0.42 8.0.43 8.4.5 8.4.6",
    "mariadb": "10.6.22 10.11.13 10.11.14 11.4.7 11.4.8",
    "aurora-postgresql": "15.12 15.13 16.8 16.9 17.4 17.5",
    "aurora-mysql": "8.0.mysql_aurora.3.08.2 8.0.mysql_aurora.3.10.0",
}
# Past their standard support: made with extended support only.
ENDED = {("postgres", "13"), ("mysql", "8.0")}


def major(engine, version):
    return version.split(".")[0] if "postgres" in engine else ".".join(version.split(".")[:2])


def numbers(version):
    return [int(n) for n in version.split(".") if n.isdigit()]


def matching(engine, asked):
    return [v for v in ENGINES[engine].split() if not asked or v == asked or v.startswith(asked + ".")]


def line(engine, version):
    """Every version of the same major one."""
    return [v for v in ENGINES[engine].split() if major(engine, v) == major(engine, version)]


def full_version(engine, asked):
    """The version RDS makes when asked for this one: `17` gives its default of 17.x, which is not the newest."""
    if engine not in ENGINES:
        raise fault("InvalidParameterValue", "Invalid DB engine")
    found = matching(engine, asked)
    if not found:
        raise fault("InvalidParameterCombination", f"Cannot find version {asked} for {engine}")
    if asked in found:
        return asked
    same = line(engine, found[-1])
    return same[-2] if len(same) > 1 and same[-2] in found else found[-1]


def targets(engine, version):
    """What RDS upgrades a version to: newer ones of its own line, and of later lines those that are as new."""
    if version not in ENGINES.get(engine, "").split():
        return []
    same = line(engine, version)
    behind = len(same) - 1 - same.index(version)
    found = []
    for other in ENGINES[engine].split():
        its = line(engine, other)
        newer = numbers(other) > numbers(version)
        if newer and (its == same or len(its) - 1 - its.index(other) <= behind):
            found.append(other)
    return found


def check_lifecycle(engine, version, lifecycle):
    """Who opts out of extended support gets no version that needs it."""
    if (engine, major(engine, version)) in ENDED and lifecycle == "open-source-rds-extended-support-disabled":
        raise fault(
            "InvalidParameterCombination",
            f"{engine} {version} is past the end of standard support, and extended support is disabled.",
        )


def runs_on(engine, kind):
    """Whether RDS offers a class for an engine."""
    parts = kind.split(".")
    if kind == "db.serverless":
        return engine.startswith("aurora")
    if len(parts) != 3 or parts[0] != "db" or parts[1] == "t2":
        return False
    if not engine.startswith("aurora"):
        return True
    return parts[1][0] in "rx" or parts[1][0] == "t" and parts[2] in ("medium", "large")


def check_offered(engine, kind, version):
    if not runs_on(engine, kind):
        raise fault(
            "InvalidParameterCombination",
            "RDS does not support creating a DB instance with the following combination: "
            f"DBInstanceClass={kind}, Engine={engine}, EngineVersion={version}, LicenseModel=general-public-license. "
            "For supported combinations of instance class and database engine version, see the documentation.",
        )


@on("rds", "DescribeDBEngineVersions")
def describe_db_engine_versions(call):
    asked, default = call.get("Engine"), call.get("DefaultOnly")
    return {
        "DBEngineVersions": [
            {
                "Engine": engine,
                "EngineVersion": version,
                "DBParameterGroupFamily": engine + major(engine, version),
                "DBEngineDescription": engine,
                "DBEngineVersionDescription": f"{engine} {version}",
                "MajorEngineVersion": major(engine, version),
                "Status": "available",
                "ValidUpgradeTarget": [
                    {
                        "Engine": engine,
                        "EngineVersion": target,
                        "AutoUpgrade": False,
                        "IsMajorVersionUpgrade": major(engine, target) != major(engine, version),
                    }
                    for target in targets(engine, version)
                ],
            }
            for engine in ENGINES
            if asked in (None, engine)
            for version in matching(engine, call.get("EngineVersion"))
            if not default or version == full_version(engine, call.get("EngineVersion"))
        ]
    }


@on("rds", "DescribeOrderableDBInstanceOptions")
def describe_orderable_db_instance_options(call):
    engine, kind = call.get("Engine"), call.get("DBInstanceClass")
    if engine not in ENGINES:
        raise fault("InvalidParameterValue", f"Invalid DB engine: {engine}")
    kinds = [kind] if kind else ["db.t4g.medium", "db.r7g.large"]
    versions = matching(engine, call.get("EngineVersion"))
    zones = [{"Name": f"{call.region}{letter}"} for letter in "abc"]
    offered = [(k, v) for k in kinds if runs_on(engine, k) for v in versions]
    return {
        "OrderableDBInstanceOptions": [
            {
                "Engine": engine,
                "EngineVersion": version,
                "DBInstanceClass": k,
                "LicenseModel": "general-public-license",
                "AvailabilityZones": zones,
                "MultiAZCapable": not engine.startswith("aurora"),
                "Vpc": True,
                "StorageType": "aurora" if engine.startswith("aurora") else "gp3",
            }
            for k, version in offered
        ]
    }
