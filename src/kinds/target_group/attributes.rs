//! A target group's attributes: in our words, and as the keys and values that AWS keeps.

use crate::engine::Plain;
use std::{collections::HashMap, fmt};

/// How a client is kept on one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stickiness {
    /// It is not.
    Off,
    /// By a cookie that the load balancer sets.
    LbCookie {
        /// Seconds without a request after which the client may go elsewhere, 1–604800.
        seconds: u32,
    },
    /// By a cookie that the app sets.
    AppCookie {
        /// The cookie's name.
        name: String,
        /// Seconds as above.
        seconds: u32,
    },
}

impl fmt::Display for Stickiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::LbCookie { seconds } => write!(f, "lb cookie for {seconds}s"),
            Self::AppCookie { name, seconds } => write!(f, "app cookie {name} for {seconds}s"),
        }
    }
}

impl Plain for Stickiness {}

/// How the target of a client's first request is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// In turn.
    RoundRobin,
    /// The least busy.
    LeastOutstandingRequests,
    /// At random, by weight; excludes stickiness.
    WeightedRandom,
}

impl Algorithm {
    fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::LeastOutstandingRequests => "least_outstanding_requests",
            Self::WeightedRandom => "weighted_random",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Plain for Algorithm {}

/// All attributes of a target group that we know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attributes {
    pub stickiness: Stickiness,
    pub deregistration_delay: u32,
    pub algorithm: Algorithm,
    pub slow_start: u32,
    pub cross_zone: String,
}

/// Keys and values; AWS refuses an empty value for every key.
pub(super) type Pairs = Vec<(&'static str, String)>;

const ENABLED: &str = "stickiness.enabled";
const TYPE: &str = "stickiness.type";
const LB_SECONDS: &str = "stickiness.lb_cookie.duration_seconds";
const APP_SECONDS: &str = "stickiness.app_cookie.duration_seconds";
const APP_NAME: &str = "stickiness.app_cookie.cookie_name";
const DELAY: &str = "deregistration_delay.timeout_seconds";
const ALGORITHM: &str = "load_balancing.algorithm.type";
const SLOW_START: &str = "slow_start.duration_seconds";
const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";
const ANOMALY_MITIGATION: &str = "load_balancing.algorithm.anomaly_mitigation";

/// Requests cross zones as the load balancer lets them: an application load balancer always does.
pub const LIKE_THE_BALANCER: &str = "use_load_balancer_configuration";

impl Stickiness {
    /// What is sent for it. AWS keeps what is not sent, so turning it off leaves the type and the
    /// durations dormant.
    pub(super) fn pairs(&self) -> Pairs {
        match self {
            Self::Off => vec![(ENABLED, "false".into())],
            Self::LbCookie { seconds } => vec![
                (ENABLED, "true".into()),
                (TYPE, "lb_cookie".into()),
                (LB_SECONDS, seconds.to_string()),
            ],
            Self::AppCookie { name, seconds } => vec![
                (ENABLED, "true".into()),
                (TYPE, "app_cookie".into()),
                (APP_NAME, name.clone()),
                (APP_SECONDS, seconds.to_string()),
            ],
        }
    }
}

impl Attributes {
    /// What AWS gives a new target group (AWS API reference, ELBv2, `TargetGroupAttribute`).
    pub(super) fn fresh() -> Self {
        Self {
            stickiness: Stickiness::Off,
            deregistration_delay: 300,
            algorithm: Algorithm::RoundRobin,
            slow_start: 0,
            cross_zone: LIKE_THE_BALANCER.into(),
        }
    }

    /// Reads the keys and values that AWS has. Dormant values do not show.
    pub(super) fn seen<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let pairs: HashMap<_, _> = pairs.into_iter().collect();
        let get = |key| pairs.get(key).copied().unwrap_or_default();
        let number = |key, default| get(key).parse().unwrap_or(default);
        let usual = Self::fresh();
        Self {
            stickiness: match (get(ENABLED), get(TYPE)) {
                ("true", "app_cookie") => Stickiness::AppCookie {
                    name: get(APP_NAME).to_owned(),
                    seconds: number(APP_SECONDS, USUAL_COOKIE),
                },
                ("true", _) => Stickiness::LbCookie { seconds: number(LB_SECONDS, USUAL_COOKIE) },
                _ => Stickiness::Off,
            },
            deregistration_delay: number(DELAY, usual.deregistration_delay),
            algorithm: [Algorithm::LeastOutstandingRequests, Algorithm::WeightedRandom]
                .into_iter()
                .find(|a| a.as_str() == get(ALGORITHM))
                .unwrap_or(usual.algorithm),
            slow_start: number(SLOW_START, usual.slow_start),
            cross_zone: pairs.get(CROSS_ZONE).map_or(usual.cross_zone, |word| (*word).to_owned()),
        }
    }

    /// The calls that turn `found` into `self`, each with what it sends.
    ///
    /// Some algorithms exclude stickiness or slow start, and AWS does not say whether it judges a
    /// call by what was before or by what will be. So when the algorithm changes, what goes off
    /// goes first, then the algorithm changes, and then the rest. Stickiness is refused while
    /// requests stay in their zone, so that is mended before all else.
    pub(super) fn calls_from(&self, found: &Self) -> Vec<Pairs> {
        let mut first = Pairs::new();
        if self.cross_zone != found.cross_zone {
            first.push((CROSS_ZONE, self.cross_zone.clone()));
        }
        let mut off = Pairs::new();
        let mut rest = Pairs::new();
        if self.stickiness != found.stickiness {
            let side = if self.stickiness == Stickiness::Off { &mut off } else { &mut rest };
            side.extend(self.stickiness.pairs());
        }
        if self.slow_start != found.slow_start {
            let side = if self.slow_start == 0 { &mut off } else { &mut rest };
            side.push((SLOW_START, self.slow_start.to_string()));
        }
        if self.deregistration_delay != found.deregistration_delay {
            rest.push((DELAY, self.deregistration_delay.to_string()));
        }
        if self.algorithm != found.algorithm && found.algorithm == Algorithm::WeightedRandom {
            // Only this algorithm goes with it.
            off.push((ANOMALY_MITIGATION, "off".into()));
        }
        let calls = if self.algorithm == found.algorithm {
            vec![first, off.into_iter().chain(rest).collect()]
        } else {
            vec![first, off, vec![(ALGORITHM, self.algorithm.to_string())], rest]
        };
        calls.into_iter().filter(|call: &Pairs| !call.is_empty()).collect()
    }
}

