//! Variables of the AWS configuration that are set and empty count as not set, as in the AWS CLI.

use anyhow::{Context, Result};
use std::{
    env,
    ffi::{OsStr, OsString},
    process::Command,
};

/// Begins anew without them, if there are any: the SDK would take an empty endpoint for a URL, and
/// panic, in clients of its own too (SSO, STS), and a running process cannot take a variable out of
/// its environment safely.
///
/// # Errors
/// When the program cannot be begun anew.
pub(super) fn begin_without_empty() -> Result<()> {
    let empty: Vec<OsString> =
        env::vars_os().filter(|(name, value)| counts(name, value)).map(|(name, _)| name).collect();
    if empty.is_empty() {
        return Ok(());
    }
    let told = "AWS_ENDPOINT_URL or AWS_PROFILE is set and empty: unset it";
    let mut command = Command::new(env::current_exe().context(told)?);
    command.args(env::args_os().skip(1));
    for name in &empty {
        command.env_remove(name);
    }
    replace(command).context(told)
}

fn counts(name: &OsStr, value: &OsStr) -> bool {
    let named = |name: &str| name == "AWS_PROFILE" || name.starts_with("AWS_ENDPOINT_URL");
    value.is_empty() && name.to_str().is_some_and(named)
}

/// Goes on as the same process, so that signals and the exit code are its own.
#[cfg(unix)]
fn replace(mut command: Command) -> Result<()> {
    Err(std::os::unix::process::CommandExt::exec(&mut command).into())
}

#[cfg(not(unix))]
fn replace(mut command: Command) -> Result<()> {
    std::process::exit(command.status()?.code().unwrap_or(1))
}
