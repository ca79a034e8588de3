//! What DB instances and DB clusters have in common: changes, final snapshots, states and secrets.

use crate::{
    aws::{Aws, Failure, Labels, Tags, Tolerant, eventually},
    engine::{Address, Attribute, Change, Cx, Pace, Phase, Probe, Refused, plan::Ids},
    kinds::stores::{EngineVersion, fresh, snapshots::RESTORED_FROM},
};
use anyhow::Result;
use aws_sdk_rds::types::{MasterUserSecret, VpcSecurityGroupMembership};
use std::{collections::BTreeMap, time::SystemTime};

/// The tag that remembers whether a deletion is to leave a snapshot: AWS asks only then.
pub const FINAL_SNAPSHOT: &str = "stackctl:final-snapshot";

/// How long making, changing or deleting a database may take.
pub(in crate::kinds) const WORK: Pace = Pace::seconds(15, 3600);

/// The GiB of a disk. It can only grow, by hand and by itself too, so a larger one meets the wanted
/// one: what the file asks for is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Storage(pub u32);

impl Attribute for Storage {
    fn show(&self) -> String {
        self.0.to_string()
    }
    fn met_by(&self, found: &Self, _: &Ids) -> bool {
        found >= self
    }
}

/// When RDS makes backups and does maintenance, in UTC; what is `None` is left as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    /// `hh:mm-hh:mm`, each day.
    pub backup: Option<String>,
    /// `ddd:hh:mm-ddd:hh:mm`, each week.
    pub maintenance: Option<String>,
}

impl Windows {
    /// As AWS tells them.
    pub(in crate::kinds) fn told(backup: Option<&str>, maintenance: Option<&str>) -> Self {
        let lower = |window: &str| window.to_lowercase();
        Self { backup: backup.map(lower), maintenance: maintenance.map(lower) }
    }

    /// Whether these are what is wanted.
    pub(in crate::kinds) fn met_by(&self, found: &Self) -> bool {
        (self.backup.is_none() || self.backup == found.backup)
            && (self.maintenance.is_none() || self.maintenance == found.maintenance)
    }
}

/// Whether a database stays on its major version past the end of standard support, which AWS bills
/// for; otherwise RDS upgrades it. `None` where the engine has no such choice or AWS does not tell,
/// which meets either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedSupport(pub Option<bool>);

const EXTENDED: &str = "open-source-rds-extended-support";
const STANDARD: &str = "open-source-rds-extended-support-disabled";

impl ExtendedSupport {
    /// As AWS tells it.
    pub(in crate::kinds) fn told(lifecycle: Option<&str>) -> Self {
        Self(lifecycle.map(|lifecycle| lifecycle == EXTENDED))
    }

    /// As AWS takes it. Without a word, it takes part in extended support.
    pub(in crate::kinds) fn lifecycle(self) -> Option<String> {
        self.0.map(|extended| if extended { EXTENDED } else { STANDARD }.to_owned())
    }
}

impl Attribute for ExtendedSupport {
    fn show(&self) -> String {
        self.0.map_or_else(|| "(none)".into(), |extended| extended.to_string())
    }
    fn met_by(&self, found: &Self, _: &Ids) -> bool {
        self.0.is_none() || found.0.is_none() || self == found
    }
}

/// What AWS answers while a database is not in a state to be changed or deleted.
pub(in crate::kinds) const BUSY: [&str; 2] =
    ["InvalidDBInstanceState", "InvalidDBClusterStateFault"];

/// Asks RDS to make a database, until what it needs is known there. `None` where `exists`, the wire
/// code for one of its name, is the answer.
pub(in crate::kinds) async fn make<T: Send, F>(
    cx: &Cx<Aws>,
    exists: &'static str,
    send: impl Fn() -> F,
) -> Result<Option<T>>
where
    F: Future<Output = Result<T, Failure>> + Send,
{
    eventually(cx, Pace::seconds(5, 180), fresh, || {
        let answer = send();
        async move { answer.await.or_code(&[exists]) }
    })
    .await
}

