//! An alias A record from a name of ours to the load balancer.

use super::{hosted_zone::HostedZone, load_balancer::LoadBalancer};
use crate::engine::{Attribute, address::Link, plan::Ids};
use crate::{
    aws::{Aws},
    engine::{Cx, Found, Kind, Never, Ref, Table},
};
use anyhow::{Result, bail};
use std::time::Duration;

/// An alias A record from a name of ours to the load balancer.
#[derive(Clone, Debug)]
pub struct DnsRecord {
    /// The zone it stands in.
    pub zone: ZoneRef,
    /// The name, without a trailing dot.
    pub domain: String,
    /// Where it leads.
    pub load_balancer: Ref<LoadBalancer>,
}

/// The zone a record stands in.
#[derive(Clone, Debug, PartialEq)]
pub enum ZoneRef {
    /// One that is made and removed with the stack.
    Ours(Ref<HostedZone>),
    /// One that was there before, by its bare id.
    Theirs(String),
}

impl Attribute for ZoneRef {
    fn show(&self) -> String {
        match self {
            Self::Ours(zone) => zone.show(),
            Self::Theirs(id) => id.clone(),
        }
    }
    /// A found record's zone is always told by its id.
    fn met_by(&self, found: &Self, ids: &Ids) -> bool {
        match (self, found) {
            (Self::Ours(zone), Self::Theirs(id)) => zone.met_by(&Ref::found(id.as_str()), ids),
            (Self::Ours(a), Self::Ours(b)) => a.met_by(b, ids),
            (a, b) => a == b,
        }
    }
    fn links(&self, out: &mut Vec<Link>) {
        match self {
            Self::Ours(zone) => zone.links(out),
            Self::Theirs(id) => Ref::<HostedZone>::found(id.as_str()).links(out),
        }
    }
}

/// What Route 53 knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsRecordLive {
    /// `<zone id>/<name>`.
    pub id: String,
    /// The zone's bare id.
    pub zone: String,
    /// The name, without a trailing dot.
    pub domain: String,
}

impl Kind for DnsRecord {
    type Cloud = Aws;
    type Live = DnsRecordLive;
    type Edit = Never;

    const NAME: &'static str = "dns-record";
    const USUAL: Duration = Duration::from_secs(30);
    const USUAL_DELETION: Duration = Duration::from_secs(30);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("zone", |r| &r.zone)
            .fixed("domain", |r| &r.domain)
            .fixed("load_balancer", |r| &r.load_balancer)
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

    async fn edit(&self, _edit: Never, _found: &Found<Self>, _cx: &Cx<Aws>) -> Result<()> {
        bail!("not built")
    }

    async fn delete(_found: &Found<Self>, _cx: &Cx<Aws>) -> Result<()> {
        bail!("not built")
    }
}
