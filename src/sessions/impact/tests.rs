//! The table: which step does what to whom.

use super::*;
use crate::sessions::Told;
use crate::spec::{Seconds, Stickiness, Store};
use std::sync::Arc;

fn lb(duration: u32) -> Stickiness {
    Stickiness::LbCookie { duration: Seconds(duration) }
}

fn app(name: &str, duration: u32) -> Stickiness {
    Stickiness::AppCookie { name: name.into(), duration: Seconds(duration) }
}

fn mode(store: Store, stickiness: Stickiness) -> Mode {
    Mode { store, stickiness, instances: 3, failover: true, told: Told::default() }
}

/// A stack that keeps its sessions as it does.
fn steady(store: Store, stickiness: Stickiness) -> Shift {
    let mode = mode(store, stickiness);
    Shift { today: Some(mode.clone()), then: Some(mode) }
}

fn destroyed(store: Store) -> Shift {
    Shift { today: Some(mode(store, Stickiness::Off)), then: None }
}

fn address(text: &'static str) -> Address {
    let (kind, name) = text.split_once('/').unwrap();
    Address { kind, name: Arc::from(name) }
}

fn change(attribute: &'static str, from: &str, to: &str) -> Change {
    Change { attribute, from: Some(from.into()), to: to.into(), replaces: false }
}

fn edited(shift: &Shift, what: &'static str, attribute: &'static str) -> Option<Impact> {
    impact(shift, &address(what), Action::Update, None, &[change(attribute, "1", "2")])
}

fn removed(shift: &Shift, what: &'static str) -> Option<Impact> {
    impact(shift, &address(what), Action::Delete, None, &[])
}

fn replaced(shift: &Shift, what: &'static str) -> Option<Impact> {
    impact(shift, &address(what), Action::Create, Some(Swap::CreateFirst), &[])
}

fn level(impact: Option<Impact>) -> Option<Level> {
    impact.map(|impact| impact.level)
}

const SHARED: [Store; 5] =
    [Store::Redis, Store::Memcached, Store::Database, Store::Dynamodb, Store::Token];

const EVERY_KIND: [&str; 13] = [
    "target-group/app",
    "load-balancer/lb",
    "listener/https",
    "security-group-rule/lb-in-443-10-0-0-0-8",
    "dns-record/shop.example.com",
    "hosted-zone/main",
    "instance/app-1",
    "target/app-1",
    "parameter/app",
    "replication-group/cache",
    "cache-cluster/cache",
    "db-instance/db",
    "db-cluster/db",
];

/// What a change from one stickiness to another does.
fn toggled(store: Store, from: Stickiness, to: Stickiness) -> Option<Level> {
    let shift = Shift { today: Some(mode(store, from)), then: Some(mode(store, to)) };
    level(edited(&shift, "target-group/app", "stickiness"))
}

#[test]
fn nobody_is_logged_in_to_a_stack_that_is_not_there() {
    let shift = Shift { today: None, then: Some(mode(Store::Memory, lb(60))) };
    for what in EVERY_KIND {
        assert_eq!(impact(&shift, &address(what), Action::Create, None, &[]), None, "{what}");
        assert_eq!(replaced(&shift, what), None, "{what}");
    }
}

#[test]
fn what_is_new_does_nothing_to_those_who_are_there() {
    for store in [Store::Memory, Store::Redis, Store::Database] {
        let shift = steady(store, lb(60));
        for what in EVERY_KIND {
            assert_eq!(impact(&shift, &address(what), Action::Create, None, &[]), None, "{what}");
        }
    }
}

#[test]
fn a_replacement_is_told_of_once() {
    let shift = steady(Store::Memory, lb(60));
    let old = Some(Swap::CreateFirst);
    assert_eq!(impact(&shift, &address("instance/app-1"), Action::Delete, old, &[]), None);
    assert!(replaced(&shift, "instance/app-1").is_some());
}

