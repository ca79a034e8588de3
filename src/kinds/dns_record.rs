//! An alias A record from a name of ours to the load balancer.

use super::{
    hosted_zone::HostedZone,
    listener::Listener,
    load_balancer::{LoadBalancer, LoadBalancerLive},
    target_group::TargetGroup,
};
use crate::{
    aws::{Aws, Failure, Owned, Sent, Tolerant, dns, ec2::once_known, survey::Balancing},
    engine::{
        Attribute, Cx, Found, Kind, Ref, Table, Taken, address::Link, plan::Ids, sealed::digest,
    },
};
use anyhow::{Result, bail};
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
    pub leads: Leads,
    /// Whether it is answered only while the load balancer has a healthy target.
    pub evaluate_target_health: bool,
    /// What remembers the record besides the load balancer, and outlives the loss of that.
    pub target_group: Option<Ref<TargetGroup>>,
    /// What answers there, which must be there first; AWS does not tell which.
    pub listener: Option<Ref<Listener>>,
}

/// Where a record leads.
#[derive(Clone, Debug, PartialEq)]
pub enum Leads {
    /// To the stack's load balancer.
    To(Ref<LoadBalancer>),
    /// To a load balancer of the stack's that is gone, by its DNS name.
    Gone(String),
    /// To where somebody pointed it by hand, a maintenance page say. It is left so.
    Elsewhere(String),
}

impl Attribute for Leads {
    fn show(&self) -> String {
        match self {
            Self::To(balancer) => balancer.show(),
            Self::Gone(dns_name) => format!("{dns_name}, which is gone"),
            Self::Elsewhere(record) => record.clone(),
        }
    }
    /// What was pointed elsewhere on purpose stays so until its owner takes that back.
    fn met_by(&self, found: &Self, ids: &Ids) -> bool {
        match (self, found) {
            (Self::To(a), Self::To(b)) => a.met_by(b, ids),
            (Self::To(_), Self::Elsewhere(_)) => true,
            (a, b) => a == b,
        }
    }
    fn links(&self, out: &mut Vec<Link>) {
        if let Self::To(balancer) = self {
            balancer.links(out);
        }
    }
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `AddTags` to the target group.
    Remember,
    /// `ChangeResourceRecordSets` with one `UPSERT`: the name is never gone.
    Target,
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
    type Edit = Edit;

