"""Tags, of every service."""

import re

from . import model
from .registry import match, rule, walk

NAMING = "D:tagging best practices, tag naming limits"
# Letters, spaces and numbers of any language, and a few signs.
TAG_CHARACTERS = model.pattern(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*")


def tag_lists(params):
    for path, value in walk(params):
        if isinstance(value, list) and value and isinstance(value[0], dict) and {"Key"} <= set(value[0]) <= {"Key", "Value"}:
            if re.search(r"(^|\.)(Tags|AddTags|TagList)$", path):
                yield path, value


@rule("*")
def tags(request, params, world):
    most = 10 if request.model == "route53" else 50
    for path, some in tag_lists(params):
        keys = [tag.get("Key", "") for tag in some]
        if len(some) > most:
            request.problem(path, "tag-count", f"{len(some)} tags, and {most} are the most", NAMING)
        if len({k for k in keys}) != len(keys):
            request.problem(path, "tag-twice", "a key is there twice", "B:ec2 DuplicateTagKeys")
        for i, tag in enumerate(some):
            key, value, at = tag.get("Key", ""), tag.get("Value"), f"{path}[{i}]"
            if not 1 <= len(key) <= 128:
                request.problem(f"{at}.Key", "tag-key-length", f"{len(key)} characters, 1..128", NAMING)
            if len(key) == 128 and request.model == "ec2":
                request.problem(f"{at}.Key", "tag-key-127", "the EC2 API text says 127, its user guide 128", "B:ec2 Tag.Key",
                                "doubt")
            if value is not None and len(value) > 256:
                request.problem(f"{at}.Value", "tag-value-length", f"{len(value)} characters, at most 256", NAMING)
            if not TAG_CHARACTERS.fullmatch(key):
                request.problem(f"{at}.Key", "tag-characters", repr(key), "B:rds Tag.Key")
            if value and not TAG_CHARACTERS.fullmatch(value):
                level = "notice" if request.model == "ec2" else "violation"
                request.problem(f"{at}.Value", "tag-characters", repr(value), "B:rds Tag.Value", level)
            if key.lower().startswith("aws:"):
                request.problem(f"{at}.Key", "tag-prefix", f"{key!r} begins with aws:", NAMING)
            if request.model == "rds" and (re.match(r"(aws|rds):", key, re.I) or re.match(r"(aws|rds):", value or "", re.I)):
                request.problem(at, "tag-prefix-rds", f"{key}={value}", "B:rds Tag")
            if request.model == "rds" and value == "":
                request.problem(f"{at}.Value", "tag-value-empty-rds",
                                f"{key}: the text says 1 to 256 characters; an empty value is widely used and works",
                                "B:rds Tag.Value", "doubt")
            if value is None and request.model in ("rds", "ssm") and "Remove" not in request.operation:
                request.problem(f"{at}.Value", "tag-value-null", f"{key} has no value", NAMING)
            mine = not key.startswith("stackctl:") and key != "Name"
            if mine and (key != key.strip() or value is not None and value != value.strip()):
                request.problem(at, "tag-blanks", f"{key!r}={value!r} begins or ends with blanks: trimmed by some services",
                                "D:tagging guide", "doubt")


@rule("elbv2", "Create*", "AddTags", "RemoveTags")
def tags_of_balancing(request, params, world):
    """A load balancer collects tags over time; 50 are the most."""
    for arn in params.get("ResourceArns", [f"new {request.operation} {params.get('Name')}"]):
        have = world.tags[arn] | {t.get("Key") for t in params.get("Tags", [])}
        have -= set(params.get("TagKeys", []))
        if len(have) > 50:
            request.problem("Tags", "tag-count", f"{arn} would have {len(have)} tags, and 50 are the most", NAMING)
        request.once_served(world.tags.__setitem__, arn, have)
