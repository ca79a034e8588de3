//! The table that sessions live in: on demand, with a time to live and point-in-time recovery.

use crate::{
    aws::{Aws, Failure, Sent, Tags, Tolerant, eventually, tags},
    engine::{Change, Cx, Found, Kind, Pace, Phase, Plain, Probe, Refused, Swap, Table, Taken},
};
use anyhow::{Error, Result, ensure};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, PointInTimeRecoverySpecification,
    PointInTimeRecoveryStatus, ScalarAttributeType, TableDescription as Described, TableStatus,
    Tag, TimeToLiveSpecification, TimeToLiveStatus,
};
use std::{fmt, time::Duration};

/// The table that sessions live in. Nothing else is written to it, and it is paid by request.
#[derive(Clone, Debug)]
pub struct DynamodbTable {
    /// What its items are found by.
    pub key: Key,
    /// The attribute after which items may go.
    pub ttl: TimeToLive,
    /// Whether it is paid by request. It is always wanted to.
    pub on_demand: bool,
    /// Whether it can be restored to any second of the last 35 days. It is always wanted.
    pub point_in_time_recovery: bool,
    /// The user's tags.
    pub tags: Tags,
}

/// What the items of a table are found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// One attribute, which is a string.
    pub fn string(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// As it is described: the names of its attributes, and the type of each that is no string.
    fn seen(table: &Described) -> Self {
        let of = |element: &KeySchemaElement| {
            let name = element.attribute_name();
            let defined = table.attribute_definitions().iter();
            let mut defined = defined.filter(|attribute| attribute.attribute_name() == name);
            match defined.next().map(AttributeDefinition::attribute_type) {
                Some(ScalarAttributeType::S) | None => name.to_owned(),
                Some(other) => format!("{name} ({other})"),
            }
        };
        Self(table.key_schema().iter().map(of).collect::<Vec<_>>().join(", "))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Plain for Key {}

/// The attribute, in seconds since 1970, after which `DynamoDB` may remove an item; none where nothing
/// expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeToLive(pub Option<String>);

impl fmt::Display for TimeToLive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("(off)"))
    }
}

impl Plain for TimeToLive {}

/// What AWS knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableLive {
    /// Its name, `<stack>-sessions`.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Whether AWS refuses to delete it.
    pub protected: bool,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `UpdateTable`.
    Billing,
    /// `UpdateTimeToLive`.
    TimeToLive,
    /// `UpdateContinuousBackups`.
    PointInTimeRecovery,
    /// `TagResource` and `UntagResource`.
    Tags,
}

/// From the call until the table takes items: seconds, and seldom a minute.
const ACTIVE: Pace = Pace::seconds(2, 600);
/// How long a change may be refused because another is under way.
const BUSY: Pace = Pace::seconds(3, 600);

/// The name of the table in which a stack keeps its sessions.
pub fn name(stack: &str) -> String {
    format!("{stack}-sessions")
}

impl Kind for DynamodbTable {
    type Cloud = Aws;
    type Live = TableLive;
    type Edit = Edit;

    const NAME: &'static str = "dynamodb-table";
    const SWAP: Swap = Swap::Refuse("every session in it");
    const USUAL: Duration = Duration::from_secs(15);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("key", |t| &t.key)
            .tuned("on_demand", Edit::Billing, |t| &t.on_demand)
            .tuned("ttl", Edit::TimeToLive, |t| &t.ttl)
            .tuned("point_in_time_recovery", Edit::PointInTimeRecovery, |t| {
                &t.point_in_time_recovery
            })
            .tuned("tags", Edit::Tags, |t| &t.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.name
    }

    fn guard(found: &Found<Self>) -> Option<String> {
        found.live.protected.then(|| {
            format!(
                "somebody turned its deletion protection on; lift that with `aws dynamodb \
                 update-table --table-name {} --no-deletion-protection-enabled`",
                found.live.name
            )
        })
    }

