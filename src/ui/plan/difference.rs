//! What differs between two values, where both in full would not show it.

use crate::{engine::Change, ui::words::cut};

/// From here on a value is cut off.
pub(super) const WIDEST_VALUE: usize = 60;
/// From here on differences are counted.
const MOST: usize = 8;
/// How many characters before the first difference are shown of a long text.
const BEFORE: usize = 12;

/// A change as a reader wants it: of maps and lists what came, went or changed; of long texts the
/// place where they part.
pub(super) fn told(change: &Change) -> String {
    let Some(from) = &change.from else { return cut(&change.to, WIDEST_VALUE) };
    let to = &change.to;
    if let (Some(from), Some(to)) = (items(from), items(to)) {
        let told = between(&from, &to);
        if !told.is_empty() {
            let more = told.len().saturating_sub(MOST);
            let shown = told.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
            return if more > 0 { format!("{shown}, and {more} more") } else { shown };
        }
    }
    let (short_from, short_to) = (cut(from, WIDEST_VALUE), cut(to, WIDEST_VALUE));
    if short_from != short_to {
        return format!("{short_from} -> {short_to}");
    }
    let same = from.chars().zip(to.chars()).take_while(|(a, b)| a == b).count();
    let tail = |text: &str| -> String {
        let rest: String = text.chars().skip(same.saturating_sub(BEFORE)).collect();
        format!("…{}", cut(&rest, WIDEST_VALUE))
    };
    format!("{} -> {}", tail(from), tail(to))
}

/// The items of a map or a list.
fn items(text: &str) -> Option<Vec<&str>> {
    let inside = ["{}", "[]"].iter().find_map(|ends| {
        text.strip_prefix(&ends[..1]).and_then(|rest| rest.strip_suffix(&ends[1..]))
    })?;
    // A policy document is text, whatever it begins with.
    (!inside.starts_with('"')).then(|| inside.split(", ").filter(|item| !item.is_empty()).collect())
}

/// The key of a map's item, with what comes after it: `team=checkout`, or `PORT#a176` where the
/// value is not shown.
fn parts(item: &str) -> Option<(&str, &str)> {
    item.find(['=', '#']).map(|at| item.split_at(at))
}

/// What came, went and changed.
fn between(from: &[&str], to: &[&str]) -> Vec<String> {
    let gone = |item: &&&str| !to.contains(*item);
    let new = |item: &&&str| !from.contains(*item);
    let mut told = Vec::new();
    for item in from.iter().filter(gone) {
        let successor = parts(item).and_then(|(key, _)| {
            to.iter().filter(new).find_map(|other| parts(other).filter(|(k, _)| *k == key))
        });
        told.push(match successor {
            Some((_, value)) => {
                let value = value.strip_prefix('=').unwrap_or(value);
                format!("{} -> {}", cut(item, WIDEST_VALUE), cut(value, WIDEST_VALUE))
            }
            None => format!("-{}", name(item)),
        });
    }
    let replaced = |item: &&&str| {
        let key = parts(item).map(|(key, _)| key);
        key.is_some() && from.iter().filter(gone).any(|old| parts(old).map(|(key, _)| key) == key)
    };
    told.extend(to.iter().filter(new).filter(|i| !replaced(i)).map(|i| format!("+{}", name(i))));
    told
}

/// An item without a digest, which says nothing where there is no other one.
fn name(item: &str) -> String {
    let bare = item.split_once('#').map_or(item, |(key, _)| key);
    cut(bare, WIDEST_VALUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(from: &str, to: &str) -> String {
        told(&Change { attribute: "x", from: Some(from.into()), to: to.into(), replaces: false })
    }

    #[test]
    fn of_a_map_only_what_differs_is_told() {
        assert_eq!(
            told_of(
                "{LOG_LEVEL#0b8e, OLD#1111, PORT#a176}",
                "{LOG_LEVEL#ffff, NEW#2222, PORT#a176}"
            ),
            "LOG_LEVEL#0b8e -> #ffff, -OLD, +NEW"
        );
        assert_eq!(
            told_of("{team=checkout}", "{cost=7, team=pay}"),
            "team=checkout -> pay, +cost=7"
        );
        assert_eq!(told_of("{}", "{team=pay}"), "+team=pay");
    }

    #[test]
    fn of_a_list_what_came_and_what_went_is_told() {
        assert_eq!(told_of("[subnet/a, subnet/b]", "[subnet/a, subnet/c]"), "-subnet/b, +subnet/c");
        assert_eq!(told_of("[a, b]", "[b, a]"), "[a, b] -> [b, a]", "the order differs");
    }

    #[test]
    fn one_variable_of_many_is_found() {
        let all = |seventeen: &str| {
            let each = (0..20).map(|n| match n {
                17 => format!("VARIABLE_17#{seventeen}"),
                n => format!("VARIABLE_{n:02}#f2a6"),
            });
            format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
        };
        assert_eq!(told_of(&all("aaaa"), &all("bbbb")), "VARIABLE_17#aaaa -> #bbbb");
        let many: Vec<_> = (0..12).map(|n| format!("V{n}#1")).collect();
        let told = told_of("{}", &format!("{{{}}}", many.join(", ")));
        assert!(told.ends_with(", and 4 more"), "{told}");
    }

    #[test]
    fn long_texts_are_shown_from_where_they_part() {
        let text = |end: &str| format!("{}{end}", "x".repeat(100));
        assert_eq!(told_of(&text("old"), &text("new")), "…xxxxxxxxxxxxold -> …xxxxxxxxxxxxnew");
        assert_eq!(told_of("1.27", "1.28"), "1.27 -> 1.28");
    }
}