    const NAME: &'static str = "dns-record";
    const USUAL: Duration = Duration::from_secs(30);
    const USUAL_DELETION: Duration = Duration::from_secs(2);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("zone", |r| &r.zone)
            .fixed("domain", |r| &r.domain)
            .tuned("load_balancer", Edit::Target, |r| &r.leads)
            .tuned("evaluate_target_health", Edit::Target, |r| &r.evaluate_target_health)
            .tuned("remembered_by", Edit::Remember, |r| &r.target_group)
            .needs(|r| &r.listener)
    }

    fn id(live: &Self::Live) -> &str {
        &live.id
    }

    async fn discover(cloud: &Aws) -> Result<Vec<Found<Self>>> {
        let balancing = cloud.balancing().await?;
        let tags = rememberers(balancing).flat_map(|(_, owned)| &owned.all);
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
        let taken = |record: &ResourceRecordSet| Taken {
            what: format!("DNS record {}", dns::describe(record)),
            whose: match dangling(&cx.cloud, record) {
                Some(_) => "it leads to a load balancer that is called like the stack's and is \
                            not in this account and region: if it is gone, remove the record"
                    .into(),
                None => "it does not lead to this stack".into(),
            },
        };
        Ok(in_the_way(&there.unwrap_or_default(), &ours).map(taken).into_iter().collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<Self::Live> {
        let zone = self.zone_id(cx)?;
        let balancer = cx.get(self.balancer()?)?;
        let live = DnsRecordLive::at(zone, self.domain.clone());
        let rememberers = self.rememberers(&balancer, cx)?;
        live.remember(cx, &rememberers).await?;
        match dns::change(cx, &live.zone, ChangeAction::Create, self.alias(&balancer)?).await {
            Ok(change) => dns::in_sync(cx, &change).await?,
            Err(error) if dns::is_refused(&error) => {
                let there = dns::records_at(&cx.cloud, &live.zone, &live.domain).await?;
                let ours = |r: &ResourceRecordSet| leads_to(r, &balancer.dns_name);
                // An answer was lost on the way, if it is there as it should be.
                if !there.iter().any(ours) {
                    live.forget(&cx.cloud, &rememberers).await?;
                    return Err(match in_the_way(&there, &[&balancer.dns_name]) {
                        Some(taken) => {
                            error.context(format!("{} is there already", dns::describe(taken)))
                        }
                        None => error,
                    });
                }
            }
            Err(error) => return Err(error),
        }
        Ok(live)
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let live = &found.live;
        let balancer = cx.get(self.balancer()?)?;
        match edit {
            Edit::Remember => live.remember(cx, &self.rememberers(&balancer, cx)?).await,
            Edit::Target => {
                if let Leads::Elsewhere(_) = found.spec.leads {
                    return Ok(());
                }
                let there = dns::records_at(&cx.cloud, &live.zone, &live.domain).await?;
                let balancing = cx.cloud.balancing().await?;
                let ours = |r: &&ResourceRecordSet| {
                    leads_to(r, &balancer.dns_name)
                        || led_by(&cx.cloud, balancing, &live.zone, r).is_some()
                };
                if let Some(now) = in_the_way_unless(&there, ours) {
                    bail!("it was changed meanwhile, and is left alone: {}", dns::describe(now));
                }
                let new = self.rememberers(&balancer, cx)?;
                live.remember(cx, &new).await?;
                let record = self.alias(&balancer)?;
                let change = dns::change(cx, &live.zone, ChangeAction::Upsert, record).await?;
                dns::in_sync(cx, &change).await?;
                let old =
                    live.remembered_by(balancing).filter(|arn| !new.iter().any(|one| one == arn));
                Ok(live.forget(&cx.cloud, &old.collect::<Vec<_>>()).await?)
            }
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let (aws, live) = (&cx.cloud, &found.live);
        let balancing = aws.balancing().await?;
        for last in [false, true] {
            let there = dns::records_at(aws, &live.zone, &live.domain).await.or_gone()?;
            let there = there.unwrap_or_default().into_iter().find(|r| r.r#type == RrType::A);
            let Some(record) = there else { break };
            if led_by(aws, balancing, &live.zone, &record).is_none() {
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
        Ok(live.forget(aws, &live.remembered_by(balancing).collect::<Vec<_>>()).await?)
    }
}

impl DnsRecord {
    /// The load balancer to which it is wanted to lead.
    fn balancer(&self) -> Result<&Ref<LoadBalancer>> {
        match &self.leads {
            Leads::To(balancer) => Ok(balancer),
            other => bail!("{} cannot be asked for", other.show()),
        }
    }

    /// The ARNs of what is to remember it.
    fn rememberers(&self, balancer: &LoadBalancerLive, cx: &Cx<Aws>) -> Result<Vec<String>> {
        let group = self.target_group.as_ref().map(|group| cx.get(group)).transpose()?;
        Ok([balancer.arn.clone()].into_iter().chain(group.map(|group| group.arn)).collect())
    }

    fn alias(&self, to: &LoadBalancerLive) -> Result<ResourceRecordSet> {
        let target = AliasTarget::builder()
            .dns_name(&to.dns_name)
            .hosted_zone_id(&to.zone_id)
            .evaluate_target_health(self.evaluate_target_health)
            .build()?;
        let record = ResourceRecordSet::builder().name(&self.domain).r#type(RrType::A);
        Ok(record.alias_target(target).build()?)
    }

    /// The bare id of its zone.
    fn zone_id(&self, cx: &Cx<Aws>) -> Result<String> {
        Ok(match &self.zone {
            ZoneRef::Ours(zone) => cx.get(zone)?.id,
            ZoneRef::Theirs(id) => id.clone(),
        })
    }
}

/// What a record clashes with: an address record or a CNAME at its name that leads to none of these
/// load balancers. `None` when the name is free or ours.
fn in_the_way<'a>(there: &'a [ResourceRecordSet], ours: &[&str]) -> Option<&'a ResourceRecordSet> {
    in_the_way_unless(there, |r| ours.iter().any(|dns_name| leads_to(r, dns_name)))
}

/// The same, by what is ours.
fn in_the_way_unless(
    there: &[ResourceRecordSet],
    ours: impl Fn(&&ResourceRecordSet) -> bool,
) -> Option<&ResourceRecordSet> {
    there.iter().filter(|r| matches!(r.r#type(), RrType::A | RrType::Cname)).find(|r| !ours(r))
}

/// Whether it is the one address record of its name, and an alias to this place.
fn leads_to(record: &ResourceRecordSet, dns_name: &str) -> bool {
    target(record).is_some_and(|target| target == dns::plain_target(dns_name))
}

/// Where the one address record of its name leads, if it is an alias.
fn target(record: &ResourceRecordSet) -> Option<String> {
    let alone = record.r#type == RrType::A && record.set_identifier.is_none();
    alone.then(|| record.alias_target().map(|a| dns::plain_target(a.dns_name())))?
}

/// The DNS name of a load balancer of this stack's name (`shop-lb-1a2b3c-123456789`, or the same
/// with `internal-` before it) to which the record leads. Whether there is one is another matter.
fn dangling(aws: &Aws, record: &ResourceRecordSet) -> Option<String> {
    let to = target(record)?;
    let (label, rest) = to.split_once('.')?;
    let (name, number) = label.strip_prefix("internal-").unwrap_or(label).rsplit_once('-')?;
    let ours = aws.role(name).is_some_and(|role| role.starts_with("lb-"))
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && rest.starts_with(&format!("{}.elb.", aws.region));
    ours.then_some(to)
}

/// What remembers records: the stack's load balancers and target groups, each by its ARN. One of
/// them may be lost without the others.
fn rememberers(balancing: &Balancing) -> impl Iterator<Item = (&str, &Owned)> {
    let balancers = balancing.load_balancers.iter();
    let balancers = balancers.filter_map(|(b, owned)| Some((b.load_balancer_arn()?, owned)));
    let groups = balancing.target_groups.iter();
    balancers.chain(groups.filter_map(|(g, owned)| Some((g.target_group_arn()?, owned))))
}

/// Where a record leads, if it is the stack's own: it is remembered, and leads to one of the
/// stack's load balancers, or to one that was and is gone.
pub(super) fn led_by(
    aws: &Aws,
    balancing: &Balancing,
    zone: &str,
    record: &ResourceRecordSet,
) -> Option<Leads> {
    let at = DnsRecordLive::at(zone.to_owned(), dns::plain(record.name()));
    at.remembered_by(balancing).next()?;
    let mut all = balancing.load_balancers.iter().map(|(balancer, _)| balancer);
    match all.find(|b| b.dns_name().is_some_and(|name| leads_to(record, name))) {
        Some(balancer) => Some(Leads::To(Ref::found(balancer.load_balancer_arn()?))),
        None => dangling(aws, record).map(Leads::Gone),
    }
}

/// The records at these names of one zone that are the stack's, or were until somebody pointed
/// them elsewhere.
async fn read(
    aws: &Aws,
    balancing: &Balancing,
    zone: &str,
    domains: &BTreeSet<String>,
) -> Result<Vec<Found<DnsRecord>>> {
    let there = dns::records_at_each(aws, zone, domains).await.or_gone()?.unwrap_or_default();
    let of = |domain: &String| {
        let at: Vec<_> = there.iter().filter(|r| dns::plain(&r.name) == *domain).cloned().collect();
        let led = at.iter().find_map(|r| Some((led_by(aws, balancing, zone, r)?, health(r))));
        let elsewhere = || {
            let record = in_the_way(&at, &[])?;
            // Of what leads elsewhere nothing is compared.
            Some((Leads::Elsewhere(dns::describe(record)), true))
        };
        let (leads, evaluate_target_health) = led.or_else(elsewhere)?;
        let live = DnsRecordLive::at(zone.to_owned(), domain.clone());
        let notes = match &leads {
            Leads::Elsewhere(record) => vec![format!(
                "it was pointed elsewhere by hand, and is left so ({record}); to point it to the \
                 stack again, remove that record and run `stackctl up`"
            )],
            _ => Vec::new(),
        };
        let mut groups = balancing.target_groups.iter().filter_map(|(g, _)| g.target_group_arn());
        let spec = DnsRecord {
            zone: ZoneRef::Theirs(zone.to_owned()),
            domain: domain.clone(),
            leads,
            evaluate_target_health,
            target_group: groups
                .find(|arn| live.remembered_by(balancing).any(|by| by == *arn))
                .map(Ref::found),
            listener: None,
        };
        Some(Found::ready(domain.clone(), spec, live).with_notes(notes))
    };
    Ok(domains.iter().filter_map(of).collect())
}

fn health(record: &ResourceRecordSet) -> bool {
    record.alias_target().is_some_and(|alias| alias.evaluate_target_health)
}

/// How the keys of the tags begin by which load balancer and target group remember the records that
/// lead to them: records bear no tags themselves.
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

    /// The ARNs of those that remember it.
    fn remembered_by<'a>(&self, balancing: &'a Balancing) -> impl Iterator<Item = &'a str> {
        let (key, value) = self.tag();
        let all = rememberers(balancing);
        all.filter(move |(_, owned)| owned.all.get(&key) == Some(&value)).map(|(arn, _)| arn)
    }

    async fn remember(&self, cx: &Cx<Aws>, by: &[impl AsRef<str> + Sync]) -> Result<()> {
        let (key, value) = self.tag();
        for arn in by {
            let call = cx.cloud.elb.add_tags().resource_arns(arn.as_ref());
            let call = call.tags(Tag::builder().key(&key).value(&value).build());
            once_known(cx, || async { Ok(call.clone().send().await.aws().map(drop)?) }).await?;
        }
        Ok(())
    }

    async fn forget(&self, aws: &Aws, by: &[impl AsRef<str> + Sync]) -> Result<(), Failure> {
        for arn in by {
            let call = aws.elb.remove_tags().resource_arns(arn.as_ref()).tag_keys(self.tag().0);
            call.send().await.aws().or_gone()?;
        }
        Ok(())
    }
}
