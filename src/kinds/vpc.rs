//! The network everything of a stack stands in.

use super::inhabitants::strangers;
use crate::{
    aws::{
        Aws, Sent, Tags, Tolerant, careful,
        ec2::{Refusals, filter, interfaces, once_free, once_known, tagged},
        no_retries, tags,
    },
    engine::{Change, Cx, Found, Kind, Pace, Phase, Probe, Problem, Refused, Table},
};
use anyhow::Result;
use aws_sdk_ec2::{
    Client,
    config::Config,
    types::{
        AttributeBooleanValue, ResourceType, RouteTable, Tag, Vpc as Described, VpcAttributeName,
        VpcEndpoint, VpcState,
    },
};
use futures::future::try_join_all;
use ipnet::Ipv4Net;

/// The network everything of a stack stands in.
#[derive(Clone, Debug)]
pub struct Vpc {
    /// The address range.
    pub cidr: Ipv4Net,
    /// Whether instances get DNS host names; this turns on AWS's resolver, too.
    pub dns_hostnames: bool,
    /// The user's tags.
    pub tags: Tags,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `ModifyVpcAttribute`, for the resolver and for host names.
    DnsHostnames,
    /// `CreateTags` and `DeleteTags`.
    Tags,
}

impl Kind for Vpc {
    type Cloud = Aws;
    type Live = String;
    type Edit = Edit;

