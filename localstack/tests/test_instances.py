"""Instances: from launch to termination, and what launching asks for."""

from .support import PAGE, CloudTest

TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:GetParameter","Resource":"*"}]}'
AL2023 = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
TAGS = [{"Key": "stackctl:stack", "Value": "shop"}]


class Instances(CloudTest):
    def test_an_instance_is_pending_then_running_and_shows_what_it_was_given(self):
        vpc, subnets = self.vpc()
        self.iam.create_instance_profile(InstanceProfileName="app", Tags=TAGS)
        name = self.instance(
            subnets[0],
            self.group(vpc),
            IamInstanceProfile={"Name": "app"},
            MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
            TagSpecifications=[{"ResourceType": k, "Tags": TAGS} for k in ("instance", "volume", "network-interface")],
        )
        self.assertEqual(self.eventually("running", lambda: self.instance_state(name)), ["pending", "running"])
        filters = [{"Name": "tag:stackctl:stack", "Values": ["shop"]}]
        state = {"Name": "instance-state-name", "Values": ["running"]}
        found = self.ec2.describe_instances(Filters=[*filters, state])["Reservations"][0]["Instances"][0]
        self.assertTrue(found["IamInstanceProfile"]["Arn"].endswith(":instance-profile/app"))
        self.assertEqual(found["MetadataOptions"]["HttpTokens"], "required")
        self.assertEqual(found["Tags"], TAGS)
        self.assertEqual(len(self.ec2.describe_volumes(Filters=filters)["Volumes"]), 1)
        self.assertEqual(len(self.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]), 1)

    def test_an_instance_has_the_groups_of_its_network_interface_and_changes_them_with_it(self):
        vpc, subnets = self.vpc()
        one, other = self.group(vpc, "one"), self.group(vpc, "other")
        interface = {"DeviceIndex": 0, "SubnetId": subnets[0], "Groups": [one]}
        asked = {"ImageId": self.image(), "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
        made = self.ec2.run_instances(NetworkInterfaces=[interface], **asked)["Instances"][0]
        self.assertEqual([g["GroupId"] for g in made["SecurityGroups"]], [one])
        self.eventually("running", lambda: self.instance_state(made["InstanceId"]))
        self.ec2.modify_instance_attribute(InstanceId=made["InstanceId"], Groups=[other])
        found = self.ec2.describe_instances(InstanceIds=[made["InstanceId"]])["Reservations"][0]["Instances"][0]
        self.assertEqual([g["GroupId"] for g in found["SecurityGroups"]], [other])
        self.assertEqual([g["GroupId"] for g in found["NetworkInterfaces"][0]["Groups"]], [other])

    def test_a_role_is_taken_out_of_its_profile_once(self):
        self.iam.create_instance_profile(InstanceProfileName="app")
        self.iam.create_role(RoleName="app", AssumeRolePolicyDocument=TRUST)
        pair = {"InstanceProfileName": "app", "RoleName": "app"}
        self.refuses("NoSuchEntity", self.iam.remove_role_from_instance_profile, **pair)
        self.iam.add_role_to_instance_profile(**pair)
        self.iam.remove_role_from_instance_profile(**pair)
        self.refuses("NoSuchEntity", self.iam.remove_role_from_instance_profile, **pair)
        pair["InstanceProfileName"] = "none"
        self.refuses("NoSuchEntity", self.iam.remove_role_from_instance_profile, **pair)

    def test_what_comes_and_goes_between_two_pages_moves_nothing_from_one_to_the_other(self):
        vpc, subnets = self.vpc()
        group = self.group(vpc)
        first, *others = [self.running(subnets[0], group) for _ in range(2 * PAGE)]
        living = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        page = self.ec2.describe_instances(Filters=living)
        self.ec2.terminate_instances(InstanceIds=[first])
        token = page["NextToken"]
        for _ in "ab":  # an answer that was lost is asked for once more
            rest = self.ec2.describe_instances(Filters=living, NextToken=token)
            named = [r["Instances"][0]["InstanceId"] for r in page["Reservations"] + rest["Reservations"]]
            self.assertEqual(named, [first, *others])
        self.refuses("InvalidNextToken", self.ec2.describe_vpcs, NextToken=token)
        anew = self.ec2.describe_instances(Filters=living)
        anew = anew["Reservations"] + self.ec2.describe_instances(Filters=living, NextToken=anew["NextToken"])["Reservations"]
        self.assertEqual([r["Instances"][0]["InstanceId"] for r in anew], others)

    def test_managed_policies_are_aws_own_or_ones_that_were_made_and_a_role_has_room_for_ten(self):
        self.iam.create_role(RoleName="app", AssumeRolePolicyDocument=TRUST)
        attach = lambda arn: self.iam.attach_role_policy(RoleName="app", PolicyArn=arn)  # noqa: E731
        known = "arn:aws:iam::aws:policy/service-role/AWSLambdaRole"
        self.assertEqual(self.iam.get_policy(PolicyArn=known)["Policy"]["PolicyName"], "AWSLambdaRole")
        for nowhere in ("arn:aws:iam::aws:policy/AWSLambdaRole", f"arn:aws:iam::{self.account}:policy/mine"):
            self.refuses("NoSuchEntity", self.iam.get_policy, PolicyArn=nowhere)
            self.refuses("NoSuchEntity", attach, arn=nowhere)
        document = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}'
        for index in range(10):
            attach(self.iam.create_policy(PolicyName=f"p{index}", PolicyDocument=document)["Policy"]["Arn"])
        attach(f"arn:aws:iam::{self.account}:policy/p0")
        self.refuses("LimitExceeded", attach, arn=known)
        self.refuses("DeleteConflict", self.iam.delete_role, RoleName="app")

    def test_keys_of_tags_that_differ_by_case_are_the_same_key_to_iam(self):
        tags = [{"Key": "team", "Value": "a"}, {"Key": "Team", "Value": "b"}]
        role = {"RoleName": "app", "AssumeRolePolicyDocument": TRUST}
        self.refuses("InvalidInput", self.iam.create_role, Tags=tags, **role)
        self.refuses("InvalidInput", self.iam.create_instance_profile, InstanceProfileName="app", Tags=tags)
        self.iam.create_role(Tags=tags[:1], **role)
        self.refuses("InvalidInput", self.iam.tag_role, RoleName="app", Tags=tags)

    def test_an_instance_type_is_not_offered_in_every_zone(self):
        ec2 = self.client("ec2", "us-east-1")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        image = self.client("ssm", "us-east-1").get_parameter(Name=AL2023)["Parameter"]["Value"]
        asked = {"ImageId": image, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1}
        offers = ec2.describe_instance_type_offerings(
            LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": ["t3.small"]}]
        )["InstanceTypeOfferings"]
        self.assertNotIn("us-east-1e", [offer["Location"] for offer in offers])
        for i, (zone, good) in enumerate([("us-east-1a", True), ("us-east-1e", False)]):
            made = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone=zone)
            for place in (
                {"SubnetId": made["Subnet"]["SubnetId"]},
                {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": made["Subnet"]["SubnetId"]}]},
            ):
                if good:
                    ec2.run_instances(**asked, **place)
                else:
                    self.refuses("Unsupported", ec2.run_instances, **asked, **place)

    def test_an_instance_shows_its_client_token_and_the_id_of_the_profile_that_it_was_given(self):
        vpc, subnets = self.vpc()
        made = self.iam.create_instance_profile(InstanceProfileName="app")["InstanceProfile"]
        name = self.running(subnets[0], self.group(vpc), IamInstanceProfile={"Name": "app"}, ClientToken="mine")

        def shown():
            found = self.ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]
            return found["ClientToken"], found["IamInstanceProfile"]["Id"]

        self.assertEqual(shown(), ("mine", made["InstanceProfileId"]))
        self.iam.delete_instance_profile(InstanceProfileName="app")
        anew = self.iam.create_instance_profile(InstanceProfileName="app")["InstanceProfile"]
        self.assertNotEqual(anew["InstanceProfileId"], made["InstanceProfileId"])
        self.assertEqual(shown()[1], made["InstanceProfileId"])
        here = [{"Name": "instance-id", "Values": [name]}]
        found = self.ec2.describe_iam_instance_profile_associations(Filters=here)
        association = found["IamInstanceProfileAssociations"][0]["AssociationId"]
        self.ec2.replace_iam_instance_profile_association(
            AssociationId=association, IamInstanceProfile={"Name": "app"}
        )
        self.assertEqual(shown()[1], anew["InstanceProfileId"])

    def test_a_permissions_boundary_is_a_policy_that_is_there(self):
        role = {"RoleName": "app", "AssumeRolePolicyDocument": TRUST}
        missing = f"arn:aws:iam::{self.account}:policy/bounds"
        self.refuses("NoSuchEntity", self.iam.create_role, PermissionsBoundary=missing, **role)
        self.iam.create_role(PermissionsBoundary="arn:aws:iam::aws:policy/PowerUserAccess", **role)
        put = self.iam.put_role_permissions_boundary
        self.refuses("NoSuchEntity", put, RoleName="app", PermissionsBoundary=missing)
        made = self.iam.create_policy(PolicyName="bounds", PolicyDocument=POLICY)["Policy"]["Arn"]
        put(RoleName="app", PermissionsBoundary=made)
        found = self.iam.get_role(RoleName="app")["Role"]["PermissionsBoundary"]
        self.assertEqual(found["PermissionsBoundaryArn"], made)

    def test_there_is_no_way_back_from_the_advanced_tier(self):
        asked = {"Name": "/shop/env", "Value": "x", "Type": "String", "Overwrite": True}
        self.ssm.put_parameter(Tier="Advanced", **asked)
        self.refuses("ValidationException", self.ssm.put_parameter, Tier="Standard", **asked)
        self.ssm.put_parameter(Tier="Advanced", **asked)

    def test_targets_fail_their_checks_whose_user_data_has_the_text_of_the_switch(self):
        vpc, subnets = self.vpc()
        group = self.group(vpc)
        self.gateway(vpc)
        targets = self.target_group(vpc)
        self.listener(self.balancer(subnets, group), targets)
        names = [self.running(subnets[0], group, UserData=f"#!/bin/sh\nimage=shop:{i}") for i in (1, 2)]
        self.elbv2.register_targets(TargetGroupArn=targets, Targets=[{"Id": name} for name in names])
        self.ssm.put_parameter(Name="/emulator/unhealthy", Value="shop:2", Type="String")

        def states():
            shown = self.elbv2.describe_target_health(TargetGroupArn=targets)["TargetHealthDescriptions"]
            state = {d["Target"]["Id"]: d["TargetHealth"]["State"] for d in shown}
            return [state[name] for name in names]

        self.eventually(["healthy", "unhealthy"], states)
        self.ssm.delete_parameter(Name="/emulator/unhealthy")
        self.assertEqual(states(), ["healthy", "healthy"])

    def test_a_terminated_instance_holds_its_group_a_while_and_leaves_nothing(self):
        vpc, subnets = self.vpc()
        group = self.group(vpc)
        name = self.running(subnets[0], group)
        self.ec2.terminate_instances(InstanceIds=[name])
        self.refuses("DependencyViolation", self.ec2.delete_security_group, GroupId=group)
        seen = self.eventually("terminated", lambda: self.instance_state(name))
        self.assertEqual(seen, ["shutting-down", "terminated"])
        self.ec2.delete_security_group(GroupId=group)
        self.assertEqual(self.ec2.describe_volumes()["Volumes"], [])
        here = [{"Name": "vpc-id", "Values": [vpc]}]
        self.assertEqual(self.ec2.describe_network_interfaces(Filters=here)["NetworkInterfaces"], [])

    def test_the_public_parameters_name_images_of_both_architectures(self):
        vpc, subnets = self.vpc()
        group = self.group(vpc)
        self.instance(subnets[0], group, ImageId=self.image("arm64"), InstanceType="t4g.small")
        self.refuses(
            "InvalidParameterValue",
            self.ec2.run_instances,
            ImageId=self.image("x86_64"),
            InstanceType="t4g.small",
            MinCount=1,
            MaxCount=1,
        )

    def test_launching_refuses_what_is_not_there(self):
        asked = {"MinCount": 1, "MaxCount": 1, "ImageId": self.image(), "InstanceType": "t3.micro"}
        for code, wrong in (
            ("InvalidAMIID.NotFound", {"ImageId": "ami-12345678"}),
            ("InvalidParameterValue", {"InstanceType": "t9.huge"}),
            ("InvalidKeyPair.NotFound", {"KeyName": "none"}),
            ("InvalidParameterValue", {"IamInstanceProfile": {"Name": "none"}}),
        ):
            self.refuses(code, self.ec2.run_instances, **{**asked, **wrong})

    def test_a_token_survives_the_instance_it_made(self):
        vpc, subnets = self.vpc()
        group = self.group(vpc)
        first = self.running(subnets[0], group, ClientToken="one")
        self.ec2.terminate_instances(InstanceIds=[first])
        self.assertEqual(self.instance(subnets[0], group, ClientToken="one"), first)

    def test_a_role_goes_only_without_policies_and_profiles(self):
        self.iam.create_role(RoleName="app", AssumeRolePolicyDocument=TRUST, Tags=TAGS)
        self.iam.put_role_policy(RoleName="app", PolicyName="read", PolicyDocument=POLICY)
        managed = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
        self.iam.attach_role_policy(RoleName="app", PolicyArn=managed)
        self.iam.create_instance_profile(InstanceProfileName="app", Tags=TAGS)
        self.iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="app")
        self.assertEqual(self.iam.list_role_policies(RoleName="app")["PolicyNames"], ["read"])
        self.assertEqual(self.iam.get_role_policy(RoleName="app", PolicyName="read")["PolicyName"], "read")
        profile = self.iam.get_instance_profile(InstanceProfileName="app")["InstanceProfile"]
        self.assertEqual((profile["Tags"], [r["RoleName"] for r in profile["Roles"]]), (TAGS, ["app"]))
        self.refuses("DeleteConflict", self.iam.delete_instance_profile, InstanceProfileName="app")
        for step in (
            lambda: self.iam.delete_role_policy(RoleName="app", PolicyName="read"),
            lambda: self.iam.detach_role_policy(RoleName="app", PolicyArn=managed),
            lambda: self.iam.remove_role_from_instance_profile(InstanceProfileName="app", RoleName="app"),
        ):
            self.refuses("DeleteConflict", self.iam.delete_role, RoleName="app")
            step()
        self.iam.delete_role(RoleName="app")
        self.iam.delete_instance_profile(InstanceProfileName="app")

    def test_names_that_are_too_long_are_refused(self):
        self.refuses("ValidationError", self.iam.create_role, RoleName="x" * 65, AssumeRolePolicyDocument=TRUST)

    def test_parameters_have_tags_and_a_largest_size(self):
        name = "/stackctl/shop/app/env"
        self.ssm.put_parameter(Name=name, Value="A=1", Type="String", Tags=TAGS)
        self.ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=[{"Key": "a", "Value": "b"}])
        tags = self.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
        self.assertEqual({t["Key"]: t["Value"] for t in tags}, {"stackctl:stack": "shop", "a": "b"})
        self.refuses("ParameterAlreadyExists", self.ssm.put_parameter, Name=name, Value="B", Type="String")
        self.refuses("ValidationException", self.ssm.put_parameter, Name="/x", Value="x" * 4097, Type="String")
        self.refuses("ValidationException", self.ssm.put_parameter, Name="/x", Value="{{ssm:/y}}", Type="String")

    def test_keys_can_be_made(self):
        key = self.kms.create_key()["KeyMetadata"]["KeyId"]
        self.assertEqual(self.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"], "Enabled")
