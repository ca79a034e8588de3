//! The parameters of a Redis or Valkey cache: what becomes of it when it is full, above all.

use super::{
    cache_subnet_group::CacheSubnetGroup,
    replication_group::Engine,
    stores::{Version, cache_versions, stranger, unless_copied},
};
use crate::{
    aws::{Aws, Failure, Sent, Tags, Tolerant, eventually, stores::Told, tags},
    engine::{Cx, Found, Kind, Pace, Ref, Table, Taken},
};
use anyhow::{Context, Result};
use aws_sdk_elasticache::types::{CacheParameterGroup as Described, Parameter, ParameterNameValue};
use futures::future::try_join_all;

/// The parameters of a Redis or Valkey cache: what becomes of it when it is full, above all.
///
/// AWS's own groups cannot be changed, and evict whatever expires and was not used for longest,
/// sessions as well. A group is of one family of engine versions: an upgrade to another one needs
/// another group, so its name tells the family.
#[derive(Clone, Debug)]
pub struct CacheParameterGroup {
    /// What runs on the cache.
    pub engine: Engine,
    /// The engine version, of which only the family matters.
    pub version: Version,
    /// What a full cache does with a new key.
    pub maxmemory_policy: String,
    /// Percent of a node's memory that no data is put in.
    pub reserved_memory_percent: u8,
    /// Made before it and deleted after it, so that where there is none there is no group either.
    pub beside: Option<Ref<CacheSubnetGroup>>,
    /// The user's tags.
    pub tags: Tags,
}

/// What AWS knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheParameterGroupLive {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `ModifyCacheParameterGroup`: both take effect at once, and no node restarts.
    Parameters,
    /// `AddTagsToResource` and `RemoveTagsFromResource`.
    Tags,
}

/// How long a change of it may be under way.
const WORK: Pace = Pace::seconds(5, 300);
/// AWS's refusal while it is being changed, or a cache uses it.
const BUSY: [&str; 1] = ["InvalidCacheParameterGroupState"];
const POLICY: &str = "maxmemory-policy";
const RESERVED: &str = "reserved-memory-percent";

/// The name, within the stack, of the group for this version of an engine: one for each family.
/// Whether there is one to a major version is for AWS to know; a group more does no harm.
pub fn name(engine: Engine, version: &Version) -> String {
    let major = version.0.split('.').next().unwrap_or_default();
    format!("cache-{engine}{major}")
}

impl Kind for CacheParameterGroup {
    type Cloud = Aws;
    type Live = CacheParameterGroupLive;
    type Edit = Edit;