    /// AWS takes one change of the time to live an hour, and another attribute is two.
    fn refuse(&self, found: &Found<Self>, changes: &[Change]) -> Option<Refused> {
        let changes = changes.iter().any(|change| change.attribute == "ttl");
        let has = found.spec.ttl.0.as_ref().filter(|_| changes)?;
        Some(Refused {
            says: format!(
                "removes items by their attribute `{has}`, and DynamoDB takes one change of that an \
                 hour"
            ),
            remedy: format!(
                "put `sessions.table.ttl_attribute: {has}` back; or turn it off with `aws dynamodb \
                 update-time-to-live --table-name {} --time-to-live-specification \
                 Enabled=false,AttributeName={has}`, and run `stackctl up` an hour later",
                found.live.name
            ),
        })
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let Some(table) = read(aws).await? else { return Ok(Vec::new()) };
        let Some(live) = TableLive::seen(&table) else { return Ok(Vec::new()) };
        let phase = match table.table_status() {
            Some(TableStatus::Creating | TableStatus::Updating) => Phase::Coming,
            Some(TableStatus::Deleting) => Phase::Going,
            _ => Phase::Ready,
        };
        let owned = match aws.owned(tags::of_dynamodb(&tags_of(&live.arn, aws).await?)) {
            Some(owned) => (owned.name, owned.tags),
            // AWS tells nothing of the tags of one that is being made. It is asked again before
            // anything is done to it.
            None if table.table_status() == Some(&TableStatus::Creating) => {
                (SESSIONS.to_owned(), Tags::default())
            }
            None => return Ok(Vec::new()),
        };
        let (ttl, recovery) = tokio::try_join!(ttl(&live.name, aws), recovery(&live.name, aws))?;
        let billing = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
        let spec = Self {
            key: Key::seen(&table),
            ttl,
            on_demand: billing == Some(&BillingMode::PayPerRequest),
            point_in_time_recovery: recovery,
            tags: owned.1,
        };
        Ok(vec![Found::ready(owned.0, spec, live).in_phase(phase)])
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        let aws = &cx.cloud;
        let there = read(aws).await?.and_then(|table| TableLive::seen(&table));
        let Some(live) = there else { return Ok(Vec::new()) };
        let tags = tags_of(&live.arn, aws).await?;
        let what = format!("DynamoDB table {}", live.name);
        Ok(aws.taken(what, tags::of_dynamodb(&tags)).into_iter().collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<TableLive> {
        let name = name(&cx.cloud.stack);
        let labels = cx.cloud.labels(cx.address(), &self.tags);
        let attribute = AttributeDefinition::builder().attribute_name(&self.key.0);
        let attribute = attribute.attribute_type(ScalarAttributeType::S).build()?;
        let key = KeySchemaElement::builder().attribute_name(&self.key.0);
        let call = cx.cloud.dynamodb.create_table().table_name(&name);
        let call = call.attribute_definitions(attribute);
        let call = call.key_schema(key.key_type(KeyType::Hash).build()?);
        let call = call.billing_mode(BillingMode::PayPerRequest);
        let call = call.set_tags(Some(tags::for_dynamodb(&labels)));
        // The code tells of one that is there, of which an answer may have been lost, and of one that
        // is busy.
        call.send().await.aws().or_code(&["ResourceInUseException"])?;
        let live = once_active(&name, cx).await?;
        self.expire(&name, cx).await?;
        self.back_up(&name, cx).await?;
        Ok(live)
    }

    async fn settle(live: TableLive, cx: &Cx<Aws>) -> Result<TableLive> {
        once_active(&live.name, cx).await
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let name = &found.live.name;
        match edit {
            Edit::Billing => {
                let call = cx.cloud.dynamodb.update_table().table_name(name);
                let call = call.billing_mode(BillingMode::PayPerRequest);
                call.send().await.aws()?;
                once_active(name, cx).await.map(drop)
            }
            Edit::TimeToLive => self.expire(name, cx).await,
            Edit::PointInTimeRecovery => self.back_up(name, cx).await,
            Edit::Tags => cx.cloud.retag_table(&found.live.arn, &self.tags, &found.spec.tags).await,
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let name = &found.live.name;
        if found.phase == Phase::Coming {
            once_active(name, cx).await?;
        }
        if found.phase != Phase::Going {
            eventually(cx, BUSY, is_busy, || {
                let call = cx.cloud.dynamodb.delete_table().table_name(name);
                async { call.send().await.aws().or_gone() }
            })
            .await?;
        }
        cx.until(ACTIVE, || async {
            Ok(match read(&cx.cloud).await? {
                Some(table) => Probe::Pending(status(&table)),
                None => Probe::Ready(()),
            })
        })
        .await
    }
}

/// The name of the table within its stack.
pub const SESSIONS: &str = "sessions";

impl TableLive {
    fn seen(table: &Described) -> Option<Self> {
        Some(Self {
            name: table.table_name()?.to_owned(),
            arn: table.table_arn()?.to_owned(),
            protected: table.deletion_protection_enabled() == Some(true),
        })
    }
}

impl DynamodbTable {
    /// Has items go by the wanted attribute.
    async fn expire(&self, name: &str, cx: &Cx<Aws>) -> Result<()> {
        if self.ttl == ttl(name, &cx.cloud).await? {
            return Ok(());
        }
        let attribute = self.ttl.0.clone().unwrap_or_default();
        let by =
            TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build()?;
        let asked = eventually(cx, BUSY, is_busy, || {
            let call = cx.cloud.dynamodb.update_time_to_live().table_name(name);
            let call = call.time_to_live_specification(by.clone());
            async { call.send().await.aws() }
        })
        .await;
        match asked {
            Err(_) if self.ttl == ttl(name, &cx.cloud).await? => Ok(()),
            Err(error) if has_code(&error, "ValidationException") => Err(error.context(
                "DynamoDB takes one change of a table's time to live an hour; if somebody has just \
                 changed it, run this again in an hour",
            )),
            asked => asked.map(drop),
        }
    }

    /// Has AWS keep what it takes to restore it to any second of the last 35 days.
    async fn back_up(&self, name: &str, cx: &Cx<Aws>) -> Result<()> {
        let wanted = PointInTimeRecoverySpecification::builder();
        let wanted = wanted.point_in_time_recovery_enabled(self.point_in_time_recovery).build()?;
        // A table that is active may not be ready for this yet.
        let passes = |failure: &Failure| {
            is_busy(failure) || failure.is(&["ContinuousBackupsUnavailableException"])
        };
        eventually(cx, BUSY, passes, || {
            let call = cx.cloud.dynamodb.update_continuous_backups().table_name(name);
            let call = call.point_in_time_recovery_specification(wanted.clone());
            async { call.send().await.aws() }
        })
        .await?;
        Ok(())
    }
}

/// Waits until the table takes items and changes, and makes sure that it is the stack's.
async fn once_active(name: &str, cx: &Cx<Aws>) -> Result<TableLive> {
    let live = cx
        .until(ACTIVE, || async {
            let table = read(&cx.cloud).await?;
            let active = table.as_ref().filter(|t| t.table_status() == Some(&TableStatus::Active));
            Ok(match (active.and_then(TableLive::seen), table) {
                (Some(live), _) => Probe::Ready(live),
                (None, Some(table)) => match table.table_status() {
                    Some(TableStatus::Deleting) => {
                        Probe::Failed("somebody else removes it".to_owned())
                    }
                    Some(TableStatus::InaccessibleEncryptionCredentials) => Probe::Failed(
                        "AWS cannot use the KMS key that somebody encrypted it with".to_owned(),
                    ),
                    _ => Probe::Pending(status(&table)),
                },
                (None, None) => Probe::Pending("unknown".to_owned()),
            })
        })
        .await?;
    let tags = tags_of(&live.arn, &cx.cloud).await?;
    let ours = cx.cloud.owned(tags::of_dynamodb(&tags)).is_some();
    ensure!(ours, cx.cloud.not_ours(&format!("the DynamoDB table {name}")));
    Ok(live)
}

/// `CREATING`, in small letters.
fn status(table: &Described) -> String {
    table.table_status().map_or("unknown", TableStatus::as_str).to_ascii_lowercase()
}

async fn read(aws: &Aws) -> Result<Option<Described>, Failure> {
    let call = aws.dynamodb.describe_table().table_name(name(&aws.stack));
    Ok(call.send().await.aws().or_gone()?.and_then(|answer| answer.table))
}

/// All tags of a table; none of one that is being made.
async fn tags_of(arn: &str, aws: &Aws) -> Result<Vec<Tag>, Failure> {
    let mut all = Vec::new();
    let mut next = None;
    loop {
        let call = aws.dynamodb.list_tags_of_resource().resource_arn(arn).set_next_token(next);
        let Some(page) = call.send().await.aws().or_gone()? else { return Ok(all) };
        all.extend(page.tags.unwrap_or_default());
        next = page.next_token;
        if next.is_none() {
            return Ok(all);
        }
    }
}

/// By which attribute items go. A change that AWS is still carrying out counts as done.
async fn ttl(name: &str, aws: &Aws) -> Result<TimeToLive, Failure> {
    let call = aws.dynamodb.describe_time_to_live().table_name(name);
    let answer = call.send().await.aws().or_gone()?;
    let described = answer.and_then(|answer| answer.time_to_live_description);
    let on = described.filter(|described| {
        use TimeToLiveStatus::{Enabled, Enabling};
        matches!(described.time_to_live_status(), Some(Enabled | Enabling))
    });
    Ok(TimeToLive(on.and_then(|described| described.attribute_name)))
}

/// Whether it can be restored to any second.
async fn recovery(name: &str, aws: &Aws) -> Result<bool, Failure> {
    let call = aws.dynamodb.describe_continuous_backups().table_name(name);
    let answer = call.send().await.aws().or_gone()?;
    let described = answer.and_then(|answer| answer.continuous_backups_description);
    let described = described.and_then(|described| described.point_in_time_recovery_description);
    let status = described.and_then(|described| described.point_in_time_recovery_status);
    Ok(status == Some(PointInTimeRecoveryStatus::Enabled))
}

fn is_busy(failure: &Failure) -> bool {
    failure.is(&["ResourceInUseException", "LimitExceededException"])
}

fn has_code(error: &Error, code: &str) -> bool {
    error.downcast_ref::<Failure>().is_some_and(|failure| failure.is(&[code]))
}

#[cfg(test)]
mod tests;
