//! Who else stands in a VPC, a subnet or a security group, and would keep it from going.

use super::{
    cache_cluster::CacheCluster, db_instance::DbInstance, instance::Instance,
    nat_gateway::NatGateway, replication_group::ReplicationGroup,
};
use crate::{
    aws::{Aws, Sent, Tolerant, ec2, tags},
    engine::{Cx, Problem},
};
use anyhow::Result;
use aws_sdk_ec2::types::{
    InstanceStateName, NatGatewayState, NetworkInterface, NetworkInterfaceType,
};
use aws_sdk_rds::types::DbInstance as Database;
use std::collections::{BTreeMap, BTreeSet};

/// What AWS answers to whoever may not ask: then nothing is known, and nothing is refused.
const DENIED: [&str; 3] = ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"];

/// What to do about a stranger.
pub(super) const REMEDY: &str =
    "remove what is named, or move it elsewhere: what is not this stack's is never deleted";

/// What holds a network interface, as far as it tells.
enum Holder<'a> {
    Instance(&'a str),
    NatGateway(&'a str),
    LoadBalancer(&'a str),
    Cache,
    Database,
    /// A VPC endpoint, which is listed as such.
    Endpoint,
    Other,
}

/// The account's NAT gateways.
#[derive(Default)]
struct Gateways {
    /// By network interface.
    of: BTreeMap<String, String>,
    /// Those that are not on their way out.
    standing: BTreeSet<String>,
}

/// What would stay in what the filter (`vpc-id`, `subnet-id`, `group-id`) lets through, once all is
/// gone that the plan deletes: each a problem, told by id and owner.
pub(super) async fn strangers(cx: &Cx<Aws>, filter: &str, value: &str) -> Result<Vec<Problem>> {
    let all = ec2::network_interfaces(&cx.cloud, filter, value).await.or_code(&DENIED)?;
    let gateways = match all.as_deref() {
        None | Some([]) => Gateways::default(),
        Some(_) => Box::pin(gateways(&cx.cloud)).await?,
    };
    let mut names = Vec::new();
    for interface in all.iter().flatten() {
        if let Some(name) = Box::pin(stranger(interface, &gateways, filter, cx)).await? {
            names.push(name);
        }
    }
    names.sort();
    names.dedup();
    Ok(names.into_iter().map(|name| problem(&name)).collect())
}

pub(super) fn problem(name: &str) -> Problem {
    Problem::new(format!("AWS would not delete it while {name} is in it"), REMEDY)
}

fn holder<'a>(of: &'a NetworkInterface, gateways: &'a Gateways) -> Holder<'a> {
    let id = of.network_interface_id().unwrap_or_default();
    let text = of.description().unwrap_or_default();
    let requester = of.requester_id().unwrap_or_default();
    if let Some(instance) = of.attachment().and_then(|attachment| attachment.instance_id()) {
        Holder::Instance(instance)
    } else if let Some(nat) = gateways.of.get(id) {
        Holder::NatGateway(nat)
    } else if let Some(nat) = text.strip_prefix("Interface for NAT Gateway ") {
        Holder::NatGateway(nat)
    } else if let Some(balancer) = text.strip_prefix("ELB app/") {
        Holder::LoadBalancer(balancer.split('/').next().unwrap_or_default())
    } else if requester == "amazon-elasticache" || text.starts_with("ElastiCache ") {
        Holder::Cache
    } else if requester == "amazon-rds" || text == "RDSNetworkInterface" {
        Holder::Database
    } else if of.interface_type() == Some(&NetworkInterfaceType::VpcEndpoint) {
        Holder::Endpoint
    } else {
        Holder::Other
    }
}

/// The name of what holds this interface, if it stays.
async fn stranger(
    of: &NetworkInterface,
    gateways: &Gateways,
    filter: &str,
    cx: &Cx<Aws>,
) -> Result<Option<String>> {
    let aws = &*cx.cloud;
    let stays = match holder(of, gateways) {
        Holder::Instance(id) if cx.goes::<Instance>(id) => false,
        Holder::Instance(id) => return instance(id, aws).await,
        // One that is deleted lets go of its interface a while later.
        Holder::NatGateway(id) => !cx.goes::<NatGateway>(id) && gateways.standing.contains(id),
        // It leaves its subnets, and its interfaces go some minutes after it.
        Holder::LoadBalancer(name) => aws.role(name).is_none(),
        Holder::Cache => cache_stays(of.description().unwrap_or_default(), cx),
        Holder::Database => return database(of, cx).await,
        Holder::Endpoint => filter != "vpc-id",
        Holder::Other => true,
    };
    Ok(stays.then(|| ec2::interface(of)))
}

/// An instance that is not the plan's to delete; one that is terminated leaves by itself.
async fn instance(id: &str, aws: &Aws) -> Result<Option<String>> {
    use InstanceStateName::{ShuttingDown, Terminated};
    let Some(instance) = aws.instance(id).await.or_code(&DENIED)?.flatten() else {
        return Ok(None);
    };
    if matches!(instance.state().and_then(|s| s.name()), Some(ShuttingDown | Terminated)) {
        return Ok(None);
    }
    let name = instance.tags().iter().find(|tag| tag.key() == Some("Name"));
    let name = name.and_then(|tag| tag.value()).unwrap_or_default();
    let whose = aws.whose(tags::of_ec2(instance.tags())).unwrap_or_else(|| "of this stack".into());
    Ok(Some(format!("instance {id} ({name:?}, {whose})")))
}

async fn gateways(aws: &Aws) -> Result<Gateways> {
    use NatGatewayState::{Deleted, Deleting, Failed};
    let pages = aws.ec2.describe_nat_gateways().into_paginator().items().send();
    let all = pages.collect::<Result<Vec<_>, _>>().await.aws().or_code(&DENIED)?;
    let mut gateways = Gateways::default();
    for nat in all.into_iter().flatten() {
        let id = nat.nat_gateway_id().unwrap_or_default();
        let interfaces =
            nat.nat_gateway_addresses().iter().filter_map(|a| a.network_interface_id());
        gateways.of.extend(interfaces.map(|interface| (interface.to_owned(), id.to_owned())));
        if !matches!(nat.state(), Some(Deleting | Deleted | Failed)) {
            gateways.standing.insert(id.to_owned());
        }
    }
    Ok(gateways)
}

/// Whether it is another's cache, or one of the stack that the plan keeps. (Of one that was deleted
/// the interfaces stay a while.)
fn cache_stays(description: &str, cx: &Cx<Aws>) -> bool {
    let own = cx.cloud.named("cache");
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut words = description.split(|c| !word(c)).filter(|text| !text.is_empty());
    let ours = words.any(|text| {
        let node = text.strip_prefix(&*own);
        node.is_some_and(|node| node.chars().all(|c| c.is_ascii_digit() || c == '-'))
    });
    !ours || !cx.all::<ReplicationGroup>().is_empty() || !cx.all::<CacheCluster>().is_empty()
}

/// The database that stays and may hold this interface, which does not tell.
async fn database(of: &NetworkInterface, cx: &Cx<Aws>) -> Result<Option<String>> {
    let pages = cx.cloud.rds.describe_db_instances().into_paginator().items().send();
    let all = pages.collect::<Result<Vec<_>, _>>().await.aws().or_code(&DENIED)?;
    let groups: Vec<_> = of.groups().iter().filter_map(|group| group.group_id()).collect();
    let fits = |db: &Database| {
        let vpc = db.db_subnet_group().and_then(|group| group.vpc_id());
        let mut own = db.vpc_security_groups().iter().filter_map(|g| g.vpc_security_group_id());
        vpc == of.vpc_id() && own.any(|group| groups.contains(&group))
    };
    let zone = of.availability_zone();
    let stays = all.into_iter().flatten().find(|db| {
        let id = db.db_instance_identifier().unwrap_or_default();
        let near = db.availability_zone() == zone || db.secondary_availability_zone() == zone;
        fits(db) && near && !cx.goes::<DbInstance>(id)
    });
    Ok(stays.map(|db| {
        let whose = cx.cloud.whose(tags::of_rds(db.tag_list()));
        let whose = whose.unwrap_or_else(|| "of this stack".into());
        format!("DB instance {} ({whose})", db.db_instance_identifier().unwrap_or_default())
    }))
}

#[cfg(test)]
mod tests;
