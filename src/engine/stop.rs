//! The wish to stop: set once by a signal, seen by the coordinator and by every wait.

use std::{fmt, time::Duration};
use tokio::{sync::watch, time::Instant};

/// A flag that can be raised once and awaited by many.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<Option<Instant>>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Stop {
    /// Asks for the run to end: nothing new is started, and waits are left.
    pub fn raise(&self) {
        self.0.send_if_modified(|raised| {
            let first = raised.is_none();
            raised.get_or_insert_with(Instant::now);
            first
        });
    }

    /// Whether stopping was asked for.
    pub fn is_raised(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// How long ago stopping was asked for first, if it was.
    pub fn since(&self) -> Option<Duration> {
        self.0.borrow().map(|raised| raised.elapsed())
    }

    /// Ends when stopping is asked for.
    pub async fn raised(&self) {
        // The sender lives in `self`, so the channel cannot close while this waits.
        self.0.subscribe().wait_for(Option::is_some).await.ok();
    }
}

/// A step was left because stopping was asked for; the next run picks it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}
