//! `rotate-key`: another key signs sessions in tokens, and nobody is logged out.

use super::{
    Ended, Session,
    connect::Where,
    consent::{Consent, Stakes},
    preview::{Preview, preview},
    roll::{marked, refuse_other_changes, replace, show_replacing},
    turn::{LockArgs, Turn},
    which::FileArgs,
};
use crate::{
    aws::Aws,
    engine::Found,
    kinds::{Instance, secret::Versions},
    spec::{Seconds, Store},
    ui::{Trouble, Ui},
};
use anyhow::{Result, ensure};
use humantime::format_rfc3339_seconds;
use serde::Serialize;
use std::{
    collections::BTreeSet,
    fmt::{self, Display},
    time::{Duration, SystemTime},
};

/// Exchange the key that signs sessions in tokens, without logging users out
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Secrets Manager makes a new key, which is AWSPENDING at first. All instances are \
                  replaced, one after another, so that each knows it. Then it becomes AWSCURRENT, and all \
                  are replaced again, so that each signs with it. The key before stays AWSPREVIOUS, and its \
                  tokens good, until --retire or the next exchange.\n\n\
                  For this the app has to accept tokens of all three stages, sign with AWSCURRENT, and read \
                  them when it starts. Whatever ends the command, running it again goes on from there."
)]
pub(super) struct Args {
    #[command(flatten)]
    file: FileArgs,
    /// End the tokens of the key before, once the last of them is over
    #[arg(long)]
    retire: bool,
    /// The longest that a token is good for: the key before is kept for as long
    #[arg(long, value_name = "DURATION", default_value = "7d")]
    token_lifetime: Seconds,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    lock: LockArgs,
    #[command(flatten)]
    place: Where,
}

/// Which versions of the key are good now.
#[derive(Debug, Serialize)]
struct Keys {
    stack: String,
    /// AWS's id of the version that signs.
    current: String,
    /// That of the one whose tokens are good as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let preview = preview(&args.file, &args.place, Some(args.lock), session).await?;
    let stack = &preview.chosen.name;
    ensure!(
        preview.spec.sessions.store == Store::Token,
        Trouble::new(
            format!("sessions of `{stack}` are in `{}`", preview.spec.sessions.store.as_str()),
            "only `sessions.store: token` has a key that signs them",
        )
    );
    refuse_other_changes(&preview, "exchanging its key would change that too")?;
    let Some(versions) = Versions::read(&preview.way.aws).await? else {
        return Err(Trouble::new(
            format!("the key of `{stack}` is gone"),
            "`stackctl up` makes it anew or has it back",
        )
        .into());
    };
    if args.retire {
        retire(preview, &versions, args, session).await
    } else {
        rotate(preview, versions, args, session).await
    }
}

/// Makes a new key where none is on its way, and takes it through its stages.
async fn rotate(
    preview: Preview,
    versions: Versions,
    args: &Args,
    session: &Session,
) -> Result<Ended> {
    let ui = session.ui;
    let goes_on = versions.pending.is_some() || !marked(&preview.inventory).is_empty();
    if goes_on {
        ui.say("an exchange or a roll was not finished: this finishes it");
    } else if versions.previous.is_some() {
        refuse_early(&versions, args, "a new one ends them", "wait until then")?;
    }
    let mut stakes = show_replacing(&preview, |_| true, ui)?;
    ui.say(
        "all instances are replaced, first to know the new key and then once more to sign with it",
    );
    stakes.add("logs users out unless the app takes keys of all three stages");
    args.consent.agree(&stakes, ui).await?;
    let aws = preview.way.aws.clone();
    let turn =
        Turn::take(&aws, "stackctl rotate-key", args.lock, &preview.standing, session).await?;
    let Some(turn) = turn else { return Ok(Ended::Interrupted) };
    let work = Work { again: again(args), turn: &turn, ui };
    let done = Box::pin(work.carry_out(preview, versions, goes_on)).await;
    turn.end(session).await;
    done
}

/// What carrying it out takes besides the stack.
struct Work<'a> {
    again: String,
    turn: &'a Turn,
    ui: Ui,
}

