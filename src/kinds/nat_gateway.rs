//! The way out to the internet for what has no public address.

use super::{elastic_ip::ElasticIp, internet_gateway::InternetGateway, subnet::Subnet};
use crate::{
    aws::{
        Aws, Sent, Tags, Tolerant,
        ec2::{Refusals, filter, once_free, once_known, tagged},
        tags,
    },
    engine::{Cx, Found, Kind, Pace, Phase, Probe, Ref, Table},
};
use anyhow::{Context, Result};
use aws_sdk_ec2::types::{
    ConnectivityType, NatGateway as Described, NatGatewayAddress, NatGatewayState, ResourceType,
};
use std::time::Duration;

/// The way out to the internet for what has no public address.
#[derive(Clone, Debug)]
pub struct NatGateway {
    /// The public subnet it stands in.
    pub subnet: Ref<Subnet>,
    /// Its public address.
    pub address: Ref<ElasticIp>,
    /// The door it goes through, which must be there before it; AWS does not tell which.
    pub internet_gateway: Option<Ref<InternetGateway>>,
    /// The user's tags.
    pub tags: Tags,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `CreateTags` and `DeleteTags`.
    Tags,
}

impl Kind for NatGateway {
    type Cloud = Aws;
    type Live = String;
    type Edit = Edit;

    const NAME: &'static str = "nat-gateway";
    const USUAL: Duration = Duration::from_secs(110);
    const USUAL_DELETION: Duration = Duration::from_mins(1);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("subnet", |n| &n.subnet)
            .fixed("address", |n| &n.address)
            .needs(|n| &n.internet_gateway)
            .tuned("tags", Edit::Tags, |n| &n.tags)
    }

    fn id(live: &Self::Live) -> &str {
        live
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let pages = aws.ec2.describe_nat_gateways().filter(aws.mine()).into_paginator();
        let all = pages.items().send().collect::<Result<Vec<_>, _>>().await.aws()?;
        let found: Vec<_> = all.iter().filter_map(|gateway| Self::seen(aws, gateway)).collect();
        Ok(without_ghosts(found))
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<String> {
        let subnet = cx.get(&self.subnet)?;
        let address = cx.get(&self.address)?.allocation;
        let token = uuid::Uuid::new_v4().to_string();
        let made = once_known(cx, || async {
            let call = cx.cloud.ec2.create_nat_gateway().client_token(&token);
            let call = call.connectivity_type(ConnectivityType::Public);
            let call = call.subnet_id(&subnet).allocation_id(&address);
            let call = call.tag_specifications(tagged(cx, ResourceType::Natgateway, &self.tags));
            Ok(call.send().await.aws()?)
        })
        .await?;
        made.nat_gateway.and_then(|n| n.nat_gateway_id).context("AWS made it but told no id")
    }

    async fn settle(id: String, cx: &Cx<Aws>) -> Result<String> {
        cx.until(Pace::seconds(5, 600), || async {
            let Some(gateway) = read(&id, cx).await? else {
                return Ok(Probe::Pending("unknown".into()));
            };
            Ok(match gateway.state() {
                Some(NatGatewayState::Available) => Probe::Ready(()),
                Some(NatGatewayState::Failed) => Probe::Failed(why(&gateway)),
                Some(state @ (NatGatewayState::Deleting | NatGatewayState::Deleted)) => {
                    Probe::Failed(format!("somebody else removes it: it is {state}"))
                }
                state => Probe::Pending(state.map_or("unknown".into(), ToString::to_string)),
            })
        })
        .await?;
        Ok(id)
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        match edit {
            Edit::Tags => cx.cloud.retag_ec2(&found.live, &self.tags, &found.spec.tags).await,
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let id = &found.live;
        if found.phase != Phase::Going {
            let delete = || async {
                cx.cloud.ec2.delete_nat_gateway().nat_gateway_id(id).send().await.aws()
            };
            let pace = Pace::seconds(10, 600);
            once_free(cx, pace, GONE, delete, || async { Ok(Vec::new()) }).await?;
        }
        cx.until(Pace::seconds(5, 1800), || async {
            let state = read(id, cx).await?.and_then(|gateway| gateway.state);
            Ok(match state {
                // A failed one holds nothing; AWS removes it within the hour.
                None | Some(NatGatewayState::Deleted | NatGatewayState::Failed) => Probe::Ready(()),
                Some(state) => Probe::Pending(state.to_string()),
            })
        })
        .await
    }
}

const GONE: Refusals = Refusals::gone(&["NatGatewayNotFound"]);

impl NatGateway {
    /// A described gateway in the words in which it was wanted, if its tags say that it is ours.
    fn seen(aws: &Aws, gateway: &Described) -> Option<Found<Self>> {
        let owned = aws.owned(tags::of_ec2(gateway.tags()))?;
        let addresses = gateway.nat_gateway_addresses();
        let primary = addresses.iter().find(|a| a.is_primary() == Some(true));
        let primary = primary.or(addresses.first()).and_then(NatGatewayAddress::allocation_id);
        let spec = Self {
            subnet: Ref::found(gateway.subnet_id().unwrap_or_default()),
            address: Ref::found(primary.unwrap_or_default()),
            internet_gateway: None,
            tags: owned.tags,
        };
        let found = Found::ready(owned.name, spec, gateway.nat_gateway_id()?.to_owned());
        Some(match gateway.state()? {
            NatGatewayState::Deleted => return None,
            NatGatewayState::Deleting => found.in_phase(Phase::Going),
            NatGatewayState::Failed => found.in_phase(Phase::Broken).with_notes([why(gateway)]),
            NatGatewayState::Available => found,
            _ => found.in_phase(Phase::Coming),
        })
    }
}

/// A failed gateway stays visible for about an hour; once another bears its name it is nobody's
/// business any more.
fn without_ghosts(found: Vec<Found<NatGateway>>) -> Vec<Found<NatGateway>> {
    let replaced = |ghost: &Found<NatGateway>| {
        ghost.phase == Phase::Broken
            && found.iter().any(|other| other.name == ghost.name && other.phase != Phase::Broken)
    };
    let keep: Vec<_> = found.iter().map(|one| !replaced(one)).collect();
    found.into_iter().zip(keep).filter_map(|(one, keep)| keep.then_some(one)).collect()
}

async fn read(id: &str, cx: &Cx<Aws>) -> Result<Option<Described>> {
    let call = cx.cloud.ec2.describe_nat_gateways().filter(filter("nat-gateway-id", id));
    let answer = call.send().await.aws().or_gone()?;
    Ok(answer.and_then(|found| found.nat_gateways?.pop()))
}

/// `Gateway.NotAttached: Network vpc-1 has no Internet gateway attached`.
fn why(gateway: &Described) -> String {
    let code = gateway.failure_code().unwrap_or("failed");
    format!("{code}: {}", gateway.failure_message().unwrap_or("AWS does not say why"))
}

#[cfg(test)]
mod tests;
