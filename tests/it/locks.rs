//! Two runs on one stack: one works, the other is told who does; and no lock stays.

use crate::{
    cloud::Cloud,
    emulator,
    proxy::{Fault, Proxy, Weather},
    stackctl::{Desk, REGION, Said},
};
use std::{
    process::{Child, Command},
    time::{Duration, Instant},
};

const FILE: &str = "\
name: shop
app: {image: ghcr.io/acme/shop:1, instances: 1}
load_balancer: {deregistration_delay: 1}
";

/// A desk with the file, and the account behind it.
fn desk() -> (Desk, Cloud) {
    let desk = Desk::new();
    desk.write("stack.yaml", FILE);
    let cloud = Cloud::new(emulator::endpoint(), &desk.account, REGION);
    (desk, cloud)
}

/// Another desk with the file in the same account, from which AWS is seen through such weather.
fn far(desk: &Desk, weather: Weather) -> (Desk, Proxy) {
    let proxy = Proxy::start(emulator::endpoint(), weather);
    let mut far = Desk::at(proxy.endpoint());
    far.account.clone_from(&desk.account);
    far.write("stack.yaml", FILE);
    (far, proxy)
}

/// The lock's parameters.
async fn generations(cloud: &Cloud) -> Vec<String> {
    let all = cloud.everything().await.into_iter();
    all.filter(|name| name.starts_with("/stackctl/shop/lock/")).collect()
}

