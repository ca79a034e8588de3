//! What to do about an error: one table by AWS's codes, and a few by type.

use crate::{
    aws::{Failure, connect::NoRegion},
    engine::{Interrupted, Refusals},
};

const QUOTA: &str = "a quota of the account is used up: free some, or ask for more under \
                     Service Quotas in the AWS console";
const CAPACITY: &str = "AWS has none of this size left there at the moment: try again later, or \
                        choose another size in the file";
const LOGIN: &str =
    "renew the credentials, with `aws sso login` say, and run the same command again";
const CREDENTIALS: &str = "check AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; an \
                           emulator needs --localstack or --endpoint-url";
const ALLOW: &str = "the caller lacks this permission: ask an administrator of the account for it";
const WAIT: &str = "it is still used or changing: run the same command again in a minute";
const TAKEN: &str = "something of this name exists and is not this stack's: remove it, or choose \
                     another `name` in the file";

/// By AWS's wire code.
const BY_CODE: &[(&[&str], &str)] = &[
    (
        &[
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
            "Client.UnauthorizedOperation",
        ],
        ALLOW,
    ),
    (&["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"], LOGIN),
    (
        &[
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "AuthFailure",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "InvalidAccessKeyId",
        ],
        CREDENTIALS,
    ),
    (&["RequestExpired", "InvalidSignatureException"], "check this machine's clock"),
    (
        &["OptInRequired"],
        "the account is not signed up for this service or region: enable it in the AWS console",
    ),
    (
        &[
            "VpcLimitExceeded",
            "SubnetLimitExceeded",
            "InternetGatewayLimitExceeded",
            "AddressLimitExceeded",
            "NatGatewayLimitExceeded",
            "RouteTableLimitExceeded",
            "SecurityGroupLimitExceeded",
            "RulesPerSecurityGroupLimitExceeded",
            "SecurityGroupsPerInterfaceLimitExceeded",
            "PrivateIpAddressLimitExceeded",
            "InstanceLimitExceeded",
            "VcpuLimitExceeded",
            "VolumeLimitExceeded",
            "TooManyLoadBalancers",
            "TooManyTargetGroups",
            "TooManyTargets",
            "TooManyListeners",
            "TooManyRules",
            "TooManyRegistrationsForTargetId",
            "InstanceQuotaExceeded",
            "StorageQuotaExceeded",
            "DBClusterQuotaExceededFault",
            "DBSubnetGroupQuotaExceeded",
            "SnapshotQuotaExceeded",
            "NodeQuotaForCustomerExceeded",
            "NodeQuotaForClusterExceeded",
            "ClusterQuotaForCustomerExceeded",
            "CacheSubnetGroupQuotaExceeded",
            "LimitExceeded",
            "LimitExceededException",
            "TooManyHostedZones",
            "ParameterLimitExceeded",
            "MaxSpotInstanceCountExceeded",
        ],
        QUOTA,
    ),
    (
        &[
            "InsufficientInstanceCapacity",
            "InsufficientDBInstanceCapacity",
            "InsufficientDBClusterCapacityFault",
            "InsufficientCacheClusterCapacity",
            "InsufficientHostCapacity",
            "InsufficientAddressCapacity",
        ],
        CAPACITY,
    ),
    (
        &["Unsupported", "InvalidInstanceType", "InvalidParameterCombination"],
        "not every size, engine and version goes together in every region: choose another in the file",
    ),
    (
        &["DBSubnetGroupDoesNotCoverEnoughAZs"],
        "a database needs subnets in two availability zones: set `network.zones` to 2 or more",
    ),
    (
        &["CertificateNotFound", "UnsupportedCertificate"],
        "the certificate must be issued, and stand in ACM in the stack's region and account",
    ),
    (
        &["InvalidAMIID.NotFound", "InvalidAMIID.Malformed", "InvalidAMIID.Unavailable"],
        "AMI ids differ from region to region: name one of this region in `app.ami`, or leave it out",
    ),
    (&["NoSuchHostedZone"], "create the zone first, or set `dns.create_zone: true`"),
    (
        &["HostedZoneNotEmpty"],
        "the zone holds records that are not the stack's: remove them, then run the same command again",
    ),
    (
        &[
            "DependencyViolation",
            "InvalidGroup.InUse",
            "InvalidIPAddress.InUse",
            "ResourceInUse",
            "ResourceInUseException",
            "InvalidDBInstanceState",
            "InvalidDBInstanceStateFault",
            "InvalidDBClusterStateFault",
            "InvalidReplicationGroupState",
            "InvalidCacheClusterState",
            "DeleteConflict",
            "ConcurrentModification",
        ],
        WAIT,
    ),
    (
        &[
            "DuplicateLoadBalancerName",
            "DuplicateTargetGroupName",
            "DBInstanceAlreadyExists",
            "DBClusterAlreadyExistsFault",
            "DBSubnetGroupAlreadyExists",
            "ReplicationGroupAlreadyExists",
            "CacheClusterAlreadyExists",
            "CacheSubnetGroupAlreadyExists",
            "EntityAlreadyExists",
            "ParameterAlreadyExists",
            "InvalidGroup.Duplicate",
        ],
        TAKEN,
    ),
];

/// What to do about an error, if the table knows.
pub(super) fn of(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|e| {
        if let Some(failure) = e.downcast_ref::<Failure>() {
            return of_failure(failure).map(str::to_owned);
        }
        let hint = if e.is::<NoRegion>() {
            "name one with --region, `region:` in the file, or AWS_REGION"
        } else if e.is::<Refusals>() {
            "take these changes back in the file; or, to lose it on purpose, take its section out of \
             the file, run `stackctl up`, and put the changed section in again"
        } else if e.is::<Interrupted>() {
            "run the same command again to go on"
        } else {
            return None;
        };
        Some(hint.to_owned())
    })
}

fn of_failure(failure: &Failure) -> Option<&'static str> {
    if let Some((_, hint)) = BY_CODE.iter().find(|(codes, _)| failure.is(codes)) {
        return Some(hint);
    }
    if failure.is_throttled() {
        return Some("AWS asks for fewer calls: run the same command again in a minute");
    }
    if failure.lacks_credentials() {
        return Some(
            "log in with `aws configure` or `aws sso login`, or set AWS_PROFILE; for an emulator \
             add --localstack",
        );
    }
    failure.code.is_empty().then_some(
        "check the network, the region's name and the endpoint, then run the same command again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_stands_twice_in_the_table() {
        let mut codes: Vec<_> = BY_CODE.iter().flat_map(|(codes, _)| *codes).collect();
        codes.sort();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }

    #[test]
    fn a_lost_connection_points_at_the_network() {
        let lost = Failure { status: None, ..Failure::coded("", "connection refused") };
        assert!(of(&lost.into()).unwrap().contains("endpoint"));
    }

    #[test]
    fn a_hint_is_found_below_the_context_that_was_added() {
        let error = anyhow::Error::from(NoRegion).context("cannot plan");
        assert!(of(&error).unwrap().contains("--region"));
    }
}
