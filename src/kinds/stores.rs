//! What the kinds of caches and databases have in common: references to either, and versions.

#[cfg(test)]
pub(super) mod bench;
pub(super) mod cache_versions;
pub mod databases;
mod engine_version;
pub(super) mod offers;
pub(super) mod snapshots;
pub(super) mod watch;

pub use engine_version::EngineVersion;

use super::{CacheCluster, DbCluster, DbInstance, ReplicationGroup};
use crate::{
    aws::{Aws, Failure},
    engine::{Attribute, Found, Kind, Phase, Ref, address::Link, plan::Ids},
};
use anyhow::anyhow;

/// Writes an attribute that is a reference to one of two kinds.
macro_rules! either {
    ($(#[$doc:meta])* $name:ident { $(#[$one_doc:meta])* $one:ident($a:ty), $(#[$two_doc:meta])* $two:ident($b:ty) }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $(#[$one_doc])*
            $one(Ref<$a>),
            $(#[$two_doc])*
            $two(Ref<$b>),
        }

        impl Attribute for $name {
            fn show(&self) -> String {
                match self {
                    Self::$one(to) => to.show(),
                    Self::$two(to) => to.show(),
                }
            }
            fn met_by(&self, found: &Self, ids: &Ids) -> bool {
                match (self, found) {
                    (Self::$one(a), Self::$one(b)) => a.met_by(b, ids),
                    (Self::$two(a), Self::$two(b)) => a.met_by(b, ids),
                    _ => false,
                }
            }
            fn links(&self, out: &mut Vec<Link>) {
                match self {
                    Self::$one(to) => to.links(out),
                    Self::$two(to) => to.links(out),
                }
            }
        }
    };
}

either! {
    /// The cache, whichever kind it is made of.
    CacheRef {
        /// Redis or Valkey.
        Group(ReplicationGroup),
        /// Memcached.
        Cluster(CacheCluster)
    }
}

either! {
    /// The database, whichever kind it is made of.
    DatabaseRef {
        /// RDS.
        Instance(DbInstance),
        /// Aurora.
        Cluster(DbCluster)
    }
}

/// What AWS assigned to a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseLive {
    /// The DB instance's or cluster's identifier.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// What runs on it, as AWS spells it.
    pub engine: String,
    /// AWS's word for its state.
    pub status: String,
    /// Its host name; empty while it is being made.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// The database made with it.
    pub database: String,
    /// The master user.
    pub username: String,
    /// The ARN of the secret that RDS keeps the master password in; empty for a member of a cluster,
    /// and where somebody has set the password.
    pub secret_arn: String,
    /// Whether it is the instance of a cluster that writes.
    pub writer: bool,
}

/// A port. While a cache is being made AWS does not tell it: that is 0, which meets every port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port(pub u16);

impl Attribute for Port {
    fn show(&self) -> String {
        self.0.to_string()
    }
    fn met_by(&self, found: &Self, _: &Ids) -> bool {
        found.0 == 0 || self == found
    }
}

/// The engine version of a cache. The wanted one is a prefix: `7.1` is met by `7.1.0`, not by `7.10`. A
/// newer one that differs in the third place only meets it too, since AWS upgrades these by itself:
/// `1.6.17` is met by `1.6.22`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub String);

impl Version {
    /// Whether its numbers, as far as both have them, come after those of `other`.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.parts().gt(other.parts())
    }

    /// Whether `found` is what this one wants.
    pub fn accepts(&self, found: &Self) -> bool {
        let extends = |prefix: &str| {
            found
                .0
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let line = self.0.rsplit_once('.').map(|(line, _)| line).filter(|line| line.contains('.'));
        extends(&self.0) || line.is_some_and(extends) && found.is_newer_than(self)
    }

    /// The numbers in it.
    fn parts(&self) -> impl Iterator<Item = u32> {
        self.0.split('.').filter_map(|part| part.parse().ok())
    }
}

impl Attribute for Version {
    fn show(&self) -> String {
        self.0.clone()
    }
    fn met_by(&self, found: &Self, _: &Ids) -> bool {
        self.accepts(found)
    }
}

/// Whether a refusal means that something just made is not known everywhere yet, or that AWS is
/// still making the service-linked role that the account's first cache or database needs.
pub(super) fn fresh(failure: &Failure) -> bool {
    let unknown = [
        "DBSubnetGroupNotFoundFault",
        "DBClusterNotFoundFault",
        "CacheSubnetGroupNotFoundFault",
        "InvalidSubnet",
    ];
    let words = ["service linked role", "security group", "input subnets", "subnet ID"];
    let says = |words: &str| failure.message.to_lowercase().contains(&words.to_lowercase());
    failure.is(&unknown) || failure.is(&["InvalidParameterValue"]) && words.into_iter().any(says)
}

/// What bears the stack's tags under an id that is not the one the stack gives is no more than a copy
/// of them. `what` is AWS's word for the kind.
pub(super) fn unless_copied<K: Kind>(cloud: &Aws, found: Found<K>, what: &str) -> Found<K> {
    let id = K::id(&found.live);
    if cloud.named(&found.name) == id {
        return found;
    }
    let note = format!(
        "{what} {id} bears this stack's tags under an id that is not the stack's: it is left alone"
    );
    found.in_phase(Phase::Copy).with_notes([note])
}

/// Whether a refusal means that what was asked for is so already: the call was sent again after its
/// answer was lost, and the first had been carried out meanwhile.
pub(super) fn changes_nothing(failure: &Failure) -> bool {
    failure.is(&["InvalidParameterCombination"])
        && failure.message.to_lowercase().contains("no modifications were requested")
}

/// A note on what waits for the maintenance window.
pub(super) fn scheduled(what: &str, to: &str, window: Option<&str>) -> String {
    format!("{what} {to} is scheduled for the maintenance window {}", window.unwrap_or("to come"))
}

/// What to say when a name is taken by something that is not this stack's.
pub(super) fn stranger(what: &str, name: &str) -> anyhow::Error {
    anyhow!(
        "the {what} `{name}` exists and its tags do not say that it is this stack's: remove it or give the stack another name"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_met_by_every_version_it_is_a_prefix_of() {
        let meets = |wanted: &str, found: &str| {
            Version(wanted.into()).met_by(&Version(found.into()), &Ids::default())
        };
        assert!(meets("7.1", "7.1.0") && meets("1.6.22", "1.6.22") && meets("8.0", "8.0.1"));
        assert!(!meets("8.1", "8.10") && !meets("7.1.0", "7.1") && !meets("7.2", "8.0"));
    }

    #[test]
    fn a_version_is_met_by_a_newer_one_of_the_same_line_only() {
        let accepts =
            |wanted: &str, found: &str| Version(wanted.into()).accepts(&Version(found.into()));
        assert!(accepts("1.6.17", "1.6.22") && accepts("7.2.4", "7.2.6"));
        assert!(!accepts("1.6.22", "1.6.17") && !accepts("8.0", "8.2") && !accepts("7.0", "7.1"));
    }

    #[test]
    fn a_port_that_aws_does_not_tell_yet_is_no_difference() {
        let meets = |found| Port(7000).met_by(&Port(found), &Ids::default());
        assert!(meets(0) && meets(7000) && !meets(6379));
    }

    #[test]
    fn versions_are_compared_by_number() {
        let newer = |a: &str, b: &str| Version(a.into()).is_newer_than(&Version(b.into()));
        assert!(newer("8.0", "7.2") && newer("8.10", "8.2") && newer("1.6.22", "1.6.17"));
        assert!(!newer("7.1", "7.1.0") && !newer("7.0", "7.1"));
    }
}
