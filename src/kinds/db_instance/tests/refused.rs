//! What AWS refuses about a DB instance, and what comes of it.

use super::*;
use aws_sdk_rds::{
    operation::{
        describe_db_engine_versions::{
            DescribeDBEngineVersionsError, DescribeDbEngineVersionsOutput,
        },
        describe_orderable_db_instance_options::DescribeOrderableDbInstanceOptionsOutput,
        modify_db_instance::ModifyDBInstanceError,
    },
    types::{DbEngineVersion, DbParameterGroupStatus, OrderableDbInstanceOption, UpgradeTarget},
};

/// Grows a disk of this type and size, and tells which IOPS and throughput are asked for.
async fn grown(disk: DbInstanceBuilder, to: u32, iops: Option<i32>, throughput: Option<i32>) {
    let size = i32::try_from(to).unwrap();
    let modify = mock!(Client::modify_db_instance)
        .match_requests(move |r| {
            r.allocated_storage() == Some(size)
                && r.iops() == iops
                && r.storage_throughput() == throughput
        })
        .then_output(|| ModifyDbInstanceOutput::builder().build());
    let db = disk.clone().build();
    let looks = shows_then_gone(vec![db.clone(), disk.allocated_storage(size).build()]);
    let (cx, net) = at::<DbInstance>(&rds(&[&modify, &looks]), "db");
    let wanted = DbInstance { storage: Some(Storage(to)), ..wanted(&net) };
    wanted.edit(Edit::Storage, &found(db).await, &cx).await.unwrap();
    assert_eq!(modify.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_disk_from_400_gib_on_grows_with_its_iops_and_a_smaller_one_without() {
    let gp3 = |size| described("available").storage_type("gp3").allocated_storage(size);
    let small = |size| gp3(size).iops(3000).storage_throughput(125);
    let large = gp3(400).iops(20_000).storage_throughput(700);
    let io2 = described("available").storage_type("io2").allocated_storage(100).iops(5000);
    for (disk, to, iops, throughput) in [
        (small(20), 40, None, None),
        (small(200), 400, Some(12_000), Some(500)),
        (large, 500, Some(20_000), Some(700)),
        (io2, 200, Some(5000), None),
    ] {
        Box::pin(grown(disk, to, iops, throughput)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_is_not_made_in_a_state_that_does_not_pass() {
    for (status, says) in [("stopped", "aws rds start-db-instance"), ("storage-full", "larger")] {
        let modify = mock!(Client::modify_db_instance).then_error(|| {
            let why = "Database instance is not in available state.";
            ModifyDBInstanceError::generic(refusal("InvalidDBInstanceState", why))
        });
        let db = described(status).build();
        let (cx, net) = at::<DbInstance>(&rds(&[&modify, &shows(db.clone())]), "db");
        let wanted = DbInstance { backup_days: Some(14), ..wanted(&net) };
        let began = tokio::time::Instant::now();
        let error = wanted.edit(Edit::Backups, &found(db).await, &cx).await.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(began.elapsed().as_secs() < 5, "it does not wait");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_answer_was_lost_is_not_sent_again_once_it_is_made() {
    let small = described("modifying").db_instance_class("db.t4g.small");
    for (code, message) in [
        ("InvalidDBInstanceState", "Database instance is not in available state."),
        ("InvalidParameterCombination", "No modifications were requested"),
    ] {
        let modify = mock!(Client::modify_db_instance)
            .then_error(move || ModifyDBInstanceError::generic(refusal(code, message)));
        let done = described("available").db_instance_class("db.t4g.small").build();
        let looks = shows_then_gone(vec![small.clone().build(), done]);
        let (cx, net) = at::<DbInstance>(&rds(&[&modify, &looks]), "db");
        let wanted = DbInstance { instance_class: "db.t4g.small".into(), ..wanted(&net) };
        let found = found(described("available").build()).await;
        wanted.edit(Edit::InstanceClass, &found, &cx).await.unwrap();
        assert_eq!(modify.num_calls(), 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_change_itself_is_told_at_once() {
    let modify = mock!(Client::modify_db_instance).then_error(|| {
        let why = "RDS does not support modifying to db.t4g.nano";
        ModifyDBInstanceError::generic(refusal("InvalidParameterCombination", why))
    });
    let db = described("available").build();
    let (cx, net) = at::<DbInstance>(&rds(&[&modify, &shows(db.clone())]), "db");
    let wanted = DbInstance { instance_class: "db.t4g.nano".into(), ..wanted(&net) };
    let error = wanted.edit(Edit::InstanceClass, &found(db).await, &cx).await.unwrap_err();
    assert!(error.to_string().contains("db.t4g.nano"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_a_lasting_state_refuses_ends_at_once() {
    let delete = mock!(Client::delete_db_instance).then_error(|| {
        DeleteDBInstanceError::generic(refusal("InvalidDBInstanceState", "it is stopped"))
    });
    let stopped = described("stopped").deletion_protection(false).build();
    let (cx, _) = at::<DbInstance>(&rds(&[&delete, &shows(stopped.clone())]), "db");
    let error = DbInstance::delete(&found(stopped).await, &cx).await.unwrap_err().to_string();
    assert!(error.contains("aws rds start-db-instance"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_would_be_lost_for_good_goes_only_where_that_was_asked_for() {
    let delete = mock!(Client::delete_db_instance)
        .match_requests(|r| r.skip_final_snapshot() == Some(true))
        .then_output(|| DeleteDbInstanceOutput::builder().build());
    let failed = described("failed").deletion_protection(false).backup_retention_period(0).build();
    let (cx, _) = at::<DbInstance>(&rds(&[&delete, &shows(failed.clone())]), "db");
    let lost = found(failed.clone()).await;
    assert!(DbInstance::guard(&lost).unwrap().contains("no automated backups"));
    let error = DbInstance::delete(&lost, &cx).await.unwrap_err().to_string();
    assert!(error.contains("--unprotect"), "{error}");
    assert_eq!(delete.num_calls(), 0);
    let mut aws = (*rds(&[&delete, &shows_then_gone(vec![failed])])).clone();
    aws.unprotect = true;
    let (cx, _) = at::<DbInstance>(&Arc::new(aws), "db");
    DbInstance::delete(&lost, &cx).await.unwrap();
    assert_eq!(delete.num_calls(), 1);
}

/// RDS makes these versions, and upgrades each to these.
fn makes(versions: &'static [(&'static str, &'static [&'static str])]) -> Rule {
    mock!(Client::describe_db_engine_versions).then_compute_output(move |asked| {
        let begins = |version: &str| asked.engine_version().is_none_or(|a| version.starts_with(a));
        let all =
            versions.iter().filter(|(version, _)| begins(version)).map(|(version, targets)| {
                let target = |to: &&str| UpgradeTarget::builder().engine_version(*to).build();
                let targets = targets.iter().map(target).collect();
                let made = DbEngineVersion::builder().engine("postgres").engine_version(*version);
                made.set_valid_upgrade_target(Some(targets)).build()
            });
        DescribeDbEngineVersionsOutput::builder()
            .set_db_engine_versions(Some(all.collect()))
            .build()
    })
}

const POSTGRES: &[(&str, &[&str])] =
    &[("16.9", &["16.10", "17.5", "17.6"]), ("16.10", &["17.6"]), ("17.5", &[]), ("17.6", &[])];

/// What RDS offers of a class: something, or nothing.
fn offers(offered: bool) -> Rule {
    mock!(Client::describe_orderable_db_instance_options).then_output(move || {
        let option = offered.then(|| OrderableDbInstanceOption::builder().build());
        let all = Some(option.into_iter().collect());
        DescribeOrderableDbInstanceOptionsOutput::builder()
            .set_orderable_db_instance_options(all)
            .build()
    })
}

fn change(attribute: &'static str) -> Change {
    Change { attribute, from: Some("?".into()), to: "?".into(), replaces: false }
}

fn as_version(text: &str) -> EngineVersion {
    EngineVersion::of("postgres", text)
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_names_the_newest_version_that_rds_upgrades_this_one_to() {
    // RDS's default of 17 may be 17.5, to which 16.10 cannot be upgraded.
    let modify = mock!(Client::modify_db_instance)
        .match_requests(|r| {
            r.engine_version() == Some("17.6") && r.allow_major_version_upgrade() == Some(true)
        })
        .then_output(|| ModifyDbInstanceOutput::builder().build());
    let old = described("available").engine_version("16.10").build();
    let new = described("available").engine_version("17.6").build();
    let looks = shows_then_gone(vec![old.clone(), new]);
    let (cx, net) = at::<DbInstance>(&rds(&[&modify, &looks, &makes(POSTGRES)]), "db");
    wanted(&net).edit(Edit::Version, &found(old).await, &cx).await.unwrap();
    assert_eq!(modify.num_calls(), 1);
}

#[tokio::test]
async fn an_upgrade_that_rds_does_not_make_is_told_before_anything_is_done() {
    let old = described("available").engine_version("16.9");
    let ask = async |old: DbInstanceBuilder, asked: &str, versions: &Rule| {
        let old = old.build();
        let (cx, net) = at::<DbInstance>(&rds(&[&shows(old.clone()), versions]), "db");
        let wanted = DbInstance { version: Some(as_version(asked)), ..wanted(&net) };
        let found = found(old).await;
        wanted.preflight(Some(&found), &[change("version")], &cx).await.unwrap()
    };
    assert_eq!(ask(old.clone(), "17", &makes(POSTGRES)).await, []);
    let [problem] = &ask(old.clone(), "18", &makes(POSTGRES)).await[..] else { panic!() };
    assert_eq!(problem.says, "RDS does not upgrade postgres 16.9 to 18 directly");
    assert!(problem.remedy.ends_with("16.10, 17.5, 17.6"), "{}", problem.remedy);
    let own = DbParameterGroupStatus::builder().db_parameter_group_name("tuned-16").build();
    let tuned = old.clone().db_parameter_groups(own);
    let [problem] = &ask(tuned.clone(), "17", &makes(POSTGRES)).await[..] else { panic!() };
    assert!(problem.says.contains("parameter group tuned-16"), "{}", problem.says);
    assert_eq!(
        ask(tuned, "16.10", &makes(POSTGRES)).await,
        [],
        "within a major version it may stay"
    );
    let silent = mock!(Client::describe_db_engine_versions).then_error(|| {
        DescribeDBEngineVersionsError::generic(refusal("AccessDenied", "not authorized"))
    });
    assert_eq!(ask(old, "18", &silent).await, [], "who may not ask is not stopped");
}

#[tokio::test]
async fn what_rds_does_not_make_or_offer_is_told_before_anything_is_done() {
    let ask = async |asked: &str, rules: &[&Rule]| {
        let (cx, net) = at::<DbInstance>(&rds(rules), "db");
        let wanted = DbInstance { version: Some(as_version(asked)), ..wanted(&net) };
        wanted.preflight(None, &[], &cx).await.unwrap()
    };
    assert_eq!(ask("17", &[&makes(POSTGRES), &offers(true)]).await, []);
    let [problem] = &ask("19", &[&makes(POSTGRES), &offers(true)]).await[..] else { panic!() };
    assert_eq!(problem.says, "RDS does not make postgres 19 in eu-west-1");
    assert!(problem.remedy.ends_with("16.10, 17.6"), "{}", problem.remedy);
    let [problem] = &ask("17", &[&makes(POSTGRES), &offers(false)]).await[..] else { panic!() };
    assert_eq!(problem.says, "RDS does not offer db.t4g.micro for postgres 17.6 in eu-west-1");
    assert_eq!(
        ask("19", &[&makes(&[]), &offers(true)]).await,
        [],
        "nothing is known of any version"
    );
}

#[tokio::test]
async fn a_disk_that_cannot_grow_now_is_told_before_anything_is_done() {
    let ask = async |disk: DbInstanceBuilder, to| {
        let disk = disk.build();
        let (cx, net) = at::<DbInstance>(&rds(&[&shows(disk.clone())]), "db");
        let wanted = DbInstance { storage: Some(Storage(to)), ..wanted(&net) };
        let found = found(disk).await;
        wanted.preflight(Some(&found), &[change("storage")], &cx).await.unwrap()
    };
    assert_eq!(ask(described("available"), 40).await, []);
    let [problem] = &ask(described("storage-optimization"), 40).await[..] else { panic!() };
    assert!(problem.says.contains("storage-optimization"), "{}", problem.says);
    let scaled = described("available").max_allocated_storage(40);
    assert_eq!(ask(scaled.clone(), 30).await, []);
    let [problem] = &ask(scaled, 100).await[..] else { panic!() };
    assert!(problem.remedy.contains("max_storage: 125"), "{}", problem.remedy);
}
