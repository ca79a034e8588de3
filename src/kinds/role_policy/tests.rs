//! How leave to read the database's secret is named, granted and withdrawn.

use super::*;
use crate::{
    aws::ec2::bench::refusal,
    engine::Address,
    kinds::{DbCluster, instance_role::RoleLive},
};
use aws_sdk_iam::{
    Client,
    operation::{delete_role_policy::DeleteRolePolicyError, put_role_policy::PutRolePolicyOutput},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
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
        status: "available".into(),
        host: "shop-db.example.com".into(),
        port: 5432,
        database: "app".into(),
        username: "app".into(),
        secret_arn: secret.into(),
    };
    let (cx, role) = cx.with::<InstanceRole>("app", role);
    let (cx, database) = cx.with::<DbCluster>("db", database);
    (RolePolicy { role, database: DatabaseRef::Cluster(database) }, cx)
}

#[tokio::test]
async fn it_grants_the_one_secret_and_its_name_tells_the_database() {
    let put = mock!(Client::put_role_policy)
        .match_requests(|r| r.policy_document() == Some(&policy::secret(SECRET)))
        .then_output(|| PutRolePolicyOutput::builder().build());
    let (policy, cx) = wanted(&[&put], SECRET);
    let live = policy.create(&cx).await.unwrap();
    assert_eq!(live.name, "database-cluster-shop-db");
    let (name, database) = read(&live.name).unwrap();
    assert_eq!((name, database), ("database", DatabaseRef::Cluster(Ref::found("shop-db"))));
}

#[test]
fn the_first_mark_in_a_name_tells_the_kind_of_the_database() {
    let (name, database) = read("database-cluster-my-instance-db").unwrap();
    assert_eq!((name, database), ("database", DatabaseRef::Cluster(Ref::found("my-instance-db"))));
    let (name, database) = read("database-instance-my-cluster-db").unwrap();
    assert_eq!((name, database), ("database", DatabaseRef::Instance(Ref::found("my-cluster-db"))));
    assert_eq!(read("by-hand"), None);
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
