//! What AWS tells of a DB instance.

use super::DbInstance;
use crate::{
    aws::{Aws, Sent, Tags, Tolerant, tags},
    engine::{Found, Phase, Probe, Ref},
    kinds::stores::{
        DatabaseLive, EngineVersion,
        databases::{
            self, ExtendedSupport, Standing, Storage, Windows, awaits_secret, group_ids,
            wants_snapshot,
        },
        scheduled,
        snapshots::RESTORED_FROM,
    },
};
use anyhow::Result;
use aws_sdk_rds::types::{
    DbCluster, DbInstance as Described, Endpoint, PendingModifiedValues as Pending,
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) async fn describe(cloud: &Aws, id: &str) -> Result<Option<Described>> {
    let answer = cloud.rds.describe_db_instances().db_instance_identifier(id).send().await;
    Ok(answer.aws().or_gone()?.and_then(|answer| answer.db_instances?.pop()))
}

/// A described instance in the words in which it was wanted, if its tags say that it is ours; it is
/// ours only if its name says so, too.
pub(super) fn read(cloud: &Aws, db: &Described) -> Option<Found<DbInstance>> {
    let owned = cloud.owned(tags::of_rds(db.tag_list()))?;
    let named = cloud.named(&owned.name);
    let found = Found::ready(owned.name, seen(db, owned.tags), live(db));
    if found.live.id != named {
        let note = databases::copy_note("DB instance", &found.live.id, &named);
        return Some(found.in_phase(Phase::Copy).with_notes([note]));
    }
    Some(found.in_phase(phase(db)).with_notes(notes(db)))
}

/// In the words in which it was wanted; what is pending counts as done.
pub(super) fn seen(db: &Described, tags: Tags) -> DbInstance {
    let pending = db.pending_modified_values();
    let cluster = db.db_cluster_identifier().map(Ref::found);
    // What belongs to the cluster is the cluster's, though AWS shows it on its members, too.
    let own = cluster.is_none();
    let class = pending.and_then(|p| p.db_instance_class()).or(db.db_instance_class());
    let version = pending.and_then(|p| p.engine_version()).or(db.engine_version());
    let storage = pending.and_then(Pending::allocated_storage).or(db.allocated_storage());
    let days = pending.and_then(Pending::backup_retention_period).or(db.backup_retention_period());
    let multi_az = pending.and_then(Pending::multi_az).or(db.multi_az());
    let subnet_group = db.db_subnet_group().and_then(|g| g.db_subnet_group_name());
    let engine = db.engine().unwrap_or_default();
    DbInstance {
        engine: engine.into(),
        instance_class: class.unwrap_or_default().into(),
        cluster,
        zone: db.availability_zone().map(str::to_owned),
        version: own.then(|| EngineVersion::of(engine, version.unwrap_or_default())),
        storage: storage.filter(|_| own).and_then(|n| u32::try_from(n).ok()).map(Storage),
        max_storage: max_storage(db).filter(|_| own),
        windows: Windows::told(
            db.preferred_backup_window().filter(|_| own),
            db.preferred_maintenance_window().filter(|_| own),
        ),
        multi_az: own.then(|| multi_az.unwrap_or_default()),
        backup_days: days.filter(|_| own).and_then(|n| u8::try_from(n).ok()),
        protect: own.then(|| is_protected(db)),
        final_snapshot: own.then(|| wants_snapshot(&all_tags(db))),
        snapshot: all_tags(db).remove(RESTORED_FROM).filter(|_| own),
        managed_password: own.then(|| db.master_user_secret().is_some()),
        extended_support: own.then(|| ExtendedSupport::told(db.engine_lifecycle_support())),
        database: db.db_name().filter(|_| own).map(str::to_owned),
        username: db.master_username().filter(|_| own).map(str::to_owned),
        subnet_group: Ref::found(subnet_group.unwrap_or_default()),
        security_groups: own.then(|| group_ids(db.vpc_security_groups()).map(Ref::found).collect()),
        tags,
    }
}

pub(super) fn live(db: &Described) -> DatabaseLive {
    let endpoint = db.endpoint();
    let secret = db.master_user_secret().and_then(|s| s.secret_arn());
    let port = endpoint.and_then(Endpoint::port).and_then(|port| u16::try_from(port).ok());
    DatabaseLive {
        id: db.db_instance_identifier().unwrap_or_default().into(),
        arn: db.db_instance_arn().unwrap_or_default().into(),
        engine: db.engine().unwrap_or_default().into(),
        status: status(db),
        host: endpoint.and_then(|e| e.address()).unwrap_or_default().into(),
        port: port.unwrap_or_default(),
        database: db.db_name().unwrap_or_default().into(),
        username: db.master_username().unwrap_or_default().into(),
        secret_arn: secret.unwrap_or_default().into(),
        writer: false,
    }
}

