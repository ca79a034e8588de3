//! Who may talk to whom: each group lets in the one before it, and nothing else.

use super::{Sheet, network::Network};
use crate::{
    engine::Ref,
    kinds::{
        SecurityGroup, SecurityGroupRule, Vpc,
        security_group_rule::{Direction, Peer},
    },
};
use ipnet::Ipv4Net;

/// The security groups.
pub(super) struct Groups {
    pub(super) lb: Ref<SecurityGroup>,
    pub(super) app: Ref<SecurityGroup>,
    pub(super) cache: Option<Ref<SecurityGroup>>,
    pub(super) database: Option<Ref<SecurityGroup>>,
}

pub(super) fn draw(sheet: &mut Sheet, network: &Network) -> Groups {
    let (spec, vpc) = (sheet.spec, &network.vpc);
    let lb = closed(sheet, vpc, "lb", "Load balancer: in from clients, out to the app only");
    let app = open(sheet, vpc, "app", "App: in from the load balancer only");

    let https = spec.load_balancer.certificate.as_ref().map(|_| 443);
    for port in [80].into_iter().chain(https) {
        for clients in &spec.load_balancer.allow {
            let_in_from(sheet, "lb", &lb, port, *clients);
        }
    }
    connect(sheet, ("lb", &lb), ("app", &app), spec.app.port);

    let cache = spec.cache.as_ref().map(|cache| {
        let group = closed(sheet, vpc, "cache", "Cache: in from the app only");
        let_in(sheet, ("cache", &group), ("app", &app), cache.port);
        group
    });
    let database = spec.database.as_ref().map(|database| {
        let group = closed(sheet, vpc, "database", "Database: in from the app only");
        let_in(sheet, ("database", &group), ("app", &app), database.engine.port());
        group
    });
    Groups { lb, app, cache, database }
}

/// A group whose members reach nothing that no rule names.
fn closed(sheet: &mut Sheet, vpc: &Ref<Vpc>, name: &str, description: &str) -> Ref<SecurityGroup> {
    group(sheet, vpc, name, description, false)
}

/// A group whose members reach everything: images, secrets and other services are anywhere.
fn open(sheet: &mut Sheet, vpc: &Ref<Vpc>, name: &str, description: &str) -> Ref<SecurityGroup> {
    group(sheet, vpc, name, description, true)
}

fn group(
    sheet: &mut Sheet,
    vpc: &Ref<Vpc>,
    name: &str,
    description: &str,
    open_egress: bool,
) -> Ref<SecurityGroup> {
    let (vpc, description, tags) = (vpc.clone(), description.to_owned(), sheet.tags());
    sheet.add(name, SecurityGroup { vpc, description, open_egress, tags })
}

type Named<'a> = (&'static str, &'a Ref<SecurityGroup>);

/// Lets `from` reach `to`, at both ends.
fn connect(sheet: &mut Sheet, from: Named<'_>, to: Named<'_>, port: u16) {
    let name = format!("{}-out-{port}-to-{}", from.0, to.0);
    rule(sheet, &name, from.1, Direction::Egress, port, Peer::Group(to.1.clone()));
    let_in(sheet, to, from, port);
}

/// Lets `to` be reached by `from`, whose own end is open.
fn let_in(sheet: &mut Sheet, to: Named<'_>, from: Named<'_>, port: u16) {
    let name = format!("{}-in-{port}-from-{}", to.0, from.0);
    rule(sheet, &name, to.1, Direction::Ingress, port, Peer::Group(from.1.clone()));
}

fn let_in_from(sheet: &mut Sheet, name: &str, to: &Ref<SecurityGroup>, port: u16, from: Ipv4Net) {
    let range = from.to_string().replace(['.', '/'], "-");
    let name = format!("{name}-in-{port}-{range}");
    rule(sheet, &name, to, Direction::Ingress, port, Peer::Cidr(from));
}

/// A rule's name says all that it says. So another rule has another name, and is made before the
/// one it takes the place of goes.
fn rule(
    sheet: &mut Sheet,
    name: &str,
    group: &Ref<SecurityGroup>,
    direction: Direction,
    port: u16,
    peer: Peer,
) {
    let tags = sheet.tags();
    sheet.add(name, SecurityGroupRule { group: group.clone(), direction, port, peer, tags });
}
