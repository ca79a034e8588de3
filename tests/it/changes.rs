//! Changes to a stack that stands: each is planned right, carried out, and followed by an empty plan.

use crate::{
    cloud::Cloud,
    emulator,
    stackctl::{Desk, REGION, Said},
};
use std::collections::BTreeSet;

/// A stack whose file is changed line by line.
struct Stack {
    desk: Desk,
    cloud: Cloud,
    text: String,
}

const BASE: &str = "\
name: shop
app:
  image: ghcr.io/acme/shop:1
  instances: 2
load_balancer:
  stickiness: {cookie: lb, duration: 1h}
  deregistration_delay: 1
";

impl Stack {
    /// Brings the base up, with more sections if given.
    fn up(more: &str) -> Self {
        let desk = Desk::new();
        let cloud = Cloud::new(emulator::endpoint(), &desk.account, REGION);
        let mut stack = Self { desk, cloud, text: format!("{BASE}{more}") };
        stack.becomes(|text| text);
        stack
    }

    fn write(&self) {
        self.desk.write("stack.yaml", &self.text);
    }

    /// Changes the file, insists that the plan sees it, and brings it about.
    fn becomes(&mut self, change: impl FnOnce(String) -> String) -> String {
        self.agreeing(&["--yes"], change)
    }

    /// The same where users are logged out, to which `--yes` alone does not agree.
    fn logs_users_out(&mut self, change: impl FnOnce(String) -> String) -> String {
        let was = self.text.clone();
        self.text = change(was.clone());
        self.write();
        let refused = self.desk.run(&["up", "--yes"]);
        assert_eq!(refused.code, 1, "{}", refused.both());
        assert!(refused.err.contains("--accept-session-loss"), "{}", refused.both());
        let wanted = std::mem::replace(&mut self.text, was);
        self.agreeing(&["--yes", "--accept-session-loss"], |_| wanted)
    }

    fn agreeing(&mut self, flags: &[&str], change: impl FnOnce(String) -> String) -> String {
        self.text = change(std::mem::take(&mut self.text));
        self.write();
        let plan = self.desk.run(&["plan", "--detailed-exitcode"]);
        assert_eq!(plan.code, 2, "the plan sees the change:\n{}", plan.both());
        let up = self.desk.run(&[&["up"], flags].concat());
        assert_eq!(up.code, 0, "plan:\n{}\nup:\n{}", plan.out, up.both());
        self.desk.assert_settled("stack.yaml");
        plan.out
    }

    /// The same, by replacing one piece of text.
    fn with(&mut self, from: &str, to: &str) -> String {
        assert!(self.text.contains(from), "{from}");
        self.becomes(|text| text.replace(from, to))
    }

    /// Tries a change that must be refused before anything is touched, and takes it back.
    async fn refuses(&mut self, from: &str, to: &str) -> Said {
        assert!(self.text.contains(from), "{from}");
        let standing = self.cloud.everything().await;
        self.desk.write("stack.yaml", self.text.replace(from, to));
        let up = self.desk.run(&["up", "--yes"]);
        assert_eq!(up.code, 1, "{}", up.both());
        assert_eq!(self.cloud.everything().await, standing);
        self.write();
        up
    }

    /// All there is but the lock, of which every run leaves its own generation.
    async fn standing(&self) -> BTreeSet<String> {
        let mut all = self.cloud.everything().await;
        all.retain(|id| !id.contains("/lock/"));
        all
    }

    async fn ids(&self) -> BTreeSet<String> {
        let instances = self.cloud.instances("shop").await;
        instances.into_iter().filter_map(|i| i.instance_id).collect()
    }

    /// The cache parameter groups that are not AWS's own.
    async fn parameter_groups(&self) -> Vec<String> {
        let all = self.cloud.cache.describe_cache_parameter_groups().into_paginator();
        let all = all.items().send().collect::<Result<Vec<_>, _>>().await.unwrap();
        let names = all.into_iter().filter_map(|group| group.cache_parameter_group_name);
        names.filter(|name| !name.starts_with("default.")).collect()
    }

    fn destroy(&self) {
        self.desk.ok(&["destroy", "--yes"]);
    }
}

