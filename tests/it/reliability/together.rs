//! Two runs at once on one stack: one works, the other is told or waits, and nothing is made twice.

use super::{Calm, SMALL, Shape, Site, for_each, pause, roll, runs_until, tell};
use crate::{proxy::Weather, stackctl::Said};
use std::{
    fmt,
    ops::AddAssign,
    process::Child,
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

const ROUNDS: u64 = 50;
/// In how many of them two runs must have met, for the others to count.
const MEETINGS: u64 = 15;
/// A killed run's lock would hold for longer than this.
const AT_ONCE: Duration = Duration::from_mins(1);

/// Two runs and how they meet.
struct Round {
    number: u64,
    /// Whether the stack stands before.
    stands: bool,
    verbs: [&'static str; 2],
    /// Whether who comes second waits for the lock.
    waits: bool,
    /// Whether who holds the lock is killed.
    kills: bool,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, stands, verbs: [one, two], waits, kills } = self;
        write!(f, "round {number}: `{one}` and `{two}`")?;
        for (so, what) in
            [(stands, "on a stack that stands"), (waits, "that wait"), (kills, "after a kill")]
        {
            if *so {
                write!(f, ", {what}")?;
            }
        }
        Ok(())
    }
}

/// What came of two runs, counted.
#[derive(Default)]
struct Tally {
    met: u64,
    told: u64,
    waited: u64,
    killed: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.met += other.met;
        self.told += other.told;
        self.waited += other.waited;
        self.killed += other.killed;
    }
}

impl Round {
    fn of(number: u64) -> Self {
        let (scene, turn) = (number % 5, number / 5);
        let verb = |up: bool| if up { "up" } else { "destroy" };
        let stands = turn % 2 == 1;
        let (stands, verbs) = match scene {
            0 => (stands, ["up", "up"]),
            1 => (stands, ["up", "destroy"]),
            2 => (true, ["destroy", "up"]),
            3 => (stands, ["up", verb(turn % 4 < 2)]),
            _ => (stands, [verb(!stands), verb(turn % 4 < 2)]),
        };
        let (kills, waits) = (scene == 4, scene == 3 || (scene == 4 && turn.is_multiple_of(3)));
        Self { number, stands, verbs, waits, kills }
    }

    /// A number from 0 to below this one, for this round alone.
    fn roll(&self, what: &str, below: u64) -> u64 {
        roll(&format!("together {what} {}", self.number), below)
    }

    fn begin(&self, site: &Site, verb: &str) -> Child {
        let mut args = vec![verb, "wide.yaml", "--yes"];
        if self.waits {
            args.extend(["--lock-timeout", "3m"]);
        }
        site.desk.begin(&args)
    }

    /// Insists that a run succeeded and nothing is there twice, or that it was told who holds the
    /// lock.
    fn judge(&self, site: &Site, most: &Shape, said: &Said, other: u32) -> Tally {
        let all = said.both();
        assert!(!all.contains("panicked"), "{self}: {all}");
        if said.code == 0 {
            for (kind, count) in site.shape() {
                let most = most.get(&kind).copied().unwrap_or_default();
                // Who takes the lock makes the next generation before the last one is removed.
                let most = most + usize::from(kind.contains("/lock/"));
                assert!(count <= most, "{self}: {count} of {kind}, not {most}: {all}");
            }
            let waited = u64::from(said.err.contains("waiting for `stackctl "));
            return Tally { met: waited, waited, ..Tally::default() };
        }
        assert_eq!(said.code, 1, "{self}: {all}");
        assert!(!self.waits, "{self}: {all}");
        for part in [
            "`shop` is locked: `stackctl ",
            &format!("(process {other}) since "),
            "`stackctl unlock --stack shop`",
        ] {
            assert!(said.err.contains(part), "{self}: no {part:?} in {all}");
        }
        Tally { met: 1, told: 1, ..Tally::default() }
    }

