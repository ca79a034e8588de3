//! `outputs`: where the stack can be reached, and what an app needs to know.

use super::{
    Ended, Session,
    connect::{Where, here},
    list,
    reading::{as_ourselves, inventory_of},
    which::StackArgs,
};
use crate::{
    aws::Aws,
    engine::{AnyKind, Inventory, Phase},
    erased_kinds,
    kinds::{
        CacheCluster, DbCluster, DbInstance, DnsRecord, HostedZone, Listener, LoadBalancer,
        ReplicationGroup, stores::DatabaseLive,
    },
    localstack::twin::{self, App, Serving},
    ui::{Trouble, paint::Painted, paint::STRONG},
};
use anyhow::{Result, ensure};
use serde::Serialize;
use std::{
    fmt::{self, Display},
    path::Path,
};

/// Show where the stack can be reached: URL, name servers, endpoints
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: StackArgs,
    #[command(flatten)]
    place: Where,
}

/// Where a stack can be reached.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Outputs {
    /// The stack's name.
    pub stack: String,
    /// What to open in a browser.
    pub url: Option<String>,
    /// What to open in a browser of this machine, where the emulator's tier serves there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_url: Option<String>,
    /// The load balancer's own name.
    pub dns_name: Option<String>,
    /// The names that lead to it.
    pub records: Vec<String>,
    /// What the parent domain must delegate to, where the zone is the stack's own.
    pub name_servers: Vec<String>,
    /// Where sessions or cached things are.
    pub cache: Option<Cache>,
    /// Where the data is.
    pub database: Option<Database>,
    /// Whether there is HTTPS, and no name that its certificate could cover: nobody has one for a
    /// name of AWS's.
    #[serde(skip)]
    pub nameless: bool,
    /// What serves on this machine.
    #[serde(skip)]
    pub serving: Option<Serving>,
}

/// A cache's endpoint.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Cache {
    /// `redis`, `valkey` or `memcached`.
    pub engine: String,
    /// `host:port` of the primary, or of each Memcached node.
    pub endpoints: Vec<String>,
}

/// A database's endpoint.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Database {
    /// The engine.
    pub engine: String,
    /// Its host name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database made with it.
    pub name: String,
    /// The master user.
    pub user: String,
    /// The secret that holds the master password.
    pub secret_arn: String,
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let chosen = list::or_list(args.which.choose(Path::new("")), &args.place, session).await?;
    let way = args.place.open(&chosen, session).await?;
    let spec = chosen.spec.as_ref();
    let (_, found) = as_ourselves(&way.aws, spec, inventory_of(kinds(), &way.aws)).await?;
    ensure!(
        !found.is_empty(),
        Trouble::new(
            format!("`{}` has nothing to reach in {}", chosen.name, way.aws.region),
            "`stackctl up` brings it up; `stackctl list` shows the stacks there are",
        )
    );
    session.ui.result(&Outputs::of(&way.aws, &found).await)?;
    Ok(Ended::Done)
}

/// The kinds that outputs come from.
pub(super) fn kinds() -> Vec<Box<dyn AnyKind<Aws>>> {
    erased_kinds![
        LoadBalancer,
        Listener,
        HostedZone,
        DnsRecord,
        ReplicationGroup,
        CacheCluster,
        DbCluster,
        DbInstance
    ]
    .into()
}

impl Outputs {
    /// The same right after the stack was made: it may take a moment until it serves.
    pub(super) async fn of_new(aws: &Aws, found: &Inventory<Aws>) -> Self {
        let balancer = found.of::<LoadBalancer>().find(|b| b.phase != Phase::Going);
        if let (Some(endpoint), Some(balancer)) = (here(aws), balancer) {
            twin::settle(endpoint, &balancer.live.dns_name).await;
        }
        Self::of(aws, found).await
    }

    /// Collects them from what was found.
    pub(super) async fn of(aws: &Aws, found: &Inventory<Aws>) -> Self {
        let balancer = found.of::<LoadBalancer>().find(|b| b.phase != Phase::Going);
        let dns_name = balancer.map(|b| b.live.dns_name.clone());
        let mut records: Vec<String> =
            found.of::<DnsRecord>().map(|r| r.spec.domain.clone()).collect();
        records.sort();
        let secure = found.of::<Listener>().any(|l| l.spec.certificate.is_some());
        let url = dns_name.as_deref().and_then(|dns_name| url(secure, &records, dns_name));
        let serving = match (here(aws), dns_name.as_deref()) {
            (Some(endpoint), Some(name)) => twin::serving(endpoint, &aws.stack, name).await,
            _ => None,
        };
        Self {
            stack: aws.stack.to_string(),
            local_url: serving.as_ref().map(|serving| serving.url.clone()),
            serving,
            nameless: secure && url.is_none() && dns_name.is_some(),
            url,
            dns_name,
            name_servers: found
                .of::<HostedZone>()
                .flat_map(|z| z.live.name_servers.clone())
                .collect(),
            records,
            cache: Cache::of(found),
            database: Database::of(found),
        }
    }
}

