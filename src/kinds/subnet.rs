//! An address range in one availability zone.

use super::{inhabitants::strangers, vpc::Vpc};
use crate::{
    aws::{
        Aws, Failure, Sent, Tags, Tolerant, careful,
        ec2::{Refusals, filter, interfaces, once_free, once_known, tagged},
        no_retries, tags,
    },
    engine::{Cx, Found, Kind, Pace, Phase, Probe, Problem, Ref, Table},
};
use anyhow::Result;
use aws_sdk_ec2::{
    Client,
    config::Config,
    types::{AttributeBooleanValue, ResourceType, Subnet as Described, SubnetState},
};
use ipnet::Ipv4Net;

/// An address range in one availability zone.
#[derive(Clone, Debug)]
pub struct Subnet {
    /// Where it lies.
    pub vpc: Ref<Vpc>,
    /// The availability zone, `eu-west-1a`.
    pub zone: String,
    /// The address range.
    pub cidr: Ipv4Net,
    /// Whether instances get a public address.
    pub map_public_ip: bool,
    /// The user's tags.
    pub tags: Tags,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `ModifySubnetAttribute`.
    MapPublicIp,
    /// `CreateTags` and `DeleteTags`.
    Tags,
}

impl Kind for Subnet {
    type Cloud = Aws;
    type Live = String;
    type Edit = Edit;

    const NAME: &'static str = "subnet";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("vpc", |s| &s.vpc)
            .fixed("zone", |s| &s.zone)
            .fixed("cidr", |s| &s.cidr)
            .tuned("map_public_ip", Edit::MapPublicIp, |s| &s.map_public_ip)
            .tuned("tags", Edit::Tags, |s| &s.tags)
    }

    fn id(live: &Self::Live) -> &str {
        live
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let pages = aws.ec2.describe_subnets().filters(aws.mine()).into_paginator().items().send();
        let all = pages.collect::<Result<Vec<_>, _>>().await.aws()?;
        all.iter().filter_map(|subnet| Self::seen(aws, subnet).transpose()).collect()
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<String> {
        let vpc = cx.get(&self.vpc)?;
        let id = once_known(cx, || self.make(&vpc, cx)).await?;
        if self.map_public_ip {
            once_known(cx, || self.set_public_ip(&id, &cx.cloud.ec2)).await?;
        }
        Ok(id)
    }

    async fn settle(id: String, cx: &Cx<Aws>) -> Result<String> {
        cx.until(Pace::seconds(2, 300), || async {
            let answer = cx.cloud.ec2.describe_subnets().subnet_ids(&id).send().await.aws();
            let state = answer.or_gone()?.and_then(|found| found.subnets?.pop()?.state);
            Ok(match state {
                Some(SubnetState::Available) => Probe::Ready(()),
                Some(state) if is_broken(&state) => Probe::Failed(broken(&state)),
                state => Probe::Pending(state.map_or("unknown".into(), |s| s.to_string())),
            })
        })
        .await?;
        Ok(id)
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        match edit {
            Edit::MapPublicIp => self.set_public_ip(&found.live, &cx.cloud.ec2).await,
            Edit::Tags => cx.cloud.retag_ec2(&found.live, &self.tags, &found.spec.tags).await,
        }
    }

    async fn preflight_deletion(found: &Found<Self>, cx: &Cx<Aws>) -> Result<Vec<Problem>> {
        // Where the VPC goes as well, it tells of all that is in it.
        if found.spec.vpc.id().is_some_and(|vpc| cx.goes::<Vpc>(vpc)) {
            return Ok(Vec::new());
        }
        strangers(cx, "subnet-id", &found.live).await
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let id = &found.live;
        let delete = || async { cx.cloud.ec2.delete_subnet().subnet_id(id).send().await.aws() };
        let in_the_way = || interfaces(&cx.cloud, "subnet-id", id);
        once_free(cx, Pace::seconds(10, 1200), GONE, delete, in_the_way).await
    }
}

const GONE: Refusals = Refusals::gone(&["InvalidSubnetID.NotFound"]);

impl Subnet {
    /// A described subnet in the words in which it was wanted, if its tags say that it is ours.
    fn seen(aws: &Aws, subnet: &Described) -> Result<Option<Found<Self>>> {
        let (Some(id), Some(owned)) = (subnet.subnet_id(), aws.owned(tags::of_ec2(subnet.tags())))
        else {
            return Ok(None);
        };
        let spec = Self {
            vpc: Ref::found(subnet.vpc_id().unwrap_or_default()),
            zone: subnet.availability_zone().unwrap_or_default().to_owned(),
            cidr: subnet.cidr_block().unwrap_or_default().parse()?,
            map_public_ip: subnet.map_public_ip_on_launch() == Some(true),
            tags: owned.tags,
        };
        let found = Found::ready(owned.name, spec, id.to_owned());
        Ok(Some(match subnet.state() {
            Some(SubnetState::Pending) => found.in_phase(Phase::Coming),
            Some(state) if is_broken(state) => {
                found.in_phase(Phase::Broken).with_notes([broken(state)])
            }
            _ => found,
        }))
    }

    async fn make(&self, vpc: &str, cx: &Cx<Aws>) -> Result<String> {
        let ec2 = &cx.cloud.ec2;
        let find = || async {
            let call = ec2.describe_subnets().set_filters(Some(cx.cloud.mine_named(cx.name())));
            let call = call.filters(filter("vpc-id", vpc));
            let call = call.filters(filter("cidr-block", &self.cidr.to_string()));
            let found = call.send().await.aws()?.subnets.unwrap_or_default();
            Ok(found.into_iter().find_map(|subnet| subnet.subnet_id))
        };
        let create = || async {
            let call = ec2.create_subnet().vpc_id(vpc).availability_zone(&self.zone);
            let call = call.cidr_block(self.cidr.to_string());
            let call = call.tag_specifications(tagged(cx, ResourceType::Subnet, &self.tags));
            let once = Config::builder().retry_config(no_retries());
            let made = call.customize().config_override(once).send().await.aws()?;
            Ok(made.subnet.and_then(|subnet| subnet.subnet_id).unwrap_or_default())
        };
        match careful(cx, find, create).await {
            // What holds the address range may be what an earlier attempt made unheard.
            Err(error) if is_conflict(&error) => find().await?.ok_or(error),
            made => made,
        }
    }

    async fn set_public_ip(&self, id: &str, ec2: &Client) -> Result<()> {
        let on = AttributeBooleanValue::builder().value(self.map_public_ip).build();
        let call = ec2.modify_subnet_attribute().subnet_id(id).map_public_ip_on_launch(on);
        call.send().await.aws()?;
        Ok(())
    }
}

fn is_conflict(error: &anyhow::Error) -> bool {
    let failure = error.downcast_ref::<Failure>();
    failure.is_some_and(|failure| failure.is(&["InvalidSubnet.Conflict"]))
}

/// Whether AWS's word for its state is one that it will not leave by itself.
fn is_broken(state: &SubnetState) -> bool {
    !matches!(state, SubnetState::Available | SubnetState::Pending)
}

fn broken(state: &SubnetState) -> String {
    format!("AWS could not make it: {state}")
}

#[cfg(test)]
mod tests;
