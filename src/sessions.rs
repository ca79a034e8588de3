//! What is known of sessions: where they live, what keeps a user on one instance, and what a
//! change does to those who are logged in.

pub mod guide;
mod impact;
mod rules;

pub use impact::{Impact, Level, impact};
pub use rules::{Advice, advice};

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
    /// The stack's key that signs tokens.
    pub session_key: bool,
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
            told: Told {
                cache: spec.cache.is_some(),
                database: spec.database.is_some(),
                session_key: spec.sessions.store == Store::Token,
            },
        }
    }
}

/// The usual names for ways of keeping sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeping {
    /// In the memory of an instance, to which its users are bound.
    StickyOnly,
    /// In a store that all instances use.
    SharedStore,
    /// In a store, with users bound to an instance all the same.
    Hybrid,
    /// With the user, in a signed token.
    Token,
    /// In no way that is known, or not at all.
    None,
}

impl Keeping {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::StickyOnly, Self::SharedStore, Self::Hybrid, Self::Token, Self::None];

    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StickyOnly => "sticky only",
            Self::SharedStore => "shared store",
            Self::Hybrid => "hybrid",
            Self::Token => "token",
            Self::None => "none",
        }
    }
}

impl Mode {
    /// What this way of keeping sessions is called.
    pub fn keeping(&self) -> Keeping {
        let bound = self.stickiness.is_on();
        match self.store {
            // One instance alone binds everybody to itself.
            Store::Memory if bound || self.instances <= 1 => Keeping::StickyOnly,
            Store::None | Store::Memory => Keeping::None,
            Store::Token => Keeping::Token,
            Store::Redis | Store::Memcached | Store::Database | Store::Dynamodb if bound => {
                Keeping::Hybrid
            }
            Store::Redis | Store::Memcached | Store::Database | Store::Dynamodb => {
                Keeping::SharedStore
            }
        }
    }

    /// The same in a line: `hybrid: in redis, users stay on one instance for 1h`.
    pub fn in_words(&self) -> String {
        let place = match self.store {
            Store::None => "the app is told of no store".to_owned(),
            Store::Memory => "in the memory of each instance".to_owned(),
            Store::Token => "with the user, in a signed token".to_owned(),
            store => format!("in {}", store.as_str()),
        };
        let binds = match (&self.stickiness, self.stickiness.duration()) {
            (Stickiness::AppCookie { name, .. }, Some(time)) => {
                format!("users stay on one instance for {time}, by the app's cookie {name}")
            }
            (_, Some(time)) => format!("users stay on one instance for {time}"),
            (_, None) => "any instance answers".to_owned(),
        };
        format!("{}: {place}, {binds}", self.keeping().name())
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
