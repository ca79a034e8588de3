"""Route 53 zones and records."""

from ..call import fault
from .registry import on


@on("route53", "CreateHostedZone")
def create_hosted_zone(call):
    if call.get("CallerReference") in {
        z.caller_reference
        for z in call.moto("route53", "aws").zones.values()
        if getattr(z, "caller_reference", None)
    }:
        raise fault(
            "HostedZoneAlreadyExists",
            "A hosted zone has already been created with the specified caller reference.",
            409,
        )
    config = call.get("HostedZoneConfig")
    # moto needs a comment
    return (
        call.forward({**call.request, "HostedZoneConfig": {"Comment": "", **config}})
        if config
        else call.forward()
    )


@on("route53", "ChangeResourceRecordSets")
def change_resource_record_sets(call):
    zone = call.moto("route53", "aws").zones.get(call.get("HostedZoneId").split("/")[-1])

    def key(name, kind, part):
        return name.rstrip(".").lower(), kind, part or None

    def values(r):
        alias = r.get("AliasTarget")
        return (
            (str(r.get("TTL")), sorted(v["Value"] for v in r.get("ResourceRecords") or []))
            if not alias
            else (alias["DNSName"].rstrip(".").lower(), alias["HostedZoneId"])
        )

    have = {}
    for r in zone.rrsets if zone else []:
        alias = getattr(r, "alias_target", None)
        have[key(r.name, r.type_, r.set_identifier)] = (
            (alias["DNSName"].rstrip(".").lower(), alias["HostedZoneId"])
            if alias
            else (str(r.ttl), sorted(r.records))
        )
    for change in call.get("ChangeBatch", {}).get("Changes", []):
        r, action = change["ResourceRecordSet"], change["Action"]
        k = key(r["Name"], r["Type"], r.get("SetIdentifier"))
        label = f"[name='{r['Name']}', type='{r['Type']}']"
        if action == "CREATE" and k in have:
            raise fault(
                "InvalidChangeBatch", f"Tried to create resource record set {label} but it already exists"
            )
        if action == "DELETE":
            if k not in have:
                raise fault(
                    "InvalidChangeBatch", f"Tried to delete resource record set {label} but it was not found"
                )
            if have.pop(k) != values(r):
                raise fault(
                    "InvalidChangeBatch",
                    f"Tried to delete resource record set {label} but the values provided do not match the current values",
                )
            continue
        clash = [o for o in have if o[0] == k[0] and o[1] != k[1] and "CNAME" in (o[1], k[1])]
        if clash:
            raise fault(
                "InvalidChangeBatch",
                f"RRSet of type {r['Type']} with DNS name {r['Name']} is not permitted as it conflicts with other records with the same DNS name in zone {zone.name}",
            )
        have[k] = values(r)
    return call.forward()
