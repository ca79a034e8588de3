//! The balancer before servers on loopback, asked as a browser asks.

use super::*;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicU16, Ordering::Relaxed},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

/// A server that answers its name, the status that it is given, and what it was asked.
struct Server {
    address: String,
    health: Arc<AtomicU16>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(name: &'static str) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let health = Arc::new(AtomicU16::new(200));
        let is = health.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = socket.accept().await {
                let is = is.clone();
                let answer = service_fn(move |request| answer(name, is.clone(), request));
                let server = http1::Builder::new();
                let serve = server.serve_connection(TokioIo::new(stream), answer).with_upgrades();
                connections.spawn(async move { serve.await.ok() });
            }
        });
        Self { address, health, task }
    }
}

async fn answer(
    name: &'static str,
    health: Arc<AtomicU16>,
    mut request: Request<Incoming>,
) -> Result<Response<forward::Body>, hyper::Error> {
    let mut response = Response::new(forward::whole(Bytes::from_static(name.as_bytes())));
    match request.uri().path() {
        "/healthz" => {
            *response.status_mut() = StatusCode::from_u16(health.load(Relaxed)).unwrap();
        }
        "/slow" => sleep(Duration::from_millis(400)).await,
        "/login" => {
            response.headers_mut().insert(header::SET_COOKIE, "SID=a; HttpOnly".parse().unwrap());
        }
        "/headers" => {
            let all = format!("{:?}", request.headers());
            response = Response::new(forward::whole(Bytes::from(all)));
        }
        "/ws" => {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            for (name, value) in [(header::UPGRADE, "websocket"), (header::CONNECTION, "Upgrade")] {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            let upgraded = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut stream = TokioIo::new(upgraded.await.unwrap());
                let mut text = [0; 4];
                while stream.read_exact(&mut text).await.is_ok() {
                    stream.write_all(format!("{name}{}", text[0]).as_bytes()).await.unwrap();
                }
            });
        }
        _ => {}
    }
    Ok(response)
}

/// A balancer with one listener and one group.
struct Stage {
    shared: Arc<Shared>,
    listeners: listen::Listeners,
    address: String,
    state: Value,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Stage {
    async fn new(servers: &[(&str, &Server)]) -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let into = told.clone();
        let shared = Shared::new(move |line| into.lock().unwrap().push(line.clone()));
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let health = json!({ "path": "/healthz", "interval": 0.1, "timeout": 0.1, "healthy": 2,
            "unhealthy": 2, "matcher": "200-299" });
        let listener = json!({ "port": 80, "action": { "forward": "app" }, "idle_timeout": 1 });
        let state = json!({
            "version": 1, "secret": "s", "listeners": { address.as_str(): listener },
            "groups": { "app": { "stickiness": { "cookie": null, "seconds": 60 },
                "algorithm": "round_robin", "deregistration_delay": 0.3, "health": health,
                "targets": [] } },
        });
        let listeners = listen::Listeners::default();
        let mut scene = Self { shared, listeners, address, state, told };
        scene.targets(servers).await;
        scene.until_healthy(servers.len()).await;
        scene
    }

    async fn set(&mut self) {
        let state = serde_json::from_value(self.state.clone()).unwrap();
        become_wanted(&self.shared, &mut self.listeners, state).await;
    }

    async fn targets(&mut self, servers: &[(&str, &Server)]) {
        let all = servers.iter().map(|(id, s)| json!({ "id": id, "address": s.address }));
        self.state["groups"]["app"]["targets"] = all.collect();
        self.set().await;
    }

    async fn until_healthy(&self, count: usize) {
        self.until(count, pool::HEALTHY).await;
    }

