//! The built binary, run as a user runs it: in a folder of its own and an environment of its own.

use crate::emulator;
use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};
use tempfile::TempDir;

/// A folder with an account of its own on the emulator.
pub(crate) struct Desk {
    folder: TempDir,
    /// The account's 12 digits.
    pub(crate) account: String,
    endpoint: Option<String>,
}

/// What one run of the binary said.
pub(crate) struct Said {
    /// The exit code.
    pub(crate) code: i32,
    /// What went to standard output.
    pub(crate) out: String,
    /// What went to standard error.
    pub(crate) err: String,
}

pub(crate) const REGION: &str = "eu-west-1";

impl Desk {
    /// A fresh folder and account on the shared emulator.
    pub(crate) fn new() -> Self {
        Self::at(emulator::endpoint())
    }

    /// A fresh folder and account at this endpoint.
    pub(crate) fn at(endpoint: &str) -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            account: emulator::fresh_account(),
            endpoint: Some(endpoint.into()),
        }
    }

    /// A fresh folder and this account on the shared emulator.
    pub(crate) fn of_account(account: &str) -> Self {
        Self { account: account.into(), ..Self::new() }
    }

    /// A fresh folder with no endpoint set.
    pub(crate) fn offline() -> Self {
        Self { folder: TempDir::new().unwrap(), account: emulator::fresh_account(), endpoint: None }
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder and returns its path.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A command on the binary, ready to be run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackctl"));
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("AWS_ACCESS_KEY_ID", &self.account)
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::null());
        if let Some(endpoint) = &self.endpoint {
            command.env("AWS_ENDPOINT_URL", endpoint);
        }
        command
    }

    /// Begins to run the binary; what it says is kept for whoever waits for its end.
    pub(crate) fn begin(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Said {
        Said::of(&mut self.command(args))
    }

    /// Runs the binary and insists that it succeeds.
    pub(crate) fn ok(&self, args: &[&str]) -> Said {
        let said = self.run(args);
        assert_eq!(said.code, 0, "stackctl {}\n{}{}", args.join(" "), said.out, said.err);
        said
    }

    /// Runs the binary, insists that it succeeds, and reads the JSON that it writes.
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        let said = self.ok(&[args, &["-o", "json"]].concat());
        serde_json::from_str(&said.out).unwrap()
    }

    /// Insists that a plan for this file finds nothing to do.
    pub(crate) fn assert_settled(&self, file: &str) {
        let said = self.run(&["plan", file, "--detailed-exitcode"]);
        assert_eq!(said.code, 0, "the plan is not empty:\n{}{}", said.out, said.err);
    }
}

impl Said {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    /// Both streams, for messages.
    pub(crate) fn both(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

impl From<Output> for Said {
    /// What a process has said that has ended; the code of one that was killed is -1.
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

/// The worked examples, by their paths.
pub(crate) fn stacks() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks");
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}
