//! `toggle-stickiness` on a stack that stands.

use crate::{
    cloud::Cloud,
    emulator,
    stackctl::{Desk, REGION},
};
use aws_sdk_elasticloadbalancingv2::types::TagDescription;
use std::collections::BTreeMap;

const FILE: &str = "\
name: shop
app: {image: ghcr.io/acme/shop:1, instances: 1}
load_balancer: {deregistration_delay: 1}
";

/// The number of calls in what `-v` says: `4 calls to AWS in 3 rounds`.
pub(crate) fn calls(said: &str) -> u32 {
    let words: Vec<_> = said.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "calls").expect("calls are counted");
    words[at - 1].parse().unwrap()
}

fn stickiness(attributes: &BTreeMap<String, String>) -> (&str, &str, &str) {
    let get = |key: &str| attributes.get(key).map_or("", String::as_str);
    let kind = get("stickiness.type");
    let seconds = get(&format!("stickiness.{kind}.duration_seconds"));
    (get("stickiness.enabled"), kind, seconds)
}

#[tokio::test]
async fn stickiness_is_toggled_at_once_with_few_calls_and_nothing_else() {
    let desk = Desk::new();
    let cloud = Cloud::new(emulator::endpoint(), &desk.account, REGION);
    desk.write("stack.yaml", FILE);
    desk.ok(&["up", "stack.yaml"]);
    let standing = cloud.everything().await;
    let attributes = || cloud.target_group_attributes("shop-");
    let before = attributes().await;
    assert_eq!(before["stickiness.enabled"], "false");

    let said = desk.ok(&["toggle-stickiness", "--duration", "3600", "-v"]);
    assert!(calls(&said.err) <= 7, "{}", said.err);
    assert_eq!(stickiness(&attributes().await), ("true", "lb_cookie", "3600"));
    assert!(said.both().contains("stack.yaml"), "the file says otherwise: {}", said.both());

    desk.ok(&["toggle-stickiness", "--cookie", "app", "--name", "CART"]);
    let now = attributes().await;
    assert_eq!(now["stickiness.enabled"], "true");
    assert_eq!(now["stickiness.type"], "app_cookie");
    assert_eq!(now["stickiness.app_cookie.cookie_name"], "CART");

    desk.ok(&["toggle-stickiness"]);
    assert_eq!(attributes().await["stickiness.enabled"], "false");
    desk.ok(&["toggle-stickiness"]);
    assert_eq!(attributes().await["stickiness.enabled"], "true");
    desk.ok(&["toggle-stickiness", "--off"]);
    desk.ok(&["toggle-stickiness", "--off"]);
    assert_eq!(attributes().await["stickiness.enabled"], "false");
    desk.ok(&["toggle-stickiness", "--on"]);
    assert_eq!(attributes().await["stickiness.enabled"], "true");

    let others = |mut all: BTreeMap<String, String>| {
        all.retain(|key, _| !key.starts_with("stickiness."));
        all
    };
    assert_eq!(others(attributes().await), others(before));
    assert_eq!(cloud.everything().await, standing);

    for refused in [
        &["toggle-stickiness", "--duration", "0"][..],
        &["toggle-stickiness", "--duration", "604801"],
        &["toggle-stickiness", "--cookie", "app", "--name", "AWSALB"],
        &["toggle-stickiness", "--cookie", "lb", "--name", "CART"],
        &["toggle-stickiness", "--on", "--off"],
    ] {
        let said = desk.run(refused);
        assert_eq!(said.code, 1, "{refused:?}: {}", said.both());
        assert!(said.err.contains("error:"), "{refused:?}: {}", said.both());
    }
    desk.ok(&["destroy", "--yes"]);
}

#[tokio::test]
async fn whoever_would_be_logged_out_is_told_of_before_the_switch_and_agreed_to() {
    let desk = Desk::new();
    let cloud = Cloud::new(emulator::endpoint(), &desk.account, REGION);
    let file = FILE.replace("instances: 1", "instances: 2").replace(
        "load_balancer: {",
        "sessions: {store: memory}\nload_balancer: {stickiness: {cookie: lb, duration: 1h}, ",
    );
    desk.write("stack.yaml", file);
    desk.ok(&["up", "stack.yaml", "--yes"]);
    let enabled =
        async || cloud.target_group_attributes("shop-").await.remove("stickiness.enabled").unwrap();
    for flags in [&["toggle-stickiness"][..], &["toggle-stickiness", "--yes"]] {
        let refused = desk.run(flags);
        assert_eq!(refused.code, 1, "{}", refused.both());
        assert!(refused.err.contains("logged out"), "{}", refused.both());
        assert!(refused.err.contains("--accept-session-loss"), "{}", refused.both());
        assert_eq!(enabled().await, "true", "nothing was changed");
    }
    let agreed = ["toggle-stickiness", "--yes", "--accept-session-loss", "-o", "json"];
    let said = desk.ok(&agreed);
    assert!(said.out.contains("\"level\": \"logs-out\""), "{}", said.out);
    assert_eq!(enabled().await, "false");
    desk.ok(&["destroy", "--yes"]);
}

