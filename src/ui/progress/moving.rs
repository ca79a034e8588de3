//! Progress on a terminal: a line for each running step, finished ones above them.

use super::{Show, ending, subject, usually, verbs};
use crate::{
    engine::{Address, Event},
    ui::{
        is_colored,
        paint::{BAD, CARE, FAINT, GOOD, Painted, plain},
    },
};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::{collections::HashMap, time::Duration};

/// How often the lines move.
const TICK: Duration = Duration::from_millis(120);

/// A line for each running step.
#[derive(Default)]
pub(super) struct Lines {
    all: MultiProgress,
    running: HashMap<Address, Running>,
}

struct Running {
    bar: ProgressBar,
    usually: String,
}

impl Show for Lines {
    fn show(&mut self, event: &Event) {
        match event {
            Event::Started { address, action, usual } => {
                let usually = usually(*usual).unwrap_or_default();
                let bar = self.all.add(ProgressBar::new_spinner().with_style(style()));
                bar.set_prefix(format!("{} {address}", verbs(*action).doing));
                bar.set_message(message("", &usually));
                bar.enable_steady_tick(TICK);
                self.running.insert(address.clone(), Running { bar, usually });
            }
            Event::Waiting { address, note } => {
                if let Some(Running { bar, usually }) = self.running.get(address) {
                    bar.set_message(message(note, usually));
                }
            }
            _ => self.end(event),
        }
    }
}

impl Lines {
    fn end(&mut self, event: &Event) {
        match self.running.remove(subject(event)) {
            Some(Running { bar, .. }) => {
                bar.finish_and_clear();
                self.all.remove(&bar);
            }
            // What was not begun when a signal came is counted at the end.
            None if matches!(event, Event::Interrupted { .. }) => return,
            None => {}
        }
        let mark = match event {
            Event::Finished { .. } => Painted(GOOD, "✓"),
            Event::Failed { .. } => Painted(BAD, "✗"),
            _ => Painted(CARE, "·"),
        };
        if let Some(line) = ending(event) {
            self.all.println(painted(&format!("{mark} {line}"))).ok();
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix}  {elapsed}  {wide_msg}")
        .expect("the template is well formed")
}

/// What a step waits for, and how long it usually takes.
fn message(note: &str, usually: &str) -> String {
    match (note, usually) {
        (note, "") => note.to_owned(),
        ("", usually) => painted(&Painted(FAINT, usually).to_string()),
        (note, usually) => painted(&format!("{note}  {}", Painted(FAINT, usually))),
    }
}

/// The drawing library does not take styles away where they are not wanted.
fn painted(text: &str) -> String {
    if is_colored() { text.to_owned() } else { plain(text) }
}
