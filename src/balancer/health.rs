//! Health checks: one good answer brings a new target into service; then the thresholds decide.

use super::{
    Shared, forward,
    pool::{HEALTHY, INITIAL, Stage, Target, UNHEALTHY},
    wanted::Health,
};
use hyper::{Request, header};
use serde_json::json;
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::time::{Instant, sleep_until, timeout};

/// A new target is looked at as often, so that it does not wait for a whole interval.
const FIRST: Duration = Duration::from_millis(200);

/// Looks after a target until it has left its group.
pub(super) async fn watch(shared: Arc<Shared>, group: String, target: Arc<Target>) {
    let (mut good, mut bad) = (0, 0);
    let registered = Instant::now();
    while target.is_in() {
        let began = Instant::now();
        let Some(wanted) = shared.group(&group).map(|group| group.wanted.health.clone()) else {
            return;
        };
        let said = check(&shared, &wanted, &target).await;
        (good, bad) = if said.is_ok() { (good + 1, 0) } else { (0, bad + 1) };
        let was = target.health.load(Relaxed);
        let patience = seconds(wanted.interval) * wanted.unhealthy;
        let now = match was {
            INITIAL if good > 0 => HEALTHY,
            INITIAL if registered.elapsed() >= patience => UNHEALTHY,
            UNHEALTHY if good >= wanted.healthy => HEALTHY,
            HEALTHY if bad >= wanted.unhealthy => UNHEALTHY,
            same => same,
        };
        if now != was && target.is_in() {
            target.health.store(now, Relaxed);
            let (state, why) = match said {
                Ok(()) => ("healthy", None),
                Err(why) => ("unhealthy", Some(why)),
            };
            (shared.tell)(
                &json!({ "group": group, "target": target.id, "state": state, "why": why }),
            );
        }
        let pause = seconds(wanted.interval);
        let pause = if now == INITIAL { pause.min(FIRST) } else { pause };
        tokio::select! {
            () = sleep_until(began + pause) => {}
            () = target.reached(Stage::Left) => {}
        }
    }
}

fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or_default()
}

/// Asks once; an error is AWS's code for the reason.
async fn check(shared: &Shared, health: &Health, target: &Target) -> Result<(), &'static str> {
    const FAILED: &str = "Target.FailedHealthChecks";
    let request = Request::get(format!("http://{}{}", target.address, health.path))
        .header(header::USER_AGENT, "ELB-HealthChecker/2.0")
        // A check that is answered on an old connection says nothing of a new one.
        .header(header::CONNECTION, "close")
        .body(forward::whole(hyper::body::Bytes::new()));
    let asked = shared.client.request(request.map_err(|_| FAILED)?);
    match timeout(seconds(health.timeout), asked).await {
        Ok(Ok(answer)) if health.takes(answer.status().as_u16()) => Ok(()),
        Ok(Ok(_)) => Err("Target.ResponseCodeMismatch"),
        Ok(Err(_)) => Err(FAILED),
        Err(_) => Err("Target.Timeout"),
    }
}