#[test]
fn turning_stickiness_off_logs_out_those_whose_session_is_in_memory() {
    assert_eq!(toggled(Store::Memory, lb(60), Stickiness::Off), Some(Level::LogsOut));
    for store in SHARED {
        assert_eq!(toggled(store, lb(60), Stickiness::Off), Some(Level::Repins), "{store:?}");
    }
    assert_eq!(toggled(Store::None, lb(60), Stickiness::Off), None);
}

#[test]
fn turning_stickiness_on_binds_users_from_the_next_request_on() {
    assert_eq!(toggled(Store::Memory, Stickiness::Off, lb(60)), Some(Level::LogsOut));
    for store in SHARED {
        assert_eq!(toggled(store, Stickiness::Off, app("SID", 60)), Some(Level::Repins));
    }
    assert_eq!(toggled(Store::None, Stickiness::Off, lb(60)), None);
}

#[test]
fn another_cookie_binds_all_users_anew() {
    for (from, to) in
        [(lb(60), app("SID", 60)), (app("SID", 60), lb(60)), (app("A", 9), app("B", 9))]
    {
        assert_eq!(toggled(Store::Memory, from.clone(), to.clone()), Some(Level::LogsOut));
        assert_eq!(toggled(Store::Redis, from, to), Some(Level::Repins));
    }
}

#[test]
fn an_app_cookie_binds_nobody_before_the_app_sets_it() {
    for from in [Stickiness::Off, lb(60), app("B", 60)] {
        let says = |store| {
            let shift = Shift {
                today: Some(mode(store, from.clone())),
                then: Some(mode(store, app("SID", 60))),
            };
            edited(&shift, "target-group/app", "stickiness").unwrap()
        };
        let memory = says(Store::Memory);
        assert_eq!(memory.level, Level::LogsOut);
        assert!(memory.says.contains("nearly all are logged out"), "{}", memory.says);
        let shared = says(Store::Redis);
        assert_eq!(shared.level, Level::Repins);
        assert!(shared.says.contains("until the app sets SID"), "{}", shared.says);
    }
}

#[test]
fn only_a_shorter_duration_is_noticed() {
    assert_eq!(toggled(Store::Redis, lb(60), lb(3600)), None);
    assert_eq!(toggled(Store::Memory, app("A", 60), app("A", 61)), None);
    assert_eq!(toggled(Store::Memory, lb(3600), lb(60)), Some(Level::LogsOut));
    assert_eq!(toggled(Store::Redis, app("A", 61), app("A", 60)), Some(Level::Repins));
}

#[test]
fn one_instance_holds_all_sessions_whatever_the_stickiness() {
    let alone = |stickiness| Mode { instances: 1, ..mode(Store::Memory, stickiness) };
    let shift = Shift { today: Some(alone(lb(60))), then: Some(alone(app("A", 60))) };
    assert_eq!(edited(&shift, "target-group/app", "stickiness"), None);
}

#[test]
fn other_attributes_of_the_target_group_are_not_noticed() {
    let shift = steady(Store::Memory, lb(60));
    for attribute in ["deregistration_delay", "algorithm", "slow_start", "health_check", "tags"] {
        assert_eq!(edited(&shift, "target-group/app", attribute), None, "{attribute}");
    }
}

#[test]
fn a_replaced_instance_takes_the_sessions_in_its_memory_with_it() {
    let impact = replaced(&steady(Store::Memory, lb(60)), "instance/app-1").unwrap();
    assert_eq!(impact.level, Level::LogsOut);
    assert!(impact.says.contains("about 1 in 3"), "{}", impact.says);
    assert!(removed(&destroyed(Store::Memory), "instance/app-1").is_some());
}

