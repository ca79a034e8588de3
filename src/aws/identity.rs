//! Who we are to AWS: the account and partition behind the credentials.

use super::{Aws, Sent, denied::Denied};
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
                // Every command asks this first: who has no network should hear of it soon. Where AWS
                // answers, though only to be asked later, patience is worth its while.
                let few = RetryConfig::standard().with_max_attempts(5);
                let soon = aws_sdk_sts::config::Builder::new().retry_config(few);
                let ask = || self.sts.get_caller_identity();
                let caller = match ask().customize().config_override(soon).send().await.aws() {
                    Err(failure) if failure.is_throttled() || failure.status >= Some(500) => {
                        ask().send().await.aws()
                    }
                    caller => caller,
                };
                let caller = match caller {
                    Ok(caller) => caller,
                    Err(failure) => {
                        let why = Denied::explain(self, failure).await;
                        return Err(why.context("cannot tell which AWS account this is"));
                    }
                };
                Ok(Identity {
                    account: caller.account.context("STS named no account")?,
                    arn: caller.arn.context("STS named no caller")?,
                })
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_sts::operation::get_caller_identity::{
        GetCallerIdentityError, GetCallerIdentityOutput,
    };
    use aws_smithy_mocks::{RuleMode, mock, mock_client};
    use aws_smithy_types::error::ErrorMetadata;
    use std::sync::Arc;

    #[tokio::test(start_paused = true)]
    async fn an_aws_that_asks_for_patience_is_asked_again() {
        let busy = ErrorMetadata::builder().code("Throttling").message("Rate exceeded").build();
        let caller = mock!(aws_sdk_sts::Client::get_caller_identity)
            .sequence()
            .error(move || GetCallerIdentityError::generic(busy.clone()))
            .times(5)
            .output(|| {
                GetCallerIdentityOutput::builder().account("111122223333").arn("arn:aws:x").build()
            })
            .build();
        let sts = mock_client!(aws_sdk_sts, RuleMode::Sequential, &[&caller], |config| config
            .retry_config(RetryConfig::standard().with_max_attempts(14)));
        let aws = Aws { sts, identity: Arc::default(), ..Aws::offline("shop") };
        assert_eq!(aws.identity().await.unwrap().account, "111122223333");
        assert_eq!(caller.num_calls(), 6);
    }
}
