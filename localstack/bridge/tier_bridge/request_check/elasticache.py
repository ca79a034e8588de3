"""ElastiCache."""

import re

from .registry import match, rule, within

VERSIONS = {"valkey": r"7\.2|8\.[0-2]|9\.0", "redis": r"4\.0\.10|5\.0\.6|6\.[02]|7\.[01]",
            "memcached": r"1\.(4\.\d+|5\.\d+|6\.(6|12|17|22))"}


@rule("elasticache")
def cache_ids(request, params, world):
    for name, most in (("ReplicationGroupId", 40), ("CacheClusterId", 50)):
        match(request, name, params.get(name), rf"(?!.*--)[A-Za-z][A-Za-z0-9-]{{0,{most - 1}}}(?<!-)", "cache-id",
              "B:elasticache")
    match(request, "CacheSubnetGroupName", params.get("CacheSubnetGroupName"), r"[A-Za-z0-9-]{1,255}", "cache-subnet-name",
          "B:elasticache")
    within(request, "MaxRecords", params.get("MaxRecords"), 20, 100, "page-size", "B:elasticache")
    for name in ("ReplicationGroupDescription", "CacheSubnetGroupDescription"):
        if name in params and not 1 <= len(params[name]) <= 255:
            request.problem(name, "cache-description", f"{len(params[name])} characters", "B:elasticache")


@rule("elasticache", "CreateReplicationGroup", "CreateCacheCluster")
def new_cache(request, params, world):
    engine, version, node = params.get("Engine", ""), params.get("EngineVersion", ""), params.get("CacheNodeType", "")
    group = request.operation == "CreateReplicationGroup"
    if engine not in (("valkey", "redis") if group else ("memcached", "redis", "valkey")):
        request.problem("Engine", "cache-engine", repr(engine), "B:elasticache")
    elif not re.fullmatch(VERSIONS[engine], version):
        request.problem("EngineVersion", "cache-version", f"{engine} {version!r} was not offered in spring 2026", "B:elasticache", "doubt")
    if not re.fullmatch(r"cache\.[a-z0-9]+\.[a-z0-9]+", node):
        request.problem("CacheNodeType", "node-type", repr(node), "B:elasticache")
    if re.fullmatch(r"cache\.t\w+\.(large|xlarge|2xlarge)", node):
        request.problem("CacheNodeType", "node-type", f"{node}: t nodes end at medium", "B:elasticache")
    if ".r6gd." in node and not params.get("DataTieringEnabled"):
        request.problem("DataTieringEnabled", "data-tiering", "must be true with r6gd", "B:elasticache")
    within(request, "Port", params.get("Port"), 1, 65535, "port", "B:elasticache")
    if group:
        nodes, failover, zones = (params.get(k) for k in ("NumCacheClusters", "AutomaticFailoverEnabled", "MultiAZEnabled"))
        within(request, "NumCacheClusters", nodes, 1, 6, "cache-nodes", "B:elasticache")
        if nodes == 1:
            request.problem("NumCacheClusters", "cache-nodes-1", "the text: leave it out, or 2 to 6; 1 is widely sent (Terraform)",
                            "B:elasticache CreateReplicationGroupMessage", "notice")
        if failover and (nodes or 1) < 2:
            request.problem("AutomaticFailoverEnabled", "failover-nodes", "needs two nodes", "B:elasticache")
        if zones and not failover:
            request.problem("MultiAZEnabled", "zones-and-failover", "needs automatic failover", "B:elasticache")
        if failover and re.match(r"cache\.(t1|m1|t2)\.", node):
            request.problem("CacheNodeType", "failover-node-type", node, "D:AutoFailover", "doubt")
        for name in ("TransitEncryptionEnabled", "AtRestEncryptionEnabled"):
            if params.get(name) is None:
                request.problem(name, "encryption-stated", "state it: defaults differ by engine", "B:elasticache", "doubt")
        secret = params.get("AuthToken")
        if secret is not None and (not params.get("TransitEncryptionEnabled")
                                   or not re.fullmatch(r"[A-Za-z0-9!&#$^<>-]{16,128}", secret)):
            request.problem("AuthToken", "auth-token", "form, or without TLS", "B:elasticache AuthToken")
    else:
        nodes = params.get("NumCacheNodes") or 1
        within(request, "NumCacheNodes", nodes, 1, 40 if engine == "memcached" else 1, "cache-nodes", "B:elasticache")
        if params.get("AZMode") == "cross-az" and nodes < 2:
            request.problem("AZMode", "cross-az", "needs two nodes", "B:elasticache")
        if params.get("TransitEncryptionEnabled") and engine == "memcached" and not re.fullmatch(r"1\.6\.(1[2-9]|[2-9]\d)", version):
            request.problem("TransitEncryptionEnabled", "memcached-tls", f"not with {version}", "D:in-transit-encryption-mc")
        request.once_served(world.clusters.__setitem__, params.get("CacheClusterId"), nodes)
    if params.get("TransitEncryptionEnabled") and not params.get("CacheSubnetGroupName"):
        request.problem("CacheSubnetGroupName", "tls-needs-vpc", "needed with TLS", "B:elasticache")


@rule("elasticache", "ModifyCacheCluster")
def modify_cache(request, params, world):
    known, wanted, gone = world.clusters.get(params.get("CacheClusterId")), params.get("NumCacheNodes"), params.get(
        "CacheNodeIdsToRemove", [])
    if known and wanted:
        if len(gone) != max(known - wanted, 0):
            request.problem("CacheNodeIdsToRemove", "nodes-to-remove", f"{known} -> {wanted} and {gone}", "B:elasticache")
        request.once_served(world.clusters.__setitem__, params["CacheClusterId"], wanted)
    for one in gone:
        match(request, "CacheNodeIdsToRemove", one, r"\d{4}", "node-id", "B:elasticache")


@rule("elasticache", "ModifyReplicationGroup", "ModifyCacheCluster")
def cache_at_once(request, params, world):
    if not params.get("ApplyImmediately"):
        request.problem("ApplyImmediately", "apply-immediately", "waits for the window", "B:elasticache", "doubt")
    if params.get("MultiAZEnabled") and params.get("AutomaticFailoverEnabled") is False:
        request.problem("MultiAZEnabled", "zones-and-failover", "needs automatic failover", "B:elasticache")


@rule("elasticache", "IncreaseReplicaCount", "DecreaseReplicaCount")
def replicas(request, params, world):
    within(request, "NewReplicaCount", params.get("NewReplicaCount"), 0, 5, "replicas", "B:elasticache")
    if params.get("NewReplicaCount") is not None and params.get("ReplicaConfiguration"):
        request.problem("NewReplicaCount", "replicas-one-way", "one or the other", "B:elasticache")
    if request.operation == "DecreaseReplicaCount" and params.get("NewReplicaCount") == 0:
        request.problem("NewReplicaCount", "replicas-none",
                        "the text: with Multi-AZ 1, else 0; failover must be off before", "B:elasticache", "notice")


@rule("elasticache", "CreateCacheSubnetGroup", "ModifyCacheSubnetGroup")
def cache_subnets(request, params, world):
    within(request, "SubnetIds", len(params.get("SubnetIds", [])), 1, 20, "cache-subnets", "B:elasticache")