#[test]
fn with_shared_sessions_a_roll_moves_sticky_users_once_and_cuts_long_connections() {
    for store in SHARED {
        let loose = steady(store, Stickiness::Off);
        assert_eq!(replaced(&loose, "instance/app-1"), None, "{store:?}");
        for gone in [replaced(&loose, "target/app-1"), removed(&loose, "target/app-1")] {
            let impact = gone.unwrap();
            assert_eq!(impact.level, Level::Repins);
            assert!(impact.says.contains("WebSockets"), "{}", impact.says);
            assert!(!impact.says.contains("bound to it"), "{}", impact.says);
        }
        let sticky = steady(store, lb(60));
        assert_eq!(replaced(&sticky, "instance/app-1"), None);
        assert_eq!(level(replaced(&sticky, "target/app-1")), Some(Level::Repins));
        assert_eq!(level(removed(&sticky, "target/app-1")), Some(Level::Repins));
    }
    let memory = steady(Store::Memory, lb(60));
    assert_eq!(level(removed(&memory, "target/app-1")), Some(Level::LogsOut));
    let alone = removed(&steady(Store::None, Stickiness::Off), "target/app-1");
    assert!(alone.unwrap().says.starts_with("connections to it"));
    assert_eq!(removed(&destroyed(Store::Redis), "target/app-1"), None);
}

#[test]
fn a_store_that_is_gone_already_begins_empty() {
    let made = |store, told, what| {
        let mode = Mode { told, ..mode(store, Stickiness::Off) };
        let shift = Shift { today: Some(mode.clone()), then: Some(mode) };
        impact(&shift, &address(what), Action::Create, None, &[])
    };
    let both = Told { cache: true, database: true, session_key: true };
    for (store, what) in
        [(Store::Redis, "replication-group/cache"), (Store::Memcached, "cache-cluster/cache")]
    {
        let lost = made(store, both, what).unwrap();
        assert_eq!(lost.level, Level::BeginsEmpty);
        assert!(lost.says.contains("every session"), "{}", lost.says);
        let cached = made(Store::Token, both, what).unwrap();
        assert!(!cached.says.contains("session"), "{}", cached.says);
        assert_eq!(made(store, Told::default(), what), None, "{what} is new");
    }
    for what in ["db-instance/db", "db-cluster/db"] {
        let lost = made(Store::Redis, both, what).unwrap();
        assert!(lost.says.contains("begins empty") && !lost.says.contains("session"));
        assert!(made(Store::Database, both, what).unwrap().says.contains("every session"));
        assert_eq!(made(Store::Redis, Told::default(), what), None, "{what} is new");
    }
    assert_eq!(made(Store::Redis, both, "db-instance/db-2"), None, "a reader holds nothing");
    let key = "secret/session-key";
    assert!(made(Store::Token, both, key).unwrap().says.contains("log in anew"));
    assert_eq!(made(Store::Token, Told::default(), key), None, "the key is new");
}

#[test]
fn an_instance_that_goes_before_its_successor_comes_is_missed() {
    let shift = steady(Store::Redis, Stickiness::Off);
    let gap = Some(Swap::DeleteFirst);
    let impact = impact(&shift, &address("instance/app-1"), Action::Create, gap, &[]);
    assert_eq!(level(impact), Some(Level::Interrupts));
}

#[test]
fn another_store_logs_out_everybody_once() {
    let (from, to) = (mode(Store::Redis, lb(60)), mode(Store::Memory, lb(60)));
    let shift = Shift { today: Some(from), then: Some(to) };
    assert_eq!(level(edited(&shift, "parameter/app", "generation")), Some(Level::LogsOut));
    let same = steady(Store::Redis, lb(60));
    assert_eq!(edited(&same, "parameter/app", "environment"), None);
    let (from, to) = (mode(Store::None, lb(60)), mode(Store::Redis, lb(60)));
    let first = Shift { today: Some(from), then: Some(to) };
    assert_eq!(edited(&first, "parameter/app", "generation"), None);
}

