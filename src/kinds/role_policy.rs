//! The instances' leave to read the database's master secret, whose ARN is known only once the database is there.

use super::{instance_role::InstanceRole, stores::DatabaseRef};
use crate::{
    aws::{Aws},
    engine::{Cx, Found, Kind, Never, Ref, Table},
};
use anyhow::{Result, bail};

/// The instances' leave to read the database's master secret, whose ARN is known only once the database is there.
#[derive(Clone, Debug)]
pub struct RolePolicy {
    /// Whose leave it is.
    pub role: Ref<InstanceRole>,
    /// Whose secret it is.
    pub database: DatabaseRef,
}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolePolicyLive {
    /// The role's name.
    pub role: String,
    /// The policy's name within the role.
    pub name: String,
}

impl Kind for RolePolicy {
    type Cloud = Aws;
    type Live = RolePolicyLive;
    type Edit = Never;

    const NAME: &'static str = "role-policy";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("role", |p| &p.role)
            .fixed("database", |p| &p.database)
    }

    fn id(live: &Self::Live) -> &str {
        &live.name
    }

    async fn discover(_cloud: &Aws) -> Result<Vec<Found<Self>>> {
        bail!("not built")
    }

    async fn create(&self, _cx: &Cx<Aws>) -> Result<Self::Live> {
        bail!("not built")
    }

    async fn edit(&self, _edit: Never, _found: &Found<Self>, _cx: &Cx<Aws>) -> Result<()> {
        bail!("not built")
    }

    async fn delete(_found: &Found<Self>, _cx: &Cx<Aws>) -> Result<()> {
        bail!("not built")
    }
}
