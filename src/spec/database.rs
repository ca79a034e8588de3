//! The database.

use serde::Serialize;

use super::Wrong;
use super::choice::choice;
use super::reader::Section;
use super::values::{Arn, split_type};

mod reserved;
mod versions;
mod windows;

pub(super) use windows::overlap;

/// The database: a DB instance, or for Aurora a DB cluster with its instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file")]
pub struct Database {
    /// What runs on it.
    pub engine: DatabaseEngine,
    /// The engine's version, or the beginning of one: `17` is met by 17.9.
    pub version: String,
    /// Whether it may stay on a major version past its standard support, which AWS bills for.
    pub extended_support: bool,
    /// The instance class, `db.family.size`.
    pub instance_class: String,
    /// The storage in GiB, 20 to 65536; it can only grow. Of no meaning with Aurora, whose
    /// storage has no size.
    pub storage: u32,
    /// GiB up to which RDS makes the storage larger by itself; without it, that stays as it is.
    pub max_storage: Option<u32>,
    /// When RDS makes its daily backup, `hh:mm-hh:mm` in UTC; without it, RDS chooses.
    pub backup_window: Option<String>,
    /// When RDS does its maintenance, `ddd:hh:mm-ddd:hh:mm` in UTC; without it, RDS chooses.
    pub maintenance_window: Option<String>,
    /// Whether a standby waits in another zone; for Aurora, a reader.
    pub multi_az: bool,
    /// How many days of backups are kept, 0 to 35; 0 turns backups off.
    pub backup_days: u8,
    /// Whether RDS refuses to delete it.
    pub protect: bool,
    /// Whether a snapshot is left behind when it is deleted.
    pub final_snapshot: bool,
    /// The snapshot it is made from: its identifier, or its ARN. Of no meaning once it stands.
    pub from_snapshot: Option<String>,
    /// The name of the first database on it.
    pub name: String,
    /// The name of the master user, whose password RDS keeps in Secrets Manager.
    pub username: String,
}

/// What runs on a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseEngine {
    /// PostgreSQL.
    Postgres,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
    /// Aurora that speaks PostgreSQL.
    AuroraPostgresql,
    /// Aurora that speaks MySQL.
    AuroraMysql,
}

impl DatabaseEngine {
    /// As AWS spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
            Self::AuroraPostgresql => "aurora-postgresql",
            Self::AuroraMysql => "aurora-mysql",
        }
    }

    /// Whether it is made of a DB cluster.
    pub const fn is_aurora(self) -> bool {
        matches!(self, Self::AuroraPostgresql | Self::AuroraMysql)
    }

    /// Whether it speaks PostgreSQL; the others speak MySQL.
    pub const fn is_postgres(self) -> bool {
        matches!(self, Self::Postgres | Self::AuroraPostgresql)
    }

    /// The port it listens on.
    pub const fn port(self) -> u16 {
        if self.is_postgres() { 5432 } else { 3306 }
    }
}

choice!(DatabaseEngine: Postgres, Mysql, Mariadb, AuroraPostgresql, AuroraMysql);

impl Database {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        let as_is = |text: &str| Ok(text.to_owned());
        // The rules that depend on the engine are skipped when it could not be read.
        let engine: DatabaseEngine = section.choice("engine").unwrap_or(DatabaseEngine::Postgres);
        let usual_storage = if engine.is_aurora() { 0 } else { 20 };
        Self {
            engine,
            version: section
                .text("version", as_is)
                .unwrap_or_else(|| engine.usual_version().to_owned()),
            extended_support: section.switch("extended_support"),
            instance_class: section
                .text("instance_class", instance_class)
                .unwrap_or_else(|| engine.usual_class().to_owned()),
            storage: section.number("storage").unwrap_or(usual_storage),
            max_storage: section.number("max_storage"),
            backup_window: section.text("backup_window", windows::daily),
            maintenance_window: section.text("maintenance_window", windows::weekly),
            multi_az: section.switch("multi_az"),
            backup_days: section.number_or_usual("backup_days"),
            protect: section.switch("protect"),
            final_snapshot: section.switch("final_snapshot"),
            from_snapshot: section.text("from_snapshot", snapshot),
            name: section.text_or_usual("name", as_is),
            username: section.text_or_usual("username", as_is),
        }
    }
}

