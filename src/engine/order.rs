//! Which step must wait for which: five rules, after Terraform's `docs/destroying.md` and our own needs.

use super::{
    address::{Address, Id},
    kind::Swap,
    step::{Action, Step, Work},
};
use anyhow::{Result, bail};
use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    sync::Arc,
};

/// Fills in every step's `after` and sorts the steps accordingly.
pub(super) fn arrange<C: 'static>(steps: &mut Vec<Step<C>>) -> Result<()> {
    let mut edges = Edges { after: vec![Vec::new(); steps.len()], wishes: Vec::new() };
    let makes = numbered(steps, |s| (s.action() != Action::Delete).then(|| s.address.clone()));
    let deletes = numbered(steps, deleted);
    edges.made_after_needs(steps, &makes);
    edges.deleted_after_holders(steps, &deletes);
    edges.replaced_by_swap(steps, &deletes);
    edges.rolled_one_after_another(steps);
    edges.unwanted_goes_last(steps);
    sort(steps, edges.resolve())
}

/// The id of what a step deletes.
fn deleted<C: 'static>(step: &Step<C>) -> Option<Id> {
    match &step.work {
        Work::Delete(found) => Some(found.id()),
        _ => None,
    }
}

/// The steps of each member of a rolling set, by whether it goes last and by its index.
type Members = BTreeMap<(bool, usize), Vec<usize>>;

struct Edges {
    after: Vec<Vec<usize>>,
    /// Pairs `(later, earlier)` that are given up where they would close a cycle.
    wishes: Vec<(usize, usize)>,
}

impl Edges {
    /// 1. A thing is made after everything it needs.
    fn made_after_needs<C>(&mut self, steps: &[Step<C>], makes: &HashMap<Address, usize>) {
        for (i, step) in steps.iter().enumerate() {
            self.after[i].extend(step.needs.iter().filter_map(|to| makes.get(to)));
        }
    }

    /// 2. A thing is deleted after everything that holds it is deleted and, if it can be had,
    ///    after everything that lets go of it is updated.
    fn deleted_after_holders<C: 'static>(
        &mut self,
        steps: &[Step<C>],
        deletes: &HashMap<Id, usize>,
    ) {
        for (i, step) in steps.iter().enumerate() {
            for &d in step.holds.iter().filter_map(|id| deletes.get(id)) {
                match step.action() {
                    Action::Delete => self.after[d].push(i),
                    Action::Update => self.wishes.push((d, i)),
                    Action::Create | Action::Await => {}
                }
            }
            let Work::Delete(found) = &step.work else { continue };
            let first = |s: &Step<C>| {
                s.action() == Action::Delete && found.outlives().contains(&s.address.kind)
            };
            self.wishes.extend((0..steps.len()).filter(|&j| first(&steps[j])).map(|j| (i, j)));
        }
    }

    /// 3. The two halves of a replacement follow its swap. A wish to create first gives way where
    ///    the new one needs, however indirectly, something that can only be made when the old one
    ///    is gone.
    fn replaced_by_swap<C: 'static>(
        &mut self,
        steps: &mut [Step<C>],
        deletes: &HashMap<Id, usize>,
    ) {
        let halves: Vec<(usize, usize, Swap)> = steps
            .iter()
            .enumerate()
            .filter(|(_, step)| step.action() == Action::Create)
            .filter_map(|(i, step)| Some((i, step.replacement.as_ref()?)))
            .filter_map(|(i, r)| Some((i, *deletes.get(&r.old)?, r.swap)))
            .collect();
        let (wishes, must): (Vec<_>, Vec<_>) =
            halves.into_iter().partition(|(_, _, swap)| *swap == Swap::CreateFirst);
        let mut delete_first = Vec::new();
        for (new, old, _) in must {
            self.after[new].push(old);
            delete_first.push((new, old));
        }
        for (new, old, _) in wishes {
            if !waits_for(&self.after, new, old) {
                self.after[old].push(new);
                continue;
            }
            delete_first.push((new, old));
            for half in [new, old] {
                let replacement = steps[half].replacement.as_mut();
                replacement.expect("both halves say so").swap = Swap::DeleteFirst;
            }
        }
        // The gap is as short as can be: the old one goes when all is there that the new one needs.
        for (new, old) in delete_first {
            let ready = self.after[new].iter().filter(|&&before| before != old);
            self.wishes.extend(ready.map(|&before| (old, before)));
        }
    }

    /// 4. Members of a rolling set are replaced, and changed where that interrupts, one after
    ///    another (or `surge` at a time): the next is begun when the one before is made, in service,
    ///    and its predecessor out of service. What is on its way already counts as one of them.
    ///    (Where the network under them is replaced they cannot be: then this gives way.)
    fn rolled_one_after_another<C: 'static>(&mut self, steps: &[Step<C>]) {
        let mut sets: BTreeMap<Arc<str>, Members> = BTreeMap::new();
        let mut surges = BTreeMap::new();
        for (i, step) in steps.iter().enumerate() {
            let Some(member) = step.member.as_ref().filter(|_| step.disturbs()) else { continue };
            let members = sets.entry(member.set.clone()).or_default();
            members.entry((step.goes_last, member.index)).or_default().push(i);
            surges.insert(member.set.clone(), member.surge.max(1));
        }
        for (set, members) in sets {
            let members: Vec<_> = members.into_values().collect();
            let surge = surges[&set];
            for (before, next) in members.iter().zip(members.iter().skip(surge)) {
                let begins =
                    |i: &&usize| matches!(steps[**i].action(), Action::Create | Action::Update);
                let awaited: Vec<_> = before
                    .iter()
                    .copied()
                    .filter(|&i| !self.ends_alone(steps, before, i))
                    .collect();
                for &next in next.iter().filter(begins) {
                    self.wishes.extend(awaited.iter().map(|&before| (next, before)));
                }
            }
        }
    }

    /// Whether a step only clears away what another deletion of the same member has taken out of
    /// service: an instance whose registration is gone serves nobody.
    fn ends_alone<C: 'static>(&self, steps: &[Step<C>], member: &[usize], step: usize) -> bool {
        let deletes = |i: usize| steps[i].action() == Action::Delete;
        let mut others = member.iter().filter(|&&other| other != step && deletes(other));
        deletes(step) && others.any(|&other| waits_for(&self.after, step, other))
    }

    /// 5. What is no longer wanted goes last, after everything that is made, changed or awaited:
    ///    nothing is taken away before what stands in for it is there.
    fn unwanted_goes_last<C: 'static>(&mut self, steps: &[Step<C>]) {
        let goes = |s: &Step<C>| s.action() == Action::Delete;
        for (d, _) in steps.iter().enumerate().filter(|(_, s)| goes(s) && s.replacement.is_none()) {
            let others = steps.iter().enumerate().filter(|(_, s)| !goes(s));
            self.wishes.extend(others.map(|(i, _)| (d, i)));
        }
    }

    fn resolve(mut self) -> Vec<Vec<usize>> {
        for (later, earlier) in self.wishes {
            if !waits_for(&self.after, earlier, later) {
                self.after[later].push(earlier);
            }
        }
        for after in &mut self.after {
            after.sort_unstable();
            after.dedup();
        }
        self.after
    }
}

