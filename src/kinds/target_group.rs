//! Where the load balancer sends requests, and how it keeps a client on one instance.

use super::vpc::Vpc;
use crate::{
    aws::{
        Aws, Failure, Owned, Sent, Tags, Tolerant,
        ec2::{Refusals, once_free, once_known},
        eventually, tags,
    },
    engine::{Cx, Found, Kind, Pace, Plain, Ref, Swap, Table, Taken},
};
use anyhow::{Context, Result};
use attributes::{Attributes, Pairs};
use aws_sdk_elasticloadbalancingv2::types::{
    Matcher, ProtocolEnum, Tag, TargetGroup as Described, TargetGroupAttribute, TargetTypeEnum,
};
use futures::future::try_join_all;
use hold::HOLD;
use std::fmt;

mod attributes;
mod hold;
#[cfg(test)]
mod tests;

pub use attributes::{Algorithm, LIKE_THE_BALANCER, Stickiness};
pub use hold::{Held, Hold};

/// Where the load balancer sends requests, and how it keeps a client on one instance.
#[derive(Clone, Debug)]
pub struct TargetGroup {
    /// Where its targets are.
    pub vpc: Ref<Vpc>,
    /// The port it is made with. Targets bring their own, so that a new port never needs a new group.
    pub port: u16,
    /// How the health of a target is found out.
    pub health_check: HealthCheck,
    /// How a client is kept on one target.
    pub stickiness: Stickiness,
    /// Until when the stickiness stays as it is, whatever the file says.
    pub held: Held,
    /// Seconds that a target gets to finish requests, 0–3600.
    pub deregistration_delay: u32,
    /// How the target of a first request is chosen.
    pub algorithm: Algorithm,
    /// Seconds over which a new target gets its full share: 0 or 30–900.
    pub slow_start: u32,
    /// Whether targets in other zones get requests: AWS's word for it. Stickiness needs them to.
    pub cross_zone: String,
    /// The user's tags.
    pub tags: Tags,
}

/// How the health of a target is found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Whether, how and where it is asked.
    pub asks: Asks,
    /// The path that is asked for.
    pub path: String,
    /// Seconds between two checks, 5–300.
    pub interval: u32,
    /// Seconds within which an answer counts, 2–120.
    pub timeout: u32,
    /// Passed checks after which an unhealthy target is healthy, 2–10.
    pub healthy_threshold: u32,
    /// Failed checks after which a healthy target is unhealthy, 2–10.
    pub unhealthy_threshold: u32,
    /// The status codes that pass: `200`, `200-299`, `200,302`.
    pub matcher: String,
}

/// Whether, how and where a target is asked for its health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// By HTTP, at the port at which it gets requests.
    TrafficPort,
    /// What is never wanted: found where somebody changed it by hand.
    Otherwise {
        /// `HTTP` or `HTTPS`.
        protocol: String,
        /// A number, or `traffic-port`.
        port: String,
        /// Whether it is asked at all.
        enabled: bool,
    },
}

impl Asks {
    fn seen(group: &Described) -> Self {
        let protocol = group.health_check_protocol().map_or("HTTP", ProtocolEnum::as_str);
        let port = group.health_check_port().unwrap_or(TRAFFIC_PORT);
        let enabled = group.health_check_enabled().unwrap_or(true);
        if (protocol, port, enabled) == ("HTTP", TRAFFIC_PORT, true) {
            return Self::TrafficPort;
        }
        Self::Otherwise { protocol: protocol.to_owned(), port: port.to_owned(), enabled }
    }
}

impl fmt::Display for Asks {
    /// What is usual goes without saying.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TrafficPort => Ok(()),
            Self::Otherwise { enabled: false, .. } => f.write_str("off: "),
            Self::Otherwise { protocol, port, .. } => write!(f, "{protocol} at port {port}: "),
        }
    }
}

