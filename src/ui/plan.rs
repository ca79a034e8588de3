//! A plan as a value that can be shown: as text for people, as JSON for programs.

mod difference;
mod telling;
mod text;

use crate::{
    aws::{Aws, Identity},
    cost::Monthly,
    engine::{Action, Address, Change, Plan, Step, Swap},
    sessions::{Advice, Impact, Level, Mode, Shift},
};
use serde::Serialize;
use std::time::Duration;

/// Where a stack is, and whose it is.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    /// The stack's name.
    pub stack: String,
    /// The region.
    pub region: String,
    /// The account's 12 digits.
    pub account: String,
    /// The endpoint that replaces AWS's own, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

impl Place {
    /// Where these clients are, and who uses them.
    pub fn of(aws: &Aws, identity: &Identity) -> Self {
        Self {
            stack: aws.stack.to_string(),
            region: aws.region.clone(),
            account: identity.account.clone(),
            endpoint: aws.endpoint.clone(),
        }
    }
}

/// A plan to be shown.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// What it is about.
    #[serde(flatten)]
    place: Place,
    /// Whether there is anything to do.
    changes: bool,
    /// How much there is to do.
    pub summary: Summary,
    /// What the stack costs a month once it is as it is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    monthly: Option<Monthly>,
    /// What it does to those who are logged in at worst; `None` where nobody is, or nobody
    /// notices.
    worst: Option<Level>,
    /// Whether somebody may be logged in, and may stay so.
    #[serde(skip)]
    in_use: bool,
    /// How sessions will be kept, in a line; `None` where nothing goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    /// What should be known of how sessions are kept.
    warnings: Vec<Advice>,
    /// What is done, a replacement being one line.
    lines: Vec<Line>,
    /// What should be known of resources, whether or not they change.
    notes: Vec<Note>,
    /// What keeps deletions from being done.
    obstacles: Vec<Note>,
}

/// How many resources a plan touches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Made anew.
    pub create: usize,
    /// Changed in place.
    pub update: usize,
    /// Deleted and made anew, in either order.
    pub replace: usize,
    /// Deleted for good.
    pub delete: usize,
    /// On their way already.
    #[serde(rename = "await")]
    pub wait: usize,
    /// Left as they are.
    pub unchanged: usize,
    /// How long the slowest chain of steps usually takes.
    pub seconds: u64,
}

impl Summary {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.create + self.update + self.replace + self.delete + self.wait == 0
    }
}

/// What a line of a plan is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Deed {
    Create,
    Update,
    Replace,
    Delete,
    Await,
}

#[derive(Debug, Serialize)]
struct Line {
    address: Address,
    action: Deed,
    /// What AWS calls the one that is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The order of a replacement.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<&'static str>,
    changes: Vec<Change>,
    /// What it does to those who are logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    impact: Option<Impact>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    usual_seconds: u64,
}

#[derive(Debug, Serialize)]
struct Note {
    address: Address,
    text: String,
}

