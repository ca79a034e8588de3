//! Where the load balancer sends requests, and how it keeps a client on one instance.

use super::vpc::Vpc;
use crate::engine::Plain;
use std::fmt;
use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Ref, Table},
};
use anyhow::{Result, bail};

/// Where the load balancer sends requests, and how it keeps a client on one instance.
#[derive(Clone, Debug)]
pub struct TargetGroup {
    /// Where its targets are.
    pub vpc: Ref<Vpc>,
    /// The port it is made with. Targets bring their own, so that a new port never needs a new group.
    pub port: u16,
    /// How the health of a target is found out.
    pub health_check: HealthCheck,
    /// How a client is kept on one target.
    pub stickiness: Stickiness,
    /// Seconds that a target gets to finish requests, 0–3600.
    pub deregistration_delay: u32,
    /// How the target of a first request is chosen.
    pub algorithm: Algorithm,
    /// Seconds over which a new target gets its full share: 0 or 30–900.
    pub slow_start: u32,
    /// The user's tags.
    pub tags: Tags,
}

/// How the health of a target is found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// The path that is asked for.
    pub path: String,
    /// Seconds between two checks, 5–300.
    pub interval: u32,
    /// Seconds within which an answer counts, 2–120.
    pub timeout: u32,
    /// Passed checks after which an unhealthy target is healthy, 2–10.
    pub healthy_threshold: u32,
    /// Failed checks after which a healthy target is unhealthy, 2–10.
    pub unhealthy_threshold: u32,
    /// The status codes that pass: `200`, `200-299`, `200,302`.
    pub matcher: String,
}

impl fmt::Display for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "GET {} every {}s within {}s, {} up after {}, down after {}",
            self.path,
            self.interval,
            self.timeout,
            self.matcher,
            self.healthy_threshold,
            self.unhealthy_threshold
        )
    }
}

impl Plain for HealthCheck {}

/// How a client is kept on one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stickiness {
    /// It is not.
    Off,
    /// By a cookie that the load balancer sets.
    LbCookie {
        /// Seconds without a request after which the client may go elsewhere, 1–604800.
        seconds: u32,
    },
    /// By a cookie that the app sets.
    AppCookie {
        /// The cookie's name.
        name: String,
        /// Seconds as above.
        seconds: u32,
    },
}

impl fmt::Display for Stickiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::LbCookie { seconds } => write!(f, "lb cookie for {seconds}s"),
            Self::AppCookie { name, seconds } => write!(f, "app cookie {name} for {seconds}s"),
        }
    }
}

impl Plain for Stickiness {}

/// How the target of a client's first request is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// In turn.
    RoundRobin,
    /// The least busy.
    LeastOutstandingRequests,
    /// At random, by weight; excludes stickiness.
    WeightedRandom,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RoundRobin => "round_robin",
            Self::LeastOutstandingRequests => "least_outstanding_requests",
            Self::WeightedRandom => "weighted_random",
        })
    }
}

impl Plain for Algorithm {}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroupLive {
    /// Its ARN.
    pub arn: String,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    HealthCheck,
    /// See the attribute table.
    Attributes,
    /// See the attribute table.
    Tags,
}

impl Kind for TargetGroup {
    type Cloud = Aws;
    type Live = TargetGroupLive;
    type Edit = Edit;

    const NAME: &'static str = "target-group";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("vpc", |t| &t.vpc)
            .tuned("health_check", Edit::HealthCheck, |t| &t.health_check)
            .tuned("stickiness", Edit::Attributes, |t| &t.stickiness)
            .tuned("deregistration_delay", Edit::Attributes, |t| &t.deregistration_delay)
            .tuned("algorithm", Edit::Attributes, |t| &t.algorithm)
            .tuned("slow_start", Edit::Attributes, |t| &t.slow_start)
            .tuned("tags", Edit::Tags, |t| &t.tags)
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
