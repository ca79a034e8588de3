//! Whether a process of this machine still runs: a killed run need not be waited for where that is
//! known.
//!
//! Known it is on Linux alone, whose `/proc` tells processes apart for good: by boot, by namespace of
//! process ids (containers), by id, and by the moment of their start.

use std::fs;

/// This process, for [`has_ended`] to be asked later; `None` where the machine does not tell.
pub(super) fn me() -> Option<String> {
    let pid = std::process::id();
    Some(format!("{} {pid} {}", place()?, started(pid)?))
}

/// Whether this process was of this machine, and is no more. Of another machine's, and where other
/// users' processes are hidden: no.
pub(super) fn has_ended(process: &str) -> bool {
    let parts: Vec<_> = process.split(' ').collect();
    let [boot, namespace, pid, start] = parts[..] else { return false };
    let (Some(here), Ok(pid)) = (place(), pid.parse()) else { return false };
    here == format!("{boot} {namespace}") && sees_all() && started(pid).as_deref() != Some(start)
}

/// Whether processes of other users can be seen: where `/proc` was mounted with `hidepid`, the first
/// one cannot.
fn sees_all() -> bool {
    fs::read_to_string("/proc/1/stat").is_ok()
}

/// The boot, and the namespace in which ids count.
fn place() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.to_str()?))
}

/// When a process started, in ticks since boot; `None` if there is none that runs.
fn started(pid: u32) -> Option<String> {
    let told = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it is in parentheses, and may itself have spaces and parentheses.
    let fields: Vec<_> = told.rsplit_once(')')?.1.split_whitespace().collect();
    let (state, start) = (fields.first()?, fields.get(19)?);
    (!["Z", "X"].contains(state)).then(|| (*start).to_owned())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_process_that_runs_has_not_ended() {
        assert!(!has_ended(&me().unwrap()));
    }

    #[test]
    fn one_that_was_killed_has_ended_even_before_it_is_reaped() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let start = started(child.id()).unwrap();
        let process = format!("{} {} {start}", place().unwrap(), child.id());
        assert!(!has_ended(&process));
        child.kill().unwrap();
        while !has_ended(&process) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(has_ended(&process));
    }

    #[test]
    fn another_one_with_the_same_id_does_not_count() {
        let mine = me().unwrap();
        assert!(has_ended(&format!("{mine}0")));
    }

    #[test]
    fn of_other_machines_nothing_is_known() {
        for other in ["", "boot ns 1 1", "x"] {
            assert!(!has_ended(other));
        }
    }
}
