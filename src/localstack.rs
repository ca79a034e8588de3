//! The emulator that comes with the binary: unpacked into the cache folder, started by Python.

pub mod twin;

use crate::{engine::sealed::digest, ui::Trouble};
use anyhow::{Context, Result};
use serde::Serialize;
use std::{
    env,
    ffi::OsStr,
    fmt::{self, Display},
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{net::TcpStream, process::Command, time::timeout};

/// The port it listens on unless told otherwise.
pub const PORT: u16 = 4566;

/// The files of the folder `localstack/`: path below it, and text.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/localstack.rs"));

/// Whether an emulator answers, and where.
#[derive(Debug, Serialize)]
pub struct Status {
    /// Whether it answers.
    pub running: bool,
    /// Where it answers or would answer.
    pub endpoint: String,
    /// What its script says of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub about: String,
}

impl Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.about {
            "" => write!(f, "nothing answers at {}", self.endpoint),
            about => f.write_str(about),
        }
    }
}

/// The endpoint at a port of this machine.
pub fn endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// Starts it unless something answers at the port already.
///
/// # Errors
/// As [`start`].
pub async fn ensure(port: u16) -> Result<()> {
    let knock = TcpStream::connect(("127.0.0.1", port));
    match timeout(Duration::from_secs(2), knock).await {
        Ok(Ok(_)) => Ok(()),
        _ => start(port, Serves::Yes).await.map(drop),
    }
}

/// Whether what is built serves on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// Load balancers, instances and stores run here.
    Yes,
    /// Everything is on record only.
    No,
}

/// Starts it in the background and waits until it answers. Its messages go to stderr.
///
/// # Errors
/// When there is no suitable Python, when it cannot be installed, when the port is taken.
pub async fn start(port: u16, serves: Serves) -> Result<Status> {
    let program = env::current_exe().context("cannot tell where stackctl itself is")?;
    let twin = [OsStr::new("--twin"), program.as_os_str()];
    let more = if serves == Serves::Yes { &twin[..] } else { &[] };
    let run = script("start", port, more).await?;
    anyhow::ensure!(
        run.succeeded,
        Trouble::new("LocalStack was not started", "see what it said above")
    );
    Ok(Status {
        running: true,
        endpoint: endpoint(port),
        about: format!("LocalStack answers at {}", run.said),
    })
}

/// Stops what was started at the port; succeeds when nothing runs.
///
/// # Errors
/// When what answers at the port was not started from here.
pub async fn stop(port: u16) -> Result<Status> {
    let run = script("stop", port, &[]).await?;
    anyhow::ensure!(
        run.succeeded,
        Trouble::new("LocalStack was not stopped", "see what it said above")
    );
    Ok(Status { running: false, endpoint: endpoint(port), about: String::new() })
}

/// Looks what answers at the port.
///
/// # Errors
/// When its script cannot be run.
pub async fn status(port: u16) -> Result<Status> {
    let run = script("status", port, &[]).await?;
    Ok(Status { running: run.succeeded, endpoint: endpoint(port), about: run.said })
}

struct Run {
    succeeded: bool,
    said: String,
}

/// Runs one command of the script; what it says besides its result goes to stderr.
async fn script(command: &str, port: u16, more: &[&OsStr]) -> Result<Run> {
    let script = unpack(&home()?)?.join("localstack.py");
    let output = Command::new("python3")
        .arg(&script)
        .args([command, "--port", &port.to_string()])
        .args(more)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => anyhow::Error::from(Trouble::new(
                "the emulator needs `python3`, which is not on the PATH",
                "install Python 3.11, 3.12 or 3.13; or run LocalStack elsewhere and give its \
                 address with --endpoint-url",
            )),
            _ => anyhow::Error::from(error).context("cannot run python3"),
        })?
        .wait_with_output()
        .await
        .context("cannot run the emulator's script")?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(Run { succeeded: output.status.success(), said })
}

/// The folder below which everything of the emulator is kept; its script looks at the same places.
fn home() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(home) = set("STACKCTL_LOCALSTACK_HOME") {
        return Ok(home);
    }
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let cache = cache.context("neither HOME nor XDG_CACHE_HOME is set")?;
    Ok(cache.join("stackctl").join("localstack"))
}

/// Writes the files below a folder named by their contents, and answers where that is.
fn unpack(home: &Path) -> Result<PathBuf> {
    let all: Vec<String> = FILES.iter().map(|(name, text)| format!("{name}\n{text}")).collect();
    let folder = home.join(format!("scripts-{}", digest(all.join("\n"))));
    if folder.is_dir() {
        return Ok(folder);
    }
    // Written beside it and then renamed, so that nobody meets half of it.
    let draft = home.join(format!("scripts-{}", uuid::Uuid::new_v4().simple()));
    let write = || -> io::Result<()> {
        for (name, text) in FILES {
            let file = draft.join(name);
            fs::create_dir_all(file.parent().unwrap_or(&draft))?;
            fs::write(file, text)?;
        }
        fs::rename(&draft, &folder)
    };
    match write() {
        Ok(()) => Ok(folder),
        Err(_) if folder.is_dir() => {
            fs::remove_dir_all(&draft).ok();
            Ok(folder)
        }
        Err(error) => Err(error).with_context(|| format!("cannot write to {}", home.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_and_its_requirements_are_on_board() {
        let names: Vec<_> = FILES.iter().map(|(name, _)| *name).collect();
        assert!(names.contains(&"localstack.py") && names.contains(&"requirements.txt"));
        assert!(names.contains(&"bridge/pyproject.toml"));
        assert!(names.iter().all(|name| !name.contains("__pycache__")));
    }

    #[test]
    fn unpacking_twice_writes_once() {
        let home = tempfile::tempdir().unwrap();
        let first = unpack(home.path()).unwrap();
        let script = first.join("localstack.py");
        fs::write(&script, "mine").unwrap();
        assert_eq!(unpack(home.path()).unwrap(), first);
        assert_eq!(fs::read_to_string(script).unwrap(), "mine");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
