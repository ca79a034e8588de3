"""DynamoDB's tables and the gateway endpoints that lead to them."""

import contextlib
import sys
import urllib.error
import urllib.request
from unittest import mock

from .support import HERE, REGION, CloudTest, Server


class Tables(CloudTest):
    def table(self, name="shop-sessions"):
        made = self.dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            Tags=[{"Key": "stackctl:stack", "Value": "shop"}],
        )
        return made["TableDescription"]

    def status(self, name="shop-sessions"):
        try:
            return self.dynamodb.describe_table(TableName=name)["Table"]["TableStatus"]
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return "gone"

    def test_a_table_passes_through_its_states_and_takes_nothing_before_it_is_active(self):
        made = self.table()
        self.assertEqual(made["TableStatus"], "CREATING")
        self.refuses("ResourceInUseException", self.table)
        self.refuses("ResourceNotFoundException", self.dynamodb.list_tags_of_resource, ResourceArn=made["TableArn"])
        item = {"TableName": "shop-sessions", "Key": {"id": {"S": "1"}}}
        self.refuses("ResourceNotFoundException", self.dynamodb.get_item, **item)
        ttl = {"Enabled": True, "AttributeName": "expires"}
        asked = {"TableName": "shop-sessions", "TimeToLiveSpecification": ttl}
        self.refuses("ResourceInUseException", self.dynamodb.update_time_to_live, **asked)
        recovery = {"TableName": "shop-sessions", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
        self.refuses("ContinuousBackupsUnavailableException", self.dynamodb.update_continuous_backups, **recovery)
        self.refuses("ResourceInUseException", self.dynamodb.delete_table, TableName="shop-sessions")
        self.assertEqual(self.eventually("ACTIVE", self.status), ["CREATING", "ACTIVE"])
        self.dynamodb.get_item(**item)
        self.dynamodb.update_continuous_backups(**recovery)
        self.dynamodb.delete_table(TableName="shop-sessions")
        self.dynamodb.delete_table(TableName="shop-sessions")
        self.assertEqual(self.eventually("gone", self.status), ["DELETING", "gone"])
        self.refuses("ResourceNotFoundException", self.dynamodb.delete_table, TableName="shop-sessions")

    def test_the_time_to_live_is_changed_once_an_hour(self):
        self.table()
        self.eventually("ACTIVE", self.status)
        asked = lambda on: {"TableName": "shop-sessions", "TimeToLiveSpecification": {"Enabled": on, "AttributeName": "expires"}}  # noqa: E731
        self.refuses("ValidationException", self.dynamodb.update_time_to_live, **asked(False))
        self.dynamodb.update_time_to_live(**asked(True))
        shown = self.dynamodb.describe_time_to_live(TableName="shop-sessions")["TimeToLiveDescription"]
        self.assertEqual(shown, {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"})
        self.refuses("ValidationException", self.dynamodb.update_time_to_live, **asked(False))

    def test_a_tag_has_one_value(self):
        arn = self.table()["TableArn"]
        self.eventually("ACTIVE", self.status)
        self.dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "stackctl:stack", "Value": "other"}])
        tags = self.dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]
        self.assertEqual(tags, [{"Key": "stackctl:stack", "Value": "other"}])

    def test_a_protected_table_stays(self):
        self.table()
        self.eventually("ACTIVE", self.status)
        self.dynamodb.update_table(TableName="shop-sessions", DeletionProtectionEnabled=True)
        self.eventually("ACTIVE", self.status)
        self.refuses("ValidationException", self.dynamodb.delete_table, TableName="shop-sessions")

    def test_a_visit_whose_answer_is_lost_is_counted_once(self):
        self.table()
        self.eventually("ACTIVE", self.status)
        import botocore.exceptions

        keys = {"AWS_ACCESS_KEY_ID": self.account, "AWS_SECRET_ACCESS_KEY": "any", "AWS_ENDPOINT_URL": Server.endpoint}
        with mock.patch.dict("os.environ", keys), mock.patch.object(sys, "path", [*sys.path, str(HERE / "app")]):
            from sessions import InDynamoDb

            store = InDynamoDb("shop-sessions", REGION, 60)

        def lose(request, **_):
            if lost.append(request) or len(lost) % 2:
                headers = {name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}
                with contextlib.suppress(urllib.error.HTTPError):
                    urllib.request.urlopen(urllib.request.Request(request.url, request.body, headers)).close()
                raise botocore.exceptions.ReadTimeoutError(endpoint_url=request.url)

        lost = []
        store.client.meta.events.register("before-send.dynamodb.UpdateItem", lose)
        sid = store.visit(None, lambda: "1" * 32)[0]
        self.assertEqual([store.visit(sid, None)[1] for _ in range(3)], [2, 3, 4])
        self.assertEqual(len(lost), 8)
        self.assertEqual(store.visit("2" * 32, lambda: "3" * 32)[:2], ("3" * 32, 1))


class Endpoints(CloudTest):
    def setUp(self):
        super().setUp()
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.tables = [self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"] for _ in "ab"]
        self.asked = {"VpcId": self.vpc, "ServiceName": f"com.amazonaws.{REGION}.dynamodb"}

    def endpoint(self, *tables):
        made = self.ec2.create_vpc_endpoint(**self.asked, RouteTableIds=tables)
        return made["VpcEndpoint"]["VpcEndpointId"]

    def test_a_route_table_leads_to_a_service_once(self):
        self.endpoint(self.tables[0])
        self.refuses("RouteAlreadyExists", self.ec2.create_vpc_endpoint, **self.asked, RouteTableIds=self.tables[:1])
        self.asked["ServiceName"] = f"com.amazonaws.{REGION}.sqs"
        self.refuses("InvalidServiceName", self.ec2.create_vpc_endpoint, **self.asked, RouteTableIds=self.tables[1:])

    def test_an_endpoint_whose_tables_were_changed_can_be_deleted_and_holds_its_vpc_until_then(self):
        name = self.endpoint(self.tables[0])
        self.ec2.create_vpc_endpoint(**{**self.asked, "ServiceName": f"com.amazonaws.{REGION}.s3"})
        found = self.ec2.describe_vpc_endpoints(VpcEndpointIds=[name])["VpcEndpoints"]
        self.assertEqual([e["VpcEndpointId"] for e in found], [name])
        change = {"AddRouteTableIds": [self.tables[1]], "RemoveRouteTableIds": [self.tables[0]]}
        self.ec2.modify_vpc_endpoint(VpcEndpointId=name, **change)
        self.refuses("RouteAlreadyExists", self.ec2.modify_vpc_endpoint, VpcEndpointId=name, **change)
        for table in self.tables:
            self.ec2.delete_route_table(RouteTableId=table)
        self.refuses("DependencyViolation", self.ec2.delete_vpc, VpcId=self.vpc)
        self.assertEqual(self.ec2.delete_vpc_endpoints(VpcEndpointIds=[name])["Unsuccessful"], [])
        again = self.ec2.delete_vpc_endpoints(VpcEndpointIds=[name])["Unsuccessful"]
        self.assertEqual(again[0]["Error"]["Code"], "InvalidVpcEndpoint.NotFound")
        self.refuses("InvalidVpcEndpointId.NotFound", self.ec2.describe_vpc_endpoints, VpcEndpointIds=[name])
        others = [e["VpcEndpointId"] for e in self.ec2.describe_vpc_endpoints()["VpcEndpoints"]]
        self.assertEqual(len(others), 1)
        self.ec2.delete_vpc_endpoints(VpcEndpointIds=others)
        self.ec2.delete_vpc(VpcId=self.vpc)
