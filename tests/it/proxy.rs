//! A faulty AWS: a proxy before the emulator that throttles, fails, forgets, cuts connections and
//! kills who calls it, the same way each time.
//!
//! ```ignore
//! let weather = Weather::calm().seed(7).throttle(0.3).errors(0.05).lose(0.02);
//! let proxy = Proxy::start(emulator::endpoint(), weather);
//! let desk = Desk::at(proxy.endpoint());
//! desk.ok(&["up", "stack.yaml"]);
//! assert!(proxy.count("ec2:CreateVpc") > 1);
//! ```

mod ambush;
mod answers;
mod buckets;
mod call;
mod http;
mod memory;
mod record;
pub(crate) mod refusals;
mod serve;
#[cfg(test)]
mod tests;
mod things;
mod weather;
mod xml;

pub(crate) use self::{
    ambush::Moment,
    answers::Refusal,
    buckets::Bucket,
    record::{Befell, Record},
    things::{Thing, Until},
    weather::{Fault, Weather},
};

use self::{
    ambush::{Ambush, Victim},
    memory::Memory,
    serve::{Shared, State},
    things::Things,
};
use std::{
    collections::BTreeMap,
    process::{Command, Output, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
    time::Instant,
};
use tokio::{net::TcpListener, runtime, sync::oneshot};

/// A running proxy. It ends when it is dropped.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    endpoint: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts one before the emulator at this endpoint. It has a thread and a runtime of its own.
    pub(crate) fn start(upstream: &str, weather: Weather) -> Self {
        let state = State {
            weather,
            calls: 0,
            in_flight: 0,
            log: Vec::new(),
            ambush: None,
            memory: Memory::default(),
            things: Things::default(),
        };
        let shared = Arc::new(Shared {
            upstream: upstream.trim_start_matches("http://").trim_end_matches('/').to_owned(),
            began: Instant::now(),
            state: Mutex::new(state),
            over: Condvar::new(),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let serving = shared.clone();
        let thread = std::thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                serve::serve(serving, listener, stopped).await;
            });
            // A blow may still wait for its victim.
            runtime.shutdown_background();
        });
        Self { shared, endpoint, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// From now on other things go wrong, counted anew. What AWS was slow to know, it knows by now;
    /// what has failed for good stays so.
    pub(crate) fn set(&self, weather: Weather) {
        let mut state = self.shared.state();
        state.weather = weather;
        state.memory = Memory::default();
    }

    /// How many calls have come.
    pub(crate) fn calls(&self) -> u64 {
        self.shared.state().calls
    }

    /// Every call that is over, in the order in which they ended.
    pub(crate) fn log(&self) -> Vec<Arc<Record>> {
        self.shared.state().log.clone()
    }

    /// How many calls that are over fit a pattern: `ec2:Create*`.
    pub(crate) fn count(&self, pattern: &str) -> usize {
        self.log().iter().filter(|record| call::fits(pattern, &record.call)).count()
    }

    /// How many calls met which fault.
    pub(crate) fn faults(&self) -> BTreeMap<Befell, usize> {
        let mut faults = BTreeMap::new();
        for fault in self.log().iter().filter_map(|record| record.fault) {
            *faults.entry(fault).or_default() += 1;
        }
        faults
    }

    /// Waits until no call is under way: those of one who was killed are carried out all the same.
    pub(crate) fn quiet(&self) {
        let busy = |state: &mut State| state.in_flight > 0;
        drop(self.shared.over.wait_while(self.shared.state(), busy).unwrap());
    }

    /// Does this at the `k`-th call from now, which is never answered.
    pub(crate) fn at_call(&self, k: u64, moment: Moment, strike: impl FnOnce() + Send + 'static) {
        let mut state = self.shared.state();
        let at = state.calls + k;
        state.ambush = Some(Ambush { at, moment, strike: Box::new(strike) });
    }

    /// Runs a command and kills it at the `k`-th call; its exit status has no code then. If it ends
    /// before, all is as if nothing had been planned.
    pub(crate) fn run_and_kill(&self, command: &mut Command, k: u64, moment: Moment) -> Output {
        let victim = Victim::default();
        let target = victim.clone();
        self.at_call(k, moment, move || target.kill());
        let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        victim.is(run.id());
        let output = run.wait_with_output().unwrap();
        self.shared.state().ambush = None;
        self.quiet();
        output
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been told already.
            let _ = thread.join();
        }
    }
}
