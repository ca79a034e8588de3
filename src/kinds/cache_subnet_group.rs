//! The subnets a cache may stand in.

use super::{
    cache_cluster::CacheCluster,
    cache_parameter_group::CacheParameterGroup,
    replication_group::ReplicationGroup,
    stores::{fresh, stranger, unless_copied, watch::ids},
    subnet::Subnet,
    vpc::Vpc,
};
use crate::{
    aws::{
        Aws, Failure, Sent, Tags, Tolerant,
        ec2::{Refusals, once_free},
        eventually,
        stores::Told,
        tags,
    },
    engine::{Change, Cx, Found, Kind, Pace, Problem, Ref, Table, Taken},
};
use anyhow::{Context, Result};
use aws_sdk_elasticache::types::{
    CacheCluster as Cluster, CacheSubnetGroup as Described, Subnet as Inside,
};
use futures::future::try_join_all;
use std::collections::BTreeSet;

/// The subnets a cache may stand in.
#[derive(Clone, Debug)]
pub struct CacheSubnetGroup {
    /// Where its subnets are; it never leaves it.
    pub vpc: Ref<Vpc>,
    /// One in each zone.
    pub subnets: Vec<Ref<Subnet>>,
    /// The user's tags.
    pub tags: Tags,
}

/// What AWS knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSubnetGroupLive {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The zones of its subnets, sorted.
    pub zones: Vec<String>,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `ModifyCacheSubnetGroup`.
    Subnets,
    /// `AddTagsToResource` and `RemoveTagsFromResource`.
    Tags,
}

impl Kind for CacheSubnetGroup {
    type Cloud = Aws;
    type Live = CacheSubnetGroupLive;
    type Edit = Edit;

