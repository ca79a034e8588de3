//! `scale`: more or fewer instances, and nothing else.

use super::{
    Ended, Session,
    connect::Where,
    consent::Consent,
    preview::{Preview, preview},
    turn::{LockArgs, Turn},
    up::{carry_out, show},
    which::FileArgs,
};
use crate::{
    aws::Aws,
    engine::{Action, Kind, Step},
    kinds::{Instance, Target},
};
use anyhow::Result;
use std::path::Path;

/// Change how many instances run, without editing the file
#[derive(Debug, clap::Args)]
#[command(
    after_help = "As `stackctl up --set app.instances=COUNT`, but refuses to change anything else. Those \
                  that go are drained first. The file still says what it said, and the next `up` follows \
                  it."
)]
pub(super) struct Args {
    /// How many instances there are to be
    #[arg(value_name = "COUNT")]
    count: u16,
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
    let says = args.file.choose(Path::new(""))?.1.app.instances;
    let mut file = args.file.clone();
    file.set.push(format!("app.instances={}", args.count));
    let preview = preview(&file, &args.place, Some(args.lock), session).await?;
    refuse_other_changes(&preview)?;
    show(&preview, ui)?;
    let mut ended = Ended::Done;
    if !preview.plan.is_empty() {
        args.consent.agree(&preview.stakes, ui).await?;
        let aws = preview.way.aws.clone();
        let turn =
            Turn::take(&aws, "stackctl scale", args.lock, &preview.standing, session).await?;
        let Some(turn) = turn else { return Ok(Ended::Interrupted) };
        let again = [
            vec!["stackctl scale".to_owned(), args.count.to_string()],
            args.file.typed(),
            args.place.typed(),
        ];
        let again = again.concat().join(" ");
        let carried = carry_out(preview, args.consent, &again, &turn, ui);
        let carried = Box::pin(carried).await;
        turn.end(session).await;
        ended = carried?;
    }
    if says != args.count {
        ui.warn(format_args!(
            "the file says `app.instances: {says}`, and the next `stackctl up` goes back to that: write \
             {} there to keep it",
            args.count
        ));
    }
    Ok(ended)
}

/// Scaling makes or removes instances and does nothing else.
///
/// # Errors
/// When the plan has other steps.
fn refuse_other_changes(preview: &Preview) -> Result<()> {
    let steps = preview.plan.steps();
    let of_scaling = |step: &&Step<Aws>| {
        let kind = step.address().kind;
        let replaced = |other: &Step<Aws>| {
            other.address() == step.address() && other.action() != step.action()
        };
        step.action() != Action::Update
            && [Instance::NAME, Target::NAME].contains(&kind)
            && !steps.iter().any(replaced)
    };
    let scales = steps.iter().filter(of_scaling).count() == steps.len();
    preview.refuse_more(scales, "scaling would change that too")
}
