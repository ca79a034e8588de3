"""The engine versions RDS offers, and what a short one stands for."""

from ..call import fault
from .registry import on

ENGINES = {
    "postgres": "14.18 14.19 15.13 15.14 16.9 16.10 17.5 17.6",
    "mysql": "8.0.42 8.0.43 8.4.5 8.4.6",
    "mariadb": "10.6.22 10.11.13 10.11.14 11.4.7 11.4.8",
    "aurora-postgresql": "15.12 15.13 16.8 16.9 17.4 17.5",
    "aurora-mysql": "8.0.mysql_aurora.3.08.2 8.0.mysql_aurora.3.10.0",
}


def major(engine, version):
    return version.split(".")[0] if "postgres" in engine else ".".join(version.split(".")[:2])


def matching(engine, asked):
    return [v for v in ENGINES[engine].split() if not asked or v == asked or v.startswith(asked + ".")]


def full_version(engine, asked):
    """The version RDS makes when asked for this one: `17` gives the newest 17.x it offers."""
    if engine not in ENGINES:
        raise fault("InvalidParameterValue", "Invalid DB engine")
    found = matching(engine, asked)
    if not found:
        raise fault("InvalidParameterCombination", f"Cannot find version {asked} for {engine}")
    return found[-1]


@on("rds", "DescribeDBEngineVersions")
def describe_db_engine_versions(call):
    asked = call.get("Engine")
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
            }
            for engine in ENGINES
            if asked in (None, engine)
            for version in matching(engine, call.get("EngineVersion"))
        ]
    }
