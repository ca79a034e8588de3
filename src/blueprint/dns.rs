//! The names under which users find the load balancer.

use super::{Sheet, edge::Edge};
use crate::kinds::{
    DnsRecord, HostedZone,
    dns_record::{Leads, ZoneRef},
};
use anyhow::{Context, Result};

pub(super) fn draw(sheet: &mut Sheet, edge: &Edge) -> Result<()> {
    let Some(dns) = &sheet.spec.dns else { return Ok(()) };
    let zone = if dns.create_zone {
        let zone = HostedZone { domain: dns.zone.clone(), tags: sheet.tags() };
        ZoneRef::Ours(sheet.add("main", zone))
    } else {
        let id = sheet.facts.hosted_zone.clone().with_context(|| {
            format!(
                "account {} has no public hosted zone {}; create it, or let the stack do so with \
                 dns.create_zone: true",
                sheet.facts.account, dns.zone
            )
        })?;
        ZoneRef::Theirs(id)
    };
    for domain in &dns.records {
        let record = DnsRecord {
            zone: zone.clone(),
            domain: domain.clone(),
            leads: Leads::To(edge.load_balancer.clone()),
            evaluate_target_health: true,
            target_group: Some(edge.group.clone()),
            listener: Some(edge.listener.clone()),
        };
        sheet.add(domain, record);
    }
    Ok(())
}
