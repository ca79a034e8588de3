//! How users are watched, by whoever lets them ask: the flags, and what they come to.

use crate::{
    probe::{self, Aim, ConnectTo, Place, Promise, Report, Resolve, Settings},
    ui::Trouble,
};
use anyhow::{Context, Result, ensure};
use std::{fs, path::PathBuf, time::Duration};
use url::Url;

/// Flags of commands that watch users.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Watching {
    #[command(flatten)]
    answers: Answers,
    #[command(flatten)]
    asking: Asking,
    /// Write the checks to a file as JUnit has them
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    junit: Option<PathBuf>,
}

/// Flags that say where answers tell what is checked.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Answers")]
struct Answers {
    /// Where they tell the session: a JSON pointer, or header:NAME
    #[arg(long, value_name = "WHERE", default_value = "/session_id", value_parser = session_place)]
    session: Place,
    /// Where they tell the counter; none where there is none
    #[arg(long, value_name = "WHERE", default_value = "/visits")]
    counter: Place,
    /// Where they tell the server; none where they do not
    #[arg(long, value_name = "WHERE", default_value = "/instance")]
    server: Place,
}

/// Flags that say how the site is asked.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Requests")]
struct Asking {
    /// From a user's request to the next: 1, 250ms, 2s [default: none; 250ms with --during and in a drill]
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "rate")]
    interval: Option<Duration>,
    /// Requests a second, of all users together
    #[arg(long, value_name = "COUNT", value_parser = rate)]
    rate: Option<f64>,
    /// How long an answer may take
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    timeout: Duration,
    /// Hold a WebSocket to this path open for each user
    #[arg(long, value_name = "PATH")]
    websocket: Option<String>,
    /// Connect to HOST2:PORT2 in place of HOST1:PORT1 (HOST1:PORT1:HOST2:PORT2), or to HOST:PORT at any rate
    #[arg(long, value_name = "HOST:PORT")]
    connect_to: Vec<ConnectTo>,
    /// Take these addresses for a host, whatever the DNS says
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    resolve: Vec<Resolve>,
    /// Take any certificate
    #[arg(short = 'k', long)]
    insecure: bool,
}

/// The pause between a user's requests while a command runs.
const CALM: Duration = Duration::from_millis(250);

/// What is asked, and what is promised of it.
pub(in crate::cli) struct Subject {
    pub url: Url,
    pub promise: Promise,
    /// Whether it serves on this machine in place of AWS: no authority vouches for its certificate.
    pub is_here: bool,
}

/// `250ms`, `2s`, `1m 30s`; a number alone is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|s: f64| Duration::try_from_secs_f64(s).ok());
    seconds.map_or_else(|| humantime::parse_duration(text).map_err(|error| error.to_string()), Ok)
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.001..=1e6).contains(rate));
    rate.ok_or_else(|| "a number of requests a second, from 0.001 to 1000000".into())
}

fn session_place(text: &str) -> Result<Place, String> {
    match text.parse()? {
        Place::Nowhere => Err("without it nothing can be checked".into()),
        place => Ok(place),
    }
}

impl Watching {
    /// The pause between a user's requests while something is done to the stack.
    pub(in crate::cli) fn calmly(&self) -> Duration {
        self.asking.interval.unwrap_or(CALM)
    }

    /// What one user is to ask once, as these flags have it.
    ///
    /// # Errors
    /// When the path of the WebSocket is none.
    pub(in crate::cli) fn settings(&self, subject: Subject) -> Result<Settings> {
        let Subject { url, promise, is_here } = subject;
        let Self { answers, asking, .. } = self;
        let websocket = asking.websocket.as_ref().map(|path| {
            ensure!(
                path.starts_with('/') && !path.starts_with("//"),
                Trouble::new(
                    format!("--websocket wants a path of the site, and `{path}` is none"),
                    "it begins with one `/`, as /ws does",
                )
            );
            Ok(url.join(path)?)
        });
        Ok(Settings {
            websocket: websocket.transpose()?,
            url,
            users: 1,
            requests: 1,
            pause: asking.interval.unwrap_or_default(),
            rate: asking.rate,
            timeout: asking.timeout,
            session: answers.session.clone(),
            counter: answers.counter.clone(),
            server: answers.server.clone(),
            aim: Aim { connect_to: asking.connect_to.clone(), resolve: asking.resolve.clone() },
            insecure: asking.insecure || is_here,
            during: None,
            max_failed: 0,
            promise,
        })
    }

    /// Writes the checks to a file as `JUnit` has them, where that is asked for.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(in crate::cli) fn keep(&self, report: &Report) -> Result<()> {
        let Some(file) = &self.junit else { return Ok(()) };
        let written = fs::write(file, probe::junit(report)?);
        written.with_context(|| format!("cannot write {}", file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_seconds_unless_it_says_otherwise() {
        assert_eq!(duration("2"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert!(duration("-1").is_err() && duration("soon").is_err());
    }

    #[test]
    fn a_rate_is_a_number_that_can_be_kept() {
        assert_eq!(rate("5000"), Ok(5000.0));
        assert!(["0", "-1", "nan", "many"].iter().all(|text| rate(text).is_err()));
    }
}