/// A run in the background that holds the lock by now.
async fn begun(desk: &Desk, cloud: &Cloud, args: &[&str]) -> Child {
    let before = generations(cloud).await;
    let child = desk.begin(args);
    while generations(cloud).await == before {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[tokio::test]
async fn a_second_run_is_told_who_works_and_one_that_waits_gets_its_turn() {
    let (desk, cloud) = desk();
    let before = cloud.everything().await;
    // It does not get on while the others are told of it, however slow this machine is.
    let (far, proxy) = far(&desk, Weather::calm().on("ec2:Create*", Fault::Throttle));
    let first = begun(&far, &cloud, &["up"]).await;
    for args in [&["up"][..], &["up", "--yes"], &["destroy", "--yes"]] {
        let told = desk.run(args);
        assert_eq!(told.code, 1, "{args:?}: {}", told.both());
        for part in [
            "`shop` is locked: `stackctl up` by arn:aws:",
            &format!("(process {})", first.id()),
            " since 20",
            "`stackctl unlock --stack shop`",
            "--lock-timeout",
        ] {
            assert!(told.err.contains(part), "{args:?}: no {part:?} in {}", told.both());
        }
    }
    let status = desk.ok(&["status", "-o", "json"]);
    assert!(status.out.contains("\"doing\": \"stackctl up\""), "{}", status.both());
    for reads in ["plan", "list"] {
        desk.ok(&[reads]);
    }
    proxy.set(Weather::calm());
    let waited = desk.ok(&["destroy", "--yes", "--lock-timeout", "2m"]);
    assert!(waited.err.contains("waiting for `stackctl up`"), "{}", waited.both());
    let first = Said::from(first.wait_with_output().unwrap());
    assert_eq!(first.code, 0, "{}", first.both());
    assert_eq!(cloud.everything().await, before, "nothing is left, not even of the lock");
}

#[tokio::test]
async fn what_stands_in_the_way_is_told_only_of_a_stack_to_which_nobody_else_writes() {
    let (desk, cloud) = desk();
    desk.ok(&["up"]);
    let subnet = cloud.tagged_in_ec2("shop").await.remove("subnet/public-a").unwrap();
    let guest = cloud.ec2.create_network_interface().subnet_id(&subnet).send().await.unwrap();
    let guest = guest.network_interface.unwrap().network_interface_id.unwrap();
    let before = cloud.everything().await;
    let told = desk.run(&["destroy", "--yes"]);
    assert_eq!(told.code, 1, "{}", told.both());
    assert!(told.err.contains(&guest), "{}", told.both());
    // While another run writes, what comes and goes under the reader's eyes proves nothing.
    let (far, proxy) = far(&desk, Weather::calm().on("ec2:RunInstances", Fault::Throttle));
    far.write("stack.yaml", FILE.replace("instances: 1", "instances: 2"));
    let first = begun(&far, &cloud, &["up", "--yes"]).await;
    let locked = desk.run(&["destroy", "--yes"]);
    assert_eq!(locked.code, 1, "{}", locked.both());
    assert!(locked.err.contains("`shop` is locked: `stackctl up`"), "{}", locked.both());
    assert!(!locked.err.contains(&guest), "{}", locked.both());
    let waiting = desk.begin(&["destroy", "--yes", "--lock-timeout", "2m"]);
    proxy.set(Weather::calm());
    let first = Said::from(first.wait_with_output().unwrap());
    assert_eq!(first.code, 0, "{}", first.both());
    let waited = Said::from(waiting.wait_with_output().unwrap());
    assert_eq!(waited.code, 1, "{}", waited.both());
    assert!(waited.err.contains(&guest), "{}", waited.both());
    let gone: Vec<_> = before.difference(&cloud.everything().await).cloned().collect();
    assert!(gone.iter().all(|name| name.contains("/lock/")), "{gone:?} were deleted");
    cloud.ec2.delete_network_interface().network_interface_id(&guest).send().await.unwrap();
    desk.ok(&["destroy", "--yes"]);
}

#[tokio::test]
async fn stickiness_is_not_toggled_while_a_run_may_undo_it() {
    let (desk, cloud) = desk();
    desk.ok(&["up"]);
    desk.write("stack.yaml", FILE.replace("instances: 1", "instances: 2"));
    let run = begun(&desk, &cloud, &["up"]).await;
    // The second writes no more than how long what is there stays.
    for flags in [&["--duration", "1h"][..], &["--off", "--for", "1h"]] {
        let told = desk.run(&[&["toggle-stickiness", "--yes"], flags].concat());
        assert_eq!(told.code, 1, "{flags:?}: {}", told.both());
        assert!(told.err.contains("is locked"), "{flags:?}: {}", told.both());
    }
    let run = Said::from(run.wait_with_output().unwrap());
    assert_eq!(run.code, 0, "{}", run.both());
    desk.ok(&["toggle-stickiness", "--duration", "1h"]);
}

#[tokio::test]
async fn a_killed_run_is_succeeded_on_its_machine_without_waiting() {
    let (desk, cloud) = desk();
    let mut killed = begun(&desk, &cloud, &["up"]).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    let began = Instant::now();
    desk.ok(&["up", "--yes"]);
    assert!(began.elapsed() < Duration::from_mins(1), "its lease is not waited for");
    desk.assert_settled("stack.yaml");
    desk.ok(&["destroy", "--yes"]);
}

#[tokio::test]
async fn a_run_that_shows_no_life_is_succeeded_within_ninety_seconds_and_stops_when_it_wakes() {
    let (desk, cloud) = desk();
    let frozen = begun(&desk, &cloud, &["up"]).await;
    send("-STOP", &frozen);
    let began = Instant::now();
    let told = desk.run(&["up", "--yes"]);
    assert_eq!(told.code, 1, "{}", told.both());
    desk.ok(&["up", "--yes", "--lock-timeout", "2m"]);
    assert!(began.elapsed() < Duration::from_mins(2), "{:?}", began.elapsed());
    let standing = cloud.everything().await;
    send("-CONT", &frozen);
    let frozen = Said::from(frozen.wait_with_output().unwrap());
    assert_ne!(frozen.code, 0, "{}", frozen.both());
    assert_eq!(cloud.everything().await, standing, "it did nothing more");
    desk.assert_settled("stack.yaml");
}

#[tokio::test]
async fn a_lock_can_be_taken_away_and_who_held_it_notices() {
    let (desk, cloud) = desk();
    let not_held = desk.ok(&["unlock", "--stack", "shop"]);
    assert!(not_held.out.contains("not locked"), "{}", not_held.both());
    // Slow enough for a heartbeat to come before the work is done.
    let (far, _proxy) = far(&desk, Weather::calm().delay("ec2:*", 3_000..=3_000));
    let run = begun(&far, &cloud, &["up"]).await;

    let refused = desk.run(&["unlock"]);
    assert_eq!(refused.code, 1, "nobody is there to agree: {}", refused.both());
    let unlocked = desk.ok(&["unlock", "--yes"]);
    assert!(unlocked.out.contains("it was held by `stackctl up`"), "{}", unlocked.both());
    let run = Said::from(run.wait_with_output().unwrap());
    assert_eq!(run.code, 1, "{}", run.both());
    assert!(run.err.contains("lock was lost"), "{}", run.both());
    desk.ok(&["up", "--yes"]);
    desk.assert_settled("stack.yaml");
    desk.ok(&["destroy", "--yes"]);
}
