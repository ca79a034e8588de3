//! The emulator the tests talk to: one server for the whole run, one account for each test.

use std::{
    ffi::OsStr,
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, id},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

/// Seconds that creating, changing and deleting take there: waits must really wait.
const DELAY: &str = "1";
/// Lists come in pages of so many, even unasked: every list must be read to its end.
const PAGE: &str = "2";

/// The endpoint of the running emulator; the first call starts it. It ends with this process.
pub(crate) fn endpoint() -> &'static str {
    static ENDPOINT: OnceLock<String> = OnceLock::new();
    ENDPOINT.get_or_init(|| start(&["--delay", DELAY, "--page", PAGE]))
}

/// Starts a server of its own with these switches and returns its endpoint.
pub(crate) fn start(switches: &[&str]) -> String {
    let port = free_port().to_string();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("localstack/localstack.py");
    let started = Command::new("python3")
        .arg(script)
        .args(["start", "--port", &port, "--until-pid", &id().to_string()])
        .args(switches)
        .output()
        .expect("python3 is on the PATH");
    let said = String::from_utf8_lossy(&started.stderr);
    assert!(started.status.success(), "the emulator does not start:\n{said}");
    format!("http://127.0.0.1:{port}")
}

/// A port that nothing listened at a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An account that nobody else uses in this run: 12 digits, and the access key id that leads to it.
pub(crate) fn fresh_account() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{:012}", 900_000_000_000_u64 + u64::from(NEXT.fetch_add(1, Relaxed)))
}

/// Runs modules of the emulator's own tests.
fn assert_passes<S: AsRef<OsStr>>(modules: &[S]) {
    let tried = Command::new("python3")
        .args(["-B", "-m", "unittest"])
        .args(modules)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("python3 is on the PATH");
    assert!(tried.status.success(), "{}", String::from_utf8_lossy(&tried.stderr));
}

#[test]
fn what_aws_would_refuse_is_found_out_by_the_request_check() {
    assert_passes(&["localstack.tests.test_request_check"]);
}

#[test]
fn the_emulator_refuses_what_aws_refuses_and_shows_what_aws_shows() {
    let modules = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/localstack/tests")).unwrap();
    let mut modules: Vec<String> = modules
        .filter_map(|entry| {
            Some(entry.unwrap().file_name().to_str()?.strip_suffix(".py")?.to_owned())
        })
        .filter(|name| name.starts_with("test_"))
        .filter(|name| !["test_app", "test_request_check", "test_twin"].contains(&name.as_str()))
        .map(|name| format!("localstack.tests.{name}"))
        .collect();
    modules.sort();
    assert!(modules.len() >= 9, "{modules:?}");
    assert_passes(&modules);
}

#[test]
fn the_sample_app_keeps_sessions_in_its_stores() {
    assert_passes(&["localstack.tests.test_app"]);
}

#[test]
fn the_parts_of_the_twin_do_what_instances_and_stores_do() {
    assert_passes(&["localstack.tests.test_twin"]);
}
