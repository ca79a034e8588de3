//! The cache.

use serde::Serialize;

/// The cache: a replication group, or for Memcached a cache cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cache {
    /// What runs on it.
    pub engine: CacheEngine,
    /// The engine's version: `8.0`, for Memcached `1.6.22`.
    pub version: String,
    /// The node type, `cache.family.size`.
    pub node_type: String,
    /// The nodes beside the first, 0 to 5. With Valkey and Redis they are replicas, and one or
    /// more gives multi-AZ with automatic failover; with Memcached each holds its own part of
    /// the keys.
    pub replicas: u8,
    /// The port it listens on.
    pub port: u16,
}

/// What runs on a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheEngine {
    /// Valkey, which speaks the language of Redis.
    Valkey,
    /// Redis OSS, whose last version is 7.1.
    Redis,
    /// Memcached.
    Memcached,
}

impl CacheEngine {
    /// As AWS spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valkey => "valkey",
            Self::Redis => "redis",
            Self::Memcached => "memcached",
        }
    }

    /// The port it listens on unless told otherwise.
    pub const fn port(self) -> u16 {
        match self {
            Self::Valkey | Self::Redis => 6379,
            Self::Memcached => 11211,
        }
    }
}
