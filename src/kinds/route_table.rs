//! Where packets from a set of subnets go.

use super::{internet_gateway::InternetGateway, nat_gateway::NatGateway, subnet::Subnet, vpc::Vpc};
use crate::engine::{Attribute, address::Link, plan::Ids};
use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Ref, Table},
};
use anyhow::{Result, bail};

/// Where packets from a set of subnets go.
#[derive(Clone, Debug)]
pub struct RouteTable {
    /// Where it belongs.
    pub vpc: Ref<Vpc>,
    /// Where everything else goes.
    pub default_route: DefaultRoute,
    /// The subnets it is for.
    pub subnets: Vec<Ref<Subnet>>,
    /// The user's tags.
    pub tags: Tags,
}

/// Where packets go that are not for the VPC itself.
#[derive(Clone, Debug, PartialEq)]
pub enum DefaultRoute {
    /// Nowhere.
    None,
    /// Straight to the internet.
    InternetGateway(Ref<InternetGateway>),
    /// Out through a NAT gateway.
    NatGateway(Ref<NatGateway>),
}

impl Attribute for DefaultRoute {
    fn show(&self) -> String {
        match self {
            Self::None => "(none)".into(),
            Self::InternetGateway(to) => to.show(),
            Self::NatGateway(to) => to.show(),
        }
    }
    fn met_by(&self, found: &Self, ids: &Ids) -> bool {
        match (self, found) {
            (Self::None, Self::None) => true,
            (Self::InternetGateway(a), Self::InternetGateway(b)) => a.met_by(b, ids),
            (Self::NatGateway(a), Self::NatGateway(b)) => a.met_by(b, ids),
            _ => false,
        }
    }
    fn links(&self, out: &mut Vec<Link>) {
        match self {
            Self::None => {}
            Self::InternetGateway(to) => to.links(out),
            Self::NatGateway(to) => to.links(out),
        }
    }
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    DefaultRoute,
    /// See the attribute table.
    Subnets,
    /// See the attribute table.
    Tags,
}

impl Kind for RouteTable {
    type Cloud = Aws;
    type Live = String;
    type Edit = Edit;

    const NAME: &'static str = "route-table";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("vpc", |r| &r.vpc)
            .tuned("default_route", Edit::DefaultRoute, |r| &r.default_route)
            .tuned("subnets", Edit::Subnets, |r| &r.subnets)
            .tuned("tags", Edit::Tags, |r| &r.tags)
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
