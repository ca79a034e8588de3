//! What a kind may use while it works: the cloud, its dependencies' live data, and a way to wait.

use super::{
    address::{Address, Id, Ref, Target},
    event::{Event, Reporter},
    kind::Kind,
    preflight::Outlook,
    stop::{Interrupted, Stop},
};
use anyhow::{Context, Result, bail};
use std::{any::Any, collections::HashMap, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// The live data of a resource with its type forgotten.
pub type Output = Arc<dyn Any + Send + Sync>;

/// The working context of one step.
pub struct Cx<C> {
    /// The world the kinds live in.
    pub cloud: Arc<C>,
    pub(super) address: Address,
    pub(super) outputs: HashMap<Address, Output>,
    pub(super) outlook: Arc<Outlook>,
    pub(super) events: Reporter,
    pub(super) stop: Stop,
}

/// What one look at a changing resource tells.
#[derive(Debug)]
pub enum Probe<T> {
    /// It is as it should be.
    Ready(T),
    /// Not yet; the note, AWS's own word for the state, is shown beside the spinner.
    Pending(String),
    /// It will never get there, and why.
    Failed(String),
}

impl<T> Probe<T> {
    /// The same look at something made of what is ready.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Probe<U> {
        match self {
            Self::Ready(value) => Probe::Ready(make(value)),
            Self::Pending(note) => Probe::Pending(note),
            Self::Failed(why) => Probe::Failed(why),
        }
    }
}

/// How often to look, and how long at most.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The longest pause between two looks; the first pauses are shorter.
    pub every: Duration,
    /// When to give up.
    pub limit: Duration,
}

impl Pace {
    /// Looks at most `every` seconds apart, for `limit` seconds.
    pub const fn seconds(every: u64, limit: u64) -> Self {
        Self { every: Duration::from_secs(every), limit: Duration::from_secs(limit) }
    }
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);

impl<C> Cx<C> {
    /// A context outside any plan, for one piece of work on one resource.
    pub fn alone(cloud: Arc<C>, address: Address) -> Self {
        Self {
            cloud,
            address,
            outputs: HashMap::new(),
            outlook: Arc::default(),
            events: Reporter::default(),
            stop: Stop::default(),
        }
    }

    /// The same context with one more dependency in place, and a reference to it.
    #[must_use]
    pub fn with<K: Kind>(mut self, name: &str, live: K::Live) -> (Self, Ref<K>) {
        let name: Arc<str> = name.into();
        self.outputs.insert(Address { kind: K::NAME, name: name.clone() }, Arc::new(live));
        (self, Ref::named(name))
    }

    /// The live data of a resource this one refers to.
    ///
    /// # Errors
    /// When the reference is a found one, or points at something that is not in place.
    pub fn get<K: Kind>(&self, to: &Ref<K>) -> Result<K::Live> {
        let Target::Name(name) = &to.target else { bail!("a found reference cannot be resolved") };
        let address = Address { kind: K::NAME, name: name.clone() };
        self.outputs
            .get(&address)
            .and_then(|o| o.downcast_ref::<K::Live>())
            .cloned()
            .with_context(|| format!("{address} is not in place"))
    }

    /// The live data of everything of a kind that stays, and of what has been made so far.
    pub fn all<K: Kind>(&self) -> Vec<K::Live> {
        let mut all: Vec<_> = self.outputs.iter().filter(|(at, _)| at.kind == K::NAME).collect();
        all.sort_by_key(|(at, _)| *at);
        all.into_iter().filter_map(|(_, o)| o.downcast_ref::<K::Live>()).cloned().collect()
    }

    /// Whether the plan deletes the one of this kind that has this id.
    pub fn goes<K: Kind>(&self, id: &str) -> bool {
        self.outlook.goes.contains(&Id { kind: K::NAME, id: id.into() })
    }

    /// The name of the resource being worked on.
    pub fn name(&self) -> &str {
        &self.address.name
    }

    /// The address of the resource being worked on.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Tells the user what is being waited for.
    pub fn note(&self, note: impl Into<String>) {
        self.events.send(Event::Waiting { address: self.address.clone(), note: note.into() });
    }

    /// Waits.
    ///
    /// # Errors
    /// [`Interrupted`] when stopping was asked for.
    pub async fn pause(&self, pause: Duration) -> Result<()> {
        tokio::select! {
            () = self.stop.raised() => bail!(Interrupted),
            () = sleep(pause) => Ok(()),
        }
    }

    /// Looks again and again until the resource is ready, or fails, or the limit is up.
    ///
    /// # Errors
    /// What the probe reports as failed; the last note when the limit is up; [`Interrupted`] when
    /// stopping was asked for.
    pub async fn until<T, F>(&self, pace: Pace, mut probe: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<Probe<T>>> + Send,
    {
        let start = Instant::now();
        let mut pause = FIRST_PAUSE.min(pace.every);
        loop {
            match probe().await? {
                Probe::Ready(value) => return Ok(value),
                Probe::Failed(why) => bail!(why),
                Probe::Pending(note) if start.elapsed() >= pace.limit => {
                    bail!("still {note} after {}s", pace.limit.as_secs())
                }
                Probe::Pending(note) => self.note(note),
            }
            self.pause(pause).await?;
            pause = pause.mul_f64(1.5).min(pace.every);
        }
    }
}
