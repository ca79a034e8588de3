//! What goes wrong, and when: rules whose choices depend on the seed and on the call, never on the
//! order in which other calls come.

use super::{
    answers::Refusal,
    buckets::Bucket,
    call::{Call, fits},
    refusals::Passing,
    things::{Fate, Thing, Until},
};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// AWS asks to be asked less often, with the code and status of the service.
    Throttle,
    /// 500, in the service's words.
    Internal,
    /// 503, in the service's words.
    Unavailable,
    /// The connection is cut before AWS hears of the call.
    LoseCall,
    /// AWS does what it is asked, and the connection is cut before the answer.
    LoseAnswer,
    /// One of the two, by the seed.
    Lose,
    /// AWS says no.
    Refuse(Refusal),
}

/// Which calls of an action a rule strikes.
#[derive(Clone, Copy, Debug)]
enum When {
    Always,
    /// The first so many calls of each action.
    First(u64),
    /// Only this call of each action, counted from 1.
    Nth(u64),
    /// This part of the calls, 0 to 1.
    Rate(f64),
}

#[derive(Clone, Debug)]
struct Rule {
    pattern: String,
    fault: Fault,
    when: When,
}

/// Everything that goes wrong. Patterns are calls as IAM policies name them, with `*` for
/// anything: `ec2:CreateVpc`, `elasticloadbalancing:*`, `*`. Of several rules the first that
/// strikes counts.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    seed: u64,
    rules: Vec<Rule>,
    delays: Vec<(String, RangeInclusive<u64>)>,
    buckets: Vec<Bucket>,
    /// How often what a client has just made is unknown to its calls.
    pub(super) newborn: u32,
    /// How often a read after a write gets its old answer.
    pub(super) stale: u32,
    pub(super) fates: Vec<(Thing, Fate)>,
    counts: BTreeMap<String, u64>,
}

/// What the weather brings for one call.
pub(super) struct Forecast {
    pub(super) delay: Duration,
    pub(super) fault: Option<Fault>,
    /// Whether a cut is a reset or a soft end: to a client both must be the same.
    pub(super) coin: bool,
}

