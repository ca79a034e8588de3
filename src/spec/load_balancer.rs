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
    /// Which versions and ciphers of TLS clients may use, by the name of AWS's policy. Without one,
    /// what AWS recommends.
    pub tls_policy: Option<String>,
    /// How long browsers remember to come by HTTPS only, 0 (they are not told) to 2 years.
    pub hsts: Seconds,
    /// Whether AWS refuses to delete it; without a word that stays as it is.
    pub protect: Option<bool>,
    /// Where each request is written down.
    pub access_logs: Option<AccessLogs>,
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

/// Where a load balancer writes down each request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessLogs {
    /// A bucket of S3 in the stack's region, which lets the load balancer write.
    pub bucket: String,
    /// What the names of the log files begin with.
    pub prefix: Option<String>,
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
            tls_policy: section.text("tls_policy", tls_policy),
            hsts: section.duration("hsts"),
            protect: section.switch_if_given("protect"),
            access_logs: section.optional("access_logs", |section| AccessLogs {
                bucket: section.text("bucket", bucket).unwrap_or_default(),
                prefix: section.text("prefix", prefix),
            }),
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

fn tls_policy(text: &str) -> Result<String, Wrong> {
    let name = text.strip_prefix("ELBSecurityPolicy-").unwrap_or_default();
    if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("expected the name of a security policy of Elastic Load Balancing").help(
        "such as ELBSecurityPolicy-TLS13-1-3-2021-06; `aws elbv2 describe-ssl-policies` lists them",
    ))
}

/// "Bucket names must be between 3 (min) and 63 (max) characters long" (S3, bucket naming rules).
fn bucket(text: &str) -> Result<String, Wrong> {
    let ends =
        |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let bytes = text.as_bytes();
    let good = (3..=63).contains(&bytes.len()) && bytes.iter().all(|b| letter(*b));
    if good && ends(bytes.first()) && ends(bytes.last()) && !text.contains("..") {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("expected the name of a bucket of S3")
        .help("3 to 63 lower-case letters, digits and hyphens, without `s3://` and without a path"))
}

/// "The prefix must not include `AWSLogs`", which AWS puts behind it.
fn prefix(text: &str) -> Result<String, Wrong> {
    let good = text.bytes().all(|b| b.is_ascii_graphic())
        && !text.starts_with('/')
        && !text.ends_with('/');
    if good && !text.is_empty() && text.len() <= 256 && !text.contains("AWSLogs") {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("this cannot be the prefix of log files").help(
        "such as shop/production: no `/` at its ends, no `AWSLogs`, which AWS puts behind it",
    ))
}

/// Serialises address ranges the way they are written.
fn as_texts<S: Serializer>(nets: &[Ipv4Net], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(nets.iter().map(ToString::to_string))
}
