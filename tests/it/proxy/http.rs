//! HTTP/1.1 as far as SDKs and emulators speak it: whole messages read from and written to a socket.

use std::io::{Error, ErrorKind, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What concerns one connection only, and what the body's new form makes wrong.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "content-length",
];

/// The lines between the first one and the body.
#[derive(Clone, Debug, Default)]
pub(super) struct Headers(Vec<(String, String)>);

impl Headers {
    fn read(from: &[httparse::Header<'_>]) -> Self {
        let value = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Self(from.iter().map(|h| (h.name.to_owned(), value(h.value))).collect())
    }

    /// The value of a header, whatever its case; empty without it.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    fn says(&self, name: &str, word: &str) -> bool {
        self.get(name).to_ascii_lowercase().contains(word)
    }

    /// The headers that go on to the other side.
    fn lasting(&self) -> String {
        let lasts = |name: &str| !HOP_BY_HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop));
        let lines = self.0.iter().filter(|(name, _)| lasts(name));
        lines.map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect()
    }
}

/// What a client asks.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
    /// Whether the client keeps the connection for another request.
    pub(super) stays: bool,
}

/// What it is told.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// An answer of our own.
    pub(super) fn new(status: u16, content_type: &str, body: String) -> Self {
        let headers = Headers(vec![("Content-Type".into(), content_type.into())]);
        Self { status, headers, body: body.into_bytes() }
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Asks somebody on a connection of its own.
pub(super) async fn ask(authority: &str, request: &Request) -> Result<Answer> {
    let mut stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let Request { method, target, headers, body, .. } = request;
    let head = format!(
        "{method} {target} HTTP/1.1\r\n{}content-length: {}\r\nconnection: close\r\n\r\n",
        headers.lasting(),
        body.len(),
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await?;
    Wire::new(stream).answer(method).await
}

/// A connection, and what was read from it ahead of its turn.
pub(super) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// The next request; `None` where the client has hung up instead.
    pub(super) async fn request(&mut self) -> Result<Option<Request>> {
        loop {
            if let Some((length, mut request)) = request_head(&self.unread)? {
                self.unread.drain(..length);
                if request.headers.says("expect", "100-continue") {
                    self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
                }
                request.body = self.body(&request.headers, false).await?;
                return Ok(Some(request));
            }
            if !self.more().await? {
                return Ok(None);
            }
        }
    }

    /// The answer to a request of this method.
    async fn answer(&mut self, method: &str) -> Result<Answer> {
        loop {
            if let Some((length, mut answer)) = answer_head(&self.unread)? {
                self.unread.drain(..length);
                if answer.status < 200 {
                    continue;
                }
                if method != "HEAD" && !matches!(answer.status, 204 | 304) {
                    answer.body = self.body(&answer.headers, true).await?;
                }
                return Ok(answer);
            }
            self.must_have_more().await?;
        }
    }

    /// A body; `open` ones without a length end with the connection.
    async fn body(&mut self, headers: &Headers, open: bool) -> Result<Vec<u8>> {
        if headers.says("transfer-encoding", "chunked") {
            return self.chunks().await;
        }
        match headers.get("content-length").trim().parse() {
            Ok(length) => self.take(length).await,
            Err(_) if open => {
                while self.more().await? {}
                Ok(std::mem::take(&mut self.unread))
            }
            Err(_) => Ok(Vec::new()),
        }
    }

    async fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let bad = |_| Error::new(ErrorKind::InvalidData, "that is no chunk");
            match httparse::parse_chunk_size(&self.unread).map_err(bad)? {
                httparse::Status::Complete((line, 0)) => {
                    self.unread.drain(..line);
                    while !self.line().await?.is_empty() {}
                    return Ok(body);
                }
                httparse::Status::Complete((line, length)) => {
                    self.unread.drain(..line);
                    let length = usize::try_from(length).map_err(Error::other)?;
                    body.extend(self.take(length).await?);
                    self.line().await?;
                }
                httparse::Status::Partial => self.must_have_more().await?,
            }
        }
    }

    async fn line(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\r\n") {
                let line = self.unread.drain(..end + 2).take(end).collect();
                return Ok(line);
            }
            self.must_have_more().await?;
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.unread.len() < length {
            self.must_have_more().await?;
        }
        Ok(self.unread.drain(..length).collect())
    }

    async fn must_have_more(&mut self) -> Result<()> {
        if self.more().await? { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }

    /// Reads what there is; false at the end.
    async fn more(&mut self) -> Result<bool> {
        Ok(self.stream.read_buf(&mut self.unread).await? > 0)
    }

    /// Tells the client.
    pub(super) async fn tell(&mut self, to: &Request, answer: &Answer) -> Result<()> {
        let length = match answer.headers.get("content-length") {
            length if to.method == "HEAD" && !length.is_empty() => length.to_owned(),
            _ => answer.body.len().to_string(),
        };
        let length = match answer.status {
            204 | 304 => String::new(),
            _ => format!("content-length: {length}\r\n"),
        };
        let close = if to.stays { "" } else { "connection: close\r\n" };
        let head = format!(
            "HTTP/1.1 {} As said\r\n{}{length}{close}\r\n",
            answer.status,
            answer.headers.lasting(),
        );
        let body: &[u8] = if to.method == "HEAD" { b"" } else { &answer.body };
        self.stream.write_all(&[head.as_bytes(), body].concat()).await
    }

    /// Ends the connection without a word: `harshly` with a reset, else as if all had been said.
    pub(super) fn cut(self, harshly: bool) {
        if harshly {
            // A socket that cannot be told to linger is closed softly, which is a cut as well.
            let _ = self.stream.set_zero_linger();
        }
    }
}

fn request_head(bytes: &[u8]) -> Result<Option<(usize, Request)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).map_err(Error::other)? else {
        return Ok(None);
    };
    let headers = Headers::read(head.headers);
    let stays = head.version == Some(1) && !headers.says("connection", "close");
    let own = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let (method, target) = (own(head.method), own(head.path));
    Ok(Some((length, Request { method, target, headers, body: Vec::new(), stays })))
}

fn answer_head(bytes: &[u8]) -> Result<Option<(usize, Answer)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).map_err(Error::other)? else {
        return Ok(None);
    };
    let status = head.code.unwrap_or_default();
    Ok(Some((length, Answer { status, headers: Headers::read(head.headers), body: Vec::new() })))
}
