//! What the user wrote: the stack file as types, and everything that can be wrong with it before AWS is asked.

use std::collections::BTreeMap;

use serde::Serialize;

mod app;
mod cache;
mod database;
mod dns;
mod load_balancer;
mod network;
mod seconds;
mod stickiness;
mod store;
mod wrong;

pub use app::{App, Architecture, HealthCheck};
pub use cache::{Cache, CacheEngine};
pub use database::{Database, DatabaseEngine};
pub use dns::Dns;
pub use load_balancer::{Algorithm, LoadBalancer, Scheme};
pub use network::{Nat, Network, Subnets};
pub use seconds::Seconds;
pub use stickiness::Stickiness;
pub use store::{Sessions, Store};
pub use wrong::Wrong;

/// One stack, as its file describes it: defaults filled in, every offline rule kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spec {
    /// The stack's name, and the prefix of every resource name: `[a-z][a-z0-9-]{0,19}`, without
    /// a trailing or a double hyphen.
    pub name: String,
    /// The AWS region; without one, the AWS configuration decides.
    pub region: Option<String>,
    /// The only account (12 digits) that may be acted in, if one is given.
    pub account: Option<String>,
    /// The VPC and its zones.
    pub network: Network,
    /// The instances and what runs on them.
    pub app: App,
    /// The load balancer and the attributes of its target group.
    pub load_balancer: LoadBalancer,
    /// Where the sessions live.
    pub sessions: Sessions,
    /// The cache; none is made when the file has no such section.
    pub cache: Option<Cache>,
    /// The database; none is made when the file has no such section.
    pub database: Option<Database>,
    /// Names for the load balancer; none are made when the file has no such section.
    pub dns: Option<Dns>,
    /// The user's tags, put on everything that can be tagged.
    pub tags: BTreeMap<String, String>,
}