    const NAME: &'static str = "vpc";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("cidr", |v| &v.cidr)
            .tuned("dns_hostnames", Edit::DnsHostnames, |v| &v.dns_hostnames)
            .tuned("tags", Edit::Tags, |v| &v.tags)
    }

    fn id(live: &Self::Live) -> &str {
        live
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let pages = aws.ec2.describe_vpcs().filters(aws.mine()).into_paginator().items().send();
        let all = pages.collect::<Result<Vec<_>, _>>().await.aws()?;
        let found = try_join_all(all.iter().map(|vpc| Self::read(aws, vpc))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    fn refuse(&self, found: &Found<Self>, changes: &[Change]) -> Option<Refused> {
        let moves = changes.iter().any(|change| change.replaces);
        moves.then(|| Refused {
            says: "would have to be replaced, and with it everything that stands in it".into(),
            remedy: format!(
                "put `network.cidr: {}` back; for another range bring up a second stack under \
                 another name, and move the data",
                found.spec.cidr
            ),
        })
    }

    async fn preflight_deletion(found: &Found<Self>, cx: &Cx<Aws>) -> Result<Vec<Problem>> {
        Box::pin(strangers(cx, "vpc-id", &found.live)).await
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<String> {
        let ec2 = &cx.cloud.ec2;
        let id = careful(
            cx,
            || async {
                let filters = Some(cx.cloud.mine_named(cx.name()));
                let found = ec2.describe_vpcs().set_filters(filters).send().await.aws()?;
                Ok(found.vpcs().first().and_then(Described::vpc_id).map(str::to_owned))
            },
            || async {
                let call = ec2.create_vpc().cidr_block(self.cidr.to_string());
                let call = call.tag_specifications(tagged(cx, ResourceType::Vpc, &self.tags));
                let once = Config::builder().retry_config(no_retries());
                let made = call.customize().config_override(once).send().await.aws()?;
                Ok(made.vpc.and_then(|vpc| vpc.vpc_id).unwrap_or_default())
            },
        )
        .await?;
        once_known(cx, || self.set_dns(&id, ec2)).await?;
        Ok(id)
    }

    async fn settle(id: String, cx: &Cx<Aws>) -> Result<String> {
        cx.until(Pace::seconds(2, 300), || async {
            let answer = cx.cloud.ec2.describe_vpcs().vpc_ids(&id).send().await.aws();
            let state = answer.or_gone()?.and_then(|found| found.vpcs?.pop()?.state);
            Ok(match state {
                Some(VpcState::Available) => Probe::Ready(()),
                state => Probe::Pending(state.map_or("unknown".into(), |s| s.to_string())),
            })
        })
        .await?;
        Ok(id)
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        match edit {
            Edit::DnsHostnames => self.set_dns(&found.live, &cx.cloud.ec2).await,
            Edit::Tags => cx.cloud.retag_ec2(&found.live, &self.tags, &found.spec.tags).await,
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let delete = || async { cx.cloud.ec2.delete_vpc().vpc_id(&found.live).send().await.aws() };
        let in_the_way = || inhabitants(&cx.cloud, &found.live);
        once_free(cx, Pace::seconds(10, 900), GONE, delete, in_the_way).await
    }
}

const GONE: Refusals = Refusals::gone(&["InvalidVpcID.NotFound"]);

impl Vpc {
    /// A described VPC in the words in which it was wanted, if its tags say that it is ours.
    async fn read(aws: &Aws, vpc: &Described) -> Result<Option<Found<Self>>> {
        let (Some(id), Some(owned)) = (vpc.vpc_id(), aws.owned(tags::of_ec2(vpc.tags()))) else {
            return Ok(None);
        };
        let ask = |attribute| {
            let call = aws.ec2.describe_vpc_attribute().vpc_id(id).attribute(attribute);
            async { call.send().await.aws().or_gone() }
        };
        let (support, hostnames) = futures::try_join!(
            ask(VpcAttributeName::EnableDnsSupport),
            ask(VpcAttributeName::EnableDnsHostnames)
        )?;
        let (Some(support), Some(hostnames)) = (support, hostnames) else { return Ok(None) };
        let on = |value: Option<AttributeBooleanValue>| value.and_then(|v| v.value) == Some(true);
        let spec = Self {
            cidr: vpc.cidr_block().unwrap_or_default().parse()?,
            dns_hostnames: on(support.enable_dns_support) && on(hostnames.enable_dns_hostnames),
            tags: owned.tags,
        };
        let pending = vpc.state() == Some(&VpcState::Pending);
        let phase = if pending { Phase::Coming } else { Phase::Ready };
        Ok(Some(Found::ready(owned.name, spec, id.to_owned()).in_phase(phase)))
    }

    /// Host names need the resolver, too; AWS takes one attribute per call.
    async fn set_dns(&self, id: &str, ec2: &Client) -> Result<()> {
        let value = |on| AttributeBooleanValue::builder().value(on).build();
        if self.dns_hostnames {
            let call = ec2.modify_vpc_attribute().vpc_id(id).enable_dns_support(value(true));
            call.send().await.aws()?;
        }
        let call = ec2.modify_vpc_attribute().vpc_id(id);
        call.enable_dns_hostnames(value(self.dns_hostnames)).send().await.aws()?;
        Ok(())
    }
}

/// What still lives in a VPC, whoever made it: AWS does not say what keeps one from going.
async fn inhabitants(aws: &Aws, vpc: &str) -> Result<Vec<String>> {
    let inside = || filter("vpc-id", vpc);
    let subnets = async {
        let pages = aws.ec2.describe_subnets().filters(inside()).into_paginator().items().send();
        pages.collect::<Result<Vec<_>, _>>().await.aws()
    };
    let groups = async {
        let pages = aws.ec2.describe_security_groups().filters(inside()).into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await.aws()
    };
    let tables = async {
        let pages = aws.ec2.describe_route_tables().filters(inside()).into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await.aws()
    };
    let endpoints = async {
        let pages = aws.ec2.describe_vpc_endpoints().filters(inside()).into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await.aws()
    };
    let gateways = async {
        let call = aws.ec2.describe_internet_gateways().filters(filter("attachment.vpc-id", vpc));
        call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.aws()
    };
    let mut names = interfaces(aws, "vpc-id", vpc).await?;
    let (subnets, groups, tables, endpoints, gateways) =
        Box::pin(async { tokio::try_join!(subnets, groups, tables, endpoints, gateways) }).await?;
    let told = |what: &str, id: Option<&str>, tags: &[Tag]| {
        let whose = aws.whose(tags::of_ec2(tags)).unwrap_or_else(|| "of this stack".into());
        format!("{what} {} ({whose})", id.unwrap_or("(no id)"))
    };
    names.extend(subnets.iter().map(|s| told("subnet", s.subnet_id(), s.tags())));
    names.extend(groups.iter().filter(|g| g.group_name() != Some("default")).map(|g| {
        let what = format!("security group {:?}", g.group_name().unwrap_or_default());
        told(&what, g.group_id(), g.tags())
    }));
    // The main one goes with its VPC.
    let main = |t: &&RouteTable| t.associations().iter().any(|a| a.main() == Some(true));
    let others = tables.iter().filter(|table| !main(table));
    names.extend(others.map(|t| told("route table", t.route_table_id(), t.tags())));
    let gone =
        |e: &&VpcEndpoint| e.state().is_some_and(|s| s.as_str().eq_ignore_ascii_case("deleted"));
    let standing = endpoints.iter().filter(|endpoint| !gone(endpoint));
    names.extend(standing.map(|e| told("VPC endpoint", e.vpc_endpoint_id(), e.tags())));
    names.extend(
        gateways.iter().map(|g| told("internet gateway", g.internet_gateway_id(), g.tags())),
    );
    Ok(names)
}

#[cfg(test)]
mod tests;
