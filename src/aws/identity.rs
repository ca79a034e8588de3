//! Who we are to AWS: the account and partition behind the credentials.

use super::{Aws, Sent};
use anyhow::{Context, Result};

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
                let caller = self
                    .sts
                    .get_caller_identity()
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
