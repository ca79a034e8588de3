//! A moment, by two clocks: one stands still while the machine sleeps, the other can be set.

use std::time::{Duration, SystemTime};
use tokio::time::Instant;

#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) clock: Instant,
    pub(super) wall: SystemTime,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { clock: Instant::now(), wall: SystemTime::now() }
    }

    /// How long ago it was, by the clock that cannot be set.
    pub(super) fn elapsed(self) -> Duration {
        self.clock.elapsed()
    }

    /// Whether less than this has passed since, by both clocks.
    pub(super) fn is_within(self, limit: Duration) -> bool {
        self.elapsed() < limit && self.wall.elapsed().is_ok_and(|passed| passed < limit)
    }
}
