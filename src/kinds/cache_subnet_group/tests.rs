//! How a cache subnet group is read, made, changed and removed.

use super::*;
use crate::kinds::stores::bench::{Net, all, at, found_net, planned, refusal, shop, taken, team};
use aws_sdk_elasticache::{
    Client,
    operation::{
        create_cache_subnet_group::{CreateCacheSubnetGroupError, CreateCacheSubnetGroupOutput},
        delete_cache_subnet_group::{DeleteCacheSubnetGroupError, DeleteCacheSubnetGroupOutput},
        describe_cache_clusters::DescribeCacheClustersOutput,
        describe_cache_subnet_groups::DescribeCacheSubnetGroupsOutput,
        list_tags_for_resource::ListTagsForResourceOutput,
        modify_cache_subnet_group::ModifyCacheSubnetGroupOutput,
    },
    types::{AvailabilityZone, CacheCluster},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use std::sync::Arc;

fn wanted(net: &Net) -> CacheSubnetGroup {
    CacheSubnetGroup { vpc: net.vpc.clone(), subnets: net.subnets.clone(), tags: team() }
}

fn described(name: &str) -> Described {
    Described::builder()
        .cache_subnet_group_name(name)
        .arn(format!("arn:aws:elasticache:eu-west-1:111122223333:subnetgroup:{name}"))
        .vpc_id("vpc-1")
        .subnets(Inside::builder().subnet_identifier("subnet-b").build())
        .subnets(Inside::builder().subnet_identifier("subnet-a").build())
        .build()
}

fn listed() -> Rule {
    mock!(Client::describe_cache_subnet_groups).then_output(|| {
        let all = ["shop-cache", "shopping-cache"].map(described).to_vec();
        DescribeCacheSubnetGroupsOutput::builder().set_cache_subnet_groups(Some(all)).build()
    })
}

fn tagged() -> Rule {
    mock!(Client::list_tags_for_resource)
        .match_requests(|r| r.resource_name().is_some_and(|arn| arn.ends_with(":shop-cache")))
        .then_output(|| {
            let address = crate::engine::Address::of::<CacheSubnetGroup>("cache");
            let labels = Aws::offline("shop").labels(&address, &team());
            let tags = Some(tags::for_elasticache(&labels));
            ListTagsForResourceOutput::builder().set_tag_list(tags).build()
        })
}

fn elasticache(rules: &[&Rule]) -> Arc<Aws> {
    shop(|aws| aws.elasticache = mock_client!(aws_sdk_elasticache, RuleMode::MatchAny, rules))
}

fn found() -> Found<CacheSubnetGroup> {
    Found::ready("cache", wanted(&found_net()), live(&described("shop-cache")).unwrap())
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted_and_others_are_not_even_asked_about() {
    let tags = tagged();
    let aws = elasticache(&[&listed(), &tags]);
    assert_eq!(planned(&aws, "cache", wanted(&found_net())).await, []);
    assert_eq!(tags.num_calls(), 1);
    assert_eq!(all::<CacheSubnetGroup>(&aws).await[0].live.name, "shop-cache");
}

#[tokio::test(start_paused = true)]
async fn subnets_that_are_not_known_everywhere_yet_are_waited_for() {
    let create = mock!(Client::create_cache_subnet_group)
        .match_requests(|r| r.subnet_ids() == ["subnet-a", "subnet-b"] && r.tags().len() == 5)
        .sequence()
        .error(|| CreateCacheSubnetGroupError::generic(refusal("InvalidSubnet", "unknown")))
        .output(|| {
            let made = described("shop-cache");
            CreateCacheSubnetGroupOutput::builder().cache_subnet_group(made).build()
        })
        .build();
    let (cx, net) = at::<CacheSubnetGroup>(&elasticache(&[&create]), "cache");
    assert_eq!(wanted(&net).create(&cx).await.unwrap().name, "shop-cache");
    assert_eq!(create.num_calls(), 2);
}

#[tokio::test]
async fn what_exists_under_its_name_is_taken_over_only_if_it_is_ours() {
    let taken = || {
        mock!(Client::create_cache_subnet_group).then_error(|| {
            let code = "CacheSubnetGroupAlreadyExists";
            CreateCacheSubnetGroupError::generic(refusal(code, "exists"))
        })
    };
    let one = || {
        mock!(Client::describe_cache_subnet_groups)
            .match_requests(|r| r.cache_subnet_group_name() == Some("shop-cache"))
            .then_output(|| {
                let group = described("shop-cache");
                DescribeCacheSubnetGroupsOutput::builder().cache_subnet_groups(group).build()
            })
    };
    let aws = elasticache(&[&taken(), &one(), &tagged()]);
    let (cx, net) = at::<CacheSubnetGroup>(&aws, "cache");
    assert_eq!(wanted(&net).create(&cx).await.unwrap(), found().live);
    let untagged = mock!(Client::list_tags_for_resource)
        .then_output(|| ListTagsForResourceOutput::builder().build());
    let aws = elasticache(&[&taken(), &one(), &untagged]);
    let (cx, net) = at::<CacheSubnetGroup>(&aws, "cache");
    let refused = wanted(&net).create(&cx).await.unwrap_err().to_string();
    assert!(refused.contains("the cache subnet group `shop-cache` exists"), "{refused}");
}

#[tokio::test]
async fn its_subnets_are_changed_in_place() {
    let modify = mock!(Client::modify_cache_subnet_group)
        .match_requests(|r| r.subnet_ids() == ["subnet-a", "subnet-b"])
        .then_output(|| ModifyCacheSubnetGroupOutput::builder().build());
    let (cx, net) = at::<CacheSubnetGroup>(&elasticache(&[&modify]), "cache");
    wanted(&net).edit(Edit::Subnets, &found(), &cx).await.unwrap();
    assert_eq!(modify.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_while_it_is_in_use_and_succeeds_when_it_is_gone() {
    let refused =
        |code: &'static str| move || DeleteCacheSubnetGroupError::generic(refusal(code, "refused"));
    let delete = mock!(Client::delete_cache_subnet_group)
        .sequence()
        .error(refused("CacheSubnetGroupInUse"))
        .output(|| DeleteCacheSubnetGroupOutput::builder().build())
        .error(refused("CacheSubnetGroupNotFoundFault"))
        .build();
    let (cx, _) = at::<CacheSubnetGroup>(&elasticache(&[&delete, &clusters()]), "cache");
    CacheSubnetGroup::delete(&found(), &cx).await.unwrap();
    CacheSubnetGroup::delete(&found(), &cx).await.unwrap();
    assert_eq!(delete.num_calls(), 3);
}

#[tokio::test]
async fn a_name_that_others_have_is_told_and_our_own_is_not() {
    let there = mock!(Client::describe_cache_subnet_groups)
        .match_requests(|r| r.cache_subnet_group_name().is_some())
        .then_output(|| {
            let group = described("shop-cache");
            DescribeCacheSubnetGroupsOutput::builder().cache_subnet_groups(group).build()
        });
    let tags = tagged();
    let aws = elasticache(&[&there, &tags]);
    assert!(taken(&aws, "shop", "cache", wanted).await.is_empty());
    let told = taken(&aws, "shop-eu", "cache", wanted).await;
    assert_eq!(told, ["cache subnet group shop-eu-cache (of the stack shop)"]);
    let untagged = mock!(Client::list_tags_for_resource)
        .then_output(|| ListTagsForResourceOutput::builder().build());
    let told = taken(&elasticache(&[&there, &untagged]), "shop", "cache", wanted).await;
    assert_eq!(told, ["cache subnet group shop-cache (without a tag of stackctl's)"]);
}

fn clusters() -> Rule {
    mock!(Client::describe_cache_clusters).then_output(|| {
        let cluster = |id, group| {
            let cluster = CacheCluster::builder().cache_cluster_id(id);
            cluster.cache_cluster_status("available").cache_subnet_group_name(group).build()
        };
        let all = DescribeCacheClustersOutput::builder();
        let all = all.cache_clusters(cluster("theirs", "shop-cache"));
        all.cache_clusters(cluster("far", "default")).build()
    })
}

#[tokio::test(start_paused = true)]
async fn who_keeps_it_from_going_is_named() {
    let busy = mock!(Client::delete_cache_subnet_group).then_error(|| {
        DeleteCacheSubnetGroupError::generic(refusal("CacheSubnetGroupInUse", "used"))
    });
    let (cx, _) = at::<CacheSubnetGroup>(&elasticache(&[&busy, &clusters()]), "cache");
    let error = CacheSubnetGroup::delete(&found(), &cx).await.unwrap_err().to_string();
    assert!(error.contains("in use by cache cluster theirs (available) after"), "{error}");
}

/// The group `shop-cache` with a subnet in each of three zones, and nodes in some of them.
fn three_zones(nodes: &'static [&'static str]) -> [Rule; 2] {
    let subnet = |letter: &str| {
        let zone = AvailabilityZone::builder().name(format!("eu-west-1{letter}")).build();
        let subnet = Inside::builder().subnet_identifier(format!("subnet-{letter}"));
        subnet.subnet_availability_zone(zone).build()
    };
    let group = mock!(Client::describe_cache_subnet_groups).then_output(move || {
        let all = ["a", "b", "c"].map(subnet).to_vec();
        let group = Described::builder().cache_subnet_group_name("shop-cache").arn("arn:cache");
        let group = group.set_subnets(Some(all)).build();
        DescribeCacheSubnetGroupsOutput::builder().cache_subnet_groups(group).build()
    });
    let clusters = mock!(Client::describe_cache_clusters).then_output(move || {
        let all = nodes.iter().enumerate().map(|(i, letter)| {
            CacheCluster::builder()
                .cache_cluster_id(format!("shop-cache-00{}", i + 1))
                .cache_subnet_group_name("shop-cache")
                .preferred_availability_zone(format!("eu-west-1{letter}"))
                .build()
        });
        DescribeCacheClustersOutput::builder().set_cache_clusters(Some(all.collect())).build()
    });
    [group, clusters]
}

#[tokio::test]
async fn a_subnet_that_goes_while_a_node_stands_in_it_is_refused_before_anything_is_done() {
    let preflight = async |nodes| {
        let [group, clusters] = three_zones(nodes);
        let (cx, net) = at::<CacheSubnetGroup>(&elasticache(&[&group, &clusters]), "cache");
        let mut before = found();
        before.spec.subnets.push(Ref::found("subnet-c"));
        let problems = wanted(&net).preflight(Some(&before), &[], &cx).await.unwrap();
        problems.into_iter().map(|problem| problem.says).collect::<Vec<_>>()
    };
    assert!(preflight(&["a", "b"]).await.is_empty());
    let told = "node shop-cache-003 stands in the subnet in eu-west-1c, which ElastiCache would not let go";
    assert_eq!(preflight(&["a", "b", "c"]).await, [told]);
}

#[tokio::test]
async fn nobody_is_asked_where_no_subnet_goes() {
    let (cx, net) = at::<CacheSubnetGroup>(&elasticache(&[]), "cache");
    assert_eq!(wanted(&net).preflight(Some(&found()), &[], &cx).await.unwrap(), []);
}

#[tokio::test]
async fn a_group_of_another_vpc_is_made_anew_and_never_edited() {
    let moved = |net: &Net| CacheSubnetGroup { vpc: Ref::found("vpc-2"), ..wanted(net) };
    let aws = elasticache(&[&listed(), &tagged()]);
    let steps = planned(&aws, "cache", moved(&found_net())).await;
    assert_eq!(
        steps.iter().map(|(action, _)| *action).collect::<Vec<_>>(),
        [crate::engine::Action::Delete, crate::engine::Action::Create]
    );
}
