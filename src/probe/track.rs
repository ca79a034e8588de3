//! One user's answers, one after another: is it the same session, does the counter go up by one?

use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// What an answer tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// The session's id; nothing but its digest is kept or shown.
    pub session: Option<String>,
    /// The counter.
    pub counter: Option<i64>,
    /// Who answered.
    pub server: Option<String>,
}

/// What is wrong with an answer after those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is another session.
    OtherSession,
    /// It is the same session, but its counter went back: what it held is gone.
    WentBack {
        /// What the counter said.
        to: i64,
        /// What it should have said.
        due: i64,
    },
    /// The counter went up by more than one.
    Jumped {
        /// What the counter said.
        to: i64,
        /// What it should have said.
        due: i64,
    },
}

/// A session's id as it may be shown: whoever reads it cannot use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    /// Of an id.
    pub(super) fn of(id: &str) -> Self {
        let digest = Sha256::digest(id.as_bytes());
        Self(digest.iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }
}

/// One user's session so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    last: Option<(Option<Fingerprint>, Option<i64>, Option<String>)>,
    /// Failed requests since the last answer: their visit may or may not have been counted.
    unsure: i64,
    /// Every session there was.
    pub sessions: BTreeSet<Fingerprint>,
    /// The first and the last counter.
    pub counters: Option<(i64, i64)>,
}

impl Track {
    /// Who answered last.
    pub(super) fn server(&self) -> Option<&str> {
        self.last.as_ref()?.2.as_deref()
    }

    /// A request failed, or its answer was lost.
    pub(super) fn failed(&mut self) {
        self.unsure += 1;
    }

    /// Takes in an answer.
    pub(super) fn see(&mut self, seen: &Seen) -> Option<Wrong> {
        let session = seen.session.as_deref().map(Fingerprint::of);
        self.sessions.extend(session);
        if let Some(now) = seen.counter {
            self.counters = Some((self.counters.map_or(now, |(first, _)| first), now));
        }
        let last = self.last.replace((session, seen.counter, seen.server.clone()));
        let unsure = std::mem::take(&mut self.unsure);
        let (was, counted, _) = last?;
        if was != session {
            return Some(Wrong::OtherSession);
        }
        let (to, due) = (seen.counter?, counted?.saturating_add(1));
        if to < due {
            return Some(Wrong::WentBack { to, due });
        }
        (to > due.saturating_add(unsure)).then_some(Wrong::Jumped { to, due })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(session: &str, counter: i64) -> Seen {
        let (session, server) = (Some(session.to_owned()), Some("app-1".to_owned()));
        Seen { session, counter: Some(counter), server }
    }

    #[test]
    fn one_session_that_counts_up_is_right_wherever_it_begins() {
        let mut track = Track::default();
        assert_eq!([7, 8, 9].map(|n| track.see(&seen("a", n))), [None; 3]);
        assert_eq!(track.counters, Some((7, 9)));
        assert_eq!(track.sessions.len(), 1);
    }

    #[test]
    fn another_session_is_wrong_once() {
        let mut track = Track::default();
        track.see(&seen("a", 1));
        assert_eq!(track.see(&seen("b", 1)), Some(Wrong::OtherSession));
        assert_eq!(track.see(&seen("b", 2)), None);
        assert_eq!(track.sessions.len(), 2);
    }

    #[test]
    fn a_counter_that_stands_still_or_goes_back_has_lost_something() {
        let mut track = Track::default();
        track.see(&seen("a", 4));
        assert_eq!(track.see(&seen("a", 4)), Some(Wrong::WentBack { to: 4, due: 5 }));
        assert_eq!(track.see(&seen("a", 1)), Some(Wrong::WentBack { to: 1, due: 5 }));
    }

    #[test]
    fn a_failed_request_may_have_been_counted_and_nothing_else_may() {
        let mut track = Track::default();
        track.see(&seen("a", 1));
        track.failed();
        assert_eq!(track.see(&seen("a", 3)), None);
        track.failed();
        assert_eq!(track.see(&seen("a", 4)), None);
        assert_eq!(track.see(&seen("a", 6)), Some(Wrong::Jumped { to: 6, due: 5 }));
    }

    #[test]
    fn an_answer_without_a_counter_is_judged_by_its_session_alone() {
        let mut track = Track::default();
        let seen = Seen { counter: None, ..seen("a", 0) };
        assert_eq!([track.see(&seen), track.see(&seen)], [None, None]);
    }
}
