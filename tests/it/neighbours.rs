//! Other things in the account: names that others have are told before anything is written, and
//! stacks whose names begin alike never touch each other.

use crate::{
    cloud::{Cloud, TRUST},
    emulator,
    stackctl::{Desk, REGION, Said},
};
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, LoadBalancerSchemeEnum, ProtocolEnum, Tag,
};
use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};
use aws_sdk_ssm::types::ParameterType;
use stackctl::engine::sealed::digest;

const REDIS: &str = "\
cache: {engine: valkey, replicas: 1}
database: {engine: postgres, version: \"17\", protect: false, final_snapshot: false}
";
const MEMCACHED: &str = "\
cache: {engine: memcached, replicas: 1}
database:
  engine: aurora-postgresql
  version: \"16\"
  instance_class: db.r7g.large
  protect: false
  final_snapshot: false
";

/// A file for a stack of this name, in a network of its own.
fn file(name: &str, net: u8, more: &str) -> String {
    format!(
        "name: {name}\nnetwork: {{cidr: 10.{net}.0.0/16}}\n\
         app: {{image: ghcr.io/acme/shop:1, instances: 1}}\n{more}"
    )
}

/// An account in which somebody else makes things.
struct Account {
    desk: Desk,
    cloud: Cloud,
}

impl Account {
    fn new() -> Self {
        let desk = Desk::new();
        let cloud = Cloud::new(emulator::endpoint(), &desk.account, REGION);
        Self { desk, cloud }
    }

    /// Two subnets in two zones of a VPC of their own.
    async fn subnets(&self) -> [String; 2] {
        let ec2 = &self.cloud.ec2;
        let vpc = ec2.create_vpc().cidr_block("172.16.0.0/16").send().await.unwrap();
        let vpc = vpc.vpc.unwrap().vpc_id.unwrap();
        let mut subnets = Vec::new();
        for (zone, cidr) in [("a", "172.16.0.0/24"), ("b", "172.16.1.0/24")] {
            let call = ec2.create_subnet().vpc_id(&vpc).cidr_block(cidr);
            let made = call.availability_zone(format!("{REGION}{zone}")).send().await.unwrap();
            subnets.push(made.subnet.unwrap().subnet_id.unwrap());
        }
        subnets.try_into().unwrap()
    }

    /// A load balancer of this name, of another stack by its tags.
    async fn load_balancer(&self, name: &str, subnets: &[String; 2]) {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        let call = self.cloud.elb.create_load_balancer().name(name);
        let call = call.scheme(LoadBalancerSchemeEnum::Internal).set_subnets(Some(subnets.into()));
        let call = call.tags(tag("stackctl:stack", "shop-lb"));
        call.tags(tag("stackctl:name", "lb")).send().await.unwrap();
    }

    /// Subnet groups for caches and databases.
    async fn subnet_groups(&self, cache: &str, database: &str, subnets: &[String; 2]) {
        let call = self.cloud.cache.create_cache_subnet_group().cache_subnet_group_name(cache);
        let call = call.cache_subnet_group_description("theirs");
        call.set_subnet_ids(Some(subnets.into())).send().await.unwrap();
        let call = self.cloud.rds.create_db_subnet_group().db_subnet_group_name(database);
        let call = call.db_subnet_group_description("theirs");
        call.set_subnet_ids(Some(subnets.into())).send().await.unwrap();
    }

    async fn role(&self, name: &str) {
        let iam = &self.cloud.iam;
        let call = iam.create_role().role_name(name).assume_role_policy_document(TRUST);
        call.send().await.unwrap();
        iam.create_instance_profile().instance_profile_name(name).send().await.unwrap();
    }

    async fn parameter(&self, name: &str) {
        let call = self.cloud.ssm.put_parameter().name(name).value("theirs");
        call.r#type(ParameterType::String).send().await.unwrap();
    }

    async fn valkey(&self, id: &str) {
        let call = self.cloud.cache.create_replication_group().replication_group_id(id);
        let call = call.replication_group_description("theirs").engine("valkey");
        call.cache_node_type("cache.t4g.micro").num_cache_clusters(1).send().await.unwrap();
    }

    async fn memcached(&self, id: &str) {
        let call = self.cloud.cache.create_cache_cluster().cache_cluster_id(id);
        let call = call.engine("memcached").cache_node_type("cache.t4g.micro");
        call.num_cache_nodes(1).send().await.unwrap();
    }

    async fn postgres(&self, id: &str) {
        let call = self.cloud.rds.create_db_instance().db_instance_identifier(id);
        let call = call.engine("postgres").db_instance_class("db.t4g.micro").allocated_storage(20);
        let call = call.master_username("theirs").master_user_password("correct-horse");
        call.send().await.unwrap();
    }

    async fn aurora(&self, id: &str) {
        let call = self.cloud.rds.create_db_cluster().db_cluster_identifier(id);
        let call = call.engine("aurora-postgresql").master_username("theirs");
        call.master_user_password("correct-horse").send().await.unwrap();
    }

    /// Insists that plan and run end with one error that names all of these, and that nothing is
    /// written.
    async fn refuses(&self, file: &str, names: &[&str]) -> Said {
        let standing = self.cloud.everything().await;
        let plan = self.desk.run(&["plan", file]);
        let up = self.desk.run(&["up", file, "--yes"]);
        for said in [&plan, &up] {
            assert_eq!(said.code, 1, "{}", said.both());
            assert_eq!(said.err.matches("error:").count(), 1, "one error: {}", said.both());
            for name in names {
                assert!(said.err.contains(name), "{name} is missing: {}", said.both());
            }
            let told = said.err.lines().filter(|line| line.starts_with("  ")).count();
            assert_eq!(told, names.len(), "these and no others: {}", said.both());
            assert!(said.err.contains("hint:"), "a remedy: {}", said.both());
        }
        assert_eq!(self.cloud.everything().await, standing);
        plan
    }

    /// The name of the load balancer that the stack `shop` would make.
    fn load_balancer_name() -> String {
        format!("shop-lb-{}", &digest("internet-facing")[..6])
    }
}

#[tokio::test]
async fn every_name_that_others_have_is_told_at_once_and_nothing_is_written() {
    let account = Account::new();
    account.desk.write("shop.yaml", file("shop", 10, REDIS));
    let subnets = account.subnets().await;
    let balancer = Account::load_balancer_name();
    account.load_balancer(&balancer, &subnets).await;
    account.subnet_groups("shop-cache", "shop-db", &subnets).await;
    account.role("shop-app-eu-west-1").await;
    account.parameter("/stackctl/shop/app/env").await;
    account.valkey("shop-cache").await;
    account.postgres("shop-db").await;
    let balancer = format!("load balancer {balancer} (of the stack shop-lb)");
    let names = [
        &*balancer,
        "cache subnet group shop-cache (without a tag of stackctl's)",
        "DB subnet group shop-db (without a tag of stackctl's)",
        "role shop-app-eu-west-1 (without a tag of stackctl's)",
        "instance profile shop-app-eu-west-1 (without a tag of stackctl's)",
        "parameter /stackctl/shop/app/env (without a tag of stackctl's)",
        "replication group shop-cache (",
        "DB instance shop-db (without a tag of stackctl's)",
    ];
    let plan = account.refuses("shop.yaml", &names).await;
    assert!(plan.err.contains("give the stack another name"), "{}", plan.err);
    assert!(!account.desk.path().join(".stackctl").exists(), "nothing is remembered");
    let destroyed = account.desk.run(&["destroy", "--stack", "shop", "--yes"]);
    assert!(!destroyed.both().contains("shop-lb"), "{}", destroyed.both());
}

#[tokio::test]
async fn memcached_aurora_and_its_members_may_have_namesakes_too() {
    let account = Account::new();
    account.desk.write("shop.yaml", file("shop", 10, MEMCACHED));
    account.memcached("shop-cache").await;
    account.aurora("shop-db").await;
    let call = account.cloud.rds.create_db_instance().db_instance_identifier("shop-db-1");
    let call = call.engine("aurora-postgresql").db_instance_class("db.r7g.large");
    call.db_cluster_identifier("shop-db").send().await.unwrap();
    let names = ["cache cluster shop-cache (", "DB cluster shop-db (", "DB instance shop-db-1 ("];
    account.refuses("shop.yaml", &names).await;
}

#[tokio::test]
async fn what_others_put_in_the_place_of_a_part_of_a_standing_stack_is_told() {
    let account = Account::new();
    account.desk.write("shop.yaml", file("shop", 10, ""));
    account.desk.ok(&["up", "shop.yaml", "--yes"]);
    let (elb, ec2) = (&account.cloud.elb, &account.cloud.ec2);
    let arn = account.cloud.target_group("shop-app-").await;
    let group = elb.describe_target_groups().target_group_arns(&arn).send().await.unwrap();
    let group = group.target_groups.unwrap().pop().unwrap();
    let balancer = &group.load_balancer_arns.unwrap()[0];
    let listeners = elb.describe_listeners().load_balancer_arn(balancer).send().await.unwrap();
    for listener in listeners.listeners.unwrap() {
        elb.delete_listener().listener_arn(listener.listener_arn.unwrap()).send().await.unwrap();
    }
    elb.delete_target_group().target_group_arn(arn).send().await.unwrap();
    let (name, vpc) = (group.target_group_name.unwrap(), group.vpc_id.unwrap());
    let call = elb.create_target_group().name(&name).vpc_id(&vpc).port(80);
    let theirs = call.protocol(ProtocolEnum::Http).send().await.unwrap();
    let call = ec2.create_security_group().vpc_id(&vpc).group_name("shop-cache");
    let rules = call.description("theirs").send().await.unwrap();
    account.desk.write("shop.yaml", file("shop", 10, "cache: {engine: valkey, replicas: 0}\n"));
    let target_group = format!("target group {name} (without a tag of stackctl's)");
    let security_group = "security group shop-cache (without a tag of stackctl's)";
    account.refuses("shop.yaml", &[&target_group, security_group]).await;
    let theirs = theirs.target_groups.unwrap().pop().unwrap().target_group_arn.unwrap();
    elb.delete_target_group().target_group_arn(theirs).send().await.unwrap();
    let rules = rules.group_id.unwrap();
    ec2.delete_security_group().group_id(rules).send().await.unwrap();
    account.desk.ok(&["up", "shop.yaml", "--yes"]);
    account.desk.assert_settled("shop.yaml");
    account.desk.ok(&["destroy", "--yes"]);
}

#[tokio::test]
async fn a_listener_of_others_on_the_stacks_load_balancer_stays_and_is_told() {
    let account = Account::new();
    account.desk.write("shop.yaml", file("shop", 10, ""));
    account.desk.ok(&["up", "shop.yaml", "--yes"]);
    let elb = &account.cloud.elb;
    let balancers = elb.describe_load_balancers().send().await.unwrap();
    let balancer = balancers.load_balancers()[0].load_balancer_arn().unwrap();
    let group = account.cloud.target_group("shop-app-").await;
    let forward = Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group).build();
    let call = elb.create_listener().load_balancer_arn(balancer).port(8443);
    let call = call.protocol(ProtocolEnum::Http).default_actions(forward);
    call.tags(Tag::builder().key("owner").value("ops").build()).send().await.unwrap();
    account.desk.assert_settled("shop.yaml");
    let plan = account.desk.run(&["plan", "shop.yaml"]);
    assert!(plan.out.contains("port 8443 is not the stack's"), "{}", plan.both());
    account.desk.ok(&["up", "shop.yaml", "--yes"]);
    let there = elb.describe_listeners().load_balancer_arn(balancer).send().await.unwrap();
    let port = aws_sdk_elasticloadbalancingv2::types::Listener::port;
    let ports: Vec<_> = there.listeners().iter().filter_map(port).collect();
    assert!(ports.contains(&8443), "{ports:?}");
    account.desk.ok(&["destroy", "--yes"]);
}

