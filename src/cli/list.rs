//! `list`: the stacks there are, as their networks and instances tell.

use super::{
    Ended, Session,
    connect::Where,
    which::{Chosen, NotNamed},
};
use crate::{
    aws::{Aws, Sent, tags},
    ui::{Trouble, paint::Painted, paint::STRONG, words::plural},
};
use anyhow::Result;
use aws_sdk_ec2::types::{Filter, Reservation, Tag};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt::{self, Display},
};

/// List the stacks in the account and region
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Where,
}

/// The stacks of an account in a region.
#[derive(Debug, Serialize)]
pub(super) struct Stacks {
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
    /// The endpoint that replaces AWS's own, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The stacks, by name.
    #[serde(rename = "stacks")]
    pub all: Vec<Listed>,
}

/// One stack.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Listed {
    /// Its name.
    pub name: String,
    /// The ids of its networks; one, unless something went wrong.
    pub vpcs: Vec<String>,
    /// How many instances it has that are not terminated.
    pub instances: usize,
    /// When the oldest of them was launched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let way = args.place.open_to_any(session).await?;
    let identity = way.aws.identity().await?;
    let stacks = Stacks {
        region: way.aws.region.clone(),
        account: identity.account.clone(),
        endpoint: way.aws.endpoint.clone(),
        all: stacks(&way.aws).await?,
    };
    session.ui.result(&stacks)?;
    Ok(Ended::Done)
}

/// Finds every stack, whatever its name, in two calls.
///
/// # Errors
/// What AWS refuses.
pub(super) async fn stacks(aws: &Aws) -> Result<Vec<Listed>> {
    let tagged = Filter::builder().name("tag-key").values(tags::STACK).build();
    let living = ["pending", "running", "stopping", "stopped"].map(str::to_owned).to_vec();
    let living = Filter::builder().name("instance-state-name").set_values(Some(living)).build();
    let vpcs = async {
        let pages = aws.ec2.describe_vpcs().filters(tagged.clone()).into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await.aws()
    };
    let instances = async {
        let call = aws.ec2.describe_instances().filters(tagged.clone()).filters(living);
        call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.aws()
    };
    let (vpcs, reservations) = tokio::try_join!(vpcs, instances)?;
    let mut stacks: BTreeMap<&str, Listed> = BTreeMap::new();
    for vpc in &vpcs {
        if let Some(name) = stack(vpc.tags()) {
            stacks.entry(name).or_default().vpcs.extend(vpc.vpc_id().map(str::to_owned));
        }
    }
    for instance in reservations.iter().flat_map(Reservation::instances) {
        if let Some(name) = stack(instance.tags()) {
            let listed = stacks.entry(name).or_default();
            listed.instances += 1;
            let launched = instance.launch_time().map(ToString::to_string);
            listed.since = listed.since.take().into_iter().chain(launched).min();
        }
    }
    Ok(stacks.into_iter().map(|(name, l)| Listed { name: name.to_owned(), ..l }).collect())
}

fn stack(tags: &[Tag]) -> Option<&str> {
    tags.iter().find(|tag| tag.key() == Some(tags::STACK))?.value()
}

impl Display for Stacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, account, endpoint, all } = self;
        match all.len() {
            0 => f.write_str("no stacks")?,
            some => f.write_str(&plural(some, "stack"))?,
        }
        write!(f, " in {region}, account {account}")?;
        endpoint.iter().try_for_each(|endpoint| write!(f, ", at {endpoint}"))?;
        for Listed { name, vpcs, instances, since } in all {
            write!(f, "\n  {}  {}", Painted(STRONG, name), plural(*instances, "instance"))?;
            if let Some(since) = since {
                write!(f, " since {since}")?;
            }
            if !vpcs.is_empty() {
                write!(f, ", {}", vpcs.join(", "))?;
            }
        }
        Ok(())
    }
}

/// That the stack is not there, with those that are.
pub(super) async fn there_is_none(aws: &Aws) -> anyhow::Error {
    // That they cannot be listed is another matter.
    let stacks = stacks(aws).await.unwrap_or_default();
    let names: Vec<_> = stacks.iter().map(|stack| stack.name.as_str()).collect();
    let there = match &*names {
        [] => "there are none".to_owned(),
        names => format!("there are: {}", names.join(", ")),
    };
    Trouble::new(
        format!("there is no stack `{}` in {}", aws.stack, aws.region),
        format!("{there}; `stackctl up` brings one up, and an emulator that was stopped has none"),
    )
    .into()
}

/// Where no stack is named, the error tells which there are.
///
/// # Errors
/// The one given, at any rate.
pub(super) async fn or_list(
    chosen: Result<Chosen>,
    place: &Where,
    session: &Session,
) -> Result<Chosen> {
    let error = match chosen {
        Err(error) if error.is::<NotNamed>() => error,
        other => return other,
    };
    // That they cannot be listed is another matter.
    let listed = async {
        let way = place.open_to_any(session).await?;
        Ok::<_, anyhow::Error>((stacks(&way.aws).await?, way.aws.region))
    };
    let hint = match listed.await {
        Ok((stacks, region)) if stacks.is_empty() => {
            format!("there are no stacks in {region}; `stackctl init` writes a first file")
        }
        Ok((stacks, region)) => {
            let names: Vec<_> = stacks.iter().map(|stack| stack.name.as_str()).collect();
            format!("name one with --stack; in {region} there are: {}", names.join(", "))
        }
        Err(_) => "name one with --stack, or give its file".to_owned(),
    };
    Err(Trouble::new(error.to_string(), hint).into())
}
