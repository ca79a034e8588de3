//! Whose record is whose, and what is done to which.

use super::*;
use crate::{
    aws::{Tags, ec2::bench::refusal},
    engine::Address,
    kinds::target_group::TargetGroupLive,
};
use aws_sdk_elasticloadbalancingv2::{
    self as elb,
    operation::{
        add_tags::{AddTagsError, AddTagsOutput},
        remove_tags::RemoveTagsOutput,
    },
    types::{LoadBalancer as Described, TargetGroup as DescribedGroup},
};
use aws_sdk_route53::{
    Client,
    operation::{
        change_resource_record_sets::{
            ChangeResourceRecordSetsError, ChangeResourceRecordSetsOutput,
        },
        get_change::GetChangeOutput,
        list_resource_record_sets::ListResourceRecordSetsOutput,
    },
    types::{ChangeInfo, ChangeStatus, ResourceRecord},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use std::sync::Arc;

const ARN: &str = "arn:balancer";
const GROUP: &str = "arn:group";
const DNS_NAME: &str = "shop-lb-1a2b3c-1.eu-west-1.elb.amazonaws.com";

fn balancer() -> LoadBalancerLive {
    LoadBalancerLive { arn: ARN.into(), dns_name: DNS_NAME.into(), zone_id: "Z32".into() }
}

/// The stack's one load balancer, which remembers these records.
fn remembering(records: &[&str]) -> Balancing {
    let described = Described::builder().load_balancer_arn(ARN).dns_name(DNS_NAME).build();
    let at = |domain: &&str| DnsRecordLive::at("Z1".into(), (*domain).to_owned()).tag();
    let all = records.iter().map(at).collect();
    let owned = Owned { name: "lb".into(), tags: Tags::default(), all };
    Balancing { load_balancers: vec![(described, owned)], target_groups: Vec::new() }
}

fn aws(dns: &[&Rule], tags: &[&Rule], balancing: Balancing) -> Aws {
    let route53 = mock_client!(aws_sdk_route53, RuleMode::MatchAny, dns);
    let elb = mock_client!(aws_sdk_elasticloadbalancingv2, RuleMode::MatchAny, tags);
    let aws = Aws { elb, route53, ..Aws::offline("shop") };
    aws.survey.set_balancing(balancing);
    aws
}

fn cx(aws: Aws) -> (Cx<Aws>, DnsRecord) {
    let cx = Cx::alone(Arc::new(aws), Address::of::<DnsRecord>("shop.example.com"));
    let (cx, load_balancer) = cx.with::<LoadBalancer>("lb", balancer());
    let (cx, group) = cx.with::<TargetGroup>("app", TargetGroupLive { arn: GROUP.into() });
    let wanted = DnsRecord {
        zone: ZoneRef::Theirs("Z1".into()),
        domain: "shop.example.com".into(),
        leads: Leads::To(load_balancer),
        evaluate_target_health: true,
        target_group: Some(group),
        listener: None,
    };
    (cx, wanted)
}

fn found() -> Found<DnsRecord> {
    let live = DnsRecordLive::at("Z1".into(), "shop.example.com".into());
    let spec = DnsRecord {
        zone: ZoneRef::Theirs("Z1".into()),
        domain: live.domain.clone(),
        leads: Leads::To(Ref::found(ARN)),
        evaluate_target_health: true,
        target_group: None,
        listener: None,
    };
    Found::ready(live.domain.clone(), spec, live)
}

/// The stack's record as the console stores it.
fn ours(domain: &str) -> ResourceRecordSet {
    let to = LoadBalancerLive { dns_name: format!("dualstack.{DNS_NAME}."), ..balancer() };
    to_balancer(domain, &to)
}

fn to_balancer(domain: &str, to: &LoadBalancerLive) -> ResourceRecordSet {
    DnsRecord { domain: format!("{domain}."), ..found().spec }.alias(to).unwrap()
}

/// A record that leads to a load balancer of the stack's name that is not there.
fn left_behind(domain: &str) -> ResourceRecordSet {
    let dns_name = "internal-shop-lb-9f8e7d-22.eu-west-1.elb.amazonaws.com.".into();
    to_balancer(domain, &LoadBalancerLive { dns_name, ..balancer() })
}

/// The stack's target group alone, which remembers these records: the load balancer was deleted.
fn remembering_without_balancer(records: &[&str]) -> Balancing {
    let (_, owned) = remembering(records).load_balancers.remove(0);
    let group = DescribedGroup::builder().target_group_arn(GROUP).build();
    Balancing { load_balancers: Vec::new(), target_groups: vec![(group, owned)] }
}

fn theirs(domain: &str, kind: RrType) -> ResourceRecordSet {
    let value = ResourceRecord::builder().value("203.0.113.7").build().unwrap();
    let record = ResourceRecordSet::builder().name(format!("{domain}.")).r#type(kind).ttl(60);
    record.resource_records(value).build().unwrap()
}

fn page(of: Vec<ResourceRecordSet>) -> ListResourceRecordSetsOutput {
    let page = ListResourceRecordSetsOutput::builder().set_resource_record_sets(Some(of));
    page.is_truncated(false).max_items(300).build().unwrap()
}

fn there(of: Vec<ResourceRecordSet>) -> Rule {
    mock!(Client::list_resource_record_sets).then_output(move || page(of.clone()))
}

fn info(status: ChangeStatus) -> ChangeInfo {
    let at = aws_smithy_types::DateTime::from_secs(0);
    ChangeInfo::builder().id("/change/C1").status(status).submitted_at(at).build().unwrap()
}

fn changing(action: ChangeAction, to: &'static str) -> Rule {
    mock!(Client::change_resource_record_sets)
        .match_requests(move |r| {
            let change = &r.change_batch().unwrap().changes[0];
            let alias = change.resource_record_set().and_then(|r| r.alias_target());
            change.action == action && alias.is_some_and(|a| a.dns_name == to)
        })
        .then_output(|| {
            let pending = info(ChangeStatus::Pending);
            ChangeResourceRecordSetsOutput::builder().change_info(pending).build()
        })
}

fn refused() -> Rule {
    mock!(Client::change_resource_record_sets)
        .then_error(|| ChangeResourceRecordSetsError::generic(refusal("InvalidChangeBatch")))
}

fn tagging() -> Rule {
    mock!(elb::Client::add_tags)
        .match_requests(|r| r.tags()[0].value() == Some("Z1/shop.example.com"))
        .then_output(|| AddTagsOutput::builder().build())
}

fn untagging() -> Rule {
    mock!(elb::Client::remove_tags)
        .match_requests(|r| r.tag_keys()[0].starts_with(REMEMBERS))
        .then_output(|| RemoveTagsOutput::builder().build())
}

#[test]
fn a_tag_remembers_where_a_record_is() {
    for domain in ["shop.example.com", "*.example.com"] {
        let at = DnsRecordLive::at("Z1".into(), domain.into());
        let (key, value) = at.tag();
        assert!(!value.contains('*'), "{value}");
        assert_eq!(place(&key, &value), Some((at.zone, at.domain)));
    }
    assert_eq!(place("stackctl:stack", "Z1/shop"), None);
}

#[tokio::test]
async fn what_is_remembered_and_leads_to_us_is_ours() {
    let listed = vec![
        ours("\\052.example.com"),
        ours("aa.example.com"),
        theirs("shop.example.com", RrType::A),
    ];
    // Two names in one zone: it is read whole, in one call.
    let list = there(listed);
    let balancing = remembering(&["*.example.com", "shop.example.com"]);
    let found = DnsRecord::discover(&aws(&[&list], &[], balancing)).await.unwrap();
    assert_eq!(list.num_calls(), 1);
    let [star, shop] = &*found else { panic!("{found:?}") };
    assert_eq!((&*star.name, &*star.live.id), ("*.example.com", "Z1/*.example.com"));
    assert_eq!(star.spec.leads, Leads::To(Ref::found(ARN)));
    assert_eq!(star.spec.zone, ZoneRef::Theirs("Z1".into()));
    // One that somebody pointed elsewhere is met as it is, and told.
    let wanted = cx(Aws::offline("shop")).1.leads;
    assert!(wanted.met_by(&shop.spec.leads, &Ids::default()), "{shop:?}");
    assert!(!wanted.met_by(&star.spec.leads, &Ids::default()), "another load balancer's");
    assert!(shop.notes[0].contains("shop.example.com A -> 203.0.113.7"), "{:?}", shop.notes);
    assert!(star.notes.is_empty());
}

#[tokio::test]
async fn the_loss_of_the_load_balancer_does_not_lose_its_records() {
    let listed = there(vec![left_behind("shop.example.com"), ours("aa.example.com")]);
    let balancing = || remembering_without_balancer(&["shop.example.com"]);
    let found = DnsRecord::discover(&aws(&[&listed], &[], balancing())).await.unwrap();
    let [found] = &*found else { panic!("{found:?}") };
    let gone = "internal-shop-lb-9f8e7d-22.eu-west-1.elb.amazonaws.com";
    assert_eq!(found.spec.leads, Leads::Gone(gone.into()));
    assert_eq!(found.spec.target_group, Some(Ref::found(GROUP)));
    let wanted = cx(Aws::offline("shop")).1.leads;
    assert!(!wanted.met_by(&found.spec.leads, &Ids::default()));

    let delete =
        changing(ChangeAction::Delete, "internal-shop-lb-9f8e7d-22.eu-west-1.elb.amazonaws.com.");
    let untagging = untagging();
    let (cx, _) = cx(aws(&[&listed, &delete], &[&untagging], balancing()));
    DnsRecord::delete(found, &cx).await.unwrap();
    assert_eq!((delete.num_calls(), untagging.num_calls()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn it_is_pointed_to_another_load_balancer_in_one_change() {
    for (record, balancing) in [
        (ours("shop.example.com"), remembering(&["shop.example.com"])),
        (left_behind("shop.example.com"), remembering_without_balancer(&["shop.example.com"])),
    ] {
        let upsert = changing(ChangeAction::Upsert, DNS_NAME);
        let sync = mock!(Client::get_change).then_output(|| {
            GetChangeOutput::builder().change_info(info(ChangeStatus::Insync)).build()
        });
        let (there, tagging, untagging) = (there(vec![record]), tagging(), untagging());
        let aws = aws(&[&there, &upsert, &sync], &[&tagging, &untagging], balancing);
        let (cx, wanted) = cx(aws);
        wanted.edit(Edit::Target, &found(), &cx).await.unwrap();
        assert_eq!((upsert.num_calls(), tagging.num_calls()), (1, 2));
        assert_eq!(untagging.num_calls(), 0, "both go on remembering it");
    }
}

#[tokio::test]
async fn one_that_somebody_changed_since_it_was_read_is_not_overwritten() {
    let there = there(vec![theirs("shop.example.com", RrType::A)]);
    let aws = aws(&[&there], &[], remembering(&["shop.example.com"]));
    let (cx, wanted) = cx(aws);
    let error = wanted.edit(Edit::Target, &found(), &cx).await.unwrap_err().to_string();
    assert!(error.contains("203.0.113.7"), "{error}");
}

#[tokio::test]
async fn one_that_leads_to_a_load_balancer_of_the_stacks_name_is_told_with_its_remedy() {
    let there = there(vec![left_behind("shop.example.com")]);
    let (cx, wanted) = cx(aws(&[&there], &[], remembering(&[])));
    let taken = wanted.taken(&cx).await.unwrap().remove(0);
    assert!(taken.whose.contains("if it is gone, remove the record"), "{}", taken.whose);
}

#[tokio::test]
async fn in_a_large_zone_each_name_is_read_by_itself() {
    let large = mock!(Client::list_resource_record_sets)
        .match_requests(|r| r.start_record_name().is_none())
        .then_output(|| {
            let page = ListResourceRecordSetsOutput::builder().resource_record_sets(ours("aa.aa"));
            page.is_truncated(true).max_items(300).build().unwrap()
        });
    let each = mock!(Client::list_resource_record_sets)
        .match_requests(|r| r.start_record_name().is_some())
        .then_output(|| page(vec![ours("shop.example.com")]));
    let balancing = remembering(&["www.example.com", "shop.example.com"]);
    let found = DnsRecord::discover(&aws(&[&large, &each], &[], balancing)).await.unwrap();
    assert_eq!((found.len(), large.num_calls(), each.num_calls()), (1, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn it_is_remembered_before_it_is_made_and_waited_for() {
    let create = changing(ChangeAction::Create, DNS_NAME);
    let status = |s| GetChangeOutput::builder().change_info(info(s)).build();
    let sync = mock!(Client::get_change)
        .match_requests(|r| r.id() == Some("C1"))
        .sequence()
        .output(move || status(ChangeStatus::Pending))
        .times(3)
        .output(move || status(ChangeStatus::Insync))
        .build();
    let tagging = tagging();
    let (cx, wanted) = cx(aws(&[&create, &sync], &[&tagging], Balancing::default()));
    assert_eq!(wanted.create(&cx).await.unwrap().id, "Z1/shop.example.com");
    assert_eq!((tagging.num_calls(), sync.num_calls()), (2, 4), "both remember it");
}

#[tokio::test]
async fn without_its_tag_it_is_not_made() {
    let create = changing(ChangeAction::Create, DNS_NAME);
    let refused =
        mock!(elb::Client::add_tags).then_error(|| AddTagsError::generic(refusal("AccessDenied")));
    let (cx, wanted) = cx(aws(&[&create], &[&refused], Balancing::default()));
    wanted.create(&cx).await.unwrap_err();
    assert_eq!(create.num_calls(), 0);
}

#[tokio::test]
async fn one_that_is_there_already_as_it_should_be_is_gone_on_with() {
    let (refused, there, tagging) = (refused(), there(vec![ours("shop.example.com")]), tagging());
    let (cx, wanted) = cx(aws(&[&refused, &there], &[&tagging], Balancing::default()));
    wanted.create(&cx).await.unwrap();
}

#[tokio::test]
async fn one_of_others_is_named_and_left_alone() {
    let (refused, tagging, untagging) = (refused(), tagging(), untagging());
    let there = there(vec![theirs("shop.example.com", RrType::A)]);
    let aws = aws(&[&refused, &there], &[&tagging, &untagging], Balancing::default());
    let (cx, wanted) = cx(aws);
    let error = wanted.create(&cx).await.unwrap_err();
    assert_eq!(error.to_string(), "shop.example.com A -> 203.0.113.7 is there already");
    assert_eq!(untagging.num_calls(), 2);
}

#[tokio::test]
async fn a_conflict_is_known_before_anything_is_made() {
    let conflict = async |of: Vec<ResourceRecordSet>| {
        let (cx, wanted) = cx(aws(&[&there(of)], &[], remembering(&[])));
        let taken = wanted.taken(&cx).await.unwrap().pop();
        taken.map(|taken| taken.what)
    };
    let at = |kind| theirs("shop.example.com", kind);
    assert_eq!(conflict(vec![]).await, None);
    assert_eq!(conflict(vec![ours("shop.example.com")]).await, None);
    assert_eq!(conflict(vec![at(RrType::Aaaa), at(RrType::Txt)]).await, None);
    assert_eq!(conflict(vec![theirs("zoo.example.com", RrType::A)]).await, None);
    assert!(conflict(vec![at(RrType::A)]).await.is_some());
    assert!(conflict(vec![at(RrType::Txt), at(RrType::Cname)]).await.unwrap().contains("CNAME"));
}

#[tokio::test]
async fn what_is_deleted_is_sent_back_as_it_is_stored() {
    let there = there(vec![ours("shop.example.com")]);
    let delete =
        changing(ChangeAction::Delete, "dualstack.shop-lb-1a2b3c-1.eu-west-1.elb.amazonaws.com.");
    let untagging = untagging();
    let balancing = remembering(&["shop.example.com"]);
    let (cx, _) = cx(aws(&[&there, &delete], &[&untagging], balancing));
    DnsRecord::delete(&found(), &cx).await.unwrap();
    assert_eq!((delete.num_calls(), untagging.num_calls()), (1, 1));
}

#[tokio::test]
async fn one_that_is_gone_or_leads_elsewhere_is_only_forgotten() {
    for of in [vec![], vec![theirs("shop.example.com", RrType::A)]] {
        let (there, untagging) = (there(of), untagging());
        let balancing = remembering(&["shop.example.com"]);
        let (cx, _) = cx(aws(&[&there], &[&untagging], balancing));
        DnsRecord::delete(&found(), &cx).await.unwrap();
        assert_eq!(untagging.num_calls(), 1);
    }
}
