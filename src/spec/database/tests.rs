//! What a database may look like.

use super::DatabaseEngine::{AuroraMysql, AuroraPostgresql, Mariadb, Mysql, Postgres};
use super::*;

#[test]
fn versions_and_beginnings_of_versions_are_taken() {
    for (engine, versions) in [
        (Postgres, ["14", "17", "17.9", "21"]),
        (AuroraPostgresql, ["15.17", "16", "17", "18.1"]),
        (Mysql, ["8.4", "8.4.9", "9.1", "9.7.1"]),
        (Mariadb, ["10.11", "10.11.2", "11.4", "12.0"]),
        (AuroraMysql, ["8.0", "8.0.mysql_aurora.3.10.0", "8.0.mysql_aurora.3", "8.4"]),
    ] {
        assert_eq!(engine.check_version(engine.usual_version(), false), Ok(()));
        for version in versions {
            assert_eq!(engine.check_version(version, false), Ok(()), "{engine:?} {version}");
        }
    }
}

#[test]
fn what_rds_does_not_offer_is_refused() {
    for (engine, versions) in [
        (Postgres, ["9.6", "10.4", "latest", "17.9.1"]),
        (Mysql, ["5.6", "8", "", "8.0.mysql_aurora.3.10.0"]),
        (Mariadb, ["10.5", "10.6", "x", "11.4.1.1"]),
        (AuroraMysql, ["5.6.10a", "8", "8.0.mysql_aurora.", "3.10"]),
        (Mysql, ["8.1", "8.3.0", "8.0.0.1", "mysql"]),
    ] {
        for version in versions {
            assert!(engine.check_version(version, true).is_err(), "{engine:?} {version}");
        }
    }
}

#[test]
fn a_version_past_its_standard_support_needs_extended_support() {
    for (engine, version) in [(Mysql, "8.0"), (Mysql, "8.0.46"), (Postgres, "13"), (Mysql, "5.7")] {
        let wrong = engine.check_version(version, false).unwrap_err();
        assert!(wrong.says.contains("standard support"), "{wrong:?}");
        assert!(wrong.help.unwrap().contains("`extended_support: true`"), "{engine:?} {version}");
        assert_eq!(engine.check_version(version, true), Ok(()), "{engine:?} {version}");
    }
    let wrong = Mysql.check_version("8.0", false).unwrap_err();
    assert!(wrong.help.unwrap().starts_with("choose 8.4"), "what RDS makes is named");
}

#[test]
fn a_class_has_a_prefix_and_aurora_needs_a_larger_one() {
    assert!(instance_class("db.t4g.micro").is_ok());
    assert!(instance_class("db.serverless").is_err());
    assert_eq!(instance_class("t4g.micro").unwrap_err().fix.unwrap(), "did you mean db.t4g.micro?");
    assert!(Postgres.check_class("db.t4g.micro").is_ok());
    assert!(AuroraMysql.check_class("db.t4g.micro").is_err());
    assert!(AuroraMysql.check_class("db.t4g.medium").is_ok());
    for class in ["db.r8g.large", "db.r6gd.2xlarge", "db.x2g.large"] {
        assert!(AuroraMysql.check_class(class).is_ok(), "{class}");
    }
    for class in ["db.m7g.large", "db.c6gd.large", "db.z1d.large"] {
        assert!(AuroraPostgresql.check_class(class).is_err(), "{class}");
        assert!(Postgres.check_class(class).is_ok(), "{class}");
    }
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
