//! How a DB cluster is read, made, changed and removed.

use super::*;
use crate::{
    engine::Action,
    kinds::stores::bench::{Net, all, at, found_net, planned, refusal, shop, taken, team},
};
use aws_sdk_rds::{
    Client,
    operation::{
        create_db_cluster::CreateDbClusterOutput,
        delete_db_cluster::{DeleteDBClusterError, DeleteDbClusterOutput},
        describe_db_clusters::{DescribeDBClustersError, DescribeDbClustersOutput},
        describe_db_engine_versions::DescribeDbEngineVersionsOutput,
        modify_db_cluster::{ModifyDBClusterError, ModifyDbClusterOutput},
    },
    types::{
        ClusterPendingModifiedValues, DbClusterMember, DbEngineVersion, MasterUserSecret,
        UpgradeTarget, VpcSecurityGroupMembership, builders::DbClusterBuilder,
    },
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use std::sync::Arc;

fn wanted(net: &Net) -> DbCluster {
    DbCluster {
        engine: "aurora-postgresql".into(),
        version: EngineVersion::of("aurora-postgresql", "17"),
        extended_support: ExtendedSupport(Some(false)),
        backup_days: 7,
        protect: true,
        windows: Windows::default(),
        final_snapshot: true,
        snapshot: None,
        database: "shop".into(),
        username: "keeper".into(),
        managed_password: true,
        subnet_group: net.db.clone(),
        security_groups: net.groups.clone(),
        tags: team(),
    }
}

/// As AWS describes what `wanted` makes.
fn described(status: &str) -> DbClusterBuilder {
    let address = crate::engine::Address::of::<DbCluster>("db");
    let labels = databases::labels(&Aws::offline("shop"), &address, &team(), Some(true), None);
    let secret = MasterUserSecret::builder().secret_arn("arn:secret").secret_status("active");
    let group = VpcSecurityGroupMembership::builder().vpc_security_group_id("sg-1");
    Described::builder()
        .db_cluster_identifier("shop-db")
        .db_cluster_arn("arn:aws:rds:eu-west-1:111122223333:cluster:shop-db")
        .status(status)
        .engine("aurora-postgresql")
        .engine_version("17.5")
        .backup_retention_period(7)
        .deletion_protection(true)
        .database_name("shop")
        .master_username("keeper")
        .db_subnet_group("shop-db")
        .vpc_security_groups(group.status("active").build())
        .endpoint("shop-db.cluster")
        .port(5432)
        .master_user_secret(secret.build())
        .preferred_maintenance_window("sun:03:00-sun:04:00")
        .set_tag_list(Some(tags::for_rds(&labels)))
}

/// Answers the looks one after another, and then that it is gone.
fn shows_then_gone(states: impl IntoIterator<Item = Described>) -> Rule {
    let output = |cluster: Described| {
        move || DescribeDbClustersOutput::builder().db_clusters(cluster.clone()).build()
    };
    let mut states = states.into_iter().map(output);
    let first = states.next().expect("one state at least");
    let mut answers = mock!(Client::describe_db_clusters).sequence().output(first);
    for state in states {
        answers = answers.output(state);
    }
    answers
        .error(|| DescribeDBClustersError::generic(refusal("DBClusterNotFoundFault", "gone")))
        .repeatedly()
        .build()
}

fn rds(rules: &[&Rule]) -> Arc<Aws> {
    shop(|aws| aws.rds = mock_client!(aws_sdk_rds, RuleMode::MatchAny, rules))
}

async fn found(cluster: Described) -> Found<DbCluster> {
    all(&rds(&[&shows_then_gone([cluster])])).await.remove(0)
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let cluster = described("available").build();
    let aws = rds(&[&shows_then_gone([cluster.clone()])]);
    assert_eq!(planned(&aws, "db", wanted(&found_net())).await, []);
    let found = found(cluster).await;
    assert_eq!((found.live.host.as_str(), found.live.port), ("shop-db.cluster", 5432));
    assert_eq!(found.live.secret_arn, "arn:secret");
    assert_eq!(DbCluster::guard(&found).as_deref(), Some("deletion protection is on"));
    assert_eq!(DbCluster::final_snapshot(&found).as_deref(), Some("a final snapshot is kept"));
}

#[tokio::test]
async fn what_waits_for_the_maintenance_window_is_a_note_and_no_difference() {
    let pending = ClusterPendingModifiedValues::builder().backup_retention_period(3).build();
    let cluster = described("available").pending_modified_values(pending).build();
    let aws = rds(&[&shows_then_gone([cluster.clone()])]);
    let wanted = DbCluster { backup_days: 3, ..wanted(&found_net()) };
    assert_eq!(planned(&aws, "db", wanted).await, []);
    assert_eq!(
        found(cluster).await.notes,
        ["backup_days 3 is scheduled for the maintenance window sun:03:00-sun:04:00"]
    );
}

#[tokio::test]
async fn it_is_made_encrypted_protected_and_without_a_password() {
    let create = mock!(Client::create_db_cluster)
        .match_requests(|r| {
            r.db_cluster_identifier() == Some("shop-db")
                && r.storage_encrypted() == Some(true)
                && r.deletion_protection() == Some(true)
                && r.manage_master_user_password() == Some(true)
                && r.master_user_password().is_none()
                && r.copy_tags_to_snapshot() == Some(true)
                && r.engine_lifecycle_support() == Some("open-source-rds-extended-support-disabled")
                && r.db_subnet_group_name() == Some("shop-db")
                && r.vpc_security_group_ids() == ["sg-1"]
                && r.tags().iter().any(|t| t.key() == Some(FINAL_SNAPSHOT))
        })
        .then_output(|| {
            CreateDbClusterOutput::builder().db_cluster(described("creating").build()).build()
        });
    let (cx, net) = at::<DbCluster>(&rds(&[&create]), "db");
    assert_eq!(wanted(&net).create(&cx).await.unwrap().status, "creating");
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_when_it_is_up_and_in_a_state_that_does_not_pass() {
    let looks = shows_then_gone([described("creating").build(), described("available").build()]);
    let (cx, _) = at::<DbCluster>(&rds(&[&looks]), "db");
    let live = live(&described("creating").build());
    assert_eq!(DbCluster::settle(live.clone(), &cx).await.unwrap().status, "available");
    let stuck = described("inaccessible-encryption-credentials").build();
    let (cx, _) = at::<DbCluster>(&rds(&[&shows_then_gone([stuck])]), "db");
    let why = DbCluster::settle(live, &cx).await.unwrap_err().to_string();
    assert!(why.contains("inaccessible-encryption-credentials"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_applied_at_once_and_waited_for() {
    let modify = mock!(Client::modify_db_cluster)
        .match_requests(|r| {
            r.apply_immediately() == Some(true)
                && r.engine_version() == Some("17.5")
                && r.allow_major_version_upgrade() == Some(true)
                && r.deletion_protection().is_none()
        })
        .then_output(|| ModifyDbClusterOutput::builder().build());
    let old = described("available").engine_version("16.9").build();
    let looks = shows_then_gone([old.clone(), described("available").build()]);
    let versions = mock!(Client::describe_db_engine_versions).then_output(|| {
        let to = |version: &str| UpgradeTarget::builder().engine_version(version).build();
        let old =
            DbEngineVersion::builder().engine_version("16.9").valid_upgrade_target(to("16.10"));
        let old = old.valid_upgrade_target(to("17.5")).valid_upgrade_target(to("17.4")).build();
        DescribeDbEngineVersionsOutput::builder().db_engine_versions(old).build()
    });
    let (cx, net) = at::<DbCluster>(&rds(&[&modify, &looks, &versions]), "db");
    wanted(&net).edit(Edit::Version, &found(old).await, &cx).await.unwrap();
    assert_eq!((modify.num_calls(), looks.num_calls()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_for_the_instances_leaves_a_snapshot_and_ends_when_it_is_gone() {
    let delete = mock!(Client::delete_db_cluster)
        .match_requests(|r| {
            r.final_db_snapshot_identifier().is_some_and(|s| s.starts_with("shop-db-final-"))
        })
        .sequence()
        .error(|| {
            let why = "Cluster cannot be deleted, it still contains DB instances";
            DeleteDBClusterError::generic(refusal("InvalidDBClusterStateFault", why))
        })
        .output(|| DeleteDbClusterOutput::builder().build())
        .build();
    let open = |status| described(status).deletion_protection(false).build();
    let looks = shows_then_gone([open("available"), open("available"), open("deleting")]);
    let (cx, _) = at::<DbCluster>(&rds(&[&delete, &looks]), "db");
    let found = found(open("available")).await;
    DbCluster::delete(&found, &cx).await.unwrap();
    DbCluster::delete(&found, &cx).await.unwrap();
    assert_eq!((delete.num_calls(), looks.num_calls()), (2, 5));
}

#[tokio::test]
async fn a_name_that_another_stack_has_is_told_and_our_own_is_not() {
    let there = mock!(Client::describe_db_clusters).then_output(|| {
        DescribeDbClustersOutput::builder().db_clusters(described("available").build()).build()
    });
    let aws = rds(&[&there]);
    assert!(taken(&aws, "shop", "db", wanted).await.is_empty());
    let told = taken(&aws, "shop-eu", "db", wanted).await;
    assert_eq!(told, ["DB cluster shop-eu-db (of the stack shop)"]);
    let free = mock!(Client::describe_db_clusters)
        .then_error(|| DescribeDBClustersError::generic(refusal("DBClusterNotFoundFault", "gone")));
    assert!(taken(&rds(&[&free]), "shop", "db", wanted).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn instances_that_keep_it_from_going_are_named() {
    let busy = mock!(Client::delete_db_cluster).then_error(|| {
        DeleteDBClusterError::generic(refusal("InvalidDBClusterStateFault", "it has instances"))
    });
    let member = DbClusterMember::builder().db_instance_identifier("theirs").build();
    let cluster = described("available").deletion_protection(false).db_cluster_members(member);
    let cluster = cluster.build();
    let looks = mock!(Client::describe_db_clusters).then_output(move || {
        DescribeDbClustersOutput::builder().db_clusters(cluster.clone()).build()
    });
    let aws = rds(&[&busy, &looks]);
    let (cx, _) = at::<DbCluster>(&aws, "db");
    let found = all::<DbCluster>(&aws).await.remove(0);
    let error = DbCluster::delete(&found, &cx).await.unwrap_err().to_string();
    assert!(error.contains("it has the DB instances theirs"), "{error}");
}

#[tokio::test]
async fn one_restored_from_a_snapshot_gets_a_secret_for_its_password_again() {
    let mut restored = described("available").build();
    restored.master_user_secret = None;
    let aws = rds(&[&shows_then_gone([restored])]);
    let planned = planned(&aws, "db", wanted(&found_net())).await;
    assert_eq!(planned, [(Action::Update, vec!["managed_password: false -> true".to_owned()])]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_stopped_takes_no_change_and_says_how_to_start_it() {
    let modify = mock!(Client::modify_db_cluster).then_error(|| {
        ModifyDBClusterError::generic(refusal("InvalidDBClusterStateFault", "is stopped"))
    });
    let stopped = described("stopped").build();
    let looks = shows_then_gone([stopped.clone(), stopped.clone()]);
    let (cx, net) = at::<DbCluster>(&rds(&[&modify, &looks]), "db");
    let wanted = DbCluster { backup_days: 14, ..wanted(&net) };
    let began = tokio::time::Instant::now();
    let error = wanted.edit(Edit::Backups, &found(stopped).await, &cx).await.unwrap_err();
    let says = "aws rds start-db-cluster --db-cluster-identifier shop-db";
    assert!(error.to_string().contains(says), "{error}");
    assert!(began.elapsed().as_secs() < 5);
}

#[tokio::test]
async fn a_copy_restored_beside_it_is_told_of_and_left_alone() {
    let both = mock!(Client::describe_db_clusters).then_output(|| {
        let copy = described("available").db_cluster_identifier("shop-db-look-up").build();
        let clusters = vec![copy, described("available").build()];
        DescribeDbClustersOutput::builder().set_db_clusters(Some(clusters)).build()
    });
    let aws = rds(&[&both]);
    assert_eq!(planned(&aws, "db", wanted(&found_net())).await, []);
    let found = all::<DbCluster>(&aws.afresh()).await;
    assert!(found[0].notes[0].starts_with("DB cluster shop-db-look-up bears"), "{found:?}");
}
