//! What one step of a plan does to those who are logged in.

mod app;
mod edge;
mod lost;
mod stores;

use super::{Mode, Shift};
use crate::engine::{Action, Address, Change, Swap};
use serde::Serialize;
use std::borrow::Cow;

/// How much users notice, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Users are answered by another instance, and stay logged in.
    Repins,
    /// Some requests fail for a while; users stay logged in.
    Interrupts,
    /// A store is gone already, and what is made in its place begins empty.
    BeginsEmpty,
    /// Some or all users have to log in anew.
    LogsOut,
    /// More than sessions is gone for good.
    LosesData,
}

/// What a step does to those who are logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Impact {
    /// How much they notice.
    pub level: Level,
    /// What happens to whom, as a lower-case fragment.
    pub says: Cow<'static, str>,
}

impl Impact {
    #[expect(clippy::unnecessary_wraps, reason = "every rule ends in one of these or in None")]
    fn new(level: Level, says: impl Into<Cow<'static, str>>) -> Option<Self> {
        Some(Self { level, says: says.into() })
    }
}

fn repins(says: impl Into<Cow<'static, str>>) -> Option<Impact> {
    Impact::new(Level::Repins, says)
}

fn interrupts(says: impl Into<Cow<'static, str>>) -> Option<Impact> {
    Impact::new(Level::Interrupts, says)
}

fn begins_empty(says: impl Into<Cow<'static, str>>) -> Option<Impact> {
    Impact::new(Level::BeginsEmpty, says)
}

fn logs_out(says: impl Into<Cow<'static, str>>) -> Option<Impact> {
    Impact::new(Level::LogsOut, says)
}

fn loses_data(says: impl Into<Cow<'static, str>>) -> Option<Impact> {
    Impact::new(Level::LosesData, says)
}

/// What happens to a resource, a replacement being one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Make,
    Edit,
    /// Another one takes its place; with a gap, the old one goes first.
    Replace {
        gap: bool,
    },
    Remove,
}

/// What a step has to do with sessions.
struct Step<'a> {
    name: &'a str,
    deed: Deed,
    changes: &'a [Change],
    today: &'a Mode,
    /// How sessions are kept afterwards, if the stack is still there.
    then: Option<&'a Mode>,
}

impl Step<'_> {
    /// The change of one attribute, if it changes.
    fn change(&self, attribute: &str) -> Option<&Change> {
        self.changes.iter().find(|change| change.attribute == attribute)
    }

    fn changes_any(&self, attributes: &[&str]) -> bool {
        attributes.iter().any(|attribute| self.change(attribute).is_some())
    }
}

/// What a step does to those who are logged in; `None` when they notice nothing.
///
/// A replacement is told of once, by the step that makes the new resource.
pub fn impact(
    shift: &Shift,
    address: &Address,
    action: Action,
    swap: Option<Swap>,
    changes: &[Change],
) -> Option<Impact> {
    let deed = match (action, swap) {
        (Action::Create, None) => Deed::Make,
        (Action::Create, Some(swap)) => Deed::Replace { gap: swap != Swap::CreateFirst },
        (Action::Update, _) => Deed::Edit,
        (Action::Delete, None) => Deed::Remove,
        (Action::Delete, Some(_)) | (Action::Await, _) => return None,
    };
    let (today, then) = (shift.today.as_ref()?, shift.then.as_ref());
    let step = Step { name: &address.name, deed, changes, today, then };
    if deed == Deed::Make {
        return lost::store(address.kind, &step);
    }
    match address.kind {
        "target-group" => edge::target_group(&step),
        "load-balancer" => edge::load_balancer(&step),
        "listener" => edge::listener(&step),
        "security-group-rule" => edge::rule(&step),
        "dns-record" => edge::record(&step),
        "hosted-zone" => edge::zone(&step),
        "instance" => app::instance(&step),
        "target" => app::target(&step),
        "parameter" => app::parameter(&step),
        "replication-group" => stores::replication_group(&step),
        "cache-cluster" => stores::cache_cluster(&step),
        "db-instance" => stores::db_instance(&step),
        "db-cluster" => stores::db_cluster(&step),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
