//! One instance's registration with a target group.

mod console;

use super::{
    instance::Instance, listener::Listener, parameter::Parameter, target_group::TargetGroup,
};
use crate::{
    aws::{Aws, Failure, Sent, Tolerant, eventually},
    engine::{Cx, Found, Interrupted, Kind, Never, Pace, Phase, Probe, Ref, Swap, Table},
};
use anyhow::Result;
use aws_sdk_ec2::types::InstanceStateName;
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetHealth, TargetHealthDescription, TargetHealthReasonEnum,
    TargetHealthStateEnum,
};
use futures::future::try_join_all;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// One instance's registration with a target group. It carries no tags: its name is that of its
/// instance.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it is registered.
    pub group: Ref<TargetGroup>,
    /// What is registered.
    pub instance: Ref<Instance>,
    /// Where the app listens.
    pub port: u16,
    /// What sends requests to the group: without one AWS checks no health.
    pub listeners: Vec<Ref<Listener>>,
    /// What the app waits for before it starts.
    pub parameter: Option<Ref<Parameter>>,
}

/// A registration, which has no id of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetLive {
    /// `<instance id>:<port>`, unique within the target group.
    pub id: String,
    /// The target group's ARN.
    pub group: String,
    /// The instance's id.
    pub instance: String,
    /// The port it is registered with.
    pub port: u16,
    /// AWS's word for its health: `initial`, `healthy`, `unhealthy`, `unused`, `draining`.
    pub health: String,
}

/// An instance must be known to run before it can be registered.
const RUNNING: Pace = Pace::seconds(3, 300);
/// Longer than the bake time, before a target is drained, the others may take to be in service.
const IN_SERVICE: u64 = 300;
/// From the registration to the first passed check: the app has to be pulled and started.
const HEALTHY: Pace = Pace::seconds(5, 600);
/// How long AWS may take beyond the target group's deregistration delay.
const BEYOND_DELAY: u64 = 60;

impl Kind for Target {
    type Cloud = Aws;
    type Live = TargetLive;
    type Edit = Never;

    const NAME: &'static str = "target";
    const SWAP: Swap = Swap::CreateFirst;
    const USUAL: Duration = Duration::from_secs(90);
    const USUAL_DELETION: Duration = Duration::from_secs(40);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("group", |t| &t.group)
            .fixed("instance", |t| &t.instance)
            .fixed("port", |t| &t.port)
            .needs(|t| &t.listeners)
            .needs(|t| &t.parameter)
    }

    fn id(live: &Self::Live) -> &str {
        &live.id
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let (balancing, instances) = tokio::try_join!(aws.balancing(), aws.instances())?;
        let owners: HashMap<_, _> = instances
            .iter()
            .filter(|(i, owned)| Instance::copied(i, owned).is_none())
            .filter_map(|(i, owned)| {
                let going = i.state()?.name() == Some(&InstanceStateName::ShuttingDown);
                Some((i.instance_id()?, (owned.name.as_str(), going)))
            })
            .collect();
        let groups = balancing.target_groups.iter().filter_map(|(g, _)| g.target_group_arn());
        let health =
            try_join_all(groups.map(|group| async move {
                Ok::<_, Failure>((group, health_of(aws, group).await?))
            }));
        let mut found = Vec::new();
        for (group, targets) in health.await? {
            for target in &targets {
                let Some(live) = TargetLive::seen(group, target) else { continue };
                // What others registered is none of ours.
                let Some((name, going)) = owners.get(&*live.instance) else { continue };
                found.push(Self::read(name, *going, live, target.target_health()));
            }
        }
        Ok(found)
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<TargetLive> {
        let (group, instance) = (cx.get(&self.group)?.arn, cx.get(&self.instance)?.id);
        let early = |failure: &Failure| failure.is(&["InvalidTarget", "TargetGroupNotFound"]);
        eventually(cx, RUNNING, early, || {
            let call = cx.cloud.elb.register_targets().target_group_arn(&group);
            let call = call.targets(description(&instance, self.port));
            async { call.send().await.aws() }
        })
        .await?;
        let health = TargetHealthStateEnum::Initial;
        Ok(TargetLive::new(&group, &instance, self.port, &health))
    }

    async fn settle(live: TargetLive, cx: &Cx<Aws>) -> Result<TargetLive> {
        match live.until_healthy(cx).await {
            Ok(()) => Ok(TargetLive { health: TargetHealthStateEnum::Healthy.to_string(), ..live }),
            Err(error) if error.is::<Interrupted>() || error.is::<Failure>() => Err(error),
            Err(error) => Err(console::explained(error, &live.instance, &cx.cloud).await),
        }
    }

    async fn edit(&self, edit: Never, _: &Found<Self>, _: &Cx<Aws>) -> Result<()> {
        match edit {}
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let live = &found.live;
        live.until_spared(cx).await?;
        let call = cx.cloud.elb.deregister_targets().target_group_arn(&live.group);
        let call = call.targets(description(&live.instance, live.port));
        if call.send().await.aws().or_gone()?.is_none() {
            return Ok(());
        }
        let delay = deregistration_delay(&cx.cloud, &live.group).await?;
        cx.until(Pace::seconds(5, delay + BEYOND_DELAY), || async {
            let health = live.health_now(&cx.cloud).await?;
            let used = health.filter(|h| h.state() != Some(&TargetHealthStateEnum::Unused));
            Ok(used.map_or(Probe::Ready(()), |health| Probe::Pending(in_words(&health))))
        })
        .await
    }
}

