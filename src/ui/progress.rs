//! What happens during a run, shown while it happens: lines that move, plain lines, or JSON.

mod moving;
mod plain;

use super::{Report, Ui, can_redraw, event_line, to_stdout, words};
use crate::engine::{Action, Address, Event};
use serde::Serialize;
use serde_json::json;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// Something that shows events.
trait Show {
    fn show(&mut self, event: &Event);
}

impl Ui {
    /// Shows events until the last sender has gone.
    pub async fn follow(self, mut events: UnboundedReceiver<Event>) {
        let mut shower: Box<dyn Show + Send> = if self.is_json() {
            Box::new(Json)
        } else if can_redraw() {
            Box::new(moving::Lines::default())
        } else {
            Box::new(plain::Lines::default())
        };
        while let Some(event) = events.recv().await {
            shower.show(&event);
        }
    }
}

struct Json;

impl Show for Json {
    fn show(&mut self, event: &Event) {
        let (name, body) = as_json(event);
        // A reader that has gone must not stop the run.
        event_line(name, &body).and_then(|line| to_stdout(&line)).ok();
    }
}

fn as_json(event: &Event) -> (&'static str, impl Serialize) {
    match event {
        Event::Started { address, action, usual } => (
            "started",
            json!({ "address": address, "action": action, "usual_seconds": usual.as_secs() }),
        ),
        Event::Waiting { address, note } => {
            ("waiting", json!({ "address": address, "note": note }))
        }
        Event::Finished { address, action, took } => (
            "finished",
            json!({ "address": address, "action": action, "seconds": took.as_secs_f64() }),
        ),
        Event::Failed { address, action, error } => {
            ("failed", json!({ "address": address, "action": action, "error": Report::of(error) }))
        }
        Event::Skipped { address, action, because } => {
            ("skipped", json!({ "address": address, "action": action, "because": because }))
        }
        Event::Interrupted { address, action } => {
            ("interrupted", json!({ "address": address, "action": action }))
        }
    }
}

/// The words for what a step is at, has done, and failed to do.
struct Verbs {
    doing: &'static str,
    done: &'static str,
}

fn verbs(action: Action) -> Verbs {
    let (doing, done) = match action {
        Action::Create => ("creating", "created"),
        Action::Await => ("waiting for", "ready:"),
        Action::Update => ("updating", "updated"),
        Action::Delete => ("deleting", "deleted"),
    };
    Verbs { doing, done }
}

/// What is said of a step that needs a while: `usually 9 min`.
fn usually(usual: Duration) -> Option<String> {
    (usual >= Duration::from_secs(10)).then(|| format!("usually {}", words::about(usual)))
}

/// The line for an event that ends a step, or for one that was not begun.
fn ending(event: &Event) -> Option<String> {
    Some(match event {
        Event::Finished { address, action, took } => {
            format!("{} {address} in {}", verbs(*action).done, words::elapsed(*took))
        }
        Event::Failed { address, action, error } => {
            format!("could not {} {address}: {}", action.verb(), error.root_cause())
        }
        Event::Skipped { address, action, because } => {
            format!("did not {} {address}: it needs {because}", action.verb())
        }
        Event::Interrupted { address, action } => {
            format!("stopped before the end: {} {address}", verbs(*action).doing)
        }
        Event::Started { .. } | Event::Waiting { .. } => return None,
    })
}

/// What an event is about.
fn subject(event: &Event) -> &Address {
    match event {
        Event::Started { address, .. }
        | Event::Waiting { address, .. }
        | Event::Finished { address, .. }
        | Event::Failed { address, .. }
        | Event::Skipped { address, .. }
        | Event::Interrupted { address, .. } => address,
    }
}
