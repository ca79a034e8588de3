//! The session probe: users with cookies of their own ask a site, and it is counted what they keep.

mod aim;
mod client;
mod during;
mod jar;
mod judge;
mod junit;
mod place;
mod promise;
mod report;
mod tls;
mod track;
mod user;
mod websocket;

pub use aim::{Aim, ConnectTo, Resolve};
pub use during::Ran;
pub use junit::junit;
pub use place::Place;
pub use promise::Promise;
pub use report::{Check, Latency, Lost, Report, Sockets, UserReport, Verdict};

use crate::engine::Stop;
use anyhow::{Result, anyhow};
use client::{Client, Dialer};
use futures::{FutureExt as _, future::BoxFuture};
use hdrhistogram::Histogram;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Duration, Instant},
};
use url::Url;
use user::{Phase, Tally};
use websocket::{Held, Meeting};

/// What is asked, by whom, and what is promised.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is asked for.
    pub url: Url,
    /// How many users.
    pub users: u32,
    /// How many requests of each; with `during`, so many after the command has ended.
    pub requests: u64,
    /// The pause between two requests of a user, from one's beginning to the other's.
    pub pause: Duration,
    /// Requests a second of all users together, in place of the pause.
    pub rate: Option<f64>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Where answers tell the session.
    pub session: Place,
    /// Where they tell the counter.
    pub counter: Place,
    /// Where they tell who answers.
    pub server: Place,
    /// Where connections go.
    pub aim: Aim,
    /// Whether any certificate will do.
    pub insecure: bool,
    /// A WebSocket that each user holds open, as an `http` or `https` URL.
    pub websocket: Option<Url>,
    /// The command as long as which the probe runs, or what stands in its place.
    pub during: Option<String>,
    /// How many requests may fail.
    pub max_failed: u64,
    /// What is promised to users.
    pub promise: Promise,
}

impl Settings {
    /// From the beginning of a user's request to that of the next.
    fn interval(&self) -> Duration {
        match self.rate {
            Some(rate) => Duration::from_secs_f64(f64::from(self.users) / rate),
            None => self.pause,
        }
    }
}

/// The counts so far, for whoever shows them.
#[derive(Debug, Default)]
pub struct Live {
    /// Requests answered or failed.
    pub requests: AtomicU64,
    /// Requests failed.
    pub failed: AtomicU64,
    /// Sessions lost.
    pub lost: AtomicU64,
    /// WebSockets broken, or not opened.
    pub broken: AtomicU64,
}

/// More reasons than this are not told apart.
const REASONS: usize = 20;

/// What all users of a run share.
struct Shared {
    settings: Settings,
    live: Arc<Live>,
    stop: Stop,
    began: Instant,
    latency: Mutex<Histogram<u64>>,
    failures: Mutex<BTreeMap<String, u64>>,
    /// Who has had a first answer says so, and whether it was a good one.
    ready: mpsc::UnboundedSender<bool>,
}

impl Shared {
    fn ready(&self, good: bool) {
        // Nobody listens any more once the run is given up.
        self.ready.send(good).ok();
    }

    fn took(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.latency.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(micros);
    }

    fn failed(&self, why: String) {
        self.live.failed.fetch_add(1, Relaxed);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let known = failures.len() < REASONS || failures.contains_key(&why);
        *failures.entry(if known { why } else { "other reasons".into() }).or_default() += 1;
    }
}

/// What a run has seen, before it is judged.
struct Seen {
    settings: Settings,
    began: Instant,
    took: Duration,
    users: Vec<Tally>,
    sockets: Option<Vec<Held>>,
    latency: Histogram<u64>,
    failures: BTreeMap<String, u64>,
    during: Option<Ran>,
    interrupted: bool,
}

/// Runs the probe to its end, or until stopping is asked for.
///
/// With a command, every user gets a session before it begins, and it does not begin unless every
/// user does.
///
/// # Errors
/// When the command cannot be run.
pub async fn run(settings: Settings, live: Arc<Live>, stop: &Stop) -> Result<Report> {
    match settings.during.clone() {
        Some(command) => {
            let work = async { during::run(&command, stop).await }.boxed();
            run_beside(settings, live, stop, Some(work)).await
        }
        None => run_beside(settings, live, stop, None).await,
    }
}

/// The same beside work that stands in the place of a command; `settings.during` is its name.
///
/// # Errors
/// What the work fails with.
pub async fn run_beside(
    settings: Settings,
    live: Arc<Live>,
    stop: &Stop,
    work: Option<BoxFuture<'_, Result<Ran>>>,
) -> Result<Report> {
    let dialer = Dialer::new(settings.aim.clone(), settings.insecure, settings.timeout);
    let (ready, readiness) = mpsc::unbounded_channel();
    let latency = Histogram::new_with_bounds(1, 3_600_000_000, 2);
    let shared = Arc::new(Shared {
        live,
        stop: stop.clone(),
        began: Instant::now(),
        latency: Mutex::new(latency.map_err(|error| anyhow!("{error}"))?),
        failures: Mutex::default(),
        ready,
        settings,
    });
    let settings = &shared.settings;
    let (phase, phases) = watch::channel(Phase::Before);
    let over = Stop::default();
    let (mut users, mut sockets) = (JoinSet::new(), JoinSet::new());
    for number in 0..settings.users {
        let client = Client::new(dialer.clone());
        let meeting = settings.websocket.clone().map(|url| {
            let (dialer, shared, over) = (dialer.clone(), shared.clone(), over.clone());
            let (cookies, meeting) = (client.cookies.clone(), Arc::new(Meeting::default()));
            let met = meeting.clone();
            sockets.spawn(async move {
                let broke = || {
                    shared.live.broken.fetch_add(1, Relaxed);
                };
                let held = websocket::hold(&dialer, &url, &cookies, &meeting, &over, broke);
                (number, held.await)
            });
            met
        });
        let playing = user::play(number, client, meeting, shared.clone(), phases.clone());
        users.spawn(async move { (number, playing.await) });
    }
    let during = accompany(&shared, readiness, phase, work).await?;
    let users = in_order(users).await?;
    over.raise();
    let sockets = in_order(sockets).await?;
    let took = shared.began.elapsed();
    let latency = shared.latency.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let failures = shared.failures.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Report::of(Seen {
        sockets: settings.websocket.is_some().then_some(sockets),
        settings: settings.clone(),
        began: shared.began,
        took,
        users,
        latency,
        failures,
        during,
        interrupted: stop.is_raised(),
    }))
}

/// Does the work when every user has a session; `None` where there is none, or some user got no
/// session.
async fn accompany(
    shared: &Shared,
    mut readiness: mpsc::UnboundedReceiver<bool>,
    phase: watch::Sender<Phase>,
    work: Option<BoxFuture<'_, Result<Ran>>>,
) -> Result<Option<Ran>> {
    let Some(work) = work else { return Ok(None) };
    for _ in 0..shared.settings.users {
        let good = tokio::select! {
            good = readiness.recv() => good.unwrap_or(false),
            () = shared.stop.raised() => false,
        };
        if !good {
            // The users end when the phase can change no more.
            return Ok(None);
        }
    }
    phase.send_replace(Phase::During);
    let ran = work.await?;
    phase.send_replace(Phase::After);
    Ok(Some(ran))
}

/// The results of all tasks, in the order of their numbers.
async fn in_order<T: 'static>(mut tasks: JoinSet<(u32, T)>) -> Result<Vec<T>> {
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        all.push(done?);
    }
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests;
