//! What a stack costs a month, by a dated table of list prices: an estimate that names what it leaves out.

mod prices;

use crate::engine::{Address, Change};
use serde::Serialize;
use std::{
    collections::BTreeSet,
    fmt::{self, Display},
};

/// What a month costs, in US dollars.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Monthly {
    /// The sum of what the table knows.
    pub dollars: f64,
    /// What the table does not know, such as `m7g.large`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub without: BTreeSet<String>,
    /// Of when the prices are.
    pub prices_of: &'static str,
}

/// One priced thing, or the name of one that has no price in the table.
type Price = Result<f64, String>;

impl Monthly {
    /// The estimate for these resources, each with its attributes.
    pub fn of<'a>(resources: impl IntoIterator<Item = (&'a Address, Vec<Change>)>) -> Self {
        let mut sum = Self { prices_of: prices::DATE, ..Self::default() };
        for (address, attributes) in resources {
            for price in price(address.kind, &Attributes(&attributes)) {
                match price {
                    Ok(dollars) => sum.dollars += dollars,
                    Err(unknown) => drop(sum.without.insert(unknown)),
                }
            }
        }
        sum
    }
}

/// The attributes of one resource, by name.
struct Attributes<'a>(&'a [Change]);

impl Attributes<'_> {
    fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|change| change.attribute == name);
        found.map_or("", |change| &change.to)
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == value
    }

    fn number(&self, name: &str) -> f64 {
        self.get(name).parse().unwrap_or_default()
    }

    /// How many a list has.
    fn count(&self, name: &str) -> f64 {
        let list = self.get(name).trim_matches(['[', ']']);
        list.split(',').filter(|item| !item.trim().is_empty()).map(|_| 1.0).sum()
    }
}

/// What one resource costs, part by part. What is billed by use alone is in no estimate.
fn price(kind: &str, of: &Attributes<'_>) -> Vec<Price> {
    let public = |addresses: f64| Ok(addresses * hours(prices::PUBLIC_ADDRESS));
    let each = |table, class: &str, times: f64| -> Price {
        prices::hourly(table, class).map(|price| times * hours(price)).ok_or(class.to_owned())
    };
    match kind {
        "nat-gateway" => vec![Ok(hours(prices::NAT_GATEWAY))],
        "elastic-ip" => vec![public(1.0)],
        "load-balancer" => {
            let open = of.is("scheme", "internet-facing");
            // One address in each zone, at least.
            let addresses = if open { of.count("subnets") } else { 0.0 };
            vec![Ok(hours(prices::LOAD_BALANCER)), public(addresses)]
        }
        "instance" => vec![
            each(prices::INSTANCES, of.get("instance_type"), 1.0),
            Ok(prices::ROOT_VOLUME * prices::DISK),
            public(if of.is("public_ip", "true") { 1.0 } else { 0.0 }),
        ],
        "replication-group" => {
            let share = if of.is("engine", "valkey") { prices::VALKEY } else { 1.0 };
            let nodes = 1.0 + of.number("replicas");
            vec![each(prices::CACHE_NODES, of.get("node_type"), share * nodes)]
        }
        "cache-cluster" => {
            vec![each(prices::CACHE_NODES, of.get("node_type"), of.number("nodes"))]
        }
        "db-instance" if of.is("cluster", "(none)") => {
            let times = if of.is("multi_az", "true") { 2.0 } else { 1.0 };
            vec![
                each(prices::DATABASES, of.get("instance_class"), times),
                Ok(times * of.number("storage") * prices::DATABASE_DISK),
                Ok(prices::SECRET),
            ]
        }
        "db-instance" => vec![each(prices::AURORA, of.get("instance_class"), 1.0)],
        "db-cluster" => vec![Ok(prices::SECRET), Err("Aurora's storage and I/O".to_owned())],
        "dynamodb-table" => vec![Err("DynamoDB's requests and storage".to_owned())],
        "secret" => vec![Ok(prices::SECRET)],
        "hosted-zone" => vec![Ok(prices::HOSTED_ZONE)],
        _ => Vec::new(),
    }
}

/// What an hourly price comes to in a month.
fn hours(price: f64) -> f64 {
    price * prices::HOURS
}

impl Display for Monthly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "about ${:.0} a month", self.dollars)?;
        let mut without = self.without.iter();
        if let Some(first) = without.next() {
            write!(f, " without {first}")?;
            without.try_for_each(|other| write!(f, ", {other}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monthly(resources: &[(&'static str, &[(&'static str, &str)])]) -> Monthly {
        let resources: Vec<_> = resources
            .iter()
            .map(|(kind, attributes)| {
                let change = |(attribute, to): &(&'static str, &str)| Change {
                    attribute,
                    from: None,
                    to: (*to).to_owned(),
                    replaces: false,
                };
                let address = Address { kind, name: "x".into() };
                (address, attributes.iter().map(change).collect::<Vec<_>>())
            })
            .collect();
        Monthly::of(resources.iter().map(|(address, changes)| (address, changes.clone())))
    }

    #[test]
    fn a_network_is_its_gateways_and_its_public_addresses() {
        let sum = monthly(&[
            ("vpc", &[("cidr", "10.0.0.0/16")]),
            ("nat-gateway", &[]),
            ("elastic-ip", &[]),
            (
                "load-balancer",
                &[("scheme", "internet-facing"), ("subnets", "[subnet/a, subnet/b]")],
            ),
        ]);
        // 32.85 + 3.65 + 16.43 + 2 × 3.65.
        assert_eq!(sum.to_string(), "about $60 a month");
    }

    #[test]
    fn a_standby_and_a_replica_are_paid_for() {
        let database = |multi_az| {
            monthly(&[(
                "db-instance",
                &[
                    ("cluster", "(none)"),
                    ("instance_class", "db.t4g.micro"),
                    ("storage", "20"),
                    ("multi_az", multi_az),
                ],
            )])
            .dollars
        };
        assert!((database("false") - 14.38).abs() < 0.01, "{}", database("false"));
        assert!((database("true") - 28.36).abs() < 0.01, "{}", database("true"));
        let cache = |engine: &'static str| {
            let group = [("engine", engine), ("node_type", "cache.t4g.micro"), ("replicas", "1")];
            monthly(&[("replication-group", &group)]).dollars
        };
        assert!((cache("redis") - 23.36).abs() < 0.01);
        assert!((cache("valkey") - 0.8 * 23.36).abs() < 0.01);
    }

    #[test]
    fn what_has_no_price_is_named_once() {
        let big = [("instance_type", "u7i-12tb.224xlarge"), ("public_ip", "false")];
        let sum = monthly(&[("instance", &big), ("instance", &big)]);
        assert!(sum.to_string().ends_with("a month without u7i-12tb.224xlarge"), "{sum}");
    }
}