/// Whether `step` waits for `other`, however many steps lie between.
fn waits_for(after: &[Vec<usize>], step: usize, other: usize) -> bool {
    let (mut seen, mut next) = (vec![false; after.len()], vec![step]);
    while let Some(at) = next.pop() {
        if at == other {
            return true;
        }
        if !std::mem::replace(&mut seen[at], true) {
            next.extend(&after[at]);
        }
    }
    false
}

fn numbered<C, K: Eq + Hash>(
    steps: &[Step<C>],
    key: impl Fn(&Step<C>) -> Option<K>,
) -> HashMap<K, usize> {
    steps.iter().enumerate().filter_map(|(i, s)| Some((key(s)?, i))).collect()
}

fn sort<C: 'static>(steps: &mut Vec<Step<C>>, after: Vec<Vec<usize>>) -> Result<()> {
    let mut rank = vec![None; steps.len()];
    let mut next = 0;
    while next < steps.len() {
        let ready: Vec<_> = (0..steps.len())
            .filter(|&i| rank[i].is_none() && after[i].iter().all(|&j| rank[j].is_some()))
            .collect();
        if ready.is_empty() {
            let stuck: Vec<_> = (0..steps.len())
                .filter(|&i| rank[i].is_none())
                .map(|i| steps[i].address.to_string())
                .collect();
            bail!("these wait for each other: {}", stuck.join(", "));
        }
        for i in ready {
            rank[i] = Some(next);
            next += 1;
        }
    }
    let place = |i: usize| rank[i].expect("the loop above ranks every step");
    let mut sorted: Vec<_> = std::mem::take(steps).into_iter().zip(after).enumerate().collect();
    sorted.sort_by_key(|(i, _)| place(*i));
    steps.extend(
        sorted.into_iter().map(|(_, (step, after))| Step {
            after: after.into_iter().map(place).collect(),
            ..step
        }),
    );
    Ok(())
}
