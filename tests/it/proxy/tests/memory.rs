//! What was just made is not found, and lists are old.

use super::{super::Weather, before_toy};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

fn answer(request: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let made = [
        ("CreateVpc", "<R><vpc><vpcId>vpc-1</vpcId></vpc></R>"),
        ("CreateSubnet", "<R><subnet><subnetId>subnet-1</subnetId></subnet></R>"),
        ("CreateTargetGroup", "<R><TargetGroupArn>arn:tg</TargetGroupArn></R>"),
    ];
    let made = made.iter().find(|(action, _)| request.contains(&format!("Action={action}&")));
    made.map_or_else(|| format!("<R>{}</R>", COUNT.fetch_add(1, Relaxed)), |m| m.1.to_owned())
}

#[test]
fn what_was_just_made_is_unknown_for_a_while_in_the_words_of_who_is_asked() {
    let (_toy, _proxy, mut client) = before_toy(Weather::calm().newborn(2), answer);
    let mut ask = |call: &str, params: &str| client.call(call, params).unwrap();
    assert_eq!(ask("ec2:DeleteVpc", "VpcId=vpc-1").0, 200, "it was not made here");
    ask("ec2:CreateVpc", "");
    for _ in 0..2 {
        let (status, body) = ask("ec2:DescribeVpcs", "VpcId.1=vpc-1");
        assert!(status == 400 && body.contains("InvalidVpcID.NotFound"), "{body}");
    }
    assert_eq!(ask("ec2:DescribeVpcs", "VpcId.1=vpc-1").0, 200);

    ask("ec2:CreateSubnet", "");
    assert_eq!(
        ask("ec2:DescribeSubnets", "Filter.1.Value.1=subnet-1").0,
        200,
        "a filter finds nothing"
    );
    let (_, body) = ask("rds:CreateDBSubnetGroup", "SubnetIds.SubnetIdentifier.1=subnet-1");
    assert!(body.contains("Some input subnets in :[subnet-1] are invalid."), "{body}");
    let (_, body) = ask("elasticloadbalancing:CreateLoadBalancer", "Subnets.member.1=subnet-1");
    assert!(body.contains("SubnetNotFound"), "{body}");

    ask("iam:CreateInstanceProfile", "InstanceProfileName=shop");
    let (status, body) = ask("iam:AddRoleToInstanceProfile", "InstanceProfileName=shop");
    assert!(status == 404 && body.contains("NoSuchEntity"), "{body}");
    let (_, body) = ask("ec2:RunInstances", "IamInstanceProfile.Name=shop");
    assert!(body.contains("Invalid IAM Instance Profile name"), "{body}");
}

#[test]
fn in_another_weather_all_is_known() {
    let (_toy, proxy, mut client) = before_toy(Weather::calm().newborn(9).stale(9), answer);
    let old = client.call("ec2:DescribeVpcs", "").unwrap();
    client.call("ec2:CreateVpc", "").unwrap();
    assert_eq!(client.call("ec2:DescribeVpcs", "").unwrap(), old);
    assert_eq!(client.call("ec2:DeleteVpc", "VpcId=vpc-1").unwrap().0, 400);
    proxy.set(Weather::calm());
    assert_ne!(client.call("ec2:DescribeVpcs", "").unwrap(), old);
    assert_eq!(client.call("ec2:DeleteVpc", "VpcId=vpc-1").unwrap().0, 200);
}

#[test]
fn a_read_after_a_write_gets_its_old_answer_so_many_times() {
    let (_toy, _proxy, mut client) = before_toy(Weather::calm().stale(2), answer);
    let mut ask = |call: &str| client.call(call, "").unwrap().1;
    let old = ask("ec2:DescribeVpcs");
    assert_ne!(ask("ec2:DescribeVpcs"), old, "nothing was written");
    let old = ask("ec2:DescribeVpcs");
    ask("iam:CreateRole");
    let newer = ask("ec2:DescribeVpcs");
    assert_ne!(newer, old, "another service was written to");
    ask("ec2:CreateVpc");
    assert_eq!(ask("ec2:DescribeVpcs"), newer);
    ask("ec2:CreateVpc");
    assert_eq!(ask("ec2:DescribeVpcs"), newer);
    assert_ne!(ask("ec2:DescribeVpcs"), newer, "who writes on does not see old lists for ever");
}
