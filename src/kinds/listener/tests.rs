//! The calls a listener makes, and what it reads back.

use super::*;
use crate::{
    aws::ec2::bench::refusal,
    engine::Address,
    kinds::{load_balancer::LoadBalancerLive, target_group::TargetGroupLive},
};
use aws_sdk_elasticloadbalancingv2::{
    self as elb,
    operation::{
        add_tags::AddTagsOutput,
        create_listener::{CreateListenerError, CreateListenerOutput},
        delete_listener::DeleteListenerError,
        describe_listeners::DescribeListenersOutput,
        modify_listener::ModifyListenerOutput,
    },
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use std::sync::Arc;

const BALANCER: &str = "arn:balancer";
const GROUP: &str = "arn:group";
const CERTIFICATE: &str = "arn:certificate";

fn cx(rules: &[&Rule]) -> (Cx<Aws>, Listener) {
    let elb = mock_client!(aws_sdk_elasticloadbalancingv2, RuleMode::MatchAny, rules);
    let aws = Arc::new(Aws { elb, ..Aws::offline("shop") });
    let cx = Cx::alone(aws, Address::of::<Listener>("http"));
    let live = LoadBalancerLive { arn: BALANCER.into(), dns_name: "d".into(), zone_id: "Z".into() };
    let (cx, load_balancer) = cx.with::<LoadBalancer>("main", live);
    let (cx, group) = cx.with::<TargetGroup>("app", TargetGroupLive { arn: GROUP.into() });
    let wanted = Listener {
        load_balancer,
        port: 80,
        certificate: None,
        action: Action::Forward(group),
        https: None,
        tags: Tags::default(),
    };
    (cx, wanted)
}

fn described(port: i32, does: Does) -> Described {
    let arn = format!("arn:listener/{port}");
    let one = Described::builder().listener_arn(arn).load_balancer_arn(BALANCER).port(port);
    one.default_actions(does).build()
}

fn forward() -> Does {
    Does::builder().r#type(ActionTypeEnum::Forward).target_group_arn(GROUP).build()
}

fn made(port: i32) -> CreateListenerOutput {
    CreateListenerOutput::builder().listeners(described(port, forward())).build()
}

fn read(one: &Described) -> Found<Listener> {
    Listener::read(one, &HashMap::new()).unwrap()
}

#[test]
fn its_name_follows_from_its_port() {
    let name = |port| read(&described(port, forward())).name;
    assert_eq!([&*name(80), &*name(443), &*name(8080)], ["http", "https", "port-8080"]);
}

#[test]
fn what_was_written_is_read_back() {
    let (cx, wanted) = cx(&[]);
    let redirect = Listener { action: Action::RedirectToHttps, ..wanted.clone() };
    let seen = |l: &Listener| read(&described(80, l.action.does(&cx).unwrap())).spec;
    assert_eq!(seen(&wanted).action, Action::Forward(Ref::found(GROUP)));
    assert_eq!(seen(&redirect).action, Action::RedirectToHttps);
    assert_eq!(seen(&wanted).load_balancer, Ref::found(BALANCER));
}

#[test]
fn an_action_that_was_changed_by_hand_is_told_apart() {
    let elsewhere = RedirectActionConfig::builder().host("example.net").build();
    let does = Does::builder().r#type(ActionTypeEnum::Redirect).redirect_config(elsewhere).build();
    assert_eq!(Action::seen(&[does]), Action::Other("redirect".into()));
    let fixed = Does::builder().r#type(ActionTypeEnum::FixedResponse).build();
    assert_eq!(Action::seen(&[fixed]), Action::Other("fixed-response".into()));
    assert_eq!(Action::seen(&[]), Action::Other("0 actions".into()));
}

#[tokio::test(start_paused = true)]
async fn a_fresh_certificate_is_waited_for_and_an_unknown_policy_replaced() {
    let create = mock!(elb::Client::create_listener)
        .match_requests(|r| {
            r.protocol() == Some(&ProtocolEnum::Https)
                && r.certificates()[0].certificate_arn() == Some(CERTIFICATE)
                && r.ssl_policy() == Some(POLICIES[0])
        })
        .sequence()
        .error(|| CreateListenerError::generic(refusal("CertificateNotFound")))
        .times(2)
        .error(|| CreateListenerError::generic(refusal("SSLPolicyNotFound")))
        .build();
    let again = mock!(elb::Client::create_listener)
        .match_requests(|r| r.ssl_policy() == Some(POLICIES[1]))
        .then_output(|| made(443));
    let (cx, wanted) = cx(&[&create, &again]);
    let wanted = Listener { port: 443, certificate: Some(CERTIFICATE.into()), ..wanted };
    assert_eq!(wanted.create(&cx).await.unwrap(), "arn:listener/443");
    assert_eq!((create.num_calls(), again.num_calls()), (3, 1));
}

#[tokio::test]
async fn one_without_a_certificate_speaks_http_and_has_no_policy() {
    let create = mock!(elb::Client::create_listener)
        .match_requests(|r| {
            r.protocol() == Some(&ProtocolEnum::Http)
                && r.certificates().is_empty()
                && r.ssl_policy().is_none()
                && r.tags().iter().any(|t| t.key() == Some(tags::STACK))
        })
        .then_output(|| made(80));
    let (cx, wanted) = cx(&[&create]);
    assert_eq!(wanted.create(&cx).await.unwrap(), "arn:listener/80");
}

#[tokio::test]
async fn one_that_is_there_already_is_made_what_it_should_be() {
    let create = mock!(elb::Client::create_listener)
        .then_error(|| CreateListenerError::generic(refusal("DuplicateListener")));
    let list = mock!(elb::Client::describe_listeners).then_output(|| {
        let there = [described(443, forward()), described(80, forward())];
        DescribeListenersOutput::builder().set_listeners(Some(there.into())).build()
    });
    let modify = mock!(elb::Client::modify_listener)
        .match_requests(|r| r.listener_arn() == Some("arn:listener/80"))
        .then_output(|| ModifyListenerOutput::builder().build());
    let tag = mock!(elb::Client::add_tags).then_output(|| AddTagsOutput::builder().build());
    let (cx, wanted) = cx(&[&create, &list, &modify, &tag]);
    assert_eq!(wanted.create(&cx).await.unwrap(), "arn:listener/80");
    assert_eq!((modify.num_calls(), tag.num_calls()), (2, 1));
}

#[tokio::test]
async fn the_action_is_edited_alone() {
    let modify = mock!(elb::Client::modify_listener)
        .match_requests(|r| {
            let [does] = r.default_actions() else { return false };
            does.redirect_config() == Some(&to_https()) && r.protocol().is_none()
        })
        .then_output(|| ModifyListenerOutput::builder().build());
    let (cx, wanted) = cx(&[&modify]);
    let wanted = Listener { action: Action::RedirectToHttps, ..wanted };
    wanted.edit(Edit::Action, &read(&described(80, forward())), &cx).await.unwrap();
    assert_eq!(modify.num_calls(), 1);
}

#[tokio::test]
async fn deleting_what_is_gone_succeeds() {
    let gone = mock!(elb::Client::delete_listener)
        .then_error(|| DeleteListenerError::generic(refusal("ListenerNotFound")));
    let (cx, _) = cx(&[&gone]);
    Listener::delete(&read(&described(80, forward())), &cx).await.unwrap();
    assert_eq!(gone.num_calls(), 1);
}
