//! The stack's security groups and all rules in them, read once for the two kinds that need them.

use super::{Aws, Owned, Sent, ec2, tags};
use anyhow::Result;
use aws_sdk_ec2::types::{Filter, SecurityGroup, SecurityGroupRule};

/// The stack's security groups and all rules in them.
#[derive(Clone, Debug, Default)]
pub struct Firewall {
    /// The groups, each with what its tags say.
    pub groups: Vec<(SecurityGroup, Owned)>,
    /// Every rule in these groups, whoever made it.
    pub rules: Vec<SecurityGroupRule>,
}

impl Aws {
    /// The stack's security groups and all rules in them.
    pub async fn firewall(&self) -> Result<&Firewall> {
        self.survey.firewall.get_or_try_init(|| self.read_firewall()).await
    }

    async fn read_firewall(&self) -> Result<Firewall> {
        let pages = self.ec2.describe_security_groups().filters(self.mine()).into_paginator();
        let groups = pages.items().send().collect::<Result<Vec<_>, _>>().await.aws()?;
        let owned = groups.into_iter().filter_map(|group| {
            let owned = self.owned(tags::of_ec2(group.tags()))?;
            Some((group, owned))
        });
        let groups: Vec<_> = owned.collect();
        let ids = groups.iter().filter_map(|(group, _)| group.group_id()).map(str::to_owned);
        let ids: Vec<_> = ids.collect();
        let rules = if ids.is_empty() {
            Vec::new()
        } else {
            let inside = Filter::builder().name("group-id").set_values(Some(ids)).build();
            self.rules(inside).await?
        };
        Ok(Firewall { groups, rules })
    }

    /// The rules in one security group, as they are now.
    pub async fn rules_in(&self, group: &str) -> Result<Vec<SecurityGroupRule>> {
        self.rules(ec2::filter("group-id", group)).await
    }

    async fn rules(&self, which: Filter) -> Result<Vec<SecurityGroupRule>> {
        let pages = self.ec2.describe_security_group_rules().filters(which).into_paginator();
        Ok(pages.items().send().collect::<Result<Vec<_>, _>>().await.aws()?)
    }
}
