//! `drill`: something is broken on purpose and put right again, while users are watched.

mod fault;

use super::{
    Ended, Session,
    act::act,
    connect::Where,
    consent::{Consent, Stakes},
    preview::{Preview, preview},
    turn::{LockArgs, Turn},
    up::again,
    verify::{Shown, Subject, Watching, ended},
    which::FileArgs,
};
use crate::{
    blueprint,
    engine::Address,
    kinds::Target,
    probe::{self, Promise, Ran, Settings},
    sessions::{Impact, Mode, Shift},
    spec::Store,
    ui::Ui,
};
use anyhow::Result;
use fault::{Fault, What};
use futures::FutureExt as _;
use std::sync::Arc;
use tokio::time::Instant;

/// Break something on purpose, put it right again, and see what users feel of it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Users ask as `verify` has them ask, from before until all is as the file says again. \
                  Asks first. Whatever ends it, `stackctl up` puts the rest right.\n\n\
                  Exit codes: 0 no session was lost that the stack promised to keep; 1 one was, or \
                  the stack could not be put right; 130 interrupted."
)]
pub(super) struct Args {
    /// What to break: deregister, terminate, fail-over-cache, reboot-database
    #[arg(value_enum, value_name = "WHAT", hide_possible_values = true)]
    what: What,
    #[command(flatten)]
    file: FileArgs,
    /// Which instance [default: the first that is healthy]
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// How many users
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    users: u32,
    /// How many requests may fail [default: any number; they are told]
    #[arg(long, value_name = "COUNT")]
    max_failed: Option<u64>,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    lock: LockArgs,
    #[command(flatten)]
    watching: Watching,
    #[command(flatten)]
    place: Where,
}

/// Requests of each user after all is well again.
const AFTERWARDS: u64 = 5;

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let ui = session.ui;
    let preview = preview(&args.file, &args.place, Some(args.lock), session).await?;
    preview.refuse_more(preview.plan.is_empty(), "a drill would put that right too")?;
    let fault = Fault::choose(args.what, args.instance.as_deref(), &preview.inventory)?;
    let mode = blueprint::mode(&preview.inventory);
    let promise = mode.as_ref().map_or(Promise::None, Promise::of);
    let aws = preview.way.aws.clone();
    let subject = Subject::of(&aws, &preview.inventory, promise).await?;
    agree(args, &fault, mode, ui).await?;
    let settings = Settings {
        users: args.users,
        requests: AFTERWARDS,
        max_failed: args.max_failed.unwrap_or(u64::MAX),
        pause: args.watching.calmly(),
        during: Some(fault.to_string()),
        ..args.watching.settings(subject)?
    };
    let turn = Turn::take(&aws, "stackctl drill", args.lock, &preview.standing, session).await?;
    let Some(turn) = turn else { return Ok(Ended::Interrupted) };
    let work = break_and_mend(&fault, preview, args, &turn, ui).boxed();
    let report = probe::run_beside(settings, Arc::default(), &turn.stop, Some(work)).await;
    turn.end(session).await;
    let report = report?;
    args.watching.keep(&report)?;
    ui.part("report", &Shown(&report))?;
    Ok(ended(&report))
}

/// Says what users will notice, and asks.
async fn agree(args: &Args, fault: &Fault, today: Option<Mode>, ui: Ui) -> Result<()> {
    let (store, instances) =
        today.as_ref().map_or((Store::None, 0), |mode| (mode.store, mode.instances));
    let (level, says) = fault.felt(store, instances);
    if !ui.is_json() {
        ui.say(format_args!("{fault}: {says}"));
    }
    let shift = Shift { then: today.clone(), today };
    let impact = Impact { level, says: says.into() };
    let impacts = [(Address::of::<Target>("app"), impact)];
    args.consent.agree(&Stakes::of_impacts(&shift, &impacts), ui).await
}

/// Breaks it and makes the stack what its file says. What goes wrong is told, so that what users have
/// felt is shown all the same.
async fn break_and_mend(
    fault: &Fault,
    preview: Preview,
    args: &Args,
    turn: &Turn,
    ui: Ui,
) -> Result<Ran> {
    let began = Instant::now();
    let aws = preview.way.aws.clone();
    let mended = async {
        fault.happen(&aws, &turn.stop).await?;
        let Preview { plan, way, .. } = Box::pin(preview.anew()).await?;
        act(plan, way.aws, &again(&args.file, &args.place), turn, ui).await
    };
    let well = match mended.await {
        Ok(ended) => ended == Ended::Done,
        Err(error) => {
            ui.warn(format_args!("{error:#}; `stackctl up` puts right what is left"));
            false
        }
    };
    let seconds = began.elapsed().as_secs_f64();
    Ok(Ran { command: fault.to_string(), exit_code: u8::from(!well), seconds })
}
