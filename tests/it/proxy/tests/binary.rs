//! The built binary behind a proxy that lets everything be.

use crate::{
    cloud::Cloud,
    emulator,
    proxy::{Proxy, Weather},
    stackctl::{Desk, REGION},
};

const FILE: &str = "\
name: shop
app: {image: ghcr.io/acme/shop:1, instances: 1}
load_balancer: {deregistration_delay: 1}
";

#[tokio::test]
async fn a_stack_comes_up_and_goes_through_a_calm_proxy() {
    let proxy = Proxy::start(emulator::endpoint(), Weather::calm());
    let desk = Desk::at(proxy.endpoint());
    let cloud = Cloud::new(emulator::endpoint(), &desk.account, REGION);
    let before = cloud.everything().await;
    desk.write("stack.yaml", FILE);
    desk.ok(&["up", "stack.yaml"]);
    assert!(proxy.count("ec2:RunInstances") == 1 && proxy.count("iam:CreateRole") == 1);
    // Where a tier serves is asked of an emulator without any signature.
    let calls = proxy.log().into_iter().map(|record| record.call.clone());
    let unknown: Vec<_> = calls.filter(|call| call != "unsigned:GET /_twin").collect();
    assert!(!unknown.iter().any(|call| call.contains([' ', '/'])), "{unknown:?}");
    desk.ok(&["destroy", "--yes"]);
    assert_eq!(cloud.everything().await, before);
}
