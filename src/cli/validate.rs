//! `validate`: everything that is wrong with a stack file, without asking AWS.

use super::{Ended, Session, which::FileArgs};
use crate::{
    spec::Mistakes,
    ui::{paint::GOOD, paint::Painted},
};
use anyhow::Result;
use serde::Serialize;
use std::{
    fmt::{self, Display},
    path::Path,
};

/// Check a stack file without asking AWS
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    file: FileArgs,
}

/// A file without mistakes.
#[derive(Debug, Serialize)]
struct Right {
    valid: bool,
    file: String,
    stack: String,
}

/// A file with mistakes.
#[derive(Debug, Serialize)]
struct Wrong {
    valid: bool,
    #[serde(flatten)]
    mistakes: Mistakes,
}

pub(super) fn run(args: &Args, session: &Session) -> Result<Ended> {
    match args.file.choose(Path::new("")) {
        Ok((chosen, spec)) => {
            let file = chosen.file.unwrap_or_default().display().to_string();
            session.ui.result(&Right { valid: true, file, stack: spec.name })?;
            Ok(Ended::Done)
        }
        // Programs get what is wrong as the result that they asked for.
        Err(error) if session.ui.is_json() => {
            let mistakes = error.downcast::<Mistakes>()?;
            session.ui.result(&Wrong { valid: false, mistakes })?;
            Ok(Ended::Failed)
        }
        Err(error) => Err(error),
    }
}

impl Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} is fine", Painted(GOOD, "✓"), self.file)
    }
}

impl Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mistakes.fmt(f)
    }
}
