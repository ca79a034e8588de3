//! How the versions of a key are read, and taken from stage to stage.

use super::*;
use crate::{
    aws::{Tags, ec2::bench::refusal, tags},
    engine::Address,
    kinds::Secret,
};
use aws_sdk_secretsmanager::{
    Client,
    operation::{
        describe_secret::DescribeSecretOutput,
        get_random_password::GetRandomPasswordOutput,
        list_secret_version_ids::ListSecretVersionIdsOutput,
        put_secret_value::PutSecretValueOutput,
        update_secret_version_stage::{
            UpdateSecretVersionStageError, UpdateSecretVersionStageOutput,
        },
    },
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_types::DateTime;
use std::time::Duration;

fn aws(rules: &[&Rule]) -> Aws {
    let secretsmanager = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, rules);
    Aws { secretsmanager, ..Aws::offline("shop") }
}

fn described() -> Rule {
    mock!(Client::describe_secret).then_output(|| {
        let aws = Aws::offline("shop");
        let labels = aws.labels(&Address::of::<Secret>("session-key"), &Tags::default());
        DescribeSecretOutput::builder()
            .name(name("shop"))
            .arn("arn")
            .last_changed_date(DateTime::from_secs(50))
            .set_tags(Some(tags::for_secrets_manager(&labels)))
            .build()
    })
}

fn listed(versions: &[(&str, &[&str])]) -> ListSecretVersionIdsOutput {
    let entry = |(id, stages): &(&str, &[&str])| {
        SecretVersionsListEntry::builder()
            .version_id(*id)
            .created_date(DateTime::from_secs(40))
            .set_version_stages(Some(stages.iter().map(ToString::to_string).collect()))
            .build()
    };
    let all = versions.iter().map(entry).collect();
    ListSecretVersionIdsOutput::builder().set_versions(Some(all)).build()
}

fn lists(versions: &'static [(&'static str, &'static [&'static str])]) -> Rule {
    mock!(Client::list_secret_version_ids).then_output(move || listed(versions))
}

const UNDER_WAY: &[(&str, &[&str])] =
    &[("old", &["AWSPREVIOUS"]), ("now", &["AWSCURRENT"]), ("new", &["AWSPENDING"])];

async fn read(aws: &Aws) -> Versions {
    Versions::read(aws).await.unwrap().unwrap()
}

fn refused() -> UpdateSecretVersionStageError {
    UpdateSecretVersionStageError::generic(refusal("InvalidParameterException"))
}

#[tokio::test]
async fn versions_are_known_by_their_stages() {
    let (secret, list) = (described(), lists(UNDER_WAY));
    let versions = read(&aws(&[&secret, &list])).await;
    assert_eq!(versions.current.id, "now");
    assert_eq!(versions.pending.unwrap().id, "new");
    assert_eq!(versions.previous.unwrap().id, "old");
    assert_eq!(versions.changed, SystemTime::UNIX_EPOCH + Duration::from_secs(50));
}

#[tokio::test]
async fn one_that_is_current_already_is_pending_no_more() {
    let list = lists(&[("now", &["AWSPENDING", "AWSCURRENT"])]);
    let versions = read(&aws(&[&described(), &list])).await;
    assert_eq!((versions.pending, versions.previous), (None, None));
}

#[tokio::test]
async fn a_new_key_is_made_by_aws_and_signs_nothing_yet() {
    let generate = mock!(Client::get_random_password)
        .then_output(|| GetRandomPasswordOutput::builder().random_password("made").build());
    let put = mock!(Client::put_secret_value)
        .match_requests(|r| {
            r.secret_string() == Some("made") && r.version_stages() == ["AWSPENDING"]
        })
        .then_output(|| PutSecretValueOutput::builder().build());
    Versions::begin(&aws(&[&generate, &put])).await.unwrap();
    assert_eq!(put.num_calls(), 1);
}

#[tokio::test]
async fn the_pending_one_becomes_current_and_is_pending_no_more() {
    let (secret, list) = (described(), lists(UNDER_WAY));
    let promote = mock!(Client::update_secret_version_stage)
        .match_requests(|r| {
            r.version_stage() == Some("AWSCURRENT")
                && r.remove_from_version_id() == Some("now")
                && r.move_to_version_id() == Some("new")
        })
        .then_output(|| UpdateSecretVersionStageOutput::builder().build());
    let clean = mock!(Client::update_secret_version_stage)
        .match_requests(|r| {
            r.version_stage() == Some("AWSPENDING")
                && r.remove_from_version_id() == Some("new")
                && r.move_to_version_id().is_none()
        })
        .then_output(|| UpdateSecretVersionStageOutput::builder().build());
    let aws = aws(&[&secret, &list, &promote, &clean]);
    read(&aws).await.promote(&aws).await.unwrap();
    assert_eq!((promote.num_calls(), clean.num_calls()), (1, 1));
}

#[tokio::test]
async fn a_refusal_counts_unless_what_was_asked_for_is_done() {
    let refuse = mock!(Client::update_secret_version_stage).then_error(refused);
    let (secret, list) = (described(), lists(UNDER_WAY));
    let still = aws(&[&secret, &list, &refuse]);
    let versions = read(&still).await;
    versions.promote(&still).await.unwrap_err();
    versions.retire(&still).await.unwrap_err();

    let done = lists(&[("now", &[]), ("new", &["AWSCURRENT"])]);
    let secret = described();
    let done = aws(&[&secret, &done, &refuse]);
    versions.promote(&done).await.unwrap();
    versions.retire(&done).await.unwrap();
}
