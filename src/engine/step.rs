//! One piece of work in a plan, and the changes that make it necessary.

use super::{
    address::{Address, Id},
    erased::{AnyFound, AnyWanted},
    graph::Member,
    kind::Swap,
};
use serde::Serialize;
use std::{fmt, sync::Arc, time::Duration};

/// One attribute that is not as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The attribute's name.
    pub attribute: &'static str,
    /// The found value; `None` when the resource is new.
    pub from: Option<String>,
    /// The wanted value.
    pub to: String,
    /// Whether AWS cannot change it in place.
    pub replaces: bool,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.from {
            Some(from) => write!(f, "{}: {from} -> {}", self.attribute, self.to),
            None => write!(f, "{}: {}", self.attribute, self.to),
        }
    }
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Makes something new.
    Create,
    /// Waits for something that is on its way already.
    Await,
    /// Changes something in place.
    Update,
    /// Removes something.
    Delete,
}

impl Action {
    /// The word for it in sentences: "cannot `create` …".
    pub fn verb(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Await => "wait for",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A step's work, with just what that work needs.
pub(super) enum Work<C> {
    Create(Arc<dyn AnyWanted<C>>),
    Await(Arc<dyn AnyFound<C>>),
    Update(Arc<dyn AnyWanted<C>>, Arc<dyn AnyFound<C>>),
    Delete(Arc<dyn AnyFound<C>>),
}

impl<C> Clone for Work<C> {
    fn clone(&self) -> Self {
        match self {
            Self::Create(wanted) => Self::Create(wanted.clone()),
            Self::Await(found) => Self::Await(found.clone()),
            Self::Update(wanted, found) => Self::Update(wanted.clone(), found.clone()),
            Self::Delete(found) => Self::Delete(found.clone()),
        }
    }
}

/// A step is one half of a replacement: which half follows from its action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    pub swap: Swap,
    /// The id of the one that goes.
    pub old: Id,
}

/// One piece of work on one resource.
pub struct Step<C> {
    pub(super) address: Address,
    pub(super) work: Work<C>,
    pub(super) changes: Vec<Change>,
    pub(super) replacement: Option<Replacement>,
    pub(super) member: Option<Member>,
    /// What must stand before it, as wanted.
    pub(super) needs: Vec<Address>,
    /// What it refers to now, as found.
    pub(super) holds: Vec<Id>,
    /// Steps that must succeed first.
    pub(super) after: Vec<usize>,
    pub(super) usual: Duration,
    /// Whether it is the last of its rolling set to be changed.
    pub(super) goes_last: bool,
}

impl<C: 'static> Step<C> {
    /// What is worked on.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What the cloud calls the one that is worked on, if it is there already.
    pub fn id(&self) -> Option<String> {
        match &self.work {
            Work::Create(_) => None,
            Work::Await(found) | Work::Update(_, found) | Work::Delete(found) => {
                Some(found.id().id.to_string())
            }
        }
    }

    /// What is done to it.
    pub fn action(&self) -> Action {
        match self.work {
            Work::Create(_) => Action::Create,
            Work::Await(_) => Action::Await,
            Work::Update(..) => Action::Update,
            Work::Delete(_) => Action::Delete,
        }
    }

    /// The attributes that differ (update, replacement) or are set (create).
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// How the replacement goes that this step is one half of, if it is.
    pub fn swap(&self) -> Option<Swap> {
        self.replacement.as_ref().map(|r| r.swap)
    }

    /// How long this usually takes.
    pub fn usual(&self) -> Duration {
        self.usual
    }

    /// Whether it takes what it works on out of service for a while, or another in its place.
    pub(super) fn disturbs(&self) -> bool {
        match &self.work {
            Work::Create(_) | Work::Delete(_) => self.replacement.is_some(),
            Work::Update(wanted, _) => wanted.disturbs(&self.changes),
            Work::Await(_) => true,
        }
    }

    /// What should be known of the resource as it was found.
    pub fn notes(&self) -> &[String] {
        match &self.work {
            Work::Create(_) => &[],
            Work::Await(found) | Work::Update(_, found) | Work::Delete(found) => found.notes(),
        }
    }

    /// Why this deletion must not happen as things stand.
    pub fn obstacle(&self) -> Option<String> {
        match &self.work {
            Work::Delete(found) => found.guard(),
            _ => None,
        }
    }

    /// The positions in the plan of the steps that must succeed first.
    pub fn after(&self) -> &[usize] {
        &self.after
    }
}
