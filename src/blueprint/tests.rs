//! What small stack files mean: which resources, and what hangs on what.

use super::*;
use crate::{
    engine::{Attribute, Sealed},
    kinds::{
        CacheCluster, DbCluster, DbInstance, DnsRecord, Instance, InstanceRole, Listener,
        LoadBalancer, Parameter, ReplicationGroup, SecurityGroup, SecurityGroupRule, Subnet,
        Target, VpcEndpoint, dns_record::ZoneRef, load_balancer::Scheme,
        security_group_rule::Direction,
    },
    spec::{Source, load},
};
use insta::assert_snapshot;

pub(crate) fn spec(text: &str) -> Spec {
    let app = if text.contains("app:") { "" } else { "app: {image: \"shop:1\"}\n" };
    let text = format!("name: shop\n{app}{text}");
    load(&Source::new("stack.yaml", text), &[], &|_| None).unwrap()
}

fn facts() -> Facts {
    Facts {
        zones: ["eu-west-1a", "eu-west-1b", "eu-west-1d"].map(Into::into).into(),
        stands: BTreeMap::new(),
        offers: None,
        hosted_zone: Some("Z0THEIRS".into()),
        region: "eu-west-1".into(),
        account: "123456789012".into(),
        partition: "aws".into(),
    }
}

pub(crate) fn drawn(text: &str) -> Graph<Aws> {
    draw(&spec(text), &facts()).unwrap()
}

fn refused(text: &str, facts: &Facts) -> String {
    draw(&spec(text), facts).err().unwrap().to_string()
}

/// The names of all resources, or of those of some kinds; one line for each kind.
fn names(graph: &Graph<Aws>, kinds: &[&str]) -> String {
    let mut lines: Vec<(&str, Vec<&str>)> = Vec::new();
    for at in graph.addresses().filter(|at| kinds.is_empty() || kinds.contains(&at.kind)) {
        match lines.iter_mut().find(|(kind, _)| *kind == at.kind) {
            Some((_, names)) => names.push(&at.name),
            None => lines.push((at.kind, vec![&at.name])),
        }
    }
    let lines: Vec<_> =
        lines.iter().map(|(kind, names)| format!("{kind}: {}", names.join(" "))).collect();
    lines.join("\n")
}

const OUTSIDE: [&str; 4] = ["subnet", "elastic-ip", "nat-gateway", "route-table"];

