"""The request check by itself: what it reads from the wire, and what each rule finds wrong."""

import copy
import json
import sys
import unittest
from urllib.parse import urlencode

from .support import HERE

from starter.emulators import LocalStack  # noqa: E402  (support has set the path)
from starter.files import home  # noqa: E402
from starter.install import install, places  # noqa: E402

install(home(), LocalStack)
sys.path.extend(map(str, places(home(), LocalStack)[0].glob("lib/python*/site-packages")))
sys.path.insert(0, str(HERE / "bridge"))

import botocore.serialize  # noqa: E402

from tier_bridge.request_check import Record, World, examined, wire  # noqa: E402

SIGNED_AS = {model: name for name, model in wire.MODELS.items()}
TAGS = [{"Key": "stackctl:stack", "Value": "shop"}]
VPC, SUBNETS, GROUP = "vpc-01234567", ["subnet-01234567", "subnet-89abcdef"], "sg-01234567"
ARN = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/app/0123456789abcdef"

HSTS = "routing.http.response.strict_transport_security.header_value"


def specified(kind):
    return [{"ResourceType": kind, "Tags": TAGS}]


GOOD = {
    "ec2:CreateVpc": {"CidrBlock": "10.0.0.0/16", "TagSpecifications": specified("vpc")},
    "ec2:CreateSubnet": {"CidrBlock": "10.0.0.0/20", "VpcId": VPC, "TagSpecifications": specified("subnet")},
    "ec2:CreateSecurityGroup": {"GroupName": "shop-app", "Description": "The app", "VpcId": VPC,
                                "TagSpecifications": specified("security-group")},
    "ec2:AuthorizeSecurityGroupIngress": {"GroupId": GROUP, "IpPermissions": [
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]},
    "ec2:CreateRoute": {"RouteTableId": "rtb-01234567", "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-01234567"},
    "ec2:CreateNatGateway": {"SubnetId": SUBNETS[0], "AllocationId": "eipalloc-01234567", "ClientToken": "t",
                             "TagSpecifications": specified("natgateway")},
    "ec2:ModifyVpcAttribute": {"VpcId": VPC, "EnableDnsSupport": {"Value": True}},
    "ec2:DescribeInstances": {"Filters": [{"Name": "tag:stackctl:stack", "Values": ["shop"]}], "MaxResults": 100},
    "ec2:RunInstances": {
        "MinCount": 1, "MaxCount": 1, "ImageId": "ami-01234567", "InstanceType": "t4g.small", "ClientToken": "t",
        "UserData": "IyEvYmluL2Jhc2gK", "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
        "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": SUBNETS[0], "Groups": [GROUP], "AssociatePublicIpAddress": False}],
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeType": "gp3", "VolumeSize": 20, "Encrypted": True}}],
        "TagSpecifications": specified("instance")},
    "elbv2:CreateLoadBalancer": {"Name": "shop-lb", "Subnets": SUBNETS, "SecurityGroups": [GROUP], "Tags": TAGS},
    "elbv2:CreateTargetGroup": {
        "Name": "shop-app", "Protocol": "HTTP", "Port": 3000, "VpcId": VPC, "HealthCheckPath": "/", "Tags": TAGS,
        "HealthCheckIntervalSeconds": 15, "HealthCheckTimeoutSeconds": 5, "HealthyThresholdCount": 2,
        "UnhealthyThresholdCount": 2, "Matcher": {"HttpCode": "200-399"}},
    "elbv2:ModifyTargetGroupAttributes": {"TargetGroupArn": ARN, "Attributes": [
        {"Key": "stickiness.enabled", "Value": "true"}, {"Key": "stickiness.type", "Value": "lb_cookie"}]},
    "elbv2:ModifyListenerAttributes": {"ListenerArn": ARN, "Attributes": [{"Key": HSTS, "Value": "max-age=31536000"}]},
    "elbv2:ModifyLoadBalancerAttributes": {"LoadBalancerArn": ARN, "Attributes": [
        {"Key": "idle_timeout.timeout_seconds", "Value": "60"}]},
    "elbv2:CreateListener": {"LoadBalancerArn": ARN, "Protocol": "HTTP", "Port": 80, "Tags": TAGS,
                             "DefaultActions": [{"Type": "forward", "TargetGroupArn": ARN}]},
    "elbv2:DescribeTags": {"ResourceArns": [ARN]},
    "rds:CreateDBInstance": {
        "DBInstanceIdentifier": "shop-db", "Engine": "postgres", "EngineVersion": "17", "DBInstanceClass": "db.t4g.micro",
        "AllocatedStorage": 20, "StorageType": "gp3", "StorageEncrypted": True, "MasterUsername": "app", "DBName": "app",
        "ManageMasterUserPassword": True, "BackupRetentionPeriod": 7, "PubliclyAccessible": False, "Tags": TAGS},
    "rds:ModifyDBInstance": {"DBInstanceIdentifier": "shop-db", "BackupRetentionPeriod": 7, "ApplyImmediately": True},
    "rds:DeleteDBInstance": {"DBInstanceIdentifier": "shop-db", "FinalDBSnapshotIdentifier": "shop-db-final"},
    "rds:CreateDBSubnetGroup": {"DBSubnetGroupName": "shop-db", "DBSubnetGroupDescription": "x", "SubnetIds": SUBNETS},
    "elasticache:CreateReplicationGroup": {
        "ReplicationGroupId": "shop-cache", "ReplicationGroupDescription": "x", "Engine": "valkey", "EngineVersion": "8.0",
        "CacheNodeType": "cache.t4g.micro", "NumCacheClusters": 2, "AutomaticFailoverEnabled": True, "MultiAZEnabled": True,
        "TransitEncryptionEnabled": True, "AtRestEncryptionEnabled": True, "CacheSubnetGroupName": "shop-cache"},
    "elasticache:CreateCacheCluster": {
        "CacheClusterId": "shop-cache", "Engine": "memcached", "EngineVersion": "1.6.22", "CacheNodeType": "cache.t4g.micro",
        "NumCacheNodes": 2, "AZMode": "cross-az", "TransitEncryptionEnabled": True, "CacheSubnetGroupName": "shop-cache"},
    "elasticache:CreateCacheSubnetGroup": {"CacheSubnetGroupName": "shop-cache", "CacheSubnetGroupDescription": "x",
                                           "SubnetIds": SUBNETS},
    "route53:CreateHostedZone": {"Name": "example.net", "CallerReference": "r", "HostedZoneConfig": {"Comment": "x"}},
    "route53:ChangeResourceRecordSets": {"HostedZoneId": "Z0123456789", "ChangeBatch": {"Changes": [
        {"Action": "UPSERT", "ResourceRecordSet": {"Name": "www.example.net", "Type": "A", "AliasTarget": {
            "HostedZoneId": "Z32O12XQLNTSW2", "DNSName": "lb.eu-west-1.elb.amazonaws.com", "EvaluateTargetHealth": False}}}]}},
    "route53:ChangeTagsForResource": {"ResourceType": "hostedzone", "ResourceId": "Z0123456789", "AddTags": TAGS},
    "iam:CreateRole": {"RoleName": "shop-app", "Tags": TAGS, "AssumeRolePolicyDocument": json.dumps(
        {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]})},
    "iam:PutRolePolicy": {"RoleName": "shop-app", "PolicyName": "app", "PolicyDocument": json.dumps(
        {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "arn:aws:ssm:eu-west-1:111122223333:parameter/x"}]})},
    "ssm:PutParameter": {"Name": "/stackctl/shop/app/env", "Value": "A=b", "Type": "String", "Tags": TAGS},
    "ssm:DeleteParameters": {"Names": ["/stackctl/shop/app/env"]},
}


