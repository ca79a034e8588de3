//! Creating things for which AWS has neither a token nor a unique name, without ever making two.

use super::{Aws, Failure};
use crate::engine::Cx;
use anyhow::{Context as _, Result};
use aws_smithy_types::retry::RetryConfig;
use std::time::Duration;

/// The SDK's own retries switched off: it would repeat a creation whose answer was lost.
pub fn no_retries() -> RetryConfig {
    RetryConfig::disabled()
}

/// As many as the SDK makes of other calls.
const ATTEMPTS: u32 = 14;
/// The pauses before the looks for what a lost call may have made: AWS is eventually consistent,
/// and what was made may not be found at the first look.
const LOOKS: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Sends a creation, and after a lost answer looks for its result before sending again.
///
/// `create` must send with [`no_retries`]; `find` looks the thing up by the tags that `create`
/// gives it. Nothing is sent again, and no failure told, before a look at what an unheard call may
/// have made.
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
    let mut unheard = false;
    for attempt in 1.. {
        let failure = match create().await {
            Ok(made) => return Ok(made),
            Err(failure) => failure,
        };
        if failure.is_unheard() {
            unheard = true;
            if let Some(made) = look(cx, &find, &LOOKS).await.with_context(|| failure.clone())? {
                return Ok(made);
            }
        } else if !failure.is_throttled() {
            return Err(failure.into());
        } else if attempt < ATTEMPTS {
            let pause = LONGEST_PAUSE.min(Duration::from_secs(1 << attempt.min(5)));
            if !unheard {
                cx.pause(pause).await?;
            } else if let Some(made) =
                look(cx, &find, &[pause]).await.with_context(|| failure.clone())?
            {
                // What an earlier call made has come to light.
                return Ok(made);
            }
        }
        if attempt >= ATTEMPTS {
            return Err(failure.into());
        }
    }
    unreachable!("the loop ends by returning")
}

/// Looks after each of these pauses until the thing is found. A look that itself went unanswered
/// tells nothing; if the last one did, nobody knows, and its failure is told.
async fn look<T, F>(cx: &Cx<Aws>, find: impl Fn() -> F, pauses: &[Duration]) -> Result<Option<T>>
where
    F: Future<Output = Result<Option<T>>>,
{
    let mut seen = Ok(None);
    for pause in pauses {
        cx.pause(*pause).await?;
        seen = find().await;
        match &seen {
            Ok(None) => {}
            Err(error) if error.downcast_ref::<Failure>().is_some_and(passes) => {}
            _ => return seen,
        }
    }
    seen
}

fn passes(failure: &Failure) -> bool {
    failure.is_unheard() || failure.is_throttled()
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
            remedy: None,
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

    /// Creations that fail in this order, each found at the look of this number if at all.
    async fn tried(failures: &[Failure], found_at: u32) -> (Result<&'static str>, u32, u32) {
        let (cx, sent, looked) = (cx(), AtomicU32::new(0), AtomicU32::new(0));
        let made = careful(
            &cx,
            async || Ok((looked.fetch_add(1, Relaxed) + 1 == found_at).then_some("found")),
            async || {
                let nth = sent.fetch_add(1, Relaxed) as usize;
                failures.get(nth).cloned().map_or(Ok("made"), Err)
            },
        );
        (made.await, sent.into_inner(), looked.into_inner())
    }

    fn broken() -> Failure {
        Failure { status: Some(500), ..Failure::coded("InternalError", "an internal error") }
    }

    fn throttled() -> Failure {
        Failure { status: Some(503), ..Failure::coded("RequestLimitExceeded", "too many") }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_broken_answer_made_is_found_though_it_shows_late() {
        let (made, sent, _) = tried(&[broken()], 4).await;
        assert_eq!((made.unwrap(), sent), ("found", 1));
    }

    #[tokio::test(start_paused = true)]
    async fn throttles_are_waited_out_without_a_look() {
        let (made, sent, looked) = tried(&vec![throttled(); 13], 0).await;
        assert_eq!((made.unwrap(), sent, looked), ("made", 14, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_unheard_call_a_throttled_one_is_not_sent_again_without_a_look() {
        let (made, sent, looked) = tried(&[lost(), throttled()], 5).await;
        assert_eq!((made.unwrap(), sent, looked), ("found", 2, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn even_the_last_lost_answer_is_looked_up() {
        let (made, sent, _) = tried(&vec![lost(); 14], 14 * 4).await;
        assert_eq!((made.unwrap(), sent), ("found", 14));
        let (error, sent, _) = tried(&vec![lost(); 20], 0).await;
        assert_eq!((error.unwrap_err().to_string().as_str(), sent), ("connection closed", 14));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_sent_again_while_nobody_can_look() {
        let (sent, cx) = (AtomicU32::new(0), cx());
        let made = careful(
            &cx,
            async || Err::<Option<()>, _>(throttled().into()),
            async || {
                sent.fetch_add(1, Relaxed);
                Err(lost())
            },
        );
        let error = made.await.unwrap_err();
        assert_eq!(sent.load(Relaxed), 1);
        assert_eq!(format!("{error:#}"), "connection closed: RequestLimitExceeded: too many");
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_fails_for_a_while_is_repeated() {
        let (looked, cx) = (AtomicU32::new(0), cx());
        let made = careful(
            &cx,
            async || match looked.fetch_add(1, Relaxed) {
                0 => Err(broken().into()),
                _ => Ok(Some("found")),
            },
            async || Err(lost()),
        );
        assert_eq!(made.await.unwrap(), "found");
    }
}
