//! A toy AWS and a client for it, both too simple to be wrong in the way the proxy may be.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// Answers every request with what a function makes of it, and remembers them.
pub(super) struct Toy {
    pub(super) endpoint: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Toy {
    /// The function is given head and body, and makes all of the answer: head and body.
    pub(super) fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (ears, answer) = (heard.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (ears, answer) = (ears.clone(), answer.clone());
                std::thread::spawn(move || {
                    let mut wire = Wire::new(stream.unwrap());
                    let Some(request) = wire.message() else { return };
                    ears.lock().unwrap().push(request.clone());
                    wire.stream.write_all(answer(&request).as_bytes()).unwrap();
                });
            }
        });
        Self { endpoint, heard }
    }

    /// Every request so far, with head and body.
    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// An answer with this body.
pub(super) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Asks on one connection, and on a new one once that was cut.
pub(super) struct Client {
    authority: String,
    wire: Option<Wire>,
}

impl Client {
    pub(super) fn of(endpoint: &str) -> Self {
        let authority = endpoint.trim_start_matches("http://").to_owned();
        Self { authority, wire: None }
    }

    /// Calls `ec2:CreateVpc` with these parameters, as SDKs do. `None`: no answer came.
    pub(super) fn call(&mut self, name: &str, params: &str) -> Option<(u16, String)> {
        let (service, action) = name.split_once(':').unwrap();
        let (extra, body) = match service {
            "ssm" => (format!("X-Amz-Target: AmazonSSM.{action}\r\n"), params.to_owned()),
            _ => (String::new(), format!("Action={action}&Version=1&{params}")),
        };
        self.send(&request("POST /", service, &extra, &body))
    }

    /// Sends a whole request and reads the answer to it.
    pub(super) fn send(&mut self, request: &str) -> Option<(u16, String)> {
        let connect = || Wire::new(TcpStream::connect(&self.authority).unwrap());
        let mut wire = self.wire.take().unwrap_or_else(connect);
        wire.stream.write_all(request.as_bytes()).ok()?;
        let said = wire.message()?;
        self.wire = Some(wire);
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        Some((head[9..12].parse().unwrap(), body.to_owned()))
    }

    /// Whether the connection still stands.
    pub(super) fn is_connected(&self) -> bool {
        self.wire.is_some()
    }
}

/// A signed request.
pub(super) fn request(line: &str, service: &str, extra: &str, body: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential=1/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n\
         {extra}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A connection, with what was read of it beyond the last message.
struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    fn new(stream: TcpStream) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// Head and body of the next message; `None` if the connection ends before.
    fn message(&mut self) -> Option<String> {
        loop {
            if let Some(length) = whole(&self.unread) {
                let message: Vec<u8> = self.unread.drain(..length).collect();
                return Some(String::from_utf8_lossy(&message).into_owned());
            }
            let mut some = [0; 8192];
            match self.stream.read(&mut some) {
                Ok(read @ 1..) => self.unread.extend(&some[..read]),
                _ => return None,
            }
        }
    }
}

/// How long the first message is, if all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.split_once("content-length: ");
    let length: usize = length.map_or(0, |l| l.1.lines().next().unwrap().parse().unwrap());
    (bytes.len() >= end + length).then_some(end + length)
}
