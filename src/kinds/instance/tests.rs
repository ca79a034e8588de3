//! How an instance is read, made, waited for, changed and removed.

use super::*;
use crate::{
    aws::{
        compute::RoleReading,
        ec2::bench::{refusal, team},
        tags,
    },
    engine::Address,
    kinds::instance_role::RoleLive,
};
use aws_sdk_ec2::{
    Client,
    operation::{
        associate_iam_instance_profile::AssociateIamInstanceProfileOutput,
        create_tags::CreateTagsOutput,
        describe_iam_instance_profile_associations::DescribeIamInstanceProfileAssociationsOutput,
        describe_images::DescribeImagesOutput,
        describe_instances::DescribeInstancesOutput,
        modify_instance_attribute::{ModifyInstanceAttributeError, ModifyInstanceAttributeOutput},
        modify_instance_metadata_options::ModifyInstanceMetadataOptionsOutput,
        replace_iam_instance_profile_association::{
            ReplaceIamInstanceProfileAssociationError, ReplaceIamInstanceProfileAssociationOutput,
        },
        run_instances::{RunInstancesError, RunInstancesInput, RunInstancesOutput},
        start_instances::{StartInstancesError, StartInstancesOutput},
        terminate_instances::{TerminateInstancesError, TerminateInstancesOutput},
    },
    types::{
        EbsInstanceBlockDevice, GroupIdentifier, IamInstanceProfile, IamInstanceProfileAssociation,
        Image, InstanceBlockDeviceMapping, InstanceNetworkInterface, InstanceState, Reservation,
        StateReason, Tag,
    },
};
use aws_sdk_ssm::operation::get_parameter::GetParameterOutput;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_types::{DateTime, error::ErrorMetadata};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

const PROFILE: &str = "arn:aws:iam::111122223333:instance-profile/shop-app-eu-west-1";

/// An instance, and the context in which everything it refers to is in place.
fn wanted(rules: &[&Rule]) -> (Instance, Cx<Aws>) {
    let ami = mock!(aws_sdk_ssm::Client::get_parameter)
        .match_requests(|r| r.name().is_some_and(|name| name.ends_with("default-arm64")))
        .then_output(|| {
            let parameter = aws_sdk_ssm::types::Parameter::builder().value("ami-1").build();
            GetParameterOutput::builder().parameter(parameter).build()
        });
    let aws = Aws {
        ec2: mock_client!(aws_sdk_ec2, RuleMode::MatchAny, rules),
        ssm: mock_client!(aws_sdk_ssm, RuleMode::MatchAny, &[&ami]),
        ..Aws::offline("shop")
    };
    let owned = Owned { name: "app".into(), tags: Tags::default(), all: BTreeMap::default() };
    aws.survey
        .set_role(RoleReading { profile: Some((own_profile(), owned)), ..RoleReading::default() });
    let cx = Cx::alone(Arc::new(aws), Address::of::<Instance>("app-1"));
    let name = "shop-app-eu-west-1";
    let role = RoleLive { role: name.into(), profile: name.into(), profile_arn: PROFILE.into() };
    let (cx, subnet) = cx.with::<Subnet>("private-a", "subnet-1".into());
    let (cx, group) = cx.with::<SecurityGroup>("app", "sg-1".into());
    let (cx, role) = cx.with::<InstanceRole>("app", role);
    let script = "#!/bin/bash\n".to_owned();
    let instance = Instance {
        image: "ghcr.io/acme/shop:1.4.2".into(),
        boot: Sealed::Open(script.clone()),
        user_data: script,
        instance_type: "t4g.small".into(),
        architecture: Architecture::Arm64,
        ami: None,
        placement: Placement { preferred: subnet.clone(), allowed: vec![subnet] },
        security_groups: vec![group],
        role,
        public_ip: false,
        route: None,
        endpoints: Vec::new(),
        running: true,
        metadata: Metadata::default(),
        marked: Marked::default(),
        tags: team(),
    };
    (instance, cx)
}

