//! Nothing is lost: whatever happens to a run, the next one ends where an undisturbed one ends.
//!
//! What takes hours in full is sampled here: `RELIABILITY=full cargo test --test it reliability`
//! does all of it. Each test leaves its figures in `target/tmp/reliability/`; those of a full run
//! stand in `RELIABILITY.md`.

mod kills;
mod lost;
mod rounds;
mod signals;
mod slow;
mod storm;
mod together;

use crate::{
    cloud::Cloud,
    emulator,
    proxy::{Proxy, Weather},
    stackctl::{Desk, REGION, Said},
};
use rounds::{for_each, for_each_patient};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Display,
    fs,
    path::Path,
    process::Child,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

/// A shape is what stands, without the ids that differ from run to run: how many of what.
pub(crate) type Shape = BTreeMap<String, usize>;

/// A stack in an account of its own, behind a faulty AWS.
pub(crate) struct Site {
    pub(crate) proxy: Proxy,
    pub(crate) desk: Desk,
    pub(crate) file: String,
    region: String,
    cloud: Cloud,
}

/// An emulator of these tests: its states pass quickly, and it is not shared with others. There are
/// two, since one keeps no more than one core busy; each site gets the next.
fn upstream() -> &'static str {
    static ENDPOINTS: [OnceLock<String>; 2] = [const { OnceLock::new() }; 2];
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let next = NEXT.fetch_add(1, Relaxed) % ENDPOINTS.len();
    ENDPOINTS[next].get_or_init(|| emulator::start(&["--delay", "0.2"]))
}

/// Whether all is asked for that there is, however long that takes.
pub(crate) fn in_full() -> bool {
    std::env::var("RELIABILITY").is_ok_and(|asked| asked == "full")
}

impl Site {
    /// One for this example, in this weather.
    pub(crate) fn new(example: &str, weather: Weather) -> Self {
        let file = format!("{}/stacks/{example}.yaml", env!("CARGO_MANIFEST_DIR"));
        Self::with(weather, |_| file)
    }

    /// One for a stack file of this text, in this weather.
    pub(crate) fn of(text: &str, weather: Weather) -> Self {
        Self::with(weather, |desk| desk.write("stack.yaml", text).display().to_string())
    }

    fn with(weather: Weather, file: impl FnOnce(&Desk) -> String) -> Self {
        let upstream = upstream();
        let proxy = Proxy::start(upstream, weather);
        let desk = Desk::at(proxy.endpoint());
        let file = file(&desk);
        let text = fs::read_to_string(&file).unwrap();
        let region = text.lines().find_map(|line| line.strip_prefix("region: ")).unwrap_or(REGION);
        let cloud = Cloud::new(upstream, &desk.account, region);
        Self { proxy, desk, file, region: region.to_owned(), cloud }
    }

    /// What stands, asked of the emulator itself.
    pub(crate) fn shape(&self) -> Shape {
        let mut shape = Shape::new();
        for id in wait(self.cloud.everything()) {
            *shape.entry(kind(&id)).or_default() += 1;
        }
        shape
    }

    /// `up`, which must succeed.
    pub(crate) fn up(&self) -> Said {
        self.desk.ok(&["up", &self.file, "--yes"])
    }

    /// `destroy`, which must succeed.
    pub(crate) fn destroy(&self) -> Said {
        self.desk.ok(&["destroy", "--yes", "--unprotect", "--region", &self.region, &self.file])
    }

    /// Insists that the stack is what an undisturbed `up` makes, and that a plan finds nothing to do.
    pub(crate) fn assert_stands(&self, calm: &Calm, after: &dyn Display) {
        assert_eq!(self.shape(), calm.standing, "after {after}");
        let plan = self.desk.run(&["plan", &self.file, "--detailed-exitcode"]);
        assert_eq!(plan.code, 0, "after {after}: {}", plan.both());
    }

    /// Insists that nothing is there but what was there before the stack, and final snapshots.
    pub(crate) fn assert_gone(&self, calm: &Calm, after: &dyn Display) {
        assert_eq!(self.shape(), calm.left, "after {after}");
    }

    /// A whole life, which must go as an undisturbed one does.
    pub(crate) fn live(&self, calm: &Calm, after: &dyn Display) {
        self.up();
        self.assert_stands(calm, after);
        self.destroy();
        self.assert_gone(calm, after);
    }
}

/// How an undisturbed life goes.
pub(crate) struct Calm {
    /// What stands after `up`.
    pub(crate) standing: Shape,
    /// What is left after `destroy`: what was there before, and final snapshots.
    pub(crate) left: Shape,
    /// How many calls `up` makes.
    pub(crate) up: u64,
    /// How many calls `destroy` makes.
    pub(crate) destroy: u64,
    /// The calls that `up` makes, and how often: `ec2:CreateVpc`.
    pub(crate) calls: BTreeMap<String, u64>,
}

