//! What the balancer is told, in the words of the Elastic Load Balancing API.

use serde::Deserialize;
use std::collections::HashMap;

/// Everything that is to be served.
#[derive(Debug, Deserialize)]
pub(super) struct State {
    /// Said back when this state is in force.
    pub version: u64,
    /// What cookies are sealed with, so that they outlive a restart: any text.
    pub secret: String,
    /// By the address to listen at, such as `127.0.0.1:8080`.
    pub listeners: HashMap<String, Listener>,
    /// By name.
    pub groups: HashMap<String, Group>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Listener {
    /// The port on AWS, which the app is told.
    pub port: u16,
    pub action: Action,
    /// `idle_timeout.timeout_seconds`
    pub idle_timeout: u64,
    /// `routing.http.drop_invalid_header_fields.enabled`
    #[serde(default)]
    pub drop_invalid_headers: bool,
    /// `routing.http.response.strict_transport_security.header_value`
    #[serde(default)]
    pub hsts: Option<String>,
    /// A listener without speaks HTTP.
    #[serde(default)]
    pub certificate: Option<Certificate>,
    /// Where the load balancer's listeners are on this machine, by their ports on AWS.
    #[serde(default)]
    pub here: HashMap<u16, u16>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    /// To the target group of this name.
    Forward(String),
    Redirect(Redirect),
    FixedResponse(FixedResponse),
}

/// Each part may hold `#{protocol}`, `#{host}`, `#{port}`, `#{path}` and `#{query}`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Redirect {
    pub protocol: String,
    pub host: String,
    pub port: String,
    pub path: String,
    pub query: String,
    pub status: u16,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct FixedResponse {
    pub status: u16,
    pub content_type: String,
    pub body: String,
}

/// PEM texts.
#[derive(Clone, PartialEq, Deserialize)]
pub(super) struct Certificate {
    pub chain: String,
    pub key: String,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate")
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Group {
    pub stickiness: Option<Stickiness>,
    /// `round_robin`, `least_outstanding_requests` or `weighted_random`
    pub algorithm: String,
    /// `deregistration_delay.timeout_seconds`
    pub deregistration_delay: f64,
    pub health: Health,
    pub targets: Vec<Target>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Stickiness {
    /// The app's cookie to follow; none: the balancer's own.
    pub cookie: Option<String>,
    pub seconds: u64,
}

/// Times in seconds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Health {
    pub path: String,
    pub interval: f64,
    pub timeout: f64,
    pub healthy: u32,
    pub unhealthy: u32,
    /// Such as `200,302` or `200-399`.
    pub matcher: String,
}

impl Health {
    pub(super) fn takes(&self, status: u16) -> bool {
        self.matcher.split(',').any(|part| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let bounds = (from.trim().parse::<u16>(), to.trim().parse::<u16>());
            matches!(bounds, (Ok(from), Ok(to)) if (from..=to).contains(&status))
        })
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Target {
    pub id: String,
    pub address: String,
}
