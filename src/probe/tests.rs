//! The probe against a small site on this machine.

mod site;

use super::*;
use futures::StreamExt;
use site::{Ask, Reply, Store, site};
use tokio::{net::TcpListener, time::sleep};

fn settings(url: Url, promise: Promise) -> Settings {
    let at = |text: &str| text.parse().unwrap();
    Settings {
        url,
        users: 3,
        requests: 5,
        pause: Duration::ZERO,
        rate: None,
        timeout: Duration::from_secs(2),
        session: at("/session_id"),
        counter: at("/visits"),
        server: at("/instance"),
        aim: Aim::default(),
        insecure: false,
        websocket: None,
        during: None,
        max_failed: 0,
        promise,
    }
}

async fn probed(settings: Settings) -> Report {
    run(settings, Arc::default(), &Stop::default()).await.unwrap()
}

fn check<'r>(report: &'r Report, name: &str) -> &'r Check {
    report.checks.iter().find(|check| check.name == name).unwrap()
}

/// The names of the checks that failed.
fn broken(report: &Report) -> Vec<&'static str> {
    let broken = report.checks.iter().filter(|check| check.verdict == Verdict::Broken);
    broken.map(|check| check.name).collect()
}

/// One of two servers, in turn.
fn in_turn(ask: &Ask) -> &'static str {
    if ask.before.is_multiple_of(2) { "app-1" } else { "app-2" }
}

#[tokio::test]
async fn three_users_with_five_requests_each_keep_their_sessions_in_a_shared_store() {
    let store = Store::default();
    let url = site(move |ask| store.visit(ask, in_turn(ask))).await;
    let report = probed(settings(url, Promise::Shared)).await;
    assert!(report.ok, "{report:#?}");
    assert_eq!((report.users, report.requests, report.requests_failed), (3, 15, 0));
    assert_eq!(report.sessions_lost, 0);
    assert!(report.each.iter().all(|user| user.counters == Some((1, 5))));
    assert_eq!(report.servers.values().sum::<u64>(), 15);
    assert!(report.moves > 0);
}

#[tokio::test]
async fn a_user_of_a_sticky_site_has_one_server() {
    let stores = [Store::default(), Store::default()];
    // As the load balancer's cookie does, a new value names the same server with every answer.
    let url = site(move |ask| {
        let pinned = ask.cookies.get("AWSALB").and_then(|value| value.split('.').next());
        let server = pinned.unwrap_or(in_turn(ask)).to_owned();
        let at = usize::from(server == "app-2");
        let mut reply = stores[at].visit(ask, &server);
        reply.cookies.push(format!("AWSALB={server}.{}; Path=/", ask.before));
        reply
    })
    .await;
    let report = probed(settings(url, Promise::Sticky)).await;
    assert!(report.ok, "{report:#?}");
    assert_eq!(report.servers_per_user, BTreeMap::from([(1, 3)]));
}

#[tokio::test]
async fn a_session_that_another_server_does_not_know_is_lost_and_told() {
    let stores = [Store::default(), Store::default()];
    let url = site(move |ask| {
        let server = in_turn(ask);
        stores[usize::from(server == "app-2")].visit(ask, server)
    })
    .await;
    let report = probed(Settings { users: 1, ..settings(url, Promise::Sticky) }).await;
    assert_eq!(broken(&report), ["sessions", "servers"]);
    assert_eq!(report.sessions_lost, 4);
    let first = &report.losses[0];
    assert_eq!((first.user, first.request), (1, 2));
    assert_eq!((first.from.as_deref(), first.to.as_deref()), (Some("app-1"), Some("app-2")));
    assert!(first.because.contains("another server"), "{}", first.because);
}

#[tokio::test]
async fn what_was_never_promised_is_told_and_no_failure() {
    let stores = [Store::default(), Store::default()];
    let url = site(move |ask| {
        let server = in_turn(ask);
        stores[usize::from(server == "app-2")].visit(ask, server)
    })
    .await;
    let report = probed(Settings { users: 1, ..settings(url, Promise::None) }).await;
    assert!(report.ok, "{report:#?}");
    assert_eq!(check(&report, "sessions").verdict, Verdict::Noted);
    assert_eq!(report.sessions_lost, 4);
}

