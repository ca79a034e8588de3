//! What may pass to or from the members of a security group.

use super::security_group::SecurityGroup;
use crate::engine::{Attribute, Plain, address::Link, plan::Ids};
use ipnet::Ipv4Net;
use std::fmt;
use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Ref, Table},
};
use anyhow::{Result, bail};

/// What may pass to or from the members of a security group.
#[derive(Clone, Debug)]
pub struct SecurityGroupRule {
    /// Whose rule it is.
    pub group: Ref<SecurityGroup>,
    /// Which way it lets pass.
    pub direction: Direction,
    /// The TCP port.
    pub port: u16,
    /// The other side.
    pub peer: Peer,
    /// The user's tags.
    pub tags: Tags,
}

/// Which way a rule lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the group's members.
    Ingress,
    /// From the group's members.
    Egress,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        })
    }
}

impl Plain for Direction {}

/// The other side of a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Peer {
    /// An address range.
    Cidr(Ipv4Net),
    /// The members of another group.
    Group(Ref<SecurityGroup>),
}

impl Attribute for Peer {
    fn show(&self) -> String {
        match self {
            Self::Cidr(cidr) => cidr.to_string(),
            Self::Group(group) => group.show(),
        }
    }
    fn met_by(&self, found: &Self, ids: &Ids) -> bool {
        match (self, found) {
            (Self::Cidr(a), Self::Cidr(b)) => a == b,
            (Self::Group(a), Self::Group(b)) => a.met_by(b, ids),
            _ => false,
        }
    }
    fn links(&self, out: &mut Vec<Link>) {
        if let Self::Group(group) = self {
            group.links(out);
        }
    }
}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleLive {
    /// The rule's id, `sgr-…`.
    pub id: String,
    /// The id of the group whose rule it is.
    pub group: String,
    /// Which way it lets pass: revoking has a call for each.
    pub direction: Direction,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    Tags,
}

impl Kind for SecurityGroupRule {
    type Cloud = Aws;
    type Live = RuleLive;
    type Edit = Edit;

    const NAME: &'static str = "security-group-rule";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("group", |r| &r.group)
            .fixed("direction", |r| &r.direction)
            .fixed("port", |r| &r.port)
            .fixed("peer", |r| &r.peer)
            .tuned("tags", Edit::Tags, |r| &r.tags)
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
