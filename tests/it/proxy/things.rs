//! What takes its time or never comes to be: the states of things are rewritten in the answers that
//! describe them.

use super::{
    call::Call,
    http::Answer,
    xml::{self, Element},
};
use std::{collections::BTreeMap, time::Duration};

/// What has states that the proxy can rewrite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    NatGateway,
    LoadBalancer,
    ReplicationGroup,
    CacheCluster,
    DbInstance,
    DbCluster,
    Instance,
}

/// How long something is still being made, counted from its creation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// For so many descriptions of it in which it would have been ready.
    Reads(u32),
    /// For so long.
    After(Duration),
}

/// What becomes of things of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Held(Until),
    /// The first one ends in this state.
    Doomed(&'static str),
}

/// How a thing is described.
struct Form {
    service: &'static str,
    create: &'static str,
    delete: &'static str,
    describe: &'static str,
    id: &'static str,
    state: &'static str,
    ready: &'static str,
    coming: &'static str,
    doom: &'static str,
    /// What AWS says besides, and where.
    reason: &'static [(&'static str, &'static str)],
}

impl Thing {
    pub(crate) const ALL: [Self; 7] = [
        Self::NatGateway,
        Self::LoadBalancer,
        Self::ReplicationGroup,
        Self::CacheCluster,
        Self::DbInstance,
        Self::DbCluster,
        Self::Instance,
    ];

    /// What one that never came to be does not have.
    fn lacks(self) -> &'static [&'static str] {
        match self {
            Self::DbInstance => &["InstanceCreateTime", "LatestRestorableTime", "Endpoint"],
            Self::DbCluster => &["EarliestRestorableTime", "LatestRestorableTime"],
            _ => &[],
        }
    }

    fn form(self) -> Form {
        match self {
            Self::NatGateway => Form {
                service: "ec2",
                create: "CreateNatGateway",
                delete: "DeleteNatGateway",
                describe: "DescribeNatGateways",
                id: "natGatewayId",
                state: "state",
                ready: "available",
                coming: "pending",
                doom: "failed",
                reason: &[
                    ("failureCode", "InsufficientFreeAddressesInSubnet"),
                    (
                        "failureMessage",
                        "Subnet has insufficient free addresses to create this NAT gateway",
                    ),
                ],
            },
            Self::LoadBalancer => Form {
                service: "elasticloadbalancing",
                create: "CreateLoadBalancer",
                delete: "DeleteLoadBalancer",
                describe: "DescribeLoadBalancers",
                id: "LoadBalancerArn",
                state: "State/Code",
                ready: "active",
                coming: "provisioning",
                doom: "failed",
                reason: &[("State/Reason", "Subnets have too few free addresses")],
            },
            Self::ReplicationGroup => Form {
                service: "elasticache",
                create: "CreateReplicationGroup",
                delete: "DeleteReplicationGroup",
                describe: "DescribeReplicationGroups",
                id: "ReplicationGroupId",
                state: "Status",
                ready: "available",
                coming: "creating",
                doom: "create-failed",
                reason: &[],
            },
            Self::CacheCluster => Form {
                service: "elasticache",
                create: "CreateCacheCluster",
                delete: "DeleteCacheCluster",
                describe: "DescribeCacheClusters",
                id: "CacheClusterId",
                state: "CacheClusterStatus",
                ready: "available",
                coming: "creating",
                doom: "incompatible-network",
                reason: &[],
            },
            Self::DbInstance => Form {
                service: "rds",
                create: "CreateDBInstance",
                delete: "DeleteDBInstance",
                describe: "DescribeDBInstances",
                id: "DBInstanceIdentifier",
                state: "DBInstanceStatus",
                ready: "available",
                coming: "creating",
                doom: "failed",
                reason: &[],
            },
            Self::DbCluster => Form {
                service: "rds",
                create: "CreateDBCluster",
                delete: "DeleteDBCluster",
                describe: "DescribeDBClusters",
                id: "DBClusterIdentifier",
                state: "Status",
                ready: "available",
                coming: "creating",
                doom: "failed",
                reason: &[],
            },
            Self::Instance => Form {
                service: "ec2",
                create: "RunInstances",
                delete: "TerminateInstances",
                describe: "DescribeInstances",
                id: "instanceId",
                state: "instanceState/name",
                ready: "running",
                coming: "pending",
                doom: "terminated",
                reason: &[
                    ("instanceState/code", "48"),
                    ("stateReason/code", "Server.InsufficientInstanceCapacity"),
                    (
                        "stateReason/message",
                        "Server.InsufficientInstanceCapacity: There is no Spot or on-demand capacity",
                    ),
                ],
            },
        }
    }

    /// The state in which AWS gives one up.
    pub(super) fn doom(self) -> &'static str {
        self.form().doom
    }

    /// Whether a failed one holds nothing and needs no delete.
    fn dies(self) -> bool {
        matches!(self, Self::NatGateway | Self::Instance)
    }
}

/// One thing that was made through the proxy.
struct Life {
    made: Duration,
    /// Descriptions of it in which it would have been ready.
    reads: u32,
    doomed: Option<&'static str>,
    /// The client wants it gone: from here on AWS's word is told.
    deleted: bool,
    /// It was taken from AWS on the quiet, as it is to have failed.
    taken: bool,
}

/// Everything that was made through the proxy and has a fate.
#[derive(Default)]
pub(super) struct Things {
    lives: BTreeMap<(Thing, String), Life>,
    doomed: BTreeMap<Thing, String>,
}

