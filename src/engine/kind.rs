//! The one trait a resource kind implements.

use super::{
    address::Address,
    attribute::Table,
    clash::Taken,
    context::Cx,
    preflight::{Problem, Refused},
    step::Change,
};
use anyhow::Result;
use std::{fmt::Debug, sync::Arc, time::Duration};

/// A kind of resource: what can be wanted of it, how it is found, and how it is brought about.
///
/// The implementing type is the description itself. `discover` answers in the same vocabulary,
/// so wanted and found are compared field by field through one table.
pub trait Kind: Clone + Send + Sync + Sized + 'static {
    /// The world the kind lives in: SDK clients in production, a map in tests.
    type Cloud: Send + Sync + 'static;
    /// What the cloud assigns: ids, ARNs, endpoints.
    type Live: Clone + Send + Sync + 'static;
    /// The calls that change it in place; [`Never`] when there are none.
    type Edit: Copy + Ord + Debug + Send + Sync + 'static;

    /// The kind's name in addresses, in AWS's own term and kebab case.
    const NAME: &'static str;
    /// How a replacement is ordered.
    const SWAP: Swap = Swap::DeleteFirst;
    /// The kinds of which everything that goes must be gone before this goes, though nothing that
    /// AWS tells of them refers to it.
    const OUTLIVES: &'static [&'static str] = &[];
    /// The attribute whose change makes something more under a name of its own, if one does: what
    /// an earlier run left half-made.
    const COMPLETES: Option<&'static str> = None;
    /// What of this kind cannot be had twice, whichever kind it is: a stack's "database" can be one
    /// kind or another. To want it as another kind is to lose what is in it, and is refused.
    const ROLE: Option<&'static str> = None;
    /// How long it usually takes from the call until others can build on it.
    const USUAL: Duration = Duration::from_secs(2);
    /// How long it usually takes from the call until it is gone.
    const USUAL_DELETION: Duration = Self::USUAL;

    /// The table of what it can be described by.
    fn attributes(table: Table<Self>) -> Table<Self>;
    /// The id other resources hold when they refer to this one.
    fn id(live: &Self::Live) -> &str;
    /// Why this one must not be deleted as it stands (deletion protection, say).
    fn guard(_found: &Found<Self>) -> Option<String> {
        None
    }

    /// Why these changes cannot be made to what was found, with the remedy that keeps what is
    /// there: asked before anything else is decided of it.
    fn refuse(&self, _found: &Found<Self>, _changes: &[Change]) -> Option<Refused> {
        None
    }
    /// Whether the edit interrupts those who use it. Members of a rolling set are edited so one
    /// after another.
    fn disturbs(_edit: Self::Edit) -> bool {
        false
    }
    /// Whether it is changed after the other members of its rolling set: the writer of a cluster.
    fn goes_last(_found: &Found<Self>) -> bool {
        false
    }

    /// Everything of this kind that belongs to the stack, in as few calls as there can be.
    fn discover(cloud: &Self::Cloud) -> impl Future<Output = Result<Vec<Found<Self>>>> + Send;
    /// What has a name already that this one is about to be made under, and is not the stack's. Only
    /// what stays is in place meanwhile: a name that follows from something new is nobody's yet.
    fn taken(&self, _cx: &Cx<Self::Cloud>) -> impl Future<Output = Result<Vec<Taken>>> + Send {
        async { Ok(Vec::new()) }
    }
    /// What would keep AWS from making it, or from changing what was found into it: asked of AWS
    /// before the first call that writes. Only what stays can be looked up in `cx`.
    fn preflight(
        &self,
        _found: Option<&Found<Self>>,
        _changes: &[Change],
        _cx: &Cx<Self::Cloud>,
    ) -> impl Future<Output = Result<Vec<Problem>>> + Send {
        async { Ok(Vec::new()) }
    }
    /// What would keep AWS from deleting it, once everything is gone that the plan deletes
    /// ([`Cx::goes`]): asked before the first call that writes.
    fn preflight_deletion(
        _found: &Found<Self>,
        _cx: &Cx<Self::Cloud>,
    ) -> impl Future<Output = Result<Vec<Problem>>> + Send {
        async { Ok(Vec::new()) }
    }
    /// Makes the call that brings it about; `settle` does the waiting.
    fn create(&self, cx: &Cx<Self::Cloud>) -> impl Future<Output = Result<Self::Live>> + Send;
    /// Waits until others can build on it. Most things can be at once.
    fn settle(
        live: Self::Live,
        _cx: &Cx<Self::Cloud>,
    ) -> impl Future<Output = Result<Self::Live>> + Send {
        async { Ok(live) }
    }
    /// Makes one call that changes what was found into what `self` wants.
    fn edit(
        &self,
        edit: Self::Edit,
        found: &Found<Self>,
        cx: &Cx<Self::Cloud>,
    ) -> impl Future<Output = Result<()>> + Send;
    /// Removes it and waits until it is gone; succeeds when it is gone already.
    fn delete(found: &Found<Self>, cx: &Cx<Self::Cloud>)
    -> impl Future<Output = Result<()>> + Send;
}

/// A resource as the cloud has it.
#[derive(Clone, Debug)]
pub struct Found<K: Kind> {
    /// The name within kind and stack, read from its tag or derived from its parent.
    pub name: Arc<str>,
    /// What it is like, in the words in which it could have been wanted.
    pub spec: K,
    /// What the cloud assigned.
    pub live: K::Live,
    /// How far along it is.
    pub phase: Phase,
    /// What the user should know of it: a change that is scheduled, why it failed.
    pub notes: Vec<String>,
}

/// How far along a found resource is: an earlier run may have been broken off while waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Being made or changed; it will be ready.
    Coming,
    /// As it is meant to be.
    Ready,
    /// Being deleted.
    Going,
    /// In a state it will not leave by itself; the reason is its first note. It is made anew.
    Broken,
    /// It bears the stack's tags and is not the stack's: a copy, which AWS gave the tags of what it
    /// was made from. Its notes name it by id. It is told of, and neither changed nor deleted.
    Copy,
}

impl<K: Kind> Found<K> {
    /// A resource that is ready, with nothing to remark.
    pub fn ready(name: impl Into<Arc<str>>, spec: K, live: K::Live) -> Self {
        Self { name: name.into(), spec, live, phase: Phase::Ready, notes: Vec::new() }
    }

    /// The same in another phase.
    #[must_use]
    pub fn in_phase(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    /// The same with remarks.
    #[must_use]
    pub fn with_notes(self, notes: impl IntoIterator<Item = String>) -> Self {
        Self { notes: notes.into_iter().collect(), ..self }
    }

    /// Its `kind/name`.
    pub fn address(&self) -> Address {
        Address { kind: K::NAME, name: self.name.clone() }
    }
}

/// How a replacement goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    /// Delete the old, then create the new: the two cannot exist side by side.
    DeleteFirst,
    /// Create the new, move its users over, then delete the old.
    CreateFirst,
    /// Refuse to plan it; the text says what would be lost ("its data").
    Refuse(&'static str),
}

/// The edit of a kind that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Never {}