impl Shown {
    /// Prepares a plan to be shown. The warnings are about how sessions are kept.
    pub fn new<C: Send + Sync + 'static>(
        plan: &Plan<C>,
        place: Place,
        warnings: Vec<Advice>,
    ) -> Self {
        let lines: Vec<Line> = plan.steps().iter().filter_map(|step| line(step, plan)).collect();
        let note = |(address, text): &(Address, String)| Note {
            address: address.clone(),
            text: text.clone(),
        };
        // The notes of what is worked on stand with its line.
        let noted = |at: &Address| lines.iter().any(|line| line.address == *at);
        Self {
            place,
            changes: !plan.is_empty(),
            summary: summary(&lines, plan),
            monthly: None,
            worst: None,
            in_use: false,
            mode: None,
            warnings,
            notes: plan.notes().iter().filter(|(at, _)| !noted(at)).map(note).collect(),
            obstacles: plan.obstacles().iter().map(note).collect(),
            lines,
        }
    }

    /// The same, with how sessions will be kept.
    #[must_use]
    pub fn with_mode(mut self, mode: &Mode) -> Self {
        self.mode = Some(mode.in_words());
        self
    }

    /// The same, with what is left behind of things that are deleted.
    #[must_use]
    pub fn with_farewells(mut self, farewells: Vec<(Address, String)>) -> Self {
        for (address, text) in farewells {
            let gone = |line: &&mut Line| line.action == Deed::Delete && line.address == address;
            if let Some(line) = self.lines.iter_mut().find(gone) {
                line.notes.push(text);
            }
        }
        self
    }

    /// Whether anything of the stack is left, or comes.
    fn goes_on(&self) -> bool {
        let Summary { create, update, replace, wait, unchanged, .. } = self.summary;
        create + update + replace + wait + unchanged > 0
    }

    /// The same, with what the stack will cost.
    #[must_use]
    pub fn with_cost(mut self, monthly: Monthly) -> Self {
        self.monthly = Some(monthly).filter(|_| self.changes);
        self
    }

    /// The same, where nothing keeps these kinds from being deleted.
    #[must_use]
    pub fn unprotected(mut self, kinds: &[&str]) -> Self {
        self.obstacles.retain(|note| !kinds.contains(&note.address.kind));
        self
    }

    /// The same, with what the plan does to those who are logged in.
    #[must_use]
    pub fn with_impacts(mut self, shift: &Shift, impacts: Vec<(Address, Impact)>) -> Self {
        self.in_use = shift.today.is_some() && shift.then.is_some();
        for (address, impact) in impacts {
            self.worst = self.worst.max(Some(impact.level));
            if let Some(line) = self.lines.iter_mut().find(|line| line.address == address) {
                line.impact = Some(impact);
            }
        }
        self
    }
}

fn line<C: Send + Sync + 'static>(step: &Step<C>, plan: &Plan<C>) -> Option<Line> {
    let (action, order) = match (step.action(), step.swap()) {
        // The other half of a replacement says it all.
        (Action::Delete, Some(_)) => return None,
        (Action::Create, Some(Swap::CreateFirst)) => (Deed::Replace, Some("create first")),
        (Action::Create, Some(_)) => (Deed::Replace, Some("delete first")),
        (Action::Create, None) => (Deed::Create, None),
        (Action::Update, _) => (Deed::Update, None),
        (Action::Delete, None) => (Deed::Delete, None),
        (Action::Await, _) => (Deed::Await, None),
    };
    let old = plan.steps().iter().find(|other| {
        action == Deed::Replace
            && other.action() == Action::Delete
            && other.swap().is_some()
            && other.address() == step.address()
    });
    Some(Line {
        address: step.address().clone(),
        action,
        id: step.id().filter(|_| action == Deed::Delete),
        order,
        changes: step.changes().to_vec(),
        impact: None,
        notes: old.unwrap_or(step).notes().to_vec(),
        usual_seconds: (step.usual() + old.map(Step::usual).unwrap_or_default()).as_secs(),
    })
}

fn summary<C: Send + Sync + 'static>(lines: &[Line], plan: &Plan<C>) -> Summary {
    let count = |deed| lines.iter().filter(|line| line.action == deed).count();
    let (update, wait) = (count(Deed::Update), count(Deed::Await));
    Summary {
        create: count(Deed::Create),
        update,
        replace: count(Deed::Replace),
        delete: count(Deed::Delete),
        wait,
        unchanged: plan.kept().saturating_sub(update + wait),
        seconds: slowest(plan).as_secs(),
    }
}

/// How long the slowest chain of steps usually takes.
fn slowest<C: 'static + Send + Sync>(plan: &Plan<C>) -> Duration {
    let mut ends: Vec<Duration> = Vec::new();
    for step in plan.steps() {
        let start = step.after().iter().map(|&before| ends[before]).max().unwrap_or_default();
        ends.push(start + step.usual());
    }
    ends.into_iter().max().unwrap_or_default()
}