    const NAME: &'static str = "cache-parameter-group";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .tuned("maxmemory_policy", Edit::Parameters, |g| &g.maxmemory_policy)
            .tuned("reserved_memory_percent", Edit::Parameters, |g| &g.reserved_memory_percent)
            .tuned("tags", Edit::Tags, |g| &g.tags)
            .needs(|g| &g.beside)
    }

    fn id(live: &Self::Live) -> &str {
        &live.name
    }

    async fn discover(cloud: &Aws) -> Result<Vec<Found<Self>>> {
        if cloud.cache_subnet_groups().await?.is_empty() {
            return Ok(Vec::new());
        }
        let pages = cloud.elasticache.describe_cache_parameter_groups().into_paginator();
        let mut all = pages.items().send().collect::<Result<Vec<_>, _>>().await.aws()?;
        all.retain(|g| g.cache_parameter_group_name().is_some_and(|n| cloud.role(n).is_some()));
        let found = try_join_all(all.iter().map(|group| Self::read(cloud, group))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        let name = cx.cloud.named(cx.name());
        let Some(group) = called(&cx.cloud, &name).await.or_gone()?.flatten() else {
            return Ok(Vec::new());
        };
        let (what, arn) = (format!("cache parameter group {name}"), live(&group)?.arn);
        let taken = cx.cloud.taken_in_cache(what, &arn, "available", async { Ok(false) });
        Ok(taken.await?.into_iter().collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<Self::Live> {
        let cloud = &cx.cloud;
        let name = cloud.named(cx.name());
        let family = cache_versions::family(cloud, &self.engine.to_string(), &self.version).await?;
        let call = cloud.elasticache.create_cache_parameter_group();
        let made = call
            .cache_parameter_group_name(&name)
            .cache_parameter_group_family(family)
            .description(format!("Cache of the stack {}", cloud.stack))
            .set_tags(Some(tags::for_elasticache(&cloud.labels(cx.address(), &self.tags))))
            .send();
        let made = made.await.aws().or_code(&["CacheParameterGroupAlreadyExists"])?;
        let live = if let Some(made) = made.and_then(|made| made.cache_parameter_group) {
            live(&made)?
        } else {
            let there = called(cloud, &name).await?;
            let there = there.context("it exists already, but cannot be found")?;
            let found = Self::read(cloud, &there).await?;
            found.ok_or_else(|| stranger("cache parameter group", &name))?.live
        };
        self.set(&live.name, cx).await?;
        Ok(live)
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        match edit {
            Edit::Parameters => self.set(&found.live.name, cx).await,
            Edit::Tags => {
                Aws::retag_elasticache(cx, &found.live.arn, &self.tags, &found.spec.tags).await
            }
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let call = cx.cloud.elasticache.delete_cache_parameter_group();
        let call = call.cache_parameter_group_name(&found.live.name);
        // A cache that was deleted or switched to another one a moment ago holds it for a while.
        let used = |failure: &Failure| failure.is(&BUSY);
        eventually(cx, Pace::seconds(10, 600), used, || {
            let call = call.clone();
            async move { call.send().await.aws().or_gone().map(drop) }
        })
        .await
    }
}

impl CacheParameterGroup {
    /// A described group in the words in which it was wanted, if its tags say that it is ours.
    async fn read(cloud: &Aws, group: &Described) -> Result<Option<Found<Self>>> {
        let live = live(group)?;
        let told = async { Ok(cloud.told_of_cache(&live.arn, "available").await?) };
        let (told, parameters) = tokio::try_join!(told, parameters(cloud, &live.name))?;
        let Told::Ours(owned) = told else { return Ok(None) };
        let value = |name: &str| {
            let is = |p: &&Parameter| p.parameter_name() == Some(name);
            parameters.iter().find(is).and_then(|p| p.parameter_value.clone()).unwrap_or_default()
        };
        let family = group.cache_parameter_group_family().unwrap_or_default();
        let spec = Self {
            engine: if family.starts_with("valkey") { Engine::Valkey } else { Engine::Redis },
            version: Version(family.trim_start_matches(char::is_alphabetic).into()),
            maxmemory_policy: value(POLICY),
            reserved_memory_percent: value(RESERVED).parse().unwrap_or_default(),
            beside: None,
            tags: owned.tags,
        };
        let found = Found::ready(owned.name, spec, live);
        Ok(Some(unless_copied(cloud, found, "cache parameter group")))
    }

    /// Sets what the stack decides, and nothing else: what somebody else has set stays.
    async fn set(&self, name: &str, cx: &Cx<Aws>) -> Result<()> {
        let value = |name: &str, value: &str| {
            ParameterNameValue::builder().parameter_name(name).parameter_value(value).build()
        };
        let call = cx.cloud.elasticache.modify_cache_parameter_group();
        let call = call
            .cache_parameter_group_name(name)
            .parameter_name_values(value(POLICY, &self.maxmemory_policy))
            .parameter_name_values(value(RESERVED, &self.reserved_memory_percent.to_string()));
        let soon = |failure: &Failure| failure.is(&BUSY) || failure.is_gone();
        eventually(cx, WORK, soon, || {
            let call = call.clone();
            async move { call.send().await.aws().map(drop) }
        })
        .await
    }
}

async fn called(cloud: &Aws, name: &str) -> Result<Option<Described>, Failure> {
    let call = cloud.elasticache.describe_cache_parameter_groups();
    let answer = call.cache_parameter_group_name(name).send().await.aws()?;
    Ok(answer.cache_parameter_groups.and_then(|mut all| all.pop()))
}

/// All parameters of a group, those that were never set included: which are the user's AWS tells only
/// of those that differ from its own.
async fn parameters(cloud: &Aws, name: &str) -> Result<Vec<Parameter>> {
    let call = cloud.elasticache.describe_cache_parameters().cache_parameter_group_name(name);
    let pages = call.into_paginator().send().collect::<Result<Vec<_>, _>>().await.aws();
    let pages = pages.or_gone()?.unwrap_or_default();
    Ok(pages.into_iter().flat_map(|page| page.parameters.unwrap_or_default()).collect())
}

fn live(group: &Described) -> Result<CacheParameterGroupLive> {
    Ok(CacheParameterGroupLive {
        name: group
            .cache_parameter_group_name()
            .context("a cache parameter group without a name")?
            .into(),
        arn: group.arn().context("a cache parameter group without an ARN")?.into(),
    })
}

#[cfg(test)]
mod tests;
