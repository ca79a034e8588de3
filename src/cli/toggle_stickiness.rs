//! `toggle-stickiness`: stickiness on the live target group, and nothing else.

mod change;

use super::{
    Ended, Session,
    connect::Where,
    consent::{Consent, Stakes},
    list,
    reading::as_ourselves,
    turn::refuse_beside,
    which::{Chosen, StackArgs},
};
use crate::{
    aws::{Aws, Sent, lock::Standing},
    blueprint,
    engine::{Action, Address, Change},
    kinds::{TargetGroup, parameter},
    sessions::{Impact, Mode, Shift, Told, impact},
    spec::{Seconds, Spec, Stickiness, Store},
    ui::{Trouble, paint::FAINT, paint::Painted},
};
use anyhow::{Context, Result};
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
                        Touches nothing but the target group's stickiness. Asks before it logs \
                        users out."
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
    consent: Consent,
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
    /// What it does to those who are logged in; `None` where they notice nothing.
    impact: Option<Impact>,
}

/// A target group and its stickiness attributes.
struct Group {
    name: String,
    arn: String,
    /// Whether a load balancer sends requests to it.
    used: bool,
    kept: Kept,
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let chosen = list::or_list(args.which.choose(Path::new("")), &args.place, session).await?;
    let way = args.place.open(&chosen, session).await?;
    let aws = &way.aws;
    let reading = async { tokio::try_join!(Box::pin(groups(aws)), Box::pin(told(aws))) };
    let (_, (groups, (store, standing))) = as_ourselves(aws, chosen.spec.as_ref(), reading).await?;
    let asked = Asked {
        duration: args.duration,
        cookie: args.cookie,
        name: args.name.clone(),
        on: args.on,
        off: args.off,
    };
    let leader = leader(&groups).ok_or_else(|| {
        Trouble::new(
            format!("`{}` has no target group in {}", chosen.name, aws.region),
            "`stackctl up` makes one; `stackctl list` shows the stacks there are",
        )
    })?;
    // One that a broken replacement left half-made follows the one that is used.
    let (before, after) = (leader.kept.now(), leader.kept.after(&asked)?);
    let switches = groups.iter().any(|group| group.kept.now() != after);
    let mut does = None;
    if switches {
        refuse_beside(&chosen.name, &standing)?;
        // Only sessions in memory depend on how many instances there are.
        let instances = match store {
            Store::Memory => aws.instances().await?.len(),
            _ => 0,
        };
        let mode = |stickiness: &Stickiness| Mode {
            store,
            stickiness: stickiness.clone(),
            instances,
            failover: true,
            told: Told::default(),
        };
        let shift = Shift { today: Some(mode(&before)), then: Some(mode(&after)) };
        does = what_it_does(&shift, &before, &after);
        if let (Some(Impact { says, .. }), false) = (&does, session.ui.is_json()) {
            session.ui.say(format_args!("users: {says}"));
        }
        let impacts: Vec<_> = does.iter().map(|does| (group_address(), does.clone())).collect();
        args.consent.agree(&Stakes::of_impacts(&shift, &impacts), session.ui).await?;
    }
    for Group { name, arn, kept, .. } in groups {
        let before = kept.now();
        let changed = before != after;
        if changed {
            TargetGroup::put_stickiness(aws, &arn, &blueprint::stickiness(&after))
                .await
                .with_context(|| format!("cannot change the stickiness of {name}"))?;
        }
        let (stack, after) = (chosen.name.clone(), after.clone());
        let impact = does.clone().filter(|_| changed);
        session.ui.result(&Switched {
            stack,
            target_group: name,
            before,
            after,
            changed,
            impact,
        })?;
    }
    warn_of_file(&chosen, &after, session);
    Ok(Ended::Done)
}

/// The target group that decides: the one to which requests go.
fn leader(groups: &[Group]) -> Option<&Group> {
    groups.iter().find(|group| group.used).or(groups.first())
}

/// Where sessions are, as the app is told, and how it stands with the lock.
async fn told(aws: &Aws) -> Result<(Store, Standing)> {
    let environment = parameter::environment(aws).await?;
    let store = environment.as_ref().map_or(Store::None, blueprint::store);
    Ok((store, aws.parameters().await?.standing.clone()))
}

fn group_address() -> Address {
    Address::of::<TargetGroup>("app")
}

/// What the switch does to those who are logged in, by the rules by which a plan is judged.
fn what_it_does(shift: &Shift, before: &Stickiness, after: &Stickiness) -> Option<Impact> {
    let change = Change {
        attribute: "stickiness",
        from: Some(change::words(before)),
        to: change::words(after),
        replaces: false,
    };
    impact(shift, &group_address(), Action::Update, None, &[change])
}

/// The stack's target groups; one, unless a replacement was broken off.
async fn groups(aws: &Aws) -> Result<Vec<Group>> {
    let mut groups = Vec::new();
    for (group, _) in aws.target_groups().await? {
        let arn = group.target_group_arn.context("a target group without an ARN")?;
        let call = aws.elb.describe_target_group_attributes().target_group_arn(&arn);
        let answer = call.send().await.aws()?;
        let pairs = answer.attributes().iter().filter_map(|a| Some((a.key()?, a.value()?)));
        let used = group.load_balancer_arns.is_some_and(|arns| !arns.is_empty());
        let name = group.target_group_name.unwrap_or_default();
        groups.push(Group { name, used, kept: Kept::seen(pairs), arn });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, used: bool, enabled: &'static str) -> Group {
        let kept = Kept::seen([("stickiness.enabled", enabled)]);
        Group { name: name.into(), arn: name.into(), used, kept }
    }

    #[test]
    fn of_two_groups_the_one_that_is_used_decides_for_both() {
        let groups = [group("half-made", false, "false"), group("used", true, "true")];
        let leader = leader(&groups).unwrap();
        assert_eq!(leader.name, "used");
        assert_eq!(leader.kept.after(&Asked::default()).unwrap(), Stickiness::Off);
    }

    #[test]
    fn without_a_load_balancer_the_first_one_decides() {
        assert_eq!(leader(&[group("only", false, "true")]).unwrap().name, "only");
        assert!(leader(&[]).is_none());
    }
}
