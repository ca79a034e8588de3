//! A database that is made from a snapshot.

use super::*;
use aws_sdk_rds::{
    operation::restore_db_instance_from_db_snapshot::{
        RestoreDBInstanceFromDBSnapshotError, RestoreDbInstanceFromDbSnapshotOutput,
    },
    types::Tag,
};

const SNAPSHOT: &str = "shop-db-final-1";

fn from_snapshot(net: &Net) -> DbInstance {
    DbInstance { snapshot: Some(SNAPSHOT.into()), ..wanted(net) }
}

/// As it stands right after it was restored: with the password that the snapshot has.
fn restored() -> Described {
    described("available").set_master_user_secret(None).build()
}

fn manages_a_password() -> Rule {
    mock!(Client::modify_db_instance)
        .match_requests(|r| {
            r.manage_master_user_password() == Some(true)
                && r.backup_retention_period() == Some(7)
                && r.apply_immediately() == Some(true)
        })
        .then_output(|| {
            ModifyDbInstanceOutput::builder().db_instance(described("available").build()).build()
        })
}

#[tokio::test(start_paused = true)]
async fn it_is_as_private_and_protected_as_an_empty_one_and_gets_a_password_of_its_own() {
    let restore = mock!(Client::restore_db_instance_from_db_snapshot)
        .match_requests(|r| {
            r.db_snapshot_identifier() == Some(SNAPSHOT)
                && r.db_instance_identifier() == Some("shop-db")
                && r.publicly_accessible() == Some(false)
                && r.deletion_protection() == Some(true)
                && r.allocated_storage() == Some(20)
                && r.vpc_security_group_ids() == ["sg-1"]
                && r.tags().iter().any(|tag| tag.value() == Some(SNAPSHOT))
        })
        .then_output(|| RestoreDbInstanceFromDbSnapshotOutput::builder().build());
    let password = manages_a_password();
    let (cx, net) = at::<DbInstance>(&rds(&[&restore, &shows(restored()), &password]), "db");
    let live = from_snapshot(&net).create(&cx).await.unwrap();
    assert_eq!((&*live.id, password.num_calls()), ("shop-db", 1));
}

#[tokio::test(start_paused = true)]
async fn one_whose_making_was_not_heard_of_gets_its_password_all_the_same() {
    let exists = || {
        mock!(Client::restore_db_instance_from_db_snapshot).then_error(|| {
            let code = refusal("DBInstanceAlreadyExists", "exists");
            RestoreDBInstanceFromDBSnapshotError::generic(code)
        })
    };
    let password = manages_a_password();
    let (cx, net) = at::<DbInstance>(&rds(&[&exists(), &shows(restored()), &password]), "db");
    from_snapshot(&net).create(&cx).await.unwrap();
    assert_eq!(password.num_calls(), 1);

    let strange = described("available").set_tag_list(None).build();
    let (cx, net) = at::<DbInstance>(&rds(&[&exists(), &shows(strange)]), "db");
    let refused = from_snapshot(&net).create(&cx).await.unwrap_err().to_string();
    assert!(refused.contains("shop-db"), "{refused}");
}

#[tokio::test]
async fn the_snapshot_is_remembered_and_another_one_is_refused_once_it_stands() {
    let remembered = Tag::builder().key("stackctl:snapshot").value(SNAPSHOT).build();
    let db = described("available").tag_list(remembered).build();
    let aws = rds(&[&shows(db)]);
    assert_eq!(planned(&aws, "db", from_snapshot(&found_net())).await, []);
    assert_eq!(planned(&aws.afresh(), "db", wanted(&found_net())).await, []);
    let found = all::<DbInstance>(&aws.afresh()).await.remove(0);
    let change = Change {
        attribute: "snapshot",
        from: Some(SNAPSHOT.into()),
        to: "another".into(),
        replaces: true,
    };
    let refused = wanted(&found_net()).refuse(&found, &[change]).unwrap();
    assert!(refused.says.contains("stands already"), "{}", refused.says);
}
