//! What AWS said when it said no: one concrete type for the errors of all services, told apart by
//! wire code.

use super::connect::NoKeys;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use aws_smithy_types::{DateTime, date_time::Format};
use std::{
    error::Error,
    fmt,
    time::{Duration, SystemTime},
};

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// AWS's wire code, which for query services differs from the modelled name
    /// (`TargetGroupNotFound`, not `TargetGroupNotFoundException`). Empty when no answer came.
    pub code: String,
    /// AWS's words, or what went wrong on the way.
    pub message: String,
    /// AWS's id of the request, for its support.
    pub request: Option<String>,
    /// The HTTP status of the answer, if there was one.
    pub status: Option<u16>,
    /// What helps, where that follows from how the call was sent and not from the code alone.
    pub remedy: Option<String>,
}

/// The codes by which AWS asks to be asked less often. Quotas are not among them, whatever the SDK
/// thinks of `LimitExceededException`: none of the services used here says so of its rate.
pub(super) const THROTTLES: [&str; 11] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "TooManyRequestsException",
    "PriorRequestNotComplete",
    "SlowDown",
    "EC2ThrottledException",
];

impl Failure {
    /// A refusal with this code and message.
    pub fn coded(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            request: None,
            status: Some(400),
            remedy: None,
        }
    }

    /// What AWS said, without the request's id, which is another each time though the refusal is
    /// the same.
    pub fn in_short(&self) -> String {
        Self { request: None, ..self.clone() }.to_string()
    }

    /// Whether the code is one of these, whatever their case (EC2 spells some both ways).
    pub fn is(&self, codes: &[&str]) -> bool {
        codes.iter().any(|code| self.code.eq_ignore_ascii_case(code))
    }

    /// Whether nothing was sent because there are no credentials to sign it with.
    pub fn lacks_credentials(&self) -> bool {
        self.code == NO_CREDENTIALS
    }

    /// Whether it says that the thing does not exist.
    pub fn is_gone(&self) -> bool {
        let code = self.code.strip_suffix("Fault").unwrap_or(&self.code);
        let code = code.strip_suffix("Exception").unwrap_or(code).to_ascii_lowercase();
        code.ends_with("notfound")
            || code.starts_with("nosuch")
            || matches!(&*code, "gateway.notattached" | "resourcenotfound" | "invalidtarget")
    }

    /// Whether AWS may have done what was asked though nobody heard it say so.
    pub fn is_unheard(&self) -> bool {
        self.code.is_empty() || self.status.is_some_and(|s| s >= 500) && !self.is_throttled()
    }

    /// Whether AWS asks to be asked less often. Such a call was not carried out.
    pub fn is_throttled(&self) -> bool {
        self.is(&THROTTLES) || self.status == Some(429)
    }

    /// Whether a parameter cannot be written for a moment: another call is changing it (API reference
    /// of `PutParameter`, `TooManyUpdates`), or one of this name was deleted lately and Systems
    /// Manager has not forgotten its tags.
    pub fn is_busy_parameter(&self) -> bool {
        self.is(&["TooManyUpdates"]) || self.message.contains("stale tags associated to the name")
    }

    /// Whether something else still uses the thing: it can go once that is gone.
    pub fn is_in_use(&self) -> bool {
        self.is(&[
            "DependencyViolation",
            "InvalidGroup.InUse",
            "InvalidIPAddress.InUse",
            "ResourceInUse",
            "CacheSubnetGroupInUse",
            "SubnetInUse",
            "InvalidDBSubnetGroupStateFault",
            "DeleteConflict",
            "HostedZoneNotEmpty",
        ])
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.code.is_empty() {
            write!(f, "{}: ", self.code)?;
        }
        f.write_str(&self.message)?;
        match &self.request {
            Some(request) => write!(f, " (request {request})"),
            None => Ok(()),
        }
    }
}

impl Error for Failure {}

/// Turns an SDK result into one whose error can be looked at: `client.call().send().await.aws()?`.
pub trait Sent<T> {
    /// The answer, or what AWS said instead.
    fn aws(self) -> Result<T, Failure>;
}

