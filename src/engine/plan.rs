//! The difference between what is wanted and what is there, as steps to take.

use super::{
    address::{Address, Id},
    context::Output,
    erased::{AnyFound, AnyWanted},
    graph::{Graph, Member, Node},
    inventory::Inventory,
    kind::{Phase, Swap},
    order,
    preflight::{Refusal, Refusals, Refused},
    step::{Action, Change, Replacement, Step, Work},
};
use anyhow::Result;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

/// The steps from what was found to what is wanted, in an order that respects every edge.
pub struct Plan<C> {
    pub(super) steps: Vec<Step<C>>,
    /// The live data of what is there and stays.
    pub(super) kept: HashMap<Address, Output>,
    notes: Vec<(Address, String)>,
}

impl<C> Default for Plan<C> {
    /// A plan with nothing to do.
    fn default() -> Self {
        Self { steps: Vec::new(), kept: HashMap::new(), notes: Vec::new() }
    }
}

/// Which id stands for which name, once the plan is carried out.
#[derive(Debug, Default)]
pub struct Ids {
    keeps: HashMap<Address, Id>,
}

impl Ids {
    pub(super) fn stand_for(&self, kind: &'static str, id: &Arc<str>, name: &Arc<str>) -> bool {
        let address = Address { kind, name: name.clone() };
        self.keeps.get(&address).is_some_and(|kept| kept.id == *id)
    }
}

/// The remedy where a replacement is refused.
const ON_PURPOSE: &str = "take these changes back in the file; or, to lose it on purpose, take its \
                          section out of the file, run `stackctl up`, and put the changed section \
                          in again";

/// A plan on its way: what is decided so far.
struct Draft<C> {
    steps: Vec<Step<C>>,
    kept: HashMap<Address, Output>,
    ids: Ids,
    refused: Vec<Refusal>,
}

impl<C: Send + Sync + 'static> Plan<C> {
    /// Compares what is wanted with what was found. Destroying is planning towards an empty graph.
    ///
    /// # Errors
    /// [`Refusals`] when something that holds data would have to be replaced.
    pub fn new(graph: &Graph<C>, inventory: Inventory<C>) -> Result<Self> {
        let mut notes: Vec<_> = inventory
            .notes()
            .flat_map(|(at, notes)| notes.iter().map(move |note| (at.clone(), note.clone())))
            .collect();
        let mut draft = Draft {
            steps: Vec::new(),
            kept: HashMap::new(),
            ids: Ids::default(),
            refused: Vec::new(),
        };
        let mut leftover: BTreeMap<Address, Vec<_>> = BTreeMap::new();
        inventory.found.into_iter().for_each(|f| leftover.entry(f.address()).or_default().push(f));
        for node in &graph.nodes {
            let closest = leftover
                .get_mut(node.wanted.address())
                .and_then(|twins| take_closest(node.wanted.as_ref(), twins, &draft.ids));
            draft.decide(node, closest);
        }
        for left in leftover.values().flatten() {
            draft.refuse_another_kind(left.as_ref(), graph);
            if let Some(kept) = draft.ids.keeps.get(&left.address()) {
                let (id, kept) = (left.id().id, &kept.id);
                let second = format!("{id} is what an earlier run left beside {kept}, and goes");
                notes.push((left.address(), second));
            }
        }
        if !draft.refused.is_empty() {
            return Err(Refusals(draft.refused).into());
        }
        let Draft { mut steps, kept, .. } = draft;
        steps.extend(leftover.into_values().flatten().map(|f| delete(&f, None, None)));
        order::arrange(&mut steps)?;
        Ok(Self { steps, kept, notes })
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The steps in an order that respects every edge.
    pub fn steps(&self) -> &[Step<C>] {
        &self.steps
    }

    /// How many resources stay as they are (those that are updated included).
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    /// What should be known of resources as they were found, whether or not they change.
    pub fn notes(&self) -> &[(Address, String)] {
        &self.notes
    }

    /// Each deletion that must not happen as things stand, and why.
    pub fn obstacles(&self) -> Vec<(Address, String)> {
        self.steps.iter().filter_map(|s| Some((s.address.clone(), s.obstacle()?))).collect()
    }

    /// Whether something that exists is deleted, as such or to be replaced.
    pub fn deletes(&self) -> bool {
        self.steps.iter().any(|s| s.action() == Action::Delete)
    }

    /// Every step's action and address, in order.
    pub fn actions(&self) -> Vec<(Action, String)> {
        self.steps.iter().map(|s| (s.action(), s.address.to_string())).collect()
    }
}

