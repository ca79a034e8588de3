//! How the key that signs sessions is read, made, had back and removed.

use super::*;
use crate::{
    aws::ec2::bench::{refusal, team},
    engine::Address,
};
use aws_sdk_secretsmanager::{
    Client,
    operation::{
        create_secret::{CreateSecretError, CreateSecretOutput},
        delete_secret::{DeleteSecretError, DeleteSecretOutput},
        describe_secret::DescribeSecretError,
        get_random_password::GetRandomPasswordOutput,
        restore_secret::RestoreSecretOutput,
        tag_resource::TagResourceOutput,
    },
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_types::DateTime;
use std::sync::Arc;

const ARN: &str =
    "arn:aws:secretsmanager:eu-west-1:111122223333:secret:stackctl/shop/session-key-AbCdEf";

fn cx(rules: &[&Rule]) -> Cx<Aws> {
    let secretsmanager = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, rules);
    let aws = Aws { secretsmanager, ..Aws::offline("shop") };
    Cx::alone(Arc::new(aws), Address::of::<Secret>("session-key"))
}

fn live() -> SecretLive {
    SecretLive { name: "stackctl/shop/session-key".into(), arn: ARN.into() }
}

/// The secret of this stack, as it is described.
fn described(tags: &Tags, deleted: bool) -> Described {
    let aws = Aws::offline("shop");
    let labels = aws.labels(&Address::of::<Secret>("session-key"), tags);
    Described::builder()
        .name(live().name)
        .arn(ARN)
        .set_deleted_date(deleted.then(|| DateTime::from_secs(0)))
        .set_tags(Some(tags::for_secrets_manager(&labels)))
        .build()
}

fn describes(tags: Tags, deleted: bool) -> Rule {
    mock!(Client::describe_secret)
        .match_requests(|r| r.secret_id() == Some("stackctl/shop/session-key"))
        .then_output(move || described(&tags, deleted))
}

fn generates() -> Rule {
    mock!(Client::get_random_password)
        .match_requests(|r| {
            r.exclude_punctuation() == Some(true) && r.password_length() == Some(64)
        })
        .then_output(|| GetRandomPasswordOutput::builder().random_password("made by AWS").build())
}

fn creation_is_refused(code: &'static str) -> Rule {
    mock!(Client::create_secret).then_error(|| CreateSecretError::generic(refusal(code)))
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let found = Secret::discover(&cx(&[&describes(team(), false)]).cloud).await.unwrap().remove(0);
    assert_eq!((&*found.name, &found.live, &found.spec.tags), ("session-key", &live(), &team()));
}

#[tokio::test]
async fn one_that_is_not_there_or_in_its_deletion_is_not_found() {
    let missing = mock!(Client::describe_secret)
        .then_error(|| DescribeSecretError::generic(refusal("ResourceNotFoundException")));
    for rule in [missing, describes(team(), true)] {
        assert!(Secret::discover(&cx(&[&rule]).cloud).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn aws_makes_the_key() {
    let create = mock!(Client::create_secret)
        .match_requests(|r| {
            r.name() == Some("stackctl/shop/session-key")
                && r.secret_string() == Some("made by AWS")
                && r.tags().iter().any(|tag| tag.key() == Some(tags::STACK))
        })
        .then_output(|| CreateSecretOutput::builder().arn(ARN).build());
    let made = Secret { tags: team() }.create(&cx(&[&generates(), &create])).await.unwrap();
    assert_eq!(made, live());
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_ours() {
    let cx = cx(&[
        &generates(),
        &creation_is_refused("ResourceExistsException"),
        &describes(team(), false),
    ]);
    assert_eq!(Secret { tags: team() }.create(&cx).await.unwrap(), live());
}

#[tokio::test]
async fn a_key_that_was_deleted_is_had_back_so_that_users_stay_logged_in() {
    let restore = mock!(Client::restore_secret)
        .match_requests(|r| r.secret_id() == Some(ARN))
        .then_output(|| RestoreSecretOutput::builder().build());
    let tag = mock!(Client::tag_resource).then_output(|| TagResourceOutput::builder().build());
    let cx = cx(&[
        &generates(),
        &creation_is_refused("InvalidRequestException"),
        &describes(Tags::default(), true),
        &restore,
        &tag,
    ]);
    assert_eq!(Secret { tags: team() }.create(&cx).await.unwrap(), live());
    assert_eq!((restore.num_calls(), tag.num_calls()), (1, 1));
}

#[tokio::test]
async fn a_secret_of_others_is_never_taken() {
    let theirs = || Described::builder().name(live().name).arn(ARN).build();
    let theirs = mock!(Client::describe_secret).then_output(theirs);
    let cx = cx(&[&generates(), &creation_is_refused("ResourceExistsException"), &theirs]);
    let error = Secret { tags: team() }.create(&cx).await.unwrap_err();
    assert!(format!("{error:#}").contains("is not this stack's"), "{error:#}");
    let taken = Secret { tags: team() }.taken(&cx).await.unwrap();
    assert_eq!(taken[0].what, "secret stackctl/shop/session-key");
}

#[tokio::test]
async fn a_key_can_be_had_back_for_a_week() {
    let found = Found::ready("session-key", Secret { tags: team() }, live());
    let delete = mock!(Client::delete_secret)
        .match_requests(|r| r.recovery_window_in_days() == Some(7) && r.secret_id() == Some(ARN))
        .then_output(|| DeleteSecretOutput::builder().build());
    Secret::delete(&found, &cx(&[&delete])).await.unwrap();
    let refused = mock!(Client::delete_secret)
        .then_error(|| DeleteSecretError::generic(refusal("InvalidRequestException")));
    Secret::delete(&found, &cx(&[&refused, &describes(team(), true)])).await.unwrap();
    let there = cx(&[&refused, &describes(team(), false)]);
    assert!(Secret::delete(&found, &there).await.is_err());
}
