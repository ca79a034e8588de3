//! What the instances may do in AWS: an IAM role, its inline policy, and the profile that hands it over.

mod managed;
pub mod policy;

use crate::{
    aws::{
        Aws, Failure, Sent, Tags, Tolerant,
        compute::{APP_POLICY, RoleReading},
        ec2::{Refusals, once_free},
        eventually, tags,
    },
    engine::{
        Attribute, Change, Cx, Found, Kind, Pace, Probe, Table, Taken, plan::Ids,
        preflight::Refused, sealed::digest,
    },
};
use anyhow::{Context, Result};
use aws_sdk_iam::types::{InstanceProfile, Role};
use std::time::Duration;

pub use managed::Attached;

/// What the instances may do in AWS: an IAM role, its inline policy, and the profile that hands it over.
#[derive(Clone, Debug)]
pub struct InstanceRole {
    /// The inline policy, as canonical JSON.
    pub policy: String,
    /// The IAM path of role and instance profile, `/` or `/…/`.
    pub path: String,
    /// What bounds what it may do.
    pub boundary: Boundary,
    /// What it may do by managed policies of the user's.
    pub managed_policies: Attached,
    /// Whether role and instance profile both stand and the one hands over the other. It is always
    /// wanted; a run that was broken off may have left less.
    pub profile: bool,
    /// The user's tags.
    pub tags: Tags,
}

/// The managed policy that bounds what a role may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boundary {
    /// The policy's ARN, if there is one.
    pub arn: Option<String>,
    /// Whether the stack set it: a tag remembers that. One that others set is left alone where the
    /// file names none.
    pub ours: bool,
}

impl Boundary {
    /// The one that a file names, or none.
    pub fn wanted(arn: Option<String>) -> Self {
        Self { arn, ours: true }
    }
}

impl Attribute for Boundary {
    fn show(&self) -> String {
        self.arn.clone().unwrap_or_else(|| "(none)".into())
    }
    fn met_by(&self, found: &Self, _: &Ids) -> bool {
        self.arn == found.arn || self.arn.is_none() && !found.ours
    }
}

/// The tag that remembers, by a digest, the permissions boundary that the stack has set.
const BOUNDARY: &str = "stackctl:boundary";

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleLive {
    /// The role's name.
    pub role: String,
    /// The instance profile's name, the same as the role's.
    pub profile: String,
    /// The instance profile's ARN.
    pub profile_arn: String,
}

/// The calls that change it in place, in the order in which they can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `CreateRole`, `CreateInstanceProfile`, `AddRoleToInstanceProfile`: what is missing of them.
    Profile,
    /// `PutRolePermissionsBoundary` or `DeleteRolePermissionsBoundary`, and the tag that remembers
    /// it: before the policy, since who may write policies may have to set a boundary.
    Boundary,
    /// `PutRolePolicy`.
    Policy,
    /// `AttachRolePolicy`, `DetachRolePolicy`, and the tag that remembers what was attached.
    Managed,
    /// `TagRole`, `UntagRole`, `TagInstanceProfile`, `UntagInstanceProfile`.
    Tags,
}

/// How long what was just written to IAM may be unknown to others of its calls.
const SOON: Pace = Pace::seconds(2, 120);

impl Kind for InstanceRole {
    type Cloud = Aws;
    type Live = RoleLive;
    type Edit = Edit;

    const NAME: &'static str = "instance-role";
    const COMPLETES: Option<&'static str> = Some("profile");
    const USUAL: Duration = Duration::from_secs(8);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("path", |r| &r.path)
            .tuned("policy", Edit::Policy, |r| &r.policy)
            .tuned("permissions_boundary", Edit::Boundary, |r| &r.boundary)
            .tuned("managed_policies", Edit::Managed, |r| &r.managed_policies)
            .tuned("profile", Edit::Profile, |r| &r.profile)
            .tuned("tags", Edit::Tags, |r| &r.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.profile_arn
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let reading = aws.instance_role().await?;
        let role = reading.role.as_ref();
        let profile = reading.profile.as_ref();
        let Some(owned) = role.map(|(_, o)| o).or(profile.map(|(_, o)| o)) else {
            return Ok(Vec::new());
        };
        let arn = profile.map(|(profile, _)| profile.arn()).or(role.map(|(role, _)| role.arn()));
        let paths = [role.map(|(role, _)| role.path()), profile.map(|(profile, _)| profile.path())];
        let name = aws.role_name();
        let hands_over = |name: &str| {
            profile.is_some_and(|(p, _)| p.roles().iter().any(|role| role.role_name() == name))
        };
        let spec = Self {
            policy: reading
                .policies
                .get(APP_POLICY)
                .map(|d| policy::decoded(d))
                .unwrap_or_default(),
            path: match paths {
                [Some(role), Some(profile)] if role != profile => format!("{role} and {profile}"),
                [role, profile] => role.or(profile).unwrap_or_default().to_owned(),
            },
            boundary: role.map(|(role, owned)| boundary(role, owned)).unwrap_or_default(),
            managed_policies: Attached::ours(&reading.attached, owned.all.get(managed::ATTACHED)),
            profile: role.is_some() && hands_over(&name),
            tags: owned.tags.clone(),
        };
        let live = live(name, arn.unwrap_or_default());
        let notes = added_by_others(reading, &spec);
        Ok(vec![Found::ready(owned.name.as_str(), spec, live).with_notes(notes)])
    }

