//! An RDS DB instance: a database by itself, or a member of an Aurora cluster, to which what is
//! `None` belongs.

mod reading;

use super::{
    db_cluster::DbCluster,
    db_subnet_group::DbSubnetGroup,
    security_group::SecurityGroup,
    stores::{
        DatabaseLive, Version,
        databases::{self, BUSY, FINAL_SNAPSHOT, Farewell, LIFECYCLE, snapshot_name},
        fresh, stranger,
        watch::{are, ids, watch},
    },
};
use crate::{
    aws::{Aws, Sent, Tags, Tolerant, eventually, tags},
    engine::{Cx, Found, Kind, Pace, Phase, Probe, Ref, Swap, Table, Taken},
};
use anyhow::{Context, Result, bail};
use aws_sdk_rds::{
    operation::{
        create_db_instance::builders::CreateDBInstanceFluentBuilder,
        modify_db_instance::builders::ModifyDBInstanceFluentBuilder,
    },
    types::DbInstance as Described,
};
use reading::{describe, is_protected, judge, live, status};
use std::time::{Duration, SystemTime};

/// An RDS DB instance: a database by itself, or a member of an Aurora cluster, to which what is `None` belongs.
#[derive(Clone, Debug)]
pub struct DbInstance {
    /// `postgres`, `mysql`, `mariadb`, or the cluster's.
    pub engine: String,
    /// Its size, `db.t4g.micro`.
    pub instance_class: String,
    /// The Aurora cluster it is a member of.
    pub cluster: Option<Ref<DbCluster>>,
    /// The engine version wanted: met by everything it is a prefix of.
    pub version: Option<Version>,
    /// GiB; grows only.
    pub storage: Option<u32>,
    /// Whether a standby follows it in another zone.
    pub multi_az: Option<bool>,
    /// Days that backups are kept, 0–35.
    pub backup_days: Option<u8>,
    /// Deletion protection.
    pub protect: Option<bool>,
    /// Whether a deletion leaves a snapshot, remembered in a tag.
    pub final_snapshot: Option<bool>,
    /// The database made with it.
    pub database: Option<String>,
    /// The master user.
    pub username: Option<String>,
    /// Where it stands.
    pub subnet_group: Ref<DbSubnetGroup>,
    /// What may reach it.
    pub security_groups: Option<Vec<Ref<SecurityGroup>>>,
    /// The user's tags.
    pub tags: Tags,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `ModifyDBInstance`; the database restarts.
    Version,
    /// `ModifyDBInstance`; the database restarts, or fails over to its standby.
    InstanceClass,
    /// `ModifyDBInstance`; AWS takes no second change for six hours.
    Storage,
    /// `ModifyDBInstance`.
    MultiAz,
    /// `ModifyDBInstance`; from or to 0 days with a brief pause.
    Backups,
    /// `ModifyDBInstance`.
    Protection,
    /// `AddTagsToResource`: the tag that a later deletion reads.
    FinalSnapshot,
    /// `ModifyDBInstance`.
    SecurityGroups,
    /// `AddTagsToResource` and `RemoveTagsFromResource`.
    Tags,
}

/// How long making, changing or deleting one may take.
const WORK: Pace = Pace::seconds(15, 3600);

impl Kind for DbInstance {
    type Cloud = Aws;
    type Live = DatabaseLive;
    type Edit = Edit;

    const NAME: &'static str = "db-instance";
    const SWAP: Swap = Swap::Refuse("its data");
    const ROLE: Option<&'static str> = Some("database");
    const USUAL: Duration = Duration::from_mins(9);
    const USUAL_DELETION: Duration = Duration::from_mins(6);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("engine", |d| &d.engine)
            .fixed("cluster", |d| &d.cluster)
            .tuned("instance_class", Edit::InstanceClass, |d| &d.instance_class)
            .tuned_if(
                "version",
                Edit::Version,
                |d| &d.version,
                |w, f| match (&w.version, &f.version) {
                    (Some(wanted), Some(found)) => wanted.is_newer_than(found),
                    _ => true,
                },
            )
            .tuned_if("storage", Edit::Storage, |d| &d.storage, |w, f| w.storage >= f.storage)
            .tuned("multi_az", Edit::MultiAz, |d| &d.multi_az)
            .tuned("backup_days", Edit::Backups, |d| &d.backup_days)
            .tuned("protect", Edit::Protection, |d| &d.protect)
            .tuned("final_snapshot", Edit::FinalSnapshot, |d| &d.final_snapshot)
            .fixed("database", |d| &d.database)
            .fixed("username", |d| &d.username)
            .fixed("subnet_group", |d| &d.subnet_group)
            .tuned("security_groups", Edit::SecurityGroups, |d| &d.security_groups)
            .tuned("tags", Edit::Tags, |d| &d.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.id
    }

