"""VPCs, subnets, internet gateways, elastic addresses."""

import ipaddress

from ..call import fault
from .holders import tenants
from .registry import on
from .states import passing


@on("ec2", "CreateSubnet")
def create_subnet(call):
    cidr, zone = call.get("CidrBlock"), call.get("AvailabilityZone")
    if cidr and str(ipaddress.ip_network(cidr, strict=False)) != cidr:
        raise fault(
            "InvalidParameterValue",
            f"Value ({cidr}) for parameter cidrBlock is invalid. This is not a valid CIDR block.",
        )
    if zone and not zone.startswith(call.region):
        raise fault("InvalidParameterValue", f"Value ({zone}) for parameter availabilityZone is invalid.")
    return call.forward()


@on("ec2", "DeleteSubnet")
def delete_subnet(call):
    subnet = call.get("SubnetId")
    if any(subnet in holder.subnets for holder in tenants(call)):
        raise fault("DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted.")
    answer = call.forward()
    for table in list(call.moto("ec2").route_tables.values()):
        # On AWS a subnet takes its associations with it; moto leaves them, and the route table could never go.
        for association in [a for a, s in table.associations.items() if s == subnet]:
            del table.associations[association]
    return answer


@on("ec2", "DeleteVpc")
def delete_vpc(call):
    ec2, vpc = call.moto("ec2"), call.get("VpcId")
    attached = any(g.vpc and g.vpc.id == vpc for g in ec2.internet_gateways.values())
    groups = any(g.name != "default" for g in ec2.groups.get(vpc, {}).values())
    endpoints = any(e.vpc_id == vpc and e.state != "deleted" for e in ec2.vpc_end_points.values())
    if attached or groups or endpoints:
        raise fault("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted.")
    return call.forward()


@on("ec2", "DetachInternetGateway")
def detach_internet_gateway(call):
    ec2, vpc = call.moto("ec2"), call.get("VpcId")
    nats = [n for n in list(ec2.nat_gateways.values()) if n.state != "deleted" and n.connectivity_type == "public"]
    balancers = [b for b in list(call.moto("elbv2").load_balancers.values()) if b.scheme == "internet-facing"]
    leaving = [e for k in ("nat", "elb-eni", "instance") for e in passing(call, k).values() if e]
    enis = [e for e in list(ec2.enis.values()) if e.public_ip or any(a.eni is e for a in ec2.addresses)]
    if (
        any(n.vpc_id == vpc for n in nats)
        or any(b.vpc_id == vpc for b in balancers)
        or any(e["vpc"] == vpc for e in leaving)
        or any(e.subnet.vpc_id == vpc for e in enis)
    ):
        raise fault(
            "DependencyViolation",
            f"Network {vpc} has some mapped public address(es). Please unmap those public address(es) before "
            "detaching the gateway.",
        )
    return call.forward()


@on("ec2", "DeleteInternetGateway")
def delete_internet_gateway(call):
    name = call.get("InternetGatewayId")
    gateway = call.moto("ec2").internet_gateways.get(name)
    if gateway and gateway.vpc:
        raise fault(
            "DependencyViolation", f"The internetGateway '{name}' has dependencies and cannot be deleted."
        )
    return call.forward()


@on("ec2", "DescribeTags")
def describe_tags(call):
    """moto has other names for two kinds of resource."""
    answer = call.forward()
    names = {"nat-gateway": "natgateway", "vpc-elastic-ip": "elastic-ip"}
    for tag in answer.get("Tags", []):
        tag["ResourceType"] = names.get(tag["ResourceType"], tag["ResourceType"])
    return answer


@on("ec2", "ReleaseAddress")
def release_address(call):
    for a in call.moto("ec2").addresses:
        if a.allocation_id == call.get("AllocationId") and a.association_id:
            raise fault("InvalidIPAddress.InUse", f"Address {a.public_ip} is in use.")
    if passing(call, "nat-address", call.get("AllocationId")):
        # AWS counts it as the gateway's until a while after that is deleted, and says so in these words.
        raise fault("AuthFailure", "You do not have permission to access the specified resource.")
    return call.forward()


@on("ec2", "AssociateRouteTable")
def associate_route_table(call):
    subnet = call.get("SubnetId")
    for table in list(call.moto("ec2").route_tables.values()):
        # moto takes this for done and answers with the association to the other table.
        if subnet in table.associations.values() and table.id != call.get("RouteTableId"):
            raise fault(
                "Resource.AlreadyAssociated",
                f"The specified association for route table {table.id} conflicts with an existing association",
            )
    return call.forward()