#[tokio::test]
async fn a_zone_beside_a_public_one_and_a_certificate_that_is_not_issued_are_refused_at_once() {
    let account = Account::new();
    let zone = account.cloud.dns.create_hosted_zone().name("shop.test").caller_reference("theirs");
    let zone = zone.send().await.unwrap().hosted_zone.unwrap().id;
    let dns = "dns: {zone: shop.test, create_zone: true, records: [shop.test]}\n";
    account.desk.write("shop.yaml", file("shop", 10, dns));
    let named =
        format!("public hosted zone shop.test ({})", zone.trim_start_matches("/hostedzone/"));
    let told = account.refuses("shop.yaml", &[&named]).await;
    assert!(told.err.contains("take `create_zone: true` out"), "{}", told.err);

    let certificate = account.cloud.requested_certificate("shop.test").await;
    let balancer = format!("load_balancer: {{certificate: '{certificate}'}}\n");
    account.desk.write("shop.yaml", file("shop", 10, &balancer));
    let told = account.refuses("shop.yaml", &[]).await;
    assert!(told.err.contains("not issued (PENDING_VALIDATION)"), "{}", told.err);
}

#[tokio::test]
async fn records_survive_the_loss_of_the_load_balancer_and_a_maintenance_page_stops_nothing() {
    let account = Account::new();
    let (desk, cloud) = (&account.desk, &account.cloud);
    let zone = cloud.dns.create_hosted_zone().name("shop.test").caller_reference("theirs");
    let zone = zone.send().await.unwrap().hosted_zone.unwrap().id;
    let dns = "dns: {zone: shop.test, records: [shop.test, www.shop.test]}\n";
    desk.write("shop.yaml", file("shop", 10, dns));
    desk.ok(&["up", "shop.yaml", "--yes"]);
    let balancers = cloud.elb.describe_load_balancers().send().await.unwrap();
    let balancer = balancers.load_balancers()[0].load_balancer_arn().unwrap();
    cloud.elb.delete_load_balancer().load_balancer_arn(balancer).send().await.unwrap();
    desk.ok(&["up", "shop.yaml", "--yes"]);
    desk.assert_settled("shop.yaml");
    let balancers = cloud.elb.describe_load_balancers().send().await.unwrap();
    let leads = format!("{}.", balancers.load_balancers()[0].dns_name().unwrap());
    let record = async |name: &str| {
        let mut all = cloud.records(&zone).await;
        all.retain(|r| r.name == name && r.r#type == RrType::A);
        all.remove(0)
    };
    assert_eq!(record("shop.test.").await.alias_target.unwrap().dns_name, leads);

    let page = ResourceRecord::builder().value("203.0.113.7").build().unwrap();
    let page = ResourceRecordSet::builder()
        .name("www.shop.test")
        .r#type(RrType::A)
        .ttl(60)
        .resource_records(page)
        .build()
        .unwrap();
    let change = Change::builder().action(ChangeAction::Upsert).resource_record_set(page);
    let batch = ChangeBatch::builder().changes(change.build().unwrap()).build().unwrap();
    let call = cloud.dns.change_resource_record_sets().hosted_zone_id(&zone);
    call.change_batch(batch).send().await.unwrap();
    desk.write("shop.yaml", file("shop", 10, dns).replace("shop:1", "shop:2"));
    let up = desk.ok(&["up", "shop.yaml", "--yes"]);
    assert!(up.both().contains("pointed elsewhere by hand"), "{}", up.both());
    assert!(record("www.shop.test.").await.alias_target.is_none(), "the page stays");
    desk.ok(&["destroy", "--yes"]);
    let left = cloud.records(&zone).await;
    let left: Vec<_> = left.iter().filter(|r| r.r#type == RrType::A).map(|r| &*r.name).collect();
    assert_eq!(left, ["www.shop.test."], "and it is not the stack's to delete");
}

#[tokio::test]
async fn stacks_whose_names_begin_alike_never_see_each_other() {
    let account = Account::new();
    let desk = &account.desk;
    let before = account.cloud.everything().await;
    desk.write("shop.yaml", file("shop", 10, REDIS));
    desk.write("shop-eu.yaml", file("shop-eu", 20, MEMCACHED));
    // At the same time, so that each sees the other's things while they are coming.
    std::thread::scope(|scope| {
        for name in ["shop.yaml", "shop-eu.yaml"] {
            scope.spawn(move || desk.ok(&["up", name, "--yes"]));
        }
    });
    desk.assert_settled("shop.yaml");
    desk.assert_settled("shop-eu.yaml");
    desk.ok(&["destroy", "--stack", "shop", "--yes"]);
    desk.assert_settled("shop-eu.yaml");
    let alone = account.cloud.everything().await;
    desk.ok(&["up", "shop.yaml", "--yes"]);
    desk.assert_settled("shop-eu.yaml");
    desk.ok(&["destroy", "--stack", "shop", "--yes"]);
    assert_eq!(account.cloud.everything().await, alone);
    desk.ok(&["destroy", "--stack", "shop-eu", "--yes"]);
    assert_eq!(account.cloud.everything().await, before);
}
