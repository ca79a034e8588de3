//! `toggle-stickiness`: stickiness on the live target group, and nothing else.

mod change;

use super::{
    Ended, Session,
    connect::Where,
    list,
    reading::as_ourselves,
    turn::refuse_beside,
    which::{Chosen, StackArgs},
};
use crate::{
    aws::{Aws, Sent, lock::Standing},
    blueprint,
    kinds::TargetGroup,
    spec::{Seconds, Spec, Stickiness},
    ui::{Trouble, paint::FAINT, paint::Painted},
};
use anyhow::{Context, Result, ensure};
use change::{Asked, Cookie, Kept};
use serde::Serialize;
use std::{
    fmt::{self, Display},
    path::Path,
};

/// Switch sticky sessions of the running stack on or off
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without flags, what is on goes off and what is off comes on again as it was. \
                        Touches nothing but the target group's stickiness."
)]
pub(super) struct Args {
    #[command(flatten)]
    which: StackArgs,
    /// On, for so long after a client's last request: 3600, 90s, 15m, 1h, at most 7d
    #[arg(long, value_name = "DURATION", value_parser = change::duration)]
    duration: Option<Seconds>,
    /// On, by the load balancer's own cookie or by one of the app's
    #[arg(long, value_enum, value_name = "lb|app", hide_possible_values = true)]
    cookie: Option<Cookie>,
    /// On, by the app's cookie of this name
    #[arg(long, value_name = "COOKIE", value_parser = change::name)]
    name: Option<String>,
    /// On, as it was when it was on last
    #[arg(long, conflicts_with = "off")]
    on: bool,
    /// Off
    #[arg(long, conflicts_with_all = ["duration", "cookie", "name"])]
    off: bool,
    #[command(flatten)]
    place: Where,
}

/// What was switched.
#[derive(Debug, Serialize)]
struct Switched {
    stack: String,
    target_group: String,
    before: Stickiness,
    after: Stickiness,
    changed: bool,
}

/// A target group and its stickiness attributes.
struct Group {
    name: String,
    arn: String,
    kept: Kept,
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let chosen = list::or_list(args.which.choose(Path::new("")), &args.place, session).await?;
    let way = args.place.open(&chosen, session).await?;
    let shelf = way.aws.lock();
    let reading = async { tokio::try_join!(Box::pin(groups(&way.aws)), Standing::read(&shelf)) };
    let (_, (groups, standing)) = as_ourselves(&way.aws, chosen.spec.as_ref(), reading).await?;
    ensure!(
        !groups.is_empty(),
        Trouble::new(
            format!("`{}` has no target group in {}", chosen.name, way.aws.region),
            "`stackctl up` makes one; `stackctl list` shows the stacks there are",
        )
    );
    let asked = Asked {
        duration: args.duration,
        cookie: args.cookie,
        name: args.name.clone(),
        on: args.on,
        off: args.off,
    };
    for Group { name, arn, kept } in groups {
        let before = kept.now();
        let after = kept.after(&asked)?;
        let changed = before != after;
        if changed {
            refuse_beside(&chosen.name, &standing)?;
            TargetGroup::put_stickiness(&way.aws, &arn, &blueprint::stickiness(&after))
                .await
                .with_context(|| format!("cannot change the stickiness of {name}"))?;
        }
        warn_of_file(&chosen, &after, session);
        let stack = chosen.name.clone();
        session.ui.result(&Switched { stack, target_group: name, before, after, changed })?;
    }
    Ok(Ended::Done)
}

/// The stack's target groups; one, unless a replacement was broken off.
async fn groups(aws: &Aws) -> Result<Vec<Group>> {
    let mut groups = Vec::new();
    for (group, _) in aws.target_groups().await? {
        let arn = group.target_group_arn.context("a target group without an ARN")?;
        let call = aws.elb.describe_target_group_attributes().target_group_arn(&arn);
        let answer = call.send().await.aws()?;
        let pairs = answer.attributes().iter().filter_map(|a| Some((a.key()?, a.value()?)));
        let name = group.target_group_name.unwrap_or_default();
        groups.push(Group { name, kept: Kept::seen(pairs), arn });
    }
    Ok(groups)
}

/// The next `up` follows the file, so whoever switched by hand should know.
fn warn_of_file(chosen: &Chosen, after: &Stickiness, session: &Session) {
    let says = |spec: &Spec| spec.load_balancer.stickiness.clone();
    if let (Some(file), Some(wanted)) = (&chosen.file, chosen.spec.as_ref().map(says))
        && wanted != *after
    {
        session.ui.warn(format_args!(
            "{} says `{}`, and the next `stackctl up` follows it",
            file.display(),
            change::words(&wanted)
        ));
    }
}

impl Display for Switched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target_group, before, after, changed, .. } = self;
        let (before, after) = (change::words(before), change::words(after));
        write!(f, "stickiness of {target_group}: ")?;
        match changed {
            true => write!(f, "{before} -> {after}"),
            false => write!(f, "{after} {}", Painted(FAINT, "(as it was)")),
        }
    }
}
