//! `up`: the stack becomes what its file says.

use super::{
    Ended, Session,
    act::{CHANGED, act, refuse_obstacles},
    connect::Where,
    consent::Consent,
    outputs::{self, Outputs},
    preview::{Preview, preview},
    reading::inventory_of,
    turn::{LockArgs, Turn},
    which::FileArgs,
};
use crate::ui::Ui;
use anyhow::Result;
use std::path::Path;

/// Bring a stack up, or make it what its file says
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Shows the plan, then acts. Asks before it deletes, replaces, interrupts or upgrades \
                  anything, and before the first creation, except on an emulator, where that costs \
                  nothing. Whatever ends it, running it again goes on from there."
)]
pub(super) struct Args {
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    lock: LockArgs,
    #[command(flatten)]
    place: Where,
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let ui = session.ui;
    let preview = preview(&args.file, &args.place, Some(args.lock), session).await?;
    show(&preview, ui)?;
    if !preview.plan.is_empty() {
        args.lock.refuse_locked(&preview.way.aws, &preview.standing)?;
    }
    args.consent.agree(&preview.stakes, ui).await?;
    // Before the first call that writes, so that a killed run is found again.
    let memory = preview.way.memory(&preview.identity, preview.chosen.file.clone());
    if let Err(error) = memory.write(Path::new("")) {
        ui.warn(format_args!("the stack is not remembered in this folder: {error:#}"));
    }
    let (aws, mut inventory) = (preview.way.aws.clone(), preview.inventory.clone());
    if !preview.plan.is_empty() {
        let turn = Turn::take(&aws, "stackctl up", args.lock, &preview.standing, session).await?;
        let Some(turn) = turn else { return Ok(Ended::Interrupted) };
        let again = again(&args.file, &args.place);
        let carried = carry_out(preview, args.consent, &again, &turn, ui);
        let ended = Box::pin(carried).await;
        let stop = turn.stop.clone();
        turn.end(session).await;
        match ended? {
            // Who wants to stop does not wait for outputs to be read.
            Ended::Done if stop.is_raised() => return Ok(Ended::Interrupted),
            Ended::Done => {}
            ended => return Ok(ended),
        }
        inventory = inventory_of(outputs::kinds(), &aws.afresh()).await?;
    }
    if !ui.is_json() {
        ui.say("");
    }
    ui.part("outputs", &Outputs::of_new(&aws, &inventory).await)?;
    Ok(Ended::Done)
}

/// The `up` that goes on where a command ended.
pub(super) fn again(file: &FileArgs, place: &Where) -> String {
    [vec!["stackctl up".to_owned()], file.typed(), place.typed()].concat().join(" ")
}

/// Carries out the plan, or the one that it has become if others wrote after it was made.
/// `again` is the command that goes on where it ended.
///
/// # Errors
/// As [`act`]; when consent to what the plan has become is not given.
pub(super) async fn carry_out(
    mut preview: Preview,
    consent: Consent,
    again: &str,
    turn: &Turn,
    ui: Ui,
) -> Result<Ended> {
    if !turn.follows(&preview.standing, preview.began) {
        let anew = Box::pin(async {
            let before = preview.shown.to_string();
            let preview = preview.anew().await?;
            if preview.shown.to_string() != before {
                ui.warn(CHANGED);
                show(&preview, ui)?;
                consent.agree(&preview.stakes, ui).await?;
            }
            Ok(preview)
        });
        let Some(anew) = turn.unless_stopped(anew).await? else { return Ok(Ended::Interrupted) };
        preview = anew;
    }
    act(preview.plan, preview.way.aws, again, turn, ui).await
}

/// Shows a plan.
///
/// # Errors
/// What is in its way.
pub(super) fn show(preview: &Preview, ui: Ui) -> Result<()> {
    ui.part("plan", &preview.shown)?;
    refuse_obstacles(&preview.plan, false)
}
