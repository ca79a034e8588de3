//! What AWS refuses for a while and then does: things that are still in use, and things that are
//! not known everywhere yet.

use super::answers::Refusal;

/// A refusal that passes, and the calls it is given to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passing {
    /// The calls, as a pattern.
    pub(crate) on: &'static str,
    /// The wire code.
    pub(crate) code: &'static str,
    message: &'static str,
    status: u16,
}

impl Passing {
    const fn new(on: &'static str, code: &'static str, message: &'static str) -> Self {
        Self { on, code, message, status: 400 }
    }

    const fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// What is said.
    pub(crate) fn refusal(&self) -> Refusal {
        Refusal::new(self.code, self.message).status(self.status)
    }
}

/// What can go only when something else is gone, which takes longer than AWS says.
pub(crate) const IN_USE: [Passing; 12] = [
    Passing::new(
        "ec2:DeleteSecurityGroup",
        "DependencyViolation",
        "resource {GroupId} has a dependent object",
    ),
    Passing::new(
        "ec2:DeleteSubnet",
        "DependencyViolation",
        "The subnet '{SubnetId}' has dependencies and cannot be deleted.",
    ),
    Passing::new(
        "ec2:DeleteVpc",
        "DependencyViolation",
        "The vpc '{VpcId}' has dependencies and cannot be deleted.",
    ),
    Passing::new(
        "ec2:DeleteRouteTable",
        "DependencyViolation",
        "The routeTable '{RouteTableId}' has dependencies and cannot be deleted.",
    ),
    Passing::new(
        "ec2:DetachInternetGateway",
        "DependencyViolation",
        "Network {VpcId} has some mapped public address(es). Please unmap those public address(es) \
         before detaching the gateway.",
    ),
    Passing::new(
        "ec2:DeleteInternetGateway",
        "DependencyViolation",
        "The internetGateway '{InternetGatewayId}' has dependencies and cannot be deleted.",
    ),
    Passing::new(
        "ec2:ReleaseAddress",
        "InvalidIPAddress.InUse",
        "The address with allocation id [{AllocationId}] cannot be released because it is in use.",
    ),
    Passing::new(
        "elasticloadbalancing:DeleteTargetGroup",
        "ResourceInUse",
        "Target group '{TargetGroupArn}' is currently in use by a listener or a rule",
    ),
    Passing::new(
        "elasticache:DeleteCacheSubnetGroup",
        "CacheSubnetGroupInUse",
        "Cache subnet group {CacheSubnetGroupName} is currently in use by a cache cluster.",
    ),
    Passing::new(
        "rds:DeleteDBSubnetGroup",
        "InvalidDBSubnetGroupStateFault",
        "Cannot delete the subnet group '{DBSubnetGroupName}' because at least one database \
         instance is still using it.",
    ),
    Passing::new(
        "iam:DeleteRole",
        "DeleteConflict",
        "Cannot delete entity, must remove roles from instance profile first.",
    )
    .status(409),
    Passing::new(
        "iam:DeleteInstanceProfile",
        "DeleteConflict",
        "Cannot delete entity, must remove roles from instance profile first.",
    )
    .status(409),
];

/// What AWS has just made and does not know everywhere yet.
pub(crate) const NOT_KNOWN_YET: [Passing; 13] = [
    Passing::new(
        "ec2:RunInstances",
        "InvalidParameterValue",
        "Value ({IamInstanceProfile.Name}) for parameter iamInstanceProfile.name is invalid. \
         Invalid IAM Instance Profile name",
    ),
    Passing::new(
        "ec2:AssociateIamInstanceProfile",
        "InvalidParameterValue",
        "Value ({IamInstanceProfile.Name}) for parameter iamInstanceProfile.name is invalid. \
         Invalid IAM Instance Profile name",
    ),
    Passing::new(
        "ec2:AttachInternetGateway",
        "InvalidInternetGatewayID.NotFound",
        "The internetGateway ID '{InternetGatewayId}' does not exist",
    ),
    Passing::new(
        "ec2:CreateNatGateway",
        "InvalidAllocationID.NotFound",
        "The allocation ID '{AllocationId}' does not exist",
    ),
    Passing::new(
        "iam:AddRoleToInstanceProfile",
        "NoSuchEntity",
        "The role with name {RoleName} cannot be found.",
    )
    .status(404),
    Passing::new(
        "rds:CreateDBSubnetGroup",
        "InvalidParameterValue",
        "Some input subnets in :[{SubnetIds.SubnetIdentifier.1}] are invalid.",
    ),
    Passing::new(
        "elasticache:CreateCacheSubnetGroup",
        "InvalidParameterValue",
        "Some input subnets in :[{SubnetIds.SubnetIdentifier.1}] are invalid.",
    ),
    Passing::new(
        "rds:CreateDBInstance",
        "DBSubnetGroupNotFoundFault",
        "DBSubnetGroup '{DBSubnetGroupName}' not found.",
    )
    .status(404),
    Passing::new(
        "rds:CreateDBCluster",
        "DBSubnetGroupNotFoundFault",
        "DB subnet group '{DBSubnetGroupName}' does not exist.",
    )
    .status(404),
    Passing::new(
        "elasticache:CreateReplicationGroup",
        "CacheSubnetGroupNotFoundFault",
        "Cache subnet group {CacheSubnetGroupName} does not exist.",
    ),
    Passing::new(
        "elasticache:CreateCacheCluster",
        "CacheSubnetGroupNotFoundFault",
        "Cache subnet group {CacheSubnetGroupName} does not exist.",
    ),
    Passing::new(
        "elasticloadbalancing:CreateListener",
        "TargetGroupNotFound",
        "Target groups '{DefaultActions.member.1.TargetGroupArn}' not found",
    ),
    Passing::new(
        "elasticloadbalancing:RegisterTargets",
        "InvalidTarget",
        "The following targets are not in a running state and cannot be registered: \
         '{Targets.member.1.Id}'",
    ),
];

/// What is refused because something else is being changed.
pub(crate) const BUSY: [Passing; 2] = [
    Passing::new(
        "route53:ChangeResourceRecordSets",
        "PriorRequestNotComplete",
        "The request was rejected because Route 53 was still processing a prior request.",
    ),
    // The first time an account uses RDS.
    Passing::new(
        "rds:CreateDB*",
        "InvalidParameterValue",
        "Unable to create the resource. Verify that you have permission to create service linked \
         role. Otherwise wait and try again later",
    ),
];
