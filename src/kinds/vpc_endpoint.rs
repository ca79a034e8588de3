//! A gateway endpoint: a route by which a VPC reaches S3 or `DynamoDB` without leaving AWS's network.

use super::{route_table::RouteTable, vpc::Vpc};
use crate::{
    aws::{
        Aws, Failure, Sent, Tags, Tolerant,
        ec2::{once_known, tagged},
        tags,
    },
    engine::{Cx, Found, Kind, Pace, Phase, Probe, Ref, Table},
};
use anyhow::{Context, Result};
use aws_sdk_ec2::types::{ResourceType, VpcEndpoint as Described, VpcEndpointType};
use std::collections::BTreeSet;

/// A gateway endpoint: a route by which a VPC reaches S3 or `DynamoDB` without leaving AWS's network.
///
/// It costs nothing, and what goes through it passes no NAT gateway (AWS `PrivateLink` guide, "Gateway
/// endpoints"). Connections to the service break off when it comes or goes.
#[derive(Clone, Debug)]
pub struct VpcEndpoint {
    /// The VPC.
    pub vpc: Ref<Vpc>,
    /// The service's name, `com.amazonaws.<region>.s3`.
    pub service: String,
    /// The route tables that lead to it. Without any it has no effect.
    pub route_tables: Vec<Ref<RouteTable>>,
    /// The user's tags.
    pub tags: Tags,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `ModifyVpcEndpoint`.
    RouteTables,
    /// `CreateTags` and `DeleteTags`.
    Tags,
}

/// The name of a service in a region, as gateway endpoints have it.
pub fn service(region: &str, service: &str) -> String {
    format!("com.amazonaws.{region}.{service}")
}

impl Kind for VpcEndpoint {
    type Cloud = Aws;
    type Live = String;
    type Edit = Edit;

