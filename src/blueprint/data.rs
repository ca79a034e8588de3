//! The cache and the database, out of reach of everything but the app.

use super::{Sheet, network::Network, security::Groups};
use crate::{
    engine::Ref,
    kinds::{
        CacheCluster, CacheParameterGroup, CacheSubnetGroup, DbCluster, DbInstance, DbSubnetGroup,
        ReplicationGroup, SecurityGroup, cache_parameter_group,
        replication_group::{self, Parameters},
        stores::{
            CacheRef, DatabaseRef, EngineVersion, Port, Version,
            databases::{ExtendedSupport, Storage, Windows},
        },
    },
    spec::{Cache, CacheEngine, Database, MaxmemoryPolicy, Store},
};

/// Where sessions and data can be.
pub(super) struct Stores {
    pub(super) cache: Option<CacheRef>,
    pub(super) database: Option<DatabaseRef>,
}

pub(super) fn draw(sheet: &mut Sheet, network: &Network, groups: &Groups) -> Stores {
    let spec = sheet.spec;
    let cache = spec.cache.as_ref().zip(groups.cache.as_ref()).map(|(wanted, group)| {
        let place = CacheSubnetGroup {
            vpc: network.vpc.clone(),
            subnets: network.data.clone(),
            tags: sheet.tags(),
        };
        let place = sheet.add("cache", place);
        cache(sheet, wanted, place, group)
    });
    let database = spec.database.as_ref().zip(groups.database.as_ref()).map(|(wanted, group)| {
        let place = DbSubnetGroup {
            vpc: network.vpc.clone(),
            subnets: network.data.clone(),
            tags: sheet.tags(),
        };
        let place = sheet.add("db", place);
        if wanted.engine.is_aurora() {
            DatabaseRef::Cluster(aurora(sheet, wanted, &place, group))
        } else {
            DatabaseRef::Instance(rds(sheet, wanted, place, group))
        }
    });
    Stores { cache, database }
}

fn cache(
    sheet: &mut Sheet,
    wanted: &Cache,
    subnet_group: Ref<CacheSubnetGroup>,
    group: &Ref<SecurityGroup>,
) -> CacheRef {
    let engine = match wanted.engine {
        CacheEngine::Valkey => replication_group::Engine::Valkey,
        CacheEngine::Redis => replication_group::Engine::Redis,
        CacheEngine::Memcached => {
            return CacheRef::Cluster(memcached(sheet, wanted, subnet_group, group));
        }
    };
    let version = Version(wanted.version.clone());
    let parameters = CacheParameterGroup {
        engine,
        version: version.clone(),
        maxmemory_policy: policy(sheet, wanted).as_str().into(),
        reserved_memory_percent: wanted.reserved_memory(),
        beside: Some(subnet_group.clone()),
        tags: sheet.tags(),
    };
    let parameters = sheet.add(&cache_parameter_group::name(engine, &version), parameters);
    let replication_group = ReplicationGroup {
        engine,
        version,
        node_type: wanted.node_type.clone(),
        replicas: wanted.replicas,
        failover: wanted.replicas > 0,
        port: Port(wanted.port),
        encryption_at_rest: true,
        encryption_in_transit: true,
        parameters: Parameters(Some(parameters)),
        subnet_group,
        security_groups: vec![group.clone()],
        tags: sheet.tags(),
    };
    CacheRef::Group(sheet.add("cache", replication_group))
}

/// What a full cache does with a new key, unless the file says it: a session that is dropped in
/// silence is a user who is logged out for no reason to be seen, so there a full cache is an error
/// that is seen. Of anything else AWS's own choice is good.
fn policy(sheet: &Sheet, wanted: &Cache) -> MaxmemoryPolicy {
    wanted.maxmemory_policy.unwrap_or(match sheet.spec.sessions.store {
        Store::Redis => MaxmemoryPolicy::Noeviction,
        _ => MaxmemoryPolicy::VolatileLru,
    })
}

