//! One user's WebSocket, held open to the end; each break is counted, and it is opened again.

use super::client::{AGENT, Cookies, Dialer, Failure, Stream};
use crate::engine::Stop;
use futures::{SinkExt, StreamExt};
use hyper::header::{COOKIE, HeaderValue, ORIGIN, USER_AGENT};
use std::collections::BTreeMap;
use tokio::{
    sync::Notify,
    time::{Duration, Instant, interval_at, sleep},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};
use url::Url;

/// How long after a break it is opened again.
const AGAIN: Duration = Duration::from_millis(500);

/// How often something is sent, so that no load balancer takes it for idle (an ALB does after 60 s).
const PING: Duration = Duration::from_secs(10);

/// What became of one user's WebSocket.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    /// How often it was opened.
    pub opened: u64,
    /// How often it broke.
    pub broken: u64,
    /// How often it could not be opened.
    pub refused: u64,
    /// Why, and how often.
    pub reasons: BTreeMap<String, u64>,
}

/// How a user and its WebSocket wait for each other: as in a browser, the page comes first.
#[derive(Debug, Default)]
pub(super) struct Meeting {
    page: Notify,
    tried: Notify,
}

impl Meeting {
    /// The page is there: waits until it was tried to open the WebSocket.
    pub(super) async fn page_is_there(&self) {
        self.page.notify_one();
        self.tried.notified().await;
    }
}

/// Holds it open until it is `over`; `broke` is called at every break.
pub(super) async fn hold(
    dialer: &Dialer,
    url: &Url,
    cookies: &Cookies,
    meeting: &Meeting,
    over: &Stop,
    broke: impl Fn(),
) -> Held {
    let mut held = Held::default();
    tokio::select! {
        () = over.raised() => return held,
        () = meeting.page.notified() => {}
    }
    let count = |reasons: &mut BTreeMap<String, u64>, Failure(why)| {
        *reasons.entry(why).or_default() += 1;
        broke();
    };
    while !over.is_raised() {
        let opened = tokio::select! {
            () = over.raised() => break,
            opened = dialer.in_time(open(dialer, url, cookies)) => opened,
        };
        meeting.tried.notify_one();
        match opened {
            Ok(socket) => {
                held.opened += 1;
                if let Err(failure) = until_over(dialer, socket, over).await {
                    held.broken += 1;
                    count(&mut held.reasons, failure);
                }
            }
            Err(failure) => {
                held.refused += 1;
                count(&mut held.reasons, failure);
            }
        }
        tokio::select! {
            () = over.raised() => {}
            () = sleep(AGAIN) => {}
        }
    }
    held
}

async fn open(
    dialer: &Dialer,
    url: &Url,
    cookies: &Cookies,
) -> Result<WebSocketStream<Box<dyn Stream>>, Failure> {
    let sent = cookies.jar().header(url);
    let origin = url.origin().ascii_serialization();
    // `ws` is to `http` as `wss` is to `https`.
    let socket = url.as_str().replacen("http", "ws", 1);
    let mut request = socket.into_client_request().map_err(|error| failure(&error))?;
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    for (name, value) in [(ORIGIN, Some(origin)), (COOKIE, sent)] {
        if let Some(value) = value.and_then(|value| value.try_into().ok()) {
            headers.insert(name, value);
        }
    }
    let stream = dialer.dial(url).await?;
    let (socket, answer) = client_async(request, stream).await.map_err(|error| failure(&error))?;
    cookies.jar().keep(url, answer.headers());
    Ok(socket)
}

/// Waits until it is over; an error when the WebSocket breaks before.
async fn until_over(
    dialer: &Dialer,
    mut socket: WebSocketStream<Box<dyn Stream>>,
    over: &Stop,
) -> Result<(), Failure> {
    let mut ping = interval_at(Instant::now() + PING, PING);
    let mut answered = true;
    loop {
        tokio::select! {
            () = over.raised() => {
                // That the other side does not answer the farewell is nobody's loss.
                tokio::time::timeout(AGAIN, socket.close(None)).await.ok();
                return Ok(());
            }
            got = socket.next() => match got {
                Some(Ok(Message::Close(_))) | None => return Err(Failure("closed".into())),
                Some(Ok(_)) => answered = true,
                Some(Err(error)) => return Err(failure(&error)),
            },
            _ = ping.tick() => {
                if !answered {
                    return Err(Failure("no answer to a ping".into()));
                }
                answered = false;
                let sent = socket.send(Message::Ping(Vec::new().into()));
                dialer.in_time(async { sent.await.map_err(|error| failure(&error)) }).await?;
            }
        }
    }
}

fn failure(error: &Error) -> Failure {
    Failure(match error {
        Error::Http(answer) => format!("not opened: {}", answer.status()),
        Error::ConnectionClosed | Error::AlreadyClosed => "closed".into(),
        Error::Protocol(_) | Error::Io(_) => "connection broken".into(),
        other => other.to_string(),
    })
}
