//! Throttles, errors, lost calls and answers, refusals, delays and buckets.

use super::{
    super::{Befell, Bucket, Fault, Refusal, Weather, refusals},
    before_yes,
    toy::Client,
};
use std::time::{Duration, Instant};

#[test]
fn a_calm_proxy_changes_nothing() {
    let (toy, proxy, mut client) = before_yes(Weather::calm());
    assert_eq!(client.call("ec2:CreateVpc", "CidrBlock=10.0.0.0"), Some((200, "<Yes/>".into())));
    assert!(toy.heard()[0].ends_with("Action=CreateVpc&Version=1&CidrBlock=10.0.0.0"));
    assert_eq!((proxy.calls(), proxy.count("ec2:Create*"), proxy.faults().len()), (1, 1, 0));
}

#[test]
fn each_service_throttles_fails_and_is_away_in_its_own_words() {
    let (_toy, proxy, mut client) = before_yes(Weather::calm());
    let mut said = |fault: &Fault, call: &str| {
        proxy.set(Weather::calm().on("*", fault.clone()));
        let (status, body) = client.call(call, "{}").unwrap();
        assert!(body.contains(if call.starts_with("ssm") { "__type" } else { "<Code>" }), "{body}");
        (status, proxy.log().last().unwrap().error.clone().unwrap())
    };
    for (call, throttle, internal, unavailable) in [
        ("ec2:RunInstances", (503, "RequestLimitExceeded"), "InternalError", "Unavailable"),
        (
            "elasticloadbalancing:CreateListener",
            (400, "ThrottlingException"),
            "InternalFailure",
            "ServiceUnavailable",
        ),
        (
            "ssm:GetParameter",
            (400, "ThrottlingException"),
            "InternalServerError",
            "ServiceUnavailable",
        ),
        ("rds:CreateDBInstance", (400, "Throttling"), "InternalFailure", "ServiceUnavailable"),
        ("iam:CreateRole", (400, "Throttling"), "ServiceFailure", "ServiceUnavailable"),
        ("route53:GetChange", (400, "Throttling"), "InternalFailure", "ServiceUnavailable"),
    ] {
        assert_eq!(said(&Fault::Throttle, call), (throttle.0, throttle.1.into()));
        assert_eq!(said(&Fault::Internal, call), (500, internal.into()));
        assert_eq!(said(&Fault::Unavailable, call), (503, unavailable.into()));
    }
}

#[test]
fn a_lost_call_is_not_heard_and_a_lost_answer_is() {
    let weather = Weather::calm()
        .on("ec2:CreateVpc", Fault::LoseCall)
        .times(1)
        .on("ec2:CreateSubnet", Fault::LoseAnswer)
        .nth(2);
    let (toy, proxy, mut client) = before_yes(weather);
    assert_eq!(client.call("ec2:CreateVpc", ""), None);
    assert!(!client.is_connected());
    assert_eq!(toy.heard().len(), 0);
    assert_eq!(client.call("ec2:CreateVpc", "").unwrap().0, 200);
    assert_eq!(client.call("ec2:CreateSubnet", "").unwrap().0, 200);
    assert_eq!(client.call("ec2:CreateSubnet", ""), None);
    assert_eq!(toy.heard().len(), 3);
    let last = proxy.log().last().unwrap().clone();
    assert_eq!((last.fault, last.heard, last.status), (Some(Befell::LostAnswer), true, None));
    assert_eq!(last.answer, b"<Yes/>");
}

