//! The calls that the lock makes, and how it reads their answers.

use super::*;
use crate::aws::lock::Holder;
use aws_sdk_ssm::{
    Client,
    operation::{
        delete_parameters::DeleteParametersOutput,
        get_parameters_by_path::GetParametersByPathOutput,
        put_parameter::{PutParameterError, PutParameterOutput},
    },
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_types::error::ErrorMetadata;

fn shelf(rules: &[&Rule]) -> Parameters {
    let ssm = mock_client!(aws_sdk_ssm, RuleMode::MatchAny, rules);
    Aws { ssm, ..Aws::offline("shop") }.lock()
}

fn parameter(name: &str, seconds_ago: i64) -> Parameter {
    let written = DateTime::from_secs(DateTime::from(SystemTime::now()).secs() - seconds_ago);
    let holder = Holder::me("stackctl up", "arn").held();
    Parameter::builder().name(name).value(holder).last_modified_date(written).build()
}

#[tokio::test]
async fn generations_are_read_page_by_page_and_nothing_else_is_taken_for_one() {
    let names = ["/stackctl/shop/lock/9", "/stackctl/shop/lock/new", "/stackctl/shop/app/env"];
    let first = mock!(Client::get_parameters_by_path)
        .match_requests(|r| r.next_token().is_none() && r.path() == Some("/stackctl/shop/lock"))
        .then_output(move || {
            let page = names.map(|name| parameter(name, 5)).to_vec();
            GetParametersByPathOutput::builder().set_parameters(Some(page)).next_token("2").build()
        });
    let second = mock!(Client::get_parameters_by_path)
        .match_requests(|r| r.next_token() == Some("2"))
        .then_output(|| {
            let page = parameter("/stackctl/shop/lock/10", 5);
            GetParametersByPathOutput::builder().parameters(page).build()
        });
    let entries = shelf(&[&first, &second]).list().await.unwrap();
    let numbers: Vec<_> = entries.iter().map(|entry| entry.generation).collect();
    assert_eq!(numbers, [9, 10]);
    assert!(entries.iter().all(|e| (4..7).contains(&e.age.as_secs())), "{entries:?}");
    assert_eq!(Standing::of(entries).generation, 10, "numbers are compared as numbers");
}

#[tokio::test]
async fn one_is_made_with_the_stacks_tags_and_never_over_another() {
    let made = mock!(Client::put_parameter)
        .match_requests(|r| {
            r.name() == Some("/stackctl/shop/lock/1")
                && r.overwrite() != Some(true)
                && r.tags().iter().any(|t| t.key() == tags::STACK && t.value() == "shop")
        })
        .then_output(|| PutParameterOutput::builder().build());
    assert!(shelf(&[&made]).add(1, "{}".into()).await.unwrap());
    let taken = mock!(Client::put_parameter).then_error(|| {
        let refusal = ErrorMetadata::builder().code("ParameterAlreadyExists").build();
        PutParameterError::generic(refusal)
    });
    assert!(!shelf(&[&taken]).add(1, "{}".into()).await.unwrap());
}

#[tokio::test]
async fn one_is_renewed_by_writing_over_it_without_tags() {
    let renewed = mock!(Client::put_parameter)
        .match_requests(|r| r.overwrite() == Some(true) && r.tags().is_empty())
        .then_output(|| PutParameterOutput::builder().build());
    shelf(&[&renewed]).overwrite(1, "{}".into()).await.unwrap();
}

#[tokio::test]
async fn however_many_are_removed_a_call_names_ten_at_most() {
    let removed = mock!(Client::delete_parameters)
        .match_requests(|r| r.names().len() <= 10)
        .then_output(|| DeleteParametersOutput::builder().build());
    shelf(&[&removed]).remove((1..=21).collect()).await.unwrap();
    assert_eq!(removed.num_calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_that_another_call_is_writing_is_written_a_little_later() {
    let refusal = |code: &'static str| {
        move || PutParameterError::generic(ErrorMetadata::builder().code(code).build())
    };
    let lost = mock!(Client::put_parameter)
        .sequence()
        .error(refusal("TooManyUpdates"))
        .error(refusal("ParameterAlreadyExists"))
        .build();
    assert!(!shelf(&[&lost]).add(1, "{}".into()).await.unwrap(), "another run has it");
    let stale = mock!(Client::put_parameter).then_error(|| {
        let says =
            "Failed to create the parameter since stale tags associated to the name detected";
        let error = ErrorMetadata::builder().code("InternalServerError").message(says);
        PutParameterError::generic(error.build())
    });
    assert!(!shelf(&[&stale]).add(1, "{}".into()).await.unwrap(), "it is tried again");
    let renewed = mock!(Client::put_parameter)
        .match_requests(|r| r.tier() == Some(&ParameterTier::Standard))
        .sequence()
        .error(refusal("TooManyUpdates"))
        .output(|| PutParameterOutput::builder().build())
        .build();
    shelf(&[&renewed]).overwrite(1, "{}".into()).await.unwrap();
    assert_eq!(renewed.num_calls(), 2);
}
