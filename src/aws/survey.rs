//! Readings that several kinds share, made once per inventory.

use super::{Aws, Owned, Sent, tags};
use anyhow::Result;
use aws_sdk_elasticloadbalancingv2::types::{LoadBalancer, TargetGroup};
use std::collections::HashMap;
use tokio::sync::OnceCell;

/// What has been read so far.
#[derive(Debug, Default)]
pub struct Survey {
    balancing: OnceCell<Balancing>,
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
        let target_groups = async {
            let pages = self.elb.describe_target_groups().into_paginator().items().send();
            pages.collect::<Result<Vec<_>, _>>().await.aws()
        };
        let (mut balancers, mut groups) = tokio::try_join!(load_balancers, target_groups)?;
        balancers.retain(|b| b.load_balancer_name().and_then(|n| self.role(n)).is_some());
        groups.retain(|g| g.target_group_name().and_then(|n| self.role(n)).is_some());
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
