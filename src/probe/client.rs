//! One user's connections: HTTP/1.1, plain or by TLS, kept alive as a browser keeps them.

use super::{
    aim::{Aim, Target},
    jar::Jar,
    tls,
};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    HeaderMap, Request, StatusCode,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header::{ACCEPT, COOKIE, HOST, LOCATION, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use std::{
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Duration, timeout},
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use url::{Position, Url};

/// More than this of an answer is not read.
const LARGEST: usize = 1 << 20;

/// As many redirects as browsers follow at least.
const REDIRECTS: usize = 20;

/// Who asks.
pub(super) const AGENT: &str = concat!("stackctl/", env!("CARGO_PKG_VERSION"));

/// A connection's two directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Why a request failed, in words by which failures are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How connections are opened, for all users.
#[derive(Clone)]
pub(super) struct Dialer {
    aim: Aim,
    insecure: bool,
    /// Made when it is needed first: reading the system's certificates takes a while.
    tls: Arc<OnceLock<TlsConnector>>,
    timeout: Duration,
}

/// What a request was answered in the end.
pub(super) struct Answer {
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Whether a request was sent twice, and so may have been counted twice.
    pub repeated: bool,
}

/// One user's cookies, which its requests and its WebSocket share.
#[derive(Clone, Debug, Default)]
pub(super) struct Cookies(Arc<Mutex<Jar>>);

impl Cookies {
    /// The jar, for as long as it takes to look into it.
    pub(super) fn jar(&self) -> MutexGuard<'_, Jar> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One user's connections and cookies.
pub(super) struct Client {
    dialer: Dialer,
    /// The cookies.
    pub cookies: Cookies,
    repeated: bool,
    /// Open connections by scheme, host and port.
    open: Vec<(String, SendRequest<Empty<Bytes>>)>,
}

impl Dialer {
    /// Opens connections so; `insecure` takes any certificate.
    pub(super) fn new(aim: Aim, insecure: bool, timeout: Duration) -> Self {
        Self { aim, insecure, tls: Arc::default(), timeout }
    }

    /// Opens a connection.
    pub(super) async fn dial(&self, url: &Url) -> Result<Box<dyn Stream>, Failure> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = url.port_or_known_default().unwrap_or(80);
        let tcp = match self.aim.at(host, port) {
            Target::Named(name, port) => TcpStream::connect((name, port)).await,
            Target::At(addresses, port) => {
                let all: Vec<_> = addresses.into_iter().map(|ip| (ip, port).into()).collect();
                TcpStream::connect(&*all).await
            }
        };
        let tcp = tcp.map_err(|error| Failure(cannot_connect(&error)))?;
        tcp.set_nodelay(true).ok();
        if url.scheme() != "https" {
            return Ok(Box::new(tcp));
        }
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| Failure(format!("`{host}` can have no certificate")))?;
        let connector = self.tls.get_or_init(|| tls::connector(self.insecure));
        let tls = connector.connect(name, tcp).await;
        Ok(Box::new(tls.map_err(|error| Failure(format!("TLS: {error}")))?))
    }

    /// What takes longer than a request may is a failure.
    pub(super) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let limit = self.timeout;
        let late = || Failure(format!("no answer within {}", humantime::format_duration(limit)));
        timeout(limit, work).await.unwrap_or_else(|_| Err(late()))
    }
}

/// The usual reasons in words that are the same for every connection.
fn cannot_connect(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::ConnectionReset => "connection reset".into(),
        _ => format!("cannot connect: {error}"),
    }
}

impl Client {
    /// A new user.
    pub(super) fn new(dialer: Dialer) -> Self {
        Self { dialer, cookies: Cookies::default(), repeated: false, open: Vec::new() }
    }

    /// Asks, keeps the cookies, and follows redirects within the host.
    ///
    /// # Errors
    /// Whatever is no good answer: no connection, no answer in time, a status of 400 and above, a
    /// redirect to another host.
    pub(super) async fn get(&mut self, url: &Url) -> Result<Answer, Failure> {
        let dialer = self.dialer.clone();
        self.repeated = false;
        let answer = dialer.in_time(self.follow(url)).await;
        if answer.is_err() {
            // What comes late on it would be taken for the answer to the next request.
            self.open.clear();
        }
        answer
    }

    async fn follow(&mut self, url: &Url) -> Result<Answer, Failure> {
        let mut at = url.clone();
        for _ in 0..=REDIRECTS {
            let (status, headers, body) = self.ask(&at).await?;
            self.cookies.jar().keep(&at, &headers);
            if !status.is_redirection() {
                return if status.is_success() {
                    Ok(Answer { headers, body, repeated: self.repeated })
                } else {
                    Err(Failure(status.to_string()))
                };
            }
            at = redirected(&at, status, &headers)?;
        }
        Err(Failure(format!("more than {REDIRECTS} redirects")))
    }