impl fmt::Display for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}GET {} every {}s within {}s, {} up after {}, down after {}",
            self.asks,
            self.path,
            self.interval,
            self.timeout,
            self.matcher,
            self.healthy_threshold,
            self.unhealthy_threshold
        )
    }
}

impl Plain for HealthCheck {}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroupLive {
    /// Its ARN.
    pub arn: String,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `ModifyTargetGroup`.
    HealthCheck,
    /// `ModifyTargetGroupAttributes`; up to three of them when the algorithm changes.
    Attributes,
    /// `AddTags` and `RemoveTags`.
    Tags,
}

impl Kind for TargetGroup {
    type Cloud = Aws;
    type Live = TargetGroupLive;
    type Edit = Edit;

    const NAME: &'static str = "target-group";
    const SWAP: Swap = Swap::CreateFirst;

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("vpc", |t| &t.vpc)
            .tuned("health_check", Edit::HealthCheck, |t| &t.health_check)
            .tuned("stickiness", Edit::Attributes, |t| &t.stickiness)
            .tuned("held", Edit::Tags, |t| &t.held)
            .tuned("deregistration_delay", Edit::Attributes, |t| &t.deregistration_delay)
            .tuned("algorithm", Edit::Attributes, |t| &t.algorithm)
            .tuned("slow_start", Edit::Attributes, |t| &t.slow_start)
            .tuned("cross_zone", Edit::Attributes, |t| &t.cross_zone)
            .tuned("tags", Edit::Tags, |t| &t.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.arn
    }