def at(*path_and_value):
    """Set what is at a path; `...` takes it out."""
    *path, last, value = path_and_value

    def spoil(params):
        for step in path:
            params = params[step]
        if value is ...:
            params.pop(last)
        else:
            params[last] = value

    return spoil


def attribute(keys, values):
    some = [{"Key": key, "Value": value} for key, value in zip(keys.split(), values.split())]
    return lambda params: params.update(Attributes=some)


# Operation, how its good request is spoilt, the rule that must find out.
BAD = [  # operation, how it is spoilt, the rule that must see it
    ("ec2:CreateSecurityGroup", at("Description", "the app's group"), "sg-text"),
    ("ec2:CreateSecurityGroup", at("Description", "größe"), "sg-text"),
    ("ec2:CreateSecurityGroup", at("GroupName", "sg-shop"), "sg-prefix"),
    ("ec2:CreateSecurityGroup", at("TagSpecifications", 0, "Tags", 0, "Key", "aws:x"), "tag-prefix"),
    ("ec2:CreateSecurityGroup", at("TagSpecifications", 0, "Tags", 0, "Key", "k" * 129), "tag-key-length"),
    ("ec2:CreateSecurityGroup", at("TagSpecifications", 0, "Tags", 0, "Value", "v" * 257), "tag-value-length"),
    ("ec2:CreateSecurityGroup", at("TagSpecifications", 0, "Tags", 0, "Key", "a,b"), "tag-characters"),
    ("ec2:CreateSecurityGroup", at("TagSpecifications", ...), "untagged"),
    ("ec2:CreateVpc", at("CidrBlock", "10.0.0.1/16"), "cidr"), ("ec2:CreateVpc", at("CidrBlock", "10.0.0.0/8"), "netmask"),
    ("ec2:CreateSubnet", at("VpcId", "vpc-xyz"), "id-form"),
    ("ec2:CreateRoute", at("InstanceId", "i-0123456789abcdef0"), "route-target"),
    ("ec2:AuthorizeSecurityGroupIngress", at("IpPermissions", 0, "FromPort", 70000), "rule-ports"),
    ("ec2:ModifyVpcAttribute", lambda p: p.update(EnableDnsSupport={"Value": True}, EnableDnsHostnames={"Value": True}), "one-attribute"),
    ("ec2:RunInstances", at("UserData", "IyEvYmluL2Jhc2gK" * 2000), "user-data-size"),
    ("ec2:RunInstances", at("UserData", "#!/bin/bash"), "user-data-base64"),
    ("ec2:RunInstances", at("ClientToken", "x" * 65), "client-token"), ("ec2:RunInstances", at("SubnetId", "subnet-01234567"), "interface-or-instance"),
    ("ec2:RunInstances", at("MetadataOptions", "HttpPutResponseHopLimit", 65), "hop-limit"),
    ("ec2:CreateNatGateway", at("ClientToken", ...), "client-token"),
    ("elbv2:CreateLoadBalancer", at("Name", "internal-shop"), "lb-internal"), ("elbv2:CreateLoadBalancer", at("Name", "x" * 33), "lb-name"),
    ("elbv2:CreateLoadBalancer", at("Name", "shop-"), "lb-name"), ("elbv2:CreateLoadBalancer", at("Subnets", ["subnet-01234567"]), "lb-subnets"),
    ("elbv2:CreateTargetGroup", at("Name", "a_b"), "tg-name"), ("elbv2:CreateTargetGroup", at("HealthCheckIntervalSeconds", 4), "check-interval"),
    ("elbv2:CreateTargetGroup", at("HealthCheckTimeoutSeconds", 15), "check-timeout-below-interval"),
    ("elbv2:CreateTargetGroup", at("HealthyThresholdCount", 1), "check-threshold"),
    ("elbv2:CreateTargetGroup", at("Matcher", "HttpCode", "200-599"), "check-matcher"),
    ("elbv2:CreateTargetGroup", at("HealthCheckPath", "health"), "check-path"),
    ("elbv2:ModifyTargetGroupAttributes", attribute("stickiness.lb_cookie.duration_seconds", "604801"), "attribute-value"),
    ("elbv2:ModifyTargetGroupAttributes", attribute("stickiness.enabled load_balancing.algorithm.type", "true weighted_random"), "sticky-and-weighted"),
    ("elbv2:ModifyTargetGroupAttributes", attribute("slow_start.duration_seconds load_balancing.algorithm.type", "30 least_outstanding_requests"), "slow-start-and-algorithm"),
    ("elbv2:ModifyTargetGroupAttributes", attribute("stickiness.enabled load_balancing.cross_zone.enabled", "true false"), "sticky-and-cross-zone"),
    ("elbv2:ModifyTargetGroupAttributes", attribute("stickiness.app_cookie.cookie_name", "AWSALBX"), "attribute-value"),
    ("elbv2:ModifyTargetGroupAttributes", attribute("stickiness.type", "app_cookie"), "app-cookie-name"),
    ("elbv2:ModifyTargetGroupAttributes", attribute("deregistration_delay.timeout_seconds", "3601"), "attribute-value"),
    ("elbv2:ModifyTargetGroupAttributes", attribute("slow_start.duration_seconds", "29"), "attribute-value"),
    ("elbv2:ModifyTargetGroupAttributes", attribute("stickiness.cookie", "x"), "attribute-key"),
    ("elbv2:ModifyListenerAttributes", attribute("routing.http.response.hsts", "x"), "attribute-key"),
    ("elbv2:ModifyListenerAttributes", attribute(HSTS, "a year"), "attribute-value"),
    ("elbv2:ModifyLoadBalancerAttributes", attribute("access_logs.s3.enabled", "true"), "access-logs-bucket"),
    ("elbv2:ModifyLoadBalancerAttributes", attribute("access_logs.s3.bucket", "s3://logs"), "attribute-value"),
    ("elbv2:ModifyLoadBalancerAttributes", attribute("idle_timeout.timeout_seconds", "4001"), "attribute-value"),
    ("elbv2:CreateListener", lambda p: p.update(Protocol="HTTPS"), "https-certificate"),
    ("elbv2:DescribeTags", at("ResourceArns", ["arn"] * 21), "arns-20"),
    ("rds:CreateDBInstance", at("DBInstanceIdentifier", "a--b"), "rds-id"), ("rds:CreateDBInstance", at("AllocatedStorage", 19), "storage"),
    ("rds:CreateDBInstance", at("MasterUserPassword", "secretsecret"), "password-twice"),
    ("rds:CreateDBInstance", lambda p: p.update(ManageMasterUserPassword=False, MasterUserPassword="a/b@c d"), "password"),
    ("rds:CreateDBInstance", at("BackupRetentionPeriod", 36), "backup-days"), ("rds:CreateDBInstance", at("MasterUsername", "rdsadmin"), "username-reserved"),
    ("rds:CreateDBInstance", at("DBName", "1st"), "db-name"), ("rds:CreateDBInstance", at("Iops", 3000), "gp3-iops"),
    ("rds:CreateDBInstance", at("EnableCloudwatchLogsExports", ["slowquery"]), "log-exports"),
    ("rds:CreateDBInstance", at("Tags", 0, "Key", "rds:x"), "tag-prefix-rds"),
    ("rds:DeleteDBInstance", lambda p: p.update(SkipFinalSnapshot=True, FinalDBSnapshotIdentifier="x"), "final-snapshot"),
    ("rds:DeleteDBInstance", lambda p: p.update(SkipFinalSnapshot=False, FinalDBSnapshotIdentifier="a--b"), "snapshot-id"),
    ("rds:CreateDBSubnetGroup", at("DBSubnetGroupName", "default"), "subnet-group-name"),
    ("rds:CreateDBSubnetGroup", at("SubnetIds", ["subnet-01234567"]), "subnets-2"),
    ("rds:CreateDBInstance", lambda p: p.update(Engine="aurora-mysql", DBClusterIdentifier="c"), "not-for-aurora-instance"),
    ("elasticache:CreateReplicationGroup", at("ReplicationGroupId", "x" * 41), "cache-id"),
    ("elasticache:CreateReplicationGroup", at("EngineVersion", "8.0.1"), "cache-version"),
    ("elasticache:CreateReplicationGroup", at("NumCacheClusters", 1), "failover-nodes"),
    ("elasticache:CreateReplicationGroup", at("AutomaticFailoverEnabled", False), "zones-and-failover"),
    ("elasticache:CreateReplicationGroup", at("CacheNodeType", "cache.t4g.large"), "node-type"),
    ("elasticache:CreateReplicationGroup", at("TransitEncryptionEnabled", ...), "encryption-stated"),
    ("elasticache:CreateCacheSubnetGroup", at("CacheSubnetGroupName", "a_b"), "cache-subnet-name"),
    ("elasticache:CreateCacheCluster", at("EngineVersion", "1.6.6"), "memcached-tls"),
    ("route53:CreateHostedZone", at("CallerReference", "x" * 129), "caller-reference"),
    ("route53:ChangeResourceRecordSets", at("ChangeBatch", "Changes", 0, "ResourceRecordSet", "TTL", 60), "alias-ttl"),
    ("route53:ChangeResourceRecordSets", at("ChangeBatch", "Changes", 0, "ResourceRecordSet", "Name", "a..b"), "domain-length"),
    ("route53:ChangeTagsForResource", at("ResourceId", "/hostedzone/Z1"), "zone-id"),
    ("iam:CreateRole", at("RoleName", "x" * 65), "role-name"), ("iam:CreateRole", at("AssumeRolePolicyDocument", "{"), "policy-json"),
    ("iam:PutRolePolicy", at("PolicyDocument", json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ssm:GetParametr", "Resource": "*"}]})), "policy-action"),
    ("iam:PutRolePolicy", at("PolicyDocument", json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "x" * 11000}]})), "policy-size"),
    ("ssm:PutParameter", at("Value", "x" * 4097), "parameter-size"), ("ssm:PutParameter", at("Value", "a {{b}} c"), "parameter-nested"),
    ("ssm:PutParameter", at("Name", "/ssm/x"), "parameter-prefix"), ("ssm:PutParameter", at("Name", "/a b"), "parameter-name"),
    ("ssm:PutParameter", lambda p: p.update(Overwrite=True, Tags=[{"Key": "a", "Value": "b"}]), "tags-and-overwrite"),
    ("ssm:DeleteParameters", at("Names", ["/x"] * 11), "names-10"),
]

