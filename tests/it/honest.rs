//! A whole life on an emulator that shares no code with ours: a pass on our own proves stackctl only
//! against our own reading of AWS.

use crate::{
    cloud::Cloud,
    emulator,
    stackctl::{Desk, REGION},
};

/// Without a cache: moto never ends deleting one.
const FILE: &str = "\
name: judged
app:
  image: ghcr.io/acme/shop:1
  port: 3000
  instances: 2
  env: {LOG_LEVEL: info}
  health_check: {path: /healthz}
load_balancer:
  stickiness: {cookie: lb, duration: 1h}
  deregistration_delay: 1
database: {engine: postgres, version: \"17\", protect: false, final_snapshot: false}
dns: {zone: judged.test, create_zone: true, records: [judged.test]}
tags: {team: checkout}
";

/// Brings the file about. moto shows no security groups for an instance whose network interface was
/// made with it, though the interface has them; set once more, they are shown. So there is a second
/// `up`, which must find that and nothing else.
fn up(desk: &Desk, instances: usize) {
    desk.ok(&["up", "--yes"]);
    let plan = desk.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.code, 2, "moto has learnt to show groups:\n{}", plan.both());
    let shown = plan.out.matches("security_groups: +security-group/app").count();
    assert_eq!(shown, instances, "{}", plan.out);
    let only = format!("0 to create, {instances} to update, 0 to replace, 0 to delete");
    assert!(plan.out.contains(&only), "{}", plan.out);
    desk.ok(&["up", "--yes"]);
    desk.assert_settled("stack.yaml");
}

#[tokio::test]
async fn a_stack_lives_and_dies_on_the_moto_server() {
    let endpoint = emulator::start(&["--emulator", "moto"]);
    let mut desk = Desk::at(&endpoint);
    // It serves one account, whatever the key says.
    "123456789012".clone_into(&mut desk.account);
    let cloud = Cloud::new(&endpoint, &desk.account, REGION);
    let before = cloud.everything().await;
    desk.write("stack.yaml", FILE);
    up(&desk, 2);
    let standing = cloud.everything().await;
    assert!(standing.len() > before.len() + 20 && standing.is_superset(&before));
    let attributes = cloud.target_group_attributes("judged-").await;
    assert_eq!(attributes["stickiness.enabled"], "true");
    assert_eq!(attributes["stickiness.lb_cookie.duration_seconds"], "3600");

    desk.ok(&["toggle-stickiness", "--off"]);
    let attributes = cloud.target_group_attributes("judged-").await;
    assert_eq!(attributes["stickiness.enabled"], "false");
    desk.ok(&["toggle-stickiness", "--duration", "3600"]);
    desk.assert_settled("stack.yaml");
    assert_eq!(cloud.everything().await, standing, "a toggle replaces nothing");

    let old = cloud.instances("judged").await;
    let changed = FILE.replace("instances: 2", "instances: 3").replace("shop:1", "shop:2");
    desk.write("stack.yaml", changed);
    up(&desk, 3);
    let new = cloud.instances("judged").await;
    assert_eq!(new.len(), 3);
    let stays = old.iter().any(|o| new.iter().any(|n| n.instance_id() == o.instance_id()));
    assert!(!stays, "a new image is a new instance");

    desk.ok(&["destroy", "--yes"]);
    assert_eq!(cloud.everything().await, before);
    let again = desk.ok(&["destroy", "--stack", "judged", "--yes"]);
    assert!(again.both().contains("nothing"), "a second destroy is fine: {}", again.both());
}