#[tokio::test]
async fn stickiness_and_health_checks_change_in_place() {
    let mut stack = Stack::up("");
    let standing = stack.standing().await;
    stack.with("cookie: lb, duration: 1h", "cookie: app, name: CART, duration: 90s");
    let attributes = stack.cloud.target_group_attributes("shop-").await;
    assert_eq!(attributes["stickiness.type"], "app_cookie");
    assert_eq!(attributes["stickiness.app_cookie.cookie_name"], "CART");
    assert_eq!(attributes["stickiness.app_cookie.duration_seconds"], "90");
    stack.with("{cookie: app, name: CART, duration: 90s}", "off");
    assert_eq!(stack.cloud.target_group_attributes("shop-").await["stickiness.enabled"], "false");
    stack.with(
        "instances: 2\n",
        "instances: 2\n  health_check: {path: /healthz, interval: 20, timeout: 6}\n",
    );
    let arn = stack.cloud.target_group("shop-").await;
    let group = stack.cloud.elb.describe_target_groups().target_group_arns(arn).send().await;
    let group = &group.unwrap().target_groups.unwrap()[0];
    assert_eq!(group.health_check_path(), Some("/healthz"));
    assert_eq!(group.health_check_interval_seconds(), Some(20));
    stack.with(
        "deregistration_delay: 1\n",
        "deregistration_delay: 2\n  idle_timeout: 120\n  algorithm: least_outstanding_requests\n",
    );
    let attributes = stack.cloud.target_group_attributes("shop-").await;
    assert_eq!(attributes["load_balancing.algorithm.type"], "least_outstanding_requests");
    assert_eq!(attributes["deregistration_delay.timeout_seconds"], "2");
    assert_eq!(stack.standing().await, standing, "nothing came and nothing went");
    stack.destroy();
}

#[tokio::test]
async fn instances_come_go_and_roll() {
    let mut stack = Stack::up("");
    let two = stack.ids().await;
    assert_eq!(two.len(), 2);
    stack.with("instances: 2", "instances: 4");
    let four = stack.ids().await;
    assert!(four.len() == 4 && four.is_superset(&two), "the first two stay");
    stack.with("instances: 4", "instances: 1");
    let one = stack.ids().await;
    assert!(one.len() == 1 && one.is_subset(&two), "one of the first stays");
    stack.with("shop:1", "shop:2");
    let rolled = stack.ids().await;
    assert!(rolled.len() == 1 && rolled.is_disjoint(&one), "a new image is a new instance");
    stack.with("instances: 1", "instances: 1\n  instance_type: t4g.medium");
    let instances = stack.cloud.instances("shop").await;
    assert_eq!(instances[0].instance_type().unwrap().as_str(), "t4g.medium");
    stack.with("instances: 1", "instances: 1\n  env: {LOG_LEVEL: debug}");
    assert!(stack.ids().await.is_disjoint(&rolled), "a new environment reaches the app");
    stack.destroy();
}

#[tokio::test]
async fn a_third_zone_and_gateways_per_zone_leave_the_instances_alone() {
    let mut stack = Stack::up("network: {zones: 2}\n");
    let before = stack.ids().await;
    stack.with("zones: 2", "zones: 3");
    assert_eq!(stack.ids().await, before);
    stack.with("zones: 3", "zones: 3, nat: per-zone");
    assert_eq!(stack.ids().await, before);
    stack.with("zones: 3, nat: per-zone", "zones: 2");
    assert_eq!(stack.ids().await, before);
    stack.destroy();
}

#[tokio::test]
async fn a_cache_comes_grows_and_goes_but_never_moves() {
    let mut stack = Stack::up("");
    let small = "cache: {engine: redis, version: \"7.1\", replicas: 0}\n";
    stack.becomes(|text| text + small);
    stack.with("replicas: 0", "replicas: 2");
    let groups = stack.cloud.cache.describe_replication_groups().send().await.unwrap();
    assert_eq!(groups.replication_groups()[0].member_clusters().len(), 3);
    stack.with("replicas: 2", "replicas: 1");
    assert_eq!(stack.parameter_groups().await, ["shop-cache-redis7"]);
    stack.with("engine: redis, version: \"7.1\"", "engine: valkey, version: \"7.2\"");
    stack.with("version: \"7.2\"", "version: \"8.0\"");
    assert_eq!(stack.parameter_groups().await, ["shop-cache-valkey8"]);
    stack.with("replicas: 1", "replicas: 1, maxmemory_policy: volatile-ttl");
    stack.with("replicas: 1", "replicas: 1, node_type: cache.t4g.small");
    let refused = stack.refuses("replicas: 1", "replicas: 1, port: 6380").await;
    assert!(refused.both().contains("every session in it"), "{}", refused.both());
    let refused =
        stack.refuses("engine: valkey, version: \"8.0\"", "engine: redis, version: \"7.1\"");
    assert!(refused.await.both().contains("every session in it"));
    let plan = stack.logs_users_out(|text| {
        text.lines().filter(|l| !l.starts_with("cache")).collect::<Vec<_>>().join("\n") + "\n"
    });
    assert!(plan.contains("replication-group/cache"), "{plan}");
    assert!(stack.parameter_groups().await.is_empty());
    stack.destroy();
}

