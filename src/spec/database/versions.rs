//! Which engine versions a database may have.

use super::DatabaseEngine;
use crate::spec::Wrong;

/// The major versions that are known to be made.
const KNOWN: &str = include_str!("engine_versions.txt");

/// A major version: every version that begins with it.
struct Major {
    parts: Vec<u32>,
    /// As it is written.
    text: &'static str,
    /// The month in which its standard support ends, `2026-07`.
    standard: &'static str,
    /// The month in which its extended support ends; `-` where there is none.
    extended: &'static str,
}

/// The month in which the list was made.
fn as_of() -> &'static str {
    KNOWN.lines().find_map(|line| line.strip_prefix("as-of ")).unwrap_or_default()
}

impl DatabaseEngine {
    /// The version that is made when the file names none.
    pub const fn usual_version(self) -> &'static str {
        match self {
            Self::Postgres | Self::AuroraPostgresql => "17",
            Self::Mysql => "8.4",
            Self::Mariadb => "11.4",
            Self::AuroraMysql => "8.0",
        }
    }

    /// How many numbers a major version has: PostgreSQL's has one, `17`; the others' have two, `8.4`.
    pub const fn major_parts(self) -> usize {
        if self.is_postgres() { 1 } else { 2 }
    }

    /// Whether RDS offers extended support for it.
    pub const fn has_extended_support(self) -> bool {
        !matches!(self, Self::Mariadb)
    }

    fn known(self) -> impl Iterator<Item = Major> {
        KNOWN.lines().filter_map(move |line| {
            let mut words = line.split(' ');
            let (engine, text) = (words.next()?, words.next()?);
            let (standard, extended) = (words.next()?, words.next()?);
            let parts = numbers(text).filter(|_| engine == self.as_str())?;
            Some(Major { parts, text, standard, extended })
        })
    }

    /// The major versions in standard support, for a message.
    fn supported(self) -> String {
        let now = as_of();
        let known = self.known().filter(|major| major.standard >= now);
        known.map(|major| major.text).collect::<Vec<_>>().join(", ")
    }

    /// Whether AWS makes this version. Whether it makes one that is newer than those known here, or
    /// exactly this minor version, AWS is asked when the plan is made.
    pub(in crate::spec) fn check_version(self, version: &str, extended: bool) -> Result<(), Wrong> {
        let unknown = || {
            Err(Wrong::new(format!("expected a version of {} that RDS makes", self.as_str()))
                .help(format!("{}, or more of one, such as {}", self.supported(), self.example())))
        };
        let Some(parts) = self.parts(version) else { return unknown() };
        let (major, now) = (&parts[..self.major_parts()], as_of());
        let Some(known) = self.known().find(|known| known.parts == major) else {
            let newest = self.known().last().map(|newest| newest.parts).unwrap_or_default();
            return if *major > *newest { Ok(()) } else { unknown() };
        };
        if known.standard >= now {
            return Ok(());
        }
        let since = format!(
            "the standard support of {} {} ended in {}",
            self.as_str(),
            known.text,
            known.standard
        );
        if known.extended < now {
            return Err(Wrong::new(since).help(format!("RDS makes {}", self.supported())));
        }
        if extended {
            return Ok(());
        }
        Err(Wrong::new(since).help(format!(
            "choose {}, or pay for extended support (until {}) with `extended_support: true`",
            self.supported(),
            known.extended
        )))
    }

    /// The numbers of a version, at least those of a major one, if it is one of this engine's.
    fn parts(self, version: &str) -> Option<Vec<u32>> {
        // Aurora MySQL goes on with its own version: 8.0.mysql_aurora.3.10.0.
        let (community, aurora) = match version.split_once(".mysql_aurora.") {
            Some((community, aurora)) => (community, Some(aurora)),
            None => (version, None),
        };
        if let Some(aurora) = aurora {
            numbers(aurora).filter(|_| self == Self::AuroraMysql)?;
        }
        let major = self.major_parts();
        numbers(community).filter(|parts| (major..=major + 1).contains(&parts.len()))
    }

    const fn example(self) -> &'static str {
        match self {
            Self::Postgres | Self::AuroraPostgresql => "17.9",
            Self::Mysql => "8.4.9",
            Self::Mariadb => "11.4.10",
            Self::AuroraMysql => "8.0.mysql_aurora.3.10.0",
        }
    }
}

fn numbers(text: &str) -> Option<Vec<u32>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}
