//! Rules about the instances and what they are given.

use std::collections::BTreeSet;

use super::Refuse;
use crate::spec::app::BUDGET;
use crate::spec::values::{Arn, partition_of};
use crate::spec::{Scheme, Spec, Wrong, Zones};

pub(super) fn instances_have_addresses(spec: &Spec, refuse: Refuse) {
    let internal = spec.load_balancer.scheme == Scheme::Internal;
    let (room, instances) = (spec.network.room(internal), u64::from(spec.app.instances));
    if instances > room {
        let slot = (spec.network.cidr.prefix_len() + 4).min(32);
        refuse(
            "app.instances",
            Wrong::new(format!("the network has addresses for {room} of these instances"))
                .help(format!("each zone's subnet is a /{slot}; give `network.cidr` a shorter prefix, or add zones")),
        );
    }
}

pub(super) fn zones_are_in_the_region(spec: &Spec, refuse: Refuse) {
    let Zones::Named(names) = &spec.network.zones else { return };
    let mut seen = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let path = format!("network.zones.{index}");
        let region = name.trim_end_matches(|c: char| c.is_ascii_lowercase());
        if spec.region.as_deref().is_some_and(|stacks| stacks != region) {
            refuse(
                &path,
                Wrong::new("this zone is in another region than the stack")
                    .help("it must be the `region` of the file and a letter"),
            );
        }
        if !seen.insert(name) {
            refuse(&path, Wrong::new("this zone stands here a second time"));
        }
    }
}

pub(super) fn a_surge_is_part_of_the_instances(spec: &Spec, refuse: Refuse) {
    let (surge, instances) = (spec.app.surge, spec.app.instances);
    if surge > instances {
        refuse(
            "app.surge",
            Wrong::new(format!("no more than the {instances} of `app.instances` can be replaced"))
                .help("lower it; a quarter of the instances is a good choice"),
        );
    }
}

pub(super) fn a_check_ends_before_the_next(spec: &Spec, refuse: Refuse) {
    let check = &spec.app.health_check;
    if check.timeout >= check.interval {
        refuse(
            "app.health_check.timeout",
            Wrong::new("a health check's timeout must be shorter than its interval")
                .help("shorten the timeout, or lengthen `interval`"),
        );
    }
}

pub(super) fn the_environment_is_clear_and_small(spec: &Spec, refuse: Refuse) {
    for name in spec.app.secrets.keys().filter(|name| spec.app.env.contains_key(*name)) {
        refuse(
            &format!("app.secrets.{name}"),
            Wrong::new(format!("`{name}` stands in `app.env` too")).help("keep one of them"),
        );
    }
    let size = spec.app.environment_size();
    if size > BUDGET {
        refuse(
            "app.env",
            Wrong::new(format!(
                "the environment has {size} bytes; {BUDGET} fit into its SSM parameter"
            ))
            .help("put long values into the image, or into a secret"),
        );
    }
}

/// What IAM takes: 10 managed policies for a role, and 10,240 characters of inline policies, of which
/// ours take up to a third (IAM and STS quotas).
pub(super) fn policies_fit_into_the_role(spec: &Spec, refuse: Refuse) {
    const POLICIES: usize = 10;
    const STATEMENTS: usize = 6 * 1_024;
    let count = spec.app.policies.len();
    if count > POLICIES {
        refuse(
            "app.policies",
            Wrong::new(format!("these are {count} policies, and a role takes {POLICIES}"))
                .help("put what they grant into fewer, or into `app.statements`"),
        );
    }
    let mut seen = BTreeSet::new();
    for (index, arn) in spec.app.policies.iter().enumerate() {
        if !seen.insert(arn) {
            let wrong = Wrong::new("this policy stands here a second time");
            refuse(&format!("app.policies.{index}"), wrong);
        }
    }
    let size: usize = spec.app.statements.iter().map(|s| s.to_string().len()).sum();
    if size > STATEMENTS {
        refuse(
            "app.statements",
            Wrong::new(format!("the statements have {size} characters; {STATEMENTS} fit in"))
                .help("put them into a managed policy and name it in `app.policies`"),
        );
    }
}

pub(super) fn arns_are_in_the_region_and_account(spec: &Spec, refuse: Refuse) {
    for (path, arn) in spec.arns() {
        let Some(arn) = Arn::read(arn) else { continue };
        let partition = partition_of(arn.region);
        if arn.partition != partition {
            refuse(
                &path,
                Wrong::new(format!(
                    "an ARN of region {} begins with `arn:{partition}:`",
                    arn.region
                ))
                .help("copy it as AWS shows it"),
            );
        }
        if spec.region.as_deref().is_some_and(|region| region != arn.region) {
            refuse(
                &path,
                Wrong::new("this ARN belongs to another region than the stack's")
                    .help("its fourth part must be the `region` of the file"),
            );
        }
        // A secret may be shared between accounts, a certificate may not.
        let foreign = spec.account.as_deref().is_some_and(|account| account != arn.account);
        if arn.service == "acm" && foreign {
            refuse(
                &path,
                Wrong::new("this certificate belongs to another account than the stack's")
                    .help("the fifth part of its ARN must be the `account` of the file"),
            );
        }
    }
}
