//! Where AWS is: from flags, file, memory and environment, and never by guessing between them.

mod endpoint;

use super::{
    Session,
    memory::Memory,
    which::{Chosen, word},
};
use crate::{
    aws::{Aws, Connection, Identity},
    localstack,
    ui::Trouble,
};
use anyhow::{Result, ensure};
use endpoint::{Endpoint, Host, shown};
use std::{env, path::PathBuf, time::Duration};
use tokio::{net::TcpStream, time::timeout};

/// Flags that say where AWS is.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Where")]
pub(super) struct Where {
    /// The AWS region [default: the file's, else that of the AWS configuration]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// The profile of the AWS configuration [default: that of `AWS_PROFILE`]
    #[arg(long, value_name = "NAME", conflicts_with = "localstack")]
    pub profile: Option<String>,
    /// Use the emulator at localhost:4566, and start the bundled one when nothing answers there
    #[arg(long, conflicts_with = "endpoint_url")]
    pub localstack: bool,
    /// Another endpoint for every AWS service; `aws` means AWS's own
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<Endpoint>,
}

/// What is known of the stack before AWS is asked.
#[derive(Debug, Default)]
struct Known<'a> {
    /// The region its file names.
    region: Option<&'a str>,
    /// What is remembered of it.
    memory: Option<&'a Memory>,
}

/// Where to go, and how strictly.
#[derive(Debug, PartialEq, Eq)]
struct Route {
    connection: Connection,
    /// No endpoint of the AWS configuration may take the place of AWS's own.
    own: Option<Own>,
}

/// Why AWS's own endpoints are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    Asked,
    Remembered,
}

/// The account of an emulator that is asked for no other.
const EMULATED: &str = "000000000000";

impl Where {
    /// As it was typed, for a command that is to be repeated.
    pub(super) fn typed(&self) -> Vec<String> {
        let endpoint = self.endpoint_url.as_ref().map(|endpoint| match endpoint {
            Endpoint::Aws => "aws".to_owned(),
            Endpoint::At(url) => shown(url),
        });
        let flags = [
            ("--region", &self.region),
            ("--profile", &self.profile),
            ("--endpoint-url", &endpoint),
        ];
        let flags = flags
            .into_iter()
            .filter_map(|(flag, value)| Some([flag.to_owned(), word(value.as_ref()?)]));
        let localstack = self.localstack.then(|| "--localstack".to_owned());
        flags.flatten().chain(localstack).collect()
    }

    /// Decides where to go; `env` answers with the value of an environment variable.
    fn route(&self, known: &Known<'_>, env: &dyn Fn(&str) -> Option<String>) -> Result<Route> {
        let region = self.region(known)?;
        let to = |endpoint: Option<String>, emulated_account: Option<String>| Connection {
            region: region.clone(),
            endpoint,
            profile: self.profile.clone(),
            // Who names a profile does not want made-up credentials.
            emulated_account: emulated_account.filter(|_| self.profile.is_none()),
        };
        // Set and empty is not set, as in every SDK.
        let configured = env("AWS_ENDPOINT_URL").filter(|url| !url.is_empty()).filter(|_| {
            let ignored = env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
            ignored.is_none_or(|v| !v.eq_ignore_ascii_case("true"))
        });
        let (connection, own) = match (&self.endpoint_url, known.memory) {
            _ if self.localstack => {
                let there = localstack::endpoint(localstack::PORT);
                (to(Some(there), Some(emulated(env))), None)
            }
            (Some(Endpoint::At(url)), _) => (to(Some(url.clone()), None), None),
            (Some(Endpoint::Aws), _) => (to(None, None), Some(Own::Asked)),
            (None, Some(memory)) => {
                let there = memory.endpoint.as_deref();
                ensure!(
                    configured.as_deref().is_none_or(|url| Some(url) == there),
                    conflict(memory, configured.as_deref().unwrap_or_default())
                );
                let account = memory.emulated_account.clone();
                let other = named_account(env).filter(|named| account.as_ref() != Some(named));
                ensure!(
                    account.is_none() || other.is_none(),
                    Trouble::new(
                        format!(
                            "`{}` was brought up in account {}, and AWS_ACCESS_KEY_ID says {}",
                            memory.name,
                            account.unwrap_or_default(),
                            other.unwrap_or_default()
                        ),
                        "unset AWS_ACCESS_KEY_ID, or say where to go with --localstack or \
                         --endpoint-url",
                    )
                );
                (to(memory.endpoint.clone(), account), there.is_none().then_some(Own::Remembered))
            }
            (None, None) => (to(configured, None), None),
        };
        refuse_no_url(connection.endpoint.as_deref())?;
        Ok(Route { connection, own })
    }

