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
                    let mut stream = stream.unwrap();
                    let Some(request) = message(&mut stream) else { return };
                    ears.lock().unwrap().push(request.clone());
                    stream.write_all(answer(&request).as_bytes()).unwrap();
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
    stream: Option<TcpStream>,
}

impl Client {
    pub(super) fn of(endpoint: &str) -> Self {
        let authority = endpoint.trim_start_matches("http://").to_owned();
        Self { authority, stream: None }
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
        let connect = || TcpStream::connect(&self.authority).unwrap();
        let mut stream = self.stream.take().unwrap_or_else(connect);
        stream.write_all(request.as_bytes()).ok()?;
        let said = message(&mut stream)?;
        self.stream = Some(stream);
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        Some((head[9..12].parse().unwrap(), body.to_owned()))
    }

    /// Whether the connection still stands.
    pub(super) fn is_connected(&self) -> bool {
        self.stream.is_some()
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

/// Head and body of the next message; `None` if the connection ends before.
fn message(stream: &mut TcpStream) -> Option<String> {
    let mut all = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&all).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower.split_once("content-length: ");
            let length = length.map_or(0, |l| l.1.lines().next().unwrap().parse().unwrap());
            if body.len() >= length {
                return Some(text);
            }
        }
        let mut some = [0; 8192];
        match stream.read(&mut some) {
            Ok(read @ 1..) => all.extend(&some[..read]),
            _ => return None,
        }
    }
}