    /// Two runs, of which nobody knows which is first.
    fn meet(&self, site: &Site, most: &Shape) -> Tally {
        let [one, two] = self.verbs;
        let one = self.begin(site, one);
        pause(self.roll("offset", 1001));
        let two = self.begin(site, two);
        let (first, second) = (one.id(), two.id());
        let mut all = Tally::default();
        thread::scope(|scope| {
            let (tell, told) = mpsc::channel();
            for (run, other) in [(one, second), (two, first)] {
                let tell = tell.clone();
                scope.spawn(move || {
                    let said = Said::from(run.wait_with_output().unwrap());
                    tell.send((said, other)).unwrap();
                });
            }
            drop(tell);
            // Each as soon as it has ended, while the other may go on.
            for (said, other) in told {
                all += self.judge(site, most, &said, other);
            }
        });
        assert!(all.told < 2, "{self}: one of them works");
        all.met = all.met.min(1);
        all
    }

    /// One run is killed while it holds the lock; the other, which waits for it or comes then, does
    /// its work at once.
    fn succeed(&self, site: &Site, most: &Shape) -> Tally {
        let [one, two] = self.verbs;
        let locks = site.proxy.count("ssm:PutParameter");
        let mut one = self.begin(site, one);
        let holds = || site.proxy.count("ssm:PutParameter") > locks;
        assert!(runs_until(&mut one, holds), "{self}: it takes the lock");
        let waiting = self.waits.then(|| self.begin(site, two));
        let call = site.proxy.calls() + self.roll("kill", 40);
        runs_until(&mut one, || site.proxy.calls() >= call);
        one.kill().unwrap();
        let killed = one.wait().unwrap().code().is_none();
        let since = Instant::now();
        let two = waiting.unwrap_or_else(|| {
            site.proxy.quiet();
            self.begin(site, two)
        });
        let said = Said::from(two.wait_with_output().unwrap());
        let mut all = self.judge(site, most, &said, one.id());
        assert!(all.told == 0, "{self}: nobody holds the lock");
        assert!(since.elapsed() < AT_ONCE, "{self}: it took {:?}", since.elapsed());
        all.killed = u64::from(killed);
        all.met |= all.killed;
        all
    }

    fn play(&self, calm: &Calm, most: &Shape) -> Tally {
        let site = Site::of(SMALL, Weather::calm());
        site.desk.write("wide.yaml", wide());
        if self.stands {
            site.up();
        }
        let tally = if self.kills { self.succeed(&site, most) } else { self.meet(&site, most) };
        if self.number.is_multiple_of(2) {
            site.up();
            site.assert_stands(calm, self);
        } else {
            site.destroy();
            site.assert_gone(calm, self);
        }
        tally
    }
}

/// What both runs are about: more than stands before, so that there is something to do.
fn wide() -> String {
    SMALL.replace("instances: 1", "instances: 2")
}

#[test]
fn of_two_runs_at_once_one_works_and_the_other_is_told_or_waits() {
    let began = Instant::now();
    let calm = Calm::at(&Site::of(SMALL, Weather::calm()));
    let most = Calm::at(&Site::of(&wide(), Weather::calm())).standing;
    let tally = Mutex::new(Tally::default());
    for_each((0..ROUNDS).map(Round::of), |round| {
        let one = round.play(&calm, &most);
        *tally.lock().unwrap() += one;
    });
    let Tally { met, told, waited, killed } = tally.into_inner().unwrap();
    assert!(met >= MEETINGS, "in {met} rounds of {ROUNDS} only two runs met");
    assert!(killed >= ROUNDS / 5 / 2, "{killed} runs only were killed");
    tell(
        "together",
        format_args!(
            "{ROUNDS} rounds of two runs at once, which met in {met}: {told} were told who works, \
             {waited} waited, {killed} were killed and succeeded at once: no duplicate, no orphan, \
             {:.0} s",
            began.elapsed().as_secs_f64()
        ),
    );
}