#[tokio::test]
async fn sessions_that_a_store_forgets_are_lost_at_the_same_server() {
    let store = Store::default();
    let url = site(move |ask| {
        if ask.before == 3 {
            store.forget();
        }
        store.visit(ask, "app-1")
    })
    .await;
    let report = probed(Settings { users: 1, ..settings(url, Promise::Shared) }).await;
    assert_eq!((broken(&report), report.sessions_lost), (vec!["sessions"], 1));
    assert!(report.losses[0].because.contains("same server"));
}

/// A site that answers the same session with these counters.
async fn counting(counters: &'static [i64]) -> Url {
    site(move |ask| {
        let visits = counters[usize::try_from(ask.before).unwrap()];
        let body = format!(r#"{{"visits": {visits}, "session_id": "a", "instance": "app-1"}}"#);
        Reply { body, cookies: vec!["SID=a".into()], ..Reply::status(200) }
    })
    .await
}

#[tokio::test]
async fn a_counter_that_jumps_or_goes_back_is_told() {
    let jumps = counting(&[1, 2, 4, 5, 6]).await;
    let report = probed(Settings { users: 1, ..settings(jumps, Promise::Shared) }).await;
    assert_eq!((broken(&report), report.counter_jumps), (vec!["counters"], 1));
    let back = counting(&[1, 2, 3, 3, 4]).await;
    let report = probed(Settings { users: 1, ..settings(back, Promise::Shared) }).await;
    assert_eq!((broken(&report), report.sessions_lost), (vec!["sessions"], 1));
    assert_eq!(report.losses[0].because, "the counter said 3 in place of 4");
}

#[tokio::test]
async fn a_user_of_a_hybrid_site_who_changes_servers_keeps_the_session_and_breaks_the_promise() {
    let store = Store::default();
    let url = site(move |ask| store.visit(ask, in_turn(ask))).await;
    let report = probed(Settings { users: 1, ..settings(url, Promise::Hybrid) }).await;
    assert_eq!(broken(&report), ["servers"]);
    assert_eq!((report.sessions_lost, report.moves), (0, 4));
}

#[tokio::test]
async fn one_session_of_two_users_is_told() {
    let count = AtomicU64::new(0);
    let url = site(move |_| {
        let visits = count.fetch_add(1, Relaxed);
        let body = format!(r#"{{"visits": {visits}, "session_id": "cached", "instance": "a"}}"#);
        Reply { body, ..Reply::status(200) }
    })
    .await;
    let report = probed(Settings { users: 2, requests: 1, ..settings(url, Promise::Shared) }).await;
    assert_eq!((broken(&report), report.sessions_mixed_up), (vec!["privacy"], 1));
}

#[tokio::test]
async fn failed_requests_are_counted_by_their_reasons_and_sessions_go_on_after_them() {
    let store = Store::default();
    let url = site(move |ask| match ask.before {
        1 | 2 => Reply::status(502),
        // Counted, though its answer comes too late.
        3 => Reply { delay: Duration::from_secs(2), ..store.visit(ask, "app-1") },
        _ => store.visit(ask, "app-1"),
    })
    .await;
    let settings = Settings {
        users: 1,
        requests: 6,
        timeout: Duration::from_millis(200),
        ..settings(url, Promise::Shared)
    };
    let report = probed(settings.clone()).await;
    assert_eq!((broken(&report), report.requests_failed), (vec!["requests"], 3));
    let reasons = [("502 Bad Gateway".to_owned(), 2), ("no answer within 200ms".to_owned(), 1)];
    assert_eq!(report.failures, BTreeMap::from(reasons));
    assert_eq!((report.sessions_lost, report.counter_jumps), (0, 0));
}

#[tokio::test]
async fn as_many_requests_may_fail_as_is_said_but_not_all() {
    let store = Store::default();
    let url = site(move |ask| match ask.before {
        1 => Reply::status(503),
        _ => store.visit(ask, "app-1"),
    })
    .await;
    let some = Settings { users: 1, max_failed: 1, ..settings(url, Promise::Shared) };
    let report = probed(some).await;
    assert!(report.ok && check(&report, "requests").verdict == Verdict::Noted, "{report:#?}");
    let url = site(|_| Reply::status(503)).await;
    let report = probed(Settings { max_failed: 100, ..settings(url, Promise::Shared) }).await;
    assert_eq!(broken(&report), ["requests"]);
}

#[tokio::test]
async fn the_longest_gap_lasts_from_the_first_request_that_failed_to_the_next_good_answer() {
    let store = Store::default();
    let url = site(move |ask| match ask.before {
        2..=4 => Reply::status(502),
        _ => store.visit(ask, "app-1"),
    })
    .await;
    let pause = Duration::from_millis(100);
    let report =
        probed(Settings { users: 1, requests: 8, pause, ..settings(url, Promise::Shared) }).await;
    assert_eq!(report.requests_failed, 3);
    let gap = report.longest_gap;
    assert!((0.29..1.0).contains(&gap), "{gap}");
}

#[tokio::test]
async fn nothing_that_answers_is_a_failure_with_its_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let report = probed(settings(url, Promise::Shared)).await;
    assert_eq!(report.failures, BTreeMap::from([("connection refused".to_owned(), 15)]));
    assert_eq!(broken(&report), ["requests"]);
}

#[tokio::test]
async fn an_answer_that_tells_no_session_is_a_failure_that_names_the_place() {
    let url = site(|_| Reply { body: "<html>".into(), ..Reply::status(200) }).await;
    let report = probed(settings(url, Promise::Shared)).await;
    let why = report.failures.keys().next().unwrap();
    assert_eq!(why, "the answer has no session at /session_id, for it is no JSON");
    let url = site(|_| Reply { body: "{}".into(), ..Reply::status(200) }).await;
    let report = probed(settings(url, Promise::Shared)).await;
    assert_eq!(report.failures.keys().next().unwrap(), "the answer has no session at /session_id");
}

#[tokio::test]
async fn a_secure_cookie_over_plain_http_is_told_as_the_cause_and_kept_from_this_machine() {
    let store = Arc::new(Store::default());
    let url = site(move |ask| store.visit_with(ask, "app-1", "; Secure; HttpOnly")).await;
    let here = probed(settings(url.clone(), Promise::Shared)).await;
    assert!(here.ok, "{here:#?}");
    let port = url.port().unwrap();
    let aim = Aim {
        resolve: vec![format!("shop.test:{port}:127.0.0.1").parse().unwrap()],
        ..Aim::default()
    };
    let elsewhere = format!("http://shop.test:{port}/").parse().unwrap();
    let report = probed(Settings { aim, ..settings(elsewhere, Promise::Shared) }).await;
    assert_eq!((broken(&report), report.sessions_lost), (vec!["sessions"], 12));
    let because = &report.losses[0].because;
    assert!(because.contains("SID is Secure and came over plain HTTP"), "{because}");
}

#[tokio::test]
async fn any_certificate_will_do_where_that_is_asked_for_and_a_strangers_never_else() {
    let store = Store::default();
    let url = site::secure(move |ask| store.visit_with(ask, "app-1", "; Secure")).await;
    let stranger = probed(settings(url.clone(), Promise::Shared)).await;
    assert_eq!(broken(&stranger), ["requests"]);
    let why = stranger.failures.keys().next().unwrap();
    assert!(why.starts_with("TLS: ") && why.contains("certificate"), "{why}");
    let report = probed(Settings { insecure: true, ..settings(url, Promise::Shared) }).await;
    assert!(report.ok, "{report:#?}");
}

#[tokio::test]
async fn nothing_is_said_of_the_sessions_of_users_who_are_not_answered_in_the_end() {
    let store = Store::default();
    let url = site(move |ask| match ask.before {
        0..=2 => store.visit(ask, "app-1"),
        _ => Reply::status(502),
    })
    .await;
    let report = probed(Settings { users: 1, ..settings(url, Promise::Shared) }).await;
    assert_eq!((broken(&report), report.users_unanswered), (vec!["requests"], 1));
    assert_eq!(check(&report, "sessions").verdict, Verdict::Noted);
}

#[tokio::test]
async fn a_redirect_is_followed_with_the_cookies_it_sets() {
    let store = Store::default();
    let url = site(move |ask| match &*ask.path {
        "/" => Reply {
            location: Some("/home".into()),
            cookies: vec!["seen=1".into()],
            ..Reply::status(302)
        },
        _ if ask.cookies.contains_key("seen") => store.visit(ask, "app-1"),
        _ => Reply::status(403),
    })
    .await;
    let report = probed(settings(url, Promise::Shared)).await;
    assert!(report.ok, "{report:#?}");
}

#[tokio::test]
async fn a_server_that_closes_its_connections_is_asked_again_on_new_ones() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let mut visits = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            visits += 1;
            let body = format!(r#"{{"session_id": "a", "visits": {visits}}}"#);
            // Nothing says that the connection ends with this answer.
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let pause = Duration::from_millis(20);
    let report = probed(Settings { users: 1, pause, ..settings(url, Promise::Shared) }).await;
    assert_eq!((report.requests_failed, report.sessions_lost), (0, 0), "{report:#?}");
    assert_eq!(check(&report, "servers").verdict, Verdict::Noted);
}

/// A store with one server, whose users keep asking while a command runs.
async fn accompanied(command: &str) -> Report {
    let store = Store::default();
    let url = site(move |ask| store.visit(ask, "app-1")).await;
    let pause = Duration::from_millis(20);
    let during = Some(command.to_owned());
    probed(Settings { pause, during, ..settings(url, Promise::Shared) }).await
}

#[tokio::test]
async fn users_go_on_as_long_as_the_command_and_its_exit_code_comes_along() {
    let report = accompanied("sleep 0.5").await;
    assert!(report.ok, "{report:#?}");
    // One before, some meanwhile, five after.
    assert!(report.each.iter().all(|user| user.requests > 12), "{report:#?}");
    let report = accompanied("exit 3").await;
    assert_eq!(broken(&report), ["command"]);
    assert_eq!(report.during.unwrap().exit_code, 3);
    assert!(report.each.iter().all(|user| user.requests >= 6));
}

#[tokio::test]
async fn the_command_is_not_begun_where_not_every_user_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("begun");
    let url = site(|_| Reply::status(503)).await;
    let during = Some(format!("touch {}", trace.display()));
    let report = probed(Settings { during, ..settings(url, Promise::Shared) }).await;
    assert_eq!(broken(&report), ["requests", "command"]);
    assert!(report.during.is_none() && !trace.exists());
}

