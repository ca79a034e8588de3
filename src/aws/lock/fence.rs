//! Holds every call back while it is in doubt whether the lock still holds: a machine that slept, or
//! was cut off, must not go on with what others may have begun to change.

use super::moment::Moment;
use std::time::Duration;
use tokio::{sync::watch, time::timeout};

/// Stands before every call to AWS, and costs none.
#[derive(Clone, Debug)]
pub struct Fence(watch::Sender<State>);

#[derive(Clone, Debug)]
enum State {
    /// There is no lock: whoever only reads needs none.
    Open,
    /// The lock holds for so long after then.
    Holds(Moment, Duration),
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
    pub(super) fn hold(&self, since: Moment, limit: Duration) {
        self.0.send_replace(State::Holds(since, limit));
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
                State::Holds(since, limit) if since.is_within(*limit) => return Ok(()),
                State::Holds(..) => {}
                State::Closed(why) => return Err(why.clone()),
            }
            timeout(GLANCE, state.changed()).await.ok();
        }
    }
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
        fence.hold(Moment::now(), LIMIT);
        assert_eq!(fence.pass().await, Ok(()));
        tokio::time::advance(LIMIT).await;
        assert_eq!(fence.pass().now_or_never(), None);
        let held = tokio::spawn({
            let fence = fence.clone();
            async move { fence.pass().await }
        });
        tokio::time::sleep(LIMIT).await;
        assert!(!held.is_finished());
        fence.hold(Moment::now(), LIMIT);
        assert_eq!(held.await.unwrap(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_slept_is_in_doubt_though_its_own_clock_stood_still() {
        let now = Moment::now();
        let slept = Moment { wall: now.wall - LIMIT, ..now };
        assert!(!slept.is_within(LIMIT));
        let set_back = Moment { wall: now.wall + LIMIT, ..now };
        assert!(!set_back.is_within(LIMIT));
    }

    #[tokio::test(start_paused = true)]
    async fn once_the_lock_is_lost_every_call_is_refused() {
        let fence = Fence::default();
        fence.hold(Moment::now(), LIMIT);
        fence.close("taken over");
        assert_eq!(fence.pass().await, Err("taken over".to_owned()));
    }
}
