//! Target groups as they are now: who is in, how they are, and who is next.

use super::{Shared, health, wanted};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

/// A target group.
pub(super) struct Group {
    pub name: String,
    pub wanted: wanted::Group,
    pub targets: Vec<Arc<Target>>,
    next: Arc<AtomicUsize>,
}

/// A target, for as long as it is in its group and then until it is drained.
pub(super) struct Target {
    pub id: String,
    pub address: String,
    pub health: AtomicU8,
    /// Requests and WebSockets under way.
    active: AtomicUsize,
    /// Requests so far, and how many of them were bound to it.
    served: AtomicUsize,
    bound: AtomicUsize,
    stage: watch::Sender<Stage>,
    /// Told when nothing is under way any more.
    idle: Notify,
}

/// How much of a target is left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum Stage {
    /// In its group.
    In,
    /// Out of its group: what is under way may end.
    Left,
    /// The deregistration delay is over: what is still under way is cut.
    Cut,
}

pub(super) const INITIAL: u8 = 0;
pub(super) const HEALTHY: u8 = 1;
pub(super) const UNHEALTHY: u8 = 2;

/// One request or WebSocket at a target, for as long as it lives.
pub(super) struct InFlight(pub Arc<Target>);

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.active.fetch_sub(1, Relaxed) == 1 {
            self.0.idle.notify_one();
        }
    }
}

impl Target {
    fn new(wanted: &wanted::Target) -> Self {
        Self {
            id: wanted.id.clone(),
            address: wanted.address.clone(),
            health: AtomicU8::new(INITIAL),
            active: AtomicUsize::new(0),
            served: AtomicUsize::new(0),
            bound: AtomicUsize::new(0),
            stage: watch::Sender::new(Stage::In),
            idle: Notify::new(),
        }
    }

    /// Waits until no more than this is left of it.
    pub(super) async fn reached(&self, stage: Stage) {
        self.stage.subscribe().wait_for(|now| *now >= stage).await.ok();
    }

    pub(super) fn is_in(&self) -> bool {
        *self.stage.borrow() == Stage::In
    }

    /// Takes it out of its group. It is drained when nothing is under way any more, or when the
    /// delay is over: what is under way then is cut.
    fn leave(self: Arc<Self>, shared: Arc<Shared>, group: String, delay: Duration) {
        self.stage.send_replace(Stage::Left);
        tokio::spawn(async move {
            let idle = async {
                while self.active.load(Relaxed) > 0 {
                    self.idle.notified().await;
                }
            };
            timeout(delay, idle).await.ok();
            self.stage.send_replace(Stage::Cut);
            (shared.tell)(&json!({ "group": group, "target": self.id, "state": "drained" }));
        });
    }

    /// How many requests it has had, and how many of them were bound to it.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.served.load(Relaxed), self.bound.load(Relaxed))
    }
}

impl Group {
    /// Who takes a request: the one it is bound to, where that is in service, else whoever is next.
    pub(super) fn choose(&self, bound: Option<&str>) -> Option<InFlight> {
        let healthy = |target: &&Arc<Target>| target.health.load(Relaxed) == HEALTHY;
        let mut able: Vec<_> = self.targets.iter().filter(healthy).collect();
        if able.is_empty() {
            // With nobody healthy everybody gets requests, as AWS has it.
            able = self.targets.iter().collect();
        }
        let bound = able.iter().find(|target| Some(target.id.as_str()) == bound);
        if let Some(bound) = bound {
            bound.bound.fetch_add(1, Relaxed);
        }
        let any = |number: usize| able.get(number.checked_rem(able.len())?);
        let taken = bound.or_else(|| match self.wanted.algorithm.as_str() {
            "least_outstanding_requests" => {
                // Among equals by turns, or a quiet tier would have one target work alone.
                let (turn, count) = (self.next.fetch_add(1, Relaxed), able.len());
                let by_turns = (0..count).filter_map(|at| able.get((at + turn) % count));
                by_turns.min_by_key(|target| target.active.load(Relaxed))
            }
            "weighted_random" => {
                let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
                any(now.subsec_nanos() as usize)
            }
            _ => any(self.next.fetch_add(1, Relaxed)),
        })?;
        taken.active.fetch_add(1, Relaxed);
        taken.served.fetch_add(1, Relaxed);
        Some(InFlight(Arc::clone(taken)))
    }

    fn delay(&self) -> Duration {
        Duration::try_from_secs_f64(self.wanted.deregistration_delay).unwrap_or_default()
    }
}

/// Puts the wanted groups in place of the present ones. Targets that stay keep their health and
/// their requests.
pub(super) fn become_wanted(shared: &Arc<Shared>, wanted: HashMap<String, wanted::Group>) {
    let mut groups = shared.groups.write().unwrap_or_else(PoisonError::into_inner);
    let mut new = Vec::new();
    let mut after = HashMap::new();
    for (name, wanted) in wanted {
        let before = groups.remove(&name);
        let mut old: HashMap<_, _> =
            before.iter().flat_map(|g| &g.targets).map(|t| ((&t.id, &t.address), t)).collect();
        let targets = wanted.targets.iter().map(|target| {
            let known = old.remove(&(&target.id, &target.address)).cloned();
            known.unwrap_or_else(|| {
                let is = Arc::new(Target::new(target));
                new.push((name.clone(), is.clone()));
                is
            })
        });
        let targets: Vec<_> = targets.collect();
        let gone: Vec<_> = old.into_values().cloned().collect();
        let next = before.as_ref().map(|group| group.next.clone()).unwrap_or_default();
        let group = Arc::new(Group { name: name.clone(), wanted, targets, next });
        for gone in gone {
            gone.leave(shared.clone(), name.clone(), group.delay());
        }
        after.insert(name, group);
    }
    for (name, group) in groups.iter() {
        for gone in &group.targets {
            Arc::clone(gone).leave(shared.clone(), name.clone(), group.delay());
        }
    }
    *groups = after;
    for (group, target) in new {
        tokio::spawn(health::watch(shared.clone(), group, target));
    }
}
