//! List prices in US dollars, on demand, in us-east-1: estimates from public price tables that agree with each other.

/// When the tables were read from the AWS Price List API, by their own account.
pub(super) const DATE: &str = "2026-10-02";
/// The hours that AWS counts for a month.
pub(super) const HOURS: f64 = 730.0;

/// An hour, without what is processed.
pub(super) const NAT_GATEWAY: f64 = 0.045;
/// An hour, without capacity units.
pub(super) const LOAD_BALANCER: f64 = 0.0225;
/// An hour of a public IPv4 address, attached or idle.
pub(super) const PUBLIC_ADDRESS: f64 = 0.005;
/// A month of a GB of gp3.
pub(super) const DISK: f64 = 0.08;
/// The GiB of an instance's root volume.
pub(super) const ROOT_VOLUME: f64 = 20.0;
/// A month of a GB of a database's gp3.
pub(super) const DATABASE_DISK: f64 = 0.115;
/// A month of a secret.
pub(super) const SECRET: f64 = 0.40;
/// A month of a hosted zone.
pub(super) const HOSTED_ZONE: f64 = 0.50;
/// Valkey's share of Redis's price.
pub(super) const VALKEY: f64 = 0.8;

/// Prices an hour, by type.
pub(super) type Table = &'static [(&'static str, f64)];

/// EC2, Linux.
pub(super) const INSTANCES: Table = &[
    ("t3.micro", 0.0104),
    ("t3.small", 0.0208),
    ("t3.medium", 0.0416),
    ("t3.large", 0.0832),
    ("t4g.micro", 0.0084),
    ("t4g.small", 0.0168),
    ("t4g.medium", 0.0336),
    ("t4g.large", 0.0672),
];

/// ElastiCache, Redis and Memcached.
pub(super) const CACHE_NODES: Table = &[
    ("cache.t3.micro", 0.017),
    ("cache.t3.small", 0.034),
    ("cache.t3.medium", 0.068),
    ("cache.t4g.micro", 0.016),
    ("cache.t4g.small", 0.032),
    ("cache.t4g.medium", 0.065),
];

/// RDS for MySQL, MariaDB and PostgreSQL, one instance.
pub(super) const DATABASES: Table = &[
    ("db.t3.micro", 0.017),
    ("db.t3.small", 0.034),
    ("db.t3.medium", 0.068),
    ("db.t4g.micro", 0.016),
    ("db.t4g.small", 0.032),
    ("db.t4g.medium", 0.065),
    ("db.t4g.large", 0.129),
];

/// Aurora's members, which have prices of their own.
pub(super) const AURORA: Table = &[];

/// The price of a type an hour, if the table has it.
pub(super) fn hourly(table: Table, class: &str) -> Option<f64> {
    table.iter().find(|(name, _)| *name == class).map(|(_, price)| *price)
}
