//! What a stack file means: the resources it asks for, and how they refer to each other.

mod app;
mod arns;
pub mod boot;
mod data;
mod dns;
mod edge;
mod found;
mod held;
mod network;
mod recall;
mod security;
mod zones;

pub use edge::stickiness;
pub use found::{mode, store};
pub use held::{keep_held, mode_to_be};
pub use recall::recall;

use crate::{
    aws::{Aws, Tags},
    engine::{Graph, Kind, Ref},
    spec::Spec,
};
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};

/// What has to be asked of AWS before a stack can be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The names of the region's availability zones, in the order in which they are used. There
    /// may be more than the file asks for.
    pub zones: Vec<String>,
    /// The zones that the stack stands in, each at its place ([`place`]).
    pub stands: BTreeMap<u8, String>,
    /// The zones that offer the instance type, where that had to be asked.
    pub offers: Option<BTreeSet<String>>,
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
/// When the region has too few zones or none with the instance type, an ARN is of elsewhere, the
/// hosted zone is missing, or the boot script is longer
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
    /// The zones that are used, each at its place.
    zones: BTreeMap<u8, String>,
}

impl<'a> Sheet<'a> {
    fn new(spec: &'a Spec, facts: &'a Facts) -> Result<Self> {
        arns::check(spec, facts)?;
        let zones = zones::choose(spec, facts)?;
        Ok(Self { graph: Graph::default(), spec, facts, zones })
    }

    fn add<K: Kind<Cloud = Aws>>(&mut self, name: &str, resource: K) -> Ref<K> {
        self.graph.add(name, resource)
    }

    /// The user's tags.
    fn tags(&self) -> Tags {
        self.spec.tags.clone().into()
    }

    /// `<role>-a`, `<role>-b`, …: one name for each zone. The letter is the zone's place, not the
    /// letter AWS gave it.
    fn zonal(&self, role: &str) -> Vec<String> {
        let letter = |place: &u8| char::from(b'a' + place);
        self.zones.keys().map(|place| format!("{role}-{}", letter(place))).collect()
    }
}

/// The place of the zone that a subnet of this name is in, which its last letter stands for.
pub fn place(name: &str) -> Option<u8> {
    match name.rsplit_once('-')?.1.as_bytes() {
        [letter @ b'a'..=b'z'] => Some(letter - b'a'),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
