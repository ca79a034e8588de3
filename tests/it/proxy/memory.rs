//! AWS takes a while to know what it did: what was just made is not found, and lists are old.

use super::{
    answers::Refusal,
    call::Call,
    http::{Answer, Request},
    xml,
};
use std::collections::BTreeMap;

/// How a kind of thing is made, named, and missed.
struct Kind {
    service: &'static str,
    create: &'static str,
    /// The element of the answer, or the parameter of the call, that says how it is called.
    told: &'static str,
    /// The last words of the parameters that name it; none where its id speaks for itself.
    by: &'static [&'static str],
    code: &'static str,
    status: u16,
}

const fn id(create: &'static str, told: &'static str, code: &'static str) -> Kind {
    Kind { service: "ec2", create, told, by: &[], code, status: 400 }
}

const fn arn(create: &'static str, told: &'static str, code: &'static str) -> Kind {
    Kind { service: "elasticloadbalancing", ..id(create, told, code) }
}

const fn name(
    service: &'static str,
    create: &'static str,
    by: &'static [&'static str],
    code: &'static str,
    status: u16,
) -> Kind {
    Kind { service, create, told: by[0], by, code, status }
}

const KINDS: [Kind; 22] = [
    id("CreateVpc", "vpcId", "InvalidVpcID.NotFound"),
    id("CreateSubnet", "subnetId", "InvalidSubnetID.NotFound"),
    id("CreateSecurityGroup", "groupId", "InvalidGroup.NotFound"),
    id("CreateRouteTable", "routeTableId", "InvalidRouteTableID.NotFound"),
    id("CreateInternetGateway", "internetGatewayId", "InvalidInternetGatewayID.NotFound"),
    id("CreateNatGateway", "natGatewayId", "NatGatewayNotFound"),
    id("AllocateAddress", "allocationId", "InvalidAllocationID.NotFound"),
    id("AssociateRouteTable", "associationId", "InvalidAssociationID.NotFound"),
    id("RunInstances", "instanceId", "InvalidInstanceID.NotFound"),
    arn("CreateLoadBalancer", "LoadBalancerArn", "LoadBalancerNotFound"),
    arn("CreateTargetGroup", "TargetGroupArn", "TargetGroupNotFound"),
    arn("CreateListener", "ListenerArn", "ListenerNotFound"),
    name("rds", "CreateDBInstance", &["DBInstanceIdentifier"], "DBInstanceNotFound", 404),
    name("rds", "CreateDBCluster", &["DBClusterIdentifier"], "DBClusterNotFoundFault", 404),
    name("rds", "CreateDBSubnetGroup", &["DBSubnetGroupName"], "DBSubnetGroupNotFoundFault", 404),
    name(
        "elasticache",
        "CreateReplicationGroup",
        &["ReplicationGroupId"],
        "ReplicationGroupNotFoundFault",
        404,
    ),
    name("elasticache", "CreateCacheCluster", &["CacheClusterId"], "CacheClusterNotFound", 404),
    name(
        "elasticache",
        "CreateCacheSubnetGroup",
        &["CacheSubnetGroupName"],
        "CacheSubnetGroupNotFoundFault",
        400,
    ),
    name("iam", "CreateRole", &["RoleName"], "NoSuchEntity", 404),
    name(
        "iam",
        "CreateInstanceProfile",
        &["InstanceProfileName", "IamInstanceProfile.Name"],
        "NoSuchEntity",
        404,
    ),
    name("ssm", "PutParameter", &["Name", "ResourceId"], "ParameterNotFound", 400),
    Kind {
        service: "route53",
        create: "CreateHostedZone",
        told: "Id",
        by: &["path"],
        code: "NoSuchHostedZone",
        status: 404,
    },
];

/// What is not known everywhere yet, and what was answered before.
#[derive(Default)]
pub(super) struct Memory {
    /// By its place among the kinds and its name: how often it is still not found.
    newborn: BTreeMap<(usize, String), u32>,
    answers: BTreeMap<Vec<u8>, Remembered>,
}

