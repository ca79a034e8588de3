//! Where a stack's description is read from.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::mistakes::Mistakes;

/// A stack's description as text, and the name it goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

/// The largest file that is read. A stack file has some fifty lines.
const LARGEST: u64 = 1024 * 1024;

/// How long a named pipe may have nobody who writes into it.
const PATIENCE: Duration = Duration::from_secs(5);

impl Source {
    /// A text that is already there; `name` stands for the file's in messages.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The file's name, as the user gave it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it is missing, not a file, unreadable, larger than 1 MiB, not UTF-8 text, or a pipe
    /// that nobody has begun to write into after five seconds.
    pub fn read(path: &Path) -> Result<Self, Mistakes> {
        Self::read_within(path, PATIENCE)
    }

    fn read_within(path: &Path, patience: Duration) -> Result<Self, Mistakes> {
        let name = path.display().to_string();
        let refuse = |says: &str, help: &str| Mistakes::one(&name, &name, says.to_owned(), help);
        let failed = |error: &io::Error| match error.kind() {
            io::ErrorKind::NotFound => refuse(
                "there is no such file",
                "name the stack file, or write a new one with `stackctl init`",
            ),
            io::ErrorKind::PermissionDenied => {
                refuse("you may not read this file", "give yourself the right to read it")
            }
            io::ErrorKind::TimedOut => refuse(
                "this is a pipe, and nobody writes into it",
                "start what writes the stack file first, or name a file",
            ),
            _ => refuse(&format!("this file cannot be read: {error}"), ""),
        };
        let about = std::fs::metadata(path).map_err(|error| failed(&error))?;
        if about.is_dir() {
            return Err(refuse("this is a folder", "name the stack file in it"));
        }
        let mut bytes = Vec::new();
        // A pipe tells no size beforehand.
        let file = if about.is_file() { File::open(path) } else { open_within(path, patience) };
        let read = file.and_then(|file| {
            if about.len() > LARGEST {
                return Ok(usize::MAX);
            }
            file.take(LARGEST + 1).read_to_end(&mut bytes)
        });
        if read.map_err(|error| failed(&error))? as u64 > LARGEST {
            return Err(refuse(
                "this file is larger than 1 MiB",
                "a stack file has some fifty lines; is this the right file?",
            ));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
                .split(|byte| *byte == b'\n')
                .count();
            refuse(
                &format!("this file is not text: line {line} is not UTF-8"),
                "is this the right file? If so, save it as UTF-8",
            )
        })?;
        Ok(Self { name, text })
    }
}

/// Opens what may be a pipe: that waits for somebody to open the other end, and only a thread
/// that is left behind can give up waiting.
fn open_within(path: &Path, patience: Duration) -> io::Result<File> {
    let (send, opened) = mpsc::channel();
    let path = path.to_owned();
    thread::spawn(move || send.send(File::open(path)));
    opened.recv_timeout(patience).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stack.yaml");
        std::fs::write(&path, bytes).unwrap();
        Source::read(&path).unwrap_err().problems[0].says.clone()
    }

    #[test]
    fn a_file_is_read_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.yaml");
        std::fs::write(&path, "name: shop\n").unwrap();
        let source = Source::read(&path).unwrap();
        assert_eq!(source, Source::new(path.display().to_string(), "name: shop\n"));
    }

    #[test]
    fn a_missing_file_is_told_how_to_make_one() {
        let mistakes = Source::read(Path::new("no/such.yaml")).unwrap_err();
        assert_eq!(
            mistakes.to_string(),
            "1 problem in no/such.yaml\n\nno/such.yaml: there is no such file\n  \
             = help: name the stack file, or write a new one with `stackctl init`",
        );
    }

    #[test]
    fn a_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mistakes = Source::read(folder.path()).unwrap_err();
        assert_eq!(mistakes.problems[0].says, "this is a folder");
    }

    #[cfg(unix)]
    fn pipe(folder: &tempfile::TempDir) -> std::path::PathBuf {
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_that_nobody_writes_into_is_refused_after_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let read = Source::read_within(&pipe(&folder), Duration::from_millis(50));
        assert_eq!(read.unwrap_err().problems[0].says, "this is a pipe, and nobody writes into it");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = pipe(&folder);
        let writer = thread::spawn({
            let path = path.clone();
            move || std::fs::write(path, "name: shop\n")
        });
        assert_eq!(Source::read(&path).unwrap().text, "name: shop\n");
        writer.join().unwrap().unwrap();
    }

    #[test]
    fn a_file_of_more_than_a_mebibyte_is_refused() {
        assert_eq!(refusal(&vec![b'#'; 1024 * 1024 + 1]), "this file is larger than 1 MiB");
    }

    #[test]
    fn a_file_that_is_not_text_is_refused_with_the_line() {
        assert_eq!(refusal(b"a: b\n\x7fELF\xff\xfe"), "this file is not text: line 2 is not UTF-8");
    }
}
