//! What `demo.yaml` says, looked for in the cloud itself, attribute by attribute.

use crate::{
    cloud::{Cloud, permissions},
    emulator,
    stackctl::{Desk, REGION},
};
use aws_sdk_ec2::types::{InstanceAttributeName, RouteTable, VpcAttributeName};
use aws_sdk_elasticloadbalancingv2::types::LoadBalancer;
use aws_sdk_route53::types::{ResourceRecordSet, RrType, TagResourceType};
use aws_sdk_ssm::types::ResourceTypeForTagging;
use std::collections::{BTreeMap, BTreeSet};

const IMAGE: &str = "public.ecr.aws/docker/library/nginx:1.28";
const ANYWHERE: &str = "0.0.0.0/0";

/// The stack that stands, and the id of everything of it in EC2, by `<kind>/<name>`.
struct Demo {
    cloud: Cloud,
    ids: BTreeMap<String, String>,
}

fn set<T: Into<String>>(items: impl IntoIterator<Item = T>) -> BTreeSet<String> {
    items.into_iter().map(Into::into).collect()
}

/// The name that these tags give to a resource of the stack; each service has tags of its own type.
macro_rules! name {
    ($tags:expr) => {{
        let tags: BTreeMap<String, String> = $tags
            .iter()
            .filter_map(|tag| {
                let (key, value): (Option<&str>, Option<&str>) =
                    (tag.key().into(), tag.value().into());
                Some((key?.to_owned(), value?.to_owned()))
            })
            .collect();
        assert_eq!(tags["stackctl:stack"], "demo");
        tags["stackctl:name"].clone()
    }};
}

#[tokio::test]
async fn everything_that_the_demo_says_is_there() {
    let desk = Desk::new();
    let cloud = Cloud::new(emulator::endpoint(), &desk.account, REGION);
    let before = cloud.everything().await;
    let file = format!("{}/stacks/demo.yaml", env!("CARGO_MANIFEST_DIR"));
    desk.ok(&["up", &file]);

    let ids = cloud.tagged_in_ec2("demo").await;
    let demo = Demo { cloud, ids };
    demo.ec2_bears_the_names();
    demo.network().await;
    demo.firewall().await;
    demo.instances().await;
    demo.load_balancer().await;
    demo.target_group().await;
    demo.cache().await;
    demo.database().await;
    demo.names().await;
    demo.role().await;
    demo.environment().await;

    desk.ok(&["destroy", "--yes"]);
    assert_eq!(demo.cloud.everything().await, before);
}

impl Demo {
    fn id(&self, what: &str) -> &str {
        self.ids.get(what).unwrap_or_else(|| panic!("there is no {what}: {:#?}", self.ids))
    }

    fn ids<const N: usize>(&self, what: [&str; N]) -> BTreeSet<String> {
        what.into_iter().map(|what| self.id(what).to_owned()).collect()
    }

    fn ec2_bears_the_names(&self) {
        let wanted = "
            elastic-ip/nat-a instance/app-1 instance/app-2 internet-gateway/main natgateway/nat-a
            network-interface/app-1 network-interface/app-2 route-table/data route-table/private
            route-table/public security-group-rule/app-in-80-from-lb
            security-group-rule/cache-in-6379-from-app security-group-rule/database-in-5432-from-app
            security-group-rule/lb-in-80-0-0-0-0-0 security-group-rule/lb-out-80-to-app
            security-group/app security-group/cache security-group/database security-group/lb
            subnet/data-a subnet/data-b subnet/private-a subnet/private-b subnet/public-a
            subnet/public-b volume/app-1 volume/app-2 vpc-endpoint/s3 vpc/main";
        assert_eq!(set(self.ids.keys().cloned()), set(wanted.split_whitespace()));
    }

