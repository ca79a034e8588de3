//! `destroy`: everything of a stack goes.

use super::{
    Ended, Session,
    act::{PROTECTED, act, ask, refuse_obstacles},
    connect::Where,
    list,
    memory::Memory,
    reading::{as_ourselves, farewells, inventory},
    which::{Chosen, NotNamed, StackArgs},
};
use crate::{
    blueprint,
    engine::{Address, Graph, Plan},
    sessions::Shift,
    ui::plan::{Place, Shown},
};
use anyhow::Result;
use serde::Serialize;
use std::{
    fmt::{self, Display},
    path::Path,
};

/// Delete everything of a stack
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Lists it first and asks for the stack's name. While anything is protected, \
                        nothing is deleted; --unprotect lifts the protection."
)]
pub(super) struct Args {
    #[command(flatten)]
    which: StackArgs,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Lift deletion protection
    #[arg(long)]
    unprotect: bool,
    #[command(flatten)]
    place: Where,
}

/// There was nothing, or there is nothing left.
#[derive(Debug, Serialize)]
struct Gone {
    #[serde(flatten)]
    place: Place,
    found: bool,
    /// What stays on purpose, and whose it was.
    left: Vec<(Address, String)>,
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let here = Path::new("");
    let chosen = list::or_list(choose(&args.which, here), &args.place, session).await?;
    let mut way = args.place.open(&chosen, session).await?;
    way.aws.unprotect = args.unprotect;
    let aws = &way.aws;
    let (identity, found) = as_ourselves(aws, chosen.spec.as_ref(), inventory(aws)).await?;
    let place = Place::of(aws, &identity);
    let forget = || match &chosen.memory {
        Some(memory) if (&memory.region, &memory.endpoint) == (&aws.region, &aws.endpoint) => {
            Memory::forget(here, &chosen.name)
        }
        _ => Ok(()),
    };
    if found.is_empty() {
        session.ui.part("nothing", &Gone { place, found: false, left: Vec::new() })?;
        forget()?;
        return Ok(Ended::Done);
    }
    let shift = Shift { today: blueprint::mode(&found), then: None };
    let farewells = farewells(&found);
    let plan = Plan::new(&Graph::default(), found)?;
    let mut shown = Shown::new(&plan, place.clone(), Vec::new())
        .with_impacts(&shift, &plan)
        .with_farewells(farewells.clone());
    if args.unprotect {
        shown = shown.unprotected(PROTECTED);
    }
    session.ui.part("plan", &shown)?;
    refuse_obstacles(&plan, args.unprotect)?;
    if !args.yes {
        let what = format!("all of this will be deleted from {}", place.region);
        ask(session.ui, &what, &chosen.name).await?;
    }
    let ended = act(plan, aws.clone(), "stackctl destroy", session).await?;
    if ended == Ended::Done {
        forget()?;
        session.ui.part("gone", &Gone { place, found: true, left: farewells })?;
    }
    Ok(ended)
}

/// The stack that is meant; where none is, the one destroyed last, of which there is nothing left
/// unless the deletion was undone.
fn choose(which: &StackArgs, folder: &Path) -> Result<Chosen> {
    let chosen = which.choose(folder);
    match &chosen {
        Err(error) if error.is::<NotNamed>() => match Memory::destroyed(folder)? {
            Some(memory) => Ok(Chosen {
                name: memory.name.clone(),
                spec: None,
                file: None,
                memory: Some(memory),
            }),
            None => chosen,
        },
        _ => chosen,
    }
}

impl Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.found {
            write!(f, "\n{}: all gone", self.place)?;
            self.left.iter().try_for_each(|(of, what)| write!(f, "\n  but for {of}: {what}"))
        } else {
            write!(f, "{}: there is nothing of this stack", self.place)
        }
    }
}
