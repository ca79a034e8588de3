//! Progress where lines cannot be redrawn: one when a step starts, one when it ends.

use super::{Show, ending, subject, usually, verbs};
use crate::{
    engine::{Address, Event},
    ui::to_stderr,
};
use std::collections::HashMap;

/// Knows the last note of each running step: only a new one is worth a line, and so is the end of
/// a step that began.
#[derive(Default)]
pub(super) struct Lines(HashMap<Address, String>);

impl Show for Lines {
    fn show(&mut self, event: &Event) {
        if let Some(line) = self.line(event) {
            to_stderr(&line);
        }
    }
}

impl Lines {
    fn line(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Started { address, action, usual } => {
                self.0.insert(address.clone(), String::new());
                let usually = usually(*usual).map(|u| format!(" ({u})")).unwrap_or_default();
                Some(format!("{} {address}{usually}", verbs(*action).doing))
            }
            Event::Waiting { address, note } => {
                let last = self.0.insert(address.clone(), note.clone());
                (last.as_ref() != Some(note)).then(|| format!("{address}: {note}"))
            }
            _ => {
                let began = self.0.remove(subject(event)).is_some();
                ending(event).filter(|_| began || !matches!(event, Event::Interrupted { .. }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Action;
    use std::time::Duration;

    fn address() -> Address {
        Address { kind: "nat-gateway", name: "a".into() }
    }

    #[test]
    fn a_note_is_told_again_only_when_it_changes() {
        let mut lines = Lines::default();
        let mut told =
            |note: &str| lines.line(&Event::Waiting { address: address(), note: note.into() });
        assert_eq!(told("pending").as_deref(), Some("nat-gateway/a: pending"));
        assert_eq!(told("pending"), None);
        assert_eq!(told("available").as_deref(), Some("nat-gateway/a: available"));
    }

    #[test]
    fn a_step_is_told_when_it_starts_and_when_it_ends() {
        let mut lines = Lines::default();
        let usual = Duration::from_secs(110);
        let started = Event::Started { address: address(), action: Action::Create, usual };
        let line = lines.line(&started).unwrap();
        assert_eq!(line, "creating nat-gateway/a (usually 2 min)");
        let took = Duration::from_secs(95);
        let finished = Event::Finished { address: address(), action: Action::Create, took };
        assert_eq!(lines.line(&finished).unwrap(), "created nat-gateway/a in 1m35s");
    }

    #[test]
    fn a_step_that_was_not_begun_is_not_told_when_a_signal_ends_the_run() {
        let mut lines = Lines::default();
        let left = Event::Interrupted { address: address(), action: Action::Create };
        assert_eq!(lines.line(&left), None);
        let usual = Duration::ZERO;
        lines.line(&Event::Started { address: address(), action: Action::Create, usual });
        assert!(lines.line(&left).is_some());
    }

    #[test]
    fn a_failure_is_told_by_its_root() {
        let error = anyhow::anyhow!("no room").context("cannot create nat-gateway/a");
        let failed =
            Event::Failed { address: address(), action: Action::Create, error: error.into() };
        let line = Lines::default().line(&failed).unwrap();
        assert_eq!(line, "could not create nat-gateway/a: no room");
    }
}