    async fn network(&self) {
        let (ec2, vpc) = (&self.cloud.ec2, self.id("vpc/main"));
        let vpcs = ec2.describe_vpcs().vpc_ids(vpc).send().await.unwrap();
        assert_eq!(vpcs.vpcs()[0].cidr_block(), Some("10.0.0.0/16"));
        let call = ec2.describe_vpc_attribute().vpc_id(vpc);
        let answer = call.attribute(VpcAttributeName::EnableDnsHostnames).send().await.unwrap();
        assert_eq!(answer.enable_dns_hostnames().unwrap().value(), Some(true));

        for (name, zone, cidr) in [
            ("public-a", "eu-west-1a", "10.0.96.0/20"),
            ("public-b", "eu-west-1b", "10.0.112.0/20"),
            ("private-a", "eu-west-1a", "10.0.0.0/20"),
            ("private-b", "eu-west-1b", "10.0.16.0/20"),
            ("data-a", "eu-west-1a", "10.0.208.0/21"),
            ("data-b", "eu-west-1b", "10.0.216.0/21"),
        ] {
            let id = self.id(&format!("subnet/{name}"));
            let subnets = ec2.describe_subnets().subnet_ids(id).send().await.unwrap();
            let subnet = &subnets.subnets()[0];
            assert_eq!(subnet.vpc_id(), Some(vpc), "{name}");
            assert_eq!(subnet.availability_zone(), Some(zone), "{name}");
            assert_eq!(subnet.cidr_block(), Some(cidr), "{name}");
            assert_eq!(subnet.map_public_ip_on_launch(), Some(false), "{name}");
        }

        let (internet, nat) = (self.id("internet-gateway/main"), self.id("natgateway/nat-a"));
        assert_eq!(self.ways_out("public").await, set([format!("{ANYWHERE} {internet}")]));
        let s3 = self.id("vpc-endpoint/s3");
        let ways = set([format!("{ANYWHERE} {nat}"), format!("? {s3}")]);
        assert_eq!(self.ways_out("private").await, ways, "? is the prefix list of S3");
        assert_eq!(self.ways_out("data").await, BTreeSet::new());
        let gateways = ec2.describe_nat_gateways().nat_gateway_ids(nat).send().await.unwrap();
        let gateway = &gateways.nat_gateways()[0];
        assert_eq!(gateway.subnet_id(), Some(self.id("subnet/public-a")));
        let address = gateway.nat_gateway_addresses()[0].allocation_id();
        assert_eq!(address, Some(self.id("elastic-ip/nat-a")));
    }

    /// Where a tier's route table leads beside the VPC itself. It must be the tier's, and only its.
    async fn ways_out(&self, tier: &str) -> BTreeSet<String> {
        let id = self.id(&format!("route-table/{tier}"));
        let call = self.cloud.ec2.describe_route_tables().route_table_ids(id);
        let tables = call.send().await.unwrap();
        let table: &RouteTable = &tables.route_tables()[0];
        let subnets = table.associations().iter().filter_map(|a| a.subnet_id());
        let [a, b] = ["a", "b"].map(|zone| format!("subnet/{tier}-{zone}"));
        assert_eq!(set(subnets), self.ids([&a, &b]), "{tier}");
        let ways = table.routes().iter().filter(|r| r.gateway_id() != Some("local"));
        ways.map(|route| {
            let next = route.gateway_id().or(route.nat_gateway_id()).unwrap_or("elsewhere");
            format!("{} {next}", route.destination_cidr_block().unwrap_or("?"))
        })
        .collect()
    }

    async fn firewall(&self) {
        let (lb, app) = (self.id("security-group/lb"), self.id("security-group/app"));
        let everywhere = format!("-1 {ANYWHERE}");
        let from_app = |port: u16| format!("tcp {port}-{port} {app}");
        for (name, inwards, outwards) in [
            ("lb", format!("tcp 80-80 {ANYWHERE}"), vec![from_app(80)]),
            ("app", format!("tcp 80-80 {lb}"), vec![everywhere]),
            ("cache", from_app(6379), vec![]),
            ("database", from_app(5432), vec![]),
        ] {
            let id = self.id(&format!("security-group/{name}"));
            let call = self.cloud.ec2.describe_security_groups().group_ids(id);
            let groups = call.send().await.unwrap();
            let group = &groups.security_groups()[0];
            assert_eq!(permissions(group.ip_permissions()), set([inwards]), "into {name}");
            assert_eq!(permissions(group.ip_permissions_egress()), set(outwards), "out of {name}");
        }
    }

