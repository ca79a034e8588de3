//! HTTP as clients and emulators really speak it, and AWS's SDK as the judge of what is lost.

use super::{
    super::{Fault, Proxy, Weather, call::Call, call::fits, xml},
    before_toy, before_yes,
    toy::{self, Client, Toy},
};
use crate::cloud::Cloud;
use aws_sdk_ec2::error::SdkError;

/// A client of a proxy before a toy that answers with just this text.
fn before_raw(answer: &str) -> (Proxy, Client) {
    let answer = answer.to_owned();
    let toy = Toy::start(move |_| answer.clone());
    let proxy = Proxy::start(&toy.endpoint, Weather::calm());
    let client = Client::of(proxy.endpoint());
    (proxy, client)
}

#[test]
fn an_answer_in_chunks_is_told_as_one() {
    let (_proxy, mut client) = before_raw(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
    );
    let said = Some((200, "abc0123456789".into()));
    assert_eq!(client.call("ec2:CreateVpc", ""), said);
    assert_eq!(client.call("ec2:CreateVpc", ""), said, "on the same connection");
}

#[test]
fn an_answer_without_a_length_ends_with_the_connection() {
    let (_proxy, mut client) = before_raw("HTTP/1.0 200 OK\r\n\r\nall of it");
    assert_eq!(client.call("ec2:CreateVpc", ""), Some((200, "all of it".into())));
}

#[test]
fn an_answer_without_a_body_has_none() {
    let (_proxy, mut client) =
        before_raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(client.call("ec2:CreateVpc", ""), Some((204, String::new())));
    assert_eq!(client.call("ec2:CreateVpc", ""), Some((204, String::new())));
}

#[test]
fn a_head_is_told_the_length_and_nothing_else() {
    let (toy, _proxy, mut client) = before_yes(Weather::calm());
    // The client of the toy knows no HEAD: it would wait for the body that must not come.
    let head = toy::request("HEAD /x", "s3", "Connection: close\r\n", "");
    assert_eq!(client.send(&head), None);
    assert!(toy.heard()[0].starts_with("HEAD /x HTTP/1.1"));
}

#[test]
fn large_bodies_pass_both_ways() {
    let large = "x".repeat(3_000_000);
    let (toy, _proxy, mut client) =
        before_toy(Weather::calm(), |request| request.rsplit_once("Blob=").unwrap().1.to_owned());
    let (_, said) = client.call("ec2:ImportKeyPair", &format!("Blob={large}")).unwrap();
    assert_eq!(said.len(), large.len());
    assert!(toy.heard()[0].len() > large.len());
}

#[test]
fn a_client_that_asks_whether_to_go_on_may() {
    let (toy, _proxy, mut client) = before_yes(Weather::calm());
    let request = toy::request("POST /", "ec2", "Expect: 100-continue\r\n", "Action=CreateVpc");
    assert_eq!(client.send(&request).unwrap().0, 100);
    assert_eq!(client.send("").unwrap().0, 200);
    assert!(toy.heard()[0].ends_with("Action=CreateVpc") && !toy.heard()[0].contains("Expect"));
}

#[test]
fn an_upstream_that_is_away_is_a_cut_connection() {
    let proxy = Proxy::start("http://127.0.0.1:1", Weather::calm());
    assert_eq!(Client::of(proxy.endpoint()).call("ec2:CreateVpc", ""), None);
}

#[test]
fn calls_are_known_in_every_protocol() {
    let (_toy, proxy, mut client) = before_yes(Weather::calm());
    client.call("ssm:PutParameter", "{\"Name\": \"/a\"}").unwrap();
    for line in ["POST /2013-04-01/hostedzone/Z1/rrset/", "DELETE /2013-04-01/hostedzone/Z1"] {
        client.send(&toy::request(line, "route53", "", "")).unwrap();
    }
    client.send(&toy::request("GET /?Action=DescribeVpcs&A=1+%2B", "ec2", "", "")).unwrap();
    client.send(&toy::request("GET /health", "unknown", "", "")).unwrap();
    let calls: Vec<_> = proxy.log().iter().map(|record| record.call.clone()).collect();
    let known = [
        "ssm:PutParameter",
        "route53:ChangeResourceRecordSets",
        "route53:DeleteHostedZone",
        "ec2:DescribeVpcs",
        "unknown:GET /health",
    ];
    assert_eq!(calls, known);
    let log = proxy.log();
    assert!(log.windows(2).all(|two| two[0].number < two[1].number && two[0].began < two[1].began));
    assert_eq!(log[0].request, b"{\"Name\": \"/a\"}");
    assert_eq!(log[3].target, "/?Action=DescribeVpcs&A=1+%2B");
}

#[test]
fn a_pattern_fits_with_anything_for_a_star() {
    for (pattern, yes) in [
        ("*", true),
        ("ec2:CreateVpc", true),
        ("ec2:*", true),
        ("*Vpc", true),
        ("e*:C*c", true),
        ("ec2:CreateVpc*", true),
        ("ec2:CreateVpcEndpoint", false),
        ("*Subnet", false),
        ("rds:*", false),
    ] {
        assert_eq!(fits(pattern, "ec2:CreateVpc"), yes, "{pattern}");
    }
    let filters = [("Filter.1.Value.1".to_owned(), "vpc-1".to_owned())];
    let call = Call { params: filters.into(), ..Call::default() };
    assert_eq!(call.names().count(), 0);
}

#[test]
fn surgery_hits_the_right_element() {
    let mut text =
        "<?xml?><a x='1'><b><id>1</id><s/></b><b><id>2</id><c><id>1</id></c></b></a>".to_owned();
    assert_eq!(xml::texts(&text, "id"), ["1", "2", "1"]);
    for (nth, path, says) in [(0, "s", "up"), (1, "why/code", "7")] {
        let all = xml::holders(&text, "id", "1");
        assert_eq!(all.len(), 2);
        xml::put(&mut text, &all[nth], path, says);
    }
    let after = "<?xml?><a x='1'><b><id>1</id><s>up</s></b><b><id>2</id><c><id>1</id><why><code>7</code></why></c></b></a>";
    assert_eq!(text, after);
}

#[tokio::test]
async fn the_sdk_takes_a_cut_connection_for_a_call_nobody_answered() {
    let weather = Weather::calm().on("ec2:DescribeVpcs", Fault::LoseAnswer);
    let (toy, proxy, _client) = before_yes(weather);
    let cloud = Cloud::new(proxy.endpoint(), "1", "eu-west-1");
    let once = aws_sdk_ec2::config::retry::RetryConfig::disabled();
    let once = aws_sdk_ec2::Config::builder().retry_config(once);
    // Cut by reset or softly, as the coin falls: it is the same to the SDK, and sent once only.
    for sent in 1..=8 {
        let call = cloud.ec2.describe_vpcs().customize().config_override(once.clone());
        let error = call.send().await.unwrap_err();
        assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
        assert_eq!(toy.heard().len(), sent);
    }
}
