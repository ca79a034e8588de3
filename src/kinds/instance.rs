//! An EC2 instance that runs the app image.

mod launch;
mod state;

pub use launch::newest_ami;

use super::{
    instance_role::InstanceRole, route_table::RouteTable, security_group::SecurityGroup,
    subnet::Subnet, vpc_endpoint::VpcEndpoint,
};
use crate::{
    aws::{Aws, Owned, Sent, Tags, ec2::SOON, eventually},
    engine::{
        Attribute, Cx, Found, Kind, Phase, Plain, Ref, Sealed, Swap, Table, address::Link,
        plan::Ids,
    },
};
use anyhow::Result;
use aws_sdk_ec2::types::{
    ArchitectureValues, HttpTokensState, Instance as Described, InstanceMetadataEndpointState,
    InstanceMetadataOptionsResponse, InstanceStateName, InstanceType, Tag,
};
use aws_sdk_iam::types::InstanceProfile;
use std::{fmt, time::Duration};

/// How many bytes of user data EC2 takes, before they are encoded.
pub const USER_DATA_LIMIT: usize = 16 * 1024;
/// How many characters the value of a tag may have.
pub const TAG_LIMIT: usize = 256;
/// The tag that remembers the app image.
const IMAGE: &str = "stackctl:image";
/// The tag that remembers the digest of the boot script.
const BOOT: &str = "stackctl:boot";
/// The tag that remembers whether a public address was asked for: a stopped instance has none.
const PUBLIC_IP: &str = "stackctl:public-ip";

/// The tag that repeats the client token of the launch. "Launch more like this", an AMI or a backup
/// hand tags on to other instances, and the token is EC2's own: where the two differ, it is a copy.
const TOKEN: &str = "stackctl:token";
/// What the unique ids of instance profiles begin with (IAM user guide, "IAM identifiers").
const PROFILE_ID: &str = "AIPA";
/// The tag that EC2 Auto Scaling gives to what it launches.
const SCALED: &str = "aws:autoscaling:groupName";

/// The tag by which `stackctl roll` asks for an instance to be replaced, whoever carries that out.
const REPLACE: &str = "stackctl:replace";

/// Whether an instance is to be replaced, though it is all that the file says. Never wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marked(pub bool);

impl fmt::Display for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 { "to be replaced (stackctl roll)" } else { "no" })
    }
}

impl Plain for Marked {}

/// An EC2 instance that runs the app image.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The app image it runs, remembered in a tag of at most [`TAG_LIMIT`] characters.
    pub image: String,
    /// The boot script and, by reference, the environment it starts the app with.
    pub boot: Sealed<String>,
    /// The boot script itself; not compared, the seal is.
    pub user_data: String,
    /// Its size, `t4g.small`.
    pub instance_type: String,
    /// What its AMI must be made for.
    pub architecture: Architecture,
    /// A given AMI; else the newest Amazon Linux 2023, looked up once, at creation.
    pub ami: Option<String>,
    /// The subnets it may stand in.
    pub placement: Placement,
    /// What may reach it.
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// What it may do.
    pub role: Ref<InstanceRole>,
    /// Whether it has a public address.
    pub public_ip: bool,
    /// The way out that it boots through; AWS does not tell which.
    pub route: Option<Ref<RouteTable>>,
    /// The ways to services that it boots through: what is under way breaks off when one comes.
    pub endpoints: Vec<Ref<VpcEndpoint>>,
    /// Whether it runs. It is always wanted to.
    pub running: bool,
    /// How its metadata service answers.
    pub metadata: Metadata,
    /// Whether it is to be replaced all the same.
    pub marked: Marked,
    /// The user's tags.
    pub tags: Tags,
}

/// The processor an image is made for, in EC2's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Intel and AMD.
    X86_64,
    /// Graviton.
    Arm64,
}

impl Architecture {
    /// EC2's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

/// How an instance's metadata service answers. It hands out the credentials of the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Whether it answers at all.
    pub enabled: bool,
    /// Whether it answers only those who bring a session token (`IMDSv2`).
    pub tokens_required: bool,
    /// How many network hops a token may travel, 1–64. A container is one hop away from its
    /// instance, so that it needs 2.
    pub hops: u8,
}

impl Default for Metadata {
    fn default() -> Self {
        Self { enabled: true, tokens_required: true, hops: 2 }
    }
}

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.enabled {
            return f.write_str("off");
        }
        let tokens = if self.tokens_required { "required" } else { "optional" };
        write!(f, "tokens {tokens}, {} hops", self.hops)
    }
}

impl Plain for Metadata {}

