//! How a route table is read, made, changed and removed.

use super::*;
use crate::{
    aws::ec2::bench::{aws, cx, labels, refusal, team},
    engine::{Address, Phase},
};
use aws_sdk_ec2::{
    Client,
    operation::{
        associate_route_table::{AssociateRouteTableError, AssociateRouteTableOutput},
        create_route::{CreateRouteError, CreateRouteOutput},
        create_route_table::CreateRouteTableOutput,
        delete_route::DeleteRouteError,
        delete_route_table::{DeleteRouteTableError, DeleteRouteTableOutput},
        describe_route_tables::DescribeRouteTablesOutput,
        disassociate_route_table::{DisassociateRouteTableError, DisassociateRouteTableOutput},
        replace_route::ReplaceRouteOutput,
        replace_route_table_association::ReplaceRouteTableAssociationOutput,
    },
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

fn described(id: &str, subnets: &[&str], route: Option<Route>) -> Described {
    let local = Route::builder().destination_cidr_block("10.0.0.0/16").gateway_id("local").build();
    let associations = subnets.iter().map(|subnet| {
        let association = RouteTableAssociation::builder().subnet_id(*subnet);
        association.route_table_association_id(format!("of-{subnet}")).build()
    });
    let main = RouteTableAssociation::builder().main(true).route_table_association_id("main");
    Described::builder()
        .route_table_id(id)
        .vpc_id("vpc-1")
        .set_associations(Some(associations.chain([main.build()]).collect()))
        .set_routes(Some([local].into_iter().chain(route).collect()))
        .set_tags(Some(labels::<RouteTable>("private-a")))
        .build()
}

fn through_nat(state: RouteState) -> Route {
    let route = Route::builder().destination_cidr_block(EVERYWHERE).nat_gateway_id("nat-1");
    route.state(state).build()
}

fn found() -> Found<RouteTable> {
    let route = Some(through_nat(RouteState::Active));
    let aws = aws(Aws::offline("shop").ec2);
    RouteTable::seen(&aws, &described("rtb-1", &["subnet-1"], route)).unwrap()
}

/// A table for `subnet-1` and `subnet-2` with its way out through `nat-1`.
fn wanted(rules: &[&Rule]) -> (Cx<Aws>, RouteTable) {
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, rules);
    let (cx, vpc) = cx::<RouteTable>(ec2, "private-a").with::<Vpc>("main", "vpc-1".into());
    let (cx, one) = cx.with::<Subnet>("app-a", "subnet-1".into());
    let (cx, two) = cx.with::<Subnet>("app-b", "subnet-2".into());
    let (cx, nat) = cx.with::<NatGateway>("a", "nat-1".into());
    let default_route = DefaultRoute::NatGateway(nat);
    (cx, RouteTable { vpc, default_route, subnets: vec![one, two], tags: team() })
}

fn listing(tables: &'static [(&str, &[&str])]) -> Rule {
    mock!(Client::describe_route_tables).then_output(|| {
        let tables = tables.iter().map(|(id, subnets)| described(id, subnets, None)).collect();
        DescribeRouteTablesOutput::builder().set_route_tables(Some(tables)).build()
    })
}

fn associating() -> Rule {
    mock!(Client::associate_route_table)
        .then_output(|| AssociateRouteTableOutput::builder().build())
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let list = mock!(Client::describe_route_tables)
        .match_requests(|r| r.filters()[0].name() == Some("tag:stackctl:stack"))
        .then_output(|| {
            let route = Some(through_nat(RouteState::Active));
            let table = described("rtb-1", &["subnet-1", "subnet-2"], route);
            DescribeRouteTablesOutput::builder().route_tables(table).build()
        });
    let ec2 = mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[&list]);
    let found = RouteTable::discover(&aws(ec2)).await.unwrap().remove(0);
    assert_eq!(found.address(), Address::of::<RouteTable>("private-a"));
    assert_eq!((&*found.live, found.phase), ("rtb-1", Phase::Ready));
    assert_eq!(found.spec.vpc, Ref::found("vpc-1"));
    assert_eq!(found.spec.default_route, DefaultRoute::NatGateway(Ref::found("nat-1")));
    assert_eq!(found.spec.subnets, [Ref::found("subnet-1"), Ref::found("subnet-2")]);
    assert_eq!(found.spec.tags, team());
}

#[test]
fn a_default_route_leads_where_its_target_is_and_nowhere_when_that_is_gone() {
    let to = |build: fn(_) -> _| {
        let route: aws_sdk_ec2::types::builders::RouteBuilder = build(Route::builder());
        DefaultRoute::seen(&[route.destination_cidr_block(EVERYWHERE).build()])
    };
    let door = |id: &str| DefaultRoute::InternetGateway(Ref::found(id));
    assert_eq!(DefaultRoute::seen(&[]), DefaultRoute::None);
    assert_eq!(DefaultRoute::seen(&[through_nat(RouteState::Blackhole)]), DefaultRoute::None);
    assert_eq!(to(|r| r.gateway_id("igw-1")), door("igw-1"));
    assert_eq!(to(|r| r.transit_gateway_id("tgw-1")), door("tgw-1"));
    assert_eq!(to(|r| r.vpc_peering_connection_id("pcx-1")), door("(something else)"));
}

#[test]
fn an_association_on_its_way_out_serves_nobody() {
    let of = |state| {
        let state = aws_sdk_ec2::types::RouteTableAssociationState::builder().state(state).build();
        let association = RouteTableAssociation::builder().subnet_id("subnet-1");
        association.route_table_association_id("a").association_state(state).build()
    };
    assert!(serving(&of(AssociationState::Associating)).is_some());
    assert!(serving(&of(AssociationState::Disassociating)).is_none());
}