# Operation, text in the body, what it becomes, the rule that must find out.
WIRE = [  # operation, text in the body, what it becomes, the rule that must see it
    ("ec2:CreateVpc", "Action=CreateVpc", "Action=CreateVpcs", "unknown-operation"),
    ("elbv2:CreateTargetGroup", "&Name=", "&Nome=", "required"),
    ("ec2:CreateVpc", "CidrBlock=", "CidrBloc=", "unknown-parameter"),
    ("ec2:CreateVpc", "Version=2016-11-15", "Version=2014-01-01", "api-version"),
    ("ec2:RunInstances", "MinCount=1", "MinCount=one", "type"),
    ("ec2:RunInstances", "Ebs.VolumeType=gp3", "Ebs.VolumeType=gp9", "enum"),
    ("elbv2:CreateTargetGroup", "Protocol=HTTP&", "Protocol=HTTPX&", "enum"),
    ("elbv2:CreateTargetGroup", "Tags.member.1.", "Tags.entry.1.", "unknown-parameter"),
    ("rds:CreateDBSubnetGroup", "SubnetIds.SubnetIdentifier.", "SubnetIds.member.", "unknown-parameter"),
    ("ssm:PutParameter", '"Type": "String"', '"Type": "Text"', "enum"),
    ("ssm:PutParameter", '"Name": "', '"Nam": "', "unknown-parameter"),
    ("route53:ChangeResourceRecordSets", "<Action>UPSERT<", "<Action>MAKE<", "enum"),
    ("route53:ChangeResourceRecordSets", "EvaluateTargetHealth", "EvaluateHealth", "unknown-parameter"),
]


