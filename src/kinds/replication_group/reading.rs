//! What AWS tells of a replication group: one part by the group, the other by its nodes.

use super::{Engine, Parameters, ReplicationGroup, ReplicationGroupLive};
use crate::{
    aws::{Aws, Sent, Tags, Tolerant},
    engine::{Phase, Probe, Ref, Taken},
    kinds::stores::{Port, Version, scheduled},
};
use anyhow::Result;
use aws_sdk_elasticache::types::{
    AutomaticFailoverStatus, CacheCluster, ConfigureShard, Endpoint, MultiAzStatus,
    ReplicationGroup as Described,
};

/// A replication group and those of its nodes that are told of.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) group: Described,
    pub(super) nodes: Vec<CacheCluster>,
}

/// States of a node that do not pass by themselves.
const STUCK: [&str; 2] = ["incompatible-network", "restore-failed"];

/// How a group of the stack is described: it can be read in every state, and the tags cannot.
pub(super) fn description(cloud: &Aws) -> String {
    format!("Cache of the stack {}, made by stackctl", cloud.stack)
}

/// What is in the way of a group of this id: another group, or clusters that are called as AWS
/// would call its nodes.
pub(super) async fn taken(cloud: &Aws, id: &str, replicas: u8) -> Result<Vec<Taken>> {
    let call = cloud.elasticache.describe_replication_groups().replication_group_id(id);
    let group = call.send().await.aws().or_gone()?.and_then(|g| g.replication_groups?.pop());
    let mut taken = Vec::new();
    if let Some(group) = group {
        let reading = Reading { group, nodes: Vec::new() };
        let (what, live) = (format!("replication group {id}"), reading.live());
        let ours = async { Ok(reading.is_described_as_ours(cloud)) };
        taken.extend(cloud.taken_in_cache(what, &live.arn, &live.status, ours).await?);
    }
    let nodes: Vec<_> = (1..=replicas.saturating_add(1)).map(|n| format!("{id}-{n:03}")).collect();
    for other in cloud.cache_clusters().await? {
        let name = other.cache_cluster_id().unwrap_or_default();
        if other.replication_group_id() == Some(id) || !nodes.iter().any(|node| node == name) {
            continue;
        }
        let (arn, status) = (other.arn(), other.cache_cluster_status());
        let (arn, status) = (arn.unwrap_or_default(), status.unwrap_or("unknown"));
        let what = format!("cache cluster {name}");
        taken.extend(cloud.taken_in_cache(what, arn, status, async { Ok(false) }).await?);
    }
    Ok(taken)
}

impl Reading {
    /// Every group whose name begins like those of the stack.
    pub(super) async fn all(cloud: &Aws) -> Result<Vec<Self>> {
        let groups = async {
            let pages = cloud.elasticache.describe_replication_groups().into_paginator();
            Ok(pages.items().send().collect::<Result<Vec<_>, _>>().await.aws()?)
        };
        let (groups, nodes) = futures::try_join!(groups, cloud.cache_clusters())?;
        let ours = groups
            .into_iter()
            .filter(|g| g.replication_group_id().and_then(|id| cloud.role(id)).is_some());
        Ok(ours.map(|group| Self::joined(group, nodes)).collect())
    }

    /// The group of this id as it is now.
    pub(super) async fn of(cloud: &Aws, id: &str) -> Result<Option<Self>> {
        let groups = async {
            let call = cloud.elasticache.describe_replication_groups().replication_group_id(id);
            Ok(call.send().await.aws().or_gone()?)
        };
        let afresh = cloud.afresh();
        let (groups, nodes) = futures::try_join!(groups, afresh.cache_clusters())?;
        let group = groups.and_then(|g| g.replication_groups?.pop());
        Ok(group.map(|group| Self::joined(group, nodes)))
    }

    fn joined(group: Described, nodes: &[CacheCluster]) -> Self {
        let id = group.replication_group_id();
        let nodes = nodes.iter().filter(|n| n.replication_group_id() == id);
        Self { nodes: nodes.cloned().collect(), group }
    }

    /// In the words in which it was wanted; what is pending counts as done.
    pub(super) fn spec(&self, tags: Tags) -> ReplicationGroup {
        let node = self.nodes.first();
        let pending = node.and_then(CacheCluster::pending_modified_values);
        let engine = self.group.engine().or_else(|| node?.engine());
        let version = pending.and_then(|p| p.engine_version());
        let version = version.or_else(|| node?.engine_version()).unwrap_or_default();
        let node_type = pending.and_then(|p| p.cache_node_type());
        let node_type = node_type.or_else(|| self.group.cache_node_type());
        let members = self.group.member_clusters().len();
        let subnet_group = node.and_then(CacheCluster::cache_subnet_group_name);
        let parameters = node.and_then(|n| n.cache_parameter_group()?.cache_parameter_group_name());
        let groups = node.map(CacheCluster::security_groups).unwrap_or_default();
        ReplicationGroup {
            engine: if engine == Some("valkey") { Engine::Valkey } else { Engine::Redis },
            version: Version(version.into()),
            node_type: node_type.or_else(|| node?.cache_node_type()).unwrap_or_default().into(),
            replicas: u8::try_from(members.saturating_sub(1)).unwrap_or(u8::MAX),
            failover: self.fails_over(),
            port: Port(self.port()),
            encryption_at_rest: self.group.at_rest_encryption_enabled().unwrap_or_default(),
            encryption_in_transit: self.group.transit_encryption_enabled().unwrap_or_default(),
            parameters: Parameters(parameters.map(Ref::found)),
            // A group that has just begun to be made has no nodes yet. Ours stand in the subnet
            // group of the same name.
            subnet_group: Ref::found(subnet_group.or(self.id()).unwrap_or_default()),
            security_groups: groups
                .iter()
                .filter(|g| g.status() != Some("removing"))
                .filter_map(|g| g.security_group_id().map(Ref::found))
                .collect(),
            tags,
        }
    }

