//! Names for things: a resource's address, and typed references between resources.

use super::kind::Kind;
use serde::{Serialize, Serializer};
use std::{fmt, marker::PhantomData, sync::Arc};

/// `kind/name`, unique within a stack; the name is written on the resource as a tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The kind's [`Kind::NAME`].
    pub kind: &'static str,
    /// The resource's name within its kind and stack.
    pub name: Arc<str>,
}

impl Address {
    /// The address of the resource of kind `K` that is called `name`.
    pub fn of<K: Kind>(name: impl Into<Arc<str>>) -> Self {
        Self { kind: K::NAME, name: name.into() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// What the cloud calls a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id {
    /// The kind's [`Kind::NAME`].
    pub kind: &'static str,
    /// The id, name or ARN by which other resources refer to it.
    pub id: Arc<str>,
}

/// A reference with its type forgotten: wanted ones go by name, held ones by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// To a resource of the wanted graph.
    Wanted(Address),
    /// To something that exists.
    Held(Id),
}

/// A typed reference to another resource of the stack.
///
/// A wanted reference is only handed out by `Graph::add`, so a graph has no cycles by construction.
/// A found reference carries the id the cloud reported.
pub struct Ref<K> {
    pub(super) target: Target,
    kind: PhantomData<fn() -> K>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Name(Arc<str>),
    Id(Arc<str>),
}

impl<K: Kind> Ref<K> {
    pub(super) fn named(name: Arc<str>) -> Self {
        Self { target: Target::Name(name), kind: PhantomData }
    }

    /// The reference a found resource holds, by the id the cloud reported.
    pub fn found(id: impl Into<Arc<str>>) -> Self {
        Self { target: Target::Id(id.into()), kind: PhantomData }
    }

    /// The id of a found reference; `None` for a wanted one, whose id is known only at run time.
    pub fn id(&self) -> Option<&str> {
        match &self.target {
            Target::Id(id) => Some(id),
            Target::Name(_) => None,
        }
    }
}

impl<K> Clone for Ref<K> {
    fn clone(&self) -> Self {
        Self { target: self.target.clone(), kind: PhantomData }
    }
}

impl<K> PartialEq for Ref<K> {
    fn eq(&self, other: &Self) -> bool {
        self.target == other.target
    }
}

impl<K> fmt::Debug for Ref<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}