/// What befalls calls that several clients make in this order.
fn fortunes(seed: u64, calls: &[&str]) -> Vec<(String, Option<Befell>, Option<u16>)> {
    let weather = Weather::calm().seed(seed).throttle(0.3).errors(0.2).lose(0.2);
    let (_toy, proxy, mut client) = before_yes(weather);
    for call in calls {
        client.call(call, "");
    }
    let mut all: Vec<_> = proxy.log().iter().map(|r| (r.call.clone(), r.fault, r.status)).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn the_same_seed_is_the_same_luck_in_whatever_order_calls_come() {
    let vpc_first = [["ec2:CreateVpc"; 20], ["iam:CreateRole"; 20]].concat();
    let role_first = [["iam:CreateRole"; 20], ["ec2:CreateVpc"; 20]].concat();
    let one = fortunes(1, &vpc_first);
    assert_eq!(one, fortunes(1, &role_first));
    assert_ne!(one, fortunes(2, &vpc_first));
    let struck = one.iter().filter(|(_, fault, _)| fault.is_some()).count();
    assert!((10..36).contains(&struck), "{struck} of 40");
}

#[test]
fn a_refusal_passes_after_so_many_times_and_speaks_of_what_the_call_names() {
    let (toy, proxy, mut client) = before_yes(Weather::calm());
    let all = refusals::IN_USE.iter().chain(&refusals::NOT_KNOWN_YET).chain(&refusals::BUSY);
    for passing in all {
        proxy.set(Weather::calm().refuse(passing, 2));
        let (call, before) = (passing.on.replace('*', "Instance"), toy.heard().len());
        for _ in 0..2 {
            let (_, body) = client.call(&call, "VpcId=vpc-1&SubnetId=subnet-1").unwrap();
            assert!(body.contains(passing.code), "{body}");
            assert!(!body.contains("{VpcId}") && !body.contains("{SubnetId}"), "{body}");
        }
        assert_eq!(toy.heard().len(), before);
        assert_eq!(client.call(&call, "").unwrap().0, 200, "{call}");
    }
}

#[test]
fn any_refusal_can_be_made() {
    let quota = Refusal::new("VpcLimitExceeded", "no more than 5 & <no> less").status(403);
    let weather = Weather::calm().on("ec2:Create*", Fault::Refuse(quota)).rate(1.0);
    let (_toy, _proxy, mut client) = before_yes(weather);
    let (status, body) = client.call("ec2:CreateVpc", "").unwrap();
    assert_eq!(status, 403);
    assert!(body.contains("no more than 5 &amp; &lt;no> less"), "{body}");
}

#[test]
fn a_delayed_call_takes_so_long_and_others_do_not_wait_for_it() {
    let (_toy, proxy, mut client) = before_yes(Weather::calm().delay("ec2:*", 300..=310));
    let endpoint = proxy.endpoint().to_owned();
    let began = Instant::now();
    let slow = std::thread::spawn(move || Client::of(&endpoint).call("ec2:CreateVpc", ""));
    client.call("iam:GetRole", "").unwrap();
    assert!(!slow.is_finished());
    slow.join().unwrap().unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300));
    let log = proxy.log();
    let took = |call: &str| log.iter().find(|r| r.call == call).unwrap().took;
    assert!(took("ec2:CreateVpc") >= Duration::from_millis(300));
    assert!(took("iam:GetRole") < Duration::from_millis(300));
}

#[test]
fn an_empty_bucket_throttles_until_it_fills_again() {
    let bucket = Bucket::new(&["ec2:RunInstances"], 2.0, 5.0);
    let (_toy, proxy, mut client) = before_yes(Weather::calm().buckets(vec![bucket]));
    let mut statuses = || client.call("ec2:RunInstances", "").unwrap().0;
    assert_eq!([statuses(), statuses(), statuses()], [200, 200, 503]);
    let began = Instant::now();
    while statuses() == 503 {
        assert!(began.elapsed() < Duration::from_secs(10));
    }
    assert_eq!(proxy.log().last().unwrap().status, Some(200));
}

#[test]
fn calls_of_a_class_share_the_buckets_of_aws() {
    let (_toy, _proxy, mut client) = before_yes(Weather::calm().buckets(Bucket::of_aws()));
    let mut taken = |calls: &[&str]| {
        let answers = calls.iter().cycle().map(|call| client.call(call, "").unwrap().0);
        answers.take_while(|status| *status == 200).take(70).count()
    };
    let balancers = ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:SetSubnets"];
    assert!((10..=11).contains(&taken(&balancers)));
    assert!((5..=7).contains(&taken(&["ec2:RunInstances"])));
    assert!(taken(&["iam:GetRole"]) == 70, "nothing is published for IAM");
}
