//! The SSM parameter that tells the app its environment: endpoints, names, ARNs of secrets, and what the user wrote.

mod env_file;

use super::{
    RolePolicy,
    cache_cluster::CacheClusterLive,
    dynamodb_table::DynamodbTable,
    replication_group::ReplicationGroupLive,
    secret::{Secret, SecretLive},
    stores::{CacheRef, DatabaseLive, DatabaseRef},
};
use crate::{
    aws::{Aws, Failure, Sent, Tags, Tolerant, eventually, tags},
    engine::{
        Attribute, Cx, Found, Kind, Pace, Plain, Ref, Table, Taken, plan::Ids, sealed::digest,
    },
};
use anyhow::{Context, Error, Result, ensure};
use aws_sdk_ssm::types::{ParameterTier, ParameterType, ResourceTypeForTagging, Tag};
use env_file::EnvFile;
use std::{collections::BTreeMap, fmt};

/// The SSM parameter that tells the app its environment: endpoints, names, ARNs of secrets, and what the user wrote.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// A digest of everything the app is told, by reference: instances wait for theirs.
    pub generation: String,
    /// What the user wrote.
    pub environment: Environment,
    /// Variables whose values instances read at every start, each with the ARN that leads to it.
    pub secrets: Environment,
    /// Where sessions or cached things are.
    pub cache: Option<CacheRef>,
    /// Where the data is.
    pub database: Option<DatabaseRef>,
    /// What signs sessions in tokens.
    pub session_key: Option<Ref<Secret>>,
    /// Where sessions are, when that is a table. Its name is part of the environment.
    pub table: Option<Ref<DynamodbTable>>,
    /// What AWS's answers make up: endpoints, names, ARNs of secrets.
    pub generated: Generated,
    /// What the app needs to read the secrets that it is told of.
    pub leave: Option<Ref<RolePolicy>>,
    /// The user's tags.
    pub tags: Tags,
}

/// Variables whose values are written down: the user's `env`, the session store; or the ARNs of `secrets`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(pub BTreeMap<String, String>);

impl fmt::Display for Environment {
    /// A value may be what the user would rather not see in a log: four digits of its digest tell
    /// that it has changed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.iter().map(|(name, value)| format!("{name}#{}", &digest(value)[..4]));
        write!(f, "{{{}}}", shown.collect::<Vec<_>>().join(", "))
    }
}

impl Plain for Environment {}

/// Variables that AWS's answers make up. Wanted ones are known where all that they lead to stands;
/// `None` is met by any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generated(pub Option<BTreeMap<String, String>>);

/// The live data of a store that an app is told of.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// Redis or Valkey.
    Group(ReplicationGroupLive),
    /// Memcached.
    Cluster(CacheClusterLive),
    /// RDS or Aurora.
    Database(DatabaseLive),
    /// The key that signs sessions in tokens.
    SessionKey(SecretLive),
}

impl Generated {
    /// What the app is to be told where these stores stand.
    pub fn of(region: &str, stores: &[Endpoint]) -> Self {
        let mut all = variables([("AWS_REGION", region.to_owned())]);
        for store in stores {
            all.extend(match store {
                Endpoint::Group(live) => to_group(live),
                Endpoint::Cluster(live) => to_cluster(live),
                Endpoint::Database(live) => to_database(live),
                Endpoint::SessionKey(live) => to_session_key(live),
            });
        }
        Self(Some(all.into_iter().collect()))
    }

    /// Whether a variable of this name is known.
    pub fn tells(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|all| all.contains_key(name))
    }
}

impl Attribute for Generated {
    fn show(&self) -> String {
        let Some(variables) = &self.0 else { return "(once they are known)".into() };
        let shown: Vec<_> = variables.iter().map(|(name, to)| format!("{name}={to}")).collect();
        format!("{{{}}}", shown.join(", "))
    }
    fn met_by(&self, found: &Self, _: &Ids) -> bool {
        self.0.is_none() || self == found
    }
}

/// What AWS knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterLive {
    /// The parameter's name, `/stackctl/<stack>/app/env`.
    pub name: String,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `PutParameter` with the whole value.
    Value,
    /// `AddTagsToResource` and `RemoveTagsFromResource`.
    Tags,
}

/// The variable with the name of the table that sessions live in.
pub const SESSION_TABLE_VARIABLE: &str = "SESSION_TABLE";
/// The variable with the ARN of the secret that holds the key that signs sessions in tokens.
pub const SESSION_KEY_VARIABLE: &str = "SESSION_KEY_SECRET_ARN";
/// How many bytes of value a parameter of the standard tier takes.
pub const VALUE_LIMIT: usize = 4096;
/// A name that was deleted a moment ago is not free for some 30 s.
const FREE_AGAIN: Pace = Pace::seconds(5, 120);

/// What the app is told, by the value of the stack's parameter alone; `None` where there is none.
///
/// # Errors
/// What AWS refuses.
pub async fn environment(aws: &Aws) -> Result<Option<Environment>> {
    let name = name(&aws.stack);
    let all = &aws.parameters().await?.all;
    let value = all.iter().find(|p| p.name() == Some(&name)).and_then(|p| p.value.as_deref());
    Ok(value.map(|value| EnvFile::parse(value).environment))
}

