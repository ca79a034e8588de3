//! The subnets a database may stand in: two zones at least.

use super::{
    db_cluster::DbCluster,
    db_instance::DbInstance,
    stores::{fresh, stranger, watch::ids},
    subnet::Subnet,
    vpc::Vpc,
};
use crate::{
    aws::{
        Aws, Failure, Sent, Tags, Tolerant,
        ec2::{Refusals, once_free},
        eventually, tags,
    },
    engine::{Change, Cx, Found, Kind, Pace, Problem, Ref, Table, Taken},
};
use anyhow::{Context, Result};
use aws_sdk_rds::types::{
    DbCluster as Cluster, DbInstance as Instance, DbSubnetGroup as Described,
};
use futures::future::try_join_all;

/// The subnets a database may stand in: two zones at least.
#[derive(Clone, Debug)]
pub struct DbSubnetGroup {
    /// Where its subnets are; it never leaves it.
    pub vpc: Ref<Vpc>,
    /// One in each zone.
    pub subnets: Vec<Ref<Subnet>>,
    /// The user's tags.
    pub tags: Tags,
}

/// What AWS knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbSubnetGroupLive {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `ModifyDBSubnetGroup`.
    Subnets,
    /// `AddTagsToResource` and `RemoveTagsFromResource`.
    Tags,
}

impl Kind for DbSubnetGroup {
    type Cloud = Aws;
    type Live = DbSubnetGroupLive;
    type Edit = Edit;

