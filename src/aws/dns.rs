//! What the kinds of Route 53 share: names in one spelling, and records read and changed.

use super::{Aws, Failure, Sent, eventually};
use crate::engine::{Cx, Pace, Probe};
use anyhow::{Context, Result};
use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType,
};
use futures::future::try_join_all;
use std::collections::BTreeSet;

/// Route 53 takes one change at a time per zone.
const IN_TURN: Pace = Pace::seconds(5, 120);
/// Five requests a second are all an account gets, so it is asked rarely.
const IN_SYNC: Pace = Pace::seconds(10, 600);

/// A domain as we write it: in lower case, without the trailing dot, a wildcard as `*`.
pub fn plain(domain: &str) -> String {
    domain.trim_end_matches('.').to_ascii_lowercase().replace("\\052", "*")
}

/// Where an alias leads, whether or not the console put `dualstack.` before it.
pub fn plain_target(domain: &str) -> String {
    let plain = plain(domain);
    plain.strip_prefix("dualstack.").map(str::to_owned).unwrap_or(plain)
}

/// An id without the path that AWS's answers put before it (`/hostedzone/Z1` is `Z1`).
pub fn bare(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// Every record of a zone.
pub async fn records(aws: &Aws, zone: &str) -> Result<Vec<ResourceRecordSet>, Failure> {
    records_from(aws, zone, None).await
}

/// The records of every type at one name.
pub async fn records_at(
    aws: &Aws,
    zone: &str,
    domain: &str,
) -> Result<Vec<ResourceRecordSet>, Failure> {
    records_from(aws, zone, Some(domain)).await
}

/// The records at some names, and possibly others: a small zone is read whole, in one call.
pub async fn records_at_each(
    aws: &Aws,
    zone: &str,
    domains: &BTreeSet<String>,
) -> Result<Vec<ResourceRecordSet>, Failure> {
    if domains.len() > 1 {
        let first = aws.route53.list_resource_record_sets().hosted_zone_id(zone);
        let first = first.send().await.aws()?;
        if !first.is_truncated {
            return Ok(first.resource_record_sets);
        }
    }
    let each = domains.iter().map(|domain| records_at(aws, zone, domain));
    Ok(try_join_all(each).await?.into_iter().flatten().collect())
}

/// AWS lists from a name on; what is wanted of one name ends where another begins.
async fn records_from(
    aws: &Aws,
    zone: &str,
    only: Option<&str>,
) -> Result<Vec<ResourceRecordSet>, Failure> {
    let mut all = Vec::new();
    let call = aws.route53.list_resource_record_sets().hosted_zone_id(zone);
    let mut next = call.clone().set_start_record_name(only.map(str::to_owned));
    loop {
        let page = next.send().await.aws()?;
        for record in page.resource_record_sets {
            if only.is_some_and(|only| plain(&record.name) != only) {
                return Ok(all);
            }
            all.push(record);
        }
        if !page.is_truncated {
            return Ok(all);
        }
        next = call
            .clone()
            .set_start_record_name(page.next_record_name)
            .set_start_record_type(page.next_record_type)
            .set_start_record_identifier(page.next_record_identifier);
    }
}

/// Creates or deletes one record and tells the id of the change.
///
/// # Errors
/// AWS's refusal ([`is_refused`]), other failures.
pub async fn change(
    cx: &Cx<Aws>,
    zone: &str,
    action: ChangeAction,
    record: ResourceRecordSet,
) -> Result<String> {
    let change = Change::builder().action(action).resource_record_set(record).build()?;
    let batch = ChangeBatch::builder().changes(change).build()?;
    let call = cx.cloud.route53.change_resource_record_sets().hosted_zone_id(zone);
    let call = call.change_batch(batch);
    let busy = |f: &Failure| f.is(&["PriorRequestNotComplete"]);
    let answer = eventually(cx, IN_TURN, busy, || {
        let call = call.clone();
        async move { call.send().await.aws() }
    })
    .await?;
    let info = answer.change_info.context("changed, but AWS gives the change no id")?;
    Ok(bare(&info.id).to_owned())
}

/// Whether Route 53 refused a change because of what the zone has.
pub fn is_refused(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Failure>().is_some_and(|f| f.is(&["InvalidChangeBatch"]))
}

/// Waits until all of Route 53's servers know of a change.
pub async fn in_sync(cx: &Cx<Aws>, change: &str) -> Result<()> {
    cx.until(IN_SYNC, || async {
        let answer = cx.cloud.route53.get_change().id(change).send().await.aws()?;
        let status = answer.change_info.map_or(ChangeStatus::Pending, |info| info.status);
        Ok(match status {
            ChangeStatus::Insync => Probe::Ready(()),
            other => Probe::Pending(other.as_str().to_owned()),
        })
    })
    .await
}

/// A record as a user knows it: `shop.example.com CNAME -> shop.example.net`.
pub fn describe(record: &ResourceRecordSet) -> String {
    let to = match record.alias_target() {
        Some(alias) => plain_target(alias.dns_name()),
        None => record
            .resource_records()
            .iter()
            .map(ResourceRecord::value)
            .collect::<Vec<_>>()
            .join(", "),
    };
    format!("{} {} -> {to}", plain(record.name()), record.r#type().as_str())
}

/// Whether Route 53 made the record with the zone: it goes with it, and is never deleted alone.
pub fn comes_with_the_zone(record: &ResourceRecordSet, domain: &str) -> bool {
    matches!(record.r#type(), RrType::Ns | RrType::Soa) && plain(record.name()) == plain(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_one_spelling() {
        assert_eq!(plain("Shop.Example.com."), "shop.example.com");
        assert_eq!(plain("\\052.example.com."), "*.example.com");
        assert_eq!(plain_target("dualstack.LB-1.elb.amazonaws.com."), "lb-1.elb.amazonaws.com");
        assert_eq!((bare("/hostedzone/Z1"), bare("Z1")), ("Z1", "Z1"));
    }
}
