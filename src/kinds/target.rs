//! One instance's registration with a target group.

use super::{instance::Instance, listener::Listener, parameter::Parameter, target_group::TargetGroup};
use crate::engine::Swap;
use crate::{
    aws::{Aws},
    engine::{Cx, Found, Kind, Never, Ref, Table},
};
use anyhow::{Result, bail};
use std::time::Duration;

/// One instance's registration with a target group.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it is registered.
    pub group: Ref<TargetGroup>,
    /// What is registered.
    pub instance: Ref<Instance>,
    /// Where the app listens.
    pub port: u16,
    /// What sends requests to the group: without one AWS checks no health.
    pub listeners: Vec<Ref<Listener>>,
    /// What the app waits for before it starts.
    pub parameter: Option<Ref<Parameter>>,
}

/// A registration, which has no id of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetLive {
    /// `<instance id>:<port>`, unique within the target group.
    pub id: String,
    /// The target group's ARN.
    pub group: String,
    /// The instance's id.
    pub instance: String,
    /// The port it is registered with.
    pub port: u16,
    /// AWS's word for its health: `initial`, `healthy`, `unhealthy`, `unused`, `draining`.
    pub health: String,
}

impl Kind for Target {
    type Cloud = Aws;
    type Live = TargetLive;
    type Edit = Never;

    const NAME: &'static str = "target";
    const SWAP: Swap = Swap::CreateFirst;
    const USUAL: Duration = Duration::from_secs(90);
    const USUAL_DELETION: Duration = Duration::from_secs(40);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("group", |t| &t.group)
            .fixed("instance", |t| &t.instance)
            .fixed("port", |t| &t.port)
            .needs(|t| &t.listeners)
            .needs(|t| &t.parameter)
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
