"""DB subnet groups."""

from ..call import fault
from .holders import db_net
from .registry import on
from .states import passing


@on("rds", "CreateDBSubnetGroup", "ModifyDBSubnetGroup")
def db_subnet_group(call):
    rds, name = call.moto("rds"), (call.get("DBSubnetGroupName") or "").lower()
    known = {s.id: s for by_zone in list(call.moto("ec2").subnets.values()) for s in by_zone.values()}
    old = rds.subnet_groups.get(name)
    if call.op.startswith("Create") and old:
        raise fault("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists.")
    for s in call.get("SubnetIds", []):
        if s not in known:
            raise fault("InvalidParameterValue", f"Some input subnets in :[{s}] are invalid.")
    if len({known[s].availability_zone for s in call.get("SubnetIds", [])}) < 2:
        raise fault(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
            "Current AZ coverage: 1. Add subnets to cover at least 2 AZs.",
        )
    if old:
        check_kept(call, rds, name, old, known)
    answer = call.forward()
    if old:
        rds.subnet_groups[name] = old  # moto loses a group when it is modified
    return answer


def check_kept(call, rds, name, old, known):
    """A subnet stays while an instance stands in it."""
    lost = {s.id: s.availability_zone for s in old._subnets if s.id not in call.get("SubnetIds", [])}
    for db in rds.databases.values():
        if db_net(rds, db)[2] == name:
            zones = {db.availability_zone, getattr(db, "secondary_zone", None) if db.multi_az else None}
            if used := [s for s, zone in lost.items() if zone in zones]:
                raise fault(
                    "SubnetAlreadyInUse",
                    f"The subnet(s) {', '.join(used)} are in use by DB instance {db.db_instance_identifier}.",
                )


@on("rds", "DeleteDBSubnetGroup")
def delete_db_subnet_group(call):
    rds, name = call.moto("rds"), (call.get("DBSubnetGroupName") or "").lower()
    used = [db_net(rds, d)[2] for d in [*rds.databases.values(), *rds.clusters.values()]]
    used += [e["group"] for kind in ("db", "dbcluster") for e in passing(call, kind).values() if e]
    if name in used:
        raise fault(
            "InvalidDBSubnetGroupStateFault",
            f"Cannot delete the subnet group '{name}' because at least one database instance is still using it.",
        )
    return call.forward()
