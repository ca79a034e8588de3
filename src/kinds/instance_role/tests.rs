//! How the instances' role is read, made, mended, changed and removed.

use super::*;
use crate::{
    aws::ec2::bench::{refusal, team},
    engine::Address,
};
use aws_sdk_iam::{
    Client,
    operation::{
        add_role_to_instance_profile::{
            AddRoleToInstanceProfileError, AddRoleToInstanceProfileOutput,
        },
        attach_role_policy::AttachRolePolicyOutput,
        create_instance_profile::{CreateInstanceProfileError, CreateInstanceProfileOutput},
        create_role::{CreateRoleError, CreateRoleOutput},
        delete_instance_profile::{DeleteInstanceProfileError, DeleteInstanceProfileOutput},
        delete_role::{DeleteRoleError, DeleteRoleOutput},
        delete_role_permissions_boundary::DeleteRolePermissionsBoundaryOutput,
        delete_role_policy::DeleteRolePolicyOutput,
        detach_role_policy::DetachRolePolicyOutput,
        get_instance_profile::{GetInstanceProfileError, GetInstanceProfileOutput},
        get_policy::{GetPolicyError, GetPolicyOutput},
        get_role::{GetRoleError, GetRoleOutput},
        get_role_policy::{GetRolePolicyError, GetRolePolicyOutput},
        list_attached_role_policies::{
            ListAttachedRolePoliciesError, ListAttachedRolePoliciesOutput,
        },
        list_instance_profiles_for_role::ListInstanceProfilesForRoleOutput,
        list_role_policies::{ListRolePoliciesError, ListRolePoliciesOutput},
        put_role_permissions_boundary::PutRolePermissionsBoundaryOutput,
        put_role_policy::PutRolePolicyOutput,
        remove_role_from_instance_profile::{
            RemoveRoleFromInstanceProfileError, RemoveRoleFromInstanceProfileOutput,
        },
        tag_instance_profile::TagInstanceProfileOutput,
        tag_role::TagRoleOutput,
        untag_instance_profile::UntagInstanceProfileOutput,
        untag_role::UntagRoleOutput,
    },
    types::{AttachedPermissionsBoundary, AttachedPolicy, Tag},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_types::DateTime;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;

const NAME: &str = "shop-app-eu-west-1";
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:stripe-AbCdEf";

fn wanted() -> InstanceRole {
    InstanceRole {
        policy: policy::secret(SECRET),
        path: "/".into(),
        boundary: Boundary::default(),
        managed_policies: Attached::default(),
        profile: true,
        tags: team(),
    }
}

fn live() -> RoleLive {
    super::live(NAME.into(), &role("shop").arn)
}

fn aws(rules: &[&Rule]) -> Aws {
    Aws { iam: mock_client!(aws_sdk_iam, RuleMode::MatchAny, rules), ..Aws::offline("shop") }
}

fn cx(rules: &[&Rule]) -> Cx<Aws> {
    Cx::alone(Arc::new(aws(rules)), Address::of::<InstanceRole>("app"))
}

/// The tags that this stack gives to its role.
fn labels(stack: &str) -> Vec<Tag> {
    tags::for_iam(&Aws::offline(stack).labels(&Address::of::<InstanceRole>("app"), &team()))
}

fn role(stack: &str) -> Role {
    Role::builder()
        .path("/")
        .role_name(NAME)
        .role_id("AROA1")
        .arn(format!("arn:aws:iam::111122223333:role/{NAME}"))
        .create_date(DateTime::from_secs(0))
        .set_tags(Some(labels(stack)))
        .build()
        .unwrap()
}

fn profile(roles: Vec<Role>) -> InstanceProfile {
    InstanceProfile::builder()
        .path("/")
        .instance_profile_name(NAME)
        .instance_profile_id("AIPA1")
        .arn(format!("arn:aws:iam::111122223333:instance-profile/{NAME}"))
        .create_date(DateTime::from_secs(0))
        .set_roles(Some(roles))
        .set_tags(Some(labels("shop")))
        .build()
        .unwrap()
}

fn gets_role(role: Option<Role>) -> Rule {
    match role {
        Some(role) => mock!(Client::get_role)
            .then_output(move || GetRoleOutput::builder().role(role.clone()).build()),
        None => {
            mock!(Client::get_role).then_error(|| GetRoleError::generic(refusal("NoSuchEntity")))
        }
    }
}

fn gets_profile(profile: Option<InstanceProfile>) -> Rule {
    match profile {
        Some(profile) => mock!(Client::get_instance_profile).then_output(move || {
            GetInstanceProfileOutput::builder().instance_profile(profile.clone()).build()
        }),
        None => mock!(Client::get_instance_profile)
            .then_error(|| GetInstanceProfileError::generic(refusal("NoSuchEntity"))),
    }
}

fn lists_policies(names: &'static [&'static str]) -> Rule {
    mock!(Client::list_role_policies).then_output(|| {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        ListRolePoliciesOutput::builder().set_policy_names(Some(names)).build().unwrap()
    })
}

