//! What to do about an error: one table by AWS's codes, and a few by type.

use crate::{
    aws::{
        Denied, Failure,
        connect::{NoProfile, NoRegion, proxy},
    },
    engine::{Interrupted, Problems, Refusals},
};
use std::env;

const QUOTA: &str = "a quota of the account is used up: free some, or ask for more under \
                     Service Quotas in the AWS console";
const CAPACITY: &str = "AWS has none of this size left there at the moment: try again later, or \
                        choose another size in the file";
const LOGIN: &str = "the credentials have expired: renew them (`aws sso login`, `aws login`, or a \
                     fresh AWS_SESSION_TOKEN), and run the same command again";
const CREDENTIALS: &str = "check AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; an \
                           emulator needs --localstack or --endpoint-url";
/// EC2 says `AuthFailure` also of things: of those of other accounts, and of an address that a
/// service has not let go of.
const NOT_YOURS: &str = "it belongs to another account, or a service of AWS has not let go of it \
                         yet: run the same command again in a minute";
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
    // AWS documents RequestExpired for expired temporary credentials as well as for a wrong clock;
    // of a clock that is wrong the failure tells itself.
    (&["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"], LOGIN),
    (
        &[
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "AuthFailure",
            "IncompleteSignature",
            "InvalidAccessKeyId",
        ],
        CREDENTIALS,
    ),
    (
        &["SignatureDoesNotMatch", "InvalidSignatureException"],
        "the secret key does not belong to the key id: set both anew, AWS_SECRET_ACCESS_KEY or the \
         profile's aws_secret_access_key; and look whether this machine's clock is right",
    ),
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
        if let Some(denied) = e.downcast_ref::<Denied>() {
            return Some(denied.remedy());
        }
        if let Some(profile) = e.downcast_ref::<NoProfile>() {
            return Some(profile.remedy());
        }
        if let Some(NoRegion { profile }) = e.downcast_ref() {
            let usual = "name one with --region, `region:` in the file, or AWS_REGION";
            return Some(match profile {
                Some(profile) => format!(
                    "{usual}; or for good with `aws configure set region REGION --profile {profile}`"
                ),
                None => usual.to_owned(),
            });
        }
        if let Some(failure) = e.downcast_ref::<Failure>() {
            return of_failure(failure);
        }
        if let Some(refusals) = e.downcast_ref::<Refusals>() {
            return Some(refusals.remedies());
        }
        if let Some(problems) = e.downcast_ref::<Problems>() {
            return Some(problems.remedies());
        }
        e.is::<Interrupted>().then(|| "run the same command again to go on".to_owned())
    })
}

fn of_failure(failure: &Failure) -> Option<String> {
    if let Some(remedy) = &failure.remedy {
        return Some(remedy.clone());
    }
    if failure.is(&["AuthFailure"]) && failure.message.contains("permission to access") {
        return Some(NOT_YOURS.to_owned());
    }
    if let Some((_, hint)) = BY_CODE.iter().find(|(codes, _)| failure.is(codes)) {
        return Some((*hint).to_owned());
    }
    if failure.is_throttled() {
        let hint = "AWS asks for fewer calls: run the same command again in a minute";
        return Some(hint.to_owned());
    }
    if failure.lacks_credentials() {
        let hint = "log in with `aws configure` or `aws sso login`, or set AWS_PROFILE; for an \
                    emulator add --localstack";
        return Some(hint.to_owned());
    }
    failure.code.is_empty().then(|| match proxy(&|name| env::var(name).ok()) {
        Some((variable, proxy)) => format!(
            "calls go through {proxy}, as {variable} says: check that proxy, or take AWS's names \
             out of its way with NO_PROXY"
        ),
        None => "check the network, the region's name and the endpoint, then run the same command \
                 again"
            .to_owned(),
    })
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
    fn a_code_with_two_causes_is_told_apart_by_what_else_is_known() {
        let of = |code: &str, message: &str| of(&Failure::coded(code, message).into()).unwrap();
        assert!(of("RequestExpired", "Request has expired.").contains("credentials have expired"));
        let keys =
            of("AuthFailure", "AWS was not able to validate the provided access credentials");
        assert!(keys.contains("AWS_ACCESS_KEY_ID"), "{keys}");
        let thing = "You do not have permission to access the specified resource.";
        assert!(of("AuthFailure", thing).contains("another account"));
        let clock = Failure {
            remedy: Some("this machine's clock is 9 min behind AWS's: set it right".into()),
            ..Failure::coded("RequestExpired", "Request has expired.")
        };
        assert!(super::of(&clock.into()).unwrap().contains("clock"));
    }

    #[test]
    fn a_hint_is_found_below_the_context_that_was_added() {
        let error = anyhow::Error::from(NoRegion::default()).context("cannot plan");
        assert!(of(&error).unwrap().contains("--region"));
    }
}