def record(name, params):
    """The request as botocore writes it."""
    model, _, operation = name.partition(":")
    service = wire.service(model)
    serializer = botocore.serialize.create_serializer(service.metadata["protocol"], include_validation=False)
    made = serializer.serialize_to_request(copy.deepcopy(params), service.operation_model(operation))
    body = made["body"]
    body = urlencode(body) if isinstance(body, dict) else body or b""
    query = urlencode(made["query_string"] or {})
    path = made["url_path"] + (f"?{query}" if query else "")
    body = body if isinstance(body, bytes) else body.encode()
    return Record(SIGNED_AS[model], "eu-west-1", made["method"], path, dict(made["headers"]), body)


def wrong(request, levels=("violation",)):
    return {p.rule for p in request.problems if p.level in levels}


EVERY = ("violation", "doubt", "notice")


class Rules(unittest.TestCase):
    def test_a_good_request_is_read_as_it_was_written_and_nothing_is_wrong_with_it(self):
        for name, params in GOOD.items():
            with self.subTest(name):
                request = examined(record(name, params), World())
                self.assertEqual(wrong(request), set())
                self.assertEqual(request.name, name)
                self.assertEqual(request.params, params)

    def test_each_rule_finds_out_what_it_is_for_and_is_silent_on_the_good_request(self):
        for name, spoil, rule in BAD:
            with self.subTest(f"{name} {rule}"):
                good, params = GOOD[name], copy.deepcopy(GOOD[name])
                spoil(params)
                self.assertNotIn(rule, wrong(examined(record(name, good), World()), EVERY))
                self.assertIn(rule, wrong(examined(record(name, params), World()), EVERY))

    def test_what_the_wire_says_wrongly_is_found_out(self):
        for name, before, after, rule in WIRE:
            with self.subTest(f"{name} {before} -> {after}"):
                spoilt = record(name, GOOD[name])
                self.assertIn(before.encode(), spoilt.body)
                spoilt.body = spoilt.body.replace(before.encode(), after.encode())
                self.assertIn(rule, wrong(examined(spoilt, World())))


