//! What takes its time, and what never comes to be.

use super::{
    super::{Thing, Until, Weather, xml},
    before_toy,
    toy::Client,
};
use std::time::{Duration, Instant};

const GATEWAY: &str = "<R><natGatewaySet><item><natGatewayId>nat-2</natGatewayId><state>available\
    </state></item><item><natGatewayId>nat-1</natGatewayId><state>available</state></item>\
    </natGatewaySet></R>";

/// A toy in which all is ready at once.
fn answer(request: &str) -> String {
    let action = request.rsplit_once("Action=").map_or("", |(_, rest)| rest);
    let of = |form: &str, id: &str| form.replace("ID", id);
    match action.split('&').next().unwrap_or_default() {
        "CreateNatGateway" => of(
            "<R><natGateway><natGatewayId>ID</natGatewayId><state>available</state></natGateway></R>",
            "nat-1",
        ),
        "DescribeNatGateways" => GATEWAY.into(),
        "CreateLoadBalancer" | "DescribeLoadBalancers" => of(
            "<R><member><LoadBalancerArn>ID</LoadBalancerArn><State><Code>active</Code></State></member></R>",
            "arn:lb",
        ),
        "RunInstances" | "DescribeInstances" => of(
            "<R><item><instanceId>ID</instanceId><instanceState><code>16</code><name>running</name>\
             </instanceState><stateReason/></item></R>",
            "i-1",
        ),
        "TerminateInstances" => "<R/>".into(),
        action => {
            let thing = action.trim_start_matches("Create").trim_start_matches("Describe");
            let (id, state) = match thing.trim_end_matches('s') {
                "DBInstance" => ("DBInstanceIdentifier", "DBInstanceStatus"),
                "DBCluster" => ("DBClusterIdentifier", "Status"),
                "CacheCluster" => ("CacheClusterId", "CacheClusterStatus"),
                _ => ("ReplicationGroupId", "Status"),
            };
            let since = "<InstanceCreateTime>2026-01-01T00:00:00Z</InstanceCreateTime>";
            format!("<R><I><{id}>shop</{id}><{state}>available</{state}>{since}</I></R>")
        }
    }
}

/// Each thing, its service and what it is called there, the element that tells its state, and what
/// that says while it comes, when it is there, and when it has failed.
const THINGS: [(Thing, &str, &str, &str, [&str; 3]); 7] = [
    (Thing::NatGateway, "ec2", "NatGateway", "state", ["pending", "available", "failed"]),
    (
        Thing::LoadBalancer,
        "elasticloadbalancing",
        "LoadBalancer",
        "Code",
        ["provisioning", "active", "failed"],
    ),
    (
        Thing::ReplicationGroup,
        "elasticache",
        "ReplicationGroup",
        "Status",
        ["creating", "available", "create-failed"],
    ),
    (
        Thing::CacheCluster,
        "elasticache",
        "CacheCluster",
        "CacheClusterStatus",
        ["creating", "available", "incompatible-network"],
    ),
    (
        Thing::DbInstance,
        "rds",
        "DBInstance",
        "DBInstanceStatus",
        ["creating", "available", "failed"],
    ),
    (Thing::DbCluster, "rds", "DBCluster", "Status", ["creating", "available", "failed"]),
    (Thing::Instance, "ec2", "Instance", "name", ["pending", "running", "terminated"]),
];

/// The last state that is told when one is made or described.
fn told(client: &mut Client, (service, name, state): (&str, &str, &str), verb: &str) -> String {
    let call = format!("{service}:{verb}{name}{}", if verb == "Create" { "" } else { "s" });
    let (_, body) = client.call(&call.replace("CreateInstance", "RunInstances"), "").unwrap();
    (*xml::texts(&body, state).last().unwrap()).to_owned()
}

#[test]
fn everything_is_being_made_for_so_many_looks() {
    for (thing, service, name, state, [coming, ready, _]) in THINGS {
        let weather = Weather::calm().hold(thing, Until::Reads(2));
        let (_toy, _proxy, mut client) = before_toy(weather, answer);
        let mut state = |verb| told(&mut client, (service, name, state), verb);
        assert_eq!(state("Create"), coming, "{thing:?}");
        assert_eq!([state("Describe"), state("Describe")], [coming, coming], "{thing:?}");
        assert_eq!(state("Describe"), ready, "{thing:?}");
    }
}

