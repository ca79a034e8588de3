//! Why AWS does not know a caller: the keys, a region that is not enabled, or another partition.

use super::{Aws, Failure, Sent, connect::Source};
use aws_config::Region;
use aws_sdk_sts::Client;
use aws_smithy_types::retry::RetryConfig;
use std::{error::Error, fmt};

/// What services answer to a caller they do not know, each in its own word.
const UNKNOWN: [&str; 5] = [
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "AuthFailure",
    "InvalidAccessKeyId",
    "OptInRequired",
];

/// The regions that every account of the partition `aws` has. All that came after March 20, 2019
/// have to be enabled first (AWS Account Management Reference Guide, "Enable or disable AWS
/// Regions in your account").
const ENABLED: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// The partitions beside `aws`: how the names of their regions begin, what AWS calls them, and the
/// region that every account there has.
const OTHERS: [(&str, &str, &str); 4] = [
    ("cn-", "AWS China", "cn-north-1"),
    ("us-gov-", "AWS GovCloud (US)", "us-gov-west-1"),
    ("eusc-", "the AWS European Sovereign Cloud", "eusc-de-east-1"),
    ("us-iso", "an isolated AWS partition", "us-iso-east-1"),
];

/// AWS does not know the caller, and why.
#[derive(Debug)]
pub struct Denied {
    why: Why,
    region: String,
    failure: Failure,
    /// What renews the credentials, if it is known where they come from.
    renewal: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    /// The keys are good elsewhere, and this region is one that has to be enabled.
    NotEnabled { account: String },
    /// The keys are good elsewhere, and every account has this region.
    HereOnly { account: String },
    /// The region belongs to accounts and keys of another partition.
    Partition(&'static str),
    /// No region of the partition knows them.
    Keys,
}

impl Denied {
    /// Finds out why the caller is not known, by asking who it is in a region that every account
    /// has. What is no such failure comes back as it is.
    pub(super) async fn explain(aws: &Aws, failure: Failure) -> anyhow::Error {
        let renewal = aws.source.as_ref().map(Source::remedy);
        let region = aws.region.clone();
        if failure.is(&["ExpiredToken", "ExpiredTokenException", "RequestExpired"])
            && failure.remedy.is_none()
        {
            return Failure { remedy: renewal, ..failure }.into();
        }
        if !failure.is(&UNKNOWN) {
            return failure.into();
        }
        let home = home(&region);
        let known = if home == region { None } else { known_in(&aws.sts, home).await };
        let other = OTHERS.iter().find(|(begins, ..)| region.starts_with(begins));
        let why = match (known, other) {
            (Some(account), _) if is_opt_in(&region) => Why::NotEnabled { account },
            (Some(account), _) => Why::HereOnly { account },
            (None, Some((_, partition, _))) => Why::Partition(partition),
            (None, None) => Why::Keys,
        };
        Self { why, region, failure, renewal }.into()
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        let region = &self.region;
        let token = "a session token of the global STS endpoint is not valid there either: set \
                     AWS_STS_REGIONAL_ENDPOINTS=regional where it is made";
        match &self.why {
            Why::NotEnabled { .. } => format!(
                "enable {region} for the account (`aws account enable-region --region-name \
                 {region}`, which takes minutes to hours), or choose another region; {token}"
            ),
            Why::HereOnly { .. } => format!(
                "look whether {region} is the region meant, and whether a proxy or an endpoint \
                 answers in its place"
            ),
            Why::Partition(partition) => format!(
                "{region} belongs to {partition}, which has accounts and keys of its own: name a \
                 profile of an account there with --profile, or choose another region"
            ),
            Why::Keys => {
                let usual = "check AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
                let renewal = self.renewal.as_deref().unwrap_or(usual);
                if is_opt_in(region) {
                    format!(
                        "the keys are deleted, inactive or of another partition: {renewal}. {region} \
                         is besides a region that an account has to enable first"
                    )
                } else {
                    format!("the keys are deleted, inactive or of another partition: {renewal}")
                }
            }
        }
    }
}

/// The region of the same partition that every account has.
fn home(region: &str) -> &'static str {
    let other = OTHERS.iter().find(|(begins, ..)| region.starts_with(begins));
    other.map_or("us-east-1", |(.., home)| home)
}

/// Whether an account has to enable a region before it can use it.
fn is_opt_in(region: &str) -> bool {
    !ENABLED.contains(&region) && OTHERS.iter().all(|(begins, ..)| !region.starts_with(begins))
}

/// The account that the caller has in another region, if it is known there.
async fn known_in(sts: &Client, region: &'static str) -> Option<String> {
    let there = sts.config().to_builder().region(Region::new(region));
    let once = there.retry_config(RetryConfig::standard().with_max_attempts(2));
    Client::from_conf(once.build()).get_caller_identity().send().await.aws().ok()?.account
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { why, region, .. } = self;
        match why {
            Why::NotEnabled { account } => {
                write!(f, "the region {region} is not enabled for account {account}")
            }
            Why::HereOnly { account } => {
                write!(f, "{region} does not know credentials that are good for account {account}")
            }
            Why::Partition(partition) => {
                write!(f, "{region}, a region of {partition}, does not know these credentials")
            }
            Why::Keys => f.write_str("AWS does not know these credentials"),
        }
    }
}

impl Error for Denied {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(region: &str, why: Why) -> Denied {
        let failure = Failure::coded("InvalidClientTokenId", "The security token is invalid");
        Denied { why, region: region.into(), failure, renewal: None }
    }

    #[test]
    fn regions_since_2019_and_no_others_have_to_be_enabled() {
        assert!(is_opt_in("ap-east-1") && is_opt_in("me-south-1") && is_opt_in("eu-south-2"));
        assert!(!is_opt_in("eu-west-1") && !is_opt_in("cn-north-1") && !is_opt_in("us-gov-west-1"));
    }

    #[test]
    fn each_cause_has_a_remedy_of_its_own() {
        let account = || "111122223333".to_owned();
        let off = denied("ap-east-1", Why::NotEnabled { account: account() });
        assert_eq!(off.to_string(), "the region ap-east-1 is not enabled for account 111122223333");
        assert!(off.remedy().contains("enable-region --region-name ap-east-1"));
        let china = denied("cn-north-1", Why::Partition("AWS China"));
        assert!(china.remedy().contains("accounts and keys of its own"));
        assert!(denied("eu-west-1", Why::Keys).remedy().contains("AWS_ACCESS_KEY_ID"));
        assert!(!denied("eu-west-1", Why::Keys).remedy().contains("enable"));
        assert!(denied("ap-east-1", Why::Keys).remedy().contains("enable"));
    }
}
