//! How the table of sessions is read, made, mended and removed.

use super::*;
use crate::{
    aws::ec2::bench::{refusal, team},
    engine::Address,
};
use aws_sdk_dynamodb::{
    Client,
    operation::{
        create_table::{CreateTableError, CreateTableOutput},
        delete_table::{DeleteTableError, DeleteTableOutput},
        describe_continuous_backups::DescribeContinuousBackupsOutput,
        describe_table::{DescribeTableError, DescribeTableOutput},
        describe_time_to_live::DescribeTimeToLiveOutput,
        list_tags_of_resource::{ListTagsOfResourceError, ListTagsOfResourceOutput},
        update_continuous_backups::{UpdateContinuousBackupsError, UpdateContinuousBackupsOutput},
        update_time_to_live::{UpdateTimeToLiveError, UpdateTimeToLiveOutput},
    },
    types::{
        BillingModeSummary, ContinuousBackupsDescription, ContinuousBackupsStatus,
        PointInTimeRecoveryDescription, TimeToLiveDescription,
    },
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use std::sync::Arc;

const ARN: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/shop-sessions";

fn cx(rules: &[&Rule]) -> Cx<Aws> {
    let dynamodb = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, rules);
    let aws = Aws { dynamodb, ..Aws::offline("shop") };
    Cx::alone(Arc::new(aws), Address::of::<DynamodbTable>(SESSIONS))
}

fn wanted() -> DynamodbTable {
    DynamodbTable {
        key: Key::string("id"),
        ttl: TimeToLive(Some("expires".into())),
        on_demand: true,
        point_in_time_recovery: true,
        tags: team(),
    }
}

fn found(spec: DynamodbTable) -> Found<DynamodbTable> {
    let live = TableLive { name: "shop-sessions".into(), arn: ARN.into(), protected: false };
    Found::ready(SESSIONS, spec, live)
}

fn described(status: TableStatus) -> DescribeTableOutput {
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
    let id = AttributeDefinition::builder().attribute_name("id");
    let billing = BillingModeSummary::builder().billing_mode(BillingMode::PayPerRequest);
    let table = Described::builder()
        .table_name("shop-sessions")
        .table_arn(ARN)
        .table_status(status)
        .key_schema(key.build().unwrap())
        .attribute_definitions(id.attribute_type(ScalarAttributeType::S).build().unwrap())
        .billing_mode_summary(billing.build());
    DescribeTableOutput::builder().table(table.build()).build()
}

fn stands(status: TableStatus) -> Rule {
    mock!(Client::describe_table)
        .match_requests(|r| r.table_name() == Some("shop-sessions"))
        .then_output(move || described(status.clone()))
}

fn is_missing() -> DescribeTableError {
    DescribeTableError::generic(refusal("ResourceNotFoundException"))
}

fn tagged(stack: &'static str) -> Rule {
    mock!(Client::list_tags_of_resource).then_output(move || {
        let labels = Aws::offline(stack).labels(&Address::of::<DynamodbTable>(SESSIONS), &team());
        let tags = Some(tags::for_dynamodb(&labels));
        ListTagsOfResourceOutput::builder().set_tags(tags).build()
    })
}

fn expires_by(attribute: Option<&'static str>) -> Rule {
    mock!(Client::describe_time_to_live).then_output(move || expiry(attribute))
}

fn expiry(attribute: Option<&str>) -> DescribeTimeToLiveOutput {
    let status = if attribute.is_some() { "ENABLING" } else { "DISABLED" };
    let described = TimeToLiveDescription::builder()
        .time_to_live_status(status.into())
        .set_attribute_name(attribute.map(str::to_owned));
    DescribeTimeToLiveOutput::builder().time_to_live_description(described.build()).build()
}