#[test]
fn or_for_so_long_and_only_what_was_made_here() {
    let weather = Weather::calm().hold(Thing::NatGateway, Until::After(Duration::from_millis(200)));
    let (_toy, _proxy, mut client) = before_toy(weather, answer);
    let began = Instant::now();
    client.call("ec2:CreateNatGateway", "").unwrap();
    let mut states = || client.call("ec2:DescribeNatGateways", "").unwrap().1;
    let first = states();
    assert_eq!(xml::texts(&first, "state"), ["available", "pending"]);
    while xml::texts(&states(), "state") != ["available", "available"] {
        assert!(began.elapsed() < Duration::from_secs(10));
    }
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[test]
fn a_filter_on_states_sees_the_states_that_are_told() {
    let weather = Weather::calm().hold(Thing::NatGateway, Until::Reads(1));
    let (_toy, _proxy, mut client) = before_toy(weather, answer);
    client.call("ec2:CreateNatGateway", "").unwrap();
    let filter = "Filter.1.Name=state&Filter.1.Value.1=available";
    let mut found = || client.call("ec2:DescribeNatGateways", filter).unwrap().1;
    assert_eq!(xml::texts(&found(), "natGatewayId"), ["nat-2"]);
    assert_eq!(found(), GATEWAY);
}

#[test]
fn the_first_of_a_doomed_kind_fails_for_good() {
    for (thing, service, name, state, [coming, _, doomed]) in THINGS {
        let (_toy, _proxy, mut client) = before_toy(Weather::calm().doom(thing), answer);
        let mut state = |verb| told(&mut client, (service, name, state), verb);
        assert_eq!(state("Create"), coming, "{thing:?}");
        state("Describe");
        assert_eq!([state("Describe"), state("Describe")], [doomed, doomed], "{thing:?}");
    }
}

#[test]
fn until_it_is_deleted_and_the_next_one_of_that_name_is_well() {
    let weather = Weather::calm().doom_as(Thing::DbInstance, "incompatible-network");
    let (_toy, proxy, mut client) = before_toy(weather, answer);
    let mut ask = |call| client.call(call, "DBInstanceIdentifier=shop").unwrap().1;
    ask("rds:CreateDBInstance");
    assert!(ask("rds:DescribeDBInstances").contains("incompatible-network"));
    proxy.set(Weather::calm());
    let failed = ask("rds:DescribeDBInstances");
    assert!(failed.contains("incompatible-network"), "for good");
    assert!(!failed.contains("InstanceCreateTime"), "it never was: {failed}");
    ask("rds:DeleteDBInstance");
    assert!(!ask("rds:DescribeDBInstances").contains("incompatible-network"));
    ask("rds:CreateDBInstance");
    assert!(!ask("rds:DescribeDBInstances").contains("incompatible-network"));
}

#[test]
fn what_fails_says_why_and_an_instance_that_died_is_gone_from_aws() {
    let weather = Weather::calm().doom(Thing::Instance).doom(Thing::LoadBalancer);
    let (toy, _proxy, mut client) = before_toy(weather, answer);
    let mut ask = |call| client.call(call, "").unwrap().1;
    ask("ec2:RunInstances");
    ask("ec2:DescribeInstances");
    assert!(
        toy.heard()
            .last()
            .unwrap()
            .contains("Action=TerminateInstances&Version=1&InstanceId.1=i-1")
    );
    let said = ask("ec2:DescribeInstances");
    assert_eq!(
        said,
        "<R><item><instanceId>i-1</instanceId><instanceState><code>48</code><name>terminated</name>\
         </instanceState><stateReason><code>Server.InsufficientInstanceCapacity</code><message>\
         Server.InsufficientInstanceCapacity: There is no Spot or on-demand capacity</message>\
         </stateReason></item></R>"
    );
    ask("elasticloadbalancing:CreateLoadBalancer");
    let said = ask("elasticloadbalancing:DescribeLoadBalancers");
    assert!(said.contains("<State><Code>failed</Code><Reason>Subnets have"), "{said}");
}
