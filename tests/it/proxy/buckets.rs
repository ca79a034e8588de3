//! AWS's own throttles: a bucket of tokens for each class of calls, filled again at a steady rate.

use super::call::{Call, fits};
use std::time::Duration;

/// A class of calls that share tokens.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    patterns: Vec<&'static str>,
    capacity: f64,
    per_second: f64,
    unfiltered: bool,
    tokens: f64,
    filled: Duration,
}

impl Bucket {
    /// A full bucket for the calls that fit one of these patterns, such as `ec2:Create*`.
    pub(crate) fn new(patterns: &[&'static str], capacity: f64, per_second: f64) -> Self {
        let patterns = patterns.to_vec();
        let filled = Duration::ZERO;
        Self { patterns, capacity, per_second, unfiltered: false, tokens: capacity, filled }
    }

    /// Only for calls that neither filter nor page.
    fn unfiltered(self) -> Self {
        Self { unfiltered: true, ..self }
    }

    /// Whether a call draws from this bucket.
    pub(super) fn serves(&self, call: &Call) -> bool {
        let narrow = |(name, _): &(String, String)| {
            name.starts_with("Filter") || name == "MaxResults" || name == "NextToken"
        };
        self.patterns.iter().any(|pattern| fits(pattern, &call.name()))
            && !(self.unfiltered && call.params.iter().any(narrow))
    }

    /// Takes a token; false where there is none. `now` counts from any one moment.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let gained = now.saturating_sub(self.filled).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + gained).min(self.capacity);
        self.filled = now;
        let there = self.tokens >= 1.0;
        if there {
            self.tokens -= 1.0;
        }
        there
    }

    /// What AWS publishes for EC2, ELBv2 and Route 53, and what is known of SSM. A call draws from
    /// the first that serves it.
    pub(crate) fn of_aws() -> Vec<Self> {
        let b = Self::new;
        vec![
            b(
                &[
                    "ec2:DescribeInstances",
                    "ec2:DescribeInstanceStatus",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSecurityGroups",
                    "ec2:DescribeVolumes",
                    "ec2:DescribeSnapshots",
                ],
                50.0,
                10.0,
            )
            .unfiltered(),
            b(&["ec2:Describe*"], 100.0, 20.0),
            b(&["ec2:RunInstances"], 5.0, 2.0),
            b(&["ec2:StartInstances"], 5.0, 2.0),
            b(&["ec2:TerminateInstances"], 100.0, 5.0),
            b(&["ec2:CreateNatGateway"], 10.0, 1.0),
            b(&["ec2:DeleteNatGateway"], 10.0, 1.0),
            b(
                &["ec2:CreateVpcEndpoint", "ec2:DeleteVpcEndpoints", "ec2:ModifyVpcEndpoint"],
                4.0,
                0.3,
            ),
            b(&["ec2:CreateTags"], 100.0, 10.0),
            b(&["ec2:DeleteTags"], 100.0, 10.0),
            b(&["ec2:AuthorizeSecurityGroupIngress"], 50.0, 5.0),
            b(&["ec2:RevokeSecurityGroupIngress"], 50.0, 5.0),
            b(&["ec2:AssociateIamInstanceProfile"], 100.0, 5.0),
            b(&["ec2:ModifyInstanceMetadataOptions"], 100.0, 5.0),
            b(&["ec2:*"], 50.0, 5.0),
            b(
                &["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:SetSubnets"],
                10.0,
                0.2,
            ),
            b(
                &["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"],
                20.0,
                4.0,
            ),
            b(&["elasticloadbalancing:Describe*"], 40.0, 10.0),
            b(&["elasticloadbalancing:*"], 20.0, 3.0),
            b(&["route53:*"], 5.0, 5.0),
            b(&["ssm:GetParameter*"], 40.0, 40.0),
            b(&["ssm:PutParameter"], 3.0, 3.0),
        ]
    }
}