impl Work<'_> {
    async fn carry_out(
        &self,
        mut preview: Preview,
        mut versions: Versions,
        goes_on: bool,
    ) -> Result<Ended> {
        let aws = preview.way.aws.clone();
        if !goes_on {
            Versions::begin(&aws).await?;
            versions = read(&aws).await?;
        }
        if let Some(pending) = &versions.pending {
            self.ui.say(format_args!("key {} is known to whoever starts from now on", pending.id));
            let unaware = launched_before(pending.made, &aws.afresh()).await?;
            let unaware = |found: &Found<Instance>| unaware.contains(&found.live.id);
            let (ended, known) = self.replace(preview, unaware).await?;
            if ended != Ended::Done {
                return Ok(ended);
            }
            preview = known;
            // Marked first: whatever happens in between, each is replaced once more after this.
            let all: Vec<_> = ids(&aws.afresh()).await?;
            Instance::mark(&aws, &all).await?;
            versions.promote(&aws).await?;
            self.ui.say(format_args!("key {} signs from now on", pending.id));
        }
        let (ended, _) = self.replace(preview, |_| false).await?;
        if ended == Ended::Done {
            self.ui.part("keys", &Keys::of(&aws.stack, &read(&aws).await?))?;
        }
        Ok(ended)
    }

    async fn replace(
        &self,
        preview: Preview,
        which: impl Fn(&Found<Instance>) -> bool,
    ) -> Result<(Ended, Preview)> {
        Box::pin(replace(preview, which, &self.again, self.turn, self.ui)).await
    }
}

/// Has the key before be good no more.
async fn retire(
    preview: Preview,
    versions: &Versions,
    args: &Args,
    session: &Session,
) -> Result<Ended> {
    let ui = session.ui;
    let again = again(args);
    let finish = || format!("`{again}` without --retire finishes it");
    ensure!(
        versions.pending.is_none() && marked(&preview.inventory).is_empty(),
        Trouble::new("an exchange of keys is not finished", finish())
    );
    if versions.previous.is_none() {
        ui.say("there is no key but the one that signs");
        return Ok(Ended::Done);
    }
    refuse_early(versions, args, "this ends them", "wait until then")?;
    let mut stakes = Stakes::default();
    stakes.add("ends all tokens that the key before has signed");
    args.consent.agree(&stakes, ui).await?;
    let aws = &preview.way.aws;
    let turn =
        Turn::take(aws, "stackctl rotate-key", args.lock, &preview.standing, session).await?;
    let Some(turn) = turn else { return Ok(Ended::Interrupted) };
    let retired = versions.retire(aws).await;
    turn.end(session).await;
    retired?;
    ui.part("keys", &Keys::of(&aws.stack, &read(aws).await?))?;
    ui.say(
        "instances that run still know the key before: `stackctl roll --all` has them forget it",
    );
    Ok(Ended::Done)
}

/// Refuses to end tokens that may still be good.
///
/// # Errors
/// When the last exchange is not as long ago as tokens last.
fn refuse_early(versions: &Versions, args: &Args, ends: &str, wait: &str) -> Result<()> {
    let until = versions.changed + Duration::from_secs(args.token_lifetime.get().into());
    ensure!(
        until <= SystemTime::now(),
        Trouble::new(
            format!(
                "tokens of the key before may be good until {}, and {ends}",
                format_rfc3339_seconds(until)
            ),
            format!(
                "{wait}, or say with --token-lifetime how long a token is good, if that is less than {}",
                args.token_lifetime
            ),
        )
    );
    Ok(())
}

async fn read(aws: &Aws) -> Result<Versions> {
    let versions = Versions::read(aws).await?;
    versions.ok_or_else(|| {
        Trouble::new("the session key was deleted meanwhile", "`stackctl up` has it back").into()
    })
}

async fn ids(aws: &Aws) -> Result<Vec<String>> {
    let all = aws.instances().await?.iter();
    Ok(all.filter_map(|(instance, _)| instance.instance_id.clone()).collect())
}

/// The ids of the instances that were launched before this, and so may not know of it. AWS tells
/// when an instance was launched to the second.
async fn launched_before(time: SystemTime, aws: &Aws) -> Result<BTreeSet<String>> {
    let all = aws.instances().await?.iter();
    let before = all.filter(|(instance, _)| {
        let launched = instance.launch_time.and_then(|time| SystemTime::try_from(time).ok());
        launched.is_none_or(|launched| launched <= time)
    });
    Ok(before.filter_map(|(instance, _)| instance.instance_id.clone()).collect())
}

fn again(args: &Args) -> String {
    let command = vec!["stackctl rotate-key".to_owned()];
    [command, args.file.typed(), args.place.typed()].concat().join(" ")
}

impl Keys {
    fn of(stack: &str, versions: &Versions) -> Self {
        Self {
            stack: stack.to_owned(),
            current: versions.current.id.clone(),
            previous: versions.previous.as_ref().map(|version| version.id.clone()),
        }
    }
}

impl Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stack, current, previous } = self;
        write!(f, "tokens of {stack} are signed with key {current}")?;
        match previous {
            Some(previous) => write!(f, "; those of {previous} stay good until --retire"),
            None => f.write_str(", and no other is good"),
        }
    }
}
