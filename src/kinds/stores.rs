//! What the kinds of caches and databases have in common: references to either, and versions.

use super::{CacheCluster, DbCluster, DbInstance, ReplicationGroup};
use crate::engine::{Attribute, Ref, address::Link, plan::Ids};

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
    /// The ARN of the secret that RDS keeps the master password in; empty for a member of a cluster.
    pub secret_arn: String,
}

/// An engine version. The wanted one is a prefix: `17` is met by `17.9`, not by `170`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub String);

impl Version {
    /// Whether its components, as far as both have them, come after those of `other`.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.parts().gt(other.parts())
    }

    fn parts(&self) -> impl Iterator<Item = u32> {
        self.0.split(['.', '_']).map_while(|part| part.parse().ok())
    }
}

impl Attribute for Version {
    fn show(&self) -> String {
        self.0.clone()
    }
    fn met_by(&self, found: &Self, _: &Ids) -> bool {
        found.0.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_met_by_every_version_it_is_a_prefix_of() {
        let meets = |wanted: &str, found: &str| {
            Version(wanted.into()).met_by(&Version(found.into()), &Ids::default())
        };
        assert!(meets("17", "17.9") && meets("17.9", "17.9") && meets("8.0", "8.0.1"));
        assert!(!meets("17", "170.1") && !meets("17.9", "17") && !meets("16", "17.1"));
    }

    #[test]
    fn versions_are_compared_by_number() {
        let newer = |a: &str, b: &str| Version(a.into()).is_newer_than(&Version(b.into()));
        assert!(newer("17", "16.13") && newer("10.2", "9.6") && newer("8.0", "7.2"));
        assert!(!newer("16", "17.9") && !newer("7.1", "7.1.0"));
    }
}
