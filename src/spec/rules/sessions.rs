//! Rules about where sessions live.

use super::Refuse;
use crate::spec::{CacheEngine, Spec, Store, Wrong};

pub(super) fn the_store_has_its_cache(spec: &Spec, refuse: Refuse) {
    let engine = spec.cache.as_ref().map(|cache| cache.engine);
    let (fits, add) = match spec.sessions.store {
        Store::Redis => (
            matches!(engine, Some(CacheEngine::Valkey | CacheEngine::Redis)),
            "cache: {engine: valkey}",
        ),
        Store::Memcached => {
            (matches!(engine, Some(CacheEngine::Memcached)), "cache: {engine: memcached}")
        }
        _ => return,
    };
    if !fits {
        let says = match engine {
            None => "sessions cannot live in a cache that is not there".to_owned(),
            Some(engine) => {
                format!("sessions cannot live here when the cache is {}", engine.as_str())
            }
        };
        refuse(
            "sessions.store",
            Wrong::new(says).help(format!("write `{add}`, or choose another store")),
        );
    }
}

pub(super) fn the_store_has_its_database(spec: &Spec, refuse: Refuse) {
    if spec.sessions.store == Store::Database && spec.database.is_none() {
        refuse(
            "sessions.store",
            Wrong::new("sessions cannot live in a database that is not there")
                .help("write `database: {engine: postgres}`, or choose another store"),
        );
    }
}

pub(super) fn a_table_is_used(spec: &Spec, refuse: Refuse) {
    let store = spec.sessions.store;
    if spec.sessions.table.is_some() && store != Store::Dynamodb {
        refuse(
            "sessions.table",
            Wrong::new(format!("no table is made for sessions in `{}`", store.as_str()))
                .help("write `store: dynamodb`, or take these lines away"),
        );
    }
}

pub(super) fn sessions_in_memory_are_found_again(spec: &Spec, refuse: Refuse) {
    let scattered = spec.app.instances > 1 && !spec.load_balancer.stickiness.is_on();
    if spec.sessions.store == Store::Memory && scattered {
        refuse(
            "sessions.store",
            Wrong::new("users would lose their session whenever another instance answers").help(
                "turn `load_balancer.stickiness` on, keep sessions in a cache, or run one instance",
            ),
        );
    }
}