    fn guard(found: &Found<Self>) -> Option<String> {
        let protected = found.spec.protect == Some(true) && found.phase != Phase::Broken;
        protected.then(|| "deletion protection is on".into())
    }

    async fn discover(cloud: &Aws) -> Result<Vec<Found<Self>>> {
        let pages = cloud.rds.describe_db_instances().into_paginator().items().send();
        let all = pages.collect::<Result<Vec<_>, _>>().await.aws()?;
        Ok(all.iter().filter_map(|db| reading::read(cloud, db)).collect())
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        let id = cx.cloud.named(cx.name());
        let there = describe(&cx.cloud, &id).await?;
        let taken = |db: &Described| {
            cx.cloud.taken(format!("DB instance {id}"), tags::of_rds(db.tag_list()))
        };
        Ok(there.as_ref().and_then(taken).into_iter().collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<Self::Live> {
        let id = cx.cloud.named(cx.name());
        let call = self.creation(&id, cx)?;
        let made = eventually(cx, Pace::seconds(5, 180), fresh, || {
            let call = call.clone();
            async move { call.send().await.aws().or_code(&["DBInstanceAlreadyExists"]) }
        });
        if let Some(made) = made.await? {
            return Ok(live(&made.db_instance.context("made, but not described")?));
        }
        let there = describe(&cx.cloud, &id).await?.context("it exists already, yet does not")?;
        Ok(reading::read(&cx.cloud, &there).ok_or_else(|| stranger("DB instance", &id))?.live)
    }

    async fn settle(live: Self::Live, cx: &Cx<Aws>) -> Result<Self::Live> {
        let read = || describe(&cx.cloud, &live.id);
        Ok(self::live(&watch(cx, WORK, read, |db| judge(db, |_| true)).await?))
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let DatabaseLive { id, arn, .. } = &found.live;
        let modify = || {
            let call = cx.cloud.rds.modify_db_instance().db_instance_identifier(id);
            call.apply_immediately(true)
        };
        let size = |n: Option<u32>| n.and_then(|n| i32::try_from(n).ok());
        let call = match edit {
            Edit::Version => {
                let call = modify().set_engine_version(self.version.clone().map(|v| v.0));
                // The file asks for the version in so many words.
                call.allow_major_version_upgrade(true)
            }
            Edit::InstanceClass => modify().db_instance_class(&self.instance_class),
            Edit::Storage => {
                refuse_while_optimizing(id, cx).await?;
                modify().set_allocated_storage(size(self.storage))
            }
            Edit::MultiAz => modify().set_multi_az(self.multi_az),
            Edit::Backups => modify().set_backup_retention_period(self.backup_days.map(i32::from)),
            Edit::Protection => modify().set_deletion_protection(self.protect),
            Edit::SecurityGroups => {
                let groups = self.security_groups.as_deref().map(|groups| ids(cx, groups));
                modify().set_vpc_security_group_ids(groups.transpose()?)
            }
            Edit::FinalSnapshot => {
                let wanted = self.final_snapshot.unwrap_or(true).to_string();
                let tags = tags::for_rds(&vec![(FINAL_SNAPSHOT.into(), wanted)]);
                let call = cx.cloud.rds.add_tags_to_resource().resource_name(arn);
                call.set_tags(Some(tags)).send().await.aws()?;
                return Ok(());
            }
            Edit::Tags => return cx.cloud.retag_rds(arn, &self.tags, &found.spec.tags).await,
        };
        let groups = self.security_groups.as_deref().map(|groups| ids(cx, groups)).transpose()?;
        send(call, cx).await?;
        let done = |now: &Self| match edit {
            Edit::Version => match (&self.version, &now.version) {
                (Some(wanted), Some(now)) => wanted.accepts(now),
                _ => true,
            },
            Edit::InstanceClass => now.instance_class == self.instance_class,
            Edit::Storage => now.storage >= self.storage,
            Edit::MultiAz => now.multi_az == self.multi_az,
            Edit::Backups => now.backup_days == self.backup_days,
            Edit::Protection => now.protect == self.protect,
            Edit::SecurityGroups => match (&groups, &now.security_groups) {
                (Some(wanted), Some(now)) => are(now, wanted),
                _ => true,
            },
            Edit::FinalSnapshot | Edit::Tags => true,
        };
        watch(cx, WORK, || describe(&cx.cloud, id), |db| judge(db, done)).await?;
        Ok(())
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let snapshot = snapshot_name(&found.live.id, SystemTime::now());
        cx.until(WORK, || async {
            Ok(match describe(&cx.cloud, &found.live.id).await? {
                None => Probe::Ready(()),
                Some(db) if databases::phase(&status(&db), true) == Phase::Going => {
                    Probe::Pending(status(&db))
                }
                Some(db) => Probe::Pending(Box::pin(ask_to_go(&db, found, &snapshot, cx)).await?),
            })
        })
        .await
    }
}

impl DbInstance {
    /// What a deletion of this one leaves behind, for a plan to announce; `None` when that is
    /// nothing.
    pub fn final_snapshot(found: &Found<Self>) -> Option<String> {
        let wanted = found.spec.cluster.is_none() && found.spec.final_snapshot != Some(false);
        Farewell::of(&found.live.status, wanted).announce(&found.live.status)
    }

    fn creation(&self, id: &str, cx: &Cx<Aws>) -> Result<CreateDBInstanceFluentBuilder> {
        let labels = databases::labels(&cx.cloud, cx.address(), &self.tags, self.final_snapshot);
        let call = cx
            .cloud
            .rds
            .create_db_instance()
            .db_instance_identifier(id)
            .engine(&self.engine)
            .db_instance_class(&self.instance_class)
            // Otherwise AWS goes by the subnet group's name.
            .publicly_accessible(false)
            .auto_minor_version_upgrade(true)
            .set_tags(Some(tags::for_rds(&labels)));
        let call = call.db_subnet_group_name(cx.get(&self.subnet_group)?.name);
        if let Some(cluster) = &self.cluster {
            return Ok(call.db_cluster_identifier(cx.get(cluster)?.id));
        }
        let groups = self.security_groups.as_deref().map(|groups| ids(cx, groups));
        Ok(call
            .set_engine_version(self.version.clone().map(|v| v.0))
            .set_allocated_storage(self.storage.and_then(|n| i32::try_from(n).ok()))
            .storage_type("gp3")
            .storage_encrypted(true)
            .set_multi_az(self.multi_az)
            .set_backup_retention_period(self.backup_days.map(i32::from))
            .set_deletion_protection(self.protect)
            .copy_tags_to_snapshot(true)
            .engine_lifecycle_support(LIFECYCLE)
            .set_db_name(self.database.clone())
            .set_master_username(self.username.clone())
            .manage_master_user_password(true)
            .set_vpc_security_group_ids(groups.transpose()?))
    }
}

async fn send(call: ModifyDBInstanceFluentBuilder, cx: &Cx<Aws>) -> Result<()> {
    eventually(
        cx,
        WORK,
        |f| f.is(&BUSY),
        || {
            let call = call.clone();
            async move { call.send().await.aws().map(drop) }
        },
    )
    .await
}

/// AWS takes the next change of storage only when it has spread the data of the last one.
async fn refuse_while_optimizing(id: &str, cx: &Cx<Aws>) -> Result<()> {
    let db = describe(&cx.cloud, id).await?.context("it is gone")?;
    if status(&db) == "storage-optimization" {
        bail!(
            "its storage was changed lately: try again when storage-optimization is over (hours)"
        );
    }
    Ok(())
}

/// Asks for the deletion, or for what has to come before it; answers what is under way.
async fn ask_to_go(
    db: &Described,
    found: &Found<DbInstance>,
    snapshot: &str,
    cx: &Cx<Aws>,
) -> Result<String> {
    let (id, member) = (&found.live.id, found.spec.cluster.is_some());
    let lift = cx.cloud.unprotect || found.phase == Phase::Broken;
    if !member && is_protected(db) && lift {
        let call = cx.cloud.rds.modify_db_instance().db_instance_identifier(id);
        let call = call.deletion_protection(false).apply_immediately(true);
        call.send().await.aws().or_code(&BUSY)?;
        return Ok("lifting the deletion protection".into());
    }
    let wanted = !member && databases::wants_snapshot(&reading::all_tags(db));
    let call = cx.cloud.rds.delete_db_instance().db_instance_identifier(id);
    let farewell = Farewell::of(&status(db), wanted);
    let call = match farewell {
        Farewell::Snapshot => call.final_db_snapshot_identifier(snapshot),
        Farewell::Backups => call.skip_final_snapshot(true).delete_automated_backups(false),
        Farewell::Nothing => call.skip_final_snapshot(true),
    };
    let asked = call.send().await.aws().or_gone();
    // It is already being made: an earlier answer was lost.
    match asked.or_code(&["DBSnapshotAlreadyExists"]) {
        Err(failure) if failure.is(&BUSY) => Ok(failure.to_string()),
        Err(failure) => Err(failure.into()),
        Ok(_) if farewell == Farewell::Snapshot => {
            Ok(format!("deleting; the final snapshot is {snapshot}"))
        }
        Ok(_) => Ok("deleting".into()),
    }
}

#[cfg(test)]
mod tests;
