//! A port of the load balancer and what happens to requests that come in there.

use super::{load_balancer::LoadBalancer, target_group::TargetGroup};
use crate::engine::{Attribute, address::Link, plan::Ids};
use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Ref, Table},
};
use anyhow::{Result, bail};

/// A port of the load balancer and what happens to requests that come in there.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Whose port it is.
    pub load_balancer: Ref<LoadBalancer>,
    /// The port.
    pub port: u16,
    /// The ACM certificate, which makes it HTTPS.
    pub certificate: Option<String>,
    /// What happens to a request.
    pub action: Action,
    /// Where a redirect leads, which must be there first.
    pub https: Option<Ref<Listener>>,
    /// The user's tags.
    pub tags: Tags,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A target of the group answers it.
    Forward(Ref<TargetGroup>),
    /// The client is sent to port 443 of the same host.
    RedirectToHttps,
}

impl Attribute for Action {
    fn show(&self) -> String {
        match self {
            Self::Forward(group) => format!("forward to {}", group.show()),
            Self::RedirectToHttps => "redirect to HTTPS".into(),
        }
    }
    fn met_by(&self, found: &Self, ids: &Ids) -> bool {
        match (self, found) {
            (Self::Forward(a), Self::Forward(b)) => a.met_by(b, ids),
            (a, b) => a == b,
        }
    }
    fn links(&self, out: &mut Vec<Link>) {
        if let Self::Forward(group) = self {
            group.links(out);
        }
    }
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    Protocol,
    /// See the attribute table.
    Action,
    /// See the attribute table.
    Tags,
}

impl Kind for Listener {
    type Cloud = Aws;
    type Live = String;
    type Edit = Edit;

    const NAME: &'static str = "listener";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("load_balancer", |l| &l.load_balancer)
            .fixed("port", |l| &l.port)
            .tuned("certificate", Edit::Protocol, |l| &l.certificate)
            .tuned("action", Edit::Action, |l| &l.action)
            .needs(|l| &l.https)
            .tuned("tags", Edit::Tags, |l| &l.tags)
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
