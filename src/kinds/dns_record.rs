//! An alias A record from a name of ours to the load balancer.

use super::{
    hosted_zone::HostedZone,
    load_balancer::{LoadBalancer, LoadBalancerLive},
};
use crate::{
    aws::{Aws, Sent, Tolerant, dns, survey::Balancing},
    engine::{
        Attribute, Cx, Found, Kind, Never, Ref, Table, Taken, address::Link, plan::Ids,
        sealed::digest,
    },
};
use anyhow::{Context, Result};
use aws_sdk_elasticloadbalancingv2::types::Tag;
use aws_sdk_route53::types::{AliasTarget, ChangeAction, ResourceRecordSet, RrType};
use futures::future::try_join_all;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

#[cfg(test)]
mod tests;

/// An alias A record from a name of ours to the load balancer.
#[derive(Clone, Debug)]
pub struct DnsRecord {
    /// The zone it stands in.
    pub zone: ZoneRef,
    /// The name, without a trailing dot.
    pub domain: String,
    /// Where it leads.
    pub load_balancer: Ref<LoadBalancer>,
}

/// The zone a record stands in.
#[derive(Clone, Debug, PartialEq)]
pub enum ZoneRef {
    /// One that is made and removed with the stack.
    Ours(Ref<HostedZone>),
    /// One that was there before, by its bare id.
    Theirs(String),
}

impl Attribute for ZoneRef {
    fn show(&self) -> String {
        match self {
            Self::Ours(zone) => zone.show(),
            Self::Theirs(id) => id.clone(),
        }
    }
    /// A found record's zone is always told by its id.
    fn met_by(&self, found: &Self, ids: &Ids) -> bool {
        match (self, found) {
            (Self::Ours(zone), Self::Theirs(id)) => zone.met_by(&Ref::found(id.as_str()), ids),
            (Self::Ours(a), Self::Ours(b)) => a.met_by(b, ids),
            (a, b) => a == b,
        }
    }
    fn links(&self, out: &mut Vec<Link>) {
        match self {
            Self::Ours(zone) => zone.links(out),
            Self::Theirs(id) => Ref::<HostedZone>::found(id.as_str()).links(out),
        }
    }
}

/// What Route 53 knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsRecordLive {
    /// `<zone id>/<name>`.
    pub id: String,
    /// The zone's bare id.
    pub zone: String,
    /// The name, without a trailing dot.
    pub domain: String,
}

impl Kind for DnsRecord {
    type Cloud = Aws;
    type Live = DnsRecordLive;
    type Edit = Never;