    /// An inline policy bears no tags: one that has the name of ours by chance is not written over.
    fn refuse(&self, found: &Found<Self>, changes: &[Change]) -> Option<Refused> {
        let written = changes.iter().any(|change| change.attribute == "policy");
        let theirs = &found.spec.policy;
        let ours = theirs.is_empty() || policy::is_leave(theirs);
        (written && !ours).then(|| Refused {
            says: format!("has an inline policy `{APP_POLICY}` that stackctl did not write"),
            remedy: format!(
                "give that policy another name: put it anew with `aws iam put-role-policy`, and \
                 remove `{APP_POLICY}` with `aws iam delete-role-policy --role-name {}`",
                found.live.role
            ),
        })
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        let (aws, name) = (&cx.cloud, cx.cloud.role_name());
        let role = async { aws.iam.get_role().role_name(&name).send().await.aws().or_gone() };
        let profile = async {
            let call = aws.iam.get_instance_profile().instance_profile_name(&name);
            call.send().await.aws().or_gone()
        };
        let (role, profile) = tokio::try_join!(role, profile)?;
        let role = role.and_then(|answer| answer.role);
        let profile = profile.and_then(|answer| answer.instance_profile);
        let role = role.and_then(|r| aws.taken(format!("role {name}"), tags::of_iam(r.tags())));
        let profile = profile
            .and_then(|p| aws.taken(format!("instance profile {name}"), tags::of_iam(p.tags())));
        Ok(role.into_iter().chain(profile).collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<RoleLive> {
        let live = self.complete(cx).await?;
        self.put_policy(cx).await?;
        self.attach(cx).await?;
        Ok(live)
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        match edit {
            Edit::Profile => self.complete(cx).await.map(drop),
            Edit::Boundary => self.put_boundary(&cx.cloud).await,
            Edit::Policy => self.put_policy(cx).await,
            Edit::Managed => self.put_managed(found, cx).await,
            Edit::Tags => self.retag(found, &cx.cloud).await,
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        delete_profile(&found.live, cx).await?;
        delete_role(&found.live.role, cx).await
    }
}

/// What bounds a role, and whether its tags say that the stack set it.
fn boundary(role: &Role, owned: &crate::aws::Owned) -> Boundary {
    let arn = role.permissions_boundary().and_then(|b| b.permissions_boundary_arn());
    let ours = arn.is_some_and(|arn| owned.all.get(BOUNDARY) == Some(&digest(arn)));
    Boundary { arn: arn.map(str::to_owned), ours }
}

/// What somebody else gave to the role.
fn added_by_others(reading: &RoleReading, spec: &InstanceRole) -> Vec<String> {
    let inline = reading.others.iter().map(|name| format!("inline policy {name}"));
    let attached = reading.attached.iter().filter(|arn| !spec.managed_policies.0.contains(*arn));
    let attached = attached.map(|arn| format!("managed policy {arn}"));
    let boundary = spec.boundary.arn.iter().filter(|_| !spec.boundary.ours);
    let boundary = boundary.map(|arn| format!("permissions boundary {arn}"));
    let all = inline.chain(attached).chain(boundary);
    all.map(|what| format!("{what} is not of stackctl's making: it stays while the role stands"))
        .collect()
}

/// The names and the ARN that follow from the name and the ARN of either.
fn live(name: String, arn: &str) -> RoleLive {
    let profile_arn = arn.replace(":role/", ":instance-profile/");
    RoleLive { role: name.clone(), profile: name, profile_arn }
}

impl InstanceRole {
    /// Makes what is missing of role, profile and the link between them.
    async fn complete(&self, cx: &Cx<Aws>) -> Result<RoleLive> {
        let name = cx.cloud.role_name();
        let (arn, linked) =
            tokio::try_join!(self.ensure_role(&name, cx), self.ensure_profile(&name, cx))?;
        if !linked {
            let unknown = |failure: &Failure| failure.is_gone();
            let added = eventually(cx, SOON, unknown, || {
                let call = cx.cloud.iam.add_role_to_instance_profile();
                let call = call.role_name(&name).instance_profile_name(&name);
                async { call.send().await.aws().or_code(&["LimitExceeded"]) }
            })
            .await?;
            if added.is_none() {
                has_role(&name, cx).await?;
            }
        }
        Ok(live(name, &arn))
    }

    /// The ARN of the role, which is made if it is not there.
    async fn ensure_role(&self, name: &str, cx: &Cx<Aws>) -> Result<String> {
        let mut labels = cx.cloud.labels(cx.address(), &self.tags);
        labels.extend(self.boundary.arn.iter().map(|arn| (BOUNDARY.into(), digest(arn))));
        let attached = self.managed_policies.tag();
        labels.extend(attached.map(|digests| (managed::ATTACHED.into(), digests)));
        let call = cx.cloud.iam.create_role().role_name(name).path(&self.path);
        let call = call.set_permissions_boundary(self.boundary.arn.clone());
        let call = call.assume_role_policy_document(policy::TRUST);
        let call = call.description(format!("What the instances of {} may do", cx.cloud.stack));
        let made = call.set_tags(Some(tags::for_iam(&labels))).send().await.aws();
        let role = if let Some(made) = made.or_code(&["EntityAlreadyExists"])? {
            made.role
        } else {
            // Made unheard a moment ago, it may not be known yet.
            let there = eventually(cx, SOON, Failure::is_gone, || {
                let call = cx.cloud.iam.get_role().role_name(name);
                async { call.send().await.aws() }
            });
            let ours = |r: &Role| cx.cloud.owned(tags::of_iam(r.tags())).is_some();
            there.await?.role.filter(ours)
        };
        let role = role.with_context(|| foreign("role", name, &cx.cloud))?;
        Ok(role.arn)
    }

    /// Whether the instance profile, which is made if it is not there, has the role already.
    async fn ensure_profile(&self, name: &str, cx: &Cx<Aws>) -> Result<bool> {
        let labels = cx.cloud.labels(cx.address(), &self.tags);
        let call = cx.cloud.iam.create_instance_profile().instance_profile_name(name);
        let call = call.path(&self.path);
        let made = call.set_tags(Some(tags::for_iam(&labels))).send().await.aws();
        if made.or_code(&["EntityAlreadyExists"])?.is_some() {
            return Ok(false);
        }
        let there = eventually(cx, SOON, Failure::is_gone, || {
            let call = cx.cloud.iam.get_instance_profile().instance_profile_name(name);
            async { call.send().await.aws() }
        });
        let ours = |p: &InstanceProfile| cx.cloud.owned(tags::of_iam(p.tags())).is_some();
        let profile = there.await?.instance_profile.filter(ours);
        let profile = profile.with_context(|| foreign("instance profile", name, &cx.cloud))?;
        Ok(profile.roles().iter().any(|role| role.role_name() == name))
    }

    async fn put_policy(&self, cx: &Cx<Aws>) -> Result<()> {
        put_policy(&cx.cloud.role_name(), APP_POLICY, &self.policy, cx).await
    }

    /// Sets or lifts the boundary. The tag is there before the boundary is and goes after it, so
    /// that a run that breaks off in between leaves none that nobody lifts.
    async fn put_boundary(&self, aws: &Aws) -> Result<()> {
        let name = aws.role_name();
        let Some(arn) = &self.boundary.arn else {
            let call = aws.iam.delete_role_permissions_boundary().role_name(&name);
            call.send().await.aws().or_gone()?;
            aws.iam.untag_role().role_name(&name).tag_keys(BOUNDARY).send().await.aws()?;
            return Ok(());
        };
        let tag = tags::for_iam(&vec![(BOUNDARY.into(), digest(arn))]);
        aws.iam.tag_role().role_name(&name).set_tags(Some(tag)).send().await.aws()?;
        let call = aws.iam.put_role_permissions_boundary().role_name(&name);
        call.permissions_boundary(arn).send().await.aws()?;
        Ok(())
    }

    async fn retag(&self, found: &Found<Self>, aws: &Aws) -> Result<()> {
        let RoleLive { role, profile, .. } = &found.live;
        let (set, unset) = self.tags.changes_from(&found.spec.tags);
        if !unset.is_empty() {
            let call = aws.iam.untag_role().role_name(role);
            call.set_tag_keys(Some(unset.clone())).send().await.aws()?;
            let call = aws.iam.untag_instance_profile().instance_profile_name(profile);
            call.set_tag_keys(Some(unset)).send().await.aws()?;
        }
        if !set.is_empty() {
            let tags = Some(tags::for_iam(&set));
            aws.iam.tag_role().role_name(role).set_tags(tags.clone()).send().await.aws()?;
            let call = aws.iam.tag_instance_profile().instance_profile_name(profile);
            call.set_tags(tags).send().await.aws()?;
        }
        Ok(())
    }
}

/// Writes an inline policy of a role that may have been made a moment ago.
pub(super) async fn put_policy(role: &str, name: &str, text: &str, cx: &Cx<Aws>) -> Result<()> {
    let unknown = |failure: &Failure| failure.is_gone();
    eventually(cx, SOON, unknown, || {
        let call = cx.cloud.iam.put_role_policy().role_name(role);
        let call = call.policy_name(name).policy_document(text);
        async { call.send().await.aws() }
    })
    .await?;
    Ok(())
}

/// Makes sure that the instance profile, which has room for one role, has ours: the SDK repeats a
/// call whose answer was lost, and the second time there is a role.
async fn has_role(name: &str, cx: &Cx<Aws>) -> Result<()> {
    cx.until(SOON, || async {
        let call = cx.cloud.iam.get_instance_profile().instance_profile_name(name);
        let profile = call.send().await.aws()?.instance_profile;
        let roles = profile.iter().flat_map(InstanceProfile::roles).map(Role::role_name);
        let roles: Vec<_> = roles.collect();
        Ok(match &*roles {
            [] => Probe::Pending("without its role".into()),
            [role] if *role == name => Probe::Ready(()),
            others => {
                let others = others.join(", ");
                Probe::Failed(format!(
                    "the instance profile {name} hands over another role, {others}; take that out \
                     with `aws iam remove-role-from-instance-profile --instance-profile-name {name} \
                     --role-name {others}`"
                ))
            }
        })
    })
    .await
}

fn foreign(what: &str, name: &str, aws: &Aws) -> String {
    format!(
        "the {what} {name} exists already and is not this stack's: its tag {} is not {:?}; remove \
         it or give the stack another name",
        tags::STACK,
        aws.stack
    )
}

const GONE: Refusals = Refusals::gone(&["NoSuchEntity"]);

/// Removes the instance profile, if it is this stack's: somebody else's may have its name.
async fn delete_profile(live: &RoleLive, cx: &Cx<Aws>) -> Result<()> {
    let (iam, name) = (&cx.cloud.iam, &live.profile);
    if cx.cloud.own_profile(name).await?.is_none() {
        return Ok(());
    }
    let call = iam.remove_role_from_instance_profile();
    let call = call.role_name(&live.role).instance_profile_name(name);
    call.send().await.aws().or_gone()?;
    let delete =
        || async { iam.delete_instance_profile().instance_profile_name(name).send().await.aws() };
    let in_the_way = || async {
        let profile = cx.cloud.own_profile(name).await?;
        let roles = profile.map(|(profile, _)| profile.roles).unwrap_or_default();
        Ok(roles.iter().map(|role| format!("role {}", role.role_name())).collect())
    };
    once_free(cx, SOON, GONE, delete, in_the_way).await
}

/// Removes the role, if it is this stack's. IAM deletes it only once it has no policy any more,
/// whoever gave it to it.
async fn delete_role(role: &str, cx: &Cx<Aws>) -> Result<()> {
    let iam = &cx.cloud.iam;
    if cx.cloud.own_role(role).await?.is_none() {
        return Ok(());
    }
    let inline = async {
        let pages = iam.list_role_policies().role_name(role).into_paginator().items().send();
        pages.collect::<Result<Vec<_>, _>>().await.aws().or_gone()
    };
    let attached = async {
        let pages = iam.list_attached_role_policies().role_name(role).into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await.aws().or_gone()
    };
    let (inline, attached) = tokio::try_join!(inline, attached)?;
    for name in inline.into_iter().flatten() {
        let call = iam.delete_role_policy().role_name(role).policy_name(name);
        call.send().await.aws().or_gone()?;
    }
    for arn in attached.into_iter().flatten().filter_map(|policy| policy.policy_arn) {
        let call = iam.detach_role_policy().role_name(role).policy_arn(arn);
        call.send().await.aws().or_gone()?;
    }
    let delete = || async { iam.delete_role().role_name(role).send().await.aws() };
    let in_the_way = || async {
        let call = iam.list_instance_profiles_for_role().role_name(role);
        let answer = call.send().await.aws().or_gone()?;
        let profiles = answer.map(|answer| answer.instance_profiles).unwrap_or_default();
        let named = |p: &InstanceProfile| format!("instance profile {}", p.instance_profile_name());
        Ok(profiles.iter().map(named).collect())
    };
    once_free(cx, SOON, GONE, delete, in_the_way).await
}

#[cfg(test)]
mod tests;