/// The name of a stack's parameter.
pub fn name(stack: &str) -> String {
    format!("/stackctl/{stack}/app/env")
}

impl Kind for Parameter {
    type Cloud = Aws;
    type Live = ParameterLive;
    type Edit = Edit;

    const NAME: &'static str = "parameter";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .tuned("generation", Edit::Value, |p| &p.generation)
            .tuned("environment", Edit::Value, |p| &p.environment)
            .tuned("secrets", Edit::Value, |p| &p.secrets)
            .tuned("cache", Edit::Value, |p| &p.cache)
            .tuned("database", Edit::Value, |p| &p.database)
            .tuned("endpoints", Edit::Value, |p| &p.generated)
            .needs(|p| &p.session_key)
            .needs(|p| &p.table)
            .needs(|p| &p.leave)
            .tuned("tags", Edit::Tags, |p| &p.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.name
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let name = name(&aws.stack);
        let value = async {
            let mut all = aws.parameters().await?.all.iter();
            let found = all.find(|p| p.name() == Some(&name));
            Ok::<_, anyhow::Error>(found.and_then(|p| p.value.clone()))
        };
        let owned = async { Ok::<_, anyhow::Error>(owned(aws, &name).await?) };
        let (value, owned) = tokio::try_join!(value, owned)?;
        let (Some(value), Some(owned)) = (value, owned) else { return Ok(Vec::new()) };
        let file = EnvFile::parse(&value);
        let spec = Self {
            cache: file.cache_ref(),
            database: file.database_ref(),
            generated: Generated(Some(file.generated.into_iter().collect())),
            session_key: None,
            table: None,
            leave: None,
            generation: file.generation,
            environment: file.environment,
            secrets: file.secrets,
            tags: owned.tags,
        };
        Ok(vec![Found::ready(owned.name, spec, ParameterLive { name })])
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        let name = name(&cx.cloud.stack);
        let tags = tags_of(&cx.cloud, &name).await?;
        let taken =
            tags.and_then(|t| cx.cloud.taken(format!("parameter {name}"), tags::of_ssm(&t)));
        Ok(taken.into_iter().collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<ParameterLive> {
        let name = name(&cx.cloud.stack);
        let value = self.value(cx)?;
        let labels = cx.cloud.labels(cx.address(), &self.tags);
        let taken = |failure: &Failure| failure.is(&["ParameterAlreadyExists"]);
        let passes = |failure: &Failure| taken(failure) || failure.is_busy_parameter();
        let made = eventually(cx, FREE_AGAIN, passes, || async {
            let call = cx.cloud.ssm.put_parameter().name(&name).value(&value);
            let call = call.r#type(ParameterType::String).tier(ParameterTier::Standard);
            let call = call.description("What the app is told, as an env file");
            match call.set_tags(Some(tags::for_ssm(&labels))).send().await.aws() {
                Err(failure) if taken(&failure) && exists(&cx.cloud, &name).await? => Ok(false),
                answer => answer.map(|_| true),
            }
        })
        .await?;
        if !made {
            // An answer was lost on the way, or the name is somebody else's.
            let ours = owned(&cx.cloud, &name).await?;
            ours.with_context(|| cx.cloud.not_ours(&format!("the parameter {name}")))?;
            overwrite(cx, &name, &value).await?;
        }
        Ok(ParameterLive { name })
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let name = &found.live.name;
        match edit {
            Edit::Value => overwrite(cx, name, &self.value(cx)?).await,
            Edit::Tags => cx.cloud.retag_parameter(name, &self.tags, &found.spec.tags).await,
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let call = cx.cloud.ssm.delete_parameter().name(&found.live.name);
        call.send().await.aws().or_gone()?;
        Ok(())
    }
}

impl Parameter {
    /// The whole value, with what is live now.
    fn value(&self, cx: &Cx<Aws>) -> Result<String> {
        let (cache, cache_told) = self.cache.as_ref().map(|c| cache(c, cx)).transpose()?.unzip();
        let (database, database_told) =
            self.database.as_ref().map(|d| database(d, cx)).transpose()?.unzip();
        let mut generated = variables([("AWS_REGION", cx.cloud.region.clone())]);
        generated.extend(cache_told.into_iter().flatten());
        generated.extend(database_told.into_iter().flatten());
        if let Some(key) = &self.session_key {
            generated.extend(to_session_key(&cx.get(key)?));
        }
        let (generation, environment) = (self.generation.clone(), self.environment.clone());
        let secrets = self.secrets.clone();
        let file = EnvFile { generation, cache, database, generated, environment, secrets };
        let value = file.render();
        ensure!(
            value.len() <= VALUE_LIMIT,
            "what the app is told takes {} bytes, and a parameter takes {VALUE_LIMIT}; shorten \
             app.env, or move long values to a secret and name it in app.secrets",
            value.len()
        );
        Ok(value)
    }
}

/// Variables and their values, in the order in which they are written.
type Variables = Vec<(String, String)>;

fn variables<const N: usize>(all: [(&str, String); N]) -> Variables {
    all.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Kind and id of something, as the value keeps them.
type Told = (String, String);

/// The cache, and the variable that leads to it.
fn cache(to: &CacheRef, cx: &Cx<Aws>) -> Result<(Told, Variables)> {
    Ok(match to {
        CacheRef::Group(to) => {
            let live = cx.get(to)?;
            ensure!(!live.host.is_empty(), "AWS names no endpoint of {} yet", live.id);
            (told(to, &live), to_group(&live))
        }
        CacheRef::Cluster(to) => {
            let live = cx.get(to)?;
            ensure!(!live.servers.is_empty(), "AWS names no nodes of {} yet", live.id);
            (told(to, &live), to_cluster(&live))
        }
    })
}

fn to_group(live: &ReplicationGroupLive) -> Variables {
    variables([("REDIS_URL", format!("rediss://{}:{}", live.host, live.port))])
}

fn to_cluster(live: &CacheClusterLive) -> Variables {
    variables([("MEMCACHED_SERVERS", live.servers.join(","))])
}

/// The database, and the variables that lead to it.
fn database(to: &DatabaseRef, cx: &Cx<Aws>) -> Result<(Told, Variables)> {
    let (told, live): (_, DatabaseLive) = match to {
        DatabaseRef::Instance(to) => cx.get(to).map(|live| (told(to, &live), live))?,
        DatabaseRef::Cluster(to) => cx.get(to).map(|live| (told(to, &live), live))?,
    };
    ensure!(!live.host.is_empty(), "AWS names no endpoint of {} yet", live.id);
    Ok((told, to_database(&live)))
}

/// The variables that lead to a database. The password is not among them: the app reads it from the
/// secret, since RDS changes it every week.
///
/// PostgreSQL from 15 on and `MariaDB` from 11.8 on take encrypted connections only, and all engines
/// offer them: each client is told in its own word (libpq's `sslmode`, MySQL's `--ssl-mode`).
fn to_database(live: &DatabaseLive) -> Variables {
    let encrypted = if live.engine.contains("postgres") { "require" } else { "REQUIRED" };
    variables([
        ("DATABASE_HOST", live.host.clone()),
        ("DATABASE_PORT", live.port.to_string()),
        ("DATABASE_NAME", live.database.clone()),
        ("DATABASE_USER", live.username.clone()),
        ("DATABASE_SECRET_ARN", live.secret_arn.clone()),
        ("DATABASE_SSLMODE", encrypted.to_owned()),
    ])
}

fn to_session_key(live: &SecretLive) -> Variables {
    variables([(SESSION_KEY_VARIABLE, live.arn.clone())])
}

fn told<K: Kind>(_: &Ref<K>, live: &K::Live) -> Told {
    (K::NAME.to_owned(), K::id(live).to_owned())
}

/// A call that overwrites takes no tags. Without a tier it would take the account's default one,
/// which may be the advanced tier: that costs money, and there is no way back from it.
async fn overwrite(cx: &Cx<Aws>, name: &str, value: &str) -> Result<()> {
    let call = cx.cloud.ssm.put_parameter().name(name).value(value).r#type(ParameterType::String);
    let call = call.overwrite(true);
    let put = async |tier: ParameterTier| {
        eventually(cx, FREE_AGAIN, Failure::is_busy_parameter, || {
            let call = call.clone().tier(tier.clone());
            async { call.send().await.aws() }
        })
        .await
    };
    match put(ParameterTier::Standard).await {
        // Somebody has made it an advanced one already.
        Err(error) if is_advanced(&error) => put(ParameterTier::Advanced).await?,
        other => other?,
    };
    Ok(())
}

fn is_advanced(error: &Error) -> bool {
    error.downcast_ref::<Failure>().is_some_and(|failure| {
        failure.is(&["ValidationException"]) && failure.message.contains("advanced-parameter tier")
    })
}

async fn exists(aws: &Aws, name: &str) -> Result<bool, Failure> {
    Ok(aws.ssm.get_parameter().name(name).send().await.aws().or_gone()?.is_some())
}

/// What the parameter's tags say, if they say that it is this stack's.
async fn owned(aws: &Aws, name: &str) -> Result<Option<crate::aws::Owned>, Failure> {
    Ok(tags_of(aws, name).await?.and_then(|tags| aws.owned(tags::of_ssm(&tags))))
}

/// The parameter's tags, if it is there.
async fn tags_of(aws: &Aws, name: &str) -> Result<Option<Vec<Tag>>, Failure> {
    let call = aws.ssm.list_tags_for_resource().resource_id(name);
    let call = call.resource_type(ResourceTypeForTagging::Parameter);
    // Systems Manager has a code of its own for tags of what does not exist.
    let answer = call.send().await.aws().or_gone();
    let answer = match answer {
        Err(failure) if failure.is(&["InvalidResourceId"]) => None,
        other => other?,
    };
    Ok(answer.map(|answer| answer.tag_list.unwrap_or_default()))
}

#[cfg(test)]
mod tests;
