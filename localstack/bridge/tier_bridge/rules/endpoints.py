"""Gateway endpoints: routes of a VPC to S3 and DynamoDB."""

from ..call import fault
from .registry import on

GATEWAYS = ("s3", "dynamodb")


def standing(ec2):
    return [e for e in list(ec2.vpc_end_points.values()) if e.state != "deleted"]


def check_tables(call, vpc, service, tables, but=None):
    """Refuse route tables of another VPC, and those that lead to the service already."""
    ec2 = call.moto("ec2")
    for name in tables:
        table = ec2.route_tables.get(name)
        if not table:
            raise fault("InvalidRouteTableID.NotFound", f"The routeTable ID '{name}' does not exist")
        if table.vpc_id != vpc:
            raise fault("InvalidParameter", f"The route table {name} is not in the VPC {vpc}")
        for other in standing(ec2):
            if other.id != but and other.service_name == service and name in other.route_table_ids:
                raise fault("RouteAlreadyExists", f"route table {name} already has a route to {service}")


def route(ec2, endpoint, tables, there):
    """Have these tables lead to the endpoint, or not. moto does so only as long as nobody changes them."""
    for name in tables:
        if there:
            ec2.create_route(
                name, None, gateway_id=endpoint.id, destination_prefix_list_id=endpoint.destination_prefix_list_id
            )
        elif table := ec2.route_tables.get(name):
            table.routes = {k: r for k, r in table.routes.items() if r.gateway is not endpoint}


@on("ec2", "CreateVpcEndpoint")
def create_vpc_endpoint(call):
    service, vpc = call.get("ServiceName"), call.get("VpcId")
    kind = call.get("VpcEndpointType", "Gateway")
    if kind == "Gateway":
        if service not in [f"com.amazonaws.{call.region}.{one}" for one in GATEWAYS]:
            raise fault("InvalidServiceName", f"The Vpc Endpoint Service '{service}' does not exist")
        check_tables(call, vpc, service, call.get("RouteTableIds", []))
    # Left out, moto takes it for a gateway, and stumbles over it when that is deleted.
    return call.forward({**call.request, "VpcEndpointType": kind})


@on("ec2", "ModifyVpcEndpoint")
def modify_vpc_endpoint(call):
    ec2, name = call.moto("ec2"), call.get("VpcEndpointId")
    endpoint = ec2.vpc_end_points.get(name)
    if not endpoint or endpoint.state == "deleted":
        raise fault("InvalidVpcEndpointId.NotFound", f"The Vpc Endpoint Id '{name}' does not exist")
    added, removed = call.get("AddRouteTableIds", []), call.get("RemoveRouteTableIds", [])
    check_tables(call, endpoint.vpc_id, endpoint.service_name, added)
    answer = call.forward()
    route(ec2, endpoint, added, True)
    route(ec2, endpoint, removed, False)
    return answer


@on("ec2", "DeleteVpcEndpoints")
def delete_vpc_endpoints(call):
    """AWS answers well, and names those that it did not delete."""
    ec2, refused = call.moto("ec2"), []
    for name in call.get("VpcEndpointIds", []):
        endpoint = ec2.vpc_end_points.get(name)
        if not endpoint or endpoint.state == "deleted":
            error = {"Code": "InvalidVpcEndpoint.NotFound", "Message": f"The Vpc Endpoint Id '{name}' does not exist"}
            refused.append({"ResourceId": name, "Error": error})
            continue
        route(ec2, endpoint, list(endpoint.route_table_ids), False)
        endpoint.route_table_ids = []
    answer = call.forward()
    return {**answer, "Unsuccessful": refused}


@on("ec2", "DescribeVpcEndpoints")
def describe_vpc_endpoints(call):
    """Without those that are gone, which moto shows for good."""
    there = {e.id for e in standing(call.moto("ec2"))}
    if gone := set(call.get("VpcEndpointIds", [])) - there:
        raise fault("InvalidVpcEndpointId.NotFound", f"The Vpc Endpoint Id '{sorted(gone)[0]}' does not exist")
    answer = call.forward()
    answer["VpcEndpoints"] = [e for e in answer.get("VpcEndpoints", []) if e["VpcEndpointId"] in there]
    return answer
