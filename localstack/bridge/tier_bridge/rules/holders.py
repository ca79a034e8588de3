"""Who holds network interfaces, and with them subnets, security groups and public addresses."""

from .. import elasticache
from .states import passing


def db_net(rds, db):
    """Subnet ids, security group ids and subnet group name of a DB instance or cluster."""
    name = (getattr(db, "_db_subnet_group_name", None) or db.__dict__.get("db_subnet_group_name") or "").lower()
    group = rds.subnet_groups.get(name) if name else None
    return (
        {s.id for s in group._subnets} if group else set(),
        set(getattr(db, "vpc_security_group_ids", None) or []),
        name,
    )


def tenants(call):
    """Whatever holds network interfaces: (what, subnet ids, security group ids)."""
    ec2, rds = call.moto("ec2"), call.moto("rds")
    for eni in list(ec2.enis.values()):
        if eni.instance and eni.instance._state.name == "terminated":
            continue  # moto keeps these
        yield eni.id, {eni.subnet.id}, {g.id for g in eni.group_set}
    for lb in list(call.moto("elbv2").load_balancers.values()):
        yield lb.arn, {s.id for s in lb.subnets}, set(lb.security_groups or [])
    for db in [*rds.databases.values(), *rds.clusters.values()]:
        yield "db", *db_net(rds, db)[:2]
    cache = elasticache.STORES.get((call.account, call.region))
    for res in list(cache.kinds["cluster"].values()) if cache else ():
        group = cache.kinds["subnets"].get(res.hidden["CacheSubnetGroupName"])
        yield (
            res.name,
            {s["SubnetIdentifier"] for s in group.shown["Subnets"]} if group else set(),
            set(res.hidden["SecurityGroupIds"]),
        )
    # network interfaces outlive what they served by a while
    for kind in ("instance", "nat", "elb-eni", "db", "dbcluster"):
        for name, extra in passing(call, kind).items():
            if extra:
                yield name, extra["subnets"], extra["groups"]