    const NAME: &'static str = "vpc-endpoint";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("vpc", |e| &e.vpc)
            .fixed("service", |e| &e.service)
            .tuned("route_tables", Edit::RouteTables, |e| &e.route_tables)
            .tuned("tags", Edit::Tags, |e| &e.tags)
    }

    fn id(live: &Self::Live) -> &str {
        live
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let pages = aws.ec2.describe_vpc_endpoints().filters(aws.mine()).into_paginator();
        let all = pages.items().send().collect::<Result<Vec<_>, _>>().await.aws()?;
        Ok(all.iter().filter_map(|endpoint| Self::seen(aws, endpoint)).collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<String> {
        let vpc = cx.get(&self.vpc)?;
        let tables = self.tables(cx)?;
        let token = uuid::Uuid::new_v4().to_string();
        let made = once_known(cx, || async {
            let call = cx.cloud.ec2.create_vpc_endpoint().client_token(&token).vpc_id(&vpc);
            let call = call.vpc_endpoint_type(VpcEndpointType::Gateway).service_name(&self.service);
            let call = call.set_route_table_ids(Some(tables.iter().cloned().collect()));
            let call = call.tag_specifications(tagged(cx, ResourceType::VpcEndpoint, &self.tags));
            Ok(call.send().await.aws()?)
        });
        let made = made.await?.vpc_endpoint.and_then(|endpoint| endpoint.vpc_endpoint_id);
        made.context("AWS made it but told no id")
    }

    async fn settle(id: String, cx: &Cx<Aws>) -> Result<String> {
        cx.until(Pace::seconds(2, 300), || async {
            let endpoint = read(&id, &cx.cloud).await?;
            Ok(match endpoint.as_ref().map(|endpoint| (state(endpoint), endpoint)) {
                Some((State::Available, _)) => Probe::Ready(()),
                Some((State::Failed, endpoint)) => Probe::Failed(why(endpoint)),
                Some((State::Going | State::Gone, _)) => {
                    Probe::Failed("somebody else removes it".into())
                }
                Some((State::Coming, _)) => Probe::Pending("pending".into()),
                None => Probe::Pending("unknown".into()),
            })
        })
        .await?;
        Ok(id)
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        match edit {
            Edit::RouteTables => self.route(&found.live, cx).await,
            Edit::Tags => cx.cloud.retag_ec2(&found.live, &self.tags, &found.spec.tags).await,
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let id = &found.live;
        if found.phase != Phase::Going {
            let call = cx.cloud.ec2.delete_vpc_endpoints().vpc_endpoint_ids(id);
            // A refusal is part of a good answer here.
            let refused = call.send().await.aws()?.unsuccessful.unwrap_or_default();
            let refused = refused.into_iter().filter_map(|item| item.error).find_map(|error| {
                let text = |text: Option<String>| text.unwrap_or_default();
                let failure = Failure::coded(text(error.code), text(error.message));
                (!failure.is_gone()).then_some(failure)
            });
            if let Some(failure) = refused {
                return Err(failure.into());
            }
        }
        cx.until(Pace::seconds(2, 600), || async {
            let endpoint = read(id, &cx.cloud).await?;
            Ok(match endpoint.filter(|endpoint| state(endpoint) != State::Gone) {
                Some(_) => Probe::Pending("deleting".into()),
                None => Probe::Ready(()),
            })
        })
        .await
    }
}

/// How far along an endpoint is. The API writes its states in small letters, its model in others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Coming,
    Available,
    Failed,
    Going,
    Gone,
}

fn state(endpoint: &Described) -> State {
    match &*endpoint.state().map_or("", |state| state.as_str()).to_ascii_lowercase() {
        "available" | "" => State::Available,
        "deleting" => State::Going,
        "deleted" => State::Gone,
        "failed" | "rejected" | "expired" => State::Failed,
        _ => State::Coming,
    }
}

impl VpcEndpoint {
    /// A described endpoint in the words in which it was wanted, if its tags say that it is ours.
    fn seen(aws: &Aws, endpoint: &Described) -> Option<Found<Self>> {
        let owned = aws.owned(tags::of_ec2(endpoint.tags()))?;
        let spec = Self {
            vpc: Ref::found(endpoint.vpc_id().unwrap_or_default()),
            service: endpoint.service_name().unwrap_or_default().to_owned(),
            route_tables: endpoint.route_table_ids().iter().map(|id| Ref::found(&**id)).collect(),
            tags: owned.tags,
        };
        let found = Found::ready(owned.name, spec, endpoint.vpc_endpoint_id()?.to_owned());
        Some(match state(endpoint) {
            State::Gone => return None,
            State::Going => found.in_phase(Phase::Going),
            State::Failed => found.in_phase(Phase::Broken).with_notes([why(endpoint)]),
            State::Coming => found.in_phase(Phase::Coming),
            State::Available => found,
        })
    }

    fn tables(&self, cx: &Cx<Aws>) -> Result<BTreeSet<String>> {
        self.route_tables.iter().map(|table| cx.get(table)).collect()
    }

    /// Has the wanted route tables lead to it, and no other. A call whose answer was lost is repeated
    /// by the SDK, and refused then: what counts is which tables it has.
    async fn route(&self, id: &str, cx: &Cx<Aws>) -> Result<()> {
        let wanted = self.tables(cx)?;
        once_known(cx, || async {
            let has = tables_of(id, &cx.cloud).await?;
            let added: Vec<_> = wanted.difference(&has).cloned().collect();
            let removed: Vec<_> = has.difference(&wanted).cloned().collect();
            if added.is_empty() && removed.is_empty() {
                return Ok(());
            }
            let call = cx.cloud.ec2.modify_vpc_endpoint().vpc_endpoint_id(id);
            let call = call.set_add_route_table_ids((!added.is_empty()).then_some(added));
            let call = call.set_remove_route_table_ids((!removed.is_empty()).then_some(removed));
            match call.send().await.aws() {
                Err(_) if tables_of(id, &cx.cloud).await? == wanted => Ok(()),
                answer => Ok(answer.map(drop)?),
            }
        })
        .await
    }
}

/// The route tables that lead to an endpoint.
async fn tables_of(id: &str, aws: &Aws) -> Result<BTreeSet<String>> {
    let endpoint = read(id, aws).await?.context("it is gone")?;
    Ok(endpoint.route_table_ids().iter().cloned().collect())
}

async fn read(id: &str, aws: &Aws) -> Result<Option<Described>> {
    let call = aws.ec2.describe_vpc_endpoints().vpc_endpoint_ids(id);
    let answer = call.send().await.aws().or_gone()?;
    Ok(answer.and_then(|answer| answer.vpc_endpoints).and_then(|mut some| some.pop()))
}

/// Why one has failed, in AWS's words.
fn why(endpoint: &Described) -> String {
    let error = endpoint.last_error();
    let code = error.and_then(|error| error.code()).unwrap_or("failed");
    let says = error.and_then(|error| error.message()).unwrap_or("AWS does not say why");
    format!("{code}: {says}")
}

#[cfg(test)]
mod tests;
