//! `up`: the stack becomes what its file says.

use super::{
    Ended, Session,
    act::{act, ask, refuse_obstacles},
    connect::Where,
    outputs::{self, Outputs},
    preview::{Preview, preview},
    reading::inventory_of,
    which::FileArgs,
};
use anyhow::Result;
use std::path::Path;

/// Bring a stack up, or make it what its file says
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Shows the plan, then acts. Asks only when something is deleted or replaced. \
                        Whatever ends it, running it again goes on from there."
)]
pub(super) struct Args {
    #[command(flatten)]
    file: FileArgs,
    /// Do not ask, not even when something is deleted or replaced
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    place: Where,
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let ui = session.ui;
    let Preview { chosen, way, identity, mut inventory, plan, shown } =
        preview(&args.file, &args.place, session).await?;
    ui.part("plan", &shown)?;
    refuse_obstacles(&plan, false)?;
    if plan.deletes() && !args.yes {
        ask(ui, "this plan deletes or replaces what there is", "yes").await?;
    }
    // Before the first call that writes, so that a killed run is found again.
    if let Err(error) = way.memory(&identity, chosen.file).write(Path::new("")) {
        ui.warn(format_args!("the stack is not remembered in this folder: {error:#}"));
    }
    if !plan.is_empty() {
        let ended = act(plan, way.aws.clone(), "stackctl up", session).await?;
        if ended != Ended::Done {
            return Ok(ended);
        }
        inventory = inventory_of(outputs::kinds(), &way.aws.afresh()).await?;
    }
    if !ui.is_json() {
        ui.say("");
    }
    ui.part("outputs", &Outputs::of(&way.aws, &inventory))?;
    Ok(Ended::Done)
}
