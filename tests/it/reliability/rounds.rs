//! Many rounds of the same, as many at once as the machine has room for.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    thread,
};

/// How much of the machine a round takes, in thirds of what one takes that is mostly at work.
#[derive(Clone, Copy)]
enum Weight {
    /// It waits nearly all the time.
    Light = 1,
    Full = 3,
}

/// How many thirds there are, for the rounds of all tests together: what starves is late, and these
/// tests are about being in time.
fn room() -> usize {
    thread::available_parallelism().map_or(2, usize::from) * 4 * Weight::Full as usize
}

/// One's place among the rounds that are played; it is another's when this is dropped.
struct Place(Weight);

static TAKEN: Mutex<usize> = Mutex::new(0);
static LEFT: Condvar = Condvar::new();

impl Place {
    fn take(weight: Weight) -> Self {
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |taken: &mut usize| *taken + weight as usize > room();
        *LEFT.wait_while(taken, full).unwrap_or_else(PoisonError::into_inner) += weight as usize;
        Self(weight)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= self.0 as usize;
        LEFT.notify_all();
    }
}

/// Plays a round with each of these.
pub(crate) fn for_each<T: Send>(items: impl IntoIterator<Item = T>, play: impl Fn(T) + Sync) {
    play_all(Weight::Full, items, play);
}

/// The same where a round waits nearly all the time: more of them at once.
pub(crate) fn for_each_patient<T: Send>(
    items: impl IntoIterator<Item = T>,
    play: impl Fn(T) + Sync,
) {
    play_all(Weight::Light, items, play);
}

fn play_all<T: Send>(weight: Weight, items: impl IntoIterator<Item = T>, play: impl Fn(T) + Sync) {
    let items: Vec<_> = items.into_iter().collect();
    let players = (room() / weight as usize).min(items.len());
    let items = Mutex::new(items.into_iter());
    thread::scope(|scope| {
        for _ in 0..players {
            scope.spawn(|| {
                loop {
                    let place = Place::take(weight);
                    let item = items.lock().unwrap().next();
                    let Some(item) = item else { break };
                    play(item);
                    drop(place);
                }
            });
        }
    });
}
