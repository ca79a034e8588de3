//! The engine versions that ElastiCache makes, as it tells them.

use super::Version;
use crate::{
    aws::{Aws, Failure, Sent},
    engine::{Change, Problem, Refused},
};
use anyhow::{Context, Result};
use aws_sdk_elasticache::types::CacheEngineVersion;

/// The parameter group family of an engine version.
///
/// # Errors
/// When ElastiCache makes no such version, with those that it makes.
pub(in crate::kinds) async fn family(
    cloud: &Aws,
    engine: &str,
    version: &Version,
) -> Result<String> {
    let all = of(cloud, engine).await?;
    let one = all.iter().find(|made| is(made, version));
    one.and_then(|made| made.cache_parameter_group_family.clone())
        .with_context(|| lacks(engine, version, &all))
}

/// What keeps ElastiCache from making an engine version: that it makes none of that name. Who may not
/// ask learns it when the cache is made.
pub(in crate::kinds) async fn missing(
    cloud: &Aws,
    engine: &str,
    version: &Version,
) -> Result<Vec<Problem>> {
    let all = match of(cloud, engine).await {
        Err(failure) if failure.is(&["AccessDenied", "AccessDeniedException"]) => Vec::new(),
        all => all?,
    };
    if all.is_empty() || all.iter().any(|made| is(made, version)) {
        return Ok(Vec::new());
    }
    Ok(vec![Problem::new(lacks(engine, version, &all), "write one of these as `cache.version`")])
}

/// Why a cache does not go back to an older version, or from Valkey to Redis. `runs` and `wanted` are
/// an engine and its version, `loses` is what a new cache in its place would lose.
pub(in crate::kinds) fn no_way_back(
    runs: (&str, &Version),
    wanted: (&str, &Version),
    loses: &str,
    changes: &[Change],
) -> Option<Refused> {
    let refused = |attribute| changes.iter().any(|c| c.attribute == attribute && c.replaces);
    if !refused("engine") && !refused("version") {
        return None;
    }
    let ((engine, version), (other, older)) = (runs, wanted);
    // Of Valkey and Redis the last number is AWS's own.
    let parts = if engine == "memcached" { 3 } else { 2 };
    let version_in_file = version.0.split('.').take(parts).collect::<Vec<_>>().join(".");
    Some(Refused {
        says: format!(
            "runs {engine} {}, and ElastiCache does not go back to {other} {}: it would have to be \
             replaced, and with it {loses}",
            version.0, older.0
        ),
        remedy: format!(
            "write `engine: {engine}` and `version: \"{version_in_file}\"` under `cache`: that keeps \
             what is in it"
        ),
    })
}

async fn of(cloud: &Aws, engine: &str) -> Result<Vec<CacheEngineVersion>, Failure> {
    let call = cloud.elasticache.describe_cache_engine_versions().engine(engine);
    call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.aws()
}

/// Whether this is the version that is meant, whole or by its beginning.
fn is(made: &CacheEngineVersion, version: &Version) -> bool {
    let rest = made.engine_version().and_then(|made| made.strip_prefix(&*version.0));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn lacks(engine: &str, version: &Version, all: &[CacheEngineVersion]) -> String {
    let made: Vec<_> = all.iter().filter_map(CacheEngineVersion::engine_version).collect();
    format!("ElastiCache makes no {engine} {} here; it makes {}", version.0, made.join(", "))
}