/// The identifier of a snapshot, `rds:` before it where RDS made it by itself, or its ARN.
fn snapshot(text: &str) -> Result<String, Wrong> {
    let arn = Arn::read(text).filter(|arn| arn.service == "rds").map(|arn| arn.resource);
    let name = match arn {
        Some(of) => of.strip_prefix("cluster-snapshot:").or(of.strip_prefix("snapshot:")),
        None => Some(text),
    };
    let name = name.map(|name| name.strip_prefix("rds:").unwrap_or(name)).unwrap_or_default();
    let letter = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(letter) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("expected the identifier of a snapshot of RDS, or its ARN")
        .help("such as shop-db-final-20261127t101500; `aws rds describe-db-snapshots` lists them"))
}

impl DatabaseEngine {
    const fn usual_class(self) -> &'static str {
        if self.is_aurora() { "db.t4g.medium" } else { "db.t4g.micro" }
    }

    /// Whether a class can carry this engine.
    pub(super) fn check_class(self, class: &str) -> Result<(), Wrong> {
        let Some((family, size)) = class.strip_prefix("db.").and_then(split_type) else {
            return Ok(());
        };
        if !self.is_aurora() {
            return Ok(());
        }
        // "Supported DB engines for DB instance classes", Amazon Aurora User Guide.
        let aurora = family.starts_with('r') || family.starts_with('x') || family.starts_with('t');
        if !aurora {
            return Err(Wrong::new("Aurora runs on the r, x and t families only")
                .help("such as db.r7g.large, or db.t4g.medium, the smallest"));
        }
        if family.starts_with('t') && !matches!(size, "medium" | "large") {
            return Err(Wrong::new(
                "Aurora runs on the medium and large sizes of the t families only",
            )
            .help("db.t4g.medium is the smallest"));
        }
        Ok(())
    }

    /// Whether the engine takes this as the name of a database.
    pub(super) fn check_name(self, name: &str) -> Result<(), Wrong> {
        let longest = if self.is_postgres() { 63 } else { 64 };
        check_identifier(name, longest)?;
        if reserved::is_reserved(name, self) || reserved::is_system_database(name, self) {
            return Err(Wrong::new(format!("{} keeps this name for itself", self.as_str()))
                .help("choose another name, such as `app`"));
        }
        Ok(())
    }

    /// Whether the engine takes this as the name of the master user.
    pub(super) fn check_username(self, name: &str) -> Result<(), Wrong> {
        let longest = if self.is_postgres() { 63 } else { 16 };
        check_identifier(name, longest)?;
        if reserved::is_reserved(name, self) || reserved::is_system_user(name, self) {
            return Err(Wrong::new(format!("{} keeps this name for itself", self.as_str()))
                .help("choose another name, such as `app`"));
        }
        Ok(())
    }
}

fn check_identifier(name: &str, longest: usize) -> Result<(), Wrong> {
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.len() <= longest;
    if good {
        return Ok(());
    }
    Err(Wrong::new(format!("expected a letter, then letters, digits and `_`, at most {longest}")))
}

fn instance_class(text: &str) -> Result<String, Wrong> {
    if text == "db.serverless" {
        return Err(
            Wrong::new("db.serverless is not supported").help("name a class such as db.t4g.medium")
        );
    }
    if text.strip_prefix("db.").and_then(split_type).is_some() {
        return Ok(text.to_owned());
    }
    let near = split_type(text).map(|_| format!("did you mean db.{text}?"));
    Err(Wrong::new("expected an instance class: `db.`, a family and a size")
        .help("such as db.t4g.micro, db.m7g.large")
        .fix(near))
}

#[cfg(test)]
mod tests;
