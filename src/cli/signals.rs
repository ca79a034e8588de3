//! Ctrl-C, SIGTERM and a closed terminal: at once while nothing is under way, in good order after that.

use super::turn::LIMIT;
use crate::{engine::Stop, ui::Ui};
use anyhow::{Context, Result};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::spawn_blocking,
    time::{sleep, timeout},
};

/// What a signal does to this process.
#[derive(Clone, Debug, Default)]
pub(super) struct Signals {
    orderly: Arc<Mutex<Option<Stop>>>,
}

/// The exit code of what a signal ended.
const INTERRUPTED: i32 = 130;

/// How long the message may take: a reader of it that has stalled must hold up nothing.
const BRIEFLY: Duration = Duration::from_millis(100);

/// Has the run stopped, and ends it itself where it cannot: whoever reads its output may have
/// stalled.
async fn wind_up(ui: Ui, stop: &Stop) {
    tokio::spawn(async {
        sleep(LIMIT).await;
        std::process::exit(INTERRUPTED);
    });
    let said = "stopping: calls under way are let end; a second signal leaves at once";
    timeout(BRIEFLY, spawn_blocking(move || ui.warn(said))).await.ok();
    stop.raise();
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn listen(ui: Ui) -> Result<Self> {
        let signals = Self::default();
        let listen = |kind| signal(kind).context("cannot listen to signals");
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut terminate = listen(SignalKind::terminate())?;
        let mut hangup = listen(SignalKind::hangup())?;
        let watched = signals.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
                match watched.to_raise() {
                    Some(stop) => wind_up(ui, &stop).await,
                    None => std::process::exit(INTERRUPTED),
                }
            }
        });
        Ok(signals)
    }

    /// From now on the first signal raises this, and only the second ends the process.
    pub(super) fn orderly(&self) -> Stop {
        let stop = Stop::default();
        self.set(Some(stop.clone()));
        stop
    }

    /// From now on the first signal ends the process.
    pub(super) fn abrupt(&self) {
        self.set(None);
    }

    fn set(&self, stop: Option<Stop>) {
        *self.orderly.lock().unwrap_or_else(PoisonError::into_inner) = stop;
    }

    fn to_raise(&self) -> Option<Stop> {
        let orderly = self.orderly.lock().unwrap_or_else(PoisonError::into_inner);
        orderly.clone().filter(|stop| !stop.is_raised())
    }
}
