//! The only place where types are forgotten: one blanket impl serves every kind.

use super::{
    address::{Address, Id},
    attribute::Table,
    clash::Taken,
    context::{Cx, Output},
    kind::{Found, Kind, Phase, Swap},
    plan::Ids,
    preflight::{Problem, Refused},
    step::Change,
};
use anyhow::{Context, Result};
use futures::future::{BoxFuture, FutureExt};
use std::{any::Any, collections::BTreeSet, marker::PhantomData, sync::Arc, time::Duration};

pub(super) struct Wanted<K> {
    pub address: Address,
    pub spec: K,
}

pub(super) trait AnyWanted<C>: Send + Sync {
    fn address(&self) -> &Address;
    fn swap(&self) -> Swap;
    fn usual(&self) -> Duration;
    fn needs(&self) -> Vec<Address>;
    fn describe(&self) -> Vec<Change>;
    fn diff(&self, found: &dyn AnyFound<C>, ids: &Ids) -> Vec<Change>;
    fn completes(&self) -> Option<&'static str>;
    fn role(&self) -> Option<&'static str>;
    fn refuse(&self, found: &dyn AnyFound<C>, changes: &[Change]) -> Option<Refused>;
    /// Whether one of these changes interrupts those who use it.
    fn disturbs(&self, changes: &[Change]) -> bool;
    fn preflight<'a>(
        &'a self,
        found: Option<&'a dyn AnyFound<C>>,
        changes: &'a [Change],
        cx: &'a Cx<C>,
    ) -> BoxFuture<'a, Result<Vec<Problem>>>;
    fn taken<'a>(&'a self, cx: &'a Cx<C>) -> BoxFuture<'a, Result<Vec<Taken>>>;
    fn create<'a>(&'a self, cx: &'a Cx<C>) -> BoxFuture<'a, Result<Output>>;
    fn edit<'a>(
        &'a self,
        changes: &'a [Change],
        found: &'a dyn AnyFound<C>,
        cx: &'a Cx<C>,
    ) -> BoxFuture<'a, Result<Output>>;
    fn any(&self) -> &dyn Any;
}

/// A found resource of whatever kind.
pub trait AnyFound<C>: Any + Send + Sync {
    /// Its `kind/name`.
    fn address(&self) -> Address;
    /// What the cloud calls it.
    fn id(&self) -> Id;
    /// How far along it is.
    fn phase(&self) -> Phase;
    /// What the user should know of it.
    fn notes(&self) -> &[String];
    /// Why it must not be deleted as it stands.
    fn guard(&self) -> Option<String>;
    /// What of the stack it is that cannot be had twice.
    fn role(&self) -> Option<&'static str>;
    /// Whether it is changed after the other members of its rolling set.
    fn goes_last(&self) -> bool;
    /// The kinds that must be gone before it goes.
    fn outlives(&self) -> &'static [&'static str];
    /// How long one of its kind usually takes to come up.
    fn usual(&self) -> Duration;
    /// How long one of its kind usually takes to go.
    fn usual_deletion(&self) -> Duration;
    /// What the cloud assigned.
    fn output(&self) -> Output;
    /// Waits until others can build on it.
    fn settle<'a>(&'a self, cx: &'a Cx<C>) -> BoxFuture<'a, Result<Output>>;
    /// What it points at, and so keeps from being deleted.
    fn holds(&self) -> Vec<Id>;
    /// What would keep it from being removed.
    fn preflight_deletion<'a>(&'a self, cx: &'a Cx<C>) -> BoxFuture<'a, Result<Vec<Problem>>>;
    /// Removes it.
    fn delete<'a>(&'a self, cx: &'a Cx<C>) -> BoxFuture<'a, Result<()>>;
    /// The `Found<K>` behind it.
    fn any(&self) -> &dyn Any;
}

/// What an inventory asks of a kind.
pub trait AnyKind<C>: Send + Sync {
    /// The kind's name.
    fn name(&self) -> &'static str;
    /// Everything of this kind that belongs to the stack.
    fn discover<'a>(&'a self, cloud: &'a C) -> BoxFuture<'a, Result<Vec<Arc<dyn AnyFound<C>>>>>;
}

