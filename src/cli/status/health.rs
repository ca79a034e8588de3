//! What a stack's state comes to, in a few lines.

use super::load::{Load, Requests};
use crate::{
    aws::{Aws, lock::Holder},
    blueprint,
    cli::outputs::Outputs,
    engine::{Address, Found, Inventory, Kind, Phase},
    kinds::{
        CacheCluster, DbCluster, DbInstance, LoadBalancer, ReplicationGroup, Target, TargetGroup,
        stores::databases::is_out_of_use,
    },
    sessions::Keeping,
    spec::Store,
    ui::{
        paint::{BAD, CARE, FAINT, GOOD, Painted, STRONG},
        plan::{Place, Summary},
    },
};
use serde::Serialize;
use std::fmt::{self, Display};

/// How a stack is.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Status {
    #[serde(flatten)]
    place: Place,
    /// Whether every target answers and every part is ready.
    healthy: bool,
    url: Option<String>,
    /// What opens in a browser of this machine, where the emulator's tier serves there.
    #[serde(skip_serializing_if = "Option::is_none")]
    local_url: Option<String>,
    targets: Targets,
    parts: Vec<Part>,
    stickiness: Option<String>,
    /// How sessions are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<Sessions>,
    /// What should be known of the rest, such as what others have added to it.
    notes: Vec<Note>,
    drift: Drift,
    /// The run that writes to it at the moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    under_way: Option<Holder>,
}

/// How sessions are kept.
#[derive(Debug, Serialize)]
struct Sessions {
    mode: Keeping,
    store: Store,
    #[serde(skip)]
    in_words: String,
}

/// How far the stack is from its file.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Drift {
    /// Whether it is as its file says; `None` where that cannot be told.
    in_step: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
}

impl Drift {
    /// What an `up` would have to do.
    pub(in crate::cli) fn of(changes: Summary) -> Self {
        Self { in_step: Some(changes.is_empty()), changes: Some(changes), unknown: None }
    }

    /// It cannot be told, and why.
    pub(in crate::cli) fn unknown(why: impl Into<String>) -> Self {
        Self { in_step: None, changes: None, unknown: Some(why.into()) }
    }
}

impl Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.changes, &self.unknown) {
            (Some(changes), _) if changes.is_empty() => {
                f.write_str("none: all is as the file says")
            }
            (Some(changes), _) => write!(f, "{} (see `stackctl plan`)", brief(changes)),
            (None, unknown) => f.write_str(unknown.as_deref().unwrap_or_default()),
        }
    }
}

/// What there is to do, without what there is not.
fn brief(changes: &Summary) -> String {
    let Summary { create, update, replace, delete, wait, .. } = *changes;
    let verbs = ["create", "update", "replace", "delete", "wait for"];
    let counted = [create, update, replace, delete, wait].into_iter().zip(verbs);
    let there = counted.filter(|(count, _)| *count > 0);
    there.map(|(count, verb)| format!("{count} to {verb}")).collect::<Vec<_>>().join(", ")
}

/// What should be known of a resource.
#[derive(Debug, Serialize)]
struct Note {
    address: Address,
    text: String,
}

#[derive(Debug, Default, Serialize)]
struct Targets {
    healthy: usize,
    all: Vec<One>,
}

