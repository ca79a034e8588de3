//! Waiting out eventual consistency: a call is repeated while AWS answers with a passing refusal.

use super::{Aws, Failure};
use crate::engine::{Cx, Pace, Probe};
use anyhow::Result;

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
    cx.until(pace, || {
        // An SDK call's future is large, and would be part of every waiting step's.
        let answer = Box::pin(call());
        let passing = &passing;
        async move { judge(answer.await, passing) }
    })
    .await
}

fn judge<T>(answer: Result<T, Failure>, passing: impl Fn(&Failure) -> bool) -> Result<Probe<T>> {
    match answer {
        Ok(answer) => Ok(Probe::Ready(answer)),
        // Without the request's id, which is new each time and would be told each time.
        Err(failure) if passing(&failure) => {
            let told = Failure { request: None, ..failure };
            Ok(Probe::Pending(told.to_string()))
        }
        Err(failure) => Err(failure.into()),
    }
}
