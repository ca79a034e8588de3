//! How an instance is made: from which AMI, with which disk, and in one call.

use super::{
    Architecture, BOOT, IMAGE, Instance, InstanceLive, Metadata, PUBLIC_IP, Placement, TAG_LIMIT,
    TOKEN, USER_DATA_LIMIT,
};
use crate::{
    aws::{Aws, Failure, Labels, Sent, ec2::SOON, eventually, tags},
    engine::Cx,
};
use anyhow::{Context, Error, Result, ensure};
use aws_sdk_ec2::{
    operation::run_instances::{RunInstancesOutput, builders::RunInstancesFluentBuilder},
    types::{
        BlockDeviceMapping, EbsBlockDevice, HttpTokensState, IamInstanceProfileSpecification,
        Image, InstanceMetadataEndpointState, InstanceMetadataOptionsRequest,
        InstanceNetworkInterfaceSpecification, InstanceType, ResourceType, TagSpecification,
        VolumeType,
    },
};
use aws_smithy_types::base64;
use futures::FutureExt as _;

/// The root volume has at least this many GiB: images and logs need more than the AMI itself.
const ROOT_VOLUME: i32 = 20;

impl Instance {
    pub(super) async fn launch(&self, cx: &Cx<Aws>) -> Result<InstanceLive> {
        ensure!(
            self.user_data.len() <= USER_DATA_LIMIT,
            "the boot script has {} bytes, and EC2 takes {USER_DATA_LIMIT}",
            self.user_data.len()
        );
        ensure!(
            self.image.chars().count() <= TAG_LIMIT,
            "the image's name has more than the {TAG_LIMIT} characters that a tag takes"
        );
        let ami = match &self.ami {
            Some(ami) => ami.clone(),
            None => newest_ami(self.architecture, &cx.cloud).await?,
        };
        let ami = described(&ami, &cx.cloud).await?;
        let made_for = ami.architecture().map_or("", |a| a.as_str());
        ensure!(
            made_for.is_empty() || made_for == self.architecture.as_str(),
            "the AMI {} is made for {made_for}, and {} is {}",
            ami.image_id().unwrap_or_default(),
            self.instance_type,
            self.architecture.as_str()
        );
        let made = self.made(&ami, cx).await.map_err(|error| self.explained(error))?;
        let instance = made.instances.and_then(|mut some| some.pop());
        let instance = instance.context("AWS made an instance, but tells nothing of it")?;
        Ok(InstanceLive {
            id: instance.instance_id.context("AWS made an instance without an id")?,
            private_ip: instance.private_ip_address.unwrap_or_default(),
        })
    }

    /// Makes it in the preferred subnet or, where that one's zone cannot take it, in another.
    async fn made(&self, ami: &Image, cx: &Cx<Aws>) -> Result<RunInstancesOutput> {
        let Placement { preferred, allowed } = &self.placement;
        let others = allowed.iter().filter(|subnet| *subnet != preferred);
        let mut refused = None;
        for subnet in [preferred].into_iter().chain(others) {
            // A new token for each creation: AWS remembers one beyond the life of its instance.
            let token = uuid::Uuid::new_v4().to_string();
            let call = self.call(ami, &token, cx.get(subnet)?, cx)?;
            let made = eventually(cx, SOON, passes, || {
                let call = call.clone();
                async { call.send().await.aws() }.boxed()
            });
            match made.await {
                Err(error) if error.downcast_ref::<Failure>().is_some_and(elsewhere) => {
                    refused.get_or_insert(error);
                }
                made => return made,
            }
        }
        Err(refused.context("there is no subnet to make it in")?)
    }

    fn call(
        &self,
        ami: &Image,
        token: &str,
        subnet: String,
        cx: &Cx<Aws>,
    ) -> Result<RunInstancesFluentBuilder> {
        let labels = cx.cloud.labels(cx.address(), &self.tags);
        let mut own = labels.clone();
        own.push((IMAGE.into(), self.image.clone()));
        own.push((BOOT.into(), self.boot.digest()));
        own.push((PUBLIC_IP.into(), self.public_ip.to_string()));
        own.push((TOKEN.into(), token.to_owned()));
        let groups = self.security_groups.iter().map(|group| cx.get(group));
        let interface = InstanceNetworkInterfaceSpecification::builder()
            .device_index(0)
            .subnet_id(subnet)
            .set_groups(Some(groups.collect::<Result<_>>()?))
            .associate_public_ip_address(self.public_ip)
            .delete_on_termination(true);
        let profile = IamInstanceProfileSpecification::builder();
        let profile = profile.arn(cx.get(&self.role)?.profile_arn);
        Ok(cx
            .cloud
            .ec2
            .run_instances()
            .client_token(token)
            .min_count(1)
            .max_count(1)
            .set_image_id(ami.image_id.clone())
            .instance_type(InstanceType::from(&*self.instance_type))
            .network_interfaces(interface.build())
            .iam_instance_profile(profile.build())
            .block_device_mappings(root_volume(ami))
            .metadata_options(self.metadata.request())
            .user_data(base64::encode(&self.user_data))
            .tag_specifications(tagged(ResourceType::Instance, &own))
            .tag_specifications(tagged(ResourceType::Volume, &labels))
            .tag_specifications(tagged(ResourceType::NetworkInterface, &labels)))
    }