/// Every tag of a database.
pub(in crate::kinds) fn labels(
    cloud: &Aws,
    address: &Address,
    tags: &Tags,
    final_snapshot: Option<bool>,
    restored_from: Option<&str>,
) -> Labels {
    let mut labels = cloud.labels(address, tags);
    labels.extend(final_snapshot.map(|wanted| (FINAL_SNAPSHOT.to_owned(), wanted.to_string())));
    labels.extend(restored_from.map(|id| (RESTORED_FROM.to_owned(), id.to_owned())));
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
    /// One is wanted, but AWS makes none in this state, and there are no automated backups.
    Lost,
    /// Nothing is kept.
    Nothing,
}

impl Farewell {
    /// What becomes of a database in this state that keeps so many days of backups. AWS makes no
    /// final snapshot of one that is `failed`, `incompatible-restore` or `incompatible-network`
    /// (`DeleteDBInstance`, `SkipFinalSnapshot`).
    pub(in crate::kinds) fn of(status: &str, wanted: bool, backup_days: u8) -> Self {
        match status {
            _ if !wanted => Self::Nothing,
            // Nothing was ever stored.
            "creating" => Self::Nothing,
            "failed" | "incompatible-restore" | "incompatible-network" if backup_days > 0 => {
                Self::Backups
            }
            "failed" | "incompatible-restore" | "incompatible-network" => Self::Lost,
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
            Self::Lost => Some(format!(
                "no final snapshot can be made while it is {status}, and it has no automated backups"
            )),
            Self::Nothing => None,
        }
    }

