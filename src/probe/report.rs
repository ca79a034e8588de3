//! What a run of the probe has seen.

use super::{
    Promise, Ran, Seen,
    track::Fingerprint,
    user::{Cause, Loss, Tally},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use tokio::time::{Duration, Instant};

/// How many losses are told one by one.
const TOLD: usize = 20;

/// What a run has seen.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether all was as promised.
    pub ok: bool,
    /// What was asked for.
    pub url: String,
    /// What was promised.
    pub promise: Promise,
    /// How many users there were.
    pub users: usize,
    /// Requests answered or failed.
    pub requests: u64,
    /// Requests that failed.
    pub requests_failed: u64,
    /// Why, and how often.
    pub failures: BTreeMap<String, u64>,
    /// Sessions that were lost, for whatever reason.
    pub sessions_lost: u64,
    /// Users whose last request failed, so that nobody knows of their sessions.
    pub users_unanswered: usize,
    /// Those of the lost sessions that ended with their server, which the promise allows.
    pub sessions_ended_with_server: u64,
    /// Answers whose counter had gone up by more than one.
    pub counter_jumps: u64,
    /// Sessions that more than one user had.
    pub sessions_mixed_up: u64,
    /// The longest time a user had no good answer, from sending a request on; seconds.
    pub longest_gap: f64,
    /// How long good answers took.
    pub latency: Option<Latency>,
    /// How long the run took; seconds.
    pub seconds: f64,
    /// Requests each server answered.
    pub servers: BTreeMap<String, u64>,
    /// How many users had so many servers.
    pub servers_per_user: BTreeMap<usize, usize>,
    /// How often a user was answered by another server than before.
    pub moves: u64,
    /// The WebSockets, where they were asked for.
    pub websockets: Option<Sockets>,
    /// The command, if there was one and it was run.
    pub during: Option<Ran>,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// What was held against the promise.
    pub checks: Vec<Check>,
    /// The first losses.
    pub losses: Vec<Lost>,
    /// What each user has seen.
    pub each: Vec<UserReport>,
}

/// How long good answers took, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Half of them took no longer.
    pub median: f64,
    /// 99 in a hundred took no longer.
    pub p99: f64,
    /// The longest.
    pub longest: f64,
}

/// What became of the WebSockets.
#[derive(Clone, Debug, Serialize)]
pub struct Sockets {
    /// How often one was opened.
    pub opened: u64,
    /// How often one broke.
    pub broken: u64,
    /// How often one could not be opened.
    pub not_opened: u64,
    /// Why, and how often.
    pub reasons: BTreeMap<String, u64>,
}

/// One thing that was held against the promise.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What it is about.
    pub name: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// In words.
    pub says: String,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As promised.
    Kept,
    /// Not as it is otherwise, but nothing else was promised.
    Noted,
    /// Not as promised.
    Broken,
}

/// A session that was lost.
#[derive(Clone, Debug, Serialize)]
pub struct Lost {
    /// Whose, counted from 1.
    pub user: usize,
    /// The request that showed it, counted from 1.
    pub request: u64,
    /// When, in seconds from the beginning.
    pub at: f64,
    /// Who had answered before.
    pub from: Option<String>,
    /// Who answered then.
    pub to: Option<String>,
    /// Why, in words.
    pub because: String,
    /// Whether it ended with its server.
    pub ended_with_server: bool,
}

/// What one user has seen.
#[derive(Clone, Debug, Serialize)]
pub struct UserReport {
    /// Counted from 1.
    pub user: usize,
    /// Requests answered or failed.
    pub requests: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Sessions lost.
    pub lost: usize,
    /// The first and the last counter.
    pub counters: Option<(i64, i64)>,
    /// Requests that each server answered.
    pub servers: BTreeMap<String, u64>,
    /// The longest time without a good answer; seconds.
    pub longest_gap: f64,
}

