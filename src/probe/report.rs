//! What a run of the probe has seen, held against what was promised.

use super::{
    Promise, Ran, Seen, Settings,
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
    /// Those of them that ended with their server, which the promise allows.
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

    fn judge(&self, settings: &Settings) -> Vec<Check> {
        let mut checks = vec![self.sessions(), self.counters(settings), self.apart()];
        checks.push(self.one_server(settings));
        checks.push(self.answered(settings));
        checks.extend(self.websockets.as_ref().map(|sockets| sockets.check(self.users, settings)));
        checks.extend(settings.during.as_ref().map(|command| self.command(command)));
        checks
    }

    fn sessions(&self) -> Check {
        let (lost, ended) = (self.sessions_lost, self.sessions_ended_with_server);
        let verdict = match lost {
            0 => Verdict::Kept,
            _ if !self.promise.keeps_sessions() || lost == ended => Verdict::Noted,
            _ => Verdict::Broken,
        };
        let says = match (lost, ended) {
            (0, _) => "none was lost".into(),
            (lost, 0) => format!("{lost} lost"),
            (lost, ended) => format!("{lost} lost, {ended} of them with their server"),
        };
        Check { name: "sessions", verdict, says }
    }

    fn counters(&self, settings: &Settings) -> Check {
        let jumps = self.counter_jumps;
        let told = self.each.iter().any(|user| user.counters.is_some());
        let (verdict, says) = match jumps {
            0 if !told => (Verdict::Noted, format!("answers have none ({})", settings.counter)),
            0 => (Verdict::Kept, "up by one with each request".into()),
            _ if !self.promise.keeps_sessions() => (Verdict::Noted, format!("{jumps} jumps")),
            _ => (Verdict::Broken, format!("{jumps} jumps: somebody else counted, too")),
        };
        Check { name: "counters", verdict, says }
    }

    fn apart(&self) -> Check {
        let mixed = self.sessions_mixed_up;
        let (verdict, says) = match mixed {
            0 => (Verdict::Kept, "each session is one user's".into()),
            _ => (Verdict::Broken, format!("{mixed} were given to more than one user")),
        };
        Check { name: "privacy", verdict, says }
    }

    fn one_server(&self, settings: &Settings) -> Check {
        let share: Vec<_> = self.servers.iter().map(|(name, n)| format!("{name} {n}")).collect();
        let several = self.servers_per_user.iter().filter(|(servers, _)| **servers > 1);
        let several: usize = several.map(|(_, users)| users).sum();
        let verdict = match several {
            _ if share.is_empty() => Verdict::Noted,
            0 => Verdict::Kept,
            _ if !self.promise.binds() => Verdict::Kept,
            // What a command does to servers moves users, and is what it is watched for.
            _ if settings.during.is_some() => Verdict::Noted,
            _ => Verdict::Broken,
        };
        let says = if share.is_empty() {
            format!("answers do not tell who answers ({})", settings.server)
        } else {
            let who = match several {
                0 => "one for each user".to_owned(),
                n => format!("{n} of {} users had several", self.users),
            };
            format!("{who}: {}", listed(&share, ", "))
        };
        Check { name: "servers", verdict, says }
    }

    fn answered(&self, settings: &Settings) -> Check {
        let (failed, most) = (self.requests_failed, settings.max_failed);
        let none = failed == self.requests;
        let verdict = match failed {
            _ if none && !self.interrupted => Verdict::Broken,
            0 => Verdict::Kept,
            failed if failed <= most => Verdict::Noted,
            _ => Verdict::Broken,
        };
        let gap = Duration::from_secs_f64(self.longest_gap);
        let mut says = format!("{failed} of {} failed, longest gap {}", self.requests, time(gap));
        if failed > 0 {
            let why: Vec<_> = self.failures.iter().map(|(why, n)| format!("{why} ({n})")).collect();
            says = format!("{says}: {}", listed(&why, "; "));
        }
        Check { name: "requests", verdict, says }
    }

    fn command(&self, command: &str) -> Check {
        let (verdict, says) = match &self.during {
            Some(Ran { exit_code, seconds, .. }) => (
                if *exit_code == 0 { Verdict::Kept } else { Verdict::Broken },
                format!("`{command}` ended with {exit_code} after {seconds:.1} s"),
            ),
            None => (
                Verdict::Broken,
                format!("`{command}` was not begun: not every user was answered before"),
            ),
        };
        Check { name: "command", verdict, says }
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

    fn check(&self, users: usize, settings: &Settings) -> Check {
        let Self { opened, broken, not_opened, reasons } = self;
        let verdict = match (*broken, *not_opened) {
            _ if *opened < users as u64 => Verdict::Broken,
            (0, 0) => Verdict::Kept,
            _ if settings.during.is_some() => Verdict::Noted,
            _ => Verdict::Broken,
        };
        let mut says = format!("{opened} opened, {broken} broken");
        if *not_opened > 0 {
            says = format!("{says}, {not_opened} attempts failed");
        }
        if !reasons.is_empty() {
            let why: Vec<_> = reasons.iter().map(|(why, n)| format!("{why} ({n})")).collect();
            says = format!("{says}: {}", listed(&why, "; "));
        }
        Check { name: "websockets", verdict, says }
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

/// The first few of a list.
fn listed(all: &[String], between: &str) -> String {
    const SHOWN: usize = 6;
    let more = match all.len().saturating_sub(SHOWN) {
        0 => String::new(),
        n => format!("{between}and {n} more"),
    };
    format!("{}{more}", all[..all.len().min(SHOWN)].join(between))
}

/// A short time: `850 ms`, `2.4 s`.
pub(super) fn time(time: Duration) -> String {
    match time.as_millis() {
        ms if ms < 1000 => format!("{ms} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}
