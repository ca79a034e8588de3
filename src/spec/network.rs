//! The VPC: its addresses, its zones, and how the addresses are shared out.

use ipnet::Ipv4Net;
use serde::{Serialize, Serializer};

use super::choice::{Choice, choice, names};
use super::reader::Section;
use super::schema::Holds;
use super::values::{is_region, one_of};
use super::{Store, Wrong};

/// The VPC.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Network {
    /// The addresses of the VPC, /16 to /23.
    #[serde(serialize_with = "as_text")]
    pub cidr: Ipv4Net,
    /// Which availability zones are used.
    pub zones: Zones,
    /// How instances reach the internet.
    pub nat: Nat,
    /// The services that instances reach without leaving AWS's network, each once.
    pub gateway_endpoints: Vec<GatewayEndpoint>,
}

/// A service that has a gateway endpoint: a route of the VPC, which costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayEndpoint {
    /// Amazon S3, where the layers of images in ECR and the packages of Amazon Linux are, too.
    S3,
    /// Amazon `DynamoDB`.
    Dynamodb,
}

impl GatewayEndpoint {
    /// As the file spells it, and AWS in the names of its services.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Dynamodb => "dynamodb",
        }
    }
}

choice!(GatewayEndpoint: S3, Dynamodb);

/// Which availability zones are used, 2 to 6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Zones {
    /// So many of those that offer the instance type.
    Count(u8),
    /// These, by name.
    Named(Vec<String>),
}

impl Zones {
    /// How many they are.
    pub fn count(&self) -> u8 {
        match self {
            Self::Count(count) => *count,
            Self::Named(names) => u8::try_from(names.len()).unwrap_or(u8::MAX),
        }
    }
}

/// How instances reach the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nat {
    /// Without NAT: the instances stand in the public subnets.
    None,
    /// Through one NAT gateway, in the first zone.
    Single,
    /// Through one NAT gateway in every zone.
    PerZone,
}

impl Nat {
    /// As the file spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Single => "single",
            Self::PerZone => "per-zone",
        }
    }
}

choice!(Nat: None, Single, PerZone);

/// The three subnets of one zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnets {
    /// For the load balancer and NAT gateways; for the instances too when there is no NAT.
    pub public: Ipv4Net,
    /// For the instances.
    pub private: Ipv4Net,
    /// For the cache and the database.
    pub data: Ipv4Net,
}

impl Network {
    /// The fewest zones: a load balancer and a DB subnet group both need two.
    pub const FEWEST_ZONES: u8 = 2;
    /// The most zones, that is the most that any region has.
    pub const MOST_ZONES: u8 = 6;

    pub(super) fn read(section: &mut Section<'_, '_>, store: Store) -> Self {
        let mut endpoints = section.texts("gateway_endpoints", endpoint).unwrap_or_else(|| {
            let tables = (store == Store::Dynamodb).then_some(GatewayEndpoint::Dynamodb);
            [GatewayEndpoint::S3].into_iter().chain(tables).collect()
        });
        endpoints.sort_unstable();
        endpoints.dedup();
        Self {
            cidr: section.text_or_usual("cidr", vpc_range),
            zones: match section.texts_if_list("zones", zone) {
                Some(names) => Zones::Named(names),
                None => Zones::Count(section.number_or_usual("zones")),
            },
            nat: section.choice_or_usual("nat"),
            gateway_endpoints: endpoints,
        }
    }

    /// How many instances have an address, with one to spare for a replacement. They share their
    /// subnets with the load balancer if there is no NAT, and if it is `internal`.
    pub(super) fn room(&self, internal: bool) -> u64 {
        let slot = 1_u64 << (28_u8.saturating_sub(self.cidr.prefix_len()));
        // AWS keeps five addresses of every subnet; a load balancer wants eight free ones.
        let taken = if internal || self.nat == Nat::None { 5 + 8 } else { 5 };
        (u64::from(self.zones.count()) * slot.saturating_sub(taken)).saturating_sub(1)
    }

    /// The subnets of the first `zones` zones, zone by zone.
    ///
    /// A zone's subnets do not depend on how many zones there are, so adding a zone moves nothing.
    /// The VPC is cut into sixteen equal slots. Slots 0 to 5 are private, 6 to 11 public, 12 is
    /// left free, and the halves of 13 to 15 are for data. In the smallest VPC, a /23, a slot is
    /// the /27 that a load balancer asks for.
    pub fn subnets(&self, zones: u8) -> Vec<Subnets> {
        let part = |bits: u8, index: u8| {
            let prefix = (self.cidr.prefix_len() + bits).min(32);
            let start = u32::from(self.cidr.network());
            let start = start.wrapping_add(u32::from(index) << (32 - prefix));
            Ipv4Net::new_assert(start.into(), prefix)
        };
        (0..zones.min(Self::MOST_ZONES))
            .map(|zone| Subnets {
                private: part(4, zone),
                public: part(4, 6 + zone),
                data: part(5, 26 + zone),
            })
            .collect()
    }
}

/// Reads a service that has a gateway endpoint.
fn endpoint(text: &str) -> Result<GatewayEndpoint, Wrong> {
    let words = names::<GatewayEndpoint>;
    GatewayEndpoint::of(text).ok_or_else(|| one_of(text, &words(), Holds::Choice(words)))
}