impl<K: Kind> AnyWanted<K::Cloud> for Wanted<K> {
    fn address(&self) -> &Address {
        &self.address
    }
    fn swap(&self) -> Swap {
        K::SWAP
    }
    fn usual(&self) -> Duration {
        K::USUAL
    }
    fn needs(&self) -> Vec<Address> {
        Table::<K>::of_kind().needed(&self.spec)
    }
    fn describe(&self) -> Vec<Change> {
        Table::<K>::of_kind().description(&self.spec)
    }
    fn diff(&self, found: &dyn AnyFound<K::Cloud>, ids: &Ids) -> Vec<Change> {
        Table::<K>::of_kind().diff(&self.spec, &same_kind::<K>(found).spec, ids)
    }
    fn completes(&self) -> Option<&'static str> {
        K::COMPLETES
    }
    fn role(&self) -> Option<&'static str> {
        K::ROLE
    }
    fn refuse(&self, found: &dyn AnyFound<K::Cloud>, changes: &[Change]) -> Option<Refused> {
        self.spec.refuse(same_kind::<K>(found), changes)
    }
    fn disturbs(&self, changes: &[Change]) -> bool {
        let table = Table::<K>::of_kind();
        changes.iter().filter_map(|c| table.edit_for(c.attribute)).any(K::disturbs)
    }
    fn preflight<'a>(
        &'a self,
        found: Option<&'a dyn AnyFound<K::Cloud>>,
        changes: &'a [Change],
        cx: &'a Cx<K::Cloud>,
    ) -> BoxFuture<'a, Result<Vec<Problem>>> {
        self.spec.preflight(found.map(same_kind::<K>), changes, cx).boxed()
    }
    fn taken<'a>(&'a self, cx: &'a Cx<K::Cloud>) -> BoxFuture<'a, Result<Vec<Taken>>> {
        self.spec.taken(cx).boxed()
    }
    fn create<'a>(&'a self, cx: &'a Cx<K::Cloud>) -> BoxFuture<'a, Result<Output>> {
        async move {
            let live = self.spec.create(cx).await?;
            Ok(Arc::new(K::settle(live, cx).await?) as Output)
        }
        .boxed()
    }
    fn edit<'a>(
        &'a self,
        changes: &'a [Change],
        found: &'a dyn AnyFound<K::Cloud>,
        cx: &'a Cx<K::Cloud>,
    ) -> BoxFuture<'a, Result<Output>> {
        async move {
            let found = same_kind::<K>(found);
            if found.phase == Phase::Coming {
                K::settle(found.live.clone(), cx).await?;
            }
            let edits: BTreeSet<K::Edit> = {
                let table = Table::<K>::of_kind();
                changes.iter().filter_map(|c| table.edit_for(c.attribute)).collect()
            };
            for edit in edits {
                self.spec
                    .edit(edit, found, cx)
                    .await
                    .with_context(|| format!("cannot change {edit:?}"))?;
            }
            Ok(Arc::new(K::settle(found.live.clone(), cx).await?) as Output)
        }
        .boxed()
    }
    fn any(&self) -> &dyn Any {
        self
    }
}

/// Wanted and found are matched by address, which names the kind.
fn same_kind<K: Kind>(found: &dyn AnyFound<K::Cloud>) -> &Found<K> {
    found.any().downcast_ref().expect("an address names one kind only")
}

impl<K: Kind> AnyFound<K::Cloud> for Found<K> {
    fn address(&self) -> Address {
        Found::address(self)
    }
    fn id(&self) -> Id {
        Id { kind: K::NAME, id: K::id(&self.live).into() }
    }
    fn phase(&self) -> Phase {
        self.phase
    }
    fn notes(&self) -> &[String] {
        &self.notes
    }
    fn guard(&self) -> Option<String> {
        K::guard(self)
    }
    fn usual(&self) -> Duration {
        K::USUAL
    }
    fn role(&self) -> Option<&'static str> {
        K::ROLE
    }
    fn goes_last(&self) -> bool {
        K::goes_last(self)
    }
    fn outlives(&self) -> &'static [&'static str] {
        K::OUTLIVES
    }
    fn usual_deletion(&self) -> Duration {
        K::USUAL_DELETION
    }
    fn output(&self) -> Output {
        Arc::new(self.live.clone())
    }
    fn settle<'a>(&'a self, cx: &'a Cx<K::Cloud>) -> BoxFuture<'a, Result<Output>> {
        async move { Ok(Arc::new(K::settle(self.live.clone(), cx).await?) as Output) }.boxed()
    }
    fn holds(&self) -> Vec<Id> {
        Table::<K>::of_kind().held(&self.spec)
    }
    fn preflight_deletion<'a>(
        &'a self,
        cx: &'a Cx<K::Cloud>,
    ) -> BoxFuture<'a, Result<Vec<Problem>>> {
        K::preflight_deletion(self, cx).boxed()
    }
    fn delete<'a>(&'a self, cx: &'a Cx<K::Cloud>) -> BoxFuture<'a, Result<()>> {
        K::delete(self, cx).boxed()
    }
    fn any(&self) -> &dyn Any {
        self
    }
}

impl<K: Kind> AnyKind<K::Cloud> for PhantomData<fn() -> K> {
    fn name(&self) -> &'static str {
        K::NAME
    }
    fn discover<'a>(
        &'a self,
        cloud: &'a K::Cloud,
    ) -> BoxFuture<'a, Result<Vec<Arc<dyn AnyFound<K::Cloud>>>>> {
        async move {
            let found =
                K::discover(cloud).await.with_context(|| format!("cannot list {}", K::NAME))?;
            Ok(found.into_iter().map(|f| Arc::new(f) as Arc<dyn AnyFound<K::Cloud>>).collect())
        }
        .boxed()
    }
}
