//! The door between a VPC and the internet.

use super::vpc::Vpc;
use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Ref, Table},
};
use anyhow::{Result, bail};

/// The door between a VPC and the internet.
#[derive(Clone, Debug)]
pub struct InternetGateway {
    /// The VPC it is attached to.
    pub vpc: Ref<Vpc>,
    /// The user's tags.
    pub tags: Tags,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    Attach,
    /// See the attribute table.
    Tags,
}

impl Kind for InternetGateway {
    type Cloud = Aws;
    type Live = String;
    type Edit = Edit;

    const NAME: &'static str = "internet-gateway";
    const OUTLIVES: &'static [&'static str] = &["nat-gateway", "load-balancer", "instance"];

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .tuned("vpc", Edit::Attach, |g| &g.vpc)
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
