//! A Route 53 zone that is made and removed with the stack.

use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Table},
};
use anyhow::{Result, bail};

/// A Route 53 zone that is made and removed with the stack.
#[derive(Clone, Debug)]
pub struct HostedZone {
    /// The domain, without a trailing dot.
    pub domain: String,
    /// The user's tags.
    pub tags: Tags,
}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedZoneLive {
    /// The zone's bare id, `Z…`.
    pub id: String,
    /// The name servers to which the parent domain must delegate.
    pub name_servers: Vec<String>,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    Tags,
}

impl Kind for HostedZone {
    type Cloud = Aws;
    type Live = HostedZoneLive;
    type Edit = Edit;

    const NAME: &'static str = "hosted-zone";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("domain", |z| &z.domain)
            .tuned("tags", Edit::Tags, |z| &z.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.id
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
