//! What can go wrong before or while AWS is talked to: each ends in one clear message with a remedy.

use crate::{
    cloud::{Cloud, TRUST},
    emulator,
    stackctl::{Desk, REGION, Said},
};

const FILE: &str = "name: shop\napp: {image: ghcr.io/acme/shop:1}\n";

/// Insists on one error with a remedy, exit code 1, and no panic.
fn clear(said: &Said, about: &[&str]) {
    let all = said.both();
    assert_eq!(said.code, 1, "{all}");
    assert!(!all.contains("panicked"), "{all}");
    assert_eq!(said.err.matches("error:").count(), 1, "one error: {all}");
    assert!(said.err.contains("hint:") || said.err.contains("help:"), "a remedy: {all}");
    for word in about {
        assert!(all.contains(word), "{word} is missing: {all}");
    }
}

#[test]
fn an_endpoint_nobody_listens_at_is_named() {
    let endpoint = format!("http://127.0.0.1:{}", emulator::free_port());
    let desk = Desk::offline();
    desk.write("stack.yaml", FILE);
    clear(&desk.run(&["plan", "--endpoint-url", &endpoint]), &[&endpoint]);
}

#[test]
fn an_emulator_on_this_machine_needs_no_credentials() {
    let desk = Desk::new();
    desk.write("stack.yaml", FILE);
    let mut command = desk.command(&["plan"]);
    let said =
        Said::of(command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY"));
    assert_eq!(said.code, 0, "{}", said.both());
    assert!(said.out.contains("account 000000000000"), "{}", said.both());
}

#[test]
fn a_stack_that_is_not_there_is_told_with_those_that_are() {
    let desk = Desk::new();
    desk.write("stack.yaml", FILE);
    desk.ok(&["up"]);
    clear(&desk.run(&["status", "--stack", "nope"]), &["no stack `nope`", "there are: shop"]);
    assert_eq!(desk.run(&["status", "--exit-code"]).code, 0);
    desk.ok(&["destroy", "--yes"]);
    clear(&desk.run(&["status", "--stack", "shop"]), &["no stack `shop`", "there are none"]);
}

#[test]
fn the_first_creation_is_asked_for_with_account_region_and_price() {
    // What is not on this machine is reached through a proxy, here the emulator itself.
    let desk = Desk::offline();
    desk.write("stack.yaml", FILE);
    let mut command = desk.command(&["up", "--endpoint-url", "http://aws.example.internal"]);
    let said = Said::of(command.env("HTTP_PROXY", emulator::endpoint()));
    let place = format!("of `shop` in {REGION}, account {}, for about $", desk.account);
    clear(&said, &[&place, "nobody is here to agree", "with --yes", "list prices of us-east-1"]);
}

#[test]
fn the_wrong_account_is_refused_before_anything_is_read() {
    let desk = Desk::new();
    desk.write("stack.yaml", format!("{FILE}account: \"210987654321\"\n"));
    clear(&desk.run(&["up", "--yes"]), &["210987654321", &desk.account]);
}

#[test]
fn without_any_stack_the_command_says_which_there_are() {
    clear(&Desk::new().run(&["status"]), &["stack"]);
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let desk = Desk::new();
    desk.write("stack.yaml", FILE);
    let mut command = desk.command(&["plan"]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(!err.contains("panicked"), "{err}");
}

#[tokio::test]
async fn names_taken_by_others_stop_the_run_and_the_next_one_goes_on() {
    let desk = Desk::new();
    let cloud = Cloud::new(emulator::endpoint(), &desk.account, REGION);
    desk.write("stack.yaml", FILE);
    cloud
        .iam
        .create_role()
        .role_name("shop-app-eu-west-1")
        .assume_role_policy_document(TRUST)
        .send()
        .await
        .unwrap();
    clear(&desk.run(&["up", "--yes"]), &["shop-app-eu-west-1"]);
    cloud.iam.delete_role().role_name("shop-app-eu-west-1").send().await.unwrap();
    desk.ok(&["up", "--yes"]);
    desk.assert_settled("stack.yaml");
    desk.ok(&["destroy", "--yes"]);
}

#[test]
fn deletions_need_a_yes_where_nobody_can_be_asked() {
    let desk = Desk::new();
    desk.write("stack.yaml", FILE);
    desk.ok(&["up"]);
    desk.write("stack.yaml", FILE.replace("shop:1", "shop:2"));
    clear(&desk.run(&["up"]), &["--yes"]);
    clear(&desk.run(&["destroy"]), &["--yes"]);
    desk.ok(&["destroy", "--yes"]);
}
