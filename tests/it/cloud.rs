//! The emulator asked directly, with SDK calls of the tests' own: what stackctl says of itself does
//! not count.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::types::{Filter, InstanceStateName, IpPermission, NatGatewayState};
use aws_sdk_elasticloadbalancingv2::types::TargetHealthStateEnum;
use aws_sdk_route53::types::ResourceRecordSet;
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_types::Blob;
use std::collections::{BTreeMap, BTreeSet};

/// Who may take on a role of others.
pub(crate) const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}"#;

/// One account on the emulator.
pub(crate) struct Cloud {
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) elb: aws_sdk_elasticloadbalancingv2::Client,
    pub(crate) cache: aws_sdk_elasticache::Client,
    pub(crate) rds: aws_sdk_rds::Client,
    pub(crate) dns: aws_sdk_route53::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
    secrets: aws_sdk_secretsmanager::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    acm: aws_sdk_acm::Client,
}

/// Every item of a paginated listing.
macro_rules! all {
    ($call:expr) => {{
        let items = $call.into_paginator().items().send();
        items.collect::<Result<Vec<_>, _>>().await.unwrap()
    }};
}

/// One field of every item of a paginated listing.
macro_rules! each {
    ($call:expr, $field:ident) => {
        all!($call)
            .into_iter()
            .filter_map(|item| item.$field().map(str::to_owned))
            .collect::<Vec<_>>()
    };
}

