//! AWS does what it is asked, and nobody hears of it: nothing is made twice.

use super::{Calm, Site, for_each, in_full, tell};
use crate::proxy::{Fault, Weather};

/// Whether a call makes something, or changes what is there.
fn writes(call: &str) -> bool {
    let action = call.split_once(':').map_or(call, |(_, action)| action);
    !["Describe", "List", "Get"].iter().any(|read| action.starts_with(read))
}

/// The answers to lose: the first of each action of the given services, or every single one.
fn answers<'a>(calm: &'a Calm, services: &[&str]) -> Vec<(&'a str, u64)> {
    let of = |call: &str| services.iter().any(|service| call.starts_with(service));
    let writing = calm.calls.iter().filter(|(call, _)| writes(call) && of(call));
    writing
        .flat_map(|(call, times)| {
            let last = if in_full() { *times } else { 1 };
            (1..=last).map(move |nth| (call.as_str(), nth))
        })
        .collect()
}

fn every_answer_of(example: &'static str, services: &[&str], at_least: usize) {
    let calm = Calm::of(example);
    let answers = answers(&calm, services);
    let all = answers.len();
    assert!(all >= at_least, "there is something to lose: {answers:?}");
    for_each(answers, |(call, nth)| {
        let weather = Weather::calm().on(call, Fault::LoseAnswer).nth(nth);
        let site = Site::new(example, weather);
        let after = format!("the answer to {call} number {nth} was lost");
        site.up();
        assert_eq!(site.proxy.faults().values().sum::<usize>(), 1, "{after}");
        site.assert_stands(&calm, &after);
        site.destroy();
        site.assert_gone(&calm, &after);
    });
    tell(&format!("lost-answers-{example}"), format_args!("{all} answers lost, one at a time"));
}

#[test]
fn no_lost_answer_of_the_demo_makes_anything_twice() {
    every_answer_of("demo", &[""], 20);
}

#[test]
fn no_lost_answer_of_an_aurora_stack_makes_anything_twice() {
    every_answer_of("aurora", &["rds:"], 3);
}

#[test]
fn no_lost_answer_of_a_memcached_stack_makes_anything_twice() {
    every_answer_of("memcached", &["elasticache:"], 2);
}

#[test]
fn no_lost_answer_of_a_stack_with_a_table_makes_anything_twice() {
    every_answer_of("dynamodb", &["dynamodb:", "iam:AttachRolePolicy"], 4);
}

#[test]
fn no_lost_answer_of_a_stack_with_a_key_makes_anything_twice() {
    every_answer_of("token", &["secretsmanager:"], 1);
}