/// A sticky site whose first server vanishes while the command runs, if it does.
async fn vanishing(vanishes: bool) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let (stores, mark) = ([Store::default(), Store::default()], folder.path().join("gone"));
    let during = Some(format!("sleep 0.2; touch {}; sleep 0.4", mark.display()));
    let url = site(move |ask| {
        // Where the first server stays, users are torn from it all the same.
        let known = ask.cookies.get("SID").is_some_and(|id| id.ends_with("app-1"));
        let server = match (mark.exists(), vanishes) {
            (true, false) if ask.before / 2 % 2 == 0 => "app-1",
            (false, _) if known || ask.before == 0 => "app-1",
            _ => "app-2",
        };
        stores[usize::from(server == "app-2")].visit(ask, server)
    })
    .await;
    let pause = Duration::from_millis(20);
    probed(Settings { pause, during, users: 2, ..settings(url, Promise::Sticky) }).await
}

#[tokio::test]
async fn a_session_in_memory_may_end_with_its_server_and_with_nothing_else() {
    let report = vanishing(true).await;
    assert!(report.ok, "{report:#?}");
    assert_eq!((report.sessions_lost, report.sessions_ended_with_server), (1, 1));
    assert_eq!(check(&report, "sessions").verdict, Verdict::Noted);
    let report = vanishing(false).await;
    assert_eq!(broken(&report), ["sessions"], "{report:#?}");
}

