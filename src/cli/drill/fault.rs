//! What is broken on purpose, and how.

use crate::{
    aws::{Aws, Sent, Tolerant},
    engine::{Inventory, Phase, Stop},
    kinds::{CacheCluster, DbCluster, DbInstance, ReplicationGroup, Target, target::TargetLive},
    sessions::Level,
    spec::Store,
    ui::Trouble,
};
use anyhow::{Result, bail, ensure};
use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetHealthStateEnum};
use clap::ValueEnum;
use std::{fmt, time::Duration};
use tokio::time::{Instant, sleep};

/// What is to be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum What {
    /// Take an instance out of the load balancer, and put it back
    Deregister,
    /// Terminate an instance, and make another one
    Terminate,
    /// Let a replica of the cache take over
    FailOverCache,
    /// Reboot the database; with a standby or another instance, that one takes over
    RebootDatabase,
}

/// One thing to break, and where it is.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    Deregister { name: String, target: TargetLive },
    Terminate { name: String, instance: String },
    FailOverCache { group: String },
    RebootDatabase { database: String, failover: bool },
    FailOverCluster { cluster: String },
}

/// How long AWS may take to show what was asked for, and how often it is looked at.
const LIMIT: Duration = Duration::from_mins(15);
const PACE: Duration = Duration::from_secs(2);

impl Fault {
    /// Finds what there is to break.
    ///
    /// # Errors
    /// When the stack has none of it, or nothing that could take over.
    pub(super) fn choose(what: What, name: Option<&str>, found: &Inventory<Aws>) -> Result<Self> {
        match what {
            What::Deregister => {
                let target = Self::target(name, found)?;
                Ok(Self::Deregister { name: target.0, target: target.1 })
            }
            What::Terminate => {
                let (name, target) = Self::target(name, found)?;
                Ok(Self::Terminate { name, instance: target.instance })
            }
            What::FailOverCache => Self::cache(found),
            What::RebootDatabase => Self::database(found),
        }
    }

    /// The target of this name, or the first that is healthy.
    fn target(name: Option<&str>, found: &Inventory<Aws>) -> Result<(String, TargetLive)> {
        let mut targets: Vec<_> =
            found.of::<Target>().filter(|t| t.phase == Phase::Ready).collect();
        targets.sort_by(|a, b| a.name.cmp(&b.name));
        let chosen = targets.iter().find(|t| name.is_none_or(|name| name == &*t.name));
        if let Some(target) = chosen {
            return Ok((target.name.to_string(), target.live.clone()));
        }
        let there: Vec<_> = targets.iter().map(|target| target.name.to_string()).collect();
        bail!(Trouble::new(
            format!("there is no healthy instance `{}`", name.unwrap_or("app-1")),
            match &*there {
                [] => "`stackctl status` shows how the stack is".into(),
                there => format!("there are {}", there.join(", ")),
            },
        ))
    }

    fn cache(found: &Inventory<Aws>) -> Result<Self> {
        if let Some(group) = found.of::<ReplicationGroup>().next() {
            ensure!(
                group.spec.failover,
                Trouble::new(
                    "the cache has one node, and nothing that could take over",
                    "`cache.replicas: 1` in the file gives it a replica",
                )
            );
            return Ok(Self::FailOverCache { group: group.live.id.clone() });
        }
        let memcached = found.of::<CacheCluster>().next().is_some();
        bail!(Trouble::new(
            if memcached { "Memcached has no failover" } else { "the stack has no cache" },
            "try another drill: `stackctl drill --help` lists them",
        ))
    }

    fn database(found: &Inventory<Aws>) -> Result<Self> {
        if let Some(cluster) = found.of::<DbCluster>().next() {
            let members = found.of::<DbInstance>().filter(|db| db.spec.cluster.is_some());
            ensure!(
                members.count() > 1,
                Trouble::new(
                    "the Aurora cluster has one instance, and nothing that could take over",
                    "`database.multi_az: true` in the file gives it another",
                )
            );
            return Ok(Self::FailOverCluster { cluster: cluster.live.id.clone() });
        }
        let db = found.of::<DbInstance>().next().ok_or_else(|| {
            Trouble::new(
                "the stack has no database",
                "try another drill: `stackctl drill --help` lists them",
            )
        })?;
        let failover = db.spec.multi_az == Some(true);
        Ok(Self::RebootDatabase { database: db.live.id.clone(), failover })
    }