    const NAME: &'static str = "cache-subnet-group";
    /// Where there is none, no parameter group is looked for.
    const OUTLIVES: &'static [&'static str] = &[CacheParameterGroup::NAME];

    fn attributes(table: Table<Self>) -> Table<Self> {
        table.fixed("vpc", |g| &g.vpc).tuned("subnets", Edit::Subnets, |g| &g.subnets).tuned(
            "tags",
            Edit::Tags,
            |g| &g.tags,
        )
    }

    fn id(live: &Self::Live) -> &str {
        &live.name
    }

    async fn discover(cloud: &Aws) -> Result<Vec<Found<Self>>> {
        let all = cloud.cache_subnet_groups().await?;
        let found = try_join_all(all.iter().map(|group| Self::read(cloud, group))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn preflight(
        &self,
        found: Option<&Found<Self>>,
        _changes: &[Change],
        cx: &Cx<Aws>,
    ) -> Result<Vec<Problem>> {
        let Some(found) = found else { return Ok(Vec::new()) };
        let stay: Vec<_> = self.subnets.iter().filter_map(|to| cx.get(to).ok()).collect();
        let stays = |id: &str| stay.iter().any(|kept| kept == id);
        if found.spec.subnets.iter().filter_map(Ref::id).all(stays) {
            return Ok(Vec::new());
        }
        let name = &found.live.name;
        let group = called(&cx.cloud, name).await.or_gone()?.flatten();
        let subnets = group.map(|group| group.subnets().to_vec()).unwrap_or_default();
        let (left, lost): (Vec<_>, Vec<_>) =
            subnets.into_iter().partition(|s| s.subnet_identifier().is_some_and(stays));
        let left = zones(&left);
        let lost: BTreeSet<_> = zones(&lost).into_iter().filter(|z| !left.contains(z)).collect();
        let stand = standing(cx, name).await?;
        let stand = stand.into_iter().filter(|(_, zone)| lost.contains(zone));
        Ok(stand.map(|(node, zone)| in_the_way(&node, &zone)).collect())
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        let name = cx.cloud.named(cx.name());
        let Some(group) = called(&cx.cloud, &name).await.or_gone()?.flatten() else {
            return Ok(Vec::new());
        };
        let (what, arn) = (format!("cache subnet group {name}"), live(&group)?.arn);
        let taken = cx.cloud.taken_in_cache(what, &arn, "available", async { Ok(false) });
        Ok(taken.await?.into_iter().collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<Self::Live> {
        let cloud = &cx.cloud;
        let name = cloud.named(cx.name());
        let call = cloud
            .elasticache
            .create_cache_subnet_group()
            .cache_subnet_group_name(&name)
            .cache_subnet_group_description(format!("Cache of the stack {}", cloud.stack))
            .set_subnet_ids(Some(ids(cx, &self.subnets)?))
            .set_tags(Some(tags::for_elasticache(&cloud.labels(cx.address(), &self.tags))));
        let made = eventually(cx, Pace::seconds(2, 120), fresh, || {
            let call = call.clone();
            async move { call.send().await.aws().or_code(&["CacheSubnetGroupAlreadyExists"]) }
        });
        if let Some(made) = made.await? {
            return live(&made.cache_subnet_group.context("made, but not described")?);
        }
        let there = called(cloud, &name).await?;
        let there = there.context("it exists already, but cannot be found")?;
        let found = Self::read(cloud, &there).await?;
        Ok(found.ok_or_else(|| stranger("cache subnet group", &name))?.live)
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let Self::Live { name, arn, .. } = &found.live;
        match edit {
            Edit::Subnets => {
                let call = cx.cloud.elasticache.modify_cache_subnet_group();
                let call = call.cache_subnet_group_name(name);
                let call = call.set_subnet_ids(Some(ids(cx, &self.subnets)?));
                eventually(cx, Pace::seconds(2, 120), fresh, || {
                    let call = call.clone();
                    async move { call.send().await.aws().map(drop) }
                })
                .await
            }
            Edit::Tags => Aws::retag_elasticache(cx, arn, &self.tags, &found.spec.tags).await,
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let call = cx.cloud.elasticache.delete_cache_subnet_group();
        let call = call.cache_subnet_group_name(&found.live.name);
        let delete = || {
            let call = call.clone();
            async move { call.send().await.aws() }
        };
        let users = || users(&cx.cloud, &found.live.name);
        once_free(cx, Pace::seconds(10, 600), GONE, delete, users).await
    }
}

const GONE: Refusals = Refusals::gone(&["CacheSubnetGroupNotFoundFault"]);

impl CacheSubnetGroup {
    /// A described group in the words in which it was wanted, if its tags say that it is ours.
    async fn read(cloud: &Aws, group: &Described) -> Result<Option<Found<Self>>> {
        let live = live(group)?;
        let Told::Ours(owned) = cloud.told_of_cache(&live.arn, "available").await? else {
            return Ok(None);
        };
        let subnets = group.subnets().iter().filter_map(|s| s.subnet_identifier());
        let subnets = subnets.map(Ref::found).collect();
        let vpc = Ref::found(group.vpc_id().unwrap_or_default());
        let found = Found::ready(owned.name, Self { vpc, subnets, tags: owned.tags }, live);
        Ok(Some(unless_copied(cloud, found, "cache subnet group")))
    }
}

async fn called(cloud: &Aws, name: &str) -> Result<Option<Described>, Failure> {
    let call = cloud.elasticache.describe_cache_subnet_groups().cache_subnet_group_name(name);
    Ok(call.send().await.aws()?.cache_subnet_groups.and_then(|mut all| all.pop()))
}

fn in_the_way(node: &str, zone: &str) -> Problem {
    Problem::new(
        format!("node {node} stands in the subnet in {zone}, which ElastiCache would not let go"),
        "leave `network.zones` as they are: ElastiCache does not move a node to another zone",
    )
}

/// The nodes in a subnet group that stay, each with its zone.
async fn standing(cx: &Cx<Aws>, name: &str) -> Result<Vec<(String, String)>> {
    let all = inhabitants(&cx.cloud, name).await?;
    let stay = all.iter().filter(|cluster| {
        let goes = cluster.replication_group_id().is_some_and(|id| cx.goes::<ReplicationGroup>(id));
        !goes && !cluster.cache_cluster_id().is_some_and(|id| cx.goes::<CacheCluster>(id))
    });
    let nodes = stay.flat_map(|cluster| {
        let id = cluster.cache_cluster_id().unwrap_or_default();
        let zones = cluster.cache_nodes().iter().filter_map(|n| n.customer_availability_zone());
        // Nodes that are being made are not listed yet; a zone of that name there is none.
        let zones = zones.chain(cluster.preferred_availability_zone()).collect::<BTreeSet<_>>();
        zones.into_iter().map(|zone| (id.to_owned(), zone.to_owned())).collect::<Vec<_>>()
    });
    Ok(nodes.collect())
}

/// The caches that stand in a subnet group, whoever made them.
async fn inhabitants(cloud: &Aws, name: &str) -> Result<Vec<Cluster>> {
    let call = cloud.elasticache.describe_cache_clusters().show_cache_node_info(true);
    let pages = call.into_paginator().items().send();
    let mut all = pages.collect::<Result<Vec<_>, _>>().await.aws()?;
    all.retain(|cluster| cluster.cache_subnet_group_name() == Some(name));
    Ok(all)
}

/// The same as they are told of.
async fn users(cloud: &Aws, name: &str) -> Result<Vec<String>> {
    let inside = inhabitants(cloud, name).await?;
    let told = inside.iter().filter_map(|cluster| {
        let (id, status) = (cluster.cache_cluster_id()?, cluster.cache_cluster_status()?);
        Some(format!("cache cluster {id} ({status})"))
    });
    Ok(told.collect())
}

fn zones(subnets: &[Inside]) -> BTreeSet<String> {
    subnets.iter().filter_map(|s| s.subnet_availability_zone()?.name.clone()).collect()
}

fn live(group: &Described) -> Result<CacheSubnetGroupLive> {
    Ok(CacheSubnetGroupLive {
        name: group
            .cache_subnet_group_name()
            .context("a cache subnet group without a name")?
            .into(),
        arn: group.arn().context("a cache subnet group without an ARN")?.into(),
        zones: zones(group.subnets()).into_iter().collect(),
    })
}

#[cfg(test)]
mod tests;
