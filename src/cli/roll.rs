//! `roll`: instances are replaced by others of the same, as `up` replaces them.

use super::{
    Ended, Session,
    act::{act, refuse_obstacles},
    connect::Where,
    consent::{Consent, Stakes},
    preview::{Preview, preview},
    turn::{LockArgs, Turn},
    up::again,
    which::FileArgs,
};
use crate::{
    aws::Aws,
    engine::{Action, Found, Inventory, Kind, Phase},
    kinds::{
        Instance, Target,
        instance::{Marked, newest_ami},
    },
    ui::{Trouble, Ui, words::plural},
};
use anyhow::{Result, ensure};
use std::{collections::BTreeSet, mem};

/// Replace instances, with no fewer in service than there are
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Says beforehand whom it logs out, and asks. Each new instance is healthy, and has been \
                  for a while, before an old one is drained; app.surge of them are replaced at a time. \
                  The instances are marked by a tag first, so that whatever ends it, running it again or \
                  `stackctl up` goes on from there."
)]
pub(super) struct Args {
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    lock: LockArgs,
    #[command(flatten)]
    place: Where,
}

/// Flags that say which instances.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
#[expect(clippy::struct_excessive_bools, reason = "flags of which one is given")]
struct Which {
    /// This one, such as app-1; may be given again
    #[arg(long, value_name = "NAME")]
    instance: Vec<String>,
    /// All of them
    #[arg(long)]
    all: bool,
    /// Those whose health checks fail
    #[arg(long)]
    unhealthy: bool,
    /// Those that were launched from an older Amazon Linux than there is now
    #[arg(long)]
    refresh_ami: bool,
    /// None: takes back what an unfinished roll has still to do
    #[arg(long)]
    cancel: bool,
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let ui = session.ui;
    let preview = preview(&args.file, &args.place, Some(args.lock), session).await?;
    let aws = preview.way.aws.clone();
    refuse_other_changes(&preview, "a roll would change that too")?;
    let unfinished = marked(&preview.inventory);
    if args.which.cancel {
        return cancel(&preview, &unfinished, args, session).await;
    }
    let chosen = choose(&args.which, &preview, session).await?;
    if !unfinished.is_subset(&chosen) {
        let rest: Vec<_> = unfinished.difference(&chosen).map(String::as_str).collect();
        ui.warn(format_args!(
            "{} is replaced too: an earlier roll was not finished (--cancel takes it back)",
            rest.join(", ")
        ));
    }
    if chosen.is_empty() && unfinished.is_empty() {
        ui.say("there is nothing to replace");
        return Ok(Ended::Done);
    }
    let stakes = show_replacing(&preview, |found| chosen.contains(&*found.name), ui)?;
    args.consent.agree(&stakes, ui).await?;
    let turn = Turn::take(&aws, "stackctl roll", args.lock, &preview.standing, session).await?;
    let Some(turn) = turn else { return Ok(Ended::Interrupted) };
    let again = again(&args.file, &args.place);
    let chosen = |found: &Found<Instance>| chosen.contains(&*found.name);
    let rolled = Box::pin(replace(preview, chosen, &again, &turn, ui)).await;
    turn.end(session).await;
    rolled.map(|(ended, _)| ended)
}

/// Replaces these instances, and those that are marked. `again` is the command that goes on where it
/// ended.
///
/// # Errors
/// AWS's refusals; as [`act`].
pub(super) async fn replace(
    preview: Preview,
    which: impl Fn(&Found<Instance>) -> bool,
    again: &str,
    turn: &Turn,
    ui: Ui,
) -> Result<(Ended, Preview)> {
    let ids = ids(&preview.inventory, which);
    if !ids.is_empty() {
        Instance::mark(&preview.way.aws, &ids).await?;
    }
    let mut preview = Box::pin(preview.anew()).await?;
    let plan = mem::take(&mut preview.plan);
    let ended = act(plan, preview.way.aws.clone(), again, turn, ui).await?;
    Ok((ended, preview))
}

/// What replacing these instances, and those that are marked, would do.
///
/// # Errors
/// Refused replacements; what is in the way.
pub(super) fn show_replacing(
    preview: &Preview,
    which: impl Fn(&Found<Instance>) -> bool,
    ui: Ui,
) -> Result<Stakes> {
    let marks = |found: &mut Found<Instance>| found.spec.marked.0 |= which(found);
    let (plan, shown, stakes) = preview.as_if(&preview.inventory.clone().altered(marks))?;
    ui.part("plan", &shown)?;
    refuse_obstacles(&plan, false)?;
    Ok(stakes)
}

