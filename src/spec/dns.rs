//! Names for the load balancer.

use serde::Serialize;

use super::Wrong;
use super::reader::Section;

/// Names for the load balancer, in a Route 53 hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dns {
    /// The name of the hosted zone, in lower case and without the trailing dot.
    pub zone: String,
    /// Whether the zone belongs to the stack: made and removed with it.
    pub create_zone: bool,
    /// The names that lead to the load balancer, in lower case and without the trailing dot:
    /// the zone's own or below it.
    pub records: Vec<String>,
}

impl Dns {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            zone: section.text("zone", zone).unwrap_or_default(),
            create_zone: section.switch("create_zone"),
            records: section.texts("records", record).unwrap_or_default(),
        }
    }

    /// Whether a name is the zone's own or below it.
    pub(super) fn holds(&self, record: &str) -> bool {
        record.strip_suffix(&*self.zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

fn zone(text: &str) -> Result<String, Wrong> {
    let name = domain(text)?;
    if !name.contains('.') {
        return Err(Wrong::new("expected the name of a hosted zone").help("such as example.com"));
    }
    Ok(name)
}

fn record(text: &str) -> Result<String, Wrong> {
    // Route 53 lets the first label be a star that stands for all names below.
    match text.strip_prefix("*.") {
        Some(below) => domain(below).map(|below| format!("*.{below}")),
        None => domain(text),
    }
}

/// A domain name in lower case and without the trailing dot.
fn domain(text: &str) -> Result<String, Wrong> {
    let wrong = |says: &'static str| Wrong::new(says).help("such as shop.example.com");
    let name = text.strip_suffix('.').unwrap_or(text).to_lowercase();
    if let Some((_, rest)) = name.split_once("://") {
        return Err(
            wrong("a name is no URL").fix(Some(format!("write {}", rest.trim_end_matches('/'))))
        );
    }
    if name.len() > 255 || name.split('.').any(|label| label.len() > 63) {
        return Err(wrong("a name has at most 255 characters, and 63 between two dots"));
    }
    let good = name.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
    });
    if good {
        Ok(name)
    } else {
        Err(wrong("expected a domain name: letters, digits and `-`, with dots between"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_in_one_spelling() {
        assert_eq!(zone("Example.com.").unwrap(), "example.com");
        assert_eq!(record("*.Shop.example.com").unwrap(), "*.shop.example.com");
    }

    #[test]
    fn what_is_not_a_domain_name_is_refused() {
        let long = format!("{}.example.com", "a".repeat(64));
        for bad in
            ["", ".", "example..com", "-a.example.com", "a b.example.com", "ä.example.com", &long]
        {
            assert!(zone(bad).is_err(), "{bad}");
        }
        assert!(zone("com").is_err());
        assert!(record("a.*.example.com").is_err());
        let wrong = record("https://shop.example.com/").unwrap_err();
        assert_eq!(wrong.fix.unwrap(), "write shop.example.com");
    }

    #[test]
    fn a_zone_holds_itself_and_what_is_below() {
        let dns = Dns { zone: "example.com".into(), create_zone: false, records: vec![] };
        assert!(dns.holds("example.com") && dns.holds("a.b.example.com"));
        assert!(!dns.holds("badexample.com") && !dns.holds("example.org"));
    }
}
