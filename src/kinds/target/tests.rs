//! How a registration is read, made, waited for and removed.

use super::*;
use crate::{
    aws::{Tags, ec2::bench::refusal, tags},
    engine::Address,
    kinds::{instance::InstanceLive, target_group::TargetGroupLive},
};
use aws_sdk_ec2::{
    operation::{
        describe_instances::DescribeInstancesOutput,
        get_console_output::{GetConsoleOutputError, GetConsoleOutputOutput},
    },
    types::{Instance as Described, InstanceState, Reservation},
};
use aws_sdk_elasticloadbalancingv2::{
    Client,
    operation::{
        deregister_targets::{DeregisterTargetsError, DeregisterTargetsOutput},
        describe_load_balancers::DescribeLoadBalancersOutput,
        describe_tags::DescribeTagsOutput,
        describe_target_group_attributes::DescribeTargetGroupAttributesOutput,
        describe_target_groups::DescribeTargetGroupsOutput,
        describe_target_health::DescribeTargetHealthOutput,
        register_targets::{RegisterTargetsError, RegisterTargetsOutput},
    },
    types::{TagDescription, TargetGroup as Group, TargetGroupAttribute},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_types::base64;
use std::sync::Arc;
use tokio::time::Instant;

const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/shop-app/1";

fn wanted(rules: &[&Rule]) -> (Target, Cx<Aws>) {
    let elb = mock_client!(aws_sdk_elasticloadbalancingv2, RuleMode::MatchAny, rules);
    let aws = Aws { elb, ..Aws::offline("shop") };
    let cx = Cx::alone(Arc::new(aws), Address::of::<Target>("app-1"));
    let (cx, group) = cx.with::<TargetGroup>("app", TargetGroupLive { arn: GROUP.into() });
    let instance = InstanceLive { id: "i-1".into(), private_ip: "10.0.0.4".into() };
    let (cx, instance) = cx.with::<Instance>("app-1", instance);
    (Target { group, instance, port: 3000, listeners: Vec::new(), parameter: None }, cx)
}

fn live(health: &str) -> TargetLive {
    TargetLive::new(GROUP, "i-1", 3000, &TargetHealthStateEnum::from(health))
}

fn found(health: &str) -> Found<Target> {
    Found::ready("app-1", wanted(&[]).0, live(health))
}

/// What AWS says of the health of one instance: its state and why.
fn health(instance: &str, state: &str, reason: Option<&str>) -> TargetHealthDescription {
    let health = TargetHealth::builder().state(state.into());
    let health = health.set_reason(reason.map(TargetHealthReasonEnum::from)).build();
    let target = description(instance, 3000);
    TargetHealthDescription::builder().target(target).target_health(health).build()
}

fn answer(targets: Vec<TargetHealthDescription>) -> DescribeTargetHealthOutput {
    DescribeTargetHealthOutput::builder().set_target_health_descriptions(Some(targets)).build()
}

fn looks(states: &'static [(&'static str, Option<&'static str>)]) -> Rule {
    let mut looks = mock!(Client::describe_target_health).sequence();
    for (state, reason) in states {
        looks = looks.output(move || answer(vec![health("i-1", state, *reason)]));
    }
    looks.build()
}

fn instance(id: &str, stack: &str, state: InstanceStateName) -> Described {
    let labels = Aws::offline(stack).labels(&Address::of::<Instance>("app-1"), &Tags::default());
    Described::builder()
        .instance_id(id)
        .state(InstanceState::builder().name(state).build())
        .set_tags(Some(tags::for_ec2(&labels)))
        .build()
}

/// What is found where these instances exist and AWS says this of registrations.
async fn discovered(
    instances: Vec<Described>,
    targets: Vec<TargetHealthDescription>,
) -> Vec<Found<Target>> {
    let groups = mock!(Client::describe_target_groups).then_output(|| {
        let group = Group::builder().target_group_arn(GROUP).target_group_name("shop-app").build();
        DescribeTargetGroupsOutput::builder().target_groups(group).build()
    });
    let balancers = mock!(Client::describe_load_balancers)
        .then_output(|| DescribeLoadBalancersOutput::builder().build());
    let tagged = mock!(Client::describe_tags).then_output(|| {
        let address = Address::of::<TargetGroup>("app");
        let labels = Aws::offline("shop").labels(&address, &Tags::default());
        let tags = TagDescription::builder().resource_arn(GROUP);
        let tags = tags.set_tags(Some(tags::for_elb(&labels))).build();
        DescribeTagsOutput::builder().tag_descriptions(tags).build()
    });
    let health = mock!(Client::describe_target_health).then_output(move || answer(targets.clone()));
    let listed = mock!(aws_sdk_ec2::Client::describe_instances).then_output(move || {
        let reservation = Reservation::builder().set_instances(Some(instances.clone())).build();
        DescribeInstancesOutput::builder().reservations(reservation).build()
    });
    let rules = [&groups, &balancers, &tagged, &health];
    let aws = Aws {
        elb: mock_client!(aws_sdk_elasticloadbalancingv2, RuleMode::MatchAny, &rules),
        ec2: mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&listed]),
        ..Aws::offline("shop")
    };
    Target::discover(&aws).await.unwrap()
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted_under_the_name_of_its_instance() {
    let running = instance("i-1", "shop", InstanceStateName::Running);
    let found = discovered(vec![running], vec![health("i-1", "healthy", None)]).await.remove(0);
    assert_eq!((&*found.name, &found.live), ("app-1", &live("healthy")));
    assert_eq!((found.phase, found.notes.len()), (Phase::Ready, 0));
    assert_eq!(found.spec.group, Ref::found(GROUP));
    assert_eq!(found.spec.instance, Ref::found("i-1"));
    assert_eq!(found.spec.port, 3000);
}

