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
        gone = {"ResourceName": made["ARN"], "TagKeys": ["a"]}
        self.refuses("InvalidReplicationGroupState", self.elasticache.remove_tags_from_resource, **gone)
        self.assertEqual(self.eventually("available", self.status), ["modifying", "available"])
        self.assertEqual(len(tags(ResourceName=made["ARN"])["TagList"]), 2)
        self.assertEqual(len(tags(ResourceName=self.cluster("shop-001")["ARN"])["TagList"]), 2)
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

    def test_a_change_of_nothing_is_refused(self):
        self.available()
        modify = self.elasticache.modify_replication_group
        same = {"ReplicationGroupId": "shop", "ApplyImmediately": True}
        for nothing in ({}, {"CacheNodeType": "cache.t4g.micro"}, {"EngineVersion": "8.0"}, {"MultiAZEnabled": True}):
            self.refuses("InvalidParameterCombination", modify, **same, **nothing)
        modify(ReplicationGroupId="shop", CacheNodeType="cache.t4g.small")
        self.eventually("available", self.status)
        modify(**same, CacheNodeType="cache.t4g.small")  # what waited is brought forward

    def test_a_replica_may_come_beside_the_primary_and_then_not_take_over(self):
        self.available(NumCacheClusters=1, AutomaticFailoverEnabled=False, MultiAZEnabled=False)
        more = {"ReplicationGroupId": "shop", "ApplyImmediately": True}
        over = {**more, "AutomaticFailoverEnabled": True, "MultiAZEnabled": True}
        self.elasticache.increase_replica_count(**more, NewReplicaCount=1)
        self.eventually("available", self.status)
        self.refuses("InvalidParameterCombination", self.elasticache.modify_replication_group, **over)
        self.elasticache.decrease_replica_count(**more, NewReplicaCount=0)
        self.eventually("available", self.status)
        home = self.cluster("shop-001")["PreferredAvailabilityZone"]
        other = ({"eu-west-1a", "eu-west-1b"} - {home}).pop()
        spread = {"NodeGroupId": "0001", "NewReplicaCount": 1, "PreferredAvailabilityZones": [home, other]}
        self.elasticache.increase_replica_count(**more, ReplicaConfiguration=[spread])
        self.eventually("available", self.status)
        self.elasticache.modify_replication_group(**over)

    def test_a_subnet_is_held_only_where_a_node_stands(self):
        self.available(NumCacheClusters=1, AutomaticFailoverEnabled=False, MultiAZEnabled=False)
        home = self.cluster("shop-001")["PreferredAvailabilityZone"]
        group = self.elasticache.describe_cache_subnet_groups(CacheSubnetGroupName="shop")["CacheSubnetGroups"][0]
        of_zone = {x["SubnetAvailabilityZone"]["Name"]: x["SubnetIdentifier"] for x in group["Subnets"]}
        held = of_zone.pop(home)
        free = list(of_zone.values())
        change = self.elasticache.modify_cache_subnet_group
        self.refuses("SubnetInUse", change, CacheSubnetGroupName="shop", SubnetIds=free)
        self.refuses("DependencyViolation", self.ec2.delete_subnet, SubnetId=held)
        change(CacheSubnetGroupName="shop", SubnetIds=[held])
        self.ec2.delete_subnet(SubnetId=free[0])

    def test_a_parameter_group_is_of_one_family_and_stays_while_it_is_used(self):
        made = {"CacheParameterGroupName": "Mine", "Description": "x", "Tags": TAGS}
        create = self.elasticache.create_cache_parameter_group
        self.refuses("InvalidParameterValue", create, **made, CacheParameterGroupFamily="valkey1")
        arn = create(**made, CacheParameterGroupFamily="valkey8")["CacheParameterGroup"]["ARN"]
        self.refuses("CacheParameterGroupAlreadyExists", create, **made, CacheParameterGroupFamily="valkey8")
        self.assertEqual(self.elasticache.list_tags_for_resource(ResourceName=arn)["TagList"], TAGS)
        self.refuses(
            "InvalidParameterCombination",
            self.elasticache.create_replication_group,
            **self.asked(EngineVersion="7.2", CacheParameterGroupName="mine"),
        )
        self.available(CacheParameterGroupName="mine")
        gone = {"CacheParameterGroupName": "mine"}
        self.refuses("InvalidCacheParameterGroupState", self.elasticache.delete_cache_parameter_group, **gone)
        back = {"ReplicationGroupId": "shop", "ApplyImmediately": True, "CacheParameterGroupName": "default.valkey8"}
        self.elasticache.modify_replication_group(**back)
        self.eventually("available", self.status)
        self.elasticache.delete_cache_parameter_group(**gone)
        self.refuses("CacheParameterGroupNotFound", self.elasticache.describe_cache_parameter_groups, **gone)

    def test_parameters_are_set_and_checked_and_aws_own_groups_are_not(self):
        name = {"CacheParameterGroupName": "mine"}
        self.elasticache.create_cache_parameter_group(**name, CacheParameterGroupFamily="valkey8", Description="x")
        one = lambda key, value: {"ParameterNameValues": [{"ParameterName": key, "ParameterValue": value}]}  # noqa: E731
        modify = self.elasticache.modify_cache_parameter_group
        for wrong in (one("maxmemory-policy", "lru"), one("reserved-memory-percent", "101"), one("no-such", "1")):
            self.refuses("InvalidParameterValue", modify, **name, **wrong)
        policy = one("maxmemory-policy", "noeviction")
        self.refuses("InvalidParameterValue", modify, CacheParameterGroupName="default.valkey8", **policy)
        modify(**name, **policy)
        pages = self.elasticache.get_paginator("describe_cache_parameters").paginate(**name)
        all = {p["ParameterName"]: (p["ParameterValue"], p["Source"]) for page in pages for p in page["Parameters"]}
        self.assertEqual(all["maxmemory-policy"], ("noeviction", "user"))
        self.assertEqual(all["reserved-memory-percent"], ("25", "system"))
        pages = self.elasticache.get_paginator("describe_cache_parameter_groups").paginate()
        names = [g["CacheParameterGroupName"] for page in pages for g in page["CacheParameterGroups"]]
        self.assertTrue({"mine", "default.valkey8", "default.memcached1.6"} <= set(names))

    def test_the_versions_are_told_with_their_families(self):
        pages = self.elasticache.get_paginator("describe_cache_engine_versions").paginate(Engine="valkey")
        all = [version for page in pages for version in page["CacheEngineVersions"]]
        made = {v["EngineVersion"]: v["CacheParameterGroupFamily"] for v in all}
        self.assertEqual((made["7.2"], made["8.0"]), ("valkey7", "valkey8"))

    def test_a_version_of_another_family_wants_a_parameter_group_of_that_family(self):
        self.available(EngineVersion="7.2")
        modify = self.elasticache.modify_replication_group
        change = {"ReplicationGroupId": "shop", "ApplyImmediately": True}
        self.refuses("InvalidParameterCombination", modify, **change, EngineVersion="8.0")
        modify(**change, EngineVersion="8.0", CacheParameterGroupName="default.valkey8")
        self.eventually("available", self.status)
        modify(**change, EngineVersion="8.1")  # the same family
        self.eventually("available", self.status)
        self.assertEqual(
            self.cluster("shop-001")["CacheParameterGroup"]["CacheParameterGroupName"], "default.valkey8"
        )

    def test_valkey_does_not_take_over_a_group_of_redis_parameters_that_is_not_aws_own(self):
        name = {"CacheParameterGroupName": "mine"}
        self.elasticache.create_cache_parameter_group(**name, CacheParameterGroupFamily="redis7", Description="x")
        self.available(Engine="redis", EngineVersion="7.1", **name)
        change = {"ReplicationGroupId": "shop", "ApplyImmediately": True, "Engine": "valkey", "EngineVersion": "8.0"}
        self.refuses("InvalidParameterCombination", self.elasticache.modify_replication_group, **change)

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
        self.assertEqual(self.cluster("mem")["PreferredAvailabilityZone"], "eu-west-1a")
        self.refuses("InvalidParameterCombination", self.elasticache.modify_cache_cluster, **change)
        self.elasticache.modify_cache_cluster(**{**change, "NumCacheNodes": 2})
        self.eventually("available", status)
        self.assertEqual(self.cluster("mem")["PreferredAvailabilityZone"], "eu-west-1a")
        self.elasticache.modify_cache_cluster(**{**change, "NumCacheNodes": 3}, AZMode="cross-az")
        self.eventually("available", status)
        self.assertEqual(self.cluster("mem")["PreferredAvailabilityZone"], "Multiple")

    def test_t2_nodes_of_memcached_do_not_encrypt(self):
        asked = {"Engine": "memcached", "CacheNodeType": "cache.t2.micro", "NumCacheNodes": 1, "CacheClusterId": "mem"}
        create = self.elasticache.create_cache_cluster
        self.refuses("InvalidParameterCombination", create, **asked, TransitEncryptionEnabled=True)
        create(**asked)

    def test_lists_come_in_pages(self):
        for i in range(3):
            self.elasticache.create_cache_subnet_group(
                CacheSubnetGroupName=f"group-{i}", CacheSubnetGroupDescription="x", SubnetIds=self.subnets
            )
        self.assertEqual(len(self.elasticache.describe_cache_subnet_groups()["CacheSubnetGroups"]), PAGE)
        pages = self.elasticache.get_paginator("describe_cache_subnet_groups").paginate()
        self.assertEqual(len([g for page in pages for g in page["CacheSubnetGroups"]]), 4)
