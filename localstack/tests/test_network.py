"""VPCs, subnets, gateways, addresses, security groups: what holds what, and how it is found."""

from .support import PAGE, CloudTest

TAGS = [{"Key": "stackctl:stack", "Value": "shop"}]
BY_TAG = [{"Name": "tag:stackctl:stack", "Values": ["shop"]}]
HTTP = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def spec(kind):
    return [{"ResourceType": kind, "Tags": TAGS}]


class Network(CloudTest):
    def test_rules_are_tagged_when_made_and_found_by_tag(self):
        group = self.group(self.vpc()[0])
        self.ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[HTTP], TagSpecifications=spec("security-group-rule")
        )
        rules = self.ec2.describe_security_group_rules(Filters=BY_TAG)["SecurityGroupRules"]
        self.assertEqual([(r["FromPort"], r["IsEgress"], r["Tags"]) for r in rules], [(80, False, TAGS)])

    def test_a_rule_can_be_tagged_later_and_revoked_by_its_id(self):
        group = self.group(self.vpc()[0])
        made = self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[HTTP])
        rule = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        self.ec2.create_tags(Resources=[rule], Tags=TAGS)
        self.assertEqual(len(self.ec2.describe_security_group_rules(Filters=BY_TAG)["SecurityGroupRules"]), 1)
        self.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])
        self.assertEqual(self.ec2.describe_security_group_rules(Filters=BY_TAG)["SecurityGroupRules"], [])

    def test_the_same_rule_twice_is_refused_whatever_its_description(self):
        group = self.group(self.vpc()[0])
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[HTTP])
        other = {**HTTP, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "again"}]}
        self.refuses(
            "InvalidPermission.Duplicate",
            self.ec2.authorize_security_group_ingress,
            GroupId=group,
            IpPermissions=[other],
        )

    def test_a_group_that_another_group_names_cannot_go(self):
        vpc, _ = self.vpc()
        front, back = self.group(vpc, "front"), self.group(vpc, "back")
        pair = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": front}]}
        self.ec2.authorize_security_group_ingress(GroupId=back, IpPermissions=[pair])
        users = self.ec2.describe_security_groups(Filters=[{"Name": "ip-permission.group-id", "Values": [front]}])
        self.assertEqual([g["GroupId"] for g in users["SecurityGroups"]], [back])
        self.refuses("DependencyViolation", self.ec2.delete_security_group, GroupId=front)
        self.ec2.revoke_security_group_ingress(GroupId=back, IpPermissions=[pair])
        self.ec2.delete_security_group(GroupId=front)

    def test_addresses_and_nat_gateways_are_found_by_tag(self):
        vpc, subnets = self.vpc()
        self.gateway(vpc)
        address = self.ec2.allocate_address(Domain="vpc", TagSpecifications=spec("elastic-ip"))["AllocationId"]
        self.ec2.create_nat_gateway(
            SubnetId=subnets[0], AllocationId=address, TagSpecifications=spec("natgateway"), ClientToken="one"
        )
        self.assertEqual([a["AllocationId"] for a in self.ec2.describe_addresses(Filters=BY_TAG)["Addresses"]], [address])
        self.assertEqual(len(self.ec2.describe_nat_gateways(Filter=BY_TAG)["NatGateways"]), 1)

    def release(self, address):
        """Release the address; the code of the refusal, if it is refused."""
        from botocore.exceptions import ClientError

        try:
            self.ec2.release_address(AllocationId=address)
        except ClientError as refused:
            return refused.response["Error"]["Code"]
        return "released"

    def nat_state(self, name):
        return self.ec2.describe_nat_gateways(NatGatewayIds=[name])["NatGateways"][0]["State"]

    def test_a_nat_gateway_holds_its_address_and_subnet_until_it_is_deleted(self):
        vpc, subnets = self.vpc()
        gateway = self.gateway(vpc)
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = self.ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
        self.assertEqual(self.eventually("available", lambda: self.nat_state(nat)), ["pending", "available"])
        self.refuses("InvalidIPAddress.InUse", self.ec2.release_address, AllocationId=address)
        self.ec2.delete_nat_gateway(NatGatewayId=nat)
        self.refuses("DependencyViolation", self.ec2.delete_subnet, SubnetId=subnets[0])
        self.refuses(
            "DependencyViolation", self.ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc
        )
        self.assertEqual(self.eventually("deleted", lambda: self.nat_state(nat)), ["deleting", "deleted"])
        self.refuses("AuthFailure", self.ec2.release_address, AllocationId=address)
        self.eventually("released", lambda: self.release(address))
        self.ec2.delete_subnet(SubnetId=subnets[0])
        self.refuses("DependencyViolation", self.ec2.delete_internet_gateway, InternetGatewayId=gateway)
        self.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        self.ec2.delete_internet_gateway(InternetGatewayId=gateway)

    def test_a_nat_gateway_without_a_way_out_fails_afterwards(self):
        _, subnets = self.vpc()
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = self.ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
        self.assertEqual(self.eventually("failed", lambda: self.nat_state(nat)), ["pending", "failed"])
        failed = self.ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]
        self.assertEqual(failed["FailureCode"], "Gateway.NotAttached")

    def test_a_client_token_makes_one_thing_only(self):
        vpc, subnets = self.vpc()
        self.gateway(vpc)
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        asked = {"SubnetId": subnets[0], "AllocationId": address, "ClientToken": "token"}
        first, second = (self.ec2.create_nat_gateway(**asked)["NatGateway"]["NatGatewayId"] for _ in range(2))
        self.assertEqual(first, second)
        self.refuses(
            "IdempotentParameterMismatch", self.ec2.create_nat_gateway, **{**asked, "SubnetId": subnets[1]}
        )

    def test_a_deleted_subnet_takes_its_route_table_association_with_it(self):
        vpc, subnets = self.vpc()
        table = self.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[0])
        self.refuses("DependencyViolation", self.ec2.delete_route_table, RouteTableId=table)
        self.ec2.delete_subnet(SubnetId=subnets[0])
        self.ec2.delete_route_table(RouteTableId=table)

    def test_a_subnet_has_one_route_table_at_a_time(self):
        vpc, subnets = self.vpc()
        one, two = (self.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2))
        made = self.ec2.associate_route_table(RouteTableId=one, SubnetId=subnets[0])
        self.refuses(
            "Resource.AlreadyAssociated", self.ec2.associate_route_table, RouteTableId=two, SubnetId=subnets[0]
        )
        self.ec2.replace_route_table_association(RouteTableId=two, AssociationId=made["AssociationId"])
        self.refuses("DependencyViolation", self.ec2.delete_route_table, RouteTableId=two)
        self.ec2.delete_route_table(RouteTableId=one)

    def test_a_vpc_goes_last(self):
        vpc, subnets = self.vpc()
        gateway, group = self.gateway(vpc), self.group(vpc)
        for then in (
            lambda: [self.ec2.delete_subnet(SubnetId=s) for s in subnets],
            lambda: self.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc),
            lambda: self.ec2.delete_security_group(GroupId=group),
        ):
            self.refuses("DependencyViolation", self.ec2.delete_vpc, VpcId=vpc)
            then()
        self.ec2.delete_vpc(VpcId=vpc)

    def test_lists_come_in_pages_where_aws_has_pages_and_whole_where_it_has_none(self):
        for i in range(3):
            self.ec2.create_vpc(CidrBlock=f"10.{i}.0.0/16", TagSpecifications=spec("vpc"))
            self.ec2.allocate_address(Domain="vpc", TagSpecifications=spec("elastic-ip"))
        self.assertEqual(len(self.ec2.describe_vpcs(Filters=BY_TAG)["Vpcs"]), PAGE)
        pages = self.ec2.get_paginator("describe_vpcs").paginate(Filters=BY_TAG)
        self.assertEqual(len([v for page in pages for v in page["Vpcs"]]), 3)
        self.assertEqual(len(self.ec2.describe_addresses(Filters=BY_TAG)["Addresses"]), 3)
        self.assertGreaterEqual(len(self.ec2.describe_availability_zones()["AvailabilityZones"]), 3)
