//! An Aurora cluster: the storage and the endpoints; its instances are DB instances.

mod reading;

use super::{
    db_subnet_group::DbSubnetGroup,
    security_group::SecurityGroup,
    stores::{
        DatabaseLive, EngineVersion,
        databases::{
            self, BUSY, ExtendedSupport, FINAL_SNAPSHOT, Farewell, WORK, Windows, change,
            snapshot_name,
        },
        offers::{self, Upgrade},
        snapshots::{self, Restored},
        stranger,
        watch::{are, ids, watch},
    },
};
use crate::{
    aws::{Aws, Labels, Sent, Tags, Tolerant, tags},
    engine::{Change, Cx, Found, Kind, Phase, Probe, Problem, Ref, Refused, Swap, Table, Taken},
};
use anyhow::{Context, Result};
use aws_sdk_rds::types::DbCluster as Described;
use reading::{all_tags, describe, is_protected, judge, live, standing, status, trouble};
use std::time::{Duration, SystemTime};

/// An Aurora cluster: the storage and the endpoints; its instances are DB instances.
#[derive(Clone, Debug)]
pub struct DbCluster {
    /// `aurora-postgresql` or `aurora-mysql`.
    pub engine: String,
    /// The engine version; minor upgrades that AWS makes meet it.
    pub version: EngineVersion,
    /// Whether it stays on its major version past standard support.
    pub extended_support: ExtendedSupport,
    /// Days that backups are kept, 1–35.
    pub backup_days: u8,
    /// When backups are made and maintenance is done.
    pub windows: Windows,
    /// Deletion protection.
    pub protect: bool,
    /// Whether a deletion leaves a snapshot, remembered in a tag.
    pub final_snapshot: bool,
    /// The snapshot it is made from, remembered in a tag; `None` for an empty one, and of no meaning
    /// once it stands.
    pub snapshot: Option<String>,
    /// The database made with it.
    pub database: String,
    /// The master user.
    pub username: String,
    /// Whether RDS keeps the master password in a secret; not so once it was restored from a snapshot.
    pub managed_password: bool,
    /// Where it stands.
    pub subnet_group: Ref<DbSubnetGroup>,
    /// What may reach it.
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// The user's tags.
    pub tags: Tags,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `ModifyDBCluster`: RDS makes a secret and sets a new password. Before all others, which wait
    /// for what the app needs.
    Password,
    /// `ModifyDBCluster`; the instances restart.
    Version,
    /// `ModifyDBCluster`.
    Backups,
    /// `ModifyDBCluster`.
    Windows,
    /// `ModifyDBCluster`.
    Protection,
    /// `ModifyDBCluster`.
    ExtendedSupport,
    /// `AddTagsToResource`: the tag that a later deletion reads.
    FinalSnapshot,
    /// `ModifyDBCluster`.
    SecurityGroups,
    /// `AddTagsToResource` and `RemoveTagsFromResource`.
    Tags,
}

impl Kind for DbCluster {
    type Cloud = Aws;
    type Live = DatabaseLive;
    type Edit = Edit;

    const NAME: &'static str = "db-cluster";
    const SWAP: Swap = Swap::Refuse("its data");
    const ROLE: Option<&'static str> = Some("database");
    const USUAL: Duration = Duration::from_mins(2);
    const USUAL_DELETION: Duration = Duration::from_mins(3);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("engine", |c| &c.engine)
            .tuned_if(
                "version",
                Edit::Version,
                |c| &c.version,
                |w, f| w.version.is_newer_than(&f.version),
            )
            .tuned("extended_support", Edit::ExtendedSupport, |c| &c.extended_support)
            .tuned("backup_days", Edit::Backups, |c| &c.backup_days)
            .tuned("backup_window", Edit::Windows, |c| &c.windows.backup)
            .tuned("maintenance_window", Edit::Windows, |c| &c.windows.maintenance)
            .tuned("protect", Edit::Protection, |c| &c.protect)
            .tuned("final_snapshot", Edit::FinalSnapshot, |c| &c.final_snapshot)
            .fixed("snapshot", |c| &c.snapshot)
            .fixed("database", |c| &c.database)
            .fixed("username", |c| &c.username)
            .tuned("managed_password", Edit::Password, |c| &c.managed_password)
            .fixed("subnet_group", |c| &c.subnet_group)
            .tuned("security_groups", Edit::SecurityGroups, |c| &c.security_groups)
            .tuned("tags", Edit::Tags, |c| &c.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.id
    }

