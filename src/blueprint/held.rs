//! What `toggle-stickiness --for` holds goes before what the file says, until it ends.

use super::found::stickiness;
use crate::{
    aws::Aws,
    engine::{Graph, Inventory},
    kinds::TargetGroup,
    sessions::Mode,
    spec::Algorithm,
};

/// Leaves the stickiness of a target group as it is where that is held, unless AWS would refuse it
/// beside the algorithm that the file wants.
pub fn keep_held(graph: &mut Graph<Aws>, found: &Inventory<Aws>, algorithm: Algorithm) {
    for group in found.of::<TargetGroup>().filter(|g| g.spec.held.standing().is_some()) {
        let held = &group.spec;
        if stickiness(&held.stickiness).conflicts_with(algorithm).is_none() {
            graph.amend::<TargetGroup>(&group.name, |wanted| {
                (wanted.stickiness, wanted.held) = (held.stickiness.clone(), held.held);
            });
        }
    }
}

/// How the stack will keep sessions: as its file says, but for what is held.
pub fn mode_to_be(mut wanted: Mode, graph: &Graph<Aws>) -> Mode {
    if let Some(group) = graph.get::<TargetGroup>("app") {
        wanted.stickiness = stickiness(&group.stickiness);
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        blueprint::tests::{drawn, spec as read},
        engine::Found,
        kinds::target_group::{Held, Hold, Stickiness, TargetGroupLive},
    };
    use std::time::{Duration, SystemTime};

    const FILE: &str = "load_balancer: {stickiness: {cookie: lb, duration: 1h}}\n";

    /// What is wanted where stickiness was turned off by hand, with such a hold.
    fn wanted(file: &str, held: Held) -> TargetGroup {
        let mut spec = drawn(FILE).get::<TargetGroup>("app").unwrap().clone();
        (spec.stickiness, spec.held) = (Stickiness::Off, held);
        if file.contains("random") {
            spec.stickiness = Stickiness::LbCookie { seconds: 60 };
        }
        let found = Found::ready("app", spec, TargetGroupLive { arn: "arn".into() });
        let mut graph = drawn(file);
        let algorithm = read(file).load_balancer.algorithm;
        keep_held(&mut graph, &Inventory::default().with(found), algorithm);
        graph.get::<TargetGroup>("app").unwrap().clone()
    }

    #[test]
    fn what_is_held_stays_until_it_ends() {
        let held = Held(Some(Hold::lasting(Duration::from_mins(1))));
        let kept = wanted(FILE, held);
        assert_eq!((kept.stickiness, kept.held), (Stickiness::Off, held));
        let passed = Held(Some(Hold { until: SystemTime::UNIX_EPOCH, shortened_from: None }));
        for none in [passed, Held::default()] {
            let wanted = wanted(FILE, none);
            assert_eq!(wanted.stickiness, Stickiness::LbCookie { seconds: 3600 });
            assert_eq!(wanted.held, Held::default());
        }
    }

    #[test]
    fn what_aws_would_refuse_is_not_kept() {
        let held = Held(Some(Hold::lasting(Duration::from_mins(1))));
        let wanted = wanted("load_balancer: {algorithm: weighted_random}\n", held);
        assert_eq!(wanted.stickiness, Stickiness::Off);
    }
}