    /// What users notice, and how much, with sessions kept there.
    pub(super) fn felt(&self, store: Store, instances: usize) -> (Level, String) {
        let lone = instances < 2;
        match self {
            Self::Deregister { name, .. } | Self::Terminate { name, .. }
                if store == Store::Memory =>
            {
                (Level::LogsOut, format!("whose session is on {name} has to log in anew"))
            }
            Self::Deregister { .. } | Self::Terminate { .. } if lone => (
                Level::Interrupts,
                "no other instance is there: all requests fail meanwhile".into(),
            ),
            Self::Deregister { .. } => (
                Level::Interrupts,
                "connections that last longer than load_balancer.deregistration_delay are cut"
                    .into(),
            ),
            Self::Terminate { name, .. } => (
                Level::Interrupts,
                format!("requests to {name} fail until the load balancer has noticed"),
            ),
            Self::FailOverCache { .. } => (
                Level::Interrupts,
                "the cache cannot be reached for a while, and may lose what it was told last"
                    .into(),
            ),
            Self::RebootDatabase { .. } | Self::FailOverCluster { .. } => {
                (Level::Interrupts, "the database cannot be reached for a while".into())
            }
        }
    }

    /// Breaks it, and waits until AWS shows that.
    ///
    /// # Errors
    /// What AWS refuses; when it shows nothing for a quarter of an hour.
    pub(super) async fn happen(&self, aws: &Aws, stop: &Stop) -> Result<()> {
        match self {
            Self::Deregister { target, .. } => {
                let port = i32::from(target.port);
                let at = TargetDescription::builder().id(&target.instance).port(port).build();
                let call = aws.elb.deregister_targets().target_group_arn(&target.group);
                call.targets(at.clone()).send().await.aws()?;
                until(stop, || async {
                    let call = aws.elb.describe_target_health().target_group_arn(&target.group);
                    let answer = call.targets(at.clone()).send().await.aws().or_gone()?;
                    let health = answer.and_then(|a| a.target_health_descriptions?.pop());
                    let state = health.and_then(|h| h.target_health?.state);
                    Ok(state.is_none_or(|state| state == TargetHealthStateEnum::Unused))
                })
                .await
            }
            Self::Terminate { instance, .. } => {
                aws.ec2.terminate_instances().instance_ids(instance).send().await.aws()?;
                Ok(())
            }
            Self::FailOverCache { group } => {
                let before = primary(aws, group).await?;
                let call = aws.elasticache.test_failover().replication_group_id(group);
                call.node_group_id("0001").send().await.aws()?;
                until(stop, || async {
                    let now = primary(aws, group).await?;
                    Ok(now.is_some() && now != before)
                })
                .await
            }
            Self::RebootDatabase { database, failover } => {
                let call = aws.rds.reboot_db_instance().db_instance_identifier(database);
                call.force_failover(*failover).send().await.aws()?;
                Ok(())
            }
            Self::FailOverCluster { cluster } => {
                let before = writer(aws, cluster).await?;
                let call = aws.rds.failover_db_cluster().db_cluster_identifier(cluster);
                call.send().await.aws()?;
                until(stop, || async {
                    let now = writer(aws, cluster).await?;
                    Ok(now.is_some() && now != before)
                })
                .await
            }
        }
    }
}

/// Looks until it is so, or stopping is asked for.
async fn until<L: Future<Output = Result<bool>>>(
    stop: &Stop,
    mut look: impl FnMut() -> L,
) -> Result<()> {
    let end = Instant::now() + LIMIT;
    while !look().await? && !stop.is_raised() {
        ensure!(
            Instant::now() < end,
            Trouble::new(
                "AWS has shown nothing of it for a quarter of an hour",
                "`stackctl status` shows how the stack is, and `stackctl up` puts it right",
            )
        );
        tokio::select! {
            () = sleep(PACE) => {}
            () = stop.raised() => {}
        }
    }
    Ok(())
}

/// The node of a replication group that takes writes.
async fn primary(aws: &Aws, group: &str) -> Result<Option<String>> {
    let call = aws.elasticache.describe_replication_groups().replication_group_id(group);
    let groups = call.send().await.aws()?.replication_groups.unwrap_or_default();
    let shards = groups.into_iter().flat_map(|group| group.node_groups.unwrap_or_default());
    let mut nodes = shards.flat_map(|shard| shard.node_group_members.unwrap_or_default());
    let primary = nodes.find(|node| node.current_role() == Some("primary"));
    Ok(primary.and_then(|node| node.cache_cluster_id))
}

