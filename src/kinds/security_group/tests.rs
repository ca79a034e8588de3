//! How a security group is read, made, closed and removed.

use super::*;
use crate::aws::ec2::bench::{aws, cx, labels, refusal, team};
use aws_sdk_ec2::{
    Client,
    operation::{
        authorize_security_group_egress::AuthorizeSecurityGroupEgressOutput,
        create_security_group::{CreateSecurityGroupError, CreateSecurityGroupOutput},
        delete_security_group::{DeleteSecurityGroupError, DeleteSecurityGroupOutput},
        describe_network_interfaces::DescribeNetworkInterfacesOutput,
        describe_security_group_rules::DescribeSecurityGroupRulesOutput,
        describe_security_groups::DescribeSecurityGroupsOutput,
        revoke_security_group_egress::{
            RevokeSecurityGroupEgressError, RevokeSecurityGroupEgressOutput,
        },
        revoke_security_group_ingress::RevokeSecurityGroupIngressOutput,
    },
    types::{NetworkInterface, ReferencedSecurityGroup, Tag},
};
use aws_smithy_mocks::{Rule as Mock, RuleMode, mock, mock_client};

fn everything() -> IpPermission {
    let everywhere = IpRange::builder().cidr_ip(EVERYWHERE).build();
    IpPermission::builder().ip_protocol("-1").ip_ranges(everywhere).build()
}

fn described(open: bool) -> Described {
    Described::builder()
        .group_id("sg-1")
        .group_name("shop-app")
        .vpc_id("vpc-1")
        .description("the app")
        .set_ip_permissions_egress(open.then(|| vec![everything()]))
        .set_tags(Some(labels::<SecurityGroup>("app")))
        .build()
}

fn rule(id: &str) -> aws_sdk_ec2::types::builders::SecurityGroupRuleBuilder {
    Rule::builder().security_group_rule_id(id).group_id("sg-1").is_egress(false).ip_protocol("tcp")
}

fn found() -> Found<SecurityGroup> {
    let aws = aws(Aws::offline("shop").ec2);
    let owned = aws.owned(tags::of_ec2(described(true).tags())).unwrap();
    SecurityGroup::seen(&described(true), &owned)
}

fn wanted(rules: &[&Mock]) -> (Cx<Aws>, SecurityGroup) {
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, rules);
    let (cx, vpc) = cx::<SecurityGroup>(ec2, "app").with::<Vpc>("main", "vpc-1".into());
    let description = "the app".into();
    (cx, SecurityGroup { vpc, description, open_egress: false, tags: team() })
}

fn listing(groups: fn() -> Vec<Described>) -> Mock {
    mock!(Client::describe_security_groups).then_output(move || {
        DescribeSecurityGroupsOutput::builder().set_security_groups(Some(groups())).build()
    })
}

fn rules(rules: fn() -> Vec<Rule>) -> Mock {
    mock!(Client::describe_security_group_rules).then_output(move || {
        let answer = DescribeSecurityGroupRulesOutput::builder();
        answer.set_security_group_rules(Some(rules())).build()
    })
}

fn creating() -> Mock {
    mock!(Client::create_security_group)
        .match_requests(|r| {
            r.group_name() == Some("shop-app")
                && r.vpc_id() == Some("vpc-1")
                && r.description() == Some("the app")
                && r.tag_specifications()[0].tags() == labels::<SecurityGroup>("app")
        })
        .then_output(|| CreateSecurityGroupOutput::builder().group_id("sg-1").build())
}

fn closing() -> Mock {
    mock!(Client::revoke_security_group_egress)
        .match_requests(|r| r.group_id() == Some("sg-1") && *r.ip_permissions() == [everything()])
        .then_output(|| RevokeSecurityGroupEgressOutput::builder().build())
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let (list, none) = (listing(|| vec![described(false)]), rules(Vec::new));
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&list, &none]);
    let found = SecurityGroup::discover(&aws(ec2)).await.unwrap().remove(0);
    assert_eq!((&*found.name, &*found.live), ("app", "sg-1"));
    assert_eq!(found.spec.vpc, Ref::found("vpc-1"));
    assert_eq!((&*found.spec.description, found.spec.open_egress), ("the app", false));
    assert_eq!(found.spec.tags, team());
    assert!(found.notes.is_empty());
}

