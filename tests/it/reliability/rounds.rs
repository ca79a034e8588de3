//! Many rounds of the same, as many at once as the machine has room for.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    thread,
};

/// How many rounds there is room for, whichever tests they are of: a round mostly waits, but what
/// starves is late, and these tests are about being in time.
fn room() -> usize {
    thread::available_parallelism().map_or(2, usize::from) * 2
}

/// One's place among the rounds that are played; it is another's when this is dropped.
struct Place;

static TAKEN: Mutex<usize> = Mutex::new(0);
static LEFT: Condvar = Condvar::new();

impl Place {
    fn take() -> Self {
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |taken: &mut usize| *taken >= room();
        *LEFT.wait_while(taken, full).unwrap_or_else(PoisonError::into_inner) += 1;
        Self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        LEFT.notify_one();
    }
}

/// Plays a round with each of these.
pub(crate) fn for_each<T: Send>(items: impl IntoIterator<Item = T>, play: impl Fn(T) + Sync) {
    let items: Vec<_> = items.into_iter().collect();
    let players = room().min(items.len());
    let items = Mutex::new(items.into_iter());
    thread::scope(|scope| {
        for _ in 0..players {
            scope.spawn(|| {
                loop {
                    let place = Place::take();
                    let item = items.lock().unwrap().next();
                    let Some(item) = item else { break };
                    play(item);
                    drop(place);
                }
            });
        }
    });
}
