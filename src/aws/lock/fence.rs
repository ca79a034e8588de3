//! Holds every call back while it is in doubt whether the lock still holds: a machine that slept, or
//! was cut off, must not go on with what others may have begun to change.

use std::time::{Duration, SystemTime};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// Stands before every call to AWS, and costs none.
#[derive(Clone, Debug)]
pub struct Fence(watch::Sender<State>);

#[derive(Clone, Debug)]
enum State {
    /// There is no lock: whoever only reads needs none.
    Open,
    /// The lock holds for so long after then, by either clock: one stands still while the machine
    /// sleeps, the other can be set.
    Holds(Instant, SystemTime, Duration),
    /// The lock was lost, and why.
    Closed(String),
}

/// How often to look at a clock that nobody wakes one for.
const GLANCE: Duration = Duration::from_secs(1);

impl Default for Fence {
    fn default() -> Self {
        Self(watch::Sender::new(State::Open))
    }
}

impl Fence {
    /// Calls may pass for so long from now on.
    pub(super) fn hold(&self, since: Instant, limit: Duration) {
        let wall = SystemTime::now().checked_sub(since.elapsed()).unwrap_or(SystemTime::UNIX_EPOCH);
        self.0.send_replace(State::Holds(since, wall, limit));
    }

    /// All calls may pass.
    pub(super) fn open(&self) {
        self.0.send_replace(State::Open);
    }

    /// No call may pass any more.
    pub(super) fn close(&self, why: &str) {
        self.0.send_replace(State::Closed(why.to_owned()));
    }

    /// Waits until it is certain that the lock holds.
    ///
    /// # Errors
    /// Why it was lost.
    pub async fn pass(&self) -> Result<(), String> {
        let mut state = self.0.subscribe();
        loop {
            match &*state.borrow_and_update() {
                State::Open => return Ok(()),
                State::Holds(since, wall, limit) if within(*since, *wall, *limit) => return Ok(()),
                State::Holds(..) => {}
                State::Closed(why) => return Err(why.clone()),
            }
            timeout(GLANCE, state.changed()).await.ok();
        }
    }
}

/// Whether no more than this has passed since then, by both clocks.
pub(super) fn within(since: Instant, wall: SystemTime, limit: Duration) -> bool {
    since.elapsed() < limit && wall.elapsed().is_ok_and(|passed| passed < limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    const LIMIT: Duration = Duration::from_secs(45);

    #[tokio::test(start_paused = true)]
    async fn where_there_is_no_lock_every_call_passes() {
        assert_eq!(Fence::default().pass().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_held_back_in_doubt_and_go_on_when_it_is_over() {
        let fence = Fence::default();
        fence.hold(Instant::now(), LIMIT);
        assert_eq!(fence.pass().await, Ok(()));
        tokio::time::advance(LIMIT).await;
        assert_eq!(fence.pass().now_or_never(), None);
        let held = tokio::spawn({
            let fence = fence.clone();
            async move { fence.pass().await }
        });
        tokio::time::sleep(LIMIT).await;
        assert!(!held.is_finished());
        fence.hold(Instant::now(), LIMIT);
        assert_eq!(held.await.unwrap(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_slept_is_in_doubt_though_its_own_clock_stood_still() {
        let slept = SystemTime::now() - LIMIT;
        assert!(!within(Instant::now(), slept, LIMIT));
        let set_back = SystemTime::now() + LIMIT;
        assert!(!within(Instant::now(), set_back, LIMIT));
    }

    #[tokio::test(start_paused = true)]
    async fn once_the_lock_is_lost_every_call_is_refused() {
        let fence = Fence::default();
        fence.hold(Instant::now(), LIMIT);
        fence.close("taken over");
        assert_eq!(fence.pass().await, Err("taken over".to_owned()));
    }
}
