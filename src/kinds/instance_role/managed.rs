//! The managed policies of the role: which of those that are attached the stack attached itself.

use super::{InstanceRole, SOON};
use crate::{
    aws::{Aws, Failure, Sent, Tolerant, eventually, tags},
    engine::{Attribute, Cx, Found, plan::Ids, sealed::digest},
};
use anyhow::{Result, bail};
use std::collections::BTreeSet;

/// The tag that remembers, by digests with spaces between them, which policies the stack attached.
/// With the 10 policies that a role has room for, it stays below the 256 characters of a tag's value.
pub(super) const ATTACHED: &str = "stackctl:policies";

/// The ARNs of managed policies that a stack attaches to its role. Those that others attached are
/// left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attached(pub BTreeSet<String>);

impl Attached {
    /// Those of the attached ones that the tag of the role, if it has one, says to be the stack's.
    pub(super) fn ours(attached: &[String], tag: Option<&String>) -> Self {
        let tag = tag.map(String::as_str).unwrap_or_default();
        let ours = |arn: &&String| tag.split(' ').any(|known| known == digest(arn));
        Self(attached.iter().filter(ours).cloned().collect())
    }

    /// The value of the tag; `None` where there is nothing to remember.
    pub(super) fn tag(&self) -> Option<String> {
        let digests: Vec<_> = self.0.iter().map(digest).collect();
        (!digests.is_empty()).then(|| digests.join(" "))
    }

    fn with(&self, others: &Self) -> Self {
        Self(&self.0 | &others.0)
    }
}

impl Attribute for Attached {
    fn show(&self) -> String {
        let all: Vec<_> = self.0.iter().map(String::as_str).collect();
        format!("[{}]", all.join(", "))
    }
    fn met_by(&self, found: &Self, _: &Ids) -> bool {
        self == found
    }
}

impl InstanceRole {
    /// Attaches what is wanted and detaches what no longer is. The tag names a policy before it is
    /// attached and until it is detached, so that a run that breaks off leaves none that nobody
    /// detaches.
    pub(super) async fn put_managed(&self, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let (wanted, before) = (&self.managed_policies, &found.spec.managed_policies);
        remember(&wanted.with(before), cx).await?;
        self.attach(cx).await?;
        let left: Vec<_> = before.0.difference(&wanted.0).collect();
        for arn in &left {
            let call = cx.cloud.iam.detach_role_policy().role_name(cx.cloud.role_name());
            call.policy_arn(*arn).send().await.aws().or_gone()?;
        }
        if !left.is_empty() {
            remember(wanted, cx).await?;
        }
        Ok(())
    }

    /// Attaches all that is wanted; to attach one again changes nothing.
    pub(super) async fn attach(&self, cx: &Cx<Aws>) -> Result<()> {
        let (iam, role) = (&cx.cloud.iam, &cx.cloud.role_name());
        for arn in &self.managed_policies.0 {
            let policy = iam.get_policy().policy_arn(arn).send().await.aws().or_gone()?;
            if policy.is_none() {
                bail!("there is no managed policy {arn}: mend app.policies");
            }
            // A role that was made a moment ago may be unknown yet.
            eventually(cx, SOON, Failure::is_gone, || {
                let call = iam.attach_role_policy().role_name(role).policy_arn(arn);
                async { call.send().await.aws() }
            })
            .await?;
        }
        Ok(())
    }
}

async fn remember(attached: &Attached, cx: &Cx<Aws>) -> Result<()> {
    let (iam, role) = (&cx.cloud.iam, cx.cloud.role_name());
    if let Some(value) = attached.tag() {
        let tag = tags::for_iam(&vec![(ATTACHED.into(), value)]);
        iam.tag_role().role_name(role).set_tags(Some(tag)).send().await.aws()?;
    } else {
        iam.untag_role().role_name(role).tag_keys(ATTACHED).send().await.aws()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policies(names: &[&str]) -> Attached {
        Attached(names.iter().map(|name| format!("arn:aws:iam::aws:policy/{name}")).collect())
    }

    #[test]
    fn only_what_the_tag_names_is_the_stacks() {
        let there: Vec<String> = policies(&["A", "B", "C"]).0.into_iter().collect();
        let tag = policies(&["A", "C", "D"]).tag();
        assert_eq!(Attached::ours(&there, tag.as_ref()), policies(&["A", "C"]));
        assert_eq!(Attached::ours(&there, None), Attached::default());
        assert_eq!(Attached::default().tag(), None);
    }

    #[test]
    fn the_tag_of_ten_policies_fits_into_a_tag() {
        let names: Vec<String> = (0..10).map(|n| format!("policy-{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(policies(&names).tag().unwrap().len() <= 256);
    }
}
