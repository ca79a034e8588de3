//! How a cache parameter group is read, made, changed and removed.

use super::*;
use crate::{
    engine::Action,
    kinds::stores::bench::{Net, all, at, planned, refusal, shop, taken, team},
};
use aws_sdk_elasticache::{
    Client,
    operation::{
        create_cache_parameter_group::{
            CreateCacheParameterGroupError, CreateCacheParameterGroupOutput,
        },
        delete_cache_parameter_group::{
            DeleteCacheParameterGroupError, DeleteCacheParameterGroupOutput,
        },
        describe_cache_engine_versions::DescribeCacheEngineVersionsOutput,
        describe_cache_parameter_groups::DescribeCacheParameterGroupsOutput,
        describe_cache_parameters::DescribeCacheParametersOutput,
        describe_cache_subnet_groups::DescribeCacheSubnetGroupsOutput,
        list_tags_for_resource::ListTagsForResourceOutput,
        modify_cache_parameter_group::{
            ModifyCacheParameterGroupError, ModifyCacheParameterGroupOutput,
        },
    },
    types::{CacheEngineVersion, CacheSubnetGroup as Place},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use std::sync::Arc;

fn wanted(net: &Net) -> CacheParameterGroup {
    CacheParameterGroup {
        engine: Engine::Valkey,
        version: Version("8.0".into()),
        maxmemory_policy: "noeviction".into(),
        reserved_memory_percent: 50,
        beside: Some(net.cache.clone()),
        tags: team(),
    }
}

fn described(name: &str) -> Described {
    Described::builder()
        .cache_parameter_group_name(name)
        .cache_parameter_group_family("valkey8")
        .arn(format!("arn:aws:elasticache:eu-west-1:111122223333:parametergroup:{name}"))
        .build()
}

fn listed() -> Rule {
    mock!(Client::describe_cache_parameter_groups).then_output(|| {
        let all = ["default.valkey8", "shop-cache-valkey8"].map(described).to_vec();
        DescribeCacheParameterGroupsOutput::builder().set_cache_parameter_groups(Some(all)).build()
    })
}

fn places(name: &'static str) -> Rule {
    mock!(Client::describe_cache_subnet_groups).then_output(move || {
        let place = Place::builder().cache_subnet_group_name(name).build();
        DescribeCacheSubnetGroupsOutput::builder().cache_subnet_groups(place).build()
    })
}

fn tagged() -> Rule {
    mock!(Client::list_tags_for_resource).then_output(|| {
        let address = crate::engine::Address::of::<CacheParameterGroup>("cache-valkey8");
        let labels = Aws::offline("shop").labels(&address, &team());
        let tags = Some(tags::for_elasticache(&labels));
        ListTagsForResourceOutput::builder().set_tag_list(tags).build()
    })
}

/// As AWS tells them: in pages, among many others.
fn parameters(policy: &'static str, reserved: &'static str) -> Rule {
    let page = |name: &str, value: &str| {
        let one = Parameter::builder().parameter_name(name).parameter_value(value).build();
        let other = Parameter::builder().parameter_name("timeout").parameter_value("0").build();
        DescribeCacheParametersOutput::builder().parameters(other).parameters(one)
    };
    mock!(Client::describe_cache_parameters)
        .sequence()
        .output(move || page(POLICY, policy).marker("1").build())
        .output(move || page(RESERVED, reserved).build())
        .build()
}

fn elasticache(rules: &[&Rule]) -> Arc<Aws> {
    shop(|aws| aws.elasticache = mock_client!(aws_sdk_elasticache, RuleMode::MatchAny, rules))
}

fn found(net: &Net) -> Found<CacheParameterGroup> {
    Found::ready("cache-valkey8", wanted(net), live(&described("shop-cache-valkey8")).unwrap())
}

fn versions() -> Rule {
    mock!(Client::describe_cache_engine_versions)
        .match_requests(|r| r.engine() == Some("valkey"))
        .then_output(|| {
            let made = |version: &str, family: &str| {
                let made = CacheEngineVersion::builder().engine("valkey").engine_version(version);
                made.cache_parameter_group_family(family).build()
            };
            DescribeCacheEngineVersionsOutput::builder()
                .cache_engine_versions(made("7.2", "valkey7"))
                .cache_engine_versions(made("8.0", "valkey8"))
                .build()
        })
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let rules = [&places("shop-cache"), &listed(), &tagged(), &parameters("noeviction", "50")];
    let (cx, net) = at::<CacheParameterGroup>(&elasticache(&rules), "cache-valkey8");
    let wanted = CacheParameterGroup { beside: None, ..wanted(&net) };
    assert_eq!(planned(&cx.cloud, "cache-valkey8", wanted).await, []);
}

#[tokio::test]
async fn parameters_that_somebody_else_set_back_are_set_again() {
    let rules = [&places("shop-cache"), &listed(), &tagged(), &parameters("volatile-lru", "25")];
    let (cx, net) = at::<CacheParameterGroup>(&elasticache(&rules), "cache-valkey8");
    let wanted = CacheParameterGroup { beside: None, ..wanted(&net) };
    let changes = [
        "maxmemory_policy: volatile-lru -> noeviction".to_owned(),
        "reserved_memory_percent: 25 -> 50".to_owned(),
    ];
    let planned = planned(&cx.cloud, "cache-valkey8", wanted).await;
    assert_eq!(planned, [(Action::Update, changes.to_vec())]);
}

#[tokio::test]
async fn a_stack_without_a_subnet_group_for_caches_is_not_asked_for_parameter_groups() {
    let groups = listed();
    let aws = elasticache(&[&places("shopping-cache"), &groups]);
    assert!(all::<CacheParameterGroup>(&aws).await.is_empty());
    assert_eq!(groups.num_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_is_made_of_the_family_that_aws_names_and_then_set() {
    let create = mock!(Client::create_cache_parameter_group)
        .match_requests(|r| {
            r.cache_parameter_group_name() == Some("shop-cache-valkey8")
                && r.cache_parameter_group_family() == Some("valkey8")
                && r.tags().len() == 5
        })
        .then_output(|| {
            let made = described("shop-cache-valkey8");
            CreateCacheParameterGroupOutput::builder().cache_parameter_group(made).build()
        });
    let set = mock!(Client::modify_cache_parameter_group)
        .match_requests(|r| {
            let values = r.parameter_name_values().iter();
            let values: Vec<_> = values.filter_map(|p| p.parameter_value()).collect();
            values == ["noeviction", "50"]
        })
        .sequence()
        .error(|| {
            ModifyCacheParameterGroupError::generic(refusal("CacheParameterGroupNotFound", "new"))
        })
        .output(|| ModifyCacheParameterGroupOutput::builder().build())
        .build();
    let rules = [&versions(), &create, &set];
    let (cx, net) = at::<CacheParameterGroup>(&elasticache(&rules), "cache-valkey8");
    assert_eq!(wanted(&net).create(&cx).await.unwrap().name, "shop-cache-valkey8");
    assert_eq!((create.num_calls(), set.num_calls()), (1, 2));
}

#[tokio::test]
async fn a_version_that_is_not_made_is_told_with_those_that_are() {
    let (cx, net) = at::<CacheParameterGroup>(&elasticache(&[&versions()]), "cache-valkey12");
    let wanted = CacheParameterGroup { version: Version("12.0".into()), ..wanted(&net) };
    let error = wanted.create(&cx).await.unwrap_err().to_string();
    assert_eq!(error, "ElastiCache makes no valkey 12.0 here; it makes 7.2, 8.0");
}

#[tokio::test]
async fn what_exists_under_its_name_is_taken_over_only_if_it_is_ours() {
    let exists = || {
        mock!(Client::create_cache_parameter_group).then_error(|| {
            let code = "CacheParameterGroupAlreadyExists";
            CreateCacheParameterGroupError::generic(refusal(code, "exists"))
        })
    };
    let one = || {
        mock!(Client::describe_cache_parameter_groups)
            .match_requests(|r| r.cache_parameter_group_name() == Some("shop-cache-valkey8"))
            .then_output(|| {
                let group = described("shop-cache-valkey8");
                DescribeCacheParameterGroupsOutput::builder().cache_parameter_groups(group).build()
            })
    };
    let set = mock!(Client::modify_cache_parameter_group)
        .then_output(|| ModifyCacheParameterGroupOutput::builder().build());
    let read = parameters("volatile-lru", "25");
    let rules = [&versions(), &exists(), &one(), &tagged(), &read, &set];
    let (cx, net) = at::<CacheParameterGroup>(&elasticache(&rules), "cache-valkey8");
    wanted(&net).create(&cx).await.unwrap();
    assert_eq!(set.num_calls(), 1);
    let untagged = mock!(Client::list_tags_for_resource)
        .then_output(|| ListTagsForResourceOutput::builder().build());
    let read = parameters("volatile-lru", "25");
    let rules = [&versions(), &exists(), &one(), &untagged, &read];
    let aws = elasticache(&rules);
    let (cx, net) = at::<CacheParameterGroup>(&aws, "cache-valkey8");
    let refused = wanted(&net).create(&cx).await.unwrap_err().to_string();
    assert!(refused.contains("the cache parameter group `shop-cache-valkey8`"), "{refused}");
    let told = taken(&aws, "shop", "cache-valkey8", wanted).await;
    assert_eq!(told, ["cache parameter group shop-cache-valkey8 (without a tag of stackctl's)"]);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_while_a_cache_uses_it_and_succeeds_when_it_is_gone() {
    let refused =
        |code: &'static str| move || DeleteCacheParameterGroupError::generic(refusal(code, "no"));
    let delete = mock!(Client::delete_cache_parameter_group)
        .sequence()
        .error(refused("InvalidCacheParameterGroupState"))
        .output(|| DeleteCacheParameterGroupOutput::builder().build())
        .error(refused("CacheParameterGroupNotFound"))
        .build();
    let (cx, net) = at::<CacheParameterGroup>(&elasticache(&[&delete]), "cache-valkey8");
    CacheParameterGroup::delete(&found(&net), &cx).await.unwrap();
    CacheParameterGroup::delete(&found(&net), &cx).await.unwrap();
    assert_eq!(delete.num_calls(), 3);
}

#[test]
fn there_is_one_for_each_major_version() {
    let name = |engine, version: &str| super::name(engine, &Version(version.into()));
    assert_eq!(name(Engine::Valkey, "8.0"), name(Engine::Valkey, "8.2"));
    assert_ne!(name(Engine::Valkey, "7.2"), name(Engine::Redis, "7.1"));
    assert_eq!(name(Engine::Redis, "6.2"), "cache-redis6");
}
