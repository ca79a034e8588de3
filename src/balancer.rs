//! A load balancer on loopback that keeps sessions together as an AWS Application Load Balancer does.
//!
//! It serves what the bundled emulator only keeps on record. Each line on stdin is the whole wanted
//! state as JSON (`wanted::State`) and takes effect at once, without a request that fails. Each
//! line on stdout tells that a state is in force, what a target's health has become, that a target
//! is drained, or how many requests the targets have had. It ends when stdin does.

mod cookies;
mod forward;
mod headers;
mod health;
mod listen;
mod pool;
mod tls;
mod wanted;

use forward::Client;
use hyper::{Response, StatusCode, body::Bytes, header};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    io::Write as _,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    time::sleep,
};

/// What all parts see.
struct Shared {
    groups: RwLock<HashMap<String, Arc<pool::Group>>>,
    seal: RwLock<Arc<cookies::Seal>>,
    client: Client,
    /// Takes what is to be told.
    tell: Box<dyn Fn(&Value) + Send + Sync>,
}

impl Shared {
    fn new(tell: impl Fn(&Value) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            groups: RwLock::default(),
            seal: RwLock::new(Arc::new(cookies::Seal::new(""))),
            client: forward::client(),
            tell: Box::new(tell),
        })
    }

    fn group(&self, name: &str) -> Option<Arc<pool::Group>> {
        self.groups.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// By group and target: the requests so far, and how many of them were bound to their target.
    fn counts(&self) -> Value {
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        let of_targets = |group: &pool::Group| -> Value {
            group.targets.iter().map(|target| (target.id.clone(), json!(target.counts()))).collect()
        };
        groups.iter().map(|(name, group)| (name.clone(), of_targets(group))).collect()
    }

    fn seal(&self) -> Arc<cookies::Seal> {
        self.seal.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn seal_by(&self, secret: &str) {
        let seal = Arc::new(cookies::Seal::new(secret));
        *self.seal.write().unwrap_or_else(PoisonError::into_inner) = seal;
    }
}

/// Serves until stdin ends.
///
/// # Errors
/// None at present: what is wrong with a state is told on stdout.
pub async fn run() -> std::io::Result<()> {
    let shared = Shared::new(say);
    let mut listeners = listen::Listeners::default();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    tokio::spawn(tell_counts(shared.clone()));
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str::<wanted::State>(&line) {
            Ok(state) => become_wanted(&shared, &mut listeners, state).await,
            Err(error) => say(&json!({ "error": error.to_string() })),
        }
    }
    Ok(())
}

async fn become_wanted(
    shared: &Arc<Shared>,
    listeners: &mut listen::Listeners,
    state: wanted::State,
) {
    shared.seal_by(&state.secret);
    pool::become_wanted(shared, state.groups);
    listeners.become_wanted(shared, state.listeners).await;
    (shared.tell)(&json!({ "ready": state.version }));
}

/// How often it is told how many requests the targets have had.
const COUNTED: Duration = Duration::from_secs(1);

async fn tell_counts(shared: Arc<Shared>) {
    let mut told = Value::Null;
    loop {
        sleep(COUNTED).await;
        let counts = shared.counts();
        if counts != told {
            (shared.tell)(&json!({ "requests": counts }));
            told = counts;
        }
    }
}

/// Writes one whole line to stdout.
fn say(line: &Value) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _held = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut out = std::io::stdout().lock();
    // Nobody is left to be told that nobody reads.
    writeln!(out, "{line}").and_then(|()| out.flush()).ok();
}

/// An answer of the balancer's own, as AWS words it.
fn own(status: StatusCode) -> Response<forward::Body> {
    let text = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1>\
         </center>\r\n</body>\r\n</html>\r\n"
    );
    let mut response = Response::new(forward::whole(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::SERVER, headers::AWS);
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/html"));
    response
}

#[cfg(test)]
mod tests;