#[test]
fn a_cache_that_holds_sessions_takes_all_of_them_with_it() {
    for (store, what) in
        [(Store::Redis, "replication-group/cache"), (Store::Memcached, "cache-cluster/cache")]
    {
        for shift in [steady(store, Stickiness::Off), destroyed(store)] {
            assert_eq!(level(removed(&shift, what)), Some(Level::LogsOut), "{what}");
            assert_eq!(level(replaced(&shift, what)), Some(Level::LogsOut), "{what}");
        }
        assert_eq!(removed(&steady(Store::Token, Stickiness::Off), what), None, "{what}");
    }
}

#[test]
fn a_replication_group_keeps_its_sessions_while_it_changes() {
    let shift = steady(Store::Redis, Stickiness::Off);
    for attribute in ["engine", "version", "node_type"] {
        let impact = edited(&shift, "replication-group/cache", attribute);
        assert_eq!(level(impact), Some(Level::Interrupts), "{attribute}");
    }
    for attribute in ["replicas", "failover", "security_groups", "tags"] {
        assert_eq!(edited(&shift, "replication-group/cache", attribute), None, "{attribute}");
    }
    let elsewhere = steady(Store::Database, Stickiness::Off);
    assert_eq!(edited(&elsewhere, "replication-group/cache", "version"), None);
}

#[test]
fn a_cache_of_one_node_cannot_be_reached_for_minutes_while_that_is_exchanged() {
    let lone = Mode { failover: false, ..mode(Store::Redis, Stickiness::Off) };
    // A replica that comes with the same change comes after it.
    let shift = Shift { today: Some(lone), then: Some(mode(Store::Redis, Stickiness::Off)) };
    let both = steady(Store::Redis, Stickiness::Off);
    for attribute in ["engine", "version", "node_type"] {
        let says = |shift| edited(shift, "replication-group/cache", attribute).unwrap().says;
        assert!(says(&shift).contains("one node") && says(&shift).contains("minutes"));
        assert!(says(&both).contains("for seconds") && says(&both).contains("normally"));
    }
}

#[test]
fn memcached_loses_sessions_when_its_nodes_or_its_version_change() {
    let shift = steady(Store::Memcached, Stickiness::Off);
    let nodes = edited(&shift, "cache-cluster/cache", "nodes").unwrap();
    assert_eq!(nodes.level, Level::LogsOut);
    assert!(nodes.says.contains("of 1 nodes are shared out among 2"), "{}", nodes.says);
    assert_eq!(level(edited(&shift, "cache-cluster/cache", "version")), Some(Level::LogsOut));
    assert_eq!(edited(&shift, "cache-cluster/cache", "tags"), None);
}

#[test]
fn a_database_that_goes_loses_data_whether_or_not_it_holds_sessions() {
    for store in [Store::Database, Store::Redis] {
        for what in ["db-instance/db", "db-cluster/db"] {
            let impact = removed(&destroyed(store), what).unwrap();
            assert_eq!(impact.level, Level::LosesData, "{what}");
            assert_eq!(impact.says.contains("session"), store == Store::Database);
        }
    }
}

#[test]
fn an_instance_of_aurora_holds_no_data() {
    let shift = steady(Store::Database, Stickiness::Off);
    assert_eq!(level(removed(&shift, "db-instance/db-2")), Some(Level::Interrupts));
    assert_eq!(removed(&destroyed(Store::Database), "db-instance/db-2"), None);
}

#[test]
fn a_database_is_away_while_its_class_or_its_engine_changes() {
    let shift = steady(Store::Redis, Stickiness::Off);
    for attribute in ["instance_class", "version"] {
        let impact = edited(&shift, "db-instance/db", attribute);
        assert_eq!(level(impact), Some(Level::Interrupts), "{attribute}");
    }
    for attribute in ["multi_az", "storage", "protect", "final_snapshot", "tags"] {
        assert_eq!(edited(&shift, "db-instance/db", attribute), None, "{attribute}");
    }
}

