//! `localstack`: the bundled emulator by itself.

use super::{Ended, Session};
use crate::{
    balancer,
    localstack::{self, Serves},
};
use anyhow::Result;
use clap::Subcommand;

/// Start, stop or look at the bundled AWS emulator
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start it in the background, unless it runs
    Start {
        #[command(flatten)]
        port: Port,
        /// Only keep on record what is built: nothing serves on this machine
        #[arg(long)]
        no_serve: bool,
    },
    /// Stop it, and lose everything in it
    Stop(Port),
    /// Say whether it answers; exit code 1 when it does not
    Status(Port),
    /// What the emulator's twin starts: a load balancer that is told by lines on stdin
    #[command(hide = true)]
    Balancer,
}

#[derive(Debug, clap::Args)]
struct Port {
    /// The port at 127.0.0.1
    #[arg(long, default_value_t = localstack::PORT)]
    port: u16,
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let (status, wanted) = match &args.command {
        Verb::Start { port: Port { port }, no_serve } => {
            let serves = if *no_serve { Serves::No } else { Serves::Yes };
            (localstack::start(*port, serves).await?, true)
        }
        Verb::Stop(Port { port }) => (localstack::stop(*port).await?, false),
        Verb::Status(Port { port }) => (localstack::status(*port).await?, true),
        Verb::Balancer => {
            balancer::run().await?;
            return Ok(Ended::Done);
        }
    };
    session.ui.result(&status)?;
    Ok(if status.running == wanted { Ended::Done } else { Ended::Failed })
}
