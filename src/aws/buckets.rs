//! How fast AWS lets each family of its calls come, and a token bucket for each that keeps below it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Mutex as Turn,
    time::{Instant, sleep_until},
};

/// Calls for which AWS keeps one token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table says what each one is")]
pub enum Family {
    Ec2Describe,
    Ec2Change,
    Ec2Rules,
    Ec2Tags,
    Ec2Launch,
    Ec2Terminate,
    Ec2Attach,
    Ec2Nat,
    ElbDescribe,
    ElbChange,
    ElbBalancers,
    ElbTargets,
    Route53,
    SsmRead,
    SsmWrite,
    Iam,
    Rds,
    ElastiCache,
    Other,
}

/// One row: a family, how many tokens AWS's bucket holds, and how many come back in a second.
type Row = (Family, f64, f64);

/// What AWS grants an account in a region.
///
/// EC2: "Request throttling for the Amazon EC2 API"; ELB: "Request throttling for the Elastic Load
/// Balancing API"; Route 53: "Quotas", five requests a second for the account in all regions; SSM:
/// "AWS Systems Manager endpoints and quotas". AWS publishes nothing for IAM, RDS, ElastiCache and
/// for writing SSM parameters: those rows are our own, and meant to be modest.
const GRANTED: [Row; 19] = [
    (Family::Ec2Describe, 100.0, 20.0),
    (Family::Ec2Change, 50.0, 5.0),
    (Family::Ec2Rules, 50.0, 5.0),
    (Family::Ec2Tags, 100.0, 10.0),
    (Family::Ec2Launch, 5.0, 2.0),
    (Family::Ec2Terminate, 100.0, 5.0),
    (Family::Ec2Attach, 100.0, 5.0),
    (Family::Ec2Nat, 10.0, 1.0),
    (Family::ElbDescribe, 40.0, 10.0),
    (Family::ElbChange, 20.0, 3.0),
    (Family::ElbBalancers, 10.0, 0.2),
    (Family::ElbTargets, 20.0, 4.0),
    (Family::Route53, 5.0, 5.0),
    (Family::SsmRead, 40.0, 40.0),
    (Family::SsmWrite, 5.0, 2.0),
    (Family::Iam, 20.0, 5.0),
    (Family::Rds, 20.0, 5.0),
    (Family::ElastiCache, 20.0, 5.0),
    (Family::Other, 50.0, 10.0),
];

/// The part of AWS's tokens that one run takes. The account is shared, with a console, a pipeline,
/// another stack; with less than this, a stack in three zones, which makes some forty changes at
/// once, would wait for itself where AWS would not make it wait.
const SHARE: f64 = 0.8;

impl Family {
    /// The family of a call, by the SDK's names for the service and the operation.
    pub fn of(service: &str, operation: &str) -> Self {
        match (service, operation) {
            ("EC2", "RunInstances" | "StartInstances") => Self::Ec2Launch,
            ("EC2", "TerminateInstances") => Self::Ec2Terminate,
            ("EC2", "CreateNatGateway" | "DeleteNatGateway") => Self::Ec2Nat,
            ("EC2", "CreateTags" | "DeleteTags") => Self::Ec2Tags,
            ("EC2", "AssociateIamInstanceProfile" | "ModifyInstanceMetadataOptions") => {
                Self::Ec2Attach
            }
            ("EC2", "AuthorizeSecurityGroupIngress" | "RevokeSecurityGroupIngress") => {
                Self::Ec2Rules
            }
            ("EC2", other) if reads(other) => Self::Ec2Describe,
            ("EC2", _) => Self::Ec2Change,
            ("Elastic Load Balancing v2", "CreateLoadBalancer" | "SetSubnets") => {
                Self::ElbBalancers
            }
            ("Elastic Load Balancing v2", "RegisterTargets" | "DeregisterTargets") => {
                Self::ElbTargets
            }
            ("Elastic Load Balancing v2", other) if reads(other) => Self::ElbDescribe,
            ("Elastic Load Balancing v2", _) => Self::ElbChange,
            ("Route 53", _) => Self::Route53,
            ("SSM", other) if reads(other) => Self::SsmRead,
            ("SSM", _) => Self::SsmWrite,
            ("IAM", _) => Self::Iam,
            ("RDS", _) => Self::Rds,
            ("ElastiCache", _) => Self::ElastiCache,
            _ => Self::Other,
        }
    }
}

fn reads(operation: &str) -> bool {
    ["Describe", "Get", "List"].iter().any(|verb| operation.starts_with(verb))
}

/// A bucket for every family. All clients of a run share one set.
#[derive(Debug)]
pub struct Buckets([Bucket; GRANTED.len()]);

impl Default for Buckets {
    fn default() -> Self {
        Self(GRANTED.map(|(_, size, refill)| Bucket::new(size * SHARE, refill * SHARE)))
    }
}

impl Buckets {
    /// Takes a token of this family, waiting for one if need be: first come, first served. A wait
    /// that is dropped gives its place up and takes nothing.
    pub async fn take(&self, family: Family) {
        self.of(family).take().await;
    }

    /// Empties a family's bucket: AWS throttles, so somebody else has used the tokens up.
    pub fn empty(&self, family: Family) {
        self.of(family).empty();
    }

    fn of(&self, family: Family) -> &Bucket {
        &self.0[family as usize]
    }
}