impl Cloud {
    /// The account with these 12 digits at this endpoint.
    pub(crate) fn new(endpoint: &str, account: &str, region: &str) -> Self {
        let keys = Credentials::new(account, "test", None, None, "tests");
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .http_client(http)
            .endpoint_url(endpoint)
            .build();
        Self {
            ec2: aws_sdk_ec2::Client::new(&config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            cache: aws_sdk_elasticache::Client::new(&config),
            rds: aws_sdk_rds::Client::new(&config),
            dns: aws_sdk_route53::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            ssm: aws_sdk_ssm::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            acm: aws_sdk_acm::Client::new(&config),
        }
    }

    /// The id or name of everything in the account, whoever made it. Two equal answers mean that
    /// nothing was left and nothing was taken in between.
    pub(crate) async fn everything(&self) -> BTreeSet<String> {
        let mut all = Vec::new();
        all.extend(self.network().await);
        all.extend(self.machines().await);
        all.extend(self.balancing().await);
        all.extend(self.stores().await);
        all.extend(self.identity().await);
        all.extend(self.names().await);
        all.into_iter().collect()
    }

    async fn network(&self) -> Vec<String> {
        let mut all = each!(self.ec2.describe_vpcs(), vpc_id);
        all.extend(each!(self.ec2.describe_subnets(), subnet_id));
        all.extend(each!(self.ec2.describe_internet_gateways(), internet_gateway_id));
        all.extend(each!(self.ec2.describe_route_tables(), route_table_id));
        let endpoints = all!(self.ec2.describe_vpc_endpoints()).into_iter();
        let live = endpoints.filter(|e| e.state().is_none_or(|s| s.as_str() != "deleted"));
        all.extend(live.filter_map(|e| e.vpc_endpoint_id));
        all.extend(each!(self.ec2.describe_security_groups(), group_id));
        let nats = all!(self.ec2.describe_nat_gateways());
        let live = nats.into_iter().filter(|n| n.state() != Some(&NatGatewayState::Deleted));
        all.extend(live.filter_map(|n| n.nat_gateway_id));
        let addresses = self.ec2.describe_addresses().send().await.unwrap();
        all.extend(
            addresses.addresses.unwrap_or_default().into_iter().filter_map(|a| a.allocation_id),
        );
        all
    }

    async fn machines(&self) -> Vec<String> {
        let reservations = all!(self.ec2.describe_instances());
        let gone = Some(&InstanceStateName::Terminated);
        reservations
            .into_iter()
            .flat_map(|r| r.instances.unwrap_or_default())
            .filter(|i| i.state().and_then(|s| s.name()) != gone)
            .filter_map(|i| i.instance_id)
            .collect()
    }

    async fn balancing(&self) -> Vec<String> {
        let mut all = each!(self.elb.describe_load_balancers(), load_balancer_arn);
        all.extend(each!(self.elb.describe_target_groups(), target_group_arn));
        all
    }

    async fn stores(&self) -> Vec<String> {
        let mut all = each!(self.cache.describe_replication_groups(), replication_group_id);
        all.extend(each!(self.cache.describe_cache_clusters(), cache_cluster_id));
        all.extend(each!(self.cache.describe_cache_subnet_groups(), cache_subnet_group_name));
        all.extend(all!(self.dynamodb.list_tables()));
        all.extend(each!(self.rds.describe_db_instances(), db_instance_arn));
        all.extend(each!(self.rds.describe_db_clusters(), db_cluster_arn));
        all.extend(each!(self.rds.describe_db_subnet_groups(), db_subnet_group_arn));
        all.extend(each!(self.rds.describe_db_snapshots(), db_snapshot_arn));
        all.extend(each!(self.rds.describe_db_cluster_snapshots(), db_cluster_snapshot_arn));
        all
    }

    async fn identity(&self) -> Vec<String> {
        let roles = all!(self.iam.list_roles());
        let profiles = all!(self.iam.list_instance_profiles());
        let parameters = self.ssm.describe_parameters().into_paginator().send();
        let parameters: Vec<_> = parameters.collect::<Result<_, _>>().await.unwrap();
        let names = parameters.into_iter().flat_map(|page| page.parameters.unwrap_or_default());
        let own = names.filter_map(|p| p.name).filter(|name| !name.starts_with("/aws/"));
        // Those of databases are RDS's, and go when RDS lets them go.
        let pages = self.secrets.list_secrets().into_paginator().send();
        let pages: Vec<_> = pages.collect::<Result<_, _>>().await.unwrap();
        let secrets = pages.into_iter().flat_map(|page| page.secret_list.unwrap_or_default());
        let secrets = secrets.filter_map(|s| s.name).filter(|name| name.starts_with("stackctl/"));
        let roles = roles.into_iter().map(|r| r.arn);
        roles.chain(profiles.into_iter().map(|p| p.arn)).chain(own).chain(secrets).collect()
    }

    async fn names(&self) -> Vec<String> {
        let zones = all!(self.dns.list_hosted_zones());
        let mut all = Vec::new();
        for zone in zones {
            let records = self.records(&zone.id).await;
            all.extend(
                records.into_iter().map(|r| format!("{}{} {:?}", zone.id, r.name, r.r#type)),
            );
            all.push(zone.id);
        }
        all
    }

    /// Every record of a hosted zone.
    pub(crate) async fn records(&self, zone: &str) -> Vec<ResourceRecordSet> {
        let mut all = Vec::new();
        let mut call = self.dns.list_resource_record_sets().hosted_zone_id(zone);
        loop {
            let page = call.send().await.unwrap();
            all.extend(page.resource_record_sets);
            if !page.is_truncated {
                return all;
            }
            call = self.dns.list_resource_record_sets().hosted_zone_id(zone);
            call = call.set_start_record_name(page.next_record_name);
            call = call.set_start_record_type(page.next_record_type);
            call = call.set_start_record_identifier(page.next_record_identifier);
        }
    }

    /// The ARN of a certificate that is issued, since it is imported: for shop.example.com and what
    /// is below stackctl.test.
    pub(crate) async fn certificate(&self) -> String {
        let certificate = include_bytes!("../../localstack/tests/certificate.pem");
        let key = include_bytes!("../../localstack/tests/certificate.key");
        let call = self.acm.import_certificate().certificate(Blob::new(certificate));
        let imported = call.private_key(Blob::new(key)).send().await.unwrap();
        imported.certificate_arn.unwrap()
    }

    /// The ARN of a secret of the user's, made with this text.
    pub(crate) async fn secret(&self, name: &str, text: &str) -> String {
        let made = self.secrets.create_secret().name(name).secret_string(text).send().await;
        made.unwrap().arn.unwrap()
    }

    /// The identifiers of RDS's snapshots of an `instance` or a `cluster`.
    pub(crate) async fn snapshots(&self, of: &str) -> Vec<String> {
        if of == "instance" {
            let all = self.rds.describe_db_snapshots().send().await.unwrap();
            let all = all.db_snapshots.unwrap_or_default().into_iter();
            all.filter_map(|one| one.db_snapshot_identifier).collect()
        } else {
            let all = self.rds.describe_db_cluster_snapshots().send().await.unwrap();
            let all = all.db_cluster_snapshots.unwrap_or_default().into_iter();
            all.filter_map(|one| one.db_cluster_snapshot_identifier).collect()
        }
    }

    /// The ARN of a certificate that is requested, and never issued.
    pub(crate) async fn requested_certificate(&self, domain: &str) -> String {
        let certificate = self.acm.request_certificate().domain_name(domain).send().await.unwrap();
        certificate.certificate_arn.unwrap()
    }

    /// The id of an AMI that is there, for Graviton.
    pub(crate) async fn ami(&self) -> String {
        let name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64";
        let answer = self.ssm.get_parameter().name(name).send().await.unwrap();
        answer.parameter.unwrap().value.unwrap()
    }

    /// The attributes of the one target group whose name begins so.
    pub(crate) async fn target_group_attributes(&self, prefix: &str) -> BTreeMap<String, String> {
        let arn = self.target_group(prefix).await;
        let answer = self.elb.describe_target_group_attributes().target_group_arn(arn).send().await;
        let attributes = answer.unwrap().attributes.unwrap_or_default();
        attributes.into_iter().filter_map(|a| Some((a.key?, a.value?))).collect()
    }

    /// The ARN of the one target group whose name begins so.
    pub(crate) async fn target_group(&self, prefix: &str) -> String {
        let groups = all!(self.elb.describe_target_groups());
        let mut named = groups
            .into_iter()
            .filter(|g| g.target_group_name().is_some_and(|name| name.starts_with(prefix)));
        let one = named.next().expect("there is a target group");
        assert!(named.next().is_none(), "there is one target group only");
        one.target_group_arn.unwrap()
    }

    /// The ids of the instances that are healthy in the one target group whose name begins so.
    pub(crate) async fn healthy(&self, prefix: &str) -> BTreeSet<String> {
        let arn = self.target_group(prefix).await;
        let answer = self.elb.describe_target_health().target_group_arn(arn).send().await;
        let targets = answer.unwrap().target_health_descriptions.unwrap_or_default();
        let healthy = targets.into_iter().filter(|target| {
            let state = target.target_health().and_then(|health| health.state());
            state == Some(&TargetHealthStateEnum::Healthy)
        });
        healthy.filter_map(|target| target.target?.id).collect()
    }

    /// The running instances of a stack: id, type, image tag and subnet.
    pub(crate) async fn instances(&self, stack: &str) -> Vec<aws_sdk_ec2::types::Instance> {
        let mine = Filter::builder().name("tag:stackctl:stack").values(stack).build();
        let running = Filter::builder().name("instance-state-name").values("running").build();
        let reservations = all!(self.ec2.describe_instances().filters(mine).filters(running));
        reservations.into_iter().flat_map(|r| r.instances.unwrap_or_default()).collect()
    }

    /// The id of everything in EC2 that bears the tags of a stack, by `<kind>/<name>`.
    pub(crate) async fn tagged_in_ec2(&self, stack: &str) -> BTreeMap<String, String> {
        let tags = all!(self.ec2.describe_tags());
        let bearers = |key: &str| {
            let of_key = tags.iter().filter(|tag| tag.key() == Some(key));
            of_key.filter_map(|tag| Some((tag.resource_id()?, tag))).collect::<BTreeMap<_, _>>()
        };
        let owners = bearers("stackctl:stack");
        let names = bearers("stackctl:name").into_iter();
        let ours = names.filter(|(id, _)| owners.get(id).and_then(|t| t.value()) == Some(stack));
        let mut all = BTreeMap::new();
        for (id, tag) in ours {
            let kind = tag.resource_type().unwrap().as_str();
            let address = format!("{kind}/{}", tag.value().unwrap());
            let other = all.insert(address, id.to_owned());
            assert!(other.is_none(), "{other:?} and {id} have one name");
        }
        all
    }
}

/// Every permission as `<protocol> <from>-<to> <peer>`; without ports where all are meant.
pub(crate) fn permissions(found: &[IpPermission]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for permission in found {
        let ports = permission.from_port().zip(permission.to_port());
        let ports = ports.map(|(from, to)| format!(" {from}-{to}")).unwrap_or_default();
        let peers = permission.ip_ranges().iter().filter_map(|r| r.cidr_ip());
        let peers = peers.chain(permission.ipv6_ranges().iter().filter_map(|r| r.cidr_ipv6()));
        let peers =
            peers.chain(permission.prefix_list_ids().iter().filter_map(|l| l.prefix_list_id()));
        let peers =
            peers.chain(permission.user_id_group_pairs().iter().filter_map(|g| g.group_id()));
        let protocol = permission.ip_protocol().unwrap_or("?");
        all.extend(peers.map(|peer| format!("{protocol}{ports} {peer}")));
    }
    all
}
