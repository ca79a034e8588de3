//! How a DB instance is read, made, changed and removed.

mod by_hand;
mod refused;
mod restored;

use super::*;
use crate::{
    engine::Action,
    kinds::stores::bench::{Net, all, at, found_net, planned, refusal, shop, taken, team},
};
use aws_sdk_rds::{
    Client,
    operation::{
        create_db_instance::{CreateDBInstanceError, CreateDbInstanceOutput},
        delete_db_instance::{DeleteDBInstanceError, DeleteDbInstanceOutput},
        describe_db_instances::{DescribeDBInstancesError, DescribeDbInstancesOutput},
        modify_db_instance::ModifyDbInstanceOutput,
    },
    types::{
        DbSubnetGroup as Group, Endpoint, MasterUserSecret, PendingModifiedValues,
        VpcSecurityGroupMembership, builders::DbInstanceBuilder,
    },
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_types::DateTime;
use std::sync::Arc;

fn wanted(net: &Net) -> DbInstance {
    DbInstance {
        engine: "postgres".into(),
        instance_class: "db.t4g.micro".into(),
        cluster: None,
        zone: None,
        version: Some(EngineVersion::of("postgres", "17")),
        extended_support: Some(ExtendedSupport(Some(false))),
        storage: Some(Storage(20)),
        max_storage: None,
        windows: Windows::default(),
        multi_az: Some(false),
        backup_days: Some(7),
        protect: Some(true),
        final_snapshot: Some(true),
        snapshot: None,
        database: Some("shop".into()),
        username: Some("keeper".into()),
        managed_password: Some(true),
        subnet_group: net.db.clone(),
        security_groups: Some(net.groups.clone()),
        tags: team(),
    }
}

fn secret() -> MasterUserSecret {
    MasterUserSecret::builder().secret_arn("arn:secret").secret_status("active").build()
}

/// As AWS describes what `wanted` makes.
fn described(status: &str) -> DbInstanceBuilder {
    let aws = Aws::offline("shop");
    let labels = databases::labels(
        &aws,
        &crate::engine::Address::of::<DbInstance>("db"),
        &team(),
        Some(true),
        None,
    );
    let group = VpcSecurityGroupMembership::builder().vpc_security_group_id("sg-1");
    Described::builder()
        .db_instance_identifier("shop-db")
        .db_instance_arn("arn:aws:rds:eu-west-1:111122223333:db:shop-db")
        .db_instance_status(status)
        .db_instance_class("db.t4g.micro")
        .engine("postgres")
        .engine_version("17.9")
        .engine_lifecycle_support("open-source-rds-extended-support-disabled")
        .allocated_storage(20)
        .multi_az(false)
        .backup_retention_period(7)
        .deletion_protection(true)
        .db_name("shop")
        .master_username("keeper")
        .instance_create_time(DateTime::from_secs(1))
        .db_subnet_group(Group::builder().db_subnet_group_name("shop-db").build())
        .vpc_security_groups(group.status("active").build())
        .endpoint(Endpoint::builder().address("shop-db.rds").port(5432).build())
        .master_user_secret(secret())
        .preferred_maintenance_window("sun:03:00-sun:04:00")
        .set_tag_list(Some(tags::for_rds(&labels)))
}

/// Answers every look with this.
fn shows(db: Described) -> Rule {
    mock!(Client::describe_db_instances)
        .then_output(move || DescribeDbInstancesOutput::builder().db_instances(db.clone()).build())
}

/// Answers the looks one after another, and then that it is gone.
fn shows_then_gone(states: Vec<Described>) -> Rule {
    let answers = mock!(Client::describe_db_instances).sequence();
    let mut states = states.into_iter();
    let first = states.next().expect("one state at least");
    let output = |db: Described| {
        move || DescribeDbInstancesOutput::builder().db_instances(db.clone()).build()
    };
    let mut answers = answers.output(output(first));
    for state in states {
        answers = answers.output(output(state));
    }
    answers
        .error(|| DescribeDBInstancesError::generic(refusal("DBInstanceNotFound", "gone")))
        .repeatedly()
        .build()
}

fn rds(rules: &[&Rule]) -> Arc<Aws> {
    shop(|aws| aws.rds = mock_client!(aws_sdk_rds, RuleMode::MatchAny, rules))
}

async fn found(db: Described) -> Found<DbInstance> {
    all(&rds(&[&shows(db)])).await.remove(0)
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let aws = rds(&[&shows(described("available").build())]);
    assert_eq!(planned(&aws, "db", wanted(&found_net())).await, []);
    let found = all::<DbInstance>(&aws.afresh()).await.remove(0);
    assert_eq!((found.live.host.as_str(), found.live.port), ("shop-db.rds", 5432));
    assert_eq!(found.live.secret_arn, "arn:secret");
    assert_eq!(DbInstance::guard(&found).as_deref(), Some("deletion protection is on"));
    assert_eq!(DbInstance::final_snapshot(&found).as_deref(), Some("a final snapshot is kept"));
}

#[tokio::test]
async fn one_that_bears_another_stack_s_tags_is_not_seen() {
    let aws = rds(&[&shows(described("available").build())]);
    assert!(all::<DbInstance>(&aws.for_stack("shop-eu")).await.is_empty());
}

#[tokio::test]
async fn while_it_is_made_nothing_but_waiting_is_planned() {
    let mut db = described("creating").build();
    (db.endpoint, db.instance_create_time) = (None, None);
    let planned = planned(&rds(&[&shows(db)]), "db", wanted(&found_net())).await;
    assert_eq!(planned, [(Action::Await, Vec::new())]);
}

#[tokio::test]
async fn a_member_of_a_cluster_leaves_to_it_what_is_the_cluster_s() {
    let db = described("available").db_cluster_identifier("shop-db").build();
    let mut member = wanted(&found_net());
    member.cluster = Some(Ref::found("shop-db"));
    (member.version, member.extended_support, member.managed_password) = (None, None, None);
    (member.storage, member.backup_days) = (None, None);
    (member.multi_az, member.protect, member.final_snapshot) = (None, None, None);
    (member.database, member.username, member.security_groups) = (None, None, None);
    let aws = rds(&[&shows(db)]);
    assert_eq!(planned(&aws, "db", member).await, []);
    let found = all::<DbInstance>(&aws.afresh()).await.remove(0);
    assert_eq!((DbInstance::guard(&found), DbInstance::final_snapshot(&found)), (None, None));
}

#[tokio::test]
async fn what_waits_for_the_maintenance_window_is_a_note_and_no_difference() {
    let pending = PendingModifiedValues::builder().db_instance_class("db.t4g.small").build();
    let db = described("available").pending_modified_values(pending).build();
    let wanted = DbInstance { instance_class: "db.t4g.small".into(), ..wanted(&found_net()) };
    assert_eq!(planned(&rds(&[&shows(db.clone())]), "db", wanted).await, []);
    assert_eq!(
        found(db).await.notes,
        ["instance_class db.t4g.small is scheduled for the maintenance window sun:03:00-sun:04:00"]
    );
}

#[tokio::test]
async fn it_is_made_encrypted_private_protected_and_without_a_password() {
    let create = mock!(Client::create_db_instance)
        .match_requests(|r| {
            r.db_instance_identifier() == Some("shop-db")
                && r.engine_version() == Some("17")
                && r.storage_encrypted() == Some(true)
                && r.storage_type() == Some("gp3")
                && r.publicly_accessible() == Some(false)
                && r.deletion_protection() == Some(true)
                && r.manage_master_user_password() == Some(true)
                && r.master_user_password().is_none()
                && r.copy_tags_to_snapshot() == Some(true)
                && r.engine_lifecycle_support() == Some("open-source-rds-extended-support-disabled")
                && r.db_subnet_group_name() == Some("shop-db")
                && r.vpc_security_group_ids() == ["sg-1"]
                && r.tags().iter().any(|t| t.key() == Some(FINAL_SNAPSHOT))
                && r.tags().iter().any(|t| t.key() == Some("team"))
        })
        .then_output(|| {
            CreateDbInstanceOutput::builder().db_instance(described("creating").build()).build()
        });
    let (cx, net) = at::<DbInstance>(&rds(&[&create]), "db");
    assert_eq!(wanted(&net).create(&cx).await.unwrap().status, "creating");
}

#[tokio::test(start_paused = true)]
async fn a_service_linked_role_on_its_way_is_waited_for() {
    let create = mock!(Client::create_db_instance)
        .sequence()
        .error(|| {
            CreateDBInstanceError::generic(refusal(
                "InvalidParameterValue",
                "Unable to create the resource. Verify that you have permission to create service linked role.",
            ))
        })
        .output(|| {
            CreateDbInstanceOutput::builder().db_instance(described("creating").build()).build()
        })
        .build();
    let (cx, net) = at::<DbInstance>(&rds(&[&create]), "db");
    wanted(&net).create(&cx).await.unwrap();
    assert_eq!(create.num_calls(), 2);
}

#[tokio::test]
async fn what_exists_under_its_name_is_taken_over_only_if_it_is_ours() {
    let taken = || {
        mock!(Client::create_db_instance).then_error(|| {
            CreateDBInstanceError::generic(refusal("DBInstanceAlreadyExists", "exists"))
        })
    };
    let (cx, net) =
        at::<DbInstance>(&rds(&[&taken(), &shows(described("creating").build())]), "db");
    assert_eq!(wanted(&net).create(&cx).await.unwrap().id, "shop-db");
    let strange = described("available").set_tag_list(None).build();
    let (cx, net) = at::<DbInstance>(&rds(&[&taken(), &shows(strange)]), "db");
    let refused = wanted(&net).create(&cx).await.unwrap_err().to_string();
    assert!(refused.contains("the DB instance `shop-db` exists"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn it_is_up_once_the_secret_with_its_password_can_be_read() {
    let young = MasterUserSecret::builder().secret_arn("arn:secret").secret_status("creating");
    let young = described("available").master_user_secret(young.build()).build();
    let looks =
        shows_then_gone(vec![described("creating").build(), young, described("available").build()]);
    let (cx, _) = at::<DbInstance>(&rds(&[&looks]), "db");
    let live = live(&described("creating").build());
    assert_eq!(DbInstance::settle(live, &cx).await.unwrap().secret_arn, "arn:secret");
    assert_eq!(looks.num_calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_at_once_in_a_state_that_does_not_pass() {
    for status in
        ["failed", "incompatible-network", "inaccessible-encryption-credentials", "storage-full"]
    {
        let (cx, _) = at::<DbInstance>(&rds(&[&shows(described(status).build())]), "db");
        let failed = DbInstance::settle(live(&described(status).build()), &cx).await.unwrap_err();
        assert!(failed.to_string().contains(status), "{failed}");
    }
}

#[tokio::test]
async fn one_that_failed_is_made_anew_only_if_it_never_held_data() {
    let mut never = described("incompatible-network").build();
    never.instance_create_time = None;
    assert_eq!(found(never).await.phase, Phase::Broken);
    let once = found(described("incompatible-network").build()).await;
    assert_eq!(once.phase, Phase::Coming);
    assert_eq!(once.notes, ["RDS says incompatible-network: its events in the console say why"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_is_applied_at_once_and_waited_for_until_nothing_is_pending() {
    let pending = PendingModifiedValues::builder().db_instance_class("db.t4g.small").build();
    let small = described("available").db_instance_class("db.t4g.small");
    let modify = mock!(Client::modify_db_instance)
        .match_requests(|r| {
            r.apply_immediately() == Some(true)
                && r.db_instance_class() == Some("db.t4g.small")
                && r.engine_version().is_none()
        })
        .then_output(|| ModifyDbInstanceOutput::builder().build());
    let looks = shows_then_gone(vec![
        described("available").pending_modified_values(pending).build(),
        described("modifying").build(),
        small.build(),
    ]);
    let (cx, net) = at::<DbInstance>(&rds(&[&modify, &looks]), "db");
    let wanted = DbInstance { instance_class: "db.t4g.small".into(), ..wanted(&net) };
    let found = found(described("available").build()).await;
    wanted.edit(Edit::InstanceClass, &found, &cx).await.unwrap();
    assert_eq!((modify.num_calls(), looks.num_calls()), (1, 3));
}

#[tokio::test]
async fn storage_is_not_changed_while_the_last_change_is_under_way() {
    let looks = shows(described("storage-optimization").build());
    let (cx, net) = at::<DbInstance>(&rds(&[&looks]), "db");
    let wanted = DbInstance { storage: Some(Storage(40)), ..wanted(&net) };
    let found = found(described("storage-optimization").build()).await;
    let refused = wanted.edit(Edit::Storage, &found, &cx).await.unwrap_err().to_string();
    assert!(refused.contains("storage-optimization"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_its_turn_leaves_a_snapshot_and_ends_when_it_is_gone() {
    let delete = mock!(Client::delete_db_instance)
        .match_requests(|r| {
            r.final_db_snapshot_identifier().is_some_and(|s| s.starts_with("shop-db-final-"))
                && r.skip_final_snapshot() != Some(true)
        })
        .sequence()
        .error(|| DeleteDBInstanceError::generic(refusal("InvalidDBInstanceState", "modifying")))
        .output(|| DeleteDbInstanceOutput::builder().build())
        .build();
    let open = |status| described(status).deletion_protection(false).build();
    let looks = shows_then_gone(vec![open("modifying"), open("available"), open("deleting")]);
    let (cx, _) = at::<DbInstance>(&rds(&[&delete, &looks]), "db");
    DbInstance::delete(&found(open("available")).await, &cx).await.unwrap();
    assert_eq!((delete.num_calls(), looks.num_calls()), (2, 4));
    DbInstance::delete(&found(open("available")).await, &cx).await.unwrap();
    assert_eq!(delete.num_calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn protection_is_lifted_only_where_that_was_asked_for() {
    let lift = mock!(Client::modify_db_instance)
        .match_requests(|r| r.deletion_protection() == Some(false))
        .then_output(|| ModifyDbInstanceOutput::builder().build());
    let delete =
        mock!(Client::delete_db_instance).then_output(|| DeleteDbInstanceOutput::builder().build());
    let open = described("available").deletion_protection(false).build();
    let looks = shows_then_gone(vec![described("available").build(), open]);
    let mut aws = (*rds(&[&lift, &delete, &looks])).clone();
    aws.unprotect = true;
    let (cx, _) = at::<DbInstance>(&Arc::new(aws), "db");
    let found = found(described("available").build()).await;
    DbInstance::delete(&found, &cx).await.unwrap();
    assert_eq!((lift.num_calls(), delete.num_calls()), (1, 1));

    let refused = mock!(Client::delete_db_instance).then_error(|| {
        let why = "Cannot delete protected DB Instance";
        DeleteDBInstanceError::generic(refusal("InvalidParameterCombination", why))
    });
    let looks = shows(described("available").build());
    let (cx, _) = at::<DbInstance>(&rds(&[&refused, &looks]), "db");
    let error = DbInstance::delete(&found, &cx).await.unwrap_err().to_string();
    assert!(error.contains("protected"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn where_no_snapshot_can_be_made_the_automated_backups_are_kept() {
    let delete = mock!(Client::delete_db_instance)
        .match_requests(|r| {
            r.skip_final_snapshot() == Some(true) && r.delete_automated_backups() == Some(false)
        })
        .then_output(|| DeleteDbInstanceOutput::builder().build());
    let failed = described("failed").deletion_protection(false).build();
    let looks = shows_then_gone(vec![failed.clone()]);
    let (cx, _) = at::<DbInstance>(&rds(&[&delete, &looks]), "db");
    DbInstance::delete(&found(failed).await, &cx).await.unwrap();
    assert_eq!(delete.num_calls(), 1);
}

#[tokio::test]
async fn a_name_that_another_stack_has_is_told_and_our_own_is_not() {
    let there = mock!(Client::describe_db_instances).then_output(|| {
        DescribeDbInstancesOutput::builder().db_instances(described("available").build()).build()
    });
    let aws = rds(&[&there]);
    assert!(taken(&aws, "shop", "db", wanted).await.is_empty());
    let told = taken(&aws, "shop-eu", "db", wanted).await;
    assert_eq!(told, ["DB instance shop-eu-db (of the stack shop)"]);
    let free = mock!(Client::describe_db_instances)
        .then_error(|| DescribeDBInstancesError::generic(refusal("DBInstanceNotFound", "gone")));
    assert!(taken(&rds(&[&free]), "shop", "db", wanted).await.is_empty());
}
