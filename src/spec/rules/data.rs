//! Rules about the cache and the database.

use super::Refuse;
use crate::spec::database::overlap;
use crate::spec::{Cache, CacheEngine, Database, Spec, Wrong};

pub(super) fn the_cache_version_exists(spec: &Spec, refuse: Refuse) {
    if let Some(cache) = &spec.cache
        && let Err(wrong) = cache.engine.check_version(&cache.version)
    {
        refuse("cache.version", wrong);
    }
}

pub(super) fn the_cache_encrypts_what_it_can(spec: &Spec, refuse: Refuse) {
    if let Some(Err(wrong)) = spec.cache.as_ref().map(Cache::check_tls) {
        refuse("cache.tls", wrong);
    }
}

pub(super) fn memcached_has_no_parameters(spec: &Spec, refuse: Refuse) {
    let Some(cache) = spec.cache.as_ref().filter(|c| c.engine == CacheEngine::Memcached) else {
        return;
    };
    let set = [
        ("cache.maxmemory_policy", cache.maxmemory_policy.is_some()),
        ("cache.reserved_memory_percent", cache.reserved_memory_percent.is_some()),
    ];
    for (key, _) in set.into_iter().filter(|(_, set)| *set) {
        refuse(
            key,
            Wrong::new("Memcached has no such parameter")
                .help("it drops what was not used for longest; take the line away"),
        );
    }
}

/// Refuses a key of the database when `check` finds it wrong.
fn database(spec: &Spec, key: &str, refuse: Refuse, check: fn(&Database) -> Result<(), Wrong>) {
    if let Some(Err(wrong)) = spec.database.as_ref().map(check) {
        refuse(key, wrong);
    }
}

pub(super) fn the_database_version_exists(spec: &Spec, refuse: Refuse) {
    database(spec, "database.version", refuse, |db| {
        db.engine.check_version(&db.version, db.extended_support)
    });
}

pub(super) fn extended_support_is_offered(spec: &Spec, refuse: Refuse) {
    database(spec, "database.extended_support", refuse, |db| {
        if db.extended_support && !db.engine.has_extended_support() {
            return Err(
                Wrong::new("RDS offers no extended support for MariaDB").help("take the line away")
            );
        }
        Ok(())
    });
}

pub(super) fn the_class_fits_the_engine(spec: &Spec, refuse: Refuse) {
    database(spec, "database.instance_class", refuse, |db| {
        db.engine.check_class(&db.instance_class)
    });
}

pub(super) fn the_database_name_is_free(spec: &Spec, refuse: Refuse) {
    database(spec, "database.name", refuse, |db| db.engine.check_name(&db.name));
}

pub(super) fn the_username_is_free(spec: &Spec, refuse: Refuse) {
    database(spec, "database.username", refuse, |db| db.engine.check_username(&db.username));
}

/// What is said to a size of Aurora's storage.
fn grows_by_itself() -> Wrong {
    Wrong::new("Aurora's storage grows and shrinks by itself").help("take the line away")
}

pub(super) fn aurora_has_no_storage_size(spec: &Spec, refuse: Refuse) {
    database(spec, "database.storage", refuse, |db| {
        if db.engine.is_aurora() && db.storage != 0 {
            return Err(grows_by_itself());
        }
        Ok(())
    });
}

pub(super) fn the_storage_can_grow(spec: &Spec, refuse: Refuse) {
    database(spec, "database.max_storage", refuse, |db| {
        let Some(most) = db.max_storage else { return Ok(()) };
        if db.engine.is_aurora() {
            return Err(grows_by_itself());
        }
        // "You must set the maximum storage threshold to at least 10% more than the current allocated
        // storage" (Amazon RDS User Guide, storage autoscaling).
        let least = db.storage + db.storage.div_ceil(10);
        if most < least {
            return Err(Wrong::new(format!(
                "RDS takes {least} GiB at least: 10 % more than `storage`"
            ))
            .help("AWS advises 26 % more"));
        }
        Ok(())
    });
}

pub(super) fn the_windows_are_apart(spec: &Spec, refuse: Refuse) {
    database(spec, "database.maintenance_window", refuse, |db| {
        match (&db.backup_window, &db.maintenance_window) {
            (Some(backup), Some(maintenance)) if overlap(backup, maintenance) => {
                Err(Wrong::new("RDS refuses windows that overlap")
                    .help(format!("the daily backup is made at {backup}")))
            }
            _ => Ok(()),
        }
    });
}

pub(super) fn aurora_is_backed_up(spec: &Spec, refuse: Refuse) {
    database(spec, "database.backup_days", refuse, |db| {
        if db.engine.is_aurora() && db.backup_days == 0 {
            return Err(
                Wrong::new("Aurora's backups cannot be turned off").help("1 day is the least")
            );
        }
        Ok(())
    });
}
