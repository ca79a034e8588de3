"""RDS instances, clusters, subnet groups, secrets, snapshots."""

import json

from .support import PAGE, CloudTest

TAGS = [{"Key": "stackctl:stack", "Value": "shop"}]


class Databases(CloudTest):
    def setUp(self):
        super().setUp()
        vpc, self.subnets = self.vpc()
        self.sg = self.group(vpc, "db")
        self.rds.create_db_subnet_group(
            DBSubnetGroupName="shop", DBSubnetGroupDescription="x", SubnetIds=self.subnets, Tags=TAGS
        )

    def make(self, name="shop", engine="postgres", version="17", **more):
        asked = {
            "DBInstanceIdentifier": name,
            "Engine": engine,
            "EngineVersion": version,
            "DBInstanceClass": "db.t4g.micro",
            "AllocatedStorage": 20,
            "MasterUsername": "shop",
            "ManageMasterUserPassword": True,
            "DBSubnetGroupName": "shop",
            "VpcSecurityGroupIds": [self.sg],
            "CopyTagsToSnapshot": True,
            "Tags": TAGS,
        }
        return self.rds.create_db_instance(**{**asked, **more})["DBInstance"]

    def shown(self, name="shop"):
        return self.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]

    def status(self, name="shop"):
        try:
            return self.shown(name)["DBInstanceStatus"]
        except self.rds.exceptions.DBInstanceNotFoundFault:
            return "gone"

    def available(self, name="shop", **more):
        self.make(name, **more)
        return self.eventually("available", lambda: self.status(name))

    def test_an_instance_is_creating_without_an_endpoint_then_available_with_one(self):
        self.assertNotIn("Endpoint", self.make())
        seen = self.eventually("available", self.status)
        self.assertEqual(seen, ["creating", "available"])
        self.assertEqual(self.shown()["Endpoint"]["Port"], 5432)
        self.assertEqual(self.shown()["TagList"], TAGS)

    def test_a_major_version_becomes_a_full_one(self):
        for engine, version in (("postgres", "17"), ("mysql", "8.4"), ("mariadb", "11.4")):
            made = self.make(engine, engine, version)
            self.assertTrue(made["EngineVersion"].startswith(version + "."), made["EngineVersion"])
            self.assertEqual(made["DBParameterGroups"][0]["DBParameterGroupName"], f"default.{engine}{version}")
        asked = {"DBInstanceIdentifier": "x", "Engine": "postgres", "EngineVersion": "9", "DBInstanceClass": "db.t4g.micro"}
        self.refuses("InvalidParameterCombination", self.rds.create_db_instance, **asked)

    def test_a_managed_password_is_a_real_secret_and_goes_with_the_instance(self):
        self.available()
        secret = self.shown()["MasterUserSecret"]["SecretArn"]
        value = json.loads(self.secretsmanager.get_secret_value(SecretId=secret)["SecretString"])
        self.assertEqual(sorted(value), ["password", "username"])
        self.assertEqual(value["username"], "shop")
        self.assertEqual(self.secretsmanager.describe_secret(SecretId=secret)["OwningService"], "rds")
        self.rds.delete_db_instance(DBInstanceIdentifier="shop", SkipFinalSnapshot=True)
        self.assertEqual(self.secretsmanager.list_secrets()["SecretList"], [])

    def test_changes_wait_unless_they_are_to_apply_at_once(self):
        self.available()
        change = {"DBInstanceIdentifier": "shop", "DBInstanceClass": "db.t4g.small"}
        waiting = self.rds.modify_db_instance(**change, BackupRetentionPeriod=3)["DBInstance"]
        self.assertEqual(waiting["PendingModifiedValues"], {"DBInstanceClass": "db.t4g.small"})
        self.assertEqual((self.shown()["DBInstanceClass"], self.status()), ("db.t4g.micro", "available"))
        self.rds.modify_db_instance(DBInstanceIdentifier="shop", ApplyImmediately=True)
        self.assertEqual(self.eventually("available", self.status), ["modifying", "available"])
        self.assertEqual(self.shown()["DBInstanceClass"], "db.t4g.small")
        self.assertEqual(self.shown().get("PendingModifiedValues"), {})

    def test_versions_and_disks_only_grow(self):
        self.available(version="16")
        change = {"DBInstanceIdentifier": "shop", "ApplyImmediately": True}
        for wrong in ({"EngineVersion": "15"}, {"EngineVersion": "17"}, {"AllocatedStorage": 10}):
            self.refuses("InvalidParameterCombination", self.rds.modify_db_instance, **change, **wrong)
        self.rds.modify_db_instance(**change, EngineVersion="17", AllowMajorVersionUpgrade=True)
        self.assertTrue(self.shown()["EngineVersion"].startswith("17."))

    def test_a_protected_instance_stays_and_a_final_snapshot_is_really_made(self):
        self.available(DeletionProtection=True)
        asked = {"DBInstanceIdentifier": "shop", "FinalDBSnapshotIdentifier": "shop-final"}
        self.refuses("InvalidParameterCombination", self.rds.delete_db_instance, **asked)
        self.rds.modify_db_instance(DBInstanceIdentifier="shop", DeletionProtection=False)
        self.refuses("InvalidParameterCombination", self.rds.delete_db_instance, DBInstanceIdentifier="shop")
        self.rds.delete_db_instance(**asked)
        held = {"DBSubnetGroupName": "shop"}
        self.refuses("InvalidDBSubnetGroupStateFault", self.rds.delete_db_subnet_group, **held)
        self.refuses("DependencyViolation", self.ec2.delete_security_group, GroupId=self.sg)
        self.assertEqual(self.eventually("gone", self.status), ["deleting", "gone"])
        found = self.rds.describe_db_snapshots(DBSnapshotIdentifier="shop-final")["DBSnapshots"][0]
        self.assertEqual((found["SnapshotType"], found["TagList"]), ("manual", TAGS))
        self.rds.delete_db_subnet_group(**held)
        self.ec2.delete_security_group(GroupId=self.sg)

    def cluster_status(self):
        try:
            return self.rds.describe_db_clusters(DBClusterIdentifier="shop")["DBClusters"][0]["Status"]
        except self.rds.exceptions.DBClusterNotFoundFault:
            return "gone"

    def test_a_cluster_has_members_and_goes_after_them(self):
        for engine, version in (("aurora-postgresql", "16"), ("aurora-mysql", "8.0")):
            made = self.rds.create_db_cluster(
                DBClusterIdentifier="shop",
                Engine=engine,
                EngineVersion=version,
                MasterUsername="shop",
                ManageMasterUserPassword=True,
                DBSubnetGroupName="shop",
                VpcSecurityGroupIds=[self.sg],
                Tags=TAGS,
            )["DBCluster"]
            self.assertTrue(made["EngineVersion"].startswith(version + "."))
            self.assertIn("SecretArn", made["MasterUserSecret"])
            self.eventually("available", self.cluster_status)
            for i in (1, 2):
                self.rds.create_db_instance(
                    DBInstanceIdentifier=f"shop-{i}",
                    Engine=engine,
                    DBInstanceClass="db.r6g.large",
                    DBClusterIdentifier="shop",
                )
                self.eventually("available", lambda i=i: self.status(f"shop-{i}"))
            members = self.rds.describe_db_clusters(DBClusterIdentifier="shop")["DBClusters"][0]["DBClusterMembers"]
            roles = {m["DBInstanceIdentifier"]: m["IsClusterWriter"] for m in members}
            self.assertEqual(roles, {"shop-1": True, "shop-2": False})
            gone = {"DBClusterIdentifier": "shop", "SkipFinalSnapshot": True}
            self.refuses("InvalidDBClusterStateFault", self.rds.delete_db_cluster, **gone)
            for i in (1, 2):
                self.rds.delete_db_instance(DBInstanceIdentifier=f"shop-{i}")
            self.rds.delete_db_cluster(**gone)
            self.assertEqual(self.eventually("gone", self.cluster_status), ["deleting", "gone"])
            self.eventually("gone", lambda: self.status("shop-1"))
            self.eventually("gone", lambda: self.status("shop-2"))

    def test_a_subnet_group_covers_two_zones_has_tags_and_can_be_changed(self):
        asked = {"DBSubnetGroupName": "one", "DBSubnetGroupDescription": "x", "SubnetIds": self.subnets[:1]}
        self.refuses("DBSubnetGroupDoesNotCoverEnoughAZs", self.rds.create_db_subnet_group, **asked)
        self.rds.modify_db_subnet_group(DBSubnetGroupName="shop", SubnetIds=self.subnets)
        found = self.rds.describe_db_subnet_groups(DBSubnetGroupName="shop")["DBSubnetGroups"][0]
        tags = self.rds.list_tags_for_resource(ResourceName=found["DBSubnetGroupArn"])["TagList"]
        self.assertEqual(tags, TAGS)

    def test_lists_come_in_pages(self):
        for name in ("one", "two", "three"):
            self.make(name)
        self.assertEqual(len(self.rds.describe_db_instances()["DBInstances"]), PAGE)
        pages = self.rds.get_paginator("describe_db_instances").paginate()
        self.assertEqual(len([d for page in pages for d in page["DBInstances"]]), 3)
