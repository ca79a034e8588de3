//! How an internet gateway is read, made, attached and removed.

use super::*;
use crate::aws::ec2::bench::{aws, cx, labels, refusal, team};
use aws_sdk_ec2::{
    Client,
    operation::{
        attach_internet_gateway::{AttachInternetGatewayError, AttachInternetGatewayOutput},
        create_internet_gateway::CreateInternetGatewayOutput,
        delete_internet_gateway::{DeleteInternetGatewayError, DeleteInternetGatewayOutput},
        describe_internet_gateways::DescribeInternetGatewaysOutput,
        describe_network_interfaces::DescribeNetworkInterfacesOutput,
        detach_internet_gateway::DetachInternetGatewayError,
    },
    types::{InternetGatewayAttachment, NetworkInterface, NetworkInterfaceAssociation},
};
use aws_smithy_mocks::{RuleMode, mock, mock_client};

fn described(to: Option<(&str, &str)>) -> Described {
    let attached = to.map(|(vpc, state)| {
        vec![InternetGatewayAttachment::builder().vpc_id(vpc).state(state.into()).build()]
    });
    Described::builder()
        .internet_gateway_id("igw-1")
        .set_attachments(attached)
        .set_tags(Some(labels::<InternetGateway>("main")))
        .build()
}

fn found(to: Option<(&str, &str)>) -> Found<InternetGateway> {
    InternetGateway::seen(&aws(Aws::offline("shop").ec2), &described(to)).unwrap()
}

fn wanted(ec2: Client) -> (Cx<Aws>, InternetGateway) {
    let (cx, vpc) = cx::<InternetGateway>(ec2, "main").with::<Vpc>("main", "vpc-1".into());
    (cx, InternetGateway { vpc, tags: team() })
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let list = mock!(Client::describe_internet_gateways)
        .match_requests(|r| r.filters()[0].name() == Some("tag:stackctl:stack"))
        .then_output(|| {
            let one = described(Some(("vpc-1", "available")));
            DescribeInternetGatewaysOutput::builder().internet_gateways(one).build()
        });
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&list]);
    let found = InternetGateway::discover(&aws(ec2)).await.unwrap().remove(0);
    assert_eq!((&*found.name, &*found.live, found.phase), ("main", "igw-1", Phase::Ready));
    assert_eq!(found.spec.vpc, Ref::found("vpc-1"));
    assert_eq!(found.spec.tags, team());
}

#[test]
fn one_that_is_attached_to_nothing_is_no_part_of_any_vpc() {
    assert_eq!(found(None).spec.vpc, Ref::found(UNATTACHED));
    assert_eq!(found(Some(("vpc-1", "detaching"))).spec.vpc, Ref::found(UNATTACHED));
    assert_eq!(found(Some(("vpc-1", "attaching"))).phase, Phase::Coming);
}

#[tokio::test]
async fn it_is_made_with_its_tags_and_then_attached() {
    let create = mock!(Client::create_internet_gateway)
        .match_requests(|r| r.tag_specifications()[0].tags() == labels::<InternetGateway>("main"))
        .then_output(|| {
            CreateInternetGatewayOutput::builder().internet_gateway(described(None)).build()
        });
    let attach = mock!(Client::attach_internet_gateway)
        .match_requests(|r| r.internet_gateway_id() == Some("igw-1") && r.vpc_id() == Some("vpc-1"))
        .then_output(|| AttachInternetGatewayOutput::builder().build());
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&create, &attach]);
    let (cx, wanted) = wanted(ec2);
    assert_eq!(wanted.create(&cx).await.unwrap(), "igw-1");
    assert_eq!(attach.num_calls(), 1);
}

#[tokio::test]
async fn being_attached_already_is_fine_where_it_is_to_the_wanted_vpc() {
    for (vpc, fine) in [("vpc-1", true), ("vpc-2", false)] {
        let attach = mock!(Client::attach_internet_gateway).then_error(|| {
            AttachInternetGatewayError::generic(refusal("Resource.AlreadyAssociated"))
        });
        let look = mock!(Client::describe_internet_gateways).then_output(move || {
            let one = described(Some((vpc, "available")));
            DescribeInternetGatewaysOutput::builder().internet_gateways(one).build()
        });
        let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&attach, &look]);
        let (cx, wanted) = wanted(ec2);
        assert_eq!(wanted.edit(Edit::Attach, &found(None), &cx).await.is_ok(), fine, "{vpc}");
    }
}

#[tokio::test(start_paused = true)]
async fn detaching_waits_for_public_addresses_and_names_who_bears_them() {
    let detach = mock!(Client::detach_internet_gateway)
        .then_error(|| DetachInternetGatewayError::generic(refusal("DependencyViolation")));
    let look = mock!(Client::describe_network_interfaces).then_output(|| {
        let one = |id| NetworkInterface::builder().network_interface_id(id);
        let public = NetworkInterfaceAssociation::builder().public_ip("198.51.100.1").build();
        DescribeNetworkInterfacesOutput::builder()
            .network_interfaces(one("eni-1").description("ELB app/x").association(public).build())
            .network_interfaces(one("eni-2").build())
            .build()
    });
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&detach, &look]);
    let found = found(Some(("vpc-1", "available")));
    let error = InternetGateway::delete(&found, &wanted(ec2).0).await.unwrap_err().to_string();
    assert!(error.contains("eni-1") && !error.contains("eni-2"), "{error}");
    assert!(error.contains("after 1200s"), "{error}");
}

#[tokio::test]
async fn one_that_is_attached_to_nothing_is_deleted_without_detaching() {
    let delete = mock!(Client::delete_internet_gateway)
        .then_output(|| DeleteInternetGatewayOutput::builder().build());
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&delete]);
    InternetGateway::delete(&found(None), &wanted(ec2).0).await.unwrap();
    assert_eq!(delete.num_calls(), 1);
}

#[tokio::test]
async fn deleting_what_is_gone_succeeds() {
    let detach = mock!(Client::detach_internet_gateway)
        .then_error(|| DetachInternetGatewayError::generic(refusal("Gateway.NotAttached")));
    let delete = mock!(Client::delete_internet_gateway).then_error(|| {
        DeleteInternetGatewayError::generic(refusal("InvalidInternetGatewayID.NotFound"))
    });
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&detach, &delete]);
    let found = found(Some(("vpc-1", "available")));
    InternetGateway::delete(&found, &wanted(ec2).0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn being_attached_already_may_show_a_little_later() {
    let attach = mock!(Client::attach_internet_gateway)
        .then_error(|| AttachInternetGatewayError::generic(refusal("Resource.AlreadyAssociated")));
    let shown = |one: Described| {
        move || DescribeInternetGatewaysOutput::builder().internet_gateways(one.clone()).build()
    };
    let look = mock!(Client::describe_internet_gateways)
        .sequence()
        .output(shown(described(None)))
        .output(shown(described(Some(("vpc-1", "available")))))
        .build();
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&attach, &look]);
    let (cx, wanted) = wanted(ec2);
    wanted.edit(Edit::Attach, &found(None), &cx).await.unwrap();
}
