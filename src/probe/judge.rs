//! What was seen, held against what was promised.

use super::{
    Ran, Settings,
    report::{Check, Report, Sockets, Verdict},
};
use std::time::Duration;

impl Report {
    pub(super) fn judge(&self, settings: &Settings) -> Vec<Check> {
        let mut checks = vec![self.sessions(), self.counters(settings), self.apart()];
        checks.push(self.one_server(settings));
        checks.push(self.answered(settings));
        checks.extend(self.websockets.as_ref().map(|sockets| sockets.check(self.users, settings)));
        checks.extend(settings.during.as_ref().map(|command| self.command(command)));
        checks
    }

    fn sessions(&self) -> Check {
        let (lost, ended) = (self.sessions_lost, self.sessions_ended_with_server);
        let unanswered = self.users_unanswered;
        let verdict = match lost {
            0 if unanswered > 0 => Verdict::Noted,
            0 => Verdict::Kept,
            _ if !self.promise.keeps_sessions() || lost == ended => Verdict::Noted,
            _ => Verdict::Broken,
        };
        let mut says = match (lost, ended) {
            (0, _) => "none was lost".into(),
            (lost, 0) => format!("{lost} lost"),
            (lost, ended) => format!("{lost} lost, {ended} of them with their server"),
        };
        if unanswered > 0 {
            says =
                format!("{says}, and {unanswered} of {} users not answered in the end", self.users);
        }
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
        let says = if self.requests == self.requests_failed {
            "no answers".into()
        } else if share.is_empty() {
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
fn time(time: Duration) -> String {
    match time.as_millis() {
        ms if ms < 1000 => format!("{ms} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}
