//! Rolls that cannot end well: what serves goes on serving.

use crate::{
    cloud::Cloud,
    emulator,
    stackctl::{Desk, REGION, Said},
};
use aws_sdk_ssm::types::ParameterType;
use std::{
    io::{BufRead, BufReader},
    process::Command,
};

fn file(image: &str) -> String {
    format!(
        "name: shop\napp: {{image: {image}, instances: 2, health_check: {{interval: 5, timeout: 2}}}}\n\
         load_balancer: {{deregistration_delay: 1}}\nnetwork: {{nat: none}}\n"
    )
}

/// Begins `up`, and ends it as Ctrl-C does once it has told that a target is unhealthy.
fn up_until_unhealthy(desk: &Desk) -> Said {
    let mut run = desk.begin(&["up", "--yes"]);
    let mut told = String::new();
    for line in BufReader::new(run.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        told += &(line.clone() + "\n");
        if line.contains("unhealthy") {
            // It is not reaped yet, so that its id is nobody else's.
            Command::new("kill").args(["-INT", &run.id().to_string()]).output().unwrap();
        }
    }
    let mut said = Said::from(run.wait_with_output().unwrap());
    said.err = told;
    said
}

#[tokio::test]
async fn a_release_that_never_gets_healthy_takes_no_healthy_instance_however_often_it_is_tried() {
    let desk = Desk::new();
    let cloud = Cloud::new(emulator::endpoint(), &desk.account, REGION);
    desk.write("stack.yaml", file("ghcr.io/acme/shop:1"));
    desk.ok(&["up", "--yes"]);
    let serving = cloud.healthy("shop-").await;
    assert_eq!(serving.len(), 2);

    let unhealthy = cloud.ssm.put_parameter().name("/emulator/unhealthy").value("shop:2");
    unhealthy.r#type(ParameterType::String).send().await.unwrap();
    desk.write("stack.yaml", file("ghcr.io/acme/shop:2"));
    for run in 1..=3 {
        let said = up_until_unhealthy(&desk);
        assert_eq!(said.code, 130, "run {run}: {}", said.both());
        assert_eq!(cloud.healthy("shop-").await, serving, "run {run}: {}", said.both());
    }

    let status = desk.run(&["status", "--exit-code"]);
    assert_eq!(status.code, 1, "it is ill: {}", status.both());

    desk.write("stack.yaml", file("ghcr.io/acme/shop:1"));
    desk.ok(&["up", "--yes"]);
    desk.assert_settled("stack.yaml");
    assert_eq!(cloud.healthy("shop-").await.len(), 2, "the way back is the file as it was");
    desk.ok(&["destroy", "--yes"]);
}
