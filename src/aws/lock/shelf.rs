//! Where generations of a lock are kept: four calls, of which only the making must be atomic.

use super::Fence;
use anyhow::Result;
use std::{fmt, time::Duration};

/// One generation, as it was read.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number, 1 or more.
    pub generation: u64,
    /// What its maker wrote.
    pub value: String,
    /// How long ago it was written last, by the shelf's own clock.
    pub age: Duration,
}

/// A place that keeps the generations of one lock.
pub trait Shelf: Clone + fmt::Debug + Send + Sync + 'static {
    /// Every generation there is, in any order. May be a little late.
    fn list(&self) -> impl Future<Output = Result<Vec<Entry>>> + Send;
    /// Makes a generation, atomically: `false` if there is one of this number.
    fn add(&self, generation: u64, value: String) -> impl Future<Output = Result<bool>> + Send;
    /// Writes over a generation that was made.
    fn overwrite(&self, generation: u64, value: String) -> impl Future<Output = Result<()>> + Send;
    /// Removes generations; those that are gone already are no error.
    fn remove(&self, generations: Vec<u64>) -> impl Future<Output = Result<()>> + Send;
    /// What stands before the calls that the lock is for; these four pass beside it.
    fn fence(&self) -> Fence;
}
