//! The application load balancer that users reach.

use super::{route_table::RouteTable, security_group::SecurityGroup, subnet::Subnet, vpc::Vpc};
use crate::{
    aws::{
        Aws, Failure, Owned, Sent, Tags, Tolerant,
        ec2::{interfaces, once_known},
        eventually, tags,
    },
    engine::{Cx, Found, Kind, Pace, Phase, Plain, Probe, Ref, Swap, Table, Taken},
};
use anyhow::{Context, Result, bail};
use aws_sdk_elasticloadbalancingv2::{
    operation::create_load_balancer::builders::CreateLoadBalancerFluentBuilder,
    types::{
        AvailabilityZone, IpAddressType, LoadBalancer as Described, LoadBalancerAttribute,
        LoadBalancerSchemeEnum, LoadBalancerStateEnum as State, LoadBalancerTypeEnum,
    },
};
use futures::future::try_join_all;
use std::{collections::HashMap, fmt, time::Duration};

#[cfg(test)]
mod tests;

/// The application load balancer that users reach.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    /// Where it belongs; it never leaves it.
    pub vpc: Ref<Vpc>,
    /// Whether the internet reaches it.
    pub scheme: Scheme,
    /// Where it stands: two zones at least.
    pub subnets: Vec<Ref<Subnet>>,
    /// What may reach it.
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// Seconds after which a silent connection is closed, 1–4000.
    pub idle_timeout: u32,
    /// Whether malformed header fields are dropped.
    pub drop_invalid_headers: bool,
    /// Whether AWS refuses to delete it; `None` leaves that as it is.
    pub protect: Option<bool>,
    /// Where each request is written down.
    pub access_logs: AccessLogs,
    /// The way in, which must be there first; AWS does not tell which.
    pub routes: Vec<Ref<RouteTable>>,
    /// The user's tags.
    pub tags: Tags,
}

/// Whether and where log files are put: a bucket of the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLogs {
    /// Nothing is written down.
    Off,
    /// Files are put into a bucket.
    Bucket {
        /// The bucket's name.
        name: String,
        /// What the names of the files begin with, before `/AWSLogs/`; may be empty.
        prefix: String,
    },
}

impl fmt::Display for AccessLogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Bucket { name, prefix } if prefix.is_empty() => write!(f, "s3://{name}"),
            Self::Bucket { name, prefix } => write!(f, "s3://{name}/{prefix}"),
        }
    }
}

impl Plain for AccessLogs {}

/// Who can reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Everyone, as far as its security group lets them.
    InternetFacing,
    /// Only what is in the VPC.
    Internal,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::InternetFacing => "internet-facing",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Plain for Scheme {}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancerLive {
    /// Its ARN.
    pub arn: String,
    /// Where it answers.
    pub dns_name: String,
    /// The hosted zone that alias records to it name.
    pub zone_id: String,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `SetSubnets`.
    Subnets,
    /// `SetSecurityGroups`.
    SecurityGroups,
    /// `ModifyLoadBalancerAttributes`.
    Attributes,
    /// `AddTags` and `RemoveTags`.
    Tags,
}

const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";
const DROP_INVALID: &str = "routing.http.drop_invalid_header_fields.enabled";
const PROTECTED: &str = "deletion_protection.enabled";
const LOGGED: &str = "access_logs.s3.enabled";
const LOG_BUCKET: &str = "access_logs.s3.bucket";
const LOG_PREFIX: &str = "access_logs.s3.prefix";

/// The remark on one that AWS would not delete.
const IS_PROTECTED: &str = "its deletion protection is on";
/// It usually takes two to three minutes to come up.
const COMING: Pace = Pace::seconds(5, 600);
/// Its network interfaces stay for some minutes after it is gone.
const GOING: Pace = Pace::seconds(10, 600);

impl Kind for LoadBalancer {
    type Cloud = Aws;
    type Live = LoadBalancerLive;
    type Edit = Edit;

