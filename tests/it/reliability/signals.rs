//! Ctrl-C and SIGTERM at any moment, and readers that leave: a run ends soon, and the next goes on.

use super::{Calm, SMALL, Site, for_each, pause, roll, runs_until, tell, wait};
use crate::{
    proxy::{Moment, Weather},
    stackctl::Said,
};
use std::{
    fmt,
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

const ROUNDS: u64 = 50;
/// CI systems kill ten seconds after their first signal.
const LIMIT: Duration = Duration::from_secs(8);
/// A call in the middle of an `up` of [`SMALL`], which holds the lock by then.
const MIDDLE: u64 = 60;

/// A run, and the call after which it gets its signal.
struct Round {
    number: u64,
    verb: &'static str,
    signal: &'static str,
    call: u64,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, verb, signal, call } = self;
        write!(f, "{signal} after call {call} of `{verb}`, round {number}")
    }
}

/// Every part of both runs gets its signals, of both kinds.
fn rounds(calm: &Calm) -> Vec<Round> {
    let part = |number: u64, calls: u64| {
        let from = |part| calls * part / (ROUNDS / 2);
        let (from, to) = (from(number / 2), from(number / 2 + 1));
        1 + from + roll(&format!("signal {number}"), to - from)
    };
    let round = |number: u64| {
        let (verb, calls) =
            if number.is_multiple_of(2) { ("up", calm.up) } else { ("destroy", calm.destroy) };
        let signal = if (number / 2).is_multiple_of(2) { "-INT" } else { "-TERM" };
        Round { number, verb, signal, call: part(number, calls) }
    };
    (0..ROUNDS).map(round).collect()
}

fn begin(site: &Site, verb: &str) -> Child {
    site.desk.begin(&[verb, &site.file, "--yes"])
}

/// Sends a signal, unless the run has ended.
fn send(signal: &str, run: &mut Child) -> bool {
    let runs = run.try_wait().unwrap().is_none();
    if runs {
        // It is not reaped yet, so that its id is nobody else's.
        Command::new("kill").args([signal, &run.id().to_string()]).output().unwrap();
    }
    runs
}

/// Insists that nobody holds the stack's lock, going by what is written there.
fn assert_released(site: &Site, after: &dyn fmt::Display) {
    let call = site.cloud.ssm.get_parameters_by_path().path("/stackctl/shop/lock");
    for parameter in wait(call.send()).unwrap().parameters.unwrap_or_default() {
        let value = parameter.value.unwrap();
        assert!(value.contains("\"released\":true"), "after {after}: {value}");
    }
}

/// How a run ended that got a signal.
struct End {
    signalled: bool,
    code: i32,
    took: Duration,
    released: bool,
}

fn interrupted(calm: &Calm, round: &Round) -> End {
    let site = Site::of(SMALL, Weather::calm());
    if round.verb == "destroy" {
        site.up();
    }
    let due = site.proxy.calls() + round.call;
    site.proxy.set(Weather::calm().seed(round.number).delay("*", 0..=1500));
    let mut run = begin(&site, round.verb);
    runs_until(&mut run, || site.proxy.calls() >= due);
    pause(roll(&format!("later {}", round.number), 400));
    let (signalled, since) = (send(round.signal, &mut run), Instant::now());
    let said = Said::from(run.wait_with_output().unwrap());
    let took = since.elapsed();
    let all = said.both();
    assert!(said.code == 130 || said.code == 0, "{round}: code {}: {all}", said.code);
    assert!(took < LIMIT, "{round}: it took {took:?} to end: {all}");
    assert!(!all.contains("panicked"), "{round}: {all}");

    site.proxy.set(Weather::calm());
    site.proxy.quiet();
    // Calls under way may have taken all the time there was; then the run says so.
    let released = !said.err.contains("the stack's lock was not given back");
    if released {
        assert_released(&site, &format!("{round}: {all}"));
    }
    site.live(calm, round);
    End { signalled, code: said.code, took, released }
}

#[test]
fn a_signal_ends_a_run_soon_and_in_good_order_and_the_next_one_goes_on() {
    let began = Instant::now();
    let calm = Calm::at(&Site::of(SMALL, Weather::calm()));
    let ends = Mutex::new(Vec::new());
    for_each(rounds(&calm), |round| {
        let end = interrupted(&calm, &round);
        ends.lock().unwrap().push(end);
    });
    let mut ends = ends.into_inner().unwrap();
    let all = ends.len();
    let held = ends.iter().filter(|end| !end.released).count();
    assert!(held * 10 <= all, "{held} of {all} locks were not given back");
    ends.retain(|end| end.signalled && end.code == 130);
    assert!(ends.len() * 10 >= all * 8, "{} of {all} runs were ended by a signal", ends.len());
    let mut took: Vec<_> = ends.iter().map(|end| end.took.as_secs_f64()).collect();
    took.sort_by(f64::total_cmp);
    tell(
        "signals",
        format_args!(
            "{all} runs got a signal, which ended {} of them before they were done: half of these \
             within {:.1} s, the slowest within {:.1} s; {held} had no time left to give the lock back and said so, {:.0} s",
            took.len(),
            took[took.len() / 2],
            took[took.len() - 1],
            began.elapsed().as_secs_f64()
        ),
    );
}

