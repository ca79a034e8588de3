//! An address range in one availability zone.

use super::vpc::Vpc;
use ipnet::Ipv4Net;
use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Ref, Table},
};
use anyhow::{Result, bail};

/// An address range in one availability zone.
#[derive(Clone, Debug)]
pub struct Subnet {
    /// Where it lies.
    pub vpc: Ref<Vpc>,
    /// The availability zone, `eu-west-1a`.
    pub zone: String,
    /// The address range.
    pub cidr: Ipv4Net,
    /// Whether instances get a public address.
    pub map_public_ip: bool,
    /// The user's tags.
    pub tags: Tags,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    MapPublicIp,
    /// See the attribute table.
    Tags,
}

impl Kind for Subnet {
    type Cloud = Aws;
    type Live = String;
    type Edit = Edit;

    const NAME: &'static str = "subnet";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("vpc", |s| &s.vpc)
            .fixed("zone", |s| &s.zone)
            .fixed("cidr", |s| &s.cidr)
            .tuned("map_public_ip", Edit::MapPublicIp, |s| &s.map_public_ip)
            .tuned("tags", Edit::Tags, |s| &s.tags)
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
