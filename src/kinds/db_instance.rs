//! An RDS DB instance: a database by itself, or a member of an Aurora cluster, to which what is `None` belongs.

use super::{
    db_cluster::DbCluster,
    db_subnet_group::DbSubnetGroup,
    security_group::SecurityGroup,
    stores::{DatabaseLive, Version},
};
use crate::engine::Swap;
use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Ref, Table},
};
use anyhow::{Result, bail};
use std::time::Duration;

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
    /// See the attribute table.
    Version,
    /// See the attribute table.
    InstanceClass,
    /// See the attribute table.
    Storage,
    /// See the attribute table.
    MultiAz,
    /// See the attribute table.
    Backups,
    /// See the attribute table.
    Protection,
    /// See the attribute table.
    FinalSnapshot,
    /// See the attribute table.
    SecurityGroups,
    /// See the attribute table.
    Tags,
}

impl Kind for DbInstance {
    type Cloud = Aws;
    type Live = DatabaseLive;
    type Edit = Edit;

    const NAME: &'static str = "db-instance";
    const SWAP: Swap = Swap::Refuse("its data");
    const USUAL: Duration = Duration::from_secs(540);
    const USUAL_DELETION: Duration = Duration::from_secs(360);

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

    async fn discover(_cloud: &Aws) -> Result<Vec<Found<Self>>> {
        bail!("not built")
    }

    async fn create(&self, _cx: &Cx<Aws>) -> Result<Self::Live> {
        bail!("not built")
    }

    async fn edit(&self, _edit: Edit, _found: &Found<Self>, _cx: &Cx<Aws>) -> Result<()> {
        bail!("not built")
    }

    async fn delete(_found: &Found<Self>, _cx: &Cx<Aws>) -> Result<()> {
        bail!("not built")
    }
}
