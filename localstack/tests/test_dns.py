"""Route 53 zones and records."""

from .support import CloudTest

ALIAS = {"HostedZoneId": "Z32O12XQLNTSW2", "DNSName": "web-1.eu-west-1.elb.amazonaws.com", "EvaluateTargetHealth": True}


class Dns(CloudTest):
    def setUp(self):
        super().setUp()
        made = self.route53.create_hosted_zone(Name="example.com", CallerReference=self.account)
        self.zone = made["HostedZone"]["Id"].split("/")[-1]

    def change(self, action, name="shop.example.com", kind="A", **what):
        record = {"Name": name, "Type": kind, **(what or {"AliasTarget": ALIAS})}
        return {"HostedZoneId": self.zone, "ChangeBatch": {"Changes": [{"Action": action, "ResourceRecordSet": record}]}}

    def make(self, *words, **what):
        return self.route53.change_resource_record_sets(**self.change(*words, **what))["ChangeInfo"]

    def from_name(self, name):
        shown = self.route53.list_resource_record_sets(HostedZoneId=self.zone, StartRecordName=name)
        return shown["ResourceRecordSets"][0]

    def test_a_change_is_pending_then_in_sync(self):
        made = self.make("CREATE")
        look = lambda: self.route53.get_change(Id=made["Id"])["ChangeInfo"]["Status"]  # noqa: E731
        self.assertEqual(made["Status"], "PENDING")
        self.assertEqual(self.eventually("INSYNC", look), ["PENDING", "INSYNC"])

    def test_records_are_listed_from_a_name_in_their_stored_form(self):
        self.make("CREATE")
        found = self.from_name("shop.example.com")
        self.assertEqual(found["Name"], "shop.example.com.")
        self.assertEqual(found["AliasTarget"], {**ALIAS, "DNSName": ALIAS["DNSName"] + "."})
        self.make("CREATE", "*.example.com")
        self.assertEqual(self.from_name("*.example.com")["Name"], "\\052.example.com.")

    def test_deleting_repeats_what_is_stored(self):
        self.make("CREATE")
        self.refuses("InvalidChangeBatch", self.route53.change_resource_record_sets, **self.change("CREATE"))
        other = self.change("DELETE", AliasTarget={**ALIAS, "EvaluateTargetHealth": False})
        self.refuses("InvalidChangeBatch", self.route53.change_resource_record_sets, **other)
        self.refuses("HostedZoneNotEmpty", self.route53.delete_hosted_zone, Id=self.zone)
        self.make("DELETE", AliasTarget=self.from_name("shop.example.com")["AliasTarget"])
        self.route53.delete_hosted_zone(Id=self.zone)

    def test_a_cname_stands_alone(self):
        self.make("CREATE")
        clash = self.change("CREATE", kind="CNAME", TTL=60, ResourceRecords=[{"Value": "x.example.com"}])
        self.refuses("InvalidChangeBatch", self.route53.change_resource_record_sets, **clash)

    def test_a_zone_has_tags_that_change_both_ways_in_one_call(self):
        where = {"ResourceType": "hostedzone", "ResourceId": self.zone}
        self.route53.change_tags_for_resource(**where, AddTags=[{"Key": "a", "Value": "1"}])
        self.route53.change_tags_for_resource(**where, AddTags=[{"Key": "b", "Value": "2"}], RemoveTagKeys=["a"])
        shown = self.route53.list_tags_for_resources(ResourceType="hostedzone", ResourceIds=[self.zone])
        self.assertEqual(shown["ResourceTagSets"][0]["Tags"], [{"Key": "b", "Value": "2"}])

    def test_a_caller_reference_makes_one_zone_only(self):
        again = {"Name": "example.com", "CallerReference": self.account}
        self.refuses("HostedZoneAlreadyExists", self.route53.create_hosted_zone, **again)
