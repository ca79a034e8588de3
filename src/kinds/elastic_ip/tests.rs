//! How an Elastic IP address is read, allocated and released.

use super::*;
use crate::aws::ec2::bench::{aws, cx, labels, refusal, team};
use aws_sdk_ec2::{
    Client,
    operation::{
        allocate_address::{AllocateAddressError, AllocateAddressOutput},
        describe_addresses::DescribeAddressesOutput,
        release_address::{ReleaseAddressError, ReleaseAddressOutput},
    },
};
use aws_smithy_mocks::{RuleMode, mock, mock_client};

fn described() -> Described {
    Described::builder()
        .allocation_id("eipalloc-1")
        .public_ip("198.51.100.1")
        .network_interface_id("eni-1")
        .set_tags(Some(labels::<ElasticIp>("nat-a")))
        .build()
}

fn listed() -> DescribeAddressesOutput {
    DescribeAddressesOutput::builder().addresses(described()).build()
}

fn found() -> Found<ElasticIp> {
    ElasticIp::seen(&aws(Aws::offline("shop").ec2), &described()).unwrap()
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let list = mock!(Client::describe_addresses)
        .match_requests(|r| r.filters()[0].name() == Some("tag:stackctl:stack"))
        .then_output(listed);
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&list]);
    let found = ElasticIp::discover(&aws(ec2)).await.unwrap().remove(0);
    assert_eq!(&*found.name, "nat-a");
    let (allocation, address) = ("eipalloc-1".into(), "198.51.100.1".into());
    assert_eq!(found.live, ElasticIpLive { allocation, address });
    assert_eq!(found.spec.tags, team());
}

#[tokio::test(start_paused = true)]
async fn an_allocation_whose_answer_was_lost_is_found_by_its_tags() {
    let allocate = mock!(Client::allocate_address)
        .match_requests(|r| r.tag_specifications()[0].tags() == labels::<ElasticIp>("nat-a"))
        .sequence()
        .error(|| AllocateAddressError::generic(refusal("")))
        .output(|| AllocateAddressOutput::builder().allocation_id("eipalloc-2").build())
        .build();
    let look = mock!(Client::describe_addresses).then_output(listed);
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&allocate, &look]);
    let made = ElasticIp { tags: team() }.create(&cx::<ElasticIp>(ec2, "nat-a")).await.unwrap();
    assert_eq!(made.allocation, "eipalloc-1");
    assert_eq!(allocate.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_release_waits_for_whoever_bears_the_address() {
    let release = mock!(Client::release_address)
        .sequence()
        .error(|| ReleaseAddressError::generic(refusal("InvalidIPAddress.InUse")))
        .output(|| ReleaseAddressOutput::builder().build())
        .build();
    let look = mock!(Client::describe_addresses).then_output(listed);
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&release, &look]);
    ElasticIp::delete(&found(), &cx::<ElasticIp>(ec2, "nat-a")).await.unwrap();
    assert_eq!(release.num_calls(), 2);
}

/// A release that is refused so for the first `times`, while the address is listed.
async fn released(code: &'static str, times: usize) -> (Result<()>, usize) {
    let release = mock!(Client::release_address)
        .sequence()
        .error(move || ReleaseAddressError::generic(refusal(code)))
        .times(times)
        .output(|| ReleaseAddressOutput::builder().build())
        .build();
    let look = mock!(Client::describe_addresses).then_output(listed);
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&release, &look]);
    let released = ElasticIp::delete(&found(), &cx::<ElasticIp>(ec2, "nat-a")).await;
    (released, release.num_calls())
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_permission_passes_while_the_address_still_counts_as_the_gateways() {
    let (released, calls) = released("AuthFailure", 2).await;
    assert_eq!((released.is_ok(), calls), (true, 3));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_permission_that_stays_is_told_with_what_bears_the_address() {
    let (released, _) = released("AuthFailure", 1_000).await;
    let error = released.unwrap_err().to_string();
    assert_eq!(error, "still in use by network interface eni-1 after 600s");
}

#[tokio::test]
async fn a_refusal_of_permission_means_gone_where_the_address_is_not_there() {
    let release = mock!(Client::release_address)
        .then_error(|| ReleaseAddressError::generic(refusal("AuthFailure")));
    let look = mock!(Client::describe_addresses)
        .then_output(|| DescribeAddressesOutput::builder().build());
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&release, &look]);
    ElasticIp::delete(&found(), &cx::<ElasticIp>(ec2, "nat-a")).await.unwrap();
    assert_eq!(release.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_interface_that_is_not_found_does_not_mean_that_the_address_is_released() {
    let (released, calls) = released("InvalidNetworkInterfaceID.NotFound", 1).await;
    assert_eq!((released.is_ok(), calls), (true, 2));
}

#[tokio::test]
async fn an_address_that_is_not_found_is_released() {
    let (released, calls) = released("InvalidAllocationID.NotFound", 1).await;
    assert_eq!((released.is_ok(), calls), (true, 1));
}

#[test]
fn who_bears_an_address_is_named() {
    assert_eq!(user(&described()).unwrap(), "network interface eni-1");
    let other = Described::builder().instance_id("i-1").network_interface_id("eni-1").build();
    assert_eq!(user(&other).unwrap(), "instance i-1");
}
