//! What AWS tells of a DB cluster.

use super::DbCluster;
use crate::{
    aws::{Aws, Sent, Tags, Tolerant, tags},
    engine::{Found, Phase, Probe, Ref},
    kinds::stores::{
        DatabaseLive, EngineVersion,
        databases::{
            self, ExtendedSupport, Standing, Windows, awaits_secret, group_ids, wants_snapshot,
        },
        scheduled,
        snapshots::RESTORED_FROM,
    },
};
use anyhow::Result;
use aws_sdk_rds::types::{ClusterPendingModifiedValues as Pending, DbCluster as Described};
use std::collections::BTreeMap;

pub(super) async fn describe(cloud: &Aws, id: &str) -> Result<Option<Described>> {
    let answer = cloud.rds.describe_db_clusters().db_cluster_identifier(id).send().await;
    Ok(answer.aws().or_gone()?.and_then(|answer| answer.db_clusters?.pop()))
}

/// A described cluster in the words in which it was wanted, if its tags say that it is ours; it is
/// ours only if its name says so, too.
pub(super) fn read(cloud: &Aws, cluster: &Described) -> Option<Found<DbCluster>> {
    let owned = cloud.owned(tags::of_rds(cluster.tag_list()))?;
    let named = cloud.named(&owned.name);
    let found = Found::ready(owned.name, seen(cluster, owned.tags), live(cluster));
    if found.live.id != named {
        let note = databases::copy_note("DB cluster", &found.live.id, &named);
        return Some(found.in_phase(Phase::Copy).with_notes([note]));
    }
    Some(found.in_phase(phase(cluster)).with_notes(notes(cluster)))
}

/// In the words in which it was wanted; what is pending counts as done.
pub(super) fn seen(cluster: &Described, tags: Tags) -> DbCluster {
    let pending = cluster.pending_modified_values();
    let version = pending.and_then(|p| p.engine_version()).or(cluster.engine_version());
    let days = pending.and_then(Pending::backup_retention_period);
    let days = days.or(cluster.backup_retention_period());
    let engine = cluster.engine().unwrap_or_default();
    DbCluster {
        engine: engine.into(),
        version: EngineVersion::of(engine, version.unwrap_or_default()),
        extended_support: ExtendedSupport::told(cluster.engine_lifecycle_support()),
        backup_days: days.and_then(|n| u8::try_from(n).ok()).unwrap_or_default(),
        windows: Windows::told(
            cluster.preferred_backup_window(),
            cluster.preferred_maintenance_window(),
        ),
        protect: is_protected(cluster),
        final_snapshot: wants_snapshot(&all_tags(cluster)),
        database: cluster.database_name().unwrap_or_default().into(),
        username: cluster.master_username().unwrap_or_default().into(),
        snapshot: all_tags(cluster).remove(RESTORED_FROM),
        managed_password: cluster.master_user_secret().is_some(),
        subnet_group: Ref::found(cluster.db_subnet_group().unwrap_or_default()),
        security_groups: group_ids(cluster.vpc_security_groups()).map(Ref::found).collect(),
        tags,
    }
}

pub(super) fn live(cluster: &Described) -> DatabaseLive {
    let secret = cluster.master_user_secret().and_then(|s| s.secret_arn());
    let port = cluster.port().and_then(|port| u16::try_from(port).ok());
    DatabaseLive {
        id: cluster.db_cluster_identifier().unwrap_or_default().into(),
        arn: cluster.db_cluster_arn().unwrap_or_default().into(),
        engine: cluster.engine().unwrap_or_default().into(),
        status: status(cluster),
        host: cluster.endpoint().unwrap_or_default().into(),
        port: port.unwrap_or_default(),
        database: cluster.database_name().unwrap_or_default().into(),
        username: cluster.master_username().unwrap_or_default().into(),
        secret_arn: secret.unwrap_or_default().into(),
        writer: false,
    }
}

/// Whether it can be used, and is as `done` wants it.
pub(super) fn judge(cluster: Described, done: impl Fn(&DbCluster) -> bool) -> Probe<Described> {
    let status = status(&cluster);
    let mut applied = cluster.clone();
    applied.pending_modified_values = None;
    match phase(&cluster) {
        Phase::Going => Probe::Failed("it is being deleted".into()),
        Phase::Coming | Phase::Broken => {
            trouble(&cluster).map_or(Probe::Pending(status), Probe::Failed)
        }
        Phase::Ready if !done(&seen(&applied, Tags::default())) => Probe::Pending(status),
        Phase::Ready if let Some(trouble) = trouble(&cluster) => Probe::Failed(trouble),
        Phase::Ready if cluster.endpoint().is_none() => {
            Probe::Pending("without an endpoint".into())
        }
        Phase::Ready if awaits_secret(cluster.master_user_secret()) => {
            Probe::Pending(format!("{status}, without the master password's secret"))
        }
        Phase::Ready | Phase::Copy => Probe::Ready(cluster),
    }
}

/// Why it cannot be used and will not be, unless somebody mends it.
pub(super) fn trouble(cluster: &Described) -> Option<String> {
    let id = cluster.db_cluster_identifier().unwrap_or("?");
    databases::trouble("db-cluster", id, &status(cluster))
}

/// How it stands, with `done` telling whether it is as it is wanted.
pub(super) fn standing(cluster: &Described, done: impl Fn(&DbCluster) -> bool) -> Standing {
    let done = done(&seen(cluster, Tags::default()));
    Standing { status: status(cluster), trouble: trouble(cluster), done }
}

/// AWS's word for its state.
pub(super) fn status(cluster: &Described) -> String {
    cluster.status().unwrap_or("unknown").into()
}

pub(super) fn is_protected(cluster: &Described) -> bool {
    cluster.deletion_protection().unwrap_or_default()
}

pub(super) fn all_tags(cluster: &Described) -> BTreeMap<String, String> {
    tags::of_rds(cluster.tag_list())
        .filter_map(|(key, value)| Some((key?.to_owned(), value.unwrap_or_default().to_owned())))
        .collect()
}

/// A cluster that has members or backups has been up.
fn phase(cluster: &Described) -> Phase {
    let stored =
        !cluster.db_cluster_members().is_empty() || cluster.latest_restorable_time().is_some();
    databases::phase(&status(cluster), stored)
}

/// What is wrong with it, or what waits for the maintenance window.
fn notes(cluster: &Described) -> Vec<String> {
    if let Some(trouble) = trouble(cluster) {
        return vec![trouble];
    }
    let pending = cluster.pending_modified_values().filter(|_| phase(cluster) == Phase::Ready);
    let version = pending.and_then(|p| Some(("version", p.engine_version()?.to_owned())));
    let days = pending.and_then(Pending::backup_retention_period);
    let days = days.map(|days| ("backup_days", days.to_string()));
    let window = cluster.preferred_maintenance_window();
    version.into_iter().chain(days).map(|(what, to)| scheduled(what, &to, window)).collect()
}
