//! How a gateway endpoint is read, made, changed and removed.

use super::*;
use crate::aws::ec2::bench::{aws, cx, labels, refusal, team};
use aws_sdk_ec2::{
    Client,
    operation::{
        create_vpc_endpoint::CreateVpcEndpointOutput,
        delete_vpc_endpoints::DeleteVpcEndpointsOutput,
        describe_vpc_endpoints::DescribeVpcEndpointsOutput,
        modify_vpc_endpoint::{ModifyVpcEndpointError, ModifyVpcEndpointOutput},
    },
    types::{State as Word, UnsuccessfulItem, UnsuccessfulItemError},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

const S3: &str = "com.amazonaws.eu-west-1.s3";

fn described(state: &str, tables: &[&str]) -> Described {
    Described::builder()
        .vpc_endpoint_id("vpce-1")
        .vpc_id("vpc-1")
        .service_name(S3)
        .state(Word::from(state))
        .set_route_table_ids(Some(tables.iter().map(ToString::to_string).collect()))
        .set_tags(Some(labels::<VpcEndpoint>("s3")))
        .build()
}

fn listed(state: &str, tables: &[&str]) -> DescribeVpcEndpointsOutput {
    DescribeVpcEndpointsOutput::builder().vpc_endpoints(described(state, tables)).build()
}

fn wanted(rules: &[&Rule]) -> (Cx<Aws>, VpcEndpoint) {
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, rules);
    let (cx, vpc) = cx::<VpcEndpoint>(ec2, "s3").with::<Vpc>("main", "vpc-1".into());
    let (cx, one) = cx.with::<RouteTable>("private-a", "rtb-1".into());
    let (cx, two) = cx.with::<RouteTable>("private-b", "rtb-2".into());
    let route_tables = vec![one, two];
    (cx, VpcEndpoint { vpc, service: S3.into(), route_tables, tags: team() })
}

fn found() -> Found<VpcEndpoint> {
    let ec2 = Aws::offline("shop").ec2;
    VpcEndpoint::seen(&aws(ec2), &described("available", &["rtb-1"])).unwrap()
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let list = mock!(Client::describe_vpc_endpoints)
        .match_requests(|r| r.filters()[0].name() == Some("tag:stackctl:stack"))
        .then_output(|| listed("available", &["rtb-2", "rtb-1"]));
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&list]);
    let found = VpcEndpoint::discover(&aws(ec2)).await.unwrap().remove(0);
    assert_eq!((&*found.name, &*found.live, found.phase), ("s3", "vpce-1", Phase::Ready));
    assert_eq!(found.spec.vpc, Ref::found("vpc-1"));
    assert_eq!(found.spec.service, S3);
    assert_eq!(found.spec.route_tables, [Ref::found("rtb-2"), Ref::found("rtb-1")]);
    assert_eq!(found.spec.tags, team());
}

#[test]
fn its_state_is_read_in_small_letters_and_in_others() {
    let phase = |state: &str| {
        let ec2 = Aws::offline("shop").ec2;
        VpcEndpoint::seen(&aws(ec2), &described(state, &[])).map(|found| found.phase)
    };
    assert_eq!([phase("available"), phase("Available")], [Some(Phase::Ready); 2]);
    assert_eq!([phase("pending"), phase("Deleting")], [Some(Phase::Coming), Some(Phase::Going)]);
    assert_eq!([phase("failed"), phase("deleted")], [Some(Phase::Broken), None]);
}

#[tokio::test]
async fn it_is_made_as_a_gateway_with_a_token_its_tags_and_all_its_route_tables() {
    let create = mock!(Client::create_vpc_endpoint)
        .match_requests(|r| {
            r.client_token().is_some()
                && r.vpc_endpoint_type() == Some(&VpcEndpointType::Gateway)
                && r.vpc_id() == Some("vpc-1")
                && r.service_name() == Some(S3)
                && r.route_table_ids() == ["rtb-1", "rtb-2"]
                && r.tag_specifications()[0].tags() == labels::<VpcEndpoint>("s3")
        })
        .then_output(|| {
            let made = described("available", &["rtb-1", "rtb-2"]);
            CreateVpcEndpointOutput::builder().vpc_endpoint(made).build()
        });
    let (cx, wanted) = wanted(&[&create]);
    assert_eq!(wanted.create(&cx).await.unwrap(), "vpce-1");
}