fn recovers(on: bool) -> Rule {
    mock!(Client::describe_continuous_backups).then_output(move || {
        let status = if on { "ENABLED" } else { "DISABLED" };
        let point = PointInTimeRecoveryDescription::builder()
            .point_in_time_recovery_status(status.into())
            .build();
        let described = ContinuousBackupsDescription::builder()
            .continuous_backups_status(ContinuousBackupsStatus::Enabled)
            .point_in_time_recovery_description(point)
            .build()
            .unwrap();
        DescribeContinuousBackupsOutput::builder().continuous_backups_description(described).build()
    })
}

fn takes_recovery() -> Rule {
    mock!(Client::update_continuous_backups)
        .match_requests(|r| {
            r.point_in_time_recovery_specification()
                .is_some_and(PointInTimeRecoverySpecification::point_in_time_recovery_enabled)
        })
        .sequence()
        .error(|| {
            let code = "ContinuousBackupsUnavailableException";
            UpdateContinuousBackupsError::generic(refusal(code))
        })
        .output(|| UpdateContinuousBackupsOutput::builder().build())
        .build()
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let rules =
        [stands(TableStatus::Active), tagged("shop"), expires_by(Some("expires")), recovers(true)];
    let cx = cx(&rules.each_ref());
    let found = DynamodbTable::discover(&cx.cloud).await.unwrap().remove(0);
    assert_eq!((&*found.name, found.phase), ("sessions", Phase::Ready));
    let DynamodbTable { key, ttl, on_demand, point_in_time_recovery, tags } = found.spec;
    assert_eq!((key, ttl), (wanted().key, wanted().ttl));
    assert!(on_demand && point_in_time_recovery);
    assert_eq!(tags, team());
}

#[tokio::test]
async fn one_of_another_stack_or_none_is_not_found_and_the_other_has_the_name() {
    let (theirs, tags) = (stands(TableStatus::Active), tagged("other"));
    let cx_theirs = cx(&[&theirs, &tags]);
    assert!(DynamodbTable::discover(&cx_theirs.cloud).await.unwrap().is_empty());
    let taken = wanted().taken(&cx_theirs).await.unwrap().remove(0);
    assert_eq!(taken.what, "DynamoDB table shop-sessions");
    assert_eq!(taken.whose, "of the stack other");
    let missing = mock!(Client::describe_table).then_error(is_missing);
    assert!(DynamodbTable::discover(&cx(&[&missing]).cloud).await.unwrap().is_empty());
}

#[tokio::test]
async fn one_that_is_being_made_is_found_though_aws_tells_no_tags_of_it() {
    let untold = mock!(Client::list_tags_of_resource)
        .then_error(|| ListTagsOfResourceError::generic(refusal("ResourceNotFoundException")));
    let rules = [stands(TableStatus::Creating), untold, expires_by(None), recovers(false)];
    let cx = cx(&rules.each_ref());
    let found = DynamodbTable::discover(&cx.cloud).await.unwrap().remove(0);
    assert_eq!((&*found.name, found.phase), ("sessions", Phase::Coming));
    assert_eq!((found.spec.ttl, found.spec.point_in_time_recovery), (TimeToLive(None), false));
}

