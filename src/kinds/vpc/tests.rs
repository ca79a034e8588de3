//! How a VPC is read, made, changed and removed.

use super::*;
use crate::aws::ec2::bench::{aws, cx, labels, refusal, team};
use aws_sdk_ec2::{
    operation::{
        create_vpc::{CreateVpcError, CreateVpcOutput},
        delete_vpc::{DeleteVpcError, DeleteVpcOutput},
        describe_internet_gateways::DescribeInternetGatewaysOutput,
        describe_network_interfaces::DescribeNetworkInterfacesOutput,
        describe_route_tables::DescribeRouteTablesOutput,
        describe_security_groups::DescribeSecurityGroupsOutput,
        describe_subnets::DescribeSubnetsOutput,
        describe_vpc_attribute::DescribeVpcAttributeOutput,
        describe_vpc_endpoints::DescribeVpcEndpointsOutput,
        describe_vpcs::DescribeVpcsOutput,
        modify_vpc_attribute::ModifyVpcAttributeOutput,
    },
    types::{InternetGateway, NetworkInterface, RouteTableAssociation, SecurityGroup},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

fn wanted() -> Vpc {
    Vpc { cidr: "10.0.0.0/16".parse().unwrap(), dns_hostnames: true, tags: team() }
}

fn described() -> Described {
    Described::builder()
        .vpc_id("vpc-1")
        .cidr_block("10.0.0.0/16")
        .state(VpcState::Available)
        .set_tags(Some(labels::<Vpc>("main")))
        .build()
}

fn found() -> Found<Vpc> {
    Found::ready("main", wanted(), "vpc-1".into())
}

fn on() -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(true).build()
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let list = mock!(Client::describe_vpcs)
        .match_requests(|r| r.filters()[0].name() == Some("tag:stackctl:stack"))
        .then_output(|| DescribeVpcsOutput::builder().vpcs(described()).build());
    let dns = mock!(Client::describe_vpc_attribute).then_output(|| {
        let answer = DescribeVpcAttributeOutput::builder().enable_dns_support(on());
        answer.enable_dns_hostnames(on()).build()
    });
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&list, &dns]);
    let found = Vpc::discover(&aws(ec2)).await.unwrap().remove(0);
    assert_eq!((&*found.name, &*found.live, found.phase), ("main", "vpc-1", Phase::Ready));
    assert_eq!(found.spec.cidr, wanted().cidr);
    assert!(found.spec.dns_hostnames);
    assert_eq!(found.spec.tags, team());
}

#[tokio::test(start_paused = true)]
async fn a_creation_whose_answer_was_lost_is_found_by_its_tags_and_not_repeated() {
    let lost = mock!(Client::create_vpc).then_error(|| {
        CreateVpcError::generic(aws_smithy_types::error::ErrorMetadata::builder().build())
    });
    let found = mock!(Client::describe_vpcs)
        .match_requests(|r| r.filters().len() == 2)
        .then_output(|| DescribeVpcsOutput::builder().vpcs(described()).build());
    let dns = mock!(Client::modify_vpc_attribute)
        .then_output(|| ModifyVpcAttributeOutput::builder().build());
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&lost, &found, &dns]);
    assert_eq!(wanted().create(&cx::<Vpc>(ec2, "main")).await.unwrap(), "vpc-1");
    assert_eq!(lost.num_calls(), 1);
}

#[tokio::test]
async fn it_is_made_with_all_its_tags_and_then_given_dns_one_attribute_a_call() {
    let create = mock!(Client::create_vpc)
        .match_requests(|r| {
            r.cidr_block() == Some("10.0.0.0/16")
                && r.tag_specifications()[0].tags() == labels::<Vpc>("main")
        })
        .then_output(|| CreateVpcOutput::builder().vpc(described()).build());
    let support = mock!(Client::modify_vpc_attribute)
        .match_requests(|r| r.enable_dns_support().is_some() && r.enable_dns_hostnames().is_none())
        .then_output(|| ModifyVpcAttributeOutput::builder().build());
    let hostnames = mock!(Client::modify_vpc_attribute)
        .match_requests(|r| r.enable_dns_support().is_none() && r.enable_dns_hostnames().is_some())
        .then_output(|| ModifyVpcAttributeOutput::builder().build());
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&create, &support, &hostnames]);
    assert_eq!(wanted().create(&cx::<Vpc>(ec2, "main")).await.unwrap(), "vpc-1");
    assert_eq!((support.num_calls(), hostnames.num_calls()), (1, 1));
}

