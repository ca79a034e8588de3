//! Killed at any call, before or after AWS did what it asked: the next run finishes the work.

use super::{Calm, Site, for_each, in_full, tell};
use crate::proxy::{Moment, Weather};
use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Instant,
};

/// Where two runs of one life are killed.
#[derive(Clone, Copy)]
struct Point {
    up: u64,
    destroy: u64,
    moment: Moment,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { up, destroy, moment } = self;
        let moment = if *moment == Moment::Before { "before" } else { "after" };
        write!(f, "a kill {moment} AWS did call {up} of `up` or call {destroy} of `destroy`")
    }
}

/// Every point of both runs, or one in so many of them.
fn points(calm: &Calm) -> Vec<Point> {
    const SAMPLE: usize = 13;
    let all = (1..=calm.up.max(calm.destroy)).flat_map(|call| {
        [Moment::Before, Moment::After].map(|moment| Point {
            up: call.min(calm.up),
            destroy: call.min(calm.destroy),
            moment,
        })
    });
    if in_full() { all.collect() } else { all.step_by(SAMPLE).collect() }
}

#[test]
fn whichever_call_a_run_is_killed_at_the_next_one_ends_where_an_undisturbed_one_does() {
    let began = Instant::now();
    let calm = Calm::of("demo");
    let points = points(&calm);
    let (all, killed) = (points.len(), AtomicU32::new(0));
    for_each(points, |point| {
        let site = Site::new("demo", Weather::calm());
        let mut up = site.desk.command(&["up", &site.file, "--yes"]);
        let run = site.proxy.run_and_kill(&mut up, point.up, point.moment);
        killed.fetch_add(u32::from(run.status.code().is_none()), Relaxed);
        site.up();
        site.assert_stands(&calm, &point);

        let mut destroy = site.desk.command(&["destroy", "--yes", &site.file]);
        let run = site.proxy.run_and_kill(&mut destroy, point.destroy, point.moment);
        killed.fetch_add(u32::from(run.status.code().is_none()), Relaxed);
        site.destroy();
        site.assert_gone(&calm, &point);
    });
    let killed = killed.into_inner();
    // States are looked at until they pass, and the calm `destroy`, right after an `up`, read twice:
    // some runs have ended before their call comes.
    assert!(killed as usize > all * 2 * 8 / 10, "{killed} of {} runs were killed", all * 2);
    tell(
        "kills",
        format_args!(
            "{killed} runs killed at {all} points of {} calls of `up` and {} of `destroy`: no \
             duplicate, no orphan, {:.0} s",
            calm.up,
            calm.destroy,
            began.elapsed().as_secs_f64()
        ),
    );
}
