"""Who holds network interfaces, and with them subnets, security groups and public addresses."""

import hashlib
from collections import namedtuple

from .. import elasticache
from .states import passing

# What holds interfaces (a description as AWS gives it), the requester's name, and where they are.
Holder = namedtuple("Holder", "what owner subnets groups")


def stands_in(db, zone):
    if not hasattr(db, "availability_zone"):
        return True
    return zone == db.availability_zone or bool(db.multi_az) and zone == getattr(db, "secondary_zone", None)


def db_net(rds, db):
    """Subnet ids, security group ids and subnet group name of a DB instance or cluster. An instance is in the
    subnet of its zone, and with a standby in that of another."""
    name = (getattr(db, "_db_subnet_group_name", None) or db.__dict__.get("db_subnet_group_name") or "").lower()
    group = rds.subnet_groups.get(name) if name else None
    return (
        {s.id for s in group._subnets if stands_in(db, s.availability_zone)} if group else set(),
        set(getattr(db, "vpc_security_group_ids", None) or []),
        name,
    )


def balancer_interfaces(balancer):
    """How AWS describes the interfaces of a load balancer: ELB app/<name>/<id>."""
    return "ELB " + balancer.arn.split("loadbalancer/")[-1]


def services(call):
    """Holders that are services of AWS: their interfaces cannot be deleted by oneself."""
    rds = call.moto("rds")
    for lb in list(call.moto("elbv2").load_balancers.values()):
        yield Holder(balancer_interfaces(lb), "amazon-elb", {s.id for s in lb.subnets}, set(lb.security_groups or []))
    for db in list(rds.databases.values()):
        subnets, groups, _ = db_net(rds, db)
        yield Holder("RDSNetworkInterface", "amazon-rds", subnets, groups)
    for cluster in list(rds.clusters.values()):
        # The interfaces are those of its instances, which have its groups.
        _, groups, _ = db_net(rds, cluster)
        yield Holder("RDSNetworkInterface", "amazon-rds", set(), groups)
    cache = elasticache.STORES.get((call.account, call.region))
    for res in list(cache.kinds["cluster"].values()) if cache else ():
        subnets = {subnet for _, subnet in res.hidden["Places"] if subnet}
        yield Holder(f"ElastiCache {res.name}", "amazon-elasticache", subnets, set(res.hidden["SecurityGroupIds"]))
    # Network interfaces outlive what they served by a while.
    for kind, owner in (("elb-eni", "amazon-elb"), ("db", "amazon-rds"), ("dbcluster", "amazon-rds")):
        for name, extra in passing(call, kind).items():
            if extra:
                yield Holder(extra.get("what") or "RDSNetworkInterface", owner, extra["subnets"], extra["groups"])


def tenants(call):
    """Every holder, the user's own interfaces included."""
    for eni in list(call.moto("ec2").enis.values()):
        if eni.instance and eni.instance._state.name == "terminated":
            continue  # moto keeps these
        yield Holder(eni.id, None, {eni.subnet.id}, {g.id for g in eni.group_set})
    yield from services(call)
    for kind in ("instance", "nat"):
        for name, extra in passing(call, kind).items():
            if extra:
                yield Holder(name, None, extra["subnets"], extra["groups"])


def requester_managed(call):
    """The interfaces of AWS's services, as DescribeNetworkInterfaces shows them."""
    subnets = {s.id: s for by_zone in list(call.moto("ec2").subnets.values()) for s in by_zone.values()}
    names = {g.id: g.name for by_vpc in list(call.moto("ec2").groups.values()) for g in by_vpc.values()}
    for holder in services(call):
        for subnet in sorted(s for s in holder.subnets if s in subnets):
            digest = hashlib.sha256(f"{holder.what}{sorted(holder.groups)}{subnet}".encode()).hexdigest()
            yield {
                "NetworkInterfaceId": f"eni-{digest[:17]}",
                "Description": holder.what,
                "Status": "in-use",
                "InterfaceType": "interface",
                "RequesterManaged": True,
                "RequesterId": holder.owner,
                "OwnerId": call.account,
                "SubnetId": subnet,
                "VpcId": subnets[subnet].vpc_id,
                "AvailabilityZone": subnets[subnet].availability_zone,
                "Groups": [{"GroupId": g, "GroupName": names.get(g, "")} for g in sorted(holder.groups)],
                "Attachment": {
                    "AttachmentId": f"eni-attach-{digest[17:34]}",
                    "InstanceOwnerId": holder.owner,
                    "Status": "attached",
                    "DeleteOnTermination": False,
                },
                "TagSet": [],
            }
