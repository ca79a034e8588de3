//! Names that somebody else has: told before anything is made, not when a creation is refused.

use super::{
    address::Address,
    plan::Plan,
    preflight::{Outlook, context},
    step::{Step, Work},
};
use anyhow::{Context, Result};
use futures::future::try_join_all;
use std::{fmt, sync::Arc};

/// Something that has a name we need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What it is and what it is called: `load balancer shop-lb-1a2b3c`.
    pub what: String,
    /// Whose it is, as far as can be told: `of the stack shop-eu`.
    pub whose: String,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.whose)
    }
}

impl<C: Send + Sync + 'static> Plan<C> {
    /// What has a name already that something is about to be made under. Nothing is asked about
    /// what is there and stays, so a plan that makes nothing asks nothing.
    ///
    /// # Errors
    /// The first question that the cloud does not answer.
    pub async fn taken(&self, cloud: &Arc<C>) -> Result<Vec<(Address, Taken)>> {
        let outlook = Outlook::of(&self.steps);
        let asked = self.steps.iter().map(|step| self.taken_by(step, cloud, &outlook));
        let sets = try_join_all(asked).await?;
        Ok(sets.into_iter().flatten().collect())
    }

    async fn taken_by(
        &self,
        step: &Step<C>,
        cloud: &Arc<C>,
        outlook: &Arc<Outlook>,
    ) -> Result<Vec<(Address, Taken)>> {
        let (Work::Create(wanted) | Work::Update(wanted, _)) = &step.work else {
            return Ok(Vec::new());
        };
        let completed = |attribute| step.changes.iter().any(|c| c.attribute == attribute);
        if matches!(step.work, Work::Update(..)) && !wanted.completes().is_some_and(completed) {
            return Ok(Vec::new());
        }
        let address = step.address.clone();
        let cx = context(step, cloud, &self.kept, outlook);
        let all = wanted.taken(&cx).await;
        let all = all.with_context(|| format!("cannot look who has the name of {address}"))?;
        Ok(all.into_iter().map(|taken| (address.clone(), taken)).collect())
    }
}
