//! The command line: what can be typed, and one match that does it.

mod act;
mod certificates;
mod connect;
mod consent;
mod destroy;
mod drill;
mod explain;
mod init;
mod list;
mod localstack;
mod memory;
mod outputs;
mod plan;
mod preview;
mod reading;
mod roll;
mod rotate_key;
mod scale;
mod signals;
mod status;
mod toggle_stickiness;
mod turn;
mod unlock;
mod unset;
mod up;
mod validate;
mod verify;
mod which;

use crate::{
    aws::Meter,
    ui::{Color, Format, Ui, words::plural},
};
use anyhow::Result;
use clap::{
    Parser, Subcommand,
    error::{ContextKind, ContextValue},
};
use signals::Signals;
use std::{process::ExitCode, sync::OnceLock};
use tokio::runtime::Runtime;

/// One YAML file becomes a whole AWS stateful web tier, and goes away again
#[derive(Debug, Parser)]
#[command(name = "stackctl", version, disable_help_subcommand = true)]
#[command(
    after_help = "Begin with `stackctl init`. There is no state file: AWS itself is the state."
)]
struct Cli {
    #[command(subcommand)]
    command: Verb,
    /// How results are written: text, json
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    output: Format,
    /// Say at the end how many calls AWS was sent
    #[arg(short, long, global = true, help_heading = "Output")]
    verbose: bool,
    /// When to use colors: auto, always, never
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    color: Color,
}

/// The verbs, in the order in which one meets them.
#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Args),
    Validate(validate::Args),
    Plan(plan::Args),
    Up(up::Args),
    Status(status::Args),
    Outputs(outputs::Args),
    Verify(Box<verify::Args>),
    Drill(Box<drill::Args>),
    ToggleStickiness(toggle_stickiness::Args),
    Roll(roll::Args),
    Scale(scale::Args),
    RotateKey(rotate_key::Args),
    Destroy(destroy::Args),
    Explain(explain::Args),
    Unlock(unlock::Args),
    List(list::Args),
    Localstack(localstack::Args),
}

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// All is done.
    Done,
    /// It was done, and the answer is no: nothing answers, the file is wrong, a step failed.
    /// What there is to say has been said.
    Failed,
    /// A plan has changes, and the caller asked to be told so.
    Changes,
    /// A command that it ran ended with this code.
    Code(u8),
    /// A signal ended it.
    Interrupted,
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        Self::from(match ended {
            Ended::Done => 0,
            Ended::Failed => 1,
            Ended::Changes => 2,
            Ended::Code(code) => code,
            Ended::Interrupted => 130,
        })
    }
}

/// What every command works with.
#[derive(Clone, Debug)]
struct Session {
    ui: Ui,
    /// Counts the calls of the first way to AWS that a command opens.
    meter: OnceLock<Meter>,
    signals: Signals,
}

/// Does what the command line says.
pub fn start() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(mut error) => {
            suggest(&mut error);
            // Nobody is left to be told that it cannot be printed.
            error.print().ok();
            return u8::from(error.use_stderr()).into();
        }
    };
    let ui = Ui::new(cli.output, cli.color);
    let begun = unset::begin_without_empty().and_then(|()| {
        let runtime = Runtime::new()?;
        let signals = runtime.block_on(async { Signals::listen(ui) })?;
        Ok((runtime, Session { ui, meter: OnceLock::new(), signals }))
    });
    let (runtime, session) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            ui.error(&error);
            return ExitCode::FAILURE;
        }
    };
    // What follows one another is counted as rounds, whichever client sends it.
    let ended = runtime.block_on(Meter::default().chain(run(cli.command, &session)));
    // A prompt that still reads stdin must not hold the process.
    runtime.shutdown_background();
    if cli.verbose {
        let meter = session.meter.get().cloned().unwrap_or_default();
        let calls = plural(meter.calls() as usize, "call");
        let rounds = meter.rounds().map(|rounds| plural(rounds as usize, "round"));
        session.ui.say(match rounds {
            Some(rounds) => format!("{calls} to AWS in {rounds}"),
            None => format!("{calls} to AWS"),
        });
    }
    match ended {
        Ok(ended) => ended.into(),
        Err(error) => {
            session.ui.error(&error);
            ExitCode::FAILURE
        }
    }
}

/// What other tools call the verbs. Likeness of letters alone would lead from `deploy` to
/// `destroy`.
const CALLED: [(&[&str], &str); 8] = [
    (&["apply", "deploy", "create", "start", "launch", "sync", "update"], "up"),
    (&["preview", "diff", "dry-run"], "plan"),
    (&["down", "delete", "remove", "rm", "teardown"], "destroy"),
    (&["ls", "stacks"], "list"),
    (&["output", "url"], "outputs"),
    (&["check", "lint"], "validate"),
    (&["show", "health", "drift"], "status"),
    (&["test", "probe"], "verify"),
];

/// Suggests what an unknown verb means, and never a deletion for what is none.
fn suggest(error: &mut clap::Error) {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return;
    };
    let called = CALLED.iter().find(|(others, _)| others.contains(&typed.as_str()));
    let alike = match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(alike)) => alike.clone(),
        _ => Vec::new(),
    };
    let meant: Vec<String> = match called {
        Some((_, verb)) => vec![(*verb).to_owned()],
        None if typed.starts_with("des") => alike,
        None => alike.into_iter().filter(|verb| verb != "destroy").collect(),
    };
    if meant.is_empty() {
        error.remove(ContextKind::SuggestedSubcommand);
    } else {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(meant));
    }
}

async fn run(verb: Verb, session: &Session) -> Result<Ended> {
    match verb {
        Verb::Init(args) => init::run(&args, session),
        Verb::Validate(args) => validate::run(&args, session),
        Verb::Plan(args) => plan::run(&args, session).await,
        Verb::Up(args) => Box::pin(up::run(&args, session)).await,
        Verb::Status(args) => Box::pin(status::run(&args, session)).await,
        Verb::Outputs(args) => outputs::run(&args, session).await,
        Verb::Verify(args) => Box::pin(verify::run(&args, session)).await,
        Verb::Roll(args) => Box::pin(roll::run(&args, session)).await,
        Verb::Scale(args) => Box::pin(scale::run(&args, session)).await,
        Verb::RotateKey(args) => Box::pin(rotate_key::run(&args, session)).await,
        Verb::Drill(args) => Box::pin(drill::run(&args, session)).await,
        Verb::ToggleStickiness(args) => Box::pin(toggle_stickiness::run(&args, session)).await,
        Verb::Destroy(args) => Box::pin(destroy::run(&args, session)).await,
        Verb::Explain(args) => explain::run(&args, session),
        Verb::Unlock(args) => Box::pin(unlock::run(&args, session)).await,
        Verb::List(args) => list::run(&args, session).await,
        Verb::Localstack(args) => localstack::run(&args, session).await,
    }
}
