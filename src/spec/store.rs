//! Where the sessions of the app live.

use serde::Serialize;
use std::collections::BTreeMap;

use super::choice::{Choice, nearest};
use super::reader::Section;
use super::{CacheEngine, Wrong};

/// What is said about sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sessions {
    /// Where they live.
    pub store: Store,
    /// Rules that the user knows of and does not want to be told of again, each with the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub allow: BTreeMap<String, String>,
}

/// What is told of a file that keeps sessions in a way that users may come to regret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionRule {
    /// Sessions in memory end with their instance.
    MemoryEndsWithInstance,
    /// Stickiness that is shorter than sessions loses those in memory.
    IdleLongerThanStickiness,
    /// A cache of one node loses everything with it.
    SingleNodeCache,
    /// Memcached keeps no copies.
    MemcachedCopiesNothing,
    /// A cache that is full drops sessions.
    EvictingCache,
    /// A database of one instance cannot be reached while it is replaced.
    DatabaseWithoutStandby,
    /// The stack makes no `DynamoDB` table.
    DynamodbTableMissing,
    /// Session cookies cross the internet unencrypted.
    CookiesInTheClear,
    /// The app's cookie binds later than the load balancer's own.
    AppCookieBindsLate,
    /// Stickiness wants an instance in each zone.
    ZoneWithoutInstance,
    /// Rolls take long.
    SlowRoll,
}

impl SessionRule {
    /// All of them, in the order in which they are told.
    pub const ALL: &'static [Self] = &[
        Self::MemoryEndsWithInstance,
        Self::IdleLongerThanStickiness,
        Self::SingleNodeCache,
        Self::MemcachedCopiesNothing,
        Self::EvictingCache,
        Self::DatabaseWithoutStandby,
        Self::DynamodbTableMissing,
        Self::CookiesInTheClear,
        Self::AppCookieBindsLate,
        Self::ZoneWithoutInstance,
        Self::SlowRoll,
    ];

    /// Its name in the file, in plans and for `stackctl explain`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::MemoryEndsWithInstance => "memory-ends-with-instance",
            Self::IdleLongerThanStickiness => "idle-longer-than-stickiness",
            Self::SingleNodeCache => "single-node-cache",
            Self::MemcachedCopiesNothing => "memcached-copies-nothing",
            Self::EvictingCache => "evicting-cache",
            Self::DatabaseWithoutStandby => "database-without-standby",
            Self::DynamodbTableMissing => "dynamodb-table-missing",
            Self::CookiesInTheClear => "cookies-in-the-clear",
            Self::AppCookieBindsLate => "app-cookie-binds-late",
            Self::ZoneWithoutInstance => "zone-without-instance",
            Self::SlowRoll => "slow-roll",
        }
    }
}

fn check_code(code: &str) -> Result<(), Wrong> {
    let codes = SessionRule::ALL.iter().map(|rule| rule.code());
    if codes.clone().any(|known| known == code) {
        return Ok(());
    }
    let help = nearest(code, codes).map_or_else(
        || "`stackctl explain` lists the rules".to_owned(),
        |known| format!("did you mean `{known}`?"),
    );
    Err(Wrong::new("there is no such rule").help(help))
}

fn check_reason(reason: &str) -> Result<(), Wrong> {
    if reason.trim().is_empty() {
        return Err(Wrong::new("the reason is missing")
            .help("say why this is fine here, for whoever reads the file next"));
    }
    Ok(())
}

/// Where sessions live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Store {
    /// There are none.
    None,
    /// In the memory of each instance; they end with it.
    Memory,
    /// In the stack's cache, Valkey or Redis; `valkey` is read as this.
    Redis,
    /// In the stack's cache, Memcached.
    Memcached,
    /// In the stack's database.
    Database,
    /// In a DynamoDB table that is not part of the stack.
    Dynamodb,
    /// With the client, in a signed token.
    Token,
}

impl Store {
    /// The store that the file, or a stack that is there, means by a word.
    pub fn named(word: &str) -> Option<Self> {
        Self::of(word)
    }

    /// As the file spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Memory => "memory",
            Self::Redis => "redis",
            Self::Memcached => "memcached",
            Self::Database => "database",
            Self::Dynamodb => "dynamodb",
            Self::Token => "token",
        }
    }
}

impl Choice for Store {
    const ALL: &'static [Self] = &[
        Self::None,
        Self::Memory,
        Self::Redis,
        Self::Memcached,
        Self::Database,
        Self::Dynamodb,
        Self::Token,
    ];

    fn word(self) -> &'static str {
        self.as_str()
    }

    fn of(word: &str) -> Option<Self> {
        // An app speaks to Valkey as if it were Redis.
        if word == "valkey" {
            return Some(Self::Redis);
        }
        Self::ALL.iter().copied().find(|store| store.word() == word)
    }
}

impl Sessions {
    pub(super) fn read(section: &mut Section<'_, '_>, cache: Option<CacheEngine>) -> Self {
        let usual = match cache {
            Some(CacheEngine::Valkey | CacheEngine::Redis) => Store::Redis,
            Some(CacheEngine::Memcached) => Store::Memcached,
            None => Store::None,
        };
        Self {
            store: section.choice("store").unwrap_or(usual),
            allow: section.names("allow", check_code, check_reason),
        }
    }
}