class Unknown(unittest.TestCase):
    def test_a_service_without_a_model_is_refused(self):
        unknown = record("ec2:CreateVpc", GOOD["ec2:CreateVpc"])
        unknown.service = "sqs"
        self.assertEqual(wrong(examined(unknown, World())), {"unknown-service"})

    def test_every_service_that_the_emulator_serves_has_a_model_that_can_be_read(self):
        from starter.emulators import SERVICES

        self.assertEqual(set(SERVICES.split(",")), set(wire.MODELS.values()))
        for name in SERVICES.split(","):
            self.assertIn(wire.service(name).metadata["protocol"], wire.READERS)

    def test_an_operation_that_no_model_has_is_refused(self):
        for name, before in (("ec2:CreateVpc", b"Action=CreateVpc"), ("rds:DeleteDBInstance", b"Action=DeleteDBInstance")):
            unknown = record(name, GOOD[name])
            unknown.body = unknown.body.replace(before, b"Action=MakeItSo")
            self.assertIn("unknown-operation", wrong(examined(unknown, World())))
        unknown = record("ssm:PutParameter", GOOD["ssm:PutParameter"])
        unknown.headers["X-Amz-Target"] = "AmazonSSM.MakeItSo"
        self.assertIn("unknown-operation", wrong(examined(unknown, World())))


class Before(unittest.TestCase):
    """Rules that know what was done before."""

    def test_storage_shrinks_only_against_what_was_served(self):
        world = World()
        made = examined(record("rds:CreateDBInstance", {**GOOD["rds:CreateDBInstance"], "AllocatedStorage": 100}), world)
        less = {"DBInstanceIdentifier": "shop-db", "AllocatedStorage": 50, "ApplyImmediately": True}
        self.assertNotIn("storage-shrinks", wrong(examined(record("rds:ModifyDBInstance", less), world)))
        for act, arguments in made.afterwards:
            act(*arguments)
        self.assertIn("storage-shrinks", wrong(examined(record("rds:ModifyDBInstance", less), world)))

    def test_the_same_request_once_more_is_as_good_as_the_first(self):
        world = World()
        for _ in range(2):
            for name, params in GOOD.items():
                request = examined(record(name, params), world)
                self.assertEqual(wrong(request), set(), name)
                for act, arguments in request.afterwards:
                    act(*arguments)


if __name__ == "__main__":
    unittest.main()