#[tokio::test(start_paused = true)]
async fn it_is_made_on_demand_and_what_wants_an_active_table_comes_after() {
    let create = mock!(Client::create_table)
        .match_requests(|r| {
            r.table_name() == Some("shop-sessions")
                && r.billing_mode() == Some(&BillingMode::PayPerRequest)
                && r.key_schema()[0].attribute_name() == "id"
                && r.attribute_definitions()[0].attribute_type() == &ScalarAttributeType::S
                && !r.tags().is_empty()
        })
        .then_output(|| CreateTableOutput::builder().build());
    let look = mock!(Client::describe_table)
        .sequence()
        .error(is_missing)
        .output(|| described(TableStatus::Creating))
        .output(|| described(TableStatus::Active))
        .build();
    let expire = mock!(Client::update_time_to_live)
        .match_requests(|r| {
            r.time_to_live_specification().is_some_and(|s| s.attribute_name() == "expires")
        })
        .then_output(|| UpdateTimeToLiveOutput::builder().build());
    let (tags, ttl, recovery) = (tagged("shop"), expires_by(None), takes_recovery());
    let cx = cx(&[&create, &look, &tags, &ttl, &expire, &recovery]);
    let live = wanted().create(&cx).await.unwrap();
    assert_eq!((&*live.name, &*live.arn), ("shop-sessions", ARN));
    assert_eq!((expire.num_calls(), recovery.num_calls()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_in_use_is_ours_after_a_lost_answer_and_else_somebodys() {
    let create = || {
        mock!(Client::create_table)
            .then_error(|| CreateTableError::generic(refusal("ResourceInUseException")))
    };
    let stands = || stands(TableStatus::Active);
    let (made, look, tags) = (create(), stands(), tagged("shop"));
    let (ttl, recovery) = (expires_by(Some("expires")), takes_recovery());
    wanted().create(&cx(&[&made, &look, &tags, &ttl, &recovery])).await.unwrap();
    let (made, look, tags) = (create(), stands(), tagged("other"));
    let error = wanted().create(&cx(&[&made, &look, &tags])).await.unwrap_err();
    assert!(error.to_string().contains("is not this stack's"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_time_to_live_that_was_changed_within_the_hour_is_told_as_such() {
    let refused = mock!(Client::update_time_to_live)
        .then_error(|| UpdateTimeToLiveError::generic(refusal("ValidationException")));
    let off = expires_by(None);
    let cx_off = cx(&[&refused, &off]);
    let error = wanted().edit(Edit::TimeToLive, &found(wanted()), &cx_off).await.unwrap_err();
    assert!(error.to_string().contains("one change of a table's time to live an hour"), "{error}");
    // The SDK repeats a call whose answer was lost, and the second time it is on already.
    let unheard = mock!(Client::describe_time_to_live)
        .sequence()
        .output(|| expiry(None))
        .output(|| expiry(Some("expires")))
        .build();
    let cx_unheard = cx(&[&refused, &unheard]);
    wanted().edit(Edit::TimeToLive, &found(wanted()), &cx_unheard).await.unwrap();
}

#[test]
fn another_attribute_to_expire_by_is_refused_with_the_way_to_it() {
    let other = DynamodbTable { ttl: TimeToLive(Some("ttl".into())), ..wanted() };
    let ttl = Change {
        attribute: "ttl",
        from: Some("ttl".into()),
        to: "expires".into(),
        replaces: false,
    };
    let refused = wanted().refuse(&found(other), std::slice::from_ref(&ttl)).unwrap();
    assert!(refused.remedy.contains("sessions.table.ttl_attribute: ttl"), "{}", refused.remedy);
    let off = DynamodbTable { ttl: TimeToLive(None), ..wanted() };
    assert!(wanted().refuse(&found(off), &[ttl]).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_until_it_is_gone_and_asks_whose_a_new_one_is() {
    let delete = || {
        mock!(Client::delete_table)
            .sequence()
            .error(|| DeleteTableError::generic(refusal("ResourceInUseException")))
            .output(|| DeleteTableOutput::builder().build())
            .build()
    };
    let (gone, look) = (
        delete(),
        mock!(Client::describe_table)
            .sequence()
            .output(|| described(TableStatus::Deleting))
            .error(is_missing)
            .build(),
    );
    DynamodbTable::delete(&found(wanted()), &cx(&[&gone, &look])).await.unwrap();
    assert_eq!((gone.num_calls(), look.num_calls()), (2, 2));
    let (spared, look, tags) = (delete(), stands(TableStatus::Active), tagged("other"));
    let coming = found(wanted()).in_phase(Phase::Coming);
    let cx_theirs = cx(&[&spared, &look, &tags]);
    DynamodbTable::delete(&coming, &cx_theirs).await.unwrap_err();
    assert_eq!(spared.num_calls(), 0);
}
