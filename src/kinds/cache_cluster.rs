//! A Memcached cache: nodes that know nothing of each other.

mod reading;

use super::{
    cache_subnet_group::CacheSubnetGroup,
    security_group::SecurityGroup,
    stores::{
        Port, Version, cache_versions, changes_nothing, fresh, stranger, unless_copied,
        watch::{are, ids, until_gone, watch},
    },
};
use crate::{
    aws::{Aws, Failure, Sent, Tags, Tolerant, eventually, stores::Told, tags},
    engine::{Change, Cx, Found, Kind, Pace, Probe, Problem, Ref, Refused, Swap, Table, Taken},
};
use anyhow::{Context, Result};
use aws_sdk_elasticache::{
    operation::modify_cache_cluster::builders::ModifyCacheClusterFluentBuilder,
    types::{AzMode, CacheCluster as Described},
};
use futures::future::try_join_all;
use reading::{describe, is_at_rest, judge, live, notes, phase, seen, status};
use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

/// A Memcached cache: nodes that know nothing of each other.
#[derive(Clone, Debug)]
pub struct CacheCluster {
    /// The engine version wanted: met by everything it is a prefix of.
    pub version: Version,
    /// The size of each node.
    pub node_type: String,
    /// How many nodes, 1–40.
    pub nodes: u8,
    /// Where they listen.
    pub port: Port,
    /// Whether they speak TLS; then they speak nothing else, and clients must know.
    pub encryption_in_transit: bool,
    /// Where it stands.
    pub subnet_group: Ref<CacheSubnetGroup>,
    /// What may reach it.
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// The user's tags.
    pub tags: Tags,
}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheClusterLive {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// AWS's word for its state.
    pub status: String,
    /// `host:port` of each node.
    pub servers: Vec<String>,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `ModifyCacheCluster`; the nodes come back empty.
    Version,
    /// `ModifyCacheCluster`, naming the last nodes where there are to be fewer.
    Nodes,
    /// `ModifyCacheCluster`.
    SecurityGroups,
    /// `AddTagsToResource` and `RemoveTagsFromResource`.
    Tags,
}

/// How long making one or changing one may take.
const WORK: Pace = Pace::seconds(15, 2400);
/// AWS's refusal while something else is done to it.
const BUSY: &str = "InvalidCacheClusterState";

impl Kind for CacheCluster {
    type Cloud = Aws;
    type Live = CacheClusterLive;
    type Edit = Edit;

    const NAME: &'static str = "cache-cluster";
    const SWAP: Swap = Swap::Refuse("everything in it");
    const ROLE: Option<&'static str> = Some("cache");
    const USUAL: Duration = Duration::from_mins(6);
    const USUAL_DELETION: Duration = Duration::from_mins(4);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .tuned_if(
                "version",
                Edit::Version,
                |c| &c.version,
                |w, f| w.version.is_newer_than(&f.version),
            )
            .fixed("node_type", |c| &c.node_type)
            .tuned("nodes", Edit::Nodes, |c| &c.nodes)
            .fixed("port", |c| &c.port)
            .fixed("encryption_in_transit", |c| &c.encryption_in_transit)
            .fixed("subnet_group", |c| &c.subnet_group)
            .tuned("security_groups", Edit::SecurityGroups, |c| &c.security_groups)
            .tuned("tags", Edit::Tags, |c| &c.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.id
    }

