//! The instances' leave to read the database's master secret, whose ARN is known only once the database is there.

use super::{
    instance_role::{InstanceRole, policy, put_policy},
    stores::{DatabaseLive, DatabaseRef},
};
use crate::{
    aws::{Aws, Sent, Tolerant, compute::APP_POLICY},
    engine::{Cx, Found, Kind, Never, Ref, Table},
};
use anyhow::{Result, ensure};

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
    /// The policy's name within the role: `<name>-instance-<id>` or `<name>-cluster-<id>`, after
    /// the database, since a policy carries no tags.
    pub name: String,
}

const INSTANCE: &str = "-instance-";
const CLUSTER: &str = "-cluster-";

impl Kind for RolePolicy {
    type Cloud = Aws;
    type Live = RolePolicyLive;
    type Edit = Never;

    const NAME: &'static str = "role-policy";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table.fixed("role", |p| &p.role).fixed("database", |p| &p.database)
    }

    fn id(live: &Self::Live) -> &str {
        &live.name
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let roles = InstanceRole::discover(aws).await?;
        let Some(role) = roles.first() else { return Ok(Vec::new()) };
        let policies = aws.instance_role().await?.policies.iter();
        let found = policies.filter(|name| *name != APP_POLICY).filter_map(|policy| {
            let (name, database) = read(policy)?;
            let spec = Self { role: Ref::found(InstanceRole::id(&role.live)), database };
            let live = RolePolicyLive { role: role.live.role.clone(), name: policy.clone() };
            Some(Found::ready(name, spec, live))
        });
        Ok(found.collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<RolePolicyLive> {
        let role = cx.get(&self.role)?.role;
        let (kind, database): (_, DatabaseLive) = match &self.database {
            DatabaseRef::Instance(to) => (INSTANCE, cx.get(to)?),
            DatabaseRef::Cluster(to) => (CLUSTER, cx.get(to)?),
        };
        ensure!(
            !database.secret_arn.is_empty(),
            "AWS names no secret for the master password of {}",
            database.id
        );
        let name = format!("{}{kind}{}", cx.name(), database.id);
        put_policy(&role, &name, &policy::secret(&database.secret_arn), cx).await?;
        Ok(RolePolicyLive { role, name })
    }

    async fn edit(&self, edit: Never, _: &Found<Self>, _: &Cx<Aws>) -> Result<()> {
        match edit {}
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let RolePolicyLive { role, name } = &found.live;
        let call = cx.cloud.iam.delete_role_policy().role_name(role).policy_name(name);
        call.send().await.aws().or_gone()?;
        Ok(())
    }
}

/// The resource's name and its database, as a policy's name tells them. An id may contain the marks
/// too, so the first one counts.
fn read(policy: &str) -> Option<(&str, DatabaseRef)> {
    let instance = policy.split_once(INSTANCE);
    let cluster = policy.split_once(CLUSTER);
    match (instance, cluster) {
        (Some((name, id)), other) if other.is_none_or(|(later, _)| name.len() < later.len()) => {
            Some((name, DatabaseRef::Instance(Ref::found(id))))
        }
        (_, cluster) => cluster.map(|(name, id)| (name, DatabaseRef::Cluster(Ref::found(id)))),
    }
}

#[cfg(test)]
mod tests;