    async fn instances(&self) {
        let instances = self.cloud.instances("demo").await;
        let ids = instances.iter().filter_map(|i| i.instance_id());
        assert_eq!(set(ids), self.ids(["instance/app-1", "instance/app-2"]));
        let subnets = instances.iter().filter_map(|i| i.subnet_id());
        assert_eq!(set(subnets), self.ids(["subnet/private-a", "subnet/private-b"]));
        for instance in &instances {
            assert_eq!(instance.instance_type().unwrap().as_str(), "t4g.small");
            assert_eq!(instance.architecture().unwrap().as_str(), "arm64");
            assert_eq!(instance.public_ip_address(), None);
            let groups = instance.security_groups().iter().filter_map(|g| g.group_id());
            assert_eq!(set(groups), self.ids(["security-group/app"]));
            let metadata = instance.metadata_options().unwrap();
            assert_eq!(metadata.http_endpoint().unwrap().as_str(), "enabled");
            assert_eq!(metadata.http_tokens().unwrap().as_str(), "required");
            assert_eq!(metadata.http_put_response_hop_limit(), Some(2));
            let profile = instance.iam_instance_profile().unwrap().arn().unwrap();
            assert!(profile.ends_with("instance-profile/demo-app-eu-west-1"), "{profile}");
            let tag = |key| instance.tags().iter().find(|t| t.key() == Some(key))?.value();
            assert_eq!(tag("stackctl:image"), Some(IMAGE));
            assert_eq!(tag("Name"), Some(&*format!("demo-{}", name!(instance.tags()))));
        }
        for name in ["volume/app-1", "volume/app-2"] {
            let call = self.cloud.ec2.describe_volumes().volume_ids(self.id(name));
            let volumes = call.send().await.unwrap();
            let volume = &volumes.volumes()[0];
            assert_eq!(volume.encrypted(), Some(true), "{name}");
            assert_eq!(volume.volume_type().unwrap().as_str(), "gp3", "{name}");
        }
    }

    async fn balancer(&self) -> LoadBalancer {
        let answer = self.cloud.elb.describe_load_balancers().send().await.unwrap();
        assert_eq!(answer.load_balancers().len(), 1);
        answer.load_balancers()[0].clone()
    }

    /// The name of a load balancer, target group or listener.
    async fn name_in_elb(&self, arn: &str) -> String {
        let answer = self.cloud.elb.describe_tags().resource_arns(arn).send().await.unwrap();
        name!(answer.tag_descriptions()[0].tags())
    }

