//! The door between a VPC and the internet.

use super::vpc::Vpc;
use crate::{
    aws::{
        Aws, Failure, Sent, Tags, Tolerant, careful,
        ec2::{Refusals, once_free, once_known, public_interfaces, tagged},
        no_retries, tags,
    },
    engine::{Cx, Found, Kind, Pace, Phase, Probe, Ref, Table},
};
use anyhow::Result;
use aws_sdk_ec2::{
    config::Config,
    types::{AttachmentStatus, InternetGateway as Described, ResourceType},
};

/// The door between a VPC and the internet.
#[derive(Clone, Debug)]
pub struct InternetGateway {
    /// The VPC it is attached to.
    pub vpc: Ref<Vpc>,
    /// The user's tags.
    pub tags: Tags,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `AttachInternetGateway`, for one that a broken-off run left unattached.
    Attach,
    /// `CreateTags` and `DeleteTags`.
    Tags,
}

impl Kind for InternetGateway {
    type Cloud = Aws;
    type Live = String;
    type Edit = Edit;

    const NAME: &'static str = "internet-gateway";
    const OUTLIVES: &'static [&'static str] = &["nat-gateway", "load-balancer", "instance"];

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .tuned_if(
                "vpc",
                Edit::Attach,
                |g| &g.vpc,
                |_, found| found.vpc.id() == Some(UNATTACHED),
            )
            .tuned("tags", Edit::Tags, |g| &g.tags)
    }

    fn id(live: &Self::Live) -> &str {
        live
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let pages = aws.ec2.describe_internet_gateways().filters(aws.mine()).into_paginator();
        let all = pages.items().send().collect::<Result<Vec<_>, _>>().await.aws()?;
        Ok(all.iter().filter_map(|gateway| Self::seen(aws, gateway)).collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<String> {
        let ec2 = &cx.cloud.ec2;
        let id = careful(
            cx,
            || async {
                let filters = Some(cx.cloud.mine_named(cx.name()));
                let call = ec2.describe_internet_gateways().set_filters(filters);
                let found = call.send().await.aws()?.internet_gateways.unwrap_or_default();
                Ok(found.into_iter().find_map(|gateway| gateway.internet_gateway_id))
            },
            || async {
                let tags = tagged(cx, ResourceType::InternetGateway, &self.tags);
                let call = ec2.create_internet_gateway().tag_specifications(tags);
                let once = Config::builder().retry_config(no_retries());
                let made = call.customize().config_override(once).send().await.aws()?;
                Ok(made.internet_gateway.and_then(|g| g.internet_gateway_id).unwrap_or_default())
            },
        )
        .await?;
        self.attach(&id, cx).await?;
        Ok(id)
    }

    async fn settle(id: String, cx: &Cx<Aws>) -> Result<String> {
        cx.until(Pace::seconds(3, 300), || async {
            let call = cx.cloud.ec2.describe_internet_gateways().internet_gateway_ids(&id);
            let found = call.send().await.aws().or_gone()?.and_then(|f| f.internet_gateways?.pop());
            Ok(match found.as_ref().and_then(attachment) {
                Some((_, state)) if is_attached(state) => Probe::Ready(()),
                Some((_, state)) => Probe::Pending(state.to_string()),
                None => Probe::Pending("not attached".into()),
            })
        })
        .await?;
        Ok(id)
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        match edit {
            Edit::Attach => self.attach(&found.live, cx).await,
            Edit::Tags => cx.cloud.retag_ec2(&found.live, &self.tags, &found.spec.tags).await,
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let ec2 = &cx.cloud.ec2;
        let id = &found.live;
        if let Some(vpc) = found.spec.vpc.id().filter(|vpc| *vpc != UNATTACHED) {
            let detach = || async {
                let call = ec2.detach_internet_gateway().internet_gateway_id(id).vpc_id(vpc);
                call.send().await.aws()
            };
            let mapped = || public_interfaces(&cx.cloud, vpc);
            once_free(cx, DETACHING, DETACHED, detach, mapped).await?;
        }
        let delete =
            || async { ec2.delete_internet_gateway().internet_gateway_id(id).send().await.aws() };
        once_free(cx, Pace::seconds(5, 300), GONE, delete, || async { Ok(Vec::new()) }).await
    }
}

/// What stands for the VPC of a gateway that is in none.
const UNATTACHED: &str = "(none)";
const GONE: Refusals = Refusals::gone(&["InvalidInternetGatewayID.NotFound"]);
/// A VPC goes only once it has no gateway any more.
const DETACHED: Refusals = Refusals::gone(&[
    "Gateway.NotAttached",
    "InvalidInternetGatewayID.NotFound",
    "InvalidVpcID.NotFound",
]);
/// A public address is unmapped minutes after what bore it is gone.
const DETACHING: Pace = Pace::seconds(10, 1200);

impl InternetGateway {
    /// A described gateway in the words in which it was wanted, if its tags say that it is ours.
    fn seen(aws: &Aws, gateway: &Described) -> Option<Found<Self>> {
        let owned = aws.owned(tags::of_ec2(gateway.tags()))?;
        let attached = attachment(gateway);
        let vpc = attached.map_or(UNATTACHED, |(vpc, _)| vpc);
        let spec = Self { vpc: Ref::found(vpc), tags: owned.tags };
        let coming = attached.is_some_and(|(_, state)| !is_attached(state));
        let phase = if coming { Phase::Coming } else { Phase::Ready };
        let id = gateway.internet_gateway_id()?.to_owned();
        Some(Found::ready(owned.name, spec, id).in_phase(phase))
    }

    async fn attach(&self, id: &str, cx: &Cx<Aws>) -> Result<()> {
        let vpc = cx.get(&self.vpc)?;
        once_known(cx, || async {
            let call = cx.cloud.ec2.attach_internet_gateway().internet_gateway_id(id).vpc_id(&vpc);
            match call.send().await.aws() {
                // The answer to an earlier attempt was lost.
                Err(failure) if failure.is(&["Resource.AlreadyAssociated"]) => {
                    self.confirm(id, &vpc, failure, cx).await
                }
                other => other.map(drop).map_err(Into::into),
            }
        })
        .await
    }

    /// Accepts the refusal to attach it if it is attached to this very VPC.
    async fn confirm(&self, id: &str, vpc: &str, refusal: Failure, cx: &Cx<Aws>) -> Result<()> {
        let call = cx.cloud.ec2.describe_internet_gateways().internet_gateway_ids(id);
        let found = call.send().await.aws()?;
        let attached = found.internet_gateways().iter().find_map(attachment);
        match attached {
            Some((to, _)) if to == vpc => Ok(()),
            Some(_) => Err(refusal.into()),
            // Not shown yet; the caller tries again.
            None => Err(Failure::coded("Gateway.NotAttached", refusal.to_string()).into()),
        }
    }
}

/// The VPC that a gateway is in, or on its way into.
fn attachment(gateway: &Described) -> Option<(&str, &AttachmentStatus)> {
    gateway.attachments().iter().find_map(|to| {
        let state = to.state()?;
        let leaves = matches!(state, AttachmentStatus::Detached | AttachmentStatus::Detaching);
        (!leaves).then_some((to.vpc_id()?, state))
    })
}

/// AWS says `available` of a gateway where its reference says `attached`.
fn is_attached(state: &AttachmentStatus) -> bool {
    matches!(state.as_str(), "available" | "attached")
}

#[cfg(test)]
mod tests;