    fn guard(found: &Found<Self>) -> Option<String> {
        if found.phase == Phase::Broken {
            return None;
        }
        let protected = found.spec.protect.then(|| "deletion protection is on".into());
        protected.or_else(|| farewell(found).guard(&found.live.status))
    }

    fn refuse(&self, found: &Found<Self>, changes: &[Change]) -> Option<Refused> {
        snapshots::refuse_later(changes).or_else(|| {
            databases::refuse_older(&self.engine, &self.version, &found.spec.version, changes)
        })
    }

    async fn preflight(
        &self,
        found: Option<&Found<Self>>,
        changes: &[Change],
        cx: &Cx<Aws>,
    ) -> Result<Vec<Problem>> {
        let (cloud, wanted) = (&cx.cloud, &self.version);
        let problem = match found {
            None => {
                let refused = offers::refuses(cloud, &self.engine, Some(wanted), None).await;
                let restored = self.refuses_restoring(cloud).await?;
                return Ok(refused.into_iter().chain(restored).collect());
            }
            Some(found) if changes.iter().any(|change| change.attribute == "version") => {
                let from = found.spec.version.as_str();
                let upgrade = Upgrade::of(cloud, &self.engine, from, wanted).await;
                upgrade.problem(&self.engine, from, wanted)
            }
            Some(_) => None,
        };
        Ok(problem.into_iter().collect())
    }

