//! `verify` with the built binary, against a small site in the test.

use crate::{shell::Shell, stackctl::Desk};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::Duration,
};

/// A site of two servers; each session is known to both, or to the one only that made it.
struct Site {
    url: String,
}

static SESSIONS: AtomicU64 = AtomicU64::new(0);

impl Site {
    fn start(shared: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                thread::spawn(move || answer(&stream.unwrap(), shared));
            }
        });
        Self { url }
    }
}

/// Answers one connection's requests, each by the other server; the cookie holds the whole session.
fn answer(stream: &TcpStream, shared: bool) {
    let mut lines = BufReader::new(stream).lines();
    let mut turn = 0_u64;
    loop {
        let mut session = None;
        loop {
            match lines.next() {
                Some(Ok(line)) if line.is_empty() => break,
                Some(Ok(line)) => {
                    if let Some((_, cookie)) = line.split_once("SID=") {
                        session = Some(cookie.to_owned());
                    }
                }
                _ => return,
            }
        }
        turn += 1;
        let server = format!("app-{}", 1 + turn % 2);
        let known = session.and_then(|session| {
            let (id, visits) = session.split_once('.')?;
            Some((id.to_owned(), visits.parse::<u64>().ok()?))
        });
        let (id, visits) = known
            .filter(|_| shared)
            .unwrap_or_else(|| (format!("secret{}", SESSIONS.fetch_add(1, Relaxed)), 0));
        let visits = visits + 1;
        let body =
            format!(r#"{{"session_id": "{id}", "visits": {visits}, "instance": "{server}"}}"#);
        let text = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nX-Server: {server}\r\nSet-Cookie: SID={id}.{visits}\r\n\r\n{body}",
            body.len()
        );
        let mut to = stream;
        if to.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

/// What differs from run to run, made alike.
fn alike(said: &str, site: &Site) -> String {
    let said = said.replace(&site.url, "http://SITE/");
    let times = regex::Regex::new(r"\d+(\.\d+)? (ms|s)\b").unwrap();
    let rates = regex::Regex::new(r"\(\d+/s\)").unwrap();
    rates.replace_all(&times.replace_all(&said, "TIME"), "(RATE)").into_owned()
}

#[test]
fn three_users_keep_their_sessions_in_a_shared_store() {
    let site = Site::start(true);
    insta::assert_snapshot!(alike(&Shell::new().run(&["verify", &site.url]), &site));
}

#[test]
fn sessions_that_are_lost_make_it_fail_and_are_told_one_by_one() {
    let (site, shell) = (Site::start(false), Shell::new());
    let said = shell.run(&["verify", &site.url, "--users", "1", "--expect", "sticky"]);
    insta::assert_snapshot!(alike(&said, &site));
    let none = shell.run(&["verify", &site.url, "--expect", "none"]);
    assert!(none.starts_with("exit 0\n"), "{none}");
}

#[test]
fn programs_get_the_report_as_json_and_as_junit_and_no_session_id() {
    let (site, shell) = (Site::start(false), Shell::new());
    let args = ["verify", &site.url, "-o", "json", "--junit", "verify.xml"];
    let output = shell.command(&args).output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(1), &b""[..]));
    let text = String::from_utf8(output.stdout).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["ok"], false);
    assert_eq!(report["sessions_lost"], 12);
    assert_eq!(report["checks"][0]["verdict"], "broken");
    let junit = fs::read_to_string(shell.path("verify.xml")).unwrap();
    assert!(junit.contains("<failure") && junit.contains("failures=\"1\""), "{junit}");
    assert!(!text.contains("secret") && !junit.contains("secret"), "{text}\n{junit}");
}

#[test]
fn headers_and_other_places_are_read_where_they_are_named() {
    let (site, shell) = (Site::start(true), Shell::new());
    let flags = ["--server", "header:x-server", "--counter", "none", "--expect", "hybrid"];
    let said = shell.run(&[&["verify", &site.url][..], &flags].concat());
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(said.contains("✗ servers"), "{said}");
    assert!(said.contains("answers have none (none)"), "{said}");
}

#[test]
fn a_stack_tells_its_own_url_and_what_it_promises() {
    let (site, desk) = (Site::start(true), Desk::new());
    let sticky = "load_balancer: {stickiness: {cookie: lb, duration: 1h}}";
    let text =
        format!("name: proven\napp: {{image: nginx}}\ncache: {{engine: valkey}}\n{sticky}\n");
    desk.write("stack.yaml", text);
    desk.ok(&["up", "--yes"]);
    // The emulator's load balancer has a name, and nothing behind it.
    let to = site.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let verify = |flags: &[&str]| {
        let said = desk.run(&[&["verify", "-o", "json", "--connect-to", &to][..], flags].concat());
        let report: serde_json::Value = serde_json::from_str(&said.out).expect(&said.err);
        (said.code, report)
    };
    let (code, report) = verify(&[]);
    assert_eq!((code, &report["promise"]), (1, &"hybrid".into()), "{report}");
    assert_eq!(
        (&report["sessions_lost"], &report["servers_per_user"]["2"]),
        (&0.into(), &3.into())
    );
    let url = report["url"].as_str().unwrap();
    let dns_name = url.trim_start_matches("http://").trim_end_matches('/');
    assert!(desk.ok(&["outputs"]).out.contains(dns_name), "{url}");
    // Without stickiness any server may answer.
    desk.ok(&["toggle-stickiness", "--off", "--yes"]);
    let (code, report) = verify(&["--stack", "proven"]);
    assert_eq!((code, &report["promise"]), (0, &"shared".into()), "{report}");
    desk.ok(&["destroy", "--yes"]);
    let said = desk.run(&["verify", "stack.yaml"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("there is no stack `proven`"), "{}", said.err);
}

#[test]
fn a_command_is_accompanied_and_its_exit_code_returned() {
    let (site, shell) = (Site::start(true), Shell::new());
    let run =
        |command| shell.run(&["verify", &site.url, "--interval", "20ms", "--during", command]);
    let said = run("echo rolling; exit 7");
    assert!(said.starts_with("exit 7\n"), "{said}");
    let (out, err) = said.split_once("--- stderr").unwrap();
    assert!(err.contains("rolling") && !out.contains("rolling\n"), "{said}");
    let said = run("sleep 0.3");
    assert!(said.starts_with("exit 0\n"), "{said}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "there is no runtime here that it could block")]
fn a_signal_ends_it_with_what_was_seen_and_ends_the_command() {
    let (site, shell) = (Site::start(true), Shell::new());
    let mark = shell.path("begun");
    let command = format!("touch {}; sleep 60; touch survived", mark.display());
    let mut child = shell
        .command(&["verify", &site.url, "-o", "json", "--during", &command])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !mark.exists() {
        thread::sleep(Duration::from_millis(20));
        assert!(child.try_wait().unwrap().is_none());
    }
    let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["interrupted"], &report["during"]["exit_code"]),
        (&true.into(), &143.into())
    );
    assert!(!shell.path("survived").exists());
}
