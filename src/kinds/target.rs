//! One instance's registration with a target group.

use super::{
    instance::Instance, listener::Listener, parameter::Parameter, target_group::TargetGroup,
};
use crate::{
    aws::{Aws, Failure, Sent, Tolerant, eventually},
    engine::{Cx, Found, Kind, Never, Pace, Phase, Probe, Ref, Swap, Table},
};
use anyhow::Result;
use aws_sdk_ec2::types::InstanceStateName;
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetHealth, TargetHealthDescription, TargetHealthReasonEnum,
    TargetHealthStateEnum,
};
use futures::future::try_join_all;
use std::{collections::HashMap, time::Duration};

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
        cx.until(HEALTHY, || async {
            let health = live.health_now(&cx.cloud).await?;
            let state = health.as_ref().and_then(TargetHealth::state);
            let reason = health.as_ref().and_then(TargetHealth::reason);
            let words = health.as_ref().map_or_else(|| "not registered".to_owned(), in_words);
            Ok(match (state, reason) {
                (Some(TargetHealthStateEnum::Healthy), _) => Probe::Ready(()),
                (_, Some(TargetHealthReasonEnum::InvalidState)) => {
                    Probe::Failed(format!("{} cannot serve: {words}", live.instance))
                }
                _ => Probe::Pending(words),
            })
        })
        .await?;
        Ok(TargetLive { health: TargetHealthStateEnum::Healthy.to_string(), ..live })
    }

    async fn edit(&self, edit: Never, _: &Found<Self>, _: &Cx<Aws>) -> Result<()> {
        match edit {}
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let live = &found.live;
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
        let in_use =
            health.and_then(TargetHealth::reason) != Some(&TargetHealthReasonEnum::NotInUse);
        let phase = match state {
            _ if going => Phase::Going,
            Some(TargetHealthStateEnum::Draining) => Phase::Going,
            Some(TargetHealthStateEnum::Initial) => Phase::Coming,
            // Nothing sends requests to its group yet.
            Some(TargetHealthStateEnum::Unused) if !in_use => Phase::Coming,
            _ => Phase::Ready,
        };
        let ill = state != Some(&TargetHealthStateEnum::Healthy) && phase == Phase::Ready;
        let note = health.filter(|_| ill).map(in_words);
        Found::ready(name, spec, live).in_phase(phase).with_notes(note)
    }
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

    /// Its health as AWS tells it now; none when it is not registered.
    async fn health_now(&self, aws: &Aws) -> Result<Option<TargetHealth>, Failure> {
        let targets = health_of(aws, &self.group).await?;
        let own = targets
            .into_iter()
            .find(|target| Self::seen(&self.group, target).is_some_and(|live| live.id == self.id));
        Ok(own.and_then(|target| target.target_health))
    }
}

/// The health of all targets of a group; none when the group is gone.
async fn health_of(aws: &Aws, group: &str) -> Result<Vec<TargetHealthDescription>, Failure> {
    let call = aws.elb.describe_target_health().target_group_arn(group);
    let answer = call.send().await.aws().or_gone()?;
    Ok(answer.and_then(|answer| answer.target_health_descriptions).unwrap_or_default())
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
