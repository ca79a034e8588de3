"""NAT gateways, which take their time both ways."""

from ..call import fault
from ..settings import DELAY
from .registry import on
from .states import enter, passing


@on("ec2", "CreateNatGateway")
def create_nat_gateway(call):
    answer, ec2 = call.forward(), call.moto("ec2")
    shown = answer["NatGateway"]
    # So AWS writes it, and moto nothing.
    ec2.nat_gateways[shown["NatGatewayId"]]._eni.description = f"Interface for NAT Gateway {shown['NatGatewayId']}"
    enter(call, "nat", shown["NatGatewayId"], "pending")
    shown["State"] = "pending"
    vpc, public = shown["VpcId"], call.get("ConnectivityType", "public") == "public"
    if public and not any(g.vpc and g.vpc.id == vpc for g in list(ec2.internet_gateways.values())):
        # AWS says so only afterwards, by the state `failed`.
        ec2.nat_gateways[shown["NatGatewayId"]].state = "failed"
    return answer


@on("ec2", "DeleteNatGateway")
def delete_nat_gateway(call):
    ec2, name = call.moto("ec2"), call.get("NatGatewayId")
    nat = ec2.nat_gateways.get(name)
    if not nat:
        raise fault("NatGatewayNotFound", f"NatGateway {name} was not found")
    answer = call.forward()
    # moto keeps the interface and the address bound
    addresses = [a for a in ec2.addresses if a.eni and a.eni.id == nat._eni.id]
    enter(
        call,
        "nat",
        name,
        "deleting",
        {
            "subnets": {nat.subnet_id},
            "groups": set(),
            "vpc": nat.vpc_id,
        },
    )
    for a in addresses:
        enter(call, "nat-address", a.allocation_id, "held", seconds=2 * DELAY)
        ec2.disassociate_address(association_id=a.association_id)
    ec2.enis.pop(nat._eni.id, None)
    return answer


@on("ec2", "DescribeNatGateways")
def describe_nat_gateways(call):
    # AWS's name of this parameter is Filter; the state is known only here.
    wanted = [f for f in call.get("Filter", []) if f["Name"] == "state"]
    answer = call.forward(
        {**call.request, "Filter": [f for f in call.get("Filter", []) if f["Name"] != "state"]}
    )
    for n in answer.get("NatGateways", []):
        n["State"] = passing(call, "nat", n["NatGatewayId"]) or n["State"]
        if n["State"] == "failed":
            n["FailureCode"] = "Gateway.NotAttached"
            n["FailureMessage"] = f"Network {n['VpcId']} has no Internet gateway attached"
    answer["NatGateways"] = [
        n for n in answer.get("NatGateways", []) if all(n["State"] in f["Values"] for f in wanted)
    ]
    missing = set(call.get("NatGatewayIds", [])) - set(call.moto("ec2").nat_gateways)
    if missing:
        raise fault("NatGatewayNotFound", f"NatGateway {sorted(missing)[0]} was not found")
    return answer
