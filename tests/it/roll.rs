//! `roll` and `scale` on a stack that stands.

use crate::{
    cloud::Cloud,
    emulator,
    stackctl::{Desk, REGION, Said},
};
use aws_sdk_ec2::types::Tag;
use aws_sdk_ssm::types::ParameterType;
use std::collections::{BTreeMap, BTreeSet};

/// A small stack, with sessions in a cache unless they are in memory.
fn file(store: &str) -> String {
    let cache = if store == "redis" { "cache: {engine: valkey}\n" } else { "" };
    format!(
        "name: shop\nnetwork: {{nat: none}}\n\
         app: {{image: ghcr.io/acme/shop:1, instances: 2, health_check: {{interval: 5, timeout: 2}}}}\n\
         load_balancer: {{deregistration_delay: 1, stickiness: {{cookie: lb}}}}\n\
         {cache}sessions: {{store: {store}}}\n"
    )
}

fn up(store: &str) -> (Desk, Cloud) {
    let desk = Desk::new();
    let cloud = Cloud::new(emulator::endpoint(), &desk.account, REGION);
    desk.write("stack.yaml", file(store));
    desk.ok(&["up", "--yes"]);
    (desk, cloud)
}

/// The ids of the stack's instances, by their names.
async fn instances(cloud: &Cloud) -> BTreeMap<String, String> {
    let named = |tags: &[Tag]| {
        let name = tags.iter().find(|tag| tag.key() == Some("stackctl:name")).unwrap();
        name.value().unwrap().to_owned()
    };
    let all = cloud.instances("shop").await;
    all.iter().map(|i| (named(i.tags()), i.instance_id().unwrap().to_owned())).collect()
}

/// What begins in the background and is killed once it has said this.
fn killed_at(desk: &Desk, args: &[&str], sign: &str) {
    use std::io::{BufRead, BufReader};

    let mut run = desk.begin(args);
    let told = BufReader::new(run.stderr.take().unwrap()).lines();
    assert!(told.map(Result::unwrap).any(|line| line.contains(sign)), "{sign} is never said");
    run.kill().unwrap();
    run.wait().unwrap();
}

#[tokio::test]
async fn one_instance_is_rolled_and_the_other_stays() {
    let (desk, cloud) = up("redis");
    let before = instances(&cloud).await;
    let said = desk.ok(&["roll", "--instance", "app-2", "--yes"]);
    assert!(said.out.contains("marked: to be replaced (stackctl roll) -> no"), "{}", said.both());
    let after = instances(&cloud).await;
    assert_eq!(after["app-1"], before["app-1"]);
    assert_ne!(after["app-2"], before["app-2"]);
    desk.assert_settled("stack.yaml");

    for (refused, why) in [
        (&["roll", "--instance", "app-9", "--yes"][..], "there are app-1, app-2"),
        (&["roll", "--yes"], "--all"),
        (&["roll", "--all"], "--yes"),
        (&["roll", "--all", "--yes", "--set", "app.env.A=1"], "run `stackctl up` first"),
    ] {
        let said = desk.run(refused);
        assert_eq!(said.code, 1, "{refused:?}: {}", said.both());
        assert!(said.err.contains(why), "{refused:?}: {}", said.both());
    }
    assert_eq!(instances(&cloud).await, after);
    desk.ok(&["destroy", "--yes"]);
}

#[tokio::test]
async fn a_roll_that_is_killed_is_finished_by_the_next_and_replaces_nothing_twice() {
    let (desk, cloud) = up("redis");
    let before = instances(&cloud).await;
    killed_at(&desk, &["roll", "--all", "--yes"], "deleted target/app-1");
    let midway = instances(&cloud).await;
    assert_ne!(midway["app-1"], before["app-1"], "the first is replaced");

    let plan = desk.ok(&["plan"]);
    assert!(plan.out.contains("marked: to be replaced (stackctl roll) -> no"), "{}", plan.both());
    let said = desk.ok(&["up", "--yes", "--lock-timeout", "2m"]);
    let after = instances(&cloud).await;
    assert_eq!(after["app-1"], midway["app-1"], "is replaced once: {}", said.both());
    assert_ne!(after["app-2"], before["app-2"]);
    desk.assert_settled("stack.yaml");

    killed_at(&desk, &["roll", "--all", "--yes"], "creating instance/app-1");
    desk.ok(&["roll", "--cancel", "--lock-timeout", "2m"]);
    desk.ok(&["up", "--yes"]);
    let kept = instances(&cloud).await;
    assert_eq!(kept["app-2"], after["app-2"], "what was taken back is not replaced");
    desk.assert_settled("stack.yaml");
    desk.ok(&["destroy", "--yes"]);
}

