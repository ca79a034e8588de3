//! What users notice of the cache and the database, whether or not their sessions are in them.

use super::{Deed, Impact, Step, interrupts, logs_out, loses_data};
use crate::spec::Store;

const ALL: &str = "every session in it is lost: all users are logged out";

pub(super) fn replication_group(step: &Step) -> Option<Impact> {
    if step.today.store != Store::Redis {
        return None;
    }
    match step.deed {
        Deed::Remove | Deed::Replace { .. } => logs_out(ALL),
        Deed::Edit if step.changes_any(&["engine", "version"]) => {
            interrupts(exchange("while the engine is upgraded", step))
        }
        Deed::Edit if step.change("node_type").is_some() => {
            interrupts(exchange("when nodes of another type take over", step))
        }
        Deed::Make | Deed::Edit => None,
    }
}

/// What is told of nodes that are exchanged. AWS copies what is in them as far as it can: it promises
/// no more than to try ("best effort", Scaling and Version Management in the `ElastiCache` User Guide).
fn exchange(when: &str, step: &Step) -> String {
    if step.today.failover {
        format!("connections are cut {when}, for seconds; sessions normally stay")
    } else {
        format!(
            "there is one node, so nobody's session can be reached {when}, for some minutes; AWS \
             copies the sessions over as far as it can, and what it cannot is lost: a replica first \
             (cache.replicas: 1) makes it seconds"
        )
    }
}

/// Memcached keeps nothing on disk and copies nothing.
pub(super) fn cache_cluster(step: &Step) -> Option<Impact> {
    if step.today.store != Store::Memcached {
        return None;
    }
    match step.deed {
        Deed::Remove | Deed::Replace { .. } => logs_out(ALL),
        Deed::Edit if step.change("version").is_some() => {
            logs_out("an upgrade of Memcached empties it: all users are logged out")
        }
        Deed::Edit => step.change("nodes").and_then(|change| {
            let from = change.from.as_deref().unwrap_or("?");
            logs_out(format!(
                "the keys of {from} nodes are shared out among {} anew: users whose session is \
                 looked for on another node are logged out",
                change.to
            ))
        }),
        Deed::Make => None,
    }
}

pub(super) fn db_instance(step: &Step) -> Option<Impact> {
    // Of Aurora, which has its data in the cluster, these are only the ones that serve it.
    if step.name != "db" {
        return member(step);
    }
    match step.deed {
        Deed::Remove | Deed::Replace { .. } => gone(step),
        Deed::Edit => database_edit(step),
        Deed::Make => None,
    }
}

pub(super) fn db_cluster(step: &Step) -> Option<Impact> {
    match step.deed {
        Deed::Remove | Deed::Replace { .. } => gone(step),
        Deed::Edit => database_edit(step),
        Deed::Make => None,
    }
}

fn member(step: &Step) -> Option<Impact> {
    match step.deed {
        Deed::Make => None,
        Deed::Edit if step.change("instance_class").is_some() => interrupts(
            "the instances restart one after another, the writer last: about a minute until another \
             one has taken over, some minutes where there is none",
        ),
        Deed::Edit => database_edit(step),
        Deed::Remove | Deed::Replace { .. } if step.then.is_none() => None,
        Deed::Remove | Deed::Replace { .. } => {
            interrupts("if it is the writer, another one takes over within about a minute")
        }
    }
}

fn gone(step: &Step) -> Option<Impact> {
    match step.today.store {
        Store::Database => loses_data(
            "its data is gone but for snapshots, and every session with it: all users are logged \
             out",
        ),
        _ => loses_data("its data is gone but for snapshots"),
    }
}

fn database_edit(step: &Step) -> Option<Impact> {
    let has = |attributes: &[&str]| step.changes_any(attributes);
    // Whether backups are kept at all is a matter of how the database is run.
    let backups = step.change("backup_days").is_some_and(|change| {
        let off = |days: &str| days == "0";
        off(&change.to) != change.from.as_deref().is_some_and(off)
    });
    if has(&["version"]) {
        interrupts(
            "the database cannot be reached while it is upgraded, for some minutes; there is no way \
             back",
        )
    } else if has(&["instance_class"]) {
        interrupts(
            "the database restarts: 1 to 2 minutes where a standby takes over, some minutes where \
             none does",
        )
    } else if has(&["managed_password"]) {
        interrupts(
            "RDS sets a new master password: until the app has read it from its secret, it gets no new \
             connection",
        )
    } else if backups {
        interrupts("the database restarts when backups are turned on or off")
    } else {
        None
    }
}
