//! Every key a stack file may have: what it holds, what it is when left out, what it means.

use super::choice::{Choice, names};
use super::{Algorithm, CacheEngine, DatabaseEngine, MaxmemoryPolicy, Nat, Scheme, Store};

/// A key of the file.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What may stand behind it.
    pub holds: Holds,
    /// What it is when left out.
    pub usual: Usual,
    /// What it means, in one line.
    pub says: &'static str,
}

/// What may stand behind a key.
#[derive(Clone, Copy, Debug)]
pub enum Holds {
    /// A text, whose form has a rule of its own.
    Text,
    /// A whole number in a range, both ends included.
    Number(u32, u32),
    /// A duration in a range of seconds, both ends included.
    Duration(u32, u32),
    /// One word of a few.
    Choice(fn() -> Vec<&'static str>),
    /// `true` or `false`.
    Switch,
    /// A list of texts.
    Texts,
    /// A whole number in a range, both ends included, or a list of as many texts.
    NumberOrTexts(u32, u32),
    /// A list of mappings, whose form another document describes.
    Items(&'static str),
    /// Names of the user's own choice, each with a text.
    Names,
    /// Further keys.
    Section(&'static [Key]),
    /// The word `off`, or further keys.
    OffOr(&'static [Key]),
}

/// What a key is when it is left out.
#[derive(Clone, Copy, Debug)]
pub enum Usual {
    /// It cannot be left out.
    Required,
    /// Nothing.
    Nothing,
    /// A value, as it would be written.
    Is(&'static str),
    /// A value that depends on others, in words.
    Depends(&'static str),
}

impl Holds {
    /// The keys below, if there are any of our choosing.
    pub const fn keys(self) -> Option<&'static [Key]> {
        match self {
            Self::Section(keys) | Self::OffOr(keys) => Some(keys),
            _ => None,
        }
    }

    /// What is expected, for a message.
    pub fn describe(self) -> String {
        match self {
            Self::Text => "a single value".into(),
            Self::Number(from, to) => format!("a whole number from {from} to {to}"),
            Self::Duration(from, to) => format!("a duration from {from} to {to} seconds"),
            Self::Choice(words) => format!("one of {}", super::list(&words(), "or")),
            Self::Switch => "`true` or `false`".into(),
            Self::Texts => "a list such as [one, two]".into(),
            Self::NumberOrTexts(from, to) => {
                format!("a whole number from {from} to {to}, or a list such as [one, two]")
            }
            Self::Items(such) => format!("a list such as [{such}]"),
            Self::Names => "names with their values, such as {NAME: value}".into(),
            Self::Section(keys) => {
                let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
                format!("the keys {}", super::list(&names, "and"))
            }
            Self::OffOr(_) => "`off`, or {cookie: lb, duration: 1h}".into(),
        }
    }
}

const fn key(name: &'static str, holds: Holds, usual: Usual, says: &'static str) -> Key {
    Key { name, holds, usual, says }
}

const fn choice<C: Choice>() -> Holds {
    Holds::Choice(names::<C>)
}

use Holds::{Duration, Items, Names, Number, NumberOrTexts, OffOr, Section, Switch, Text, Texts};
use Usual::{Depends, Is, Nothing, Required};

/// The whole file.
pub const FILE: &[Key] = &[
    key("name", Text, Required, "the stack's name, and the prefix of every resource name"),
    key("region", Text, Nothing, "the AWS region; without one, the AWS configuration decides"),
    key("account", Text, Nothing, "refuse to act in any other account than this one"),
    key("network", Section(NETWORK), Nothing, "the VPC and its availability zones"),
    key("app", Section(APP), Required, "the instances and what runs on them"),
    key("load_balancer", Section(LOAD_BALANCER), Nothing, "what stands before the instances"),
    key("sessions", Section(SESSIONS), Nothing, "where logged-in users are remembered"),
    key("cache", Section(CACHE), Nothing, "a cache; none is made without this section"),
    key("database", Section(DATABASE), Nothing, "a database; none is made without this section"),
    key("dns", Section(DNS), Nothing, "names for the load balancer in Route 53"),
    key("tags", Names, Nothing, "tags for everything that can be tagged"),
];

const NETWORK: &[Key] = &[
    key("cidr", Text, Is("10.0.0.0/16"), "the addresses of the VPC, /16 to /23"),
    key(
        "zones",
        NumberOrTexts(2, 6),
        Is("2"),
        "how many availability zones are used, or which: [eu-west-1a, eu-west-1c]",
    ),
    key(
        "nat",
        choice::<Nat>(),
        Is("single"),
        "how instances reach the internet; none puts them in public subnets",
    ),
    key(
        "gateway_endpoints",
        Texts,
        Depends("[s3], and dynamodb where sessions live there"),
        "the services that instances reach by AWS's own network: s3, dynamodb; free of charge",
    ),
];

const APP: &[Key] = &[
    key("image", Text, Required, "the container image, the same on every instance"),
    key("port", Number(1, 65_535), Is("3000"), "the port the app listens on"),
    key("instances", Number(1, 100), Is("2"), "how many instances there are"),
    key("surge", Number(1, 100), Is("1"), "how many of them are replaced at a time"),
    key(
        "instance_type",
        Text,
        Is("t4g.small"),
        "decides the architecture of the AMI and the image",
    ),
    key(
        "ami",
        Text,
        Nothing,
        "the AMI; else the newest Amazon Linux 2023, looked up once, at creation",
    ),
    key("env", Names, Nothing, "environment variables of the app"),
    key(
        "secrets",
        Names,
        Nothing,
        "environment variables whose values AWS keeps: name to ARN, or to ARN:KEY:: of a JSON object",
    ),
    key(
        "registry_secret",
        Text,
        Nothing,
        "the secret (ARN) with `username` and `password` of the image's registry, as JSON",
    ),
    key("command", Texts, Nothing, "what the container runs, in place of the image's own command"),
    key(
        "policies",
        Texts,
        Nothing,
        "managed policies (ARNs) that the role of the instances gets; at most 10",
    ),
    key(
        "statements",
        Items("{Effect: Allow, Action: s3:GetObject, Resource: \"arn:aws:s3:::uploads/*\"}"),
        Nothing,
        "what else that role grants, as statements of an IAM policy",
    ),
    key("role", Section(ROLE), Nothing, "the IAM role of the instances"),
    key(
        "health_check",
        Section(HEALTH_CHECK),
        Nothing,
        "how it is found out which instances can serve",
    ),
];

const ROLE: &[Key] = &[
    key("path", Text, Is("/"), "the IAM path of the role and its instance profile"),
    key(
        "permissions_boundary",
        Text,
        Nothing,
        "the managed policy (ARN) that bounds what the role may do",
    ),
];

const HEALTH_CHECK: &[Key] = &[
    key("path", Text, Is("/healthz"), "the path asked for"),
    key("interval", Duration(5, 300), Is("15"), "time between two checks"),
    key("timeout", Duration(2, 120), Is("5"), "time after which a check has failed"),
    key(
        "healthy_threshold",
        Number(2, 10),
        Is("2"),
        "checks passed in a row that make an instance healthy",
    ),
    key(
        "unhealthy_threshold",
        Number(2, 10),
        Is("2"),
        "checks failed in a row that make it unhealthy",
    ),
    key("matcher", Text, Is("200"), "the HTTP codes that pass: 200, or 200,302, or 200-299"),
];

const LOAD_BALANCER: &[Key] = &[
    key("scheme", choice::<Scheme>(), Is("internet-facing"), "who can reach it at all"),
    key("allow", Texts, Is("[0.0.0.0/0]"), "the address ranges that may reach it"),
    key(
        "certificate",
        Text,
        Nothing,
        "the ACM certificate (ARN) that gives HTTPS and makes HTTP a redirect",
    ),
    key(
        "tls_policy",
        Text,
        Depends("TLS 1.3 and 1.2 as AWS recommends it"),
        "AWS's policy of TLS versions and ciphers, such as ELBSecurityPolicy-TLS13-1-3-2021-06",
    ),
    key(
        "hsts",
        Duration(0, 63_072_000),
        Is("0"),
        "how long browsers remember to come by HTTPS only (Strict-Transport-Security); 0 is off",
    ),
    key(
        "protect",
        Switch,
        Nothing,
        "whether AWS refuses to delete it; left out, that stays as it is",
    ),
    key("access_logs", Section(ACCESS_LOGS), Nothing, "the S3 bucket where requests are logged"),
    key(
        "stickiness",
        OffOr(STICKINESS),
        Is("off"),
        "whether and how clients are kept on one instance",
    ),
    key(
        "deregistration_delay",
        Duration(0, 3_600),
        Is("30"),
        "how long a leaving instance may finish its requests",
    ),
    key("algorithm", choice::<Algorithm>(), Is("round_robin"), "how requests are shared out"),
    key(
        "slow_start",
        Duration(0, 900),
        Is("0"),
        "how long a new instance's share grows: 0 (off) or 30 to 900 seconds",
    ),
    key("idle_timeout", Duration(1, 4_000), Is("60"), "how long a silent connection is kept"),
];

const ACCESS_LOGS: &[Key] = &[
    key(
        "bucket",
        Text,
        Required,
        "a bucket in the stack's region that lets the load balancer write",
    ),
    key("prefix", Text, Nothing, "what the names of the log files begin with"),
];

const STICKINESS: &[Key] = &[
    key(
        "cookie",
        Holds::Choice(|| vec!["lb", "app"]),
        Is("lb"),
        "the load balancer's own cookie, or one of the app",
    ),
    key("name", Text, Depends("required with `cookie: app`"), "the app's cookie"),
    key("duration", Duration(1, 604_800), Is("86400"), "how long an idle client stays bound"),
];

const SESSIONS: &[Key] = &[
    key(
        "store",
        choice::<Store>(),
        Depends("what the cache speaks, `redis` or `memcached`; without a cache `none`"),
        "where sessions live",
    ),
    key(
        "table",
        Section(TABLE),
        Nothing,
        "the DynamoDB table that `store: dynamodb` makes, as the app's library wants it",
    ),
    key(
        "allow",
        Names,
        Nothing,
        "rules of `stackctl explain` that are fine here, each with the reason",
    ),
];

const TABLE: &[Key] = &[
    key("partition_key", Text, Is("id"), "the attribute, a string, that holds a session's id"),
    key(
        "ttl_attribute",
        Text,
        Is("expires"),
        "the attribute, a number of seconds since 1970, after which DynamoDB removes a session",
    ),
];

const CACHE: &[Key] = &[
    key("engine", choice::<CacheEngine>(), Is("valkey"), "what runs on it"),
    key(
        "version",
        Text,
        Depends("valkey 8.0, redis 7.1, memcached 1.6.22"),
        "the engine's version",
    ),
    key("node_type", Text, Is("cache.t4g.micro"), "the size of a node"),
    key(
        "replicas",
        Number(0, 5),
        Is("1"),
        "nodes beside the first; with valkey and redis, one or more fail over by themselves",
    ),
    key("port", Number(1_024, 65_535), Depends("6379, memcached 11211"), "the port it listens on"),
    key(
        "tls",
        Switch,
        Is("true"),
        "whether connections are encrypted; only memcached can do without",
    ),
    key(
        "maxmemory_policy",
        choice::<MaxmemoryPolicy>(),
        Depends("`noeviction` where sessions live in it, else `volatile-lru`; not with memcached"),
        "what a full cache does with a new key: refuse it, or drop others",
    ),
    key(
        "reserved_memory_percent",
        Number(0, 90),
        Depends("50 on t micro nodes, 30 on t small, else 25; not with memcached"),
        "how much of a node's memory no data is put in",
    ),
];

const DATABASE: &[Key] = &[
    key("engine", choice::<DatabaseEngine>(), Required, "what runs on it"),
    key(
        "version",
        Text,
        Depends("postgres 17, mysql 8.4, mariadb 11.4, aurora-postgresql 17, aurora-mysql 8.0"),
        "the engine's version or the beginning of one: 17 is met by 17.9",
    ),
    key(
        "extended_support",
        Switch,
        Is("false"),
        "whether to stay on a major version past its standard support, at a price",
    ),
    key(
        "instance_class",
        Text,
        Depends("db.t4g.micro, Aurora db.t4g.medium"),
        "the size of an instance",
    ),
    key(
        "storage",
        Number(20, 65_536),
        Depends("20; not with Aurora"),
        "GiB of storage; it can only grow",
    ),
    key(
        "max_storage",
        Number(22, 65_536),
        Nothing,
        "GiB up to which RDS makes the storage larger by itself; not with Aurora",
    ),
    key("backup_window", Text, Nothing, "when the daily backup is made, in UTC: 03:00-03:30"),
    key(
        "maintenance_window",
        Text,
        Nothing,
        "when maintenance is done, in UTC: sun:04:00-sun:04:30",
    ),
    key("multi_az", Switch, Is("false"), "whether a standby waits in another zone"),
    key("backup_days", Number(0, 35), Is("7"), "days of backups kept; 0 turns them off"),
    key("protect", Switch, Is("true"), "whether RDS refuses to delete it"),
    key(
        "final_snapshot",
        Switch,
        Is("true"),
        "whether a snapshot is left behind when it is deleted",
    ),
    key(
        "from_snapshot",
        Text,
        Nothing,
        "the snapshot it is made from; of no meaning once it stands",
    ),
    key("name", Text, Is("app"), "the name of the first database on it"),
    key(
        "username",
        Text,
        Is("app"),
        "the master user, whose password RDS keeps in Secrets Manager",
    ),
];

const DNS: &[Key] = &[
    key("zone", Text, Required, "the name of the hosted zone"),
    key("create_zone", Switch, Is("false"), "whether the zone is made and removed with the stack"),
    key("records", Texts, Nothing, "the names that lead to the load balancer"),
];

/// Every section that knows a key, by its path; the top of the file is "".
pub(super) fn homes(name: &str) -> Vec<String> {
    fn search(keys: &'static [Key], path: &str, name: &str, found: &mut Vec<String>) {
        for key in keys {
            if key.name == name {
                found.push(path.to_owned());
            }
            if let Some(below) = key.holds.keys() {
                search(below, &super::join(path, key.name), name, found);
            }
        }
    }
    let mut found = Vec::new();
    search(FILE, "", name, &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_every_section_that_has_it() {
        assert_eq!(homes("port"), ["app", "cache"]);
        assert_eq!(homes("nowhere"), Vec::<String>::new());
        assert!(homes("name").contains(&String::new()));
    }
}