/// The instance of a cluster that takes writes.
async fn writer(aws: &Aws, cluster: &str) -> Result<Option<String>> {
    let call = aws.rds.describe_db_clusters().db_cluster_identifier(cluster);
    let clusters = call.send().await.aws()?.db_clusters.unwrap_or_default();
    let mut members = clusters.into_iter().flat_map(|c| c.db_cluster_members.unwrap_or_default());
    let writer = members.find(|member| member.is_cluster_writer() == Some(true));
    Ok(writer.and_then(|member| member.db_instance_identifier))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deregister { name, target } => {
                write!(f, "deregister {name} ({}) and register it again", target.instance)
            }
            Self::Terminate { name, instance } => {
                write!(f, "terminate {name} ({instance}) and launch another")
            }
            Self::FailOverCache { group } => write!(f, "fail over {group}"),
            Self::RebootDatabase { database, failover: true } => {
                write!(f, "reboot {database} with failover")
            }
            Self::RebootDatabase { database, failover: false } => write!(f, "reboot {database}"),
            Self::FailOverCluster { cluster } => write!(f, "fail over {cluster}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        blueprint::tests::drawn,
        engine::{Found, Ref},
        kinds::replication_group::ReplicationGroupLive,
    };

    fn target(name: &str, phase: Phase) -> Found<Target> {
        let live = TargetLive {
            id: format!("i-{name}:80"),
            group: "group".into(),
            instance: format!("i-{name}"),
            port: 80,
            health: "healthy".into(),
        };
        let spec = Target {
            group: Ref::found("group"),
            instance: Ref::found(live.instance.as_str()),
            port: 80,
            listeners: Vec::new(),
            parameter: None,
        };
        Found::ready(name, spec, live).in_phase(phase)
    }

    fn chosen(what: What, name: Option<&str>, found: &Inventory<Aws>) -> String {
        match Fault::choose(what, name, found) {
            Ok(fault) => fault.to_string(),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn the_first_healthy_instance_is_chosen_unless_one_is_named() {
        let found = Inventory::default()
            .with(target("app-3", Phase::Ready))
            .with(target("app-1", Phase::Coming))
            .with(target("app-2", Phase::Ready));
        let first = chosen(What::Terminate, None, &found);
        assert_eq!(first, "terminate app-2 (i-app-2) and launch another");
        let named = chosen(What::Deregister, Some("app-3"), &found);
        assert!(named.starts_with("deregister app-3"), "{named}");
        let ill = chosen(What::Terminate, Some("app-1"), &found);
        assert_eq!(ill, "there is no healthy instance `app-1`");
    }

    #[test]
    fn a_cache_without_a_replica_is_not_failed_over() {
        for (replicas, says) in [(1, "fail over shop-cache"), (0, "the cache has one node")] {
            let file = format!("cache: {{engine: valkey, replicas: {replicas}}}\n");
            let spec = drawn(&file).get::<ReplicationGroup>("cache").unwrap().clone();
            let live = ReplicationGroupLive {
                id: "shop-cache".into(),
                arn: String::new(),
                status: "available".into(),
                host: String::new(),
                port: 6379,
            };
            let found = Inventory::default().with(Found::ready("cache", spec, live));
            let said = chosen(What::FailOverCache, None, &found);
            assert!(said.starts_with(says), "{said}");
        }
        let none = chosen(What::FailOverCache, None, &Inventory::default());
        assert_eq!(none, "the stack has no cache");
        assert_eq!(
            chosen(What::RebootDatabase, None, &Inventory::default()),
            "the stack has no database"
        );
    }

    #[test]
    fn only_sessions_in_memory_go_with_their_instance() {
        let Found { name, live, .. } = target("app-1", Phase::Ready);
        let fault = Fault::Terminate { name: name.to_string(), instance: live.instance };
        assert_eq!(fault.felt(Store::Memory, 2).0, Level::LogsOut);
        assert_eq!(fault.felt(Store::Redis, 2).0, Level::Interrupts);
        assert!(fault.felt(Store::Redis, 1).1.contains("all requests fail"));
    }
}
