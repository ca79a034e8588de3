//! The key that signs sessions in tokens: made by AWS, kept in Secrets Manager, never seen by stackctl's output.

mod versions;

pub use versions::{Version, Versions};

use crate::{
    aws::{Aws, Failure, Sent, Tags, Tolerant, tags},
    engine::{Cx, Found, Kind, Table, Taken},
};
use anyhow::{Context, Result};
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput as Described;

/// The key that signs sessions in tokens, as a secret of Secrets Manager.
///
/// Its value is made once, by AWS's generator, and is no attribute: to lose it or to change it is to
/// log everybody out.
#[derive(Clone, Debug)]
pub struct Secret {
    /// The user's tags.
    pub tags: Tags,
}

/// What AWS knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretLive {
    /// Its name, `stackctl/<stack>/session-key`.
    pub name: String,
    /// Its ARN, which ends in six characters of AWS's own.
    pub arn: String,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `TagResource` and `UntagResource`.
    Tags,
}

/// Characters of a key: letters and digits, so that it can stand anywhere. 64 of them have some
/// 380 bits, more than the 256 that HMAC-SHA-256 wants of a key (RFC 7518, 3.2).
const LENGTH: i64 = 64;
/// Days in which a deleted key can be had back: the fewest that AWS takes. Nothing is billed meanwhile.
const RECOVERY: i64 = 7;

/// The name of a stack's secret.
pub fn name(stack: &str) -> String {
    format!("stackctl/{stack}/session-key")
}

impl Kind for Secret {
    type Cloud = Aws;
    type Live = SecretLive;
    type Edit = Edit;

    const NAME: &'static str = "secret";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table.tuned("tags", Edit::Tags, |s| &s.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.arn
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let there = read(aws).await?.filter(|secret| !is_deleted(secret));
        Ok(there.and_then(|secret| Self::seen(aws, &secret)).into_iter().collect())
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        let aws = &cx.cloud;
        let what = format!("secret {}", name(&aws.stack));
        let there = read(aws).await?;
        let taken = there.and_then(|s| aws.taken(what, tags::of_secrets_manager(s.tags())));
        Ok(taken.into_iter().collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<SecretLive> {
        let aws = &cx.cloud;
        let name = name(&aws.stack);
        let key = generate(aws).await?;
        let call = aws.secretsmanager.create_secret().name(&name).secret_string(key);
        let call = call.description(format!("Signs the sessions of the stack {}", aws.stack));
        let labels = aws.labels(cx.address(), &self.tags);
        let made = call.set_tags(Some(tags::for_secrets_manager(&labels))).send().await.aws();
        // An answer was lost on the way; or it was deleted and can be had back, and with it everybody's
        // session.
        match made {
            Ok(made) => {
                Ok(SecretLive { name, arn: made.arn.context("AWS made it but told no ARN")? })
            }
            Err(failure) if is_refused(&failure) || failure.is(&["ResourceExistsException"]) => {
                self.have_back(cx).await.with_context(|| failure.in_short())
            }
            Err(failure) => Err(failure.into()),
        }
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        match edit {
            Edit::Tags => {
                cx.cloud.retag_secret(&found.live.arn, &self.tags, &found.spec.tags).await
            }
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let call = cx.cloud.secretsmanager.delete_secret().secret_id(&found.live.arn);
        let sent = call.recovery_window_in_days(RECOVERY).send().await.aws();
        match sent.or_gone() {
            // Somebody else has deleted it.
            Err(failure) if is_refused(&failure) && is_going(&cx.cloud).await? => Ok(()),
            other => Ok(other.map(drop)?),
        }
    }
}

impl Secret {
    /// A described secret in the words in which it was wanted, if its tags say that it is ours.
    fn seen(aws: &Aws, secret: &Described) -> Option<Found<Self>> {
        let owned = aws.owned(tags::of_secrets_manager(secret.tags()))?;
        let live = SecretLive { name: secret.name.clone()?, arn: secret.arn.clone()? };
        Some(Found::ready(owned.name, Self { tags: owned.tags }, live))
    }

    /// The secret that has the name already, out of its deletion.
    async fn have_back(&self, cx: &Cx<Aws>) -> Result<SecretLive> {
        let aws = &cx.cloud;
        let there = read(aws).await?.context("it exists already, but cannot be found")?;
        let found = Self::seen(aws, &there);
        let found =
            found.with_context(|| aws.not_ours(&format!("the secret {}", name(&aws.stack))))?;
        if is_deleted(&there) {
            aws.secretsmanager.restore_secret().secret_id(&found.live.arn).send().await.aws()?;
        }
        aws.retag_secret(&found.live.arn, &self.tags, &found.spec.tags).await?;
        Ok(found.live)
    }
}

/// A new key, by AWS's generator.
async fn generate(aws: &Aws) -> Result<String> {
    let call = aws.secretsmanager.get_random_password().password_length(LENGTH);
    let made = call.exclude_punctuation(true).send().await.aws()?;
    made.random_password.context("AWS made no key")
}

fn is_refused(failure: &Failure) -> bool {
    failure.is(&["InvalidRequestException"])
}

/// Whether it is there no longer, or not for long.
async fn is_going(aws: &Aws) -> Result<bool, Failure> {
    Ok(read(aws).await?.is_none_or(|secret| is_deleted(&secret)))
}

fn is_deleted(secret: &Described) -> bool {
    secret.deleted_date.is_some()
}

async fn read(aws: &Aws) -> Result<Option<Described>, Failure> {
    aws.secretsmanager.describe_secret().secret_id(name(&aws.stack)).send().await.aws().or_gone()
}

#[cfg(test)]
mod tests;
