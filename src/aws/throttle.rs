//! The way of every call to AWS: it waits for a token and for a lock in doubt, and gives up where
//! nobody ever answers.

use super::{
    buckets::{Buckets, Family},
    failure::THROTTLES,
    lock::{Fence, Keeper},
};
use aws_sdk_sts::config::{
    ConfigBag, HttpClient, Intercept, RuntimeComponents, SharedHttpClient,
    interceptors::{BeforeTransmitInterceptorContextMut, FinalizerInterceptorContextRef},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse, Metadata},
        result::ConnectorError,
    },
};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::time::Instant;

/// An endpoint that has not answered anything for so long since the first call is not there: a
/// wrong address, a machine without a network.
const SILENCE: Duration = Duration::from_secs(15);

/// Holds every attempt until its family's bucket has a token for it.
///
/// It is an interceptor, which knows the call and sees the answer, and wraps the HTTP client,
/// which can wait. The wait lies outside the connect and read time-outs, which belong to the
/// client within, and inside the operation's.
#[derive(Clone, Debug, Default)]
pub struct Throttle(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    buckets: Buckets,
    fence: Fence,
    /// When the first call was sent.
    began: OnceLock<Instant>,
    /// Set once anything was answered.
    heard: OnceLock<()>,
}

impl Throttle {
    /// One that lets nothing but the lock's own calls pass while that fence is closed.
    pub fn behind(fence: &Fence) -> Self {
        Self(Arc::new(Shared { fence: fence.clone(), ..Shared::default() }))
    }

    /// The client that waits before it sends through `inner`.
    pub fn before(&self, inner: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Waiting { throttle: self.clone(), inner })
    }
}

impl Intercept for Throttle {
    fn name(&self) -> &'static str {
        "Throttle"
    }

    fn modify_before_transmit(
        &self,
        call: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(family) = family(bag) {
            call.request_mut().add_extension(family);
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        call: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(family) = family(bag).filter(|_| call.response().is_some_and(is_throttle)) {
            self.0.buckets.empty(family);
        }
        Ok(())
    }
}

fn family(bag: &ConfigBag) -> Option<Family> {
    bag.load::<Metadata>().map(|call| Family::of(call.service(), call.name()))
}

/// Whether an answer says that there are too many calls: in XML or JSON, by one of AWS's codes.
fn is_throttle(answer: &HttpResponse) -> bool {
    if answer.status().is_success() {
        return false;
    }
    let text = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default());
    let says = |code: &&str| {
        text.match_indices(*code).any(|(at, code)| {
            text[at + code.len()..].starts_with(['<', '"']) && text[..at].ends_with(['>', '"', '#'])
        })
    };
    answer.status().as_u16() == 429 || THROTTLES.iter().any(says)
}

/// An HTTP client whose connectors wait for their turn.
#[derive(Clone, Debug)]
struct Waiting<T> {
    throttle: Throttle,
    inner: T,
}

impl HttpClient for Waiting<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Waiting { throttle: self.throttle.clone(), inner })
    }
}

impl HttpConnector for Waiting<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { throttle, inner } = self.clone();
        HttpConnectorFuture::new(async move {
            let shared = throttle.0;
            if let Some(family) = request.extension::<Family>() {
                shared.buckets.take(*family).await;
            }
            if request.extension::<Keeper>().is_none() {
                let passed = shared.fence.pass().await;
                passed.map_err(|why| ConnectorError::other(why.into(), None))?;
            }
            let began = *shared.began.get_or_init(Instant::now);
            let answer = inner.call(request).await;
            match answer {
                Ok(_) => drop(shared.heard.set(())),
                Err(error) if shared.heard.get().is_none() && began.elapsed() >= SILENCE => {
                    return Err(for_good(error));
                }
                Err(_) => {}
            }
            answer
        })
    }
}

/// The same error as one after which the SDK does not try again.
fn for_good(error: ConnectorError) -> ConnectorError {
    ConnectorError::other(error.into(), None)
}

#[cfg(test)]
mod tests;
