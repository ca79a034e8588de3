//! `unlock`: a stack's lock is taken away from the run that holds it.

use super::{
    Ended, Session, act::ask, connect::Where, list, reading::as_ourselves, which::StackArgs,
};
use crate::{
    aws::lock::{self, Holder, Standing},
    ui::words::elapsed,
};
use anyhow::Result;
use serde::Serialize;
use std::{
    fmt::{self, Display},
    path::Path,
};

/// Take a stack's lock away from a run that is no more
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A killed run's lock frees itself within 90 seconds; this is for those who cannot \
                        wait. A run that still goes on notices within 20 seconds: it begins nothing \
                        further, and ends with an error."
)]
pub(super) struct Args {
    #[command(flatten)]
    which: StackArgs,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    place: Where,
}

/// Who held the lock, if anybody did.
#[derive(Debug, Serialize)]
struct Unlocked {
    stack: String,
    region: String,
    holder: Option<Holder>,
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let chosen = list::or_list(args.which.choose(Path::new("")), &args.place, session).await?;
    let way = args.place.open(&chosen, session).await?;
    let shelf = way.aws.lock();
    let reading = Standing::read(&shelf);
    let (identity, standing) = as_ourselves(&way.aws, chosen.spec.as_ref(), reading).await?;
    let holder = standing.holder().cloned();
    if let Some(holder) = &holder {
        if !args.yes {
            let what = format!(
                "the lock is held by {holder}, which gave its last sign of life {} ago; taking it \
                 away makes that run end with an error, if it still goes on",
                elapsed(standing.silence())
            );
            ask(session.ui, &what, &chosen.name, "--yes").await?;
        }
        lock::unlock(&shelf, &Holder::me("stackctl unlock", &identity.arn), &standing).await?;
    }
    let (stack, region) = (chosen.name, way.aws.region);
    session.ui.result(&Unlocked { stack, region, holder })?;
    Ok(Ended::Done)
}

impl Display for Unlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stack, region, holder } = self;
        match holder {
            Some(holder) => write!(f, "{stack} in {region}: unlocked; it was held by {holder}"),
            None => write!(f, "{stack} in {region}: not locked"),
        }
    }
}