/// AWS's default for both cookie durations: a day.
const USUAL_COOKIE: u32 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    /// What AWS has after these calls, and the exclusions it enforces in between.
    fn after(calls: &[Pairs], found: &Attributes) -> Attributes {
        let fresh = Attributes { algorithm: Algorithm::WeightedRandom, ..Attributes::fresh() };
        let mut has: HashMap<_, _> = found.calls_from(&fresh).concat().into_iter().collect();
        has.entry(ALGORITHM).or_insert_with(|| "weighted_random".into());
        for call in calls {
            has.extend(call.iter().cloned());
            let now = Attributes::seen(has.iter().map(|(k, v)| (*k, v.as_str())));
            assert!(now.is_allowed(), "{now:?}");
        }
        Attributes::seen(has.iter().map(|(k, v)| (*k, v.as_str())))
    }

    impl Attributes {
        fn is_allowed(&self) -> bool {
            let sticky = self.stickiness != Stickiness::Off;
            let binds = self.algorithm != Algorithm::WeightedRandom && self.cross_zone != "false";
            (binds || !sticky) && (self.slow_start == 0 || self.algorithm == Algorithm::RoundRobin)
        }
    }

    fn every() -> Vec<Attributes> {
        let cookie = Stickiness::AppCookie { name: "SID".into(), seconds: 9 };
        let sticky = [Stickiness::Off, Stickiness::LbCookie { seconds: 60 }, cookie];
        let algorithms =
            [Algorithm::RoundRobin, Algorithm::LeastOutstandingRequests, Algorithm::WeightedRandom];
        let mut all = Vec::new();
        for stickiness in sticky {
            for algorithm in algorithms {
                for (slow_start, cross_zone) in
                    [(0, LIKE_THE_BALANCER), (30, LIKE_THE_BALANCER), (30, "true"), (0, "false")]
                {
                    all.push(Attributes {
                        stickiness: stickiness.clone(),
                        deregistration_delay: 30 + slow_start,
                        algorithm,
                        slow_start,
                        cross_zone: cross_zone.into(),
                    });
                }
            }
        }
        all.retain(Attributes::is_allowed);
        all
    }

    #[test]
    fn attributes_become_any_others_without_a_forbidden_moment() {
        for found in every() {
            for wanted in every().into_iter().filter(|w| w.cross_zone == LIKE_THE_BALANCER) {
                let calls = wanted.calls_from(&found);
                assert_eq!(after(&calls, &found), wanted);
                assert!(calls.iter().flatten().all(|(_, value)| !value.is_empty()));
                assert_eq!(calls.is_empty(), wanted == found);
            }
        }
    }

    #[test]
    fn one_call_is_enough_while_the_algorithm_stays() {
        let stickiness = Stickiness::LbCookie { seconds: 60 };
        let (deregistration_delay, slow_start) = (30, 30);
        let fresh = Attributes::fresh();
        let wanted = Attributes { stickiness, deregistration_delay, slow_start, ..fresh };
        assert_eq!(wanted.calls_from(&Attributes::fresh()).len(), 1);
    }

    #[test]
    fn dormant_values_do_not_show() {
        let seen = Attributes::seen([
            (ENABLED, "false"),
            (TYPE, "app_cookie"),
            (APP_NAME, "SID"),
            (LB_SECONDS, "7"),
        ]);
        assert_eq!(seen, Attributes::fresh());
    }
}
