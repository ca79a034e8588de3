//! The calls a target group makes, and what it reads back.

use super::*;
use crate::{aws::ec2::bench::refusal, engine::Address};
use aws_sdk_elasticloadbalancingv2::{
    self as elb,
    operation::{
        create_target_group::{CreateTargetGroupError, CreateTargetGroupOutput},
        delete_target_group::{DeleteTargetGroupError, DeleteTargetGroupOutput},
        describe_tags::DescribeTagsOutput,
        describe_target_groups::DescribeTargetGroupsOutput,
        modify_target_group::ModifyTargetGroupOutput,
        modify_target_group_attributes::{
            ModifyTargetGroupAttributesError, ModifyTargetGroupAttributesOutput,
        },
    },
    types::TagDescription,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use std::{collections::BTreeMap, sync::Arc};

const ARN: &str = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/shop-app/1";

fn cx(rules: &[&Rule]) -> (Cx<Aws>, TargetGroup) {
    let elb = mock_client!(aws_sdk_elasticloadbalancingv2, RuleMode::MatchAny, rules);
    let aws = Aws { elb, ..Aws::offline("shop") };
    let cx = Cx::alone(Arc::new(aws), Address::of::<TargetGroup>("app"));
    let (cx, vpc) = cx.with::<Vpc>("main", "vpc-1".into());
    (cx, wanted(vpc))
}

fn wanted(vpc: Ref<Vpc>) -> TargetGroup {
    TargetGroup {
        vpc,
        port: 3000,
        health_check: HealthCheck {
            asks: Asks::TrafficPort,
            path: "/healthz".into(),
            interval: 15,
            timeout: 5,
            healthy_threshold: 2,
            unhealthy_threshold: 3,
            matcher: "200-299".into(),
        },
        stickiness: Stickiness::AppCookie { name: "SID".into(), seconds: 9 },
        held: Held::default(),
        deregistration_delay: 30,
        algorithm: Algorithm::RoundRobin,
        slow_start: 60,
        cross_zone: LIKE_THE_BALANCER.into(),
        tags: Tags::default(),
    }
}

fn found() -> Found<TargetGroup> {
    let spec = wanted(Ref::found("vpc-1"));
    Found::ready("app", spec, TargetGroupLive { arn: ARN.into() })
}

fn described() -> Described {
    Described::builder()
        .target_group_arn(ARN)
        .vpc_id("vpc-1")
        .port(3000)
        .health_check_path("/healthz")
        .health_check_interval_seconds(15)
        .health_check_timeout_seconds(5)
        .healthy_threshold_count(2)
        .unhealthy_threshold_count(3)
        .matcher(Matcher::builder().http_code("200-299").build())
        .build()
}

fn attributes_put() -> Rule {
    mock!(elb::Client::modify_target_group_attributes)
        .match_requests(|r| {
            let has =
                |k, v| r.attributes().iter().any(|a| a.key() == Some(k) && a.value() == Some(v));
            has("stickiness.enabled", "true")
                && has("stickiness.type", "app_cookie")
                && has("stickiness.app_cookie.cookie_name", "SID")
                && has("stickiness.app_cookie.duration_seconds", "9")
        })
        .then_output(|| ModifyTargetGroupAttributesOutput::builder().build())
}

fn duplicate() -> Rule {
    mock!(elb::Client::create_target_group)
        .then_error(|| CreateTargetGroupError::generic(refusal("DuplicateTargetGroupName")))
}

fn by_name() -> Rule {
    mock!(elb::Client::describe_target_groups)
        .match_requests(|r| matches!(r.names(), [name] if name.starts_with("shop-app-")))
        .then_output(|| DescribeTargetGroupsOutput::builder().target_groups(described()).build())
}

fn tagged(stack: &'static str) -> Rule {
    mock!(elb::Client::describe_tags).then_output(move || {
        let labels = vec![
            (tags::STACK.to_owned(), stack.to_owned()),
            (tags::NAME.to_owned(), "app".to_owned()),
        ];
        let of = TagDescription::builder().resource_arn(ARN);
        let of = of.set_tags(Some(tags::for_elb(&labels))).build();
        DescribeTagsOutput::builder().tag_descriptions(of).build()
    })
}

#[test]
fn what_was_written_is_read_back() {
    let wanted = wanted(Ref::found("vpc-1"));
    let calls = wanted.all_attributes().calls_from(&Attributes::fresh()).concat();
    let attributes = Attributes::seen(calls.iter().map(|(k, v)| (*k, v.as_str())));
    let owned = Owned { name: "app".into(), tags: Tags::default(), all: BTreeMap::new() };
    let seen = TargetGroup::seen(&described(), attributes, &owned).unwrap();
    assert_eq!(format!("{seen:?}"), format!("{wanted:?}"));
}

#[test]
fn a_check_that_was_turned_elsewhere_by_hand_is_told_apart() {
    let usual = described();
    assert_eq!(Asks::seen(&usual), Asks::TrafficPort);
    let build = |protocol: ProtocolEnum, port: &str, enabled| {
        let group = Described::builder().health_check_protocol(protocol).health_check_port(port);
        Asks::seen(&group.health_check_enabled(enabled).build())
    };
    assert_eq!(build(ProtocolEnum::Http, TRAFFIC_PORT, true), Asks::TrafficPort);
    assert_eq!(build(ProtocolEnum::Http, "8081", true).to_string(), "HTTP at port 8081: ");
    assert_eq!(
        build(ProtocolEnum::Https, TRAFFIC_PORT, true).to_string(),
        "HTTPS at port traffic-port: "
    );
    assert_eq!(build(ProtocolEnum::Http, TRAFFIC_PORT, false).to_string(), "off: ");
}

#[tokio::test]
async fn a_check_that_was_turned_elsewhere_is_turned_back() {
    let modify = mock!(elb::Client::modify_target_group)
        .match_requests(|r| {
            r.health_check_port() == Some(TRAFFIC_PORT)
                && r.health_check_protocol() == Some(&ProtocolEnum::Http)
                && r.health_check_enabled() == Some(true)
        })
        .then_output(|| ModifyTargetGroupOutput::builder().build());
    let (cx, wanted) = cx(&[&modify]);
    wanted.edit(Edit::HealthCheck, &found(), &cx).await.unwrap();
    assert_eq!(modify.num_calls(), 1);
}

#[tokio::test]
async fn it_is_made_with_its_tags_and_then_gets_its_attributes() {
    let create = mock!(elb::Client::create_target_group)
        .match_requests(|r| {
            r.vpc_id() == Some("vpc-1")
                && r.matcher().and_then(Matcher::http_code) == Some("200-299")
                && r.health_check_timeout_seconds() == Some(5)
                && r.tags().iter().any(|t| t.key() == Some(tags::NAME) && t.value() == Some("app"))
        })
        .then_output(|| CreateTargetGroupOutput::builder().target_groups(described()).build());
    let put = attributes_put();
    let (cx, wanted) = cx(&[&create, &put]);
    assert_eq!(wanted.create(&cx).await.unwrap().arn, ARN);
    assert_eq!((create.num_calls(), put.num_calls()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_known_everywhere_yet_gets_its_attributes_when_it_is() {
    let create = mock!(elb::Client::create_target_group)
        .then_output(|| CreateTargetGroupOutput::builder().target_groups(described()).build());
    let put = mock!(elb::Client::modify_target_group_attributes)
        .sequence()
        .error(|| ModifyTargetGroupAttributesError::generic(refusal("TargetGroupNotFound")))
        .times(2)
        .output(|| ModifyTargetGroupAttributesOutput::builder().build())
        .build();
    let (cx, wanted) = cx(&[&create, &put]);
    assert_eq!(wanted.create(&cx).await.unwrap().arn, ARN);
    assert_eq!(put.num_calls(), 3);
}

#[tokio::test]
async fn a_namesake_of_ours_is_gone_on_with() {
    let modify = mock!(elb::Client::modify_target_group)
        .match_requests(|r| r.health_check_path() == Some("/healthz"))
        .then_output(|| ModifyTargetGroupOutput::builder().build());
    let (create, named, tags, put) = (duplicate(), by_name(), tagged("shop"), attributes_put());
    let (cx, wanted) = cx(&[&create, &named, &tags, &modify, &put]);
    assert_eq!(wanted.create(&cx).await.unwrap().arn, ARN);
    assert_eq!(modify.num_calls(), 1);
}

#[tokio::test]
async fn a_namesake_of_others_is_refused_and_left_alone() {
    let (create, named, tags) = (duplicate(), by_name(), tagged("other"));
    let (cx, wanted) = cx(&[&create, &named, &tags]);
    let error = wanted.create(&cx).await.unwrap_err().to_string();
    assert!(error.contains("is not this stack's"), "{error}");
}

#[tokio::test]
async fn toggling_stickiness_sends_nothing_but_stickiness() {
    let put = mock!(elb::Client::modify_target_group_attributes)
        .match_requests(|r| {
            r.attributes().iter().all(|a| a.key().is_some_and(|k| k.starts_with("stickiness.")))
        })
        .then_output(|| ModifyTargetGroupAttributesOutput::builder().build());
    let (cx, _) = cx(&[&put]);
    let on = Stickiness::LbCookie { seconds: 60 };
    TargetGroup::put_stickiness(&cx.cloud, ARN, &on).await.unwrap();
    TargetGroup::put_stickiness(&cx.cloud, ARN, &Stickiness::Off).await.unwrap();
    assert_eq!(put.num_calls(), 2);
}

#[tokio::test]
async fn an_edit_sends_only_what_differs() {
    let put = mock!(elb::Client::modify_target_group_attributes)
        .match_requests(|r| {
            matches!(r.attributes(), [a] if a.key() == Some("deregistration_delay.timeout_seconds"))
        })
        .then_output(|| ModifyTargetGroupAttributesOutput::builder().build());
    let (cx, wanted) = cx(&[&put]);
    let wanted = TargetGroup { deregistration_delay: 90, ..wanted };
    wanted.edit(Edit::Attributes, &found(), &cx).await.unwrap();
    assert_eq!(put.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn deleting_waits_for_listeners_that_fade() {
    let delete = mock!(elb::Client::delete_target_group)
        .sequence()
        .error(|| DeleteTargetGroupError::generic(refusal("ResourceInUse")))
        .times(3)
        .output(|| DeleteTargetGroupOutput::builder().build())
        .build();
    let unused = mock!(elb::Client::describe_target_groups)
        .then_output(|| DescribeTargetGroupsOutput::builder().target_groups(described()).build());
    let (cx, _) = cx(&[&delete, &unused]);
    TargetGroup::delete(&found(), &cx).await.unwrap();
    assert_eq!(delete.num_calls(), 4);
}

#[tokio::test]
async fn a_name_that_others_have_is_told_once_it_is_known() {
    let there = mock!(elb::Client::describe_target_groups)
        .match_requests(|r| r.names()[0].starts_with("shop-app-"))
        .then_output(|| DescribeTargetGroupsOutput::builder().target_groups(described()).build());
    let untagged = mock!(elb::Client::describe_tags).then_output(|| {
        let of = TagDescription::builder().resource_arn(ARN).build();
        DescribeTagsOutput::builder().tag_descriptions(of).build()
    });
    let (known, wanted) = cx(&[&there, &untagged]);
    let told = wanted.taken(&known).await.unwrap();
    assert_eq!(told[0].whose, "without a tag of stackctl's");
    let unknown = Cx::alone(known.cloud.clone(), Address::of::<TargetGroup>("app"));
    assert_eq!(wanted.taken(&unknown).await.unwrap(), []);
    assert_eq!(there.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_keeps_it_from_going_is_named() {
    let busy = mock!(elb::Client::delete_target_group)
        .then_error(|| DeleteTargetGroupError::generic(refusal("ResourceInUse")));
    let used = mock!(elb::Client::describe_target_groups).then_output(|| {
        let group = Described::builder().target_group_arn(ARN).load_balancer_arns("arn:theirs");
        DescribeTargetGroupsOutput::builder().target_groups(group.build()).build()
    });
    let (cx, _) = cx(&[&busy, &used]);
    let error = TargetGroup::delete(&found(), &cx).await.unwrap_err().to_string();
    assert!(error.contains("load balancer arn:theirs"), "{error}");
}
