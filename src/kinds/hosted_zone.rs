//! A Route 53 zone that is made and removed with the stack.

use super::dns_record::led_by;
use crate::{
    aws::{Aws, Failure, Labels, Sent, Tags, Tolerant, dns, eventually, survey::Balancing, tags},
    engine::{Cx, Found, Kind, Pace, Phase, Probe, Table, Taken},
};
use anyhow::{Context, Result, bail};
use aws_sdk_route53::types::{
    HostedZone as Described, HostedZoneConfig, ResourceRecordSet, RrType, TagResourceType,
};
use std::collections::HashMap;

#[cfg(test)]
mod tests;

/// A Route 53 zone that is made and removed with the stack.
#[derive(Clone, Debug)]
pub struct HostedZone {
    /// The domain, without a trailing dot.
    pub domain: String,
    /// The user's tags.
    pub tags: Tags,
}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedZoneLive {
    /// The zone's bare id, `Z…`.
    pub id: String,
    /// The name servers to which the parent domain must delegate.
    pub name_servers: Vec<String>,
    /// Whether it bears its tags: it cannot be made with them.
    pub tagged: bool,
    /// The records in it that are not the stack's, as a user knows them.
    pub foreign: Vec<String>,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `ChangeTagsForResource`.
    Tags,
}

/// `ListTagsForResources` takes at most this many zones (AWS API reference, Route 53).
const ZONES_PER_CALL: usize = 10;
const SOON: Pace = Pace::seconds(2, 120);

impl Kind for HostedZone {
    type Cloud = Aws;
    type Live = HostedZoneLive;
    type Edit = Edit;

