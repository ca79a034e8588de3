"""Route 53."""

import re

from .registry import match, rule, within

@rule("route53", "CreateHostedZone")
def zone(request, params, world):
    reference = params.get("CallerReference", "")
    within(request, "CallerReference", len(reference), 1, 128, "caller-reference", "B:route53")
    if len((params.get("HostedZoneConfig") or {}).get("Comment", "")) > 256:
        request.problem("HostedZoneConfig.Comment", "zone-comment", "more than 256 characters", "B:route53")


def domain_name(request, path, name, star):
    labels = name.rstrip(".").split(".")
    if len(name) > 255 or any(not 1 <= len(label) <= 63 for label in labels):
        request.problem(path, "domain-length", f"{name!r}: 255 in all, 63 a label", "D:DomainNameFormat")
    for i, label in enumerate(labels):
        if label == "*" and i == 0 and star:
            continue
        if not re.fullmatch(r"(?:[a-z0-9_-]|\\[0-7]{3})+", label, re.I):
            request.problem(path, "domain-characters", f"{name!r}", "D:DomainNameFormat")


@rule("route53", "ChangeResourceRecordSets")
def changes(request, params, world):
    batch = params.get("ChangeBatch", {}).get("Changes", [])
    within(request, "ChangeBatch.Changes", len(batch), 1, 1000, "change-batch", "B:route53")
    weight = length = 0
    for i, change in enumerate(batch):
        record, at = change.get("ResourceRecordSet", {}), f"ChangeBatch.Changes[{i}]"
        domain_name(request, f"{at}.ResourceRecordSet.Name", record.get("Name", ""), star=True)
        alias, values = record.get("AliasTarget"), record.get("ResourceRecords", [])
        weight += len(values) * (2 if change.get("Action") == "UPSERT" else 1)
        length += sum(len(v.get("Value", "")) for v in values)
        if bool(alias) == bool(values):
            request.problem(at, "alias-or-values", "either an alias or values", "B:route53")
        if alias and "TTL" in record:
            request.problem(at, "alias-ttl", "an alias has no TTL", "B:route53")
        if alias:
            match(request, f"{at}.AliasTarget.HostedZoneId", alias.get("HostedZoneId"), r"[A-Z0-9]{1,32}", "alias-zone", "B:route53")
            if not re.search(r"\.elb\.([\w-]+\.)?amazonaws\.com\.?$|\.elb\.localhost|\.amazonaws\.com", alias.get("DNSName", "")):
                request.problem(f"{at}.AliasTarget.DNSName", "alias-target", alias.get("DNSName"), "B:route53", "notice")
        if not alias and record.get("TTL") is None:
            request.problem(at, "record-ttl", "a record needs a TTL", "B:route53")
    if weight > 1000 or length > 32000:
        request.problem("ChangeBatch", "change-size", f"{weight} records, {length} characters", "D:DNSLimitations")


@rule("route53", "ListTagsForResources", "ChangeTagsForResource")
def zone_tags(request, params, world):
    if "ResourceIds" in params:
        within(request, "ResourceIds", len(params["ResourceIds"]), 1, 10, "ids-10", "B:route53")
    for name in ("AddTags", "RemoveTagKeys"):
        if name in params:
            within(request, name, len(params[name]), 1, 10, "zone-tags", "B:route53")
    if request.operation == "ChangeTagsForResource" and not params.get("AddTags") and not params.get("RemoveTagKeys"):
        request.problem("", "zone-tags-nothing", "changes nothing", "B:route53")


@rule("route53")
def zone_ids(request, params, world):
    for name in ("Id", "HostedZoneId", "ResourceId"):
        if name in params and request.operation != "GetChange":
            match(request, name, params[name], r"[A-Z0-9]{1,32}", "zone-id", "B:route53 ResourceId")
    if "MaxItems" in params:
        within(request, "MaxItems", int(params["MaxItems"]), 1, 300, "page-size", "B:route53")