#[test]
fn the_smallest_file_means_a_whole_web_tier() {
    assert_snapshot!(names(&drawn(""), &[]), @r"
    vpc: main
    internet-gateway: main
    subnet: public-a public-b private-a private-b
    route-table: public private
    elastic-ip: nat-a
    nat-gateway: nat-a
    vpc-endpoint: s3
    security-group: lb app
    security-group-rule: lb-in-80-0-0-0-0-0 lb-out-3000-to-app app-in-3000-from-lb
    load-balancer: lb
    target-group: app
    listener: http
    instance-role: app
    parameter: app
    instance: app-1 app-2
    target: app-1 app-2
    ");
}

#[test]
fn one_nat_gateway_serves_all_zones() {
    assert_snapshot!(names(&drawn("network: {nat: single, zones: 3}"), &OUTSIDE), @r"
    subnet: public-a public-b public-c private-a private-b private-c
    route-table: public private
    elastic-ip: nat-a
    nat-gateway: nat-a
    ");
}

#[test]
fn every_zone_can_have_its_own_nat_gateway() {
    assert_snapshot!(names(&drawn("network: {nat: per-zone}"), &OUTSIDE), @r"
    subnet: public-a public-b private-a private-b
    route-table: public private-a private-b
    elastic-ip: nat-a nat-b
    nat-gateway: nat-a nat-b
    ");
}

#[test]
fn without_nat_the_instances_stand_in_public_subnets_with_public_addresses() {
    let graph = drawn("network: {nat: none}");
    assert_snapshot!(names(&graph, &OUTSIDE), @r"
    subnet: public-a public-b
    route-table: public
    ");
    let instance = graph.get::<Instance>("app-1").unwrap();
    assert!(instance.public_ip);
    assert_eq!(instance.placement.show(), "subnet/public-a");
    assert_eq!(instance.route.show(), "route-table/public");
}

#[test]
fn behind_nat_no_instance_has_a_public_address() {
    let graph = drawn("network: {nat: per-zone}");
    let instance = graph.get::<Instance>("app-2").unwrap();
    assert!(!instance.public_ip);
    assert_eq!(instance.placement.show(), "subnet/private-b");
    assert_eq!(instance.route.show(), "route-table/private-b");
}

#[test]
fn a_subnet_has_the_zone_and_the_addresses_of_its_place() {
    let graph = drawn("network: {zones: 3, cidr: 10.7.0.0/16}");
    let subnet = graph.get::<Subnet>("public-c").unwrap();
    assert_eq!(subnet.zone, "eu-west-1d");
    assert_eq!(subnet.cidr.to_string(), "10.7.128.0/20");
    assert!(!subnet.map_public_ip);
}

#[test]
fn instances_take_turns_among_the_zones_and_may_stay_where_they_are() {
    let graph = drawn("network: {zones: 2}\napp: {image: \"shop:1\", instances: 5}");
    let stands = |name| graph.get::<Instance>(name).unwrap().placement.show();
    let stand: Vec<_> = ["app-1", "app-2", "app-3", "app-4", "app-5"].map(stands).into();
    assert_eq!(stand.join(" ").replace("subnet/private-", ""), "a b a b a");
    assert_eq!(graph.get::<Instance>("app-1").unwrap().placement.allowed.len(), 2);
}

#[test]
fn instances_and_their_registrations_are_replaced_one_after_another() {
    let graph = drawn("app: {image: \"shop:1\", instances: 3}");
    let members: Vec<_> = graph
        .members()
        .map(|(address, member)| format!("{} {} {address}", member.set, member.index))
        .collect();
    assert_snapshot!(members.join("\n"), @r"
    app 0 instance/app-1
    app 0 target/app-1
    app 1 instance/app-2
    app 1 target/app-2
    app 2 instance/app-3
    app 2 target/app-3
    ");
}

#[test]
fn the_app_is_told_of_its_database_once_it_may_read_the_secret() {
    let graph = drawn("database: {engine: postgres}");
    let parameter = graph.get::<Parameter>("app").unwrap();
    assert_eq!(parameter.leave.show(), "role-policy/database");
    let alone = drawn("");
    assert_eq!(alone.get::<Parameter>("app").unwrap().leave.show(), "(none)");
}

#[test]
fn sessions_in_tokens_have_a_key_that_instances_may_read_and_are_told_of_once_it_is_there() {
    let graph = drawn("sessions: {store: token}");
    let parameter = graph.get::<Parameter>("app").unwrap();
    assert_eq!(parameter.session_key.show(), "secret/session-key");
    let own = ":secret:stackctl/shop/session-key-??????";
    let role = |graph: &Graph<Aws>| graph.get::<InstanceRole>("app").unwrap().policy.clone();
    assert!(role(&graph).contains(own), "{}", role(&graph));
    let alone = drawn("");
    assert_eq!(alone.get::<Parameter>("app").unwrap().session_key.show(), "(none)");
    assert!(!role(&alone).contains("secretsmanager"), "{}", role(&alone));
}

#[test]
fn sessions_in_a_table_have_one_that_instances_may_use_and_reach_past_the_nat_gateway() {
    let graph = drawn("network: {nat: per-zone}\nsessions: {store: dynamodb}");
    let parameter = graph.get::<Parameter>("app").unwrap();
    assert_eq!(parameter.table.show(), "dynamodb-table/sessions");
    assert_eq!(parameter.environment.0["SESSION_TABLE"], "shop-sessions");
    let role = graph.get::<InstanceRole>("app").unwrap();
    let own = "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-sessions";
    assert!(role.policy.contains(own), "{}", role.policy);
    let endpoint = graph.get::<VpcEndpoint>("dynamodb").unwrap();
    assert_eq!(endpoint.service, "com.amazonaws.eu-west-1.dynamodb");
    assert_eq!(endpoint.route_tables.show(), "[route-table/private-a, route-table/private-b]");
    let instance = graph.get::<Instance>("app-1").unwrap();
    assert_eq!(instance.endpoints.show(), "[vpc-endpoint/dynamodb, vpc-endpoint/s3]");
}

#[test]
fn instances_reach_s3_past_the_nat_gateway_unless_the_file_wants_no_endpoint() {
    let of = |text: &str| drawn(text).get::<VpcEndpoint>("s3").map(|e| e.route_tables.show());
    assert_eq!(of("").as_deref(), Some("[route-table/private]"));
    assert_eq!(of("network: {nat: none}").as_deref(), Some("[route-table/public]"));
    assert_eq!(of("network: {gateway_endpoints: [dynamodb]}"), None);
    assert!(drawn("sessions: {store: token}").get::<VpcEndpoint>("dynamodb").is_none());
}

#[test]
fn an_instance_is_registered_once_requests_and_the_environment_can_reach_it() {
    let graph = drawn(
        "load_balancer: {certificate: \"arn:aws:acm:eu-west-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef\"}",
    );
    let target = graph.get::<Target>("app-1").unwrap();
    assert_eq!(target.instance.show(), "instance/app-1");
    assert_eq!(target.listeners.show(), "[listener/https]");
    assert_eq!(target.parameter.show(), "parameter/app");
}

#[test]
fn without_a_certificate_requests_are_answered_over_http() {
    let graph = drawn("");
    assert_eq!(names(&graph, &["listener"]), "listener: http");
    let http = graph.get::<Listener>("http").unwrap();
    assert_eq!((http.port, http.action.show()), (80, "forward to target-group/app".into()));
}

#[test]
fn a_certificate_gives_https_and_makes_http_a_redirect_to_it() {
    let graph = drawn(
        "load_balancer: {certificate: \"arn:aws:acm:eu-west-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef\"}",
    );
    let https = graph.get::<Listener>("https").unwrap();
    assert_eq!((https.port, https.action.show()), (443, "forward to target-group/app".into()));
    assert!(https.certificate.is_some());
    let http = graph.get::<Listener>("http").unwrap();
    assert_eq!((http.port, http.action.show()), (80, "redirect to HTTPS".into()));
    assert_eq!(http.https.show(), "listener/https");
    assert_eq!(http.certificate, None);
}

#[test]
fn an_internal_load_balancer_stands_beside_the_instances() {
    let graph = drawn("load_balancer: {scheme: internal}");
    let lb = graph.get::<LoadBalancer>("lb").unwrap();
    assert_eq!(lb.scheme, Scheme::Internal);
    assert_eq!(lb.subnets.show(), "[subnet/private-a, subnet/private-b]");
    let outside = drawn("");
    let lb = outside.get::<LoadBalancer>("lb").unwrap();
    assert_eq!(lb.subnets.show(), "[subnet/public-a, subnet/public-b]");
    assert_eq!(lb.routes.show(), "[route-table/public]");
}

const EVERYTHING: &str = "
load_balancer:
  allow: [10.0.0.0/8, 192.0.2.0/24]
  certificate: arn:aws:acm:eu-west-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef
cache: {engine: valkey}
database: {engine: postgres}
dns: {zone: shop.test, create_zone: true, records: [shop.test, www.shop.test]}
";

#[test]
fn the_stores_stand_in_subnets_of_their_own_without_a_way_out() {
    let graph = drawn(EVERYTHING);
    let kinds = [
        "subnet",
        "route-table",
        "cache-subnet-group",
        "replication-group",
        "db-subnet-group",
        "db-instance",
        "role-policy",
    ];
    assert_snapshot!(names(&graph, &kinds), @r"
    subnet: public-a public-b private-a private-b data-a data-b
    route-table: public private data
    cache-subnet-group: cache
    replication-group: cache
    db-subnet-group: db
    db-instance: db
    role-policy: database
    ");
    let table = graph.get::<crate::kinds::RouteTable>("data").unwrap();
    assert_eq!(table.default_route.show(), "(none)");
}

#[test]
fn each_group_lets_in_the_one_before_it_and_nothing_else() {
    let graph = drawn(EVERYTHING);
    let rules = graph.addresses().filter(|at| at.kind == "security-group-rule").map(|at| {
        let rule = graph.get::<SecurityGroupRule>(&at.name).unwrap();
        let (direction, peer) = (rule.direction, rule.peer.show());
        format!("{}: {} {direction} {} {peer}", at.name, rule.group.show(), rule.port)
    });
    assert_snapshot!(rules.collect::<Vec<_>>().join("\n"), @r"
    lb-in-80-10-0-0-0-8: security-group/lb ingress 80 10.0.0.0/8
    lb-in-80-192-0-2-0-24: security-group/lb ingress 80 192.0.2.0/24
    lb-in-443-10-0-0-0-8: security-group/lb ingress 443 10.0.0.0/8
    lb-in-443-192-0-2-0-24: security-group/lb ingress 443 192.0.2.0/24
    lb-out-3000-to-app: security-group/lb egress 3000 security-group/app
    app-in-3000-from-lb: security-group/app ingress 3000 security-group/lb
    cache-in-6379-from-app: security-group/cache ingress 6379 security-group/app
    database-in-5432-from-app: security-group/database ingress 5432 security-group/app
    ");
}

#[test]
fn nothing_but_the_app_reaches_out() {
    let graph = drawn(EVERYTHING);
    let open: Vec<_> = graph
        .addresses()
        .filter(|at| at.kind == "security-group")
        .filter(|at| graph.get::<SecurityGroup>(&at.name).unwrap().open_egress)
        .map(|at| at.name.to_string())
        .collect();
    assert_eq!(open, ["app"]);
    let out: Vec<_> = graph
        .addresses()
        .filter(|at| at.kind == "security-group-rule")
        .filter(|at| {
            graph.get::<SecurityGroupRule>(&at.name).unwrap().direction == Direction::Egress
        })
        .map(|at| at.name.to_string())
        .collect();
    assert_eq!(out, ["lb-out-3000-to-app"]);
}

#[test]
fn a_valkey_or_redis_cache_is_encrypted_and_fails_over_once_it_has_a_replica() {
    for (engine, replicas) in [("valkey", 0), ("redis", 2)] {
        let graph = drawn(&format!("cache: {{engine: {engine}, replicas: {replicas}}}"));
        let cache = graph.get::<ReplicationGroup>("cache").unwrap();
        assert_eq!(cache.engine.to_string(), engine);
        assert!(cache.encryption_at_rest && cache.encryption_in_transit);
        assert_eq!((cache.replicas, cache.failover), (replicas, replicas > 0));
    }
}

#[test]
fn memcached_has_one_node_more_than_replicas() {
    let graph = drawn("cache: {engine: memcached, replicas: 2}");
    let cache = graph.get::<CacheCluster>("cache").unwrap();
    assert_eq!((cache.nodes, cache.port.0, cache.encryption_in_transit), (3, 11211, true));
    assert!(graph.get::<ReplicationGroup>("cache").is_none());
}

#[test]
fn aurora_is_a_cluster_that_holds_the_data_and_instances_that_serve_it() {
    let graph = drawn("database: {engine: aurora-postgresql, multi_az: true}");
    assert_eq!(
        names(&graph, &["db-cluster", "db-instance"]),
        "db-cluster: db\ndb-instance: db-1 db-2"
    );
    let cluster = graph.get::<DbCluster>("db").unwrap();
    assert!(cluster.protect && cluster.final_snapshot);
    let member = graph.get::<DbInstance>("db-2").unwrap();
    assert_eq!(member.cluster.show(), "db-cluster/db");
    assert_eq!(member.zone, Some("eu-west-1b".into()));
    assert_eq!((&member.version, member.protect, member.storage), (&None, None, None));
    let set = |at: &str| graph.members().find(|(a, _)| a.to_string() == at).map(|(_, m)| m.index);
    assert_eq!((set("db-instance/db-1"), set("db-instance/db-2")), (Some(0), Some(1)));
    let alone = drawn("database: {engine: aurora-mysql}");
    assert_eq!(names(&alone, &["db-instance"]), "db-instance: db-1");
}

#[test]
fn the_app_is_told_where_sessions_live_and_what_the_user_wrote() {
    let text = "app: {image: \"shop:1\", port: 3000, env: {LOG_LEVEL: info}, secrets: {KEY: \
                \"arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-AbCdEf\"}}\ncache: {}";
    let graph = drawn(text);
    let parameter = graph.get::<Parameter>("app").unwrap();
    let told: Vec<_> =
        parameter.environment.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_snapshot!(told.join("\n"), @r"
    LOG_LEVEL=info
    PORT=3000
    SESSION_STORE=redis
    ");
    assert_eq!(parameter.secrets.0.keys().collect::<Vec<_>>(), ["KEY"]);
    assert_eq!(parameter.cache.show(), "replication-group/cache");
    assert_eq!(parameter.database.show(), "(none)");
}

fn sealed(text: &str) -> String {
    match &drawn(text).get::<Instance>("app-1").unwrap().boot {
        Sealed::Open(script) => Sealed::Open(script.clone()).digest(),
        Sealed::Digest(digest) => digest.clone(),
    }
}

#[test]
fn instances_are_made_anew_for_what_they_run_and_for_what_they_are_told() {
    let before = sealed("");
    for text in [
        "app: {image: \"shop:2\"}",
        "app: {image: \"shop:1\", port: 8080}",
        "app: {image: \"shop:1\", env: {A: b}}",
        "app: {image: \"shop:1\", secrets: {A: \"arn:aws:ssm:eu-west-1:123456789012:parameter/a\"}}",
        "sessions: {store: token}",
        "sessions: {store: dynamodb}",
        "cache: {engine: valkey}\nsessions: {store: none}",
        "database: {engine: postgres}",
    ] {
        assert_ne!(sealed(text), before, "{text}");
    }
}

#[test]
fn instances_stay_as_they_are_when_others_change_around_them() {
    let before = sealed("cache: {}\ndatabase: {engine: postgres}");
    for text in [
        "cache: {node_type: cache.m7g.large, replicas: 2}\ndatabase: {engine: postgres}",
        "cache: {}\ndatabase: {engine: postgres, instance_class: db.m7g.large, multi_az: true}",
        "cache: {}\ndatabase: {engine: postgres}\nnetwork: {zones: 3}\ntags: {a: b}",
        "cache: {}\ndatabase: {engine: postgres}\napp: {image: \"shop:1\", instances: 7}",
        "cache: {}\ndatabase: {engine: postgres}\nload_balancer: {stickiness: {cookie: lb}}",
    ] {
        assert_eq!(sealed(text), before, "{text}");
    }
}

#[test]
fn records_go_into_a_zone_of_our_own_or_one_that_was_there() {
    let zone = |graph: &Graph<Aws>| graph.get::<DnsRecord>("www.shop.test").unwrap().zone.clone();
    let graph = drawn(EVERYTHING);
    let kinds = ["hosted-zone", "dns-record"];
    assert_eq!(names(&graph, &kinds), "hosted-zone: main\ndns-record: shop.test www.shop.test");
    assert!(matches!(zone(&graph), ZoneRef::Ours(_)));
    let graph = drawn("dns: {zone: shop.test, records: [www.shop.test]}");
    assert_eq!(names(&graph, &kinds), "dns-record: www.shop.test");
    assert_eq!(zone(&graph), ZoneRef::Theirs("Z0THEIRS".into()));
}

#[test]
fn a_zone_that_is_not_there_is_an_error_that_names_it() {
    let facts = Facts { hosted_zone: None, ..facts() };
    let text = "dns: {zone: shop.test, records: [www.shop.test]}";
    assert_snapshot!(refused(text, &facts), @"account 123456789012 has no public hosted zone shop.test; create it, or let the stack do so with dns.create_zone: true");
}

#[test]
fn a_region_with_too_few_zones_is_an_error_that_counts_them() {
    assert_snapshot!(refused("network: {zones: 4}", &facts()), @"the file asks for 4 availability zones, and region eu-west-1 has 3 for this account (eu-west-1a, eu-west-1b, eu-west-1d); lower network.zones or choose another region");
}

#[test]
fn arns_of_elsewhere_are_an_error_though_the_file_names_neither_region_nor_account() {
    let certificate = |arn: &str| format!("load_balancer: {{certificate: \"{arn}\"}}");
    let secret = |arn: &str| format!("app: {{image: \"shop:1\", secrets: {{A: \"{arn}\"}}}}");
    assert_snapshot!(
        refused(&certificate("arn:aws:acm:us-east-1:123456789012:certificate/a"), &facts()),
        @"load_balancer.certificate is of region us-east-1, and the stack is in account 123456789012, region eu-west-1, partition aws: none of it can be used from elsewhere; write the ARN of one that is there"
    );
    for (text, elsewhere) in [
        (certificate("arn:aws:acm:eu-west-1:999999999999:certificate/a"), "account 999999999999"),
        (secret("arn:aws:ssm:eu-west-2:123456789012:parameter/a"), "region eu-west-2"),
        (secret("arn:aws-cn:ssm:cn-north-1:123456789012:parameter/a"), "partition aws-cn"),
    ] {
        let error = refused(&text, &facts());
        assert!(error.contains(elsewhere), "{error}");
    }
    draw(&spec(&secret("arn:aws:ssm:eu-west-1:999999999999:parameter/a")), &facts()).unwrap();
    draw(&spec(&certificate("arn:aws:acm:eu-west-1:123456789012:certificate/a")), &facts())
        .unwrap();
}

#[test]
fn zones_that_are_named_have_the_subnets_of_their_places() {
    let stands = [(0, "eu-west-1a".into()), (1, "eu-west-1b".into())].into();
    let facts = Facts { stands, ..facts() };
    let named = spec("network: {zones: [eu-west-1a, eu-west-1d]}");
    let graph = draw(&named, &facts).unwrap();
    assert_snapshot!(names(&graph, &OUTSIDE), @r"
    subnet: public-a public-c private-a private-c
    route-table: public private
    elastic-ip: nat-a
    nat-gateway: nat-a
    ");
    let subnet = graph.get::<Subnet>("private-c").unwrap();
    assert_eq!((&*subnet.zone, subnet.cidr.to_string()), ("eu-west-1d", "10.0.32.0/20".into()));
}
