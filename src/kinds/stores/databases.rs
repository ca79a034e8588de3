//! What DB instances and DB clusters have in common: final snapshots, states and secrets.

use crate::{
    aws::{Aws, Labels, Tags},
    engine::{Address, Phase},
};
use aws_sdk_rds::types::{MasterUserSecret, VpcSecurityGroupMembership};
use std::{collections::BTreeMap, time::SystemTime};

/// The tag that remembers whether a deletion is to leave a snapshot: AWS asks only then.
pub const FINAL_SNAPSHOT: &str = "stackctl:final-snapshot";

/// AWS otherwise takes part, at a price, in support beyond an engine's standard one.
pub(in crate::kinds) const LIFECYCLE: &str = "open-source-rds-extended-support-disabled";

/// What AWS answers while a database is not in a state to be changed or deleted.
pub(in crate::kinds) const BUSY: [&str; 2] =
    ["InvalidDBInstanceState", "InvalidDBClusterStateFault"];

/// Every tag of a database.
pub(in crate::kinds) fn labels(
    cloud: &Aws,
    address: &Address,
    tags: &Tags,
    snapshot: Option<bool>,
) -> Labels {
    let mut labels = cloud.labels(address, tags);
    labels.extend(snapshot.map(|wanted| (FINAL_SNAPSHOT.to_owned(), wanted.to_string())));
    labels
}

/// What the tags say about a final snapshot; without a word, there is one.
pub(in crate::kinds) fn wants_snapshot(tags: &BTreeMap<String, String>) -> bool {
    tags.get(FINAL_SNAPSHOT).is_none_or(|wanted| wanted != "false")
}

/// The name of a final snapshot: `<id>-final-<when>`, in UTC.
pub(in crate::kinds) fn snapshot_name(id: &str, now: SystemTime) -> String {
    let now = humantime::format_rfc3339_seconds(now).to_string();
    let now: String = now.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{id}-final-{}", now.trim_end_matches('Z').to_lowercase())
}

/// What a deletion does with what was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kinds) enum Farewell {
    /// A final snapshot is made.
    Snapshot,
    /// One is wanted, but AWS makes none in this state: the automated backups are kept.
    Backups,
    /// Nothing is kept.
    Nothing,
}

impl Farewell {
    pub(in crate::kinds) fn of(status: &str, wanted: bool) -> Self {
        match status {
            _ if !wanted => Self::Nothing,
            // Nothing was ever stored.
            "creating" => Self::Nothing,
            "failed" => Self::Backups,
            _ if status.starts_with("incompatible-") => Self::Backups,
            _ => Self::Snapshot,
        }
    }

    /// What to announce of it.
    pub(in crate::kinds) fn announce(self, status: &str) -> Option<String> {
        match self {
            Self::Snapshot => Some("a final snapshot is kept".into()),
            Self::Backups => Some(format!(
                "no final snapshot can be made while it is {status}; its automated backups are kept"
            )),
            Self::Nothing => None,
        }
    }
}

/// States that a database does not leave by itself. Everything in it may still be there.
fn is_stuck(status: &str) -> bool {
    status.starts_with("incompatible-")
        || status.starts_with("inaccessible-encryption-credentials")
        || status.ends_with("-failed")
        || matches!(status, "failed" | "restore-error" | "insufficient-capacity")
}

/// How far along a database is; `stored` says whether it has ever been up. One that has and is
/// stuck is never made anew: waiting for it fails, and says why.
pub(in crate::kinds) fn phase(status: &str, stored: bool) -> Phase {
    match status {
        "deleting" | "delete-precheck" => Phase::Going,
        "available" | "backing-up" | "storage-optimization" | "storage-initialization" => {
            Phase::Ready
        }
        // Both are for their owner to mend: by more storage, or by starting it.
        "storage-full" | "stopped" => Phase::Ready,
        _ if is_stuck(status) && !stored => Phase::Broken,
        _ => Phase::Coming,
    }
}

/// Why a database in this state cannot be used and will not be, unless somebody mends it.
pub(in crate::kinds) fn trouble(status: &str) -> Option<String> {
    match status {
        "storage-full" => Some("its storage is full (storage-full): raise `storage`".into()),
        "stopped" => Some("it is stopped".into()),
        _ if is_stuck(status) => Some(format!("RDS says {status}")),
        _ => None,
    }
}

/// Whether the secret with the master password can be read yet.
pub(in crate::kinds) fn has_secret(secret: Option<&MasterUserSecret>) -> bool {
    secret.is_some_and(|s| s.secret_arn().is_some() && s.secret_status() != Some("creating"))
}

/// The ids of the security groups that it has and keeps.
pub(in crate::kinds) fn group_ids(
    groups: &[VpcSecurityGroupMembership],
) -> impl Iterator<Item = &str> {
    groups
        .iter()
        .filter(|g| g.status() != Some("removing"))
        .filter_map(VpcSecurityGroupMembership::vpc_security_group_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_final_snapshot_is_named_after_the_moment_and_as_rds_allows() {
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        assert_eq!(snapshot_name("shop-db", then), "shop-db-final-20260921t141320");
    }

    #[test]
    fn a_snapshot_is_made_unless_it_is_unwanted_or_impossible() {
        assert_eq!(Farewell::of("available", true), Farewell::Snapshot);
        assert_eq!(Farewell::of("storage-full", true), Farewell::Snapshot);
        assert_eq!(Farewell::of("available", false), Farewell::Nothing);
        assert_eq!(Farewell::of("creating", true), Farewell::Nothing);
        assert_eq!(Farewell::of("incompatible-restore", true), Farewell::Backups);
        assert_eq!(Farewell::of("failed", true), Farewell::Backups);
    }

    #[test]
    fn without_a_word_in_the_tags_a_snapshot_is_wanted() {
        let tag = |value: &str| BTreeMap::from([(FINAL_SNAPSHOT.to_owned(), value.to_owned())]);
        assert!(wants_snapshot(&BTreeMap::new()) && wants_snapshot(&tag("true")));
        assert!(!wants_snapshot(&tag("false")));
    }

    #[test]
    fn a_database_that_was_ever_up_is_never_made_anew() {
        for status in [
            "failed",
            "restore-error",
            "incompatible-network",
            "incompatible-parameters",
            "incompatible-restore",
            "inaccessible-encryption-credentials",
            "inaccessible-encryption-credentials-recoverable",
        ] {
            assert_eq!(phase(status, true), Phase::Coming, "{status}");
            assert_eq!(phase(status, false), Phase::Broken, "{status}");
            assert!(trouble(status).is_some(), "{status}");
        }
        assert_eq!(phase("storage-full", true), Phase::Ready);
        assert!(trouble("storage-full").is_some() && trouble("available").is_none());
    }
}