/// The tag by which a target group is held, if there is one.
async fn hold(cloud: &Cloud) -> Option<String> {
    let arn = cloud.target_group("shop-").await;
    let answer = cloud.elb.describe_tags().resource_arns(arn).send().await.unwrap();
    let tags = answer.tag_descriptions().iter().flat_map(TagDescription::tags).cloned();
    let held = tags.into_iter().find(|tag| tag.key() == Some("stackctl:hold-stickiness"));
    held.and_then(|tag| tag.value)
}

#[tokio::test]
async fn a_toggle_for_a_while_outlives_up_and_ends_by_itself() {
    let desk = Desk::new();
    let cloud = Cloud::new(emulator::endpoint(), &desk.account, REGION);
    desk.write("stack.yaml", FILE);
    desk.ok(&["up", "--yes"]);

    let said = desk.ok(&["toggle-stickiness", "--on", "--for", "2h"]);
    assert!(said.out.contains("then `stackctl up` follows the file again"), "{}", said.both());
    assert!(!said.err.contains("the next `stackctl up`"), "{}", said.both());
    desk.assert_settled("stack.yaml");
    let told = "its stickiness stays as it is until";
    assert!(desk.ok(&["status"]).out.contains(told));
    assert!(desk.ok(&["plan"]).out.contains(told));
    desk.ok(&["up", "--yes"]);
    assert_eq!(cloud.target_group_attributes("shop-").await["stickiness.enabled"], "true");

    desk.ok(&["toggle-stickiness", "--on"]);
    assert_eq!(hold(&cloud).await, None, "a toggle without --for ends it");
    let plan = desk.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.code, 2, "the file says off: {}", plan.both());

    desk.ok(&["toggle-stickiness", "--on", "--for", "1s"]);
    while desk.run(&["plan", "--detailed-exitcode"]).code == 0 {}
    let plan = desk.ok(&["plan"]);
    assert!(plan.out.contains("which has passed"), "{}", plan.both());
    desk.ok(&["up", "--yes"]);
    assert_eq!(hold(&cloud).await, None);
    assert_eq!(cloud.target_group_attributes("shop-").await["stickiness.enabled"], "false");
    desk.assert_settled("stack.yaml");
    desk.ok(&["destroy", "--yes"]);
}

#[tokio::test]
async fn users_are_spread_anew_and_what_is_broken_off_is_mended_by_the_next_toggle() {
    let desk = Desk::new();
    let cloud = Cloud::new(emulator::endpoint(), &desk.account, REGION);
    desk.write("stack.yaml", FILE);
    desk.ok(&["up", "--yes"]);
    let refused = desk.run(&["toggle-stickiness", "--rebalance"]);
    assert_eq!(refused.code, 1, "{}", refused.both());
    desk.ok(&["toggle-stickiness", "--duration", "1h"]);

    let mut run = desk.begin(&["toggle-stickiness", "--rebalance", "--wait", "10m", "--yes"]);
    while stickiness(&cloud.target_group_attributes("shop-").await).2 != "1" {}
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(hold(&cloud).await.unwrap().ends_with(" 3600"));
    assert!(desk.ok(&["status"]).out.contains("are being spread anew"));
    desk.ok(&["toggle-stickiness", "--on"]);
    assert_eq!(stickiness(&cloud.target_group_attributes("shop-").await).2, "3600");
    assert_eq!(hold(&cloud).await, None);

    let said = desk.ok(&["toggle-stickiness", "--rebalance", "--wait", "1s", "--yes"]);
    assert!(said.out.contains("lb cookie for 1h again"), "{}", said.both());
    assert_eq!(stickiness(&cloud.target_group_attributes("shop-").await).2, "3600");
    assert_eq!(hold(&cloud).await, None);
    desk.ok(&["destroy", "--yes"]);
}