    pub(super) fn live(&self) -> ReplicationGroupLive {
        ReplicationGroupLive {
            id: self.id().unwrap_or_default().into(),
            arn: self.group.arn().unwrap_or_default().into(),
            status: self.status(),
            host: self.endpoint().and_then(Endpoint::address).unwrap_or_default().into(),
            port: self.port(),
        }
    }

    /// The same without what is pending: what has been carried out.
    fn applied(&self) -> Self {
        let mut applied = self.clone();
        applied.nodes.iter_mut().for_each(|node| node.pending_modified_values = None);
        applied
    }

    /// AWS's word for its state.
    pub(super) fn status(&self) -> String {
        self.group.status().unwrap_or("unknown").into()
    }

    pub(super) fn phase(&self) -> Phase {
        match &*self.status() {
            "available" => Phase::Ready,
            "deleting" => Phase::Going,
            "create-failed" => Phase::Broken,
            _ => Phase::Coming,
        }
    }

    /// What the user should know: why it failed, and what waits for the maintenance window.
    pub(super) fn notes(&self) -> Vec<String> {
        if self.phase() == Phase::Broken {
            return vec!["ElastiCache could not make it (create-failed)".into()];
        }
        if let Some(stuck) = self.stuck() {
            return vec![stuck];
        }
        let Some(node) = self.nodes.first().filter(|_| self.phase() == Phase::Ready) else {
            return Vec::new();
        };
        let Some(pending) = node.pending_modified_values() else { return Vec::new() };
        let what =
            [("version", pending.engine_version()), ("node_type", pending.cache_node_type())];
        let window = node.preferred_maintenance_window();
        let what = what.into_iter().filter_map(|(what, to)| Some((what, to?)));
        what.map(|(what, to)| scheduled(what, to, window)).collect()
    }

    /// Whether it could be changed now.
    pub(super) fn is_at_rest(&self) -> bool {
        self.phase() == Phase::Ready && self.endpoint().is_some()
    }

    /// A node in a state it does not leave by itself, though its group would wait for it.
    fn stuck(&self) -> Option<String> {
        let stuck = self.nodes.iter().find_map(|node| {
            let status = node.cache_cluster_status()?;
            STUCK.contains(&status).then(|| (node.cache_cluster_id().unwrap_or_default(), status))
        });
        stuck.map(|(id, status)| {
            format!("its node {id} is in {status}, which it does not leave by itself: remove it")
        })
    }

    /// Where all nodes are to stand when one that was alone gets replicas: left to itself,
    /// ElastiCache may put one beside it, which could not take over from another zone.
    pub(super) fn spread(&self, replicas: u8, zones: &[String]) -> Option<ConfigureShard> {
        let ([group], [node]) = (self.group.node_groups(), &*self.nodes) else { return None };
        let home = node.preferred_availability_zone()?.to_owned();
        let others: Vec<_> = zones.iter().filter(|zone| **zone != home).cloned().collect();
        if others.is_empty() {
            return None;
        }
        let turns = others.into_iter().chain([home.clone()]).cycle().take(replicas.into());
        let places = std::iter::once(home).chain(turns).collect();
        let spread = ConfigureShard::builder().new_replica_count(replicas.into());
        let spread = spread.node_group_id(group.node_group_id().unwrap_or("0001"));
        Some(spread.set_preferred_availability_zones(Some(places)).build())
    }

    /// Whether its description is the one that this stack gives.
    pub(super) fn is_described_as_ours(&self, cloud: &Aws) -> bool {
        self.group.description() == Some(&description(cloud))
    }

    /// Whether it is available, and is as `done` wants it, what is pending left aside.
    pub(super) fn judge(self, done: impl Fn(&ReplicationGroup) -> bool) -> Probe<Self> {
        let status = self.status();
        match self.phase() {
            Phase::Broken => Probe::Failed(self.notes().remove(0)),
            Phase::Going => Probe::Failed("it is being deleted".into()),
            Phase::Coming => self.stuck().map_or(Probe::Pending(status), Probe::Failed),
            Phase::Ready if self.endpoint().is_none() => {
                Probe::Pending("without an endpoint".into())
            }
            Phase::Ready if !done(&self.applied().spec(Tags::default())) => {
                Probe::Pending("available, about to change".into())
            }
            Phase::Ready | Phase::Copy => Probe::Ready(self),
        }
    }

    /// Whether either half of failing over is on.
    pub(super) fn may_fail_over(&self) -> bool {
        let off = self.group.automatic_failover() == Some(&AutomaticFailoverStatus::Disabled)
            && self.group.multi_az() != Some(&MultiAzStatus::Enabled);
        !off
    }

    fn fails_over(&self) -> bool {
        use AutomaticFailoverStatus::{Enabled, Enabling};
        matches!(self.group.automatic_failover(), Some(Enabled | Enabling))
            && self.group.multi_az() == Some(&MultiAzStatus::Enabled)
    }

    fn id(&self) -> Option<&str> {
        self.group.replication_group_id()
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        self.group.node_groups().first()?.primary_endpoint()
    }

    /// 0 while it is being made.
    fn port(&self) -> u16 {
        let node = || self.nodes.first()?.cache_nodes().first()?.endpoint();
        let port = self.endpoint().or_else(node).and_then(Endpoint::port);
        port.and_then(|port| u16::try_from(port).ok()).unwrap_or_default()
    }
}