impl Report {
    /// Judges what was seen.
    pub(super) fn of(seen: Seen) -> Self {
        let Seen { settings, began, took, users, sockets, latency, failures, during, interrupted } =
            seen;
        let stood = last_seen(&users);
        let ended = |loss: &Loss| {
            settings.promise.ends_with_server()
                && settings.during.is_some()
                && has_gone(loss, &stood)
        };
        let all = || users.iter().enumerate().flat_map(|(n, u)| u.lost.iter().map(move |l| (n, l)));
        let mut losses: Vec<_> = all().collect();
        losses.sort_by_key(|(_, loss)| loss.at);
        let told = losses.iter().take(TOLD).map(|(n, loss)| told(*n, loss, began, ended(loss)));
        let sum = |of: fn(&Tally) -> u64| users.iter().map(of).sum::<u64>();
        let mut servers = BTreeMap::new();
        let mut servers_per_user = BTreeMap::new();
        for user in &users {
            for (server, served) in &user.servers {
                *servers.entry(server.to_string()).or_default() += served.requests;
            }
            *servers_per_user.entry(user.servers.len()).or_default() += 1;
        }
        let secs = |micros: u64| Duration::from_micros(micros).as_secs_f64();
        let latency = (!latency.is_empty()).then(|| Latency {
            median: secs(latency.value_at_quantile(0.5)),
            p99: secs(latency.value_at_quantile(0.99)),
            longest: secs(latency.max()),
        });
        let gap = users.iter().map(|user| user.gap).max().unwrap_or_default();
        let mut report = Self {
            ok: false,
            url: settings.url.to_string(),
            promise: settings.promise,
            users: users.len(),
            requests: sum(|u| u.requests),
            requests_failed: sum(|u| u.failed),
            failures,
            sessions_lost: losses.len() as u64,
            users_unanswered: users.iter().filter(|user| !user.answered).count(),
            sessions_ended_with_server: all().filter(|(_, loss)| ended(loss)).count() as u64,
            counter_jumps: sum(|u| u.jumped),
            sessions_mixed_up: mixed_up(&users),
            longest_gap: gap.as_secs_f64(),
            latency,
            seconds: took.as_secs_f64(),
            servers,
            servers_per_user,
            moves: sum(|u| u.moves),
            websockets: sockets.map(|sockets| Sockets::of(&sockets)),
            during,
            interrupted,
            checks: Vec::new(),
            losses: told.collect(),
            each: users.iter().enumerate().map(|(n, user)| UserReport::of(n, user)).collect(),
        };
        report.checks = report.judge(&settings);
        report.ok = report.checks.iter().all(|check| check.verdict != Verdict::Broken);
        report
    }
}

impl Sockets {
    fn of(all: &[super::Held]) -> Self {
        let mut reasons = BTreeMap::new();
        for (why, count) in all.iter().flat_map(|held| &held.reasons) {
            *reasons.entry(why.clone()).or_default() += count;
        }
        Self {
            opened: all.iter().map(|held| held.opened).sum(),
            broken: all.iter().map(|held| held.broken).sum(),
            not_opened: all.iter().map(|held| held.refused).sum(),
            reasons,
        }
    }
}

impl UserReport {
    fn of(number: usize, user: &Tally) -> Self {
        let served = user.servers.iter().map(|(name, served)| (name.to_string(), served.requests));
        Self {
            user: number + 1,
            requests: user.requests,
            failed: user.failed,
            lost: user.lost.len(),
            counters: user.track.counters,
            servers: served.collect(),
            longest_gap: user.gap.as_secs_f64(),
        }
    }
}

/// When each server was last sent a request that it answered.
fn last_seen(users: &[Tally]) -> HashMap<Arc<str>, Instant> {
    let mut stood: HashMap<Arc<str>, Instant> = HashMap::new();
    for (server, served) in users.iter().flat_map(|user| &user.servers) {
        let last = stood.entry(server.clone()).or_insert(served.last_sent);
        *last = served.last_sent.max(*last);
    }
    stood
}

/// Whether the server that had the session has answered nobody any more who asked after the loss.
fn has_gone(loss: &Loss, stood: &HashMap<Arc<str>, Instant>) -> bool {
    let (Some(from), Some(to)) = (&loss.from, &loss.to) else { return false };
    from != to && stood.get(from).is_none_or(|last| *last <= loss.at)
}

/// How many sessions more than one user had.
fn mixed_up(users: &[Tally]) -> u64 {
    let mut owners: HashMap<Fingerprint, u64> = HashMap::new();
    for session in users.iter().flat_map(|user| &user.track.sessions) {
        *owners.entry(*session).or_default() += 1;
    }
    owners.values().filter(|owners| **owners > 1).count() as u64
}

fn told(user: usize, loss: &Loss, began: Instant, ended: bool) -> Lost {
    let because = match &loss.cause {
        Cause::Cookie(name, refusal) => format!("the cookie {name} {refusal}"),
        Cause::NoCookie => "no cookie was set".into(),
        Cause::OtherServer if ended => "its server answers no more".into(),
        Cause::OtherServer => "another server answered, which did not know it".into(),
        Cause::Forgotten => "the same server did not know it any more".into(),
        Cause::WentBack { to, due } => format!("the counter said {to} in place of {due}"),
        Cause::Unknown => "another session was answered".into(),
    };
    Lost {
        user: user + 1,
        request: loss.request,
        at: loss.at.saturating_duration_since(began).as_secs_f64(),
        from: loss.from.as_deref().map(str::to_owned),
        to: loss.to.as_deref().map(str::to_owned),
        because,
        ended_with_server: ended,
    }
}
