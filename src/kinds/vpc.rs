//! The network everything of a stack stands in.

use ipnet::Ipv4Net;
use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Table},
};
use anyhow::{Result, bail};

/// The network everything of a stack stands in.
#[derive(Clone, Debug)]
pub struct Vpc {
    /// The address range.
    pub cidr: Ipv4Net,
    /// Whether instances get DNS host names.
    pub dns_hostnames: bool,
    /// The user's tags.
    pub tags: Tags,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    DnsHostnames,
    /// See the attribute table.
    Tags,
}

impl Kind for Vpc {
    type Cloud = Aws;
    type Live = String;
    type Edit = Edit;

    const NAME: &'static str = "vpc";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("cidr", |v| &v.cidr)
            .tuned("dns_hostnames", Edit::DnsHostnames, |v| &v.dns_hostnames)
            .tuned("tags", Edit::Tags, |v| &v.tags)
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
