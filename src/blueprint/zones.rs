//! The availability zones of a stack, each at a place of its own that it keeps.

use super::Facts;
use crate::spec::{Spec, Zones};
use anyhow::{Result, ensure};
use std::collections::BTreeMap;

/// Which zones the stack is in: each at its place, which is a letter in the names of its subnets
/// and a part of the VPC's addresses. What stands keeps its place, so that a zone more or less
/// moves nothing.
pub(super) fn choose(spec: &Spec, facts: &Facts) -> Result<BTreeMap<u8, String>> {
    let chosen = match &spec.network.zones {
        Zones::Count(wanted) => drawn(*wanted, spec, facts)?,
        Zones::Named(names) => named(names, facts)?,
    };
    let bad: Vec<_> = chosen.values().filter(|zone| !offered(zone, facts)).cloned().collect();
    ensure!(
        bad.is_empty(),
        "{} offers no {}; {}",
        bad.join(" and "),
        spec.app.instance_type,
        elsewhere(facts)
    );
    Ok(chosen)
}

/// So many zones: those that the stack stands in, and others that offer the instance type.
fn drawn(wanted: u8, spec: &Spec, facts: &Facts) -> Result<BTreeMap<u8, String>> {
    let mut chosen: BTreeMap<u8, String> = facts.stands.clone();
    while chosen.len() > wanted.into() {
        chosen.pop_last();
    }
    let stands = |zone: &String| facts.stands.values().any(|stood| stood == zone);
    let free: Vec<_> = facts.zones.iter().filter(|zone| !stands(zone)).collect();
    let more = usize::from(wanted) - chosen.len();
    let all: Vec<_> =
        facts.stands.values().chain(free.iter().copied()).map(String::as_str).collect();
    ensure!(
        free.len() >= more,
        "the file asks for {wanted} availability zones, and region {} has {} for this account ({}); \
         lower network.zones or choose another region",
        facts.region,
        all.len(),
        all.join(", "),
    );
    let good: Vec<_> = free.into_iter().filter(|zone| offered(zone, facts)).collect();
    ensure!(
        good.len() >= more,
        "the file asks for {wanted} availability zones with {}; {}",
        spec.app.instance_type,
        elsewhere(facts),
    );
    for zone in good.into_iter().take(more) {
        settle(zone, &mut chosen, facts);
    }
    Ok(chosen)
}

/// These zones: one that the stack stands in keeps its place, and another takes one that is free.
fn named(names: &[String], facts: &Facts) -> Result<BTreeMap<u8, String>> {
    let known = |name: &String| {
        facts.zones.contains(name) || facts.stands.values().any(|stood| stood == name)
    };
    let strange: Vec<_> = names.iter().filter(|name| !known(name)).cloned().collect();
    ensure!(
        strange.is_empty(),
        "network.zones names {}, and the availability zones of region {} for this account are {}",
        strange.join(" and "),
        facts.region,
        facts.zones.join(", "),
    );
    let mut chosen = facts.stands.clone();
    chosen.retain(|_, zone| names.contains(zone));
    let stands: Vec<_> = chosen.values().cloned().collect();
    for name in names.iter().filter(|name| !stands.contains(name)) {
        settle(name, &mut chosen, facts);
    }
    Ok(chosen)
}

/// Gives a zone the first place that nothing stands at; failing that, one that is being left.
fn settle(zone: &str, chosen: &mut BTreeMap<u8, String>, facts: &Facts) {
    let free = |place: &u8| !chosen.contains_key(place);
    let untouched = (0..PLACES).find(|at| free(at) && !facts.stands.contains_key(at));
    if let Some(place) = untouched.or_else(|| (0..PLACES).find(free)) {
        chosen.insert(place, zone.to_owned());
    }
}

const PLACES: u8 = crate::spec::Network::MOST_ZONES;

fn offered(zone: &String, facts: &Facts) -> bool {
    facts.offers.as_ref().is_none_or(|offers| offers.contains(zone))
}