impl Things {
    /// Rewrites an answer as the fates will have it, and returns the bodies of calls that make them
    /// true: what failed for good holds nothing.
    pub(super) fn rewrite(
        &mut self,
        call: &Call,
        answer: &mut Answer,
        fates: &[(Thing, Fate)],
        now: Duration,
    ) -> Vec<String> {
        let mut asides = Vec::new();
        if !answer.is_success() {
            return asides;
        }
        let about = |thing: &Thing| {
            let form = thing.form();
            form.service == call.service
                && [form.create, form.delete, form.describe].contains(&&*call.action)
        };
        for thing in Thing::ALL.into_iter().filter(about) {
            let mut text = String::from_utf8_lossy(&answer.body).into_owned();
            let form = thing.form();
            if call.action == form.create {
                let ids = xml::texts(&text, form.id).into_iter().map(str::to_owned).collect();
                self.made(thing, ids, fates, now);
            } else if call.action == form.delete {
                for (_, id) in call.names() {
                    if let Some(life) = self.lives.get_mut(&(thing, id.to_owned())) {
                        life.deleted = true;
                    }
                }
            }
            if [form.create, form.describe].contains(&&*call.action) {
                asides.extend(self.paint(thing, call, &mut text, fates, now));
            }
            answer.body = text.into_bytes();
        }
        asides
    }

    fn made(&mut self, thing: Thing, ids: Vec<String>, fates: &[(Thing, Fate)], now: Duration) {
        for id in ids {
            let doom = fates.iter().find_map(|(of, fate)| match fate {
                Fate::Doomed(state) if *of == thing => Some(*state),
                _ => None,
            });
            let first = doom.is_some() && *self.doomed.entry(thing).or_insert(id.clone()) == id;
            let doomed = doom.filter(|_| first && !self.lives.contains_key(&(thing, id.clone())));
            let life = Life { made: now, reads: 0, doomed, deleted: false, taken: false };
            let known = self.lives.entry((thing, id)).or_insert(life);
            // A name may be used again once its first bearer has been deleted.
            if known.deleted {
                let doomed = None;
                *known = Life { made: now, reads: 0, doomed, deleted: false, taken: false };
            }
        }
    }

    fn paint(
        &mut self,
        thing: Thing,
        call: &Call,
        text: &mut String,
        fates: &[(Thing, Fate)],
        now: Duration,
    ) -> Vec<String> {
        let form = thing.form();
        let mut asides = Vec::new();
        let living = self.lives.iter_mut().filter(|((of, _), life)| *of == thing && !life.deleted);
        for ((_, id), life) in living {
            let Some(item) = described(text, &form, id) else { continue };
            let Some(state) = xml::at(text, &item, form.state) else { continue };
            let real = text[state.inside].to_owned();
            let describes = call.action == form.describe;
            if real != form.ready && !life.taken {
                continue;
            }
            let held = fates.iter().any(|(of, fate)| match fate {
                Fate::Held(Until::Reads(reads)) => *of == thing && life.reads < *reads,
                Fate::Held(Until::After(time)) => *of == thing && now < life.made + *time,
                Fate::Doomed(_) => false,
            });
            life.reads += u32::from(describes && !life.taken);
            let shown = match life.doomed {
                _ if held => form.coming,
                Some(_) if !describes => form.coming,
                Some(_) if thing.dies() && !life.taken => {
                    life.taken = true;
                    asides.push(farewell(call, &form, id));
                    form.coming
                }
                Some(_) if matches!(&*real, "deleting" | "shutting-down") => form.coming,
                Some(doom) => doom,
                None => continue,
            };
            show(text, thing, id, shown, life.doomed == Some(shown));
            if !asked_for(call, shown) {
                let item = described(text, &form, id).expect("it was just described");
                text.replace_range(item.whole, "");
            }
        }
        asides
    }
}

/// The element that tells the state of a thing.
fn described(text: &str, form: &Form, id: &str) -> Option<Element> {
    let tells = |item: &Element| xml::at(text, item, form.state).is_some();
    xml::holders(text, form.id, id).into_iter().find(tells)
}

/// Writes a state into the description of a thing, and with its doom the reason, and takes out what
/// only one that came to be has.
fn show(text: &mut String, thing: Thing, id: &str, state: &str, doomed: bool) {
    let form = thing.form();
    let number = (thing == Thing::Instance && !doomed).then_some(("instanceState/code", "0"));
    let reason = form.reason.iter().filter(|_| doomed).copied();
    for (path, says) in [(form.state, state)].into_iter().chain(number).chain(reason) {
        // Each change moves what comes behind it.
        let item = described(text, &form, id).expect("its state was just read");
        xml::put(text, &item, path, says);
    }
    for name in thing.lacks().iter().filter(|_| doomed) {
        let item = described(text, &form, id).expect("its state was just written");
        if let Some(there) = xml::at(text, &item, name) {
            text.replace_range(there.whole, "");
        }
    }
}

/// Whether a filter on states, if there is one, lets this one through.
fn asked_for(call: &Call, state: &str) -> bool {
    let filters =
        call.params.iter().filter(|(_, value)| matches!(&**value, "state" | "instance-state-name"));
    let mut prefixes = filters.filter_map(|(name, _)| name.strip_suffix(".Name"));
    prefixes.all(|prefix| {
        let values = format!("{prefix}.Value.");
        call.params.iter().any(|(name, value)| name.starts_with(&values) && value == state)
    })
}

/// The call that takes a thing from AWS, in the version of the call that described it.
fn farewell(call: &Call, form: &Form, id: &str) -> String {
    let name = if form.delete == "TerminateInstances" { "InstanceId.1" } else { "NatGatewayId" };
    format!("Action={}&Version={}&{name}={id}", form.delete, call.param("Version"))
}
