//! The VPC, its subnets, and the ways out of them.

use super::Sheet;
use crate::{
    engine::Ref,
    kinds::{
        ElasticIp, InternetGateway, NatGateway, RouteTable, Subnet, Vpc, VpcEndpoint,
        route_table::DefaultRoute, vpc_endpoint,
    },
    spec::{self, Nat, Subnets},
};
use ipnet::Ipv4Net;

/// Where things can stand.
pub(super) struct Network {
    pub(super) vpc: Ref<Vpc>,
    /// Reached from the internet.
    pub(super) public: Tier,
    /// For the instances: private where there is NAT, else the public one.
    pub(super) app: Tier,
    /// Without a way in or out; empty when nothing needs it.
    pub(super) data: Vec<Ref<Subnet>>,
    /// The services that the instances reach by AWS's own network.
    pub(super) endpoints: Vec<Ref<VpcEndpoint>>,
}

/// A subnet in each zone, and each one's route table.
#[derive(Clone)]
pub(super) struct Tier {
    /// Whether what stands in it needs a public address to get out.
    pub(super) is_public: bool,
    pub(super) subnets: Vec<Ref<Subnet>>,
    pub(super) routes: Vec<Ref<RouteTable>>,
}

pub(super) fn draw(sheet: &mut Sheet) -> Network {
    let tags = sheet.tags();
    let vpc = sheet.add(
        "main",
        Vpc { cidr: sheet.spec.network.cidr, dns_hostnames: true, tags: tags.clone() },
    );
    let internet = sheet.add("main", InternetGateway { vpc: vpc.clone(), tags });
    let public = public(sheet, &vpc, &internet);
    let app = match sheet.spec.network.nat {
        Nat::None => public.clone(),
        Nat::Single => behind_one_nat(sheet, &vpc, &internet, &public),
        Nat::PerZone => behind_nat_per_zone(sheet, &vpc, &internet, &public),
    };
    let data = data(sheet, &vpc);
    let endpoints = endpoints(sheet, &vpc, &app);
    Network { vpc, public, app, data, endpoints }
}

/// The ways of the instances' subnets to services. What is in others has nothing to do with them.
fn endpoints(sheet: &mut Sheet, vpc: &Ref<Vpc>, app: &Tier) -> Vec<Ref<VpcEndpoint>> {
    let mut route_tables: Vec<Ref<RouteTable>> = Vec::new();
    for table in &app.routes {
        if !route_tables.contains(table) {
            route_tables.push(table.clone());
        }
    }
    let services = sheet.spec.network.gateway_endpoints.iter();
    services
        .map(|service| {
            let endpoint = VpcEndpoint {
                vpc: vpc.clone(),
                service: vpc_endpoint::service(&sheet.facts.region, service.as_str()),
                route_tables: route_tables.clone(),
                tags: sheet.tags(),
            };
            sheet.add(service.as_str(), endpoint)
        })
        .collect()
}

fn public(sheet: &mut Sheet, vpc: &Ref<Vpc>, internet: &Ref<InternetGateway>) -> Tier {
    let subnets = subnets(sheet, vpc, "public", |zone| zone.public);
    let out = DefaultRoute::InternetGateway(internet.clone());
    let routes = shared(sheet, vpc, "public", out, &subnets);
    Tier { is_public: true, subnets, routes }
}

/// One NAT gateway costs half of two; the zones share its fate.
fn behind_one_nat(
    sheet: &mut Sheet,
    vpc: &Ref<Vpc>,
    internet: &Ref<InternetGateway>,
    public: &Tier,
) -> Tier {
    let subnets = subnets(sheet, vpc, "private", |zone| zone.private);
    let nat = nat(sheet, "nat-a", &public.subnets[0], internet);
    let routes = shared(sheet, vpc, "private", DefaultRoute::NatGateway(nat), &subnets);
    Tier { is_public: false, subnets, routes }
}

/// Every zone leaves by its own gateway, so that none depends on another.
fn behind_nat_per_zone(
    sheet: &mut Sheet,
    vpc: &Ref<Vpc>,
    internet: &Ref<InternetGateway>,
    public: &Tier,
) -> Tier {
    let subnets = subnets(sheet, vpc, "private", |zone| zone.private);
    let names = sheet.zonal("private").into_iter().zip(sheet.zonal("nat"));
    let ways = names.zip(&public.subnets).zip(&subnets);
    let routes = ways
        .map(|(((table, gateway), outside), inside)| {
            let nat = nat(sheet, &gateway, outside, internet);
            route_table(sheet, vpc, &table, DefaultRoute::NatGateway(nat), vec![inside.clone()])
        })
        .collect();
    Tier { is_public: false, subnets, routes }
}

fn data(sheet: &mut Sheet, vpc: &Ref<Vpc>) -> Vec<Ref<Subnet>> {
    if sheet.spec.cache.is_none() && sheet.spec.database.is_none() {
        return Vec::new();
    }
    let subnets = subnets(sheet, vpc, "data", |zone| zone.data);
    route_table(sheet, vpc, "data", DefaultRoute::None, subnets.clone());
    subnets
}

fn subnets(
    sheet: &mut Sheet,
    vpc: &Ref<Vpc>,
    tier: &str,
    part: fn(&Subnets) -> Ipv4Net,
) -> Vec<Ref<Subnet>> {
    let network = &sheet.spec.network;
    let parts = network.subnets(spec::Network::MOST_ZONES);
    let places = sheet.zonal(tier).into_iter().zip(sheet.zones.clone());
    places
        .map(|(name, (place, zone))| {
            let subnet = Subnet {
                vpc: vpc.clone(),
                zone,
                cidr: part(&parts[usize::from(place)]),
                map_public_ip: false,
                tags: sheet.tags(),
            };
            sheet.add(&name, subnet)
        })
        .collect()
}

fn nat(
    sheet: &mut Sheet,
    name: &str,
    subnet: &Ref<Subnet>,
    internet: &Ref<InternetGateway>,
) -> Ref<NatGateway> {
    let tags = sheet.tags();
    let address = sheet.add(name, ElasticIp { tags: tags.clone() });
    let internet_gateway = Some(internet.clone());
    sheet.add(name, NatGateway { subnet: subnet.clone(), address, internet_gateway, tags })
}

/// One route table for all of a tier's subnets.
fn shared(
    sheet: &mut Sheet,
    vpc: &Ref<Vpc>,
    name: &str,
    out: DefaultRoute,
    subnets: &[Ref<Subnet>],
) -> Vec<Ref<RouteTable>> {
    let table = route_table(sheet, vpc, name, out, subnets.to_vec());
    vec![table; subnets.len()]
}

fn route_table(
    sheet: &mut Sheet,
    vpc: &Ref<Vpc>,
    name: &str,
    default_route: DefaultRoute,
    subnets: Vec<Ref<Subnet>>,
) -> Ref<RouteTable> {
    let tags = sheet.tags();
    sheet.add(name, RouteTable { vpc: vpc.clone(), default_route, subnets, tags })
}
