//! How the app's environment is written, read, changed and removed.

use super::*;
use crate::{
    aws::ec2::bench::{refusal, team},
    engine::{Address, Ref},
    kinds::{CacheCluster, DbInstance, ReplicationGroup, replication_group::ReplicationGroupLive},
};
use aws_sdk_ssm::{
    Client,
    operation::{
        delete_parameter::DeleteParameterError,
        get_parameter::GetParameterOutput,
        get_parameters_by_path::GetParametersByPathOutput,
        list_tags_for_resource::{ListTagsForResourceError, ListTagsForResourceOutput},
        put_parameter::{PutParameterError, PutParameterOutput},
    },
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_types::error::ErrorMetadata;
use std::sync::Arc;

const NAME: &str = "/stackctl/shop/app/env";

fn environment() -> Environment {
    let variables = [("LOG_LEVEL", "info"), ("PORT", "3000")];
    Environment(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
}

fn aws(rules: &[&Rule]) -> Aws {
    Aws { ssm: mock_client!(aws_sdk_ssm, RuleMode::MatchAny, rules), ..Aws::offline("shop") }
}

/// The parameter of a stack with a cache and a database, and the context in which both are there.
fn wanted(rules: &[&Rule]) -> (Parameter, Cx<Aws>) {
    let cx = Cx::alone(Arc::new(aws(rules)), Address::of::<Parameter>("app"));
    let cache = ReplicationGroupLive {
        id: "shop-cache".into(),
        arn: String::new(),
        status: "available".into(),
        host: "shop-cache.example.com".into(),
        port: 6379,
    };
    let database = DatabaseLive {
        id: "shop-db".into(),
        arn: String::new(),
        engine: "aurora-postgresql".into(),
        status: "available".into(),
        host: "shop-db.example.com".into(),
        port: 5432,
        database: "app".into(),
        username: "app".into(),
        secret_arn: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!db-1".into(),
        writer: false,
    };
    let (cx, cache) = cx.with::<ReplicationGroup>("cache", cache);
    let (cx, database) = cx.with::<DbInstance>("db", database);
    let parameter = Parameter {
        generation: "0123456789abcdef".into(),
        environment: environment(),
        secrets: Environment::default(),
        cache: Some(CacheRef::Group(cache)),
        database: Some(DatabaseRef::Instance(database)),
        generated: Generated::default(),
        session_key: None,
        table: None,
        leave: None,
        tags: team(),
    };
    (parameter, cx)
}

fn gets(value: String) -> Rule {
    mock!(Client::get_parameter).match_requests(|r| r.name() == Some(NAME)).then_output(move || {
        let parameter = aws_sdk_ssm::types::Parameter::builder().value(&value).build();
        GetParameterOutput::builder().parameter(parameter).build()
    })
}

fn lists(value: Option<String>) -> Rule {
    mock!(Client::get_parameters_by_path)
        .match_requests(|r| r.path() == Some("/stackctl/shop") && r.recursive() == Some(true))
        .then_output(move || {
            let named = |name: &str| aws_sdk_ssm::types::Parameter::builder().name(name);
            let of_the_lock = named("/stackctl/shop/lock/1").value("{}").build();
            let of_the_app = value.as_ref().map(|value| named(NAME).value(value).build());
            let all = [Some(of_the_lock), of_the_app].into_iter().flatten().collect();
            GetParametersByPathOutput::builder().set_parameters(Some(all)).build()
        })
}

fn lists_tags(stack: &'static str) -> Rule {
    mock!(Client::list_tags_for_resource).then_output(move || {
        let labels = Aws::offline(stack).labels(&Address::of::<Parameter>("app"), &team());
        let tags = Some(tags::for_ssm(&labels));
        ListTagsForResourceOutput::builder().set_tag_list(tags).build()
    })
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let (parameter, cx) = wanted(&[]);
    let value = parameter.value(&cx).unwrap();
    let (get, tags) = (lists(Some(value)), lists_tags("shop"));
    let found = Parameter::discover(&aws(&[&get, &tags])).await.unwrap().remove(0);
    assert_eq!((&*found.name, &*found.live.name), ("app", NAME));
    assert_eq!(found.spec.generation, parameter.generation);
    assert_eq!(found.spec.environment, parameter.environment);
    assert_eq!(found.spec.cache, Some(CacheRef::Group(Ref::found("shop-cache"))));
    assert_eq!(found.spec.database, Some(DatabaseRef::Instance(Ref::found("shop-db"))));
    assert_eq!(found.spec.tags, team());
}

#[test]
fn the_app_is_told_where_cache_and_database_are_and_of_the_password_only_where_it_is_kept() {
    let (parameter, cx) = wanted(&[]);
    insta::assert_snapshot!(parameter.value(&cx).unwrap(), @r"
    # stackctl generation=0123456789abcdef
    # stackctl refs cache=replication-group:shop-cache database=db-instance:shop-db
    # generated
    AWS_REGION=eu-west-1
    REDIS_URL=rediss://shop-cache.example.com:6379
    DATABASE_HOST=shop-db.example.com
    DATABASE_PORT=5432
    DATABASE_NAME=app
    DATABASE_USER=app
    DATABASE_SECRET_ARN=arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!db-1
    DATABASE_SSLMODE=require
    # environment
    LOG_LEVEL=info
    PORT=3000
    ");
}

#[test]
fn memcached_is_told_as_a_list_of_its_nodes() {
    let (parameter, cx) = wanted(&[]);
    let nodes = crate::kinds::cache_cluster::CacheClusterLive {
        id: "shop-cache".into(),
        arn: String::new(),
        status: "available".into(),
        servers: vec!["one:11211".into(), "two:11211".into()],
    };
    let (cx, cache) = cx.with::<CacheCluster>("cache", nodes);
    let parameter = Parameter { cache: Some(CacheRef::Cluster(cache)), ..parameter };
    assert!(parameter.value(&cx).unwrap().contains("\nMEMCACHED_SERVERS=one:11211,two:11211\n"));
}

#[test]
fn more_than_a_parameter_takes_is_refused_before_any_call() {
    let (mut parameter, cx) = wanted(&[]);
    parameter.environment.0.insert("LONG".into(), "x".repeat(VALUE_LIMIT));
    let error = parameter.value(&cx).unwrap_err().to_string();
    assert!(error.contains("a parameter takes 4096; shorten app.env"), "{error}");
}

#[test]
fn a_changed_variable_is_shown_as_changed_and_its_value_is_not_shown() {
    let mut other = environment();
    other.0.insert("LOG_LEVEL".into(), "debug".into());
    let (before, after) = (environment().to_string(), other.to_string());
    assert_ne!(before, after);
    assert!(after.starts_with("{LOG_LEVEL#") && !after.contains("debug"), "{after}");
}

#[tokio::test]
async fn it_is_made_with_its_tags_and_changed_without_any() {
    let made = mock!(Client::put_parameter)
        .match_requests(|r| r.tags().len() == 5 && r.overwrite().is_none())
        .then_output(|| PutParameterOutput::builder().build());
    let changed = mock!(Client::put_parameter)
        .match_requests(|r| {
            let standard = r.tier() == Some(&ParameterTier::Standard);
            r.tags().is_empty() && r.overwrite() == Some(true) && standard
        })
        .then_output(|| PutParameterOutput::builder().build());
    let (parameter, cx) = wanted(&[&made, &changed]);
    let live = parameter.create(&cx).await.unwrap();
    assert_eq!((live.name.as_str(), made.num_calls(), changed.num_calls()), (NAME, 1, 0));
    let found = Found::ready("app", parameter.clone(), live);
    parameter.edit(Edit::Value, &found, &cx).await.unwrap();
    assert_eq!((made.num_calls(), changed.num_calls()), (1, 1));
}

fn taken() -> Rule {
    mock!(Client::put_parameter)
        .match_requests(|r| r.overwrite().is_none())
        .then_error(|| PutParameterError::generic(refusal("ParameterAlreadyExists")))
}

#[tokio::test]
async fn one_that_was_made_though_the_answer_was_lost_is_written_again() {
    let written = mock!(Client::put_parameter)
        .match_requests(|r| r.overwrite() == Some(true))
        .then_output(|| PutParameterOutput::builder().build());
    let rules = [taken(), gets("old".into()), lists_tags("shop"), written];
    let (parameter, cx) = wanted(&rules.iter().collect::<Vec<_>>());
    parameter.create(&cx).await.unwrap();
    assert_eq!(rules[3].num_calls(), 1);
}

#[tokio::test]
async fn one_of_somebody_else_is_not_taken_over() {
    let theirs = "theirs".to_owned();
    let rules = [taken(), gets(theirs.clone()), lists(Some(theirs)), lists_tags("other")];
    let (parameter, cx) = wanted(&rules.iter().collect::<Vec<_>>());
    let error = parameter.create(&cx).await.unwrap_err().to_string();
    assert!(error.contains(NAME) && error.contains("not this stack's"), "{error}");
    let aws = aws(&rules.iter().collect::<Vec<_>>());
    assert!(Parameter::discover(&aws).await.unwrap().is_empty());
}

#[tokio::test]
async fn none_is_found_and_none_is_deleted_where_there_is_none() {
    let rules = [
        lists(None),
        mock!(Client::list_tags_for_resource)
            .then_error(|| ListTagsForResourceError::generic(refusal("InvalidResourceId"))),
        mock!(Client::delete_parameter)
            .then_error(|| DeleteParameterError::generic(refusal("ParameterNotFound"))),
    ];
    let (parameter, cx) = wanted(&rules.iter().collect::<Vec<_>>());
    assert!(Parameter::discover(&cx.cloud).await.unwrap().is_empty());
    let found = Found::ready("app", parameter, ParameterLive { name: NAME.into() });
    Parameter::delete(&found, &cx).await.unwrap();
}

#[tokio::test]
async fn a_name_that_others_have_is_told_and_our_own_is_not() {
    let (parameter, ours) = wanted(&[&lists_tags("shop")]);
    assert_eq!(parameter.taken(&ours).await.unwrap(), []);
    let (parameter, theirs) = wanted(&[&lists_tags("shop-eu")]);
    let told = parameter.taken(&theirs).await.unwrap();
    assert_eq!(told[0].to_string(), format!("parameter {NAME} (of the stack shop-eu)"));
    let free = mock!(Client::list_tags_for_resource)
        .then_error(|| ListTagsForResourceError::generic(refusal("InvalidResourceId")));
    let (parameter, free) = wanted(&[&free]);
    assert_eq!(parameter.taken(&free).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_another_call_is_changing_or_that_was_deleted_lately_is_written_later() {
    let busy = || PutParameterError::generic(refusal("TooManyUpdates"));
    let stale = || {
        let says =
            "Failed to create the parameter since stale tags associated to the name detected";
        let error = ErrorMetadata::builder().code("InternalServerError").message(says);
        PutParameterError::generic(error.build())
    };
    for overwrites in [None, Some(true)] {
        let put = mock!(Client::put_parameter)
            .match_requests(move |r| r.overwrite() == overwrites)
            .sequence()
            .error(busy)
            .error(stale)
            .output(|| PutParameterOutput::builder().build())
            .build();
        let (parameter, cx) = wanted(&[&put]);
        if overwrites.is_none() {
            parameter.create(&cx).await.unwrap();
        } else {
            let found = Found::ready("app", parameter.clone(), ParameterLive { name: NAME.into() });
            parameter.edit(Edit::Value, &found, &cx).await.unwrap();
        }
        assert_eq!(put.num_calls(), 3);
    }
}

#[tokio::test]
async fn it_stays_in_the_tier_that_it_is_in() {
    let standard = mock!(Client::put_parameter)
        .match_requests(|r| r.tier() == Some(&ParameterTier::Standard))
        .then_error(|| {
            let says = "This parameter uses the advanced-parameter tier. You can't downgrade it.";
            let error = ErrorMetadata::builder().code("ValidationException").message(says);
            PutParameterError::generic(error.build())
        });
    let advanced = mock!(Client::put_parameter)
        .match_requests(|r| r.tier() == Some(&ParameterTier::Advanced))
        .then_output(|| PutParameterOutput::builder().build());
    let (parameter, cx) = wanted(&[&standard, &advanced]);
    let found = Found::ready("app", parameter.clone(), ParameterLive { name: NAME.into() });
    parameter.edit(Edit::Value, &found, &cx).await.unwrap();
    assert_eq!((standard.num_calls(), advanced.num_calls()), (1, 1));
}