fn memcached(
    sheet: &mut Sheet,
    wanted: &Cache,
    subnet_group: Ref<CacheSubnetGroup>,
    group: &Ref<SecurityGroup>,
) -> Ref<CacheCluster> {
    let cluster = CacheCluster {
        version: Version(wanted.version.clone()),
        node_type: wanted.node_type.clone(),
        nodes: wanted.replicas + 1,
        port: Port(wanted.port),
        encryption_in_transit: wanted.tls,
        subnet_group,
        security_groups: vec![group.clone()],
        tags: sheet.tags(),
    };
    sheet.add("cache", cluster)
}

fn rds(
    sheet: &mut Sheet,
    wanted: &Database,
    subnet_group: Ref<DbSubnetGroup>,
    group: &Ref<SecurityGroup>,
) -> Ref<DbInstance> {
    let instance = DbInstance {
        engine: wanted.engine.as_str().into(),
        instance_class: wanted.instance_class.clone(),
        cluster: None,
        zone: None,
        version: Some(EngineVersion::of(wanted.engine.as_str(), &wanted.version)),
        extended_support: Some(extended_support(wanted)),
        storage: Some(Storage(wanted.storage)),
        max_storage: wanted.max_storage,
        windows: windows(wanted),
        multi_az: Some(wanted.multi_az),
        backup_days: Some(wanted.backup_days),
        protect: Some(wanted.protect),
        final_snapshot: Some(wanted.final_snapshot),
        snapshot: wanted.from_snapshot.clone(),
        database: Some(wanted.name.clone()),
        username: Some(wanted.username.clone()),
        managed_password: Some(true),
        subnet_group,
        security_groups: Some(vec![group.clone()]),
        tags: sheet.tags(),
    };
    sheet.add("db", instance)
}

/// The cluster holds the data; its first instance serves it, and a second one in another zone can take
/// over. They are changed one after another, so that one of them is always there.
fn aurora(
    sheet: &mut Sheet,
    wanted: &Database,
    subnet_group: &Ref<DbSubnetGroup>,
    group: &Ref<SecurityGroup>,
) -> Ref<DbCluster> {
    let cluster = DbCluster {
        engine: wanted.engine.as_str().into(),
        version: EngineVersion::of(wanted.engine.as_str(), &wanted.version),
        extended_support: extended_support(wanted),
        backup_days: wanted.backup_days,
        windows: windows(wanted),
        protect: wanted.protect,
        final_snapshot: wanted.final_snapshot,
        snapshot: wanted.from_snapshot.clone(),
        database: wanted.name.clone(),
        username: wanted.username.clone(),
        managed_password: true,
        subnet_group: subnet_group.clone(),
        security_groups: vec![group.clone()],
        tags: sheet.tags(),
    };
    let cluster = sheet.add("db", cluster);
    let zones: Vec<_> = sheet.zones.values().cloned().collect();
    let names = ["db-1", "db-2"].into_iter().take(1 + usize::from(wanted.multi_az));
    for (index, name) in names.enumerate() {
        let member = DbInstance {
            engine: wanted.engine.as_str().into(),
            instance_class: wanted.instance_class.clone(),
            cluster: Some(cluster.clone()),
            zone: zones.get(index).cloned(),
            version: None,
            extended_support: None,
            storage: None,
            max_storage: None,
            windows: Windows::default(),
            multi_az: None,
            backup_days: None,
            protect: None,
            final_snapshot: None,
            snapshot: None,
            database: None,
            username: None,
            managed_password: None,
            subnet_group: subnet_group.clone(),
            security_groups: None,
            tags: sheet.tags(),
        };
        sheet.graph.member("db", index, |graph| graph.add(name, member));
    }
    cluster
}

fn windows(wanted: &Database) -> Windows {
    let (backup, maintenance) = (wanted.backup_window.clone(), wanted.maintenance_window.clone());
    Windows { backup, maintenance }
}

/// An engine without extended support has no choice to make.
fn extended_support(wanted: &Database) -> ExtendedSupport {
    ExtendedSupport(wanted.engine.has_extended_support().then_some(wanted.extended_support))
}
