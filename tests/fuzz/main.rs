//! Whatever a stack file holds, it is read or refused: soon, in little memory, and in words that point into it.
//!
//! It hunts for a minute, or for `FUZZ_SECONDS`; `FUZZ_SEED` begins with the case that a failure named.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod drive;
mod files;
mod hunt;
mod towers;
mod words;
mod worker;

use hunt::{Hunt, Limits};
use proptest::prelude::*;
use std::{
    env,
    sync::mpsc,
    time::{Duration, Instant},
};
use worker::Deadline;

/// How long a hunt lasts that is not told otherwise.
const USUAL: Duration = Duration::from_mins(1);
const DEADLINE: Deadline = Deadline { work: Duration::from_secs(5), wait: Duration::from_mins(2) };
const MOST_MEMORY: u64 = 200 * 1024 * 1024;

fn number(name: &str, base: u32) -> Option<u64> {
    let text = env::var(name).ok()?;
    let number = u64::from_str_radix(&text, base);
    Some(number.unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
fn every_file_is_read_or_refused_soon_and_in_little_memory() {
    let seed = number("FUZZ_SEED", 16).unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
    let length = number("FUZZ_SECONDS", 10).map_or(USUAL, Duration::from_secs);
    let limits = Limits { deadline: DEADLINE, memory: Some(MOST_MEMORY) };
    hunt::note(&format!("seed {seed:016x} begins, {} seconds", length.as_secs()));
    let tally = Hunt::new(files::cases(), drive::drive, limits).run(seed, length);
    match tally {
        Ok(tally) => {
            hunt::note(&format!("seed {seed:016x} found nothing: {tally}"));
            assert!(tally.cases < 1_000 || tally.accepted > tally.cases / 100, "{tally}");
        }
        Err(caught) => {
            hunt::note(&format!("seed {seed:016x} caught {:016x}: {}", caught.seed, caught.says));
            panic!("{caught}");
        }
    }
}

/// Hunts among small numbers with a drive that fails as told.
fn caught(
    drive: fn(&u32) -> worker::Verdict,
    deadline: Deadline,
    memory: Option<u64>,
) -> hunt::Caught<u32> {
    let limits = Limits { deadline, memory };
    let hunt = Hunt::new((0..1_000_u32).boxed(), drive, limits);
    hunt.run(7, Duration::from_mins(1)).unwrap_err()
}

#[test]
fn a_panic_is_caught_and_shrunk_to_the_smallest_case() {
    let caught = caught(
        |case| {
            assert!(*case < 500, "{case} is too many");
            Ok(worker::Ending::Refused)
        },
        DEADLINE,
        None,
    );
    assert_eq!(caught.case, 500);
    assert!(caught.says.contains("500 is too many"), "{}", caught.says);
    assert!(caught.says.contains("main.rs:"), "{}", caught.says);
}

#[test]
fn a_case_that_a_failure_named_fails_first_when_it_is_given_again() {
    let odd: fn(&u32) -> worker::Verdict = |case| {
        if *case > 900 { Err("it is large".into()) } else { Ok(worker::Ending::Refused) }
    };
    let first = caught(odd, DEADLINE, None);
    let limits = Limits { deadline: DEADLINE, memory: None };
    let hunt = Hunt::new((0..1_000_u32).boxed(), odd, limits);
    let again = hunt.run(first.seed, Duration::ZERO).unwrap_err();
    assert_eq!((again.seed, again.case), (first.seed, first.case));
}

#[test]
fn a_case_that_waits_for_ever_is_caught() {
    let caught = caught(
        |case| {
            if *case >= 990 {
                let (_keeps_it_open, never) = mpsc::channel::<()>();
                never.recv().unwrap();
            }
            Ok(worker::Ending::Refused)
        },
        Deadline { wait: Duration::from_millis(200), ..DEADLINE },
        None,
    );
    assert_eq!(caught.case, 990);
    assert!(caught.says.starts_with("it is not back after"), "{}", caught.says);
}

#[cfg(target_os = "linux")]
#[test]
fn a_case_that_works_for_ever_is_caught() {
    let caught = caught(
        |_| {
            // It does end, so that it does not take a processor from the other tests.
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(2) {}
            Ok(worker::Ending::Refused)
        },
        Deadline { work: Duration::from_millis(50), ..DEADLINE },
        None,
    );
    assert!(caught.says.starts_with("it is not back after"), "{}", caught.says);
}

#[cfg(target_os = "linux")]
#[test]
fn too_much_memory_is_caught() {
    let caught = caught(|_| Ok(worker::Ending::Refused), DEADLINE, Some(4_096));
    assert!(caught.says.contains("memory"), "{}", caught.says);
}
