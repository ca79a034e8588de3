//! Whose turn it is to write to a stack: the lock around everything that changes it.

use super::Session;
use crate::{
    aws::{
        Aws,
        lock::{Holder, LEASE, Lock, Parameters, Standing},
    },
    engine::{Stop, run::GRACE},
    spec::Seconds,
    ui::{Trouble, words::elapsed},
};
use anyhow::{Result, ensure};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Flags of commands that write.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(super) struct LockArgs {
    /// Wait so long for another run that writes to this stack: 90s, 10m [default: not at all]
    #[arg(long, value_name = "DURATION")]
    pub lock_timeout: Option<Seconds>,
}

/// The right to write to a stack, until it is given back.
pub(super) struct Turn {
    lock: Lock<Parameters>,
    /// Raised by a signal, and when the lock is lost.
    pub stop: Stop,
}

/// How often to look whether a lock that is waited for is free.
const LOOK: Duration = Duration::from_secs(3);
/// How long giving the lock back may take: after a signal, what the calls under way left of their
/// grace, and this; CI kills ten seconds after its first.
const HASTE: Duration = Duration::from_millis(1500);
const PATIENCE: Duration = Duration::from_secs(20);
/// How long after a signal a run is ended that does not end by itself.
pub(super) const LIMIT: Duration = GRACE.saturating_add(HASTE).saturating_add(MARGIN);
const MARGIN: Duration = Duration::from_millis(300);

impl Turn {
    /// Takes the lock, waiting for it as long as the user wants to. `None`: a signal came first.
    ///
    /// # Errors
    /// Who holds it, and what can be done about that.
    pub(super) async fn take(
        aws: &Aws,
        doing: &str,
        args: LockArgs,
        seen: &Standing,
        session: &Session,
    ) -> Result<Option<Self>> {
        let stop = session.signals.orderly();
        let hurry = async {
            stop.raised().await;
            sleep(GRACE).await;
        };
        let turn = tokio::select! {
            turn = Self::wait(aws, doing, args, seen.clone(), &stop, session) => turn?,
            () = hurry => None,
        };
        match turn {
            Some(turn) if turn.stop.is_raised() => {
                turn.end(session).await;
                Ok(None)
            }
            turn => Ok(turn),
        }
    }

    async fn wait(
        aws: &Aws,
        doing: &str,
        args: LockArgs,
        mut seen: Standing,
        stop: &Stop,
        session: &Session,
    ) -> Result<Option<Self>> {
        let shelf = aws.lock();
        let holder = Holder::me(doing, &aws.identity().await?.arn);
        let until = Instant::now() + args.patience();
        let mut told = None;
        loop {
            seen = match Lock::take(shelf.clone(), holder.clone(), seen, stop).await? {
                Ok(lock) => return Ok(Some(Self { lock, stop: stop.clone() })),
                Err(seen) => seen,
            };
            ensure!(Instant::now() < until, locked(&aws.stack, &seen));
            if let Some(other) = seen.holder().filter(|other| told.as_ref() != Some(*other)) {
                session.ui.say(format_args!("waiting for {other}"));
                told = Some(other.clone());
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                () = stop.raised() => return Ok(None),
            }
            seen = Standing::read(&shelf).await?;
        }
    }

    /// Whether nobody else has written since what was `seen` then; `began` is when reading began.
    pub(super) fn follows(&self, seen: &Standing, began: Instant) -> bool {
        self.lock.follows(seen) && seen.rested_since(began)
    }

    /// Does what writes nothing; `None` when a signal comes or the lock is lost meanwhile.
    ///
    /// # Errors
    /// What `reading` fails with.
    pub(super) async fn unless_stopped<T>(
        &self,
        reading: impl Future<Output = Result<T>>,
    ) -> Result<Option<T>> {
        tokio::select! {
            read = reading => read.map(Some),
            () = self.stop.raised() => self.insist().map(|()| None),
        }
    }

    /// Lets others write.
    pub(super) async fn end(self, session: &Session) {
        let limit = self.stop.since().map_or(PATIENCE, time_left);
        match self.lock.release(limit).await {
            Ok(true) => {}
            Ok(false) => session.ui.warn(
                "the stack's lock was taken away shortly before this run ended: see `stackctl status`",
            ),
            Err(error) => session.ui.warn(format_args!(
                "the stack's lock was not given back, and frees itself within {}s: {error:#}",
                LEASE.as_secs()
            )),
        }
        session.signals.abrupt();
    }

