//! How a DB instance is made: empty, or from a snapshot.

use super::{
    DbInstance, gib,
    reading::{describe, judge, live},
};
use crate::{
    aws::{Aws, Labels, Sent, tags},
    engine::{Cx, Problem},
    kinds::stores::{
        DatabaseLive,
        databases::{self, ExtendedSupport, WORK},
        snapshots::{self, Restored},
        watch::{ids, watch},
    },
};
use anyhow::{Context, Result};
use aws_sdk_rds::{
    operation::create_db_instance::builders::CreateDBInstanceFluentBuilder,
    types::DbInstance as Described,
};

/// The wire code for one of its name.
const EXISTS: &str = "DBInstanceAlreadyExists";

impl DbInstance {
    /// Makes an empty one; `None` where there is one of its name.
    pub(super) async fn made(&self, id: &str, cx: &Cx<Aws>) -> Result<Option<Described>> {
        let call = self.creation(id, cx)?;
        let call = call.set_availability_zone(self.zone_within_cluster(cx).await?);
        let made = databases::make(cx, EXISTS, || {
            let call = call.clone();
            async move { call.send().await.aws() }
        });
        let Some(made) = made.await? else { return Ok(None) };
        Ok(Some(made.db_instance.context("made, but not described")?))
    }

    /// Makes one from a snapshot; `false` where there is one of its name.
    pub(super) async fn restore(&self, id: &str, snapshot: &str, cx: &Cx<Aws>) -> Result<bool> {
        let groups = self.security_groups.as_deref().map(|groups| ids(cx, groups));
        let call = cx
            .cloud
            .rds
            .restore_db_instance_from_db_snapshot()
            .db_instance_identifier(id)
            .db_snapshot_identifier(snapshot)
            .db_instance_class(&self.instance_class)
            .publicly_accessible(false)
            .auto_minor_version_upgrade(true)
            .set_tags(Some(tags::for_rds(&self.labels(cx))))
            .db_subnet_group_name(cx.get(&self.subnet_group)?.name)
            .set_engine_lifecycle_support(
                self.extended_support.and_then(ExtendedSupport::lifecycle),
            )
            .set_allocated_storage(gib(self.storage.map(|storage| storage.0)))
            .storage_type("gp3")
            .set_multi_az(self.multi_az)
            .set_deletion_protection(self.protect)
            .copy_tags_to_snapshot(true)
            .set_vpc_security_group_ids(groups.transpose()?);
        let made = databases::make(cx, EXISTS, || {
            let call = call.clone();
            async move { call.send().await.aws() }
        });
        Ok(made.await?.is_some())
    }

    /// Gives one that was restored what RDS restores nothing of: a password of its own above all,
    /// without which it keeps the one that the snapshot has.
    pub(super) async fn finish_restoring(&self, id: &str, cx: &Cx<Aws>) -> Result<DatabaseLive> {
        let stands = watch(cx, WORK, || describe(&cx.cloud, id), |db| judge(db, |_| true)).await?;
        if stands.master_user_secret().is_some() {
            return Ok(live(&stands));
        }
        let call = cx.cloud.rds.modify_db_instance().db_instance_identifier(id);
        let call = call.apply_immediately(true);
        let call = call.set_backup_retention_period(self.backup_days.map(i32::from));
        let call = call.set_max_allocated_storage(gib(self.max_storage));
        let call = call.set_preferred_backup_window(self.windows.backup.clone());
        let call = call.set_preferred_maintenance_window(self.windows.maintenance.clone());
        let call = call.set_manage_master_user_password(self.managed_password);
        let changed = call.send().await.aws()?.db_instance;
        Ok(live(&changed.context("restored, but not described")?))
    }

    /// What would keep RDS from making it from its snapshot, if there is one.
    pub(super) async fn refuses_restoring(&self, cloud: &Aws) -> Result<Vec<Problem>> {
        let (Some(snapshot), Some(version)) = (&self.snapshot, &self.version) else {
            return Ok(Vec::new());
        };
        let username = self.username.as_deref().unwrap_or_default();
        let storage = self.storage.map(|storage| storage.0);
        let wanted = Restored { engine: &self.engine, version, username, storage };
        snapshots::refuses_instance(cloud, snapshot, &wanted).await
    }

    fn labels(&self, cx: &Cx<Aws>) -> Labels {
        let from = self.snapshot.as_deref();
        databases::labels(&cx.cloud, cx.address(), &self.tags, self.final_snapshot, from)
    }

    fn creation(&self, id: &str, cx: &Cx<Aws>) -> Result<CreateDBInstanceFluentBuilder> {
        let labels = self.labels(cx);
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
            .set_engine_version(self.version.as_ref().map(|v| v.as_str().to_owned()))
            .set_engine_lifecycle_support(
                self.extended_support.and_then(ExtendedSupport::lifecycle),
            )
            .set_allocated_storage(gib(self.storage.map(|storage| storage.0)))
            .storage_type("gp3")
            .storage_encrypted(true)
            .set_max_allocated_storage(gib(self.max_storage))
            .set_preferred_backup_window(self.windows.backup.clone())
            .set_preferred_maintenance_window(self.windows.maintenance.clone())
            .set_multi_az(self.multi_az)
            .set_backup_retention_period(self.backup_days.map(i32::from))
            .set_deletion_protection(self.protect)
            .copy_tags_to_snapshot(true)
            .set_db_name(self.database.clone())
            .set_master_username(self.username.clone())
            .set_manage_master_user_password(self.managed_password)
            .set_vpc_security_group_ids(groups.transpose()?))
    }

    /// The zone to make it in, if the cluster's storage is in it.
    async fn zone_within_cluster(&self, cx: &Cx<Aws>) -> Result<Option<String>> {
        let (Some(zone), Some(cluster)) = (&self.zone, &self.cluster) else { return Ok(None) };
        let id = cx.get(cluster)?.id;
        let answer = cx.cloud.rds.describe_db_clusters().db_cluster_identifier(id).send().await;
        let answer = answer.aws()?;
        let within = answer.db_clusters().iter().any(|c| c.availability_zones().contains(zone));
        Ok(within.then(|| zone.clone()))
    }
}
