//! Waiting out eventual consistency: a call is repeated while AWS answers with a passing refusal.

use super::{Aws, Failure};
use crate::engine::{Cx, Interrupted, Pace, Probe};
use anyhow::Result;
use std::sync::Mutex;

/// Repeats `call` while `passing` says that its refusal will pass.
///
/// The SDK already repeats throttled and broken calls; this is for refusals that are final to the
/// SDK but known to pass: a dependency still in use, an id not yet known everywhere.
///
/// # Errors
/// The first refusal that does not pass; the last one that would have when the pace's limit is up.
pub async fn eventually<T, F>(
    cx: &Cx<Aws>,
    pace: Pace,
    passing: impl Fn(&Failure) -> bool + Sync,
    mut call: impl FnMut() -> F,
) -> Result<T>
where
    F: Future<Output = Result<T, Failure>> + Send,
{
    let last = Mutex::new(None);
    let ended = cx
        .until(pace, || {
            // An SDK call's future is large, and would be part of every waiting step's.
            let answer = Box::pin(call());
            let (passing, last) = (&passing, &last);
            async move { judge(answer.await, passing, last) }
        })
        .await;
    match (ended, last.into_inner().ok().flatten()) {
        (Err(error), Some(refusal)) if !error.is::<Failure>() && !error.is::<Interrupted>() => {
            // What AWS said stays in the chain, so that whoever shows it can tell what to do.
            Err(anyhow::Error::from(refusal).context(error))
        }
        (ended, _) => ended,
    }
}

fn judge<T>(
    answer: Result<T, Failure>,
    passing: impl Fn(&Failure) -> bool,
    last: &Mutex<Option<Failure>>,
) -> Result<Probe<T>> {
    match answer {
        Ok(answer) => Ok(Probe::Ready(answer)),
        Err(failure) if passing(&failure) => {
            let note = failure.in_short();
            if let Ok(mut last) = last.lock() {
                *last = Some(failure);
            }
            Ok(Probe::Pending(note))
        }
        Err(failure) => Err(failure.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Address;
    use std::sync::Arc;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_that_does_not_pass_in_time_stays_in_the_chain() {
        let address = Address { kind: "listener", name: "https".into() };
        let cx = Cx::alone(Arc::new(Aws::offline("shop")), address);
        let refusal = Failure { request: Some("1".into()), ..Failure::coded("InUse", "it is") };
        let error = eventually(
            &cx,
            Pace::seconds(1, 5),
            |_| true,
            || {
                let refusal = refusal.clone();
                async move { Err::<(), _>(refusal) }
            },
        )
        .await
        .unwrap_err();
        assert_eq!(error.to_string(), "still InUse: it is after 5s");
        assert_eq!(error.downcast_ref::<Failure>(), Some(&refusal));
    }
}
