//! What keeps a lock alive, and notices when it was lost.

use super::{Fence, Holder, LEASE, Shelf, Standing, moment::Moment};
use crate::engine::Stop;
use anyhow::Result;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Between two heartbeats.
pub(super) const BEAT: Duration = Duration::from_secs(20);
/// After one that failed.
const AGAIN: Duration = Duration::from_secs(5);
/// How often to look at the clock meanwhile.
const GLANCE: Duration = Duration::from_secs(1);
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// A lock not renewed for so long counts as lost, well before others may take it: what is under
/// way has until then to end.
const DOUBT: Duration = Duration::from_secs(45);
const _: () = assert!(DOUBT.as_secs() + PATIENCE.as_secs() + 8 < LEASE.as_secs());

/// A heartbeat in the background; it ends with this.
#[derive(Debug)]
pub(super) struct Heart {
    done: Arc<Notify>,
    lost: Arc<OnceLock<String>>,
    fence: Fence,
    task: JoinHandle<()>,
}

impl Heart {
    /// Begins to renew this generation, made after `since`, and removes the `older` ones.
    pub(super) fn start<S: Shelf>(
        shelf: &S,
        generation: u64,
        holder: &Holder,
        since: Moment,
        older: Vec<u64>,
        stop: &Stop,
    ) -> Self {
        let (done, lost) = (Arc::new(Notify::new()), Arc::new(OnceLock::new()));
        let fence = shelf.fence();
        fence.hold(since, DOUBT);
        let task = tokio::spawn({
            let (shelf, holder, stop) = (shelf.clone(), holder.clone(), stop.clone());
            let (done, lost, fence) = (done.clone(), lost.clone(), fence.clone());
            async move {
                if let Some(why) = beat(&shelf, generation, &holder, since, older, &done).await {
                    fence.close(&why);
                    lost.set(why).ok();
                    stop.raise();
                }
            }
        });
        Self { done, lost, fence, task }
    }

    /// Why it stopped of itself, if it did.
    pub(super) fn stopped(&self) -> Option<&str> {
        self.lost.get().map(String::as_str)
    }

    /// Stops it once no renewal is under way that could come too late.
    pub(super) async fn stop(&mut self) {
        self.done.notify_one();
        (&mut self.task).await.ok();
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.task.abort();
        if self.stopped().is_none() {
            self.fence.open();
        }
    }
}

/// Renews until it is `done`, or tells why that is no longer possible.
async fn beat<S: Shelf>(
    shelf: &S,
    generation: u64,
    holder: &Holder,
    since: Moment,
    older: Vec<u64>,
    done: &Notify,
) -> Option<String> {
    if !older.is_empty() {
        // They hold nothing, and whoever comes next removes what stays.
        timeout(PATIENCE, shelf.remove(older)).await.ok();
    }
    let mut renewed = since;
    let mut pause = BEAT.saturating_sub(since.elapsed());
    loop {
        tokio::select! {
            () = done.notified() => return None,
            () = rest(pause) => {}
        }
        let began = Moment::now();
        let doubt = !renewed.is_within(DOUBT);
        let failure = match timeout(PATIENCE, renew(shelf, generation, holder, doubt)).await {
            Ok(Ok(None)) => {
                shelf.fence().hold(began, DOUBT);
                (renewed, pause) = (began, BEAT);
                continue;
            }
            Ok(Ok(Some(why))) => return Some(why),
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => format!("no answer within {}s", PATIENCE.as_secs()),
        };
        if renewed.elapsed() > DOUBT {
            let silent = renewed.elapsed().as_secs();
            return Some(format!("it could not be renewed for {silent}s: {failure}"));
        }
        pause = AGAIN;
    }
}

/// Waits, but no longer than a machine that slept meanwhile has been away.
async fn rest(pause: Duration) {
    let since = Moment::now();
    while since.is_within(pause) {
        sleep(GLANCE).await;
    }
}

/// Renews once, or tells who has succeeded this run. After a time in which somebody may have taken
/// it for dead, what was renewed has to be seen as the highest: who succeeds it looks in turn
/// whether it was renewed.
pub(super) async fn renew<S: Shelf>(
    shelf: &S,
    generation: u64,
    holder: &Holder,
    doubt: bool,
) -> Result<Option<String>> {
    let mut now = Standing::read(shelf).await?;
    if now.is_of(generation, holder) {
        shelf.overwrite(generation, holder.held()).await?;
        if !doubt {
            return Ok(None);
        }
        now = Standing::read(shelf).await?;
        if now.is_of(generation, holder) {
            return Ok(None);
        }
    }
    Ok(Some(match now.holder() {
        Some(other) => format!("it was taken over by {other}"),
        None => "it was taken away".to_owned(),
    }))
}