/// An `up` in whose middle a call is under way that is never answered.
fn hung(site: &Site) -> Child {
    let (tell, told) = mpsc::channel();
    site.proxy.at_call(MIDDLE, Moment::Before, move || tell.send(()).unwrap());
    let run = begin(site, "up");
    told.recv().unwrap();
    run
}

#[test]
fn a_call_that_is_never_answered_holds_up_for_a_few_seconds_only_what_a_signal_ends() {
    let site = Site::of(SMALL, Weather::calm());
    let mut run = hung(&site);
    let since = Instant::now();
    assert!(send("-TERM", &mut run));
    let said = Said::from(run.wait_with_output().unwrap());
    assert_eq!(said.code, 130, "{}", said.both());
    assert!(since.elapsed() < LIMIT, "{:?}: {}", since.elapsed(), said.both());
    assert_released(&site, &said.both());
    site.up();
    site.desk.assert_settled(&site.file);
}

#[test]
fn giving_the_lock_back_may_take_what_other_calls_left_of_the_time() {
    let site = Site::of(SMALL, Weather::calm().delay("ssm:PutParameter", 3000..=3000));
    let mut run = begin(&site, "up");
    assert!(runs_until(&mut run, || site.proxy.calls() >= MIDDLE));
    assert!(send("-INT", &mut run));
    let said = Said::from(run.wait_with_output().unwrap());
    assert_eq!(said.code, 130, "{}", said.both());
    assert_released(&site, &said.both());
}

#[test]
fn a_second_signal_ends_a_run_at_once() {
    let site = Site::of(SMALL, Weather::calm());
    let mut run = hung(&site);
    assert!(send("-INT", &mut run));
    let mut err = BufReader::new(run.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("stopping:") {
        line.clear();
        assert!(err.read_line(&mut line).unwrap() > 0, "it does not say that it stops");
    }
    let since = Instant::now();
    assert!(send("-INT", &mut run), "the call is still waited for");
    let code = run.wait().unwrap().code();
    assert_eq!(code, Some(130));
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    site.up();
    site.desk.assert_settled(&site.file);
}

#[test]
fn a_reader_that_has_stalled_keeps_no_signal_from_ending_a_run() {
    let site = Site::of(SMALL, Weather::calm());
    let (reader, writer) = io::pipe().unwrap();
    let mut filler = writer.try_clone().unwrap();
    // Until nothing more goes in, and then until the reader goes.
    let filling = thread::spawn(move || while filler.write_all(b"\n").is_ok() {});
    let mut command = site.desk.command(&["up", &site.file, "--yes"]);
    let mut run = command.stdout(Stdio::null()).stderr(writer).spawn().unwrap();
    drop(command);
    let holds = || site.proxy.count("ssm:PutParameter") > 0;
    assert!(runs_until(&mut run, holds), "it takes the lock");
    assert!(send("-TERM", &mut run));
    let since = Instant::now();
    runs_until(&mut run, || since.elapsed() >= LIMIT);
    let ended = run.try_wait().unwrap();
    run.kill().unwrap();
    drop(reader);
    filling.join().unwrap();
    assert_eq!(ended.expect("it ends in time").code(), Some(130));
    site.up();
    site.desk.assert_settled(&site.file);
}

/// What a run says on stderr, and how it ends, when the reader of its stdout leaves after a line.
fn left_by_its_reader(site: &Site, args: &[&str]) -> Said {
    let mut run = site.desk.begin(args);
    let mut out = String::new();
    BufReader::new(run.stdout.take().unwrap()).read_line(&mut out).unwrap();
    let mut err = String::new();
    run.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    Said { code: run.wait().unwrap().code().unwrap_or(-1), out, err }
}

/// How a run ends when the one reader of both its streams leaves after a line.
fn left_by_everybody(site: &Site, args: &[&str]) -> Option<i32> {
    let (reader, writer) = io::pipe().unwrap();
    let mut command = site.desk.command(args);
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut run = command.spawn().unwrap();
    // It holds the writing ends.
    drop(command);
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).unwrap();
    run.wait().unwrap().code()
}

#[test]
fn a_reader_that_leaves_stops_no_run_and_makes_none_panic() {
    let site = Site::of(SMALL, Weather::calm());
    let (before, file) = (site.shape(), site.file.as_str());
    let destroy = ["destroy", "--yes", file];
    for up in [&["up", file][..], &["up", "-o", "json", file]] {
        let plan: Vec<_> =
            up.iter().map(|word| if *word == "up" { "plan" } else { word }).collect();
        for args in [&plan, up] {
            let said = left_by_its_reader(&site, args);
            assert_eq!(said.code, 0, "{args:?}: {}", said.both());
            assert!(!said.err.contains("panicked"), "{args:?}: {}", said.both());
        }
        site.desk.assert_settled(file);
        for args in [&plan[..], &destroy] {
            assert_eq!(left_by_everybody(&site, args), Some(0), "{args:?}");
        }
        assert_eq!(site.shape(), before);
    }
    assert_eq!(left_by_everybody(&site, &["up", file]), Some(0));
    site.desk.assert_settled(file);
}
