//! Small words: counts, lists and durations as people read them.

use std::time::Duration;

/// `1 step`, `2 steps`.
pub fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// How long something usually takes: `20 s`, `9 min`, `1 h 5 min`.
pub fn about(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        return format!("{seconds} s");
    }
    let minutes = (seconds + 30) / 60;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// How long something has taken: `7s`, `1m02s`, `1h01m02s`.
pub fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s:02}s"),
        (h, m, s) => format!("{h}h{m:02}m{s:02}s"),
    }
}

/// At most `most` characters, the last of them `…` where something was cut off.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_time_is_told_in_the_unit_one_would_say() {
        let told = [0, 59, 60, 95, 540, 3600, 3900].map(|s| about(Duration::from_secs(s)));
        assert_eq!(told.join(", "), "0 s, 59 s, 1 min, 2 min, 9 min, 1 h, 1 h 5 min");
    }

    #[test]
    fn elapsed_time_keeps_its_seconds() {
        let told = [7, 62, 3662].map(|s| elapsed(Duration::from_secs(s)));
        assert_eq!(told.join(", "), "7s, 1m02s, 1h01m02s");
    }

    #[test]
    fn a_text_is_cut_by_characters_and_shows_that_it_was() {
        assert_eq!(cut("größer", 6), "größer");
        assert_eq!(cut("größer", 4), "grö…");
    }
}
