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
    /// Whether connections are encrypted. With Valkey and Redis they always are.
    pub tls: bool,
    /// What becomes of a full cache, with Valkey and Redis; `None`: what suits what is kept in it.
    pub maxmemory_policy: Option<MaxmemoryPolicy>,
    /// Percent of a node's memory that no data is put in, with Valkey and Redis; `None`: what AWS
    /// advises for the node type.
    pub reserved_memory_percent: Option<u8>,
}

/// What a full cache does with a new key (parameter `maxmemory-policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaxmemoryPolicy {
    /// Refuses it.
    Noeviction,
    /// Drops, of the keys that expire, those that were not used for longest.
    VolatileLru,
    /// Drops, of the keys that expire, those that were used least often.
    VolatileLfu,
    /// Drops, of the keys that expire, those that expire first.
    VolatileTtl,
    /// Drops any of the keys that expire.
    VolatileRandom,
    /// Drops the keys that were not used for longest.
    AllkeysLru,
    /// Drops the keys that were used least often.
    AllkeysLfu,
    /// Drops any key.
    AllkeysRandom,
}

impl MaxmemoryPolicy {
    /// As the parameter spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Noeviction => "noeviction",
            Self::VolatileLru => "volatile-lru",
            Self::VolatileLfu => "volatile-lfu",
            Self::VolatileTtl => "volatile-ttl",
            Self::VolatileRandom => "volatile-random",
            Self::AllkeysLru => "allkeys-lru",
            Self::AllkeysLfu => "allkeys-lfu",
            Self::AllkeysRandom => "allkeys-random",
        }
    }
}

choice!(
    MaxmemoryPolicy: Noeviction, VolatileTtl, VolatileLru, VolatileLfu, VolatileRandom, AllkeysLru,
    AllkeysLfu, AllkeysRandom
);

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
            tls: section.switch("tls"),
            maxmemory_policy: section.choice("maxmemory_policy"),
            reserved_memory_percent: section.number("reserved_memory_percent"),
        }
    }
}

impl Cache {
    /// Percent of a node's memory that no data is put in: what the file says, or what AWS advises
    /// for the node type ("Managing reserved memory", `ElastiCache` User Guide: small burstable nodes
    /// swap while they are replicated).
    pub fn reserved_memory(&self) -> u8 {
        self.reserved_memory_percent.unwrap_or(match self.size() {
            ("t", "micro") => 50,
            ("t", "small") => 30,
            _ => 25,
        })
    }

    /// The letter of the node type's family, and its size.
    fn size(&self) -> (&str, &str) {
        let mut parts = self.node_type.split('.').skip(1);
        let (family, size) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        (family.get(..1).unwrap_or_default(), size)
    }

    /// Whether its nodes speak TLS if they are to. T2 nodes of Memcached do not ("In-transit
    /// encryption conditions (Memcached)", `ElastiCache` User Guide).
    pub(super) fn check_tls(&self) -> Result<(), Wrong> {
        match self.engine {
            CacheEngine::Valkey | CacheEngine::Redis if !self.tls => Err(Wrong::new(format!(
                "connections to {} are always encrypted here",
                self.engine.as_str()
            ))
            .help("only `engine: memcached` can do without; take the line away")),
            CacheEngine::Memcached if self.tls && self.node_type.starts_with("cache.t2.") => {
                Err(Wrong::new("T2 nodes of Memcached cannot encrypt connections")
                    .help("choose cache.t3.micro or cache.t4g.micro, or write `tls: false`"))
            }
            _ => Ok(()),
        }
    }
}

/// Engine versions that can be made.
const KNOWN: &str = include_str!("cache/engine_versions.txt");

