//! How a subnet is read, made, changed and removed.

use super::*;
use crate::aws::ec2::bench::{aws, cx, labels, refusal, team};
use aws_sdk_ec2::operation::{
    create_subnet::{CreateSubnetError, CreateSubnetOutput},
    delete_subnet::DeleteSubnetError,
    describe_network_interfaces::DescribeNetworkInterfacesOutput,
    describe_subnets::DescribeSubnetsOutput,
    modify_subnet_attribute::ModifySubnetAttributeOutput,
};
use aws_sdk_ec2::types::NetworkInterface;
use aws_smithy_mocks::{RuleMode, mock, mock_client};

fn described(state: SubnetState) -> Described {
    Described::builder()
        .subnet_id("subnet-1")
        .vpc_id("vpc-1")
        .availability_zone("eu-west-1a")
        .cidr_block("10.0.0.0/24")
        .map_public_ip_on_launch(true)
        .state(state)
        .set_tags(Some(labels::<Subnet>("public-a")))
        .build()
}

fn found() -> Found<Subnet> {
    let aws = aws(Aws::offline("shop").ec2);
    Subnet::seen(&aws, &described(SubnetState::Available)).unwrap().unwrap()
}

fn wanted(ec2: Client) -> (Cx<Aws>, Subnet) {
    let (cx, vpc) = cx::<Subnet>(ec2, "public-a").with::<Vpc>("main", "vpc-1".into());
    let (zone, cidr) = ("eu-west-1a".into(), "10.0.0.0/24".parse().unwrap());
    (cx, Subnet { vpc, zone, cidr, map_public_ip: true, tags: team() })
}

fn listed() -> DescribeSubnetsOutput {
    DescribeSubnetsOutput::builder().subnets(described(SubnetState::Available)).build()
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let list = mock!(Client::describe_subnets)
        .match_requests(|r| r.filters()[0].name() == Some("tag:stackctl:stack"))
        .then_output(listed);
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&list]);
    let found = Subnet::discover(&aws(ec2.clone())).await.unwrap().remove(0);
    let (_, wanted) = wanted(ec2);
    assert_eq!((&*found.name, &*found.live, found.phase), ("public-a", "subnet-1", Phase::Ready));
    assert_eq!(found.spec.vpc, Ref::found("vpc-1"));
    assert_eq!((found.spec.zone, found.spec.cidr), (wanted.zone, wanted.cidr));
    assert_eq!((found.spec.map_public_ip, found.spec.tags), (wanted.map_public_ip, wanted.tags));
}

#[test]
fn one_that_aws_could_not_make_is_broken_and_says_so() {
    let aws = aws(Aws::offline("shop").ec2);
    let state = SubnetState::from("failed-insufficient-capacity");
    let found = Subnet::seen(&aws, &described(state)).unwrap().unwrap();
    assert_eq!(found.phase, Phase::Broken);
    assert!(found.notes[0].contains("failed-insufficient-capacity"));
}

#[tokio::test(start_paused = true)]
async fn it_is_made_with_its_tags_once_the_vpc_is_known_and_then_opened() {
    let create = mock!(Client::create_subnet)
        .match_requests(|r| {
            r.vpc_id() == Some("vpc-1")
                && r.availability_zone() == Some("eu-west-1a")
                && r.cidr_block() == Some("10.0.0.0/24")
                && r.tag_specifications()[0].tags() == labels::<Subnet>("public-a")
        })
        .sequence()
        .error(|| CreateSubnetError::generic(refusal("InvalidVpcID.NotFound")))
        .output(|| CreateSubnetOutput::builder().subnet(described(SubnetState::Available)).build())
        .build();
    let open = mock!(Client::modify_subnet_attribute)
        .match_requests(|r| r.map_public_ip_on_launch().is_some_and(|v| v.value() == Some(true)))
        .then_output(|| ModifySubnetAttributeOutput::builder().build());
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&create, &open]);
    let (cx, wanted) = wanted(ec2);
    assert_eq!(wanted.create(&cx).await.unwrap(), "subnet-1");
    assert_eq!((create.num_calls(), open.num_calls()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_address_range_taken_by_an_unheard_attempt_of_ours_is_found() {
    let create = mock!(Client::create_subnet)
        .then_error(|| CreateSubnetError::generic(refusal("InvalidSubnet.Conflict")));
    let look = mock!(Client::describe_subnets)
        .match_requests(|r| r.filters().len() == 4)
        .then_output(listed);
    let open = mock!(Client::modify_subnet_attribute)
        .then_output(|| ModifySubnetAttributeOutput::builder().build());
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&create, &look, &open]);
    let (cx, wanted) = wanted(ec2);
    assert_eq!(wanted.create(&cx).await.unwrap(), "subnet-1");
}

#[tokio::test]
async fn an_address_range_taken_by_others_is_refused_in_the_words_of_aws() {
    let create = mock!(Client::create_subnet)
        .then_error(|| CreateSubnetError::generic(refusal("InvalidSubnet.Conflict")));
    let look =
        mock!(Client::describe_subnets).then_output(|| DescribeSubnetsOutput::builder().build());
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&create, &look]);
    let (cx, wanted) = wanted(ec2);
    let error = wanted.create(&cx).await.unwrap_err().to_string();
    assert!(error.contains("InvalidSubnet.Conflict: AWS's words"), "{error}");
}

#[tokio::test]
async fn public_addresses_are_turned_off_in_place() {
    let close = mock!(Client::modify_subnet_attribute)
        .match_requests(|r| {
            r.subnet_id() == Some("subnet-1")
                && r.map_public_ip_on_launch().is_some_and(|v| v.value() == Some(false))
        })
        .then_output(|| ModifySubnetAttributeOutput::builder().build());
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&close]);
    let (cx, wanted) = wanted(ec2);
    let wanted = Subnet { map_public_ip: false, ..wanted };
    wanted.edit(Edit::MapPublicIp, &found(), &cx).await.unwrap();
    assert_eq!(close.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_it_will_not_leave_ends_the_wait() {
    let look = mock!(Client::describe_subnets).then_output(|| {
        let failed = described(SubnetState::from("failed"));
        DescribeSubnetsOutput::builder().subnets(failed).build()
    });
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&look]);
    let error = Subnet::settle("subnet-1".into(), &wanted(ec2).0).await.unwrap_err();
    assert_eq!(error.to_string(), "AWS could not make it: failed");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_names_the_interfaces_that_stay() {
    let delete = mock!(Client::delete_subnet)
        .then_error(|| DeleteSubnetError::generic(refusal("DependencyViolation")));
    let look = mock!(Client::describe_network_interfaces)
        .match_requests(|r| r.filters()[0].name() == Some("subnet-id"))
        .then_output(|| {
            let one = NetworkInterface::builder().network_interface_id("eni-1").build();
            DescribeNetworkInterfacesOutput::builder().network_interfaces(one).build()
        });
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&delete, &look]);
    let error = Subnet::delete(&found(), &wanted(ec2).0).await.unwrap_err().to_string();
    assert!(error.contains("network interface eni-1"), "{error}");
}

#[tokio::test]
async fn deleting_what_is_gone_succeeds() {
    let gone = mock!(Client::delete_subnet)
        .then_error(|| DeleteSubnetError::generic(refusal("InvalidSubnetID.NotFound")));
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&gone]);
    Subnet::delete(&found(), &wanted(ec2).0).await.unwrap();
}