/// Where an instance is put when it is made, and where it may stay.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// Where a new one is put.
    pub preferred: Ref<Subnet>,
    /// Where one that exists may be: more zones are no reason to replace it.
    pub allowed: Vec<Ref<Subnet>>,
}

impl Attribute for Placement {
    fn show(&self) -> String {
        self.preferred.show()
    }
    fn met_by(&self, found: &Self, ids: &Ids) -> bool {
        self.allowed.iter().any(|subnet| subnet.met_by(&found.preferred, ids))
    }
    fn links(&self, out: &mut Vec<Link>) {
        self.preferred.links(out);
    }
}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceLive {
    /// The instance's id, `i-…`.
    pub id: String,
    /// Its address in the VPC.
    pub private_ip: String,
}

/// The calls that change it in place, in the order in which they can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `StartInstances`.
    Start,
    /// `AssociateIamInstanceProfile` or `ReplaceIamInstanceProfileAssociation`.
    Role,
    /// `ModifyInstanceAttribute`.
    SecurityGroups,
    /// `ModifyInstanceMetadataOptions`.
    Metadata,
    /// `CreateTags` and `DeleteTags`, for its volumes and network interfaces too.
    Tags,
}

impl Kind for Instance {
    type Cloud = Aws;
    type Live = InstanceLive;
    type Edit = Edit;

