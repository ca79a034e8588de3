//! `plan`: what `up` would do.

use super::{Ended, Session, connect::Where, preview::preview, which::FileArgs};
use anyhow::Result;

/// Show what `up` would do, and change nothing
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    file: FileArgs,
    /// Exit with 2 when there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    place: Where,
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let preview = preview(&args.file, &args.place, None, session).await?;
    session.ui.result(&preview.shown)?;
    if args.detailed_exitcode && !preview.plan.is_empty() {
        return Ok(Ended::Changes);
    }
    Ok(Ended::Done)
}
