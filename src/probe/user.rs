//! One user: asks, is answered, and keeps count of what was wrong.

use super::{
    Settings, Shared,
    client::{Answer, Client, Failure},
    jar::Refusal,
    place::Place,
    track::{Seen, Track, Wrong},
    websocket::Meeting,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering::Relaxed},
};
use tokio::{
    sync::watch,
    time::{Duration, Instant, sleep_until},
};

/// How far a run that lasts as long as a command has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Every user gets a session.
    Before,
    /// The command runs.
    During,
    /// It has ended.
    After,
}

/// Why a session was lost, as far as a user can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A cookie is not sent back.
    Cookie(String, Refusal),
    /// No cookie was set.
    NoCookie,
    /// Another server answered, which did not know it.
    OtherServer,
    /// The same server did not know it any more.
    Forgotten,
    /// It is the same session with an older counter.
    WentBack {
        /// What the counter said.
        to: i64,
        /// What it should have said.
        due: i64,
    },
    /// It is not told who answered.
    Unknown,
}

/// A session that was lost.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    /// Which of the user's requests showed it, counted from 1.
    pub request: u64,
    /// When it was answered.
    pub at: Instant,
    /// Who had answered before.
    pub from: Option<Arc<str>>,
    /// Who answered now.
    pub to: Option<Arc<str>>,
    /// Why.
    pub cause: Cause,
}

/// What a server did for a user.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served {
    /// Requests answered.
    pub requests: u64,
    /// When the last of them was sent.
    pub last_sent: Instant,
}

/// What a user has seen.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Requests that were answered or failed.
    pub requests: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Sessions that were lost.
    pub lost: Vec<Loss>,
    /// Answers whose counter had gone up by more than one.
    pub jumped: u64,
    /// How often another server answered than before.
    pub moves: u64,
    /// Who answered.
    pub servers: BTreeMap<Arc<str>, Served>,
    /// The longest time without a good answer, from sending a request on.
    pub gap: Duration,
    /// Whether the last request was answered well.
    pub answered: bool,
    /// The session and its counter.
    pub track: Track,
}

/// When a user's next request is due.
struct Pace {
    next: Instant,
    interval: Duration,
}

impl Pace {
    /// Waits for the next request's turn. Who is late hurries by one request at most.
    async fn turn(&mut self) {
        sleep_until(self.next).await;
        let now = Instant::now();
        self.next += self.interval;
        if self.next + self.interval < now {
            self.next = now;
        }
    }
}

/// Plays one user to the end.
pub(super) async fn play(
    number: u32,
    mut client: Client,
    mut meeting: Option<Arc<Meeting>>,
    shared: Arc<Shared>,
    mut phase: watch::Receiver<Phase>,
) -> Tally {
    let settings = &shared.settings;
    let interval = settings.interval();
    // Users that ask in turn do not ask all at once.
    let offset = interval / settings.users.max(1) * number;
    let mut pace = Pace { next: shared.began + offset, interval };
    let mut tally = Tally::default();
    let mut left = settings.requests;
    let mut waits_since = None;
    loop {
        let now = *phase.borrow_and_update();
        if settings.during.is_some() && now == Phase::Before && tally.requests > 0 {
            shared.ready(tally.failed == 0);
            tokio::select! {
                changed = phase.changed() => if changed.is_err() { break },
                () = shared.stop.raised() => break,
            }
            pace.next = Instant::now() + offset;
            continue;
        }
        if settings.during.is_none() || now == Phase::After {
            if left == 0 {
                break;
            }
            left -= 1;
        }
        tokio::select! {
            () = pace.turn() => {}
            () = shared.stop.raised() => break,
        }
        let sent = Instant::now();
        let answer = tokio::select! {
            answer = client.get(&settings.url) => answer,
            () = shared.stop.raised() => break,
        };
        let answered = Instant::now();
        tally.requests += 1;
        shared.live.requests.fetch_add(1, Relaxed);
        let since = *waits_since.get_or_insert(sent);
        match answer.and_then(|answer| Ok((read(settings, &answer)?, answer.repeated))) {
            Ok((seen, repeated)) => {
                shared.took(answered - sent);
                tally.gap = tally.gap.max(answered - since);
                waits_since = None;
                if repeated {
                    tally.track.failed();
                }
                shared.live.lost.fetch_add(tally.take(&seen, &client, sent, answered), Relaxed);
                if let Some(meeting) = meeting.take() {
                    tokio::select! {
                        () = meeting.page_is_there() => {}
                        () = shared.stop.raised() => break,
                    }
                }
            }
            Err(Failure(why)) => {
                tally.failed += 1;
                tally.track.failed();
                shared.failed(why);
            }
        }
    }
    tally.answered = tally.requests > 0 && waits_since.is_none();
    if let Some(since) = waits_since {
        tally.gap = tally.gap.max(since.elapsed());
    }
    tally
}

