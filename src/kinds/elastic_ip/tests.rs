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

#[tokio::test]
async fn a_refusal_of_permission_means_gone_only_where_the_address_is_not_there() {
    for there in [false, true] {
        let release = mock!(Client::release_address)
            .then_error(|| ReleaseAddressError::generic(refusal("AuthFailure")));
        let look = mock!(Client::describe_addresses).then_output(move || {
            if there { listed() } else { DescribeAddressesOutput::builder().build() }
        });
        let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&release, &look]);
        let released = ElasticIp::delete(&found(), &cx::<ElasticIp>(ec2, "nat-a")).await;
        assert_eq!(released.is_err(), there);
    }
}

#[test]
fn who_bears_an_address_is_named() {
    assert_eq!(user(&described()).unwrap(), "network interface eni-1");
    let other = Described::builder().instance_id("i-1").network_interface_id("eni-1").build();
    assert_eq!(user(&other).unwrap(), "instance i-1");
}
