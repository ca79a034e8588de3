//! The user's tags.

use super::Wrong;

/// The most tags; AWS takes 50 on a resource, and stackctl needs some itself.
pub(super) const MOST: usize = 40;
/// The most tags when the hosted zone is ours, which takes 10 in all.
pub(super) const MOST_WITH_ZONE: usize = 6;
/// The longest all keys may be together: they are remembered in one tag's value.
pub(super) const LONGEST_KEYS: usize = 256;

/// How many characters it takes to remember these keys: spaces stand between them, and within them
/// a space, like an equals sign, is written in three.
pub(super) fn remembered<'k>(keys: impl Iterator<Item = &'k String>) -> usize {
    let long = |key: &String| key.chars().map(|c| if " =".contains(c) { 3 } else { 1 }).sum();
    keys.map(long).reduce(|all: usize, one| all + 1 + one).unwrap_or_default()
}

/// Whether AWS lets every resource of a stack have this tag key.
pub(super) fn check_key(key: &str) -> Result<(), Wrong> {
    if key.is_empty() || key.chars().count() > 128 {
        return Err(Wrong::new("a tag's key has 1 to 128 characters"));
    }
    check_characters(key)?;
    let lower = key.to_lowercase();
    if let Some(prefix) = ["aws:", "rds:"].iter().find(|prefix| lower.starts_with(**prefix)) {
        return Err(Wrong::new(format!("AWS keeps tags that begin with `{prefix}` for itself")));
    }
    // For IAM `name` is the `Name` that stackctl sets.
    if lower.starts_with("stackctl:") || lower == "name" {
        return Err(Wrong::new(format!("stackctl sets `{key}` itself")).help("choose another key"));
    }
    Ok(())
}

/// Whether AWS lets every resource of a stack have this tag value.
pub(super) fn check_value(value: &str) -> Result<(), Wrong> {
    if value.chars().count() > 256 {
        return Err(Wrong::new("a tag's value has at most 256 characters"));
    }
    check_characters(value)?;
    let lower = value.to_lowercase();
    if lower.starts_with("aws:") || lower.starts_with("rds:") {
        return Err(Wrong::new("RDS takes no tag value that begins with `aws:` or `rds:`"));
    }
    Ok(())
}

fn check_characters(text: &str) -> Result<(), Wrong> {
    if text.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c)) {
        return Ok(());
    }
    Err(Wrong::new("a tag has letters, digits, spaces and any of _.:/=+-@ only"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_follow_the_rules_of_all_services() {
        for good in ["team", "Cost Centre", "a/b:c=d+e-f@g_h.i", "größe", "names"] {
            assert!(check_key(good).is_ok(), "{good}");
            assert!(check_value(good).is_ok(), "{good}");
        }
        assert!(check_value("").is_ok());
        let long = "k".repeat(129);
        for bad in [
            "",
            "aws:x",
            "AWS:x",
            "rds:x",
            "stackctl:stack",
            "Name",
            "name",
            "NAME",
            "a,b",
            "a\nb",
            "<b>",
            &long,
        ] {
            assert!(check_key(bad).is_err(), "{bad}");
        }
        for bad in ["rds:x", "a,b", "a\nb", &"v".repeat(257)] {
            assert!(check_value(bad).is_err(), "{bad}");
        }
    }
}
