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
    if any(subnet in subnets for _, subnets, _ in tenants(call)):
        raise fault("DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted.")
    return call.forward()


@on("ec2", "DeleteVpc")
def delete_vpc(call):
    ec2, vpc = call.moto("ec2"), call.get("VpcId")
    attached = any(g.vpc and g.vpc.id == vpc for g in ec2.internet_gateways.values())
    groups = any(g.name != "default" for g in ec2.groups.get(vpc, {}).values())
    if attached or groups:
        raise fault("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted.")
    return call.forward()


@on("ec2", "DetachInternetGateway")
def detach_internet_gateway(call):
    ec2, vpc = call.moto("ec2"), call.get("VpcId")
    mapped = (
        any(
            n.vpc_id == vpc and n.state != "deleted" and n.connectivity_type == "public"
            for n in ec2.nat_gateways.values()
        )
        or any(a.eni and a.eni.subnet.vpc_id == vpc for a in ec2.addresses)
        or any(
            lb.vpc_id == vpc and lb.scheme == "internet-facing"
            for lb in call.moto("elbv2").load_balancers.values()
        )
        or any(e["vpc"] == vpc for k in ("nat", "elb-eni") for e in passing(call, k).values() if e)
    )
    if mapped:
        raise fault(
            "DependencyViolation",
            f"Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.",
        )
    return call.forward()


@on("ec2", "ReleaseAddress")
def release_address(call):
    for a in call.moto("ec2").addresses:
        if a.allocation_id == call.get("AllocationId") and a.association_id:
            raise fault("InvalidIPAddress.InUse", f"Address {a.public_ip} is in use.")
    if any(e and call.get("AllocationId") in e.get("addresses", ()) for e in passing(call, "nat").values()):
        raise fault("InvalidIPAddress.InUse", "The address is in use.")
    return call.forward()