    async fn load_balancer(&self) {
        let balancer = self.balancer().await;
        assert_eq!(balancer.scheme().unwrap().as_str(), "internet-facing");
        assert_eq!(balancer.r#type().unwrap().as_str(), "application");
        let subnets = balancer.availability_zones().iter().filter_map(|z| z.subnet_id());
        assert_eq!(set(subnets), self.ids(["subnet/public-a", "subnet/public-b"]));
        assert_eq!(set(balancer.security_groups()), self.ids(["security-group/lb"]));
        let (elb, arn) = (&self.cloud.elb, balancer.load_balancer_arn().unwrap());
        assert_eq!(self.name_in_elb(arn).await, "lb");

        let call = elb.describe_load_balancer_attributes().load_balancer_arn(arn);
        let answer = call.send().await.unwrap();
        let attribute = |key| answer.attributes().iter().find(|a| a.key() == Some(key))?.value();
        assert_eq!(attribute("idle_timeout.timeout_seconds"), Some("60"));
        assert_eq!(attribute("routing.http.drop_invalid_header_fields.enabled"), Some("true"));

        let listeners = elb.describe_listeners().load_balancer_arn(arn).send().await.unwrap();
        let [listener] = listeners.listeners() else { panic!("{listeners:?}") };
        assert_eq!(listener.port(), Some(80));
        assert_eq!(listener.protocol().unwrap().as_str(), "HTTP");
        let [action] = listener.default_actions() else { panic!("{listener:?}") };
        assert_eq!(action.r#type().unwrap().as_str(), "forward");
        let group = self.cloud.target_group("demo-").await;
        assert_eq!(action.target_group_arn(), Some(&*group));
        assert_eq!(self.name_in_elb(listener.listener_arn().unwrap()).await, "http");
    }

    async fn target_group(&self) {
        let (elb, arn) = (&self.cloud.elb, self.cloud.target_group("demo-").await);
        assert_eq!(self.name_in_elb(&arn).await, "app");
        let groups = elb.describe_target_groups().target_group_arns(&arn).send().await.unwrap();
        let group = &groups.target_groups()[0];
        assert_eq!(group.port(), Some(80));
        assert_eq!(group.protocol().unwrap().as_str(), "HTTP");
        assert_eq!(group.vpc_id(), Some(self.id("vpc/main")));
        assert_eq!(group.health_check_path(), Some("/"));
        assert_eq!(group.health_check_interval_seconds(), Some(15));
        assert_eq!(group.health_check_timeout_seconds(), Some(5));
        assert_eq!(group.healthy_threshold_count(), Some(2));
        assert_eq!(group.unhealthy_threshold_count(), Some(2));
        assert_eq!(group.matcher().unwrap().http_code(), Some("200"));

        let attributes = self.cloud.target_group_attributes("demo-").await;
        assert_eq!(attributes["stickiness.enabled"], "true");
        assert_eq!(attributes["stickiness.type"], "lb_cookie");
        assert_eq!(attributes["stickiness.lb_cookie.duration_seconds"], "3600");
        assert_eq!(attributes["deregistration_delay.timeout_seconds"], "30");

        let health = elb.describe_target_health().target_group_arn(&arn).send().await.unwrap();
        let targets = health.target_health_descriptions();
        let ids = targets.iter().filter_map(|t| t.target()?.id());
        assert_eq!(set(ids), self.ids(["instance/app-1", "instance/app-2"]));
        for target in targets {
            assert_eq!(target.target().unwrap().port(), Some(80));
            let state = target.target_health().unwrap().state().unwrap();
            assert_eq!(state.as_str(), "healthy");
        }
    }

    async fn cache(&self) {
        let cache = &self.cloud.cache;
        let groups = cache.describe_replication_groups().send().await.unwrap();
        let [group] = groups.replication_groups() else { panic!("{groups:?}") };
        assert_eq!(group.engine(), Some("valkey"));
        assert_eq!(group.cache_node_type(), Some("cache.t4g.micro"));
        assert_eq!(group.member_clusters().len(), 2);
        assert_eq!(group.automatic_failover().unwrap().as_str(), "enabled");
        assert_eq!(group.transit_encryption_enabled(), Some(true));
        assert_eq!(group.at_rest_encryption_enabled(), Some(true));
        for member in group.member_clusters() {
            let call = cache.describe_cache_clusters().cache_cluster_id(member);
            let clusters = call.send().await.unwrap();
            let cluster = &clusters.cache_clusters()[0];
            let firewall = cluster.security_groups().iter().filter_map(|g| g.security_group_id());
            assert_eq!(set(firewall), self.ids(["security-group/cache"]));
            assert_eq!(cluster.cache_subnet_group_name(), Some("demo-cache"));
        }
        let places = cache.describe_cache_subnet_groups().cache_subnet_group_name("demo-cache");
        let places = places.send().await.unwrap();
        let place = &places.cache_subnet_groups()[0];
        let subnets = place.subnets().iter().filter_map(|s| s.subnet_identifier());
        assert_eq!(set(subnets), self.ids(["subnet/data-a", "subnet/data-b"]));
        for arn in [group.arn(), place.arn()] {
            let call = cache.list_tags_for_resource().resource_name(arn.unwrap());
            assert_eq!(name!(call.send().await.unwrap().tag_list()), "cache");
        }
    }

    async fn database(&self) {
        let rds = &self.cloud.rds;
        let databases = rds.describe_db_instances().send().await.unwrap();
        let [database] = databases.db_instances() else { panic!("{databases:?}") };
        assert_eq!(database.db_instance_class(), Some("db.t4g.micro"));
        assert_eq!(database.engine(), Some("postgres"));
        assert!(database.engine_version().unwrap().starts_with("17."));
        assert_eq!(database.allocated_storage(), Some(20));
        assert_eq!(database.multi_az(), Some(false));
        assert_eq!(database.storage_encrypted(), Some(true));
        assert_eq!(database.publicly_accessible(), Some(false));
        assert_eq!(database.backup_retention_period(), Some(7));
        assert_eq!(database.deletion_protection(), Some(false));
        assert!(database.master_user_secret().and_then(|s| s.secret_arn()).is_some());
        let firewall = database.vpc_security_groups().iter();
        let firewall = firewall.filter_map(|g| g.vpc_security_group_id());
        assert_eq!(set(firewall), self.ids(["security-group/database"]));
        let place = database.db_subnet_group().unwrap();
        let subnets = place.subnets().iter().filter_map(|s| s.subnet_identifier());
        assert_eq!(set(subnets), self.ids(["subnet/data-a", "subnet/data-b"]));
        for arn in [database.db_instance_arn(), place.db_subnet_group_arn()] {
            let call = rds.list_tags_for_resource().resource_name(arn.unwrap());
            assert_eq!(name!(call.send().await.unwrap().tag_list()), "db");
        }
    }

    async fn names(&self) {
        let dns = &self.cloud.dns;
        let zones = dns.list_hosted_zones().send().await.unwrap();
        let [zone] = zones.hosted_zones() else { panic!("{zones:?}") };
        assert_eq!(zone.name(), "demo.stackctl.test.");
        let balancer = self.balancer().await;
        let mut ours = self.cloud.records(zone.id()).await;
        ours.retain(|r| !matches!(r.r#type(), RrType::Ns | RrType::Soa));
        let names = ours.iter().map(ResourceRecordSet::name);
        assert_eq!(set(names), set(["demo.stackctl.test.", "www.demo.stackctl.test."]));
        for record in &ours {
            assert_eq!(*record.r#type(), RrType::A);
            let alias = record.alias_target().unwrap();
            let to = alias.dns_name().trim_end_matches('.').trim_start_matches("dualstack.");
            assert_eq!(Some(to), balancer.dns_name());
            assert_eq!(Some(alias.hosted_zone_id()), balancer.canonical_hosted_zone_id());
        }
        let id = zone.id().trim_start_matches("/hostedzone/");
        let call = dns.list_tags_for_resource().resource_type(TagResourceType::Hostedzone);
        let answer = call.resource_id(id).send().await.unwrap();
        assert_eq!(name!(answer.resource_tag_set().unwrap().tags()), "main");
    }

    async fn role(&self) {
        let (iam, name) = (&self.cloud.iam, "demo-app-eu-west-1");
        let profile = iam.get_instance_profile().instance_profile_name(name).send().await.unwrap();
        let profile = profile.instance_profile().unwrap();
        let [role] = profile.roles() else { panic!("{profile:?}") };
        assert_eq!(role.role_name(), name);
        assert_eq!(name!(profile.tags()), "app");
        let answer = iam.list_role_tags().role_name(name).send().await.unwrap();
        assert_eq!(name!(answer.tags()), "app");
    }

    /// What the app is told stands in the parameter, and none of it in what an instance is
    /// started with.
    async fn environment(&self) {
        let (ssm, name) = (&self.cloud.ssm, "/stackctl/demo/app/env");
        let answer = ssm.get_parameter().name(name).send().await.unwrap();
        let text = answer.parameter().unwrap().value().unwrap();
        let told: BTreeMap<_, _> = text.lines().filter_map(|line| line.split_once('=')).collect();
        let groups = self.cloud.cache.describe_replication_groups().send().await.unwrap();
        let node = groups.replication_groups()[0].node_groups()[0].primary_endpoint().unwrap();
        let databases = self.cloud.rds.describe_db_instances().send().await.unwrap();
        let database = &databases.db_instances()[0];
        let (node, host) = (node.address().unwrap(), database.endpoint().unwrap().address());
        let secret = database.master_user_secret().unwrap().secret_arn().unwrap();
        assert_eq!(told["REDIS_URL"], format!("rediss://{node}:6379"));
        assert_eq!(Some(told["DATABASE_HOST"]), host);
        assert_eq!(told["DATABASE_PORT"], "5432");
        assert_eq!(told["DATABASE_SECRET_ARN"], secret);
        assert_eq!(told["SESSION_STORE"], "redis");
        assert_eq!(told["LOG_LEVEL"], "info");
        assert!(!told.keys().any(|key| key.contains("PASSWORD")), "{text}");
        let tags = ssm.list_tags_for_resource().resource_type(ResourceTypeForTagging::Parameter);
        assert_eq!(name!(tags.resource_id(name).send().await.unwrap().tag_list()), "app");

        for instance in ["instance/app-1", "instance/app-2"] {
            let call = self.cloud.ec2.describe_instance_attribute().instance_id(self.id(instance));
            let answer = call.attribute(InstanceAttributeName::UserData).send().await.unwrap();
            let script = answer.user_data().unwrap().value().unwrap();
            let script = aws_smithy_types::base64::decode(script).unwrap();
            assert!(script.len() <= 16 * 1024, "EC2 takes no more: {}", script.len());
            let script = String::from_utf8(script).unwrap();
            assert!(script.starts_with("#!") && script.contains(IMAGE), "{script}");
            assert!(script.contains(name), "{script}");
            for hidden in [node, host.unwrap(), secret, "LOG_LEVEL"] {
                assert!(!script.contains(hidden), "{hidden} is in the user data: {script}");
            }
        }
    }
}
