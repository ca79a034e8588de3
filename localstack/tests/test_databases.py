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

    def change(self, name="shop", **more):
        return {"DBInstanceIdentifier": name, "ApplyImmediately": True, **more}

    def test_a_disk_grows_by_a_tenth_at_least_and_from_400_gib_on_with_its_iops(self):
        self.available(StorageType="gp3")
        self.rds.modify_db_instance(**self.change(AllocatedStorage=21))
        self.eventually("available", self.status)
        self.assertEqual(self.shown()["AllocatedStorage"], 22)
        small = self.change(AllocatedStorage=40, Iops=3000)
        large = self.change(AllocatedStorage=400)
        for wrong in (small, large, {**large, "Iops": 3000}):
            self.refuses("InvalidParameterCombination", self.rds.modify_db_instance, **wrong)
        self.rds.modify_db_instance(**large, Iops=12000, StorageThroughput=500)
        self.eventually("available", self.status)
        self.assertEqual((self.shown()["AllocatedStorage"], self.shown()["Iops"]), (400, 12000))

    def test_a_version_is_upgraded_to_its_targets_only(self):
        self.available(version="16.10")
        found = self.rds.describe_db_engine_versions(Engine="postgres", EngineVersion="16.10")["DBEngineVersions"]
        targets = [t["EngineVersion"] for t in found[0]["ValidUpgradeTarget"]]
        self.assertIn("17.6", targets)
        self.assertNotIn("17.5", targets)
        # The default of 17 is older than the newest, and as old as 16.9.
        wrong = self.change(EngineVersion="17", AllowMajorVersionUpgrade=True)
        self.refuses("InvalidParameterCombination", self.rds.modify_db_instance, **wrong)
        self.rds.modify_db_instance(**{**wrong, "EngineVersion": "17.6"})
        self.assertEqual(self.shown()["EngineVersion"], "17.6")

    def test_a_version_past_its_standard_support_needs_extended_support(self):
        asked = {"name": "old", "engine": "mysql", "version": "8.0"}
        off = {"EngineLifecycleSupport": "open-source-rds-extended-support-disabled"}
        self.refuses("InvalidParameterCombination", lambda **more: self.make(**asked, **more), **off)
        made = self.make(**asked, EngineLifecycleSupport="open-source-rds-extended-support")
        self.assertEqual(made["EngineLifecycleSupport"], "open-source-rds-extended-support")
        self.assertEqual(self.make("new", "mysql", "8.4", **off)["EngineLifecycleSupport"], off["EngineLifecycleSupport"])

    def test_a_stopped_instance_takes_no_change(self):
        self.available()
        self.rds.stop_db_instance(DBInstanceIdentifier="shop")
        self.refuses("InvalidDBInstanceState", self.rds.modify_db_instance, **self.change(BackupRetentionPeriod=3))
        self.rds.start_db_instance(DBInstanceIdentifier="shop")
        self.rds.modify_db_instance(**self.change(BackupRetentionPeriod=3))

    def test_a_restored_instance_has_the_tags_of_the_snapshot_and_no_managed_password(self):
        self.available(DeletionProtection=True, MultiAZ=True)
        self.rds.create_db_snapshot(DBInstanceIdentifier="shop", DBSnapshotIdentifier="before")
        self.rds.restore_db_instance_from_db_snapshot(
            DBInstanceIdentifier="copy", DBSnapshotIdentifier="before", DBSubnetGroupName="shop"
        )
        self.eventually("available", lambda: self.status("copy"))
        copy = self.shown("copy")
        self.assertEqual(copy["TagList"], TAGS)
        self.assertNotIn("MasterUserSecret", copy)
        self.assertEqual((copy["DeletionProtection"], copy["MultiAZ"]), (False, False))
        self.assertIn("MasterUserSecret", self.shown())
        self.rds.modify_db_instance(**self.change("copy", ManageMasterUserPassword=True))
        self.assertIn("SecretArn", self.shown("copy")["MasterUserSecret"])

    def test_an_instance_stands_in_one_zone_and_its_subnet_stays(self):
        vpc = self.ec2.describe_subnets(SubnetIds=self.subnets[:1])["Subnets"][0]["VpcId"]
        third = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/24", AvailabilityZone="eu-west-1c")
        three = [*self.subnets, third["Subnet"]["SubnetId"]]
        self.rds.modify_db_subnet_group(DBSubnetGroupName="shop", SubnetIds=three)
        self.available(AvailabilityZone="eu-west-1b")
        self.assertEqual(self.shown()["AvailabilityZone"], "eu-west-1b")
        holds = [{"Name": "description", "Values": ["RDSNetworkInterface"]}]
        found = self.ec2.describe_network_interfaces(Filters=holds)["NetworkInterfaces"]
        self.assertEqual([i["SubnetId"] for i in found], [self.subnets[1]])
        wrong = {"DBSubnetGroupName": "shop", "SubnetIds": [three[0], three[2]]}
        self.refuses("SubnetAlreadyInUse", self.rds.modify_db_subnet_group, **wrong)
        self.rds.modify_db_subnet_group(DBSubnetGroupName="shop", SubnetIds=self.subnets)

    def test_aurora_runs_on_its_own_classes(self):
        for engine, kind, offered in (
            ("postgres", "db.m7g.large", True),
            ("aurora-postgresql", "db.m7g.large", False),
            ("aurora-postgresql", "db.t4g.micro", False),
            ("aurora-postgresql", "db.r7g.large", True),
        ):
            asked = {"Engine": engine, "DBInstanceClass": kind}
            found = self.rds.describe_orderable_db_instance_options(**asked)["OrderableDBInstanceOptions"]
            self.assertEqual(bool(found), offered, kind)
        self.rds.create_db_cluster(
            DBClusterIdentifier="shop",
            Engine="aurora-postgresql",
            MasterUsername="shop",
            ManageMasterUserPassword=True,
            DBSubnetGroupName="shop",
        )
        self.eventually("available", self.cluster_status)
        member = {"Engine": "aurora-postgresql", "DBClusterIdentifier": "shop", "DBInstanceIdentifier": "one"}
        wrong = {**member, "DBInstanceClass": "db.m7g.large"}
        self.refuses("InvalidParameterCombination", self.rds.create_db_instance, **wrong)
        self.rds.create_db_instance(**member, DBInstanceClass="db.r7g.large")

    def cluster_status(self):
        try:
            return self.rds.describe_db_clusters(DBClusterIdentifier="shop")["DBClusters"][0]["Status"]
        except self.rds.exceptions.DBClusterNotFoundFault:
            return "gone"

    def test_a_cluster_that_comes_from_a_snapshot_has_neither_protection_nor_a_managed_password(self):
        asked = {"DBClusterIdentifier": "shop", "Engine": "aurora-mysql", "DBSubnetGroupName": "shop"}
        user = {"MasterUsername": "shop", "ManageMasterUserPassword": True, "DatabaseName": "shop"}
        self.rds.create_db_cluster(**asked, **user)
        self.eventually("available", self.cluster_status)
        self.rds.delete_db_cluster(DBClusterIdentifier="shop", FinalDBSnapshotIdentifier="shop-final")
        self.eventually("gone", self.cluster_status)
        nowhere = {**asked, "SnapshotIdentifier": "nowhere"}
        self.refuses("DBClusterSnapshotNotFoundFault", self.rds.restore_db_cluster_from_snapshot, **nowhere)
        restored = {**asked, "SnapshotIdentifier": "shop-final"}
        made = self.rds.restore_db_cluster_from_snapshot(**restored)["DBCluster"]
        self.assertEqual((made["Status"], made["DeletionProtection"]), ("creating", False))
        self.assertNotIn("MasterUserSecret", made)
        self.refuses("DBClusterAlreadyExistsFault", self.rds.restore_db_cluster_from_snapshot, **restored)
        self.eventually("available", self.cluster_status)
        found = self.rds.describe_db_clusters(DBClusterIdentifier="shop")["DBClusters"][0]
        self.assertNotIn("MasterUserSecret", found)
        self.assertEqual((found["MasterUsername"], found["DatabaseName"]), ("shop", "shop"))
        self.rds.modify_db_cluster(DBClusterIdentifier="shop", ManageMasterUserPassword=True, ApplyImmediately=True)
        self.eventually("available", self.cluster_status)
        found = self.rds.describe_db_clusters(DBClusterIdentifier="shop")["DBClusters"][0]
        self.assertIn("MasterUserSecret", found)

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
                self.rds.delete_db_instance(DBInstanceIdentifier=f"shop-{i}", SkipFinalSnapshot=True)
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