/// Whether it can be used, and is as `done` wants it.
pub(super) fn judge(db: Described, done: impl Fn(&DbInstance) -> bool) -> Probe<Described> {
    let status = status(&db);
    let mut applied = db.clone();
    applied.pending_modified_values = None;
    match phase(&db) {
        Phase::Going => Probe::Failed("it is being deleted".into()),
        Phase::Coming | Phase::Broken => trouble(&db).map_or(Probe::Pending(status), Probe::Failed),
        // More storage, once it is there, ends `storage-full`.
        Phase::Ready if !done(&seen(&applied, Tags::default())) => Probe::Pending(status),
        Phase::Ready if let Some(trouble) = trouble(&db) => Probe::Failed(trouble),
        Phase::Ready if db.endpoint().is_none() => Probe::Pending("without an endpoint".into()),
        Phase::Ready if awaits_secret(db.master_user_secret()) => {
            Probe::Pending(format!("{status}, without the master password's secret"))
        }
        Phase::Ready | Phase::Copy => Probe::Ready(db),
    }
}

/// Tells the instances of one cluster which of them writes, and whether they stand in different
/// zones, as they must if one is to outlive the other's.
pub(super) async fn tell_apart(cloud: &Aws, found: &mut [Found<DbInstance>]) -> Result<()> {
    let cluster = |of: &Found<DbInstance>| {
        let ours = of.spec.cluster.as_ref().filter(|_| of.phase != Phase::Copy)?;
        ours.id().map(ToString::to_string)
    };
    let all: Vec<_> = found.iter().filter_map(cluster).collect();
    let shared = all.iter().enumerate().find(|(i, id)| all[..*i].contains(*id));
    let Some((_, id)) = shared else { return Ok(()) };
    let answer = cloud.rds.describe_db_clusters().db_cluster_identifier(id).send().await;
    let answer = answer.aws().or_gone()?.and_then(|answer| answer.db_clusters?.pop());
    let members = answer.as_ref().map(DbCluster::db_cluster_members).unwrap_or_default();
    let writes = |name: &str| {
        let mut members = members.iter().filter(|m| m.is_cluster_writer() == Some(true));
        members.any(|m| m.db_instance_identifier() == Some(name))
    };
    let zones: BTreeSet<_> =
        found.iter().filter(|f| cluster(f).is_some()).map(|f| &f.spec.zone).collect();
    let one_zone = match Vec::from_iter(zones)[..] {
        [Some(zone)] => Some(format!(
            "every instance of {id} stands in {zone}: if this zone fails, none can take over"
        )),
        _ => None,
    };
    for of in found.iter_mut().filter(|f| cluster(f).is_some()) {
        of.live.writer = writes(&of.live.id);
        of.notes.extend(one_zone.clone().filter(|_| of.phase == Phase::Ready && of.live.writer));
    }
    Ok(())
}

/// Why it cannot be used and will not be, unless somebody mends it.
pub(super) fn trouble(db: &Described) -> Option<String> {
    databases::trouble("db-instance", db.db_instance_identifier().unwrap_or("?"), &status(db))
}

/// How it stands, with `done` telling whether it is as it is wanted.
pub(super) fn standing(db: &Described, done: impl Fn(&DbInstance) -> bool) -> Standing {
    let done = done(&seen(db, Tags::default()));
    Standing { status: status(db), trouble: trouble(db), done }
}

/// AWS's word for its state.
pub(super) fn status(db: &Described) -> String {
    db.db_instance_status().unwrap_or("unknown").into()
}

/// GiB up to which RDS makes its storage larger by itself.
pub(super) fn max_storage(db: &Described) -> Option<u32> {
    db.max_allocated_storage().and_then(|most| u32::try_from(most).ok())
}

pub(super) fn is_protected(db: &Described) -> bool {
    db.deletion_protection().unwrap_or_default()
}

pub(super) fn all_tags(db: &Described) -> BTreeMap<String, String> {
    tags::of_rds(db.tag_list())
        .filter_map(|(key, value)| Some((key?.to_owned(), value.unwrap_or_default().to_owned())))
        .collect()
}

fn phase(db: &Described) -> Phase {
    let stored = db.instance_create_time().is_some() || db.latest_restorable_time().is_some();
    databases::phase(&status(db), stored)
}

/// What is wrong with it, or what waits for the maintenance window.
fn notes(db: &Described) -> Vec<String> {
    if let Some(trouble) = trouble(db) {
        return vec![trouble];
    }
    let Some(pending) = db.pending_modified_values().filter(|_| phase(db) == Phase::Ready) else {
        return Vec::new();
    };
    let number = |n: Option<i32>| n.map(|n| n.to_string());
    let waiting = [
        ("version", pending.engine_version().map(str::to_owned)),
        ("instance_class", pending.db_instance_class().map(str::to_owned)),
        ("storage", number(pending.allocated_storage())),
        ("multi_az", pending.multi_az().map(|on| on.to_string())),
        ("backup_days", number(pending.backup_retention_period())),
    ];
    let window = db.preferred_maintenance_window();
    let waiting = waiting.into_iter().filter_map(|(what, to)| Some((what, to?)));
    waiting.map(|(what, to)| scheduled(what, &to, window)).collect()
}