impl Target {
    fn read(
        name: &str,
        going: bool,
        live: TargetLive,
        health: Option<&TargetHealth>,
    ) -> Found<Self> {
        let spec = Self {
            group: Ref::found(live.group.as_str()),
            instance: Ref::found(live.instance.as_str()),
            port: live.port,
            listeners: Vec::new(),
            parameter: None,
        };
        let state = health.and_then(TargetHealth::state);
        let phase = match state {
            _ if going => Phase::Going,
            Some(TargetHealthStateEnum::Draining) => Phase::Going,
            Some(TargetHealthStateEnum::Healthy) => Phase::Ready,
            // Whatever keeps it out of service: a run waits for it, and so takes nothing that stands
            // in for it out of service meanwhile.
            _ => Phase::Coming,
        };
        let ill =
            !matches!(state, Some(TargetHealthStateEnum::Initial | TargetHealthStateEnum::Healthy));
        let note = health.filter(|_| ill && phase == Phase::Coming && in_use(health)).map(in_words);
        Found::ready(name, spec, live).in_phase(phase).with_notes(note)
    }
}

/// Whether something sends requests to a target's group already.
fn in_use(health: Option<&TargetHealth>) -> bool {
    health.and_then(TargetHealth::reason) != Some(&TargetHealthReasonEnum::NotInUse)
}

impl TargetLive {
    fn new(group: &str, instance: &str, port: u16, health: &TargetHealthStateEnum) -> Self {
        Self {
            id: format!("{instance}:{port}"),
            group: group.to_owned(),
            instance: instance.to_owned(),
            port,
            health: health.to_string(),
        }
    }

    fn seen(group: &str, target: &TargetHealthDescription) -> Option<Self> {
        let health = target.target_health()?.state()?;
        let target = target.target()?;
        let port = u16::try_from(target.port()?).ok()?;
        Some(Self::new(group, target.id()?, port, health))
    }

    async fn until_healthy(&self, cx: &Cx<Aws>) -> Result<()> {
        cx.until(HEALTHY, || async {
            let health = self.health_now(&cx.cloud).await?;
            let state = health.as_ref().and_then(TargetHealth::state);
            let reason = health.as_ref().and_then(TargetHealth::reason);
            let words = health.as_ref().map_or_else(|| "not registered".to_owned(), in_words);
            Ok(match (state, reason) {
                (Some(TargetHealthStateEnum::Healthy), _) => Probe::Ready(()),
                (_, Some(TargetHealthReasonEnum::InvalidState))
                    if !self.runs(&cx.cloud).await? =>
                {
                    Probe::Failed(format!("{} cannot serve: {words}", self.instance))
                }
                _ => Probe::Pending(words),
            })
        })
        .await
    }

    /// Whether its instance runs or is about to: the load balancer learns that a little later.
    async fn runs(&self, aws: &Aws) -> Result<bool> {
        let instance = aws.instance(&self.instance).await?;
        let state = instance.as_ref().and_then(|i| i.state()?.name());
        Ok(matches!(state, Some(InstanceStateName::Pending | InstanceStateName::Running)))
    }

