//! Counts the calls made to AWS, and in how many round trips they went one after another.

use aws_sdk_sts::config::{
    ConfigBag, Intercept, RuntimeComponents,
    interceptors::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef},
};
use aws_smithy_runtime_api::box_error::BoxError;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

tokio::task_local! {
    static CHAIN: Arc<Chain>;
}

/// Calls that follow one another: the number of calls that have ended in the longest row.
#[derive(Debug, Default)]
struct Chain {
    ended: AtomicU32,
}

/// A counter shared by all clients.
#[derive(Clone, Default)]
pub struct Meter(Arc<Counts>);

#[derive(Default)]
struct Counts {
    calls: AtomicU32,
    rounds: AtomicU32,
    /// Calls that belong to no row: those of steps, which run beside each other.
    beside: AtomicU32,
}

impl Meter {
    /// Attempts sent so far, repeated ones included.
    pub fn calls(&self) -> u32 {
        self.0.calls.load(Relaxed)
    }

    /// The longest row of calls of which each waited for the one before; `None` once there were
    /// calls outside the rows that are followed, for then the longest is not known.
    pub fn rounds(&self) -> Option<u32> {
        (self.0.beside.load(Relaxed) == 0).then(|| self.0.rounds.load(Relaxed))
    }

    /// Follows `work` as one row of calls.
    pub async fn chain<T>(&self, work: impl Future<Output = T>) -> T {
        CHAIN.scope(Arc::default(), work).await
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Meter({} calls, {:?} rounds)", self.calls(), self.rounds())
    }
}

#[derive(Debug)]
struct Began(u32);

impl aws_smithy_types::config_bag::Storable for Began {
    type Storer = aws_smithy_types::config_bag::StoreReplace<Self>;
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.calls.fetch_add(1, Relaxed);
        match CHAIN.try_with(|chain| chain.ended.load(Relaxed)) {
            Ok(before) => {
                bag.interceptor_state().store_put(Began(before + 1));
            }
            Err(_) => {
                self.0.beside.fetch_add(1, Relaxed);
            }
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        _: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(Began(place)) = bag.load::<Began>() {
            self.0.rounds.fetch_max(*place, Relaxed);
            CHAIN.try_with(|c| c.ended.fetch_max(*place, Relaxed)).ok();
        }
        Ok(())
    }
}
