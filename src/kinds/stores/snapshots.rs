//! The snapshot that a database is made from: what keeps RDS from restoring it as the file has it.

use super::EngineVersion;
use crate::{
    aws::{Aws, Sent, Tolerant},
    engine::{Change, Problem, Refused},
};
use anyhow::Result;
use aws_sdk_rds::types::{DbClusterSnapshot, DbSnapshot};

/// The tag that remembers which snapshot a database was made from.
pub(in crate::kinds) const RESTORED_FROM: &str = "stackctl:snapshot";

/// What a snapshot holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kinds) struct Snapshot {
    id: String,
    status: String,
    engine: String,
    version: String,
    username: String,
    encrypted: bool,
    /// GiB; of a cluster's snapshot that is of no meaning.
    storage: Option<u32>,
}

/// What a database is to be after it was restored.
pub(in crate::kinds) struct Restored<'a> {
    pub(in crate::kinds) engine: &'a str,
    pub(in crate::kinds) version: &'a EngineVersion,
    pub(in crate::kinds) username: &'a str,
    /// GiB; `None` for a cluster.
    pub(in crate::kinds) storage: Option<u32>,
}

impl Snapshot {
    fn of_instance(one: DbSnapshot) -> Self {
        Self {
            id: one.db_snapshot_identifier.unwrap_or_default(),
            status: one.status.unwrap_or_default(),
            engine: one.engine.unwrap_or_default(),
            version: one.engine_version.unwrap_or_default(),
            username: one.master_username.unwrap_or_default(),
            encrypted: one.encrypted.unwrap_or_default(),
            storage: one.allocated_storage.and_then(|size| u32::try_from(size).ok()),
        }
    }

    fn of_cluster(one: DbClusterSnapshot) -> Self {
        Self {
            id: one.db_cluster_snapshot_identifier.unwrap_or_default(),
            status: one.status.unwrap_or_default(),
            engine: one.engine.unwrap_or_default(),
            version: one.engine_version.unwrap_or_default(),
            username: one.master_username.unwrap_or_default(),
            encrypted: one.storage_encrypted.unwrap_or_default(),
            storage: None,
        }
    }

    /// What stands against restoring it as it is wanted, each with what to write instead. A restored
    /// database has the engine, the version and the master user of its snapshot, at least its
    /// storage, and is encrypted only where the snapshot is (`RestoreDBInstanceFromDBSnapshot`).
    fn problems(&self, wanted: &Restored<'_>) -> Vec<Problem> {
        let Self { id, engine, version, username, .. } = self;
        let mut problems = Vec::new();
        let mut add = |says: String, remedy: String| problems.push(Problem::new(says, remedy));
        if self.status != "available" {
            add(
                format!("the snapshot {id} is {}", self.status),
                "wait until it is available".into(),
            );
        }
        if engine != wanted.engine {
            add(
                format!("the snapshot {id} is of {engine}, and the file says {}", wanted.engine),
                format!("write `engine: {engine}` under `database`, or name another snapshot"),
            );
        } else if !wanted.version.accepts(&EngineVersion::of(engine, version.as_str())) {
            let major = EngineVersion::of(engine, version.as_str()).major();
            add(
                format!(
                    "the snapshot {id} is of {engine} {version}, and the file says {}",
                    wanted.version.as_str()
                ),
                format!("write `version: \"{major}\"` under `database`, and upgrade it afterwards"),
            );
        }
        if username != wanted.username {
            add(
                format!("the master user of the snapshot {id} is {username}"),
                format!("write `username: {username}` under `database`: RDS changes no name"),
            );
        }
        if !self.encrypted {
            add(
                format!("the snapshot {id} is not encrypted, and so would be what is made from it"),
                "copy it with a KMS key (aws rds copy-db-snapshot --kms-key-id alias/aws/rds …; \
                 copy-db-cluster-snapshot for Aurora) and name the copy"
                    .into(),
            );
        }
        if let (Some(has), Some(storage)) = (self.storage, wanted.storage)
            && storage < has
        {
            add(
                format!("the snapshot {id} takes {has} GiB"),
                format!("write `storage: {has}` under `database`"),
            );
        }
        problems
    }
}

