//! Durations as people write them: `90`, `90s`, `15m`, `1h30m`, `1d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::Wrong;

/// A whole number of seconds.
///
/// Parsed from a bare number of seconds or from numbers with the units `d`, `h`, `m` and `s`,
/// largest first. Shown the same way (`90s`, `15m`, `1h30m`), and serialised as the bare number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(pub u32);

/// The units, largest first, and how many seconds each holds.
const UNITS: [(char, u32); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl Seconds {
    /// The bare number, as AWS takes it.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Self {
        Self::from_secs(seconds.0.into())
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0;
        // `90s` reads better than `1m30s`.
        if left == 0 || (left < 120 && left != 60) {
            return write!(f, "{left}s");
        }
        for (unit, size) in UNITS {
            if left >= size {
                write!(f, "{}{unit}", left / size)?;
                left %= size;
            }
        }
        Ok(())
    }
}

impl FromStr for Seconds {
    type Err = Wrong;

    /// Reads a duration.
    ///
    /// # Errors
    /// When the text is not one, or is longer than 136 years.
    fn from_str(text: &str) -> Result<Self, Wrong> {
        let not_one = || {
            Wrong::new("this is not a duration")
                .help("write seconds or a number with a unit: 90, 90s, 15m, 1h, 1h30m, 1d")
        };
        let bare = |digits: &str| {
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(not_one());
            }
            digits.parse::<u32>().map_err(|_| Wrong::new("this duration is too long"))
        };
        if !text.ends_with(|c: char| c.is_ascii_alphabetic()) {
            return bare(text).map(Self);
        }
        let mut rest = text;
        let mut total = 0_u32;
        for (unit, size) in UNITS {
            if let Some((digits, after)) = rest.split_once(unit) {
                total = bare(digits)?
                    .checked_mul(size)
                    .and_then(|part| total.checked_add(part))
                    .ok_or_else(|| Wrong::new("this duration is too long"))?;
                rest = after;
            }
        }
        if rest.is_empty() { Ok(Self(total)) } else { Err(not_one()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("0", 0),
            ("90", 90),
            ("90s", 90),
            ("15m", 900),
            ("1h", 3_600),
            ("1h30m", 5_400),
            ("1d", 86_400),
            ("1d2h3m4s", 93_784),
        ] {
            assert_eq!(text.parse(), Ok(Seconds(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in ["", "s", "-1", "1.5h", "1 h", "1w", "30m1h", "1h30", "h1", "1hm", "９s"] {
            assert!(text.parse::<Seconds>().is_err(), "{text}");
        }
        assert!("99999999999".parse::<Seconds>().is_err());
        assert!("99999999d".parse::<Seconds>().is_err());
    }

    #[test]
    fn durations_are_shown_in_the_largest_units_that_read_well() {
        let shown = [0, 30, 60, 90, 119, 120, 150, 900, 3_600, 5_400, 86_400].map(Seconds);
        let shown: Vec<String> = shown.iter().map(ToString::to_string).collect();
        assert_eq!(shown.join(" "), "0s 30s 1m 90s 119s 2m 2m30s 15m 1h 1h30m 1d",);
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_read_again(seconds: u32) {
            let shown = Seconds(seconds).to_string();
            prop_assert_eq!(shown.parse::<Seconds>(), Ok(Seconds(seconds)));
        }
    }
}
