//! How the lock behaves when runs meet, end, are killed, and are cut off: on a toy shelf, in no time.

mod meetings;

use super::*;
use anyhow::bail;
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
    /// What somebody else makes just after the next overwriting.
    meanwhile: Arc<Mutex<Option<(u64, String)>>>,
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
        let meanwhile = self.meanwhile.lock().unwrap().take();
        for (generation, value) in [(generation, value)].into_iter().chain(meanwhile) {
            self.now.lock().unwrap().insert(generation, (value, Instant::now()));
        }
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

/// Takes it having seen this, and nothing since.
async fn take_after(toy: &Toy, name: &str, seen: &Standing) -> Result<Lock<Toy>, Standing> {
    let stop = Stop::default();
    Lock::take(toy.clone(), somebody(name), seen.clone(), &stop).await.unwrap()
}

fn doing(standing: &Standing) -> &str {
    &standing.holder().unwrap().doing
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
    assert_eq!(doing(&seen), "one");
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
    let other = take_after(&toy, "two", &Standing::of(Vec::new())).await;
    assert_eq!(doing(&other.unwrap_err()), "one");
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
async fn who_thinks_for_long_does_not_take_their_own_silence_for_the_holders() {
    let toy = Toy::default();
    let _lock = take(&toy, "one").await;
    let seen = Standing::read(&toy).await.unwrap();
    sleep(LEASE).await;
    assert_eq!(doing(&take_after(&toy, "two", &seen).await.unwrap_err()), "one");
}

#[tokio::test(start_paused = true)]
async fn what_was_read_while_somebody_worked_is_read_again_however_long_their_last_heartbeat_is_ago()
 {
    let toy = Toy::default();
    let lock = take(&toy, "one").await;
    sleep(Duration::from_secs(10)).await;
    let began = Instant::now();
    assert!(!Standing::read(&toy).await.unwrap().rested_since(began));
    drop(lock);
    sleep(LEASE).await;
    let began = Instant::now();
    assert!(Standing::read(&toy).await.unwrap().rested_since(began), "killed long ago");
}

#[tokio::test(start_paused = true)]
async fn what_was_read_is_of_one_moment_only_if_nobody_held_the_lock_before_it_or_after_it() {
    let toy = Toy::default();
    let began = Instant::now();
    let seen = Standing::read(&toy).await.unwrap();
    assert!(seen.rested_between(began, &Standing::read(&toy).await.unwrap()));
    let lock = take(&toy, "one").await;
    let held = Standing::read(&toy).await.unwrap();
    assert!(!seen.rested_between(began, &held), "one began meanwhile");
    lock.release(SOON).await.unwrap();
    let released = Standing::read(&toy).await.unwrap();
    assert!(!held.rested_between(began, &released), "one ended meanwhile");
    assert!(!seen.rested_between(began, &released), "one began and ended meanwhile");
    assert!(!released.rested_between(began, &released), "one ended just before");
    sleep(Duration::from_secs(10)).await;
    let began = Instant::now();
    let released = Standing::read(&toy).await.unwrap();
    assert!(released.rested_between(began, &released));
    drop(take(&toy, "killed").await);
    sleep(LEASE).await;
    let began = Instant::now();
    let killed = Standing::read(&toy).await.unwrap();
    assert!(killed.rested_between(began, &killed), "who was killed long ago writes no more");
}

#[tokio::test(start_paused = true)]
async fn a_number_from_before_the_stack_was_destroyed_holds_nothing() {
    let toy = Toy::default();
    for _ in 0..5 {
        take(&toy, "one").await.release(SOON).await.unwrap();
    }
    let seen = Standing::read(&toy).await.unwrap();
    take(&toy, "two").await.erase().await.unwrap();
    let late = take_after(&toy, "late", &seen).await.unwrap();
    assert_eq!(late.generation, 1);
    assert!(!late.follows(&seen), "its plan is of a stack that is gone");
    late.erase().await.unwrap();

    let _three = take(&toy, "three").await;
    assert_eq!(doing(&take_after(&toy, "late", &seen).await.unwrap_err()), "three");
    assert_eq!(toy.generations(), [1]);
}

#[tokio::test(start_paused = true)]
async fn of_one_that_renews_late_and_one_that_succeeds_it_each_sees_the_other() {
    let toy = Toy::default();
    let one = somebody("one");
    toy.add(1, one.held()).await.unwrap();
    sleep(LEASE).await;
    let seen = Standing::read(&toy).await.unwrap();
    assert!(seen.holder().is_none());
    toy.overwrite(1, one.held()).await.unwrap();
    assert_eq!(doing(&take_after(&toy, "two", &seen).await.unwrap_err()), "one");
    assert_eq!(toy.generations(), [1]);

    *toy.meanwhile.lock().unwrap() = Some((2, somebody("two").held()));
    let lost = heart::renew(&toy, 1, &one, true).await.unwrap();
    assert!(lost.unwrap().contains("taken over by `two`"));
}

#[tokio::test(start_paused = true)]
async fn one_that_was_taken_away_is_not_written_again_by_who_held_it() {
    let toy = Toy::default();
    let lock = take(&toy, "one").await;
    let seen = Standing::read(&toy).await.unwrap();
    unlock(&toy, &somebody("admin"), &seen).await.unwrap();
    take(&toy, "two").await.erase().await.unwrap();
    assert!(!lock.release(SOON).await.unwrap(), "it was taken away");
    assert!(toy.generations().is_empty());
    assert!(unlock(&toy, &somebody("admin"), &seen).await.is_err(), "it is not what was seen");
    assert!(toy.generations().is_empty());
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