    /// Why a deletion needs to be asked for in so many words.
    pub(in crate::kinds) fn guard(self, status: &str) -> Option<String> {
        (self == Self::Lost).then(|| self.announce(status)).flatten()
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

/// Whether a database in this state cannot be used, and will not be unless somebody mends it.
pub fn is_out_of_use(status: &str) -> bool {
    matches!(status, "storage-full" | "stopped") || is_stuck(status)
}

/// Why a database in this state cannot be used and will not be, unless somebody mends it, and how.
/// `kind` is what RDS's command line calls it: `db-instance`, `db-cluster`.
pub(in crate::kinds) fn trouble(kind: &str, id: &str, status: &str) -> Option<String> {
    match status {
        "storage-full" => Some(
            "its storage is full (storage-full): write a larger `storage` into the file".into(),
        ),
        "stopped" => Some(format!(
            "it is stopped: start it first (aws rds start-{kind} --{kind}-identifier {id})"
        )),
        _ if status.starts_with("inaccessible-encryption-credentials") => Some(format!(
            "RDS says {status}: enable its KMS key again, and start it (aws rds start-{kind} \
             --{kind}-identifier {id})"
        )),
        "insufficient-capacity" => {
            Some("RDS says insufficient-capacity: try again later, or with another class".into())
        }
        _ if is_stuck(status) => {
            Some(format!("RDS says {status}: its events in the console say why"))
        }
        _ => None,
    }
}

/// Why a database that runs a newer version than the file asks for is not changed. That happens when
/// somebody has upgraded it, or RDS has at the end of standard support. Versions of two engines have
/// no order: another engine is refused for what it would cost.
pub(in crate::kinds) fn refuse_older(
    engine: &str,
    wanted: &EngineVersion,
    found: &EngineVersion,
    changes: &[Change],
) -> Option<Refused> {
    let of = |attribute| changes.iter().any(|change| change.attribute == attribute);
    (of("version") && !of("engine") && !wanted.is_newer_than(found)).then(|| Refused {
        says: format!(
            "runs {engine} {}, which is newer than the file's {}: RDS does not go back",
            found.as_str(),
            wanted.as_str()
        ),
        remedy: format!("write `version: \"{}\"` under `database`", found.major()),
    })
}

/// The note on a database that bears the stack's tags and not the name that the stack gives it. AWS
/// gives a copy that is restored from a snapshot the tags of what it was made from.
pub(in crate::kinds) fn copy_note(what: &str, id: &str, named: &str) -> String {
    format!(
        "{what} {id} bears this stack's tags and is not {named}: a copy, or one that was renamed; \
         it is left alone"
    )
}

/// How far along a database is, and what is wrong with it.
pub(in crate::kinds) struct Standing {
    /// AWS's word for its state.
    pub(in crate::kinds) status: String,
    /// Why it will stay in this state.
    pub(in crate::kinds) trouble: Option<String>,
    /// Whether it is as it is wanted, what is pending included.
    pub(in crate::kinds) done: bool,
}

/// Sends a change until RDS takes it. Before it is sent again, `look` tells whether that is still of
/// use: the first call may have been carried out and its answer lost, and a state that does not pass
/// takes no change.
pub(in crate::kinds) async fn change<S, L>(
    cx: &Cx<Aws>,
    send: impl Fn() -> S,
    look: impl Fn() -> L,
) -> Result<()>
where
    S: Future<Output = Result<(), Failure>> + Send,
    L: Future<Output = Result<Standing>> + Send,
{
    cx.until(WORK, || {
        let (answer, look) = (send(), look());
        async move {
            let Err(failure) = answer.await else { return Ok(Probe::Ready(())) };
            let busy = failure.is(&BUSY);
            if !busy && !failure.is(&["InvalidParameterCombination"]) {
                return Err(failure.into());
            }
            let now = look.await?;
            Ok(match now.trouble {
                _ if now.done => Probe::Ready(()),
                _ if !busy => return Err(failure.into()),
                Some(trouble) => Probe::Failed(trouble),
                None => Probe::Pending(now.status),
            })
        }
    })
    .await
}

/// Whether RDS is still making the secret with the master password.
pub(in crate::kinds) fn awaits_secret(secret: Option<&MasterUserSecret>) -> bool {
    secret.is_some_and(|s| s.secret_arn().is_none() || s.secret_status() == Some("creating"))
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
        for status in ["available", "storage-full", "stopped", "incompatible-parameters"] {
            assert_eq!(Farewell::of(status, true, 0), Farewell::Snapshot, "{status}");
            assert_eq!(Farewell::of(status, false, 7), Farewell::Nothing, "{status}");
        }
        assert_eq!(Farewell::of("creating", true, 7), Farewell::Nothing);
        for status in ["failed", "incompatible-restore", "incompatible-network"] {
            assert_eq!(Farewell::of(status, true, 7), Farewell::Backups, "{status}");
            let lost = Farewell::of(status, true, 0);
            assert_eq!(lost, Farewell::Lost, "{status}");
            assert!(lost.guard(status).unwrap().contains("no automated backups"), "{status}");
        }
        assert_eq!(Farewell::Backups.guard("failed"), None);
    }

    #[test]
    fn a_larger_disk_meets_what_is_asked_for() {
        let met = |wanted, found| Storage(wanted).met_by(&Storage(found), &Ids::default());
        assert!(met(20, 20) && met(105, 110) && !met(40, 20));
    }

    #[test]
    fn extended_support_is_compared_only_where_aws_tells_of_it() {
        let met = |wanted, found: Option<&str>| {
            ExtendedSupport(wanted).met_by(&ExtendedSupport::told(found), &Ids::default())
        };
        assert!(met(Some(false), None) && met(None, Some(EXTENDED)));
        assert!(met(Some(false), Some(STANDARD)) && !met(Some(false), Some(EXTENDED)));
    }

    #[test]
    fn a_state_that_does_not_pass_tells_how_to_leave_it() {
        let told = |status| trouble("db-instance", "shop-db", status).unwrap();
        assert!(
            told("stopped").contains("aws rds start-db-instance --db-instance-identifier shop-db")
        );
        assert!(told("storage-full").contains("larger `storage`"));
        assert!(told("inaccessible-encryption-credentials-recoverable").contains("KMS key"));
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
            assert!(trouble("db-instance", "shop-db", status).is_some(), "{status}");
        }
        assert_eq!(phase("storage-full", true), Phase::Ready);
        assert!(trouble("db-instance", "shop-db", "available").is_none());
    }
}