fn gets_policy(document: Option<String>) -> Rule {
    match document {
        Some(document) => mock!(Client::get_role_policy)
            .match_requests(|r| r.policy_name() == Some("app"))
            .then_output(move || {
                let encoded = utf8_percent_encode(&document, NON_ALPHANUMERIC).to_string();
                let answer = GetRolePolicyOutput::builder().role_name(NAME).policy_name("app");
                answer.policy_document(encoded).build().unwrap()
            }),
        None => mock!(Client::get_role_policy)
            .then_error(|| GetRolePolicyError::generic(refusal("NoSuchEntity"))),
    }
}

fn attaches(arns: &'static [&'static str]) -> Rule {
    mock!(Client::list_attached_role_policies).then_output(|| {
        let policies = arns.iter().map(|arn| AttachedPolicy::builder().policy_arn(*arn).build());
        let answer = ListAttachedRolePoliciesOutput::builder();
        answer.set_attached_policies(Some(policies.collect())).build()
    })
}

async fn discovered(
    role: Option<Role>,
    profile: Option<InstanceProfile>,
    document: Option<String>,
) -> Vec<Found<InstanceRole>> {
    let (role, profile) = (gets_role(role), gets_profile(profile));
    let rules = [role, profile, lists_policies(&["app"]), attaches(&[]), gets_policy(document)];
    InstanceRole::discover(&aws(&rules.iter().collect::<Vec<_>>())).await.unwrap()
}

#[tokio::test]
async fn it_reads_back_as_it_was_wanted() {
    let own = role("shop");
    let found = discovered(Some(own.clone()), Some(profile(vec![own])), Some(wanted().policy));
    let found = found.await.remove(0);
    assert_eq!((&*found.name, &found.live), ("app", &live()));
    assert_eq!(found.spec.policy, wanted().policy);
    assert!(found.spec.profile);
    assert_eq!(found.spec.tags, team());
    assert_eq!(found.live.profile_arn, profile(vec![]).arn());
}