#[tokio::test]
async fn host_names_are_turned_off_without_touching_the_resolver() {
    let off = mock!(Client::modify_vpc_attribute)
        .match_requests(|r| r.enable_dns_hostnames().is_some_and(|v| v.value() == Some(false)))
        .then_output(|| ModifyVpcAttributeOutput::builder().build());
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&off]);
    let wanted = Vpc { dns_hostnames: false, ..wanted() };
    wanted.edit(Edit::DnsHostnames, &found(), &cx::<Vpc>(ec2, "main")).await.unwrap();
    assert_eq!(off.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_for_lingering_interfaces_and_names_what_stays() {
    let busy = mock!(Client::delete_vpc)
        .then_error(|| DeleteVpcError::generic(refusal("DependencyViolation")));
    let interfaces = mock!(Client::describe_network_interfaces).then_output(|| {
        let one = NetworkInterface::builder().network_interface_id("eni-1").description("ELB x");
        DescribeNetworkInterfacesOutput::builder().network_interfaces(one.build()).build()
    });
    let groups = mock!(Client::describe_security_groups).then_output(|| {
        let group = |name| SecurityGroup::builder().group_id("sg-9").group_name(name).build();
        let answer = DescribeSecurityGroupsOutput::builder();
        answer.security_groups(group("default")).security_groups(group("theirs")).build()
    });
    let subnets =
        mock!(Client::describe_subnets).then_output(|| DescribeSubnetsOutput::builder().build());
    let beside = beside();
    let rules: Vec<_> =
        [&busy, &interfaces, &groups, &subnets].into_iter().chain(&beside).collect();
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &rules);
    let error = Vpc::delete(&found(), &cx::<Vpc>(ec2, "main")).await.unwrap_err().to_string();
    assert!(
        error.contains("eni-1 (\"ELB x\")") && error.contains("\"theirs\" sg-9 (without a tag"),
        "{error}"
    );
    for other in ["route table rtb-9 (", "VPC endpoint vpce-9 (", "internet gateway igw-9 ("] {
        assert!(error.contains(other), "{other}: {error}");
    }
    assert!(!error.contains("rtb-main"), "{error}");
    assert!(!error.contains("default") && busy.num_calls() > 10, "{error}");
}

#[tokio::test]
async fn deleting_what_is_gone_succeeds() {
    let gone = mock!(Client::delete_vpc)
        .then_error(|| DeleteVpcError::generic(refusal("InvalidVpcID.NotFound")));
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&gone]);
    Vpc::delete(&found(), &cx::<Vpc>(ec2, "main")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_deletion_succeeds_once_the_way_is_free() {
    let delete = mock!(Client::delete_vpc)
        .sequence()
        .error(|| DeleteVpcError::generic(refusal("DependencyViolation")))
        .output(|| DeleteVpcOutput::builder().build())
        .build();
    let interfaces = mock!(Client::describe_network_interfaces)
        .then_output(|| DescribeNetworkInterfacesOutput::builder().build());
    let groups = mock!(Client::describe_security_groups)
        .then_output(|| DescribeSecurityGroupsOutput::builder().build());
    let subnets =
        mock!(Client::describe_subnets).then_output(|| DescribeSubnetsOutput::builder().build());
    let beside = beside();
    let rules: Vec<_> =
        [&delete, &interfaces, &groups, &subnets].into_iter().chain(&beside).collect();
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &rules);
    Vpc::delete(&found(), &cx::<Vpc>(ec2, "main")).await.unwrap();
    assert_eq!(delete.num_calls(), 2);
}

/// What others have in the VPC besides interfaces, groups and subnets.
fn beside() -> [Rule; 3] {
    let tables = mock!(Client::describe_route_tables).then_output(|| {
        let main = RouteTableAssociation::builder().main(true).build();
        let main = RouteTable::builder().route_table_id("rtb-main").associations(main).build();
        let theirs = RouteTable::builder().route_table_id("rtb-9").build();
        DescribeRouteTablesOutput::builder().route_tables(main).route_tables(theirs).build()
    });
    let endpoints = mock!(Client::describe_vpc_endpoints).then_output(|| {
        let theirs = VpcEndpoint::builder().vpc_endpoint_id("vpce-9").build();
        DescribeVpcEndpointsOutput::builder().vpc_endpoints(theirs).build()
    });
    let gateways = mock!(Client::describe_internet_gateways).then_output(|| {
        let theirs = InternetGateway::builder().internet_gateway_id("igw-9").build();
        DescribeInternetGatewaysOutput::builder().internet_gateways(theirs).build()
    });
    [tables, endpoints, gateways]
}

#[test]
fn another_range_is_refused_with_the_remedy_that_keeps_what_is_there() {
    let change = |replaces| Change {
        attribute: "cidr",
        from: Some("10.0.0.0/16".into()),
        to: "10.7.0.0/16".into(),
        replaces,
    };
    let moved = Vpc { cidr: "10.7.0.0/16".parse().unwrap(), ..wanted() };
    let refused = moved.refuse(&found(), &[change(true)]).unwrap();
    assert!(refused.says.ends_with("everything that stands in it"));
    assert!(refused.remedy.starts_with("put `network.cidr: 10.0.0.0/16` back"));
    assert!(moved.refuse(&found(), &[change(false)]).is_none());
}