impl Tally {
    /// Takes in an answer, and says how many sessions it shows to be lost.
    fn take(&mut self, seen: &Seen, client: &Client, sent: Instant, at: Instant) -> u64 {
        let from: Option<Arc<str>> = self.track.server().map(Into::into);
        let to: Option<Arc<str>> = seen.server.as_deref().map(Into::into);
        if let Some(server) = &to {
            let served = self.servers.entry(server.clone());
            let served = served.or_insert(Served { requests: 0, last_sent: sent });
            served.requests += 1;
            served.last_sent = sent;
        }
        self.moves += u64::from(from.is_some() && from != to);
        let cause = match self.track.see(seen) {
            None => return 0,
            Some(Wrong::Jumped { .. }) => {
                self.jumped += 1;
                return 0;
            }
            Some(Wrong::WentBack { to, due }) => Cause::WentBack { to, due },
            Some(Wrong::OtherSession) => cause(client, from.as_deref(), to.as_deref()),
        };
        self.lost.push(Loss { request: self.requests, at, from, to, cause });
        1
    }
}

/// Why another session was answered.
fn cause(client: &Client, from: Option<&str>, to: Option<&str>) -> Cause {
    let jar = client.cookies.jar();
    // The load balancer's own cookies hold no session.
    let mut refused = jar.refused().filter(|(name, _)| !name.starts_with("AWSALB"));
    if let Some((name, refusal)) = refused.next() {
        return Cause::Cookie(name.to_owned(), refusal);
    }
    if jar.is_empty() {
        return Cause::NoCookie;
    }
    match (from, to) {
        (Some(from), Some(to)) if from != to => Cause::OtherServer,
        (Some(_), Some(_)) => Cause::Forgotten,
        _ => Cause::Unknown,
    }
}

/// What an answer tells.
fn read(settings: &Settings, answer: &Answer) -> Result<Seen, Failure> {
    let Settings { session, counter, server, .. } = settings;
    let in_body = [session, counter, server].iter().any(|place| place.is_in_body());
    let body = match in_body.then(|| serde_json::from_slice(&answer.body)) {
        Some(Ok(body)) => body,
        // A header may tell all that is needed.
        Some(Err(_)) | None => Value::Null,
    };
    let at = |place: &Place| place.read(&answer.headers, &body);
    let needed = settings.promise.keeps_sessions();
    let missing = |place: &Place, what: &str| {
        let why = if place.is_in_body() && body.is_null() { ", for it is no JSON" } else { "" };
        Failure(format!("the answer has no {what} at {place}{why}"))
    };
    let id = at(session);
    if id.is_none() && needed {
        return Err(missing(session, "session"));
    }
    let count = at(counter).and_then(|text| text.parse().ok());
    if count.is_none() && needed && *counter != Place::Nowhere {
        return Err(missing(counter, "number"));
    }
    Ok(Seen { session: id, counter: count, server: at(server) })
}
