//! What a stack file means: the resources it asks for, and how they refer to each other.

mod app;
pub mod boot;
mod data;
mod dns;
mod edge;
mod found;
mod network;
mod security;

pub use edge::stickiness;
pub use found::mode;

use crate::{
    aws::{Aws, Tags},
    engine::{Graph, Kind, Ref},
    spec::Spec,
};
use anyhow::{Result, ensure};

/// What has to be asked of AWS before a stack can be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The names of the region's availability zones, in the order in which they are used. There
    /// may be more than the file asks for.
    pub zones: Vec<String>,
    /// The bare id of the hosted zone the records go into, where that is not the stack's own.
    pub hosted_zone: Option<String>,
    /// The region.
    pub region: String,
    /// The account, 12 digits.
    pub account: String,
    /// The partition: `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
}

/// Draws the whole stack.
///
/// # Errors
/// When the region has too few zones, the hosted zone is missing, or the boot script is longer
/// than EC2 takes: all that only facts can show, and before anything is written.
pub fn draw(spec: &Spec, facts: &Facts) -> Result<Graph<Aws>> {
    let mut sheet = Sheet::new(spec, facts)?;
    let network = network::draw(&mut sheet);
    let groups = security::draw(&mut sheet, &network);
    let stores = data::draw(&mut sheet, &network, &groups);
    let edge = edge::draw(&mut sheet, &network, &groups);
    app::draw(&mut sheet, &network, &groups, &stores, &edge)?;
    dns::draw(&mut sheet, &edge)?;
    Ok(sheet.graph)
}

/// The graph while it is being drawn, and what it is drawn from.
struct Sheet<'a> {
    graph: Graph<Aws>,
    spec: &'a Spec,
    facts: &'a Facts,
    /// The zones that are used.
    zones: &'a [String],
}

impl<'a> Sheet<'a> {
    fn new(spec: &'a Spec, facts: &'a Facts) -> Result<Self> {
        let zones = usize::from(spec.network.zones);
        ensure!(
            facts.zones.len() >= zones,
            "the file asks for {zones} availability zones, and region {} has {} for this account \
             ({}); lower network.zones or choose another region",
            facts.region,
            facts.zones.len(),
            facts.zones.join(", "),
        );
        Ok(Self { graph: Graph::default(), spec, facts, zones: &facts.zones[..zones] })
    }

    fn add<K: Kind<Cloud = Aws>>(&mut self, name: &str, resource: K) -> Ref<K> {
        self.graph.add(name, resource)
    }

    /// The user's tags.
    fn tags(&self) -> Tags {
        Tags(self.spec.tags.clone())
    }

    /// `<role>-a`, `<role>-b`, …: one name for each zone. The letter is the zone's place in the
    /// list, not the letter AWS gave it.
    fn zonal(&self, role: &str) -> Vec<String> {
        ('a'..).take(self.zones.len()).map(|letter| format!("{role}-{letter}")).collect()
    }
}

#[cfg(test)]
mod tests;
