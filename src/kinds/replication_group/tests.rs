//! How a replication group is read, made, changed and removed.

use super::*;
use crate::{
    engine::{Action, Phase},
    kinds::stores::bench::{Net, all, at, found_net, planned, refusal, shop, taken, team},
};
use aws_sdk_elasticache::{
    Client,
    operation::{
        add_tags_to_resource::{AddTagsToResourceError, AddTagsToResourceOutput},
        create_replication_group::{CreateReplicationGroupError, CreateReplicationGroupOutput},
        decrease_replica_count::DecreaseReplicaCountOutput,
        delete_replication_group::{DeleteReplicationGroupError, DeleteReplicationGroupOutput},
        describe_cache_clusters::DescribeCacheClustersOutput,
        describe_cache_engine_versions::{
            DescribeCacheEngineVersionsError, DescribeCacheEngineVersionsOutput,
        },
        describe_replication_groups::{
            DescribeReplicationGroupsError, DescribeReplicationGroupsOutput,
        },
        increase_replica_count::{IncreaseReplicaCountError, IncreaseReplicaCountOutput},
        list_tags_for_resource::{ListTagsForResourceError, ListTagsForResourceOutput},
        modify_replication_group::{ModifyReplicationGroupError, ModifyReplicationGroupOutput},
        remove_tags_from_resource::{RemoveTagsFromResourceError, RemoveTagsFromResourceOutput},
    },
    types::{
        AutomaticFailoverStatus, CacheCluster, CacheEngineVersion, CacheParameterGroupStatus,
        Endpoint, MultiAzStatus, NodeGroup, PendingModifiedValues, ReplicationGroup as Described,
        SecurityGroupMembership,
        builders::{CacheClusterBuilder, ReplicationGroupBuilder},
    },
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use std::sync::Arc;

mod lost;

const ARN: &str = "arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:shop-cache";

fn wanted(net: &Net) -> ReplicationGroup {
    ReplicationGroup {
        engine: Engine::Valkey,
        version: Version("8.0".into()),
        node_type: "cache.t4g.micro".into(),
        replicas: 1,
        failover: true,
        port: Port(6379),
        encryption_at_rest: true,
        encryption_in_transit: true,
        parameters: Parameters(Some(net.parameters.clone())),
        subnet_group: net.cache.clone(),
        security_groups: net.groups.clone(),
        tags: team(),
    }
}

/// As AWS describes what `wanted` makes.
fn group(status: &str) -> ReplicationGroupBuilder {
    let endpoint = Endpoint::builder().address("master.shop-cache").port(6379).build();
    Described::builder()
        .replication_group_id("shop-cache")
        .description("Cache of the stack shop, made by stackctl")
        .arn(ARN)
        .status(status)
        .engine("valkey")
        .cache_node_type("cache.t4g.micro")
        .member_clusters("shop-cache-001")
        .member_clusters("shop-cache-002")
        .automatic_failover(AutomaticFailoverStatus::Enabled)
        .multi_az(MultiAzStatus::Enabled)
        .at_rest_encryption_enabled(true)
        .transit_encryption_enabled(true)
        .node_groups(NodeGroup::builder().primary_endpoint(endpoint).build())
}

fn parameters(name: &str) -> CacheParameterGroupStatus {
    CacheParameterGroupStatus::builder().cache_parameter_group_name(name).build()
}

fn node() -> CacheClusterBuilder {
    CacheCluster::builder()
        .cache_cluster_id("shop-cache-001")
        .replication_group_id("shop-cache")
        .engine("valkey")
        .engine_version("8.0.1")
        .cache_node_type("cache.t4g.micro")
        .preferred_availability_zone("eu-west-1b")
        .cache_parameter_group(parameters("shop-cache-valkey8"))
        .cache_subnet_group_name("shop-cache")
        .preferred_maintenance_window("sun:05:00-sun:06:00")
        .security_groups(
            SecurityGroupMembership::builder().security_group_id("sg-1").status("active").build(),
        )
}

fn output(group: Described) -> impl Fn() -> DescribeReplicationGroupsOutput + Send + Sync {
    move || DescribeReplicationGroupsOutput::builder().replication_groups(group.clone()).build()
}

/// Answers the looks one after another, and then with the last of them again and again.
fn shows(mut states: Vec<Described>) -> Rule {
    let last = states.pop().expect("one state at least");
    if states.is_empty() {
        return mock!(Client::describe_replication_groups).then_output(output(last));
    }
    let mut states = states.into_iter().map(output);
    let first = states.next().expect("it is not empty");
    let mut answers = mock!(Client::describe_replication_groups).sequence().output(first);
    for state in states {
        answers = answers.output(state);
    }
    answers.output(output(last)).repeatedly().build()
}

fn one_node(node: CacheCluster) -> impl Fn() -> DescribeCacheClustersOutput + Send + Sync {
    move || DescribeCacheClustersOutput::builder().cache_clusters(node.clone()).build()
}

fn nodes(node: CacheCluster) -> Rule {
    mock!(Client::describe_cache_clusters)
        .match_requests(|r| r.show_cache_node_info() == Some(true))
        .then_output(one_node(node))
}

fn tagged() -> Rule {
    mock!(Client::list_tags_for_resource).then_output(|| {
        let address = crate::engine::Address::of::<ReplicationGroup>("cache");
        let labels = Aws::offline("shop").labels(&address, &team());
        ListTagsForResourceOutput::builder()
            .set_tag_list(Some(tags::for_elasticache(&labels)))
            .build()
    })
}

fn elasticache(rules: &[&Rule]) -> Arc<Aws> {
    shop(|aws| aws.elasticache = mock_client!(aws_sdk_elasticache, RuleMode::MatchAny, rules))
}

fn found() -> Found<ReplicationGroup> {
    let reading = Reading { group: group("available").build(), nodes: vec![node().build()] };
    Found::ready("cache", reading.spec(team()), reading.live())
}

fn modified() -> ModifyReplicationGroupOutput {
    ModifyReplicationGroupOutput::builder().build()
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let aws =
        elasticache(&[&shows(vec![group("available").build()]), &nodes(node().build()), &tagged()]);
    assert_eq!(planned(&aws, "cache", wanted(&found_net())).await, []);
    let found = all::<ReplicationGroup>(&aws.afresh()).await.remove(0);
    assert_eq!((found.live.host.as_str(), found.live.port), ("master.shop-cache", 6379));
    assert!(all::<ReplicationGroup>(&aws.for_stack("shop-eu")).await.is_empty());
}

#[tokio::test]
async fn while_it_is_made_and_its_tags_and_port_are_unknown_nothing_but_waiting_is_planned() {
    let young = group("creating").set_node_groups(None).build();
    let unreadable = mock!(Client::list_tags_for_resource)
        .match_requests(|r| r.resource_name() == Some(ARN))
        .then_error(|| {
            let code = "InvalidReplicationGroupState";
            ListTagsForResourceError::generic(refusal(code, "not available"))
        });
    let beside = tagged();
    let aws = elasticache(&[&shows(vec![young]), &nodes(node().build()), &unreadable, &beside]);
    let planned = planned(&aws, "cache", wanted(&found_net())).await;
    assert_eq!(planned, [(Action::Await, Vec::new())]);
    assert_eq!(beside.num_calls(), 1);
}

#[tokio::test]
async fn one_whose_tags_cannot_be_read_is_ours_only_if_it_is_described_as_ours() {
    let strange = group("modifying").description("somebody's").build();
    let unreadable = mock!(Client::list_tags_for_resource).then_error(|| {
        ListTagsForResourceError::generic(refusal("InvalidReplicationGroupState", "modifying"))
    });
    let aws = elasticache(&[&shows(vec![strange]), &nodes(node().build()), &unreadable]);
    assert!(all::<ReplicationGroup>(&aws).await.is_empty());
}

#[tokio::test]
async fn what_waits_for_the_maintenance_window_is_a_note_and_no_difference() {
    let pending = PendingModifiedValues::builder().cache_node_type("cache.t4g.small").build();
    let node = node().pending_modified_values(pending).build();
    let aws = elasticache(&[&shows(vec![group("available").build()]), &nodes(node), &tagged()]);
    let wanted = ReplicationGroup { node_type: "cache.t4g.small".into(), ..wanted(&found_net()) };
    assert_eq!(planned(&aws, "cache", wanted).await, []);
    let found = all::<ReplicationGroup>(&aws.afresh()).await.remove(0);
    assert_eq!(
        found.notes,
        ["node_type cache.t4g.small is scheduled for the maintenance window sun:05:00-sun:06:00"]
    );
}

#[tokio::test]
async fn replicas_that_do_not_take_over_are_a_difference() {
    let half = group("available").multi_az(MultiAzStatus::Disabled).build();
    let aws = elasticache(&[&shows(vec![half]), &nodes(node().build()), &tagged()]);
    let planned = planned(&aws, "cache", wanted(&found_net())).await;
    assert_eq!(planned, [(Action::Update, vec!["failover: false -> true".to_owned()])]);
}

#[tokio::test]
async fn it_is_made_encrypted_both_ways_across_zones_and_with_all_its_tags() {
    let create = mock!(Client::create_replication_group)
        .match_requests(|r| {
            r.replication_group_id() == Some("shop-cache")
                && r.engine() == Some("valkey")
                && r.engine_version() == Some("8.0")
                && r.num_cache_clusters() == Some(2)
                && r.automatic_failover_enabled() == Some(true)
                && r.multi_az_enabled() == Some(true)
                && r.at_rest_encryption_enabled() == Some(true)
                && r.transit_encryption_enabled() == Some(true)
                && r.cache_subnet_group_name() == Some("shop-cache")
                && r.cache_parameter_group_name() == Some("shop-cache-valkey8")
                && r.security_group_ids() == ["sg-1"]
                && r.tags().len() == 5
        })
        .then_output(|| CreateReplicationGroupOutput::builder().build());
    let looks = shows(vec![group("creating").build()]);
    let (cx, net) =
        at::<ReplicationGroup>(&elasticache(&[&create, &looks, &nodes(node().build())]), "cache");
    assert_eq!(wanted(&net).create(&cx).await.unwrap().status, "creating");
}

#[tokio::test]
async fn what_exists_under_its_name_is_taken_over_only_if_it_is_ours() {
    let taken = || {
        mock!(Client::create_replication_group).then_error(|| {
            let code = "ReplicationGroupAlreadyExists";
            CreateReplicationGroupError::generic(refusal(code, "exists"))
        })
    };
    let looks = || shows(vec![group("available").build()]);
    let rules = [&taken(), &looks(), &nodes(node().build()), &tagged()];
    let (cx, net) = at::<ReplicationGroup>(&elasticache(&rules), "cache");
    assert_eq!(wanted(&net).create(&cx).await.unwrap().arn, ARN);
    let untagged = mock!(Client::list_tags_for_resource)
        .then_output(|| ListTagsForResourceOutput::builder().build());
    let rules = [&taken(), &looks(), &nodes(node().build()), &untagged];
    let (cx, net) = at::<ReplicationGroup>(&elasticache(&rules), "cache");
    let refused = wanted(&net).create(&cx).await.unwrap_err().to_string();
    assert!(refused.contains("the replication group `shop-cache` exists"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn one_that_could_not_be_made_ends_the_wait_and_is_made_anew() {
    let failed = group("create-failed").set_node_groups(None).build();
    let rules = [&shows(vec![failed]), &nodes(node().build()), &tagged()];
    let (cx, _) = at::<ReplicationGroup>(&elasticache(&rules), "cache");
    let why = ReplicationGroup::settle(found().live, &cx).await.unwrap_err().to_string();
    assert!(why.contains("create-failed"), "{why}");
    let found = all::<ReplicationGroup>(&cx.cloud.afresh()).await.remove(0);
    assert_eq!(found.phase, Phase::Broken);
    assert!(found.notes[0].contains("create-failed"));
}

#[tokio::test(start_paused = true)]
async fn engine_version_and_parameter_group_are_changed_in_one_call_and_at_once() {
    let modify = mock!(Client::modify_replication_group)
        .match_requests(|r| {
            r.engine() == Some("valkey")
                && r.engine_version() == Some("8.0")
                && r.apply_immediately() == Some(true)
                && r.cache_parameter_group_name() == Some("shop-cache-valkey8")
        })
        .then_output(modified);
    let old = group("available").engine("redis").build();
    let looks =
        shows(vec![old.clone(), old, group("modifying").build(), group("available").build()]);
    let before = node().engine_version("7.1.0").cache_parameter_group(parameters("default.redis7"));
    let nodes = mock!(Client::describe_cache_clusters)
        .sequence()
        .output(one_node(before.clone().build()))
        .output(one_node(before.build()))
        .output(one_node(node().build()))
        .repeatedly()
        .build();
    let (cx, net) = at::<ReplicationGroup>(&elasticache(&[&modify, &looks, &nodes]), "cache");
    wanted(&net).edit(Edit::Engine, &found(), &cx).await.unwrap();
    assert_eq!((modify.num_calls(), looks.num_calls()), (1, 4));
    wanted(&net).edit(Edit::Engine, &found(), &cx).await.unwrap();
    assert_eq!(modify.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_within_an_engine_names_no_engine_and_a_switch_of_parameters_no_version() {
    let upgrade = mock!(Client::modify_replication_group)
        .match_requests(|r| {
            r.engine().is_none()
                && r.engine_version() == Some("8.0")
                && r.cache_parameter_group_name() == Some("shop-cache-valkey8")
        })
        .then_output(modified);
    let switch = mock!(Client::modify_replication_group)
        .match_requests(|r| {
            r.engine().is_none()
                && r.engine_version().is_none()
                && r.cache_parameter_group_name() == Some("shop-cache-valkey8")
        })
        .then_output(modified);
    for (modify, version) in [(&upgrade, "7.2.6"), (&switch, "8.0.1")] {
        let before = node().engine_version(version).cache_parameter_group(parameters("default"));
        let nodes = mock!(Client::describe_cache_clusters)
            .sequence()
            .output(one_node(before.clone().build()))
            .output(one_node(before.build()))
            .output(one_node(node().build()))
            .repeatedly()
            .build();
        let looks = shows(vec![group("available").build()]);
        let (cx, net) = at::<ReplicationGroup>(&elasticache(&[modify, &looks, &nodes]), "cache");
        wanted(&net).edit(Edit::Engine, &found(), &cx).await.unwrap();
        assert_eq!(modify.num_calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn failover_is_switched_off_before_the_last_replica_goes() {
    let off = mock!(Client::modify_replication_group)
        .match_requests(|r| {
            r.automatic_failover_enabled() == Some(false) && r.multi_az_enabled() == Some(false)
        })
        .then_output(modified);
    let fewer = mock!(Client::decrease_replica_count)
        .match_requests(|r| r.new_replica_count() == Some(0) && r.apply_immediately() == Some(true))
        .then_output(|| DecreaseReplicaCountOutput::builder().build());
    let single = || {
        let group = group("available").automatic_failover(AutomaticFailoverStatus::Disabled);
        group.multi_az(MultiAzStatus::Disabled)
    };
    let alone = single().set_member_clusters(Some(vec!["shop-cache-001".into()]));
    let both = || group("available").build();
    let looks = shows(vec![both(), both(), single().build(), single().build(), alone.build()]);
    let rules = [&off, &fewer, &looks, &nodes(node().build())];
    let (cx, net) = at::<ReplicationGroup>(&elasticache(&rules), "cache");
    let wanted = ReplicationGroup { replicas: 0, failover: false, ..wanted(&net) };
    wanted.edit(Edit::Replicas, &found(), &cx).await.unwrap();
    assert_eq!((off.num_calls(), fewer.num_calls()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn failover_is_switched_on_once_the_first_replica_is_there() {
    let on = mock!(Client::modify_replication_group)
        .match_requests(|r| {
            r.automatic_failover_enabled() == Some(true) && r.multi_az_enabled() == Some(true)
        })
        .then_output(modified);
    let more = mock!(Client::increase_replica_count)
        .match_requests(|r| {
            // Not beside the primary: it could not take over from there.
            let [spread] = r.replica_configuration() else { return false };
            spread.new_replica_count() == Some(1)
                && spread.preferred_availability_zones() == ["eu-west-1b", "eu-west-1a"]
                && r.new_replica_count().is_none()
                && r.apply_immediately() == Some(true)
        })
        .then_output(|| IncreaseReplicaCountOutput::builder().build());
    let two = || {
        let group = group("available").automatic_failover(AutomaticFailoverStatus::Disabled);
        group.multi_az(MultiAzStatus::Disabled)
    };
    let alone = two().set_member_clusters(Some(vec!["shop-cache-001".into()]));
    let alone = alone.build();
    let looks = [alone.clone(), alone, two().build(), two().build(), group("available").build()];
    let looks = shows(looks.to_vec());
    let rules = [&on, &more, &looks, &nodes(node().build())];
    let (cx, net) = at::<ReplicationGroup>(&elasticache(&rules), "cache");
    wanted(&net).edit(Edit::Replicas, &found(), &cx).await.unwrap();
    assert_eq!((on.num_calls(), more.num_calls()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn tags_are_changed_from_what_they_are_and_each_call_waits_until_the_last_has_ended() {
    let busy = || refusal("InvalidReplicationGroupState", "not available for tagging");
    let unread = mock!(Client::list_tags_for_resource)
        .sequence()
        .error(move || ListTagsForResourceError::generic(busy()))
        .output(|| {
            let address = crate::engine::Address::of::<ReplicationGroup>("cache");
            let mut tags = team();
            tags.own.insert("owner".into(), "anna".into());
            let labels = Aws::offline("shop").labels(&address, &tags);
            ListTagsForResourceOutput::builder()
                .set_tag_list(Some(tags::for_elasticache(&labels)))
                .build()
        })
        .build();
    let remove = mock!(Client::remove_tags_from_resource)
        .match_requests(|r| r.resource_name() == Some(ARN) && r.tag_keys() == ["owner"])
        .sequence()
        .error(move || RemoveTagsFromResourceError::generic(busy()))
        .output(|| RemoveTagsFromResourceOutput::builder().build())
        .build();
    let add = mock!(Client::add_tags_to_resource)
        .match_requests(|r| {
            r.resource_name() == Some(ARN) && r.tags().iter().any(|t| t.key() == Some(tags::KEYS))
        })
        .sequence()
        .error(move || AddTagsToResourceError::generic(busy()))
        .output(|| AddTagsToResourceOutput::builder().build())
        .build();
    let rules = [&add, &remove, &unread];
    let (cx, net) = at::<ReplicationGroup>(&elasticache(&rules), "cache");
    wanted(&net).edit(Edit::Tags, &found(), &cx).await.unwrap();
    assert_eq!((unread.num_calls(), remove.num_calls(), add.num_calls()), (2, 2, 2));
}

#[tokio::test]
async fn a_tag_goes_before_the_list_of_keys_forgets_it() {
    let remove = mock!(Client::remove_tags_from_resource)
        .then_error(|| RemoveTagsFromResourceError::generic(refusal("AccessDenied", "no")));
    let add = mock!(Client::add_tags_to_resource)
        .then_output(|| AddTagsToResourceOutput::builder().build());
    let (cx, net) = at::<ReplicationGroup>(&elasticache(&[&add, &remove, &tagged()]), "cache");
    let wanted = ReplicationGroup { tags: Tags::default(), ..wanted(&net) };
    wanted.edit(Edit::Tags, &found(), &cx).await.unwrap_err();
    assert_eq!(add.num_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_node_in_a_state_that_does_not_pass_ends_the_wait() {
    let stuck = node().cache_cluster_status("incompatible-network").build();
    let rules = [&shows(vec![group("modifying").build()]), &nodes(stuck)];
    let (cx, _) = at::<ReplicationGroup>(&elasticache(&rules), "cache");
    let why = ReplicationGroup::settle(found().live, &cx).await.unwrap_err().to_string();
    assert!(why.contains("shop-cache-001 is in incompatible-network"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_its_turn_and_ends_when_it_is_gone() {
    let gone = || {
        DescribeReplicationGroupsError::generic(refusal("ReplicationGroupNotFoundFault", "gone"))
    };
    let delete = mock!(Client::delete_replication_group)
        .match_requests(|r| {
            r.retain_primary_cluster() == Some(false) && r.final_snapshot_identifier().is_none()
        })
        .sequence()
        .error(|| {
            let code = "InvalidReplicationGroupState";
            DeleteReplicationGroupError::generic(refusal(code, "modifying"))
        })
        .output(|| DeleteReplicationGroupOutput::builder().build())
        .error(|| {
            let code = "ReplicationGroupNotFoundFault";
            DeleteReplicationGroupError::generic(refusal(code, "gone"))
        })
        .build();
    // For a moment it still looks as if nothing had been asked.
    let looks = mock!(Client::describe_replication_groups)
        .sequence()
        .output(output(group("available").build()))
        .output(output(group("deleting").build()))
        .error(gone)
        .repeatedly()
        .build();
    let (cx, _) =
        at::<ReplicationGroup>(&elasticache(&[&delete, &looks, &nodes(node().build())]), "cache");
    ReplicationGroup::delete(&found(), &cx).await.unwrap();
    ReplicationGroup::delete(&found(), &cx).await.unwrap();
    assert_eq!((delete.num_calls(), looks.num_calls()), (3, 4));
}

#[tokio::test]
async fn a_name_that_others_have_is_told_and_so_is_one_of_its_nodes() {
    let there = shows(vec![group("available").build()]);
    let aws = elasticache(&[&there, &nodes(node().build()), &tagged()]);
    assert!(taken(&aws, "shop", "cache", wanted).await.is_empty());
    let told = taken(&aws, "shop-eu", "cache", wanted).await;
    assert_eq!(told, ["replication group shop-eu-cache (of the stack shop)"]);
    let alone = CacheCluster::builder().cache_cluster_id("shop-cache-002").arn("arn:alone");
    let untagged = mock!(Client::list_tags_for_resource)
        .then_output(|| ListTagsForResourceOutput::builder().build());
    let free = mock!(Client::describe_replication_groups)
        .then_output(|| DescribeReplicationGroupsOutput::builder().build());
    let aws = elasticache(&[&free, &nodes(alone.build()), &untagged]);
    let told = taken(&aws, "shop", "cache", wanted).await;
    assert_eq!(told, ["cache cluster shop-cache-002 (without a tag of stackctl's)"]);
}

#[tokio::test]
async fn what_bears_our_tags_under_another_id_is_a_copy_that_is_left_alone() {
    let copy = group("available").replication_group_id("shop-cache-restored").build();
    let aws = elasticache(&[&shows(vec![copy]), &nodes(node().build()), &tagged()]);
    let found = all::<ReplicationGroup>(&aws).await.remove(0);
    assert_eq!(found.phase, Phase::Copy);
    assert!(found.notes[0].contains("shop-cache-restored"), "{:?}", found.notes);
    let planned = planned(&aws.afresh(), "cache", wanted(&found_net())).await;
    assert_eq!(planned.iter().map(|(action, _)| *action).collect::<Vec<_>>(), [Action::Create]);
}

#[test]
fn a_version_above_the_files_is_refused_with_what_to_write_into_the_file() {
    let net = found_net();
    let older = |engine, version: &str| ReplicationGroup {
        engine,
        version: Version(version.into()),
        ..wanted(&net)
    };
    let change = |attribute| Change { attribute, from: None, to: String::new(), replaces: true };
    let why = older(Engine::Valkey, "7.2").refuse(&found(), &[change("version")]).unwrap();
    assert!(why.says.contains("runs valkey 8.0.1"), "{}", why.says);
    assert!(why.remedy.contains("version: \"8.0\""), "{}", why.remedy);
    let why = older(Engine::Redis, "7.1").refuse(&found(), &[change("engine")]).unwrap();
    assert!(why.says.contains("does not go back to redis 7.1"), "{}", why.says);
    assert!(why.remedy.contains("engine: valkey"), "{}", why.remedy);
    assert_eq!(wanted(&net).refuse(&found(), &[change("port")]), None);
}

#[tokio::test]
async fn a_version_that_elasticache_does_not_make_is_told_before_anything_is_done() {
    let versions = || {
        mock!(Client::describe_cache_engine_versions).then_output(|| {
            let made = CacheEngineVersion::builder().engine_version("8.1").build();
            DescribeCacheEngineVersionsOutput::builder().cache_engine_versions(made).build()
        })
    };
    let denied = mock!(Client::describe_cache_engine_versions).then_error(|| {
        DescribeCacheEngineVersionsError::generic(refusal("AccessDenied", "may not ask"))
    });
    let (cx, net) = at::<ReplicationGroup>(&elasticache(&[&versions()]), "cache");
    let problems = wanted(&net).preflight(None, &[], &cx).await.unwrap();
    assert_eq!(problems[0].says, "ElastiCache makes no valkey 8.0 here; it makes 8.1");
    let (cx, net) = at::<ReplicationGroup>(&elasticache(&[&denied]), "cache");
    assert_eq!(wanted(&net).preflight(None, &[], &cx).await.unwrap(), []);
    let unasked = versions();
    let (cx, net) = at::<ReplicationGroup>(&elasticache(&[&unasked]), "cache");
    assert_eq!(wanted(&net).preflight(Some(&found()), &[], &cx).await.unwrap(), []);
    assert_eq!(unasked.num_calls(), 0);
}
