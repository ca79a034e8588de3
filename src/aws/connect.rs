//! Where AWS is and who asks: one SDK configuration from flags, file and environment.

mod http;
mod profile;

pub use http::proxy;
pub use profile::{NoKeys, NoProfile, Source};

use super::{Aws, Meter, lock::Fence, throttle::Throttle};
use aws_config::{
    BehaviorVersion, Region, SdkConfig, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, timeout::TimeoutConfig,
};
use aws_sdk_sts::config::{
    Credentials, ProvideCredentials, SharedCredentialsProvider,
    retry::{RetryPartition, TokenBucket},
};
use aws_smithy_types::retry::RetryConfig;
use aws_types::os_shim_internal::{Env, Fs};
use std::{sync::Arc, time::Duration};

/// What the user said about where to go; the rest comes from the AWS configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// Region from the flag or the file; else that of the AWS configuration.
    pub region: Option<String>,
    /// An endpoint for every service, in place of AWS's own.
    pub endpoint: Option<String>,
    /// The profile of the AWS configuration to use, whatever the environment says.
    pub profile: Option<String>,
    /// Use made-up credentials, for an emulator that asks for none: an account of 12 digits.
    pub emulated_account: Option<String>,
}

/// The region where nobody names one and there is only an emulator.
const EMULATOR_REGION: &str = "us-east-1";
/// Control planes throttle. With a third of all attempts throttled, broken or lost, fourteen of
/// them let one call in a million fail, and a run makes hundreds. The pauses between them, up to
/// 20 s long, are a minute and a half on average and three minutes at most.
const ATTEMPTS: u32 = 14;
const CONNECT: Duration = Duration::from_secs(5);
/// From sending to the first byte of the answer; the SDK itself breaks off an answer that stalls.
/// Waiting for a token is no part of it, as it would be of an attempt's time-out.
const ANSWER: Duration = Duration::from_secs(30);
/// Every attempt at its slowest, all pauses, and four minutes' waiting for tokens. It ends what
/// nothing else would, and is never what ends a call that may yet succeed.
const OPERATION: Duration = Duration::from_mins(15);

impl Connection {
    /// Makes the clients. Nothing is sent yet, but for looking up the region and credentials.
    ///
    /// # Errors
    /// [`NoProfile`], [`NoRegion`]; a configuration that cannot be read.
    pub async fn open(&self, stack: &str) -> anyhow::Result<Aws> {
        let source = if self.emulated_account.is_some() {
            None
        } else {
            let (fs, env) = (Fs::real(), Env::real());
            Some(Source::find(self.profile.as_deref(), &fs, &env).await?)
        };
        let http = http::client();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http.clone())
            .retry_config(retries())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT)
                    .read_timeout(ANSWER)
                    .operation_timeout(OPERATION)
                    .build(),
            );
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &self.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(account) = &self.emulated_account {
            let keys = Credentials::new(account, "emulator", None, None, "emulator");
            loader = loader.credentials_provider(keys);
        }
        let mut config = loader.load().await;
        if config.region().is_none_or(|region| region.as_ref().is_empty()) {
            let profile = source.as_ref().and_then(|source| source.profile.clone());
            anyhow::ensure!(self.emulated_account.is_some(), NoRegion { profile });
            config = config.into_builder().region(Region::new(EMULATOR_REGION)).build();
        }
        let mut builder = config.to_builder();
        if let Some(source) = &source {
            // The SDK prefers keys of the environment to a profile, even to one that a flag names.
            let own = self.profile.as_ref().map(|profile| {
                let through = ProviderConfig::without_region()
                    .with_region(config.region().cloned())
                    .with_http_client(http);
                let keys = ProfileFileCredentialsProvider::builder();
                let keys = keys.configure(&through).profile_name(profile).build();
                SharedCredentialsProvider::new(keys)
            });
            let keys = own.or_else(|| config.credentials_provider());
            builder.set_credentials_provider(keys.map(|keys| source.explain(keys)));
        }
        Ok(Aws { source, ..Aws::from_config(&builder.build(), stack) })
    }
}

