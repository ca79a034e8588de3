//! An RDS DB instance: a database by itself, or a member of an Aurora cluster, to which what is
//! `None` belongs.

mod creation;
mod reading;

use super::{
    db_cluster::DbCluster,
    db_subnet_group::DbSubnetGroup,
    security_group::SecurityGroup,
    stores::{
        DatabaseLive, EngineVersion,
        databases::{
            self, BUSY, ExtendedSupport, FINAL_SNAPSHOT, Farewell, Storage, WORK, Windows, change,
            snapshot_name,
        },
        offers::{self, Upgrade},
        snapshots, stranger,
        watch::{are, ids, watch},
    },
};
use crate::{
    aws::{Aws, Sent, Tags, Tolerant, tags},
    engine::{Change, Cx, Found, Kind, Phase, Probe, Problem, Ref, Refused, Swap, Table, Taken},
};
use anyhow::{Context, Result, bail};
use aws_sdk_rds::{
    operation::modify_db_instance::builders::ModifyDBInstanceFluentBuilder,
    types::DbInstance as Described,
};
use reading::{describe, is_protected, judge, live, max_storage, standing, status, trouble};
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
    /// The zone it is made in, if that is to be one of the cluster's. Where it stands is not compared:
    /// AWS moves none.
    pub zone: Option<String>,
    /// The engine version; minor upgrades that AWS makes meet it.
    pub version: Option<EngineVersion>,
    /// Whether it stays on its major version past standard support.
    pub extended_support: Option<ExtendedSupport>,
    /// GiB, at least; grows only.
    pub storage: Option<Storage>,
    /// GiB up to which RDS makes the storage larger by itself; `None` leaves that as it is.
    pub max_storage: Option<u32>,
    /// When backups are made and maintenance is done.
    pub windows: Windows,
    /// Whether a standby follows it in another zone.
    pub multi_az: Option<bool>,
    /// Days that backups are kept, 0–35.
    pub backup_days: Option<u8>,
    /// Deletion protection.
    pub protect: Option<bool>,
    /// Whether a deletion leaves a snapshot, remembered in a tag.
    pub final_snapshot: Option<bool>,
    /// The snapshot it is made from, remembered in a tag; `None` for an empty one, and of no meaning
    /// once it stands.
    pub snapshot: Option<String>,
    /// The database made with it.
    pub database: Option<String>,
    /// The master user.
    pub username: Option<String>,
    /// Whether RDS keeps the master password in a secret; not so once it was restored from a snapshot.
    pub managed_password: Option<bool>,
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
    /// `ModifyDBInstance`: RDS makes a secret and sets a new password. Before all others, which wait
    /// for what the app needs.
    Password,
    /// `ModifyDBInstance`; the database restarts.
    Version,
    /// `ModifyDBInstance`; the database restarts, or fails over to its standby.
    InstanceClass,
    /// `ModifyDBInstance`. Before the storage, which RDS does not make larger than its end.
    Autoscaling,
    /// `ModifyDBInstance`; AWS takes no second change for six hours.
    Storage,
    /// `ModifyDBInstance`.
    Windows,
    /// `ModifyDBInstance`.
    MultiAz,
    /// `ModifyDBInstance`; from or to 0 days with a brief pause.
    Backups,
    /// `ModifyDBInstance`.
    Protection,
    /// `ModifyDBInstance`.
    ExtendedSupport,
    /// `AddTagsToResource`: the tag that a later deletion reads.
    FinalSnapshot,
    /// `ModifyDBInstance`.
    SecurityGroups,
    /// `AddTagsToResource` and `RemoveTagsFromResource`.
    Tags,
}

