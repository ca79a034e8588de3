//! The subnets a database may stand in: two zones at least.

use super::subnet::Subnet;
use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Ref, Table},
};
use anyhow::{Result, bail};

/// The subnets a database may stand in: two zones at least.
#[derive(Clone, Debug)]
pub struct DbSubnetGroup {
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
    /// See the attribute table.
    Subnets,
    /// See the attribute table.
    Tags,
}

impl Kind for DbSubnetGroup {
    type Cloud = Aws;
    type Live = DbSubnetGroupLive;
    type Edit = Edit;

    const NAME: &'static str = "db-subnet-group";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table.tuned("subnets", Edit::Subnets, |g| &g.subnets).tuned("tags", Edit::Tags, |g| &g.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.name
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