/// Reads the name of an availability zone: a region's and a letter.
fn zone(text: &str) -> Result<String, Wrong> {
    let region = text.strip_suffix(|c: char| c.is_ascii_lowercase());
    if region.is_some_and(is_region) {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("expected the name of an availability zone").help("write it as eu-west-1a"))
}

/// Reads an address range; its first address must be the range's first.
pub(super) fn range(text: &str) -> Result<Ipv4Net, Wrong> {
    let wrong = || Wrong::new("expected a range of IPv4 addresses").help("write it as 10.0.0.0/16");
    if text.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err(Wrong::new("an address range ends in a slash and a length")
            .help("for a single address add /32")
            .fix(Some(format!("for this one address write {text}/32"))));
    }
    if text.parse::<ipnet::Ipv6Net>().is_ok() {
        return Err(
            Wrong::new("IPv6 ranges are not supported").help("write a range of IPv4 addresses")
        );
    }
    let net: Ipv4Net = text.parse().map_err(|_| wrong())?;
    if net.trunc() == net {
        return Ok(net);
    }
    Err(Wrong::new("this is not the first address of its range")
        .help("all bits behind the length must be zero")
        .fix(Some(format!("the range is {}", net.trunc()))))
}

fn vpc_range(text: &str) -> Result<Ipv4Net, Wrong> {
    let net = range(text)?;
    if !(16..=23).contains(&net.prefix_len()) {
        return Err(Wrong::new("a VPC has a range from /16 to /23 here")
            .help("AWS allows no larger one, and a smaller one cannot hold six zones"));
    }
    let unusable = [
        ("0.0.0.0/8", "this range stands for no host"),
        ("127.0.0.0/8", "this range is every machine's own"),
        ("169.254.0.0/16", "AWS uses this range itself"),
        ("172.17.0.0/16", "Docker uses this range on every instance"),
        ("224.0.0.0/3", "this range is for multicast"),
    ];
    for (taken, says) in unusable {
        let taken: Ipv4Net = taken.parse().map_err(|_| Wrong::new(says))?;
        if taken.contains(&net) || net.contains(&taken) {
            return Err(Wrong::new(says).help("use private addresses: 10.0.0.0/16, 172.20.0.0/16"));
        }
    }
    Ok(net)
}

/// Serialises an address range the way it is written.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn as_text<S: Serializer>(net: &Ipv4Net, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(net)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn network(cidr: &str) -> Network {
        Network {
            cidr: cidr.parse().unwrap(),
            zones: Zones::Count(2),
            nat: Nat::Single,
            gateway_endpoints: Vec::new(),
        }
    }

    #[test]
    fn a_zone_has_a_private_a_public_and_a_data_subnet() {
        let subnets = network("10.0.0.0/16").subnets(2);
        let shown: Vec<String> =
            subnets.iter().map(|s| format!("{} {} {}", s.private, s.public, s.data)).collect();
        assert_eq!(
            shown,
            ["10.0.0.0/20 10.0.96.0/20 10.0.208.0/21", "10.0.16.0/20 10.0.112.0/20 10.0.216.0/21"]
        );
    }

    #[test]
    fn a_load_balancer_beside_the_instances_leaves_them_eight_addresses_less_in_each_zone() {
        let (behind, open) =
            (network("10.0.0.0/23"), Network { nat: Nat::None, ..network("10.0.0.0/23") });
        assert_eq!((behind.room(false), behind.room(true)), (2 * (32 - 5) - 1, 2 * (32 - 13) - 1));
        assert_eq!((open.room(false), open.room(true)), (2 * (32 - 13) - 1, 2 * (32 - 13) - 1));
    }

    #[test]
    fn a_zone_has_the_name_of_its_region_and_a_letter() {
        for good in ["eu-west-1a", "us-gov-east-1c", "ap-southeast-2b"] {
            assert!(zone(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "eu-west-1", "eu-west-1A", "euw1-az1", "us-west-2-lax-1a"] {
            assert!(zone(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn subnets_lie_in_the_vpc_apart_from_each_other_and_are_large_enough(
            prefix in 16_u8..=23, address: u32,
        ) {
            let cidr = Ipv4Net::new(address.into(), prefix).unwrap().trunc();
            let network = Network { cidr, zones: Zones::Count(6), ..network("10.0.0.0/16") };
            let subnets: Vec<Ipv4Net> = network
                .subnets(6)
                .into_iter()
                .flat_map(|s| [s.public, s.private, s.data])
                .collect();
            prop_assert_eq!(subnets.len(), 18);
            for (index, one) in subnets.iter().enumerate() {
                prop_assert!(cidr.contains(one));
                prop_assert_eq!(one.trunc(), *one);
                for other in &subnets[..index] {
                    prop_assert!(!one.contains(other) && !other.contains(one));
                }
            }
            for zone in network.subnets(6) {
                prop_assert!(zone.public.prefix_len() <= 27);
                prop_assert!(zone.private.prefix_len() <= 27);
                prop_assert!(zone.data.prefix_len() <= 28);
            }
        }

        #[test]
        fn adding_a_zone_moves_no_subnet(prefix in 16_u8..=23, zones in 2_u8..6) {
            let network = network(&format!("10.32.0.0/{prefix}"));
            let before = network.subnets(zones);
            prop_assert_eq!(&network.subnets(zones + 1)[..before.len()], &before[..]);
        }
    }
}
