//! How requests are spread over the targets, where that is known: on AWS a load balancer counts them
//! by group and zone only, and the emulator's twin by target.

use crate::{
    aws::Aws,
    cli::connect::here,
    engine::Inventory,
    kinds::{Target, TargetGroup, target_group::Stickiness},
    localstack::twin,
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fmt::{self, Display},
};

/// Below so many requests of all targets an uneven spread says nothing.
const ENOUGH: u64 = 100;
/// How much more than its even share one target has where that deserves to be told.
const UNEVEN: f64 = 1.5;

/// The requests of each target so far, by instance.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// An instance's name, its requests, and those of users who were bound to it.
    targets: BTreeMap<String, (String, u64, u64)>,
    sticky: bool,
}

/// One target's part.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Requests {
    count: u64,
    /// Of these, how many came from users who were bound to it.
    bound: u64,
    /// From 0 to 1, of the requests of all targets.
    share: f64,
}

impl Load {
    /// Looks it up; `None` where nobody counts.
    pub(super) async fn of(aws: &Aws, found: &Inventory<Aws>) -> Option<Self> {
        let group = found.of::<TargetGroup>().next()?;
        let counts = twin::requests(here(aws)?, &group.live.arn).await?;
        let targets = found.of::<Target>().map(|target| {
            let instance = target.live.instance.clone();
            let (requests, bound) = counts.get(&instance).copied().unwrap_or_default();
            (instance, (target.name.to_string(), requests, bound))
        });
        let sticky = group.spec.stickiness != Stickiness::Off;
        Some(Self { targets: targets.collect(), sticky })
    }

    fn all(&self) -> u64 {
        self.targets.values().map(|(_, requests, _)| requests).sum()
    }

    /// What an instance has had of it; `None` before the first request.
    pub(super) fn share(&self, instance: &str) -> Option<Requests> {
        let (_, requests, bound) = self.targets.get(instance)?;
        let share = ratio(*requests, self.all())?;
        Some(Requests { count: *requests, bound: *bound, share })
    }

    /// What is to be told where stickiness leaves one target with much more than the others.
    pub(super) fn uneven(&self) -> Option<String> {
        let (name, most, _) = self.targets.values().max_by_key(|(_, requests, _)| *requests)?;
        let even = ratio(1, self.targets.len() as u64)?;
        let share = ratio(*most, self.all())?;
        let told = self.sticky && self.all() >= ENOUGH && self.targets.len() > 1;
        (told && share > even * UNEVEN).then(|| {
            format!(
                "stickiness makes the load uneven: {name} has {:.0} % of the requests; `stackctl \
                 toggle-stickiness --rebalance` spreads users anew",
                share * 100.0
            )
        })
    }
}

/// A part of a whole; `None` of nothing.
fn ratio(part: u64, whole: u64) -> Option<f64> {
    let exact = |number: u64| u32::try_from(number).map_or(f64::MAX, f64::from);
    (whole > 0).then(|| exact(part) / exact(whole))
}

impl Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, bound, share } = self;
        write!(f, "{:.0} % of the requests ({count}, {bound} of bound users)", share * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(sticky: bool, counts: [u64; 2]) -> Load {
        let target = |(number, requests): (usize, u64)| {
            (format!("i-{number}"), (format!("app-{number}"), requests, requests / 2))
        };
        Load { targets: counts.into_iter().enumerate().map(target).collect(), sticky }
    }

    #[test]
    fn a_target_has_its_part_of_all_requests() {
        let share = load(true, [30, 10]).share("i-0").unwrap();
        assert_eq!(share, Requests { count: 30, bound: 15, share: 0.75 });
        assert_eq!(share.to_string(), "75 % of the requests (30, 15 of bound users)");
        assert_eq!(load(true, [0, 0]).share("i-0"), None);
        assert_eq!(load(true, [1, 1]).share("i-9"), None);
    }

    #[test]
    fn a_load_that_stickiness_makes_uneven_is_told_once_it_says_something() {
        let told = load(true, [20, 180]).uneven().unwrap();
        assert!(told.contains("app-1 has 90 % of the requests"), "{told}");
        for even in [load(true, [90, 110]), load(true, [1, 9]), load(false, [20, 180])] {
            assert_eq!(even.uneven(), None, "{even:?}");
        }
    }
}