    fn region(&self, known: &Known<'_>) -> Result<Option<String>> {
        let remembered = known.memory.map(|memory| memory.region.as_str());
        if let (None, Some(asked), Some(there)) = (&self.region, known.region, remembered) {
            ensure!(
                asked == there,
                Trouble::new(
                    format!(
                        "the file names the region {asked}, and the stack was brought up in {there}"
                    ),
                    format!(
                        "give --region {there} to go on with that one, or --region {asked} for one in {asked}"
                    ),
                )
            );
        }
        Ok(self.region.as_deref().or(known.region).or(remembered).map(str::to_owned))
    }

    /// Opens the way to the stack that was chosen.
    ///
    /// # Errors
    /// When flags, file, memory and environment contradict each other; when no region is named;
    /// when nothing answers at an endpoint of this machine.
    pub(super) async fn open(&self, chosen: &Chosen, session: &Session) -> Result<Way> {
        let region = chosen.spec.as_ref().and_then(|spec| spec.region.as_deref());
        let known = Known { region, memory: chosen.memory.as_ref() };
        self.open_to(&chosen.name, &known, session).await
    }

    /// Opens the way to whatever stacks there are.
    ///
    /// # Errors
    /// As [`Where::open`].
    pub(super) async fn open_to_any(&self, session: &Session) -> Result<Way> {
        self.open_to("", &Known::default(), session).await
    }

    async fn open_to(&self, stack: &str, known: &Known<'_>, session: &Session) -> Result<Way> {
        let Route { connection, own } = self.route(known, &|name| env::var(name).ok())?;
        if self.localstack {
            localstack::ensure(localstack::PORT).await?;
        }
        knock(connection.endpoint.as_deref(), known.memory).await?;
        let mut aws = connection.open(stack).await?;
        refuse_no_url(aws.endpoint.as_deref())?;
        if let (Some(own), Some(url)) = (own, &aws.endpoint) {
            return Err(match (own, known.memory) {
                (Own::Remembered, Some(memory)) => conflict(memory, url).into(),
                _ => Trouble::new(
                    format!("the AWS configuration sends every call to {url}"),
                    "take `endpoint_url` and AWS_ENDPOINT_URL out of it to reach AWS itself",
                )
                .into(),
            });
        }
        if connection.endpoint != aws.endpoint {
            knock(aws.endpoint.as_deref(), known.memory).await?;
        }
        if connection.emulated_account.is_none() && is_here(aws.endpoint.as_deref()) {
            match aws.access_key().await {
                Some(key) => refuse_real_keys(&key, &aws)?,
                // An emulator takes any, and a profile that was named is wanted for what it is.
                None if self.profile.is_none() => {
                    let emulated_account = Some(EMULATED.to_owned());
                    aws = Connection { emulated_account, ..connection }.open(stack).await?;
                }
                None => {}
            }
        }
        // The first way of a command is the one whose calls are told.
        session.meter.set(aws.meter.clone()).ok();
        Ok(Way { aws })
    }
}

/// An open way to AWS.
#[derive(Debug)]
pub(super) struct Way {
    /// The clients.
    pub aws: Aws,
}

