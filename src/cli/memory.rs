//! Which stack was last brought up from this folder, and where: a convenience, not state.

use crate::ui::Trouble;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    /// The stack's name.
    pub name: String,
    /// The region it is in.
    pub region: String,
    /// The endpoint it was brought up at; none: AWS's own.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The made-up account that was used with an emulator.
    #[serde(default)]
    pub emulated_account: Option<String>,
    /// The file it was brought up from.
    #[serde(default)]
    pub file: Option<PathBuf>,
}

const FOLDER: &str = ".stackctl";
const FILE: &str = "current.json";
/// What was destroyed last from the folder: destroying it again finds nothing, and is fine.
const DESTROYED: &str = "destroyed.json";

impl Memory {
    /// What is remembered in `folder`, if anything is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>> {
        Self::read_from(folder, FILE)
    }

    /// What was destroyed last from `folder`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn destroyed(folder: &Path) -> Result<Option<Self>> {
        Self::read_from(folder, DESTROYED)
    }

    fn read_from(folder: &Path, file: &str) -> Result<Option<Self>> {
        let path = folder.join(FOLDER).join(file);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let memory = serde_json::from_str(&text).with_context(|| {
            Trouble::new(
                format!("{} is broken", path.display()),
                "remove it, and name the stack with --stack",
            )
        })?;
        Ok(Some(memory))
    }

    /// Remembers it in `folder`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let folder = folder.join(FOLDER);
        let write = || -> io::Result<()> {
            fs::create_dir_all(&folder)?;
            // It is about this machine: nobody wants it in a repository.
            fs::write(folder.join(".gitignore"), "*\n")?;
            let draft = folder.join(format!("{FILE}.{}", std::process::id()));
            fs::write(&draft, serde_json::to_string_pretty(self)? + "\n")?;
            fs::rename(draft, folder.join(FILE))
        };
        write().with_context(|| format!("cannot write to {}", folder.display()))
    }

    /// Forgets what is remembered in `folder`, if it is this, but for having been destroyed.
    ///
    /// # Errors
    /// When it cannot be moved.
    pub(super) fn forget(folder: &Path, name: &str) -> Result<()> {
        if Self::read(folder)?.is_none_or(|memory| memory.name != name) {
            return Ok(());
        }
        let folder = folder.join(FOLDER);
        fs::rename(folder.join(FILE), folder.join(DESTROYED))
            .with_context(|| format!("cannot write to {}", folder.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(name: &str) -> Memory {
        Memory {
            name: name.into(),
            region: "eu-west-1".into(),
            endpoint: Some("http://127.0.0.1:4566".into()),
            emulated_account: Some("000000000000".into()),
            file: Some("stack.yaml".into()),
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Memory::read(folder.path()).unwrap(), None);
        memory("shop").write(folder.path()).unwrap();
        assert_eq!(Memory::read(folder.path()).unwrap(), Some(memory("shop")));
    }

    #[test]
    fn what_is_forgotten_is_known_as_destroyed_and_as_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        memory("shop").write(folder.path()).unwrap();
        assert_eq!(Memory::destroyed(folder.path()).unwrap(), None);
        Memory::forget(folder.path(), "shop").unwrap();
        assert_eq!(Memory::read(folder.path()).unwrap(), None);
        assert_eq!(Memory::destroyed(folder.path()).unwrap(), Some(memory("shop")));
    }

    #[test]
    fn another_stack_is_not_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        memory("shop").write(folder.path()).unwrap();
        Memory::forget(folder.path(), "blog").unwrap();
        assert!(Memory::read(folder.path()).unwrap().is_some());
    }
}
