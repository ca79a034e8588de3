//! Creating things for which AWS has neither a token nor a unique name, without ever making two.

use super::{Aws, Failure};
use crate::engine::Cx;
use anyhow::Result;
use aws_smithy_types::retry::RetryConfig;
use std::time::Duration;

/// The SDK's own retries switched off: it would repeat a creation whose answer was lost.
pub fn no_retries() -> RetryConfig {
    RetryConfig::disabled()
}

const ATTEMPTS: u32 = 8;
/// AWS is eventually consistent: what was made may not be found at the first look.
const LOOKS: u32 = 3;
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Sends a creation, and after a lost answer looks for its result before sending again.
///
/// `create` must send with [`no_retries`]; `find` looks the thing up by the tags that `create`
/// gives it.
///
/// # Errors
/// AWS's refusal; the last lost answer or throttle when trying again did not help; what `find`
/// fails with; [`crate::engine::Interrupted`].
pub async fn careful<T, F, G>(
    cx: &Cx<Aws>,
    find: impl Fn() -> F,
    create: impl Fn() -> G,
) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
    G: Future<Output = Result<T, Failure>>,
{
    for attempt in 1.. {
        let failure = match create().await {
            Ok(made) => return Ok(made),
            Err(failure) => failure,
        };
        if attempt >= ATTEMPTS || !(failure.is_unheard() || failure.is_throttled()) {
            return Err(failure.into());
        }
        if failure.is_throttled() {
            cx.pause(LONGEST_PAUSE.min(Duration::from_secs(1 << attempt.min(5)))).await?;
            continue;
        }
        for _ in 0..LOOKS {
            cx.pause(BETWEEN_LOOKS).await?;
            if let Some(made) = find().await? {
                return Ok(made);
            }
        }
    }
    unreachable!("the loop ends by returning")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Address;
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    };

    fn lost() -> Failure {
        Failure {
            code: String::new(),
            message: "connection closed".into(),
            request: None,
            status: None,
        }
    }

    fn cx() -> Cx<Aws> {
        let address = Address { kind: "vpc", name: "main".into() };
        Cx::alone(Arc::new(Aws::offline("shop")), address)
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_is_looked_up_and_not_sent_again() {
        let sent = AtomicU32::new(0);
        let cx = cx();
        let made = careful(
            &cx,
            async || Ok((sent.load(Relaxed) > 0).then_some("vpc-1")),
            async || {
                sent.fetch_add(1, Relaxed);
                Err(lost())
            },
        );
        assert_eq!(made.await.unwrap(), "vpc-1");
        assert_eq!(sent.load(Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_done_is_sent_again() {
        let sent = AtomicU32::new(0);
        let cx = cx();
        let made = careful(
            &cx,
            async || Ok(None),
            async || {
                if sent.fetch_add(1, Relaxed) == 0 { Err(lost()) } else { Ok("vpc-2") }
            },
        );
        assert_eq!(made.await.unwrap(), "vpc-2");
        assert_eq!(sent.load(Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_final() {
        let cx = cx();
        let refused = careful(
            &cx,
            async || Ok(None::<()>),
            async || {
                Err(Failure::coded(
                    "VpcLimitExceeded",
                    "the maximum number of VPCs has been reached",
                ))
            },
        );
        assert!(refused.await.unwrap_err().to_string().contains("VpcLimitExceeded"));
    }
}
