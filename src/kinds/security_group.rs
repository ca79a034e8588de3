//! A named set of network interfaces that rules can speak of; its rules are a kind of their own.

use super::vpc::Vpc;
use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Ref, Table},
};
use anyhow::{Result, bail};

/// A named set of network interfaces that rules can speak of; its rules are a kind of their own.
#[derive(Clone, Debug)]
pub struct SecurityGroup {
    /// Where it belongs.
    pub vpc: Ref<Vpc>,
    /// What it is for; AWS never changes it.
    pub description: String,
    /// Whether it keeps AWS's rule that lets everything out.
    pub open_egress: bool,
    /// The user's tags.
    pub tags: Tags,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    OpenEgress,
    /// See the attribute table.
    Tags,
}

impl Kind for SecurityGroup {
    type Cloud = Aws;
    type Live = String;
    type Edit = Edit;

    const NAME: &'static str = "security-group";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("vpc", |g| &g.vpc)
            .fixed("description", |g| &g.description)
            .tuned("open_egress", Edit::OpenEgress, |g| &g.open_egress)
            .tuned("tags", Edit::Tags, |g| &g.tags)
    }

    fn id(live: &Self::Live) -> &str {
        live
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
