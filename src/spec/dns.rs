//! Names for the load balancer.

use serde::Serialize;

/// Names for the load balancer, in a Route 53 hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dns {
    /// The name of the hosted zone, in lower case and without the trailing dot.
    pub zone: String,
    /// Whether the zone belongs to the stack: made and removed with it.
    pub create_zone: bool,
    /// The names that lead to the load balancer, in lower case and without the trailing dot:
    /// the zone's own or below it.
    pub records: Vec<String>,
}
