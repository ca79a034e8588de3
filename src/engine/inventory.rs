//! What is there: everything of the stack that the cloud knows.

use super::{
    address::Address,
    erased::{AnyFound, AnyKind},
    kind::{Found, Kind, Phase},
};
use anyhow::Result;
use futures::future::try_join_all;
use std::sync::Arc;

/// Everything found of one stack.
pub struct Inventory<C> {
    pub(super) found: Vec<Arc<dyn AnyFound<C>>>,
    /// What bears the stack's tags and is not the stack's.
    copies: Vec<Arc<dyn AnyFound<C>>>,
}

/// Nothing.
impl<C> Default for Inventory<C> {
    fn default() -> Self {
        Self { found: Vec::new(), copies: Vec::new() }
    }
}

impl<C> Clone for Inventory<C> {
    fn clone(&self) -> Self {
        Self { found: self.found.clone(), copies: self.copies.clone() }
    }
}

impl<C: Send + Sync + 'static> Inventory<C> {
    /// Asks every kind at once for what it has of this stack.
    ///
    /// # Errors
    /// The first listing that fails ends it: a plan from half a picture would be wrong.
    pub async fn take(kinds: &[Box<dyn AnyKind<C>>], cloud: &C) -> Result<Self> {
        let sets = try_join_all(kinds.iter().map(|k| k.discover(cloud))).await?;
        let all = sets.into_iter().flatten();
        let (copies, found) = all.partition(|f| f.phase() == Phase::Copy);
        Ok(Self { found, copies })
    }

    /// The same with one more resource.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn with<K: Kind<Cloud = C>>(mut self, found: Found<K>) -> Self {
        self.found.push(Arc::new(found));
        self
    }

    /// The same with every resource of one kind changed, to see what would follow from that.
    #[must_use]
    pub fn altered<K: Kind<Cloud = C>>(mut self, change: impl Fn(&mut Found<K>)) -> Self
    where
        Found<K>: Clone,
    {
        for found in &mut self.found {
            if let Some(one) = found.any().downcast_ref::<Found<K>>() {
                let mut altered = one.clone();
                change(&mut altered);
                *found = Arc::new(altered);
            }
        }
        self
    }

    /// Whether the cloud has nothing of this stack.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many resources were found.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// The resources of one kind.
    pub fn of<K: Kind<Cloud = C>>(&self) -> impl Iterator<Item = &Found<K>> {
        self.found.iter().filter_map(|f| f.any().downcast_ref())
    }

    /// The address and the remarks of each resource that has any, copies included.
    pub fn notes(&self) -> impl Iterator<Item = (Address, &[String])> {
        let all = self.found.iter().chain(&self.copies);
        all.filter(|f| !f.notes().is_empty()).map(|f| (f.address(), f.notes()))
    }

    /// Every address that was found, sorted; twins stand twice.
    pub fn addresses(&self) -> Vec<Address> {
        let mut all: Vec<_> = self.found.iter().map(|f| f.address()).collect();
        all.sort();
        all
    }
}
