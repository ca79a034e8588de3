//! How a Memcached cluster is read, made, changed and removed.

use super::*;
use crate::{
    engine::{Action, Phase},
    kinds::stores::bench::{Net, all, at, found_net, planned, refusal, shop, taken, team},
};
use aws_sdk_elasticache::{
    Client,
    operation::{
        create_cache_cluster::CreateCacheClusterOutput,
        delete_cache_cluster::{DeleteCacheClusterError, DeleteCacheClusterOutput},
        describe_cache_clusters::{DescribeCacheClustersError, DescribeCacheClustersOutput},
        list_tags_for_resource::{ListTagsForResourceError, ListTagsForResourceOutput},
        modify_cache_cluster::ModifyCacheClusterOutput,
    },
    types::{CacheNode, Endpoint, SecurityGroupMembership, builders::CacheClusterBuilder},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use std::sync::Arc;

fn wanted(net: &Net) -> CacheCluster {
    CacheCluster {
        version: Version("1.6.17".into()),
        node_type: "cache.t4g.micro".into(),
        nodes: 2,
        port: Port(11211),
        encryption_in_transit: true,
        subnet_group: net.cache.clone(),
        security_groups: net.groups.clone(),
        tags: team(),
    }
}

fn node(id: &str) -> CacheNode {
    let endpoint = Endpoint::builder().address(format!("{id}.shop-cache")).port(11211).build();
    CacheNode::builder().cache_node_id(id).endpoint(endpoint).build()
}

/// As AWS describes what `wanted` makes; a newer patch of the engine is AWS's own doing.
fn described(status: &str) -> CacheClusterBuilder {
    let group = SecurityGroupMembership::builder().security_group_id("sg-1").status("active");
    Described::builder()
        .cache_cluster_id("shop-cache")
        .arn("arn:aws:elasticache:eu-west-1:111122223333:cluster:shop-cache")
        .cache_cluster_status(status)
        .engine("memcached")
        .engine_version("1.6.22")
        .cache_node_type("cache.t4g.micro")
        .num_cache_nodes(2)
        .cache_subnet_group_name("shop-cache")
        .transit_encryption_enabled(true)
        .security_groups(group.build())
        .cache_nodes(node("0002"))
        .cache_nodes(node("0001"))
}

fn output(cluster: Described) -> impl Fn() -> DescribeCacheClustersOutput + Send + Sync {
    move || DescribeCacheClustersOutput::builder().cache_clusters(cluster.clone()).build()
}

fn shows(cluster: Described) -> Rule {
    mock!(Client::describe_cache_clusters).then_output(output(cluster))
}

fn tagged() -> Rule {
    mock!(Client::list_tags_for_resource).then_output(|| {
        let address = crate::engine::Address::of::<CacheCluster>("cache");
        let labels = Aws::offline("shop").labels(&address, &team());
        let tags = Some(tags::for_elasticache(&labels));
        ListTagsForResourceOutput::builder().set_tag_list(tags).build()
    })
}

fn elasticache(rules: &[&Rule]) -> Arc<Aws> {
    shop(|aws| aws.elasticache = mock_client!(aws_sdk_elasticache, RuleMode::MatchAny, rules))
}

fn found() -> Found<CacheCluster> {
    let cluster = described("available").build();
    Found::ready("cache", seen(&cluster, team()), live(&cluster))
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let aws = elasticache(&[&shows(described("available").build()), &tagged()]);
    assert_eq!(planned(&aws, "cache", wanted(&found_net())).await, []);
    let found = all::<CacheCluster>(&aws.afresh()).await.remove(0);
    assert_eq!(found.live.servers, ["0001.shop-cache:11211", "0002.shop-cache:11211"]);
}

#[tokio::test]
async fn the_members_of_replication_groups_and_what_others_run_are_not_seen() {
    for other in [
        described("available").replication_group_id("shop-cache"),
        described("available").engine("redis"),
        described("available").cache_cluster_id("shopping-cache"),
    ] {
        let aws = elasticache(&[&shows(other.build()), &tagged()]);
        assert!(all::<CacheCluster>(&aws).await.is_empty());
    }
}

#[tokio::test]
async fn while_it_is_made_it_is_known_by_its_name_and_its_place() {
    let young = || described("creating").set_cache_nodes(None);
    let unreadable = || {
        mock!(Client::list_tags_for_resource)
            .match_requests(|r| r.resource_name().is_some_and(|arn| arn.contains(":cluster:")))
            .then_error(|| {
                let code = "InvalidCacheClusterState";
                ListTagsForResourceError::generic(refusal(code, "creating"))
            })
    };
    let aws = elasticache(&[&shows(young().build()), &unreadable(), &tagged()]);
    let planned = planned(&aws, "cache", wanted(&found_net())).await;
    assert_eq!(planned, [(Action::Await, Vec::new())]);
    let elsewhere = young().cache_subnet_group_name("theirs").build();
    let aws = elasticache(&[&shows(elsewhere), &unreadable()]);
    assert!(all::<CacheCluster>(&aws).await.is_empty());
}

#[tokio::test]
async fn it_is_made_across_zones_with_its_encryption_stated() {
    let create = mock!(Client::create_cache_cluster)
        .match_requests(|r| {
            r.cache_cluster_id() == Some("shop-cache")
                && r.engine() == Some("memcached")
                && r.num_cache_nodes() == Some(2)
                && r.az_mode() == Some(&AzMode::CrossAz)
                && r.port() == Some(11211)
                && r.transit_encryption_enabled() == Some(true)
                && r.tags().len() == 5
        })
        .then_output(|| {
            CreateCacheClusterOutput::builder().cache_cluster(described("creating").build()).build()
        });
    let (cx, net) = at::<CacheCluster>(&elasticache(&[&create]), "cache");
    assert_eq!(wanted(&net).create(&cx).await.unwrap().id, "shop-cache");
}

#[tokio::test(start_paused = true)]
async fn the_last_nodes_are_named_where_there_are_to_be_fewer() {
    let modify = mock!(Client::modify_cache_cluster)
        .match_requests(|r| {
            r.num_cache_nodes() == Some(1)
                && r.cache_node_ids_to_remove() == ["0002"]
                && r.az_mode().is_none()
                && r.apply_immediately() == Some(true)
        })
        .then_output(|| ModifyCacheClusterOutput::builder().build());
    let fewer = described("available").num_cache_nodes(1).build();
    let looks = mock!(Client::describe_cache_clusters)
        .sequence()
        .output(output(described("available").build()))
        .output(output(described("available").build()))
        .output(output(fewer))
        .build();
    let (cx, net) = at::<CacheCluster>(&elasticache(&[&modify, &looks]), "cache");
    let wanted = CacheCluster { nodes: 1, ..wanted(&net) };
    wanted.edit(Edit::Nodes, &found(), &cx).await.unwrap();
    assert_eq!((modify.num_calls(), looks.num_calls()), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn nodes_that_are_added_go_to_other_zones() {
    let modify = mock!(Client::modify_cache_cluster)
        .match_requests(|r| {
            r.num_cache_nodes() == Some(2)
                && r.az_mode() == Some(&AzMode::CrossAz)
                && r.cache_node_ids_to_remove().is_empty()
        })
        .then_output(|| ModifyCacheClusterOutput::builder().build());
    let one = described("available").num_cache_nodes(1).set_cache_nodes(Some(vec![node("0001")]));
    let looks = mock!(Client::describe_cache_clusters)
        .sequence()
        .output(output(one.clone().build()))
        .output(output(one.build()))
        .output(output(described("available").build()))
        .build();
    let (cx, net) = at::<CacheCluster>(&elasticache(&[&modify, &looks]), "cache");
    wanted(&net).edit(Edit::Nodes, &found(), &cx).await.unwrap();
    assert_eq!((modify.num_calls(), looks.num_calls()), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_state_that_does_not_pass_ends_the_wait_and_it_is_made_anew() {
    for status in ["create-failed", "incompatible-network", "restore-failed"] {
        let aws = elasticache(&[&shows(described(status).build()), &tagged()]);
        let (cx, _) = at::<CacheCluster>(&aws, "cache");
        let why = CacheCluster::settle(found().live, &cx).await.unwrap_err().to_string();
        assert!(why.contains(status), "{why}");
        let found = all::<CacheCluster>(&aws).await.remove(0);
        assert_eq!(found.phase, Phase::Broken);
        assert!(found.notes[0].contains(status));
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_its_turn_and_ends_when_it_is_gone() {
    let delete = mock!(Client::delete_cache_cluster)
        .sequence()
        .error(|| DeleteCacheClusterError::generic(refusal("InvalidCacheClusterState", "busy")))
        .output(|| DeleteCacheClusterOutput::builder().build())
        .error(|| DeleteCacheClusterError::generic(refusal("CacheClusterNotFound", "gone")))
        .build();
    let looks = mock!(Client::describe_cache_clusters)
        .sequence()
        .output(output(described("deleting").build()))
        .error(|| DescribeCacheClustersError::generic(refusal("CacheClusterNotFound", "gone")))
        .repeatedly()
        .build();
    let (cx, _) = at::<CacheCluster>(&elasticache(&[&delete, &looks]), "cache");
    CacheCluster::delete(&found(), &cx).await.unwrap();
    CacheCluster::delete(&found(), &cx).await.unwrap();
    assert_eq!((delete.num_calls(), looks.num_calls()), (3, 3));
}

/// Tags can be read of subnet groups only.
fn unreadable() -> Rule {
    mock!(Client::list_tags_for_resource)
        .match_requests(|r| r.resource_name().is_some_and(|arn| arn.contains(":cluster:")))
        .then_error(|| {
            ListTagsForResourceError::generic(refusal("InvalidCacheClusterState", "creating"))
        })
}

#[tokio::test]
async fn one_that_is_made_for_a_stack_whose_name_begins_like_ours_is_not_ours() {
    let young = described("creating")
        .cache_cluster_id("shop-eu-cache")
        .arn("arn:aws:elasticache:eu-west-1:111122223333:cluster:shop-eu-cache")
        .cache_subnet_group_name("shop-eu-cache")
        .build();
    let theirs = mock!(Client::list_tags_for_resource)
        .match_requests(|r| r.resource_name().is_some_and(|arn| arn.contains(":subnetgroup:")))
        .then_output(|| {
            let address = crate::engine::Address::of::<CacheSubnetGroup>("cache");
            let labels = Aws::offline("shop-eu").labels(&address, &team());
            let tags = Some(tags::for_elasticache(&labels));
            ListTagsForResourceOutput::builder().set_tag_list(tags).build()
        });
    let aws = elasticache(&[&shows(young), &unreadable(), &theirs]);
    assert!(all::<CacheCluster>(&aws).await.is_empty());
    assert_eq!(all::<CacheCluster>(&aws.for_stack("shop-eu")).await.len(), 1);
}

#[tokio::test]
async fn a_name_that_others_have_is_told_and_our_own_is_not() {
    let aws = elasticache(&[&shows(described("available").build()), &tagged()]);
    assert!(taken(&aws, "shop", "cache", wanted).await.is_empty());
    let told = taken(&aws, "shop-eu", "cache", wanted).await;
    assert_eq!(told, ["cache cluster shop-eu-cache (of the stack shop)"]);
    let young = described("creating").build();
    let aws = elasticache(&[&shows(young), &unreadable(), &tagged()]);
    assert!(taken(&aws, "shop", "cache", wanted).await.is_empty());
    let told = taken(&aws, "shop-eu", "cache", wanted).await;
    let unread = "cache cluster shop-eu-cache (its tags cannot be read while it is creating)";
    assert_eq!(told, [unread]);
}
