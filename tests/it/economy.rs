//! How little AWS is asked: the number of calls and of round trips of a run that finds nothing to do.

use crate::{emulator, stackctl::Desk, toggle::calls};

/// The number of round trips in what `-v` says: `40 calls to AWS in 3 rounds`.
fn rounds(said: &str) -> u32 {
    let words: Vec<_> = said.split_whitespace().collect();
    let at = words.iter().position(|word| word.starts_with("round")).unwrap();
    words[at - 1].parse().unwrap()
}

#[test]
fn an_up_that_finds_nothing_to_do_makes_few_calls_in_few_rounds() {
    // Pages as long as AWS's own, not the short ones of the other tests.
    let endpoint = emulator::start(&["--delay", "0"]);
    let desk = Desk::at(&endpoint);
    let file = format!("{}/stacks/demo.yaml", env!("CARGO_MANIFEST_DIR"));
    desk.ok(&["up", &file]);
    let said = desk.ok(&["up", &file, "-v"]);
    assert!(said.out.contains("nothing to do"), "{}", said.both());
    assert!(calls(&said.err) <= 49, "{}", said.err);
    assert!(rounds(&said.err) <= 4, "{}", said.err);
    desk.ok(&["destroy", "--yes"]);
}
