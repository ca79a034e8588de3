//! The rules that tie several keys together. A rule whose keys could not be read is skipped.

use super::reader::Notes;
use super::{Spec, Wrong};

mod app;
mod balancer;
mod data;
mod names;
mod sessions;

/// Takes what is wrong, with the key to point at.
type Refuse<'r> = &'r mut dyn FnMut(&str, Wrong);

/// One rule.
struct Rule {
    /// The keys it looks at.
    reads: &'static [&'static str],
    /// Tells what is wrong, each time with the key to point at.
    check: fn(&Spec, Refuse),
}

const RULES: &[Rule] = &[
    Rule {
        reads: &[
            "app.instances",
            "network.cidr",
            "network.zones",
            "network.nat",
            "load_balancer.scheme",
        ],
        check: app::instances_have_addresses,
    },
    Rule { reads: &["network.zones", "region"], check: app::zones_are_in_the_region },
    Rule { reads: &["app.instances", "app.surge"], check: app::a_surge_is_part_of_the_instances },
    Rule {
        reads: &["app.health_check.interval", "app.health_check.timeout"],
        check: app::a_check_ends_before_the_next,
    },
    Rule { reads: &["app.env", "app.secrets"], check: app::the_environment_is_clear_and_small },
    Rule { reads: &["app.policies", "app.statements"], check: app::policies_fit_into_the_role },
    Rule {
        reads: &[
            "app.secrets",
            "app.registry_secret",
            "load_balancer.certificate",
            "region",
            "account",
        ],
        check: app::arns_are_in_the_region_and_account,
    },
    Rule {
        reads: &["load_balancer.allow", "load_balancer.certificate"],
        check: balancer::somebody_gets_in,
    },
    Rule {
        reads: &["load_balancer.certificate", "load_balancer.tls_policy", "load_balancer.hsts"],
        check: balancer::what_is_for_https_has_a_certificate,
    },
    Rule {
        reads: &["load_balancer.stickiness", "load_balancer.algorithm"],
        check: balancer::stickiness_is_complete_and_allowed,
    },
    Rule {
        reads: &["load_balancer.slow_start", "load_balancer.algorithm"],
        check: balancer::slow_start_fits_the_algorithm,
    },
    Rule { reads: &["sessions.store", "cache.engine"], check: sessions::the_store_has_its_cache },
    Rule {
        reads: &["sessions.store", "database.engine"],
        check: sessions::the_store_has_its_database,
    },
    Rule { reads: &["sessions.store", "sessions.table"], check: sessions::a_table_is_used },
    Rule {
        reads: &["sessions.store", "load_balancer.stickiness", "app.instances"],
        check: sessions::sessions_in_memory_are_found_again,
    },
    Rule { reads: &["cache.engine", "cache.version"], check: data::the_cache_version_exists },
    Rule {
        reads: &["cache.engine", "cache.node_type", "cache.tls"],
        check: data::the_cache_encrypts_what_it_can,
    },
    Rule {
        reads: &["cache.engine", "cache.maxmemory_policy", "cache.reserved_memory_percent"],
        check: data::memcached_has_no_parameters,
    },
    Rule {
        reads: &["database.engine", "database.version", "database.extended_support"],
        check: data::the_database_version_exists,
    },
    Rule {
        reads: &["database.engine", "database.extended_support"],
        check: data::extended_support_is_offered,
    },
    Rule {
        reads: &["database.engine", "database.instance_class"],
        check: data::the_class_fits_the_engine,
    },
    Rule {
        reads: &["database.engine", "database.storage"],
        check: data::aurora_has_no_storage_size,
    },
    Rule {
        reads: &["database.engine", "database.storage", "database.max_storage"],
        check: data::the_storage_can_grow,
    },
    Rule {
        reads: &["database.backup_window", "database.maintenance_window"],
        check: data::the_windows_are_apart,
    },
    Rule { reads: &["database.engine", "database.backup_days"], check: data::aurora_is_backed_up },
    Rule { reads: &["database.engine", "database.name"], check: data::the_database_name_is_free },
    Rule { reads: &["database.engine", "database.username"], check: data::the_username_is_free },
    Rule { reads: &["dns.zone", "dns.records"], check: names::records_are_in_the_zone },
    Rule { reads: &["dns.zone", "dns.create_zone"], check: names::the_zone_can_be_made },
    Rule { reads: &["dns.records"], check: names::records_can_be_remembered },
    Rule { reads: &["dns.create_zone", "dns.records"], check: names::dns_makes_something },
    Rule { reads: &["tags", "dns.create_zone", "dns.records"], check: names::tags_fit },
];

/// Checks every rule.
pub(super) fn check(spec: &Spec, notes: &mut Notes) {
    for rule in RULES {
        if rule.reads.iter().any(|path| notes.is_broken(path)) {
            continue;
        }
        let mut wrongs = Vec::new();
        (rule.check)(spec, &mut |path, wrong| wrongs.push((path.to_owned(), wrong)));
        for (path, wrong) in wrongs {
            notes.problems.push((notes.place(&path), path, wrong));
        }
    }
}
