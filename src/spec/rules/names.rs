//! Rules about DNS records and tags.

use std::collections::{BTreeMap, BTreeSet};

use super::Refuse;
use crate::spec::{Spec, Wrong, tags};

/// The most tags of the user and records together: AWS takes 50 tags on the load balancer, where
/// each record is remembered in one.
const MOST_WITH_RECORDS: usize = 44;

pub(super) fn records_are_in_the_zone(spec: &Spec, refuse: Refuse) {
    let Some(dns) = &spec.dns else { return };
    let mut seen = BTreeSet::new();
    for (index, record) in dns.records.iter().enumerate() {
        let path = format!("dns.records.{index}");
        if !dns.holds(record) {
            refuse(
                &path,
                Wrong::new("this name is not in the zone")
                    .help("it must be the name in `dns.zone`, or end with a dot and that name"),
            );
        }
        if !seen.insert(record) {
            refuse(&path, Wrong::new("this name stands here a second time"));
        }
    }
}

/// Domains for documentation (RFC 2606): "example.com is reserved by AWS!", and so is all below
/// (Route 53, `InvalidDomainName`).
const RESERVED: [&str; 3] = ["example.com", "example.net", "example.org"];

pub(super) fn the_zone_can_be_made(spec: &Spec, refuse: Refuse) {
    let Some(dns) = spec.dns.as_ref().filter(|dns| dns.create_zone) else { return };
    let below = |reserved: &str| {
        let rest = dns.zone.strip_suffix(reserved);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if let Some(reserved) = RESERVED.iter().find(|reserved| below(reserved)) {
        refuse(
            "dns.zone",
            Wrong::new(format!("AWS makes no hosted zone for {reserved}, nor for a name below it"))
                .help("write a domain of your own"),
        );
    }
}

/// A record is remembered in a tag as `<zone id>/<name>`: a tag's value has at most 256 characters,
/// a zone's id at most 32 (API references of ELBv2 and Route 53).
const LONGEST_RECORD: usize = 256 - 32 - 1;

pub(super) fn records_can_be_remembered(spec: &Spec, refuse: Refuse) {
    let records = spec.dns.iter().flat_map(|dns| dns.records.iter().enumerate());
    for (index, _) in records.filter(|(_, record)| record.len() > LONGEST_RECORD) {
        refuse(
            &format!("dns.records.{index}"),
            Wrong::new(format!("this name has more than {LONGEST_RECORD} characters")).help(
                "it is remembered in the value of a tag, which has room for a zone's id and so many",
            ),
        );
    }
}

pub(super) fn dns_makes_something(spec: &Spec, refuse: Refuse) {
    if spec.dns.as_ref().is_some_and(|dns| dns.records.is_empty() && !dns.create_zone) {
        refuse(
            "dns.records",
            Wrong::new("this section would make nothing")
                .help("add `records:` with the names that lead to the load balancer"),
        );
    }
}

pub(super) fn tags_fit(spec: &Spec, refuse: Refuse) {
    let (create_zone, records) =
        spec.dns.as_ref().map_or((false, 0), |dns| (dns.create_zone, dns.records.len()));
    let (most, why) = if create_zone {
        (tags::MOST_WITH_ZONE, "a hosted zone takes 10 in all, and stackctl needs some itself")
    } else {
        (tags::MOST, "AWS takes 50 on a resource, and stackctl needs some itself")
    };
    if spec.tags.len() > most {
        refuse("tags", Wrong::new(format!("there are more than {most} tags")).help(why));
    } else if spec.tags.len() + records > MOST_WITH_RECORDS {
        refuse(
            "dns.records",
            Wrong::new(format!("tags and records are more than {MOST_WITH_RECORDS} together"))
                .help("the load balancer remembers each record in a tag, and AWS takes 50"),
        );
    }
    let mut seen = BTreeMap::new();
    for key in spec.tags.keys() {
        if let Some(other) = seen.insert(key.to_lowercase(), key) {
            refuse(
                &format!("tags.{key}"),
                Wrong::new(format!("`{other}` and `{key}` differ in nothing but case"))
                    .help("for IAM they are the same key, and the instances' role bears them all"),
            );
        }
    }
    if tags::remembered(spec.tags.keys()) > tags::LONGEST_KEYS {
        refuse(
            "tags",
            Wrong::new(format!(
                "the keys have more than {} characters together",
                tags::LONGEST_KEYS
            ))
            .help(
                "they are remembered in the value of one tag, where a space or `=` takes three; \
                 choose shorter keys",
            ),
        );
    }
}
