//! Carrying out a plan: one coordinator owns all state, every step runs in its own task.

use super::{
    address::Address,
    context::{Cx, Output},
    event::{Event, Reporter},
    plan::Plan,
    preflight::Outlook,
    step::{Action, Step, Work},
    stop::{Interrupted, Stop},
};
use anyhow::{Context, Result};
use std::{collections::HashMap, num::NonZeroUsize, sync::Arc, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// How a step ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It succeeded.
    Done,
    /// It failed, and why.
    Failed(Arc<anyhow::Error>),
    /// It was not tried, because the named one failed.
    Skipped {
        /// The root cause.
        because: Address,
    },
    /// It was left, or not begun, because stopping was asked for.
    Interrupted,
}

/// How long calls in flight may take to end once stopping was asked for. CI systems kill ten
/// seconds after their first signal, and there is tidying up after this.
pub const GRACE: Duration = Duration::from_millis(5_500);

impl<C: Send + Sync + 'static> Plan<C> {
    /// Runs every step once its forerunners succeeded; a failure holds back only what needs it.
    ///
    /// At most `at_once` steps run at a time; of those that could start, the one with the longest
    /// way to go behind it starts first. When `stop` is raised nothing new is started, waits are
    /// left, and calls in flight get [`GRACE`] to end.
    pub async fn run(
        self,
        cloud: Arc<C>,
        at_once: NonZeroUsize,
        events: Reporter,
        stop: Stop,
    ) -> Vec<(Address, Action, Outcome)> {
        let outlook = Outlook::of(&self.steps);
        let poles = longest_poles(&self.steps);
        let mut order: Vec<usize> = (0..self.steps.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(poles[i]));
        let run = Run {
            outcomes: self.steps.iter().map(|_| None).collect(),
            started: vec![None; self.steps.len()],
            steps: self.steps.into_iter().map(Arc::new).collect(),
            outputs: self.kept,
            running: JoinSet::new(),
            at_once,
            order,
            cloud,
            outlook,
            events,
            stop,
        };
        run.carry_out().await
    }
}

/// For each step, how long the longest chain of steps usually takes that begins with it.
fn longest_poles<C>(steps: &[Step<C>]) -> Vec<Duration> {
    let mut poles: Vec<Duration> = steps.iter().map(|s| s.usual).collect();
    for i in (0..steps.len()).rev() {
        for &before in &steps[i].after {
            poles[before] = poles[before].max(steps[before].usual + poles[i]);
        }
    }
    poles
}

struct Run<C> {
    steps: Vec<Arc<Step<C>>>,
    order: Vec<usize>,
    started: Vec<Option<Instant>>,
    outcomes: Vec<Option<Outcome>>,
    outputs: HashMap<Address, Output>,
    running: JoinSet<(usize, Result<Option<Output>>)>,
    at_once: NonZeroUsize,
    cloud: Arc<C>,
    outlook: Arc<Outlook>,
    events: Reporter,
    stop: Stop,
}

