"""What is kept of ElastiCache, per account and region, and how its operations are entered and answered."""

import copy
import threading
import time
from datetime import datetime, timezone

from ..call import fault
from ..pages import continued, keep
from ..settings import DELAY, PAGE

LOCK = threading.Lock()  # LocalStack serves requests in many threads
OPS = {}
STORES = {}

# kind of resource -> ARN part; the error when it is not there; the one when its name is taken; the one when it is busy
ARN = {"group": "replicationgroup", "cluster": "cluster", "subnets": "subnetgroup", "parameters": "parametergroup"}
MISSING = {
    "group": ("ReplicationGroupNotFoundFault", "ReplicationGroup {} not found.", 404),
    "cluster": ("CacheClusterNotFound", "CacheCluster not found: {}", 404),
    "subnets": ("CacheSubnetGroupNotFoundFault", "Cache Subnet Group {} does not exist.", 400),
    "parameters": ("CacheParameterGroupNotFound", "CacheParameterGroup {} not found.", 404),
}
EXISTS = {
    "group": "ReplicationGroupAlreadyExists",
    "cluster": "CacheClusterAlreadyExists",
    "subnets": "CacheSubnetGroupAlreadyExists",
    "parameters": "CacheParameterGroupAlreadyExists",
}
BUSY = {"group": "InvalidReplicationGroupState", "cluster": "InvalidCacheClusterState"}


class Resource:
    def __init__(self, kind, name, arn, shown, tags):
        self.kind, self.name, self.arn, self.tags = kind, name, arn, tags
        self.shown = shown  # what Describe shows (a botocore output shape)
        self.hidden = {}  # what AWS knows but does not show on this shape
        self.busy, self.until, self.next = None, 0, None  # passing state, its end, what to do then


class Store:
    def __init__(self, account, region):
        self.account, self.region = account, region
        self.kinds = {k: {} for k in ARN}

    def add(self, kind, name, shown, tags):
        if name in self.kinds[kind]:
            raise fault(EXISTS[kind], f"{ARN[kind]} {name} already exists")
        arn = f"arn:aws:elasticache:{self.region}:{self.account}:{ARN[kind]}:{name}"
        shown["ARN"] = arn
        self.kinds[kind][name] = res = Resource(
            kind, name, arn, shown, {t["Key"]: t.get("Value", "") for t in tags or []}
        )
        return res

    def get(self, kind, name):
        res = self.kinds[kind].get((name or "").lower())
        if not res:
            code, text, status = MISSING[kind]
            raise fault(code, text.format(name), status)
        return res

    def settle(self):
        """Let every passing state that is over come to its end."""
        for kind in self.kinds.values():
            for res in list(kind.values()):
                if res.busy and time.monotonic() >= res.until:
                    res.busy, then, res.next = None, res.next, None
                    if then:
                        then()


def store(call):
    return STORES.setdefault((call.account, call.region), Store(call.account, call.region))


def begin(res, state, then=None):
    """Put a resource into a passing state; `then` runs at its end."""
    res.busy, res.until, res.next = state, time.monotonic() + DELAY, then


def pass_through(s, res, state, then=None):
    """Put a replication group into a passing state together with its members."""
    begin(res, state, then)
    for cluster in s.kinds["cluster"].values():
        if cluster.shown.get("ReplicationGroupId") == res.name:
            begin(cluster, state)


def settled(res):
    if res.busy:
        raise fault(BUSY[res.kind], f"{res.name} is not in available state (it is {res.busy})")


def op(fn):
    """Register a function as the operation of its own (CamelCase) name."""
    OPS[fn.__name__] = fn
    return fn


def run(call):
    with LOCK:
        s = store(call)
        s.settle()
        answer = OPS[call.op](call, s)
        if not DELAY:
            s.settle()
        return answer


def now():
    return datetime.now(timezone.utc)


def view(res, status_key):
    """What is shown of a resource, with the state it is in."""
    return {**copy.deepcopy(res.shown), status_key: res.busy or "available"}


def listed(call, s, kind, name_key, out_key, show, keep=lambda res: True):
    """Describe: one by name, or all, a page of MaxRecords at a time."""
    name = call.get(name_key)
    found = [s.get(kind, name)] if name else [r for _, r in sorted(s.kinds[kind].items())]
    found = [r for r in found if keep(r)]
    return paged(call, out_key, [show(r) for r in found], 0 if name else PAGE)


def paged(call, out_key, all, usual=PAGE):
    """A page of MaxRecords of a list that is made already."""
    marker, size = call.get("Marker"), call.get("MaxRecords") or usual or 100
    if marker:
        (all,) = continued(call, marker, "InvalidParameterValue")
    answer = {out_key: all[:size]}
    if size < len(all):
        answer["Marker"] = keep(call, all[size:])
    return answer