    /// The error with what the user can do about it, where that is not plain from AWS's words.
    fn explained(&self, error: Error) -> Error {
        let Some(failure) = error.downcast_ref::<Failure>() else { return error };
        let kind = &self.instance_type;
        if failure.is(&["InsufficientInstanceCapacity"]) {
            error.context(format!(
                "AWS has no {kind} left in any of the stack's availability zones just now; try \
                 again later or set another app.instance_type"
            ))
        } else if failure.is(&["VcpuLimitExceeded", "InstanceLimitExceeded"]) {
            error.context(format!(
                "the account may not run that many {kind}, and replacing instances takes room for \
                 app.surge more than app.instances: ask AWS to raise the quota of running \
                 on-demand instances (L-1216C47A, in vCPUs), or lower one of these"
            ))
        } else {
            error
        }
    }
}

impl Metadata {
    pub(super) fn request(self) -> InstanceMetadataOptionsRequest {
        use HttpTokensState::{Optional, Required};
        use InstanceMetadataEndpointState::{Disabled, Enabled};
        InstanceMetadataOptionsRequest::builder()
            .http_endpoint(if self.enabled { Enabled } else { Disabled })
            .http_tokens(if self.tokens_required { Required } else { Optional })
            .http_put_response_hop_limit(self.hops.into())
            .build()
    }
}

/// What was made a moment ago may not be known to EC2 yet. The AMI was there when it was looked at.
fn passes(failure: &Failure) -> bool {
    no_profile_yet(failure) || failure.is(&["InvalidSubnetID.NotFound"]) || unknown_group(failure)
}

/// Whether another zone may take what this one cannot: it does not offer the instance type, has
/// none left, or its subnet is full.
fn elsewhere(failure: &Failure) -> bool {
    failure.is(&["InsufficientInstanceCapacity", "InsufficientFreeAddressesInSubnet"])
        || failure.is(&["Unsupported"]) && failure.message.contains("Availability Zone")
}

/// Whether EC2 does not know a security group yet, which it says in two ways.
pub(super) fn unknown_group(failure: &Failure) -> bool {
    failure.is(&["InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound"])
}

/// Whether EC2 does not know an instance profile yet. Its code says no more than that some
/// parameter is wrong.
pub(super) fn no_profile_yet(failure: &Failure) -> bool {
    failure.is(&["InvalidParameterValue"])
        && failure.message.to_ascii_lowercase().contains("invalid iam instance profile")
}

/// The id of the newest Amazon Linux 2023, which AWS keeps in a public parameter: the AMI that a new
/// instance gets where the file names none.
///
/// # Errors
/// When the parameter cannot be read.
pub async fn newest_ami(architecture: Architecture, aws: &Aws) -> Result<String> {
    let name = format!(
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{}",
        architecture.as_str()
    );
    let answer = aws.ssm.get_parameter().name(&name).send().await.aws();
    let answer = answer.with_context(|| {
        format!("cannot look up the newest Amazon Linux 2023 in {name}; set app.ami to use another")
    })?;
    answer.parameter.and_then(|p| p.value).with_context(|| format!("{name} is empty"))
}

async fn described(ami: &str, aws: &Aws) -> Result<Image> {
    let answer = aws.ec2.describe_images().image_ids(ami).send().await.aws()?;
    let image = answer.images.and_then(|mut some| some.pop());
    image.with_context(|| {
        format!("there is no AMI {ami} in {} that this account may use; mend app.ami", aws.region)
    })
}

/// An encrypted root volume in place of the one that the AMI describes.
fn root_volume(ami: &Image) -> BlockDeviceMapping {
    let device = ami.root_device_name().unwrap_or("/dev/xvda");
    let mapping = ami.block_device_mappings().iter().find(|m| m.device_name() == Some(device));
    let size = mapping.and_then(|m| m.ebs()?.volume_size()).unwrap_or_default();
    let volume = EbsBlockDevice::builder()
        .encrypted(true)
        .volume_type(VolumeType::Gp3)
        .volume_size(size.max(ROOT_VOLUME))
        .delete_on_termination(true);
    BlockDeviceMapping::builder().device_name(device).ebs(volume.build()).build()
}

fn tagged(kind: ResourceType, labels: &Labels) -> TagSpecification {
    TagSpecification::builder().resource_type(kind).set_tags(Some(tags::for_ec2(labels))).build()
}
