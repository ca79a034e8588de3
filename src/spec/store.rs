//! Where the sessions of the app live.

use serde::Serialize;

use super::CacheEngine;
use super::choice::Choice;
use super::reader::Section;

/// What is said about sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sessions {
    /// Where they live.
    pub store: Store,
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
        Self { store: section.choice("store").unwrap_or(usual) }
    }
}