    const NAME: &'static str = "hosted-zone";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table.fixed("domain", |z| &z.domain).tuned("tags", Edit::Tags, |z| &z.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.id
    }

    fn guard(found: &Found<Self>) -> Option<String> {
        holds_others(&found.live.foreign)
    }

    async fn discover(cloud: &Aws) -> Result<Vec<Found<Self>>> {
        let pages = cloud.route53.list_hosted_zones().into_paginator().items().send();
        let all = pages.collect::<Result<Vec<_>, _>>().await.aws()?;
        let mark = mark(cloud);
        let ours: Vec<_> =
            all.iter().filter_map(|z| Some((z, z.caller_reference.strip_prefix(&mark)?))).collect();
        if ours.is_empty() {
            return Ok(Vec::new());
        }
        let ids = ours.iter().map(|(z, _)| dns::bare(&z.id).to_owned()).collect();
        let (tags, balancing) = tokio::try_join!(tags_of(cloud, ids), cloud.balancing())?;
        let mut found = Vec::new();
        for (zone, reference) in ours {
            found.extend(read(cloud, zone, reference, &tags, balancing).await?);
        }
        Ok(found)
    }

    /// Route 53 makes any number of zones of one name, and the parent domain delegates to one.
    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        let mark = mark(&cx.cloud);
        let zones = called(&cx.cloud, &self.domain).await?.into_iter();
        let others = zones.filter(|z| is_public(z) && !z.caller_reference.starts_with(&mark));
        let taken = others.map(|z| Taken {
            what: format!("public hosted zone {} ({})", self.domain, dns::bare(&z.id)),
            whose: "nobody would ask a second zone of this name".into(),
        });
        Ok(taken.collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<Self::Live> {
        let aws = &cx.cloud;
        // A reference serves once and for all, so each zone that is made has its own.
        let reference = format!("{}{}/{}", mark(aws), cx.name(), uuid::Uuid::new_v4());
        let comment = format!("{}={}", tags::STACK, aws.stack);
        let made = aws
            .route53
            .create_hosted_zone()
            .name(&self.domain)
            .caller_reference(&reference)
            .hosted_zone_config(HostedZoneConfig::builder().comment(comment).build())
            .send()
            .await
            .aws()
            .or_code(&["HostedZoneAlreadyExists"])?;
        let zone = match made {
            Some(made) => made.hosted_zone,
            // The answer was lost, and the SDK sent it again.
            None => Some(cx.until(SOON, || self.made_as(&reference, aws)).await?),
        };
        let id = dns::bare(&zone.context("made, but AWS does not show it")?.id).to_owned();
        put_tags(cx, &id, &aws.labels(cx.address(), &self.tags)).await?;
        let name_servers = name_servers(&dns::records(aws, &id).await?, &self.domain);
        Ok(HostedZoneLive { id, name_servers, tagged: true, foreign: Vec::new() })
    }

    async fn settle(live: Self::Live, cx: &Cx<Aws>) -> Result<Self::Live> {
        if !live.tagged {
            put_tags(cx, &live.id, &cx.cloud.labels(cx.address(), &Tags::default())).await?;
        }
        Ok(HostedZoneLive { tagged: true, ..live })
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        match edit {
            Edit::Tags => cx.cloud.retag_zone(&found.live.id, &self.tags, &found.spec.tags).await,
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let (aws, id) = (&cx.cloud, &found.live.id);
        cx.until(Pace::seconds(5, 120), || async {
            let failure = match aws.route53.delete_hosted_zone().id(id).send().await.aws() {
                Ok(_) => return Ok(Probe::Ready(())),
                Err(failure) if failure.is_gone() => return Ok(Probe::Ready(())),
                Err(failure) => failure,
            };
            if failure.is(&["HostedZoneNotEmpty"]) {
                let mut there = dns::records(aws, id).await?;
                let balancing = aws.balancing().await?;
                there.retain(|r| {
                    !dns::comes_with_the_zone(r, &found.spec.domain)
                        && led_by(aws, balancing, id, r).is_none()
                });
                if let Some(why) =
                    holds_others(&there.iter().map(dns::describe).collect::<Vec<_>>())
                {
                    bail!("{failure}: {why}");
                }
            } else if !failure.is(&["PriorRequestNotComplete"]) {
                return Err(failure.into());
            }
            Ok(Probe::Pending(failure.in_short()))
        })
        .await
    }
}

impl HostedZone {
    /// The zone that was made with this caller reference, once AWS lists it.
    async fn made_as(&self, reference: &str, aws: &Aws) -> Result<Probe<Described>> {
        let zones = called(aws, &self.domain).await?;
        let made = zones.into_iter().find(|zone| zone.caller_reference == reference);
        Ok(made.map_or_else(|| Probe::Pending("made, but not listed".into()), Probe::Ready))
    }
}

/// The one public zone of this domain in the account, by its bare id; `None` when there is none.
///
/// # Errors
/// When there are several: records would have to choose. When there is none but the stack's own,
/// which goes when it is no longer wanted.
pub async fn zone_id(aws: &Aws, domain: &str) -> Result<Option<String>> {
    let zones = called(aws, domain).await?;
    let mark = mark(aws);
    let (own, others): (Vec<_>, Vec<_>) = zones
        .iter()
        .filter(|zone| is_public(zone))
        .partition(|zone| zone.caller_reference.starts_with(&mark));
    let ids: Vec<_> = others.iter().map(|z| dns::bare(&z.id)).collect();
    if let ([], Some(own)) = (&*ids, own.first()) {
        bail!(
            "the only public hosted zone {domain} ({}) is the stack's own, and would be deleted \
             with its records: keep dns.create_zone: true, or make another zone first",
            dns::bare(&own.id)
        );
    }
    if ids.len() > 1 {
        bail!(
            "there are {} public hosted zones {domain} ({}): delete those to which the domain's \
             registrar does not delegate",
            ids.len(),
            ids.join(", ")
        );
    }
    Ok(ids.first().map(|&id| id.to_owned()))
}

fn is_public(zone: &Described) -> bool {
    !zone.config().is_some_and(|config| config.private_zone)
}

/// All zones of this domain.
async fn called(aws: &Aws, domain: &str) -> Result<Vec<Described>> {
    // AWS lists from this name on.
    let answer = aws.route53.list_hosted_zones_by_name().dns_name(domain).send().await.aws()?;
    let zones = answer.hosted_zones.into_iter();
    Ok(zones.filter(|z| dns::plain(&z.name) == dns::plain(domain)).collect())
}

/// How the caller references of this stack's zones begin. Every zone keeps its own for life, so a
/// zone that was not tagged yet is found by it; Route 53 has no regions, so it names ours.
fn mark(aws: &Aws) -> String {
    format!("stackctl/{}/{}/", aws.region, aws.stack)
}

async fn tags_of(aws: &Aws, ids: Vec<String>) -> Result<HashMap<String, Tags>> {
    let mut all = HashMap::new();
    for some in ids.chunks(ZONES_PER_CALL) {
        let call = aws.route53.list_tags_for_resources().resource_type(TagResourceType::Hostedzone);
        let call = call.set_resource_ids(Some(some.to_vec()));
        // One that vanished meanwhile is not read any further.
        let Some(answer) = call.send().await.aws().or_gone()? else { continue };
        all.extend(answer.resource_tag_sets.iter().filter_map(|of| {
            Some((of.resource_id()?.to_owned(), aws.owned(tags::of_route53(of.tags()))?.tags))
        }));
    }
    Ok(all)
}

async fn read(
    aws: &Aws,
    zone: &Described,
    reference: &str,
    tags: &HashMap<String, Tags>,
    balancing: &Balancing,
) -> Result<Option<Found<HostedZone>>> {
    let (id, domain) = (dns::bare(&zone.id).to_owned(), dns::plain(&zone.name));
    let Some(records) = dns::records(aws, &id).await.or_gone()? else { return Ok(None) };
    let foreign = records
        .iter()
        .filter(|r| {
            !dns::comes_with_the_zone(r, &domain) && led_by(aws, balancing, &id, r).is_none()
        })
        .map(dns::describe)
        .collect();
    let own = tags.get(&id);
    let live = HostedZoneLive {
        name_servers: name_servers(&records, &domain),
        tagged: own.is_some(),
        foreign,
        id,
    };
    let phase = if live.tagged { Phase::Ready } else { Phase::Coming };
    let spec = HostedZone { domain, tags: own.cloned().unwrap_or_default() };
    let name = reference.split('/').next().unwrap_or(reference);
    Ok(Some(Found::ready(name, spec, live).in_phase(phase)))
}

fn name_servers(records: &[ResourceRecordSet], domain: &str) -> Vec<String> {
    let own = |r: &&ResourceRecordSet| dns::comes_with_the_zone(r, domain);
    let record = records.iter().filter(own).find(|r| r.r#type == RrType::Ns);
    record
        .map(|r| r.resource_records().iter().map(|v| dns::plain(v.value())).collect())
        .unwrap_or_default()
}

/// Why AWS will not delete a zone that has these records.
fn holds_others(foreign: &[String]) -> Option<String> {
    /// As many as are read at a glance.
    const SHOWN: usize = 5;
    if foreign.is_empty() {
        return None;
    }
    let shown = foreign.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    let more = match foreign.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    Some(format!("it has records that are not the stack's; remove them first: {shown}{more}"))
}

async fn put_tags(cx: &Cx<Aws>, id: &str, labels: &Labels) -> Result<()> {
    let call = cx.cloud.route53.change_tags_for_resource();
    let call = call.resource_type(TagResourceType::Hostedzone).resource_id(id);
    let call = call.set_add_tags(Some(tags::for_route53(labels)));
    eventually(cx, SOON, Failure::is_gone, || {
        let call = call.clone();
        async move { call.send().await.aws().map(drop) }
    })
    .await
}
