//! The calls a load balancer makes, what it waits for, and what it reads back.

use super::*;
use crate::{aws::ec2::bench::refusal, engine::Address};
use aws_sdk_ec2::{
    operation::describe_network_interfaces::DescribeNetworkInterfacesOutput,
    types::NetworkInterface,
};
use aws_sdk_elasticloadbalancingv2::{
    self as elb,
    operation::{
        create_load_balancer::{CreateLoadBalancerError, CreateLoadBalancerOutput},
        delete_load_balancer::{DeleteLoadBalancerError, DeleteLoadBalancerOutput},
        describe_load_balancer_attributes::DescribeLoadBalancerAttributesOutput,
        describe_load_balancers::{DescribeLoadBalancersError, DescribeLoadBalancersOutput},
        describe_tags::DescribeTagsOutput,
        modify_load_balancer_attributes::{
            ModifyLoadBalancerAttributesError, ModifyLoadBalancerAttributesOutput,
        },
        set_subnets::SetSubnetsOutput,
    },
    types::{LoadBalancerState, TagDescription},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use std::{collections::BTreeMap, sync::Arc};

const ARN: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/shop-lb-123456/77";

fn aws(rules: &[&Rule]) -> Aws {
    let elb = mock_client!(aws_sdk_elasticloadbalancingv2, RuleMode::MatchAny, rules);
    Aws { elb, ..Aws::offline("shop") }
}

fn cx(aws: Aws) -> (Cx<Aws>, LoadBalancer) {
    let cx = Cx::alone(Arc::new(aws), Address::of::<LoadBalancer>("main"));
    let (cx, a) = cx.with::<Subnet>("public-a", "subnet-a".into());
    let (cx, b) = cx.with::<Subnet>("public-b", "subnet-b".into());
    let (cx, group) = cx.with::<SecurityGroup>("lb", "sg-1".into());
    let (cx, vpc) = cx.with::<Vpc>("main", "vpc-1".into());
    let wanted = LoadBalancer {
        vpc,
        scheme: Scheme::InternetFacing,
        subnets: vec![a, b],
        security_groups: vec![group],
        idle_timeout: 61,
        drop_invalid_headers: true,
        protect: None,
        access_logs: AccessLogs::Off,
        routes: Vec::new(),
        tags: Tags::default(),
    };
    (cx, wanted)
}

fn owned() -> Owned {
    Owned { name: "main".into(), tags: Tags::default(), all: BTreeMap::new() }
}

fn balancer(state: State) -> Described {
    let zone = |subnet| AvailabilityZone::builder().subnet_id(subnet).build();
    let state = LoadBalancerState::builder().code(state).reason("AWS's reason").build();
    Described::builder()
        .load_balancer_arn(ARN)
        .vpc_id("vpc-1")
        .dns_name("shop-lb-1.eu-west-1.elb.amazonaws.com")
        .canonical_hosted_zone_id("Z32O12XQLNTSW2")
        .scheme(LoadBalancerSchemeEnum::InternetFacing)
        .availability_zones(zone("subnet-a"))
        .availability_zones(zone("subnet-b"))
        .security_groups("sg-1")
        .state(state)
        .build()
}

fn live() -> LoadBalancerLive {
    LoadBalancerLive::of(&balancer(State::Active)).unwrap()
}

fn shown(state: State) -> DescribeLoadBalancersOutput {
    DescribeLoadBalancersOutput::builder().load_balancers(balancer(state)).build()
}

fn gone() -> Rule {
    mock!(elb::Client::describe_load_balancers)
        .then_error(|| DescribeLoadBalancersError::generic(refusal("LoadBalancerNotFound")))
}

fn attributes(protected: &'static str) -> Rule {
    mock!(elb::Client::describe_load_balancer_attributes).then_output(move || {
        let pair = |k, v| LoadBalancerAttribute::builder().key(k).value(v).build();
        DescribeLoadBalancerAttributesOutput::builder()
            .attributes(pair(IDLE_TIMEOUT, "61"))
            .attributes(pair(DROP_INVALID, "true"))
            .attributes(pair(PROTECTED, protected))
            .build()
    })
}

async fn found(state: State, protected: &'static str) -> Found<LoadBalancer> {
    let aws = aws(&[&attributes(protected)]);
    LoadBalancer::read(&aws, &balancer(state), &owned()).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_was_written_is_read_back() {
    let found = found(State::Active, "false").await;
    let (_, wanted) = cx(Aws::offline("shop"));
    assert_eq!(found.spec.scheme, wanted.scheme);
    assert_eq!(found.spec.subnets, [Ref::found("subnet-a"), Ref::found("subnet-b")]);
    assert_eq!(found.spec.security_groups, [Ref::found("sg-1")]);
    assert_eq!((found.spec.idle_timeout, found.spec.drop_invalid_headers), (61, true));
    assert_eq!((found.live, found.phase, found.notes), (live(), Phase::Ready, Vec::new()));
}

#[tokio::test]
async fn its_phase_follows_its_state() {
    assert_eq!(found(State::Provisioning, "false").await.phase, Phase::Coming);
    let failed = found(State::Failed, "false").await;
    assert_eq!((failed.phase, &*failed.notes[0]), (Phase::Broken, "AWS's reason"));
    let impaired = found(State::ActiveImpaired, "false").await;
    assert_eq!((impaired.phase, &*impaired.notes[0]), (Phase::Ready, "impaired: AWS's reason"));
}

#[tokio::test]
async fn deletion_protection_guards_it() {
    assert!(LoadBalancer::guard(&found(State::Active, "true").await).is_some());
    assert!(LoadBalancer::guard(&found(State::Active, "false").await).is_none());
}

#[tokio::test(start_paused = true)]
async fn it_is_made_once_its_subnets_are_known_and_set_up_once_it_is_known_itself() {
    let create = mock!(elb::Client::create_load_balancer)
        .match_requests(|r| {
            r.subnets() == ["subnet-a", "subnet-b"] && r.security_groups() == ["sg-1"]
        })
        .sequence()
        .error(|| CreateLoadBalancerError::generic(refusal("SubnetNotFound")))
        .times(2)
        .output(|| {
            let balancer = balancer(State::Provisioning);
            CreateLoadBalancerOutput::builder().load_balancers(balancer).build()
        })
        .build();
    let put = mock!(elb::Client::modify_load_balancer_attributes)
        .match_requests(|r| r.attributes().len() == 3)
        .sequence()
        .error(|| ModifyLoadBalancerAttributesError::generic(refusal("LoadBalancerNotFound")))
        .times(2)
        .output(|| ModifyLoadBalancerAttributesOutput::builder().build())
        .build();
    let (cx, wanted) = cx(aws(&[&create, &put]));
    assert_eq!(wanted.create(&cx).await.unwrap(), live());
    assert_eq!((create.num_calls(), put.num_calls()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_fades_is_waited_for() {
    let taken = || CreateLoadBalancerError::generic(refusal("DuplicateLoadBalancerName"));
    let create = mock!(elb::Client::create_load_balancer)
        .sequence()
        .error(taken)
        .times(4)
        .output(|| {
            let balancer = balancer(State::Provisioning);
            CreateLoadBalancerOutput::builder().load_balancers(balancer).build()
        })
        .build();
    let put = mock!(elb::Client::modify_load_balancer_attributes)
        .then_output(|| ModifyLoadBalancerAttributesOutput::builder().build());
    let (cx, wanted) = cx(aws(&[&create, &gone(), &put]));
    assert_eq!(wanted.create(&cx).await.unwrap(), live());
    assert_eq!(create.num_calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn coming_up_ends_well_or_with_its_reason() {
    let describe = |last: State| {
        mock!(elb::Client::describe_load_balancers)
            .sequence()
            .output(|| shown(State::Provisioning))
            .times(3)
            .output(move || shown(last.clone()))
            .build()
    };
    let (up, _) = cx(aws(&[&describe(State::Active)]));
    assert_eq!(LoadBalancer::settle(live(), &up).await.unwrap(), live());
    let (down, _) = cx(aws(&[&describe(State::Failed)]));
    let error = LoadBalancer::settle(live(), &down).await.unwrap_err();
    assert_eq!(error.to_string(), "AWS's reason");
}

#[tokio::test]
async fn other_subnets_are_set_all_at_once() {
    let set = mock!(elb::Client::set_subnets)
        .match_requests(|r| r.subnets() == ["subnet-a", "subnet-b"])
        .then_output(|| SetSubnetsOutput::builder().build());
    let (cx, wanted) = cx(aws(&[&set]));
    wanted.edit(Edit::Subnets, &found(State::Active, "false").await, &cx).await.unwrap();
    assert_eq!(set.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_gone_when_its_network_interfaces_are() {
    let delete = mock!(elb::Client::delete_load_balancer)
        .then_output(|| DeleteLoadBalancerOutput::builder().build());
    let linger = || {
        let eni = NetworkInterface::builder().network_interface_id("eni-1");
        let eni = eni.description("ELB app/shop-lb-123456/77").build();
        DescribeNetworkInterfacesOutput::builder().network_interfaces(eni).build()
    };
    let interfaces = mock!(aws_sdk_ec2::Client::describe_network_interfaces)
        .match_requests(|r| r.filters()[0].values() == ["ELB app/shop-lb-123456/77"])
        .sequence()
        .output(linger)
        .times(5)
        .output(|| DescribeNetworkInterfacesOutput::builder().build())
        .build();
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&interfaces]);
    let (cx, _) = cx(Aws { ec2, ..aws(&[&delete, &gone()]) });
    LoadBalancer::delete(&found(State::Active, "false").await, &cx).await.unwrap();
    assert_eq!(interfaces.num_calls(), 6);
}

#[tokio::test]
async fn a_protected_one_is_kept_unless_protection_may_be_lifted() {
    let refused = || DeleteLoadBalancerError::generic(refusal("OperationNotPermitted"));
    let delete = mock!(elb::Client::delete_load_balancer).then_error(refused);
    let lift = mock!(elb::Client::modify_load_balancer_attributes)
        .match_requests(|r| r.attributes()[0].value() == Some("false"))
        .then_output(|| ModifyLoadBalancerAttributesOutput::builder().build());
    let found = found(State::Active, "true").await;
    let (kept, _) = cx(aws(&[&delete, &lift]));
    let error = LoadBalancer::delete(&found, &kept).await.unwrap_err();
    assert!(error.to_string().contains("--unprotect"), "{error}");
    assert_eq!(lift.num_calls(), 0);
    let (lifted, _) = cx(Aws { unprotect: true, ..aws(&[&delete, &lift]) });
    LoadBalancer::delete(&found, &lifted).await.unwrap_err();
    assert_eq!(lift.num_calls(), 1);
}

fn tagged(stack: &'static str) -> Rule {
    mock!(elb::Client::describe_tags).then_output(move || {
        let labels =
            Aws::offline(stack).labels(&Address::of::<LoadBalancer>("lb"), &Tags::default());
        let of = TagDescription::builder().resource_arn(ARN);
        let of = of.set_tags(Some(tags::for_elb(&labels))).build();
        DescribeTagsOutput::builder().tag_descriptions(of).build()
    })
}

#[tokio::test]
async fn a_name_that_others_have_is_told_and_our_own_is_not() {
    let there = mock!(elb::Client::describe_load_balancers)
        .match_requests(|r| r.names()[0].starts_with("shop-lb-"))
        .then_output(|| shown(State::Active));
    let (ours, wanted) = cx(aws(&[&there, &tagged("shop")]));
    assert_eq!(wanted.taken(&ours).await.unwrap(), []);
    let (theirs, wanted) = cx(aws(&[&there, &tagged("shop-lb")]));
    let name = wanted.own_name(&theirs.cloud);
    let told = wanted.taken(&theirs).await.unwrap();
    assert_eq!(told[0].to_string(), format!("load balancer {name} (of the stack shop-lb)"));
    let (free, wanted) = cx(aws(&[&gone()]));
    assert_eq!(wanted.taken(&free).await.unwrap(), []);
}
