//! A Redis or Valkey cache: a primary node and its replicas, encrypted in transit and at rest.

mod reading;

use super::{
    cache_parameter_group::CacheParameterGroup,
    cache_subnet_group::CacheSubnetGroup,
    security_group::SecurityGroup,
    stores::{
        Port, Version, cache_versions, changes_nothing, fresh, stranger, unless_copied,
        watch::{are, ids, until_gone, watch},
    },
};
use crate::{
    aws::{Aws, Sent, Tags, Tolerant, eventually, stores::Told, tags},
    engine::{
        Attribute, Change, Cx, Found, Kind, Pace, Plain, Probe, Problem, Ref, Refused, Swap, Table,
        Taken, address::Link, plan::Ids,
    },
};
use anyhow::Result;
use aws_sdk_elasticache::operation::modify_replication_group::builders::ModifyReplicationGroupFluentBuilder;
use futures::future::try_join_all;
use reading::Reading;
use std::{
    cmp::Ordering,
    fmt,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

/// A Redis or Valkey cache: a primary node and its replicas, encrypted in transit and at rest.
#[derive(Clone, Debug)]
pub struct ReplicationGroup {
    /// Redis OSS or Valkey.
    pub engine: Engine,
    /// The engine version wanted: met by everything it is a prefix of.
    pub version: Version,
    /// The size of each node, `cache.t4g.micro`.
    pub node_type: String,
    /// Nodes beside the primary, 0–5; from 1 on it fails over by itself and spans zones.
    pub replicas: u8,
    /// Whether a replica in another zone takes over by itself: from one replica on.
    pub failover: bool,
    /// Where it listens.
    pub port: Port,
    /// Whether what it stores is encrypted.
    pub encryption_at_rest: bool,
    /// Whether it speaks TLS.
    pub encryption_in_transit: bool,
    /// Its parameters, of the engine version's family.
    pub parameters: Parameters,
    /// Where it stands.
    pub subnet_group: Ref<CacheSubnetGroup>,
    /// What may reach it.
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// The user's tags.
    pub tags: Tags,
}

/// What the nodes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Redis OSS.
    Redis,
    /// Valkey.
    Valkey,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redis => "redis",
            Self::Valkey => "valkey",
        })
    }
}

impl Plain for Engine {}

/// A parameter group. While a cache is being made AWS may not tell it: `None` meets every one.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters(pub Option<Ref<CacheParameterGroup>>);

impl Attribute for Parameters {
    fn show(&self) -> String {
        self.0.show()
    }
    fn met_by(&self, found: &Self, ids: &Ids) -> bool {
        found.0.is_none() || self.0.met_by(&found.0, ids)
    }
    fn links(&self, out: &mut Vec<Link>) {
        self.0.links(out);
    }
}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationGroupLive {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// AWS's word for its state.
    pub status: String,
    /// The primary's host name; empty while it is being made.
    pub host: String,
    /// Where it listens.
    pub port: u16,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `ModifyReplicationGroup` with engine, version and parameter group in one: connections break
    /// once, and AWS takes a version of another family with a group of that family only.
    Engine,
    /// `ModifyReplicationGroup`: the nodes are exchanged one by one, the endpoint stays.
    NodeType,
    /// `IncreaseReplicaCount` or `DecreaseReplicaCount`, and `ModifyReplicationGroup` for the
    /// failover: before the last replica goes, or after the first has come.
    Replicas,
    /// `ModifyReplicationGroup`.
    SecurityGroups,
    /// `AddTagsToResource` and `RemoveTagsFromResource`.
    Tags,
}

/// How long making one or changing one may take.
const WORK: Pace = Pace::seconds(15, 3600);
/// AWS's refusal while something else is done to it.
const BUSY: &str = "InvalidReplicationGroupState";

impl Kind for ReplicationGroup {
    type Cloud = Aws;
    type Live = ReplicationGroupLive;
    type Edit = Edit;

    const NAME: &'static str = "replication-group";
    const SWAP: Swap = Swap::Refuse("every session in it");
    const ROLE: Option<&'static str> = Some("cache");
    const USUAL: Duration = Duration::from_mins(8);
    const USUAL_DELETION: Duration = Duration::from_mins(5);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .tuned_if("engine", Edit::Engine, |g| &g.engine, |w, _| w.engine == Engine::Valkey)
            .tuned_if(
                "version",
                Edit::Engine,
                |g| &g.version,
                |w, f| w.version.is_newer_than(&f.version) || w.engine != f.engine,
            )
            .tuned("parameters", Edit::Engine, |g| &g.parameters)
            .tuned("node_type", Edit::NodeType, |g| &g.node_type)
            .tuned("replicas", Edit::Replicas, |g| &g.replicas)
            .tuned("failover", Edit::Replicas, |g| &g.failover)
            .fixed("port", |g| &g.port)
            .fixed("encryption_at_rest", |g| &g.encryption_at_rest)
            .fixed("encryption_in_transit", |g| &g.encryption_in_transit)
            .fixed("subnet_group", |g| &g.subnet_group)
            .tuned("security_groups", Edit::SecurityGroups, |g| &g.security_groups)
            .tuned("tags", Edit::Tags, |g| &g.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.id
    }