#[test]
fn one_that_a_broken_off_run_left_open_reads_as_open() {
    assert!(found().spec.open_egress);
}

#[tokio::test]
async fn rules_that_others_added_are_noted_and_ours_and_the_rule_of_aws_are_not() {
    let list = listing(|| vec![described(true)]);
    let all = rules(|| {
        let of_aws = rule("sgr-1").is_egress(true).ip_protocol("-1").cidr_ipv4(EVERYWHERE);
        let ours = rule("sgr-2").set_tags(Some(labels::<SecurityGroup>("app-in")));
        let ssh = rule("sgr-3").from_port(22).to_port(22).cidr_ipv4("203.0.113.0/24");
        let stack = Tag::builder().key("stackctl:stack").value("other").build();
        let of_group = ReferencedSecurityGroup::builder().group_id("sg-9").build();
        let theirs = rule("sgr-4").is_egress(true).ip_protocol("udp").from_port(1).to_port(9);
        let theirs = theirs.referenced_group_info(of_group).tags(stack);
        vec![of_aws.build(), ours.build(), ssh.build(), theirs.build()]
    });
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&list, &all]);
    let found = SecurityGroup::discover(&aws(ec2)).await.unwrap().remove(0);
    assert_eq!(
        found.notes,
        [
            "rule sgr-3 (ingress tcp 22 from 203.0.113.0/24) was added by someone else; it is left alone",
            "rule sgr-4 (egress udp 1-9 to sg-9) was added by someone else; it is left alone",
        ]
    );
}

#[tokio::test]
async fn it_is_made_with_its_tags_and_then_closed() {
    let (create, close) = (creating(), closing());
    let (cx, wanted) = wanted(&[&create, &close]);
    assert_eq!(wanted.create(&cx).await.unwrap(), "sg-1");
    assert_eq!(close.num_calls(), 1);
}

#[tokio::test]
async fn one_that_may_speak_to_everybody_keeps_the_rule_of_aws() {
    let create = creating();
    let (cx, wanted) = wanted(&[&create]);
    let wanted = SecurityGroup { open_egress: true, ..wanted };
    assert_eq!(wanted.create(&cx).await.unwrap(), "sg-1");
}

#[tokio::test]
async fn its_name_in_use_by_itself_is_an_answer_that_was_lost() {
    let taken = mock!(Client::create_security_group)
        .then_error(|| CreateSecurityGroupError::generic(refusal("InvalidGroup.Duplicate")));
    let (list, close) = (listing(|| vec![described(true)]), closing());
    let (cx, wanted) = wanted(&[&taken, &list, &close]);
    assert_eq!(wanted.create(&cx).await.unwrap(), "sg-1");
    assert_eq!(close.num_calls(), 1);
}

#[tokio::test]
async fn its_name_in_use_by_another_is_an_error_that_says_whose() {
    let taken = mock!(Client::create_security_group)
        .then_error(|| CreateSecurityGroupError::generic(refusal("InvalidGroup.Duplicate")));
    let list = listing(|| {
        let theirs = Described::builder().group_id("sg-9").group_name("shop-app");
        vec![theirs.owner_id("111122223333").build()]
    });
    let (cx, wanted) = wanted(&[&taken, &list]);
    let error = wanted.create(&cx).await.unwrap_err().to_string();
    assert!(error.starts_with("security group sg-9 (shop-app, made outside any stack"), "{error}");
}