impl<T, E> Sent<T> for Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn aws(self) -> Result<T, Failure> {
        self.map_err(|error| Failure {
            code: match error.code() {
                Some(code) => code.to_owned(),
                None if lack_of_credentials(&error).is_some() => NO_CREDENTIALS.into(),
                None => String::new(),
            },
            message: match error.message() {
                Some(message) => message.to_owned(),
                None => lack_of_credentials(&error).unwrap_or_else(|| {
                    causes(&error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
                }),
            },
            request: error.request_id().map(str::to_owned),
            status: error.raw_response().map(|r| r.status().as_u16()),
            remedy: keys(&error).map(|keys| keys.source.remedy()).or_else(|| clock(&error)),
        })
    }
}

/// Stands in for AWS's code where no call was sent for want of credentials.
const NO_CREDENTIALS: &str = "NoCredentials";

/// Why there are no credentials, if that is the error. Every provider that was asked in vain is
/// told, one on a line: the first line says it.
fn lack_of_credentials(error: &(dyn Error + 'static)) -> Option<String> {
    let lack = causes(error).find(|e| e.is::<CredentialsError>())?;
    let root = causes(lack).last().map(ToString::to_string).unwrap_or_default();
    let root = root.lines().next().unwrap_or_default().trim_end_matches(". Attempted:").to_owned();
    let profile = keys(error).filter(|keys| keys.source.profile.is_some());
    Some(profile.map_or(root.clone(), |keys| format!("{keys}: {root}")))
}

/// What was looked into for credentials in vain, if that is the error.
fn keys<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a NoKeys> {
    causes(error).find_map(|e| e.downcast_ref())
}

/// How far this machine's clock may be off: AWS takes a signature for five minutes.
const SKEW: Duration = Duration::from_mins(4);

/// What helps against a refused signature or session, told by the clock of the answer.
fn clock<E>(error: &SdkError<E, HttpResponse>) -> Option<String>
where
    E: ProvideErrorMetadata,
{
    const STALE: [&str; 4] = [
        "RequestExpired",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "RequestTimeTooSkewed",
    ];
    error.code().filter(|code| STALE.contains(code))?;
    let date = error.raw_response()?.headers().get("date")?;
    let theirs = SystemTime::try_from(DateTime::from_str(date, Format::HttpDate).ok()?).ok()?;
    let ours = SystemTime::now();
    let (off, way) = match ours.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    (off >= SKEW).then(|| {
        format!("this machine's clock is {} min {way} AWS's: set it right", off.as_secs() / 60)
    })
}

/// An error and what lies below it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |e| Error::source(*e))
}

/// Results whose failures may be expected.
pub trait Tolerant<T> {
    /// `None` where AWS says that the thing does not exist.
    fn or_gone(self) -> Result<Option<T>, Failure>;
    /// `None` where AWS answers with one of these codes.
    fn or_code(self, codes: &[&str]) -> Result<Option<T>, Failure>;
}

impl<T> Tolerant<T> for Result<T, Failure> {
    fn or_gone(self) -> Result<Option<T>, Failure> {
        match self {
            Err(failure) if failure.is_gone() => Ok(None),
            other => other.map(Some),
        }
    }
    fn or_code(self, codes: &[&str]) -> Result<Option<T>, Failure> {
        match self {
            Err(failure) if failure.is(codes) => Ok(None),
            other => other.map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_not_found_means_gone() {
        for code in [
            "InvalidVpcID.NotFound",
            "NatGatewayNotFound",
            "TargetGroupNotFound",
            "ReplicationGroupNotFoundFault",
            "CacheClusterNotFound",
            "DBClusterNotFoundFault",
            "NoSuchEntity",
            "NoSuchHostedZone",
            "ParameterNotFound",
            "Gateway.NotAttached",
        ] {
            assert!(Failure::coded(code, "").is_gone(), "{code}");
        }
        assert!(!Failure::coded("DependencyViolation", "").is_gone());
        assert!(!Failure::coded("AccessDenied", "").is_gone());
    }

    #[test]
    fn only_a_lost_answer_or_a_server_error_leaves_the_outcome_open() {
        let lost = Failure { code: String::new(), status: None, ..Failure::coded("", "timed out") };
        assert!(lost.is_unheard());
        let server = Failure { status: Some(503), ..Failure::coded("InternalError", "") };
        assert!(server.is_unheard());
        let throttled = Failure { status: Some(503), ..Failure::coded("RequestLimitExceeded", "") };
        assert!(!throttled.is_unheard());
        assert!(!Failure::coded("InvalidParameterValue", "").is_unheard());
    }
}
