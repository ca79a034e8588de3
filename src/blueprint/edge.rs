//! The load balancer, its listeners, and the target group with its stickiness.

use super::{Sheet, network::Network, security::Groups};
use crate::{
    engine::Ref,
    kinds::{
        Listener, LoadBalancer, TargetGroup, Vpc,
        listener::{Action, Hsts, Tls},
        load_balancer::{AccessLogs, Scheme},
        target_group,
    },
    spec,
};

/// Where requests come in.
pub(super) struct Edge {
    pub(super) load_balancer: Ref<LoadBalancer>,
    pub(super) group: Ref<TargetGroup>,
    /// The listener that sends requests to the group.
    pub(super) listener: Ref<Listener>,
}

pub(super) fn draw(sheet: &mut Sheet, network: &Network, groups: &Groups) -> Edge {
    let load_balancer = load_balancer(sheet, network, groups);
    let group = target_group(sheet, &network.vpc);
    let forward = Action::Forward(group.clone());
    let listener = match sheet.spec.load_balancer.certificate.clone() {
        None => listener(sheet, &load_balancer, "http", 80, None, forward, None),
        Some(certificate) => {
            let certificate = Some(certificate);
            let https = listener(sheet, &load_balancer, "https", 443, certificate, forward, None);
            let redirect = Action::RedirectToHttps;
            let target = Some(https.clone());
            listener(sheet, &load_balancer, "http", 80, None, redirect, target);
            https
        }
    };
    Edge { load_balancer, group, listener }
}

fn load_balancer(sheet: &mut Sheet, network: &Network, groups: &Groups) -> Ref<LoadBalancer> {
    let wanted = &sheet.spec.load_balancer;
    // One that is internal stands beside the instances.
    let (scheme, tier) = match wanted.scheme {
        spec::Scheme::InternetFacing => (Scheme::InternetFacing, &network.public),
        spec::Scheme::Internal => (Scheme::Internal, &network.app),
    };
    let mut routes = tier.routes.clone();
    routes.dedup();
    let load_balancer = LoadBalancer {
        vpc: network.vpc.clone(),
        scheme,
        subnets: tier.subnets.clone(),
        security_groups: vec![groups.lb.clone()],
        idle_timeout: wanted.idle_timeout.get(),
        drop_invalid_headers: true,
        protect: wanted.protect,
        access_logs: wanted.access_logs.as_ref().map_or(AccessLogs::Off, |logs| {
            let prefix = logs.prefix.clone().unwrap_or_default();
            AccessLogs::Bucket { name: logs.bucket.clone(), prefix }
        }),
        routes,
        tags: sheet.tags(),
    };
    sheet.add("lb", load_balancer)
}

fn target_group(sheet: &mut Sheet, vpc: &Ref<Vpc>) -> Ref<TargetGroup> {
    let (app, lb) = (&sheet.spec.app, &sheet.spec.load_balancer);
    let group = TargetGroup {
        vpc: vpc.clone(),
        port: app.port,
        health_check: health_check(&app.health_check),
        stickiness: stickiness(&lb.stickiness),
        held: target_group::Held::default(),
        deregistration_delay: lb.deregistration_delay.get(),
        algorithm: algorithm(lb.algorithm),
        slow_start: lb.slow_start.get(),
        cross_zone: target_group::LIKE_THE_BALANCER.into(),
        tags: sheet.tags(),
    };
    sheet.add("app", group)
}

fn health_check(wanted: &spec::HealthCheck) -> target_group::HealthCheck {
    target_group::HealthCheck {
        asks: target_group::Asks::TrafficPort,
        path: wanted.path.clone(),
        interval: wanted.interval.get(),
        timeout: wanted.timeout.get(),
        healthy_threshold: wanted.healthy_threshold.into(),
        unhealthy_threshold: wanted.unhealthy_threshold.into(),
        matcher: wanted.matcher.clone(),
    }
}

/// Stickiness in the target group's words.
pub fn stickiness(wanted: &spec::Stickiness) -> target_group::Stickiness {
    use target_group::Stickiness;
    match wanted {
        spec::Stickiness::Off => Stickiness::Off,
        spec::Stickiness::LbCookie { duration } => Stickiness::LbCookie { seconds: duration.get() },
        spec::Stickiness::AppCookie { name, duration } => {
            Stickiness::AppCookie { name: name.clone(), seconds: duration.get() }
        }
    }
}

fn algorithm(wanted: spec::Algorithm) -> target_group::Algorithm {
    use target_group::Algorithm;
    match wanted {
        spec::Algorithm::RoundRobin => Algorithm::RoundRobin,
        spec::Algorithm::LeastOutstandingRequests => Algorithm::LeastOutstandingRequests,
        spec::Algorithm::WeightedRandom => Algorithm::WeightedRandom,
    }
}

fn listener(
    sheet: &mut Sheet,
    load_balancer: &Ref<LoadBalancer>,
    name: &str,
    port: u16,
    certificate: Option<String>,
    action: Action,
    https: Option<Ref<Listener>>,
) -> Ref<Listener> {
    let (load_balancer, tags) = (load_balancer.clone(), sheet.tags());
    let wanted = &sheet.spec.load_balancer;
    let tls = wanted.tls_policy.clone().map_or(Tls::Recommended, Tls::Named);
    let tls = certificate.as_ref().map(|_| tls);
    let hsts = wanted.hsts.get();
    let hsts = Hsts((certificate.is_some() && hsts > 0).then(|| format!("max-age={hsts}")));
    sheet.add(name, Listener { load_balancer, port, certificate, tls, hsts, action, https, tags })
}