    const NAME: &'static str = "load-balancer";
    const SWAP: Swap = Swap::CreateFirst;
    const USUAL: Duration = Duration::from_secs(150);
    const USUAL_DELETION: Duration = Duration::from_mins(1);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("vpc", |l| &l.vpc)
            .fixed("scheme", |l| &l.scheme)
            .tuned("subnets", Edit::Subnets, |l| &l.subnets)
            .tuned("security_groups", Edit::SecurityGroups, |l| &l.security_groups)
            .tuned("idle_timeout", Edit::Attributes, |l| &l.idle_timeout)
            .tuned("drop_invalid_headers", Edit::Attributes, |l| &l.drop_invalid_headers)
            .tuned("protect", Edit::Attributes, |l| &l.protect)
            .tuned("access_logs", Edit::Attributes, |l| &l.access_logs)
            .needs(|l| &l.routes)
            .tuned("tags", Edit::Tags, |l| &l.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.arn
    }

    fn guard(found: &Found<Self>) -> Option<String> {
        found.notes.iter().find(|note| *note == IS_PROTECTED).cloned()
    }

    async fn discover(cloud: &Aws) -> Result<Vec<Found<Self>>> {
        let balancers = &cloud.balancing().await?.load_balancers;
        let all = try_join_all(
            balancers.iter().map(|(balancer, owned)| Self::read(cloud, balancer, owned)),
        );
        let (all, listening) = tokio::try_join!(all, cloud.listening())?;
        let mut all: Vec<_> = all.into_iter().flatten().collect();
        for found in &mut all {
            let theirs = listening.iter().filter(|one| {
                one.owned.is_none() && one.listener.load_balancer_arn() == Some(&found.live.arn)
            });
            found.notes.extend(theirs.filter_map(|one| one.listener.port()).map(|port| {
                format!(
                    "its listener at port {port} is not the stack's: it is left alone, and goes \
                     when the load balancer goes"
                )
            }));
        }
        Ok(all)
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        let name = self.own_name(&cx.cloud);
        let there = called(&cx.cloud, &name).await?;
        let arn = there.as_ref().and_then(Described::load_balancer_arn);
        cx.cloud.taken_balancing(&format!("load balancer {name}"), arn).await
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<Self::Live> {
        let aws = &cx.cloud;
        let name = self.own_name(aws);
        let call = aws
            .elb
            .create_load_balancer()
            .name(&name)
            .r#type(LoadBalancerTypeEnum::Application)
            .ip_address_type(IpAddressType::Ipv4)
            .scheme(LoadBalancerSchemeEnum::from(self.scheme.as_str()))
            .set_subnets(Some(ids(cx, &self.subnets)?))
            .set_security_groups(Some(ids(cx, &self.security_groups)?))
            .set_tags(Some(tags::for_elb(&aws.labels(cx.address(), &self.tags))));
        let made = eventually(cx, Pace::seconds(2, 120), is_too_early, || {
            let call = call.clone();
            async move { call.send().await.aws().or_code(&["DuplicateLoadBalancerName"]) }
        })
        .await?;
        let made = match made {
            Some(answer) => answer.load_balancers.unwrap_or_default().into_iter().next(),
            None => Some(namesake(cx, &name, call).await?),
        };
        let live = LoadBalancerLive::of(&made.context("made, but AWS does not show it")?)?;
        once_known(cx, || self.put_attributes(aws, &live.arn)).await?;
        Ok(live)
    }

    async fn settle(live: Self::Live, cx: &Cx<Aws>) -> Result<Self::Live> {
        let made = cx
            .until(COMING, || async {
                let Some(now) = described(&cx.cloud, &live.arn).await? else {
                    return Ok(Probe::Pending("not yet known".into()));
                };
                let (state, reason) = state(&now);
                Ok(match state {
                    State::Active | State::ActiveImpaired => Probe::Ready(now),
                    State::Failed => Probe::Failed(reason),
                    other => Probe::Pending(other.as_str().to_owned()),
                })
            })
            .await?;
        LoadBalancerLive::of(&made)
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let (aws, arn) = (&cx.cloud, &found.live.arn);
        match edit {
            Edit::Subnets => {
                let call = aws.elb.set_subnets().load_balancer_arn(arn);
                call.set_subnets(Some(ids(cx, &self.subnets)?)).send().await.aws()?;
                Ok(())
            }
            Edit::SecurityGroups => {
                let call = aws.elb.set_security_groups().load_balancer_arn(arn);
                let groups = Some(ids(cx, &self.security_groups)?);
                call.set_security_groups(groups).send().await.aws()?;
                Ok(())
            }
            Edit::Attributes => self.put_attributes(aws, arn).await,
            Edit::Tags => aws.retag_elb(arn, &self.tags, &found.spec.tags).await,
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let (aws, arn) = (&cx.cloud, &found.live.arn);
        if aws.unprotect && Self::guard(found).is_some() {
            put(aws, arn, vec![(PROTECTED, "false".into())]).await.or_gone()?;
        }
        match aws.elb.delete_load_balancer().load_balancer_arn(arn).send().await.aws().or_gone() {
            Err(failure) if failure.is(&["OperationNotPermitted"]) => {
                let lift = "turn its deletion protection off, or let --unprotect do it";
                return Err(anyhow::Error::from(failure).context(lift));
            }
            done => done.map(drop)?,
        }
        cx.until(GOING, || async {
            if described(aws, arn).await?.is_some() {
                return Ok(Probe::Pending("deleting".into()));
            }
            Ok(match &*left_behind(aws, arn).await? {
                [] => Probe::Ready(()),
                left => Probe::Pending(format!("releasing {}", left.join(", "))),
            })
        })
        .await
    }
}

impl LoadBalancer {
    fn own_name(&self, aws: &Aws) -> String {
        aws.named_after("lb", [self.scheme.as_str()])
    }

    async fn read(aws: &Aws, balancer: &Described, owned: &Owned) -> Result<Option<Found<Self>>> {
        let live = LoadBalancerLive::of(balancer)?;
        let call = aws.elb.describe_load_balancer_attributes().load_balancer_arn(&live.arn);
        let Some(answer) = call.send().await.aws().or_gone()? else { return Ok(None) };
        let pairs: HashMap<_, _> =
            answer.attributes().iter().filter_map(|a| Some((a.key()?, a.value()?))).collect();
        let (state, reason) = state(balancer);
        let (phase, remark) = match state {
            State::Active => (Phase::Ready, None),
            State::ActiveImpaired => (Phase::Ready, Some(format!("impaired: {reason}"))),
            State::Failed => (Phase::Broken, Some(reason)),
            _ => (Phase::Coming, None),
        };
        let protected = pairs.get(PROTECTED) == Some(&"true");
        let notes = remark.into_iter().chain(protected.then(|| IS_PROTECTED.to_owned()));
        let spec = Self::seen(balancer, &pairs, owned);
        Ok(Some(Found::ready(owned.name.as_str(), spec, live).in_phase(phase).with_notes(notes)))
    }

    fn seen(balancer: &Described, attributes: &HashMap<&str, &str>, owned: &Owned) -> Self {
        let zones = balancer.availability_zones().iter();
        Self {
            vpc: Ref::found(balancer.vpc_id().unwrap_or_default()),
            scheme: match balancer.scheme() {
                Some(LoadBalancerSchemeEnum::Internal) => Scheme::Internal,
                _ => Scheme::InternetFacing,
            },
            subnets: zones.filter_map(AvailabilityZone::subnet_id).map(Ref::found).collect(),
            security_groups: balancer
                .security_groups()
                .iter()
                .map(|id| Ref::found(id.as_str()))
                .collect(),
            idle_timeout: attributes.get(IDLE_TIMEOUT).and_then(|v| v.parse().ok()).unwrap_or(60),
            drop_invalid_headers: attributes.get(DROP_INVALID) == Some(&"true"),
            protect: Some(attributes.get(PROTECTED) == Some(&"true")),
            access_logs: if attributes.get(LOGGED) == Some(&"true") {
                let text = |key| attributes.get(key).copied().unwrap_or_default().to_owned();
                AccessLogs::Bucket { name: text(LOG_BUCKET), prefix: text(LOG_PREFIX) }
            } else {
                AccessLogs::Off
            },
            routes: Vec::new(),
            tags: owned.tags.clone(),
        }
    }

    async fn put_attributes(&self, aws: &Aws, arn: &str) -> Result<()> {
        let idle_timeout = (IDLE_TIMEOUT, self.idle_timeout.to_string());
        let drop_invalid = (DROP_INVALID, self.drop_invalid_headers.to_string());
        let mut pairs = vec![idle_timeout, drop_invalid];
        pairs.extend(self.protect.map(|on| (PROTECTED, on.to_string())));
        match &self.access_logs {
            AccessLogs::Off => pairs.push((LOGGED, "false".into())),
            AccessLogs::Bucket { name, prefix } => pairs.extend([
                (LOGGED, "true".into()),
                (LOG_BUCKET, name.clone()),
                (LOG_PREFIX, prefix.clone()),
            ]),
        }
        put(aws, arn, pairs).await.map_err(|failure| match &self.access_logs {
            AccessLogs::Bucket { name, .. } if failure.is(&["InvalidConfigurationRequest"]) => {
                anyhow::Error::from(failure).context(format!(
                    "the load balancer may not write to the bucket {name}: it must be in the \
                     stack's region, encrypted with SSE-S3, and its policy must let \
                     logdelivery.elasticloadbalancing.amazonaws.com put objects there"
                ))
            }
            _ => failure.into(),
        })
    }
}

impl LoadBalancerLive {
    fn of(balancer: &Described) -> Result<Self> {
        Ok(Self {
            arn: balancer.load_balancer_arn().context("a load balancer without an ARN")?.to_owned(),
            dns_name: balancer.dns_name().unwrap_or_default().to_owned(),
            zone_id: balancer.canonical_hosted_zone_id().unwrap_or_default().to_owned(),
        })
    }
}

/// The ids behind references.
fn ids<K: Kind>(cx: &Cx<Aws>, to: &[Ref<K>]) -> Result<Vec<String>> {
    to.iter().map(|to| Ok(K::id(&cx.get(to)?).to_owned())).collect()
}

/// Subnets, security groups and the VPC's way out may be too new to be known everywhere.
fn is_too_early(failure: &Failure) -> bool {
    failure.is(&["SubnetNotFound", "InvalidSecurityGroup"])
        || failure.is(&["InvalidSubnet"]) && failure.message.contains("internet gateway")
}

/// The state, and why.
fn state(balancer: &Described) -> (State, String) {
    let state = balancer.state();
    let code = state.and_then(|s| s.code()).cloned().unwrap_or(State::Provisioning);
    let why = state.and_then(|s| s.reason()).unwrap_or("AWS gives no reason");
    (code, why.to_owned())
}

async fn described(aws: &Aws, arn: &str) -> Result<Option<Described>> {
    let call = aws.elb.describe_load_balancers().load_balancer_arns(arn);
    let answer = call.send().await.aws().or_gone()?;
    Ok(answer.and_then(|a| a.load_balancers?.into_iter().next()))
}

async fn called(aws: &Aws, name: &str) -> Result<Option<Described>> {
    let answer = aws.elb.describe_load_balancers().names(name).send().await.aws().or_gone()?;
    Ok(answer.and_then(|a| a.load_balancers?.into_iter().next()))
}

/// What bears our name already. If it is ours, an answer was lost on the way and it is gone on
/// with. If nothing does, one that was deleted is fading, and the creation is sent again.
async fn namesake(
    cx: &Cx<Aws>,
    name: &str,
    create: CreateLoadBalancerFluentBuilder,
) -> Result<Described> {
    cx.until(Pace::seconds(10, 300), || async {
        if let Some(balancer) = called(&cx.cloud, name).await? {
            cx.cloud.claim(balancer.load_balancer_arn().unwrap_or_default(), name).await?;
            return Ok(Probe::Ready(balancer));
        }
        let made = create.clone().send().await.aws().or_code(&["DuplicateLoadBalancerName"])?;
        Ok(match made.and_then(|a| a.load_balancers?.into_iter().next()) {
            Some(balancer) => Probe::Ready(balancer),
            None => Probe::Pending(format!("waiting for the name {name}")),
        })
    })
    .await
}

/// The network interfaces of a load balancer that is gone: they hold its subnets and groups.
async fn left_behind(aws: &Aws, arn: &str) -> Result<Vec<String>> {
    let Some((_, path)) = arn.split_once(":loadbalancer/") else {
        bail!("{arn} is not the ARN of a load balancer");
    };
    interfaces(aws, "description", &format!("ELB {path}")).await
}

async fn put(aws: &Aws, arn: &str, pairs: Vec<(&str, String)>) -> Result<(), Failure> {
    let attributes = pairs
        .into_iter()
        .map(|(key, value)| LoadBalancerAttribute::builder().key(key).value(value).build())
        .collect();
    let call = aws.elb.modify_load_balancer_attributes().load_balancer_arn(arn);
    call.set_attributes(Some(attributes)).send().await.aws()?;
    Ok(())
}
