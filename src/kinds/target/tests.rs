//! How a registration is read, made, waited for and removed.

use super::*;
use crate::{
    aws::{Tags, ec2::bench::refusal, tags},
    engine::Address,
    kinds::{instance::InstanceLive, target_group::TargetGroupLive},
};
use aws_sdk_ec2::{
    operation::describe_instances::DescribeInstancesOutput,
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
        ("unused", Some("Target.InvalidState"), Phase::Ready, 1),
        ("unhealthy", Some("Target.Timeout"), Phase::Ready, 1),
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

#[tokio::test(start_paused = true)]
async fn one_that_stays_ill_is_told_with_the_reason() {
    let ill = mock!(Client::describe_target_health)
        .then_output(|| answer(vec![health("i-1", "unhealthy", Some("Target.Timeout"))]));
    let (_, cx) = wanted(&[&ill]);
    let error = Target::settle(live("initial"), &cx).await.unwrap_err().to_string();
    assert_eq!(error, "still unhealthy: Target.Timeout after 600s");
}

#[tokio::test(start_paused = true)]
async fn one_whose_instance_has_stopped_is_given_up_at_once() {
    let looks = looks(&[("unused", Some("Target.InvalidState"))]);
    let (_, cx) = wanted(&[&looks]);
    let error = Target::settle(live("initial"), &cx).await.unwrap_err().to_string();
    assert!(error.contains("i-1 cannot serve"), "{error}");
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
