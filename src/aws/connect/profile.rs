//! The profile that credentials come from: whether it is there, and how one logs in to it.

use aws_config::profile::{ProfileSet, load};
use aws_credential_types::provider::{
    self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future,
};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};
use std::{borrow::Cow, error::Error, fmt};

/// Where credentials come from, as far as the user said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The profile, if one is used.
    pub profile: Option<String>,
    /// How one logs in to it.
    login: Login,
}

/// How credentials are renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Login {
    /// `aws sso login`, with the profile that has the session.
    Sso(String),
    /// `aws login`, with the profile that has the session.
    Console(String),
    /// A command of this profile prints them.
    Process(String),
    /// They stand in the environment.
    Environment,
    /// They stand in a file, or nobody knows.
    Other,
}

/// A profile was named that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoProfile {
    /// The one that was named.
    pub name: String,
    /// The flag or variable that named it.
    by: &'static str,
    /// Those there are.
    there: Vec<String>,
}

/// How many profiles may follow one another by `source_profile`.
const LONGEST: usize = 8;

impl Source {
    /// Looks into the AWS configuration: `flag` names a profile, else `AWS_PROFILE` may.
    ///
    /// # Errors
    /// [`NoProfile`]; a configuration file that cannot be read, where a profile of it is meant.
    pub async fn find(flag: Option<&str>, fs: &Fs, env: &Env) -> anyhow::Result<Self> {
        let variable = || env.get("AWS_PROFILE").ok().filter(|name| !name.is_empty());
        let (named, by) = match flag {
            Some(flag) => (Some(flag.to_owned()), "--profile"),
            None => (variable(), "AWS_PROFILE"),
        };
        let keys = env.get("AWS_ACCESS_KEY_ID").is_ok_and(|id| !id.is_empty());
        let read = load(fs, env, &EnvConfigFiles::default(), named.clone().map(Cow::Owned)).await;
        let profiles = match (read, &named) {
            (Ok(profiles), _) => profiles,
            // Without a profile none of it may be needed, and the SDK says so if it is.
            (Err(_), None) => return Ok(Self { profile: None, login: environment(keys) }),
            (Err(error), Some(_)) => return Err(error.into()),
        };
        if let Some(name) = &named
            && profiles.get_profile(name).is_none()
        {
            let mut there: Vec<_> = profiles.profiles().map(str::to_owned).collect();
            there.sort();
            return Err(NoProfile { name: name.clone(), by, there }.into());
        }
        // Keys in the environment come before a profile, unless a flag says otherwise.
        if keys && flag.is_none() {
            return Ok(Self { profile: None, login: Login::Environment });
        }
        let name = named.unwrap_or_else(|| profiles.selected_profile().to_owned());
        let there = profiles.get_profile(&name).is_some();
        let login = login(&profiles, &name);
        Ok(Self { profile: there.then_some(name), login })
    }

    /// What renews the credentials.
    pub fn remedy(&self) -> String {
        let with = |command: &str, profile: &str| match profile {
            "default" => format!("run `{command}`, then the same command again"),
            profile => format!("run `{command} --profile {profile}`, then the same command again"),
        };
        match &self.login {
            Login::Sso(profile) => with("aws sso login", profile),
            Login::Console(profile) => with("aws login", profile),
            Login::Process(profile) => format!(
                "the command in `credential_process` of the profile {profile} prints them: run it \
                 by hand to see why it does not"
            ),
            Login::Environment => "export fresh AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
                                   AWS_SESSION_TOKEN, or unset them and use a profile"
                .to_owned(),
            Login::Other => match &self.profile {
                Some(profile) => format!(
                    "renew the keys of the profile {profile} (`aws configure --profile {profile}`), \
                     or name another with --profile"
                ),
                None => "log in with `aws configure` or `aws sso login`, or name a profile with \
                         --profile; for an emulator add --localstack"
                    .to_owned(),
            },
        }
    }

    /// The same credentials, whose lack is told with the profile and the remedy.
    pub(super) fn explain(&self, provider: SharedCredentialsProvider) -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(Explained { source: self.clone(), provider })
    }
}

fn environment(keys: bool) -> Login {
    if keys { Login::Environment } else { Login::Other }
}

/// How one logs in to a profile, or to the one that it takes its role from.
fn login(profiles: &ProfileSet, name: &str) -> Login {
    let mut name = name.to_owned();
    for _ in 0..LONGEST {
        let Some(profile) = profiles.get_profile(&name) else { return Login::Other };
        let has = |keys: &[&str]| keys.iter().any(|key| profile.get(key).is_some());
        if has(&["sso_session", "sso_start_url"]) {
            return Login::Sso(name);
        } else if has(&["login_session"]) {
            return Login::Console(name);
        } else if has(&["credential_process"]) {
            return Login::Process(name);
        }
        match profile.get("source_profile") {
            Some(source) if source != name => source.clone_into(&mut name),
            _ => return Login::Other,
        }
    }
    Login::Other
}

