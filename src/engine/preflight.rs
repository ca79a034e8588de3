//! What would stop a plan half-way, found before the first call that writes.

use super::{
    address::{Address, Id},
    context::{Cx, Output},
    event::Reporter,
    plan::Plan,
    step::{Change, Step, Work},
    stop::Stop,
};
use anyhow::{Context, Result};
use futures::future::try_join_all;
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

/// Why a change is not made, and what to do instead that keeps what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What stands against it, as a predicate of the resource: `would have to be replaced, and with
    /// it its data`.
    pub says: String,
    /// What to do.
    pub remedy: String,
}

/// One resource that a plan would have to change in a way that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which resource.
    pub address: Address,
    /// Why, and what to do instead.
    pub why: Refused,
    /// The changes that led there.
    pub changes: Vec<Change>,
}

/// Why there is no plan: every change that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusals(pub Vec<Refusal>);

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Refusal { address, why, changes }) in self.0.iter().enumerate() {
            let end = if i == 0 { "" } else { "; " };
            write!(f, "{end}{address} {}", why.says)?;
            let changes: Vec<_> = changes.iter().map(Change::to_string).collect();
            if !changes.is_empty() {
                write!(f, " ({})", changes.join(", "))?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Refusals {}

impl Refusals {
    /// What to do, each thing once.
    pub fn remedies(&self) -> String {
        each_once(self.0.iter().map(|refusal| &refusal.why.remedy))
    }
}

/// Something that AWS would refuse in the middle of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What AWS would refuse, and why.
    pub says: String,
    /// What to do about it.
    pub remedy: String,
}

impl Problem {
    /// What AWS would refuse, and what to do about it.
    pub fn new(says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { says: says.into(), remedy: remedy.into() }
    }
}

/// Everything that would stop a plan half-way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<(Address, Problem)>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing was changed, since AWS would not carry out all of this plan:")?;
        self.0.iter().try_for_each(|(at, problem)| write!(f, "\n  {at}: {}", problem.says))
    }
}

impl std::error::Error for Problems {}

impl Problems {
    /// What to do, each thing once.
    pub fn remedies(&self) -> String {
        each_once(self.0.iter().map(|(_, problem)| &problem.remedy))
    }
}

fn each_once<'a>(all: impl Iterator<Item = &'a String>) -> String {
    let mut once: Vec<&str> = Vec::new();
    for one in all {
        if !once.contains(&one.as_str()) {
            once.push(one);
        }
    }
    once.join("; ")
}

/// What a plan does to what was found: what goes is no obstacle to what goes after it.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    pub goes: HashSet<Id>,
}

impl Outlook {
    pub(super) fn of<C: 'static>(steps: &[Step<C>]) -> Arc<Self> {
        let goes = steps.iter().filter_map(|step| match &step.work {
            Work::Delete(found) => Some(found.id()),
            _ => None,
        });
        Arc::new(Self { goes: goes.collect() })
    }
}

impl<C: Send + Sync + 'static> Plan<C> {
    /// What would stop the plan half-way, asked of AWS by the kinds that know of something. A plan
    /// that does nothing asks nothing.
    ///
    /// # Errors
    /// The first question that AWS does not answer.
    pub async fn problems(&self, cloud: &Arc<C>) -> Result<Vec<(Address, Problem)>> {
        let outlook = Outlook::of(&self.steps);
        let asked = self.steps.iter().map(|step| {
            let cx = context(step, cloud, &self.kept, &outlook);
            async move {
                let found = match &step.work {
                    Work::Create(wanted) => wanted.preflight(None, &step.changes, &cx).await,
                    Work::Update(wanted, found) => {
                        wanted.preflight(Some(found.as_ref()), &step.changes, &cx).await
                    }
                    Work::Delete(found) => found.preflight_deletion(&cx).await,
                    Work::Await(_) => Ok(Vec::new()),
                };
                let at = &step.address;
                let found = found.with_context(|| format!("cannot look what {at} would meet"))?;
                Ok::<_, anyhow::Error>(found.into_iter().map(|problem| (at.clone(), problem)))
            }
        });
        let mut all: Vec<_> = try_join_all(asked).await?.into_iter().flatten().collect();
        // Both halves of a replacement may meet the same thing.
        let mut told = HashSet::new();
        all.retain(|(at, problem)| told.insert((at.clone(), problem.says.clone())));
        Ok(all)
    }
}

/// What a step may look at while nothing has been carried out yet.
pub(super) fn context<C>(
    step: &Step<C>,
    cloud: &Arc<C>,
    kept: &HashMap<Address, Output>,
    outlook: &Arc<Outlook>,
) -> Cx<C> {
    Cx {
        cloud: cloud.clone(),
        address: step.address.clone(),
        outputs: kept.clone(),
        outlook: outlook.clone(),
        events: Reporter::default(),
        stop: Stop::default(),
    }
}
