//! `destroy`: everything of a stack goes.

use super::{
    Ended, Session,
    act::{CHANGED, PROTECTED, act, ask, refuse_obstacles},
    connect::Where,
    list,
    memory::Memory,
    reading::{as_ourselves, farewells, inventory},
    turn::{LockArgs, Turn, is_of_one_moment},
    which::{Chosen, NotNamed, StackArgs},
};
use crate::{
    aws::{Aws, lock::Standing},
    blueprint,
    engine::{Address, Graph, Inventory, Plan, Problems},
    sessions::{Shift, impacts},
    ui::plan::{Place, Shown},
};
use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use std::{
    fmt::{self, Display},
    path::Path,
    sync::Arc,
};
use tokio::time::Instant;

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
    lock: LockArgs,
    #[command(flatten)]
    place: Where,
}

impl Args {
    /// The command that goes on.
    fn again(&self) -> String {
        let unprotect = self.unprotect.then(|| "--unprotect".to_owned()).into_iter().collect();
        let verb = vec!["stackctl destroy".to_owned()];
        [verb, self.which.typed(), unprotect, self.place.typed()].concat().join(" ")
    }
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

/// Said when the lock could not be erased.
const LOCK_STAYS: &str = "all is gone but for the lock's parameters";

/// What is there to be deleted.
struct Doom {
    plan: Plan<Aws>,
    shown: Shown,
    /// What stays on purpose, and whose it was.
    left: Vec<(Address, String)>,
    /// What AWS would not carry out.
    problems: Problems,
    /// How it stood with the stack's lock.
    standing: Standing,
    /// When reading began.
    began: Instant,
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let here = Path::new("");
    let chosen = list::or_list(choose(&args.which, here), &args.place, session).await?;
    let mut way = args.place.open(&chosen, session).await?;
    way.aws.unprotect = args.unprotect;
    let began = Instant::now();
    let reading = inventory(&way.aws);
    let (identity, found) = as_ourselves(&way.aws, chosen.spec.as_ref(), reading).await?;
    let place = Place::of(&way.aws, &identity);
    let mut doom = Doom::of(found, &way.aws, began, &place, args).await?;
    while !doom.problems.0.is_empty() {
        let lock = Some(args.lock);
        if is_of_one_moment(&way.aws, &doom.standing, doom.began, lock, session).await? {
            bail!(doom.problems);
        }
        way.aws = way.aws.afresh();
        doom = Doom::read(&way.aws, &place, args).await?;
    }
    let aws = &way.aws;
    let found = !doom.plan.is_empty();
    if found {
        doom.show(args, session)?;
        args.lock.refuse_locked(aws, &doom.standing)?;
        doom.agree(args, &chosen.name, &place, session).await?;
    }
    let mut left = Vec::new();
    if found || !doom.standing.is_blank() {
        let turn = Turn::take(aws, "stackctl destroy", args.lock, &doom.standing, session).await?;
        let Some(turn) = turn else { return Ok(Ended::Interrupted) };
        match doom.carry_out(aws, args, &chosen.name, &place, &turn, session).await {
            Ok((Ended::Done, stays)) => left = stays,
            other => {
                turn.end(session).await;
                return Ok(other?.0);
            }
        }
        let erased = turn.erase().await.context(LOCK_STAYS)?;
        if erased.is_none() {
            session.ui.warn(LOCK_STAYS);
            session.ui.hint(format_args!("`{}` removes them", args.again()));
            return Ok(Ended::Interrupted);
        }
    }
    let remembered = chosen.memory.as_ref().map(|memory| (&memory.region, &memory.endpoint));
    if remembered == Some((&aws.region, &aws.endpoint)) {
        Memory::forget(here, &chosen.name)?;
    }
    let event = if found { "gone" } else { "nothing" };
    session.ui.part(event, &Gone { place, found, left })?;
    Ok(Ended::Done)
}

impl Doom {
    async fn read(aws: &Aws, place: &Place, args: &Args) -> Result<Self> {
        let began = Instant::now();
        Self::of(inventory(aws).await?, aws, began, place, args).await
    }

    async fn of(
        found: Inventory<Aws>,
        aws: &Aws,
        began: Instant,
        place: &Place,
        args: &Args,
    ) -> Result<Self> {
        let standing = aws.parameters().await?.standing.clone();
        let shift = Shift { today: blueprint::mode(&found), then: None };
        let left = farewells(&found);
        let plan = Plan::new(&Graph::default(), found)?;
        let problems = plan.problems(&Arc::new(aws.clone())).await?;
        let problems = Problems(problems);
        let mut shown = Shown::new(&plan, place.clone(), Vec::new())
            .with_impacts(&shift, impacts(&shift, &plan))
            .with_farewells(left.clone());
        if args.unprotect {
            shown = shown.unprotected(PROTECTED);
        }
        Ok(Self { plan, shown, left, problems, standing, began })
    }

    fn show(&self, args: &Args, session: &Session) -> Result<()> {
        session.ui.part("plan", &self.shown)?;
        refuse_obstacles(&self.plan, args.unprotect)
    }

    async fn agree(&self, args: &Args, name: &str, place: &Place, session: &Session) -> Result<()> {
        if args.yes {
            return Ok(());
        }
        let what = format!("all of this will be deleted from {}", place.region);
        ask(session.ui, &what, name, "--yes").await
    }

    /// Carries out the plan, or the one that it has become if others wrote after it was made, and
    /// tells what stays.
    async fn carry_out(
        mut self,
        aws: &Aws,
        args: &Args,
        name: &str,
        place: &Place,
        turn: &Turn,
        session: &Session,
    ) -> Result<(Ended, Vec<(Address, String)>)> {
        let mut aws = aws.clone();
        if !turn.follows(&self.standing, self.began) {
            aws = aws.afresh();
            let anew = async {
                let anew = Self::read(&aws, place, args).await?;
                ensure!(anew.problems.0.is_empty(), anew.problems);
                if anew.shown.to_string() != self.shown.to_string() {
                    session.ui.warn(CHANGED);
                    anew.show(args, session)?;
                    anew.agree(args, name, place, session).await?;
                }
                Ok(anew)
            };
            let Some(anew) = turn.unless_stopped(anew).await? else {
                return Ok((Ended::Interrupted, self.left));
            };
            self = anew;
        }
        let ended = act(self.plan, aws, &args.again(), turn, session.ui).await?;
        Ok((ended, self.left))
    }
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