#[tokio::test]
async fn other_route_tables_come_and_go_in_one_call() {
    let look = mock!(Client::describe_vpc_endpoints)
        .then_output(|| listed("available", &["rtb-1", "rtb-3"]));
    let modify = mock!(Client::modify_vpc_endpoint)
        .match_requests(|r| {
            r.add_route_table_ids() == ["rtb-2"] && r.remove_route_table_ids() == ["rtb-3"]
        })
        .then_output(|| ModifyVpcEndpointOutput::builder().build());
    let (cx, wanted) = wanted(&[&look, &modify]);
    wanted.edit(Edit::RouteTables, &found(), &cx).await.unwrap();
    assert_eq!(modify.num_calls(), 1);
}

#[tokio::test]
async fn a_change_that_was_made_unheard_is_no_failure() {
    let look = mock!(Client::describe_vpc_endpoints)
        .sequence()
        .output(|| listed("available", &["rtb-1"]))
        .output(|| listed("available", &["rtb-1", "rtb-2"]))
        .build();
    let modify = mock!(Client::modify_vpc_endpoint)
        .then_error(|| ModifyVpcEndpointError::generic(refusal("RouteAlreadyExists")));
    let (cx, wanted) = wanted(&[&look, &modify]);
    wanted.edit(Edit::RouteTables, &found(), &cx).await.unwrap();
}

#[tokio::test]
async fn a_route_of_somebody_elses_endpoint_is_a_failure() {
    let look =
        mock!(Client::describe_vpc_endpoints).then_output(|| listed("available", &["rtb-1"]));
    let modify = mock!(Client::modify_vpc_endpoint)
        .then_error(|| ModifyVpcEndpointError::generic(refusal("RouteAlreadyExists")));
    let (cx, wanted) = wanted(&[&look, &modify]);
    let error = wanted.edit(Edit::RouteTables, &found(), &cx).await.unwrap_err();
    assert!(error.to_string().contains("RouteAlreadyExists"), "{error}");
}

/// What a deletion answers: AWS puts its refusals into a good answer.
fn deletion(refused: Option<&'static str>) -> Rule {
    mock!(Client::delete_vpc_endpoints).then_output(move || {
        let item = refused.map(|code| {
            let error = UnsuccessfulItemError::builder().code(code).message("AWS's words").build();
            UnsuccessfulItem::builder().resource_id("vpce-1").error(error).build()
        });
        let items = item.into_iter().collect();
        DeleteVpcEndpointsOutput::builder().set_unsuccessful(Some(items)).build()
    })
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_until_it_is_gone() {
    let delete = deletion(None);
    let look = mock!(Client::describe_vpc_endpoints)
        .sequence()
        .output(|| listed("deleting", &[]))
        .output(|| listed("deleted", &[]))
        .build();
    let (cx, _) = wanted(&[&delete, &look]);
    VpcEndpoint::delete(&found(), &cx).await.unwrap();
    assert_eq!((delete.num_calls(), look.num_calls()), (1, 2));
}

#[tokio::test]
async fn a_refusal_in_a_good_answer_is_told_unless_it_says_that_it_is_gone() {
    let look = mock!(Client::describe_vpc_endpoints)
        .then_output(|| DescribeVpcEndpointsOutput::builder().build());
    let gone = deletion(Some("InvalidVpcEndpoint.NotFound"));
    VpcEndpoint::delete(&found(), &wanted(&[&gone, &look]).0).await.unwrap();
    let refused = deletion(Some("OperationNotPermitted"));
    let error = VpcEndpoint::delete(&found(), &wanted(&[&refused, &look]).0).await.unwrap_err();
    assert!(error.to_string().contains("OperationNotPermitted: AWS's words"), "{error}");
}