#[tokio::test]
async fn it_is_made_with_token_and_tags_and_given_its_route_and_subnets() {
    let create = mock!(Client::create_route_table)
        .match_requests(|r| {
            r.client_token().is_some()
                && r.vpc_id() == Some("vpc-1")
                && r.tag_specifications()[0].tags() == labels::<RouteTable>("private-a")
        })
        .then_output(|| {
            let table = described("rtb-1", &[], None);
            CreateRouteTableOutput::builder().route_table(table).build()
        });
    let route = mock!(Client::create_route)
        .match_requests(|r| r.nat_gateway_id() == Some("nat-1") && r.gateway_id().is_none())
        .then_output(|| CreateRouteOutput::builder().build());
    let (list, associate) = (listing(&[("rtb-1", &[])]), associating());
    let (cx, wanted) = wanted(&[&create, &route, &list, &associate]);
    assert_eq!(wanted.create(&cx).await.unwrap(), "rtb-1");
    assert_eq!((route.num_calls(), associate.num_calls()), (1, 2));
}

#[tokio::test]
async fn a_default_route_that_exists_is_pointed_elsewhere() {
    let create = mock!(Client::create_route)
        .then_error(|| CreateRouteError::generic(refusal("RouteAlreadyExists")));
    let replace = mock!(Client::replace_route)
        .match_requests(|r| r.nat_gateway_id() == Some("nat-1"))
        .then_output(|| ReplaceRouteOutput::builder().build());
    let (cx, wanted) = wanted(&[&create, &replace]);
    wanted.edit(Edit::DefaultRoute, &found(), &cx).await.unwrap();
    assert_eq!(replace.num_calls(), 1);
}

#[tokio::test]
async fn a_default_route_that_is_not_wanted_is_deleted_or_gone_already() {
    let delete = mock!(Client::delete_route)
        .match_requests(|r| r.destination_cidr_block() == Some(EVERYWHERE))
        .then_error(|| DeleteRouteError::generic(refusal("InvalidRoute.NotFound")));
    let (cx, wanted) = wanted(&[&delete]);
    let wanted = RouteTable { default_route: DefaultRoute::None, ..wanted };
    wanted.edit(Edit::DefaultRoute, &found(), &cx).await.unwrap();
    assert_eq!(delete.num_calls(), 1);
}

#[tokio::test]
async fn subnets_are_added_and_dropped_by_the_associations_as_they_are_now() {
    let list = listing(&[("rtb-1", &["subnet-1", "subnet-9"])]);
    let associate = mock!(Client::associate_route_table)
        .match_requests(|r| r.subnet_id() == Some("subnet-2"))
        .then_output(|| AssociateRouteTableOutput::builder().build());
    let drop = mock!(Client::disassociate_route_table)
        .match_requests(|r| r.association_id() == Some("of-subnet-9"))
        .then_output(|| DisassociateRouteTableOutput::builder().build());
    let (cx, wanted) = wanted(&[&list, &associate, &drop]);
    wanted.edit(Edit::Subnets, &found(), &cx).await.unwrap();
    assert_eq!((associate.num_calls(), drop.num_calls()), (1, 1));
}

#[tokio::test]
async fn a_subnet_in_the_care_of_another_table_is_taken_over() {
    let of_own = mock!(Client::describe_route_tables)
        .match_requests(|r| r.filters()[0].name() == Some("route-table-id"))
        .then_output(|| DescribeRouteTablesOutput::builder().build());
    let of_subnet = listing(&[("rtb-2", &["subnet-1", "subnet-2"])]);
    let associate = mock!(Client::associate_route_table)
        .then_error(|| AssociateRouteTableError::generic(refusal("Resource.AlreadyAssociated")));
    let replace = mock!(Client::replace_route_table_association)
        .match_requests(|r| r.route_table_id() == Some("rtb-1"))
        .then_output(|| ReplaceRouteTableAssociationOutput::builder().build());
    let (cx, wanted) = wanted(&[&of_own, &of_subnet, &associate, &replace]);
    wanted.edit(Edit::Subnets, &found(), &cx).await.unwrap();
    assert_eq!(replace.num_calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_subnet_that_left_the_other_table_meanwhile_is_associated_anew() {
    let list = listing(&[]);
    let associate = mock!(Client::associate_route_table)
        .sequence()
        .error(|| AssociateRouteTableError::generic(refusal("Resource.AlreadyAssociated")))
        .output(|| AssociateRouteTableOutput::builder().build())
        .times(2)
        .build();
    let (cx, wanted) = wanted(&[&list, &associate]);
    wanted.edit(Edit::Subnets, &found(), &cx).await.unwrap();
    assert_eq!(associate.num_calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn it_lets_go_of_its_subnets_before_it_is_deleted() {
    let list = listing(&[("rtb-1", &["subnet-1"])]);
    let drop = mock!(Client::disassociate_route_table).then_error(|| {
        DisassociateRouteTableError::generic(refusal("InvalidAssociationID.NotFound"))
    });
    let delete = mock!(Client::delete_route_table)
        .sequence()
        .error(|| DeleteRouteTableError::generic(refusal("DependencyViolation")))
        .output(|| DeleteRouteTableOutput::builder().build())
        .build();
    RouteTable::delete(&found(), &wanted(&[&list, &drop, &delete]).0).await.unwrap();
    assert_eq!((drop.num_calls(), delete.num_calls()), (2, 2));
}

#[tokio::test]
async fn deleting_what_is_gone_succeeds() {
    let list = listing(&[]);
    let gone = mock!(Client::delete_route_table)
        .then_error(|| DeleteRouteTableError::generic(refusal("InvalidRouteTableID.NotFound")));
    RouteTable::delete(&found(), &wanted(&[&list, &gone]).0).await.unwrap();
}
