//! Calls of a real client over a connection that answers as it is told.

use super::*;
use crate::aws::{Aws, Failure, Sent};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_types::body::SdkBody;
use futures::future::join_all;
use std::sync::Mutex;

/// What comes of an attempt.
#[derive(Clone, Copy)]
enum Fate {
    Answered,
    Throttled,
    Broken,
    Lost,
}

/// Answers the attempts as `fate` says of their number among all and within their call, and
/// remembers when they came.
struct Wire<F> {
    fate: F,
    came: Arc<Mutex<Vec<Instant>>>,
}

impl<F> std::fmt::Debug for Wire<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl<F: Fn(usize, u32) -> Fate + Send + Sync> HttpConnector for Wire<F> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut came = self.came.lock().unwrap();
        came.push(Instant::now());
        let answer = |status: u16, body: &'static str| {
            Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body)))
        };
        HttpConnectorFuture::ready(match (self.fate)(came.len() - 1, attempt(&request)) {
            Fate::Answered => answer(200, "<DescribeVpcsResponse/>"),
            Fate::Throttled => answer(
                503,
                "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>slow down\
                 </Message></Error></Errors><RequestID>1</RequestID></Response>",
            ),
            Fate::Broken => answer(500, ""),
            Fate::Lost => Err(ConnectorError::io("connection reset".into())),
        })
    }
}

/// Which attempt at its call a request is.
fn attempt(request: &HttpRequest) -> u32 {
    let told = request.headers().get("amz-sdk-request").unwrap_or_default();
    let told = told.split("attempt=").nth(1).and_then(|rest| rest.split(';').next());
    told.and_then(|number| number.parse().ok()).expect("the SDK counts its attempts")
}

/// Clients behind which attempts have these fates, and when the attempts came.
fn aws(
    fate: impl Fn(usize, u32) -> Fate + Send + Sync + 'static,
) -> (Aws, Arc<Mutex<Vec<Instant>>>) {
    let came = Arc::<Mutex<Vec<Instant>>>::default();
    let wire = SharedHttpConnector::new(Wire { fate, came: came.clone() });
    let client = aws_smithy_runtime_api::client::http::http_client_fn(move |_, _| wire.clone());
    let keys = Credentials::new("111122223333", "test", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .http_client(client)
        .retry_config(crate::aws::connect::retries())
        .build();
    (Aws::from_config(&config, "shop"), came)
}

async fn describe(aws: &Aws) -> Result<(), Failure> {
    aws.ec2.describe_vpcs().send().await.aws().map(drop)
}

#[tokio::test(start_paused = true)]
async fn no_burst_of_a_client_comes_faster_than_its_bucket_lets_it() {
    let (aws, came) = aws(|_, _| Fate::Answered);
    let all = join_all((0..200).map(|_| describe(&aws))).await;
    assert!(all.iter().all(Result::is_ok));
    let came = came.lock().unwrap();
    for (before, at) in came.iter().enumerate() {
        let granted = 100.0 + 20.0 * (*at - came[0]).as_secs_f64();
        assert!(f64::from(u32::try_from(before).unwrap()) < granted, "{before} at {at:?}");
    }
    assert!(*came.last().unwrap() - came[0] > Duration::from_secs(7), "nothing has waited");
}

#[tokio::test(start_paused = true)]
async fn a_throttle_holds_the_other_calls_of_its_family_back() {
    let (aws, came) = aws(|nth, _| if nth == 0 { Fate::Throttled } else { Fate::Answered });
    let start = Instant::now();
    let others = async {
        // After the throttle, long before it is tried again.
        tokio::time::sleep(Duration::from_micros(1)).await;
        join_all((0..4).map(|_| describe(&aws))).await
    };
    let (first, others) = tokio::join!(describe(&aws), others);
    assert!(first.is_ok() && others.iter().all(Result::is_ok));
    let waited = came.lock().unwrap()[1] - start;
    assert!(waited >= Duration::from_millis(60), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_throttles_errors_and_lost_answers_is_ridden_out() {
    let (aws, came) = aws(|nth, attempt| match nth * 7919 % 100 {
        // No luck is needed.
        _ if attempt > 11 => Fate::Answered,
        0..30 => Fate::Throttled,
        30..35 => Fate::Broken,
        35..37 => Fate::Lost,
        _ => Fate::Answered,
    });
    for round in 0..30 {
        let all = join_all((0..40).map(|_| describe(&aws))).await;
        let failed = all.iter().find_map(|one| one.as_ref().err());
        assert_eq!(failed, None, "in round {round}");
    }
    assert!(came.lock().unwrap().len() > 1800);
}

#[tokio::test(start_paused = true)]
async fn where_nobody_ever_answers_a_run_ends_soon() {
    let (aws, came) = aws(|_, _| Fate::Lost);
    let start = Instant::now();
    let all = join_all((0..8).map(|_| describe(&aws))).await;
    assert!(all.iter().all(|one| one.as_ref().is_err_and(Failure::is_unheard)));
    assert!(all[0].as_ref().unwrap_err().message.ends_with("connection reset"), "{:?}", all[0]);
    assert!(start.elapsed() < SILENCE + Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(came.lock().unwrap().len() < 8 * 9);
}

#[tokio::test(start_paused = true)]
async fn a_network_that_goes_away_for_half_a_minute_is_waited_for() {
    let start = Instant::now();
    let (aws, came) = aws(move |nth, _| match start.elapsed().as_secs() {
        0..30 if nth > 0 => Fate::Lost,
        _ => Fate::Answered,
    });
    describe(&aws).await.unwrap();
    describe(&aws).await.unwrap();
    assert!(came.lock().unwrap().len() > 3);
}
