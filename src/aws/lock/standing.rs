//! How it stands with a lock: the highest generation, and whether it still holds.

use super::{Entry, Holder, LEASE, Shelf};
use anyhow::Result;
use std::time::Duration;
use tokio::time::Instant;

/// What was read of a lock.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The highest generation; 0 where there is none.
    pub generation: u64,
    older: Vec<u64>,
    /// Who made it; `None` where there is none, or what it says is not understood.
    maker: Option<Holder>,
    /// How long before `read` it was written last.
    age: Duration,
    read: Instant,
}

impl Standing {
    /// What these generations mean.
    pub fn of(mut entries: Vec<Entry>) -> Self {
        entries.sort_by_key(|entry| entry.generation);
        let highest = entries.pop();
        Self {
            generation: highest.as_ref().map_or(0, |entry| entry.generation),
            older: entries.iter().map(|entry| entry.generation).collect(),
            maker: highest.as_ref().map(|entry| Holder::read(&entry.value)),
            age: highest.map_or(Duration::MAX, |entry| entry.age),
            read: Instant::now(),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// What the shelf refuses.
    pub async fn read(shelf: &impl Shelf) -> Result<Self> {
        Ok(Self::of(shelf.list().await?))
    }

    /// Who holds the lock, as far as can be known: nobody where it was released, where it was not
    /// renewed for [`LEASE`], and where its process was one of this machine that has ended.
    pub fn holder(&self) -> Option<&Holder> {
        let maker = self.maker.as_ref()?;
        (!maker.released && !self.remaining().is_zero() && !maker.has_ended()).then_some(maker)
    }

    /// How long it holds unless it is renewed.
    pub fn remaining(&self) -> Duration {
        LEASE.saturating_sub(self.silence())
    }

    /// How long ago it was renewed last.
    pub fn silence(&self) -> Duration {
        self.age.saturating_add(self.read.elapsed())
    }

    /// Whether it was touched last before `then`: what was read since is not half of another
    /// run's work.
    pub fn rested_since(&self, then: Instant) -> bool {
        self.age > self.read.saturating_duration_since(then) + CLOCK
    }

    /// Whether there is anything to erase.
    pub fn is_blank(&self) -> bool {
        self.generation == 0
    }

    /// Removes every generation that was read.
    ///
    /// # Errors
    /// What the shelf refuses.
    pub async fn erase(&self, from: &impl Shelf) -> Result<()> {
        let mut all = self.older.clone();
        all.push(self.generation);
        from.remove(all).await
    }

    pub(super) fn older(&self) -> Vec<u64> {
        self.older.clone()
    }

    /// Which generation of which run this is.
    pub(super) fn mark(&self) -> (u64, String) {
        (self.generation, self.maker.as_ref().map(|maker| maker.run.clone()).unwrap_or_default())
    }

    pub(super) fn is_of(&self, generation: u64, holder: &Holder) -> bool {
        self.mark() == (generation, holder.run.clone())
    }
}

/// AWS tells times to the second.
const CLOCK: Duration = Duration::from_secs(2);
