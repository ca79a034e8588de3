//! Tiers that serve on this machine: what stackctl builds keeps users' sessions, seen by users.

use crate::{
    cloud::Cloud,
    emulator,
    lifecycle::{prerequisites, value},
    stackctl::{Desk, REGION, stacks},
};
use serde_json::Value;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};
use tokio::{
    runtime::Runtime,
    sync::{Semaphore, SemaphorePermit},
};

/// An emulator whose tiers serve.
fn serving() -> &'static str {
    static ENDPOINT: OnceLock<String> = OnceLock::new();
    let program = env!("CARGO_BIN_EXE_stackctl");
    ENDPOINT.get_or_init(|| emulator::start(&["--twin", program]))
}

/// Waits until fewer than three tiers serve: more at once would measure this machine, and not what
/// users meet.
fn permit() -> SemaphorePermit<'static> {
    static TIERS: Semaphore = Semaphore::const_new(3);
    Runtime::new().unwrap().block_on(TIERS.acquire()).unwrap()
}

/// A stack that serves on this machine.
struct Tier {
    desk: Desk,
    url: String,
    _permit: SemaphorePermit<'static>,
}

/// A small stack; `more` is the rest of its file. No machine has its image, and the sample app runs.
fn file(image: &str, stickiness: &str, more: &str) -> String {
    format!(
        "name: shop\nnetwork: {{nat: none}}\n\
         app:\n  image: registry.invalid/{image}\n  instances: 2\n  instance_type: t4g.micro\n  \
         health_check: {{path: /healthz, interval: 5, timeout: 2}}\n\
         load_balancer: {{deregistration_delay: 2, stickiness: {stickiness}}}\n{more}"
    )
}

const OWN_COOKIE: &str = "{cookie: lb, duration: 1h}";
const OFF: &str = "off";
const REDIS: &str = "cache: {engine: valkey, replicas: 1}\n";
const MEMORY: &str = "sessions: {store: memory}\n";
const TOKEN: &str = "sessions: {store: token}\n";
const DYNAMODB: &str = "sessions: {store: dynamodb}\n";
const DATABASE: &str = "database: {engine: postgres, version: \"17\", protect: false, \
                        final_snapshot: false}\nsessions: {store: database}\n";

impl Tier {
    fn up(text: &str) -> Self {
        Self::up_at(serving(), text)
    }

    fn up_at(endpoint: &str, text: &str) -> Self {
        let permit = permit();
        let desk = Desk::at(endpoint);
        desk.write("stack.yaml", text);
        desk.ok(&["up", "--yes"]);
        let url = desk.json(&["outputs"])["local_url"].as_str().unwrap().to_owned();
        Self { desk, url, _permit: permit }
    }

    /// What users see; every promise must be kept.
    fn verify(&self, args: &[&str]) -> Value {
        let said = self.desk.run(&[&["verify", "-o", "json"], args].concat());
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        serde_json::from_str(&said.out).unwrap()
    }

    /// What users see while a command runs: nobody loses a session, and no request fails.
    fn nothing_is_lost_during(&self, command: &str) {
        let program = env!("CARGO_BIN_EXE_stackctl");
        let command = command.replace("stackctl", program);
        let report = self.verify(&["--users", "10", "--interval", "100ms", "--during", &command]);
        assert_eq!((&report["sessions_lost"], &report["requests_failed"]), (&0.into(), &0.into()));
    }

    /// The cookies that an answer to a new user sets.
    fn cookies(&self) -> String {
        let answer = ask(&self.url, "GET / HTTP/1.1", "");
        let set = answer.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
        set.collect::<Vec<_>>().join("\n")
    }

    fn destroy(&self) {
        self.desk.ok(&["destroy", "--yes"]);
    }
}