impl Way {
    /// What to remember of this way. The account of an emulator is its key, so that commands to
    /// come need no credentials for it, and send it none.
    pub(super) fn memory(&self, identity: &Identity, file: Option<PathBuf>) -> Memory {
        let endpoint = self.aws.endpoint.clone();
        Memory {
            name: self.aws.stack.to_string(),
            region: self.aws.region.clone(),
            emulated_account: is_here(endpoint.as_deref()).then(|| identity.account.clone()),
            endpoint,
            file,
        }
    }
}

/// The emulator's account to use, whatever other credentials there are.
fn emulated(env: &dyn Fn(&str) -> Option<String>) -> String {
    named_account(env).unwrap_or_else(|| EMULATED.to_owned())
}

/// The account that an access key id of twelve digits names to an emulator.
fn named_account(env: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let digits = |id: &String| id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit());
    env("AWS_ACCESS_KEY_ID").filter(digits)
}

/// Real credentials are for AWS, and a server on this machine is not AWS.
fn refuse_real_keys(key: &str, aws: &Aws) -> Result<()> {
    ensure!(
        !["AKIA", "ASIA"].iter().any(|real| key.starts_with(real)),
        Trouble::new(
            format!(
                "the credentials are AWS's, and {} is on this machine",
                aws.endpoint.as_deref().unwrap_or_default()
            ),
            "use --localstack, which needs none; or set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY to `test`",
        )
    );
    Ok(())
}

fn refuse_no_url(endpoint: Option<&str>) -> Result<()> {
    let Some(url) = endpoint.filter(|url| Host::of(url).is_none()) else { return Ok(()) };
    ensure!(
        !url.contains('@'),
        Trouble::new(
            format!("the endpoint {} has a user or a password in it", shown(url)),
            "take what stands between `://` and `@` out of it: calls are signed with the AWS \
             credentials",
        )
    );
    Err(no_url(url).into())
}

fn conflict(memory: &Memory, configured: &str) -> Trouble {
    let configured = shown(configured);
    let there = memory.endpoint.as_deref().unwrap_or("AWS itself");
    let flag = memory.endpoint.as_deref().unwrap_or("aws");
    Trouble::new(
        format!(
            "`{}` was brought up at {there}, and the AWS configuration says {configured}",
            memory.name
        ),
        format!("unset AWS_ENDPOINT_URL, or say which is meant: --endpoint-url {flag}"),
    )
}

fn no_url(configured: &str) -> Trouble {
    Trouble::new(
        format!("the AWS configuration's endpoint is `{configured}`, which is no URL"),
        "set AWS_ENDPOINT_URL to a whole URL such as http://localhost:4566, or unset it",
    )
}

/// The server on this machine that calls go to, if they go to one.
pub(super) fn here(aws: &Aws) -> Option<&str> {
    aws.endpoint.as_deref().filter(|url| is_here(Some(url)))
}

/// Whether calls go to a server on this machine.
pub(super) fn is_here(endpoint: Option<&str>) -> bool {
    endpoint.and_then(Host::of).is_some_and(|host| host.is_here())
}

/// Whether anything answers on this machine, asked once: the SDK would ask for half a minute.
async fn knock(endpoint: Option<&str>, memory: Option<&Memory>) -> Result<()> {
    let Some(host) = endpoint.and_then(Host::of).filter(Host::is_here) else { return Ok(()) };
    let connect = TcpStream::connect((host.name.as_str(), host.port));
    if let Ok(Ok(_)) = timeout(Duration::from_secs(2), connect).await {
        return Ok(());
    }
    let hint = match memory {
        Some(memory) => format!(
            "`{}` was last brought up there: start the emulator again, or name another place \
             with --endpoint-url (`aws` for AWS itself)",
            memory.name
        ),
        None => "start it, or use --localstack, which starts the bundled one".to_owned(),
    };
    Err(Trouble::new(format!("nothing answers at {}", endpoint.unwrap_or_default()), hint).into())
}

#[cfg(test)]
mod tests;