/// The instance profile that the stack has now.
fn own_profile() -> InstanceProfile {
    InstanceProfile::builder()
        .path("/")
        .instance_profile_name("shop-app-eu-west-1")
        .instance_profile_id("AIPANOW")
        .arn(PROFILE)
        .create_date(DateTime::from_secs(0))
        .set_roles(Some(Vec::new()))
        .build()
        .unwrap()
}

fn live() -> InstanceLive {
    InstanceLive { id: "i-1".into(), private_ip: "10.0.0.4".into() }
}

fn in_state(state: InstanceStateName) -> Described {
    let (instance, _) = wanted(&[]);
    let aws = Aws::offline("shop");
    let mut labels = aws.labels(&Address::of::<Instance>("app-1"), &team());
    labels.push((IMAGE.into(), instance.image.clone()));
    labels.push((BOOT.into(), instance.boot.digest()));
    labels.push((PUBLIC_IP.into(), "false".into()));
    labels.push((TOKEN.into(), "token-1".into()));
    let metadata = InstanceMetadataOptionsResponse::builder()
        .http_endpoint(InstanceMetadataEndpointState::Enabled)
        .http_tokens(HttpTokensState::Required)
        .http_put_response_hop_limit(2);
    Described::builder()
        .instance_id("i-1")
        .client_token("token-1")
        .private_ip_address("10.0.0.4")
        .image_id("ami-1")
        .instance_type(InstanceType::T4gSmall)
        .architecture(ArchitectureValues::Arm64)
        .subnet_id("subnet-1")
        .security_groups(GroupIdentifier::builder().group_id("sg-1").build())
        .iam_instance_profile(IamInstanceProfile::builder().arn(PROFILE).id("AIPANOW").build())
        .metadata_options(metadata.build())
        .state(InstanceState::builder().name(state).build())
        .set_tags(Some(tags::for_ec2(&labels)))
        .build()
}

fn listed(instance: Option<Described>) -> DescribeInstancesOutput {
    let reservation = Reservation::builder().set_instances(instance.map(|i| vec![i])).build();
    DescribeInstancesOutput::builder().reservations(reservation).build()
}

fn shows(instance: Described) -> Rule {
    mock!(Client::describe_instances).then_output(move || listed(Some(instance.clone())))
}

async fn discovered(instance: Described) -> Found<Instance> {
    let (_, cx) = wanted(&[&shows(instance)]);
    Instance::discover(&cx.cloud).await.unwrap().remove(0)
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let (instance, _) = wanted(&[]);
    let found = discovered(in_state(InstanceStateName::Running)).await;
    assert_eq!((&*found.name, &found.live, found.phase), ("app-1", &live(), Phase::Ready));
    let spec = found.spec;
    assert_eq!(spec.image, instance.image);
    assert_eq!(spec.boot.digest(), instance.boot.digest());
    assert_eq!(spec.instance_type, instance.instance_type);
    assert_eq!(spec.ami.as_deref(), Some("ami-1"));
    assert_eq!(spec.placement.preferred, Ref::found("subnet-1"));
    assert_eq!(spec.security_groups, [Ref::found("sg-1")]);
    assert_eq!(spec.role, Ref::found(PROFILE));
    assert_eq!((spec.public_ip, spec.running), (instance.public_ip, instance.running));
    assert_eq!(spec.metadata, instance.metadata);
    assert_eq!(spec.tags, instance.tags);
}

