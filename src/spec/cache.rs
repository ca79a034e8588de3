//! The cache.

use serde::Serialize;

use super::Wrong;
use super::choice::choice;
use super::reader::Section;
use super::values::split_type;

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

choice!(CacheEngine: Valkey, Redis, Memcached);

impl Cache {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let engine: CacheEngine = section.choice_or_usual("engine");
        Self {
            engine,
            version: section
                .text("version", |text| Ok(text.to_owned()))
                .unwrap_or_else(|| engine.usual_version().to_owned()),
            node_type: section.text_or_usual("node_type", node_type),
            replicas: section.number_or_usual("replicas"),
            port: section.number("port").unwrap_or(engine.port()),
        }
    }
}

impl CacheEngine {
    /// The version that is made when the file names none.
    pub const fn usual_version(self) -> &'static str {
        match self {
            Self::Valkey => "8.0",
            Self::Redis => "7.1",
            Self::Memcached => "1.6.22",
        }
    }

    /// Whether AWS could make this version. A newer one than is known here is not refused.
    pub(super) fn check_version(self, version: &str) -> Result<(), Wrong> {
        let parts: Option<Vec<u32>> =
            version.split('.').map(|part| part.parse::<u32>().ok()).collect();
        match (self, &*parts.unwrap_or_default()) {
            (Self::Valkey, [7, 2] | [(8..), _])
            | (Self::Redis, [6, 0 | 2] | [7, 0 | 1])
            | (Self::Memcached, [1, 6, (12..)] | [1, (7..), _] | [(2..), _, _]) => Ok(()),
            (Self::Valkey, _) => Err(Wrong::new("expected a version of Valkey, 7.2 or newer")
                .help("major and minor number, such as \"8.0\"")),
            (Self::Redis, [(8..), ..] | [7, (2..), ..]) => Err(Wrong::new(
                "ElastiCache has no Redis after 7.1",
            )
            .help("write `engine: valkey`, which goes on from there and speaks the same language")),
            (Self::Redis, [0..=5, ..]) => Err(Wrong::new("this Redis is out of standard support")
                .help("\"7.1\" is the last version, and Valkey goes on from there")),
            (Self::Redis, _) => {
                Err(Wrong::new("expected a version of Redis: 6.0, 6.2, 7.0 or 7.1"))
            }
            (Self::Memcached, [1, 6, _]) => {
                Err(Wrong::new("this Memcached cannot encrypt connections")
                    .help("\"1.6.12\" is the first that can, \"1.6.22\" a good choice"))
            }
            (Self::Memcached, _) => {
                Err(Wrong::new("expected a version of Memcached such as 1.6.22"))
            }
        }
    }
}

fn node_type(text: &str) -> Result<String, Wrong> {
    let wrong = Wrong::new("expected a cache node type: `cache.`, a family and a size")
        .help("such as cache.t4g.micro, cache.m7g.large");
    let Some((family, size)) = text.strip_prefix("cache.").and_then(split_type) else {
        let near = split_type(text).map(|_| format!("did you mean cache.{text}?"));
        return Err(wrong.fix(near));
    };
    if family.starts_with('t') && !matches!(size, "micro" | "small" | "medium") {
        return Err(Wrong::new("the t families of cache nodes come as micro, small and medium")
            .help("larger ones are in the m and r families, such as cache.m7g.large"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_aws_makes_are_taken() {
        for (engine, versions) in [
            (CacheEngine::Valkey, ["7.2", "8.0", "9.0", "12.3"]),
            (CacheEngine::Redis, ["6.0", "6.2", "7.0", "7.1"]),
            (CacheEngine::Memcached, ["1.6.12", "1.6.17", "1.6.22", "1.6.99"]),
        ] {
            assert_eq!(engine.check_version(engine.usual_version()), Ok(()));
            for version in versions {
                assert_eq!(engine.check_version(version), Ok(()), "{version}");
            }
        }
    }

    #[test]
    fn versions_that_aws_does_not_make_are_refused() {
        for (engine, versions) in [
            (CacheEngine::Valkey, ["7.1", "8", "8.0.1", "latest"]),
            (CacheEngine::Redis, ["5.0.6", "7.2", "8.0", ""]),
            (CacheEngine::Memcached, ["1.6", "1.6.11", "1.5.16", "8.0"]),
        ] {
            for version in versions {
                assert!(engine.check_version(version).is_err(), "{version}");
            }
        }
    }
}