    const NAME: &'static str = "instance";
    const SWAP: Swap = Swap::CreateFirst;
    const USUAL: Duration = Duration::from_secs(45);
    const USUAL_DELETION: Duration = Duration::from_secs(45);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("image", |i| &i.image)
            .fixed("boot", |i| &i.boot)
            .fixed("instance_type", |i| &i.instance_type)
            .fixed("ami", |i| &i.ami)
            .fixed("marked", |i| &i.marked)
            .fixed("subnet", |i| &i.placement)
            .tuned("role", Edit::Role, |i| &i.role)
            .fixed("public_ip", |i| &i.public_ip)
            .needs(|i| &i.route)
            .needs(|i| &i.endpoints)
            // Where it is put if the preferred zone cannot take it.
            .needs(|i| &i.placement.allowed)
            .tuned("running", Edit::Start, |i| &i.running)
            .tuned("security_groups", Edit::SecurityGroups, |i| &i.security_groups)
            .tuned("metadata", Edit::Metadata, |i| &i.metadata)
            .tuned("tags", Edit::Tags, |i| &i.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.id
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let (instances, role) = tokio::try_join!(aws.instances(), aws.instance_role())?;
        let profile = role.profile.as_ref().map(|(profile, _)| profile);
        let read = |(instance, owned): &(_, _)| Self::read(instance, owned, profile);
        Ok(instances.iter().map(read).collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<InstanceLive> {
        Box::pin(self.launch(cx)).await
    }

    async fn settle(live: InstanceLive, cx: &Cx<Aws>) -> Result<InstanceLive> {
        state::until_running(live, cx).await
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let (ec2, id) = (&cx.cloud.ec2, &found.live.id);
        match edit {
            Edit::Start => state::start(id, cx).await,
            Edit::Role => state::hand_over(id, cx).await,
            Edit::SecurityGroups => {
                let groups = self.security_groups.iter().map(|group| cx.get(group));
                let call = ec2.modify_instance_attribute().instance_id(id);
                let call = call.set_groups(Some(groups.collect::<Result<_>>()?));
                // A group may have been made a moment ago.
                eventually(cx, SOON, launch::unknown_group, || {
                    let call = call.clone();
                    async { call.send().await.aws() }
                })
                .await?;
                Ok(())
            }
            Edit::Metadata => {
                let options = self.metadata.request();
                ec2.modify_instance_metadata_options()
                    .instance_id(id)
                    .set_http_endpoint(options.http_endpoint)
                    .set_http_tokens(options.http_tokens)
                    .set_http_put_response_hop_limit(options.http_put_response_hop_limit)
                    .send()
                    .await
                    .aws()?;
                Ok(())
            }
            Edit::Tags => {
                // The instance comes last: it is what is looked at after a run that broke off.
                for part in state::parts(id, &cx.cloud).await?.iter().chain([id]) {
                    cx.cloud.retag_ec2(part, &self.tags, &found.spec.tags).await?;
                }
                Ok(())
            }
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        state::terminate(&found.live.id, cx).await
    }
}

impl Instance {
    /// Asks for these instances to be replaced, by a tag on each.
    ///
    /// # Errors
    /// AWS's refusal.
    pub async fn mark(aws: &Aws, ids: &[String]) -> Result<()> {
        let tag = Tag::builder().key(REPLACE).value("asked for by stackctl roll").build();
        let call = aws.ec2.create_tags().set_resources(Some(ids.to_vec())).tags(tag);
        call.send().await.aws()?;
        Ok(())
    }

    /// Takes that back.
    ///
    /// # Errors
    /// AWS's refusal.
    pub async fn unmark(aws: &Aws, ids: &[String]) -> Result<()> {
        let tag = Tag::builder().key(REPLACE).build();
        let call = aws.ec2.delete_tags().set_resources(Some(ids.to_vec())).tags(tag);
        call.send().await.aws()?;
        Ok(())
    }

    /// A described instance in the words in which it was wanted.
    fn read(
        instance: &Described,
        owned: &Owned,
        own_profile: Option<&InstanceProfile>,
    ) -> Found<Self> {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let tag = |name: &str| owned.all.get(name).cloned();
        let state = instance.state().and_then(|state| state.name());
        let subnet = Ref::found(instance.subnet_id().unwrap_or_default());
        let groups = instance.security_groups().iter().filter_map(|group| group.group_id());
        let profile = instance.iam_instance_profile().and_then(|profile| {
            let (arn, id) = (profile.arn()?, profile.id());
            // A profile that was made anew has the ARN of the one before, whose instances keep that.
            let replaced = own_profile.zip(id).is_some_and(|(own, id)| {
                let anew = own.instance_profile_id() != id && id.starts_with(PROFILE_ID);
                own.arn() == arn && anew
            });
            Some(if replaced { id.unwrap_or_default() } else { arn })
        });
        let spec = Self {
            image: tag(IMAGE).unwrap_or_default(),
            boot: Sealed::Digest(tag(BOOT).unwrap_or_default()),
            user_data: String::new(),
            instance_type: text(instance.instance_type().map(InstanceType::as_str)),
            architecture: match instance.architecture() {
                Some(ArchitectureValues::Arm64) => Architecture::Arm64,
                _ => Architecture::X86_64,
            },
            ami: instance.image_id().map(str::to_owned),
            placement: Placement { preferred: subnet.clone(), allowed: vec![subnet] },
            security_groups: groups.map(Ref::found).collect(),
            role: Ref::found(profile.unwrap_or_default()),
            public_ip: match tag(PUBLIC_IP) {
                Some(asked) => asked == "true",
                None => instance.public_ip_address().is_some(),
            },
            route: None,
            endpoints: Vec::new(),
            running: !matches!(
                state,
                Some(InstanceStateName::Stopping | InstanceStateName::Stopped)
            ),
            metadata: Metadata::seen(instance.metadata_options()),
            marked: Marked(owned.all.contains_key(REPLACE)),
            tags: owned.tags.clone(),
        };
        let live = InstanceLive {
            id: text(instance.instance_id()),
            private_ip: text(instance.private_ip_address()),
        };
        let phase = match state {
            Some(InstanceStateName::Pending) => Phase::Coming,
            Some(InstanceStateName::ShuttingDown) => Phase::Going,
            _ => Phase::Ready,
        };
        let found = Found::ready(owned.name.as_str(), spec, live).in_phase(phase);
        if let Some(note) = Self::copied(instance, owned) {
            return found.in_phase(Phase::Copy).with_notes([note]);
        }
        let why = state::reason(instance).filter(|_| !found.spec.running);
        found.with_notes(why.map(|why| format!("it is stopped ({why})")))
    }
}

impl Instance {
    /// Why an instance with this stack's tags is none of the stack's, if it is none.
    pub(super) fn copied(instance: &Described, owned: &Owned) -> Option<String> {
        let id = instance.instance_id().unwrap_or_default();
        let made_by = match (owned.all.get(SCALED), owned.all.get(TOKEN)) {
            (Some(group), _) => format!("was launched by the Auto Scaling group {group}"),
            (None, Some(token)) if instance.client_token() != Some(token) => {
                "was not launched by stackctl".to_owned()
            }
            _ => return None,
        };
        Some(format!("{id} bears this stack's tags and {made_by}: it is a copy, and left alone"))
    }
}

impl Metadata {
    fn seen(options: Option<&InstanceMetadataOptionsResponse>) -> Self {
        let Some(options) = options else { return Self::default() };
        let hops = options.http_put_response_hop_limit().unwrap_or(1);
        Self {
            enabled: options.http_endpoint() != Some(&InstanceMetadataEndpointState::Disabled),
            tokens_required: options.http_tokens() == Some(&HttpTokensState::Required),
            hops: u8::try_from(hops).unwrap_or(u8::MAX),
        }
    }
}

#[cfg(test)]
mod tests;