impl Weather {
    /// Nothing goes wrong.
    pub(crate) fn calm() -> Self {
        Self {
            seed: 0,
            rules: Vec::new(),
            delays: Vec::new(),
            buckets: Vec::new(),
            newborn: 0,
            stale: 0,
            fates: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Another seed is another run of bad luck; the same one is the same.
    pub(crate) fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Throttles this part of all calls, 0 to 1.
    pub(crate) fn throttle(self, rate: f64) -> Self {
        self.on("*", Fault::Throttle).rate(rate)
    }

    /// Answers this part of all calls with 500 or 503, 0 to 1.
    pub(crate) fn errors(self, rate: f64) -> Self {
        let half = rate / 2.0;
        self.on("*", Fault::Internal).rate(half).on("*", Fault::Unavailable).rate(half)
    }

    /// Cuts the connection of this part of all calls, 0 to 1: before or after AWS did it.
    pub(crate) fn lose(self, rate: f64) -> Self {
        self.on("*", Fault::Lose).rate(rate)
    }

    /// A rule: what happens to the calls of a pattern. [`Self::times`], [`Self::nth`] and
    /// [`Self::rate`] say to which of them.
    pub(crate) fn on(mut self, pattern: &str, fault: Fault) -> Self {
        self.rules.push(Rule { pattern: pattern.into(), fault, when: When::Always });
        self
    }

    /// The last rule strikes the first so many calls of each action.
    pub(crate) fn times(self, times: u64) -> Self {
        self.when(When::First(times))
    }

    /// The last rule strikes this call of each action, counted from 1.
    pub(crate) fn nth(self, nth: u64) -> Self {
        self.when(When::Nth(nth))
    }

    /// The last rule strikes this part of the calls, 0 to 1.
    pub(crate) fn rate(self, rate: f64) -> Self {
        self.when(When::Rate(rate))
    }

    fn when(mut self, when: When) -> Self {
        self.rules.last_mut().expect("there is a rule to speak of").when = when;
        self
    }

    /// AWS refuses so many times what it would soon do: see [`super::refusals`].
    pub(crate) fn refuse(self, passing: &Passing, times: u64) -> Self {
        self.on(passing.on, Fault::Refuse(passing.refusal())).times(times)
    }

    /// The calls of a pattern take so many milliseconds longer. The first pattern that fits counts.
    pub(crate) fn delay(mut self, pattern: &str, milliseconds: RangeInclusive<u64>) -> Self {
        self.delays.push((pattern.into(), milliseconds));
        self
    }

    /// Throttles who asks faster than these buckets fill. The first that fits a call counts.
    pub(crate) fn buckets(self, buckets: Vec<Bucket>) -> Self {
        Self { buckets, ..self }
    }

    /// What was made through the proxy is unknown to the first so many calls that name it.
    pub(crate) fn newborn(self, times: u32) -> Self {
        Self { newborn: times, ..self }
    }

    /// A read that is repeated after a write to its service gets its old answer so many times,
    /// however much later it is repeated: between two runs, [`super::Proxy::set`] clears that.
    pub(crate) fn stale(self, times: u32) -> Self {
        Self { stale: times, ..self }
    }

    /// Everything of a kind is still being made until then, at least.
    pub(crate) fn hold(self, thing: Thing, until: Until) -> Self {
        self.fate(thing, Fate::Held(until))
    }

    /// The first of a kind that is made ends in the state in which AWS gives such a thing up.
    pub(crate) fn doom(self, thing: Thing) -> Self {
        self.fate(thing, Fate::Doomed(thing.doom()))
    }

    /// The same with another state: `incompatible-network`.
    pub(crate) fn doom_as(self, thing: Thing, state: &'static str) -> Self {
        self.fate(thing, Fate::Doomed(state))
    }

    fn fate(mut self, thing: Thing, fate: Fate) -> Self {
        self.fates.push((thing, fate));
        self
    }

    /// What happens to the next call; `now` counts from the start of the proxy.
    pub(super) fn next(&mut self, call: &Call, now: Duration) -> Forecast {
        let name = call.name();
        let nth = self.counts.entry(name.clone()).or_default();
        *nth += 1;
        let nth = *nth;
        let draw = |salt: &str| draw(&format!("{}/{salt}/{name}/{nth}", self.seed));
        let unheard = draw("unheard") < 0.5;
        let strikes = |(at, rule): &(usize, &Rule)| {
            fits(&rule.pattern, &name)
                && match rule.when {
                    When::Always => true,
                    When::First(times) => nth <= times,
                    When::Nth(only) => nth == only,
                    When::Rate(rate) => draw(&format!("rule {at}")) < rate,
                }
        };
        let struck = self.rules.iter().enumerate().find(strikes);
        let fault = struck.map(|(_, rule)| match rule.fault {
            Fault::Lose if unheard => Fault::LoseCall,
            Fault::Lose => Fault::LoseAnswer,
            ref other => other.clone(),
        });
        let delay = self.delays.iter().find(|(pattern, _)| fits(pattern, &name));
        let delay = delay.map_or(0, |(_, range)| {
            let span = range.end() - range.start() + 1;
            range.start() + u64::from(luck(&format!("{}/delay/{name}/{nth}", self.seed))) % span
        });
        let bucket = self.buckets.iter_mut().find(|bucket| bucket.serves(call));
        let dry = bucket.is_some_and(|bucket| !bucket.take(now));
        let fault = fault.or(dry.then_some(Fault::Throttle));
        let coin = draw("cut") < 0.5;
        Forecast { delay: Duration::from_millis(delay), fault, coin }
    }
}

/// A number from 0 to below 1 that only depends on the words.
fn draw(words: &str) -> f64 {
    f64::from(luck(words)) / (f64::from(u32::MAX) + 1.0)
}

fn luck(words: &str) -> u32 {
    let digest = Sha256::digest(words);
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}
