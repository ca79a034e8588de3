"""Tags of everything in ElastiCache."""

from ..call import fault
from .store import ARN, op, pass_through, settled


def tagged(call, s):
    """The resource an ARN means. AWS answers about the tags of a cache only while that is available."""
    for kind in s.kinds.values():
        for res in kind.values():
            if res.arn == call.get("ResourceName"):
                settled(res)
                return res
    part = (call.get("ResourceName") or "").split(":")
    kind = next((k for k, v in ARN.items() if len(part) > 6 and v == part[5]), None)
    if not kind:
        raise fault("InvalidARN", f"Invalid ARN {call.get('ResourceName')}")
    return s.get(kind, part[6])


@op
def ListTagsForResource(call, s):
    return {"TagList": [{"Key": k, "Value": v} for k, v in tagged(call, s).tags.items()]}


def retag(s, res, change):
    """A cache is modifying while its tags change, and a group passes them on to its members."""
    members = [c for c in s.kinds["cluster"].values() if c.shown.get("ReplicationGroupId") == res.name]
    for each in [res, *(members if res.kind == "group" else ())]:
        change(each.tags)
    if res.kind in ("group", "cluster"):
        pass_through(s, res, "modifying")
    return {"TagList": [{"Key": k, "Value": v} for k, v in res.tags.items()]}


@op
def AddTagsToResource(call, s):
    more = {t["Key"]: t.get("Value", "") for t in call.get("Tags", [])}
    return retag(s, tagged(call, s), lambda tags: tags.update(more))


@op
def RemoveTagsFromResource(call, s):
    return retag(s, tagged(call, s), lambda tags: [tags.pop(k, None) for k in call.get("TagKeys", [])])