#[test]
fn turning_backups_on_or_off_restarts_the_database_and_keeping_them_longer_does_not() {
    let shift = steady(Store::Redis, Stickiness::Off);
    let days = |from, to| {
        let changes = [change("backup_days", from, to)];
        level(impact(&shift, &address("db-instance/db"), Action::Update, None, &changes))
    };
    assert_eq!(days("0", "7"), Some(Level::Interrupts));
    assert_eq!(days("7", "0"), Some(Level::Interrupts));
    assert_eq!(days("7", "14"), None);
}

#[test]
fn another_load_balancer_is_another_dns_name() {
    let shared = replaced(&steady(Store::Redis, lb(60)), "load-balancer/lb").unwrap();
    assert_eq!(shared.level, Level::Interrupts);
    assert!(shared.says.contains("new DNS name"), "{}", shared.says);
    let memory = replaced(&steady(Store::Memory, lb(60)), "load-balancer/lb");
    assert_eq!(level(memory), Some(Level::LogsOut));
    let gone = removed(&destroyed(Store::Redis), "load-balancer/lb");
    assert_eq!(level(gone), Some(Level::Interrupts));
    let shift = steady(Store::Redis, lb(60));
    assert_eq!(edited(&shift, "load-balancer/lb", "idle_timeout"), None);
    let changes = [change("idle_timeout", "60", "30")];
    let silent = impact(&shift, &address("load-balancer/lb"), Action::Update, None, &changes);
    assert!(silent.unwrap().says.contains("silent for longer than 30s"));
}

#[test]
fn the_way_to_https_interrupts_and_the_way_back_logs_out() {
    let shift = steady(Store::Redis, lb(60));
    let http = |to| {
        let changes = [change("action", "", to)];
        level(impact(&shift, &address("listener/http"), Action::Update, None, &changes))
    };
    assert_eq!(http("redirect to HTTPS"), Some(Level::Interrupts));
    assert_eq!(http("forward to target-group/app"), None);
    assert_eq!(level(removed(&shift, "listener/https")), Some(Level::LogsOut));
    assert_eq!(edited(&shift, "listener/https", "certificate"), None);
}

#[test]
fn a_client_rule_that_goes_shuts_out_and_the_others_are_not_noticed() {
    let shift = steady(Store::Redis, lb(60));
    let client = removed(&shift, "security-group-rule/lb-in-443-10-0-0-0-8");
    assert_eq!(level(client), Some(Level::Interrupts));
    assert_eq!(removed(&shift, "security-group-rule/app-in-3000-from-lb"), None);
}

#[test]
fn names_that_go_are_missed() {
    let shift = steady(Store::Redis, lb(60));
    let record = removed(&shift, "dns-record/shop.example.com").unwrap();
    assert!(record.says.contains("shop.example.com"), "{}", record.says);
    let moved = [change("zone", "Z1", "hosted-zone/main")];
    let name = address("dns-record/shop.example.com");
    let moved = impact(&shift, &name, Action::Create, Some(Swap::DeleteFirst), &moved).unwrap();
    assert!(moved.says.contains("to which nobody delegates"), "{}", moved.says);
    assert_eq!(edited(&shift, "dns-record/shop.example.com", "load_balancer"), None);
    for what in ["dns-record/shop.example.com", "hosted-zone/main"] {
        assert_eq!(level(replaced(&shift, what)), Some(Level::Interrupts), "{what}");
        assert_eq!(level(removed(&shift, what)), Some(Level::Interrupts), "{what}");
    }
}

#[test]
fn waiting_and_what_is_of_no_concern_to_users_say_nothing() {
    let shift = steady(Store::Redis, lb(60));
    let db = address("db-instance/db");
    assert_eq!(impact(&shift, &db, Action::Await, None, &[]), None);
    for what in ["vpc/main", "subnet/data-a", "nat-gateway/nat-a", "instance-role/app"] {
        assert_eq!(replaced(&shift, what), None, "{what}");
    }
}
