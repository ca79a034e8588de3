//! What somebody, or RDS itself, has done to a DB instance.

use super::*;
use aws_sdk_rds::{
    operation::describe_db_clusters::DescribeDbClustersOutput,
    types::{DbCluster, DbClusterMember},
};

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

/// What AWS tells of databases that it gave the tags of what they were restored from.
fn show_all(all: Vec<Described>) -> Rule {
    mock!(Client::describe_db_instances).then_output(move || {
        DescribeDbInstancesOutput::builder().set_db_instances(Some(all.clone())).build()
    })
}

#[tokio::test]
async fn a_copy_restored_beside_it_is_told_of_and_left_alone() {
    let copy = described("available").db_instance_identifier("shop-db-look-up");
    let copy = copy.instance_create_time(DateTime::from_secs(2)).deletion_protection(false).build();
    for all in [
        vec![described("available").build(), copy.clone()],
        vec![copy, described("available").build()],
    ] {
        let aws = rds(&[&show_all(all)]);
        assert_eq!(planned(&aws, "db", wanted(&found_net())).await, []);
        let found = super::all::<DbInstance>(&aws.afresh()).await;
        let copy = found.iter().find(|f| f.phase == Phase::Copy).unwrap();
        assert!(copy.notes[0].starts_with("DB instance shop-db-look-up bears"), "{:?}", copy.notes);
    }
}

#[tokio::test]
async fn a_copy_that_was_swapped_in_under_its_name_is_kept_and_mended_and_so_is_the_old_one() {
    let old = described("available").db_instance_identifier("shop-db-old").build();
    let swapped = described("available").multi_az(true).deletion_protection(false);
    let mut swapped = swapped.backup_retention_period(1).build();
    swapped.master_user_secret = None;
    let planned = planned(&rds(&[&show_all(vec![old, swapped])]), "db", wanted(&found_net())).await;
    let [(Action::Update, changes)] = &planned[..] else { panic!("{planned:?}") };
    assert_eq!(
        *changes,
        [
            "multi_az: true -> false",
            "backup_days: 1 -> 7",
            "protect: false -> true",
            "managed_password: false -> true"
        ]
    );
}

#[tokio::test]
async fn a_version_above_the_file_s_is_refused_with_the_line_to_write() {
    for (found, has, asked, write) in [
        ("17.9", "17.9", "16", "write `version: \"17\"` under `database`"),
        ("18.2", "18.2", "17.9", "write `version: \"18\"` under `database`"),
    ] {
        let found = super::found(described("available").engine_version(found).build()).await;
        let version = Some(EngineVersion::of("postgres", asked));
        let wanted = DbInstance { version, ..wanted(&found_net()) };
        let change = Change {
            attribute: "version",
            from: Some(has.into()),
            to: asked.into(),
            replaces: true,
        };
        let refused = wanted.refuse(&found, std::slice::from_ref(&change)).unwrap();
        assert!(refused.says.contains(&format!("runs postgres {has}")), "{}", refused.says);
        assert_eq!(refused.remedy, write);
        assert_eq!(wanted.refuse(&found, &[]), None);
        let engine = Change { attribute: "engine", ..change.clone() };
        assert_eq!(wanted.refuse(&found, &[engine, change]), None, "versions of two engines");
    }
}

#[tokio::test]
async fn the_writer_of_a_cluster_is_known_and_that_all_stand_in_one_zone_is_told() {
    let member = |name: &str, zone: &str| {
        let labels = Aws::offline("shop")
            .labels(&crate::engine::Address::of::<DbInstance>(&name["shop-".len()..]), &team());
        described("available")
            .db_instance_identifier(name)
            .db_cluster_identifier("shop-db")
            .availability_zone(zone)
            .set_tag_list(Some(tags::for_rds(&labels)))
            .build()
    };
    let cluster = || {
        mock!(Client::describe_db_clusters).then_output(|| {
            let member = |id, writes| {
                DbClusterMember::builder()
                    .db_instance_identifier(id)
                    .is_cluster_writer(writes)
                    .build()
            };
            let cluster = DbCluster::builder()
                .db_cluster_members(member("shop-db-1", false))
                .db_cluster_members(member("shop-db-2", true));
            DescribeDbClustersOutput::builder().db_clusters(cluster.build()).build()
        })
    };
    for (second, told) in [("eu-west-1a", 1), ("eu-west-1b", 0)] {
        let both = show_all(vec![member("shop-db-1", "eu-west-1a"), member("shop-db-2", second)]);
        let found = super::all::<DbInstance>(&rds(&[&both, &cluster()])).await;
        let last: Vec<_> = found.iter().map(DbInstance::goes_last).collect();
        assert_eq!(last, [false, true], "the reader first");
        assert_eq!(found.iter().map(|f| f.notes.len()).sum::<usize>(), told, "{second}");
    }
}

#[tokio::test]
async fn a_member_is_made_in_its_zone_if_the_cluster_has_it() {
    for (has, zone) in [("eu-west-1b", Some("eu-west-1b")), ("eu-west-1c", None)] {
        let clusters = mock!(Client::describe_db_clusters).then_output(move || {
            let cluster = DbCluster::builder().availability_zones(has).build();
            DescribeDbClustersOutput::builder().db_clusters(cluster).build()
        });
        let create = mock!(Client::create_db_instance)
            .match_requests(move |r| r.availability_zone() == zone)
            .then_output(|| {
                let made = described("creating").build();
                CreateDbInstanceOutput::builder().db_instance(made).build()
            });
        let (cx, net) = at::<DbInstance>(&rds(&[&clusters, &create]), "db-2");
        let (cx, cluster) =
            cx.with::<crate::kinds::DbCluster>("db", live(&described("available").build()));
        let zone = Some("eu-west-1b".to_owned());
        let member = DbInstance { cluster: Some(cluster), zone, ..wanted(&net) };
        member.create(&cx).await.unwrap();
        assert_eq!(create.num_calls(), 1, "{has}");
    }
}
