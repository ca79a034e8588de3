//! A site that keeps sessions in memory and does nothing else: what `stackctl verify` is measured against.
//!
//! `cargo run --release --example site -- 8099`

#![expect(clippy::unwrap_used, reason = "a measurement that cannot begin ends")]

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, COOKIE, SET_COOKIE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() {
    let port: u16 = std::env::args().nth(1).map_or(8099, |port| port.parse().unwrap());
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    // A session's place in the list is its id.
    let sessions: Arc<Mutex<Vec<AtomicU64>>> = Arc::default();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        stream.set_nodelay(true).ok();
        let sessions = sessions.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = visit(&request, &sessions);
            async move { Ok::<_, Infallible>(answer) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn visit(request: &Request<Incoming>, sessions: &Mutex<Vec<AtomicU64>>) -> Response<Full<Bytes>> {
    let cookies = request.headers().get(COOKIE).and_then(|cookies| cookies.to_str().ok());
    let sent = cookies.and_then(|c| c.split("; ").find_map(|pair| pair.strip_prefix("SID=")));
    let mut sessions = sessions.lock().unwrap();
    let known = sent.and_then(|id| id.parse().ok()).filter(|id| *id < sessions.len());
    let id: usize = known.unwrap_or_else(|| {
        sessions.push(AtomicU64::new(0));
        sessions.len() - 1
    });
    let visits = sessions[id].fetch_add(1, Relaxed) + 1;
    let body = format!(
        r#"{{"message": "hello", "visits": {visits}, "session_id": "{id}", "instance": "site"}}"#
    );
    Response::builder()
        .header(CONTENT_TYPE, "application/json")
        .header(SET_COOKIE, format!("SID={id}; Path=/; HttpOnly"))
        .body(Full::new(body.into()))
        .unwrap()
}
