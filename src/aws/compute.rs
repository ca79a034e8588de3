//! The stack's instances and the role they have: readings that several kinds share.

use super::{Aws, Failure, Owned, Sent, Tolerant, ec2::filter, tags};
use anyhow::Result;
use aws_sdk_ec2::types::{Filter, Instance};
use aws_sdk_iam::types::{InstanceProfile, Role};
use futures::FutureExt as _;

/// The name, within the instances' role, of the policy that is known before anything is made.
pub const APP_POLICY: &str = "app";

/// The instances' role, as far as it is there and this stack's.
#[derive(Clone, Debug, Default)]
pub struct RoleReading {
    /// The role.
    pub role: Option<(Role, Owned)>,
    /// The instance profile that hands it over.
    pub profile: Option<(InstanceProfile, Owned)>,
    /// The names of the role's inline policies.
    pub policies: Vec<String>,
    /// The document of the one that is called [`APP_POLICY`], as IAM gives it: URL-encoded.
    pub document: Option<String>,
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
        let policies = async {
            let pages = self.iam.list_role_policies().role_name(&name).into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>().await.aws().or_gone()
        };
        let document = async {
            let call = self.iam.get_role_policy().role_name(&name).policy_name(APP_POLICY);
            call.send().await.aws().or_gone()
        };
        let (role, profile, policies, document) =
            tokio::try_join!(role, profile, policies, document)?;
        let Some(role) = role else { return Ok(RoleReading { profile, ..RoleReading::default() }) };
        Ok(RoleReading {
            role: Some(role),
            profile,
            policies: policies.unwrap_or_default(),
            document: document.map(|answer| answer.policy_document),
        })
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
