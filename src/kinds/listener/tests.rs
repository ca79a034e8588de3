//! The calls a listener makes, and what it reads back.

use super::*;
use crate::{
    aws::{ec2::bench::refusal, survey::Balancing},
    engine::Address,
    kinds::{load_balancer::LoadBalancerLive, target_group::TargetGroupLive},
};
use aws_sdk_elasticloadbalancingv2::types::Listener as Described;
use aws_sdk_elasticloadbalancingv2::{
    self as elb,
    operation::{
        add_tags::AddTagsOutput,
        create_listener::{CreateListenerError, CreateListenerOutput},
        delete_listener::DeleteListenerError,
        describe_listeners::DescribeListenersOutput,
        describe_rules::DescribeRulesOutput,
        describe_tags::DescribeTagsOutput,
        modify_listener::ModifyListenerOutput,
    },
    types::{LoadBalancer as LoadBalancerDescribed, TagDescription},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use std::{collections::BTreeMap, sync::Arc};

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
        tls: None,
        hsts: Hsts::default(),
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

fn owned() -> Owned {
    Owned { name: "http".into(), tags: Tags::default(), all: BTreeMap::new() }
}

fn here(listener: Described, added: &[&str]) -> Listening {
    let added = added.iter().map(|&text| text.to_owned()).collect();
    Listening { listener, owned: None, added, hsts: None }
}

fn read(one: &Described) -> Found<Listener> {
    Listener::read(&here(one.clone(), &[]), &owned()).unwrap()
}

/// The tags of the listener at port 80.
fn tagged(stack: &'static str) -> Rule {
    mock!(elb::Client::describe_tags).then_output(move || {
        let labels = vec![
            (tags::STACK.to_owned(), stack.to_owned()),
            (tags::NAME.to_owned(), "http".to_owned()),
        ];
        let of = TagDescription::builder().resource_arn("arn:listener/80");
        let of = of.set_tags(Some(tags::for_elb(&labels))).build();
        DescribeTagsOutput::builder().tag_descriptions(of).build()
    })
}

fn there() -> Rule {
    mock!(elb::Client::describe_listeners).then_output(|| {
        let there = [described(443, forward()), described(80, forward())];
        DescribeListenersOutput::builder().set_listeners(Some(there.into())).build()
    })
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
    let (certificate, tls) = (Some(CERTIFICATE.into()), Some(Tls::Recommended));
    let wanted = Listener { port: 443, certificate, tls, ..wanted };
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
    let (list, tagged) = (there(), tagged("shop"));
    let modify = mock!(elb::Client::modify_listener)
        .match_requests(|r| r.listener_arn() == Some("arn:listener/80"))
        .then_output(|| ModifyListenerOutput::builder().build());
    let tag = mock!(elb::Client::add_tags).then_output(|| AddTagsOutput::builder().build());
    let (cx, wanted) = cx(&[&create, &list, &tagged, &modify, &tag]);
    assert_eq!(wanted.create(&cx).await.unwrap(), "arn:listener/80");
    assert_eq!((modify.num_calls(), tag.num_calls()), (2, 1));
}

#[tokio::test]
async fn one_of_others_at_its_port_is_left_alone() {
    let create = mock!(elb::Client::create_listener)
        .then_error(|| CreateListenerError::generic(refusal("DuplicateListener")));
    let (list, theirs) = (there(), tagged("other"));
    let (cx, wanted) = cx(&[&create, &list, &theirs]);
    let error = wanted.create(&cx).await.unwrap_err().to_string();
    assert!(error.contains("a listener at port 80 exists already"), "{error}");
}

#[tokio::test]
async fn a_port_that_others_have_is_told_before_anything_is_made() {
    let (list, theirs) = (there(), tagged("other"));
    let none =
        mock!(elb::Client::describe_rules).then_output(|| DescribeRulesOutput::builder().build());
    let (cx, wanted) = cx(&[&list, &theirs, &none]);
    let balancer = LoadBalancerDescribed::builder().load_balancer_arn(BALANCER).build();
    let load_balancers = vec![(balancer, Owned { name: "lb".into(), ..owned() })];
    cx.cloud.survey.set_balancing(Balancing { load_balancers, target_groups: Vec::new() });
    let taken = wanted.taken(&cx).await.unwrap();
    assert_eq!(taken[0].to_string(), "port 80 of the load balancer (of the stack other)");
    assert!(Listener::discover(&cx.cloud).await.unwrap().is_empty(), "theirs are not ours");
}

#[test]
fn what_others_added_is_told() {
    let here = here(described(443, forward()), &["rule 7", "certificate arn:theirs"]);
    let found = Listener::read(&here, &owned()).unwrap();
    assert!(found.notes[0].contains("rule 7, certificate arn:theirs"), "{:?}", found.notes);
}

#[test]
fn another_tls_policy_is_told_apart_from_those_that_are_wanted() {
    let policy = |name: &str| {
        let mut one = described(443, forward());
        one.ssl_policy = Some(name.into());
        read(&one).spec.tls
    };
    let met = |policy: &Tls| Tls::Recommended.met_by(policy, &Ids::default());
    for known in POLICIES {
        let seen = policy(known).unwrap();
        assert!(met(&seen), "{known}");
        assert_eq!(seen, Tls::Named(known.into()));
    }
    let old = "ELBSecurityPolicy-2016-08";
    assert_eq!(policy(old), Some(Tls::Named(old.into())));
    assert!(!met(&Tls::Named(old.into())));
    assert_eq!(read(&described(80, forward())).spec.tls, None);
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