#[tokio::test]
async fn every_state_but_terminated_is_found_for_what_it_is() {
    use InstanceStateName::{Pending, Running, ShuttingDown, Stopped, Stopping};
    for (state, phase, running) in [
        (Pending, Phase::Coming, true),
        (Running, Phase::Ready, true),
        (ShuttingDown, Phase::Going, true),
        (Stopping, Phase::Ready, false),
        (Stopped, Phase::Ready, false),
    ] {
        let found = discovered(in_state(state.clone())).await;
        assert_eq!((found.phase, found.spec.running), (phase, running), "{state}");
    }
    let (_, cx) = wanted(&[&mock!(Client::describe_instances)
        .match_requests(|r| {
            let states = r.filters().iter().find(|f| f.name() == Some("instance-state-name"));
            states.is_some_and(|f| !f.values().contains(&"terminated".to_owned()))
        })
        .then_output(|| listed(None))]);
    assert!(Instance::discover(&cx.cloud).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_bears_its_tags_and_was_launched_by_others_is_a_copy() {
    let mut like_this = in_state(InstanceStateName::Running);
    like_this.client_token = Some("console-2".into());
    let mut restored = in_state(InstanceStateName::Running);
    restored.client_token = None;
    let mut scaled = in_state(InstanceStateName::Running);
    scaled.tags.as_mut().unwrap().push(Tag::builder().key(SCALED).value("web").build());
    for copy in [like_this, restored, scaled] {
        let found = discovered(copy).await;
        assert_eq!(found.phase, Phase::Copy);
        assert!(found.notes[0].starts_with("i-1 bears this stack's tags"), "{:?}", found.notes);
    }
    // One of an earlier version has no such tag.
    let mut earlier = in_state(InstanceStateName::Running);
    earlier.tags.as_mut().unwrap().retain(|tag| tag.key() != Some(TOKEN));
    assert_eq!(discovered(earlier).await.phase, Phase::Ready);
}

#[tokio::test]
async fn a_profile_that_was_made_anew_under_its_name_is_another_one() {
    let mut stale = in_state(InstanceStateName::Running);
    let before = IamInstanceProfile::builder().arn(PROFILE).id("AIPABEFORE").build();
    stale.iam_instance_profile = Some(before);
    assert_eq!(discovered(stale).await.spec.role, Ref::found("AIPABEFORE"));
}

#[tokio::test(start_paused = true)]
async fn a_role_is_handed_over_in_place_of_the_one_before() {
    let there = |ids: &'static [&'static str]| {
        mock!(Client::describe_iam_instance_profile_associations).then_output(move || {
            let of =
                |id: &&str| IamInstanceProfileAssociation::builder().association_id(*id).build();
            let all = ids.iter().map(of).collect();
            DescribeIamInstanceProfileAssociationsOutput::builder()
                .set_iam_instance_profile_associations(Some(all))
                .build()
        })
    };
    let replaced = mock!(Client::replace_iam_instance_profile_association)
        .match_requests(|r| {
            let profile = r.iam_instance_profile().and_then(|profile| profile.name());
            r.association_id() == Some("iip-1") && profile == Some("shop-app-eu-west-1")
        })
        .sequence()
        .error(|| ReplaceIamInstanceProfileAssociationError::generic(refusal("IncorrectState")))
        .output(|| ReplaceIamInstanceProfileAssociationOutput::builder().build())
        .build();
    let (instance, cx) = wanted(&[&there(&["iip-1"]), &replaced]);
    let found = Found::ready("app-1", instance.clone(), live());
    instance.edit(Edit::Role, &found, &cx).await.unwrap();
    assert_eq!(replaced.num_calls(), 2);
    let associated = mock!(Client::associate_iam_instance_profile)
        .then_output(|| AssociateIamInstanceProfileOutput::builder().build());
    let (instance, cx) = wanted(&[&there(&[]), &associated]);
    instance.edit(Edit::Role, &found, &cx).await.unwrap();
    assert_eq!(associated.num_calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn groups_that_ec2_does_not_know_yet_are_set_once_it_does() {
    let groups = mock!(Client::modify_instance_attribute)
        .sequence()
        .error(|| {
            let code = "InvalidSecurityGroupID.NotFound";
            ModifyInstanceAttributeError::generic(refusal(code))
        })
        .output(|| ModifyInstanceAttributeOutput::builder().build())
        .build();
    let (instance, cx) = wanted(&[&groups]);
    let found = Found::ready("app-1", instance.clone(), live());
    instance.edit(Edit::SecurityGroups, &found, &cx).await.unwrap();
    assert_eq!(groups.num_calls(), 2);
}

fn image(architecture: ArchitectureValues) -> Rule {
    mock!(Client::describe_images).match_requests(|r| r.image_ids() == ["ami-1"]).then_output(
        move || {
            let image = Image::builder().image_id("ami-1").root_device_name("/dev/xvda");
            let image = image.architecture(architecture.clone()).build();
            DescribeImagesOutput::builder().images(image).build()
        },
    )
}

fn tags_of(request: &RunInstancesInput, of: &str) -> Vec<Tag> {
    let specifications = request.tag_specifications().iter();
    let of = specifications.filter(|s| s.resource_type().is_some_and(|t| t.as_str() == of));
    of.flat_map(|s| s.tags().to_vec()).collect()
}

fn made() -> RunInstancesOutput {
    RunInstancesOutput::builder().instances(in_state(InstanceStateName::Pending)).build()
}

#[tokio::test]
async fn it_is_made_in_one_call_with_every_tag_and_nothing_left_open() {
    let run = mock!(Client::run_instances)
        .match_requests(|r| {
            let interface = &r.network_interfaces()[0];
            let volume = r.block_device_mappings()[0].ebs().unwrap();
            let metadata = r.metadata_options().unwrap();
            let own = tags_of(r, "instance");
            let boot = own.iter().find(|tag| tag.key() == Some(BOOT)).unwrap();
            r.image_id() == Some("ami-1")
                && interface.subnet_id() == Some("subnet-1")
                && interface.groups() == ["sg-1"]
                && interface.associate_public_ip_address() == Some(false)
                && volume.encrypted() == Some(true)
                && metadata.http_tokens() == Some(&HttpTokensState::Required)
                && metadata.http_put_response_hop_limit() == Some(2)
                && r.iam_instance_profile().unwrap().arn() == Some(PROFILE)
                && r.user_data() == Some("IyEvYmluL2Jhc2gK")
                && r.key_name().is_none()
                && r.client_token().is_some_and(|token| token.len() == 36)
                && boot.value() == Some(&wanted(&[]).0.boot.digest())
                && own.len() == 9
                && own.iter().any(|t| t.key() == Some(TOKEN) && t.value() == r.client_token())
                && tags_of(r, "volume").len() == 5
                && tags_of(r, "network-interface").len() == 5
        })
        .then_output(made);
    let (instance, cx) = wanted(&[&image(ArchitectureValues::Arm64), &run]);
    assert_eq!(instance.create(&cx).await.unwrap(), live());
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_ec2_does_not_know_yet_is_waited_for_with_one_token() {
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let seen = tokens.clone();
    let unknown = || {
        let error = ErrorMetadata::builder().code("InvalidParameterValue");
        let says = "Value (x) for parameter iamInstanceProfile.arn is invalid. \
                    Invalid IAM Instance Profile ARN";
        RunInstancesError::generic(error.message(says).build())
    };
    let run = mock!(Client::run_instances)
        .match_requests(move |r| {
            seen.lock().unwrap().push(r.client_token().unwrap().to_owned());
            true
        })
        .sequence()
        .error(unknown)
        .error(unknown)
        .output(made)
        .build();
    let (instance, cx) = wanted(&[&image(ArchitectureValues::Arm64), &run]);
    instance.create(&cx).await.unwrap();
    let mut tokens = tokens.lock().unwrap().clone();
    tokens.dedup();
    assert_eq!((run.num_calls(), tokens.len()), (3, 1));
}

#[tokio::test]
async fn another_invalid_value_is_final() {
    let run = mock!(Client::run_instances)
        .then_error(|| RunInstancesError::generic(refusal("InvalidParameterValue")));
    let (instance, cx) = wanted(&[&image(ArchitectureValues::Arm64), &run]);
    instance.create(&cx).await.unwrap_err();
    assert_eq!(run.num_calls(), 1);
}

#[tokio::test]
async fn a_zone_without_room_is_told_with_what_to_do() {
    let run = mock!(Client::run_instances)
        .then_error(|| RunInstancesError::generic(refusal("InsufficientInstanceCapacity")));
    let (instance, cx) = wanted(&[&image(ArchitectureValues::Arm64), &run]);
    let error = format!("{:#}", instance.create(&cx).await.unwrap_err());
    assert!(error.contains("no t4g.small left") && error.contains("AWS's words"), "{error}");
}

/// The subnets that are tried, where the first says this.
async fn tried(code: &'static str, message: &'static str) -> (Result<InstanceLive>, Vec<String>) {
    let subnets = Arc::new(Mutex::new(Vec::new()));
    let seen = subnets.clone();
    let run = mock!(Client::run_instances)
        .match_requests(move |r| {
            let subnet = r.network_interfaces()[0].subnet_id().unwrap();
            seen.lock().unwrap().push(subnet.to_owned());
            true
        })
        .sequence()
        .error(move || {
            let refused = ErrorMetadata::builder().code(code).message(message).build();
            RunInstancesError::generic(refused)
        })
        .output(made)
        .build();
    let (instance, cx) = wanted(&[&image(ArchitectureValues::Arm64), &run]);
    let (cx, other) = cx.with::<Subnet>("private-b", "subnet-2".into());
    let preferred = instance.placement.preferred.clone();
    let allowed = vec![preferred.clone(), other];
    let instance = Instance { placement: Placement { preferred, allowed }, ..instance };
    let launched = instance.create(&cx).await;
    let mut subnets = subnets.lock().unwrap().clone();
    subnets.dedup();
    (launched, subnets)
}

#[tokio::test]
async fn what_one_zone_cannot_take_is_put_into_another() {
    for (code, message) in [
        ("Unsupported", "(t4g.small) is not supported in your requested Availability Zone (b)."),
        ("InsufficientInstanceCapacity", "We currently do not have sufficient t4g.small capacity"),
        ("InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough"),
    ] {
        let (launched, subnets) = tried(code, message).await;
        launched.unwrap();
        assert_eq!(subnets, ["subnet-1", "subnet-2"], "{code}");
    }
    let (launched, subnets) = tried("Unsupported", "The requested configuration is not").await;
    assert!(launched.is_err());
    assert_eq!(subnets, ["subnet-1"]);
}

#[tokio::test]
async fn an_ami_for_another_processor_is_refused_before_anything_is_made() {
    let (instance, cx) = wanted(&[&image(ArchitectureValues::X8664)]);
    let error = instance.create(&cx).await.unwrap_err().to_string();
    assert_eq!(error, "the AMI ami-1 is made for x86_64, and t4g.small is arm64");
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_once_it_runs_with_its_profile() {
    let mut bare = in_state(InstanceStateName::Running);
    bare.iam_instance_profile = None;
    let looks = mock!(Client::describe_instances)
        .sequence()
        .output(|| listed(None))
        .output(|| listed(Some(in_state(InstanceStateName::Pending))))
        .output(move || listed(Some(bare.clone())))
        .output(|| listed(Some(in_state(InstanceStateName::Running))))
        .build();
    let associated = mock!(Client::associate_iam_instance_profile)
        .match_requests(|r| r.iam_instance_profile().unwrap().name() == Some("shop-app-eu-west-1"))
        .then_output(|| AssociateIamInstanceProfileOutput::builder().build());
    let (_, cx) = wanted(&[&looks, &associated]);
    let unknown = InstanceLive { private_ip: String::new(), ..live() };
    assert_eq!(Instance::settle(unknown, &cx).await.unwrap(), live());
    assert_eq!((looks.num_calls(), associated.num_calls()), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn an_early_death_is_told_with_its_reason() {
    for state in [InstanceStateName::ShuttingDown, InstanceStateName::Terminated] {
        let reason = StateReason::builder().message("Client.InternalError: no key").build();
        let mut dead = in_state(state);
        dead.state_reason = Some(reason);
        let (_, cx) = wanted(&[&shows(dead)]);
        let error = Instance::settle(live(), &cx).await.unwrap_err().to_string();
        assert!(error.contains("Client.InternalError: no key"), "{error}");
    }
}

#[tokio::test]
async fn groups_and_metadata_are_changed_in_place() {
    let groups = mock!(Client::modify_instance_attribute)
        .match_requests(|r| r.instance_id() == Some("i-1") && r.groups() == ["sg-1"])
        .then_output(|| ModifyInstanceAttributeOutput::builder().build());
    let metadata = mock!(Client::modify_instance_metadata_options)
        .match_requests(|r| {
            r.http_tokens() == Some(&HttpTokensState::Required)
                && r.http_put_response_hop_limit() == Some(2)
        })
        .then_output(|| ModifyInstanceMetadataOptionsOutput::builder().build());
    let (instance, cx) = wanted(&[&groups, &metadata]);
    let found = Found::ready("app-1", instance.clone(), live());
    instance.edit(Edit::SecurityGroups, &found, &cx).await.unwrap();
    instance.edit(Edit::Metadata, &found, &cx).await.unwrap();
    assert_eq!((groups.num_calls(), metadata.num_calls()), (1, 1));
}

#[tokio::test]
async fn its_volumes_and_network_interfaces_have_its_tags() {
    let mut whole = in_state(InstanceStateName::Running);
    let disk = EbsInstanceBlockDevice::builder().volume_id("vol-1").build();
    let disk = InstanceBlockDeviceMapping::builder().ebs(disk).build();
    whole.block_device_mappings = Some(vec![disk]);
    let interface = InstanceNetworkInterface::builder().network_interface_id("eni-1").build();
    whole.network_interfaces = Some(vec![interface]);
    let tagged = Arc::new(Mutex::new(Vec::new()));
    let seen = tagged.clone();
    let tag = mock!(Client::create_tags)
        .match_requests(move |r| {
            seen.lock().unwrap().extend(r.resources().to_vec());
            true
        })
        .then_output(|| CreateTagsOutput::builder().build());
    let (instance, cx) = wanted(&[&shows(whole), &tag]);
    let untagged = Instance { tags: Tags::default(), ..instance.clone() };
    let found = Found::ready("app-1", untagged, live());
    instance.edit(Edit::Tags, &found, &cx).await.unwrap();
    assert_eq!(*tagged.lock().unwrap(), ["vol-1", "eni-1", "i-1"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_still_stopping_is_started_once_it_has_stopped() {
    let start = mock!(Client::start_instances)
        .sequence()
        .error(|| StartInstancesError::generic(refusal("IncorrectInstanceState")))
        .output(|| StartInstancesOutput::builder().build())
        .build();
    let (instance, cx) = wanted(&[&start]);
    let found = Found::ready("app-1", instance.clone(), live());
    instance.edit(Edit::Start, &found, &cx).await.unwrap();
    assert_eq!(start.num_calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn it_is_gone_once_it_is_terminated() {
    let terminate = mock!(Client::terminate_instances)
        .then_output(|| TerminateInstancesOutput::builder().build());
    let looks = mock!(Client::describe_instances)
        .sequence()
        .output(|| listed(Some(in_state(InstanceStateName::ShuttingDown))))
        .output(|| listed(Some(in_state(InstanceStateName::Terminated))))
        .build();
    let (instance, cx) = wanted(&[&terminate, &looks]);
    Instance::delete(&Found::ready("app-1", instance, live()), &cx).await.unwrap();
    assert_eq!(looks.num_calls(), 2);
}

#[tokio::test]
async fn one_that_is_gone_already_is_deleted_with_success() {
    let gone = mock!(Client::terminate_instances)
        .then_error(|| TerminateInstancesError::generic(refusal("InvalidInstanceID.NotFound")));
    let nothing = mock!(Client::describe_instances).then_output(|| listed(None));
    let (instance, cx) = wanted(&[&gone, &nothing]);
    Instance::delete(&Found::ready("app-1", instance, live()), &cx).await.unwrap();
}

#[tokio::test]
async fn one_that_is_protected_says_how_to_lift_that() {
    let refused = mock!(Client::terminate_instances)
        .then_error(|| TerminateInstancesError::generic(refusal("OperationNotPermitted")));
    let (instance, cx) = wanted(&[&refused]);
    let error = Instance::delete(&Found::ready("app-1", instance, live()), &cx).await;
    assert!(error.unwrap_err().to_string().contains("--no-disable-api-termination"));
}