#[tokio::test]
async fn a_database_comes_and_grows_but_never_shrinks_or_loses_its_data() {
    let mut stack = Stack::up("");
    let database = "database: {engine: postgres, storage: 20, protect: true, name: app}\n";
    stack.becomes(|text| text + database);
    stack.with("storage: 20", "storage: 20, instance_class: db.t4g.small");
    stack.with("storage: 20", "storage: 40");
    stack.with("storage: 40", "storage: 40, multi_az: true");
    // A disk grows by a tenth at least.
    stack.with("storage: 40", "storage: 42");
    stack.with("storage: 42", "storage: 42, max_storage: 100");
    // Storage can only grow: a disk with more than the file asks for is as it is wanted.
    stack.desk.write("stack.yaml", stack.text.replace("storage: 42", "storage: 30"));
    stack.desk.assert_settled("stack.yaml");
    stack.write();
    let refused = stack.refuses("name: app", "name: other").await;
    assert!(refused.both().contains("its data"), "{}", refused.both());
    let line = stack.text.lines().last().unwrap().to_owned() + "\n";
    let refused = stack.refuses(&line, "").await;
    assert!(refused.both().contains("protect"), "{}", refused.both());
    stack.with("protect: true", "protect: false");
    stack.becomes(|text| text.replace(&line.replace("protect: true", "protect: false"), ""));
    let snapshots = stack.cloud.rds.describe_db_snapshots().send().await.unwrap();
    assert_eq!(snapshots.db_snapshots().len(), 1, "the final snapshot is kept");
    stack.destroy();
}

