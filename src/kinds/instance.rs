//! An EC2 instance that runs the app image.

use super::{instance_role::InstanceRole, route_table::RouteTable, security_group::SecurityGroup, subnet::Subnet};
use crate::engine::{Attribute, Sealed, Swap, address::Link, plan::Ids};
use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Ref, Table},
};
use anyhow::{Result, bail};
use std::time::Duration;

/// How many bytes of user data EC2 takes, before they are encoded.
pub const USER_DATA_LIMIT: usize = 16 * 1024;

/// An EC2 instance that runs the app image.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The app image it runs, remembered in a tag.
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

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    SecurityGroups,
    /// See the attribute table.
    Start,
    /// See the attribute table.
    Metadata,
    /// See the attribute table.
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
            .fixed("subnet", |i| &i.placement)
            .fixed("role", |i| &i.role)
            .fixed("public_ip", |i| &i.public_ip)
            .needs(|i| &i.route)
            .tuned("security_groups", Edit::SecurityGroups, |i| &i.security_groups)
            .tuned("tags", Edit::Tags, |i| &i.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.id
    }

    async fn discover(_cloud: &Aws) -> Result<Vec<Found<Self>>> {
        bail!("not built")
    }

    async fn create(&self, _cx: &Cx<Aws>) -> Result<Self::Live> {
        bail!("not built")
    }

    async fn edit(&self, _edit: Edit, _found: &Found<Self>, _cx: &Cx<Aws>) -> Result<()> {
        bail!("not built")
    }

    async fn delete(_found: &Found<Self>, _cx: &Cx<Aws>) -> Result<()> {
        bail!("not built")
    }
}
