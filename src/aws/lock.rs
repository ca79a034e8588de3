//! Who may write to a stack: a lock that needs no set-up, tells who holds it, and frees itself.
//!
//! Every run that writes makes the next *generation*; making one is atomic, and the highest holds.
//! A heartbeat renews it. One that was not renewed for [`LEASE`] is over, and the next run succeeds
//! it by making a higher one; a run that finds itself succeeded starts nothing further. A released
//! generation stays as a trace until the next one is made: AWS advises against making a parameter
//! anew within 30 seconds of its deletion (AWS API reference, `DeleteParameter`).

mod fence;
mod heart;
mod holder;
mod moment;
mod parameters;
mod process;
mod shelf;
mod standing;

pub use fence::Fence;
pub use holder::Holder;
pub use parameters::{Keeper, Parameters, Reading};
pub use shelf::{Entry, Shelf};
pub use standing::Standing;

use crate::engine::Stop;
use anyhow::{Result, ensure};
use heart::Heart;
use moment::Moment;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How long a lock holds after its last heartbeat. A killed run's lock is free after this.
pub const LEASE: Duration = Duration::from_secs(70);
/// How long what was made may be missing from a listing, or what was removed may be in the way.
const LAG: Duration = Duration::from_mins(1);
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// A lock that is held, and renewed as long as this lives.
#[derive(Debug)]
pub struct Lock<S: Shelf> {
    shelf: S,
    generation: u64,
    holder: Holder,
    /// What stood before: generation and run.
    before: (u64, String),
    heart: Heart,
}

impl<S: Shelf> Lock<S> {
    /// Takes the lock, unless somebody else holds it: then that is told. `seen` is what was read
    /// last; where that is a while ago, it is read again. When the lock is lost later on, `stop` is
    /// raised.
    ///
    /// # Errors
    /// What AWS refuses; a listing that does not show what was made.
    pub async fn take(
        shelf: S,
        holder: Holder,
        mut seen: Standing,
        stop: &Stop,
    ) -> Result<Result<Self, Standing>> {
        let limit = Instant::now() + LAG;
        if !seen.is_fresh() {
            seen = Standing::read(&shelf).await?;
        }
        while seen.holder().is_none() {
            let generation = seen.generation + 1;
            let since = Moment::now();
            let added = shelf.add(generation, holder.held()).await?;
            let mut now = Standing::read(&shelf).await?;
            while now.generation < generation {
                ensure!(
                    Instant::now() < limit,
                    "generation {generation} of the stack's lock can neither be made nor read"
                );
                sleep(BETWEEN_LOOKS).await;
                if !added {
                    break;
                }
                now = Standing::read(&shelf).await?;
            }
            let highest = now.is_of(generation, &holder);
            // Numbers have an order only as long as each was made beside the one before. That one is
            // missing where the stack was destroyed meanwhile, and its run may have woken up.
            if highest && (seen.is_blank() || now.rests(seen.generation)) {
                let heart = Heart::start(&shelf, generation, &holder, since, now.older(), stop);
                return Ok(Ok(Self { shelf, generation, holder, before: seen.mark(), heart }));
            }
            if added || highest {
                // A lower one holds nothing: others have come and gone meanwhile.
                shelf.remove(vec![generation]).await?;
            }
            seen = if highest { Standing::read(&shelf).await? } else { now };
        }
        Ok(Err(seen))
    }

    /// Whether nobody held the lock between what was `seen` and this run.
    pub fn follows(&self, seen: &Standing) -> bool {
        self.before == seen.mark()
    }

    /// Why the lock was lost, if it was.
    pub fn lost(&self) -> Option<&str> {
        self.heart.stopped()
    }

    /// Lets others write; `false` if somebody else had taken the lock away since the last heartbeat.
    /// What cannot be told AWS within `limit` ends with the lease.
    ///
    /// # Errors
    /// What AWS refuses; no answer in time.
    pub async fn release(mut self, limit: Duration) -> Result<bool> {
        timeout(limit, async {
            self.heart.stop().await;
            if self.lost().is_some() {
                return Ok(true);
            }
            // Writing makes what is not there: of a stack that is gone, something would be left.
            let standing = Standing::read(&self.shelf).await?;
            let ours = standing.is_of(self.generation, &self.holder);
            if ours {
                self.shelf.overwrite(self.generation, self.holder.released()).await?;
            }
            Ok(ours)
        })
        .await?
    }

    /// Lets others write, and leaves no trace of any run: for a stack that is gone.
    ///
    /// # Errors
    /// What AWS refuses.
    pub async fn erase(mut self) -> Result<()> {
        self.heart.stop().await;
        let standing = Standing::read(&self.shelf).await?;
        ensure!(standing.is_of(self.generation, &self.holder), "the lock was lost meanwhile");
        standing.erase(&self.shelf).await
    }
}

/// Takes the lock away from whoever holds it. A run that goes on notices and starts nothing further.
///
/// # Errors
/// What AWS refuses; somebody else was quicker.
pub async fn unlock<S: Shelf>(shelf: &S, by: &Holder, seen: &Standing) -> Result<()> {
    const CHANGED: &str = "the lock changed hands meanwhile";
    let now = Standing::read(shelf).await?;
    ensure!(now.mark() == seen.mark(), CHANGED);
    ensure!(shelf.add(now.generation + 1, by.released()).await?, CHANGED);
    shelf.remove(now.all()).await
}

#[cfg(test)]
mod tests;
