//! The engine version of a database, and what AWS's own upgrades do to it.

use crate::engine::{Attribute, plan::Ids};

/// The engine version of a database. The wanted one is the least: minor versions that AWS upgrades to
/// by itself meet it, another major version does not. `17` and `17.4` are met by `17.9`, `8.0` is not
/// met by `8.4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineVersion {
    text: String,
    /// How many numbers its major version has.
    major: usize,
}

impl EngineVersion {
    /// A version of an engine, as AWS spells both. PostgreSQL's major versions are one number, those
    /// of MySQL and `MariaDB` two.
    pub fn of(engine: &str, text: impl Into<String>) -> Self {
        let major = if engine.contains("postgres") { 1 } else { 2 };
        Self { text: text.into(), major }
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The major version it belongs to, as it is written.
    pub fn major(&self) -> String {
        let numbers: Vec<_> = self.parts().take(self.major).map(|part| part.to_string()).collect();
        numbers.join(".")
    }

    /// Whether its numbers, as far as both have them, come after those of `other`.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.parts().gt(other.parts())
    }

    /// Whether `found` is what this one wants.
    pub fn accepts(&self, found: &Self) -> bool {
        self.major() == found.major() && !self.is_newer_than(found)
    }

    /// What versions are sorted by.
    pub fn key(&self) -> Vec<u32> {
        self.parts().collect()
    }

    /// The numbers in it; Aurora's have words in between, and those in extended support words behind
    /// (`11.22-rds.20240418`).
    fn parts(&self) -> impl Iterator<Item = u32> {
        let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>();
        self.text.split(['.', '_']).filter_map(move |part| digits(part).parse().ok())
    }
}

impl Attribute for EngineVersion {
    fn show(&self) -> String {
        self.text.clone()
    }
    fn met_by(&self, found: &Self, _: &Ids) -> bool {
        self.accepts(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(engine: &str, wanted: &str, found: &str) -> bool {
        EngineVersion::of(engine, wanted).accepts(&EngineVersion::of(engine, found))
    }

    #[test]
    fn a_version_is_met_by_the_minor_upgrades_that_aws_makes_by_itself() {
        assert!(accepts("postgres", "17", "17.9") && accepts("postgres", "17.4", "17.9"));
        assert!(accepts("mysql", "8.0.40", "8.0.46") && accepts("mysql", "8.4", "8.4.9"));
        let aurora = |found| accepts("aurora-mysql", "8.0.mysql_aurora.3.10.0", found);
        assert!(aurora("8.0.mysql_aurora.3.10.2") && !aurora("8.0.mysql_aurora.3.08.2"));
        assert!(accepts("postgres", "11", "11.22-rds.20240418"));
        assert!(accepts("postgres", "11.22", "11.22-rds.20240418"));
    }

    #[test]
    fn another_major_version_meets_nothing_however_its_engine_counts() {
        assert!(!accepts("postgres", "17", "170.1") && !accepts("postgres", "17.4", "18.1"));
        assert!(!accepts("mysql", "8.0", "8.4.6") && !accepts("mariadb", "10.6", "10.11.14"));
        assert!(!accepts("postgres", "17.9", "17.4") && !accepts("mysql", "8.4", "8.0.46"));
        assert_eq!(EngineVersion::of("mysql", "8.4.6").major(), "8.4");
        assert_eq!(EngineVersion::of("aurora-postgresql", "16.9").major(), "16");
    }

    #[test]
    fn versions_are_compared_by_number() {
        let newer = |a: &str, b: &str| {
            EngineVersion::of("mysql", a).is_newer_than(&EngineVersion::of("mysql", b))
        };
        assert!(newer("8.4", "8.0.46") && newer("10.11", "10.6.22"));
        assert!(newer("8.0.mysql_aurora.3.12.0", "8.0.mysql_aurora.3.10.0"));
        assert!(!newer("8.0", "8.0.46") && !newer("8.4", "8.4"));
    }
}
