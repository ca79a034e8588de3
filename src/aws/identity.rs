//! Who we are to AWS: the account and partition behind the credentials.

use super::{Aws, Sent};
use anyhow::{Context, Result};
use aws_smithy_types::retry::RetryConfig;

/// The caller, as STS tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account's 12 digits.
    pub account: String,
    /// The caller's ARN.
    pub arn: String,
}

impl Identity {
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &str {
        self.arn.split(':').nth(1).unwrap_or("aws")
    }
}

impl Aws {
    /// Asks STS once who the caller is.
    ///
    /// # Errors
    /// Missing, wrong or expired credentials; no answer from the endpoint.
    pub async fn identity(&self) -> Result<&Identity> {
        self.identity
            .get_or_try_init(|| async {
                // Every command asks this first: who has no network should hear of it soon.
                let retries = RetryConfig::standard().with_max_attempts(3);
                let patience = aws_sdk_sts::config::Builder::new().retry_config(retries);
                let caller = self
                    .sts
                    .get_caller_identity()
                    .customize()
                    .config_override(patience)
                    .send()
                    .await
                    .aws()
                    .context("cannot tell which AWS account this is")?;
                Ok(Identity {
                    account: caller.account.context("STS named no account")?,
                    arn: caller.arn.context("STS named no caller")?,
                })
            })
            .await
    }
}