/// A WebSocket server that lets each connection live for so long.
async fn sockets(life: Duration) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/ws", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                let talk = async { while let Some(Ok(_)) = socket.next().await {} };
                tokio::time::timeout(life, talk).await.ok();
            });
        }
    });
    url
}

#[tokio::test]
async fn websockets_are_held_open_and_their_breaks_are_counted() {
    let asking = async |life: Duration, during: Option<&str>| {
        let store = Store::default();
        let url = site(move |ask| store.visit(ask, "app-1")).await;
        let (pause, websocket) = (Duration::from_millis(100), Some(sockets(life).await));
        let during = during.map(str::to_owned);
        probed(Settings { pause, websocket, during, ..settings(url, Promise::Shared) }).await
    };
    let held = asking(Duration::from_mins(1), None).await;
    assert!(held.ok, "{held:#?}");
    let sockets = held.websockets.unwrap();
    assert_eq!((sockets.opened, sockets.broken, sockets.not_opened), (3, 0, 0));

    let broke = asking(Duration::from_millis(150), None).await;
    assert_eq!(broken(&broke), ["websockets"]);
    assert!(broke.websockets.unwrap().broken >= 3);

    // Under a command that is watched for it, a break is told.
    let told = asking(Duration::from_millis(150), Some("sleep 0.2")).await;
    assert!(told.ok && told.websockets.as_ref().unwrap().broken >= 3, "{told:#?}");
}

