//! A thread that drives one case after another, and is left behind when it does not come back.

use std::{
    cell::RefCell,
    fs,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Once, mpsc},
    thread,
    time::{Duration, Instant},
};

/// How a good file and a bad one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// There is a plan.
    Accepted,
    /// There are mistakes.
    Refused,
}

/// The ending, or which promise was broken.
pub(crate) type Verdict = Result<Ending, String>;

pub(crate) type Drive<C> = fn(&C) -> Verdict;

thread_local! {
    /// What a panic on a worker's thread said; `None` on every other thread.
    static LAST_WORDS: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The most that one case may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    /// Of a processor: what others do on this machine does not count.
    pub(crate) work: Duration,
    /// Of the day: a case that waits for something does no work.
    pub(crate) wait: Duration,
}

pub(crate) struct Worker<C> {
    drive: Drive<C>,
    deadline: Deadline,
    cases: mpsc::Sender<Arc<C>>,
    verdicts: mpsc::Receiver<Verdict>,
    /// Where Linux tells how much the thread has worked.
    clock: Option<String>,
}

impl<C: Send + Sync + 'static> Worker<C> {
    pub(crate) fn new(drive: Drive<C>, deadline: Deadline) -> Self {
        listen_to_panics();
        let (cases, inbox) = mpsc::channel::<Arc<C>>();
        let (outbox, verdicts) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            LAST_WORDS.set(Some(String::new()));
            let thread = fs::read_link("/proc/thread-self");
            tell.send(thread.ok().map(|path| format!("/proc/{}/schedstat", path.display()))).ok();
            for case in inbox {
                let verdict = panic::catch_unwind(AssertUnwindSafe(|| drive(&case)));
                let said = || LAST_WORDS.with_borrow(|words| words.clone().unwrap_or_default());
                if outbox.send(verdict.unwrap_or_else(|_| Err(said()))).is_err() {
                    return;
                }
            }
        });
        let clock = told.recv().expect("the worker begins with telling its clock");
        Self { drive, deadline, cases, verdicts, clock }
    }

    /// Drives a case. One that is not back in time keeps its thread, and the next gets a new one.
    pub(crate) fn judge(&mut self, case: &Arc<C>) -> Verdict {
        let (begun, before) = (Instant::now(), self.worked());
        self.cases.send(case.clone()).expect("the worker waits for a case");
        loop {
            let look = self.deadline.work.min(self.deadline.wait);
            if let Ok(verdict) = self.verdicts.recv_timeout(look) {
                return verdict;
            }
            let (waited, worked) = (begun.elapsed(), self.worked().saturating_sub(before));
            if waited >= self.deadline.wait || worked >= self.deadline.work {
                *self = Self::new(self.drive, self.deadline);
                return Err(format!("it is not back after {worked:.1?} of work in {waited:.1?}"));
            }
        }
    }

    /// How much of a processor the thread has had; nothing where the system does not tell.
    fn worked(&self) -> Duration {
        let text = self.clock.as_ref().and_then(|path| fs::read_to_string(path).ok());
        let nanoseconds = text.and_then(|text| text.split(' ').next()?.parse().ok());
        Duration::from_nanos(nanoseconds.unwrap_or_default())
    }
}

/// Keeps what panics on workers say, so that shrinking does not flood the terminal.
fn listen_to_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let worker = LAST_WORDS.with_borrow_mut(|words| {
                words.as_mut().map(|words| *words = format!("it panics: {info}"))
            });
            if worker.is_none() {
                usual(info);
            }
        }));
    });
}
