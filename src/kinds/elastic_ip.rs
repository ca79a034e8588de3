//! A public address that stays the same.

use crate::{
    aws::{
        Aws, Failure, Sent, Tags, careful,
        ec2::{Refusals, filter, once_free, tagged},
        no_retries, tags,
    },
    engine::{Cx, Found, Kind, Pace, Table},
};
use anyhow::Result;
use aws_sdk_ec2::{
    config::Config,
    types::{Address as Described, DomainType, ResourceType},
};

/// A public address that stays the same.
#[derive(Clone, Debug)]
pub struct ElasticIp {
    /// The user's tags.
    pub tags: Tags,
}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElasticIpLive {
    /// The allocation's id, `eipalloc-…`.
    pub allocation: String,
    /// The address itself.
    pub address: String,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `CreateTags` and `DeleteTags`.
    Tags,
}

impl Kind for ElasticIp {
    type Cloud = Aws;
    type Live = ElasticIpLive;
    type Edit = Edit;

    const NAME: &'static str = "elastic-ip";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table.tuned("tags", Edit::Tags, |e| &e.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.allocation
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let all = aws.ec2.describe_addresses().filters(aws.mine()).send().await.aws()?;
        Ok(all.addresses().iter().filter_map(|address| Self::seen(aws, address)).collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<ElasticIpLive> {
        let ec2 = &cx.cloud.ec2;
        careful(
            cx,
            || async {
                let filters = Some(cx.cloud.mine_named(cx.name()));
                let found = ec2.describe_addresses().set_filters(filters).send().await.aws()?;
                Ok(found.addresses().iter().find_map(live))
            },
            || async {
                let call = ec2.allocate_address().domain(DomainType::Vpc);
                let call = call.tag_specifications(tagged(cx, ResourceType::ElasticIp, &self.tags));
                let once = Config::builder().retry_config(no_retries());
                let made = call.customize().config_override(once).send().await.aws()?;
                Ok(ElasticIpLive {
                    allocation: made.allocation_id.unwrap_or_default(),
                    address: made.public_ip.unwrap_or_default(),
                })
            },
        )
        .await
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        match edit {
            Edit::Tags => {
                let id = &found.live.allocation;
                cx.cloud.retag_ec2(id, &self.tags, &found.spec.tags).await
            }
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let id = &*found.live.allocation;
        let release = || async {
            let call = cx.cloud.ec2.release_address().allocation_id(id);
            match call.send().await.aws() {
                // AWS says so of an address that is released already, and of one that it still
                // counts as a NAT gateway's, for a while after that is deleted.
                Err(failure) if failure.is(&["AuthFailure"]) => still_there(id, failure, cx).await,
                other => other.map(drop),
            }
        };
        let in_the_way = || async {
            let there = read(id, cx).await?;
            Ok(there.iter().filter_map(user).collect())
        };
        once_free(cx, Pace::seconds(10, 600), RELEASING, release, in_the_way).await
    }
}

const RELEASING: Refusals =
    Refusals { gone: &["InvalidAllocationID.NotFound"], passing: &["AuthFailure"] };

impl ElasticIp {
    /// A described address in the words in which it was wanted, if its tags say that it is ours.
    fn seen(aws: &Aws, address: &Described) -> Option<Found<Self>> {
        let owned = aws.owned(tags::of_ec2(address.tags()))?;
        Some(Found::ready(owned.name, Self { tags: owned.tags }, live(address)?))
    }
}

fn live(address: &Described) -> Option<ElasticIpLive> {
    Some(ElasticIpLive {
        allocation: address.allocation_id()?.to_owned(),
        address: address.public_ip().unwrap_or_default().to_owned(),
    })
}

async fn read(id: &str, cx: &Cx<Aws>) -> Result<Vec<Described>, Failure> {
    let call = cx.cloud.ec2.describe_addresses().filters(filter("allocation-id", id));
    Ok(call.send().await.aws()?.addresses.unwrap_or_default())
}

/// Accepts the refusal to release an address that is not there; else it stands.
async fn still_there(id: &str, refusal: Failure, cx: &Cx<Aws>) -> Result<(), Failure> {
    if read(id, cx).await?.is_empty() { Ok(()) } else { Err(refusal) }
}

/// What bears the address.
fn user(address: &Described) -> Option<String> {
    match (address.instance_id(), address.network_interface_id()) {
        (Some(instance), _) if !instance.is_empty() => Some(format!("instance {instance}")),
        (_, Some(interface)) => Some(format!("network interface {interface}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