    /// Waits until it can be taken out of service: until all others that are to stay are healthy,
    /// and have been for as long as the group's checks take to make a target healthy. One passed
    /// check is enough for a new target, and says little of whether its app goes on.
    ///
    /// Nothing is waited for where this one serves nobody, the group itself goes, or no other is to
    /// be there.
    async fn until_spared(&self, cx: &Cx<Aws>) -> Result<()> {
        if cx.goes::<TargetGroup>(&self.group) {
            return Ok(());
        }
        let mut others = cx.all::<Target>();
        others.retain(|other| other.group == self.group && other.id != self.id);
        if others.is_empty() {
            return Ok(());
        }
        let Some(bake) = bake_time(&cx.cloud, &self.group).await? else { return Ok(()) };
        let healthy_since = Mutex::new(None);
        cx.until(Pace::seconds(5, bake.as_secs() + IN_SERVICE), || async {
            let targets = health_of(&cx.cloud, &self.group).await?;
            if !self.is_healthy(&targets) {
                return Ok(Probe::Ready(()));
            }
            let ill = others.iter().find(|other| !other.is_healthy(&targets));
            let mut since = healthy_since.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(other) = ill {
                *since = None;
                let health = other.among(&targets).and_then(|target| target.target_health());
                let words = health.map_or_else(|| "not registered".to_owned(), in_words);
                return Ok(Probe::Pending(format!(
                    "in service, for {} is {words}",
                    other.instance
                )));
            }
            let long = since.get_or_insert_with(Instant::now).elapsed();
            Ok(if long >= bake {
                Probe::Ready(())
            } else {
                let (long, bake) = (long.as_secs(), bake.as_secs());
                Probe::Pending(format!("in service: the others are healthy for {long}s of {bake}s"))
            })
        })
        .await
    }

    fn is_healthy(&self, targets: &[TargetHealthDescription]) -> bool {
        let health = self.among(targets).and_then(|target| target.target_health());
        health.and_then(TargetHealth::state) == Some(&TargetHealthStateEnum::Healthy)
    }

    /// What AWS says of it among the targets of its group.
    fn among<'a>(
        &self,
        targets: &'a [TargetHealthDescription],
    ) -> Option<&'a TargetHealthDescription> {
        let own = |target: &Self| target.id == self.id;
        targets.iter().find(|target| Self::seen(&self.group, target).as_ref().is_some_and(own))
    }

    /// Its health as AWS tells it now; none when it is not registered.
    async fn health_now(&self, aws: &Aws) -> Result<Option<TargetHealth>, Failure> {
        let targets = health_of(aws, &self.group).await?;
        Ok(self.among(&targets).and_then(|target| target.target_health.clone()))
    }
}

/// The health of all targets of a group; none when the group is gone.
async fn health_of(aws: &Aws, group: &str) -> Result<Vec<TargetHealthDescription>, Failure> {
    let call = aws.elb.describe_target_health().target_group_arn(group);
    let answer = call.send().await.aws().or_gone()?;
    Ok(answer.and_then(|answer| answer.target_health_descriptions).unwrap_or_default())
}

/// How long the checks of a group take to make an unhealthy target healthy; none when the group is
/// gone.
async fn bake_time(aws: &Aws, group: &str) -> Result<Option<Duration>, Failure> {
    let call = aws.elb.describe_target_groups().target_group_arns(group);
    let groups = call.send().await.aws().or_gone()?.and_then(|answer| answer.target_groups);
    let group = groups.and_then(|groups| groups.into_iter().next());
    let positive = |n: Option<i32>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(1);
    Ok(group.map(|group| {
        let interval = positive(group.health_check_interval_seconds());
        Duration::from_secs(interval * positive(group.healthy_threshold_count()))
    }))
}

/// Seconds that a target gets to finish its requests.
async fn deregistration_delay(aws: &Aws, group: &str) -> Result<u64, Failure> {
    let call = aws.elb.describe_target_group_attributes().target_group_arn(group);
    let answer = call.send().await.aws().or_gone()?;
    let attributes = answer.and_then(|answer| answer.attributes).unwrap_or_default();
    let delay = attributes.iter().find(|a| a.key() == Some("deregistration_delay.timeout_seconds"));
    Ok(delay.and_then(|delay| delay.value()?.parse().ok()).unwrap_or_default())
}

fn description(instance: &str, port: u16) -> TargetDescription {
    TargetDescription::builder().id(instance).port(port.into()).build()
}

/// AWS's word for a state, and why it is so: `unhealthy: Health checks failed with these codes: [502]`.
fn in_words(health: &TargetHealth) -> String {
    let state = health.state().map_or("unknown", TargetHealthStateEnum::as_str);
    let reason = health.description().or(health.reason().map(TargetHealthReasonEnum::as_str));
    reason.map_or_else(|| state.to_owned(), |reason| format!("{state}: {reason}"))
}

#[cfg(test)]
mod tests;
