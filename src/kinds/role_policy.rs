//! The instances' leave to read the database's master secret, whose ARN is known only once the database is there.

use super::{
    instance_role::{InstanceRole, policy, put_policy},
    stores::{DatabaseLive, DatabaseRef},
};
use crate::{
    aws::{Aws, Sent, Tolerant, compute::database_policy},
    engine::{Cx, Found, Kind, Ref, Table, Taken},
};
use anyhow::{Result, ensure};

/// The instances' leave to read the database's master secret, whose ARN is known only once the database is there.
#[derive(Clone, Debug)]
pub struct RolePolicy {
    /// Whose leave it is.
    pub role: Ref<InstanceRole>,
    /// Whose secret it is.
    pub database: DatabaseRef,
    /// The policy, as canonical JSON: what grants the secret that the database has now. `None`
    /// while nobody knows which that is.
    pub document: Option<String>,
}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolePolicyLive {
    /// The role's name.
    pub role: String,
    /// The policy's name within the role: `database-instance-<id>` or `database-cluster-<id>`,
    /// after the database, since a policy carries no tags.
    pub name: String,
}

/// The call that changes it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `PutRolePolicy`.
    Document,
}

/// The name of the one policy there is within its kind.
const NAME: &str = "database";

impl Kind for RolePolicy {
    type Cloud = Aws;
    type Live = RolePolicyLive;
    type Edit = Edit;

    const NAME: &'static str = "role-policy";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table.fixed("role", |p| &p.role).fixed("database", |p| &p.database).tuned(
            "document",
            Edit::Document,
            |p| &p.document,
        )
    }

    fn id(live: &Self::Live) -> &str {
        &live.name
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let roles = InstanceRole::discover(aws).await?;
        let Some(role) = roles.first() else { return Ok(Vec::new()) };
        let reading = aws.instance_role().await?;
        let id = aws.named("db");
        let ours = [
            DatabaseRef::Instance(Ref::found(id.as_str())),
            DatabaseRef::Cluster(Ref::found(id.as_str())),
        ];
        let found = ours.into_iter().filter_map(|database| {
            let policy = database_policy(kind(&database), &id);
            let document = policy::decoded(reading.policies.get(&policy)?);
            // One of others that has the name by chance is in the way, and `taken` tells it.
            policy::is_secret(&document).then(|| {
                let role_id = Ref::found(InstanceRole::id(&role.live));
                let spec = Self { role: role_id, database, document: Some(document) };
                let live = RolePolicyLive { role: role.live.role.clone(), name: policy };
                Found::ready(NAME, spec, live)
            })
        });
        Ok(found.collect())
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        let reading = cx.cloud.instance_role().await?;
        let name = database_policy(kind(&self.database), &cx.cloud.named("db"));
        let document = reading.policies.get(&name).map(|document| policy::decoded(document));
        let theirs = document.filter(|document| !policy::is_secret(document));
        let taken = theirs.map(|_| Taken {
            what: format!("inline policy {name} of role {}", cx.cloud.role_name()),
            whose: "it grants something else than a database's secret".into(),
        });
        Ok(taken.into_iter().collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<RolePolicyLive> {
        let role = cx.get(&self.role)?.role;
        let database = self.live(cx)?;
        let name = database_policy(kind(&self.database), &database.id);
        put_policy(&role, &name, &granting(&database)?, cx).await?;
        Ok(RolePolicyLive { role, name })
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        match edit {
            Edit::Document => {
                let RolePolicyLive { role, name } = &found.live;
                put_policy(role, name, &granting(&self.live(cx)?)?, cx).await
            }
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let RolePolicyLive { role, name } = &found.live;
        let call = cx.cloud.iam.delete_role_policy().role_name(role).policy_name(name);
        call.send().await.aws().or_gone()?;
        Ok(())
    }
}

impl RolePolicy {
    fn live(&self, cx: &Cx<Aws>) -> Result<DatabaseLive> {
        match &self.database {
            DatabaseRef::Instance(to) => cx.get(to),
            DatabaseRef::Cluster(to) => cx.get(to),
        }
    }
}

fn kind(database: &DatabaseRef) -> &'static str {
    match database {
        DatabaseRef::Instance(_) => "instance",
        DatabaseRef::Cluster(_) => "cluster",
    }
}

/// The document that grants a database's secret.
fn granting(database: &DatabaseLive) -> Result<String> {
    ensure!(
        !database.secret_arn.is_empty(),
        "AWS names no secret for the master password of {}",
        database.id
    );
    Ok(policy::secret(&database.secret_arn))
}

#[cfg(test)]
mod tests;
