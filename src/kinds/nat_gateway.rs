//! The way out to the internet for what has no public address.

use super::{elastic_ip::ElasticIp, internet_gateway::InternetGateway, subnet::Subnet};
use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Ref, Table},
};
use anyhow::{Result, bail};
use std::time::Duration;

/// The way out to the internet for what has no public address.
#[derive(Clone, Debug)]
pub struct NatGateway {
    /// The public subnet it stands in.
    pub subnet: Ref<Subnet>,
    /// Its public address.
    pub address: Ref<ElasticIp>,
    /// The door it goes through, which must be there before it; AWS does not tell which.
    pub internet_gateway: Option<Ref<InternetGateway>>,
    /// The user's tags.
    pub tags: Tags,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    Tags,
}

impl Kind for NatGateway {
    type Cloud = Aws;
    type Live = String;
    type Edit = Edit;

    const NAME: &'static str = "nat-gateway";
    const USUAL: Duration = Duration::from_secs(110);
    const USUAL_DELETION: Duration = Duration::from_secs(60);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("subnet", |n| &n.subnet)
            .fixed("address", |n| &n.address)
            .needs(|n| &n.internet_gateway)
            .tuned("tags", Edit::Tags, |n| &n.tags)
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
