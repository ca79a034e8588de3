//! Who is told of, and who leaves by itself or with the plan.

use super::*;
use crate::{
    aws::{
        compute::RoleReading,
        ec2::bench::{aws, cx, labels},
    },
    engine::{Graph, Inventory, Plan},
    erased_kinds,
    kinds::Subnet,
};
use aws_sdk_ec2::{
    Client,
    operation::{
        describe_instances::DescribeInstancesOutput,
        describe_nat_gateways::DescribeNatGatewaysOutput,
        describe_network_interfaces::DescribeNetworkInterfacesOutput,
        describe_subnets::DescribeSubnetsOutput,
    },
    types::{
        Instance as Described, InstanceState, NatGateway, NatGatewayAddress,
        NetworkInterfaceAttachment, Reservation, Subnet as Inside, Tag,
    },
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use std::sync::Arc;

fn described(text: &str) -> NetworkInterface {
    NetworkInterface::builder().network_interface_id("eni-1").description(text).build()
}

fn attached(id: &str) -> NetworkInterface {
    let attachment = NetworkInterfaceAttachment::builder().instance_id(id).build();
    NetworkInterface::builder().network_interface_id("eni-2").attachment(attachment).build()
}

fn there(interfaces: &[NetworkInterface]) -> Rule {
    let all = interfaces.to_vec();
    mock!(Client::describe_network_interfaces).then_output(move || {
        let answer = DescribeNetworkInterfacesOutput::builder();
        answer.set_network_interfaces(Some(all.clone())).build()
    })
}

fn instances(all: Vec<Described>) -> Rule {
    mock!(Client::describe_instances).then_output(move || {
        let reservation = Reservation::builder().set_instances(Some(all.clone())).build();
        DescribeInstancesOutput::builder().reservations(reservation).build()
    })
}

fn running(id: &str, tags: Vec<Tag>) -> Described {
    let state = InstanceState::builder().name(InstanceStateName::Running).build();
    Described::builder().instance_id(id).state(state).set_tags(Some(tags)).build()
}

/// A NAT gateway whose network interface is eni-nat.
fn nat(state: NatGatewayState) -> Rule {
    mock!(Client::describe_nat_gateways).then_output(move || {
        let address = NatGatewayAddress::builder().network_interface_id("eni-nat").build();
        let nat = NatGateway::builder().nat_gateway_id("nat-1").state(state.clone());
        let nat = nat.nat_gateway_addresses(address).build();
        DescribeNatGatewaysOutput::builder().nat_gateways(nat).build()
    })
}

/// What is told of a subnet that holds this one interface.
async fn told(interface: NetworkInterface, instance: Option<Described>) -> Vec<String> {
    let rules = [
        there(&[interface]),
        instances(instance.into_iter().collect()),
        nat(NatGatewayState::Deleted),
    ];
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &rules.each_ref());
    let cx = cx::<Subnet>(ec2, "public-a");
    let problems = strangers(&cx, "subnet-id", "subnet-1").await.unwrap();
    problems.into_iter().map(|problem| problem.says).collect()
}

#[tokio::test]
async fn who_stays_is_told_by_id_and_owner() {
    let name = Tag::builder().key("Name").value("bastion").build();
    assert_eq!(
        told(attached("i-9"), Some(running("i-9", vec![name]))).await,
        [
            "AWS would not delete it while instance i-9 (\"bastion\", without a tag of stackctl's) is \
          in it"
        ]
    );
    for (text, name) in [
        ("AWS Lambda VPC ENI-mailer-1", "AWS Lambda VPC ENI-mailer-1"),
        ("ELB app/theirs/77", "ELB app/theirs/77"),
        ("ElastiCache theirs-001", "ElastiCache theirs-001"),
    ] {
        let told = told(described(text), None).await;
        assert!(told.len() == 1 && told[0].contains("eni-1") && told[0].contains(name), "{told:?}");
    }
}

#[tokio::test]
async fn what_a_deletion_leaves_for_a_while_is_nobody() {
    for text in ["ELB app/shop-lb-123456/77", "ElastiCache shop-cache-001"] {
        assert_eq!(told(described(text), None).await, Vec::<String>::new(), "{text}");
    }
    // Terminated, and not shown any more.
    assert_eq!(told(attached("i-1"), None).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_plan_that_deletes_a_subnet_names_who_stays_and_not_who_goes() {
    let mut own = running("i-1", labels::<Instance>("app-1"));
    own.subnet_id = Some("subnet-1".into());
    let subnets = mock!(Client::describe_subnets).then_output(|| {
        let one = Inside::builder().subnet_id("subnet-1").vpc_id("vpc-1").cidr_block("10.0.0.0/24");
        let one = one.set_tags(Some(labels::<Subnet>("public-a"))).build();
        DescribeSubnetsOutput::builder().subnets(one).build()
    });
    let ours = mock!(Client::describe_instances)
        .match_requests(|r| r.filters().iter().any(|f| f.name() == Some("tag:stackctl:stack")))
        .then_output(move || {
            let reservation = Reservation::builder().instances(own.clone()).build();
            DescribeInstancesOutput::builder().reservations(reservation).build()
        });
    let theirs = instances(vec![running("i-9", Vec::new())]);
    let both = there(&[attached("i-1"), attached("i-9")]);
    let ec2 = mock_client!(
        aws_sdk_ec2,
        RuleMode::MatchAny,
        &[&subnets, &ours, &theirs, &both, &nat(NatGatewayState::Deleted)]
    );
    let aws = Arc::new(aws(ec2));
    aws.survey.set_role(RoleReading::default());
    let inventory = Inventory::take(&erased_kinds!(Subnet, Instance), aws.as_ref()).await.unwrap();
    let plan = Plan::new(&Graph::default(), inventory).unwrap();
    let problems = plan.problems(&aws).await.unwrap();
    let told: Vec<_> = problems.iter().map(|(at, why)| format!("{at}: {}", why.says)).collect();
    assert_eq!(
        told,
        ["subnet/public-a: AWS would not delete it while instance i-9 (\"\", without a tag of \
          stackctl's) is in it"]
    );
}

#[tokio::test]
async fn the_interface_of_a_nat_gateway_stays_as_long_as_the_gateway() {
    let own = NetworkInterface::builder().network_interface_id("eni-nat").build();
    for (state, stay) in [(NatGatewayState::Available, 1), (NatGatewayState::Deleting, 0)] {
        let ec2 = mock_client!(
            aws_sdk_ec2,
            RuleMode::MatchAny,
            &[&there(std::slice::from_ref(&own)), &nat(state)]
        );
        let problems = strangers(&cx::<Subnet>(ec2, "public-a"), "subnet-id", "subnet-1").await;
        assert_eq!(problems.unwrap().len(), stay);
    }
}