#[tokio::test]
async fn a_websocket_that_is_not_to_be_had_is_told() {
    let store = Store::default();
    let url = site(move |ask| match &*ask.path {
        "/ws" => Reply::status(404),
        _ => store.visit(ask, "app-1"),
    })
    .await;
    let websocket = Some(url.join("/ws").unwrap());
    let report = probed(Settings { websocket, ..settings(url, Promise::Shared) }).await;
    assert_eq!(broken(&report), ["websockets"]);
    assert_eq!(
        report.websockets.unwrap().reasons.keys().next().unwrap(),
        "not opened: 404 Not Found"
    );
}

#[tokio::test]
async fn stopping_ends_the_run_with_what_was_seen_so_far() {
    let store = Store::default();
    let url = site(move |ask| store.visit(ask, "app-1")).await;
    let stop = Stop::default();
    let pause = Duration::from_millis(50);
    let endless = Settings { pause, requests: 1_000_000, ..settings(url, Promise::Shared) };
    let raise = async {
        sleep(Duration::from_millis(300)).await;
        stop.raise();
    };
    let (report, ()) = tokio::join!(run(endless, Arc::default(), &stop), raise);
    let report = report.unwrap();
    assert!(report.interrupted && (3..60).contains(&report.requests), "{report:#?}");
}

#[tokio::test]
async fn requests_come_at_the_rate_that_is_asked_for() {
    let store = Store::default();
    let url = site(move |ask| store.visit(ask, "app-1")).await;
    let paced = Settings { users: 10, rate: Some(100.0), ..settings(url, Promise::Shared) };
    let report = probed(paced).await;
    // 50 requests, 10 ms apart.
    assert!((0.48..2.0).contains(&report.seconds), "{}", report.seconds);
}

#[tokio::test]
async fn the_progress_is_counted_while_it_runs() {
    let store = Store::default();
    let url = site(move |ask| match ask.before {
        0 => Reply::status(500),
        _ => store.visit(ask, "app-1"),
    })
    .await;
    let live = Arc::<Live>::default();
    let (stop, pause) = (Stop::default(), Duration::from_millis(200));
    let slow = Settings { users: 1, pause, ..settings(url, Promise::Shared) };
    let half_way = async {
        sleep(Duration::from_millis(500)).await;
        [&live.requests, &live.failed].map(|count| count.load(Relaxed))
    };
    let (report, [requests, failed]) = tokio::join!(run(slow, live.clone(), &stop), half_way);
    assert!((2..5).contains(&requests) && failed == 1, "{requests} {failed}");
    assert_eq!(report.unwrap().requests, 5);
    assert_eq!(live.requests.load(Relaxed), 5);
}

#[tokio::test]
async fn the_junit_report_is_well_formed_whatever_a_server_calls_itself() {
    let store = Store::default();
    let url =
        site(move |ask| store.visit(ask, ["<a&b>", "]]>"][usize::from(in_turn(ask) == "app-1")]))
            .await;
    let report = probed(settings(url, Promise::Hybrid)).await;
    let xml = junit(&report).unwrap();
    let suite = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    let suite = &suite.test_suites[0];
    assert_eq!((suite.tests, suite.failures, suite.errors), (report.checks.len(), 1, 0));
    assert_eq!(suite.test_cases[3].name.as_str(), "servers");
}

#[tokio::test]
async fn a_report_holds_no_session_id() {
    let store = Store::default();
    let url = site(move |ask| {
        if ask.before.is_multiple_of(4) {
            store.forget();
        }
        store.visit(ask, "x")
    })
    .await;
    let report = probed(settings(url, Promise::Shared)).await;
    assert!(report.sessions_lost > 0);
    let text = serde_json::to_string(&report).unwrap() + &junit(&report).unwrap();
    assert!(!text.contains("-x"), "{text}");
}
