//! What happens during a run, as values. Rendering lives elsewhere.

use super::{address::Address, step::Action};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc::UnboundedSender;

/// One thing that happened to one step.
#[derive(Clone, Debug)]
pub enum Event {
    /// Work on a step began.
    Started {
        /// What is worked on.
        address: Address,
        /// What is done to it.
        action: Action,
        /// How long this usually takes.
        usual: Duration,
    },
    /// A step waits for AWS.
    Waiting {
        /// What is waited for.
        address: Address,
        /// AWS's word for the state it is in.
        note: String,
    },
    /// A step succeeded.
    Finished {
        /// What was worked on.
        address: Address,
        /// What was done to it.
        action: Action,
        /// How long it took.
        took: Duration,
    },
    /// A step failed.
    Failed {
        /// What was worked on.
        address: Address,
        /// What was tried.
        action: Action,
        /// Why it failed.
        error: Arc<anyhow::Error>,
    },
    /// A step was not tried because one it needs failed.
    Skipped {
        /// What was not worked on.
        address: Address,
        /// What would have been done.
        action: Action,
        /// The root cause.
        because: Address,
    },
    /// A step was left, or not begun, because stopping was asked for.
    Interrupted {
        /// What was left as it is.
        address: Address,
        /// What was under way or would have been done.
        action: Action,
    },
}

/// Where events go; the default sends them nowhere.
#[derive(Clone, Debug, Default)]
pub struct Reporter(pub Option<UnboundedSender<Event>>);

impl Reporter {
    /// Sends an event; a listener that went away is no error.
    pub fn send(&self, event: Event) {
        if let Some(to) = &self.0 {
            to.send(event).ok();
        }
    }
}
