//! Case after case until the time is over or one breaks a promise; that one is made as small as it goes.

use crate::worker::{Deadline, Drive, Ending, Worker};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use std::{
    fmt,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

/// How long is spent on making a failing case small.
const SHRINKING: Duration = Duration::from_mins(2);

pub(crate) struct Limits {
    pub(crate) deadline: Deadline,
    /// The most bytes that this process may ever have had in memory.
    pub(crate) memory: Option<u64>,
}

pub(crate) struct Hunt<C> {
    strategy: BoxedStrategy<C>,
    limits: Limits,
    worker: Worker<C>,
}

/// A hunt that found nothing.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) cases: u64,
    /// How many of them were good files.
    pub(crate) accepted: u64,
    elapsed: Duration,
    /// Of the whole process, in bytes; `None` where the system does not tell.
    peak: Option<u64>,
    /// The longest that a case took, and the case's seed.
    slowest: (Duration, u64),
}

/// A case that breaks a promise.
#[derive(Debug)]
pub(crate) struct Caught<C> {
    /// What `FUZZ_SEED` begins with it.
    pub(crate) seed: u64,
    pub(crate) case: C,
    pub(crate) says: String,
    cases: u64,
}

impl<C: Clone + fmt::Debug + Send + Sync + 'static> Hunt<C> {
    pub(crate) fn new(strategy: BoxedStrategy<C>, drive: Drive<C>, limits: Limits) -> Self {
        let worker = Worker::new(drive, limits.deadline);
        Self { strategy, limits, worker }
    }

    /// Hunts for so long; the first case is that of the seed, and it is driven in any case.
    pub(crate) fn run(mut self, seed: u64, length: Duration) -> Result<Tally, Caught<C>> {
        let begun = Instant::now();
        let mut tally = Tally::default();
        loop {
            let seed = seed.wrapping_add(tally.cases);
            let tree = self.grow(seed);
            let case = Arc::new(tree.current());
            let start = Instant::now();
            let verdict = self.worker.judge(&case);
            tally.cases += 1;
            tally.slowest = tally.slowest.max((start.elapsed(), seed));
            let cases = tally.cases;
            match verdict {
                Ok(ending) => tally.accepted += u64::from(ending == Ending::Accepted),
                Err(says) => {
                    let (case, says) = self.shrink(tree, case, says);
                    return Err(Caught { seed, case: (*case).clone(), says, cases });
                }
            }
            tally.peak = peak_memory();
            // The peak never goes down again, so that a smaller case could not be told.
            if let Some((peak, most)) = tally.peak.zip(self.limits.memory).filter(|(p, m)| p > m) {
                let says = format!("the process has had {peak} bytes in memory, more than {most}");
                return Err(Caught { seed, case: (*case).clone(), says, cases });
            }
            tally.elapsed = begun.elapsed();
            if tally.elapsed >= length {
                return Ok(tally);
            }
        }
    }

    fn grow(&self, seed: u64) -> Box<dyn ValueTree<Value = C>> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        self.strategy.new_tree(&mut runner).expect("every file can be made")
    }

    fn shrink(
        &mut self,
        mut tree: Box<dyn ValueTree<Value = C>>,
        mut worst: Arc<C>,
        mut says: String,
    ) -> (Arc<C>, String) {
        let begun = Instant::now();
        let mut smaller = tree.simplify();
        while smaller && begun.elapsed() < SHRINKING {
            let case = Arc::new(tree.current());
            smaller = match self.worker.judge(&case) {
                Err(again) => {
                    (worst, says) = (case, again);
                    tree.simplify()
                }
                Ok(_) => tree.complicate(),
            };
        }
        (worst, says)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cases, accepted) = (self.cases, self.accepted);
        let (seconds, slowest) = (self.elapsed.as_secs(), self.slowest.0.as_millis());
        write!(f, "{cases} cases in {seconds} s, {accepted} of them good files, ")?;
        write!(f, "the slowest ({:016x}) {slowest} ms, ", self.slowest.1)?;
        match self.peak {
            Some(peak) => write!(f, "{} MiB in memory at most", peak.div_ceil(1024 * 1024)),
            None => write!(f, "memory unknown"),
        }
    }
}

impl<C: fmt::Debug> fmt::Display for Caught<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, case, says, cases } = self;
        write!(f, "after {cases} cases: {says}\n\n{case:#?}\n\n")?;
        write!(f, "once more: FUZZ_SEED={seed:016x} cargo test --locked --test fuzz")
    }
}

/// The most this process has had in memory, in bytes.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// Adds a line to the log of all hunts: an overflowing stack ends the process before it can tell.
pub(crate) fn note(line: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(folder).unwrap();
    let path: PathBuf = folder.join("fuzz.log");
    let mut log = File::options().create(true).append(true).open(path).unwrap();
    writeln!(log, "{line}").unwrap();
}
