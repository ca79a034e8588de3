//! A command of the user's, as long as which the probe runs.

use crate::engine::Stop;
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Serialize;
use std::{
    io,
    os::{fd::AsFd, unix::process::ExitStatusExt},
    process::{ExitStatus, Stdio},
};
use tokio::{
    process::Command,
    time::{Duration, Instant, timeout},
};

/// How long a command may go on after it was asked to end.
const GRACE: Duration = Duration::from_secs(5);

/// A command that has ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ran {
    /// As it was given.
    pub command: String,
    /// Its exit code; 128 and the signal's number where one ended it.
    pub exit_code: u8,
    /// How long it took.
    pub seconds: f64,
}

/// Runs a command of the shell. What it says goes to stderr, and it is asked nothing.
///
/// When stopping is asked for, it gets SIGTERM, and everything that it has started.
pub(super) async fn run(command: &str, stop: &Stop) -> Result<Ran> {
    let began = Instant::now();
    let to_stderr = || io::stderr().as_fd().try_clone_to_owned().map(Stdio::from);
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(to_stderr().context("cannot hand on stderr")?)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("cannot run `sh`")?;
    let group = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
    let status = tokio::select! {
        status = child.wait() => status,
        () = stop.raised() => {
            if let Some(group) = group {
                // It may have ended by itself meanwhile.
                kill_process_group(group, Signal::TERM).ok();
            }
            if let Ok(status) = timeout(GRACE, child.wait()).await {
                status
            } else {
                child.start_kill().context("cannot end the command")?;
                child.wait().await
            }
        }
    };
    let exit_code = code(status.context("cannot wait for the command")?);
    Ok(Ran { command: command.to_owned(), exit_code, seconds: began.elapsed().as_secs_f64() })
}

/// As a shell tells it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| code.try_into().ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_brings_its_exit_code_along() {
        let code = async |command| run(command, &Stop::default()).await.unwrap().exit_code;
        assert_eq!(code("exit 7").await, 7);
        assert_eq!(code("true").await, 0);
        assert_eq!(code("kill -9 $$").await, 137);
    }

    #[tokio::test]
    async fn a_command_ends_with_what_it_has_started_when_stopping_is_asked_for() {
        let stop = Stop::default();
        let raise = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            stop.raise();
        };
        let began = Instant::now();
        let (ran, ()) = tokio::join!(run("sleep 60; true", &stop), raise);
        assert_eq!(ran.unwrap().exit_code, 143);
        assert!(began.elapsed() < GRACE);
    }
}
