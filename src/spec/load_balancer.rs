//! The load balancer and the attributes of its target group.

use ipnet::Ipv4Net;
use serde::{Serialize, Serializer};

use super::choice::choice;
use super::network::range;
use super::reader::Section;
use super::values::Arn;
use super::{Seconds, Stickiness, Wrong};

/// The load balancer and the attributes of its target group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadBalancer {
    /// Who can reach it at all.
    pub scheme: Scheme,
    /// Who may reach it: 1 to 50 address ranges.
    #[serde(serialize_with = "as_texts")]
    pub allow: Vec<Ipv4Net>,
    /// The ACM certificate (ARN) that gives HTTPS and makes HTTP a redirect.
    pub certificate: Option<String>,
    /// Whether and how clients are kept on one instance.
    pub stickiness: Stickiness,
    /// How long a leaving instance may finish its requests, 0 to 3600 s.
    pub deregistration_delay: Seconds,
    /// How requests are shared out.
    pub algorithm: Algorithm,
    /// How long a new instance's share grows before it is full: 0 (off) or 30 to 900 s.
    pub slow_start: Seconds,
    /// How long a silent connection is kept, 1 to 4000 s.
    pub idle_timeout: Seconds,
}

/// Who can reach a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// The internet.
    InternetFacing,
    /// The VPC and what is connected with it.
    Internal,
}

impl Scheme {
    /// As AWS spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InternetFacing => "internet-facing",
            Self::Internal => "internal",
        }
    }
}

/// How requests are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// To one instance after the other.
    RoundRobin,
    /// To the instance with the fewest requests in flight.
    LeastOutstandingRequests,
    /// At random; excludes stickiness.
    WeightedRandom,
}

impl Algorithm {
    /// As AWS spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::LeastOutstandingRequests => "least_outstanding_requests",
            Self::WeightedRandom => "weighted_random",
        }
    }
}

choice!(Scheme: InternetFacing, Internal);
choice!(Algorithm: RoundRobin, LeastOutstandingRequests, WeightedRandom);

impl LoadBalancer {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let everybody = || vec![Ipv4Net::default()];
        Self {
            scheme: section.choice_or_usual("scheme"),
            allow: section.texts("allow", range).unwrap_or_else(everybody),
            certificate: section.text("certificate", certificate),
            stickiness: Stickiness::read(section),
            deregistration_delay: section.duration("deregistration_delay"),
            algorithm: section.choice_or_usual("algorithm"),
            slow_start: section.duration("slow_start"),
            idle_timeout: section.duration("idle_timeout"),
        }
    }
}

fn certificate(text: &str) -> Result<String, Wrong> {
    Arn::read(text)
        .filter(|arn| arn.service == "acm" && arn.resource.starts_with("certificate/"))
        .map(|_| text.to_owned())
        .ok_or_else(|| {
            Wrong::new("expected the ARN of an ACM certificate")
                .help("arn:aws:acm:<region>:<account>:certificate/<id>")
        })
}

/// Serialises address ranges the way they are written.
fn as_texts<S: Serializer>(nets: &[Ipv4Net], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(nets.iter().map(ToString::to_string))
}
