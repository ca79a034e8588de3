//! How a DB subnet group is read, made, changed and removed.

use super::*;
use crate::kinds::stores::bench::{Net, all, at, found_net, planned, refusal, shop, taken, team};
use aws_sdk_rds::{
    Client,
    operation::{
        create_db_subnet_group::{CreateDBSubnetGroupError, CreateDbSubnetGroupOutput},
        delete_db_subnet_group::{DeleteDBSubnetGroupError, DeleteDbSubnetGroupOutput},
        describe_db_clusters::DescribeDbClustersOutput,
        describe_db_instances::DescribeDbInstancesOutput,
        describe_db_subnet_groups::DescribeDbSubnetGroupsOutput,
        list_tags_for_resource::ListTagsForResourceOutput,
        modify_db_subnet_group::ModifyDbSubnetGroupOutput,
    },
    types::{AvailabilityZone, DbCluster, DbInstance, Subnet as Inside},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use std::sync::Arc;

fn wanted(net: &Net) -> DbSubnetGroup {
    DbSubnetGroup { vpc: net.vpc.clone(), subnets: net.subnets.clone(), tags: team() }
}

fn described(name: &str) -> Described {
    Described::builder()
        .db_subnet_group_name(name)
        .db_subnet_group_arn(format!("arn:aws:rds:eu-west-1:111122223333:subgrp:{name}"))
        .vpc_id("vpc-1")
        .subnets(Inside::builder().subnet_identifier("subnet-b").build())
        .subnets(Inside::builder().subnet_identifier("subnet-a").build())
        .build()
}

fn listed() -> Rule {
    mock!(Client::describe_db_subnet_groups).then_output(|| {
        let all = ["shop-db", "shopping-db"].map(described).to_vec();
        DescribeDbSubnetGroupsOutput::builder().set_db_subnet_groups(Some(all)).build()
    })
}

fn tagged() -> Rule {
    mock!(Client::list_tags_for_resource)
        .match_requests(|r| r.resource_name().is_some_and(|arn| arn.ends_with(":shop-db")))
        .then_output(|| {
            let address = crate::engine::Address::of::<DbSubnetGroup>("db");
            let labels = Aws::offline("shop").labels(&address, &team());
            let tags = Some(tags::for_rds(&labels));
            ListTagsForResourceOutput::builder().set_tag_list(tags).build()
        })
}

fn rds(rules: &[&Rule]) -> Arc<Aws> {
    shop(|aws| aws.rds = mock_client!(aws_sdk_rds, RuleMode::MatchAny, rules))
}

fn found() -> Found<DbSubnetGroup> {
    Found::ready("db", wanted(&found_net()), live(&described("shop-db")).unwrap())
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted_and_others_are_not_even_asked_about() {
    let tags = tagged();
    let aws = rds(&[&listed(), &tags]);
    assert_eq!(planned(&aws, "db", wanted(&found_net())).await, []);
    assert_eq!(tags.num_calls(), 1);
    assert_eq!(all::<DbSubnetGroup>(&aws).await[0].live.name, "shop-db");
}

#[tokio::test(start_paused = true)]
async fn subnets_that_are_not_known_everywhere_yet_are_waited_for() {
    let create = mock!(Client::create_db_subnet_group)
        .match_requests(|r| r.subnet_ids() == ["subnet-a", "subnet-b"] && r.tags().len() == 5)
        .sequence()
        .error(|| {
            CreateDBSubnetGroupError::generic(refusal(
                "InvalidParameterValue",
                "Some input subnets in :[subnet-a] are invalid.",
            ))
        })
        .output(|| {
            let made = described("shop-db");
            CreateDbSubnetGroupOutput::builder().db_subnet_group(made).build()
        })
        .build();
    let (cx, net) = at::<DbSubnetGroup>(&rds(&[&create]), "db");
    assert_eq!(wanted(&net).create(&cx).await.unwrap().name, "shop-db");
    assert_eq!(create.num_calls(), 2);
}

#[tokio::test]
async fn what_exists_under_its_name_is_taken_over_only_if_it_is_ours() {
    let taken = || {
        mock!(Client::create_db_subnet_group).then_error(|| {
            let code = "DBSubnetGroupAlreadyExists";
            CreateDBSubnetGroupError::generic(refusal(code, "exists"))
        })
    };
    let one = || {
        mock!(Client::describe_db_subnet_groups)
            .match_requests(|r| r.db_subnet_group_name() == Some("shop-db"))
            .then_output(|| {
                let group = described("shop-db");
                DescribeDbSubnetGroupsOutput::builder().db_subnet_groups(group).build()
            })
    };
    let aws = rds(&[&taken(), &one(), &tagged()]);
    let (cx, net) = at::<DbSubnetGroup>(&aws, "db");
    assert_eq!(wanted(&net).create(&cx).await.unwrap(), found().live);
    let untagged = mock!(Client::list_tags_for_resource)
        .then_output(|| ListTagsForResourceOutput::builder().build());
    let aws = rds(&[&taken(), &one(), &untagged]);
    let (cx, net) = at::<DbSubnetGroup>(&aws, "db");
    let refused = wanted(&net).create(&cx).await.unwrap_err().to_string();
    assert!(refused.contains("the DB subnet group `shop-db` exists"), "{refused}");
}

#[tokio::test]
async fn its_subnets_are_changed_in_place() {
    let modify = mock!(Client::modify_db_subnet_group)
        .match_requests(|r| r.subnet_ids() == ["subnet-a", "subnet-b"])
        .then_output(|| ModifyDbSubnetGroupOutput::builder().build());
    let (cx, net) = at::<DbSubnetGroup>(&rds(&[&modify]), "db");
    wanted(&net).edit(Edit::Subnets, &found(), &cx).await.unwrap();
    assert_eq!(modify.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_while_it_is_in_use_and_succeeds_when_it_is_gone() {
    let refused =
        |code: &'static str| move || DeleteDBSubnetGroupError::generic(refusal(code, "refused"));
    let delete = mock!(Client::delete_db_subnet_group)
        .sequence()
        .error(refused("InvalidDBSubnetGroupStateFault"))
        .output(|| DeleteDbSubnetGroupOutput::builder().build())
        .error(refused("DBSubnetGroupNotFoundFault"))
        .build();
    let (cx, _) = at::<DbSubnetGroup>(&rds(&[&delete, &instances(), &clusters()]), "db");
    DbSubnetGroup::delete(&found(), &cx).await.unwrap();
    DbSubnetGroup::delete(&found(), &cx).await.unwrap();
    assert_eq!(delete.num_calls(), 3);
}

#[tokio::test]
async fn a_name_that_others_have_is_told_and_our_own_is_not() {
    let there = mock!(Client::describe_db_subnet_groups)
        .match_requests(|r| r.db_subnet_group_name().is_some())
        .then_output(|| {
            DescribeDbSubnetGroupsOutput::builder().db_subnet_groups(described("shop-db")).build()
        });
    let tags = tagged();
    let aws = rds(&[&there, &tags]);
    assert!(taken(&aws, "shop", "db", wanted).await.is_empty());
    let told = taken(&aws, "shop-eu", "db", wanted).await;
    assert_eq!(told, ["DB subnet group shop-eu-db (of the stack shop)"]);
    let untagged = mock!(Client::list_tags_for_resource)
        .then_output(|| ListTagsForResourceOutput::builder().build());
    let told = taken(&rds(&[&there, &untagged]), "shop", "db", wanted).await;
    assert_eq!(told, ["DB subnet group shop-db (without a tag of stackctl's)"]);
}

fn instances() -> Rule {
    mock!(Client::describe_db_instances).then_output(|| {
        let stands_in = |group| Described::builder().db_subnet_group_name(group).build();
        let db = |id, group| {
            let db = DbInstance::builder().db_instance_identifier(id);
            db.db_instance_status("available").db_subnet_group(stands_in(group)).build()
        };
        let all = DescribeDbInstancesOutput::builder();
        all.db_instances(db("theirs", "shop-db")).db_instances(db("far", "default")).build()
    })
}

fn clusters() -> Rule {
    mock!(Client::describe_db_clusters).then_output(|| {
        let cluster = DbCluster::builder().db_cluster_identifier("beside").status("deleting");
        let cluster = cluster.db_subnet_group("shop-db").build();
        DescribeDbClustersOutput::builder().db_clusters(cluster).build()
    })
}

#[tokio::test(start_paused = true)]
async fn who_keeps_it_from_going_is_named() {
    let busy = mock!(Client::delete_db_subnet_group).then_error(|| {
        DeleteDBSubnetGroupError::generic(refusal("InvalidDBSubnetGroupStateFault", "used"))
    });
    let (cx, _) = at::<DbSubnetGroup>(&rds(&[&busy, &instances(), &clusters()]), "db");
    let error = DbSubnetGroup::delete(&found(), &cx).await.unwrap_err().to_string();
    let named = "in use by DB cluster beside (deleting), DB instance theirs (available)";
    assert!(error.contains(named), "{error}");
}

#[tokio::test]
async fn a_group_of_another_vpc_is_made_anew_and_never_edited() {
    let moved = |net: &Net| DbSubnetGroup { vpc: Ref::found("vpc-2"), ..wanted(net) };
    let aws = rds(&[&listed(), &tagged()]);
    let steps = planned(&aws, "db", moved(&found_net())).await;
    assert_eq!(
        steps.iter().map(|(action, _)| *action).collect::<Vec<_>>(),
        [crate::engine::Action::Delete, crate::engine::Action::Create]
    );
}

/// The group as AWS describes it with subnets in two zones.
fn in_zones() -> Rule {
    mock!(Client::describe_db_subnet_groups).then_output(|| {
        let subnet = |id, zone| {
            let zone = AvailabilityZone::builder().name(zone).build();
            Inside::builder().subnet_identifier(id).subnet_availability_zone(zone).build()
        };
        let group = Described::builder().db_subnet_group_name("shop-db");
        let group = group.subnets(subnet("subnet-a", "eu-west-1a"));
        let group = group.subnets(subnet("subnet-b", "eu-west-1b"));
        let group = group.subnets(subnet("subnet-c", "eu-west-1c")).build();
        DescribeDbSubnetGroupsOutput::builder().db_subnet_groups(group).build()
    })
}

/// A database in the group, in these zones.
fn stands(first: &'static str, second: Option<&'static str>) -> Rule {
    mock!(Client::describe_db_instances).then_output(move || {
        let db = DbInstance::builder()
            .db_instance_identifier("shop-db")
            .db_instance_status("available")
            .availability_zone(first)
            .set_secondary_availability_zone(second.map(str::to_owned))
            .db_subnet_group(Described::builder().db_subnet_group_name("shop-db").build());
        DescribeDbInstancesOutput::builder().db_instances(db.build()).build()
    })
}

#[tokio::test]
async fn a_subnet_in_which_a_database_stands_is_not_taken_away() {
    let none = || {
        mock!(Client::describe_db_clusters)
            .then_output(|| DescribeDbClustersOutput::builder().build())
    };
    let changes = [Change { attribute: "subnets", from: None, to: String::new(), replaces: false }];
    for (first, second, problems) in [
        ("eu-west-1a", None, 0),
        ("eu-west-1a", Some("eu-west-1b"), 0),
        ("eu-west-1c", None, 1),
        ("eu-west-1a", Some("eu-west-1c"), 1),
    ] {
        let aws = rds(&[&in_zones(), &stands(first, second), &none()]);
        let (cx, net) = at::<DbSubnetGroup>(&aws, "db");
        let told = wanted(&net).preflight(Some(&found()), &changes, &cx).await.unwrap();
        assert_eq!(told.len(), problems, "{told:?}");
        assert!(told.iter().all(|p| p.says.contains("shop-db stands in eu-west-1c")), "{told:?}");
    }
}

#[tokio::test]
async fn databases_of_others_in_it_are_told_before_it_is_deleted() {
    let (cx, _) = at::<DbSubnetGroup>(&rds(&[&instances(), &clusters()]), "db");
    let told = DbSubnetGroup::preflight_deletion(&found(), &cx).await.unwrap();
    let told: Vec<_> = told.iter().map(|problem| &*problem.says).collect();
    assert_eq!(told, ["DB instance theirs stands in it"], "one that is being deleted is none");
}