/// Asks once, on a connection of its own.
fn ask(url: &str, line: &str, headers: &str) -> String {
    let at = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(at).unwrap();
    write!(stream, "{line}\r\nHost: {at}\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// What the twin has told the emulator.
fn told(endpoint: &str) -> Value {
    let answer = ask(endpoint, "GET /_twin HTTP/1.1", "");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// Users of a few kinds of numbers: as few as one looks at, and many.
fn both_sizes(tier: &Tier) -> Vec<Value> {
    [["3", "5"], ["100", "20"]]
        .map(|[users, requests]| tier.verify(&["--users", users, "--requests", requests]))
        .into()
}

#[test]
fn sessions_in_memory_are_kept_while_users_stay_on_one_instance() {
    let tier = Tier::up(&file("shop:1", OWN_COOKIE, MEMORY));
    for report in both_sizes(&tier) {
        assert_eq!(report["promise"], "sticky");
        assert_eq!(report["moves"], 0);
        assert_eq!(report["servers"].as_object().unwrap().len(), 2);
    }
    // One user who asks on and on weighs on one instance.
    tier.verify(&["--users", "1", "--requests", "8000"]);
    let began = Instant::now();
    let uneven = "stickiness makes the load uneven";
    while !tier.desk.ok(&["status"]).out.contains(uneven) {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", tier.desk.ok(&["status"]).out);
    }
    let targets = &tier.desk.json(&["status"])["targets"]["all"];
    let shares = targets.as_array().unwrap().iter().map(|t| t["load"]["share"].as_f64().unwrap());
    assert!((shares.sum::<f64>() - 1.0).abs() < 0.01, "{targets}");
    tier.destroy();
}

#[test]
fn sessions_in_a_database_are_kept_whichever_instance_answers() {
    let mysql = DATABASE.replace("postgres, version: \"17\"", "mysql, version: \"8.4\"");
    for database in [DATABASE, &mysql] {
        let tier = Tier::up(&file("shop:1", OFF, database));
        for report in both_sizes(&tier) {
            assert_eq!(report["promise"], "shared");
            assert_ne!(report["moves"], 0);
        }
        tier.destroy();
    }
}

#[test]
fn sessions_in_a_table_outlive_rolls_and_more_and_fewer_instances() {
    let tier = Tier::up(&file("shop:1", OFF, DYNAMODB));
    for report in both_sizes(&tier) {
        assert_eq!(report["promise"], "shared");
        assert_ne!(report["moves"], 0);
    }
    tier.nothing_is_lost_during("stackctl toggle-stickiness --duration 3600 --yes");
    tier.nothing_is_lost_during("stackctl toggle-stickiness --off --yes");
    tier.nothing_is_lost_during("stackctl roll --all --yes");
    tier.nothing_is_lost_during("stackctl scale 4 --yes");
    tier.nothing_is_lost_during("stackctl scale 2 --yes");
    tier.desk.assert_settled("stack.yaml");
    tier.destroy();
}

#[test]
fn sessions_in_tokens_outlive_rolls_more_and_fewer_instances_and_the_stack_itself() {
    let tier = Tier::up(&file("shop:1", OFF, TOKEN));
    for report in both_sizes(&tier) {
        assert_eq!(report["promise"], "token");
        assert_ne!(report["moves"], 0);
    }
    tier.nothing_is_lost_during("stackctl roll --all --yes");
    tier.nothing_is_lost_during("stackctl scale 4 --yes");
    tier.nothing_is_lost_during("stackctl scale 2 --yes");
    let cookies = tier.cookies();
    let token = cookies.split(';').next().unwrap();
    tier.destroy();
    // The key is had back, and with it whoever holds a token.
    tier.desk.ok(&["up", "--yes"]);
    let url = tier.desk.json(&["outputs"])["local_url"].as_str().unwrap().to_owned();
    let answer = ask(&url, "GET / HTTP/1.1", &format!("Cookie: {token}\r\n"));
    assert!(answer.contains(r#""visits": 2"#), "{answer}");
    tier.desk.assert_settled("stack.yaml");
    tier.destroy();
}

#[test]
fn the_key_of_tokens_is_exchanged_and_ended_and_nobody_is_logged_out_before() {
    let tier = Tier::up(&file("shop:1", OFF, TOKEN));
    let cookies = tier.cookies();
    let token = cookies.split(';').next().unwrap();
    let answer = || ask(&tier.url, "GET / HTTP/1.1", &format!("Cookie: {token}\r\n"));
    tier.nothing_is_lost_during("stackctl rotate-key --yes");
    assert!(answer().contains(r#""visits": 2"#), "{}", answer());

    for early in [&["rotate-key", "--yes"][..], &["rotate-key", "--retire", "--yes"]] {
        let said = tier.desk.run(early);
        assert!(said.code == 1 && said.err.contains("may be good until"), "{}", said.both());
    }
    tier.desk.ok(&["rotate-key", "--retire", "--token-lifetime", "1s", "--yes"]);
    tier.desk.ok(&["roll", "--all", "--yes"]);
    assert!(answer().contains(r#""visits": 1"#), "{}", answer());
    tier.desk.assert_settled("stack.yaml");
    tier.destroy();
}

#[test]
fn sessions_in_a_cache_outlive_toggles_rolls_and_more_and_fewer_instances() {
    let tier = Tier::up(&file("shop:1", OWN_COOKIE, REDIS));
    for report in both_sizes(&tier) {
        assert_eq!((&report["promise"], &report["moves"]), (&"hybrid".into(), &0.into()));
    }
    assert!(tier.cookies().contains("AWSALB="));

    tier.nothing_is_lost_during("stackctl toggle-stickiness --off --yes");
    let began = Instant::now();
    while tier.cookies().contains("AWSALB=") {
        assert!(began.elapsed() < Duration::from_secs(2), "stickiness is off");
    }
    assert_ne!(tier.verify(&[])["moves"], 0, "users go from one instance to the other");

    tier.desk.write("stack.yaml", file("shop:2", OWN_COOKIE, REDIS));
    tier.nothing_is_lost_during("stackctl up --yes");
    tier.nothing_is_lost_during("stackctl up --yes --set app.instances=4");
    assert_eq!(tier.verify(&["--users", "40"])["servers"].as_object().unwrap().len(), 4);
    tier.nothing_is_lost_during("stackctl up --yes");
    tier.destroy();
    assert!(
        TcpStream::connect(tier.url.trim_start_matches("http://").trim_end_matches('/')).is_err()
    );
}

#[test]
fn a_twin_that_is_killed_is_started_anew_and_leaves_nothing_behind() {
    let endpoint = emulator::start(&["--twin", env!("CARGO_BIN_EXE_stackctl")]);
    let tier = Tier::up_at(&endpoint, &file("shop:1", OFF, REDIS));
    let pid = told(&endpoint)["pid"].to_string();
    Command::new("kill").args(["-9", &pid]).output().unwrap();
    let began = Instant::now();
    while tier.desk.run(&["verify"]).code != 0 {
        assert!(began.elapsed() < Duration::from_mins(1), "it serves again");
    }
    assert_ne!(told(&endpoint)["pid"].to_string(), pid);
    tier.destroy();
}

/// A browser of this machine, if it has one.
fn browser() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let runs = |name: &&str| {
        Command::new(name).arg("--version").output().is_ok_and(|said| said.status.success())
    };
    names.into_iter().find(runs)
}

/// What a browser with this profile shows of a page.
fn shown(browser: &str, profile: &Path, url: &str) -> String {
    let quiet = ["--no-first-run", "--disable-background-networking", "--disable-sync"];
    let alone = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
    let mut run = Command::new(browser);
    run.args(alone).args(quiet).args(["--disable-quic", "--disable-component-update"]);
    run.arg(format!("--user-data-dir={}", profile.display()));
    let said = run.args(["--dump-dom", url]).output().unwrap();
    String::from_utf8_lossy(&said.stdout).into_owned()
}

#[test]
fn a_newcomer_brings_the_demo_up_verifies_it_and_sees_the_counter_go_up_in_a_browser() {
    let _permit = permit();
    let desk = Desk::at(serving());
    let demo = format!("{}/stacks/demo.yaml", env!("CARGO_MANIFEST_DIR"));
    let said = desk.ok(&["up", &demo, "--yes"]);
    let line = said.out.lines().find(|line| line.starts_with("on this machine")).unwrap();
    let url = line.split_whitespace().nth(3).unwrap();
    desk.ok(&["verify"]);
    // Where there is no Chromium or Chrome, `verify` alone has asked for the page.
    if let Some(browser) = browser() {
        let profile = tempfile::tempdir().unwrap();
        for visits in 1..=3 {
            let page = shown(browser, profile.path(), url);
            assert!(page.contains(&format!("\"visits\": {visits}")), "{visits}: {page}");
        }
    }
    desk.ok(&["destroy", "--yes"]);
}

#[test]
fn drills_cost_no_session_and_leave_the_stack_as_it_was() {
    let tier = Tier::up(&file("shop:1", OWN_COOKIE, REDIS));
    for what in ["fail-over-cache", "deregister", "terminate"] {
        let said = tier.desk.run(&["drill", what, "-o", "json", "--yes", "--interval", "50ms"]);
        assert_eq!(said.code, 0, "{what}: {}", said.both());
        let report: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
        assert_eq!(report["sessions_lost"], 0, "{what}: {report}");
        if what != "terminate" {
            assert_eq!(report["requests_failed"], 0, "{what}: {report}");
        }
        tier.desk.assert_settled("stack.yaml");
    }
    let refused = tier.desk.run(&["drill", "reboot-database", "--yes"]);
    assert!(refused.err.contains("the stack has no database"), "{}", refused.both());
    let unasked = tier.desk.run(&["drill", "terminate"]);
    assert_eq!(unasked.code, 1, "nobody agreed: {}", unasked.both());
    tier.destroy();
}

#[test]
fn an_app_that_crashes_costs_some_requests_and_no_session() {
    let tier = Tier::up(&file("shop:1", OWN_COOKIE, REDIS));
    let cloud = Cloud::new(serving(), &tier.desk.account, REGION);
    let instances = Runtime::new().unwrap().block_on(cloud.instances("shop"));
    let instance = instances[0].instance_id().unwrap();
    let told = told(serving());
    let port = &told["instances"][instance]["port"];
    let crash = format!("sleep 1; curl -s -X POST http://127.0.0.1:{port}/crash; sleep 14");
    let during =
        ["--users", "10", "--interval", "100ms", "--max-failed", "1000", "--during", &crash];
    let report = tier.verify(&during);
    assert_eq!(report["sessions_lost"], 0);
    // Half of the users ask the one that is gone until two checks, 5 s apart, have failed.
    let failed = report["requests_failed"].as_u64().unwrap();
    assert!((1..=600).contains(&failed), "{report}");
    tier.destroy();
}

/// Brings an example up, as far as it must be prepared for; asks it, and takes it away.
fn serves(example: &Path) {
    let (file, text) = (example.display().to_string(), fs::read_to_string(example).unwrap());
    let _permit = permit();
    let mut desk = Desk::at(serving());
    if let Some(account) = value(&text, "account") {
        account.clone_into(&mut desk.account);
    }
    let cloud = Cloud::new(serving(), &desk.account, value(&text, "region").unwrap_or(REGION));
    let name = example.file_stem().unwrap().to_str().unwrap();
    let sets = Runtime::new().unwrap().block_on(prerequisites(&cloud, name));
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    desk.ok(&[&["up", "--yes", &file][..], &sets].concat());
    let report = desk.run(&["verify", "-o", "json"]);
    assert_eq!(report.code, 0, "{file}: {}", report.both());
    desk.ok(&["destroy", "--yes", "--unprotect"]);
}

#[test]
fn the_user_data_of_every_example_starts_the_sample_app() {
    thread::scope(|scope| {
        for stack in stacks() {
            scope.spawn(move || serves(&stack));
        }
    });
}
