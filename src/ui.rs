//! The only place that prints: results to stdout, progress and messages to stderr.

pub mod error;
mod gauge;
mod hints;
pub mod paint;
pub mod plan;
pub mod progress;
pub mod trouble;
pub mod words;

pub use error::Report;
pub use gauge::Gauge;
pub use trouble::Trouble;

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, Result};
use clap::ValueEnum;
use paint::{CARE, HINT, Painted};
use serde::Serialize;
use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
};

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: one document, or one event a line
    Json,
}

/// When colors are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The way to the user.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    format: Format,
}

impl Ui {
    /// Decides for the whole process how things are shown.
    pub fn new(format: Format, color: Color) -> Self {
        match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        }
        .write_global();
        Self { format }
    }

    /// Whether a program reads along.
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// The result of a command: one document.
    ///
    /// # Errors
    /// When stdout cannot be written to. A reader that has gone is no error.
    pub fn result(self, result: &(impl Display + Serialize)) -> Result<()> {
        match self.format {
            Format::Text => to_stdout(result),
            Format::Json => to_stdout(&serde_json::to_string_pretty(result)?),
        }
    }

    /// A part of a result that goes on: for programs one event on one line.
    ///
    /// # Errors
    /// As [`Ui::result`].
    pub fn part(self, event: &str, part: &(impl Display + Serialize)) -> Result<()> {
        match self.format {
            Format::Text => to_stdout(part),
            Format::Json => to_stdout(&event_line(event, part)?),
        }
    }

    /// A message: what is going on.
    pub fn say(self, text: impl Display) {
        to_stderr(&text);
    }

    /// A message the user should not miss.
    pub fn warn(self, text: impl Display) {
        to_stderr(&format_args!("{} {text}", Painted(CARE.bold(), "warning:")));
    }

    /// A remedy.
    pub fn hint(self, text: impl Display) {
        to_stderr(&format_args!("{} {text}", Painted(HINT, "hint:")));
    }

    /// What made a command fail: on stderr, in the format asked for.
    pub fn error(self, error: &anyhow::Error) {
        let report = Report::of(error);
        match self.format {
            Format::Text => to_stderr(&report),
            Format::Json => {
                let line = serde_json::json!({ "error": report });
                to_stderr(&line);
            }
        }
    }

    /// Asks a question and waits for the line the user types.
    ///
    /// # Errors
    /// `otherwise` when nobody is there to answer.
    pub async fn ask(self, question: impl Display, otherwise: Trouble) -> Result<String> {
        if !io::stdin().is_terminal() {
            return Err(otherwise.into());
        }
        let mut stderr = anstream::stderr();
        write!(stderr, "{} ", Painted(HINT.bold(), question)).and_then(|()| stderr.flush()).ok();
        let line = tokio::task::spawn_blocking(read_line).await;
        line.context("cannot read the answer")?.context("cannot read the answer")
    }
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// An event as one line of JSON, its name first.
///
/// # Errors
/// When the event is not a map.
fn event_line(event: &str, part: &impl Serialize) -> Result<String> {
    let mut line = serde_json::Map::from_iter([("event".to_owned(), event.into())]);
    if let serde_json::Value::Object(map) = serde_json::to_value(part)? {
        line.extend(map);
    }
    Ok(serde_json::Value::Object(line).to_string())
}

fn to_stdout(text: &impl Display) -> Result<()> {
    let mut stdout = anstream::stdout();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to stdout")
        }
        _ => Ok(()),
    }
}

/// Nobody can be told that stderr cannot be written to.
fn to_stderr(text: &impl Display) {
    writeln!(anstream::stderr(), "{text}").ok();
}

/// Whether stderr is a terminal that can redraw lines.
fn can_redraw() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether styles are wanted on stderr.
fn is_colored() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}
