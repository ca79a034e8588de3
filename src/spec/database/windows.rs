//! When RDS makes backups and does maintenance: spans of time in UTC, as RDS writes them.

use crate::spec::Wrong;

const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `hh:mm-hh:mm`, at least 30 minutes (`CreateDBInstance`, `PreferredBackupWindow`).
pub(super) fn daily(text: &str) -> Result<String, Wrong> {
    let lower = text.to_lowercase();
    let span = span(&lower, DAY, time).filter(|(_, length)| *length >= 30);
    span.map(|_| lower).ok_or_else(|| {
        Wrong::new("expected a span of half an hour at least, each day, in UTC")
            .help("such as \"03:00-03:30\", in quotes")
    })
}

/// `ddd:hh:mm-ddd:hh:mm`, at least 30 minutes and at most 24 hours (`CreateDBInstance`,
/// `PreferredMaintenanceWindow`).
pub(super) fn weekly(text: &str) -> Result<String, Wrong> {
    let lower = text.to_lowercase();
    let span = span(&lower, WEEK, day).filter(|(_, length)| (30..=DAY).contains(length));
    span.map(|_| lower).ok_or_else(|| {
        Wrong::new("expected a span of half an hour to a day, each week, in UTC")
            .help("such as sun:04:00-sun:04:30; the days are mon, tue, wed, thu, fri, sat, sun")
    })
}

/// Whether a daily and a weekly span have a minute in common.
pub(in crate::spec) fn overlap(daily: &str, weekly: &str) -> bool {
    let (Some(one), Some(other)) = (span(daily, DAY, time), span(weekly, WEEK, day)) else {
        return false;
    };
    let ((a, long), (b, other_long)) = (one, other);
    let after = |from: u32, to: u32| (to % DAY + DAY - from % DAY) % DAY;
    after(a, b) < long || after(b, a) < other_long
}

/// Where a span begins and how long it is, in minutes.
fn span(text: &str, whole: u32, minute: fn(&str) -> Option<u32>) -> Option<(u32, u32)> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minute(from)?, minute(to)?);
    Some((from, (to + whole - from) % whole))
}

/// The minute of a day: `hh:mm`.
fn time(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, below: u32| -> Option<u32> {
        let good = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|n| good && *n < below)
    };
    Some(number(hours, 24)? * 60 + number(minutes, 60)?)
}

/// The minute of a week: `ddd:hh:mm`.
fn day(text: &str) -> Option<u32> {
    let (name, rest) = text.split_once(':')?;
    let index = DAYS.iter().position(|day| *day == name)?;
    Some(u32::try_from(index).ok()? * DAY + time(rest)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_window_is_a_span_of_each_day() {
        assert_eq!(daily("03:00-03:30").unwrap(), "03:00-03:30");
        assert!(daily("23:45-00:15").is_ok());
        for bad in ["", "3:00-4:00", "03:00", "03:00-03:29", "24:00-01:00", "03:60-05:00", "a-b"] {
            assert!(daily(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_maintenance_window_is_a_span_of_each_week() {
        assert_eq!(weekly("Sun:23:45-Mon:00:15").unwrap(), "sun:23:45-mon:00:15");
        for bad in ["sun:04:00", "04:00-05:00", "sun:04:00-sun:04:10", "sun:04:00-tue:04:00"] {
            assert!(weekly(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_that_share_a_minute_overlap() {
        for (daily, weekly, shared) in [
            ("03:00-04:00", "sun:03:30-sun:04:30", true),
            ("03:00-04:00", "sun:04:00-sun:04:30", false),
            ("23:30-00:30", "tue:00:00-tue:01:00", true),
            ("12:00-12:30", "mon:01:00-tue:00:30", true),
            ("00:30-01:00", "mon:01:00-tue:00:30", false),
        ] {
            assert_eq!(overlap(daily, weekly), shared, "{daily} {weekly}");
        }
    }
}