#[tokio::test]
async fn what_would_cost_a_store_its_place_or_its_data_is_refused_before_anything_is_touched() {
    let stores = "\
network: {cidr: 10.0.0.0/16, zones: 3}
cache: {engine: valkey, replicas: 2}
database: {engine: postgres, version: \"17\", protect: false, final_snapshot: false}
";
    let mut stack = Stack::up(stores);
    for (from, to, told) in [
        ("cidr: 10.0.0.0/16", "cidr: 10.1.0.0/16", "cidr"),
        ("zones: 3", "zones: 2", "shop-cache"),
        ("engine: postgres, version: \"17\"", "engine: mysql, version: \"8.4\"", "its data"),
        (
            "engine: postgres, version: \"17\"",
            "engine: aurora-postgresql, version: \"16\", instance_class: db.r7g.large",
            "what is in this database",
        ),
        ("engine: valkey, replicas: 2", "engine: memcached, replicas: 2", "what is in this cache"),
    ] {
        let refused = stack.refuses(from, to).await;
        assert!(refused.err.contains(told), "{to}: {}", refused.both());
    }
    stack.destroy();
}

#[tokio::test]
async fn a_load_balancer_of_another_scheme_takes_the_place_of_the_one_before() {
    let mut stack = Stack::up("");
    let two = stack.ids().await;
    let plan = stack.with("load_balancer:\n", "load_balancer:\n  scheme: internal\n");
    assert!(plan.contains("load-balancer/lb"), "{plan}");
    assert_eq!(stack.ids().await, two, "the instances stay");
    stack.destroy();
}

#[tokio::test]
async fn names_tags_and_certificates_come_and_go() {
    let mut stack = Stack::up("tags: {team: checkout}\n");
    stack.with("team: checkout", "team: payments, cost-center: \"42\"");
    let instance = &stack.cloud.instances("shop").await[0];
    let tag = |key| instance.tags().iter().find(|t| t.key() == Some(key)).and_then(|t| t.value());
    assert_eq!((tag("team"), tag("cost-center")), (Some("payments"), Some("42")));
    stack.with(", cost-center: \"42\"", "");
    let dns = "dns: {zone: stackctl.test, create_zone: true, records: [shop.stackctl.test]}\n";
    stack.becomes(|text| text + dns);
    stack.with("[shop.stackctl.test]", "[shop.stackctl.test, www.stackctl.test]");
    stack.with("[shop.stackctl.test, www.stackctl.test]", "[www.stackctl.test]");
    let certificate = stack.cloud.certificate().await;
    stack.with("load_balancer:\n", &format!("load_balancer:\n  certificate: {certificate}\n"));
    let line = format!("  certificate: {certificate}\n");
    let strict = format!("{line}  hsts: 30d\n  tls_policy: ELBSecurityPolicy-TLS13-1-3-2021-06\n");
    stack.with(&line, &strict);
    stack.with("  hsts: 30d\n", "");
    stack.with("  tls_policy: ELBSecurityPolicy-TLS13-1-3-2021-06\n", "");
    stack.with(
        &line,
        &format!("{line}  protect: true\n  access_logs: {{bucket: logs, prefix: a}}\n"),
    );
    stack.with("  access_logs: {bucket: logs, prefix: a}\n", "");
    stack.with("  protect: true\n", "  protect: false\n");
    let plan = stack.logs_users_out(|text| text.replace(&line, ""));
    assert!(plan.contains("listener/https"), "{plan}");
    stack.becomes(|text| text.replace(&dns.replace("shop.stackctl.test", "www.stackctl.test"), ""));
    stack.destroy();
}

#[tokio::test]
async fn what_the_app_may_do_in_aws_changes_without_a_new_instance() {
    let mut stack = Stack::up("");
    let before = stack.ids().await;
    let rights = |policies: &str, action: &str| {
        format!(
            "app:\n  policies: [{policies}]\n  statements: [{{Effect: Allow, Action: {action}, \
             Resource: '*'}}]\n"
        )
    };
    let xray = rights("'arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess'", "s3:GetObject");
    let reader = rights("'arn:aws:iam::aws:policy/ReadOnlyAccess'", "s3:GetObject");
    let fewer = rights("'arn:aws:iam::aws:policy/ReadOnlyAccess'", "s3:PutObject");
    let said = stack.with("app:\n", &xray);
    assert!(said.contains("managed_policies"), "{said}");
    stack.with(&xray, &reader);
    stack.with(&reader, &fewer);
    stack.with(&fewer, "app:\n");
    assert_eq!(stack.ids().await, before);
    stack.destroy();
}

/// The identifier of the only snapshot that RDS has.
fn only(snapshots: &[String]) -> String {
    let [one] = snapshots else { panic!("{snapshots:?}") };
    one.clone()
}

/// Takes a database away, and brings it back from the snapshot that it has left behind.
async fn comes_back(engine: &str, kind: &str) {
    let database = format!("database: {{engine: {engine}, protect: false}}\n");
    let mut stack = Stack::up(&database);
    stack.becomes(|text| text.replace(&database, ""));
    let snapshot = only(&stack.cloud.snapshots(kind).await);
    let from =
        |id: &str| format!("database: {{engine: {engine}, protect: false, from_snapshot: {id}}}\n");
    let refused = stack.refuses("app:\n", &format!("{}app:\n", from("nowhere"))).await;
    assert!(refused.both().contains("snapshot nowhere in"), "{}", refused.both());
    stack.becomes(|text| text + &from(&snapshot));
    let refused = stack.refuses(&from(&snapshot), &from("another")).await;
    assert!(refused.both().contains("stands already"), "{}", refused.both());
    let windows = "backup_window: '01:00-02:00', maintenance_window: 'sun:03:00-sun:04:00'";
    let more = format!("backup_days: 3, {windows}");
    stack.with(&from(&snapshot), &database.replace("protect: false", &more));
    stack.desk.ok(&["destroy", "--yes", "--unprotect"]);
}

#[tokio::test]
async fn a_database_comes_back_from_its_final_snapshot() {
    comes_back("postgres, version: \"17\"", "instance").await;
}

#[tokio::test]
async fn an_aurora_cluster_comes_back_from_its_final_snapshot() {
    comes_back("aurora-mysql", "cluster").await;
}
