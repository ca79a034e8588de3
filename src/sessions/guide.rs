//! The guidance behind `stackctl explain`: a text for each way of keeping sessions and each rule.

use super::Keeping;
use crate::spec::SessionRule;

/// A text of the guidance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name: a rule's code, or a way of keeping sessions.
    pub name: &'static str,
    /// The text, in lines for a terminal.
    pub text: &'static str,
}

/// What there is to know of a way of keeping sessions.
pub const fn of_keeping(keeping: Keeping) -> Topic {
    let (name, text) = match keeping {
        Keeping::StickyOnly => ("sticky-only", include_str!("guide/sticky-only.md")),
        Keeping::SharedStore => ("shared-store", include_str!("guide/shared-store.md")),
        Keeping::Hybrid => ("hybrid", include_str!("guide/hybrid.md")),
        Keeping::Token => ("token", include_str!("guide/token.md")),
        Keeping::None => ("none", include_str!("guide/none.md")),
    };
    Topic { name, text }
}

/// Why a rule is there, what to do, and when it is fine to allow it.
pub const fn of_rule(rule: SessionRule) -> Topic {
    let text = match rule {
        SessionRule::MemoryEndsWithInstance => {
            include_str!("guide/memory-ends-with-instance.md")
        }
        SessionRule::IdleLongerThanStickiness => {
            include_str!("guide/idle-longer-than-stickiness.md")
        }
        SessionRule::SingleNodeCache => include_str!("guide/single-node-cache.md"),
        SessionRule::MemcachedCopiesNothing => include_str!("guide/memcached-copies-nothing.md"),
        SessionRule::EvictingCache => include_str!("guide/evicting-cache.md"),
        SessionRule::DatabaseWithoutStandby => include_str!("guide/database-without-standby.md"),
        SessionRule::CookiesInTheClear => include_str!("guide/cookies-in-the-clear.md"),
        SessionRule::AppCookieBindsLate => include_str!("guide/app-cookie-binds-late.md"),
        SessionRule::ZoneWithoutInstance => include_str!("guide/zone-without-instance.md"),
        SessionRule::SlowRoll => include_str!("guide/slow-roll.md"),
    };
    Topic { name: rule.code(), text }
}

/// Every topic: the ways of keeping sessions first.
pub fn topics() -> Vec<Topic> {
    let ways = Keeping::ALL.into_iter().map(of_keeping);
    ways.chain(SessionRule::ALL.iter().copied().map(of_rule)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_says_what_to_do_and_when_it_is_fine() {
        for rule in SessionRule::ALL {
            let Topic { name, text } = of_rule(*rule);
            assert!(text.contains("\nRemedy: ") && text.contains("\nAllow it "), "{name}");
        }
    }

    #[test]
    fn every_text_fits_a_terminal_and_ends_with_a_line() {
        for Topic { name, text } in topics() {
            assert!(
                text.ends_with(".\n") && text.lines().all(|l| l.chars().count() <= 132),
                "{name}"
            );
        }
    }

    #[test]
    fn no_two_topics_have_one_name() {
        let mut names: Vec<_> = topics().iter().map(|topic| topic.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
