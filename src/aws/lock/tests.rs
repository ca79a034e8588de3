//! How the lock behaves when runs meet, end, are killed, and are cut off: on a toy shelf, in no time.

use super::*;
use anyhow::bail;
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst},
    },
};

type Written = BTreeMap<u64, (String, Instant)>;

/// A shelf that can be slow, late, deaf and unreachable.
#[derive(Clone, Debug, Default)]
struct Toy {
    now: Arc<Mutex<Written>>,
    /// What listings show for so many more times.
    late: Arc<Mutex<(u32, Written)>>,
    /// So many makings are carried out without an answer.
    unheard: Arc<AtomicU32>,
    unreachable: Arc<AtomicBool>,
    fence: Fence,
    /// Up to so many milliseconds pass before and after each call, by turns that look like chance.
    slow: u64,
    dice: Arc<AtomicU64>,
}

impl Toy {
    async fn travel(&self) {
        let roll = self.dice.fetch_add(0x9E37_79B9_7F4A_7C15, SeqCst) >> 33;
        sleep(Duration::from_millis(roll % (self.slow + 1))).await;
    }

    fn generations(&self) -> Vec<u64> {
        self.now.lock().unwrap().keys().copied().collect()
    }

    fn listing_is_late(&self, times: u32) {
        *self.late.lock().unwrap() = (times, self.now.lock().unwrap().clone());
    }

    async fn reach(&self) -> Result<()> {
        self.travel().await;
        if self.unreachable.load(SeqCst) {
            bail!("no route to host");
        }
        Ok(())
    }
}

impl Shelf for Toy {
    async fn list(&self) -> Result<Vec<Entry>> {
        self.reach().await?;
        let read = {
            let mut late = self.late.lock().unwrap();
            if late.0 > 0 {
                late.0 -= 1;
                late.1.clone()
            } else {
                self.now.lock().unwrap().clone()
            }
        };
        self.travel().await;
        let entry = |(generation, (value, written)): (u64, (String, Instant))| Entry {
            generation,
            value,
            age: written.elapsed(),
        };
        Ok(read.into_iter().map(entry).collect())
    }

    async fn add(&self, generation: u64, value: String) -> Result<bool> {
        self.reach().await?;
        let added = {
            let mut now = self.now.lock().unwrap();
            let free = !now.contains_key(&generation);
            if free {
                now.insert(generation, (value, Instant::now()));
            }
            free
        };
        self.travel().await;
        let unheard = self.unheard.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        // The SDK sends once more, and finds its own there.
        Ok(added && !unheard)
    }

    async fn overwrite(&self, generation: u64, value: String) -> Result<()> {
        self.reach().await?;
        self.now.lock().unwrap().insert(generation, (value, Instant::now()));
        self.travel().await;
        Ok(())
    }

    fn fence(&self) -> Fence {
        self.fence.clone()
    }

    async fn remove(&self, generations: Vec<u64>) -> Result<()> {
        self.reach().await?;
        self.now.lock().unwrap().retain(|generation, _| !generations.contains(generation));
        self.travel().await;
        Ok(())
    }
}

/// Somebody on another machine, of whose process nothing is known here.
fn somebody(name: &str) -> Holder {
    Holder { run: name.into(), process: String::new(), ..Holder::me(name, "arn") }
}

async fn try_take(toy: &Toy, name: &str, stop: &Stop) -> Result<Lock<Toy>, Standing> {
    let seen = Standing::read(toy).await.unwrap();
    Lock::take(toy.clone(), somebody(name), seen, stop).await.unwrap()
}

async fn take(toy: &Toy, name: &str) -> Lock<Toy> {
    try_take(toy, name, &Stop::default()).await.unwrap()
}

