//! `verify`: users with cookies of their own ask the site, and it is seen whether they keep their sessions.

mod shown;
mod watching;

use super::{
    Ended, Session,
    connect::Where,
    list, outputs,
    reading::{as_ourselves, inventory_of},
    which::{FileArgs, StackArgs},
};
use crate::{
    aws::Aws,
    blueprint,
    engine::{Inventory, Stop},
    erased_kinds,
    kinds::{Instance, Parameter, TargetGroup},
    probe::{self, Live, Promise, Report, Settings, Verdict},
    spec::stack_name,
    ui::{Gauge, Trouble, words::plural},
};
use anyhow::{Result, ensure};
use clap::ValueEnum;
pub(super) use shown::Shown;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use url::Url;
pub(super) use watching::{Subject, Watching};

/// Check that users keep their sessions, by asking the site as they would
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Each user has a cookie jar of its own. Every answer is to tell the session, a \
                  counter that goes up by one, and the server that answered, as the sample app does: \
                  {\"message\", \"visits\", \"session_id\", \"instance\"}.\n\n\
                  Exit codes: 0 all was as promised; 1 a session was lost that the stack promised to \
                  keep, or another check failed; the code of the command of --during where only that \
                  failed; 130 interrupted."
)]
pub(super) struct Args {
    /// The site's URL, or a stack file [default: ./stack.yaml, else the stack last brought up from this folder]
    #[arg(value_name = "URL|FILE")]
    target: Option<String>,
    /// The stack's name; with a URL as well, the URL is asked and the stack's mode is expected
    #[arg(long, value_name = "NAME", value_parser = stack_name)]
    stack: Option<String>,
    /// How many users
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    users: u32,
    /// How many requests of each user; with --during, so many after the command has ended
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    requests: u64,
    /// What is promised: sticky, shared, hybrid, token, none [default: the stack's mode; shared for a URL]
    #[arg(long, value_enum, value_name = "MODE", hide_possible_values = true)]
    expect: Option<Expect>,
    /// Go on for as long as this command of the shell runs; it begins when every user has a session
    #[arg(long, value_name = "COMMAND")]
    during: Option<String>,
    /// How many requests may fail
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    max_failed: u64,
    #[command(flatten)]
    watching: Watching,
    #[command(flatten)]
    place: Where,
}

/// What is promised to users.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Expect {
    /// One session and one server for each user
    Sticky,
    /// One session for each user, whichever server answers
    Shared,
    /// One session, and one server as well
    Hybrid,
    /// One session, kept by the user
    Token,
    /// Nothing
    None,
}

/// How often what is shown of the progress is renewed.
const TICK: Duration = Duration::from_millis(100);

impl From<Expect> for Promise {
    fn from(expect: Expect) -> Self {
        match expect {
            Expect::Sticky => Self::Sticky,
            Expect::Shared => Self::Shared,
            Expect::Hybrid => Self::Hybrid,
            Expect::Token => Self::Token,
            Expect::None => Self::None,
        }
    }
}

pub(super) async fn run(args: &Args, session: &Session) -> Result<Ended> {
    let subject = Box::pin(subject(args, session)).await?;
    let settings = args.watching.settings(subject)?;
    let settings = Settings {
        users: args.users,
        requests: args.requests,
        max_failed: args.max_failed,
        pause: if args.during.is_some() { args.watching.calmly() } else { settings.pause },
        during: args.during.clone(),
        ..settings
    };
    let stop = session.signals.orderly();
    let live = Arc::<Live>::default();
    let total = settings.during.is_none().then(|| u64::from(args.users) * args.requests);
    let gauge = session.ui.gauge(total, settings.during.is_none());
    let over = Stop::default();
    let watched = async {
        let report = probe::run(settings, live.clone(), &stop).await;
        over.raise();
        report
    };
    let (report, ()) = tokio::join!(watched, watch(gauge, &live, &over));
    let report = report?;
    session.signals.abrupt();
    args.watching.keep(&report)?;
    session.ui.result(&Shown(&report))?;
    Ok(ended(&report))
}

/// How the command ends after such a report.
pub(super) fn ended(report: &Report) -> Ended {
    let broken =
        |name: &str| report.checks.iter().any(|c| c.verdict == Verdict::Broken && c.name == name);
    let others = report.checks.iter().any(|c| c.verdict == Verdict::Broken && c.name != "command");
    match &report.during {
        _ if report.interrupted => Ended::Interrupted,
        Some(ran) if broken("command") && !others => Ended::Code(ran.exit_code),
        _ if report.ok => Ended::Done,
        _ => Ended::Failed,
    }
}

