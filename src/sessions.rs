//! What is known of sessions: where they live, what keeps a user on one instance, and what a
//! change does to those who are logged in.

mod impact;
mod warnings;

pub use impact::{Impact, Level, impact};
pub use warnings::warnings;

use crate::{
    engine::{Address, Plan},
    spec::{Spec, Stickiness, Store},
};
use serde::Serialize;

/// How a stack keeps its sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mode {
    /// Where they live.
    pub store: Store,
    /// What keeps a user on one instance.
    pub stickiness: Stickiness,
    /// How many instances there are.
    pub instances: usize,
}

impl Mode {
    /// How the file wants them kept.
    pub fn wanted(spec: &Spec) -> Self {
        Self {
            store: spec.sessions.store,
            stickiness: spec.load_balancer.stickiness.clone(),
            instances: spec.app.instances.into(),
        }
    }
}

/// How sessions are kept before a plan is carried out, and how after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shift {
    /// Before; `None` where there is no stack yet, and so nobody who is logged in.
    pub today: Option<Mode>,
    /// After; `None` where the stack is destroyed.
    pub then: Option<Mode>,
}

/// What a whole plan does to those who are logged in: each step that does something, in the
/// plan's order.
pub fn impacts<C: Send + Sync + 'static>(shift: &Shift, plan: &Plan<C>) -> Vec<(Address, Impact)> {
    let of = |step: &crate::engine::Step<C>| {
        impact(shift, step.address(), step.action(), step.swap(), step.changes())
    };
    plan.steps().iter().filter_map(|step| Some((step.address().clone(), of(step)?))).collect()
}
