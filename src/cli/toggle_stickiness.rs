//! `toggle-stickiness`: stickiness on the live target group, and nothing else.

mod change;
mod rebalance;

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
    kinds::{
        TargetGroup, parameter,
        target_group::{Held, Hold},
    },
    sessions::{Impact, Mode, Shift, Told, impact},
    spec::{Seconds, Spec, Stickiness, Store},
    ui::{Trouble, paint::FAINT, paint::Painted},
};
use anyhow::{Context, Result, ensure};
use change::{Asked, Cookie, Kept};
use humantime::format_rfc3339_seconds;
use serde::Serialize;
use std::{
    fmt::{self, Display},
    path::Path,
    time::Duration,
};

/// Switch sticky sessions of the running stack on or off
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without flags, what is on goes off and what is off comes on again as it was. \
                        Touches nothing but the target group's stickiness. Asks before it logs \
                        users out.\n\n\
                        The next `up` follows the file again, or with --for the first one after that \
                        time."
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
    /// Keep it so for this long, whatever the file says: 90s, 15m, 2h, at most 30d
    #[arg(long = "for", value_name = "DURATION", value_parser = change::hold)]
    hold: Option<Seconds>,
    /// Spread users anew over the instances: shortens the duration, waits, and restores it
    #[arg(long, conflicts_with_all = ["duration", "cookie", "name", "on", "off", "hold"])]
    rebalance: bool,
    /// How long --rebalance waits: users who send nothing for a second meanwhile are free
    #[arg(long, value_name = "DURATION", default_value = "60s", requires = "rebalance")]
    wait: Seconds,
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
    /// Until when it stays so, whatever the file says.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
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
    held: Held,
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let chosen = list::or_list(args.which.choose(Path::new("")), &args.place, session).await?;
    let way = args.place.open(&chosen, session).await?;
    let aws = &way.aws;
    let reading = async { tokio::try_join!(Box::pin(groups(aws)), Box::pin(told(aws))) };
    let (_, (groups, (store, standing))) = as_ourselves(aws, chosen.spec.as_ref(), reading).await?;
    let asked = Asked {
        duration: args.duration.or(args.rebalance.then_some(SHORT)),
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
    ensure!(
        !args.rebalance || before.is_on(),
        Trouble::new(
            "without stickiness there is nothing to rebalance",
            "every request may go to any instance already; `stackctl verify` shows where they go",
        )
    );
    let writes = |group: &Group| group.kept.there() != after || group.held.0.is_some();
    if args.rebalance || args.hold.is_some() || groups.iter().any(writes) {
        refuse_beside(&chosen.name, &standing)?;
    }
    let mut does = None;
    if groups.iter().any(|group| group.kept.now() != after) {
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
    if args.rebalance {
        return rebalance::run(aws, &groups, &after, args.wait, session).await;
    }
    let hold = args.hold.map(|time| Hold::lasting(Duration::from_secs(time.get().into())));
    for group in groups {
        let before = group.kept.now();
        // What a broken rebalancing has left is no more than it was.
        let changed = group.kept.there() != after;
        switch(aws, &group, changed.then_some(&after), hold).await?;
        let (stack, after) = (chosen.name.clone(), after.clone());
        let impact = does.clone().filter(|_| changed);
        session.ui.result(&Switched {
            stack,
            target_group: group.name,
            before,
            after,
            changed,
            until: hold.map(|hold| format_rfc3339_seconds(hold.until).to_string()),
            impact,
        })?;
    }
    if hold.is_none() {
        warn_of_file(&chosen, &after, session);
    }
    Ok(Ended::Done)
}

/// The duration while users are spread anew: the shortest that AWS takes.
const SHORT: Seconds = Seconds(1);

/// Makes a group's stickiness what it is to be, and notes how long it stays. Whatever breaks in between,
/// no hold is left on a stickiness that nobody asked for: it is noted first and taken away last.
async fn switch(
    aws: &Aws,
    group: &Group,
    to: Option<&Stickiness>,
    hold: Option<Hold>,
) -> Result<()> {
    if let Some(hold) = hold {
        TargetGroup::hold(aws, &group.arn, hold).await?;
    }
    if let Some(to) = to {
        put(aws, group, to).await?;
    }
    if hold.is_none() && group.held.0.is_some() {
        TargetGroup::release(aws, &group.arn).await?;
    }
    Ok(())
}

async fn put(aws: &Aws, group: &Group, to: &Stickiness) -> Result<()> {
    TargetGroup::put_stickiness(aws, &group.arn, &blueprint::stickiness(to))
        .await
        .with_context(|| format!("cannot change the stickiness of {}", group.name))
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
    for (group, owned) in aws.target_groups().await? {
        let arn = group.target_group_arn.context("a target group without an ARN")?;
        let call = aws.elb.describe_target_group_attributes().target_group_arn(&arn);
        let answer = call.send().await.aws()?;
        let pairs = answer.attributes().iter().filter_map(|a| Some((a.key()?, a.value()?)));
        let used = group.load_balancer_arns.is_some_and(|arns| !arns.is_empty());
        let name = group.target_group_name.unwrap_or_default();
        let held = Held::seen(&owned.all);
        let kept = Kept::seen(pairs).restored(held);
        groups.push(Group { name, arn, used, kept, held });
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
        }?;
        match &self.until {
            Some(until) => write!(f, ", until {until}; then `stackctl up` follows the file again"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, used: bool, enabled: &'static str) -> Group {
        let kept = Kept::seen([("stickiness.enabled", enabled)]);
        Group { name: name.into(), arn: name.into(), used, kept, held: Held::default() }
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