impl Calm {
    /// That of an example. It is lived once, however many ask.
    pub(crate) fn of(example: &'static str) -> Arc<Self> {
        static KNOWN: Mutex<BTreeMap<&str, Arc<Calm>>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let live = || Arc::new(Self::at(&Site::new(example, Weather::calm())));
        known.entry(example).or_insert_with(live).clone()
    }

    /// That of a site where nothing stands yet.
    pub(crate) fn at(site: &Site) -> Self {
        site.up();
        let standing = site.shape();
        let up = site.proxy.calls();
        let mut calls = BTreeMap::new();
        for record in site.proxy.log() {
            *calls.entry(record.call.clone()).or_default() += 1;
        }
        site.destroy();
        Self { standing, left: site.shape(), up, destroy: site.proxy.calls() - up, calls }
    }
}

/// What something is, by its id or name: two of one kind count as two.
fn kind(id: &str) -> String {
    let lock = "/lock/";
    if let Some(at) = id.find(lock) {
        return id[..at + lock.len()].to_owned();
    }
    if id.contains("snapshot:") {
        return "snapshot".to_owned();
    }
    if let Some(record) = id.strip_prefix("/hostedzone/") {
        return record
            .split_once(' ')
            .map_or("zone".to_owned(), |(_, kind)| format!("{kind} record"));
    }
    // The names of load balancers and target groups end in a digest of what they were made with, and
    // their ARNs in a number of AWS's.
    let id = match id.split_once(":elasticloadbalancing:").and_then(|(_, id)| id.rsplit_once('/')) {
        Some((name, _)) => name.rsplit_once('-').map_or(name, |(name, _)| name),
        None => id,
    };
    let account = |part: &&str| !(part.len() == 12 && part.bytes().all(|b| b.is_ascii_digit()));
    let id: Vec<_> = id.split(':').filter(account).collect();
    let id = id.join(":");
    match id.split_once('-') {
        Some((kind, tail)) if is_random(tail) => kind.to_owned(),
        _ => id,
    }
}

fn is_random(text: &str) -> bool {
    text.len() >= 8 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Runs to the end what a thread without a runtime waits for.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

/// Waits in a thread without a runtime.
#[expect(clippy::disallowed_methods, reason = "there is no runtime here that it could block")]
pub(crate) fn pause(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
}

/// Waits until this is so; `false` if the run ends before.
pub(crate) fn runs_until(run: &mut Child, so: impl Fn() -> bool) -> bool {
    while !so() {
        if run.try_wait().unwrap().is_some() {
            return false;
        }
        pause(5);
    }
    true
}

/// A number from 0 to below this one that looks random and only depends on the words.
pub(crate) fn roll(words: &str, below: u64) -> u64 {
    let digest = Sha256::digest(words);
    u64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])) % below
}

/// A small stack, where many are needed.
pub(crate) const SMALL: &str = "\
name: shop
app: {image: ghcr.io/acme/shop:1, instances: 1}
load_balancer: {deregistration_delay: 1}
";

/// Leaves a figure where whoever asked for it finds it.
pub(crate) fn tell(what: &str, figure: impl Display) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reliability");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(what), format!("{figure}\n")).unwrap();
}

#[test]
fn two_ids_of_a_kind_are_the_same_and_two_names_are_not() {
    for (id, is) in [
        ("vpc-0123456789abcdef0", "vpc"),
        ("rtb-10d8557bd7ac6b18d", "rtb"),
        ("/stackctl/demo/lock/12", "/stackctl/demo/lock/"),
        ("/stackctl/demo/app/env", "/stackctl/demo/app/env"),
        ("/hostedzone/Z0123456789ABC", "zone"),
        ("/hostedzone/Z0123456789ABCshop.example.com. A", "A record"),
        (
            "arn:aws:elasticloadbalancing:eu-west-1:900000000004:loadbalancer/app/demo-lb-e05336/bb051e65903bf07c",
            "eu-west-1:loadbalancer/app/demo-lb",
        ),
        (
            "arn:aws:elasticloadbalancing:eu-west-1:900000000004:targetgroup/demo-app-90dacf/bb051e65903bf07c",
            "eu-west-1:targetgroup/demo-app",
        ),
        ("arn:aws:iam::900000000004:role/demo-app", "arn:aws:iam::role/demo-app"),
        ("demo-cache", "demo-cache"),
    ] {
        assert_eq!(kind(id), is, "{id}");
    }
}
