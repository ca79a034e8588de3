//! How a zone is found before and after it is tagged, made, and kept from being deleted.

use super::*;
use crate::{aws::ec2::bench::refusal, engine::Address};
use aws_sdk_route53::{
    Client,
    operation::{
        change_tags_for_resource::ChangeTagsForResourceOutput,
        create_hosted_zone::{CreateHostedZoneError, CreateHostedZoneOutput},
        delete_hosted_zone::{DeleteHostedZoneError, DeleteHostedZoneOutput},
        list_hosted_zones::ListHostedZonesOutput,
        list_hosted_zones_by_name::ListHostedZonesByNameOutput,
        list_resource_record_sets::ListResourceRecordSetsOutput,
        list_tags_for_resources::ListTagsForResourcesOutput,
    },
    types::{ResourceRecord, ResourceTagSet},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use std::sync::{Arc, Mutex};

fn aws(rules: &[&Rule]) -> Aws {
    let route53 = mock_client!(aws_sdk_route53, RuleMode::MatchAny, rules);
    let aws = Aws { route53, ..Aws::offline("shop") };
    aws.survey.set_balancing(Balancing::default());
    aws
}

fn cx(rules: &[&Rule]) -> Cx<Aws> {
    Cx::alone(Arc::new(aws(rules)), Address::of::<HostedZone>("main"))
}

fn wanted() -> HostedZone {
    HostedZone { domain: "example.com".into(), tags: [("team".into(), "checkout".into())].into() }
}

fn zone(id: &str, reference: &str) -> Described {
    let zone = Described::builder().id(format!("/hostedzone/{id}")).name("example.com.");
    zone.caller_reference(reference).build().unwrap()
}

fn record(name: &str, kind: RrType, value: &str) -> ResourceRecordSet {
    let value = ResourceRecord::builder().value(value).build().unwrap();
    let record = ResourceRecordSet::builder().name(name).r#type(kind).ttl(60);
    record.resource_records(value).build().unwrap()
}

/// What a fresh zone has, and these.
fn records(more: Vec<ResourceRecordSet>) -> Rule {
    mock!(Client::list_resource_record_sets).then_output(move || {
        let soa = record("example.com.", RrType::Soa, "ns-1.example.net. 1 2 3");
        let ns = record("example.com.", RrType::Ns, "ns-1.example.net.");
        let all = [vec![ns, soa], more.clone()].concat();
        let page = ListResourceRecordSetsOutput::builder().set_resource_record_sets(Some(all));
        page.is_truncated(false).max_items(300).build().unwrap()
    })
}

fn zones(of: Vec<Described>) -> Rule {
    mock!(Client::list_hosted_zones).then_output(move || {
        let page = ListHostedZonesOutput::builder().set_hosted_zones(Some(of.clone()));
        page.is_truncated(false).max_items(100).marker("").build().unwrap()
    })
}

fn tags_of_zones(labels: Labels) -> Rule {
    mock!(Client::list_tags_for_resources)
        .match_requests(|r| r.resource_ids() == ["Z1"])
        .then_output(move || {
            let set = ResourceTagSet::builder().resource_id("Z1");
            let set = set.set_tags(Some(tags::for_route53(&labels))).build();
            ListTagsForResourcesOutput::builder().resource_tag_sets(set).build().unwrap()
        })
}

fn tagging() -> Rule {
    mock!(Client::change_tags_for_resource)
        .match_requests(|r| r.add_tags().iter().any(|t| t.key() == Some(tags::STACK)))
        .then_output(|| ChangeTagsForResourceOutput::builder().build())
}

async fn found(labels: Labels, more: Vec<ResourceRecordSet>) -> Found<HostedZone> {
    let ours = zone("Z1", "stackctl/eu-west-1/shop/main/1");
    let (zones, tags, records) = (zones(vec![ours]), tags_of_zones(labels), records(more));
    HostedZone::discover(&aws(&[&zones, &tags, &records])).await.unwrap().remove(0)
}

#[tokio::test]
async fn what_was_written_is_read_back() {
    let labels = Aws::offline("shop").labels(&Address::of::<HostedZone>("main"), &wanted().tags);
    let found = found(labels, Vec::new()).await;
    assert_eq!((&*found.name, found.phase), ("main", Phase::Ready));
    assert_eq!((found.spec.domain, found.spec.tags), (wanted().domain, wanted().tags));
    assert_eq!((&*found.live.id, found.live.name_servers), ("Z1", vec!["ns-1.example.net".into()]));
}

#[tokio::test]
async fn zones_of_others_are_not_even_read() {
    let others = ["stackctl/eu-west-1/shop-eu/main/1", "stackctl/us-east-1/shop/main/1", "mine"];
    let zones = zones(others.into_iter().map(|reference| zone("Z2", reference)).collect());
    assert!(HostedZone::discover(&aws(&[&zones])).await.unwrap().is_empty());
}

#[tokio::test]
async fn one_that_was_not_tagged_yet_is_found_and_tagged() {
    let found = found(Vec::new(), Vec::new()).await;
    assert_eq!((&*found.name, found.phase), ("main", Phase::Coming));
    let tagging = tagging();
    let live = HostedZone::settle(found.live, &cx(&[&tagging])).await.unwrap();
    assert!(live.tagged);
    HostedZone::settle(live, &cx(&[&tagging])).await.unwrap();
    assert_eq!(tagging.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_whose_making_was_repeated_by_the_sdk_is_found_by_its_reference() {
    let sent = Arc::new(Mutex::new(String::new()));
    let kept = sent.clone();
    let create = mock!(Client::create_hosted_zone)
        .match_requests(move |r| {
            *kept.lock().unwrap() = r.caller_reference().unwrap_or_default().to_owned();
            true
        })
        .then_error(|| CreateHostedZoneError::generic(refusal("HostedZoneAlreadyExists")));
    let page = || ListHostedZonesByNameOutput::builder().hosted_zones(zone("Z9", "another"));
    let list = mock!(Client::list_hosted_zones_by_name)
        .sequence()
        // It may be listed a little later.
        .output(move || page().is_truncated(false).max_items(100).build().unwrap())
        .output(move || {
            let page = page().hosted_zones(zone("Z1", &sent.lock().unwrap()));
            page.is_truncated(false).max_items(100).build().unwrap()
        })
        .build();
    let (tagging, records) = (tagging(), records(Vec::new()));
    let made = wanted().create(&cx(&[&create, &list, &tagging, &records])).await.unwrap();
    assert_eq!((&*made.id, made.tagged), ("Z1", true));
}

#[tokio::test(start_paused = true)]
async fn it_is_made_and_tagged_once_it_is_known() {
    let create = mock!(Client::create_hosted_zone)
        .match_requests(|r| {
            r.caller_reference().is_some_and(|c| c.starts_with("stackctl/eu-west-1/shop/main/"))
        })
        .then_output(|| {
            let made = CreateHostedZoneOutput::builder().hosted_zone(zone("Z1", "r"));
            made.location("https://route53.amazonaws.com/").build().unwrap()
        });
    let (tagging, records) = (tagging(), records(Vec::new()));
    let made = wanted().create(&cx(&[&create, &tagging, &records])).await.unwrap();
    assert_eq!(made.name_servers, ["ns-1.example.net"]);
    assert_eq!((create.num_calls(), tagging.num_calls()), (1, 1));
}

#[tokio::test]
async fn records_of_others_guard_it() {
    let many = (1..=7).map(|n| record(&format!("w{n}.example.com."), RrType::Txt, "x")).collect();
    let found = found(Vec::new(), many).await;
    let why = HostedZone::guard(&found).unwrap();
    assert!(why.contains("w1.example.com TXT -> x") && why.ends_with("and 2 more"), "{why}");
    let delete = mock!(Client::delete_hosted_zone)
        .then_error(|| DeleteHostedZoneError::generic(refusal("HostedZoneNotEmpty")));
    let there = records(vec![record("w1.example.com.", RrType::Txt, "x")]);
    let error = HostedZone::delete(&found, &cx(&[&delete, &there])).await.unwrap_err();
    assert!(error.to_string().contains("w1.example.com TXT"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn deleting_waits_its_turn_and_ends_when_it_is_gone() {
    let found = found(Vec::new(), Vec::new()).await;
    assert!(HostedZone::guard(&found).is_none());
    let delete = mock!(Client::delete_hosted_zone)
        .sequence()
        .error(|| DeleteHostedZoneError::generic(refusal("HostedZoneNotEmpty")))
        .error(|| DeleteHostedZoneError::generic(refusal("PriorRequestNotComplete")))
        .output(|| DeleteHostedZoneOutput::builder().build())
        .error(|| DeleteHostedZoneError::generic(refusal("NoSuchHostedZone")))
        .build();
    let cx = cx(&[&delete, &records(Vec::new())]);
    HostedZone::delete(&found, &cx).await.unwrap();
    HostedZone::delete(&found, &cx).await.unwrap();
    assert_eq!(delete.num_calls(), 4);
}

fn by_name(of: Vec<Described>) -> Rule {
    mock!(Client::list_hosted_zones_by_name).then_output(move || {
        let page = ListHostedZonesByNameOutput::builder().set_hosted_zones(Some(of.clone()));
        page.is_truncated(false).max_items(100).build().unwrap()
    })
}

#[tokio::test]
async fn a_zone_beside_a_public_one_of_its_name_is_refused_before_it_is_made() {
    let mut private = zone("Z3", "c");
    private.config = Some(HostedZoneConfig::builder().private_zone(true).build());
    let ours = zone("Z4", "stackctl/eu-west-1/shop/main/1");
    let there = by_name(vec![zone("Z1", "theirs"), private.clone(), ours.clone()]);
    let taken = wanted().taken(&cx(&[&there])).await.unwrap();
    let [taken] = &*taken else { panic!("{taken:?}") };
    assert_eq!(taken.what, "public hosted zone example.com (Z1)");
    let free = by_name(vec![private, ours]);
    assert_eq!(wanted().taken(&cx(&[&free])).await.unwrap(), []);
}

#[tokio::test]
async fn the_stacks_own_zone_is_none_that_was_there_before() {
    let ours = zone("Z4", "stackctl/eu-west-1/shop/main/1");
    let both = by_name(vec![ours.clone(), zone("Z1", "theirs")]);
    assert_eq!(zone_id(&aws(&[&both]), "example.com").await.unwrap().as_deref(), Some("Z1"));
    let own = by_name(vec![ours]);
    let error = zone_id(&aws(&[&own]), "example.com").await.unwrap_err().to_string();
    assert!(error.contains("keep dns.create_zone: true"), "{error}");
}

#[tokio::test]
async fn a_domain_with_several_public_zones_is_not_chosen_from() {
    let mut private = zone("Z3", "c");
    private.config = Some(HostedZoneConfig::builder().private_zone(true).build());
    let mut later = zone("Z4", "d");
    later.name = "example.net.".into();
    let one = by_name(vec![zone("Z1", "a"), private.clone(), later.clone()]);
    assert_eq!(zone_id(&aws(&[&one]), "example.com").await.unwrap().as_deref(), Some("Z1"));
    let two = by_name(vec![zone("Z1", "a"), zone("Z2", "b")]);
    let error = zone_id(&aws(&[&two]), "example.com").await.unwrap_err().to_string();
    assert!(error.contains("Z1, Z2"), "{error}");
    let none = by_name(vec![private, later]);
    assert_eq!(zone_id(&aws(&[&none]), "example.com").await.unwrap(), None);
}
