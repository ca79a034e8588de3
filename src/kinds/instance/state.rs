//! Waiting for an instance to run or to be gone, and bringing it there.

use super::{InstanceLive, launch::no_profile_yet};
use crate::{
    aws::{
        Aws, Failure, Sent, Tolerant,
        ec2::{SOON, filter},
        eventually,
    },
    engine::{Cx, Pace, Probe},
};
use anyhow::{Error, Result};
use aws_sdk_ec2::types::{
    Filter, IamInstanceProfileSpecification, Instance as Described, InstanceStateName,
};

const RUNNING: Pace = Pace::seconds(3, 600);
const GONE: Pace = Pace::seconds(5, 1200);

/// Waits until an instance runs and has its role. A launch that succeeded may still end in a
/// terminated instance, or in one without its instance profile.
pub(super) async fn until_running(live: InstanceLive, cx: &Cx<Aws>) -> Result<InstanceLive> {
    let id = &live.id;
    let private_ip = cx
        .until(RUNNING, || async {
            let Some(instance) = cx.cloud.instance(id).await? else {
                return Ok(Probe::Pending("not known yet".into()));
            };
            Ok(match state(&instance) {
                Some(InstanceStateName::Running) if instance.iam_instance_profile().is_none() => {
                    associate(id, &cx.cloud).await?;
                    Probe::Pending("running, without its instance profile".into())
                }
                Some(InstanceStateName::Running) => {
                    Probe::Ready(instance.private_ip_address.unwrap_or_default())
                }
                Some(InstanceStateName::ShuttingDown | InstanceStateName::Terminated) => {
                    Probe::Failed(format!(
                        "AWS took the instance {id} down again: {}",
                        why(&instance)
                    ))
                }
                _ => Probe::Pending(why(&instance)),
            })
        })
        .await?;
    Ok(InstanceLive { private_ip, ..live })
}

/// Gives a running instance its role. That it has it, or that EC2 does not know the instance
/// profile yet, is no error: the next look tells.
pub(super) async fn associate(id: &str, aws: &Aws) -> Result<(), Failure> {
    let profile = IamInstanceProfileSpecification::builder().name(aws.role_name()).build();
    let call = aws.ec2.associate_iam_instance_profile().instance_id(id);
    match call.iam_instance_profile(profile).send().await.aws() {
        Err(failure) if no_profile_yet(&failure) => Ok(()),
        Err(failure) if failure.is(&["IncorrectState", "IncorrectInstanceState"]) => Ok(()),
        other => other.map(drop),
    }
}

/// Gives an instance its role in place of the one that it has, if it has one.
pub(super) async fn hand_over(id: &str, cx: &Cx<Aws>) -> Result<()> {
    let (ec2, name) = (&cx.cloud.ec2, cx.cloud.role_name());
    let profile = IamInstanceProfileSpecification::builder().name(name).build();
    // A profile may have been made a moment ago, and a change of it may still be under way.
    let passing = |failure: &Failure| {
        let changing =
            ["IncorrectState", "IncorrectInstanceState", "InvalidAssociationID.NotFound"];
        no_profile_yet(failure) || failure.is(&changing)
    };
    eventually(cx, SOON, passing, || async {
        let call = ec2.describe_iam_instance_profile_associations();
        let call = call.filters(filter("instance-id", id)).filters(
            Filter::builder().name("state").values("associating").values("associated").build(),
        );
        let there = call.send().await.aws()?.iam_instance_profile_associations.unwrap_or_default();
        let there = there.into_iter().find_map(|association| association.association_id);
        if let Some(association) = there {
            let call = ec2.replace_iam_instance_profile_association();
            let call = call.association_id(association).iam_instance_profile(profile.clone());
            return call.send().await.aws().map(drop);
        }
        let call = ec2.associate_iam_instance_profile().instance_id(id);
        call.iam_instance_profile(profile.clone()).send().await.aws().map(drop)
    })
    .await
}

/// Starts a stopped instance, or one that is about to be.
pub(super) async fn start(id: &str, cx: &Cx<Aws>) -> Result<()> {
    let stopping = |failure: &Failure| failure.is(&["IncorrectInstanceState"]);
    eventually(cx, RUNNING, stopping, || {
        let call = cx.cloud.ec2.start_instances().instance_ids(id);
        async { call.send().await.aws() }
    })
    .await?;
    Ok(())
}

/// Terminates an instance and waits until it is gone.
pub(super) async fn terminate(id: &str, cx: &Cx<Aws>) -> Result<()> {
    let call = cx.cloud.ec2.terminate_instances().instance_ids(id);
    call.send().await.aws().or_gone().map_err(|failure| explained(failure, id))?;
    cx.until(GONE, || async {
        let instance = cx.cloud.instance(id).await?;
        Ok(match instance.filter(|i| state(i) != Some(&InstanceStateName::Terminated)) {
            Some(instance) => Probe::Pending(why(&instance)),
            None => Probe::Ready(()),
        })
    })
    .await
}

fn explained(failure: Failure, id: &str) -> Error {
    let protected = failure.is(&["OperationNotPermitted"]);
    let error = Error::from(failure);
    if !protected {
        return error;
    }
    error.context(format!(
        "it is protected from termination; lift that with \
         `aws ec2 modify-instance-attribute --instance-id {id} --no-disable-api-termination`"
    ))
}

/// The ids of an instance's volumes and network interfaces, which came with it.
pub(super) async fn parts(id: &str, aws: &Aws) -> Result<Vec<String>, Failure> {
    let Some(instance) = aws.instance(id).await? else { return Ok(Vec::new()) };
    let volumes = instance.block_device_mappings().iter().filter_map(|m| m.ebs()?.volume_id());
    let interfaces = instance.network_interfaces().iter().filter_map(|i| i.network_interface_id());
    Ok(volumes.chain(interfaces).map(str::to_owned).collect())
}

fn state(instance: &Described) -> Option<&InstanceStateName> {
    instance.state().and_then(|state| state.name())
}

/// AWS's word for the state, and why it came to it.
fn why(instance: &Described) -> String {
    let state = state(instance).map_or("unknown", InstanceStateName::as_str);
    reason(instance).map_or_else(|| state.to_owned(), |reason| format!("{state} ({reason})"))
}

/// Why an instance is in its state, if AWS says.
pub(super) fn reason(instance: &Described) -> Option<String> {
    let reason = instance.state_reason().and_then(|reason| reason.message());
    let reason = reason.or(instance.state_transition_reason());
    reason.filter(|reason| !reason.is_empty()).map(str::to_owned)
}