/// What a browser can open without a warning, if anything.
fn url(secure: bool, records: &[String], dns_name: &str) -> Option<String> {
    match (secure, to_open(records)) {
        (true, Some(name)) => Some(format!("https://{name}/")),
        (true, None) => None,
        (false, name) => Some(format!("http://{}/", name.map_or(dns_name, String::as_str))),
    }
}

/// The first name that a browser can open, which a wildcard is not.
fn to_open(records: &[String]) -> Option<&String> {
    records.iter().find(|name| !name.starts_with('*'))
}

impl Cache {
    fn of(found: &Inventory<Aws>) -> Option<Self> {
        let group = found.of::<ReplicationGroup>().next().map(|group| Self {
            engine: group.spec.engine.to_string(),
            endpoints: Some(&group.live)
                .filter(|live| !live.host.is_empty())
                .map(|live| format!("{}:{}", live.host, live.port))
                .into_iter()
                .collect(),
        });
        group.or_else(|| {
            found.of::<CacheCluster>().next().map(|cluster| Self {
                engine: "memcached".into(),
                endpoints: cluster.live.servers.clone(),
            })
        })
    }
}

impl Database {
    fn of(found: &Inventory<Aws>) -> Option<Self> {
        let of = |engine: &String, live: &DatabaseLive| Self {
            engine: engine.clone(),
            host: live.host.clone(),
            port: live.port,
            name: live.database.clone(),
            user: live.username.clone(),
            secret_arn: live.secret_arn.clone(),
        };
        let cluster = found.of::<DbCluster>().next().map(|c| of(&c.spec.engine, &c.live));
        let mut alone = found.of::<DbInstance>().filter(|d| d.spec.cluster.is_none());
        cluster.or_else(|| alone.next().map(|d| of(&d.spec.engine, &d.live)))
    }
}

impl Display for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<(&str, String)> = Vec::new();
        lines.extend(self.url.clone().map(|url| ("url", url)));
        if self.nameless {
            let point = "(point a name that the certificate covers to the load balancer)";
            lines.push(("url", point.into()));
        }
        if let Some(Serving { url, app, missing }) = &self.serving {
            let app = app.as_ref().map(|App { image, engine }| match engine {
                Some(engine) => format!(" ({image}, run by {})", engine.display()),
                None => format!(" (the sample app, in place of {image})"),
            });
            let app = app.unwrap_or_default();
            lines.push(("on this machine", format!("{url}{app}")));
            lines.extend(missing.iter().map(|why| ("not on it", why.clone())));
        }
        lines.extend(self.dns_name.clone().map(|name| ("load balancer", name)));
        lines.extend(self.records.iter().map(|record| ("record", record.clone())));
        lines.extend(self.name_servers.iter().map(|server| ("name server", server.clone())));
        if let Some(Cache { engine, endpoints }) = &self.cache {
            let endpoints =
                if endpoints.is_empty() { "(not ready)" } else { &endpoints.join(", ") };
            lines.push(("cache", format!("{engine} {endpoints}")));
        }
        if let Some(Database { engine, host, port, name, user, secret_arn }) = &self.database {
            let host = if host.is_empty() { "(not ready)" } else { &format!("{host}:{port}") };
            lines.push(("database", format!("{engine} {host}, database {name}, user {user}")));
            if !secret_arn.is_empty() {
                lines.push(("password", format!("in the secret {secret_arn}")));
            }
        }
        let widest = lines.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
        let shown = lines.iter().map(|(label, value)| {
            let space = " ".repeat(widest - label.len());
            format!("{}{space}  {value}", Painted(STRONG, label))
        });
        f.write_str(&shown.collect::<Vec<_>>().join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_url_is_shown_that_no_certificate_can_cover() {
        let name = "shop-lb-1.eu-west-1.elb.amazonaws.com";
        let star = ["*.example.org".to_owned()];
        assert_eq!(url(true, &[], name), None);
        assert_eq!(url(true, &star, name), None);
        assert_eq!(url(false, &[], name).unwrap(), format!("http://{name}/"));
        let shop = ["shop.example.org".to_owned()];
        assert_eq!(url(true, &shop, name).unwrap(), "https://shop.example.org/");
        let outputs = Outputs { nameless: true, ..Outputs::default() };
        assert!(outputs.to_string().contains("point a name that the certificate covers"));
    }

    #[test]
    fn a_wildcard_is_nothing_to_open() {
        let records = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let both = records(&["*.example.org", "shop.example.org"]);
        assert_eq!(to_open(&both).unwrap(), "shop.example.org");
        assert_eq!(to_open(&records(&["*.example.org"])), None);
    }
}