/// Where the instance type can be had.
fn elsewhere(facts: &Facts) -> String {
    let offers: Vec<_> = facts.offers.iter().flatten().map(String::as_str).collect();
    if offers.is_empty() {
        return format!("no zone of region {} does: set another app.instance_type", facts.region);
    }
    format!(
        "it can be had in {}: name zones of these in network.zones, or set another \
         app.instance_type",
        offers.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Source, load};

    fn chosen(zones: &str, stands: &[(u8, &str)], offers: Option<&str>) -> String {
        let text = format!("name: shop\napp: {{image: a}}\nnetwork: {{zones: {zones}}}\n");
        let spec = load(&Source::new("stack.yaml", text), &[], &|_| None).unwrap();
        let facts = Facts {
            zones: ["a", "b", "c", "d"].map(|letter| format!("eu-west-1{letter}")).into(),
            stands: stands.iter().map(|(at, zone)| (*at, format!("eu-west-1{zone}"))).collect(),
            offers: offers
                .map(|all| all.chars().map(|letter| format!("eu-west-1{letter}")).collect()),
            hosted_zone: None,
            region: "eu-west-1".into(),
            account: "123456789012".into(),
            partition: "aws".into(),
        };
        match choose(&spec, &facts) {
            Ok(chosen) => chosen
                .iter()
                .map(|(at, zone)| format!("{at}{}", zone.trim_start_matches("eu-west-1")))
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_new_stack_takes_the_first_zones_that_offer_its_instance_type() {
        assert_eq!(chosen("2", &[], None), "0a 1b");
        assert_eq!(chosen("2", &[], Some("bcd")), "0b 1c");
        assert_eq!(chosen("[eu-west-1d, eu-west-1b]", &[], Some("bd")), "0d 1b");
    }

    #[test]
    fn a_zone_keeps_its_place_whatever_becomes_available() {
        assert_eq!(chosen("2", &[(0, "b"), (1, "c")], None), "0b 1c");
        assert_eq!(chosen("3", &[(0, "b"), (1, "c")], None), "0b 1c 2a");
        assert_eq!(chosen("2", &[(0, "x"), (1, "c")], None), "0x 1c");
        assert_eq!(chosen("2", &[(0, "a"), (1, "b"), (2, "c")], None), "0a 1b");
        assert_eq!(chosen("[eu-west-1b, eu-west-1a]", &[(0, "a"), (1, "b")], None), "0a 1b");
    }

    #[test]
    fn a_place_left_empty_by_a_broken_off_run_is_filled_with_another_zone() {
        assert_eq!(chosen("2", &[(1, "a")], None), "0b 1a");
        assert_eq!(chosen("2", &[(0, "a"), (2, "c")], None), "0a 2c");
    }

    #[test]
    fn a_zone_in_anothers_stead_takes_a_place_where_nothing_stands() {
        let stands = [(0, "a"), (1, "b")];
        assert_eq!(chosen("[eu-west-1a, eu-west-1d]", &stands, None), "0a 2d");
        assert_eq!(chosen("[eu-west-1d, eu-west-1c]", &stands, None), "2d 3c");
    }

    #[test]
    fn what_cannot_be_had_is_told_with_where_it_can() {
        assert_eq!(
            chosen("[eu-west-1a, eu-west-1b]", &[], Some("bc")),
            "eu-west-1a offers no t4g.small; it can be had in eu-west-1b, eu-west-1c: name zones of \
             these in network.zones, or set another app.instance_type"
        );
        assert!(chosen("2", &[(0, "a"), (1, "b")], Some("bc")).starts_with("eu-west-1a offers no"));
        assert_eq!(
            chosen("3", &[], Some("bc")),
            "the file asks for 3 availability zones with t4g.small; it can be had in eu-west-1b, \
             eu-west-1c: name zones of these in network.zones, or set another app.instance_type"
        );
        assert!(
            chosen("2", &[], Some(""))
                .ends_with("no zone of region eu-west-1 does: set another app.instance_type")
        );
        assert_eq!(
            chosen("[eu-west-1a, eu-west-1x]", &[], None),
            "network.zones names eu-west-1x, and the availability zones of region eu-west-1 for \
             this account are eu-west-1a, eu-west-1b, eu-west-1c, eu-west-1d"
        );
    }
}