    const NAME: &'static str = "dns-record";
    const USUAL: Duration = Duration::from_secs(30);
    const USUAL_DELETION: Duration = Duration::from_secs(2);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("zone", |r| &r.zone)
            .fixed("domain", |r| &r.domain)
            .fixed("load_balancer", |r| &r.load_balancer)
    }

    fn id(live: &Self::Live) -> &str {
        &live.id
    }

    async fn discover(cloud: &Aws) -> Result<Vec<Found<Self>>> {
        let balancing = cloud.balancing().await?;
        let tags = balancing.load_balancers.iter().flat_map(|(_, owned)| &owned.all);
        let mut zones: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (zone, domain) in tags.filter_map(|(key, value)| place(key, value)) {
            zones.entry(zone).or_default().insert(domain);
        }
        let all = zones.iter().map(|(zone, domains)| read(cloud, balancing, zone, domains));
        Ok(try_join_all(all).await?.into_iter().flatten().collect())
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        let Ok(zone) = self.zone_id(cx) else { return Ok(Vec::new()) };
        let there = dns::records_at(&cx.cloud, &zone, &dns::plain(&self.domain)).await.or_gone()?;
        let balancers = cx.cloud.balancing().await?.load_balancers.iter();
        let ours: Vec<_> = balancers.filter_map(|(balancer, _)| balancer.dns_name()).collect();
        let taken = |record| Taken {
            what: format!("DNS record {record}"),
            whose: "it does not lead to this stack".into(),
        };
        Ok(in_the_way(&there.unwrap_or_default(), &ours).map(taken).into_iter().collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<Self::Live> {
        let zone = self.zone_id(cx)?;
        let balancer = cx.get(&self.load_balancer)?;
        let live = DnsRecordLive::at(zone, self.domain.clone());
        live.remember(&cx.cloud, &balancer.arn).await?;
        let record = alias(&self.domain, &balancer)?;
        match dns::change(cx, &live.zone, ChangeAction::Create, record).await {
            Ok(change) => dns::in_sync(cx, &change).await?,
            Err(error) if dns::is_refused(&error) => {
                let there = dns::records_at(&cx.cloud, &live.zone, &live.domain).await?;
                let ours = |r: &ResourceRecordSet| leads_to(r, &balancer.dns_name);
                // An answer was lost on the way, if it is there as it should be.
                if !there.iter().any(ours) {
                    live.forget(&cx.cloud, &balancer.arn).await?;
                    return Err(match in_the_way(&there, &[&balancer.dns_name]) {
                        Some(taken) => error.context(format!("{taken} is there already")),
                        None => error,
                    });
                }
            }
            Err(error) => return Err(error),
        }
        Ok(live)
    }

    async fn edit(&self, edit: Never, _found: &Found<Self>, _cx: &Cx<Aws>) -> Result<()> {
        match edit {}
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let (aws, live) = (&cx.cloud, &found.live);
        let balancer = found.spec.load_balancer.id().context("a record that was not found")?;
        let balancing = aws.balancing().await?;
        for last in [false, true] {
            let there = dns::records_at(aws, &live.zone, &live.domain).await.or_gone()?;
            let there = there.unwrap_or_default().into_iter().find(|r| r.r#type == RrType::A);
            let Some(record) = there else { break };
            if led_by(balancing, &live.zone, &record) != Some(balancer) {
                let now = dns::describe(&record);
                cx.note(format!("left alone, for it is not the stack's any more: {now}"));
                break;
            }
            // Route 53 deletes what is sent back exactly as it is stored.
            match dns::change(cx, &live.zone, ChangeAction::Delete, record).await {
                Ok(_) => break,
                Err(error) if dns::is_refused(&error) && !last => {}
                Err(error) => return Err(error),
            }
        }
        live.forget(aws, balancer).await
    }
}

impl DnsRecord {
    /// The bare id of its zone.
    fn zone_id(&self, cx: &Cx<Aws>) -> Result<String> {
        Ok(match &self.zone {
            ZoneRef::Ours(zone) => cx.get(zone)?.id,
            ZoneRef::Theirs(id) => id.clone(),
        })
    }
}

/// What a record clashes with: an address record or a CNAME at its name that leads to none of these
/// load balancers, as a user knows it. `None` when the name is free or ours.
fn in_the_way(there: &[ResourceRecordSet], ours: &[&str]) -> Option<String> {
    there
        .iter()
        .filter(|r| matches!(r.r#type(), RrType::A | RrType::Cname))
        .find(|r| !ours.iter().any(|dns_name| leads_to(r, dns_name)))
        .map(dns::describe)
}

/// Whether it is the one address record of its name, and an alias to this place.
fn leads_to(record: &ResourceRecordSet, dns_name: &str) -> bool {
    record.r#type == RrType::A
        && record.set_identifier.is_none()
        && record
            .alias_target()
            .is_some_and(|a| dns::plain_target(a.dns_name()) == dns::plain_target(dns_name))
}

/// The ARN of the stack's load balancer to which a record leads, if it is the stack's own record:
/// one of the load balancers remembers it.
pub(super) fn led_by<'a>(
    balancing: &'a Balancing,
    zone: &str,
    record: &ResourceRecordSet,
) -> Option<&'a str> {
    let at = DnsRecordLive::at(zone.to_owned(), dns::plain(record.name()));
    let (key, value) = at.tag();
    let all = &balancing.load_balancers;
    all.iter().find(|(_, owned)| owned.all.get(&key) == Some(&value))?;
    let (balancer, _) =
        all.iter().find(|(b, _)| b.dns_name().is_some_and(|name| leads_to(record, name)))?;
    balancer.load_balancer_arn()
}

/// The records at these names of one zone that lead to a load balancer of ours.
async fn read(
    aws: &Aws,
    balancing: &Balancing,
    zone: &str,
    domains: &BTreeSet<String>,
) -> Result<Vec<Found<DnsRecord>>> {
    let there = dns::records_at_each(aws, zone, domains).await.or_gone()?.unwrap_or_default();
    let led = there.iter().filter_map(|r| Some((dns::plain(&r.name), led_by(balancing, zone, r)?)));
    let found = led.filter(|(domain, _)| domains.contains(domain)).map(|(domain, balancer)| {
        let spec = DnsRecord {
            zone: ZoneRef::Theirs(zone.to_owned()),
            domain: domain.clone(),
            load_balancer: Ref::found(balancer),
        };
        let live = DnsRecordLive::at(zone.to_owned(), domain);
        Found::ready(live.domain.clone(), spec, live)
    });
    Ok(found.collect())
}

fn alias(domain: &str, to: &LoadBalancerLive) -> Result<ResourceRecordSet> {
    let target = AliasTarget::builder()
        .dns_name(&to.dns_name)
        .hosted_zone_id(&to.zone_id)
        .evaluate_target_health(true)
        .build()?;
    let record = ResourceRecordSet::builder().name(domain).r#type(RrType::A).alias_target(target);
    Ok(record.build()?)
}

/// How the keys of the tags begin by which a load balancer remembers the records that lead to it:
/// records bear no tags themselves.
const REMEMBERS: &str = "stackctl:record:";

/// The zone and the domain of a record that a tag remembers.
fn place(key: &str, value: &str) -> Option<(String, String)> {
    key.starts_with(REMEMBERS).then_some(())?;
    let (zone, domain) = value.split_once('/')?;
    Some((zone.to_owned(), domain.replace('@', "*")))
}

impl DnsRecordLive {
    fn at(zone: String, domain: String) -> Self {
        Self { id: format!("{zone}/{domain}"), zone, domain }
    }

    /// The tag that remembers it. A tag's value may have no `*`, and a domain has no `@`.
    fn tag(&self) -> (String, String) {
        (format!("{REMEMBERS}{}", &digest(&self.id)[..8]), self.id.replace('*', "@"))
    }

    async fn remember(&self, aws: &Aws, balancer: &str) -> Result<()> {
        let (key, value) = self.tag();
        let tag = Tag::builder().key(key).value(value).build();
        aws.elb.add_tags().resource_arns(balancer).tags(tag).send().await.aws()?;
        Ok(())
    }

    async fn forget(&self, aws: &Aws, balancer: &str) -> Result<()> {
        let call = aws.elb.remove_tags().resource_arns(balancer).tag_keys(self.tag().0);
        call.send().await.aws().or_gone()?;
        Ok(())
    }
}
