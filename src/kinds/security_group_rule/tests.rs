//! How a rule of a security group is read, made, adopted and revoked.

use super::*;
use crate::aws::ec2::bench::{aws, cx, labels, refusal, team};
use aws_sdk_ec2::{
    Client,
    operation::{
        authorize_security_group_egress::AuthorizeSecurityGroupEgressOutput,
        authorize_security_group_ingress::{
            AuthorizeSecurityGroupIngressError, AuthorizeSecurityGroupIngressOutput,
        },
        create_tags::CreateTagsOutput,
        describe_security_group_rules::DescribeSecurityGroupRulesOutput,
        describe_security_groups::DescribeSecurityGroupsOutput,
        revoke_security_group_egress::RevokeSecurityGroupEgressOutput,
        revoke_security_group_ingress::{
            RevokeSecurityGroupIngressError, RevokeSecurityGroupIngressOutput,
        },
    },
    types::{ReferencedSecurityGroup, SecurityGroup as Group, Tag},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

/// Ingress to port 3000 of `sg-1` from `sg-2`.
fn described(id: &str, tags: Vec<Tag>) -> Described {
    Described::builder()
        .security_group_rule_id(id)
        .group_id("sg-1")
        .is_egress(false)
        .ip_protocol(TCP)
        .from_port(3000)
        .to_port(3000)
        .referenced_group_info(ReferencedSecurityGroup::builder().group_id("sg-2").build())
        .set_tags(Some(tags))
        .build()
}

fn ours() -> Vec<Tag> {
    labels::<SecurityGroupRule>("app-in")
}

fn found(direction: Direction) -> Found<SecurityGroupRule> {
    let aws = aws(Aws::offline("shop").ec2);
    let mut found = SecurityGroupRule::seen(&aws, &described("sgr-1", ours())).unwrap();
    found.live.direction = direction;
    found
}

fn wanted(rules: &[&Rule]) -> (Cx<Aws>, SecurityGroupRule) {
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, rules);
    let cx = cx::<SecurityGroupRule>(ec2, "app-in");
    let (cx, group) = cx.with::<SecurityGroup>("app", "sg-1".into());
    let (cx, peer) = cx.with::<SecurityGroup>("lb", "sg-2".into());
    let (direction, peer) = (Direction::Ingress, Peer::Group(peer));
    (cx, SecurityGroupRule { group, direction, port: 3000, peer, tags: team() })
}

fn listing(rules: fn() -> Vec<Described>) -> Rule {
    mock!(Client::describe_security_group_rules).then_output(move || {
        let answer = DescribeSecurityGroupRulesOutput::builder();
        answer.set_security_group_rules(Some(rules())).build()
    })
}

fn duplicate() -> Rule {
    mock!(Client::authorize_security_group_ingress).then_error(|| {
        AuthorizeSecurityGroupIngressError::generic(refusal("InvalidPermission.Duplicate"))
    })
}

fn tagging() -> Rule {
    mock!(Client::create_tags)
        .match_requests(|r| r.resources() == ["sgr-7"] && r.tags() == ours())
        .then_output(|| CreateTagsOutput::builder().build())
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let groups = mock!(Client::describe_security_groups).then_output(|| {
        let group = Group::builder().group_id("sg-1");
        let group = group.set_tags(Some(labels::<SecurityGroup>("app"))).build();
        DescribeSecurityGroupsOutput::builder().security_groups(group).build()
    });
    let rules = listing(|| vec![described("sgr-1", ours()), described("sgr-2", vec![])]);
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&groups, &rules]);
    let aws = aws(ec2);
    let found = SecurityGroupRule::discover(&aws).await.unwrap();
    SecurityGroup::discover(&aws).await.unwrap();
    let [found] = &found[..] else { panic!("only one is ours") };
    let (id, group, direction) = ("sgr-1".into(), "sg-1".into(), Direction::Ingress);
    assert_eq!(found.live, RuleLive { id, group, direction });
    assert_eq!(&*found.name, "app-in");
    assert_eq!(found.spec.group, Ref::found("sg-1"));
    assert_eq!((found.spec.direction, found.spec.port), (Direction::Ingress, 3000));
    assert_eq!(found.spec.peer, Peer::Group(Ref::found("sg-2")));
    assert_eq!(found.spec.tags, team());
    assert_eq!((groups.num_calls(), rules.num_calls()), (1, 1), "both kinds share one reading");
}

