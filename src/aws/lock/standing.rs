//! How it stands with a lock: the highest generation, and whether it still holds.

use super::{BETWEEN_LOOKS, Entry, Holder, LEASE, Shelf, moment::Moment};
use anyhow::Result;
use std::time::Duration;
use tokio::time::Instant;

/// What was read of a lock.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The highest generation; 0 where there is none.
    pub generation: u64,
    highest: Option<Written>,
    older: Vec<(u64, Written)>,
    read: Moment,
}

/// What a generation says.
#[derive(Clone, Debug)]
struct Written {
    /// Who made it; of what is not understood, nobody in particular.
    maker: Holder,
    /// How long before the reading it was written last.
    age: Duration,
}

impl Written {
    /// Whether it holds when it was silent for so long: it does not where it was released, where it
    /// was not renewed for [`LEASE`], and where its process was one of this machine that has ended.
    fn holds(&self, silence: Duration) -> bool {
        !self.maker.released && silence < LEASE && !self.maker.has_ended()
    }
}

impl Standing {
    /// What these generations mean.
    pub fn of(mut entries: Vec<Entry>) -> Self {
        entries.sort_by_key(|entry| entry.generation);
        let written = |entry: Entry| {
            let Entry { generation, value, age } = entry;
            (generation, Written { maker: Holder::read(&value), age })
        };
        let mut older: Vec<_> = entries.into_iter().map(written).collect();
        let (generation, highest) = older.pop().unzip();
        Self { generation: generation.unwrap_or(0), highest, older, read: Moment::now() }
    }

    /// Reads it.
    ///
    /// # Errors
    /// What the shelf refuses.
    pub async fn read(shelf: &impl Shelf) -> Result<Self> {
        Ok(Self::of(shelf.list().await?))
    }

    /// Who holds the lock, as far as can be known.
    pub fn holder(&self) -> Option<&Holder> {
        let highest = self.highest.as_ref()?;
        highest.holds(self.silence()).then_some(&highest.maker)
    }

    /// How long it holds unless it is renewed.
    pub fn remaining(&self) -> Duration {
        LEASE.saturating_sub(self.silence())
    }

    /// How long ago it was renewed last.
    pub fn silence(&self) -> Duration {
        self.age().saturating_add(self.read.elapsed())
    }

    fn age(&self) -> Duration {
        self.highest.as_ref().map_or(Duration::MAX, |highest| highest.age)
    }

    /// Whether nobody can have written to the stack since `then`, up to when this was read. A holder
    /// touches its generation only at every heartbeat: while it holds, it works.
    pub fn rested_since(&self, then: Instant) -> bool {
        let works = self.highest.as_ref().is_some_and(|highest| !highest.maker.released);
        let since = if works { LEASE } else { CLOCK };
        self.age() > self.read.clock.saturating_duration_since(then) + since
    }

    /// Whether nobody wrote to the stack between `began` and what is known `now`, when this was read
    /// in between.
    pub fn rested_between(&self, began: Instant, now: &Self) -> bool {
        let abandoned = || self.highest.as_ref().is_some_and(|highest| !highest.maker.released);
        self.holder().is_none()
            && now.holder().is_none()
            && self.mark() == now.mark()
            && (self.rested_since(began) || abandoned())
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
        from.remove(self.all()).await
    }

    /// Every generation that was read.
    pub(super) fn all(&self) -> Vec<u64> {
        let mut all = self.older();
        all.push(self.generation);
        all
    }

    pub(super) fn older(&self) -> Vec<u64> {
        self.older.iter().map(|(generation, _)| *generation).collect()
    }

    /// Whether one can still go by this: a prompt, or a sleep of the machine, may lie between.
    pub(super) fn is_fresh(&self) -> bool {
        self.read.is_within(BETWEEN_LOOKS)
    }

    /// Whether this older generation is there and holds nothing.
    pub(super) fn rests(&self, generation: u64) -> bool {
        let rests = |written: &Written| !written.holds(written.age);
        self.older.iter().any(|(older, written)| *older == generation && rests(written))
    }

    /// Which generation of which run this is.
    pub(super) fn mark(&self) -> (u64, String) {
        let run = self.highest.as_ref().map(|highest| highest.maker.run.clone());
        (self.generation, run.unwrap_or_default())
    }

    pub(super) fn is_of(&self, generation: u64, holder: &Holder) -> bool {
        self.mark() == (generation, holder.run.clone())
    }
}

/// AWS tells times to the second.
const CLOCK: Duration = Duration::from_secs(2);