    async fn until(&self, count: usize, health: u8) {
        let began = Instant::now();
        let so = |group: Arc<pool::Group>| {
            group.targets.iter().filter(|t| t.health.load(Relaxed) == health).count() == count
        };
        while !self.shared.group("app").is_some_and(so) {
            assert!(began.elapsed() < Duration::from_secs(5), "{:?}", self.told.lock());
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn has_told(&self, line: &Value) -> bool {
        self.told.lock().unwrap().contains(line)
    }

    async fn ask(&self, path: &str, cookie: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: shop.test:8080\r\nConnection: close\r\n");
        stream.write_all(format!("{head}Cookie: {cookie}\r\n\r\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        Answer(text)
    }

    /// Who answers these many requests with one cookie.
    async fn who(&self, times: usize, cookie: &str) -> Vec<String> {
        let mut all = Vec::new();
        for _ in 0..times {
            all.push(self.ask("/", cookie).await.body());
        }
        all.sort();
        all.dedup();
        all
    }

    async fn websocket(&self, cookie: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let head = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
        stream.write_all(format!("{head}Cookie: {cookie}\r\n\r\n").as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        stream
    }
}

/// The text of an answer.
#[derive(Debug)]
struct Answer(String);

impl Answer {
    fn status(&self) -> u16 {
        self.0.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn body(&self) -> String {
        let body = self.0.split_once("\r\n\r\n").unwrap().1;
        body.to_owned()
    }

    fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.0.lines().take_while(|line| !line.is_empty());
        let pairs = lines.filter_map(|line| line.split_once(": "));
        pairs.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v).collect()
    }

    /// The pairs that a browser sends back.
    fn cookies(&self) -> String {
        let pairs = self.headers("set-cookie").into_iter().map(|c| c.split(';').next().unwrap());
        pairs.collect::<Vec<_>>().join("; ")
    }
}

#[tokio::test]
async fn a_user_stays_at_one_target_and_gets_new_cookies_with_every_answer() {
    let (one, two) = (Server::start("one").await, Server::start("two").await);
    let scene = Stage::new(&[("i-1", &one), ("i-2", &two)]).await;
    let first = scene.ask("/", "").await;
    let cookies = first.cookies();
    assert!(cookies.contains("AWSALB=") && cookies.contains("AWSALBCORS="), "{first:?}");
    assert_eq!(scene.who(6, &cookies).await, [first.body()]);
    assert_ne!(scene.ask("/", &cookies).await.cookies(), cookies);
    assert_eq!(scene.who(4, "").await, ["one", "two"], "without cookies by turns");
}

#[tokio::test]
async fn stickiness_that_is_turned_off_or_changed_counts_for_the_next_request() {
    let (one, two) = (Server::start("one").await, Server::start("two").await);
    let mut scene = Stage::new(&[("i-1", &one), ("i-2", &two)]).await;
    let cookies = scene.ask("/", "").await.cookies();
    scene.state["groups"]["app"]["stickiness"] = Value::Null;
    scene.set().await;
    assert_eq!(scene.who(4, &cookies).await, ["one", "two"]);
    assert_eq!(scene.ask("/", &cookies).await.cookies(), "");
    scene.state["groups"]["app"]["stickiness"] = json!({ "cookie": "SID", "seconds": 60 });
    scene.set().await;
    assert!(scene.ask("/", "").await.cookies().contains("AWSALBAPP-0=_remove_"));
    let login = scene.ask("/login", "").await;
    assert!(!login.cookies().contains("AWSALBAPP-0=_remove_"), "{login:?}");
    assert_eq!(scene.who(4, &login.cookies()).await, [login.body()]);
}

#[tokio::test]
async fn a_target_that_leaves_finishes_its_requests_and_its_users_go_to_another() {
    let (one, two) = (Server::start("one").await, Server::start("two").await);
    let mut scene = Stage::new(&[("i-1", &one)]).await;
    scene.state["groups"]["app"]["deregistration_delay"] = json!(5);
    let cookies = scene.ask("/", "").await.cookies();
    scene.targets(&[("i-1", &one), ("i-2", &two)]).await;
    scene.until_healthy(2).await;
    let slow = async { scene.ask("/slow", &cookies).await };
    let shared = scene.shared.clone();
    let mut state = scene.state.clone();
    state["groups"]["app"]["targets"].as_array_mut().unwrap().remove(0);
    let leaves = async {
        sleep(Duration::from_millis(100)).await;
        pool::become_wanted(&shared, serde_json::from_value(state["groups"].clone()).unwrap());
        scene.ask("/", &cookies).await
    };
    let (slow, next) = tokio::join!(slow, leaves);
    assert_eq!((slow.status(), slow.body()), (200, "one".into()));
    assert_eq!((next.status(), next.body()), (200, "two".into()));
    // The user is bound to the new one from now on, also when the old one is back.
    scene.targets(&[("i-1", &one), ("i-2", &two)]).await;
    scene.until_healthy(2).await;
    assert_eq!(scene.who(4, &next.cookies()).await, ["two"]);
}

#[tokio::test]
async fn a_websocket_is_cut_when_the_deregistration_delay_is_over() {
    let (one, two) = (Server::start("one").await, Server::start("two").await);
    let mut scene = Stage::new(&[("i-1", &one)]).await;
    let mut socket = scene.websocket("").await;
    let mut said = [0; 5];
    socket.write_all(b"aaaa").await.unwrap();
    socket.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"one97");
    let began = Instant::now();
    scene.targets(&[("i-2", &two)]).await;
    socket.write_all(b"bbbb").await.unwrap();
    socket.read_exact(&mut said).await.unwrap();
    assert_eq!(socket.read(&mut said).await.unwrap_or_default(), 0);
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    assert!(scene.has_told(&json!({ "group": "app", "target": "i-1", "state": "drained" })));
}

#[tokio::test]
async fn a_target_with_nothing_under_way_is_drained_at_once() {
    let one = Server::start("one").await;
    let mut scene = Stage::new(&[("i-1", &one)]).await;
    scene.state["groups"]["app"]["deregistration_delay"] = json!(60);
    scene.ask("/", "").await;
    scene.targets(&[]).await;
    let began = Instant::now();
    while !scene.has_told(&json!({ "group": "app", "target": "i-1", "state": "drained" })) {
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", scene.told.lock());
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn requests_are_counted_and_those_of_bound_users_as_such() {
    let one = Server::start("one").await;
    let scene = Stage::new(&[("i-1", &one)]).await;
    let cookies = scene.ask("/", "").await.cookies();
    scene.who(3, &cookies).await;
    assert_eq!(scene.shared.counts(), json!({ "app": { "i-1": [4, 3] } }));
}

#[tokio::test]
async fn an_unhealthy_target_gets_nothing_until_it_has_passed_as_often_as_it_must() {
    let (one, two) = (Server::start("one").await, Server::start("two").await);
    let scene = Stage::new(&[("i-1", &one), ("i-2", &two)]).await;
    one.health.store(500, Relaxed);
    scene.until(1, pool::UNHEALTHY).await;
    assert_eq!(scene.who(4, "").await, ["two"]);
    one.health.store(204, Relaxed);
    scene.until_healthy(2).await;
    assert_eq!(scene.who(4, "").await, ["one", "two"]);
    let told = scene.told.lock().unwrap().clone();
    let why = told.iter().find(|line| line["state"] == "unhealthy").unwrap();
    assert_eq!(
        (&why["target"], &why["why"]),
        (&json!("i-1"), &json!("Target.ResponseCodeMismatch"))
    );
}

#[tokio::test]
async fn with_nobody_healthy_everybody_is_asked_and_with_nobody_at_all_it_is_503() {
    let one = Server::start("one").await;
    let mut scene = Stage::new(&[("i-1", &one)]).await;
    one.health.store(500, Relaxed);
    scene.until(1, pool::UNHEALTHY).await;
    assert_eq!(scene.ask("/", "").await.status(), 200);
    one.task.abort();
    while scene.ask("/", "").await.status() == 200 {
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(scene.ask("/", "").await.status(), 502);
    scene.targets(&[]).await;
    let none = scene.ask("/", "").await;
    assert_eq!((none.status(), none.headers("server")), (503, vec!["awselb/2.0"]));
}

#[tokio::test]
async fn a_target_that_takes_longer_than_the_idle_timeout_is_504() {
    let one = Server::start("one").await;
    let mut scene = Stage::new(&[("i-1", &one)]).await;
    let address = scene.address.clone();
    scene.state["listeners"][&address]["idle_timeout"] = json!(0);
    scene.set().await;
    assert_eq!(scene.ask("/slow", "").await.status(), 504);
}

#[tokio::test]
async fn browsers_are_told_to_come_by_https_only_where_that_is_wanted() {
    let one = Server::start("one").await;
    let mut scene = Stage::new(&[("i-1", &one)]).await;
    assert!(scene.ask("/", "").await.headers("strict-transport-security").is_empty());
    let address = scene.address.clone();
    scene.state["listeners"][&address]["hsts"] = json!("max-age=60");
    scene.set().await;
    let told = scene.ask("/", "").await.headers("strict-transport-security").concat();
    assert_eq!(told, "max-age=60");
}

#[tokio::test]
async fn the_quieter_target_is_asked_where_that_is_wanted() {
    let (one, two) = (Server::start("one").await, Server::start("two").await);
    let mut scene = Stage::new(&[("i-1", &one), ("i-2", &two)]).await;
    let group = &mut scene.state["groups"]["app"];
    group["algorithm"] = json!("least_outstanding_requests");
    scene.set().await;
    let busy = async { scene.ask("/slow", "").await.body() };
    let others = async {
        sleep(Duration::from_millis(100)).await;
        scene.who(4, "").await
    };
    let (busy, others) = tokio::join!(busy, others);
    assert!(others.len() == 1 && others[0] != busy, "{busy} {others:?}");
}

#[tokio::test]
async fn a_redirect_leads_to_the_port_that_https_has_on_this_machine() {
    let mut scene = Stage::new(&[]).await;
    let address = scene.address.clone();
    let to = json!({ "protocol": "HTTPS", "host": "#{host}", "port": "443", "path": "/#{path}",
        "query": "#{query}", "status": 301 });
    let listener = &mut scene.state["listeners"][&address];
    listener["action"] = json!({ "redirect": to });
    listener["here"] = json!({ "443": 8443 });
    scene.set().await;
    let answer = scene.ask("/a/b?c=d", "").await;
    assert_eq!(answer.status(), 301);
    assert_eq!(answer.headers("location"), ["https://shop.test:8443/a/b?c=d"]);
}

#[tokio::test]
async fn a_listener_that_is_gone_takes_no_more_connections() {
    let mut scene = Stage::new(&[]).await;
    assert_eq!(scene.ask("/", "").await.status(), 503);
    scene.state["listeners"] = json!({});
    scene.set().await;
    sleep(Duration::from_millis(50)).await;
    assert!(TcpStream::connect(&scene.address).await.is_err());
}