/// What stands against making a DB instance from a snapshot.
pub(in crate::kinds) async fn refuses_instance(
    cloud: &Aws,
    id: &str,
    wanted: &Restored<'_>,
) -> Result<Vec<Problem>> {
    let call = cloud.rds.describe_db_snapshots().db_snapshot_identifier(id);
    // Those of other accounts are named by their ARN.
    let call = call.set_include_shared(id.starts_with("arn:").then_some(true));
    let found = call.send().await.aws().or_gone()?;
    let found = found.and_then(|answer| answer.db_snapshots?.into_iter().next());
    let missing = || missing(cloud, id, "DB snapshot", "describe-db-snapshots");
    Ok(against(found.map(Snapshot::of_instance), wanted, missing))
}

/// What stands against making a DB cluster from a snapshot.
pub(in crate::kinds) async fn refuses_cluster(
    cloud: &Aws,
    id: &str,
    wanted: &Restored<'_>,
) -> Result<Vec<Problem>> {
    let call = cloud.rds.describe_db_cluster_snapshots().db_cluster_snapshot_identifier(id);
    let call = call.set_include_shared(id.starts_with("arn:").then_some(true));
    let found = call.send().await.aws().or_gone()?;
    let found = found.and_then(|answer| answer.db_cluster_snapshots?.into_iter().next());
    let missing = || missing(cloud, id, "DB cluster snapshot", "describe-db-cluster-snapshots");
    Ok(against(found.map(Snapshot::of_cluster), wanted, missing))
}

fn against(
    snapshot: Option<Snapshot>,
    wanted: &Restored<'_>,
    missing: impl FnOnce() -> Problem,
) -> Vec<Problem> {
    snapshot.map_or_else(|| vec![missing()], |snapshot| snapshot.problems(wanted))
}

fn missing(cloud: &Aws, id: &str, what: &str, lists: &str) -> Problem {
    Problem::new(
        format!("there is no {what} {id} in {}", cloud.region),
        format!("`aws rds {lists}` lists them; write one of them as `from_snapshot`"),
    )
}

/// Why a database that stands is not made from a snapshot that the file names now.
pub(in crate::kinds) fn refuse_later(changes: &[Change]) -> Option<Refused> {
    changes.iter().any(|change| change.attribute == "snapshot").then(|| Refused {
        says: "stands already, and a snapshot is restored only when it is made".into(),
        remedy: "take `from_snapshot` out of the file; to go back to the snapshot, take the \
                 `database` section out first and run `stackctl up`, which keeps a final snapshot of \
                 what is there now"
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        Snapshot {
            id: "shop-db-final".into(),
            status: "available".into(),
            engine: "postgres".into(),
            version: "17.4".into(),
            username: "app".into(),
            encrypted: true,
            storage: Some(100),
        }
    }

    /// What stands against it, as one text.
    fn told(snapshot: &Snapshot) -> String {
        let version = EngineVersion::of("postgres", "17");
        let wanted =
            Restored { engine: "postgres", version: &version, username: "app", storage: Some(100) };
        let problems = snapshot.problems(&wanted);
        let problems = problems.iter().map(|p| format!("{}; {}", p.says, p.remedy));
        problems.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_snapshot_that_fits_the_file_is_restored() {
        assert_eq!(told(&snapshot()), "");
        assert_eq!(told(&Snapshot { storage: Some(20), ..snapshot() }), "");
        assert_eq!(told(&Snapshot { storage: None, ..snapshot() }), "");
    }

    #[test]
    fn what_does_not_fit_is_told_with_what_to_write() {
        let older = Snapshot { version: "16.8".into(), ..snapshot() };
        assert!(told(&older).contains("write `version: \"16\"` under `database`"));
        let other = Snapshot { engine: "mysql".into(), ..snapshot() };
        assert!(told(&other).contains("write `engine: mysql`"));
        let plain = Snapshot { encrypted: false, ..snapshot() };
        assert!(told(&plain).contains("copy it with a KMS key"));
        let all = Snapshot {
            status: "creating".into(),
            username: "root".into(),
            storage: Some(200),
            ..snapshot()
        };
        let all = told(&all);
        for says in ["is creating", "write `username: root`", "write `storage: 200`"] {
            assert!(all.contains(says), "{all}");
        }
    }
}
