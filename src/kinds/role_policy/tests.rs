//! How leave to read the database's secret is named, granted and withdrawn.

use super::*;
use crate::{
    aws::{Tags, compute::RoleReading, ec2::bench::refusal, tags},
    engine::Address,
    kinds::{DbCluster, instance_role::RoleLive},
};
use aws_sdk_iam::{
    Client,
    operation::{delete_role_policy::DeleteRolePolicyError, put_role_policy::PutRolePolicyOutput},
    types::Role,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_types::DateTime;
use std::sync::Arc;

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!cluster-1-AbCdEf";

/// A policy for Aurora, and the context in which role and cluster are in place.
fn wanted(rules: &[&Rule], secret: &str) -> (RolePolicy, Cx<Aws>) {
    let iam = mock_client!(aws_sdk_iam, RuleMode::MatchAny, rules);
    let aws = Aws { iam, ..Aws::offline("shop") };
    let cx = Cx::alone(Arc::new(aws), Address::of::<RolePolicy>("database"));
    let role = RoleLive {
        role: "shop-app-eu-west-1".into(),
        profile: "shop-app-eu-west-1".into(),
        profile_arn: "arn:aws:iam::111122223333:instance-profile/shop-app-eu-west-1".into(),
    };
    let database = DatabaseLive {
        id: "shop-db".into(),
        arn: "arn:aws:rds:eu-west-1:111122223333:cluster:shop-db".into(),
        engine: "aurora-postgresql".into(),
        status: "available".into(),
        host: "shop-db.example.com".into(),
        port: 5432,
        database: "app".into(),
        username: "app".into(),
        secret_arn: secret.into(),
        writer: false,
    };
    let (cx, role) = cx.with::<InstanceRole>("app", role);
    let (cx, database) = cx.with::<DbCluster>("db", database);
    (RolePolicy { role, database: DatabaseRef::Cluster(database), document: None }, cx)
}

#[tokio::test]
async fn it_grants_the_one_secret_and_its_name_tells_the_database() {
    let put = mock!(Client::put_role_policy)
        .match_requests(|r| r.policy_document() == Some(&policy::secret(SECRET)))
        .then_output(|| PutRolePolicyOutput::builder().build());
    let (policy, cx) = wanted(&[&put], SECRET);
    let live = policy.create(&cx).await.unwrap();
    assert_eq!(live.name, "database-cluster-shop-db");
    let found = Found::ready("database", policy.clone(), live);
    policy.edit(Edit::Document, &found, &cx).await.unwrap();
    assert_eq!(put.num_calls(), 2);
}

/// What is found, and what is in the way, where the role has these inline policies.
async fn where_there_are(policies: &[(&str, String)]) -> (Vec<Found<RolePolicy>>, Vec<String>) {
    let labels = Aws::offline("shop").labels(&Address::of::<InstanceRole>("app"), &Tags::default());
    let (policy, cx) = wanted(&[], SECRET);
    let role = Role::builder()
        .path("/")
        .role_name("shop-app-eu-west-1")
        .role_id("AROA1")
        .arn("arn:aws:iam::111122223333:role/shop-app-eu-west-1")
        .create_date(DateTime::from_secs(0))
        .set_tags(Some(tags::for_iam(&labels)))
        .build()
        .unwrap();
    let owned = cx.cloud.owned(tags::of_iam(role.tags())).unwrap();
    cx.cloud.survey.set_role(RoleReading {
        role: Some((role, owned)),
        policies: policies.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect(),
        ..RoleReading::default()
    });
    let taken = policy.taken(&cx).await.unwrap().iter().map(ToString::to_string).collect();
    (RolePolicy::discover(&cx.cloud).await.unwrap(), taken)
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted_with_the_secret_that_it_grants() {
    let granted = policy::secret(SECRET);
    let (found, taken) = where_there_are(&[("database-cluster-shop-db", granted.clone())]).await;
    assert_eq!((found.len(), taken.len()), (1, 0));
    assert_eq!(&*found[0].name, "database");
    assert_eq!(found[0].spec.database, DatabaseRef::Cluster(Ref::found("shop-db")));
    assert_eq!(found[0].spec.document, Some(granted));
}

#[tokio::test]
async fn a_policy_of_others_that_has_its_name_is_in_the_way_and_not_ours() {
    let theirs = policy::canonical(
        r#"{"Statement": [{"Action": "s3:GetObject", "Effect": "Allow", "Resource": "*"}]}"#,
    );
    let (found, taken) = where_there_are(&[("database-cluster-shop-db", theirs)]).await;
    assert!(found.is_empty());
    assert_eq!(
        taken,
        ["inline policy database-cluster-shop-db of role shop-app-eu-west-1 (it grants something \
          else than a database's secret)"]
    );
}

#[tokio::test]
async fn a_database_without_a_secret_is_told_of() {
    let (policy, cx) = wanted(&[], "");
    let error = policy.create(&cx).await.unwrap_err().to_string();
    assert_eq!(error, "AWS names no secret for the master password of shop-db");
}

#[tokio::test]
async fn what_is_gone_already_is_deleted_with_success() {
    let gone = mock!(Client::delete_role_policy)
        .then_error(|| DeleteRolePolicyError::generic(refusal("NoSuchEntity")));
    let (policy, cx) = wanted(&[&gone], SECRET);
    let live = RolePolicyLive { role: "r".into(), name: "database-cluster-shop-db".into() };
    RolePolicy::delete(&Found::ready("database", policy, live), &cx).await.unwrap();
    assert_eq!(gone.num_calls(), 1);
}