/// Neither flag nor file nor AWS configuration names a region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoRegion {
    /// The profile in which none was found.
    pub profile: Option<String>,
}

impl std::fmt::Display for NoRegion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.profile {
            Some(profile) => write!(f, "no region is set, and the profile {profile} names none"),
            None => f.write_str("no region is set"),
        }
    }
}

impl std::error::Error for NoRegion {}

/// How calls are tried again.
pub(super) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}

/// The SDK gives up trying again once too many calls have failed, which protects AWS from many
/// clients in trouble at once. Here every attempt waits for a token of its family, so that a storm
/// never becomes a flood, and the SDK's quota would only end a run that gets through it.
fn no_quota() -> RetryPartition {
    RetryPartition::custom("stackctl").token_bucket(TokenBucket::unlimited()).build()
}

macro_rules! client {
    ($service:ident, $config:expr, $meter:expr, $throttle:expr) => {{
        let mut config = $service::config::Builder::from($config)
            .interceptor($meter.clone())
            .interceptor($throttle.clone())
            .retry_partition(no_quota());
        config.set_http_client($config.http_client().map(|http| $throttle.before(http)));
        $service::Client::from_conf(config.build())
    }};
}

impl Aws {
    /// Clients for all services from one configuration, watched by one meter.
    pub fn from_config(config: &SdkConfig, stack: &str) -> Self {
        let meter = Meter::default();
        let fence = Fence::default();
        let throttle = Throttle::behind(&fence);
        Self {
            acm: client!(aws_sdk_acm, config, meter, throttle),
            dynamodb: client!(aws_sdk_dynamodb, config, meter, throttle),
            ec2: client!(aws_sdk_ec2, config, meter, throttle),
            elb: client!(aws_sdk_elasticloadbalancingv2, config, meter, throttle),
            elasticache: client!(aws_sdk_elasticache, config, meter, throttle),
            rds: client!(aws_sdk_rds, config, meter, throttle),
            route53: client!(aws_sdk_route53, config, meter, throttle),
            iam: client!(aws_sdk_iam, config, meter, throttle),
            secretsmanager: client!(aws_sdk_secretsmanager, config, meter, throttle),
            ssm: client!(aws_sdk_ssm, config, meter, throttle),
            sts: client!(aws_sdk_sts, config, meter, throttle),
            region: config.region().map_or_else(String::new, ToString::to_string),
            endpoint: config.endpoint_url().map(str::to_owned),
            stack: stack.into(),
            unprotect: false,
            meter,
            credentials: config.credentials_provider(),
            source: None,
            fence,
            survey: Arc::default(),
            identity: Arc::default(),
        }
    }

    /// The id of the access key that calls are signed with; `None` where there are no credentials.
    pub async fn access_key(&self) -> Option<String> {
        let keys = self.credentials.as_ref()?.provide_credentials().await.ok()?;
        Some(keys.access_key_id().to_owned())
    }

    /// Clients that reach nothing: for tests that replace the ones they use.
    ///
    /// # Panics
    /// Never: the identity is set once.
    #[cfg(test)]
    pub fn offline(stack: &str) -> Self {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-west-1"))
            .credentials_provider(aws_sdk_sts::config::SharedCredentialsProvider::new(
                Credentials::new("111122223333", "test", None, None, "test"),
            ))
            .endpoint_url("http://127.0.0.1:9")
            .retry_config(RetryConfig::disabled())
            .build();
        let identity = super::Identity {
            account: "111122223333".into(),
            arn: "arn:aws:iam::111122223333:user/test".into(),
        };
        let aws = Self::from_config(&config, stack);
        aws.identity.set(identity).expect("nobody has asked yet");
        aws
    }
}
