"""Tags of everything in ElastiCache."""

from ..call import fault
from .store import ARN, op, settled


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


@op
def AddTagsToResource(call, s):
    tagged(call, s).tags.update({t["Key"]: t.get("Value", "") for t in call.get("Tags", [])})
    return ListTagsForResource(call, s)


@op
def RemoveTagsFromResource(call, s):
    res = tagged(call, s)
    for k in call.get("TagKeys", []):
        res.tags.pop(k, None)
    return ListTagsForResource(call, s)
