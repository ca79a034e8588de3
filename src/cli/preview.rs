//! From a file to a plan: what `plan` shows and `up` carries out.

use super::{
    Session,
    connect::{Way, Where},
    reading::{as_ourselves, farewells, inventory, zones, zones_in_order},
    which::{Chosen, FileArgs},
};
use crate::{
    aws::{Aws, Identity},
    blueprint::{self, Facts},
    engine::{Graph, Inventory, Plan},
    sessions::{Mode, Shift, warnings},
    spec::Spec,
    ui::plan::{Place, Shown},
};
use anyhow::Result;
use std::path::Path;

/// A plan, and what it was made from.
pub(super) struct Preview {
    pub chosen: Chosen,
    pub way: Way,
    pub identity: Identity,
    pub plan: Plan<Aws>,
    pub shown: Shown,
}

/// Reads the file and the cloud, and compares them.
///
/// # Errors
/// What is wrong with the file, the credentials or the way to AWS; refused replacements.
pub(super) async fn preview(file: &FileArgs, to: &Where, session: &Session) -> Result<Preview> {
    let (chosen, spec) = file.choose(Path::new(""))?;
    let way = to.open(&chosen, session).await?;
    let (identity, found) = as_ourselves(&way.aws, Some(&spec), read(&way.aws)).await?;
    let graph = wanted(&spec, &way.aws, &identity, &found)?;
    let today = blueprint::mode(&found.inventory);
    let farewells = farewells(&found.inventory);
    let plan = Plan::new(&graph, found.inventory)?;
    let shift = Shift { today, then: Some(Mode::wanted(&spec)) };
    let shown = Shown::new(&plan, Place::of(&way.aws, &identity), warnings(&spec));
    let shown = shown.with_impacts(&shift, &plan).with_farewells(farewells);
    Ok(Preview { chosen, way, identity, plan, shown })
}

/// What a plan is made from besides the file.
pub(super) struct Found {
    pub inventory: Inventory<Aws>,
    zones: Vec<String>,
}

/// Reads it, all at once.
///
/// # Errors
/// The first listing that fails.
pub(super) async fn read(aws: &Aws) -> Result<Found> {
    let (inventory, zones) = tokio::try_join!(inventory(aws), zones(aws))?;
    Ok(Found { inventory, zones })
}

/// What the file wants.
///
/// # Errors
/// When the region cannot hold it.
pub(super) fn wanted(
    spec: &Spec,
    aws: &Aws,
    identity: &Identity,
    found: &Found,
) -> Result<Graph<Aws>> {
    let facts = Facts {
        zones: zones_in_order(&found.inventory, found.zones.clone()),
        hosted_zone: None,
        region: aws.region.clone(),
        account: identity.account.clone(),
        partition: identity.partition().to_owned(),
    };
    blueprint::draw(spec, &facts)
}
