//! Where packets from a set of subnets go.

use super::{internet_gateway::InternetGateway, nat_gateway::NatGateway, subnet::Subnet, vpc::Vpc};
use crate::{
    aws::{
        Aws, Failure, Sent, Tags, Tolerant,
        ec2::{Refusals, filter, once_free, once_known, tagged},
        tags,
    },
    engine::{Attribute, Cx, Found, Kind, Pace, Ref, Table, address::Link, plan::Ids},
};
use anyhow::{Context, Result};
use aws_sdk_ec2::types::{
    ResourceType, Route, RouteState, RouteTable as Described, RouteTableAssociation,
    RouteTableAssociationStateCode as AssociationState,
};
use futures::future::try_join_all;

/// Where packets from a set of subnets go.
#[derive(Clone, Debug)]
pub struct RouteTable {
    /// Where it belongs.
    pub vpc: Ref<Vpc>,
    /// Where everything else goes.
    pub default_route: DefaultRoute,
    /// The subnets it is for.
    pub subnets: Vec<Ref<Subnet>>,
    /// The user's tags.
    pub tags: Tags,
}

/// Where packets go that are not for the VPC itself.
#[derive(Clone, Debug, PartialEq)]
pub enum DefaultRoute {
    /// Nowhere.
    None,
    /// Straight to the internet.
    InternetGateway(Ref<InternetGateway>),
    /// Out through a NAT gateway.
    NatGateway(Ref<NatGateway>),
}

impl Attribute for DefaultRoute {
    fn show(&self) -> String {
        match self {
            Self::None => "(none)".into(),
            Self::InternetGateway(to) => to.show(),
            Self::NatGateway(to) => to.show(),
        }
    }
    fn met_by(&self, found: &Self, ids: &Ids) -> bool {
        match (self, found) {
            (Self::None, Self::None) => true,
            (Self::InternetGateway(a), Self::InternetGateway(b)) => a.met_by(b, ids),
            (Self::NatGateway(a), Self::NatGateway(b)) => a.met_by(b, ids),
            _ => false,
        }
    }
    fn links(&self, out: &mut Vec<Link>) {
        match self {
            Self::None => {}
            Self::InternetGateway(to) => to.links(out),
            Self::NatGateway(to) => to.links(out),
        }
    }
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `CreateRoute`, `ReplaceRoute` or `DeleteRoute` for `0.0.0.0/0`.
    DefaultRoute,
    /// `AssociateRouteTable`, `ReplaceRouteTableAssociation` and `DisassociateRouteTable`.
    Subnets,
    /// `CreateTags` and `DeleteTags`.
    Tags,
}

impl Kind for RouteTable {
    type Cloud = Aws;
    type Live = String;
    type Edit = Edit;