impl<C: Send + Sync + 'static> Run<C> {
    async fn carry_out(mut self) -> Vec<(Address, Action, Outcome)> {
        let mut deadline = None;
        loop {
            if !self.stop.is_raised() {
                self.start_what_is_ready();
            }
            let grace = deadline.map(|at: Instant| at.saturating_duration_since(Instant::now()));
            tokio::select! {
                done = self.running.join_next() => match done {
                    Some(done) => {
                        let (i, result) = done.expect("a step does not panic");
                        self.end(i, result);
                    }
                    None => break,
                },
                () = self.stop.raised(), if deadline.is_none() => {
                    deadline = Some(Instant::now() + GRACE);
                }
                () = sleep(grace.unwrap_or_default()), if grace.is_some() => break,
            }
        }
        self.running.abort_all();
        for i in 0..self.steps.len() {
            if self.outcomes[i].is_none() {
                self.interrupt(i);
            }
        }
        let outcomes = self.outcomes.into_iter().map(|o| o.expect("every step has ended"));
        let ended = self.steps.iter().zip(outcomes);
        ended.map(|(s, outcome)| (s.address.clone(), s.action(), outcome)).collect()
    }

    fn start_what_is_ready(&mut self) {
        // A step that is skipped may settle others that stand earlier in the order.
        while self.one_pass() {}
    }

    /// Starts or skips what can be, and tells whether anything was skipped.
    fn one_pass(&mut self) -> bool {
        let mut skipped = false;
        for at in 0..self.order.len() {
            let i = self.order[at];
            if self.started[i].is_some() || self.outcomes[i].is_some() {
                continue;
            }
            match self.standing(i) {
                Standing::Ready if self.running.len() < self.at_once.get() => self.start(i),
                Standing::Blocked(by) => {
                    self.skip(i, by);
                    skipped = true;
                }
                Standing::Ready | Standing::Waiting => {}
            }
        }
        skipped
    }

    fn standing(&self, i: usize) -> Standing {
        let mut standing = Standing::Ready;
        for &before in &self.steps[i].after {
            match &self.outcomes[before] {
                Some(Outcome::Done) => {}
                Some(_) => return Standing::Blocked(before),
                None => standing = Standing::Waiting,
            }
        }
        standing
    }

    fn start(&mut self, i: usize) {
        let step = self.steps[i].clone();
        self.started[i] = Some(Instant::now());
        self.events.send(Event::Started {
            address: step.address.clone(),
            action: step.action(),
            usual: step.usual,
        });
        let cx = Cx {
            cloud: self.cloud.clone(),
            address: step.address.clone(),
            outputs: self.outputs.clone(),
            outlook: self.outlook.clone(),
            events: self.events.clone(),
            stop: self.stop.clone(),
        };
        self.running.spawn(async move { (i, perform(&step, &cx).await) });
    }

    fn skip(&mut self, i: usize, by: usize) {
        let because = match &self.outcomes[by] {
            Some(Outcome::Skipped { because }) => because.clone(),
            _ => self.steps[by].address.clone(),
        };
        self.events.send(Event::Skipped {
            address: self.steps[i].address.clone(),
            action: self.steps[i].action(),
            because: because.clone(),
        });
        self.outcomes[i] = Some(Outcome::Skipped { because });
    }

    fn interrupt(&mut self, i: usize) {
        let (address, action) = (self.steps[i].address.clone(), self.steps[i].action());
        self.events.send(Event::Interrupted { address, action });
        self.outcomes[i] = Some(Outcome::Interrupted);
    }

    fn end(&mut self, i: usize, result: Result<Option<Output>>) {
        let (address, action) = (self.steps[i].address.clone(), self.steps[i].action());
        let took = self.started[i].map(|at| at.elapsed()).unwrap_or_default();
        self.outcomes[i] = Some(match result {
            Ok(output) => {
                if let Some(output) = output {
                    self.outputs.insert(address.clone(), output);
                }
                self.events.send(Event::Finished { address, action, took });
                Outcome::Done
            }
            Err(error) if error.is::<Interrupted>() => return self.interrupt(i),
            Err(error) => {
                let error = Arc::new(error);
                self.events.send(Event::Failed { address, action, error: error.clone() });
                Outcome::Failed(error)
            }
        });
    }
}

enum Standing {
    Ready,
    Waiting,
    Blocked(usize),
}

async fn perform<C: 'static>(step: &Step<C>, cx: &Cx<C>) -> Result<Option<Output>> {
    let result = match &step.work {
        Work::Create(wanted) => wanted.create(cx).await.map(Some),
        Work::Update(wanted, found) => {
            wanted.edit(&step.changes, found.as_ref(), cx).await.map(Some)
        }
        Work::Await(found) => found.settle(cx).await.map(Some),
        Work::Delete(found) => found.delete(cx).await.map(|()| None),
    };
    result.with_context(|| format!("cannot {} {}", step.action().verb(), step.address))
}