#[tokio::test]
async fn egress_is_opened_and_closed_in_place_and_repeating_it_is_fine() {
    let open = mock!(Client::authorize_security_group_egress)
        .match_requests(|r| *r.ip_permissions() == [everything()])
        .then_output(|| AuthorizeSecurityGroupEgressOutput::builder().build());
    let close = mock!(Client::revoke_security_group_egress).then_error(|| {
        RevokeSecurityGroupEgressError::generic(refusal("InvalidPermission.NotFound"))
    });
    let (cx, wanted) = wanted(&[&open, &close]);
    wanted.edit(Edit::OpenEgress, &found(), &cx).await.unwrap();
    let wanted = SecurityGroup { open_egress: true, ..wanted };
    wanted.edit(Edit::OpenEgress, &found(), &cx).await.unwrap();
    assert_eq!((open.num_calls(), close.num_calls()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_group_of_others_that_refers_to_it_is_named_with_its_owner() {
    let busy = mock!(Client::delete_security_group)
        .then_error(|| DeleteSecurityGroupError::generic(refusal("DependencyViolation")));
    let list = listing(|| {
        let stack = Tag::builder().key("stackctl:stack").value("other").build();
        let theirs = Described::builder().group_id("sg-9").group_name("other-app").tags(stack);
        vec![theirs.build(), described(false)]
    });
    let interfaces = mock!(Client::describe_network_interfaces)
        .match_requests(|r| r.filters()[0].name() == Some("group-id"))
        .then_output(|| {
            let one = NetworkInterface::builder().network_interface_id("eni-1").build();
            DescribeNetworkInterfacesOutput::builder().network_interfaces(one).build()
        });
    let none = rules(Vec::new);
    let (cx, _) = wanted(&[&busy, &list, &interfaces, &none]);
    let error = SecurityGroup::delete(&found(), &cx).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "still in use by a rule of security group sg-9 (other-app, of stack other), \
         network interface eni-1 (\"\") after 900s"
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_is_in_use_lets_go_of_other_groups_and_of_nothing_else() {
    let delete = mock!(Client::delete_security_group)
        .sequence()
        .error(|| DeleteSecurityGroupError::generic(refusal("DependencyViolation")))
        .output(|| DeleteSecurityGroupOutput::builder().build())
        .build();
    let all = rules(|| {
        let group = ReferencedSecurityGroup::builder().group_id("sg-2").build();
        let ssh = rule("sgr-2").cidr_ipv4("203.0.113.0/24");
        vec![rule("sgr-1").referenced_group_info(group).build(), ssh.build()]
    });
    let revoke = mock!(Client::revoke_security_group_ingress)
        .match_requests(|r| r.security_group_rule_ids() == ["sgr-1"])
        .then_output(|| RevokeSecurityGroupIngressOutput::builder().build());
    let (cx, _) = wanted(&[&delete, &all, &revoke]);
    SecurityGroup::delete(&found(), &cx).await.unwrap();
    assert_eq!((delete.num_calls(), revoke.num_calls()), (2, 1));
}

#[tokio::test]
async fn deleting_what_is_gone_succeeds() {
    let gone = mock!(Client::delete_security_group)
        .then_error(|| DeleteSecurityGroupError::generic(refusal("InvalidGroup.NotFound")));
    SecurityGroup::delete(&found(), &wanted(&[&gone]).0).await.unwrap();
}

#[tokio::test]
async fn a_name_that_others_have_in_its_network_is_told() {
    let (ours, group) = wanted(&[&listing(|| vec![described(true)])]);
    assert_eq!(group.taken(&ours).await.unwrap(), []);
    let strange = || vec![Described::builder().group_id("sg-9").group_name("shop-app").build()];
    let listing = listing(strange);
    let (theirs, group) = wanted(&[&listing]);
    let told = group.taken(&theirs).await.unwrap();
    assert_eq!(told[0].to_string(), "security group shop-app (without a tag of stackctl's)");
    let no_network = Cx::alone(theirs.cloud.clone(), theirs.address().clone());
    assert_eq!(group.taken(&no_network).await.unwrap(), []);
    assert_eq!(listing.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_group_made_unheard_may_be_listed_a_little_later() {
    let taken = mock!(Client::create_security_group)
        .then_error(|| CreateSecurityGroupError::generic(refusal("InvalidGroup.Duplicate")));
    let shown = |groups: Vec<Described>| {
        move || {
            let answer = DescribeSecurityGroupsOutput::builder();
            answer.set_security_groups(Some(groups.clone())).build()
        }
    };
    let list = mock!(Client::describe_security_groups)
        .sequence()
        .output(shown(Vec::new()))
        .output(shown(vec![described(true)]))
        .build();
    let (cx, wanted) = wanted(&[&taken, &list, &closing()]);
    assert_eq!(wanted.create(&cx).await.unwrap(), "sg-1");
}
