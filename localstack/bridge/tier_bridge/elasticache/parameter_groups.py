"""Cache parameter groups, and the engine versions whose families they are of."""

from ..call import fault
from .nodes import VERSIONS, check_name
from .store import op, paged

POLICIES = (
    "volatile-lru allkeys-lru volatile-lfu allkeys-lfu volatile-random allkeys-random volatile-ttl noeviction".split()
)
# engine -> parameter -> (AWS's own value, what it may be)
PARAMETERS = {
    "memcached": {"max_simultaneous_connections_per_server": ("1000", range(3, 65001))},
    **dict.fromkeys(
        ("redis", "valkey"),
        {
            "activerehashing": ("yes", ["yes", "no"]),
            "cluster-enabled": ("no", ["yes", "no"]),
            "maxmemory-policy": ("volatile-lru", POLICIES),
            "notify-keyspace-events": ("", None),
            "reserved-memory-percent": ("25", range(101)),
            "tcp-keepalive": ("300", range(65536)),
            "timeout": ("0", range(65536)),
        },
    ),
}
FAMILIES = {family: engine for engine, all in VERSIONS.items() for _, family in all.values()}
AT_MOST = 20  # parameters in one call


def default_group(s, name, family):
    return {
        "CacheParameterGroupName": name,
        "CacheParameterGroupFamily": family,
        "Description": f"Default parameter group for {family}",
        "IsGlobal": False,
        "ARN": f"arn:aws:elasticache:{s.region}:{s.account}:parametergroup:{name}",
    }


def defaults(s):
    """AWS's own groups, which cannot be changed."""
    for family, engine in FAMILIES.items():
        ends = ("",) if engine == "memcached" else ("", ".cluster.on")
        for end in ends:
            yield default_group(s, f"default.{family}{end}", family)


def known(s, name):
    """What Describe shows of the group of this name."""
    name = (name or "").lower()
    shown = next((g for g in defaults(s) if g["CacheParameterGroupName"] == name), None)
    return shown or s.get("parameters", name).shown


def changeable(s, call):
    name = call.get("CacheParameterGroupName").lower()
    if name.startswith("default."):
        raise fault("InvalidParameterValue", f"The default parameter group {name} cannot be changed or deleted")
    return s.get("parameters", name)


@op
def CreateCacheParameterGroup(call, s):
    name, family = call.get("CacheParameterGroupName").lower(), call.get("CacheParameterGroupFamily")
    check_name(name, 255)
    if family not in FAMILIES:
        raise fault("InvalidParameterValue", f"{family} is not a valid parameter group family.")
    shown = {
        "CacheParameterGroupName": name,
        "CacheParameterGroupFamily": family,
        "Description": call.get("Description"),
        "IsGlobal": False,
    }
    return {"CacheParameterGroup": s.add("parameters", name, shown, call.get("Tags")).shown}


@op
def DescribeCacheParameterGroups(call, s):
    if call.get("CacheParameterGroupName"):
        return {"CacheParameterGroups": [known(s, call.get("CacheParameterGroupName"))]}
    own = [r.shown for r in s.kinds["parameters"].values()]
    return paged(call, "CacheParameterGroups", sorted([*defaults(s), *own], key=lambda g: g["CacheParameterGroupName"]))


@op
def DescribeCacheParameters(call, s):
    group = known(s, call.get("CacheParameterGroupName"))
    own = s.kinds["parameters"].get(group["CacheParameterGroupName"])
    values = own.hidden if own else {}
    all = [
        {
            "ParameterName": name,
            "ParameterValue": values.get(name, usual),
            "Source": "user" if name in values else "system",
            "DataType": "integer" if isinstance(may, range) else "string",
            "IsModifiable": name != "cluster-enabled" or bool(own),
            "ChangeType": "requires-reboot" if name == "activerehashing" else "immediate",
        }
        for name, (usual, may) in PARAMETERS[FAMILIES[group["CacheParameterGroupFamily"]]].items()
    ]
    wanted = call.get("Source")
    return paged(call, "Parameters", [p for p in all if wanted in (None, p["Source"])])


@op
def ModifyCacheParameterGroup(call, s):
    group, asked = changeable(s, call), call.get("ParameterNameValues", [])
    there = PARAMETERS[FAMILIES[group.shown["CacheParameterGroupFamily"]]]
    if not 1 <= len(asked) <= AT_MOST:
        raise fault("InvalidParameterValue", f"From 1 to {AT_MOST} parameters can be modified at a time")
    for pair in asked:
        name, value = pair.get("ParameterName"), pair.get("ParameterValue", "")
        if name not in there:
            raise fault("InvalidParameterValue", f"Could not find parameter with name: {name}")
        may = there[name][1]
        good = may is None or value in may if not isinstance(may, range) else value.isdigit() and int(value) in may
        if not good:
            raise fault("InvalidParameterValue", f"The parameter {name} cannot be {value}")
    group.hidden.update({p["ParameterName"]: p.get("ParameterValue", "") for p in asked})
    return {"CacheParameterGroupName": group.name}


@op
def DeleteCacheParameterGroup(call, s):
    group = changeable(s, call)
    caches = [*s.kinds["group"].values(), *s.kinds["cluster"].values()]
    if any(r.hidden.get("CacheParameterGroupName") == group.name for r in caches):
        raise fault(
            "InvalidCacheParameterGroupState",
            f"One or more cache clusters are still members of this parameter group {group.name}, "
            "so the group cannot be deleted.",
        )
    del s.kinds["parameters"][group.name]
    return {}


@op
def DescribeCacheEngineVersions(call, s):
    asked = {k: call.get(k) for k in ("Engine", "EngineVersion", "CacheParameterGroupFamily") if call.get(k)}
    all = [
        {
            "Engine": engine,
            "EngineVersion": version,
            "CacheParameterGroupFamily": family,
            "CacheEngineDescription": engine.capitalize(),
            "CacheEngineVersionDescription": f"{engine} version {full}",
        }
        for engine, versions in VERSIONS.items()
        for version, (full, family) in versions.items()
    ]
    return paged(call, "CacheEngineVersions", [v for v in all if all_in(asked, v)])


def all_in(asked, version):
    return all(version[k] == v for k, v in asked.items())