impl fmt::Display for NoProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, by, .. } = self;
        write!(f, "the profile {name}, which {by} names, is not in the AWS configuration")
    }
}

impl Error for NoProfile {}

impl NoProfile {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        let close =
            self.there.iter().find(|other| strsim::damerau_levenshtein(other, &self.name) <= 2);
        match (close, &*self.there) {
            (_, []) => {
                "there are none in ~/.aws/config and ~/.aws/credentials: `aws configure` or \
                        `aws configure sso` writes one"
                    .to_owned()
            }
            (Some(close), there) => format!("is it {close}? There are: {}", there.join(", ")),
            (None, there) => format!("there are: {}", there.join(", ")),
        }
    }
}

/// Why there are no credentials, and what to do about it.
#[derive(Debug)]
pub struct NoKeys {
    /// What was looked into.
    pub source: Source,
    why: CredentialsError,
}

impl fmt::Display for NoKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source.profile {
            Some(profile) => write!(f, "the profile {profile} gives no credentials"),
            None => f.write_str("there are no credentials"),
        }
    }
}

impl Error for NoKeys {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.why)
    }
}

#[derive(Debug)]
struct Explained {
    source: Source,
    provider: SharedCredentialsProvider,
}

impl ProvideCredentials for Explained {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            let answer: provider::Result = self.provider.provide_credentials().await;
            answer.map_err(|why| {
                CredentialsError::provider_error(NoKeys { source: self.source.clone(), why })
            })
        })
    }

    fn fallback_on_interrupt(&self) -> Option<aws_credential_types::Credentials> {
        self.provider.fallback_on_interrupt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "\
[default]
region = eu-west-1
[profile dev]
sso_session = corp
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
[profile admin]
role_arn = arn:aws:iam::111122223333:role/admin
source_profile = dev
[profile console]
login_session = arn:aws:iam::111122223333:user/eve
[profile tool]
credential_process = /bin/keys
[profile loop]
source_profile = loop
";

    async fn find(flag: Option<&str>, env: &[(&str, &str)]) -> anyhow::Result<Source> {
        let fs = Fs::from_slice(&[("/home/.aws/config", CONFIG)]);
        let env = Env::from_slice(&[env, &[("HOME", "/home")]].concat());
        Source::find(flag, &fs, &env).await
    }

    #[tokio::test]
    async fn a_profile_that_is_not_there_is_told_with_those_that_are() {
        let error = find(None, &[("AWS_PROFILE", "dve")]).await.unwrap_err();
        assert!(error.to_string().contains("the profile dve, which AWS_PROFILE names"), "{error}");
        let remedy = error.downcast_ref::<NoProfile>().unwrap().remedy();
        assert_eq!(remedy, "is it dev? There are: admin, console, default, dev, loop, tool");
        let error = find(Some("nope"), &[("AWS_PROFILE", "dev")]).await.unwrap_err();
        assert!(error.to_string().contains("nope, which --profile names"), "{error}");
    }

    #[tokio::test]
    async fn each_profile_is_logged_in_to_in_its_own_way() {
        for (profile, remedy) in [
            ("dev", "`aws sso login --profile dev`"),
            ("admin", "`aws sso login --profile dev`"),
            ("console", "`aws login --profile console`"),
            ("tool", "`credential_process` of the profile tool"),
            ("default", "keys of the profile default"),
            ("loop", "keys of the profile loop"),
        ] {
            let said = find(Some(profile), &[]).await.unwrap().remedy();
            assert!(said.contains(remedy), "{profile}: {said}");
        }
    }

    #[tokio::test]
    async fn keys_in_the_environment_come_before_a_profile_but_not_before_the_flag() {
        let keys = [("AWS_ACCESS_KEY_ID", "AKIAX"), ("AWS_PROFILE", "dev")];
        let found = find(None, &keys).await.unwrap();
        assert_eq!((found.profile.as_deref(), found.login.clone()), (None, Login::Environment));
        assert!(found.remedy().contains("AWS_SESSION_TOKEN"));
        assert_eq!(find(Some("dev"), &keys).await.unwrap().profile.as_deref(), Some("dev"));
    }

    #[derive(Debug)]
    struct Expired;
    impl ProvideCredentials for Expired {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err(CredentialsError::provider_error(
                "the SSO token has expired",
            )))
        }
    }

    #[tokio::test]
    async fn a_lack_of_credentials_names_the_profile_and_keeps_its_cause() {
        let source = find(Some("dev"), &[]).await.unwrap();
        let provider = source.explain(SharedCredentialsProvider::new(Expired));
        let error = provider.provide_credentials().await.unwrap_err();
        let keys = error.source().unwrap().downcast_ref::<NoKeys>().unwrap();
        assert_eq!(keys.to_string(), "the profile dev gives no credentials");
        assert!(keys.source.remedy().contains("aws sso login --profile dev"));
    }
}
