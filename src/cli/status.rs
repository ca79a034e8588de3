//! `status`: how the stack is, asked of AWS now.

mod health;
mod load;

use super::{
    Ended, Session, connect::Where, list, preview, reading::as_ourselves, which::StackArgs,
};
use crate::{
    engine::Plan,
    ui::plan::{Place, Shown},
};
use anyhow::Result;
use health::{Drift, Status};
use std::path::Path;

/// Show how the stack is: targets, cache, database, stickiness, drift
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: StackArgs,
    /// Exit with 1 when a target or a part of the stack is not healthy
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    place: Where,
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let chosen = list::or_list(args.which.choose(Path::new("")), &args.place, session).await?;
    let way = args.place.open(&chosen, session).await?;
    let aws = &way.aws;
    let spec = chosen.spec.as_ref();
    let (identity, found) = as_ourselves(aws, spec, preview::read(aws, spec)).await?;
    let drift = match spec.map(|spec| preview::wanted(spec, aws, &identity, &found)) {
        None => Drift::unknown("no file of this stack: drift not checked"),
        Some(Err(error)) => Drift::unknown(format!("{error:#}")),
        Some(Ok(graph)) => match Plan::new(&graph, found.inventory.clone()) {
            Err(error) => Drift::unknown(format!("{error:#}")),
            Ok(plan) => Drift::of(Shown::new(&plan, Place::of(aws, &identity), Vec::new()).summary),
        },
    };
    let under_way = aws.parameters().await?.standing.holder().cloned();
    if found.inventory.is_empty() && under_way.is_none() {
        return Err(list::there_is_none(aws).await);
    }
    let place = Place::of(aws, &identity);
    let status = Status::of(place, aws, &found.inventory, drift, under_way).await;
    session.ui.result(&status)?;
    Ok(if args.exit_code && !status.is_healthy() { Ended::Failed } else { Ended::Done })
}
