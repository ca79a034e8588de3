//! A Memcached cache: nodes that know nothing of each other.

use super::{
    cache_subnet_group::CacheSubnetGroup,
    security_group::SecurityGroup,
    stores::{Port, Version},
};
use crate::engine::Swap;
use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Ref, Table},
};
use anyhow::{Result, bail};
use std::time::Duration;

/// A Memcached cache: nodes that know nothing of each other.
#[derive(Clone, Debug)]
pub struct CacheCluster {
    /// The engine version wanted: met by everything it is a prefix of.
    pub version: Version,
    /// The size of each node.
    pub node_type: String,
    /// How many nodes, 1–40.
    pub nodes: u8,
    /// Where they listen.
    pub port: Port,
    /// Whether they speak TLS.
    pub encryption_in_transit: bool,
    /// Where it stands.
    pub subnet_group: Ref<CacheSubnetGroup>,
    /// What may reach it.
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// The user's tags.
    pub tags: Tags,
}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheClusterLive {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// AWS's word for its state.
    pub status: String,
    /// `host:port` of each node.
    pub servers: Vec<String>,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    Version,
    /// See the attribute table.
    Nodes,
    /// See the attribute table.
    SecurityGroups,
    /// See the attribute table.
    Tags,
}

impl Kind for CacheCluster {
    type Cloud = Aws;
    type Live = CacheClusterLive;
    type Edit = Edit;

    const NAME: &'static str = "cache-cluster";
    const SWAP: Swap = Swap::Refuse("everything in it");
    const USUAL: Duration = Duration::from_secs(360);
    const USUAL_DELETION: Duration = Duration::from_secs(240);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .tuned_if(
                "version",
                Edit::Version,
                |c| &c.version,
                |w, f| w.version.is_newer_than(&f.version),
            )
            .fixed("node_type", |c| &c.node_type)
            .tuned("nodes", Edit::Nodes, |c| &c.nodes)
            .fixed("port", |c| &c.port)
            .fixed("encryption_in_transit", |c| &c.encryption_in_transit)
            .fixed("subnet_group", |c| &c.subnet_group)
            .tuned("security_groups", Edit::SecurityGroups, |c| &c.security_groups)
            .tuned("tags", Edit::Tags, |c| &c.tags)
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