    async fn discover(cloud: &Aws) -> Result<Vec<Found<Self>>> {
        Self::read(cloud, &cloud.balancing().await?.target_groups).await
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        // The name follows from the VPC, so that a new one's is nobody's yet.
        let Ok(vpc) = cx.get(&self.vpc) else { return Ok(Vec::new()) };
        let name = cx.cloud.named_after(cx.name(), [vpc.as_str()]);
        let there = called(&cx.cloud, &name).await.or_gone()?.flatten();
        cx.cloud.taken_balancing(&format!("target group {name}"), there.as_deref()).await
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<Self::Live> {
        let aws = &cx.cloud;
        let vpc = cx.get(&self.vpc)?;
        let name = aws.named_after(cx.name(), [vpc.as_str()]);
        let call = aws
            .elb
            .create_target_group()
            .name(&name)
            .vpc_id(&vpc)
            .port(self.port.into())
            .protocol(ProtocolEnum::Http)
            .target_type(TargetTypeEnum::Instance)
            .health_check_enabled(true)
            .health_check_protocol(ProtocolEnum::Http)
            .health_check_port(TRAFFIC_PORT)
            .health_check_path(&self.health_check.path)
            .health_check_interval_seconds(self.health_check.interval.cast_signed())
            .health_check_timeout_seconds(self.health_check.timeout.cast_signed())
            .healthy_threshold_count(self.health_check.healthy_threshold.cast_signed())
            .unhealthy_threshold_count(self.health_check.unhealthy_threshold.cast_signed())
            .matcher(self.health_check.matcher())
            .set_tags(Some(tags::for_elb(&aws.labels(cx.address(), &self.tags))));
        // A VPC that was just made is not known everywhere at once.
        let unknown = |f: &Failure| f.is(&["ValidationError"]) && f.message.contains(&vpc);
        let made = eventually(cx, Pace::seconds(2, 60), unknown, || {
            let call = call.clone();
            async move { call.send().await.aws().or_code(&["DuplicateTargetGroupName"]) }
        })
        .await?;
        let made = made.and_then(|answer| answer.target_groups?.into_iter().next());
        let arn = match made.and_then(|group| group.target_group_arn) {
            Some(arn) => arn,
            None => self.take_over(cx, &name).await?,
        };
        let fresh = Attributes::fresh();
        once_known(cx, || self.put(aws, &arn, &fresh)).await?;
        Ok(TargetGroupLive { arn })
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let (aws, arn) = (&cx.cloud, &found.live.arn);
        match edit {
            Edit::HealthCheck => self.put_health_check(aws, arn).await,
            Edit::Attributes => self.put(aws, arn, &found.spec.all_attributes()).await,
            Edit::Tags => {
                if self.held != found.spec.held {
                    Self::release(aws, arn).await?;
                }
                aws.retag_elb(arn, &self.tags, &found.spec.tags).await
            }
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let call = cx.cloud.elb.delete_target_group().target_group_arn(&found.live.arn);
        // A listener that is gone may hold it a little longer.
        let delete = || {
            let call = call.clone();
            async move { call.send().await.aws() }
        };
        let users = || users(&cx.cloud, &found.live.arn);
        once_free(cx, Pace::seconds(10, 300), GONE, delete, users).await
    }
}

/// The port at which a target gets requests (AWS API reference, ELBv2, `HealthCheckPort`).
const TRAFFIC_PORT: &str = "traffic-port";
const GONE: Refusals = Refusals::gone(&["TargetGroupNotFound"]);

impl TargetGroup {
    /// The stack's target groups alone, in three calls one after another.
    pub async fn all(aws: &Aws) -> Result<Vec<Found<Self>>> {
        Self::read(aws, &aws.target_groups().await?).await
    }

    /// Sets the stickiness of one target group and nothing else, in one call.
    ///
    /// # Errors
    /// AWS's refusal, for one when the group's algorithm excludes stickiness.
    pub async fn put_stickiness(aws: &Aws, arn: &str, stickiness: &Stickiness) -> Result<()> {
        put_pairs(aws, arn, stickiness.pairs()).await
    }

    /// Notes on a target group until when its stickiness stays as it is.
    ///
    /// # Errors
    /// AWS's refusal.
    pub async fn hold(aws: &Aws, arn: &str, hold: Hold) -> Result<()> {
        let tag = Tag::builder().key(HOLD).value(hold.value()).build();
        aws.elb.add_tags().resource_arns(arn).tags(tag).send().await.aws()?;
        Ok(())
    }

    /// Takes that note away; one that is not there is fine.
    ///
    /// # Errors
    /// AWS's refusal.
    pub async fn release(aws: &Aws, arn: &str) -> Result<()> {
        aws.elb.remove_tags().resource_arns(arn).tag_keys(HOLD).send().await.aws()?;
        Ok(())
    }

    async fn read(aws: &Aws, groups: &[(Described, Owned)]) -> Result<Vec<Found<Self>>> {
        let all = groups.iter().map(|(group, owned)| Self::read_one(aws, group, owned));
        Ok(try_join_all(all).await?.into_iter().flatten().collect())
    }

    async fn read_one(aws: &Aws, group: &Described, owned: &Owned) -> Result<Option<Found<Self>>> {
        let arn = group.target_group_arn().context("a target group without an ARN")?;
        let call = aws.elb.describe_target_group_attributes().target_group_arn(arn);
        let Some(answer) = call.send().await.aws().or_gone()? else { return Ok(None) };
        let pairs = answer.attributes().iter().filter_map(|a| Some((a.key()?, a.value()?)));
        let spec = Self::seen(group, Attributes::seen(pairs), owned)?;
        let live = TargetGroupLive { arn: arn.to_owned() };
        let says = spec.held.standing().map(|hold| match hold.shortened_from {
            None => format!("its stickiness stays as it is {hold} (toggle-stickiness --for)"),
            Some(_) => {
                format!("its users are being spread anew {hold} (toggle-stickiness --rebalance)")
            }
        });
        Ok(Some(Found::ready(owned.name.as_str(), spec, live).with_notes(says)))
    }

    fn seen(group: &Described, attributes: Attributes, owned: &Owned) -> Result<Self> {
        let number = |n: Option<i32>| n.and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
        let Attributes { stickiness, deregistration_delay, algorithm, slow_start, cross_zone } =
            attributes;
        Ok(Self {
            vpc: Ref::found(group.vpc_id().context("a target group without a VPC")?),
            port: u16::try_from(number(group.port()))?,
            health_check: HealthCheck {
                asks: Asks::seen(group),
                path: group.health_check_path().unwrap_or("/").to_owned(),
                interval: number(group.health_check_interval_seconds()),
                timeout: number(group.health_check_timeout_seconds()),
                healthy_threshold: number(group.healthy_threshold_count()),
                unhealthy_threshold: number(group.unhealthy_threshold_count()),
                matcher: group
                    .matcher()
                    .and_then(Matcher::http_code)
                    .unwrap_or_default()
                    .to_owned(),
            },
            stickiness,
            held: Held::seen(&owned.all),
            deregistration_delay,
            algorithm,
            slow_start,
            cross_zone,
            tags: owned.tags.clone(),
        })
    }

    /// The target group that has our name already, if it is ours: an answer was lost on the way.
    async fn take_over(&self, cx: &Cx<Aws>, name: &str) -> Result<String> {
        let arn = called(&cx.cloud, name).await?;
        let arn = arn.with_context(|| format!("{name} exists, but AWS does not show it"))?;
        cx.cloud.claim(&arn, name).await?;
        self.put_health_check(&cx.cloud, &arn).await?;
        Ok(arn)
    }

    async fn put_health_check(&self, aws: &Aws, arn: &str) -> Result<()> {
        let check = &self.health_check;
        aws.elb
            .modify_target_group()
            .target_group_arn(arn)
            .health_check_enabled(true)
            .health_check_protocol(ProtocolEnum::Http)
            .health_check_port(TRAFFIC_PORT)
            .health_check_path(&check.path)
            .health_check_interval_seconds(check.interval.cast_signed())
            .health_check_timeout_seconds(check.timeout.cast_signed())
            .healthy_threshold_count(check.healthy_threshold.cast_signed())
            .unhealthy_threshold_count(check.unhealthy_threshold.cast_signed())
            .matcher(check.matcher())
            .send()
            .await
            .aws()?;
        Ok(())
    }

    async fn put(&self, aws: &Aws, arn: &str, found: &Attributes) -> Result<()> {
        for pairs in self.all_attributes().calls_from(found) {
            put_pairs(aws, arn, pairs).await?;
        }
        Ok(())
    }

    fn all_attributes(&self) -> Attributes {
        Attributes {
            stickiness: self.stickiness.clone(),
            deregistration_delay: self.deregistration_delay,
            algorithm: self.algorithm,
            slow_start: self.slow_start,
            cross_zone: self.cross_zone.clone(),
        }
    }
}

impl HealthCheck {
    fn matcher(&self) -> Matcher {
        Matcher::builder().http_code(&self.matcher).build()
    }
}

/// The ARN of the target group of this name.
async fn called(aws: &Aws, name: &str) -> Result<Option<String>, Failure> {
    let answer = aws.elb.describe_target_groups().names(name).send().await.aws()?;
    Ok(answer.target_groups.and_then(|groups| groups.into_iter().next()?.target_group_arn))
}

/// The load balancers that send requests to a target group.
async fn users(aws: &Aws, arn: &str) -> Result<Vec<String>> {
    let call = aws.elb.describe_target_groups().target_group_arns(arn);
    let answer = call.send().await.aws().or_gone()?;
    let groups = answer.and_then(|answer| answer.target_groups).unwrap_or_default();
    let balancers = groups.iter().flat_map(Described::load_balancer_arns);
    Ok(balancers.map(|arn| format!("a listener or rule of load balancer {arn}")).collect())
}

async fn put_pairs(aws: &Aws, arn: &str, pairs: Pairs) -> Result<()> {
    let attributes = pairs
        .into_iter()
        .map(|(key, value)| TargetGroupAttribute::builder().key(key).value(value).build())
        .collect();
    let call = aws.elb.modify_target_group_attributes().target_group_arn(arn);
    call.set_attributes(Some(attributes)).send().await.aws()?;
    Ok(())
}