/// From this many GiB on, a disk of the type gp3 has IOPS of its own to be told ("Amazon RDS DB instance
/// storage", Amazon RDS User Guide).
const STRIPED: i32 = 400;
/// The fewest IOPS of such a disk, and its least throughput in MiB/s.
const LEAST: (i32, i32) = (12_000, 500);

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
            .tuned("extended_support", Edit::ExtendedSupport, |d| &d.extended_support)
            .tuned("storage", Edit::Storage, |d| &d.storage)
            .tuned("max_storage", Edit::Autoscaling, |d| &d.max_storage)
            .tuned("backup_window", Edit::Windows, |d| &d.windows.backup)
            .tuned("maintenance_window", Edit::Windows, |d| &d.windows.maintenance)
            .tuned("multi_az", Edit::MultiAz, |d| &d.multi_az)
            .tuned("backup_days", Edit::Backups, |d| &d.backup_days)
            .tuned("protect", Edit::Protection, |d| &d.protect)
            .tuned("final_snapshot", Edit::FinalSnapshot, |d| &d.final_snapshot)
            .fixed("snapshot", |d| &d.snapshot)
            .fixed("database", |d| &d.database)
            .fixed("username", |d| &d.username)
            .tuned("managed_password", Edit::Password, |d| &d.managed_password)
            .fixed("subnet_group", |d| &d.subnet_group)
            .tuned("security_groups", Edit::SecurityGroups, |d| &d.security_groups)
            .tuned("tags", Edit::Tags, |d| &d.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.id
    }

    fn guard(found: &Found<Self>) -> Option<String> {
        if found.phase == Phase::Broken {
            return None;
        }
        let protected = found.spec.protect == Some(true);
        let protected = protected.then(|| "deletion protection is on".into());
        protected.or_else(|| farewell(found).guard(&found.live.status))
    }

    fn refuse(&self, found: &Found<Self>, changes: &[Change]) -> Option<Refused> {
        if let Some(refused) = snapshots::refuse_later(changes) {
            return Some(refused);
        }
        let (wanted, has) = (self.version.as_ref()?, found.spec.version.as_ref()?);
        databases::refuse_older(&self.engine, wanted, has, changes)
    }

    fn disturbs(edit: Edit) -> bool {
        matches!(edit, Edit::InstanceClass)
    }

    fn goes_last(found: &Found<Self>) -> bool {
        found.live.writer
    }

    async fn discover(cloud: &Aws) -> Result<Vec<Found<Self>>> {
        let pages = cloud.rds.describe_db_instances().into_paginator().items().send();
        let all = pages.collect::<Result<Vec<_>, _>>().await.aws()?;
        let mut found: Vec<_> = all.iter().filter_map(|db| reading::read(cloud, db)).collect();
        reading::tell_apart(cloud, &mut found).await?;
        Ok(found)
    }

    async fn preflight(
        &self,
        found: Option<&Found<Self>>,
        changes: &[Change],
        cx: &Cx<Aws>,
    ) -> Result<Vec<Problem>> {
        let (cloud, class) = (&cx.cloud, Some(&*self.instance_class));
        let Some(found) = found else {
            let refused = offers::refuses(cloud, &self.engine, self.version.as_ref(), class).await;
            let restored = self.refuses_restoring(cloud).await?;
            return Ok(refused.into_iter().chain(restored).collect());
        };
        let has = |name: &str| changes.iter().any(|change| change.attribute == name);
        let mut problems = Vec::new();
        if has("instance_class") {
            problems.extend(offers::refuses(cloud, &self.engine, None, class).await);
        }
        if !has("version") && !has("storage") {
            return Ok(problems);
        }
        let Some(db) = describe(cloud, &found.live.id).await? else { return Ok(problems) };
        if has("version") {
            problems.extend(self.refuses_upgrade(&db, cx).await);
        }
        if has("storage") {
            let most = self.max_storage.or(max_storage(&db));
            problems.extend(self.storage.and_then(|to| refuses_growth(&db, to, most)));
        }
        Ok(problems)
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
        Ok(self::live(&watch(cx, WORK, read, |db| judge(db, |_| true)).await?))
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        Box::pin(self.edited(edit, found, cx)).await
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let snapshot = snapshot_name(&found.live.id, SystemTime::now());
        cx.until(WORK, || async {
            Ok(match describe(&cx.cloud, &found.live.id).await? {
                None => Probe::Ready(()),
                Some(db) if databases::phase(&status(&db), true) == Phase::Going => {
                    Probe::Pending(status(&db))
                }
                Some(db) => Box::pin(ask_to_go(&db, found, &snapshot, cx)).await?,
            })
        })
        .await
    }
}

/// What bears our name already: ours, whose making was not heard of, or somebody else's.
async fn own(id: &str, cx: &Cx<Aws>) -> Result<DatabaseLive> {
    let there = describe(&cx.cloud, id).await?.context("it exists already, yet does not")?;
    let ours = reading::read(&cx.cloud, &there).filter(|found| found.phase != Phase::Copy);
    Ok(ours.ok_or_else(|| stranger("DB instance", id))?.live)
}

/// What a deletion does with what is stored in it. A member's data are the cluster's.
fn farewell(found: &Found<DbInstance>) -> Farewell {
    let wanted = found.spec.cluster.is_none() && found.spec.final_snapshot != Some(false);
    Farewell::of(&found.live.status, wanted, found.spec.backup_days.unwrap_or_default())
}

impl DbInstance {
    /// What a deletion of this one leaves behind, for a plan to announce; `None` when that is
    /// nothing.
    pub fn final_snapshot(found: &Found<Self>) -> Option<String> {
        farewell(found).announce(&found.live.status)
    }