    /// Lets others write, and leaves nothing of the stack: for one that is gone. `None`: after a
    /// signal there was no time left for that.
    ///
    /// # Errors
    /// What AWS refuses.
    pub(super) async fn erase(self) -> Result<Option<()>> {
        let stop = self.stop.clone();
        let hurry = async {
            stop.raised().await;
            sleep(time_left(stop.since().unwrap_or_default())).await;
        };
        tokio::select! {
            erased = self.lock.erase() => erased.map(Some),
            () = hurry => Ok(None),
        }
    }

    /// Says that the lock was lost, if it was.
    ///
    /// # Errors
    /// That.
    pub(super) fn insist(&self) -> Result<()> {
        let lost = self.lock.lost().map(|why| {
            Trouble::new(
                format!("the stack's lock was lost, so nothing further was begun: {why}"),
                "look at what the other run does with `stackctl status`, then run this again",
            )
        });
        lost.map_or(Ok(()), |trouble| Err(trouble.into()))
    }
}

/// How long a run may still take that got a signal so long ago.
fn time_left(since: Duration) -> Duration {
    (GRACE + HASTE).saturating_sub(since).max(HASTE)
}

impl LockArgs {
    fn patience(self) -> Duration {
        self.lock_timeout
            .map_or(Duration::ZERO, |Seconds(seconds)| Duration::from_secs(seconds.into()))
    }

    /// Refuses early what would be refused after all the questions.
    ///
    /// # Errors
    /// Who holds the lock, and what can be done about that.
    pub(super) fn refuse_locked(self, aws: &Aws, seen: &Standing) -> Result<()> {
        ensure!(seen.holder().is_none() || !self.patience().is_zero(), locked(&aws.stack, seen));
        Ok(())
    }
}

/// Whether what was read since `began` is of one moment: where another run writes, things come and
/// go under the reader's eyes. Waits for that run as long as the user wants to. `seen` is how it
/// stood with the lock while that was read.
///
/// # Errors
/// Who holds the lock, and what can be done about that.
pub(super) async fn is_of_one_moment(
    aws: &Aws,
    seen: &Standing,
    began: Instant,
    args: Option<LockArgs>,
    session: &Session,
) -> Result<bool> {
    let parameters = aws.lock();
    let mut now = Standing::read(&parameters).await?;
    let rested = seen.rested_between(began, &now);
    let until = Instant::now() + args.unwrap_or_default().patience();
    let mut told = false;
    while let Some(holder) = now.holder() {
        match args {
            None => refuse_beside(&aws.stack, &now)?,
            Some(_) => ensure!(Instant::now() < until, locked(&aws.stack, &now)),
        }
        if !told {
            session.ui.say(format_args!("waiting for {holder}"));
            told = true;
        }
        sleep(LOOK).await;
        now = Standing::read(&parameters).await?;
    }
    Ok(rested)
}

/// Who holds the lock, and what can be done about that.
fn locked(stack: &str, seen: &Standing) -> Trouble {
    let wait = "wait for it with --lock-timeout 10m";
    trouble(stack, seen, wait)
}

/// Refuses what takes no lock, since it is one call, where a run is under way that may undo it.
///
/// # Errors
/// Who holds the lock, and what can be done about that.
pub(super) fn refuse_beside(stack: &str, seen: &Standing) -> Result<()> {
    ensure!(seen.holder().is_none(), trouble(stack, seen, "try again when it has ended"));
    Ok(())
}

fn trouble(stack: &str, seen: &Standing, wait: &str) -> Trouble {
    let holder = seen.holder().map(ToString::to_string).unwrap_or_default();
    Trouble::new(
        format!(
            "`{stack}` is locked: {holder}, which gave its last sign of life {} ago",
            elapsed(seen.silence())
        ),
        format!(
            "{wait}; if that run is no more, its lock frees itself in {}, or now with `stackctl \
             unlock --stack {stack}`: a run that does go on would notice within 20s, begin \
             nothing further, and end with an error",
            elapsed(seen.remaining())
        ),
    )
}