    async fn discover(cloud: &Aws) -> Result<Vec<Found<Self>>> {
        let all = cloud.cache_clusters().await?;
        let alone = all.iter().filter(|c| c.replication_group_id().is_none());
        let memcached = alone.filter(|c| c.engine() == Some("memcached"));
        let found = try_join_all(memcached.map(|c| Self::read(cloud, c))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    fn refuse(&self, found: &Found<Self>, changes: &[Change]) -> Option<Refused> {
        let (runs, wanted) = (("memcached", &found.spec.version), ("memcached", &self.version));
        cache_versions::no_way_back(runs, wanted, "everything in it", changes)
    }

    async fn preflight(
        &self,
        found: Option<&Found<Self>>,
        changes: &[Change],
        cx: &Cx<Aws>,
    ) -> Result<Vec<Problem>> {
        if found.is_some() && !changes.iter().any(|c| c.attribute == "version") {
            return Ok(Vec::new());
        }
        cache_versions::missing(&cx.cloud, "memcached", &self.version).await
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        let id = cx.cloud.named(cx.name());
        let Some(there) = describe(&cx.cloud, &id).await? else { return Ok(Vec::new()) };
        let (what, live) = (format!("cache cluster {id}"), live(&there));
        let ours = async { Ok(presumed(&cx.cloud, &there, &live).await?.is_some()) };
        let taken = cx.cloud.taken_in_cache(what, &live.arn, &live.status, ours).await?;
        Ok(taken.into_iter().collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<Self::Live> {
        let cloud = &cx.cloud;
        let id = cloud.named(cx.name());
        let zones = if self.nodes > 1 { AzMode::CrossAz } else { AzMode::SingleAz };
        let call = cloud
            .elasticache
            .create_cache_cluster()
            .cache_cluster_id(&id)
            .engine("memcached")
            .engine_version(&self.version.0)
            .cache_node_type(&self.node_type)
            .num_cache_nodes(self.nodes.into())
            .az_mode(zones)
            .port(self.port.0.into())
            .transit_encryption_enabled(self.encryption_in_transit)
            .cache_subnet_group_name(cx.get(&self.subnet_group)?.name)
            .set_security_group_ids(Some(ids(cx, &self.security_groups)?))
            .auto_minor_version_upgrade(true)
            .set_tags(Some(tags::for_elasticache(&cloud.labels(cx.address(), &self.tags))));
        let made = eventually(cx, Pace::seconds(2, 120), fresh, || {
            let call = call.clone();
            async move { call.send().await.aws().or_code(&["CacheClusterAlreadyExists"]) }
        });
        if let Some(made) = made.await? {
            return Ok(live(&made.cache_cluster.context("made, but not described")?));
        }
        let there = describe(cloud, &id).await?.context("it exists already, yet does not")?;
        let found = Self::read(cloud, &there).await?;
        Ok(found.ok_or_else(|| stranger("cache cluster", &id))?.live)
    }

    async fn settle(live: Self::Live, cx: &Cx<Aws>) -> Result<Self::Live> {
        Ok(self::live(&Self::changed(&live.id, cx, |_| true).await?))
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let id = &found.live.id;
        let now = Self::changed(id, cx, |_| true).await?;
        let modify = || {
            let call = cx.cloud.elasticache.modify_cache_cluster();
            call.cache_cluster_id(id).apply_immediately(true)
        };
        match edit {
            Edit::Version => {
                let call = modify().engine_version(&self.version.0);
                let done = |s: &Self| self.version.accepts(&s.version);
                Box::pin(Self::modify(id, call, done, cx)).await
            }
            Edit::Nodes => {
                let mut nodes: Vec<_> =
                    now.cache_nodes().iter().filter_map(|n| n.cache_node_id.clone()).collect();
                nodes.sort();
                let grows = nodes.len() < self.nodes.into();
                let surplus: Vec<_> = nodes.into_iter().skip(self.nodes.into()).collect();
                let call = modify().num_cache_nodes(self.nodes.into());
                let call =
                    call.set_cache_node_ids_to_remove((!surplus.is_empty()).then_some(surplus));
                // A cluster that was made with one node is in one zone, and stays there unasked.
                let call = call.set_az_mode(grows.then_some(AzMode::CrossAz));
                let done = |s: &Self| s.nodes == self.nodes;
                Box::pin(Self::modify(id, call, done, cx)).await
            }
            Edit::SecurityGroups => {
                let wanted = ids(cx, &self.security_groups)?;
                let call = modify().set_security_group_ids(Some(wanted.clone()));
                let done = |s: &Self| are(&s.security_groups, &wanted);
                Box::pin(Self::modify(id, call, done, cx)).await
            }
            Edit::Tags => {
                let arn = &found.live.arn;
                let owned = Aws::owned_cache(cx, arn).await?;
                let owned = owned.ok_or_else(|| stranger("cache cluster", id))?;
                Aws::retag_elasticache(cx, arn, &self.tags, &owned.tags).await
            }
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let id = &found.live.id;
        let call = cx.cloud.elasticache.delete_cache_cluster().cache_cluster_id(id);
        eventually(
            cx,
            WORK,
            |f| f.is(&[BUSY]),
            || {
                let call = call.clone();
                async move { call.send().await.aws().or_gone().map(drop) }
            },
        )
        .await?;
        let status = || async { Ok(describe(&cx.cloud, id).await?.as_ref().map(status)) };
        until_gone(cx, WORK, status).await
    }
}

impl CacheCluster {
    /// A described cluster in the words in which it was wanted, if it is ours.
    async fn read(cloud: &Aws, cluster: &Described) -> Result<Option<Found<Self>>> {
        let live = live(cluster);
        let mut notes = notes(cluster);
        let (name, tags) = match cloud.told_of_cache(&live.arn, &live.status).await? {
            Told::Ours(owned) => (owned.name, owned.tags),
            Told::Nothing => {
                let Some(tags) = presumed(cloud, cluster, &live).await? else { return Ok(None) };
                notes.push(format!("its tags cannot be read while it is {}", live.status));
                (cloud.role(&live.id).unwrap_or_default().to_owned(), tags)
            }
            Told::NotOurs(_) | Told::Gone => return Ok(None),
        };
        let found = Found::ready(name, seen(cluster, tags), live);
        let found = found.in_phase(phase(cluster)).with_notes(notes);
        Ok(Some(unless_copied(cloud, found, "cache cluster")))
    }

    /// Brings about what `done` looks for. AWS is looked at before the call is sent, each time: it
    /// may have carried out what it was asked before, and only the answer was lost.
    async fn modify(
        id: &str,
        call: ModifyCacheClusterFluentBuilder,
        done: impl Fn(&Self) -> bool + Sync,
        cx: &Cx<Aws>,
    ) -> Result<()> {
        let asked = AtomicBool::new(false);
        let look = async || {
            let now = describe(&cx.cloud, id).await?.context("it is gone")?;
            Ok::<_, anyhow::Error>((is_at_rest(&now), judge(now, &done)))
        };
        cx.until(WORK, || async {
            let (rests, probe) = look().await?;
            if !rests || asked.load(Relaxed) || !matches!(probe, Probe::Pending(_)) {
                return Ok(probe.map(drop));
            }
            Ok(match Box::pin(call.clone().send()).await.aws() {
                Ok(_) => {
                    asked.store(true, Relaxed);
                    Probe::Pending("about to change".into())
                }
                Err(refusal) if refusal.is(&[BUSY]) => Probe::Pending(refusal.in_short()),
                Err(refusal) if changes_nothing(&refusal) => Probe::Ready(()),
                Err(refusal) => match look().await?.1 {
                    Probe::Ready(_) => Probe::Ready(()),
                    _ => return Err(refusal.into()),
                },
            })
        })
        .await
    }

    /// Waits until it is available, and is as `done` wants it.
    async fn changed(
        id: &str,
        cx: &Cx<Aws>,
        done: impl Fn(&Self) -> bool + Sync,
    ) -> Result<Described> {
        watch(cx, WORK, || describe(&cx.cloud, id), |cluster| judge(cluster, &done)).await
    }
}

/// The user's tags that a cluster should bear whose own cannot be read, if it is ours: what stands
/// in the stack's own subnet group, under the same name, is.
async fn presumed(
    cloud: &Aws,
    cluster: &Described,
    live: &CacheClusterLive,
) -> Result<Option<Tags>, Failure> {
    if cluster.cache_subnet_group_name() != Some(&*live.id) {
        return Ok(None);
    }
    cloud.presumed_tags(&live.arn).await
}

#[cfg(test)]
mod tests;
