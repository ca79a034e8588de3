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
    /// The table they live in: with `Store::Dynamodb`, and with no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Table>,
    /// Rules that the user knows of and does not want to be told of again, each with the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub allow: BTreeMap<String, String>,
}

/// The attributes of a `DynamoDB` table that libraries of sessions name in different ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The partition key, a string: the session's id. 1 to 255 characters.
    pub partition_key: String,
    /// The number, in seconds since 1970, after which an item may go. 1 to 255 characters.
    pub ttl_attribute: String,
}

impl Table {
    fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            partition_key: section.text_or_usual("partition_key", attribute),
            ttl_attribute: section.text_or_usual("ttl_attribute", attribute),
        }
    }
}

/// Reads the name of an attribute. `DynamoDB` takes any text of 1 to 255 bytes (API reference,
/// `KeySchemaElement`); libraries use no others than these.
fn attribute(text: &str) -> Result<String, Wrong> {
    let usual = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    if (1..=255).contains(&text.len()) && text.chars().all(usual) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("the name of an attribute has 1 to 255 letters, digits, `_`, `.`, `:` or `-`"))
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
    /// In a `DynamoDB` table of the stack's own.
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
        let store = section.choice("store").unwrap_or(usual);
        let table = if store == Store::Dynamodb {
            Some(section.section("table", Table::read))
        } else {
            section.optional("table", Table::read)
        };
        Self { store, table, allow: section.names("allow", check_code, check_reason) }
    }
}
