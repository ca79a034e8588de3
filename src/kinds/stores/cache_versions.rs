//! The engine versions that ElastiCache makes, as it tells them.

use super::Version;
use crate::aws::{Aws, Failure, Sent};
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
