//! Rules about the load balancer.

use std::collections::BTreeSet;

use super::Refuse;
use crate::spec::{Algorithm, Seconds, Spec, Stickiness, Wrong};

pub(super) fn somebody_gets_in(spec: &Spec, refuse: Refuse) {
    let balancer = &spec.load_balancer;
    let path = "load_balancer.allow";
    if balancer.allow.is_empty() {
        refuse(
            path,
            Wrong::new("nobody would get in").help(
                "for everybody write [0.0.0.0/0]; to take everything down use `stackctl destroy`",
            ),
        );
    }
    let mut seen = BTreeSet::new();
    for (index, range) in balancer.allow.iter().enumerate() {
        if !seen.insert(range) {
            refuse(&format!("{path}.{index}"), Wrong::new("this range stands here a second time"));
        }
    }
    // A security group has 60 rules for incoming traffic, and HTTPS takes two for each range.
    let most = if balancer.certificate.is_some() { 30 } else { 50 };
    if balancer.allow.len() > most {
        refuse(
            path,
            Wrong::new(format!("at most {most} ranges fit into the security group"))
                .help("with a certificate each range takes two rules; join neighbouring ranges"),
        );
    }
}

pub(super) fn stickiness_is_complete_and_allowed(spec: &Spec, refuse: Refuse) {
    let balancer = &spec.load_balancer;
    let path = "load_balancer.stickiness";
    if let Err(wrong) = balancer.stickiness.check() {
        refuse(
            path,
            match balancer.stickiness {
                Stickiness::AppCookie { .. } => {
                    wrong.help("add `name:` with the cookie that the app sets")
                }
                _ => wrong,
            },
        );
    }
    if let Some(wrong) = balancer.stickiness.conflicts_with(balancer.algorithm) {
        refuse(path, wrong);
    }
}

pub(super) fn what_is_for_https_has_a_certificate(spec: &Spec, refuse: Refuse) {
    let balancer = &spec.load_balancer;
    if balancer.certificate.is_some() {
        return;
    }
    let hsts = balancer.hsts > Seconds(0);
    for (key, given) in [("tls_policy", balancer.tls_policy.is_some()), ("hsts", hsts)] {
        if given {
            refuse(
                &format!("load_balancer.{key}"),
                Wrong::new("without a certificate the load balancer speaks HTTP only")
                    .help("add `certificate`, or take this line away"),
            );
        }
    }
}

pub(super) fn slow_start_fits_the_algorithm(spec: &Spec, refuse: Refuse) {
    let balancer = &spec.load_balancer;
    if balancer.slow_start == Seconds(0) {
        return;
    }
    if balancer.slow_start < Seconds(30) {
        let wrong = Wrong::new("slow start takes 30 seconds at least").help("0 turns it off");
        refuse("load_balancer.slow_start", wrong);
    }
    if balancer.algorithm != Algorithm::RoundRobin {
        let word = balancer.algorithm.as_str();
        refuse(
            "load_balancer.slow_start",
            Wrong::new(format!("AWS allows no slow start with the algorithm `{word}`"))
                .help("choose `round_robin`, or `slow_start: 0`"),
        );
    }
}