    const NAME: &'static str = "route-table";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("vpc", |r| &r.vpc)
            .tuned("default_route", Edit::DefaultRoute, |r| &r.default_route)
            .tuned("subnets", Edit::Subnets, |r| &r.subnets)
            .tuned("tags", Edit::Tags, |r| &r.tags)
    }

    fn id(live: &Self::Live) -> &str {
        live
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let pages = aws.ec2.describe_route_tables().filters(aws.mine()).into_paginator();
        let all = pages.items().send().collect::<Result<Vec<_>, _>>().await.aws()?;
        Ok(all.iter().filter_map(|table| Self::seen(aws, table)).collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<String> {
        let vpc = cx.get(&self.vpc)?;
        let token = uuid::Uuid::new_v4().to_string();
        let made = once_known(cx, || async {
            let call = cx.cloud.ec2.create_route_table().client_token(&token).vpc_id(&vpc);
            let call = call.tag_specifications(tagged(cx, ResourceType::RouteTable, &self.tags));
            Ok(call.send().await.aws()?)
        });
        let made = made.await?.route_table.and_then(|table| table.route_table_id);
        let id = made.context("AWS made it but told no id")?;
        if self.default_route != DefaultRoute::None {
            self.route(&id, cx).await?;
        }
        self.serve(&id, cx).await?;
        Ok(id)
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let id = &found.live;
        match edit {
            Edit::DefaultRoute => self.route(id, cx).await,
            Edit::Subnets => self.serve(id, cx).await,
            Edit::Tags => cx.cloud.retag_ec2(id, &self.tags, &found.spec.tags).await,
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let id = &found.live;
        let delete = || async {
            for (association, _) in associations(id, cx).await? {
                let call = cx.cloud.ec2.disassociate_route_table().association_id(association);
                call.send().await.aws().or_code(&DISASSOCIATED)?;
            }
            cx.cloud.ec2.delete_route_table().route_table_id(id).send().await.aws()
        };
        once_free(cx, Pace::seconds(5, 600), GONE, delete, || async { Ok(Vec::new()) }).await
    }
}

const GONE: Refusals = Refusals::gone(&["InvalidRouteTableID.NotFound"]);
const DISASSOCIATED: [&str; 1] = ["InvalidAssociationID.NotFound"];
/// The destination of the default route.
const EVERYWHERE: &str = "0.0.0.0/0";

impl RouteTable {
    /// A described table in the words in which it was wanted, if its tags say that it is ours.
    fn seen(aws: &Aws, table: &Described) -> Option<Found<Self>> {
        let owned = aws.owned(tags::of_ec2(table.tags()))?;
        let subnets = table.associations().iter().filter_map(serving);
        let spec = Self {
            vpc: Ref::found(table.vpc_id().unwrap_or_default()),
            default_route: DefaultRoute::seen(table.routes()),
            subnets: subnets.map(|(_, subnet)| Ref::found(subnet)).collect(),
            tags: owned.tags,
        };
        Some(Found::ready(owned.name, spec, table.route_table_id()?.to_owned()))
    }

    /// Makes the default route what is wanted, whatever there is.
    async fn route(&self, id: &str, cx: &Cx<Aws>) -> Result<()> {
        let ec2 = &cx.cloud.ec2;
        let (gateway, nat) = match &self.default_route {
            DefaultRoute::None => {
                let call = ec2.delete_route().route_table_id(id);
                let call = call.destination_cidr_block(EVERYWHERE);
                call.send().await.aws().or_code(&["InvalidRoute.NotFound"])?;
                return Ok(());
            }
            DefaultRoute::InternetGateway(to) => (Some(cx.get(to)?), None),
            DefaultRoute::NatGateway(to) => (None, Some(cx.get(to)?)),
        };
        once_known(cx, || async {
            let call = ec2.create_route().route_table_id(id).destination_cidr_block(EVERYWHERE);
            let call = call.set_gateway_id(gateway.clone()).set_nat_gateway_id(nat.clone());
            let made = call.send().await.aws().or_code(&["RouteAlreadyExists"])?;
            if made.is_none() {
                let call = ec2.replace_route().route_table_id(id);
                let call = call.destination_cidr_block(EVERYWHERE);
                let call = call.set_gateway_id(gateway.clone()).set_nat_gateway_id(nat.clone());
                call.send().await.aws()?;
            }
            Ok(())
        })
        .await
    }

    /// Makes it serve the wanted subnets and no other.
    async fn serve(&self, id: &str, cx: &Cx<Aws>) -> Result<()> {
        let ec2 = &cx.cloud.ec2;
        let wanted: Vec<_> = self.subnets.iter().map(|s| cx.get(s)).collect::<Result<_>>()?;
        let (kept, dropped): (Vec<_>, Vec<_>) =
            associations(id, cx).await?.into_iter().partition(|(_, to)| wanted.contains(to));
        let missing = wanted.iter().filter(|subnet| !kept.iter().any(|(_, to)| to == *subnet));
        let add = try_join_all(
            missing.map(|subnet| once_known(cx, || async { Ok(associate(id, subnet, cx).await?) })),
        );
        let drop = try_join_all(dropped.into_iter().map(|(association, _)| async {
            let call = ec2.disassociate_route_table().association_id(association);
            Ok(call.send().await.aws().or_code(&DISASSOCIATED)?)
        }));
        futures::try_join!(add, drop)?;
        Ok(())
    }
}

impl DefaultRoute {
    /// Where the default route leads. One whose target is gone leads nowhere.
    fn seen(routes: &[Route]) -> Self {
        let default = |r: &&Route| r.destination_cidr_block() == Some(EVERYWHERE);
        let Some(route) = routes.iter().find(default) else { return Self::None };
        if route.state() == Some(&RouteState::Blackhole) {
            return Self::None;
        }
        if let Some(nat) = route.nat_gateway_id() {
            return Self::NatGateway(Ref::found(nat));
        }
        // Somebody else's choice of another target is at least a difference.
        let others = [route.gateway_id(), route.transit_gateway_id(), route.network_interface_id()];
        let target = others.into_iter().flatten().next();
        Self::InternetGateway(Ref::found(target.unwrap_or("(something else)")))
    }
}

/// An association's id and its subnet, unless it is the VPC's own or on its way out.
fn serving(association: &RouteTableAssociation) -> Option<(&str, &str)> {
    let state = association.association_state().and_then(|state| state.state());
    let lasts =
        matches!(state, None | Some(AssociationState::Associated | AssociationState::Associating));
    let subnet = association.subnet_id().filter(|_| lasts)?;
    Some((association.route_table_association_id()?, subnet))
}

/// The table's associations as they are now: id and subnet.
async fn associations(id: &str, cx: &Cx<Aws>) -> Result<Vec<(String, String)>, Failure> {
    let call = cx.cloud.ec2.describe_route_tables().filters(filter("route-table-id", id));
    let answer = call.send().await.aws()?;
    let all = answer.route_tables().iter().flat_map(Described::associations).filter_map(serving);
    Ok(all.map(|(id, subnet)| (id.to_owned(), subnet.to_owned())).collect())
}

/// Puts a subnet in a table's care, taking it over from the one that has it.
async fn associate(table: &str, subnet: &str, cx: &Cx<Aws>) -> Result<(), Failure> {
    let ec2 = &cx.cloud.ec2;
    let call = ec2.associate_route_table().route_table_id(table).subnet_id(subnet);
    if call.send().await.aws().or_code(&["Resource.AlreadyAssociated"])?.is_some() {
        return Ok(());
    }
    let call = ec2.describe_route_tables().filters(filter("association.subnet-id", subnet));
    let Some((holder, association)) = holder(call.send().await.aws()?.route_tables(), subnet)
    else {
        // Gone between the two looks; the caller looks again.
        return Err(Failure::coded("InvalidAssociationID.NotFound", "it was in another's care"));
    };
    if holder != table {
        let call = ec2.replace_route_table_association().association_id(association);
        call.route_table_id(table).send().await.aws()?;
    }
    Ok(())
}

/// Which of these tables has the subnet in its care, and by which association.
fn holder(tables: &[Described], subnet: &str) -> Option<(String, String)> {
    tables.iter().find_map(|table| {
        let (association, _) =
            table.associations().iter().filter_map(serving).find(|(_, to)| *to == subnet)?;
        Some((table.route_table_id()?.to_owned(), association.to_owned()))
    })
}

#[cfg(test)]
mod tests;
