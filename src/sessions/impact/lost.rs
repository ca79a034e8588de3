//! Stores that are gone without this plan's doing: the app is still told of one, and none is there.

use super::{Impact, Step, begins_empty};
use crate::spec::Store;

/// What it means that a store of this kind is made, while the app was told of one before.
pub(super) fn store(kind: &str, step: &Step) -> Option<Impact> {
    let told = &step.today.told;
    match (kind, step.today.store) {
        ("replication-group" | "cache-cluster", Store::Redis | Store::Memcached) if told.cache => {
            begins_empty(
                "the cache that the app was told of is gone, and every session with it; this one \
                 begins empty",
            )
        }
        ("replication-group" | "cache-cluster", _) if told.cache => {
            begins_empty("the cache that the app was told of is gone; this one begins empty")
        }
        // An instance of Aurora holds nothing: its cluster does.
        ("db-cluster", store) if told.database => database(store),
        ("db-instance", store) if told.database && step.name == "db" => database(store),
        // AWS gives a key back for a week after its deletion; whether it can is not known before.
        ("secret", Store::Token) if told.session_key => begins_empty(
            "the key that signs tokens was deleted; unless Secrets Manager still has it, a new one \
             is made and all users have to log in anew",
        ),
        _ => None,
    }
}

fn database(store: Store) -> Option<Impact> {
    begins_empty(match store {
        Store::Database => {
            "the database that the app was told of is gone, and every session with it; this one \
             begins empty: to have its data back, restore a snapshot of it first"
        }
        _ => {
            "the database that the app was told of is gone; this one begins empty: to have its \
             data back, restore a snapshot of it first"
        }
    })
}
