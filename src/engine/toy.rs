//! A cloud in a map, with referential integrity and faults on demand: the engine's test bench.

mod any_to_any;
mod kinds;
mod scenarios;

use super::{
    Action, Address, Cx, Found, Graph, Inventory, Kind, Member, Outcome, Phase, Plan, Problem,
    Refusals, Reporter, Stop,
};
use crate::erased_kinds;
use anyhow::{Context, Result, bail};
use kinds::{Cluster, Group, Net, Seat, Server, Store};
use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::Duration,
};

/// The cloud: rows of found resources, and a log of what was done.
#[derive(Default)]
pub(super) struct Toy {
    rows: Mutex<BTreeMap<String, Row>>,
    next: Mutex<u32>,
    log: Mutex<Vec<String>>,
    /// Calls that are refused.
    faults: Mutex<BTreeSet<String>>,
    /// Looks until a store is ready.
    coming: Mutex<BTreeMap<String, u32>>,
    /// Stores that will never be ready.
    broken: Mutex<BTreeSet<String>>,
    /// What others have under names of ours.
    others: Mutex<BTreeSet<String>>,
    /// Servers that the cloud has no room for.
    sold_out: Mutex<BTreeSet<String>>,
    /// Whose names were asked about.
    asked: Mutex<Vec<String>>,
    watch: Mutex<Watch>,
}

/// What was the case at some moment.
#[derive(Clone, Copy, Default)]
struct Watch {
    calls_now: u32,
    most_calls: u32,
    most_servers: usize,
    fewest_seats: Option<usize>,
}

struct Row {
    found: Arc<dyn Any + Send + Sync>,
    holds: Vec<String>,
}

impl Toy {
    /// Takes a second, and is refused if a fault says so.
    async fn call(&self, what: String) -> Result<()> {
        {
            let mut watch = self.watch.lock().unwrap();
            watch.calls_now += 1;
            watch.most_calls = watch.most_calls.max(watch.calls_now);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.watch.lock().unwrap().calls_now -= 1;
        if self.faults.lock().unwrap().contains(&what) {
            bail!("{what} was refused");
        }
        self.log.lock().unwrap().push(what);
        Ok(())
    }

    async fn put<K: Kind<Cloud = Self, Live = String>>(
        &self,
        cx: &Cx<Self>,
        spec: K,
        holds: Vec<String>,
    ) -> Result<String> {
        let name = cx.name();
        self.call(format!("create {}/{name}", K::NAME)).await?;
        let id = {
            let mut next = self.next.lock().unwrap();
            *next += 1;
            format!("{}-{next}", K::NAME)
        };
        {
            let mut rows = self.rows.lock().unwrap();
            for held in &holds {
                rows.get(held).with_context(|| format!("no such {held}"))?;
            }
            let found = Arc::new(Found::ready(name, spec, id.clone()));
            rows.insert(id.clone(), Row { found, holds });
        }
        self.look();
        Ok(id)
    }

    fn all<K: Kind<Cloud = Self>>(&self) -> Vec<Found<K>> {
        let rows = self.rows.lock().unwrap();
        rows.values().filter_map(|r| r.found.downcast_ref::<Found<K>>().cloned()).collect()
    }

    async fn change<K: Kind<Cloud = Self, Live = String>>(
        &self,
        found: &Found<K>,
        what: &str,
        spec: K,
        holds: Vec<String>,
    ) -> Result<()> {
        self.call(format!("{what} {}", found.address())).await?;
        let found = Found { spec, ..found.clone() };
        self.rows.lock().unwrap().insert(found.live.clone(), Row { found: Arc::new(found), holds });
        Ok(())
    }

    async fn remove<K: Kind<Cloud = Self, Live = String>>(&self, found: &Found<K>) -> Result<()> {
        self.call(format!("delete {}", found.address())).await?;
        {
            let mut rows = self.rows.lock().unwrap();
            if let Some((by, _)) = rows.iter().find(|(_, r)| r.holds.contains(&found.live)) {
                bail!("DependencyViolation: {} is held by {by}", found.live);
            }
            rows.remove(&found.live);
        }
        self.look();
        Ok(())
    }

    /// What stands on this.
    fn holders(&self, id: &str) -> Vec<String> {
        let rows = self.rows.lock().unwrap();
        let holds = rows.iter().filter(|(_, row)| row.holds.iter().any(|held| held == id));
        holds.map(|(id, _)| id.clone()).collect()
    }

    fn look(&self) {
        let (seats, servers) = (self.all::<Seat>().len(), self.all::<Server>().len());
        let mut watch = self.watch.lock().unwrap();
        watch.fewest_seats = Some(watch.fewest_seats.map_or(seats, |fewest| fewest.min(seats)));
        watch.most_servers = watch.most_servers.max(servers);
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

async fn plan(graph: &Graph<Toy>, cloud: &Arc<Toy>) -> Result<Plan<Toy>> {
    let kinds = erased_kinds!(Net, Server, Group, Seat, Store, Cluster);
    Plan::new(graph, Inventory::take(&kinds, cloud.as_ref()).await?)
}

/// Plans and runs; returns a line for each step that did not succeed.
async fn apply(graph: &Graph<Toy>, cloud: &Arc<Toy>, at_once: usize) -> Vec<String> {
    apply_until(graph, cloud, at_once, Stop::default()).await
}

async fn apply_until(
    graph: &Graph<Toy>,
    cloud: &Arc<Toy>,
    at_once: usize,
    stop: Stop,
) -> Vec<String> {
    let plan = plan(graph, cloud).await.unwrap();
    cloud.log.lock().unwrap().clear();
    *cloud.watch.lock().unwrap() = Watch::default();
    cloud.look();
    let at_once = NonZeroUsize::new(at_once).unwrap();
    let ended = plan.run(cloud.clone(), at_once, Reporter::default(), stop).await;
    ended
        .into_iter()
        .filter_map(|(address, action, outcome)| {
            let verb = action.verb();
            match outcome {
                Outcome::Done => None,
                Outcome::Failed(error) => Some(format!("{error:#}")),
                Outcome::Skipped { because } => {
                    Some(format!("{verb} {address}: waits for {because}"))
                }
                Outcome::Interrupted => Some(format!("{verb} {address}: interrupted")),
            }
        })
        .collect()
}
