//! What a database may look like.

use super::DatabaseEngine::{AuroraMysql, AuroraPostgresql, Mariadb, Mysql, Postgres};
use super::*;

#[test]
fn versions_and_beginnings_of_versions_are_taken() {
    for (engine, versions) in [
        (Postgres, ["14", "17", "17.9", "21"]),
        (AuroraPostgresql, ["15.17", "16", "17", "18.1"]),
        (Mysql, ["8.0", "8.4", "8.4.9", "9.1"]),
        (Mariadb, ["10.6", "10.11.2", "11.4", "12.0"]),
        (AuroraMysql, ["8.0", "8.0.mysql_aurora.3.10.0", "8.0.mysql_aurora.3", "8.4"]),
    ] {
        assert_eq!(engine.check_version(engine.usual_version()), Ok(()));
        for version in versions {
            assert_eq!(engine.check_version(version), Ok(()), "{engine:?} {version}");
        }
    }
}

#[test]
fn what_rds_does_not_offer_is_refused() {
    for (engine, versions) in [
        (Postgres, ["9.6", "13", "latest", "17.9.1"]),
        (Mysql, ["5.7", "8", "", "8.0.mysql_aurora.3.10.0"]),
        (Mariadb, ["10.5", "11", "x", "11.4.1.1"]),
        (AuroraMysql, ["5.7.mysql_aurora.2.11.1", "8", "8.0.mysql_aurora.", "3.10"]),
    ] {
        for version in versions {
            assert!(engine.check_version(version).is_err(), "{engine:?} {version}");
        }
    }
}

#[test]
fn a_class_has_a_prefix_and_aurora_needs_a_larger_one() {
    assert!(instance_class("db.t4g.micro").is_ok());
    assert!(instance_class("db.serverless").is_err());
    assert_eq!(instance_class("t4g.micro").unwrap_err().fix.unwrap(), "did you mean db.t4g.micro?");
    assert!(Postgres.check_class("db.t4g.micro").is_ok());
    assert!(AuroraMysql.check_class("db.t4g.micro").is_err());
    assert!(AuroraMysql.check_class("db.t4g.medium").is_ok());
    assert!(AuroraMysql.check_class("db.r8g.large").is_ok());
}

#[test]
fn names_are_identifiers_of_a_length_that_the_engine_takes() {
    for engine in [Postgres, Mysql, Mariadb, AuroraPostgresql, AuroraMysql] {
        assert_eq!(engine.check_name("app"), Ok(()));
        assert_eq!(engine.check_username("app"), Ok(()));
        for bad in ["", "1a", "_a", "a-b", "a b", "ä", "select", "SELECT", "rdsadmin"] {
            assert!(engine.check_name(bad).is_err(), "{engine:?} {bad}");
            assert!(engine.check_username(bad).is_err(), "{engine:?} {bad}");
        }
    }
    let name = "a".repeat(64);
    assert!(Mysql.check_name(&name).is_ok() && Postgres.check_name(&name).is_err());
    let user = "a".repeat(17);
    assert!(Postgres.check_username(&user).is_ok() && Mysql.check_username(&user).is_err());
}

#[test]
fn each_engine_keeps_its_own_users_and_databases() {
    assert!(Postgres.check_username("admin").is_err());
    assert!(Postgres.check_username("pg_monitor").is_err());
    assert!(Mysql.check_username("admin").is_ok());
    assert!(Mysql.check_name("mysql").is_err());
    assert!(Postgres.check_name("postgres").is_ok());
    assert!(Postgres.check_name("template1").is_err());
}
