//! How a NAT gateway is read, made, awaited and removed.

use super::*;
use crate::{
    aws::ec2::bench::{aws, cx, labels, refusal, team},
    kinds::elastic_ip::ElasticIpLive,
};
use aws_sdk_ec2::{
    Client,
    operation::{
        create_nat_gateway::{CreateNatGatewayError, CreateNatGatewayOutput},
        delete_nat_gateway::{DeleteNatGatewayError, DeleteNatGatewayOutput},
        describe_nat_gateways::DescribeNatGatewaysOutput,
    },
};
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use std::sync::Mutex;

fn described(id: &str, state: NatGatewayState) -> Described {
    let failed = state == NatGatewayState::Failed;
    Described::builder()
        .nat_gateway_id(id)
        .subnet_id("subnet-1")
        .nat_gateway_addresses(NatGatewayAddress::builder().allocation_id("eipalloc-1").build())
        .state(state)
        .set_failure_code(failed.then(|| "Gateway.NotAttached".into()))
        .set_failure_message(failed.then(|| "Network vpc-1 has no Internet gateway".into()))
        .set_tags(Some(labels::<NatGateway>("a")))
        .build()
}

fn listed(all: &[(&str, NatGatewayState)]) -> DescribeNatGatewaysOutput {
    let all = all.iter().map(|(id, state)| described(id, state.clone())).collect();
    DescribeNatGatewaysOutput::builder().set_nat_gateways(Some(all)).build()
}

fn found(state: NatGatewayState) -> Found<NatGateway> {
    NatGateway::seen(&aws(Aws::offline("shop").ec2), &described("nat-1", state)).unwrap()
}

fn wanted(ec2: Client) -> (Cx<Aws>, NatGateway) {
    let (allocation, address) = ("eipalloc-1".into(), "198.51.100.1".into());
    let (cx, subnet) = cx::<NatGateway>(ec2, "a").with::<Subnet>("public-a", "subnet-1".into());
    let (cx, address) = cx.with::<ElasticIp>("nat-a", ElasticIpLive { allocation, address });
    (cx, NatGateway { subnet, address, internet_gateway: None, tags: team() })
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let list = mock!(Client::describe_nat_gateways)
        .match_requests(|r| r.filter()[0].name() == Some("tag:stackctl:stack"))
        .then_output(|| listed(&[("nat-1", NatGatewayState::Available)]));
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&list]);
    let found = NatGateway::discover(&aws(ec2)).await.unwrap().remove(0);
    assert_eq!((&*found.name, &*found.live, found.phase), ("a", "nat-1", Phase::Ready));
    assert_eq!(found.spec.subnet, Ref::found("subnet-1"));
    assert_eq!(found.spec.address, Ref::found("eipalloc-1"));
    assert_eq!(found.spec.tags, team());
}

#[tokio::test]
async fn ghosts_are_not_found_and_what_is_being_deleted_is_going() {
    for (state, phase) in [
        (NatGatewayState::Pending, Some(Phase::Coming)),
        (NatGatewayState::Deleting, Some(Phase::Going)),
        (NatGatewayState::Deleted, None),
    ] {
        let list = mock!(Client::describe_nat_gateways)
            .then_output(move || listed(&[("nat-1", state.clone())]));
        let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&list]);
        let found = NatGateway::discover(&aws(ec2)).await.unwrap();
        assert_eq!(found.first().map(|f| f.phase), phase);
    }
}

#[tokio::test]
async fn a_failed_one_is_broken_for_its_reason_until_another_bears_its_name() {
    let failed = [("nat-1", NatGatewayState::Failed)];
    let both = [("nat-1", NatGatewayState::Failed), ("nat-2", NatGatewayState::Available)];
    let list = mock!(Client::describe_nat_gateways)
        .sequence()
        .output(move || listed(&failed))
        .output(move || listed(&both))
        .build();
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&list]);
    let aws = aws(ec2);
    let found = NatGateway::discover(&aws).await.unwrap().remove(0);
    assert_eq!(found.phase, Phase::Broken);
    assert_eq!(found.notes, ["Gateway.NotAttached: Network vpc-1 has no Internet gateway"]);
    let found = NatGateway::discover(&aws).await.unwrap();
    assert_eq!(found.iter().map(|f| &*f.live).collect::<Vec<_>>(), ["nat-2"]);
}

#[tokio::test(start_paused = true)]
async fn it_is_made_with_one_token_however_often_it_is_asked_for() {
    static TOKENS: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let create = mock!(Client::create_nat_gateway)
        .match_requests(|r| {
            TOKENS.lock().unwrap().extend(r.client_token().map(str::to_owned));
            r.subnet_id() == Some("subnet-1")
                && r.allocation_id() == Some("eipalloc-1")
                && r.tag_specifications()[0].tags() == labels::<NatGateway>("a")
        })
        .sequence()
        .error(|| CreateNatGatewayError::generic(refusal("InvalidSubnetID.NotFound")))
        .output(|| {
            let made = described("nat-1", NatGatewayState::Pending);
            CreateNatGatewayOutput::builder().nat_gateway(made).build()
        })
        .build();
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&create]);
    let (cx, wanted) = wanted(ec2);
    assert_eq!(wanted.create(&cx).await.unwrap(), "nat-1");
    let tokens = TOKENS.lock().unwrap();
    assert!(tokens.len() >= 2 && tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
}

#[tokio::test(start_paused = true)]
async fn the_wait_ends_with_the_reason_when_it_fails() {
    let look = mock!(Client::describe_nat_gateways)
        .sequence()
        .output(|| listed(&[("nat-1", NatGatewayState::Pending)]))
        .output(|| listed(&[("nat-1", NatGatewayState::Failed)]))
        .build();
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&look]);
    let error = NatGateway::settle("nat-1".into(), &wanted(ec2).0).await.unwrap_err();
    assert_eq!(error.to_string(), "Gateway.NotAttached: Network vpc-1 has no Internet gateway");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_until_it_is_deleted() {
    let delete =
        mock!(Client::delete_nat_gateway).then_output(|| DeleteNatGatewayOutput::builder().build());
    let look = mock!(Client::describe_nat_gateways)
        .sequence()
        .output(|| listed(&[("nat-1", NatGatewayState::Deleting)]))
        .output(|| listed(&[("nat-1", NatGatewayState::Deleted)]))
        .build();
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&delete, &look]);
    let found = found(NatGatewayState::Available);
    NatGateway::delete(&found, &wanted(ec2).0).await.unwrap();
    assert_eq!((delete.num_calls(), look.num_calls()), (1, 2));
}

#[tokio::test]
async fn one_that_is_going_already_is_only_awaited() {
    let look = mock!(Client::describe_nat_gateways)
        .then_output(|| DescribeNatGatewaysOutput::builder().build());
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&look]);
    let found = found(NatGatewayState::Deleting);
    NatGateway::delete(&found, &wanted(ec2).0).await.unwrap();
    assert_eq!(look.num_calls(), 1);
}

#[tokio::test]
async fn deleting_what_is_gone_succeeds() {
    let gone = mock!(Client::delete_nat_gateway)
        .then_error(|| DeleteNatGatewayError::generic(refusal("NatGatewayNotFound")));
    let look = mock!(Client::describe_nat_gateways)
        .then_output(|| DescribeNatGatewaysOutput::builder().build());
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&gone, &look]);
    NatGateway::delete(&found(NatGatewayState::Available), &wanted(ec2).0).await.unwrap();
}