    /// One request. Where the server has closed an idle connection meanwhile, a browser asks again
    /// on a new one.
    async fn ask(&mut self, url: &Url) -> Result<(StatusCode, HeaderMap, Bytes), Failure> {
        let origin = &url[..Position::AfterPort];
        if let Some(at) = self.open.iter().position(|(there, _)| there == origin) {
            let (origin, mut sender) = self.open.swap_remove(at);
            if sender.ready().await.is_ok() {
                match exchange(&mut sender, self.request(url)?).await {
                    Ok(answer) => {
                        self.open.push((origin, sender));
                        return Ok(answer);
                    }
                    Err(Broken { stale: true, .. }) => self.repeated = true,
                    Err(broken) => return Err(broken.why),
                }
            }
        }
        let io = TokioIo::new(self.dialer.dial(url).await?);
        let (mut sender, connection) =
            http1::handshake(io).await.map_err(|error| Failure(words(&error)))?;
        tokio::spawn(connection);
        let answer = exchange(&mut sender, self.request(url)?).await;
        let answer = answer.map_err(|broken| broken.why)?;
        self.open.push((origin.to_owned(), sender));
        Ok(answer)
    }

    fn request(&self, url: &Url) -> Result<Request<Empty<Bytes>>, Failure> {
        let path = &url[Position::BeforePath..Position::AfterQuery];
        let mut request = Request::get(path)
            .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, "application/json, */*;q=0.8");
        if let Some(cookies) = self.cookies.jar().header(url) {
            request = request.header(COOKIE, cookies);
        }
        request.body(Empty::new()).map_err(|error| Failure(error.to_string()))
    }
}

/// An exchange that broke off.
struct Broken {
    why: Failure,
    /// Before anything of an answer had come.
    stale: bool,
}

async fn exchange(
    sender: &mut SendRequest<Empty<Bytes>>,
    request: Request<Empty<Bytes>>,
) -> Result<(StatusCode, HeaderMap, Bytes), Broken> {
    let answer = sender.send_request(request).await.map_err(|error| Broken {
        stale: error.is_canceled()
            || error.is_closed()
            || error.is_incomplete_message()
            || is_reset(&error),
        why: Failure(words(&error)),
    })?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, LARGEST).collect().await.map_err(|error| Broken {
        why: Failure(match error.downcast_ref::<hyper::Error>() {
            Some(error) => words(error),
            None => "an answer of more than 1 MiB".into(),
        }),
        stale: false,
    })?;
    Ok((head.status, head.headers, body.to_bytes()))
}

fn io_kind(error: &hyper::Error) -> Option<io::ErrorKind> {
    let source = std::error::Error::source(error)?;
    source.downcast_ref::<io::Error>().map(io::Error::kind)
}

fn is_reset(error: &hyper::Error) -> bool {
    matches!(io_kind(error), Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe))
}

fn words(error: &hyper::Error) -> String {
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return "connection closed before the answer".into();
    }
    match io_kind(error) {
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
            "connection reset".into()
        }
        _ => error.to_string(),
    }
}

/// Where a redirect leads, if that is within the host.
fn redirected(at: &Url, status: StatusCode, headers: &HeaderMap) -> Result<Url, Failure> {
    let location = headers.get(LOCATION).and_then(|location| location.to_str().ok());
    let location = location.ok_or_else(|| Failure(format!("{status} without a Location")))?;
    let to = at.join(location).map_err(|_| Failure(format!("{status} to what is no URL")))?;
    if !matches!(to.scheme(), "http" | "https") || to.host() != at.host() {
        let host = to.host_str().unwrap_or_default();
        return Err(Failure(format!("{status} to another host, {host}")));
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(location: &str) -> Result<String, Failure> {
        let at: Url = "http://shop.test/a/b".parse().unwrap();
        let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
        redirected(&at, StatusCode::FOUND, &headers).map(String::from)
    }

    #[test]
    fn a_redirect_is_followed_within_the_host_only() {
        assert_eq!(to("/c").unwrap(), "http://shop.test/c");
        assert_eq!(to("c?d=1").unwrap(), "http://shop.test/a/c?d=1");
        assert_eq!(to("https://shop.test:443/").unwrap(), "https://shop.test/");
        assert!(to("https://login.test/").unwrap_err().0.ends_with("another host, login.test"));
        assert!(to("ftp://shop.test/").is_err());
    }
}
