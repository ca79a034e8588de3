//! A public address that stays the same.

use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Table},
};
use anyhow::{Result, bail};

/// A public address that stays the same.
#[derive(Clone, Debug)]
pub struct ElasticIp {
    /// The user's tags.
    pub tags: Tags,
}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElasticIpLive {
    /// The allocation's id, `eipalloc-…`.
    pub allocation: String,
    /// The address itself.
    pub address: String,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    Tags,
}

impl Kind for ElasticIp {
    type Cloud = Aws;
    type Live = ElasticIpLive;
    type Edit = Edit;

    const NAME: &'static str = "elastic-ip";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .tuned("tags", Edit::Tags, |e| &e.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.allocation
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
