//! What AWS tells of a Memcached cluster.

use super::{CacheCluster, CacheClusterLive};
use crate::{
    aws::{Aws, Sent, Tags, Tolerant},
    engine::{Phase, Probe, Ref},
    kinds::stores::{Port, Version, scheduled},
};
use anyhow::Result;
use aws_sdk_elasticache::types::{CacheCluster as Described, Endpoint, PendingModifiedValues};

pub(super) async fn describe(cloud: &Aws, id: &str) -> Result<Option<Described>> {
    let call = cloud.elasticache.describe_cache_clusters().cache_cluster_id(id);
    let answer = call.show_cache_node_info(true).send().await.aws().or_gone()?;
    Ok(answer.and_then(|answer| answer.cache_clusters?.pop()))
}

pub(super) fn judge(cluster: Described, done: impl Fn(&CacheCluster) -> bool) -> Probe<Described> {
    let mut applied = cluster.clone();
    applied.pending_modified_values = None;
    match phase(&cluster) {
        Phase::Broken => Probe::Failed(format!("ElastiCache says {}", status(&cluster))),
        Phase::Going => Probe::Failed("it is being deleted".into()),
        Phase::Coming => Probe::Pending(status(&cluster)),
        Phase::Ready | Phase::Copy if servers(&cluster).is_empty() => {
            Probe::Pending("without endpoints".into())
        }
        Phase::Ready | Phase::Copy if done(&seen(&applied, Tags::default())) => {
            Probe::Ready(cluster)
        }
        Phase::Ready | Phase::Copy => Probe::Pending("available, about to change".into()),
    }
}

/// Whether it could be changed now.
pub(super) fn is_at_rest(cluster: &Described) -> bool {
    phase(cluster) == Phase::Ready && !servers(cluster).is_empty()
}

pub(super) fn status(cluster: &Described) -> String {
    cluster.cache_cluster_status().unwrap_or("unknown").into()
}

/// Memcached keeps nothing that a failed cluster could still give back.
pub(super) fn phase(cluster: &Described) -> Phase {
    match &*status(cluster) {
        "available" => Phase::Ready,
        "deleting" | "deleted" => Phase::Going,
        "create-failed" | "incompatible-network" | "restore-failed" => Phase::Broken,
        _ => Phase::Coming,
    }
}

/// Why it failed, or what waits for the maintenance window.
pub(super) fn notes(cluster: &Described) -> Vec<String> {
    let phase = phase(cluster);
    if phase == Phase::Broken {
        return vec![format!("ElastiCache says {}", status(cluster))];
    }
    let pending = cluster.pending_modified_values().filter(|_| phase == Phase::Ready);
    let version = pending.and_then(|p| Some(("version", p.engine_version()?.to_owned())));
    let nodes = pending.and_then(|p| Some(("nodes", p.num_cache_nodes()?.to_string())));
    let window = cluster.preferred_maintenance_window();
    version.into_iter().chain(nodes).map(|(what, to)| scheduled(what, &to, window)).collect()
}

/// 0 while it is being made.
fn port(cluster: &Described) -> u16 {
    let node = || cluster.cache_nodes().first()?.endpoint();
    let port = cluster.configuration_endpoint().or_else(node).and_then(Endpoint::port);
    port.and_then(|port| u16::try_from(port).ok()).unwrap_or_default()
}

fn servers(cluster: &Described) -> Vec<String> {
    let endpoints = cluster.cache_nodes().iter().filter_map(|node| node.endpoint());
    let mut servers: Vec<_> =
        endpoints.filter_map(|e| Some(format!("{}:{}", e.address()?, e.port()?))).collect();
    servers.sort();
    servers
}

pub(super) fn live(cluster: &Described) -> CacheClusterLive {
    CacheClusterLive {
        id: cluster.cache_cluster_id().unwrap_or_default().into(),
        arn: cluster.arn().unwrap_or_default().into(),
        status: status(cluster),
        servers: servers(cluster),
    }
}

/// In the words in which it was wanted; what is pending counts as done.
pub(super) fn seen(cluster: &Described, tags: Tags) -> CacheCluster {
    let pending = cluster.pending_modified_values();
    let version = pending.and_then(|p| p.engine_version()).or(cluster.engine_version());
    let nodes =
        pending.and_then(PendingModifiedValues::num_cache_nodes).or(cluster.num_cache_nodes());
    let groups = cluster.security_groups().iter();
    CacheCluster {
        version: Version(version.unwrap_or_default().into()),
        node_type: cluster.cache_node_type().unwrap_or_default().into(),
        nodes: nodes.and_then(|n| u8::try_from(n).ok()).unwrap_or_default(),
        port: Port(port(cluster)),
        encryption_in_transit: cluster.transit_encryption_enabled().unwrap_or_default(),
        subnet_group: Ref::found(cluster.cache_subnet_group_name().unwrap_or_default()),
        security_groups: groups
            .filter(|g| g.status() != Some("removing"))
            .filter_map(|g| g.security_group_id().map(Ref::found))
            .collect(),
        tags,
    }
}
