"""Route 53 zones and records."""

import secrets
from datetime import datetime, timezone

from ..call import fault
from .registry import on
from .states import enter, passing


def invalid(text):
    return fault("InvalidChangeBatch", text)


@on("route53", "CreateHostedZone")
def create_hosted_zone(call):
    zones = list(call.moto("route53", "aws").zones.values())
    if call.get("CallerReference") in {getattr(z, "caller_reference", None) for z in zones}:
        raise fault(
            "HostedZoneAlreadyExists",
            "A hosted zone has already been created with the specified caller reference.",
            409,
        )
    config = call.get("HostedZoneConfig")
    if config:  # moto needs a comment
        return call.forward({**call.request, "HostedZoneConfig": {"Comment": "", **config}})
    return call.forward()


@on("route53", "ChangeTagsForResource")
def change_tags_for_resource(call):
    """moto leaves the keys to remove out when there are also tags to add."""
    if not (call.get("AddTags") and call.get("RemoveTagKeys")):
        return call.forward()
    call.forward({k: v for k, v in call.request.items() if k != "AddTags"})
    return call.forward({k: v for k, v in call.request.items() if k != "RemoveTagKeys"})


def plain(name):
    """A record's name as it is compared: AWS takes and gives an asterisk as an escape."""
    return name.rstrip(".").lower().replace("\\052", "*")


def key(name, kind, part):
    return plain(name), kind, part or None


def values(r):
    """What a DELETE has to repeat."""
    alias = r.get("AliasTarget")
    if alias:
        health = str(alias.get("EvaluateTargetHealth", False)).lower()
        return alias["DNSName"].rstrip(".").lower(), alias["HostedZoneId"], health
    return str(r.get("TTL")), sorted(v["Value"] for v in r.get("ResourceRecords") or [])


def stored(r):
    """The same of a record that moto keeps."""
    alias = getattr(r, "alias_target", None)
    records = [{"Value": v} for v in r.records or []]
    return values({"AliasTarget": alias} if alias else {"TTL": r.ttl, "ResourceRecords": records})


def check_change(have, change, zone):
    r, action = change["ResourceRecordSet"], change["Action"]
    k, label = key(r["Name"], r["Type"], r.get("SetIdentifier")), f"[name='{r['Name']}', type='{r['Type']}']"
    if action == "CREATE" and k in have:
        raise invalid(f"Tried to create resource record set {label} but it already exists")
    if action == "DELETE":
        if k not in have:
            raise invalid(f"Tried to delete resource record set {label} but it was not found")
        if have.pop(k) != values(r):
            raise invalid(
                f"Tried to delete resource record set {label} but the values provided do not match the current values"
            )
        return
    if any(o[0] == k[0] and o[1] != k[1] and "CNAME" in (o[1], k[1]) for o in have):
        raise invalid(
            f"RRSet of type {r['Type']} with DNS name {r['Name']} is not permitted as it conflicts with other records "
            f"with the same DNS name in zone {zone.name}"
        )
    have[k] = values(r)


def unescaped(change):
    r = change["ResourceRecordSet"]
    return {**change, "ResourceRecordSet": {**r, "Name": r["Name"].replace("\\052", "*")}}


@on("route53", "ChangeResourceRecordSets")
def change_resource_record_sets(call):
    zone = call.moto("route53", "aws").zones.get(call.get("HostedZoneId").split("/")[-1])
    batch = call.get("ChangeBatch", {})
    if zone:
        have = {key(r.name, r.type_, r.set_identifier): stored(r) for r in list(zone.rrsets)}
        for change in batch.get("Changes", []):
            check_change(have, change, zone)
    changes = [unescaped(c) for c in batch.get("Changes", [])]
    answer = call.forward({**call.request, "ChangeBatch": {**batch, "Changes": changes}})
    info = answer["ChangeInfo"]
    # moto has one id for all changes.
    info.update(Id=f"/change/C{secrets.token_hex(10).upper()}", Status="PENDING", SubmittedAt=datetime.now(timezone.utc))
    enter(call, "change", info["Id"].split("/")[-1], "PENDING")
    return answer


@on("route53", "GetChange")
def get_change(call):
    answer = call.forward()
    answer["ChangeInfo"]["Status"] = passing(call, "change", call.get("Id").split("/")[-1]) or "INSYNC"
    return answer


@on("route53", "ListResourceRecordSets")
def list_resource_record_sets(call):
    """AWS shows names in their stored form: the alias with its dot, the asterisk escaped."""
    answer = call.forward()
    for r in answer.get("ResourceRecordSets", []):
        r["Name"] = r["Name"].replace("*", "\\052")
        if r.get("AliasTarget"):
            r["AliasTarget"]["DNSName"] = r["AliasTarget"]["DNSName"].rstrip(".") + "."
    return answer