struct Remembered {
    service: String,
    answer: Answer,
    /// How often it will still be given; `None` while it is true.
    old: Option<u32>,
}

impl Memory {
    /// What AWS says to a call that names what it does not know yet.
    pub(super) fn misses(&mut self, call: &Call) -> Option<Refusal> {
        for ((kind, name), left) in self.newborn.iter_mut().filter(|(_, left)| **left > 0) {
            if KINDS[*kind].create != call.action
                && KINDS[*kind].is_named(name, call)
                && let Some(refusal) = KINDS[*kind].unknown_to(call, name)
            {
                *left -= 1;
                return Some(refusal);
            }
        }
        None
    }

    /// The old answer to this read, if it still gets that.
    pub(super) fn recalls(&mut self, call: &Call, request: &Request) -> Option<Answer> {
        let known = self.answers.get_mut(&identity(call, request))?;
        let left = known.old.as_mut().filter(|left| **left > 0)?;
        *left -= 1;
        Some(known.answer.clone())
    }

    /// Learns from what AWS answered.
    pub(super) fn learn(
        &mut self,
        call: &Call,
        request: &Request,
        answer: &Answer,
        (newborn, stale): (u32, u32),
    ) {
        if !answer.is_success() {
            return;
        }
        if call.is_read() {
            if stale > 0 {
                let (service, answer) = (call.service.clone(), answer.clone());
                let known = Remembered { service, answer, old: None };
                self.answers.insert(identity(call, request), known);
            }
            return;
        }
        for known in self.answers.values_mut().filter(|known| known.service == call.service) {
            known.old.get_or_insert(stale);
        }
        if newborn > 0 {
            self.births(call, answer, newborn);
        }
    }

    fn births(&mut self, call: &Call, answer: &Answer, times: u32) {
        let is = |kind: &Kind| kind.service == call.service && kind.create == call.action;
        let Some(kind) = KINDS.iter().position(is) else { return };
        let told = KINDS[kind].told;
        let body = String::from_utf8_lossy(&answer.body);
        let said = match call.param(told) {
            "" => xml::texts(&body, told),
            name => vec![name],
        };
        for name in said {
            let name = name.trim_start_matches("/hostedzone/").to_owned();
            self.newborn.entry((kind, name)).or_insert(times);
        }
    }
}

/// What makes two reads the same question.
fn identity(call: &Call, request: &Request) -> Vec<u8> {
    [call.name().as_bytes(), request.target.as_bytes(), &request.body].join(&b'\n')
}

impl Kind {
    fn is_named(&self, name: &str, call: &Call) -> bool {
        let by = |param: &str| self.by.is_empty() || self.by.iter().any(|by| param.ends_with(by));
        call.names().any(|(param, value)| by(param) && value == name)
    }

    /// How the service of this call says that it does not know a thing, which may be another's.
    fn unknown_to(&self, call: &Call, name: &str) -> Option<Refusal> {
        if self.service == call.service {
            let said = format!("'{name}' does not exist");
            return Some(Refusal::new(self.code, &said).status(self.status));
        }
        let (code, said) = match (self.create, &*call.service) {
            ("CreateSubnet", "rds" | "elasticache") => {
                ("InvalidParameterValue", format!("Some input subnets in :[{name}] are invalid."))
            }
            ("CreateSubnet", "elasticloadbalancing") => {
                ("SubnetNotFound", format!("The subnet ID '{name}' is not valid"))
            }
            ("CreateSecurityGroup", "elasticloadbalancing") => {
                ("InvalidSecurityGroup", format!("Security group '{name}' does not exist"))
            }
            ("CreateSecurityGroup", "rds" | "elasticache") => {
                ("InvalidParameterValue", format!("Invalid security group , groupId= {name}"))
            }
            ("CreateInstanceProfile", "ec2") => (
                "InvalidParameterValue",
                format!(
                    "Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM \
                     Instance Profile name"
                ),
            ),
            _ => return None,
        };
        Some(Refusal::new(code, &said))
    }
}