#[derive(Debug)]
struct Bucket {
    size: f64,
    /// Tokens that come back in a second.
    refill: f64,
    level: Mutex<Level>,
    /// Held by the one whose turn it is; tokio's is handed on in the order of asking.
    turn: Turn<()>,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn new(size: f64, refill: f64) -> Self {
        let level = Mutex::new(Level { tokens: size, at: Instant::now() });
        Self { size, refill, level, turn: Turn::new(()) }
    }

    async fn take(&self) {
        let _turn = self.turn.lock().await;
        // It may have been emptied meanwhile.
        while let Some(until) = self.try_take() {
            sleep_until(until).await;
        }
    }

    /// Takes a token, or says when there will be one.
    fn try_take(&self) -> Option<Instant> {
        let mut level = self.level_now();
        if level.tokens >= 1.0 {
            level.tokens -= 1.0;
            return None;
        }
        let missing = Duration::from_secs_f64((1.0 - level.tokens) / self.refill);
        // Timers have milliseconds, and what is asked for too early is asked for twice.
        Some(level.at + missing + Duration::from_millis(1))
    }

    fn empty(&self) {
        self.level_now().tokens = 0.0;
    }

    /// The level, with what has come back since it was last looked at.
    fn level_now(&self) -> MutexGuard<'_, Level> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let come = now.duration_since(level.at).as_secs_f64() * self.refill;
        *level = Level { tokens: (level.tokens + come).min(self.size), at: now };
        level
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt as _, future::join_all};
    use std::sync::Arc;

    /// When each of so many calls that are made at once is let through, in seconds.
    async fn burst(buckets: &Buckets, family: Family, calls: u32) -> Vec<f64> {
        let start = Instant::now();
        let call = || async {
            buckets.take(family).await;
            start.elapsed().as_secs_f64()
        };
        join_all((0..calls).map(|_| call())).await
    }

    #[test]
    fn every_family_stands_at_its_own_place_in_the_table() {
        for (place, (family, ..)) in GRANTED.iter().enumerate() {
            assert_eq!(*family as usize, place, "{family:?}");
        }
    }

    #[test]
    fn calls_are_told_apart_as_aws_does() {
        let elb = "Elastic Load Balancing v2";
        for (service, operation, family) in [
            ("EC2", "DescribeVpcs", Family::Ec2Describe),
            ("EC2", "CreateVpc", Family::Ec2Change),
            ("EC2", "RevokeSecurityGroupEgress", Family::Ec2Change),
            ("EC2", "RunInstances", Family::Ec2Launch),
            ("EC2", "CreateNatGateway", Family::Ec2Nat),
            ("EC2", "CreateTags", Family::Ec2Tags),
            (elb, "CreateLoadBalancer", Family::ElbBalancers),
            (elb, "SetSubnets", Family::ElbBalancers),
            (elb, "DescribeTargetHealth", Family::ElbDescribe),
            (elb, "AddTags", Family::ElbChange),
            ("Route 53", "ListHostedZones", Family::Route53),
            ("SSM", "GetParameter", Family::SsmRead),
            ("SSM", "PutParameter", Family::SsmWrite),
            ("STS", "GetCallerIdentity", Family::Other),
        ] {
            assert_eq!(Family::of(service, operation), family, "{service} {operation}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_never_takes_more_of_any_family_than_aws_grants() {
        for (family, size, refill) in GRANTED {
            let passed = burst(&Buckets::default(), family, 250).await;
            for (before, at) in passed.iter().enumerate() {
                let sent = f64::from(u32::try_from(before).unwrap()) + 1.0;
                let granted = size + refill * at;
                assert!(sent <= granted, "{family:?}: {sent} after {at} s, granted {granted}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_burst_does_not_wait() {
        let passed = burst(&Buckets::default(), Family::Ec2Change, 40).await;
        assert!(passed.iter().all(|at| *at == 0.0), "{passed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_first_goes_first() {
        let passed = burst(&Buckets::default(), Family::Ec2Launch, 12).await;
        assert!(passed.is_sorted(), "{passed:?}");
        // Four at once, eight more at 1.6 a second.
        assert!((5.0..5.1).contains(&passed[11]), "{passed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_given_up_while_it_waits_takes_no_token() {
        let buckets = Arc::new(Buckets::default());
        burst(&buckets, Family::ElbBalancers, 8).await;
        let start = Instant::now();
        let mut dropped = Box::pin(buckets.take(Family::ElbBalancers));
        assert!((&mut dropped).now_or_never().is_none());
        let second = tokio::spawn({
            let buckets = buckets.clone();
            async move { buckets.take(Family::ElbBalancers).await }
        });
        tokio::task::yield_now().await;
        drop(dropped);
        second.await.unwrap();
        let waited = start.elapsed().as_secs_f64();
        assert!((6.2..6.3).contains(&waited), "{waited} s");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_throttle_every_call_of_the_family_waits_for_tokens_to_come_back() {
        let buckets = Buckets::default();
        buckets.empty(Family::Route53);
        let passed = burst(&buckets, Family::Route53, 3).await;
        assert!(passed[0] >= 0.25 && passed[2] >= 0.75, "{passed:?}");
        assert_eq!(burst(&buckets, Family::Iam, 1).await, [0.0]);
    }
}
