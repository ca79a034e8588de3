//! The report as people read it.

use crate::{
    probe::{Latency, Lost, Report, UserReport, Verdict},
    ui::{
        paint::{BAD, CARE, FAINT, GOOD, Painted, STRONG},
        words::{cut, plural},
    },
};
use serde::{Serialize, Serializer};
use std::fmt::{self, Display};

/// As many users are shown one by one.
const USERS: usize = 10;

/// As many losses are told one by one.
const LOSSES: usize = 5;

/// The report, to be shown.
pub(in crate::cli) struct Shown<'a>(pub &'a Report);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        writeln!(f, "{}  {}", Painted(STRONG, &report.url), report.promise.says())?;
        writeln!(f, "{}", summary(report))?;
        users(f, report)?;
        let widest = report.checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
        for check in &report.checks {
            let mark = match check.verdict {
                Verdict::Kept => Painted(GOOD, "✓"),
                Verdict::Noted => Painted(CARE, "·"),
                Verdict::Broken => Painted(BAD, "✗"),
            };
            write!(f, "\n{mark} {:widest$}  {}", check.name, check.says)?;
            if check.name == "sessions" {
                losses(f, report)?;
            }
        }
        if report.interrupted {
            write!(f, "\n{}", Painted(CARE, "stopped before its end"))?;
        }
        Ok(())
    }
}

fn summary(report: &Report) -> String {
    let Report { users, requests, seconds, latency, .. } = report;
    let requests = usize::try_from(*requests).unwrap_or(usize::MAX);
    #[expect(clippy::cast_precision_loss, reason = "a rate is shown in whole numbers")]
    let rate = requests as f64 / seconds.max(0.001);
    let took = latency.map_or(String::new(), |Latency { median, p99, longest }| {
        let [median, p99, longest] = [median, p99, longest].map(short);
        format!("; answers took {median} (median), {p99} (99%), {longest} at most")
    });
    format!(
        "{}, {} in {seconds:.1} s ({rate:.0}/s){took}",
        plural(*users, "user"),
        plural(requests, "request")
    )
}

/// `0.4 ms`, `12 ms`, `1.5 s`.
fn short(seconds: f64) -> String {
    match seconds * 1000.0 {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        _ => format!("{seconds:.1} s"),
    }
}

/// Some users, those first for whom most went wrong.
fn users(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let mut all: Vec<&UserReport> = report.each.iter().collect();
    all.sort_by_key(|user| std::cmp::Reverse((user.lost, user.failed, user.servers.len())));
    all.truncate(USERS);
    all.sort_by_key(|user| user.user);
    writeln!(
        f,
        "\n{:>6}  {:>8}  {:>6}  {:9}  {:9}  SERVERS",
        "USER", "REQUESTS", "FAILED", "SESSION", "COUNTER"
    )?;
    for user in all {
        let UserReport { user, requests, failed, lost, counters, servers, .. } = user;
        let (style, session) = match lost {
            0 if requests == failed => (FAINT, "–".to_owned()),
            0 => (GOOD, "kept".to_owned()),
            1 => (BAD, "lost".to_owned()),
            n => (BAD, format!("lost {n}×")),
        };
        let session = Painted(style, format!("{session:9}"));
        let counter = counters.map_or("–".into(), |(first, last)| format!("{first}…{last}"));
        let servers: Vec<_> = servers.iter().map(|(name, n)| format!("{name} {n}")).collect();
        let servers = cut(&servers.join(", "), 60);
        writeln!(f, "{user:>6}  {requests:>8}  {failed:>6}  {session}  {counter:9}  {servers}")?;
    }
    match report.each.len().saturating_sub(USERS) {
        0 => Ok(()),
        more => writeln!(
            f,
            "{}",
            Painted(FAINT, format!("        and {more} more, for whom no more went wrong"))
        ),
    }
}

fn losses(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    for Lost { user, request, at, from, to, because, .. } in report.losses.iter().take(LOSSES) {
        let servers = match (from, to) {
            (Some(from), Some(to)) if from != to => format!(" ({from} -> {to})"),
            (_, Some(to)) => format!(" ({to})"),
            _ => String::new(),
        };
        write!(f, "\n    user {user}, request {request}, at {at:.1} s: {because}{servers}")?;
    }
    match report.sessions_lost.saturating_sub(LOSSES as u64) {
        0 => Ok(()),
        more => write!(f, "\n    and {more} more"),
    }
}
