//! What RDS says of the versions it makes and upgrades to, and of the classes they run on.
//!
//! These are questions for advice: who may not ask them, or asks where they are not known, goes on
//! without an answer, and hears AWS's own refusal when the time comes.

use super::EngineVersion;
use crate::{
    aws::{Aws, Sent},
    engine::Problem,
};
use aws_sdk_rds::types::DbEngineVersion;

/// The engine versions that RDS makes, the oldest first; all that begin with `version` if one is
/// given. `None` when it does not say.
async fn versions(
    cloud: &Aws,
    engine: &str,
    version: Option<&str>,
) -> Option<Vec<DbEngineVersion>> {
    let call = cloud.rds.describe_db_engine_versions().engine(engine);
    let call = call.set_engine_version(version.map(str::to_owned));
    let pages = call.into_paginator().items().send();
    let answer = pages.collect::<Result<Vec<_>, _>>().await.aws();
    let mut all = answer.ok()?;
    let version_of = |made: &DbEngineVersion| made.engine_version().unwrap_or_default().to_owned();
    all.sort_by_key(|made| EngineVersion::of(engine, version_of(made)).key());
    Some(all)
}

/// The newest version of every major one, for a message.
fn newest_of_each(engine: &str, all: &[DbEngineVersion]) -> String {
    let mut newest: Vec<EngineVersion> = Vec::new();
    for made in all.iter().filter_map(DbEngineVersion::engine_version) {
        let made = EngineVersion::of(engine, made);
        match newest.last_mut() {
            Some(last) if last.major() == made.major() => *last = made,
            _ => newest.push(made),
        }
    }
    newest.iter().map(EngineVersion::as_str).collect::<Vec<_>>().join(", ")
}

/// What would keep RDS from making an engine's version, if one is given, on a class.
pub(in crate::kinds) async fn refuses(
    cloud: &Aws,
    engine: &str,
    version: Option<&EngineVersion>,
    class: Option<&str>,
) -> Option<Problem> {
    let (region, text) = (&cloud.region, version.map(EngineVersion::as_str));
    let made = versions(cloud, engine, text).await?;
    let Some(newest) = made.last().and_then(DbEngineVersion::engine_version) else {
        // An endpoint that knows no version at all knows nothing of this one either.
        let all = newest_of_each(engine, &versions(cloud, engine, None).await?);
        let what = format!("{engine} {}", text.unwrap_or_default());
        return (!all.is_empty()).then(|| {
            Problem::new(
                format!("RDS does not make {what} in {region}"),
                format!("write another `version` under `database`; RDS makes {engine} {all}"),
            )
        });
    };
    let class = class?;
    let call = cloud.rds.describe_orderable_db_instance_options();
    let call = call.engine(engine).db_instance_class(class).max_records(20);
    let call = call.set_engine_version(version.map(|_| newest.to_owned()));
    let offered = call.send().await.aws().ok()?;
    offered.orderable_db_instance_options().is_empty().then(|| {
        Problem::new(
            format!("RDS does not offer {class} for {engine} {newest} in {region}"),
            format!(
                "write another `instance_class` under `database`; `aws rds \
                 describe-orderable-db-instance-options --engine {engine} --engine-version \
                 {newest}` lists them"
            ),
        )
    })
}

/// What a version can be upgraded to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kinds) enum Upgrade {
    /// To this version exactly, the newest of those that are wanted.
    To(String),
    /// Not to what is wanted, but to these.
    OnlyTo(Vec<String>),
    /// RDS does not say.
    Unknown,
}

impl Upgrade {
    /// What the newest version is that `wanted` accepts and RDS upgrades `from` to. A major version
    /// alone would mean RDS's default minor version, which need not be one of them.
    pub(in crate::kinds) async fn of(
        cloud: &Aws,
        engine: &str,
        from: &str,
        wanted: &EngineVersion,
    ) -> Self {
        // The present version may not be made any more.
        let call = cloud.rds.describe_db_engine_versions().engine(engine).engine_version(from);
        let Ok(answer) = call.include_all(true).send().await.aws() else { return Self::Unknown };
        let mut versions = answer.db_engine_versions().iter();
        let Some(present) = versions.find(|v| v.engine_version() == Some(from)) else {
            return Self::Unknown;
        };
        let targets = present.valid_upgrade_target().iter().filter_map(|t| t.engine_version());
        let mut targets: Vec<_> = targets.map(|to| EngineVersion::of(engine, to)).collect();
        targets.sort_by_key(EngineVersion::key);
        match targets.iter().rev().find(|target| wanted.accepts(target)) {
            Some(target) => Self::To(target.as_str().to_owned()),
            None => Self::OnlyTo(targets.iter().map(|t| t.as_str().to_owned()).collect()),
        }
    }

    /// What stands against an upgrade.
    pub(in crate::kinds) fn problem(
        &self,
        engine: &str,
        from: &str,
        wanted: &EngineVersion,
    ) -> Option<Problem> {
        let Self::OnlyTo(targets) = self else { return None };
        let says = format!("RDS does not upgrade {engine} {from} to {} directly", wanted.as_str());
        let remedy = match &**targets {
            [] => format!("leave `version` as it is; RDS upgrades {from} to nothing yet"),
            targets => format!("write one of these as `version` first: {}", targets.join(", ")),
        };
        Some(Problem::new(says, remedy))
    }
}
