//! Spreads users anew: the duration is shortened for a while, and what it was is noted beforehand.

use super::{Group, change::words, put, switch};
use crate::{
    aws::Aws,
    cli::{Ended, Session},
    kinds::{TargetGroup, target_group::Hold},
    spec::{Seconds, Stickiness},
};
use anyhow::Result;
use serde::Serialize;
use std::{
    fmt::{self, Display},
    time::Duration,
};
use tokio::time::sleep;

/// How much longer than the wait the note counts: what is broken off meanwhile can be told as that.
const MARGIN: Duration = Duration::from_secs(30);

/// What was done.
#[derive(Debug, Serialize)]
struct Rebalanced {
    target_group: String,
    stickiness: Stickiness,
    waited: Seconds,
}

pub(super) async fn run(
    aws: &Aws,
    groups: &[Group],
    short: &Stickiness,
    wait: Seconds,
    session: &Session,
) -> Result<Ended> {
    let stop = session.signals.orderly();
    let time = Duration::from_secs(wait.get().into());
    for group in groups {
        let shortened_from = group.kept.now().duration().map(Seconds::get);
        let hold = Hold { shortened_from, ..Hold::lasting(time + MARGIN) };
        switch(aws, group, Some(short), Some(hold)).await?;
        session.ui.say(format_args!("stickiness of {}: {} for {wait}", group.name, words(short)));
    }
    tokio::select! {
        () = sleep(time) => {}
        () = stop.raised() => {}
    }
    for group in groups {
        let before = group.kept.now();
        put(aws, group, &before).await?;
        TargetGroup::release(aws, &group.arn).await?;
        session.ui.result(&Rebalanced {
            target_group: group.name.clone(),
            stickiness: before,
            waited: wait,
        })?;
    }
    let interrupted = stop.is_raised();
    session.signals.abrupt();
    Ok(if interrupted { Ended::Interrupted } else { Ended::Done })
}

impl Display for Rebalanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target_group, stickiness, .. } = self;
        write!(f, "stickiness of {target_group}: {} again", words(stickiness))
    }
}
