//! An Aurora cluster: the storage and the endpoints; its instances are DB instances.

use super::{
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

/// An Aurora cluster: the storage and the endpoints; its instances are DB instances.
#[derive(Clone, Debug)]
pub struct DbCluster {
    /// `aurora-postgresql` or `aurora-mysql`.
    pub engine: String,
    /// The engine version wanted: met by everything it is a prefix of.
    pub version: Version,
    /// Days that backups are kept, 1–35.
    pub backup_days: u8,
    /// Deletion protection.
    pub protect: bool,
    /// Whether a deletion leaves a snapshot, remembered in a tag.
    pub final_snapshot: bool,
    /// The database made with it.
    pub database: String,
    /// The master user.
    pub username: String,
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
    /// See the attribute table.
    Version,
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

impl Kind for DbCluster {
    type Cloud = Aws;
    type Live = DatabaseLive;
    type Edit = Edit;

    const NAME: &'static str = "db-cluster";
    const SWAP: Swap = Swap::Refuse("its data");
    const USUAL: Duration = Duration::from_secs(120);
    const USUAL_DELETION: Duration = Duration::from_secs(180);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("engine", |c| &c.engine)
            .tuned_if(
                "version",
                Edit::Version,
                |c| &c.version,
                |w, f| w.version.is_newer_than(&f.version),
            )
            .tuned("backup_days", Edit::Backups, |c| &c.backup_days)
            .tuned("protect", Edit::Protection, |c| &c.protect)
            .tuned("final_snapshot", Edit::FinalSnapshot, |c| &c.final_snapshot)
            .fixed("database", |c| &c.database)
            .fixed("username", |c| &c.username)
            .fixed("subnet_group", |c| &c.subnet_group)
            .tuned("security_groups", Edit::SecurityGroups, |c| &c.security_groups)
            .tuned("tags", Edit::Tags, |c| &c.tags)
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
