//! What the instances may do in AWS: an IAM role, its inline policy, and the profile that hands it over.

use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Table},
};
use anyhow::{Result, bail};
use std::time::Duration;

/// What the instances may do in AWS: an IAM role, its inline policy, and the profile that hands it over.
#[derive(Clone, Debug)]
pub struct InstanceRole {
    /// The inline policy, as canonical JSON.
    pub policy: String,
    /// The user's tags.
    pub tags: Tags,
}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleLive {
    /// The role's name.
    pub role: String,
    /// The instance profile's name, the same as the role's.
    pub profile: String,
    /// The instance profile's ARN.
    pub profile_arn: String,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    Policy,
    /// See the attribute table.
    Tags,
}

impl Kind for InstanceRole {
    type Cloud = Aws;
    type Live = RoleLive;
    type Edit = Edit;

    const NAME: &'static str = "instance-role";
    const USUAL: Duration = Duration::from_secs(8);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .tuned("policy", Edit::Policy, |r| &r.policy)
            .tuned("tags", Edit::Tags, |r| &r.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.profile_arn
    }

    async fn discover(_cloud: &Aws) -> Result<Vec<Found<Self>>> {
        bail!("not built")
    }

    async fn create(&self, _cx: &Cx<Aws>) -> Result<Self::Live> {
        bail!("not built")
    }

    async fn edit(&self, _edit: Edit, _found: &Found<Self>, _cx: &Cx<Aws>) -> Result<()> {
        bail!("not built")
    }

    async fn delete(_found: &Found<Self>, _cx: &Cx<Aws>) -> Result<()> {
        bail!("not built")
    }
}
