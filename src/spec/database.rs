//! The database.

use serde::Serialize;

/// The database: a DB instance, or for Aurora a DB cluster with its instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Database {
    /// What runs on it.
    pub engine: DatabaseEngine,
    /// The engine's version, or the beginning of one: `17` is met by 17.9.
    pub version: String,
    /// The instance class, `db.family.size`.
    pub instance_class: String,
    /// The storage in GiB, 20 to 65536; it can only grow. Of no meaning with Aurora, whose
    /// storage has no size.
    pub storage: u32,
    /// Whether a standby waits in another zone; for Aurora, a reader.
    pub multi_az: bool,
    /// How many days of backups are kept, 0 to 35; 0 turns backups off.
    pub backup_days: u8,
    /// Whether RDS refuses to delete it.
    pub protect: bool,
    /// Whether a snapshot is left behind when it is deleted.
    pub final_snapshot: bool,
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
