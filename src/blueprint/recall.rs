//! What AWS has assigned to stores that stand, so that a plan sees where the app is told something else.

use super::app::SESSION_KEY;
use crate::{
    aws::Aws,
    engine::{Found, Graph, Inventory, Kind, Phase},
    kinds::{
        CacheCluster, DbCluster, DbInstance, Parameter, ReplicationGroup, RolePolicy, Secret,
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
    let key = parameter.session_key.as_ref();
    let key = key.map(|_| standing::<Secret>(found, SESSION_KEY).map(Endpoint::SessionKey));
    if let Some(Some(database)) = &database {
        let document = granting(database);
        graph.amend::<RolePolicy>("database", |policy| policy.document = Some(document));
    }
    let stores = [cache, database.map(|database| database.map(Endpoint::Database)), key];
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        blueprint::tests::drawn,
        engine::{Attribute, plan::Ids},
        kinds::cache_cluster::CacheClusterLive,
    };

    const FILE: &str = "\
cache: {engine: memcached, replicas: 1}
database: {engine: postgres, version: \"17\"}
";
    const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-1-AbCdEf";

    fn database(host: &str, secret: &str) -> DatabaseLive {
        DatabaseLive {
            id: "shop-db".into(),
            arn: "arn:aws:rds:eu-west-1:123456789012:db:shop-db".into(),
            engine: "postgres".into(),
            status: "available".into(),
            host: host.into(),
            port: 5432,
            database: "app".into(),
            username: "app".into(),
            secret_arn: secret.into(),
            writer: false,
        }
    }

    fn nodes() -> CacheClusterLive {
        CacheClusterLive {
            id: "shop-cache".into(),
            arn: "arn:aws:elasticache:eu-west-1:123456789012:cluster:shop-cache".into(),
            status: "available".into(),
            servers: vec!["one:11211".into(), "two:11211".into()],
        }
    }

    /// What stands, as the file wants it, with such live data.
    fn standing(database: DatabaseLive, phase: Phase) -> Inventory<Aws> {
        let graph = drawn(FILE);
        let db = graph.get::<DbInstance>("db").unwrap().clone();
        let cache = graph.get::<CacheCluster>("cache").unwrap().clone();
        Inventory::default()
            .with(Found::ready("db", db, database).in_phase(phase))
            .with(Found::ready("cache", cache, nodes()))
    }

    /// What the app is to be told, and what it may read, where that stands.
    fn told(file: &str, found: &Inventory<Aws>) -> (Generated, Option<String>) {
        let mut graph = drawn(file);
        recall(&mut graph, found, "eu-west-1");
        let generated = graph.get::<Parameter>("app").unwrap().generated.clone();
        (generated, graph.get::<RolePolicy>("database").unwrap().document.clone())
    }

    #[test]
    fn a_new_endpoint_or_secret_under_the_same_name_is_a_difference() {
        let (before, leave) = told(FILE, &standing(database("one", SECRET), Phase::Ready));
        assert!(before.show().contains("one:11211"), "{}", before.show());
        assert!(leave.unwrap().contains(SECRET));
        let again = told(FILE, &standing(database("one", SECRET), Phase::Ready)).0;
        assert!(again.met_by(&before, &Ids::default()));
        for (host, secret) in [("two", SECRET), ("one", &SECRET.replace("AbCdEf", "GhIjKl"))] {
            let (wanted, leave) = told(FILE, &standing(database(host, secret), Phase::Ready));
            assert!(!wanted.met_by(&before, &Ids::default()), "{}", wanted.show());
            assert!(leave.unwrap().contains(secret));
        }
    }

    #[test]
    fn what_is_still_coming_is_met_by_anything() {
        let (wanted, leave) = told(FILE, &standing(database("", ""), Phase::Coming));
        assert_eq!((wanted.0, leave), (None, None));
    }

    #[test]
    fn a_database_that_lost_its_managed_password_is_a_difference_until_it_has_a_new_secret() {
        let (_, leave) = told(FILE, &standing(database("one", ""), Phase::Ready));
        assert!(!leave.unwrap().contains("arn:"));
    }

    #[test]
    fn another_number_of_memcached_nodes_is_another_list_of_them() {
        let stands = standing(database("one", SECRET), Phase::Ready);
        let before = told(FILE, &stands).0;
        let wanted = told(&FILE.replace("replicas: 1", "replicas: 2"), &stands).0;
        assert!(!wanted.met_by(&before, &Ids::default()), "{}", wanted.show());
    }
}
