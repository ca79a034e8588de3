"""ElastiCache: subnet groups, clusters, replication groups, tags."""

from .support import PAGE, CloudTest

TAGS = [{"Key": "stackctl:stack", "Value": "shop"}]


class Caches(CloudTest):
    def setUp(self):
        super().setUp()
        vpc, self.subnets = self.vpc()
        self.sg = self.group(vpc, "cache")
        self.elasticache.create_cache_subnet_group(
            CacheSubnetGroupName="Shop", CacheSubnetGroupDescription="x", SubnetIds=self.subnets, Tags=TAGS
        )

    def asked(self, **more):
        return {
            "ReplicationGroupId": "shop",
            "ReplicationGroupDescription": "x",
            "Engine": "valkey",
            "EngineVersion": "8.0",
            "CacheNodeType": "cache.t4g.micro",
            "NumCacheClusters": 2,
            "AutomaticFailoverEnabled": True,
            "MultiAZEnabled": True,
            "TransitEncryptionEnabled": True,
            "CacheSubnetGroupName": "shop",
            "SecurityGroupIds": [self.sg],
            "Tags": TAGS,
            **more,
        }

    def shown(self):
        return self.elasticache.describe_replication_groups(ReplicationGroupId="shop")["ReplicationGroups"][0]

    def status(self):
        try:
            return self.shown()["Status"]
        except self.elasticache.exceptions.ReplicationGroupNotFoundFault:
            return "gone"

    def cluster(self, name):
        return self.elasticache.describe_cache_clusters(CacheClusterId=name, ShowCacheNodeInfo=True)["CacheClusters"][0]

    def available(self, **more):
        self.elasticache.create_replication_group(**self.asked(**more))
        return self.eventually("available", self.status)

    def test_endpoints_come_when_the_group_is_available(self):
        made = self.elasticache.create_replication_group(**self.asked())["ReplicationGroup"]
        self.assertNotIn("PrimaryEndpoint", made["NodeGroups"][0])
        self.assertEqual(self.eventually("available", self.status), ["creating", "available"])
        self.assertEqual(self.shown()["NodeGroups"][0]["PrimaryEndpoint"]["Port"], 6379)
        self.assertEqual(self.shown()["MemberClusters"], ["shop-001", "shop-002"])
        self.assertEqual(self.cluster("shop-001")["EngineVersion"], "8.0.1")
        self.assertEqual(self.cluster("shop-001")["ReplicationGroupId"], "shop")

    def test_tags_are_told_only_while_the_cache_is_available(self):
        made = self.elasticache.create_replication_group(**self.asked())["ReplicationGroup"]
        tags = self.elasticache.list_tags_for_resource
        self.refuses("InvalidReplicationGroupState", tags, ResourceName=made["ARN"])
        self.eventually("available", self.status)
        self.assertEqual(tags(ResourceName=made["ARN"])["TagList"], TAGS)
        self.elasticache.add_tags_to_resource(ResourceName=made["ARN"], Tags=[{"Key": "a", "Value": "b"}])
        self.assertEqual(len(tags(ResourceName=made["ARN"])["TagList"]), 2)
        group = self.elasticache.describe_cache_subnet_groups(CacheSubnetGroupName="shop")["CacheSubnetGroups"][0]
        self.assertEqual(tags(ResourceName=group["ARN"])["TagList"], TAGS)

    def test_a_busy_group_refuses_and_a_change_waits_unless_it_is_to_apply_at_once(self):
        self.available()
        change = {"ReplicationGroupId": "shop", "CacheNodeType": "cache.t4g.small"}
        self.elasticache.modify_replication_group(**change)
        self.refuses("InvalidReplicationGroupState", self.elasticache.modify_replication_group, **change)
        self.eventually("available", self.status)
        self.assertEqual(self.shown()["CacheNodeType"], "cache.t4g.micro")
        self.assertEqual(self.cluster("shop-001")["PendingModifiedValues"], {"CacheNodeType": "cache.t4g.small"})
        self.elasticache.modify_replication_group(**change, ApplyImmediately=True)
        self.assertEqual(self.eventually("available", self.status), ["modifying", "available"])
        self.assertEqual(self.shown()["CacheNodeType"], "cache.t4g.small")
        self.assertEqual(self.cluster("shop-001")["PendingModifiedValues"], {})

    def test_replicas_come_and_go(self):
        self.available()
        change = {"ReplicationGroupId": "shop", "ApplyImmediately": True}
        self.elasticache.increase_replica_count(**change, NewReplicaCount=2)
        self.eventually("available", self.status)
        self.assertEqual(len(self.shown()["MemberClusters"]), 3)
        self.elasticache.decrease_replica_count(**change, NewReplicaCount=1)
        self.eventually("available", self.status)
        self.assertEqual(len(self.shown()["MemberClusters"]), 2)
        self.refuses("InvalidParameterCombination", self.elasticache.decrease_replica_count, **change, NewReplicaCount=0)

    def test_redis_becomes_valkey_and_not_the_other_way(self):
        self.available(Engine="redis", EngineVersion="7.1")
        change = {"ReplicationGroupId": "shop", "ApplyImmediately": True}
        self.elasticache.modify_replication_group(**change, Engine="valkey", EngineVersion="8.0")
        self.eventually("available", self.status)
        self.assertEqual((self.shown()["Engine"], self.cluster("shop-001")["EngineVersion"]), ("valkey", "8.0.1"))
        self.assertEqual(
            self.cluster("shop-001")["CacheParameterGroup"]["CacheParameterGroupName"], "default.valkey8"
        )
        back = {**change, "Engine": "redis", "EngineVersion": "7.1"}
        self.refuses("InvalidParameterCombination", self.elasticache.modify_replication_group, **back)

    def test_settings_that_do_not_go_together_are_refused(self):
        for code, wrong in (
            ("InvalidParameterCombination", {"NumCacheClusters": 1}),
            ("InvalidParameterCombination", {"AutomaticFailoverEnabled": False}),
            ("InvalidParameterCombination", {"TransitEncryptionEnabled": False, "AuthToken": "x" * 16}),
            ("InvalidParameterCombination", {"EngineVersion": "6.2"}),
            ("InvalidParameterValue", {"CacheNodeType": "cache.z9.huge"}),
            ("InvalidParameterValue", {"ReplicationGroupId": "shop--x"}),
            ("CacheSubnetGroupNotFoundFault", {"CacheSubnetGroupName": "none"}),
        ):
            self.refuses(code, self.elasticache.create_replication_group, **self.asked(**wrong))

    def test_what_a_group_uses_stays_until_the_group_is_gone(self):
        self.available()
        self.elasticache.delete_replication_group(ReplicationGroupId="shop")
        held = {"CacheSubnetGroupName": "shop"}
        self.refuses("CacheSubnetGroupInUse", self.elasticache.delete_cache_subnet_group, **held)
        self.refuses("DependencyViolation", self.ec2.delete_security_group, GroupId=self.sg)
        self.refuses("DependencyViolation", self.ec2.delete_subnet, SubnetId=self.subnets[0])
        self.assertEqual(self.eventually("gone", self.status), ["deleting", "gone"])
        self.elasticache.delete_cache_subnet_group(**held)
        self.ec2.delete_security_group(GroupId=self.sg)
        self.assertEqual(self.elasticache.describe_cache_clusters()["CacheClusters"], [])

    def test_memcached_has_nodes_that_are_named_to_go(self):
        asked = {"Engine": "memcached", "EngineVersion": "1.6.22", "CacheNodeType": "cache.t4g.micro"}
        self.elasticache.create_cache_cluster(
            CacheClusterId="mem", NumCacheNodes=2, TransitEncryptionEnabled=True, CacheSubnetGroupName="shop", **asked
        )
        status = lambda: self.cluster("mem")["CacheClusterStatus"]  # noqa: E731
        self.assertEqual(self.eventually("available", status), ["creating", "available"])
        self.assertEqual(self.cluster("mem")["ConfigurationEndpoint"]["Port"], 11211)
        change = {"CacheClusterId": "mem", "NumCacheNodes": 1, "ApplyImmediately": True}
        self.refuses("InvalidParameterCombination", self.elasticache.modify_cache_cluster, **change)
        self.elasticache.modify_cache_cluster(**change, CacheNodeIdsToRemove=["0002"])
        self.eventually("available", status)
        self.assertEqual(len(self.cluster("mem")["CacheNodes"]), 1)
        self.assertTrue(self.cluster("mem")["TransitEncryptionEnabled"])

    def test_lists_come_in_pages(self):
        for i in range(3):
            self.elasticache.create_cache_subnet_group(
                CacheSubnetGroupName=f"group-{i}", CacheSubnetGroupDescription="x", SubnetIds=self.subnets
            )
        self.assertEqual(len(self.elasticache.describe_cache_subnet_groups()["CacheSubnetGroups"]), PAGE)
        pages = self.elasticache.get_paginator("describe_cache_subnet_groups").paginate()
        self.assertEqual(len([g for page in pages for g in page["CacheSubnetGroups"]]), 4)
