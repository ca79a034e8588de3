//! What the user wrote: the stack file as types, and everything that can be wrong with it before AWS is asked.

use std::collections::BTreeMap;

use serde::Serialize;

mod app;
mod cache;
mod choice;
mod database;
mod dns;
mod environment;
mod load;
mod load_balancer;
mod mistakes;
mod network;
mod overrides;
mod reader;
mod rules;
pub mod schema;
mod seconds;
mod source;
mod stickiness;
mod store;
mod tags;
mod text;
mod tree;
mod values;
mod wrong;

pub use app::{App, Architecture, HealthCheck, Role, secret_of};
pub use cache::{Cache, CacheEngine, MaxmemoryPolicy};
pub(crate) use choice::nearest;
pub use database::{Database, DatabaseEngine};
pub use dns::Dns;
pub use load::load;
pub use load_balancer::{AccessLogs, Algorithm, LoadBalancer, Scheme};
pub use mistakes::{Mistakes, Place, Problem};
pub use network::{GatewayEndpoint, Nat, Network, Subnets, Zones};
pub use seconds::Seconds;
pub use source::Source;
pub use stickiness::Stickiness;
pub use store::{SessionRule, Sessions, Store, Table};
pub use values::Arn;
pub use wrong::Wrong;

use reader::Section;

/// One stack, as its file describes it: defaults filled in, every offline rule kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spec {
    /// The stack's name, and the prefix of every resource name: `[a-z][a-z0-9-]{0,19}`, without
    /// a trailing or a double hyphen.
    pub name: String,
    /// The AWS region; without one, the AWS configuration decides.
    pub region: Option<String>,
    /// The only account (12 digits) that may be acted in, if one is given.
    pub account: Option<String>,
    /// The VPC and its zones.
    pub network: Network,
    /// The instances and what runs on them.
    pub app: App,
    /// The load balancer and the attributes of its target group.
    pub load_balancer: LoadBalancer,
    /// Where the sessions live.
    pub sessions: Sessions,
    /// The cache; none is made when the file has no such section.
    pub cache: Option<Cache>,
    /// The database; none is made when the file has no such section.
    pub database: Option<Database>,
    /// Names for the load balancer; none are made when the file has no such section.
    pub dns: Option<Dns>,
    /// The user's tags, put on everything that can be tagged.
    pub tags: BTreeMap<String, String>,
}

impl Spec {
    /// What the file names by ARN in the stack's own region: the path of each key, and the ARN.
    pub fn arns(&self) -> Vec<(String, &str)> {
        let certificate = self.load_balancer.certificate.as_deref();
        let registry = self.app.registry_secret.as_deref();
        let secrets = self.app.secrets.iter();
        certificate
            .map(|arn| ("load_balancer.certificate".to_owned(), arn))
            .into_iter()
            .chain(registry.map(|arn| ("app.registry_secret".to_owned(), arn)))
            .chain(secrets.map(|(name, arn)| (format!("app.secrets.{name}"), &**arn)))
            .collect()
    }

    fn read(file: &mut Section<'_, '_>) -> Self {
        let cache = file.optional("cache", Cache::read);
        let engine = cache.as_ref().map(|cache| cache.engine);
        let sessions = file.section("sessions", |section| Sessions::read(section, engine));
        let store = sessions.store;
        Self {
            name: file.text("name", stack_name).unwrap_or_default(),
            region: file.text("region", region),
            account: file.text("account", account),
            network: file.section("network", |section| Network::read(section, store)),
            app: file.section("app", App::read),
            load_balancer: file.section("load_balancer", LoadBalancer::read),
            sessions,
            cache,
            database: file.optional("database", Database::read),
            dns: file.optional("dns", Dns::read),
            tags: file.names("tags", tags::check_key, tags::check_value),
        }
    }
}

/// Reads the name of a stack.
///
/// # Errors
/// When resources could not bear names made of it.
pub fn stack_name(text: &str) -> Result<String, Wrong> {
    let wrong = |says: &'static str| Wrong::new(says).help("such as shop, or shop-staging");
    if text.is_empty() || text.len() > 20 {
        return Err(wrong("a stack's name has 1 to 20 characters"));
    }
    if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(wrong("a stack's name has small letters, digits and `-` only"));
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(wrong("a stack's name begins with a letter"));
    }
    if text.ends_with('-') || text.contains("--") {
        return Err(wrong("a stack's name has no `-` at its end and no two in a row"));
    }
    // AWS refuses load balancers `internal-…` and security groups `sg-…`.
    if ["internal", "sg"].iter().any(|word| {
        text.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }) {
        return Err(wrong("AWS keeps names that begin with `internal-` or `sg-` for itself"));
    }
    Ok(text.to_owned())
}

fn region(text: &str) -> Result<String, Wrong> {
    if values::is_region(text) {
        return Ok(text.to_owned());
    }
    let region = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let zone = values::is_region(region).then(|| format!("this is a zone; its region is {region}"));
    Err(Wrong::new("expected an AWS region").help("such as eu-west-1").fix(zone))
}

fn account(text: &str) -> Result<String, Wrong> {
    let digits = text.replace(['-', ' '], "");
    if values::is_account(text) {
        return Ok(text.to_owned());
    }
    let joined =
        values::is_account(&digits).then(|| format!("write it without hyphens: \"{digits}\""));
    Err(Wrong::new("an AWS account has 12 digits")
        .help("leading zeros count; put it in quotes so that nothing drops them")
        .fix(joined))
}

/// `1 problem`, `2 problems`.
fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The words in backquotes, as a list in a sentence.
fn list(words: &[&str], joint: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match &*quoted {
        [first @ .., last] if !first.is_empty() => format!("{} {joint} {last}", first.join(", ")),
        _ => quoted.concat(),
    }
}

/// The path of a key in a section.
fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

#[cfg(test)]
mod tests;
