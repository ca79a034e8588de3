//! What is wanted: resources and the references between them.

use super::{
    address::{Address, Ref},
    erased::{AnyWanted, Wanted},
    kind::Kind,
    step::Change,
};
use std::sync::Arc;

/// The wanted resources, each added after the ones it refers to.
pub struct Graph<C> {
    pub(super) nodes: Vec<Node<C>>,
    member: Option<Member>,
}

pub(super) struct Node<C> {
    pub wanted: Arc<dyn AnyWanted<C>>,
    pub member: Option<Member>,
}

/// A place in a rolling set, whose members are replaced one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The set's name.
    pub set: Arc<str>,
    /// The place in the order of replacement.
    pub index: usize,
    /// How many members are replaced at a time, from 1.
    pub surge: usize,
}

impl<C> Default for Graph<C> {
    fn default() -> Self {
        Self { nodes: Vec::new(), member: None }
    }
}

impl<C: Send + Sync + 'static> Graph<C> {
    /// Adds a resource and hands out the only kind of reference a later one can hold.
    ///
    /// # Panics
    /// When the address is taken: names come from code, so that is a bug.
    pub fn add<K: Kind<Cloud = C>>(&mut self, name: &str, spec: K) -> Ref<K> {
        let name: Arc<str> = name.into();
        let address = Address { kind: K::NAME, name: name.clone() };
        assert!(
            self.nodes.iter().all(|n| n.wanted.address() != &address),
            "{address} is added twice"
        );
        let wanted = Arc::new(Wanted { address, spec });
        self.nodes.push(Node { wanted, member: self.member.clone() });
        Ref::named(name)
    }

    /// Adds what belongs to one member of a rolling set: where members have to be replaced, they
    /// are replaced one after another in the order of their indices.
    pub fn member<R>(&mut self, set: &str, index: usize, fill: impl FnOnce(&mut Self) -> R) -> R {
        self.member_of(Member { set: set.into(), index, surge: 1 }, fill)
    }

    /// The same for a set whose members are replaced some at a time.
    pub fn member_of<R>(&mut self, member: Member, fill: impl FnOnce(&mut Self) -> R) -> R {
        self.member = Some(member);
        let filled = fill(self);
        self.member = None;
        filled
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The addresses of everything wanted, in the order in which it was added.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.nodes.iter().map(|n| n.wanted.address())
    }

    /// Everything wanted with its attributes, in the order in which it was added.
    pub fn described(&self) -> impl Iterator<Item = (&Address, Vec<Change>)> {
        self.nodes.iter().map(|n| (n.wanted.address(), n.wanted.describe()))
    }

    /// The addresses of what belongs to rolling sets, and where in them it belongs.
    pub fn members(&self) -> impl Iterator<Item = (&Address, &Member)> {
        self.nodes.iter().filter_map(|n| Some((n.wanted.address(), n.member.as_ref()?)))
    }

    /// The wanted description of one resource.
    pub fn get<K: Kind<Cloud = C>>(&self, name: &str) -> Option<&K> {
        let address = Address::of::<K>(name);
        let node = self.nodes.iter().find(|n| *n.wanted.address() == address)?;
        node.wanted.any().downcast_ref::<Wanted<K>>().map(|w| &w.spec)
    }

    /// Changes the description of one resource, if it is wanted: what only what was found can tell.
    pub fn amend<K: Kind<Cloud = C>>(&mut self, name: &str, change: impl FnOnce(&mut K)) {
        let address = Address::of::<K>(name);
        let Some(mut spec) = self.get::<K>(name).cloned() else { return };
        change(&mut spec);
        if let Some(node) = self.nodes.iter_mut().find(|n| *n.wanted.address() == address) {
            node.wanted = Arc::new(Wanted { address, spec });
        }
    }

    #[cfg(test)]
    pub(super) fn reference<K: Kind<Cloud = C>>(name: &str) -> Ref<K> {
        Ref::named(name.into())
    }
}
