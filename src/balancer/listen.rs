//! The listeners: sockets on loopback, and the connections that come in there.

use super::{Shared, forward, tls, wanted::Listener};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

/// What a listener is at the moment; none: it is gone.
type Present = watch::Receiver<Option<Arc<Ready>>>;

/// A listener, with its certificate read.
struct Ready {
    wanted: Listener,
    tls: Option<TlsAcceptor>,
}

/// How long a client may take to begin: a TLS handshake, or the head of its first request.
const PATIENCE: Duration = Duration::from_mins(1);

/// All listeners, by address. One that is dropped is gone, with its connections.
#[derive(Default)]
pub(super) struct Listeners(HashMap<String, watch::Sender<Option<Arc<Ready>>>>);

impl Listeners {
    /// Opens and closes sockets. One that stays keeps its connections, whatever changes behind it.
    pub(super) async fn become_wanted(
        &mut self,
        shared: &Arc<Shared>,
        wanted: HashMap<String, Listener>,
    ) {
        self.0.retain(|address, _| wanted.contains_key(address));
        for (address, wanted) in wanted {
            let present = self.0.get(&address).map(|is| is.borrow().clone());
            if present.flatten().is_some_and(|is| is.wanted == wanted) {
                continue;
            }
            if let Err(error) = self.open(shared, &address, wanted).await {
                (shared.tell)(&json!({ "error": format!("{address}: {error:#}") }));
            }
        }
    }

    async fn open(
        &mut self,
        shared: &Arc<Shared>,
        address: &str,
        wanted: Listener,
    ) -> anyhow::Result<()> {
        let tls = wanted.certificate.as_ref().map(tls::acceptor).transpose()?;
        let ready = Some(Arc::new(Ready { wanted, tls }));
        if let Some(is) = self.0.get(address) {
            is.send_replace(ready);
            return Ok(());
        }
        let socket = TcpListener::bind(address).await?;
        let is = watch::Sender::new(ready);
        tokio::spawn(accept(shared.clone(), is.subscribe(), socket));
        self.0.insert(address.to_owned(), is);
        Ok(())
    }
}

async fn accept(shared: Arc<Shared>, present: Present, socket: TcpListener) {
    let mut gone = present.clone();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = gone.wait_for(Option::is_none) => return,
        };
        let Ok((stream, peer)) = accepted else { continue };
        stream.set_nodelay(true).ok();
        let (shared, present) = (shared.clone(), present.clone());
        tokio::spawn(connection(shared, present, stream, peer));
    }
}

async fn connection(
    shared: Arc<Shared>,
    mut present: Present,
    stream: TcpStream,
    peer: SocketAddr,
) {
    let tls = present.borrow().as_ref().and_then(|ready| ready.tls.clone());
    let mut gone = present.clone();
    let served = async {
        match tls {
            None => http(shared, &mut present, stream, peer).await,
            Some(tls) => {
                if let Ok(Ok(stream)) = timeout(PATIENCE, tls.accept(stream)).await {
                    http(shared, &mut present, stream, peer).await;
                }
            }
        }
    };
    tokio::select! {
        () = served => {}
        _ = gone.wait_for(Option::is_none) => {}
    }
}

async fn http<S>(shared: Arc<Shared>, present: &mut Present, stream: S, peer: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let present = present.clone();
    let answer = service_fn(move |request| {
        let ready = present.borrow().clone();
        let shared = shared.clone();
        async move {
            Ok::<_, hyper::Error>(match ready {
                Some(ready) => forward::answer(&shared, &ready.wanted, peer, request).await,
                None => super::own(hyper::StatusCode::SERVICE_UNAVAILABLE),
            })
        }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // A client that goes away in the middle is nothing to tell anybody.
    server.serve_connection(TokioIo::new(stream), answer).with_upgrades().await.ok();
}
