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

/// The verdict on a file.
#[derive(Debug, Serialize)]
struct Verdict {
    valid: bool,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack: Option<String>,
    #[serde(flatten)]
    mistakes: Option<Mistakes>,
}

pub(super) fn run(args: &Args, session: &Session) -> Result<Ended> {
    match args.file.choose(Path::new("")) {
        Ok((chosen, spec)) => {
            let file = chosen.file.unwrap_or_default().display().to_string();
            session.ui.result(&Verdict {
                valid: true,
                file,
                stack: Some(spec.name),
                mistakes: None,
            })?;
            Ok(Ended::Done)
        }
        // Programs get what is wrong as the result that they asked for.
        Err(error) if session.ui.is_json() => {
            let mistakes = error.downcast::<Mistakes>()?;
            let file = mistakes.file.clone();
            session.ui.result(&Verdict {
                valid: false,
                file,
                stack: None,
                mistakes: Some(mistakes),
            })?;
            Ok(Ended::Failed)
        }
        Err(error) => Err(error),
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} is fine", Painted(GOOD, "✓"), self.file)
    }
}