    async fn discover(cloud: &Aws) -> Result<Vec<Found<Self>>> {
        let all = Reading::all(cloud).await?;
        let found = try_join_all(all.iter().map(|reading| Self::read(cloud, reading))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    fn refuse(&self, found: &Found<Self>, changes: &[Change]) -> Option<Refused> {
        let (runs, wanted) = (found.spec.engine.to_string(), self.engine.to_string());
        cache_versions::no_way_back(
            (&runs, &found.spec.version),
            (&wanted, &self.version),
            "every session in it",
            changes,
        )
    }

    async fn preflight(
        &self,
        found: Option<&Found<Self>>,
        changes: &[Change],
        cx: &Cx<Aws>,
    ) -> Result<Vec<Problem>> {
        let other = |c: &Change| matches!(c.attribute, "engine" | "version");
        if found.is_some() && !changes.iter().any(other) {
            return Ok(Vec::new());
        }
        cache_versions::missing(&cx.cloud, &self.engine.to_string(), &self.version).await
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        reading::taken(&cx.cloud, &cx.cloud.named(cx.name()), self.replicas).await
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<Self::Live> {
        let cloud = &cx.cloud;
        let id = cloud.named(cx.name());
        let call = cloud
            .elasticache
            .create_replication_group()
            .replication_group_id(&id)
            .replication_group_description(reading::description(cloud))
            .engine(self.engine.to_string())
            .engine_version(&self.version.0)
            .cache_node_type(&self.node_type)
            .num_cache_clusters(i32::from(self.replicas) + 1)
            .automatic_failover_enabled(self.failover)
            .multi_az_enabled(self.failover)
            .port(self.port.0.into())
            .set_cache_parameter_group_name(self.parameter_group(cx)?)
            // Both differ by engine where they are not stated.
            .at_rest_encryption_enabled(self.encryption_at_rest)
            .transit_encryption_enabled(self.encryption_in_transit)
            .cache_subnet_group_name(cx.get(&self.subnet_group)?.name)
            .set_security_group_ids(Some(ids(cx, &self.security_groups)?))
            .auto_minor_version_upgrade(true)
            .set_tags(Some(tags::for_elasticache(&cloud.labels(cx.address(), &self.tags))));
        let made = eventually(cx, Pace::seconds(2, 120), fresh, || {
            let call = call.clone();
            async move { call.send().await.aws().or_code(&["ReplicationGroupAlreadyExists"]) }
        });
        if made.await?.is_none() {
            let there = Self::known(&id, cx).await?;
            Self::read(cloud, &there).await?.ok_or_else(|| stranger("replication group", &id))?;
        }
        Ok(Self::known(&id, cx).await?.live())
    }

    async fn settle(live: Self::Live, cx: &Cx<Aws>) -> Result<Self::Live> {
        Ok(Self::changed(&live.id, cx, |_| true).await?.live())
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let id = &found.live.id;
        let modify = || {
            let call = cx.cloud.elasticache.modify_replication_group();
            call.replication_group_id(id).apply_immediately(true)
        };
        match edit {
            Edit::Engine => Box::pin(self.edit_engine(id, modify(), cx)).await,
            Edit::NodeType => {
                let call = modify().cache_node_type(&self.node_type);
                let done = |s: &Self| s.node_type == self.node_type;
                Box::pin(Self::modify(id, call, done, cx)).await
            }
            Edit::Replicas => Box::pin(self.edit_replicas(id, modify, cx)).await,
            Edit::SecurityGroups => {
                let wanted = ids(cx, &self.security_groups)?;
                let call = modify().set_security_group_ids(Some(wanted.clone()));
                let done = |s: &Self| are(&s.security_groups, &wanted);
                Box::pin(Self::modify(id, call, done, cx)).await
            }
            Edit::Tags => {
                let arn = &found.live.arn;
                let owned = Aws::owned_cache(cx, arn).await?;
                let owned = owned.ok_or_else(|| stranger("replication group", id))?;
                Aws::retag_elasticache(cx, arn, &self.tags, &owned.tags).await
            }
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let id = &found.live.id;
        let call = cx.cloud.elasticache.delete_replication_group();
        let call = call.replication_group_id(id).retain_primary_cluster(false);
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
        let status = || async { Ok(Reading::of(&cx.cloud, id).await?.map(|r| r.status())) };
        until_gone(cx, WORK, status).await
    }
}

impl ReplicationGroup {
    /// What was read in the words in which it was wanted, if it is ours.
    async fn read(cloud: &Aws, reading: &Reading) -> Result<Option<Found<Self>>> {
        let live = reading.live();
        let mut notes = reading.notes();
        let (name, tags) = match cloud.told_of_cache(&live.arn, &live.status).await? {
            Told::Ours(owned) => (owned.name, owned.tags),
            Told::Nothing if reading.is_described_as_ours(cloud) => {
                notes.push(format!("its tags cannot be read while it is {}", live.status));
                let name = cloud.role(&live.id).unwrap_or_default().to_owned();
                (name, cloud.presumed_tags(&live.arn).await?.unwrap_or_default())
            }
            Told::Nothing | Told::NotOurs(_) | Told::Gone => return Ok(None),
        };
        let found = Found::ready(name, reading.spec(tags), live);
        let found = found.in_phase(reading.phase()).with_notes(notes);
        Ok(Some(unless_copied(cloud, found, "replication group")))
    }

    /// Brings about what `done` looks for. AWS is looked at before the call is sent, each time: it
    /// may have carried out what it was asked before, and only the answer was lost.
    async fn modify(
        id: &str,
        call: ModifyReplicationGroupFluentBuilder,
        done: impl Fn(&Self) -> bool + Sync,
        cx: &Cx<Aws>,
    ) -> Result<()> {
        let asked = AtomicBool::new(false);
        cx.until(WORK, || async {
            let now = Self::known(id, cx).await?;
            let (rests, probe) = (now.is_at_rest(), now.judge(&done));
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
                Err(refusal) => match Self::known(id, cx).await?.judge(&done) {
                    Probe::Ready(_) => Probe::Ready(()),
                    _ => return Err(refusal.into()),
                },
            })
        })
        .await
    }

    /// One that is there, though perhaps since a moment only.
    async fn known(id: &str, cx: &Cx<Aws>) -> Result<Reading> {
        watch(cx, Pace::seconds(5, 120), || Reading::of(&cx.cloud, id), Probe::Ready).await
    }

    /// Waits until it is available, and is as `done` wants it.
    async fn changed(
        id: &str,
        cx: &Cx<Aws>,
        done: impl Fn(&Self) -> bool + Sync,
    ) -> Result<Reading> {
        watch(cx, WORK, || Reading::of(&cx.cloud, id), |reading| reading.judge(&done)).await
    }

    /// The name of its parameter group.
    fn parameter_group(&self, cx: &Cx<Aws>) -> Result<Option<String>> {
        Ok(self.parameters.0.as_ref().map(|to| cx.get(to)).transpose()?.map(|group| group.name))
    }

    async fn edit_engine(
        &self,
        id: &str,
        call: ModifyReplicationGroupFluentBuilder,
        cx: &Cx<Aws>,
    ) -> Result<()> {
        let group = self.parameter_group(cx)?;
        let runs = |s: &Self| s.engine == self.engine && self.version.accepts(&s.version);
        let done = |s: &Self| {
            let is = s.parameters.0.as_ref().and_then(Ref::id);
            runs(s) && (group.is_none() || is == group.as_deref())
        };
        let now = Self::changed(id, cx, |_| true).await?.spec(Tags::default());
        let call = call.set_cache_parameter_group_name(group.clone());
        let other = (now.engine != self.engine).then(|| self.engine.to_string());
        let version = (!runs(&now)).then(|| self.version.0.clone());
        let call = call.set_engine(other).set_engine_version(version);
        Box::pin(Self::modify(id, call, done, cx)).await
    }

    async fn edit_replicas(
        &self,
        id: &str,
        modify: impl Fn() -> ModifyReplicationGroupFluentBuilder,
        cx: &Cx<Aws>,
    ) -> Result<()> {
        let failover = |on| modify().automatic_failover_enabled(on).multi_az_enabled(on);
        let now = Self::changed(id, cx, |_| true).await?;
        if !self.failover && now.may_fail_over() {
            Box::pin(Self::modify(id, failover(false), |s| !s.failover, cx)).await?;
        }
        let zones = cx.get(&self.subnet_group)?.zones;
        cx.until(WORK, || Box::pin(self.resize(id, &zones, cx))).await?;
        if self.failover {
            Box::pin(Self::modify(id, failover(true), |s| s.failover, cx)).await?;
        }
        Ok(())
    }

    /// Asks for the wanted number of replicas, unless there are as many. That AWS is at work on it
    /// may mean that it was asked before, and that the answer was lost.
    async fn resize(&self, id: &str, zones: &[String], cx: &Cx<Aws>) -> Result<Probe<()>> {
        let now = Self::known(id, cx).await?;
        let (count, wanted) = (now.spec(Tags::default()).replicas, i32::from(self.replicas));
        let client = &cx.cloud.elasticache;
        let asked = match self.replicas.cmp(&count) {
            Ordering::Equal => {
                return Ok(now.judge(|s| s.replicas == self.replicas).map(drop));
            }
            _ if !now.is_at_rest() => return Ok(now.judge(|_| false).map(drop)),
            Ordering::Greater => {
                let call = client.increase_replica_count().replication_group_id(id);
                let call = call.apply_immediately(true);
                let call = match now.spread(self.replicas, zones) {
                    Some(spread) => call.replica_configuration(spread),
                    None => call.new_replica_count(wanted),
                };
                call.send().await.aws().map(drop)
            }
            Ordering::Less => {
                let call = client.decrease_replica_count().replication_group_id(id);
                let call = call.new_replica_count(wanted).apply_immediately(true);
                call.send().await.aws().map(drop)
            }
        };
        asked.or_code(&[BUSY])?;
        Ok(Probe::Pending(format!("going from {count} to {wanted} replicas")))
    }
}

#[cfg(test)]
mod tests;
