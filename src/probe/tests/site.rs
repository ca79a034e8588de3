//! A small site on this machine, which keeps sessions well or badly.

use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{COOKIE, LOCATION, SET_COOKIE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::{
    net::TcpListener,
    time::{Duration, sleep},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    },
};
use url::Url;

/// What a request is answered.
pub(super) struct Reply {
    pub status: u16,
    pub body: String,
    pub cookies: Vec<String>,
    pub location: Option<String>,
    pub delay: Duration,
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        let (body, location, delay) = (String::new(), None, Duration::ZERO);
        Self { status, body, cookies: Vec::new(), location, delay }
    }
}

/// What is known of a request.
pub(super) struct Ask {
    /// How many requests there were before.
    pub before: u64,
    pub path: String,
    pub cookies: HashMap<String, String>,
}

/// Sessions in a store that all servers use.
#[derive(Default)]
pub(super) struct Store(Mutex<HashMap<String, i64>>, AtomicU64);

impl Store {
    /// A good answer of this server, by the session that the cookie names or by a new one.
    pub(super) fn visit(&self, ask: &Ask, server: &str) -> Reply {
        self.visit_with(ask, server, "")
    }

    /// The same; the cookie has these attributes.
    pub(super) fn visit_with(&self, ask: &Ask, server: &str, attributes: &str) -> Reply {
        let mut sessions = self.0.lock().unwrap();
        let known = ask.cookies.get("SID").filter(|id| sessions.contains_key(*id)).cloned();
        let id = known.unwrap_or_else(|| format!("s{}-{server}", self.1.fetch_add(1, Relaxed)));
        let visits = sessions.entry(id.clone()).or_default();
        *visits += 1;
        let cookie = format!("SID={id}; Path=/{attributes}");
        let body = format!(
            r#"{{"message": "hello", "visits": {visits}, "session_id": "{id}", "instance": "{server}"}}"#
        );
        Reply { body, cookies: vec![cookie], ..Reply::status(200) }
    }

    /// All sessions are gone.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap().clear();
    }
}

/// Starts a site that answers so, and says where it is.
pub(super) async fn site(answer: impl Fn(&Ask) -> Reply + Send + Sync + 'static) -> Url {
    start(answer, None).await
}

/// The same by HTTPS, with a certificate that nobody vouches for.
pub(super) async fn secure(answer: impl Fn(&Ask) -> Reply + Send + Sync + 'static) -> Url {
    let certificate = CertificateDer::from(&include_bytes!("../../../tests/tls/cert.der")[..]);
    let key = PrivatePkcs8KeyDer::from(&include_bytes!("../../../tests/tls/key.der")[..]);
    let config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .unwrap();
    start(answer, Some(Arc::new(config).into())).await
}

async fn start(
    answer: impl Fn(&Ask) -> Reply + Send + Sync + 'static,
    tls: Option<TlsAcceptor>,
) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let (answer, count) = (Arc::new(answer), Arc::new(AtomicU64::new(0)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (answer, count) = (answer.clone(), count.clone());
            let service = service_fn(move |request: Request<Incoming>| {
                let before = count.fetch_add(1, Relaxed);
                let reply = answer(&asked(before, &request));
                async move {
                    sleep(reply.delay).await;
                    Ok::<_, Infallible>(response(reply))
                }
            });
            let tls = tls.clone();
            tokio::spawn(async move {
                let http = http1::Builder::new();
                match tls {
                    None => http.serve_connection(TokioIo::new(stream), service).await.ok(),
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => {
                            http.serve_connection(TokioIo::new(stream), service).await.ok()
                        }
                        // Who does not trust the certificate goes away.
                        Err(_) => None,
                    },
                }
            });
        }
    });
    url
}

fn asked(before: u64, request: &Request<Incoming>) -> Ask {
    let cookies = request.headers().get(COOKIE).map_or("", |cookies| cookies.to_str().unwrap());
    let pairs = cookies.split("; ").filter_map(|pair| pair.split_once('='));
    let cookies = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ask { before, path: request.uri().path().to_owned(), cookies }
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(StatusCode::from_u16(reply.status).unwrap());
    for cookie in reply.cookies {
        response = response.header(SET_COOKIE, cookie);
    }
    if let Some(location) = reply.location {
        response = response.header(LOCATION, location);
    }
    response.body(Full::new(reply.body.into())).unwrap()
}