    async fn discover(cloud: &Aws) -> Result<Vec<Found<Self>>> {
        let pages = cloud.rds.describe_db_clusters().into_paginator().items().send();
        let all = pages.collect::<Result<Vec<_>, _>>().await.aws()?;
        Ok(all.iter().filter_map(|cluster| reading::read(cloud, cluster)).collect())
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        let id = cx.cloud.named(cx.name());
        let there = describe(&cx.cloud, &id).await?;
        let taken = |cluster: &Described| {
            cx.cloud.taken(format!("DB cluster {id}"), tags::of_rds(cluster.tag_list()))
        };
        Ok(there.as_ref().and_then(taken).into_iter().collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<Self::Live> {
        let id = cx.cloud.named(cx.name());
        if let Some(snapshot) = &self.snapshot {
            if !self.restore(&id, snapshot, cx).await? {
                own(&id, cx).await?;
            }
            return self.finish_restoring(&id, cx).await;
        }
        match self.made(&id, cx).await? {
            Some(made) => Ok(live(&made)),
            None => own(&id, cx).await,
        }
    }

    async fn settle(live: Self::Live, cx: &Cx<Aws>) -> Result<Self::Live> {
        let read = || describe(&cx.cloud, &live.id);
        Ok(self::live(&watch(cx, WORK, read, |cluster| judge(cluster, |_| true)).await?))
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        Box::pin(self.edited(edit, found, cx)).await
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let snapshot = snapshot_name(&found.live.id, SystemTime::now());
        cx.until(WORK, || async {
            Ok(match describe(&cx.cloud, &found.live.id).await? {
                None => Probe::Ready(()),
                Some(cluster) if databases::phase(&status(&cluster), true) == Phase::Going => {
                    Probe::Pending(status(&cluster))
                }
                Some(cluster) => Box::pin(ask_to_go(&cluster, found, &snapshot, cx)).await?,
            })
        })
        .await
    }
}

/// What bears our name already: ours, whose making was not heard of, or somebody else's.
async fn own(id: &str, cx: &Cx<Aws>) -> Result<DatabaseLive> {
    let there = describe(&cx.cloud, id).await?.context("it exists already, yet does not")?;
    let ours = reading::read(&cx.cloud, &there).filter(|found| found.phase != Phase::Copy);
    Ok(ours.ok_or_else(|| stranger("DB cluster", id))?.live)
}

/// The wire code for one of its name.
const EXISTS: &str = "DBClusterAlreadyExistsFault";

/// What a deletion does with what is stored in it.
fn farewell(found: &Found<DbCluster>) -> Farewell {
    Farewell::of(&found.live.status, found.spec.final_snapshot, found.spec.backup_days)
}

impl DbCluster {
    /// Makes an empty one; `None` where there is one of its name.
    async fn made(&self, id: &str, cx: &Cx<Aws>) -> Result<Option<Described>> {
        let call = cx
            .cloud
            .rds
            .create_db_cluster()
            .db_cluster_identifier(id)
            .engine(&self.engine)
            .engine_version(self.version.as_str())
            .storage_encrypted(true)
            .backup_retention_period(self.backup_days.into())
            .set_preferred_backup_window(self.windows.backup.clone())
            .set_preferred_maintenance_window(self.windows.maintenance.clone())
            .deletion_protection(self.protect)
            .copy_tags_to_snapshot(true)
            .set_engine_lifecycle_support(self.extended_support.lifecycle())
            .database_name(&self.database)
            .master_username(&self.username)
            .manage_master_user_password(self.managed_password)
            .db_subnet_group_name(cx.get(&self.subnet_group)?.name)
            .set_vpc_security_group_ids(Some(ids(cx, &self.security_groups)?))
            .set_tags(Some(tags::for_rds(&self.labels(cx))));
        let made = databases::make(cx, EXISTS, || {
            let call = call.clone();
            async move { call.send().await.aws() }
        });
        let Some(made) = made.await? else { return Ok(None) };
        Ok(Some(made.db_cluster.context("made, but not described")?))
    }

    /// Makes one from a snapshot; `false` where there is one of its name.
    async fn restore(&self, id: &str, snapshot: &str, cx: &Cx<Aws>) -> Result<bool> {
        let call = cx
            .cloud
            .rds
            .restore_db_cluster_from_snapshot()
            .db_cluster_identifier(id)
            .snapshot_identifier(snapshot)
            .engine(&self.engine)
            .deletion_protection(self.protect)
            .copy_tags_to_snapshot(true)
            .set_engine_lifecycle_support(self.extended_support.lifecycle())
            .db_subnet_group_name(cx.get(&self.subnet_group)?.name)
            .set_vpc_security_group_ids(Some(ids(cx, &self.security_groups)?))
            .set_tags(Some(tags::for_rds(&self.labels(cx))));
        let made = databases::make(cx, EXISTS, || {
            let call = call.clone();
            async move { call.send().await.aws() }
        });
        Ok(made.await?.is_some())
    }

    /// Gives one that was restored what RDS restores nothing of: a password of its own above all,
    /// without which it keeps the one that the snapshot has.
    async fn finish_restoring(&self, id: &str, cx: &Cx<Aws>) -> Result<DatabaseLive> {
        let look = || describe(&cx.cloud, id);
        let stands = watch(cx, WORK, look, |cluster| judge(cluster, |_| true)).await?;
        if stands.master_user_secret().is_some() {
            return Ok(live(&stands));
        }
        let call = cx.cloud.rds.modify_db_cluster().db_cluster_identifier(id);
        let call = call.apply_immediately(true);
        let call = call.backup_retention_period(self.backup_days.into());
        let call = call.set_preferred_backup_window(self.windows.backup.clone());
        let call = call.set_preferred_maintenance_window(self.windows.maintenance.clone());
        let call = call.manage_master_user_password(self.managed_password);
        let changed = call.send().await.aws()?.db_cluster;
        Ok(live(&changed.context("restored, but not described")?))
    }

    /// What would keep RDS from making it from its snapshot, if there is one.
    async fn refuses_restoring(&self, cloud: &Aws) -> Result<Vec<Problem>> {
        let Some(snapshot) = &self.snapshot else { return Ok(Vec::new()) };
        let (engine, username) = (&*self.engine, &*self.username);
        let wanted = Restored { engine, version: &self.version, username, storage: None };
        snapshots::refuses_cluster(cloud, snapshot, &wanted).await
    }

    fn labels(&self, cx: &Cx<Aws>) -> Labels {
        let (last, from) = (Some(self.final_snapshot), self.snapshot.as_deref());
        databases::labels(&cx.cloud, cx.address(), &self.tags, last, from)
    }

    /// Makes the call that changes it, and waits until it is changed.
    async fn edited(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let DatabaseLive { id, arn, .. } = &found.live;
        let groups = ids(cx, &self.security_groups)?;
        let call = cx.cloud.rds.modify_db_cluster().db_cluster_identifier(id);
        let call = call.apply_immediately(true);
        let call = match edit {
            Edit::Password => call.manage_master_user_password(self.managed_password),
            // The file asks for the version in so many words.
            Edit::Version => {
                let from = found.spec.version.as_str();
                let target = match Upgrade::of(&cx.cloud, &self.engine, from, &self.version).await {
                    Upgrade::To(target) => target,
                    Upgrade::OnlyTo(_) | Upgrade::Unknown => self.version.as_str().to_owned(),
                };
                call.engine_version(target).allow_major_version_upgrade(true)
            }
            Edit::ExtendedSupport => {
                call.set_engine_lifecycle_support(self.extended_support.lifecycle())
            }
            Edit::Backups => call.backup_retention_period(self.backup_days.into()),
            Edit::Windows => call
                .set_preferred_backup_window(self.windows.backup.clone())
                .set_preferred_maintenance_window(self.windows.maintenance.clone()),
            Edit::Protection => call.deletion_protection(self.protect),
            Edit::SecurityGroups => call.set_vpc_security_group_ids(Some(groups.clone())),
            Edit::FinalSnapshot => {
                let wanted = self.final_snapshot.to_string();
                let tags = tags::for_rds(&vec![(FINAL_SNAPSHOT.into(), wanted)]);
                let call = cx.cloud.rds.add_tags_to_resource().resource_name(arn);
                call.set_tags(Some(tags)).send().await.aws()?;
                return Ok(());
            }
            Edit::Tags => return cx.cloud.retag_rds(arn, &self.tags, &found.spec.tags).await,
        };
        let done = |now: &Self| match edit {
            Edit::Password => now.managed_password == self.managed_password,
            Edit::Version => self.version.accepts(&now.version),
            Edit::ExtendedSupport => now.extended_support == self.extended_support,
            Edit::Backups => now.backup_days == self.backup_days,
            Edit::Windows => self.windows.met_by(&now.windows),
            Edit::Protection => now.protect == self.protect,
            Edit::SecurityGroups => are(&now.security_groups, &groups),
            Edit::FinalSnapshot | Edit::Tags => true,
        };
        let look = || async {
            let cluster = describe(&cx.cloud, id).await?.context("it is gone")?;
            Ok(standing(&cluster, done))
        };
        let send = || {
            let call = call.clone();
            async move { call.send().await.aws().map(drop) }
        };
        Box::pin(change(cx, send, look)).await?;
        watch(cx, WORK, || describe(&cx.cloud, id), |cluster| judge(cluster, done)).await?;
        Ok(())
    }

    /// What a deletion of this one leaves behind, for a plan to announce; `None` when that is
    /// nothing.
    pub fn final_snapshot(found: &Found<Self>) -> Option<String> {
        farewell(found).announce(&found.live.status)
    }
}

/// The ids of its DB instances, whoever made them.
fn members(cluster: &Described) -> Vec<&str> {
    cluster.db_cluster_members().iter().filter_map(|of| of.db_instance_identifier()).collect()
}

/// Asks for the deletion, or for what has to come before it; answers what is under way, or why it
/// will not be.
async fn ask_to_go(
    cluster: &Described,
    found: &Found<DbCluster>,
    snapshot: &str,
    cx: &Cx<Aws>,
) -> Result<Probe<()>> {
    let id = &found.live.id;
    let lift = cx.cloud.unprotect || found.phase == Phase::Broken;
    if is_protected(cluster) && lift {
        let call = cx.cloud.rds.modify_db_cluster().db_cluster_identifier(id);
        let call = call.deletion_protection(false).apply_immediately(true);
        let lifted = call.send().await.aws().or_code(&BUSY)?;
        return Ok(match trouble(cluster).filter(|_| lifted.is_none()) {
            Some(trouble) => Probe::Failed(trouble),
            None => Probe::Pending("lifting the deletion protection".into()),
        });
    }
    let call = cx.cloud.rds.delete_db_cluster().db_cluster_identifier(id);
    let wanted = databases::wants_snapshot(&all_tags(cluster));
    let days = cluster.backup_retention_period().and_then(|days| u8::try_from(days).ok());
    let farewell = Farewell::of(&status(cluster), wanted, days.unwrap_or_default());
    let call = match farewell {
        Farewell::Snapshot => call.final_db_snapshot_identifier(snapshot),
        Farewell::Backups => call.skip_final_snapshot(true).delete_automated_backups(false),
        Farewell::Lost if !lift => {
            let why = farewell.announce(&status(cluster)).unwrap_or_default();
            return Ok(Probe::Failed(format!("{why}: it goes only with --unprotect")));
        }
        Farewell::Lost | Farewell::Nothing => call.skip_final_snapshot(true),
    };
    let asked = call.send().await.aws().or_gone();
    // It is already being made: an earlier answer was lost.
    match asked.or_code(&["DBClusterSnapshotAlreadyExistsFault"]) {
        Err(failure) if failure.is(&BUSY) => {
            let why = match &*members(cluster) {
                [] => failure.to_string(),
                members => format!("{failure}; it has the DB instances {}", members.join(", ")),
            };
            Ok(match trouble(cluster) {
                Some(trouble) => Probe::Failed(format!("{trouble} ({why})")),
                None => Probe::Pending(why),
            })
        }
        Err(failure) => Err(failure.into()),
        Ok(_) if farewell == Farewell::Snapshot => {
            Ok(Probe::Pending(format!("deleting; the final snapshot is {snapshot}")))
        }
        Ok(_) => Ok(Probe::Pending("deleting".into())),
    }
}

#[cfg(test)]
mod tests;
