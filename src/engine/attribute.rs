//! The attribute table: one declaration from which the diff, the graph edges and the display derive.

use super::{
    address::{Address, Id, Link, Ref, Target},
    kind::Kind,
    plan::Ids,
    step::Change,
};
use std::fmt::Display;

/// A value a resource can be described by.
pub trait Attribute: 'static {
    /// The value as a plan shows it.
    fn show(&self) -> String;
    /// Whether the found value already says what this one wants.
    fn met_by(&self, found: &Self, ids: &Ids) -> bool;
    /// The resources it points at.
    fn links(&self, _out: &mut Vec<Link>) {}
}

/// An attribute that is compared as it stands and shown as it prints.
pub trait Plain: PartialEq + Display + 'static {}

impl Plain for bool {}
impl Plain for u8 {}
impl Plain for u16 {}
impl Plain for u32 {}
impl Plain for String {}
impl Plain for ipnet::Ipv4Net {}

impl<T: Plain> Attribute for T {
    fn show(&self) -> String {
        self.to_string()
    }
    fn met_by(&self, found: &Self, _: &Ids) -> bool {
        self == found
    }
}

impl<K: Kind> Attribute for Ref<K> {
    fn show(&self) -> String {
        match &self.target {
            Target::Name(name) => format!("{}/{name}", K::NAME),
            Target::Id(id) => id.to_string(),
        }
    }
    fn met_by(&self, found: &Self, ids: &Ids) -> bool {
        match (&self.target, &found.target) {
            (Target::Name(name), Target::Id(id)) => ids.stand_for(K::NAME, id, name),
            (a, b) => a == b,
        }
    }
    fn links(&self, out: &mut Vec<Link>) {
        out.push(match &self.target {
            Target::Name(name) => Link::Wanted(Address { kind: K::NAME, name: name.clone() }),
            Target::Id(id) => Link::Held(Id { kind: K::NAME, id: id.clone() }),
        });
    }
}

/// `None` means: leave it as it is.
impl<A: Attribute> Attribute for Option<A> {
    fn show(&self) -> String {
        self.as_ref().map_or_else(|| "(none)".into(), A::show)
    }
    fn met_by(&self, found: &Self, ids: &Ids) -> bool {
        match (self, found) {
            (None, _) => true,
            (Some(a), Some(b)) => a.met_by(b, ids),
            (Some(_), None) => false,
        }
    }
    fn links(&self, out: &mut Vec<Link>) {
        if let Some(a) = self {
            a.links(out);
        }
    }
}

/// A list stands for a set: order is never a difference.
impl<T: Attribute> Attribute for Vec<T> {
    fn show(&self) -> String {
        let mut shown: Vec<_> = self.iter().map(T::show).collect();
        shown.sort();
        format!("[{}]", shown.join(", "))
    }
    fn met_by(&self, found: &Self, ids: &Ids) -> bool {
        self.len() == found.len()
            && self.iter().all(|a| found.iter().any(|b| a.met_by(b, ids)))
            && found.iter().all(|b| self.iter().any(|a| a.met_by(b, ids)))
    }
    fn links(&self, out: &mut Vec<Link>) {
        for a in self {
            a.links(out);
        }
    }
}

/// What a kind can be described by, and what a difference in each row means.
pub struct Table<K: Kind> {
    rows: Vec<Row<K>>,
    /// References that order but are never compared.
    needs: Vec<Links<K>>,
}

type Links<K> = Box<dyn Fn(&K, &mut Vec<Link>)>;
type Met<K> = Box<dyn Fn(&K, &K, &Ids) -> bool>;

struct Row<K: Kind> {
    name: &'static str,
    edit: Option<K::Edit>,
    editable: fn(&K, &K) -> bool,
    show: Box<dyn Fn(&K) -> String>,
    met: Met<K>,
    links: Links<K>,
}

impl<K: Kind> Table<K> {
    pub(super) fn of_kind() -> Self {
        K::attributes(Self { rows: Vec::new(), needs: Vec::new() })
    }

    /// Cannot change once created: a difference replaces the resource.
    #[must_use]
    pub fn fixed<A: Attribute>(self, name: &'static str, get: fn(&K) -> &A) -> Self {
        self.row(name, None, |_, _| false, get)
    }

    /// Changed in place by `edit`.
    #[must_use]
    pub fn tuned<A: Attribute>(self, name: &'static str, edit: K::Edit, get: fn(&K) -> &A) -> Self {
        self.row(name, Some(edit), |_, _| true, get)
    }

    /// Changed in place where `editable(wanted, found)` says that AWS allows it; elsewhere fixed.
    #[must_use]
    pub fn tuned_if<A: Attribute>(
        self,
        name: &'static str,
        edit: K::Edit,
        get: fn(&K) -> &A,
        editable: fn(&K, &K) -> bool,
    ) -> Self {
        self.row(name, Some(edit), editable, get)
    }

    /// Must be in place before this is made, but is not part of what is compared.
    #[must_use]
    pub fn needs<A: Attribute>(mut self, get: fn(&K) -> &A) -> Self {
        self.needs.push(Box::new(move |k, out| get(k).links(out)));
        self
    }

    fn row<A: Attribute>(
        mut self,
        name: &'static str,
        edit: Option<K::Edit>,
        editable: fn(&K, &K) -> bool,
        get: fn(&K) -> &A,
    ) -> Self {
        self.rows.push(Row {
            name,
            edit,
            editable,
            show: Box::new(move |k| get(k).show()),
            met: Box::new(move |w, f, ids| get(w).met_by(get(f), ids)),
            links: Box::new(move |k, out| get(k).links(out)),
        });
        self
    }

    /// Every resource that must stand before this one.
    pub(super) fn needed(&self, by: &K) -> Vec<Address> {
        let mut out = self.links(by);
        self.needs.iter().for_each(|links| links(by, &mut out));
        out.into_iter()
            .filter_map(|link| if let Link::Wanted(to) = link { Some(to) } else { None })
            .collect()
    }

    /// What a found resource points at, and so keeps from being deleted.
    pub(super) fn held(&self, by: &K) -> Vec<Id> {
        self.links(by)
            .into_iter()
            .filter_map(|link| if let Link::Held(id) = link { Some(id) } else { None })
            .collect()
    }

    fn links(&self, of: &K) -> Vec<Link> {
        let mut out = Vec::new();
        self.rows.iter().for_each(|r| (r.links)(of, &mut out));
        out
    }

    pub(super) fn diff(&self, wanted: &K, found: &K, ids: &Ids) -> Vec<Change> {
        self.rows
            .iter()
            .filter(|r| !(r.met)(wanted, found, ids))
            .map(|r| Change {
                attribute: r.name,
                from: Some((r.show)(found)),
                to: (r.show)(wanted),
                replaces: r.edit.is_none() || !(r.editable)(wanted, found),
            })
            .collect()
    }

    /// Every row of something that is about to be made.
    pub(super) fn description(&self, wanted: &K) -> Vec<Change> {
        self.rows
            .iter()
            .map(|r| Change {
                attribute: r.name,
                from: None,
                to: (r.show)(wanted),
                replaces: false,
            })
            .collect()
    }

    pub(super) fn edit_for(&self, attribute: &str) -> Option<K::Edit> {
        self.rows.iter().find(|r| r.name == attribute).and_then(|r| r.edit)
    }
}