/// One target.
#[derive(Debug, Serialize)]
struct One {
    name: String,
    instance: String,
    state: String,
    /// What it has had of the requests, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<Requests>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

/// A load balancer, a cache, a database.
#[derive(Debug, Serialize)]
struct Part {
    address: Address,
    /// AWS's word for its state.
    state: String,
    ready: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

impl Status {
    /// Sums up what was found.
    pub(in crate::cli) async fn of(
        place: Place,
        aws: &Aws,
        found: &Inventory<Aws>,
        drift: Drift,
        under_way: Option<Holder>,
    ) -> Self {
        let load = Load::of(aws, found).await;
        let mut all: Vec<One> = found
            .of::<Target>()
            .map(|t| One {
                name: t.name.to_string(),
                instance: t.live.instance.clone(),
                state: t.live.health.clone(),
                load: load.as_ref().and_then(|load| load.share(&t.live.instance)),
                reasons: t.notes.clone(),
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let healthy = all.iter().filter(|t| t.state == "healthy").count();
        let mut parts: Vec<Part> = Vec::new();
        parts.extend(found.of::<LoadBalancer>().map(|f| Part::of(f, "")));
        parts.extend(found.of::<ReplicationGroup>().map(|f| Part::of(f, &f.live.status)));
        parts.extend(found.of::<CacheCluster>().map(|f| Part::of(f, &f.live.status)));
        parts.extend(found.of::<DbCluster>().map(|f| Part::of(f, &f.live.status)));
        parts.extend(found.of::<DbInstance>().map(|f| Part::of(f, &f.live.status)));
        let told = |at: &Address| at.kind == Target::NAME || parts.iter().any(|p| p.address == *at);
        let notes = found.notes().filter(|(at, _)| !told(at)).flat_map(|(at, notes)| {
            notes.iter().map(move |text| Note { address: at.clone(), text: text.clone() })
        });
        let mut notes: Vec<_> = notes.collect();
        notes.extend(
            load.as_ref()
                .and_then(Load::uneven)
                .map(|text| Note { address: Address::of::<TargetGroup>("app"), text }),
        );
        let outputs = Outputs::of(aws, found).await;
        Self {
            place,
            notes,
            healthy: !all.is_empty() && healthy == all.len() && parts.iter().all(|p| p.ready),
            url: outputs.url,
            local_url: outputs.local_url,
            targets: Targets { healthy, all },
            parts,
            sessions: blueprint::mode(found).map(|mode| Sessions {
                mode: mode.keeping(),
                store: mode.store,
                in_words: mode.in_words(),
            }),
            stickiness: found.of::<TargetGroup>().next().map(|g| g.spec.stickiness.to_string()),
            drift,
            under_way,
        }
    }
}

impl Status {
    /// Whether every target answers and every part is ready.
    pub(in crate::cli) fn is_healthy(&self) -> bool {
        self.healthy
    }
}

impl Part {
    fn of<K: Kind>(found: &Found<K>, status: &str) -> Self {
        let phase = match found.phase {
            Phase::Coming => "being made or changed",
            Phase::Ready => "ready",
            Phase::Going => "being deleted",
            Phase::Broken => "broken",
            Phase::Copy => "a copy of the stack's, left alone",
        };
        Self {
            address: found.address(),
            state: if status.is_empty() { phase } else { status }.to_owned(),
            ready: found.phase == Phase::Ready && !is_out_of_use(status),
            notes: found.notes.clone(),
        }
    }
}

impl Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            place,
            url,
            local_url,
            targets,
            parts,
            stickiness,
            sessions,
            notes,
            drift,
            under_way,
            ..
        } = self;
        writeln!(f, "{place}")?;
        if let Some(run) = under_way {
            writeln!(f, "{} {run}", Painted(CARE, "under way:"))?;
        }
        if targets.all.is_empty() && parts.is_empty() {
            f.write_str("there is nothing yet that could be ill")?;
            return write_notes(f, notes);
        }
        for url in url.iter().chain(local_url) {
            writeln!(f, "{}", Painted(FAINT, url))?;
        }
        let total = targets.all.len();
        let (style, healthy) = match targets.healthy {
            _ if total == 0 => (BAD, "none registered yet".to_owned()),
            healthy if healthy == total => (GOOD, format!("{healthy} of {total} healthy")),
            healthy => (BAD, format!("{healthy} of {total} healthy")),
        };
        writeln!(f, "\n{} {}", Painted(STRONG, "targets"), Painted(style, healthy))?;
        for One { name, instance, state, load, reasons } in &targets.all {
            let style = match state.as_str() {
                "healthy" => GOOD,
                "unhealthy" => BAD,
                _ => CARE,
            };
            write!(f, "  {name}  {instance}  {}", Painted(style, state))?;
            reasons.iter().try_for_each(|reason| write!(f, ": {reason}"))?;
            load.iter().try_for_each(|load| write!(f, "  {}", Painted(FAINT, load)))?;
            writeln!(f)?;
        }
        for Part { address, state, ready, notes } in parts {
            let style = if *ready { GOOD } else { CARE };
            writeln!(f, "{}  {}", Painted(STRONG, address), Painted(style, state))?;
            notes.iter().try_for_each(|note| writeln!(f, "  {} {note}", Painted(CARE, "!")))?;
        }
        if let Some(Sessions { in_words, .. }) = sessions {
            writeln!(f, "{}  {in_words}", Painted(STRONG, "sessions"))?;
        }
        if let Some(stickiness) = stickiness {
            writeln!(f, "{}  {stickiness}", Painted(STRONG, "stickiness"))?;
        }
        write!(f, "{}  {drift}", Painted(STRONG, "drift"))?;
        if !notes.is_empty() && drift.in_step == Some(true) {
            f.write_str(", but for what others have added")?;
        }
        write_notes(f, notes)
    }
}

fn write_notes(f: &mut fmt::Formatter<'_>, notes: &[Note]) -> fmt::Result {
    notes.iter().try_for_each(|Note { address, text }| {
        write!(f, "\n  {} {address}: {text}", Painted(CARE, "!"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Tags;

    #[test]
    fn a_database_that_is_stopped_or_full_is_not_ready() {
        let part = |status: &str| {
            let live = crate::kinds::db_subnet_group::DbSubnetGroupLive {
                name: "shop-db".into(),
                arn: String::new(),
            };
            let (vpc, subnets) = (crate::engine::Ref::found("vpc-1"), Vec::new());
            let spec = crate::kinds::DbSubnetGroup { vpc, subnets, tags: Tags::default() };
            Part::of(&Found::ready("db", spec, live), status).ready
        };
        assert!(part("available") && part(""));
        assert!(!part("stopped") && !part("storage-full") && !part("failed"));
    }

    #[test]
    fn what_others_have_added_is_told_and_drift_is_not_none() {
        let at = |kind| Address { kind, name: "app".into() };
        let note = |kind, text: &str| Note { address: at(kind), text: text.into() };
        let place = Place {
            stack: "shop".into(),
            region: "eu-west-1".into(),
            account: "111122223333".into(),
            endpoint: None,
        };
        let part = Part {
            address: at("load-balancer"),
            state: "ready".into(),
            ready: true,
            notes: Vec::new(),
        };
        let status = Status {
            place,
            healthy: true,
            url: None,
            local_url: None,
            targets: Targets::default(),
            parts: vec![part],
            stickiness: None,
            sessions: None,
            notes: vec![note("security-group", "tcp 22 from 0.0.0.0/0 is not the stack's")],
            drift: Drift::of(Summary::default()),
            under_way: None,
        };
        let said = crate::ui::paint::plain(&status.to_string());
        assert!(said.contains("file says, but for what others have added\n"), "{said}");
        assert!(said.ends_with("! security-group/app: tcp 22 from 0.0.0.0/0 is not the stack's"));
    }

    #[test]
    fn drift_names_what_there_is_to_do_and_nothing_else() {
        let changes = Summary { update: 1, replace: 2, unchanged: 30, ..Summary::default() };
        assert_eq!(
            Drift::of(changes).to_string(),
            "1 to update, 2 to replace (see `stackctl plan`)"
        );
        assert_eq!(Drift::of(Summary::default()).to_string(), "none: all is as the file says");
    }
}