impl CacheEngine {
    /// The version that is made when the file names none.
    pub const fn usual_version(self) -> &'static str {
        match self {
            Self::Valkey => "8.0",
            Self::Redis => "7.1",
            Self::Memcached => "1.6.22",
        }
    }

    /// The versions that are known to be made, the oldest first.
    fn known_versions(self) -> impl Iterator<Item = &'static str> {
        let lines = KNOWN.lines().filter(|line| !line.starts_with('#'));
        let mine = lines.filter_map(move |line| line.strip_prefix(self.as_str()));
        mine.flat_map(str::split_whitespace)
    }

    /// Whether AWS could make this version. Of a newer one than is known here, AWS is asked when the
    /// plan is made.
    pub(super) fn check_version(self, version: &str) -> Result<(), Wrong> {
        if self.known_versions().any(|known| known == version) {
            return Ok(());
        }
        let last = self.known_versions().last().unwrap_or_default();
        let (parts, newest) = (numbers(version), numbers(last).unwrap_or_default());
        let all: Vec<_> = self.known_versions().collect();
        let all = all.join(", ");
        match (self, &*parts.unwrap_or_default()) {
            (Self::Redis, [(8..), ..] | [7, (2..), ..]) => Err(Wrong::new(
                "ElastiCache has no Redis after 7.1",
            )
            .help("write `engine: valkey`, which goes on from there and speaks the same language")),
            (Self::Redis, [0..=5, ..]) => Err(Wrong::new("this Redis is out of standard support")
                .help("\"7.1\" is the last version, and Valkey goes on from there")),
            (Self::Memcached, [1, 6, 0..=11] | [1, 0..=5, _]) => {
                Err(Wrong::new("this Memcached cannot encrypt connections")
                    .help("\"1.6.12\" is the first that can, \"1.6.22\" a good choice"))
            }
            (Self::Valkey | Self::Memcached, new)
                if new.len() == newest.len() && *new > *newest =>
            {
                Ok(())
            }
            _ => Err(Wrong::new(format!(
                "expected a version of {} that ElastiCache makes",
                self.as_str()
            ))
            .help(format!("there are {all}"))),
        }
    }
}

fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|part| part.parse().ok()).collect()
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
            (CacheEngine::Valkey, ["7.1", "8", "8.0.1", "8.7"]),
            (CacheEngine::Redis, ["5.0.6", "7.2", "8.0", ""]),
            (CacheEngine::Memcached, ["1.6", "1.6.11", "1.5.16", "1.6.15"]),
        ] {
            for version in versions {
                assert!(engine.check_version(version).is_err(), "{version}");
            }
        }
    }

    fn cache(node_type: &str, engine: CacheEngine, tls: bool) -> Cache {
        Cache {
            engine,
            version: engine.usual_version().into(),
            node_type: node_type.into(),
            replicas: 1,
            port: engine.port(),
            tls,
            maxmemory_policy: None,
            reserved_memory_percent: None,
        }
    }

    #[test]
    fn small_burstable_nodes_keep_more_memory_free() {
        let reserved = |node_type| cache(node_type, CacheEngine::Valkey, true).reserved_memory();
        assert_eq!(reserved("cache.t4g.micro"), 50);
        assert_eq!(reserved("cache.t3.small"), 30);
        assert_eq!(reserved("cache.t4g.medium"), 25);
        assert_eq!(reserved("cache.m7g.large"), 25);
    }

    #[test]
    fn encryption_is_refused_where_nodes_cannot_and_its_lack_where_it_is_a_must() {
        let check = |node_type, engine, tls| cache(node_type, engine, tls).check_tls().is_ok();
        assert!(!check("cache.t2.micro", CacheEngine::Memcached, true));
        assert!(check("cache.t2.micro", CacheEngine::Memcached, false));
        assert!(check("cache.t3.micro", CacheEngine::Memcached, true));
        assert!(check("cache.t2.micro", CacheEngine::Valkey, true));
        assert!(!check("cache.t4g.micro", CacheEngine::Valkey, false));
    }

    #[test]
    fn every_known_version_is_of_the_form_that_is_asked_for() {
        for engine in [CacheEngine::Valkey, CacheEngine::Redis, CacheEngine::Memcached] {
            let known: Vec<_> = engine.known_versions().map(numbers).collect();
            assert!(!known.is_empty() && known.iter().all(Option::is_some));
            assert!(known.is_sorted(), "{known:?}");
        }
    }
}
