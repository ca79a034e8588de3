//! A stickiness that is to stay for a while whatever the file says: noted as a tag of the target group.

use crate::engine::Plain;
use humantime::{format_rfc3339_seconds, parse_rfc3339};
use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, SystemTime},
};

/// The tag that holds it: when it ends, and during `--rebalance` how many seconds the stickiness is to
/// last again after that.
pub(super) const HOLD: &str = "stackctl:hold-stickiness";

/// Until when a target group's stickiness stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// When it ends, in whole seconds.
    pub until: SystemTime,
    /// The duration in seconds that was shortened meanwhile.
    pub shortened_from: Option<u32>,
}

/// The hold on a target group, if there is one. None is ever wanted: what has ended is taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held(pub Option<Hold>);

impl Hold {
    /// One from now on.
    pub fn lasting(time: Duration) -> Self {
        Self { until: SystemTime::now() + time, shortened_from: None }
    }

    /// Whether it still counts.
    pub fn stands(&self) -> bool {
        self.until > SystemTime::now()
    }

    /// The tag's value: `2026-11-27T05:00:00Z`, or with the seconds behind it.
    pub fn value(&self) -> String {
        let until = format_rfc3339_seconds(self.until);
        self.shortened_from
            .map_or_else(|| until.to_string(), |seconds| format!("{until} {seconds}"))
    }

    /// Reads a tag's value; `None` where somebody wrote something else.
    fn read(value: &str) -> Option<Self> {
        let (until, seconds) = value.split_once(' ').unwrap_or((value, ""));
        let until = parse_rfc3339(until).ok()?;
        Some(Self { until, shortened_from: seconds.parse().ok() })
    }
}

impl Held {
    /// What the tags of a target group say.
    pub fn seen(tags: &BTreeMap<String, String>) -> Self {
        Self(tags.get(HOLD).and_then(|value| Hold::read(value)))
    }

    /// The hold, as long as it counts.
    pub fn standing(self) -> Option<Hold> {
        self.0.filter(Hold::stands)
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "until {}", format_rfc3339_seconds(self.until))
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(hold) if hold.stands() => hold.fmt(f),
            Some(hold) => write!(f, "{hold}, which has passed"),
            None => f.write_str("(none)"),
        }
    }
}

impl Plain for Held {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_is_read_from_its_tag_as_it_was_written() {
        for shortened_from in [None, Some(3600)] {
            let until = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
            let hold = Hold { until, shortened_from };
            assert_eq!(Hold::read(&hold.value()), Some(hold));
        }
        let hold = Hold { until: SystemTime::UNIX_EPOCH, shortened_from: Some(60) };
        assert_eq!(hold.value(), "1970-01-01T00:00:00Z 60");
        assert_eq!(Hold::read("for a while"), None);
    }

    #[test]
    fn one_that_has_passed_counts_no_more() {
        let tag = |hold: Hold| Held::seen(&[(HOLD.to_owned(), hold.value())].into());
        assert!(tag(Hold::lasting(Duration::from_mins(1))).standing().is_some());
        let passed = tag(Hold { until: SystemTime::UNIX_EPOCH, shortened_from: None });
        assert_eq!(passed.standing(), None);
        assert_eq!(passed.to_string(), "until 1970-01-01T00:00:00Z, which has passed");
    }
}
