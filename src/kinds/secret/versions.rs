//! Exchanging the key that signs sessions: its versions, and the steps from one to the next.

use super::{generate, is_deleted, name, read};
use crate::aws::{Aws, Failure, Sent};
use anyhow::{Context, Result};
use aws_sdk_secretsmanager::{
    operation::update_secret_version_stage::builders::UpdateSecretVersionStageFluentBuilder,
    types::SecretVersionsListEntry,
};
use std::time::SystemTime;

/// The stage of the version that signs, and that whoever names none gets.
const CURRENT: &str = "AWSCURRENT";
/// The stage of the version that everybody is to know before it signs.
const PENDING: &str = "AWSPENDING";
/// The stage of the version that signed before; AWS moves it along with [`CURRENT`].
const PREVIOUS: &str = "AWSPREVIOUS";

/// The versions of a stack's key that are good, by Secrets Manager's stages. Their values are never
/// read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The version that signs.
    pub current: Version,
    /// One that everybody is to know before it signs.
    pub pending: Option<Version>,
    /// The one that signed before, whose tokens are still good.
    pub previous: Option<Version>,
    /// When the secret was changed in any way, at the latest: a version began to sign no later.
    pub changed: SystemTime,
}

/// One version of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// AWS's id of it.
    pub id: String,
    /// When it was made.
    pub made: SystemTime,
}

impl Versions {
    /// Those of the stack's key; `None` where there is none.
    ///
    /// # Errors
    /// What AWS refuses; versions without a current one.
    pub async fn read(aws: &Aws) -> Result<Option<Self>> {
        let Some(secret) = read(aws).await?.filter(|secret| !is_deleted(secret)) else {
            return Ok(None);
        };
        let call = aws.secretsmanager.list_secret_version_ids().secret_id(name(&aws.stack));
        let mut pages = call.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            all.extend(page.aws()?.versions.unwrap_or_default());
        }
        let at = |stage| all.iter().find(|v| v.version_stages().iter().any(|s| s == stage));
        let current = at(CURRENT).and_then(Version::seen);
        let current = current.context("the session key has no version that is current")?;
        let other = |stage| at(stage).and_then(Version::seen).filter(|v| v.id != current.id);
        let (pending, previous) = (other(PENDING), other(PREVIOUS));
        let changed = secret.last_changed_date.and_then(|date| date.try_into().ok());
        let changed = changed.unwrap_or(current.made);
        Ok(Some(Self { current, pending, previous, changed }))
    }

    /// Makes a new key, which signs nothing yet.
    ///
    /// # Errors
    /// What AWS refuses.
    pub async fn begin(aws: &Aws) -> Result<()> {
        let key = generate(aws).await?;
        let call = aws.secretsmanager.put_secret_value().secret_id(name(&aws.stack));
        call.secret_string(key).version_stages(PENDING).send().await.aws()?;
        Ok(())
    }

    /// Has the pending version sign from now on; the one that signed until now stays good.
    ///
    /// # Errors
    /// What AWS refuses.
    pub async fn promote(&self, aws: &Aws) -> Result<()> {
        let Some(pending) = &self.pending else { return Ok(()) };
        let call = move_stage(aws, CURRENT, &self.current.id).move_to_version_id(&pending.id);
        if let Err(failure) = call.send().await.aws() {
            unless(failure, aws, |now| now.current.id == pending.id).await?;
        }
        // Left where it is by a run that breaks off here, it says no more than that it is the current.
        let call = move_stage(aws, PENDING, &pending.id);
        match call.send().await.aws() {
            Err(failure) => unless(failure, aws, |now| now.pending.is_none()).await,
            Ok(_) => Ok(()),
        }
    }

    /// Has the version that signed before be good no more.
    ///
    /// # Errors
    /// What AWS refuses.
    pub async fn retire(&self, aws: &Aws) -> Result<()> {
        let Some(previous) = &self.previous else { return Ok(()) };
        match move_stage(aws, PREVIOUS, &previous.id).send().await.aws() {
            Err(failure) => unless(failure, aws, |now| now.previous.is_none()).await,
            Ok(_) => Ok(()),
        }
    }
}

/// Takes a stage from a version.
fn move_stage(aws: &Aws, stage: &str, from: &str) -> UpdateSecretVersionStageFluentBuilder {
    let call = aws.secretsmanager.update_secret_version_stage().secret_id(name(&aws.stack));
    call.version_stage(stage).remove_from_version_id(from)
}

/// A refusal, unless what was asked for is done: the SDK repeats a call whose answer was lost.
async fn unless(failure: Failure, aws: &Aws, done: impl Fn(&Versions) -> bool) -> Result<()> {
    match Versions::read(aws).await? {
        Some(now) if done(&now) => Ok(()),
        _ => Err(failure.into()),
    }
}

impl Version {
    fn seen(entry: &SecretVersionsListEntry) -> Option<Self> {
        let made = entry.created_date.and_then(|date| date.try_into().ok())?;
        Some(Self { id: entry.version_id.clone()?, made })
    }
}

#[cfg(test)]
mod tests;