/// A roll replaces instances and does nothing else.
///
/// # Errors
/// When the stack is not as its file says, but for marks of an unfinished roll; `would` is what the
/// command would do then.
pub(super) fn refuse_other_changes(preview: &Preview, would: &str) -> Result<()> {
    let unmarked = preview.inventory.clone();
    let unmarked =
        unmarked.altered(|found: &mut Found<Instance>| found.spec.marked = Marked(false));
    let (plan, ..) = preview.as_if(&unmarked)?;
    // An instance that is ill is waited for by any plan.
    let as_it_says = plan.steps().iter().all(|step| step.action() == Action::Await);
    preview.refuse_more(as_it_says, would)
}

/// The names of the instances that are meant.
///
/// # Errors
/// When one that is named is not there; when the newest AMI cannot be looked up.
async fn choose(which: &Which, preview: &Preview, session: &Session) -> Result<BTreeSet<String>> {
    let instances = || preview.inventory.of::<Instance>();
    if !which.instance.is_empty() {
        let there: Vec<_> = instances().map(|found| found.name.to_string()).collect();
        if let Some(unknown) = which.instance.iter().find(|name| !there.contains(name)) {
            return Err(Trouble::new(
                format!("there is no instance `{unknown}`"),
                format!("there are {}", there.join(", ")),
            )
            .into());
        }
        return Ok(which.instance.iter().cloned().collect());
    }
    if which.unhealthy {
        let ill = |t: &&Found<Target>| t.phase == Phase::Coming && t.live.health == "unhealthy";
        return Ok(preview.inventory.of::<Target>().filter(ill).map(name).collect());
    }
    if which.refresh_ami {
        return outdated(preview, session).await;
    }
    Ok(instances().map(name).collect())
}

fn name<K: Kind>(found: &Found<K>) -> String {
    found.name.to_string()
}

/// The instances with an older AMI than a new one would get.
async fn outdated(preview: &Preview, session: &Session) -> Result<BTreeSet<String>> {
    ensure!(
        preview.spec.app.ami.is_none(),
        Trouble::new(
            "`app.ami` names the AMI of this stack",
            "write a newer one there, and `stackctl up` replaces the instances",
        )
    );
    let Some(first) = preview.inventory.of::<Instance>().next() else {
        return Ok(BTreeSet::new());
    };
    let newest = newest_ami(first.spec.architecture, &preview.way.aws).await?;
    let all = preview.inventory.of::<Instance>();
    let old: Vec<_> = all.filter(|found| found.spec.ami.as_ref() != Some(&newest)).collect();
    for found in &old {
        let from = found.spec.ami.as_deref().unwrap_or("an unknown AMI");
        session.ui.say(format_args!("{}: {from} -> {newest}", found.name));
    }
    Ok(old.into_iter().map(name).collect())
}

/// The names of the instances that an earlier roll has marked.
pub(super) fn marked(found: &Inventory<Aws>) -> BTreeSet<String> {
    found.of::<Instance>().filter(|found| found.spec.marked.0).map(name).collect()
}

fn ids(found: &Inventory<Aws>, which: impl Fn(&Found<Instance>) -> bool) -> Vec<String> {
    found.of::<Instance>().filter(|found| which(found)).map(|found| found.live.id.clone()).collect()
}

async fn cancel(
    preview: &Preview,
    unfinished: &BTreeSet<String>,
    args: &Args,
    session: &Session,
) -> Result<Ended> {
    let aws = &preview.way.aws;
    let turn = Turn::take(aws, "stackctl roll", args.lock, &preview.standing, session).await?;
    let Some(turn) = turn else { return Ok(Ended::Interrupted) };
    let ids = ids(&preview.inventory, |found| found.spec.marked.0);
    let done = if ids.is_empty() { Ok(()) } else { Instance::unmark(aws, &ids).await };
    turn.end(session).await;
    done?;
    session.ui.say(format_args!("{} left as they are", plural(unfinished.len(), "instance")));
    Ok(Ended::Done)
}