    const NAME: &'static str = "db-subnet-group";

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
        let pages = cloud.rds.describe_db_subnet_groups().into_paginator();
        let mut all = pages.items().send().collect::<Result<Vec<_>, _>>().await.aws()?;
        all.retain(|g| g.db_subnet_group_name().and_then(|name| cloud.role(name)).is_some());
        let found = try_join_all(all.iter().map(|group| Self::read(cloud, group))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn preflight(
        &self,
        found: Option<&Found<Self>>,
        changes: &[Change],
        cx: &Cx<Aws>,
    ) -> Result<Vec<Problem>> {
        let Some(found) = found.filter(|_| changes.iter().any(|c| c.attribute == "subnets")) else {
            return Ok(Vec::new());
        };
        let kept: Vec<String> = self.subnets.iter().filter_map(|to| cx.get(to).ok()).collect();
        let group = called(&cx.cloud, &found.live.name).await?;
        let lost: Vec<&str> = group
            .iter()
            .flat_map(Described::subnets)
            .filter(|s| s.subnet_identifier().is_none_or(|id| kept.iter().all(|kept| kept != id)))
            .filter_map(|s| s.subnet_availability_zone()?.name())
            .collect();
        if lost.is_empty() {
            return Ok(Vec::new());
        }
        let databases = inhabitants(&cx.cloud, &found.live.name).await?.0;
        let stay = databases.iter().filter(|db| {
            let id = db.db_instance_identifier().unwrap_or_default();
            !cx.goes::<DbInstance>(id) && db.db_instance_status() != Some("deleting")
        });
        let places = stay.flat_map(|db| {
            let zones = [db.availability_zone(), db.secondary_availability_zone()];
            zones.into_iter().flatten().map(move |zone| (db, zone))
        });
        let stuck = places.filter(|(_, zone)| lost.contains(zone)).map(|(db, zone)| {
            let id = db.db_instance_identifier().unwrap_or("?");
            Problem::new(
                format!("DB instance {id} stands in {zone}, whose subnet would go"),
                "leave the zones of the network as they are: AWS moves no database out of its zone",
            )
        });
        Ok(stuck.collect())
    }

    async fn preflight_deletion(found: &Found<Self>, cx: &Cx<Aws>) -> Result<Vec<Problem>> {
        let (instances, clusters) = inhabitants(&cx.cloud, &found.live.name).await?;
        let instances = instances.iter().filter_map(|db| {
            let id = db.db_instance_identifier()?;
            let stays = !cx.goes::<DbInstance>(id) && db.db_instance_status() != Some("deleting");
            stays.then(|| format!("DB instance {id}"))
        });
        let clusters = clusters.iter().filter_map(|cluster| {
            let id = cluster.db_cluster_identifier()?;
            let stays = !cx.goes::<DbCluster>(id) && cluster.status() != Some("deleting");
            stays.then(|| format!("DB cluster {id}"))
        });
        let stay = instances.chain(clusters);
        let remedy = "delete what is not the stack's, or give it another DB subnet group, first";
        Ok(stay.map(|what| Problem::new(format!("{what} stands in it"), remedy)).collect())
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        let name = cx.cloud.named(cx.name());
        let Some(group) = called(&cx.cloud, &name).await.or_gone()?.flatten() else {
            return Ok(Vec::new());
        };
        let call = cx.cloud.rds.list_tags_for_resource().resource_name(live(&group)?.arn);
        let Some(answer) = call.send().await.aws().or_gone()? else { return Ok(Vec::new()) };
        let what = format!("DB subnet group {name}");
        Ok(cx.cloud.taken(what, tags::of_rds(answer.tag_list())).into_iter().collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<Self::Live> {
        let cloud = &cx.cloud;
        let name = cloud.named(cx.name());
        let call = cloud
            .rds
            .create_db_subnet_group()
            .db_subnet_group_name(&name)
            .db_subnet_group_description(format!("Database of the stack {}", cloud.stack))
            .set_subnet_ids(Some(ids(cx, &self.subnets)?))
            .set_tags(Some(tags::for_rds(&cloud.labels(cx.address(), &self.tags))));
        let made = eventually(cx, Pace::seconds(2, 120), fresh, || {
            let call = call.clone();
            async move { call.send().await.aws().or_code(&["DBSubnetGroupAlreadyExists"]) }
        });
        if let Some(made) = made.await? {
            return live(&made.db_subnet_group.context("made, but not described")?);
        }
        let there = called(cloud, &name).await?;
        let there = there.context("it exists already, but cannot be found")?;
        let found = Self::read(cloud, &there).await?;
        Ok(found.ok_or_else(|| stranger("DB subnet group", &name))?.live)
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let Self::Live { name, arn } = &found.live;
        match edit {
            Edit::Subnets => {
                let call = cx.cloud.rds.modify_db_subnet_group();
                let call = call.db_subnet_group_name(name);
                let call = call.set_subnet_ids(Some(ids(cx, &self.subnets)?));
                eventually(cx, Pace::seconds(2, 120), fresh, || {
                    let call = call.clone();
                    async move { call.send().await.aws().map(drop) }
                })
                .await
            }
            Edit::Tags => cx.cloud.retag_rds(arn, &self.tags, &found.spec.tags).await,
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let call = cx.cloud.rds.delete_db_subnet_group();
        let call = call.db_subnet_group_name(&found.live.name);
        let delete = || {
            let call = call.clone();
            async move { call.send().await.aws() }
        };
        let users = || users(&cx.cloud, &found.live.name);
        once_free(cx, Pace::seconds(10, 600), GONE, delete, users).await
    }
}

const GONE: Refusals = Refusals::gone(&["DBSubnetGroupNotFoundFault"]);

impl DbSubnetGroup {
    /// A described group in the words in which it was wanted, if its tags say that it is ours.
    async fn read(cloud: &Aws, group: &Described) -> Result<Option<Found<Self>>> {
        let live = live(group)?;
        let Some(owned) = cloud.owned_rds(&live.arn).await? else { return Ok(None) };
        let subnets = group.subnets().iter().filter_map(|s| s.subnet_identifier());
        let subnets = subnets.map(Ref::found).collect();
        let vpc = Ref::found(group.vpc_id().unwrap_or_default());
        Ok(Some(Found::ready(owned.name, Self { vpc, subnets, tags: owned.tags }, live)))
    }
}

async fn called(cloud: &Aws, name: &str) -> Result<Option<Described>, Failure> {
    let call = cloud.rds.describe_db_subnet_groups().db_subnet_group_name(name);
    Ok(call.send().await.aws()?.db_subnet_groups.and_then(|mut all| all.pop()))
}

/// The databases that stand in a subnet group, whoever made them.
async fn inhabitants(cloud: &Aws, name: &str) -> Result<(Vec<Instance>, Vec<Cluster>)> {
    let instances = async {
        let pages = cloud.rds.describe_db_instances().into_paginator().items().send();
        pages.collect::<Result<Vec<_>, _>>().await.aws()
    };
    let clusters = async {
        let pages = cloud.rds.describe_db_clusters().into_paginator().items().send();
        pages.collect::<Result<Vec<_>, _>>().await.aws()
    };
    let (mut instances, mut clusters) = tokio::try_join!(instances, clusters)?;
    instances
        .retain(|db| db.db_subnet_group().and_then(Described::db_subnet_group_name) == Some(name));
    clusters.retain(|cluster| cluster.db_subnet_group() == Some(name));
    Ok((instances, clusters))
}

/// The same as a user can recognise them.
async fn users(cloud: &Aws, name: &str) -> Result<Vec<String>> {
    let (instances, clusters) = inhabitants(cloud, name).await?;
    let instances = instances.iter().filter_map(|db| {
        let (id, status) = (db.db_instance_identifier()?, db.db_instance_status()?);
        Some(format!("DB instance {id} ({status})"))
    });
    let clusters = clusters.iter().filter_map(|cluster| {
        let (id, status) = (cluster.db_cluster_identifier()?, cluster.status()?);
        Some(format!("DB cluster {id} ({status})"))
    });
    Ok(instances.chain(clusters).collect())
}

fn live(group: &Described) -> Result<DbSubnetGroupLive> {
    Ok(DbSubnetGroupLive {
        name: group.db_subnet_group_name().context("a DB subnet group without a name")?.into(),
        arn: group.db_subnet_group_arn().context("a DB subnet group without an ARN")?.into(),
    })
}

#[cfg(test)]
mod tests;
