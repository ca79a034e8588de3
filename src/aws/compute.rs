//! The stack's instances and the role they have: readings that several kinds share.

use super::{Aws, Failure, Owned, Sent, Tolerant, ec2::filter, tags};
use anyhow::Result;
use aws_sdk_ec2::types::{Filter, Instance};
use aws_sdk_iam::types::{InstanceProfile, Role};
use futures::{FutureExt as _, future::try_join_all};
use std::collections::BTreeMap;

/// The name, within the instances' role, of the policy that is known before anything is made.
pub const APP_POLICY: &str = "app";

/// The instances' role, as far as it is there and this stack's.
#[derive(Clone, Debug, Default)]
pub struct RoleReading {
    /// The role.
    pub role: Option<(Role, Owned)>,
    /// The instance profile that hands it over.
    pub profile: Option<(InstanceProfile, Owned)>,
    /// The role's inline policies of the names that stackctl gives, each with its document as IAM
    /// gives it: URL-encoded. An inline policy bears no tags, so that its name alone is no proof.
    pub policies: BTreeMap<String, String>,
    /// The names of the role's other inline policies.
    pub others: Vec<String>,
    /// The ARNs of the managed policies that are attached to the role, whoever did it.
    pub attached: Vec<String>,
}

/// The name of the inline policy that lets the instances read the secret of a database; `kind` is
/// `instance` or `cluster`.
pub fn database_policy(kind: &str, id: &str) -> String {
    format!("database-{kind}-{id}")
}

impl Aws {
    /// The name of the instances' role and of its instance profile. IAM knows no regions, so the
    /// region is part of it: stacks of one name in two regions share nothing.
    pub fn role_name(&self) -> String {
        format!("{}-{}", self.named("app"), self.region)
    }

    /// The stack's instances that are not terminated yet, read once.
    pub async fn instances(&self) -> Result<&[(Instance, Owned)]> {
        let read = || self.read_instances().boxed();
        Ok(self.survey.instances.get_or_try_init(read).await?)
    }

    async fn read_instances(&self) -> Result<Vec<(Instance, Owned)>, Failure> {
        // A terminated instance is shown, tags and all, for about an hour.
        let states = ["pending", "running", "shutting-down", "stopping", "stopped"];
        let states = states.iter().fold(Filter::builder(), |some, state| some.values(*state));
        let call = self.ec2.describe_instances().filters(self.mine());
        let call = call.filters(states.name("instance-state-name").build());
        let pages = call.into_paginator().items().send();
        let reservations = pages.collect::<Result<Vec<_>, _>>().await.aws()?;
        let instances = reservations.into_iter().flat_map(|r| r.instances.unwrap_or_default());
        Ok(instances.filter_map(|i| self.owned(tags::of_ec2(i.tags())).map(|o| (i, o))).collect())
    }

    /// The instance of this id, as it is now.
    pub async fn instance(&self, id: &str) -> Result<Option<Instance>, Failure> {
        // With a filter one that is not known yet is no error.
        let call = self.ec2.describe_instances().filters(filter("instance-id", id));
        let reservations = call.send().await.aws()?.reservations.unwrap_or_default();
        Ok(reservations.into_iter().find_map(|r| r.instances?.pop()))
    }

    /// The instances' role, read once.
    pub async fn instance_role(&self) -> Result<&RoleReading> {
        Ok(self.survey.role.get_or_try_init(|| self.read_role().boxed()).await?)
    }

    async fn read_role(&self) -> Result<RoleReading, Failure> {
        let name = self.role_name();
        let role = self.own_role(&name);
        let profile = self.own_profile(&name);
        let inline = async {
            let pages = self.iam.list_role_policies().role_name(&name).into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>().await.aws().or_gone()
        };
        let attached = async {
            let pages = self.iam.list_attached_role_policies().role_name(&name).into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>().await.aws().or_gone()
        };
        let (role, profile, inline, attached) = tokio::try_join!(role, profile, inline, attached)?;
        let Some(role) = role else { return Ok(RoleReading { profile, ..RoleReading::default() }) };
        let own = self.own_policies();
        let (own, others): (Vec<_>, _) =
            inline.unwrap_or_default().into_iter().partition(|name| own.contains(name));
        let attached = attached.unwrap_or_default().into_iter().filter_map(|p| p.policy_arn);
        let policies = own.into_iter().map(|policy| self.read_policy(&name, policy));
        let policies = try_join_all(policies).await?.into_iter().flatten().collect();
        Ok(RoleReading {
            role: Some(role),
            profile,
            policies,
            others,
            attached: attached.collect(),
        })
    }

    /// The names of all inline policies that stackctl ever gives to the role.
    fn own_policies(&self) -> [String; 3] {
        let database = self.named("db");
        let of = |kind| database_policy(kind, &database);
        [APP_POLICY.to_owned(), of("instance"), of("cluster")]
    }

    async fn read_policy(
        &self,
        role: &str,
        name: String,
    ) -> Result<Option<(String, String)>, Failure> {
        let call = self.iam.get_role_policy().role_name(role).policy_name(&name);
        let answer = call.send().await.aws().or_gone()?;
        Ok(answer.map(|answer| (name, answer.policy_document)))
    }

    /// The role of this name, if it is this stack's.
    pub async fn own_role(&self, name: &str) -> Result<Option<(Role, Owned)>, Failure> {
        let answer = self.iam.get_role().role_name(name).send().await.aws().or_gone()?;
        let role = answer.and_then(|answer| answer.role);
        Ok(role.and_then(|r| self.owned(tags::of_iam(r.tags())).map(|owned| (r, owned))))
    }

    /// The instance profile of this name, if it is this stack's.
    pub async fn own_profile(
        &self,
        name: &str,
    ) -> Result<Option<(InstanceProfile, Owned)>, Failure> {
        let call = self.iam.get_instance_profile().instance_profile_name(name);
        let profile = call.send().await.aws().or_gone()?.and_then(|answer| answer.instance_profile);
        Ok(profile.and_then(|p| self.owned(tags::of_iam(p.tags())).map(|owned| (p, owned))))
    }
}