#[test]
fn what_somebody_made_of_a_rule_of_ours_equals_nothing_that_can_be_wanted() {
    let rule = || Described::builder().ip_protocol(TCP).from_port(80).to_port(80);
    assert_eq!(port(&rule().build()), 80);
    assert_eq!(port(&rule().to_port(90).build()), 0);
    assert_eq!(port(&rule().ip_protocol("udp").build()), 0);
    assert_eq!(port(&rule().from_port(-1).to_port(-1).build()), 0);
    let v6 = Peer::seen(&rule().cidr_ipv6("::/0").build());
    assert_eq!(v6, Peer::Group(Ref::found("::/0")));
}

#[tokio::test(start_paused = true)]
async fn it_is_made_alone_and_with_its_tags_once_the_groups_are_known() {
    let authorize = mock!(Client::authorize_security_group_ingress)
        .match_requests(|r| {
            let [permission] = r.ip_permissions() else { return false };
            r.group_id() == Some("sg-1")
                && (permission.from_port(), permission.to_port()) == (Some(3000), Some(3000))
                && permission.ip_protocol() == Some("tcp")
                && permission.user_id_group_pairs()[0].group_id() == Some("sg-2")
                && r.tag_specifications()[0].tags() == ours()
        })
        .sequence()
        .error(|| AuthorizeSecurityGroupIngressError::generic(refusal("InvalidGroup.NotFound")))
        .output(|| {
            let answer = AuthorizeSecurityGroupIngressOutput::builder();
            answer.security_group_rules(described("sgr-7", ours())).build()
        })
        .build();
    let (cx, wanted) = wanted(&[&authorize]);
    assert_eq!(wanted.create(&cx).await.unwrap().id, "sgr-7");
    assert_eq!(authorize.num_calls(), 2);
}

#[tokio::test]
async fn the_way_out_has_a_call_of_its_own() {
    let authorize = mock!(Client::authorize_security_group_egress)
        .match_requests(|r| r.ip_permissions()[0].ip_ranges()[0].cidr_ip() == Some("10.0.0.0/16"))
        .then_output(|| {
            let answer = AuthorizeSecurityGroupEgressOutput::builder();
            answer.security_group_rules(described("sgr-7", ours())).build()
        });
    let (cx, wanted) = wanted(&[&authorize]);
    let peer = Peer::Cidr("10.0.0.0/16".parse().unwrap());
    let wanted = SecurityGroupRule { direction: Direction::Egress, peer, ..wanted };
    assert_eq!(wanted.create(&cx).await.unwrap().direction, Direction::Egress);
}

#[tokio::test]
async fn one_that_exists_without_tags_becomes_ours() {
    let (duplicate, tag) = (duplicate(), tagging());
    let list = listing(|| {
        let mut out = described("sgr-6", vec![]);
        out.is_egress = Some(true);
        vec![out, described("sgr-7", vec![])]
    });
    let (cx, wanted) = wanted(&[&duplicate, &list, &tag]);
    assert_eq!(wanted.create(&cx).await.unwrap().id, "sgr-7");
    assert_eq!(tag.num_calls(), 1);
}

