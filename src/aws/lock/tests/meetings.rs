//! Runs that begin, think, work, end and are killed at any time: never do two work at once.

use super::{Standing, Stop, Toy, somebody};
use crate::aws::lock::Lock;
use proptest::prelude::*;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::time::sleep;

/// What one of several runs does: begins, thinks about what it read, works, and ends.
#[derive(Clone, Debug)]
struct Life {
    begins: u64,
    thinks: u64,
    works: u64,
    end: End,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Released,
    Erased,
    Killed,
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let end = prop_oneof![Just(End::Released), Just(End::Erased), Just(End::Killed)];
    let thinks = prop_oneof![Just(0), 0..100_000_u64];
    let life = (0..200_000_u64, thinks, 0..90_000_u64, end);
    let life = life.prop_map(|(begins, thinks, works, end)| Life { begins, thinks, works, end });
    prop::collection::vec(life, 2..7)
}

/// Runs all at once, and tells how often two worked at the same time, and how many worked at all.
async fn meet(lives: Vec<Life>, slow: u64, dice: u64) -> (u32, u32) {
    let toy = Toy { slow, dice: Arc::new(AtomicU64::new(dice)), ..Toy::default() };
    let (working, clashes, worked) = <(Arc<AtomicU32>, Arc<AtomicU32>, Arc<AtomicU32>)>::default();
    let mut runs = tokio::task::JoinSet::new();
    for (i, life) in lives.into_iter().enumerate() {
        let (toy, working, clashes, worked) =
            (toy.clone(), working.clone(), clashes.clone(), worked.clone());
        runs.spawn(async move {
            sleep(Duration::from_millis(life.begins)).await;
            let stop = Stop::default();
            let name = format!("run {i}");
            let mut seen = Standing::read(&toy).await.unwrap();
            sleep(Duration::from_millis(life.thinks)).await;
            let lock = loop {
                match Lock::take(toy.clone(), somebody(&name), seen, &stop).await.unwrap() {
                    Ok(lock) => break lock,
                    Err(_) => sleep(Duration::from_secs(3)).await,
                }
                seen = Standing::read(&toy).await.unwrap();
            };
            if working.fetch_add(1, SeqCst) > 0 {
                clashes.fetch_add(1, SeqCst);
            }
            tokio::select! {
                () = sleep(Duration::from_millis(life.works)) => {}
                () = stop.raised() => { clashes.fetch_add(1, SeqCst); }
            }
            working.fetch_sub(1, SeqCst);
            worked.fetch_add(1, SeqCst);
            match life.end {
                End::Released => assert!(lock.release(Duration::from_secs(20)).await.unwrap()),
                End::Erased => lock.erase().await.unwrap(),
                End::Killed => drop(lock),
            }
        });
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
    (clashes.load(SeqCst), worked.load(SeqCst))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_do_two_work_at_once_and_everybody_gets_a_turn(
        lives in lives(),
        slow in 0..3_000_u64,
        dice: u64,
    ) {
        let all = lives.len();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let (clashes, worked) = runtime.block_on(meet(lives, slow, dice));
        prop_assert_eq!(clashes, 0);
        prop_assert_eq!(worked as usize, all);
    }
}
