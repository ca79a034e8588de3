//! Carrying out a plan in front of the user: asking first, showing progress, minding signals.

use super::{Ended, turn::Turn};
use crate::{
    aws::Aws,
    engine::{Kind, Outcome, Plan, Reporter},
    kinds::{DbCluster, DbInstance, LoadBalancer},
    ui::{Report, Trouble, Ui, paint::Painted, paint::STRONG, words::plural},
};
use anyhow::{Result, ensure};
use serde::Serialize;
use std::{
    fmt::{self, Display},
    num::NonZeroUsize,
    sync::Arc,
};
use tokio::sync::mpsc::unbounded_channel;

/// How many steps run at a time: more would only be throttled.
const AT_ONCE: NonZeroUsize = NonZeroUsize::new(32).expect("32 is not 0");

/// Said when a plan is no longer what was shown.
pub(super) const CHANGED: &str = "another run has changed the stack since: this is the plan now";

/// The kinds that are guarded by AWS's own deletion protection, which can be lifted.
pub(super) const PROTECTED: &[&str] = &[DbInstance::NAME, DbCluster::NAME, LoadBalancer::NAME];

/// What must be done away with before a plan can be carried out.
///
/// # Errors
/// When something keeps a deletion from being done.
pub(super) fn refuse_obstacles(plan: &Plan<Aws>, unprotect: bool) -> Result<()> {
    let mut obstacles = plan.obstacles();
    obstacles.retain(|(at, _)| !unprotect || !PROTECTED.contains(&at.kind));
    let told: Vec<_> = obstacles.iter().map(|(at, why)| format!("{at}: {why}")).collect();
    let protected = obstacles.iter().any(|(at, _)| PROTECTED.contains(&at.kind));
    ensure!(
        obstacles.is_empty(),
        Trouble::new(
            format!("nothing was changed, since this is in the way: {}", told.join("; ")),
            if protected {
                "to lift deletion protection, run `stackctl up` with `protect: false` first; when \
                 all is to go, `stackctl destroy --unprotect`"
            } else {
                "remove what is in the way and run the same command again"
            },
        )
    );
    Ok(())
}

/// Asks for consent by having `word` typed; `flags` give it beforehand.
///
/// # Errors
/// When it is not given, or nobody is there to give it.
pub(super) async fn ask(ui: Ui, what: &str, word: &str, flags: &str) -> Result<()> {
    let nobody = Trouble::new(
        format!("{what}, and nobody is here to agree"),
        format!("to agree beforehand, run the same command with {flags}"),
    );
    let question = format!("{what}. Type `{word}` to go on:");
    let answer = ui.ask(Painted(STRONG, question), nobody).await?;
    ensure!(
        answer == word,
        Trouble::new(
            "nothing was changed",
            format!("`{word}` was not typed; {flags} agrees beforehand")
        )
    );
    Ok(())
}

/// How many steps ended how.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Tally {
    done: usize,
    failed: usize,
    skipped: usize,
    interrupted: usize,
}

/// Carries out a plan. `again` is the command that goes on where it ended.
///
/// # Errors
/// When stdout cannot be written to; when the lock was lost.
pub(super) async fn act(
    plan: Plan<Aws>,
    aws: Aws,
    again: &str,
    turn: &Turn,
    ui: Ui,
) -> Result<Ended> {
    let (sender, events) = unbounded_channel();
    let run = plan.run(Arc::new(aws), AT_ONCE, Reporter(Some(sender)), turn.stop.clone());
    let (outcomes, ()) = tokio::join!(run, ui.follow(events));
    let mut tally = Tally::default();
    for (_, _, outcome) in &outcomes {
        match outcome {
            Outcome::Done => tally.done += 1,
            Outcome::Failed(error) => {
                tally.failed += 1;
                if !ui.is_json() {
                    ui.say(Report::of(error));
                }
            }
            Outcome::Skipped { .. } => tally.skipped += 1,
            Outcome::Interrupted => tally.interrupted += 1,
        }
    }
    if ui.is_json() {
        ui.part("ended", &tally)?;
    } else if tally.failed + tally.skipped + tally.interrupted > 0 {
        ui.warn(tally);
        ui.hint(format_args!("`{again}` goes on where this ended"));
    }
    turn.insist()?;
    Ok(match tally {
        Tally { interrupted: 1.., .. } => Ended::Interrupted,
        Tally { failed: 0, skipped: 0, .. } => Ended::Done,
        _ => Ended::Failed,
    })
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, failed, skipped, interrupted } = self;
        let all = done + failed + skipped + interrupted;
        write!(f, "{done} of {} done", plural(all, "step"))?;
        for (count, how) in [
            (failed, "failed"),
            (skipped, "waiting for what failed"),
            (interrupted, "stopped or not begun"),
        ] {
            if *count > 0 {
                write!(f, ", {count} {how}")?;
            }
        }
        Ok(())
    }
}