#[tokio::test]
async fn what_others_gave_to_it_is_told_and_nothing_else() {
    let theirs = "arn:aws:iam::111122223333:policy/theirs";
    let mut bounded = role("shop");
    bounded.permissions_boundary = Some(bounds(theirs));
    let rules = [
        gets_role(Some(bounded.clone())),
        gets_profile(Some(profile(vec![bounded]))),
        lists_policies(&["app", "ec2-instance-connect", "database-instance-shop-db"]),
        attaches(&["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]),
        gets_policy(Some(wanted().policy)),
    ];
    // Of the policies' documents only those are asked for that bear a name of ours.
    let database = mock!(Client::get_role_policy)
        .match_requests(|r| r.policy_name() == Some("database-instance-shop-db"))
        .then_error(|| GetRolePolicyError::generic(refusal("NoSuchEntity")));
    let rules: Vec<_> = rules.iter().chain([&database]).collect();
    let found = InstanceRole::discover(&aws(&rules)).await.unwrap().remove(0);
    let stays = "is not of stackctl's making: it stays while the role stands";
    assert_eq!(
        found.notes,
        [
            format!("inline policy ec2-instance-connect {stays}"),
            format!("managed policy arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore {stays}"),
            format!("permissions boundary {theirs} {stays}"),
        ]
    );
    assert!(wanted().boundary.met_by(&found.spec.boundary, &Ids::default()));
    assert_eq!(rules[4].num_calls(), 1);
}

fn bounds(arn: &str) -> AttachedPermissionsBoundary {
    AttachedPermissionsBoundary::builder().permissions_boundary_arn(arn).build()
}

const BOUNDS: &str = "arn:aws:iam::111122223333:policy/bounds,2";

fn bounded() -> InstanceRole {
    let boundary = Boundary::wanted(Some(BOUNDS.into()));
    InstanceRole { path: "/teams/".into(), boundary, ..wanted() }
}

#[tokio::test]
async fn path_and_boundary_are_there_from_the_start_and_read_back() {
    let made = mock!(Client::create_role)
        .match_requests(|r| {
            let remembers = |tag: &Tag| tag.key() == BOUNDARY && tag.value() == digest(BOUNDS);
            r.path() == Some("/teams/")
                && r.permissions_boundary() == Some(BOUNDS)
                && r.tags().iter().any(remembers)
        })
        .then_output(|| CreateRoleOutput::builder().role(role("shop")).build());
    let profiled = mock!(Client::create_instance_profile)
        .match_requests(|r| r.path() == Some("/teams/"))
        .then_output(|| CreateInstanceProfileOutput::builder().build());
    let linked = mock!(Client::add_role_to_instance_profile)
        .then_output(|| AddRoleToInstanceProfileOutput::builder().build());
    let cx = cx(&[&made, &profiled, &linked]);
    bounded().complete(&cx).await.unwrap();
    assert_eq!((made.num_calls(), profiled.num_calls()), (1, 1));

    let mut own = role("shop");
    own.path = "/teams/".into();
    own.arn = format!("arn:aws:iam::111122223333:role/teams/{NAME}");
    own.permissions_boundary = Some(bounds(BOUNDS));
    let memory = Tag::builder().key(BOUNDARY).value(digest(BOUNDS)).build().unwrap();
    own.tags.as_mut().unwrap().push(memory);
    let found = discovered(Some(own), None, None).await.remove(0);
    assert_eq!((found.spec.path, found.spec.boundary), (bounded().path, bounded().boundary));
    let arn = format!("arn:aws:iam::111122223333:instance-profile/teams/{NAME}");
    assert_eq!(found.live.profile_arn, arn);
}

#[tokio::test]
async fn a_boundary_is_set_and_lifted_in_place() {
    let rules = [
        mock!(Client::tag_role).then_output(|| TagRoleOutput::builder().build()),
        mock!(Client::put_role_permissions_boundary)
            .match_requests(|r| r.permissions_boundary() == Some(BOUNDS))
            .then_output(|| PutRolePermissionsBoundaryOutput::builder().build()),
        mock!(Client::delete_role_permissions_boundary)
            .then_output(|| DeleteRolePermissionsBoundaryOutput::builder().build()),
        mock!(Client::untag_role)
            .match_requests(|r| r.tag_keys() == [BOUNDARY])
            .then_output(|| UntagRoleOutput::builder().build()),
    ];
    let cx = cx(&rules.iter().collect::<Vec<_>>());
    let found = Found::ready("app", wanted(), live());
    bounded().edit(Edit::Boundary, &found, &cx).await.unwrap();
    wanted().edit(Edit::Boundary, &found, &cx).await.unwrap();
    assert!(rules.iter().all(|rule| rule.num_calls() == 1));
    let lifted = Boundary { ours: true, ..bounded().boundary };
    assert!(!wanted().boundary.met_by(&lifted, &Ids::default()), "one of ours is lifted");
}

const XRAY: &str = "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess";
const READER: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn attached(arns: &[&str]) -> Attached {
    Attached(arns.iter().map(|&arn| arn.to_owned()).collect())
}

fn gets_managed(there: bool) -> Rule {
    if there {
        mock!(Client::get_policy).then_output(|| GetPolicyOutput::builder().build())
    } else {
        mock!(Client::get_policy).then_error(|| GetPolicyError::generic(refusal("NoSuchEntity")))
    }
}

/// Remembering these policies in the role's tag.
fn remembers(arns: &[&str]) -> Rule {
    let digests = attached(arns).tag().unwrap();
    mock!(Client::tag_role)
        .match_requests(move |r| r.tags()[0].value() == digests)
        .then_output(|| TagRoleOutput::builder().build())
}

#[tokio::test]
async fn policies_are_attached_and_detached_in_place_and_remembered_in_between() {
    let rules = [
        gets_managed(true),
        remembers(&[XRAY, READER]),
        mock!(Client::attach_role_policy)
            .match_requests(|r| r.policy_arn() == Some(XRAY))
            .then_output(|| AttachRolePolicyOutput::builder().build()),
        mock!(Client::detach_role_policy)
            .match_requests(|r| r.policy_arn() == Some(READER))
            .then_output(|| DetachRolePolicyOutput::builder().build()),
        remembers(&[XRAY]),
    ];
    let spec = InstanceRole { managed_policies: attached(&[READER]), ..wanted() };
    let found = Found::ready("app", spec, live());
    let wanted = InstanceRole { managed_policies: attached(&[XRAY]), ..wanted() };
    wanted.edit(Edit::Managed, &found, &cx(&rules.iter().collect::<Vec<_>>())).await.unwrap();
    assert!(rules.iter().all(|rule| rule.num_calls() == 1));
}

#[tokio::test]
async fn a_policy_that_is_not_there_is_told_and_not_waited_for() {
    let wanted = InstanceRole { managed_policies: attached(&[XRAY]), ..wanted() };
    let error = wanted.attach(&cx(&[&gets_managed(false)])).await.unwrap_err().to_string();
    assert_eq!(error, format!("there is no managed policy {XRAY}: mend app.policies"));
}

/// Linking where AWS says that the profile, which holds this role, has one already.
async fn linked_to(holds: Role) -> Result<RoleLive> {
    let made = mock!(Client::create_role)
        .then_output(|| CreateRoleOutput::builder().role(role("shop")).build());
    let profiled = mock!(Client::create_instance_profile)
        .then_output(|| CreateInstanceProfileOutput::builder().build());
    let full = mock!(Client::add_role_to_instance_profile)
        .then_error(|| AddRoleToInstanceProfileError::generic(refusal("LimitExceeded")));
    let there = gets_profile(Some(profile(vec![holds])));
    wanted().complete(&cx(&[&made, &profiled, &full, &there])).await
}

#[tokio::test]
async fn a_profile_that_has_a_role_already_must_have_ours() {
    assert_eq!(linked_to(role("shop")).await.unwrap(), live());
    let mut other = role("shop");
    other.role_name = "other".into();
    let error = linked_to(other).await.unwrap_err().to_string();
    assert!(error.contains("hands over another role, other"), "{error}");
}

#[tokio::test]
async fn what_a_broken_off_run_left_is_found_and_lacks_the_rest() {
    let own = role("shop");
    let halves = [
        (Some(own.clone()), None, None),
        (Some(own), Some(profile(vec![])), None),
        (None, Some(profile(vec![])), None),
    ];
    for (role, profile, document) in halves {
        let found = discovered(role, profile, document).await.remove(0);
        assert_eq!((found.spec.profile, &*found.spec.policy), (false, ""));
        assert_eq!(found.live, live());
    }
}

#[tokio::test]
async fn a_role_of_another_stack_is_not_found() {
    assert!(discovered(Some(role("shop-eu")), None, None).await.is_empty());
    assert!(discovered(None, None, None).await.is_empty());
}

#[tokio::test]
async fn a_new_role_is_for_instances_and_has_its_tags_from_the_start() {
    let made = mock!(Client::create_role)
        .match_requests(|r| {
            r.role_name() == Some(NAME)
                && r.assume_role_policy_document() == Some(policy::TRUST)
                && r.tags().len() == 5
        })
        .then_output(|| CreateRoleOutput::builder().role(role("shop")).build());
    let profiled = mock!(Client::create_instance_profile)
        .match_requests(|r| r.instance_profile_name() == Some(NAME) && r.tags().len() == 5)
        .then_output(|| CreateInstanceProfileOutput::builder().build());
    let linked = mock!(Client::add_role_to_instance_profile)
        .then_output(|| AddRoleToInstanceProfileOutput::builder().build());
    let granted = mock!(Client::put_role_policy)
        .match_requests(|r| r.policy_document() == Some(&wanted().policy))
        .then_output(|| PutRolePolicyOutput::builder().build());
    let cx = cx(&[&made, &profiled, &linked, &granted]);
    assert_eq!(wanted().create(&cx).await.unwrap(), live());
    assert_eq!((linked.num_calls(), granted.num_calls()), (1, 1));
}

fn taken() -> [Rule; 2] {
    let role = mock!(Client::create_role)
        .then_error(|| CreateRoleError::generic(refusal("EntityAlreadyExists")));
    let profile = mock!(Client::create_instance_profile)
        .then_error(|| CreateInstanceProfileError::generic(refusal("EntityAlreadyExists")));
    [role, profile]
}

#[tokio::test]
async fn what_is_there_already_is_left_as_it_is_while_the_rest_is_made() {
    let [role_taken, profile_taken] = taken();
    let found = gets_role(Some(role("shop")));
    let whole = gets_profile(Some(profile(vec![role("shop")])));
    // No rule answers AddRoleToInstanceProfile: it must not be called.
    let cx = cx(&[&role_taken, &profile_taken, &found, &whole]);
    assert_eq!(wanted().complete(&cx).await.unwrap(), live());
}

#[tokio::test]
async fn a_role_of_somebody_else_is_not_taken_over() {
    let [role_taken, profile_taken] = taken();
    let found = gets_role(Some(role("shop-eu")));
    let whole = gets_profile(Some(profile(vec![])));
    let error = wanted().create(&cx(&[&role_taken, &profile_taken, &found, &whole])).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains(NAME) && error.contains("not this stack's"), "{error}");
}

#[tokio::test]
async fn tags_are_changed_on_role_and_profile_alike() {
    let rules = [
        mock!(Client::tag_role).then_output(|| TagRoleOutput::builder().build()),
        mock!(Client::tag_instance_profile)
            .then_output(|| TagInstanceProfileOutput::builder().build()),
        mock!(Client::untag_role)
            .match_requests(|r| r.tag_keys() == ["team"])
            .then_output(|| UntagRoleOutput::builder().build()),
        mock!(Client::untag_instance_profile)
            .match_requests(|r| r.tag_keys() == ["team"])
            .then_output(|| UntagInstanceProfileOutput::builder().build()),
    ];
    let found = Found::ready("app", wanted(), live());
    let other = InstanceRole { tags: [("cost".into(), "4711".into())].into(), ..wanted() };
    other.edit(Edit::Tags, &found, &cx(&rules.iter().collect::<Vec<_>>())).await.unwrap();
    assert!(rules.iter().all(|rule| rule.num_calls() == 1));
}

#[tokio::test(start_paused = true)]
async fn it_goes_with_all_policies_whoever_gave_them_to_it() {
    let unlinked = mock!(Client::remove_role_from_instance_profile)
        .then_output(|| RemoveRoleFromInstanceProfileOutput::builder().build());
    let unprofiled = mock!(Client::delete_instance_profile)
        .then_output(|| DeleteInstanceProfileOutput::builder().build());
    let inline = lists_policies(&["app", "database-instance-shop-db"]);
    let attached = mock!(Client::list_attached_role_policies).then_output(|| {
        let policy = AttachedPolicy::builder().policy_arn("arn:aws:iam::aws:policy/A").build();
        ListAttachedRolePoliciesOutput::builder().attached_policies(policy).build()
    });
    let removed =
        mock!(Client::delete_role_policy).then_output(|| DeleteRolePolicyOutput::builder().build());
    let detached =
        mock!(Client::detach_role_policy).then_output(|| DetachRolePolicyOutput::builder().build());
    let gone = mock!(Client::delete_role)
        .sequence()
        .error(|| DeleteRoleError::generic(refusal("DeleteConflict")))
        .output(|| DeleteRoleOutput::builder().build())
        .build();
    let (ours, own) = (gets_role(Some(role("shop"))), gets_profile(Some(profile(vec![]))));
    let held = held_by(vec![]);
    let rules = [&ours, &own, &unlinked, &unprofiled, &inline, &attached, &removed, &detached];
    let rules: Vec<_> = rules.into_iter().chain([&gone, &held]).collect();
    let found = Found::ready("app", wanted(), live());
    InstanceRole::delete(&found, &cx(&rules)).await.unwrap();
    assert_eq!((removed.num_calls(), detached.num_calls(), gone.num_calls()), (2, 1, 2));
}

#[tokio::test]
async fn what_is_gone_already_is_deleted_with_success() {
    let gone = || refusal("NoSuchEntity");
    let rules = [
        mock!(Client::remove_role_from_instance_profile)
            .then_error(move || RemoveRoleFromInstanceProfileError::generic(gone())),
        mock!(Client::delete_instance_profile)
            .then_error(move || DeleteInstanceProfileError::generic(gone())),
        mock!(Client::list_role_policies)
            .then_error(move || ListRolePoliciesError::generic(gone())),
        mock!(Client::list_attached_role_policies)
            .then_error(move || ListAttachedRolePoliciesError::generic(gone())),
        mock!(Client::delete_role).then_error(move || DeleteRoleError::generic(gone())),
    ];
    let found = Found::ready("app", wanted(), live());
    // Nothing was there to begin with, or it went in between.
    let none = [gets_role(None), gets_profile(None)];
    let just = [gets_role(Some(role("shop"))), gets_profile(Some(profile(vec![])))];
    for there in [&none, &just] {
        let rules: Vec<_> = rules.iter().chain(there).collect();
        InstanceRole::delete(&found, &cx(&rules)).await.unwrap();
    }
}

#[tokio::test]
async fn names_of_role_and_profile_that_others_have_are_both_told() {
    let mut stranger = profile(vec![]);
    stranger.tags = None;
    let told = async |role: Option<Role>, profile| {
        let taken = wanted().taken(&cx(&[&gets_role(role), &gets_profile(profile)])).await;
        taken.unwrap().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(told(None, None).await.is_empty());
    assert!(told(Some(role("shop")), Some(profile(vec![]))).await.is_empty());
    assert_eq!(
        told(Some(role("shop-eu")), Some(stranger)).await,
        [
            format!("role {NAME} (of the stack shop-eu)"),
            format!("instance profile {NAME} (without a tag of stackctl's)"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_made_unheard_may_be_known_a_little_later() {
    let [role_taken, profile_taken] = taken();
    let later = |role: Role| move || GetRoleOutput::builder().role(role.clone()).build();
    let found = mock!(Client::get_role)
        .sequence()
        .error(|| GetRoleError::generic(refusal("NoSuchEntity")))
        .output(later(role("shop")))
        .build();
    let whole = profile(vec![role("shop")]);
    let whole = mock!(Client::get_instance_profile)
        .sequence()
        .error(|| GetInstanceProfileError::generic(refusal("NoSuchEntity")))
        .output(move || GetInstanceProfileOutput::builder().instance_profile(whole.clone()).build())
        .build();
    let cx = cx(&[&role_taken, &profile_taken, &found, &whole]);
    assert_eq!(wanted().complete(&cx).await.unwrap(), live());
}

fn held_by(profiles: Vec<InstanceProfile>) -> Rule {
    mock!(Client::list_instance_profiles_for_role).then_output(move || {
        let answer = ListInstanceProfilesForRoleOutput::builder();
        answer.set_instance_profiles(Some(profiles.clone())).build().unwrap()
    })
}

#[tokio::test(start_paused = true)]
async fn a_profile_of_others_is_left_alone_and_named_if_it_keeps_the_role() {
    let mut theirs = profile(vec![role("shop")]);
    theirs.tags = None;
    let none = mock!(Client::list_attached_role_policies)
        .then_error(|| ListAttachedRolePoliciesError::generic(refusal("NoSuchEntity")));
    let stays = mock!(Client::delete_role)
        .then_error(|| DeleteRoleError::generic(refusal("DeleteConflict")));
    let (ours, strange) = (gets_role(Some(role("shop"))), gets_profile(Some(theirs.clone())));
    let rules = [&ours, &strange, &lists_policies(&[]), &none, &stays, &held_by(vec![theirs])];
    let found = Found::ready("app", wanted(), live());
    let error = InstanceRole::delete(&found, &cx(&rules)).await.unwrap_err().to_string();
    assert!(error.contains(&format!("in use by instance profile {NAME}")), "{error}");
}

#[test]
fn a_policy_of_others_that_has_the_name_of_ours_is_not_written_over() {
    let change = Change { attribute: "policy", from: None, to: String::new(), replaces: false };
    let refused = |policy: &str| {
        let found = Found::ready("app", InstanceRole { policy: policy.into(), ..wanted() }, live());
        wanted().refuse(&found, std::slice::from_ref(&change))
    };
    assert_eq!(refused(""), None);
    let arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/stackctl/shop/app/env";
    let ours = format!(
        r#"{{"Statement":[{{"Action":"ssm:GetParameter","Effect":"Allow","Resource":["{arn}"]}}]}}"#
    );
    assert_eq!(refused(&ours), None);
    let theirs = r#"{"Statement":[{"Action":"s3:*","Effect":"Allow","Resource":["*"]}]}"#;
    assert!(refused(theirs).unwrap().says.contains("stackctl did not write"));
}