#[tokio::test]
async fn registrations_of_instances_that_are_not_ours_are_left_alone() {
    let theirs = instance("i-1", "shop-eu", InstanceStateName::Running);
    let targets = vec![health("i-1", "healthy", None), health("i-2", "healthy", None)];
    assert!(discovered(vec![theirs], targets).await.is_empty());
}

#[tokio::test]
async fn every_state_is_found_for_what_it_is() {
    for (state, reason, phase, notes) in [
        ("healthy", None, Phase::Ready, 0),
        ("initial", Some("Elb.InitialHealthChecking"), Phase::Coming, 0),
        ("unused", Some("Target.NotInUse"), Phase::Coming, 0),
        ("unused", Some("Target.InvalidState"), Phase::Coming, 1),
        ("unhealthy", Some("Target.Timeout"), Phase::Coming, 1),
        ("unavailable", Some("Elb.InternalError"), Phase::Coming, 1),
        ("draining", Some("Target.DeregistrationInProgress"), Phase::Going, 0),
    ] {
        let running = instance("i-1", "shop", InstanceStateName::Running);
        let found = discovered(vec![running], vec![health("i-1", state, reason)]).await.remove(0);
        assert_eq!((found.phase, found.notes.len()), (phase, notes), "{state} {reason:?}");
    }
    let going = instance("i-1", "shop", InstanceStateName::ShuttingDown);
    let found = discovered(vec![going], vec![health("i-1", "healthy", None)]).await.remove(0);
    assert_eq!(found.phase, Phase::Going);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_not_known_to_run_yet_is_registered_once_it_is() {
    let register = mock!(Client::register_targets)
        .match_requests(|r| {
            r.target_group_arn() == Some(GROUP) && r.targets() == [description("i-1", 3000)]
        })
        .sequence()
        .error(|| RegisterTargetsError::generic(refusal("InvalidTarget")))
        .output(|| RegisterTargetsOutput::builder().build())
        .build();
    let (target, cx) = wanted(&[&register]);
    assert_eq!(target.create(&cx).await.unwrap(), live("initial"));
    assert_eq!(register.num_calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_once_it_is_healthy() {
    let looks = looks(&[
        ("unused", Some("Target.NotInUse")),
        ("initial", Some("Elb.RegistrationInProgress")),
        ("unhealthy", Some("Target.FailedHealthChecks")),
        ("healthy", None),
    ]);
    let (_, cx) = wanted(&[&looks]);
    assert_eq!(Target::settle(live("initial"), &cx).await.unwrap(), live("healthy"));
    assert_eq!(looks.num_calls(), 4);
}

/// The same in an account whose instances are asked about.
fn wanted_beside(rules: &[&Rule], ec2: &[&Rule]) -> Cx<Aws> {
    let aws = Aws {
        elb: mock_client!(aws_sdk_elasticloadbalancingv2, RuleMode::MatchAny, rules),
        ec2: mock_client!(aws_sdk_ec2, RuleMode::MatchAny, ec2),
        ..Aws::offline("shop")
    };
    Cx::alone(Arc::new(aws), Address::of::<Target>("app-1"))
}

fn ill() -> Rule {
    mock!(Client::describe_target_health)
        .then_output(|| answer(vec![health("i-1", "unhealthy", Some("Target.Timeout"))]))
}

#[tokio::test(start_paused = true)]
async fn one_that_stays_ill_is_told_with_the_reason_and_the_last_words_of_its_console() {
    let old_type = mock!(aws_sdk_ec2::Client::get_console_output)
        .match_requests(|r| r.latest() == Some(true))
        .then_error(|| GetConsoleOutputError::generic(refusal("UnsupportedOperation")));
    let console = mock!(aws_sdk_ec2::Client::get_console_output)
        .match_requests(|r| r.latest().is_none() && r.instance_id() == Some("i-1"))
        .then_output(|| {
            let text = "[ 31.4] stackctl-app[9]: stackctl: cannot pull shop:1: denied\r\n";
            GetConsoleOutputOutput::builder().output(base64::encode(text)).build()
        });
    let cx = wanted_beside(&[&ill()], &[&old_type, &console]);
    let error = Target::settle(live("initial"), &cx).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "still unhealthy: Target.Timeout after 600s; the last that i-1 says on its console:\n  \
         cannot pull shop:1: denied"
    );
    let forbidden = mock!(aws_sdk_ec2::Client::get_console_output)
        .then_error(|| GetConsoleOutputError::generic(refusal("UnauthorizedOperation")));
    let cx = wanted_beside(&[&ill()], &[&forbidden]);
    let error = Target::settle(live("initial"), &cx).await.unwrap_err().to_string();
    assert_eq!(error, "still unhealthy: Target.Timeout after 600s");
}

fn describes(state: InstanceStateName) -> Rule {
    mock!(aws_sdk_ec2::Client::describe_instances).then_output(move || {
        let one = instance("i-1", "shop", state.clone());
        let reservation = Reservation::builder().instances(one).build();
        DescribeInstancesOutput::builder().reservations(reservation).build()
    })
}

#[tokio::test(start_paused = true)]
async fn one_whose_instance_has_stopped_is_given_up_at_once() {
    let looks = looks(&[("unused", Some("Target.InvalidState"))]);
    let silent = mock!(aws_sdk_ec2::Client::get_console_output)
        .then_output(|| GetConsoleOutputOutput::builder().build());
    let cx = wanted_beside(&[&looks], &[&describes(InstanceStateName::Stopped), &silent]);
    let error = Target::settle(live("initial"), &cx).await.unwrap_err().to_string();
    assert!(error.contains("i-1 cannot serve") && error.contains("get-console-output"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn one_whose_instance_was_started_again_is_waited_for() {
    let looks = looks(&[("unused", Some("Target.InvalidState")), ("healthy", None)]);
    let cx = wanted_beside(&[&looks], &[&describes(InstanceStateName::Running)]);
    Target::settle(live("unused"), &cx).await.unwrap();
    assert_eq!(looks.num_calls(), 2);
}

/// The context in which the one with the instance `i-1` is drained while that with `i-2` stays.
fn beside_another(rules: &[&Rule]) -> Cx<Aws> {
    let (_, cx) = wanted(rules);
    let other = TargetLive::new(GROUP, "i-2", 3000, &TargetHealthStateEnum::Healthy);
    cx.with::<Target>("app-2", other).0
}

/// A group whose bake time is 30 s.
fn checks() -> Rule {
    mock!(Client::describe_target_groups).then_output(|| {
        let group = Group::builder().target_group_arn(GROUP).health_check_interval_seconds(15);
        let group = group.healthy_threshold_count(2).build();
        DescribeTargetGroupsOutput::builder().target_groups(group).build()
    })
}

#[tokio::test(start_paused = true)]
async fn one_is_drained_once_those_that_stay_have_been_healthy_for_a_while() {
    let both = |other: &'static str| {
        move || answer(vec![health("i-1", "healthy", None), health("i-2", other, None)])
    };
    let looks = mock!(Client::describe_target_health)
        .sequence()
        .output(both("healthy"))
        .output(both("unhealthy"))
        .output(both("healthy"))
        .times(10)
        .output(|| answer(vec![health("i-2", "healthy", None)]))
        .build();
    let deregister = deregisters();
    let cx = beside_another(&[&checks(), &looks, &deregister, &delay("0")]);
    let start = Instant::now();
    let drained = tokio::spawn(async move { Target::delete(&found("healthy"), &cx).await });
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(deregister.num_calls(), 0, "the unhealthy look has begun the time anew");
    drained.await.unwrap().unwrap();
    assert_eq!(deregister.num_calls(), 1);
    assert!((31..50).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_last_healthy_one_of_a_group_is_not_drained() {
    for other in ["initial", "unhealthy", "unused", "draining"] {
        let looks = mock!(Client::describe_target_health).then_output(move || {
            answer(vec![health("i-1", "healthy", None), health("i-2", other, None)])
        });
        // No rule answers DeregisterTargets: it must not be called.
        let cx = beside_another(&[&checks(), &looks]);
        let error = Target::delete(&found("healthy"), &cx).await.unwrap_err().to_string();
        assert_eq!(error, format!("still in service, for i-2 is {other} after 330s"));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_serves_nobody_can_go_at_once() {
    let looks = mock!(Client::describe_target_health)
        .sequence()
        .output(|| answer(vec![health("i-1", "unhealthy", None), health("i-2", "unhealthy", None)]))
        .output(|| answer(vec![health("i-2", "unhealthy", None)]))
        .build();
    let cx = beside_another(&[&checks(), &looks, &deregisters(), &delay("0")]);
    Target::delete(&found("unhealthy"), &cx).await.unwrap();
    assert_eq!(looks.num_calls(), 2);
}

fn deregisters() -> Rule {
    mock!(Client::deregister_targets)
        .match_requests(|r| r.targets() == [description("i-1", 3000)])
        .then_output(|| DeregisterTargetsOutput::builder().build())
}

fn delay(seconds: &'static str) -> Rule {
    mock!(Client::describe_target_group_attributes).then_output(move || {
        let delay = TargetGroupAttribute::builder();
        let delay = delay.key("deregistration_delay.timeout_seconds").value(seconds).build();
        DescribeTargetGroupAttributesOutput::builder().attributes(delay).build()
    })
}

#[tokio::test(start_paused = true)]
async fn it_is_gone_once_it_has_drained() {
    let looks = mock!(Client::describe_target_health)
        .sequence()
        .output(|| answer(vec![health("i-1", "draining", None), health("i-2", "healthy", None)]))
        .times(3)
        .output(|| answer(vec![health("i-2", "healthy", None)]))
        .build();
    let (_, cx) = wanted(&[&deregisters(), &delay("30"), &looks]);
    Target::delete(&found("healthy"), &cx).await.unwrap();
    assert_eq!(looks.num_calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn draining_may_take_a_minute_more_than_the_group_allows_its_requests() {
    let looks = mock!(Client::describe_target_health)
        .then_output(|| answer(vec![health("i-1", "draining", None)]));
    let (_, cx) = wanted(&[&deregisters(), &delay("300"), &looks]);
    let start = Instant::now();
    let error = Target::delete(&found("healthy"), &cx).await.unwrap_err().to_string();
    assert_eq!(error, "still draining after 360s");
    assert!(start.elapsed().as_secs() >= 360);
}

#[tokio::test]
async fn one_whose_group_is_gone_is_deleted_with_success() {
    let gone = mock!(Client::deregister_targets)
        .then_error(|| DeregisterTargetsError::generic(refusal("TargetGroupNotFound")));
    let (_, cx) = wanted(&[&gone]);
    Target::delete(&found("healthy"), &cx).await.unwrap();
}
