//! Throttled, broken and cut off at random: one run gets there all the same, without asking much more.

use super::{Calm, Site, for_each_patient, tell};
use crate::proxy::{Befell, Bucket, Weather};
use std::{collections::BTreeMap, fs, sync::Mutex, time::Instant};

/// What one life in a storm came to.
struct Life {
    /// Calls for each call of a calm life.
    ratio: f64,
    seconds: f64,
    faults: BTreeMap<Befell, usize>,
}

fn weather(seed: u64) -> Weather {
    Weather::calm().seed(seed).throttle(0.3).errors(0.05).lose(0.02)
}

fn live(calm: &Calm, seed: u64) -> Life {
    let after = format!("a storm with the seed {seed}");
    let (began, site) = (Instant::now(), Site::new("demo", weather(seed)));
    site.up();
    let up = site.proxy.calls();
    site.proxy.set(Weather::calm());
    site.assert_stands(calm, &after);
    let looked = site.proxy.calls();
    // The same seed would be the same luck again.
    site.proxy.set(weather(seed + 1000));
    site.destroy();
    site.assert_gone(calm, &after);

    let calls = up + site.proxy.calls() - looked;
    let usual = calm.up + calm.destroy;
    assert!(calls < 3 * usual, "{calls} calls in {after}, and {usual} in a calm");
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    let ratio = calls as f64 / usual as f64;
    Life { ratio, seconds: began.elapsed().as_secs_f64(), faults: site.proxy.faults() }
}

/// The least, the middle and the most.
fn spread(of: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut all: Vec<_> = of.collect();
    all.sort_by(f64::total_cmp);
    [all[0], all[all.len() / 2], all[all.len() - 1]]
}

#[test]
fn in_a_storm_one_up_and_one_destroy_do_it_all_with_less_than_three_times_the_calls() {
    let calm = Calm::of("demo");
    let lives = Mutex::new(Vec::new());
    for_each_patient(1..=20, |seed| {
        let life = live(&calm, seed);
        lives.lock().unwrap().push(life);
    });
    let lives = lives.into_inner().unwrap();
    let count = |befell| lives.iter().filter_map(|life| life.faults.get(&befell)).sum::<usize>();
    let faults = [Befell::Throttled, Befell::Error, Befell::LostCall, Befell::LostAnswer];
    let [throttled, broken, unheard, unanswered] = faults.map(count);
    assert!(throttled > 1000 && broken > 100 && unheard > 10 && unanswered > 10, "it storms");
    let [fewest, middle, most] = spread(lives.iter().map(|life| life.ratio));
    let [fastest, usual, slowest] = spread(lives.iter().map(|life| life.seconds));
    tell(
        "storm",
        format_args!(
            "{} lives, each one `up` and one `destroy`: {fewest:.2}, {middle:.2}, {most:.2} times \
             the {} + {} calls of a calm life (least, middle, most); {fastest:.0}, {usual:.0}, \
             {slowest:.0} s; {throttled} throttled, {broken} broken, {unheard} calls and \
             {unanswered} answers lost",
            lives.len(),
            calm.up,
            calm.destroy,
        ),
    );
}

#[test]
fn a_large_stack_is_hardly_ever_throttled_by_the_buckets_of_aws() {
    let mut site = Site::new("demo", Weather::calm().buckets(Bucket::of_aws()));
    let demo = fs::read_to_string(&site.file).unwrap();
    let large = demo
        .replace("zones: 2", "zones: 3")
        .replace("nat: single", "nat: per-zone")
        .replace("instances: 2", "instances: 12");
    site.file = site.desk.write("large.yaml", large).to_str().unwrap().to_owned();
    let began = Instant::now();
    site.up();
    let (up, took) = (site.proxy.calls(), began.elapsed().as_secs_f64());
    assert_eq!(site.proxy.count("ec2:RunInstances"), 12);
    assert_eq!(site.proxy.count("ec2:CreateNatGateway"), 3);
    site.destroy();

    let mut throttled = BTreeMap::new();
    for record in site.proxy.log() {
        if record.fault == Some(Befell::Throttled) {
            *throttled.entry(record.call.clone()).or_insert(0) += 1;
        }
    }
    let times: u64 = throttled.values().sum();
    let calls = site.proxy.calls();
    assert!(times * 100 <= calls, "{times} of {calls} calls were throttled: {throttled:?}");
    tell(
        "storm-buckets",
        format_args!(
            "12 instances in 3 zones: {up} calls of `up` in {took:.0} s and {} of `destroy` in \
             {:.0} s, {times} throttled {throttled:?}",
            calls - up,
            began.elapsed().as_secs_f64() - took,
        ),
    );
}
