//! What is known of sessions: where they live, what keeps a user on one instance, and what a
//! change does to those who are logged in.

mod impact;
mod warnings;

pub use impact::{Impact, Level, impact};
pub use warnings::warnings;

use crate::{
    engine::{Address, Plan, Step},
    spec::{CacheEngine, Spec, Stickiness, Store},
};
use serde::Serialize;
use std::cmp::Reverse;

/// How a stack keeps its sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mode {
    /// Where they live.
    pub store: Store,
    /// What keeps a user on one instance.
    pub stickiness: Stickiness,
    /// How many instances there are.
    pub instances: usize,
    /// Whether another node of the cache takes over when one fails or is exchanged.
    pub failover: bool,
    /// The stores that the app is told of.
    #[serde(skip)]
    pub told: Told,
}

/// The stores that an app is told of, whether or not they are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// A cache.
    pub cache: bool,
    /// A database.
    pub database: bool,
}

impl Mode {
    /// How the file wants them kept.
    pub fn wanted(spec: &Spec) -> Self {
        Self {
            store: spec.sessions.store,
            stickiness: spec.load_balancer.stickiness.clone(),
            instances: spec.app.instances.into(),
            failover: spec
                .cache
                .as_ref()
                .is_some_and(|c| c.engine != CacheEngine::Memcached && c.replicas > 0),
            told: Told { cache: spec.cache.is_some(), database: spec.database.is_some() },
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
    let of =
        |step: &Step<C>| impact(shift, step.address(), step.action(), step.swap(), step.changes());
    plan.steps().iter().filter_map(|step| Some((step.address().clone(), of(step)?))).collect()
}

/// The same in lines for people, the worst first: `instance/app-1, instance/app-2: …`.
pub fn told(impacts: &[(Address, Impact)]) -> Vec<String> {
    let mut alike: Vec<(&Impact, Vec<String>)> = Vec::new();
    for (address, impact) in impacts {
        match alike.iter_mut().find(|(other, _)| *other == impact) {
            Some((_, who)) => who.push(address.to_string()),
            None => alike.push((impact, vec![address.to_string()])),
        }
    }
    alike.sort_by_key(|(impact, _)| Reverse(impact.level));
    alike.iter().map(|(impact, who)| format!("{}: {}", who.join(", "), impact.says)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_to_several_is_told_once_and_the_worst_comes_first() {
        let impact = |level, says: &'static str| Impact { level, says: says.into() };
        let at = |kind, name: &str| Address { kind, name: name.into() };
        let all = [
            (at("target", "app-1"), impact(Level::Repins, "users move")),
            (at("db-instance", "db"), impact(Level::LosesData, "its data is gone")),
            (at("target", "app-2"), impact(Level::Repins, "users move")),
        ];
        assert_eq!(
            told(&all),
            ["db-instance/db: its data is gone", "target/app-1, target/app-2: users move"]
        );
    }
}
