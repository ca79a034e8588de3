//! A world with nothing in it but a folder, to run the built binary in.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// A home and a working folder of its own, and no setting from outside.
pub(crate) struct Shell {
    root: TempDir,
    folder: PathBuf,
    env: Vec<(&'static str, String)>,
}

impl Shell {
    pub(crate) fn new() -> Self {
        Self::in_folder("work")
    }

    /// The working folder has this name.
    pub(crate) fn in_folder(name: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(name);
        fs::create_dir(&folder).unwrap();
        Self { root, folder, env: Vec::new() }
    }

    /// The same with an environment variable.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    /// A file of the working folder.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// A file of the home folder.
    pub(crate) fn home(&self, file: &str) -> PathBuf {
        self.root.path().join(file)
    }

    /// The command, ready to run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackctl"));
        command
            .args(args)
            .current_dir(&self.folder)
            .env_clear()
            .env("HOME", self.root.path())
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            // Whatever machine this is, its own role is not to be used.
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs it, and tells the exit code and what was said.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut said =
            format!("exit {}\n{}", output.status.code().unwrap_or(-1), text(&output.stdout));
        if !output.stderr.is_empty() {
            said += "--- stderr\n";
            said += &text(&output.stderr);
        }
        said
    }
}
