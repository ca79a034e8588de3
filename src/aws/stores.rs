//! What several kinds of caches and databases ask: which cache clusters there are, and whose a thing
//! is where its tags must be asked for one by one.

use super::{Aws, Failure, Owned, Sent, Tags, Tolerant, tags};
use crate::engine::{Cx, Pace, Probe, Taken};
use anyhow::Result;
use aws_sdk_elasticache::types::{CacheCluster, CacheSubnetGroup};

/// What could be learnt from the tags of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is this stack's.
    Ours(Owned),
    /// It is somebody else's, in words that say whose.
    NotOurs(String),
    /// It is gone.
    Gone,
    /// AWS tells the tags of a cache only while that is available.
    Nothing,
}

/// Answers about the tags of a cache that is not available.
pub(super) const UNREADABLE: [&str; 2] =
    ["InvalidReplicationGroupState", "InvalidCacheClusterState"];

impl Aws {
    /// The cache clusters whose names begin like those of this stack, with their nodes: those that
    /// stand alone, and the members of replication groups.
    pub async fn cache_clusters(&self) -> Result<&[CacheCluster]> {
        let read = async || {
            let call = self.elasticache.describe_cache_clusters().show_cache_node_info(true);
            let pages = call.into_paginator().items().send();
            let mut all = pages.collect::<Result<Vec<_>, _>>().await.aws()?;
            all.retain(|c| c.cache_cluster_id().and_then(|id| self.role(id)).is_some());
            Ok(all)
        };
        self.survey.cache_clusters.get_or_try_init(read).await.map(Vec::as_slice)
    }

    /// The cache subnet groups whose names begin like those of this stack.
    pub async fn cache_subnet_groups(&self) -> Result<&[CacheSubnetGroup]> {
        let read = async || {
            let pages = self.elasticache.describe_cache_subnet_groups().into_paginator();
            let mut all = pages.items().send().collect::<Result<Vec<_>, _>>().await.aws()?;
            all.retain(|g| g.cache_subnet_group_name().is_some_and(|n| self.role(n).is_some()));
            Ok(all)
        };
        self.survey.cache_subnet_groups.get_or_try_init(read).await.map(Vec::as_slice)
    }

    /// What the tags of an ElastiCache resource say; `status` is AWS's word for its state.
    pub async fn told_of_cache(&self, arn: &str, status: &str) -> Result<Told, Failure> {
        let answer = self.elasticache.list_tags_for_resource().resource_name(arn).send();
        match answer.await.aws() {
            Ok(answer) => {
                let tags = || tags::of_elasticache(answer.tag_list());
                let whose = self.whose(tags()).unwrap_or_default();
                Ok(self.owned(tags()).map_or(Told::NotOurs(whose), Told::Ours))
            }
            Err(failure) if failure.is(&UNREADABLE) => Ok(Told::Nothing),
            Err(failure) if failure.is_gone() && status == "available" => Ok(Told::Gone),
            Err(failure) if failure.is_gone() => Ok(Told::Nothing),
            Err(failure) => Err(failure),
        }
    }

    /// What the tags of a cache that may be busy say, once AWS tells them; `None` when it is not this
    /// stack's.
    pub async fn owned_cache(cx: &Cx<Self>, arn: &str) -> Result<Option<Owned>> {
        cx.until(Pace::seconds(10, 900), || async {
            Ok(match cx.cloud.told_of_cache(arn, "available").await? {
                Told::Ours(owned) => Probe::Ready(Some(owned)),
                Told::NotOurs(_) | Told::Gone => Probe::Ready(None),
                Told::Nothing => Probe::Pending("busy, and its tags cannot be read".into()),
            })
        })
        .await
    }

    /// The user's tags that a cache should bear whose own cannot be read: those of the subnet group
    /// that was made for it, under the same name; `None` when that is not this stack's.
    pub async fn presumed_tags(&self, arn: &str) -> Result<Option<Tags>, Failure> {
        let mut parts: Vec<_> = arn.split(':').collect();
        if let [.., kind, _] = &mut *parts {
            *kind = "subnetgroup";
        }
        Ok(match self.told_of_cache(&parts.join(":"), "available").await? {
            Told::Ours(owned) => Some(owned.tags),
            Told::NotOurs(_) | Told::Gone | Told::Nothing => None,
        })
    }

    /// An ElastiCache resource that has a name we need, if it is not this stack's. `ours` tells
    /// whether one whose tags cannot be read is.
    pub async fn taken_in_cache(
        &self,
        what: String,
        arn: &str,
        status: &str,
        ours: impl Future<Output = Result<bool, Failure>>,
    ) -> Result<Option<Taken>, Failure> {
        let whose = match self.told_of_cache(arn, status).await? {
            Told::Ours(_) | Told::Gone => return Ok(None),
            Told::NotOurs(whose) => whose,
            Told::Nothing if ours.await? => return Ok(None),
            Told::Nothing => format!("its tags cannot be read while it is {status}"),
        };
        Ok(Some(Taken { what, whose }))
    }

    /// What the tags of an RDS resource say, if it is there and this stack's.
    pub async fn owned_rds(&self, arn: &str) -> Result<Option<Owned>, Failure> {
        let answer = self.rds.list_tags_for_resource().resource_name(arn).send();
        let answer = answer.await.aws().or_gone()?;
        Ok(answer.and_then(|answer| self.owned(tags::of_rds(answer.tag_list()))))
    }
}