#[tokio::test]
async fn one_that_belongs_to_another_stack_is_left_to_it() {
    let other = || vec![Tag::builder().key("stackctl:stack").value("other").build()];
    let duplicate = duplicate();
    let list = mock!(Client::describe_security_group_rules).then_output(move || {
        let answer = DescribeSecurityGroupRulesOutput::builder();
        answer.security_group_rules(described("sgr-7", other())).build()
    });
    let (cx, wanted) = wanted(&[&duplicate, &list]);
    let error = wanted.create(&cx).await.unwrap_err().to_string();
    assert!(error.contains("sgr-7") && error.contains("is of stack other"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn one_that_was_revoked_between_two_looks_is_made_after_all() {
    let authorize = mock!(Client::authorize_security_group_ingress)
        .sequence()
        .error(|| {
            AuthorizeSecurityGroupIngressError::generic(refusal("InvalidPermission.Duplicate"))
        })
        .output(|| {
            let answer = AuthorizeSecurityGroupIngressOutput::builder();
            answer.security_group_rules(described("sgr-7", ours())).build()
        })
        .build();
    let none = listing(Vec::new);
    let (cx, wanted) = wanted(&[&authorize, &none]);
    assert_eq!(wanted.create(&cx).await.unwrap().id, "sgr-7");
}

#[tokio::test]
async fn each_direction_is_revoked_by_its_own_call() {
    let ingress = mock!(Client::revoke_security_group_ingress)
        .match_requests(|r| r.security_group_rule_ids() == ["sgr-1"])
        .then_output(|| RevokeSecurityGroupIngressOutput::builder().build());
    let egress = mock!(Client::revoke_security_group_egress)
        .match_requests(|r| r.security_group_rule_ids() == ["sgr-1"])
        .then_output(|| RevokeSecurityGroupEgressOutput::builder().build());
    let (cx, _) = wanted(&[&ingress, &egress]);
    SecurityGroupRule::delete(&found(Direction::Ingress), &cx).await.unwrap();
    assert_eq!((ingress.num_calls(), egress.num_calls()), (1, 0));
    SecurityGroupRule::delete(&found(Direction::Egress), &cx).await.unwrap();
    assert_eq!((ingress.num_calls(), egress.num_calls()), (1, 1));
}

#[tokio::test]
async fn one_under_another_name_of_ours_is_replaced_so_that_its_own_removal_finds_nothing() {
    let authorize = mock!(Client::authorize_security_group_ingress)
        .sequence()
        .error(|| {
            AuthorizeSecurityGroupIngressError::generic(refusal("InvalidPermission.Duplicate"))
        })
        .output(|| {
            let answer = AuthorizeSecurityGroupIngressOutput::builder();
            answer.security_group_rules(described("sgr-7", ours())).build()
        })
        .build();
    let list = listing(|| vec![described("sgr-1", labels::<SecurityGroupRule>("app-in-2"))]);
    let revoke = mock!(Client::revoke_security_group_ingress)
        .match_requests(|r| r.security_group_rule_ids() == ["sgr-1"])
        .then_output(|| RevokeSecurityGroupIngressOutput::builder().build());
    let (cx, wanted) = wanted(&[&authorize, &list, &revoke]);
    assert_eq!(wanted.create(&cx).await.unwrap().id, "sgr-7");
    assert_eq!(revoke.num_calls(), 1);
}

#[tokio::test]
async fn one_that_an_unheard_attempt_made_is_the_one() {
    let (duplicate, list) = (duplicate(), listing(|| vec![described("sgr-7", ours())]));
    let (cx, wanted) = wanted(&[&duplicate, &list]);
    assert_eq!(wanted.create(&cx).await.unwrap().id, "sgr-7");
}

#[tokio::test]
async fn deleting_what_is_gone_succeeds() {
    let gone = mock!(Client::revoke_security_group_ingress).then_error(|| {
        RevokeSecurityGroupIngressError::generic(refusal("InvalidSecurityGroupRuleId.NotFound"))
    });
    SecurityGroupRule::delete(&found(Direction::Ingress), &wanted(&[&gone]).0).await.unwrap();
}