/// A run that broke off between the two halves of a replacement leaves twins: the closest match stays.
fn take_closest<C: 'static>(
    wanted: &dyn AnyWanted<C>,
    twins: &mut Vec<Arc<dyn AnyFound<C>>>,
    ids: &Ids,
) -> Option<(Arc<dyn AnyFound<C>>, Vec<Change>)> {
    let diffs = twins.iter().map(|f| wanted.diff(f.as_ref(), ids)).enumerate();
    let (i, diff) = diffs.min_by_key(|(i, diff)| {
        let lost = matches!(twins[*i].phase(), Phase::Going | Phase::Broken);
        (lost, diff.iter().any(|c| c.replaces), diff.len())
    })?;
    Some((twins.swap_remove(i), diff))
}

impl<C: Send + Sync + 'static> Draft<C> {
    /// Decides what happens to one wanted resource, given its closest match among those found.
    fn decide(&mut self, node: &Node<C>, closest: Option<(Arc<dyn AnyFound<C>>, Vec<Change>)>) {
        let wanted = &node.wanted;
        let address = wanted.address().clone();
        let Some((found, changes)) = closest else {
            return self.steps.push(create(node, None, wanted.describe()));
        };
        if matches!(found.phase(), Phase::Going | Phase::Broken) {
            return self.replace(node, &found, Swap::DeleteFirst, changes);
        }
        if let Some(why) = wanted.refuse(found.as_ref(), &changes) {
            return self.refused.push(Refusal { address, why, changes });
        }
        if changes.iter().any(|c| c.replaces) {
            return match wanted.swap() {
                Swap::Refuse(loses) => {
                    let changes = changes.into_iter().filter(|c| c.replaces).collect();
                    let why = Refused {
                        says: format!("would have to be replaced, and with it {loses}"),
                        remedy: ON_PURPOSE.into(),
                    };
                    self.refused.push(Refusal { address, why, changes });
                }
                swap => self.replace(node, &found, swap, changes),
            };
        }
        self.ids.keeps.insert(address.clone(), found.id());
        self.kept.insert(address, found.output());
        if !changes.is_empty() {
            self.steps.push(Step {
                changes,
                holds: found.holds(),
                usual: Duration::ZERO,
                goes_last: found.goes_last(),
                ..step(node, Work::Update(wanted.clone(), found.clone()))
            });
        } else if found.phase() == Phase::Coming {
            self.steps
                .push(Step { holds: found.holds(), ..step(node, Work::Await(found.clone())) });
        }
    }

    /// What holds the data of a role (a database, say) is not given up for another kind that is to
    /// be made in its place: that would be a replacement by another name.
    fn refuse_another_kind(&mut self, left: &dyn AnyFound<C>, graph: &Graph<C>) {
        let (Some(role), false) = (left.role(), left.phase() == Phase::Going) else { return };
        let made = |address: &Address| {
            let makes = |s: &Step<C>| s.action() == Action::Create && s.address == *address;
            self.steps.iter().any(makes)
        };
        let mut nodes = graph.nodes.iter().filter(|node| node.wanted.role() == Some(role));
        let Some(node) = nodes.find(|node| made(node.wanted.address())) else { return };
        let says = format!(
            "would have to go for {}, and with it what is in this {role}",
            node.wanted.address()
        );
        let why = Refused { says, remedy: ON_PURPOSE.into() };
        self.refused.push(Refusal { address: left.address(), why, changes: Vec::new() });
    }

    fn replace(
        &mut self,
        node: &Node<C>,
        found: &Arc<dyn AnyFound<C>>,
        swap: Swap,
        changes: Vec<Change>,
    ) {
        let replacement = Some(Replacement { swap, old: found.id() });
        self.steps.push(delete(found, replacement.clone(), node.member.clone()));
        self.steps.push(create(node, replacement, changes));
    }
}

/// A step for a wanted resource, without changes.
fn step<C>(node: &Node<C>, work: Work<C>) -> Step<C> {
    Step {
        address: node.wanted.address().clone(),
        work,
        changes: Vec::new(),
        replacement: None,
        member: node.member.clone(),
        needs: node.wanted.needs(),
        holds: Vec::new(),
        after: Vec::new(),
        usual: node.wanted.usual(),
        goes_last: false,
    }
}

fn create<C>(node: &Node<C>, replacement: Option<Replacement>, changes: Vec<Change>) -> Step<C> {
    Step { changes, replacement, ..step(node, Work::Create(node.wanted.clone())) }
}

fn delete<C: 'static>(
    found: &Arc<dyn AnyFound<C>>,
    replacement: Option<Replacement>,
    member: Option<Member>,
) -> Step<C> {
    Step {
        address: found.address(),
        work: Work::Delete(found.clone()),
        changes: Vec::new(),
        replacement,
        member,
        needs: Vec::new(),
        holds: found.holds(),
        after: Vec::new(),
        usual: found.usual_deletion(),
        goes_last: false,
    }
}
