//! Who holds a lock, as it is written down for others to read.

use super::process;
use serde::{Deserialize, Serialize};
use std::{fmt, time::SystemTime};

/// A run that writes to a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holder {
    /// A random id of the run.
    pub run: String,
    /// What it does: `stackctl up`.
    pub doing: String,
    /// The ARN of the caller.
    pub caller: String,
    /// The machine's name.
    pub host: String,
    /// The process's id there.
    pub pid: u32,
    /// When it began, as RFC 3339 tells it in UTC, by the machine's own clock.
    pub since: String,
    /// Tells on the same machine whether the process still runs; empty where that cannot be told.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub process: String,
    /// Whether it has ended in good order.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
}

impl Holder {
    /// This process, which does this on behalf of that caller.
    pub fn me(doing: &str, caller: &str) -> Self {
        Self {
            run: uuid::Uuid::new_v4().to_string(),
            doing: doing.into(),
            caller: caller.into(),
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            pid: std::process::id(),
            since: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            process: process::me().unwrap_or_default(),
            released: false,
        }
    }

    /// What a holder wrote. Of what is not understood, a later release's say, only its age counts.
    pub(super) fn read(value: &str) -> Self {
        serde_json::from_str(value).unwrap_or_default()
    }

    pub(super) fn held(&self) -> String {
        self.written(false)
    }

    pub(super) fn released(&self) -> String {
        self.written(true)
    }

    fn written(&self, released: bool) -> String {
        serde_json::json!(Self { released, ..self.clone() }).to_string()
    }

    /// Whether it was a process of this machine that is no more.
    pub(super) fn has_ended(&self) -> bool {
        process::has_ended(&self.process)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { doing, caller, host, pid, since, .. } = self;
        if doing.is_empty() {
            return f.write_str("a run that does not say who it is");
        }
        write!(f, "`{doing}` by {caller} on {host} (process {pid}) since {since}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_holder_writes_reads_back() {
        let me = Holder::me("stackctl up", "arn:aws:iam::111122223333:user/alice");
        assert_eq!(Holder::read(&me.held()), me);
        assert!(Holder::read(&me.released()).released);
        assert!(!me.has_ended());
    }

    #[test]
    fn it_says_what_is_done_by_whom_where_and_since_when() {
        let holder = Holder {
            doing: "stackctl up".into(),
            caller: "arn:aws:iam::111122223333:user/alice".into(),
            host: "laptop".into(),
            pid: 4711,
            since: "2026-11-21T10:00:03Z".into(),
            ..Holder::default()
        };
        assert_eq!(
            holder.to_string(),
            "`stackctl up` by arn:aws:iam::111122223333:user/alice on laptop (process 4711) since \
             2026-11-21T10:00:03Z"
        );
    }

    #[test]
    fn a_text_that_is_not_understood_still_is_somebody() {
        assert_eq!(Holder::read("{\"format\": 2"), Holder::default());
        assert_eq!(Holder::default().to_string(), "a run that does not say who it is");
    }
}
