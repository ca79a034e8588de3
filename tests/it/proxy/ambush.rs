//! Death at a known call: the process that makes it is killed while it waits for the answer.

use std::{
    process::Command,
    sync::{Arc, Condvar, Mutex},
};

/// When the blow falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// AWS never hears of the call.
    Before,
    /// AWS does it, and nobody is left to hear so.
    After,
}

/// A blow at the call with this number; that call is never answered.
pub(super) struct Ambush {
    pub(super) at: u64,
    pub(super) moment: Moment,
    pub(super) strike: Box<dyn FnOnce() + Send>,
}

/// The process that is to be killed, which may be named after its first call was made.
#[derive(Clone, Default)]
pub(super) struct Victim(Arc<(Mutex<Option<u32>>, Condvar)>);

impl Victim {
    pub(super) fn is(&self, pid: u32) {
        *self.0.0.lock().unwrap() = Some(pid);
        self.0.1.notify_all();
    }

    /// Kills it, as soon as it is known.
    pub(super) fn kill(&self) {
        let known = self.0.1.wait_while(self.0.0.lock().unwrap(), |pid| pid.is_none()).unwrap();
        let pid = known.expect("it was waited for").to_string();
        // One that has ended by itself is dead as well.
        let _ = Command::new("kill").args(["-9", &pid]).output();
    }
}