const SOON: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn it_is_taken_released_and_taken_again_and_one_generation_stays() {
    let toy = Toy::default();
    for run in 1..=3 {
        let lock = take(&toy, "one").await;
        sleep(SOON).await;
        assert_eq!(toy.generations(), [run], "what is older goes");
        lock.release(SOON).await.unwrap();
    }
    assert_eq!(toy.generations(), [3]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_held_is_not_taken_and_its_holder_is_told() {
    let toy = Toy::default();
    let lock = take(&toy, "one").await;
    sleep(Duration::from_mins(10)).await;
    let seen = try_take(&toy, "two", &Stop::default()).await.unwrap_err();
    assert_eq!(seen.holder().unwrap().doing, "one");
    assert!(seen.silence() <= heart::BEAT, "it is renewed");
    lock.release(SOON).await.unwrap();
    assert!(try_take(&toy, "two", &Stop::default()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_killed_runs_lock_is_free_within_ninety_seconds_and_not_at_once() {
    let toy = Toy::default();
    let lock = take(&toy, "one").await;
    sleep(Duration::from_secs(30)).await;
    drop(lock);
    let killed = Instant::now();
    while try_take(&toy, "two", &Stop::default()).await.is_err() {
        sleep(SOON).await;
    }
    let waited = killed.elapsed();
    assert!(waited > Duration::from_secs(40) && waited < Duration::from_secs(90), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_killed_run_of_this_machine_is_succeeded_at_once() {
    let toy = Toy::default();
    let gone = Holder { process: Holder::me("one", "arn").process + "0", ..somebody("one") };
    let seen = Standing::read(&toy).await.unwrap();
    drop(Lock::take(toy.clone(), gone, seen, &Stop::default()).await.unwrap().unwrap());
    let known = cfg!(target_os = "linux");
    assert_eq!(try_take(&toy, "two", &Stop::default()).await.is_ok(), known);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_lost_its_lock_notices_at_the_next_heartbeat() {
    let toy = Toy::default();
    let stop = Stop::default();
    let lock = try_take(&toy, "one", &stop).await.unwrap();
    let seen = Standing::read(&toy).await.unwrap();
    unlock(&toy, &somebody("admin"), &seen).await.unwrap();
    let other = take(&toy, "two").await;
    assert!(!stop.is_raised());
    sleep(heart::BEAT + SOON).await;
    assert!(stop.is_raised());
    assert!(lock.lost().unwrap().contains("taken over by `two`"), "{:?}", lock.lost());
    lock.release(SOON).await.unwrap();
    sleep(heart::BEAT * 2).await;
    assert_eq!(other.lost(), None, "what was lost is not given back");
    assert!(try_take(&toy, "three", &stop).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cut_off_stops_before_others_may_begin() {
    let toy = Toy::default();
    let stop = Stop::default();
    let lock = try_take(&toy, "one", &stop).await.unwrap();
    sleep(Duration::from_secs(130)).await;
    toy.unreachable.store(true, SeqCst);
    stop.raised().await;
    assert!(lock.lost().unwrap().contains("no route to host"), "{:?}", lock.lost());
    toy.unreachable.store(false, SeqCst);
    assert!(try_take(&toy, "two", &Stop::default()).await.is_err(), "it still has time to end");
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_costs_nothing() {
    let toy = Toy::default();
    let stop = Stop::default();
    let lock = try_take(&toy, "one", &stop).await.unwrap();
    for _ in 0..5 {
        toy.unreachable.store(true, SeqCst);
        sleep(Duration::from_secs(25)).await;
        toy.unreachable.store(false, SeqCst);
        sleep(Duration::from_secs(25)).await;
    }
    assert!(!stop.is_raised() && lock.lost().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_the_making_is_known_as_ones_own() {
    let toy = Toy::default();
    toy.unheard.store(1, SeqCst);
    let lock = take(&toy, "one").await;
    assert_eq!(lock.generation, 1);
}

#[tokio::test(start_paused = true)]
async fn a_late_listing_lets_nobody_else_in() {
    let toy = Toy::default();
    toy.listing_is_late(3);
    let lock = take(&toy, "one").await;
    toy.listing_is_late(0);
    *toy.late.lock().unwrap() = (3, Written::new());
    let (seen, stop) = (Standing::of(Vec::new()), Stop::default());
    let other = Lock::take(toy.clone(), somebody("two"), seen, &stop);
    assert_eq!(other.await.unwrap().unwrap_err().holder().unwrap().doing, "one");
    assert_eq!(lock.lost(), None);
}

#[tokio::test(start_paused = true)]
async fn who_read_before_somebody_else_wrote_is_told_so() {
    let toy = Toy::default();
    take(&toy, "one").await.release(SOON).await.unwrap();
    let began = Instant::now();
    let seen = Standing::read(&toy).await.unwrap();
    assert!(!seen.rested_since(began), "it was released while one read, as far as clocks tell");
    sleep(Duration::from_secs(10)).await;
    let began = Instant::now();
    let rested = Standing::read(&toy).await.unwrap();
    assert!(rested.rested_since(began));
    let lock = take(&toy, "two").await;
    assert!(lock.follows(&rested));
    lock.release(SOON).await.unwrap();
    assert!(!take(&toy, "three").await.follows(&rested));
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_is_gone_leaves_no_trace() {
    let toy = Toy::default();
    take(&toy, "one").await.release(SOON).await.unwrap();
    take(&toy, "two").await.erase().await.unwrap();
    assert!(toy.generations().is_empty());
}

#[tokio::test(start_paused = true)]
async fn unlocking_one_that_changed_hands_meanwhile_is_refused() {
    let toy = Toy::default();
    let lock = take(&toy, "one").await;
    let seen = Standing::read(&toy).await.unwrap();
    lock.release(SOON).await.unwrap();
    let _two = take(&toy, "two").await;
    let refused = unlock(&toy, &somebody("admin"), &seen).await.unwrap_err();
    assert!(refused.to_string().contains("changed hands"), "{refused}");
}

/// What one of several runs does: begins, works, and ends or is killed.
#[derive(Clone, Debug)]
struct Life {
    begins: u64,
    works: u64,
    killed: bool,
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let life = (0..200_000_u64, 0..90_000_u64, any::<bool>());
    let life = life.prop_map(|(begins, works, killed)| Life { begins, works, killed });
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
            let lock = loop {
                match try_take(&toy, &name, &stop).await {
                    Ok(lock) => break lock,
                    Err(_) => sleep(Duration::from_secs(3)).await,
                }
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
            if life.killed {
                drop(lock);
            } else {
                lock.release(Duration::from_secs(20)).await.unwrap();
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
