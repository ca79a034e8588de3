//! The application load balancer that users reach.

use super::{route_table::RouteTable, security_group::SecurityGroup, subnet::Subnet};
use crate::engine::Plain;
use std::fmt;
use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Ref, Table},
};
use anyhow::{Result, bail};
use std::time::Duration;

/// The application load balancer that users reach.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    /// Whether the internet reaches it.
    pub scheme: Scheme,
    /// Where it stands: two zones at least.
    pub subnets: Vec<Ref<Subnet>>,
    /// What may reach it.
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// Seconds after which a silent connection is closed, 1–4000.
    pub idle_timeout: u32,
    /// Whether malformed header fields are dropped.
    pub drop_invalid_headers: bool,
    /// The way in, which must be there first; AWS does not tell which.
    pub routes: Vec<Ref<RouteTable>>,
    /// The user's tags.
    pub tags: Tags,
}

/// Who can reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Everyone, as far as its security group lets them.
    InternetFacing,
    /// Only what is in the VPC.
    Internal,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InternetFacing => "internet-facing",
            Self::Internal => "internal",
        })
    }
}

impl Plain for Scheme {}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancerLive {
    /// Its ARN.
    pub arn: String,
    /// Where it answers.
    pub dns_name: String,
    /// The hosted zone that alias records to it name.
    pub zone_id: String,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    Subnets,
    /// See the attribute table.
    SecurityGroups,
    /// See the attribute table.
    Attributes,
    /// See the attribute table.
    Tags,
}

impl Kind for LoadBalancer {
    type Cloud = Aws;
    type Live = LoadBalancerLive;
    type Edit = Edit;

    const NAME: &'static str = "load-balancer";
    const USUAL: Duration = Duration::from_secs(150);
    const USUAL_DELETION: Duration = Duration::from_secs(60);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("scheme", |l| &l.scheme)
            .tuned("subnets", Edit::Subnets, |l| &l.subnets)
            .tuned("security_groups", Edit::SecurityGroups, |l| &l.security_groups)
            .tuned("idle_timeout", Edit::Attributes, |l| &l.idle_timeout)
            .tuned("drop_invalid_headers", Edit::Attributes, |l| &l.drop_invalid_headers)
            .needs(|l| &l.routes)
            .tuned("tags", Edit::Tags, |l| &l.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.arn
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
