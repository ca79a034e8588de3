//! The AWS side: clients made from one configuration, and what every kind needs around its calls.

pub mod buckets;
pub mod careful;
pub mod certificates;
pub mod compute;
pub mod connect;
pub mod denied;
pub mod dns;
pub mod ec2;
pub mod failure;
pub mod firewall;
pub mod identity;
pub mod listening;
pub mod lock;
pub mod meter;
pub mod names;
pub mod retag;
pub mod retry;
pub mod stores;
pub mod survey;
pub mod tags;
pub mod throttle;

pub use careful::{careful, no_retries};
pub use connect::Connection;
pub use denied::Denied;
pub use failure::{Failure, Sent, Tolerant};
pub use identity::Identity;
pub use meter::Meter;
pub use retry::eventually;
pub use tags::{Labels, Owned, Tags};

use aws_sdk_sts::config::SharedCredentialsProvider;
use std::sync::Arc;
use survey::Survey;
use tokio::sync::OnceCell;

/// The world the kinds of a stack live in: SDK clients, and whose resources are meant.
#[derive(Clone, Debug)]
pub struct Aws {
    /// AWS Certificate Manager.
    pub acm: aws_sdk_acm::Client,
    /// Amazon `DynamoDB`.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Amazon EC2, which includes VPC.
    pub ec2: aws_sdk_ec2::Client,
    /// Elastic Load Balancing v2.
    pub elb: aws_sdk_elasticloadbalancingv2::Client,
    /// Amazon ElastiCache.
    pub elasticache: aws_sdk_elasticache::Client,
    /// Amazon RDS, which includes Aurora.
    pub rds: aws_sdk_rds::Client,
    /// Amazon Route 53.
    pub route53: aws_sdk_route53::Client,
    /// AWS Identity and Access Management.
    pub iam: aws_sdk_iam::Client,
    /// AWS Secrets Manager.
    pub secretsmanager: aws_sdk_secretsmanager::Client,
    /// AWS Systems Manager.
    pub ssm: aws_sdk_ssm::Client,
    /// AWS Security Token Service.
    pub sts: aws_sdk_sts::Client,
    /// The region that all regional clients talk to.
    pub region: String,
    /// The endpoint that replaces AWS's own, if one does.
    pub endpoint: Option<String>,
    /// The stack whose resources are meant.
    pub stack: Arc<str>,
    /// Whether deletion protection may be lifted by a deletion.
    pub unprotect: bool,
    /// Counts calls and rounds.
    pub meter: Meter,
    pub(crate) credentials: Option<SharedCredentialsProvider>,
    /// Where the credentials come from, as far as the user said.
    pub(crate) source: Option<connect::Source>,
    pub(crate) fence: lock::Fence,
    pub(crate) survey: Arc<Survey>,
    pub(crate) identity: Arc<OnceCell<Identity>>,
}

impl Aws {
    /// The same clients for another stack, with nothing remembered of earlier readings.
    #[must_use]
    pub fn for_stack(&self, stack: &str) -> Self {
        Self { stack: stack.into(), survey: Arc::default(), ..self.clone() }
    }

    /// The same, forgetting what was read, so that the next inventory reads anew.
    #[must_use]
    pub fn afresh(&self) -> Self {
        Self { survey: Arc::default(), ..self.clone() }
    }
}
