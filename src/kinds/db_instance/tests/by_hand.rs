//! What somebody, or RDS itself, has done to a DB instance.

use super::*;

#[tokio::test]
async fn a_disk_that_is_larger_than_the_file_says_is_no_difference() {
    // Rounded up to 10 % more, grown in the console, or grown by storage autoscaling.
    let db = described("available").allocated_storage(110).max_allocated_storage(1000).build();
    let wanted = DbInstance { storage: Some(Storage(105)), ..wanted(&found_net()) };
    assert_eq!(planned(&rds(&[&shows(db)]), "db", wanted).await, []);
}

#[tokio::test]
async fn one_restored_from_a_snapshot_gets_a_secret_for_its_password_again() {
    let mut restored = described("available").build();
    restored.master_user_secret = None;
    let planned = planned(&rds(&[&shows(restored)]), "db", wanted(&found_net())).await;
    assert_eq!(planned, [(Action::Update, vec!["managed_password: false -> true".to_owned()])]);
}

#[tokio::test(start_paused = true)]
async fn the_new_secret_is_waited_for() {
    let mut restored = described("available").build();
    restored.master_user_secret = None;
    let young = MasterUserSecret::builder().secret_arn("arn:secret").secret_status("creating");
    let young = described("available").master_user_secret(young.build()).build();
    let modify = mock!(Client::modify_db_instance)
        .match_requests(|r| r.manage_master_user_password() == Some(true))
        .then_output(|| ModifyDbInstanceOutput::builder().build());
    let looks = shows_then_gone(vec![restored.clone(), young, described("available").build()]);
    let (cx, net) = at::<DbInstance>(&rds(&[&modify, &looks]), "db");
    wanted(&net).edit(Edit::Password, &found(restored).await, &cx).await.unwrap();
    assert_eq!((modify.num_calls(), looks.num_calls()), (1, 3));
}

#[tokio::test]
async fn extended_support_is_changed_in_place() {
    let db = described("available").engine_lifecycle_support("open-source-rds-extended-support");
    let planned = planned(&rds(&[&shows(db.build())]), "db", wanted(&found_net())).await;
    assert_eq!(planned, [(Action::Update, vec!["extended_support: true -> false".to_owned()])]);
}