    /// Makes the call that changes it, and waits until it is changed.
    async fn edited(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let DatabaseLive { id, arn, .. } = &found.live;
        let modify = || {
            let call = cx.cloud.rds.modify_db_instance().db_instance_identifier(id);
            call.apply_immediately(true)
        };
        let call = match edit {
            Edit::Password => modify().set_manage_master_user_password(self.managed_password),
            Edit::Version => {
                let call = modify().set_engine_version(self.target(id, cx).await?);
                // The file asks for the version in so many words.
                call.allow_major_version_upgrade(true)
            }
            Edit::InstanceClass => modify().db_instance_class(&self.instance_class),
            Edit::Storage => grow(modify(), id, self.storage, cx).await?,
            Edit::Autoscaling => modify().set_max_allocated_storage(gib(self.max_storage)),
            Edit::Windows => modify()
                .set_preferred_backup_window(self.windows.backup.clone())
                .set_preferred_maintenance_window(self.windows.maintenance.clone()),
            Edit::MultiAz => modify().set_multi_az(self.multi_az),
            Edit::Backups => modify().set_backup_retention_period(self.backup_days.map(i32::from)),
            Edit::Protection => modify().set_deletion_protection(self.protect),
            Edit::ExtendedSupport => {
                let lifecycle = self.extended_support.and_then(ExtendedSupport::lifecycle);
                modify().set_engine_lifecycle_support(lifecycle)
            }
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
        let done = |now: &Self| self.is_done(edit, now, groups.as_deref());
        let look = || async {
            let db = describe(&cx.cloud, id).await?.context("it is gone")?;
            Ok(standing(&db, done))
        };
        let send = || {
            let call = call.clone();
            async move { call.send().await.aws().map(drop) }
        };
        Box::pin(change(cx, send, look)).await?;
        watch(cx, WORK, || describe(&cx.cloud, id), |db| judge(db, done)).await?;
        Ok(())
    }

    /// Whether `now` is what the edit was to bring about.
    fn is_done(&self, edit: Edit, now: &Self, groups: Option<&[String]>) -> bool {
        match edit {
            Edit::Password => now.managed_password == self.managed_password,
            Edit::Version => match (&self.version, &now.version) {
                (Some(wanted), Some(now)) => wanted.accepts(now),
                _ => true,
            },
            Edit::InstanceClass => now.instance_class == self.instance_class,
            Edit::Storage => now.storage >= self.storage,
            Edit::Autoscaling => now.max_storage == self.max_storage,
            Edit::Windows => self.windows.met_by(&now.windows),
            Edit::MultiAz => now.multi_az == self.multi_az,
            Edit::Backups => now.backup_days == self.backup_days,
            Edit::Protection => now.protect == self.protect,
            Edit::ExtendedSupport => now.extended_support == self.extended_support,
            Edit::SecurityGroups => match (groups, &now.security_groups) {
                (Some(wanted), Some(now)) => are(now, wanted),
                _ => true,
            },
            Edit::FinalSnapshot | Edit::Tags => true,
        }
    }

    /// The version to ask for: exactly one that RDS upgrades this one to.
    async fn target(&self, id: &str, cx: &Cx<Aws>) -> Result<Option<String>> {
        let Some(wanted) = &self.version else { return Ok(None) };
        let db = describe(&cx.cloud, id).await?.context("it is gone")?;
        let from = db.engine_version().unwrap_or_default();
        Ok(Some(match Upgrade::of(&cx.cloud, &self.engine, from, wanted).await {
            Upgrade::To(target) => target,
            Upgrade::OnlyTo(_) | Upgrade::Unknown => wanted.as_str().to_owned(),
        }))
    }

    /// What would keep RDS from upgrading it.
    async fn refuses_upgrade(&self, db: &Described, cx: &Cx<Aws>) -> Option<Problem> {
        let wanted = self.version.as_ref()?;
        let from = db.engine_version().unwrap_or_default();
        let upgrade = Upgrade::of(&cx.cloud, &self.engine, from, wanted).await;
        if let Some(problem) = upgrade.problem(&self.engine, from, wanted) {
            return Some(problem);
        }
        // "For major version upgrades, if a nondefault DB parameter group is currently in use, a new
        // DB parameter group in the DB parameter group family for the new engine version must be
        // specified" (`ModifyDBInstance`, `EngineVersion`).
        let mut groups =
            db.db_parameter_groups().iter().filter_map(|g| g.db_parameter_group_name());
        let own = groups.find(|name| !name.starts_with("default."))?;
        let major = wanted.major() != EngineVersion::of(&self.engine, from).major();
        major.then(|| {
            Problem::new(
                format!("it has the parameter group {own}, which is of {} {from}", self.engine),
                format!(
                    "give it AWS's default parameter group before a major upgrade (aws rds \
                     modify-db-instance --db-instance-identifier {} --db-parameter-group-name \
                     default.… and a reboot)",
                    db.db_instance_identifier().unwrap_or("?")
                ),
            )
        })
    }
}

/// A number of GiB as AWS takes it.
fn gib(size: Option<u32>) -> Option<i32> {
    size.and_then(|size| i32::try_from(size).ok())
}

/// What would keep RDS from making the storage larger.
fn refuses_growth(db: &Described, to: Storage, most: Option<u32>) -> Option<Problem> {
    // AWS takes the next change of storage only when it has spread the data of the last one.
    if status(db) == "storage-optimization" {
        return Some(Problem::new(
            "its storage was changed lately, and is in storage-optimization",
            "try again when storage-optimization is over, which takes hours",
        ));
    }
    let most = most?;
    (most <= to.0).then(|| {
        Problem::new(
            format!("its storage autoscaling ends at {most} GiB"),
            format!("write `max_storage: {}` under `database`", to.0 + to.0.div_ceil(4)),
        )
    })
}

/// The call that makes the storage larger, with what AWS wants to be told along with it: "When you
/// increase the allocated storage for a DB instance that uses Provisioned IOPS (gp3, io1, or io2), you
/// must also specify the Iops parameter" (`ModifyDBInstance`, `AllocatedStorage`), and below the size
/// from which gp3 has IOPS of its own one must not.
async fn grow(
    call: ModifyDBInstanceFluentBuilder,
    id: &str,
    to: Option<Storage>,
    cx: &Cx<Aws>,
) -> Result<ModifyDBInstanceFluentBuilder> {
    let db = describe(&cx.cloud, id).await?.context("it is gone")?;
    if let Some(Problem { says, remedy }) =
        to.and_then(|to| refuses_growth(&db, to, max_storage(&db)))
    {
        bail!("{says}: {remedy}");
    }
    let size = gib(to.map(|to| to.0));
    let call = call.set_allocated_storage(size);
    let (iops, throughput) = (db.iops(), db.storage_throughput());
    Ok(match db.storage_type() {
        Some("gp3") if size >= Some(STRIPED) => call
            .iops(iops.unwrap_or_default().max(LEAST.0))
            .storage_throughput(throughput.unwrap_or_default().max(LEAST.1)),
        Some("io1" | "io2") => call.set_iops(iops),
        _ => call,
    })
}

/// Asks for the deletion, or for what has to come before it; answers what is under way, or why it
/// will not be.
async fn ask_to_go(
    db: &Described,
    found: &Found<DbInstance>,
    snapshot: &str,
    cx: &Cx<Aws>,
) -> Result<Probe<()>> {
    let (id, member) = (&found.live.id, found.spec.cluster.is_some());
    let lift = cx.cloud.unprotect || found.phase == Phase::Broken;
    if !member && is_protected(db) && lift {
        let call = cx.cloud.rds.modify_db_instance().db_instance_identifier(id);
        let call = call.deletion_protection(false).apply_immediately(true);
        let lifted = call.send().await.aws().or_code(&BUSY)?;
        return Ok(match trouble(db).filter(|_| lifted.is_none()) {
            Some(trouble) => Probe::Failed(trouble),
            None => Probe::Pending("lifting the deletion protection".into()),
        });
    }
    let wanted = !member && databases::wants_snapshot(&reading::all_tags(db));
    let call = cx.cloud.rds.delete_db_instance().db_instance_identifier(id);
    let days = db.backup_retention_period().and_then(|days| u8::try_from(days).ok());
    let farewell = Farewell::of(&status(db), wanted, days.unwrap_or_default());
    let call = match farewell {
        Farewell::Snapshot => call.final_db_snapshot_identifier(snapshot),
        Farewell::Backups => call.skip_final_snapshot(true).delete_automated_backups(false),
        Farewell::Lost if !lift => {
            let why = farewell.announce(&status(db)).unwrap_or_default();
            return Ok(Probe::Failed(format!("{why}: it goes only with --unprotect")));
        }
        Farewell::Lost | Farewell::Nothing => call.skip_final_snapshot(true),
    };
    let asked = call.send().await.aws().or_gone();
    // It is already being made: an earlier answer was lost.
    match asked.or_code(&["DBSnapshotAlreadyExists"]) {
        Err(failure) if failure.is(&BUSY) => Ok(match trouble(db) {
            Some(trouble) => Probe::Failed(format!("{trouble} ({failure})")),
            None => Probe::Pending(failure.to_string()),
        }),
        Err(failure) => Err(failure.into()),
        Ok(_) if farewell == Farewell::Snapshot => {
            Ok(Probe::Pending(format!("deleting; the final snapshot is {snapshot}")))
        }
        Ok(_) => Ok(Probe::Pending("deleting".into())),
    }
}

#[cfg(test)]
mod tests;