/// Shows how far it has come until it is over.
async fn watch(mut gauge: Gauge, live: &Live, over: &Stop) {
    let began = Instant::now();
    while !over.is_raised() {
        tokio::select! {
            () = over.raised() => break,
            () = sleep(TICK) => {}
        }
        let [done, failed, lost, broken] =
            [&live.requests, &live.failed, &live.lost, &live.broken].map(|n| n.load(Relaxed));
        let mut says = format!(
            "{} in {} s, {failed} failed, {} lost",
            plural(usize::try_from(done).unwrap_or(usize::MAX), "request"),
            began.elapsed().as_secs(),
            plural(usize::try_from(lost).unwrap_or(usize::MAX), "session"),
        );
        if broken > 0 {
            says = format!("{says}, {broken} WebSocket breaks");
        }
        gauge.set(done, says);
    }
    gauge.end();
}

async fn subject(args: &Args, session: &Session) -> Result<Subject> {
    let (given, file) = match args.target.as_deref() {
        Some(target) if target.contains("://") => (Some(site(target)?), None),
        Some(target) => (None, Some(PathBuf::from(target))),
        None => (None, None),
    };
    if let Some(file) = file
        .as_ref()
        .filter(|file| !file.exists() && file.extension().is_none_or(|e| e != "yaml" && e != "yml"))
    {
        return Err(Trouble::new(
            format!("`{}` is neither a URL nor a stack file", file.display()),
            "a URL begins with http:// or https://",
        )
        .into());
    }
    let expected = args.expect.map(Promise::from);
    if let (Some(url), None) = (&given, &args.stack) {
        // Whatever keeps them, they are to be kept.
        let promise = expected.unwrap_or(Promise::Shared);
        return Ok(Subject { url: url.clone(), promise, is_here: false });
    }
    let which = StackArgs { stack: args.stack.clone(), file: FileArgs { file, set: Vec::new() } };
    let chosen = list::or_list(which.choose(Path::new("")), &args.place, session).await?;
    let way = args.place.open(&chosen, session).await?;
    let mut kinds = outputs::kinds();
    kinds.extend(erased_kinds![TargetGroup, Instance, Parameter]);
    let reading = inventory_of(kinds, &way.aws);
    let (_, found) = as_ourselves(&way.aws, chosen.spec.as_ref(), reading).await?;
    if found.is_empty() {
        return Err(list::there_is_none(&way.aws).await);
    }
    let promised = expected.or_else(|| blueprint::mode(&found).as_ref().map(Promise::of));
    let promise = promised.ok_or_else(|| {
        Trouble::new(
            format!("`{}` is not whole, and does not tell how it keeps sessions", chosen.name),
            "`stackctl up` completes it; --expect says what to expect of it all the same",
        )
    })?;
    match given {
        Some(url) => Ok(Subject { url, promise, is_here: false }),
        None => Subject::of(&way.aws, &found, promise).await,
    }
}

impl Subject {
    /// A stack's own URL: on this machine, where its tier serves there.
    ///
    /// # Errors
    /// When it has none.
    pub(super) async fn of(aws: &Aws, found: &Inventory<Aws>, promise: Promise) -> Result<Self> {
        let outputs = outputs::Outputs::of(aws, found).await;
        let is_here = outputs.local_url.is_some();
        let url = outputs.local_url.or(outputs.url).ok_or_else(|| {
            Trouble::new(
                format!("`{}` has no URL that can be opened", aws.stack),
                "give the URL, beside --stack; --connect-to leads it to the load balancer that \
                 `stackctl outputs` shows",
            )
        })?;
        Ok(Self { url: site(&url)?, promise, is_here })
    }
}

/// A site that can be asked.
fn site(text: &str) -> Result<Url> {
    let url = Url::parse(text).map_err(|error| {
        Trouble::new(
            format!("the URL cannot be read: {error}"),
            "write it as https://shop.example.com/",
        )
    })?;
    ensure!(
        matches!(url.scheme(), "http" | "https"),
        Trouble::new(
            format!("`{}:` is not what sites are asked by", url.scheme()),
            "write the URL as https://shop.example.com/",
        )
    );
    ensure!(
        url.username().is_empty() && url.password().is_none(),
        Trouble::new("the URL has a user or a password in it", "leave it out")
    );
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_has_no_password_in_its_url_and_none_is_repeated() {
        assert!(site("https://shop.test/cart?x=1").is_ok());
        let error = site("https://alice:hush@shop.test/").unwrap_err();
        assert!(!format!("{error:#}").contains("hush"));
        assert!(site("ftp://shop.test/").is_err());
        assert!(site("http://").is_err());
    }
}
