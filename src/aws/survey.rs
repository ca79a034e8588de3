//! Readings that several kinds share, made once per inventory.

use super::{
    Aws, Owned, Sent, Tolerant, compute::RoleReading, firewall::Firewall, listening::Listening,
    lock::Reading, tags,
};
use crate::engine::Taken;
use anyhow::{Result, ensure};
use aws_sdk_ec2::types::Instance;
use aws_sdk_elasticache::types::{CacheCluster, CacheSubnetGroup};
use aws_sdk_elasticloadbalancingv2::types::{LoadBalancer, TargetGroup};
use std::collections::HashMap;
use tokio::sync::OnceCell;

/// What has been read so far.
#[derive(Debug, Default)]
pub struct Survey {
    pub(super) instances: OnceCell<Vec<(Instance, Owned)>>,
    pub(super) role: OnceCell<RoleReading>,
    balancing: OnceCell<Balancing>,
    pub(super) listening: OnceCell<Vec<Listening>>,
    pub(super) firewall: OnceCell<Firewall>,
    pub(super) cache_clusters: OnceCell<Vec<CacheCluster>>,
    pub(super) cache_subnet_groups: OnceCell<Vec<CacheSubnetGroup>>,
    pub(super) parameters: OnceCell<Reading>,
}

#[cfg(test)]
impl Survey {
    /// Makes this what was read.
    pub(crate) fn set_balancing(&self, balancing: Balancing) {
        self.balancing.set(balancing).expect("nobody has read yet");
    }

    /// Makes this what was read of the instances' role.
    pub(crate) fn set_role(&self, role: RoleReading) {
        self.role.set(role).expect("nobody has read yet");
    }
}

/// The stack's load balancers and target groups, each with what its tags say.
#[derive(Clone, Debug, Default)]
pub struct Balancing {
    /// The load balancers.
    pub load_balancers: Vec<(LoadBalancer, Owned)>,
    /// The target groups.
    pub target_groups: Vec<(TargetGroup, Owned)>,
}

/// `DescribeTags` takes at most this many ARNs (AWS API reference, ELBv2).
const ARNS_PER_CALL: usize = 20;

impl Aws {
    /// The stack's load balancers and target groups, found by name and told by tag.
    pub async fn balancing(&self) -> Result<&Balancing> {
        self.survey.balancing.get_or_try_init(|| self.read_balancing()).await
    }

    async fn read_balancing(&self) -> Result<Balancing> {
        let load_balancers = async {
            let pages = self.elb.describe_load_balancers().into_paginator().items().send();
            pages.collect::<Result<Vec<_>, _>>().await.aws()
        };
        let (mut balancers, groups) =
            tokio::try_join!(load_balancers, self.target_groups_by_name())?;
        balancers.retain(|b| b.load_balancer_name().and_then(|n| self.role(n)).is_some());
        let arns = balancers.iter().filter_map(LoadBalancer::load_balancer_arn);
        let arns = arns.chain(groups.iter().filter_map(TargetGroup::target_group_arn));
        let mut owned = self.owned_balancing(arns.map(str::to_owned).collect()).await?;
        let mut own = |arn: Option<&str>| owned.remove(arn?);
        Ok(Balancing {
            load_balancers: balancers
                .into_iter()
                .filter_map(|b| own(b.load_balancer_arn()).map(|o| (b, o)))
                .collect(),
            target_groups: groups
                .into_iter()
                .filter_map(|g| own(g.target_group_arn()).map(|o| (g, o)))
                .collect(),
        })
    }

    /// The stack's target groups alone, read anew in two calls.
    pub async fn target_groups(&self) -> Result<Vec<(TargetGroup, Owned)>> {
        let groups = self.target_groups_by_name().await?;
        let arns = groups.iter().filter_map(TargetGroup::target_group_arn).map(str::to_owned);
        let mut owned = self.owned_balancing(arns.collect()).await?;
        let mut own = |arn: Option<&str>| owned.remove(arn?);
        let groups = groups.into_iter();
        Ok(groups.filter_map(|g| own(g.target_group_arn()).map(|o| (g, o))).collect())
    }

    /// The target groups that are named like this stack's; some may be others'.
    async fn target_groups_by_name(&self) -> Result<Vec<TargetGroup>, super::Failure> {
        let pages = self.elb.describe_target_groups().into_paginator().items().send();
        let mut groups = pages.collect::<Result<Vec<_>, _>>().await.aws()?;
        groups.retain(|g| g.target_group_name().and_then(|n| self.role(n)).is_some());
        Ok(groups)
    }

    /// Makes sure that the ELBv2 resource that has a name we need is this stack's.
    ///
    /// # Errors
    /// When its tags say that it belongs to somebody else.
    pub async fn claim(&self, arn: &str, name: &str) -> Result<()> {
        let owned = self.owned_balancing(vec![arn.to_owned()]).await?;
        ensure!(owned.contains_key(arn), self.not_ours(name));
        Ok(())
    }

    /// Which of these ELBv2 resources are not this stack's; `what` is what to call them.
    pub async fn taken_balancing(&self, what: &str, arn: Option<&str>) -> Result<Vec<Taken>> {
        let Some(arn) = arn else { return Ok(Vec::new()) };
        let tags = self.elb.describe_tags().resource_arns(arn).send().await.aws().or_gone()?;
        let tags = tags.and_then(|answer| answer.tag_descriptions).unwrap_or_default();
        Ok(tags.iter().filter_map(|of| self.taken(what, tags::of_elb(of.tags()))).collect())
    }

    /// What the tags of these ELBv2 resources say, for those that are this stack's. One that
    /// vanished meanwhile fails a whole call, so such a call is repeated ARN by ARN.
    pub async fn owned_balancing(&self, arns: Vec<String>) -> Result<HashMap<String, Owned>> {
        let mut owned = HashMap::new();
        for some in arns.chunks(ARNS_PER_CALL) {
            match self.owned_among(some).await {
                Ok(more) => owned.extend(more),
                Err(failure) if failure.is_gone() => {
                    for arn in some {
                        match self.owned_among(std::slice::from_ref(arn)).await {
                            Ok(more) => owned.extend(more),
                            Err(failure) if failure.is_gone() => {}
                            Err(failure) => return Err(failure.into()),
                        }
                    }
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(owned)
    }

    async fn owned_among(&self, arns: &[String]) -> Result<HashMap<String, Owned>, super::Failure> {
        let answer =
            self.elb.describe_tags().set_resource_arns(Some(arns.to_vec())).send().await.aws()?;
        Ok(answer
            .tag_descriptions()
            .iter()
            .filter_map(|of| {
                Some((of.resource_arn()?.to_owned(), self.owned(tags::of_elb(of.tags()))?))
            })
            .collect())
    }
}