#[tokio::test]
async fn an_exchange_of_keys_that_is_killed_is_finished_by_the_next() {
    let desk = Desk::new();
    let cloud = Cloud::new(emulator::endpoint(), &desk.account, REGION);
    desk.write("stack.yaml", file("token").replace("instances: 2", "instances: 1"));
    desk.ok(&["up", "--yes"]);
    let before = instances(&cloud).await;
    killed_at(&desk, &["rotate-key", "--yes"], "is known to whoever");
    let early = desk.run(&["rotate-key", "--retire", "--yes", "--lock-timeout", "2m"]);
    assert!(early.err.contains("is not finished"), "{}", early.both());
    killed_at(&desk, &["rotate-key", "--yes", "--lock-timeout", "2m"], "signs from now on");
    let aware = instances(&cloud).await;
    assert_ne!(aware["app-1"], before["app-1"], "it knows the new key");
    let said = desk.ok(&["rotate-key", "--yes", "--lock-timeout", "2m", "-o", "json"]);
    let keys: serde_json::Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
    assert_ne!(instances(&cloud).await["app-1"], aware["app-1"], "it signs with the new key");
    assert!(keys["previous"].is_string() && keys["previous"] != keys["current"], "{keys}");
    desk.assert_settled("stack.yaml");

    desk.write("stack.yaml", file("memory"));
    let said = desk.run(&["rotate-key", "--yes"]);
    assert!(said.err.contains("has a key that signs them"), "{}", said.both());
    desk.write("stack.yaml", file("token").replace("instances: 2", "instances: 1"));
    desk.ok(&["destroy", "--yes"]);
}

#[tokio::test]
async fn those_that_fail_their_checks_are_replaced_by_those_that_do_not() {
    let (desk, cloud) = up("redis");
    let before = instances(&cloud).await;
    let nothing = desk.ok(&["roll", "--unhealthy", "--yes"]);
    assert!(nothing.err.contains("there is nothing to replace"), "{}", nothing.both());
    let ami = desk.ok(&["roll", "--refresh-ami", "--yes"]);
    assert!(ami.err.contains("there is nothing to replace"), "{}", ami.both());
    // What is launched with this in its user data never passes a check.
    let switch = cloud.ssm.put_parameter().name("/emulator/unhealthy").value("shop:1");
    switch.r#type(ParameterType::String).send().await.unwrap();
    killed_at(&desk, &["roll", "--unhealthy", "--yes"], "creating instance/");
    cloud.ssm.delete_parameter().name("/emulator/unhealthy").send().await.unwrap();
    desk.ok(&["up", "--yes", "--lock-timeout", "2m"]);
    let after: BTreeSet<_> = instances(&cloud).await.into_values().collect();
    assert!(after.is_disjoint(&before.into_values().collect()), "both were ill");
    desk.assert_settled("stack.yaml");
    desk.ok(&["destroy", "--yes"]);
}

#[tokio::test]
async fn whoever_is_logged_out_by_a_roll_or_by_fewer_instances_is_told_of_before() {
    let (desk, cloud) = up("memory");
    let before = instances(&cloud).await;
    let refused = |said: &Said| said.code == 1 && said.err.contains("--accept-session-loss");
    for args in [&["roll", "--all", "--yes"][..], &["scale", "1", "--yes"]] {
        let said = desk.run(args);
        assert!(refused(&said), "{args:?}: {}", said.both());
    }
    assert_eq!(instances(&cloud).await, before);
    desk.ok(&["scale", "1", "--yes", "--accept-session-loss"]);
    assert_eq!(instances(&cloud).await.len(), 1);
    desk.ok(&["destroy", "--yes"]);
}

#[tokio::test]
async fn a_stack_is_scaled_out_and_in_and_told_what_its_file_still_says() {
    let (desk, cloud) = up("redis");
    let before = instances(&cloud).await;
    let said = desk.ok(&["scale", "4", "--yes"]);
    assert!(said.err.contains("the file says `app.instances: 2`"), "{}", said.both());
    let more = instances(&cloud).await;
    assert_eq!(more.len(), 4);
    assert!(before.iter().all(|(name, id)| more[name] == *id));
    assert_eq!(desk.ok(&["scale", "4"]).code, 0, "nothing to do, nothing to agree to");

    let refused = desk.run(&["scale", "3", "--yes", "--set", "app.image=shop:2"]);
    assert!(refused.err.contains("scaling would change that too"), "{}", refused.both());
    let said = desk.ok(&["scale", "2", "--yes"]);
    assert!(!said.err.contains("the file says"), "{}", said.both());
    assert_eq!(instances(&cloud).await, before);
    desk.assert_settled("stack.yaml");
    let refused = desk.run(&["scale", "0", "--yes"]);
    assert_eq!(refused.code, 1, "{}", refused.both());
    desk.ok(&["destroy", "--yes"]);
}
