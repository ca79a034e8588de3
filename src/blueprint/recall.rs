//! What AWS has assigned to stores that stand, so that a plan sees where the app is told something else.

use crate::{
    aws::Aws,
    engine::{Found, Graph, Inventory, Kind, Phase},
    kinds::{
        CacheCluster, DbCluster, DbInstance, Parameter, ReplicationGroup, RolePolicy,
        instance_role::policy,
        parameter::{Endpoint, Generated},
        stores::{CacheRef, DatabaseLive, DatabaseRef},
    },
};

/// Writes into the graph what the stores that were found are reached by: their endpoints and the
/// ARN of the database's secret can change under the same name, when a database is restored, say.
pub fn recall(graph: &mut Graph<Aws>, found: &Inventory<Aws>, region: &str) {
    let Some(parameter) = graph.get::<Parameter>("app") else { return };
    let database = parameter.database.as_ref().map(|database| match database {
        DatabaseRef::Instance(_) => standing::<DbInstance>(found, "db"),
        DatabaseRef::Cluster(_) => standing::<DbCluster>(found, "db"),
    });
    let cache = parameter.cache.as_ref().map(|cache| match cache {
        CacheRef::Group(_) => standing::<ReplicationGroup>(found, "cache").map(Endpoint::Group),
        CacheRef::Cluster(_) => memcached(graph, found).map(Endpoint::Cluster),
    });
    if let Some(Some(database)) = &database {
        let document = granting(database);
        graph.amend::<RolePolicy>("database", |policy| policy.document = Some(document));
    }
    let stores = [cache, database.map(|database| database.map(Endpoint::Database))];
    if let Some(stores) = stores.into_iter().flatten().collect::<Option<Vec<_>>>() {
        let generated = Generated::of(region, &stores);
        graph.amend::<Parameter>("app", |parameter| parameter.generated = generated);
    }
}

/// The live data of the one that is there and ready; one that is still changing tells it later.
fn standing<K: Kind<Cloud = Aws>>(found: &Inventory<Aws>, name: &str) -> Option<K::Live> {
    Some(only::<K>(found, name)?.live.clone())
}

fn only<'a, K: Kind<Cloud = Aws>>(found: &'a Inventory<Aws>, name: &str) -> Option<&'a Found<K>> {
    let mut all = found.of::<K>().filter(|found| &*found.name == name);
    let (one, other) = (all.next()?, all.next());
    (other.is_none() && one.phase == Phase::Ready).then_some(one)
}

/// Where the number of nodes changes, so does the list of them, and nobody knows it yet.
fn memcached(graph: &Graph<Aws>, found: &Inventory<Aws>) -> Option<<CacheCluster as Kind>::Live> {
    let one = only::<CacheCluster>(found, "cache")?;
    let nodes = graph.get::<CacheCluster>("cache")?.nodes;
    let mut live = one.live.clone();
    if nodes != one.spec.nodes {
        live.servers = vec![format!("({nodes} nodes)")];
    }
    Some(live)
}

/// What grants the secret of a database. Without one RDS is about to make it.
fn granting(database: &DatabaseLive) -> String {
    if database.secret_arn.is_empty() {
        return "(once RDS has made the secret)".into();
    }
    policy::secret(&database.secret_arn)
}
