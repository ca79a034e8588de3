//! The parameter's value: an env file as Docker reads it, with comments that tell what it was made
//! from, so that it can be read back.

use super::Environment;
use crate::{
    engine::{Kind, Ref},
    kinds::{
        CacheCluster, DbCluster, DbInstance, ReplicationGroup,
        stores::{CacheRef, DatabaseRef},
    },
};
use std::fmt::Write as _;

const GENERATION: &str = "# stackctl generation=";
const REFS: &str = "# stackctl refs";
const GENERATED: &str = "# generated";
const ENVIRONMENT: &str = "# environment";
/// Below it, each line is a comment to Docker, and to the boot script a variable to read.
const SECRETS: &str = "# secrets";

/// An env file in parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct EnvFile {
    /// What instances wait for.
    pub generation: String,
    /// Kind and id of the cache, if there is one.
    pub cache: Option<(String, String)>,
    /// Kind and id of the database, if there is one.
    pub database: Option<(String, String)>,
    /// Variables that AWS's answers make up.
    pub generated: Vec<(String, String)>,
    /// Variables that were written down. They win over generated ones of the same name.
    pub environment: Environment,
    /// Variables with the ARNs of what keeps their values.
    pub secrets: Environment,
}

impl EnvFile {
    /// The text of the file. Docker takes values literally, so nothing is quoted.
    pub(super) fn render(&self) -> String {
        let mut text = format!("{GENERATION}{}\n{REFS}", self.generation);
        for (name, to) in [("cache", &self.cache), ("database", &self.database)] {
            if let Some((kind, id)) = to {
                _ = write!(text, " {name}={kind}:{id}");
            }
        }
        _ = write!(text, "\n{GENERATED}");
        for (name, value) in &self.generated {
            if !self.environment.0.contains_key(name) {
                _ = write!(text, "\n{name}={value}");
            }
        }
        _ = write!(text, "\n{ENVIRONMENT}");
        for (name, value) in &self.environment.0 {
            _ = write!(text, "\n{name}={value}");
        }
        if !self.secrets.0.is_empty() {
            _ = write!(text, "\n{SECRETS}");
        }
        for (name, arn) in &self.secrets.0 {
            _ = write!(text, "\n#{name}={arn}");
        }
        text
    }

    /// The parts of a file. A text that is no such file has none.
    pub(super) fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let generation = lines.next().and_then(|line| line.strip_prefix(GENERATION));
        let refs = lines.next().and_then(|line| line.strip_prefix(REFS)).unwrap_or_default();
        let to = |name: &str| {
            let value = refs.split(' ').find_map(|r| r.strip_prefix(name)?.strip_prefix('='))?;
            let (kind, id) = value.split_once(':')?;
            Some((kind.to_owned(), id.to_owned()))
        };
        let pair = |line: &str| {
            line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        let mut lines = lines.skip_while(|line| *line != GENERATED).skip(1);
        let generated = lines.by_ref().take_while(|line| *line != ENVIRONMENT);
        let generated = generated.filter_map(pair).collect();
        let environment = lines.by_ref().take_while(|line| *line != SECRETS);
        let environment = Environment(environment.filter_map(pair).collect());
        let secrets = lines.filter_map(|line| pair(line.strip_prefix('#')?));
        Self {
            generation: generation.unwrap_or_default().to_owned(),
            cache: to("cache"),
            database: to("database"),
            generated,
            environment,
            secrets: Environment(secrets.collect()),
        }
    }

    pub(super) fn cache_ref(&self) -> Option<CacheRef> {
        let (kind, id) = self.cache.as_ref()?;
        match kind.as_str() {
            ReplicationGroup::NAME => Some(CacheRef::Group(Ref::found(id.as_str()))),
            CacheCluster::NAME => Some(CacheRef::Cluster(Ref::found(id.as_str()))),
            _ => None,
        }
    }

    pub(super) fn database_ref(&self) -> Option<DatabaseRef> {
        let (kind, id) = self.database.as_ref()?;
        match kind.as_str() {
            DbInstance::NAME => Some(DatabaseRef::Instance(Ref::found(id.as_str()))),
            DbCluster::NAME => Some(DatabaseRef::Cluster(Ref::found(id.as_str()))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> EnvFile {
        let variables = [("LOG_LEVEL", "info"), ("ODD", " a=b # \"c\""), ("NONE", "")];
        EnvFile {
            generation: "0123456789abcdef".into(),
            cache: Some((ReplicationGroup::NAME.into(), "shop-cache".into())),
            database: Some((DbCluster::NAME.into(), "shop-db".into())),
            generated: vec![("AWS_REGION".into(), "eu-west-1".into())],
            environment: Environment(variables.map(|(k, v)| (k.to_owned(), v.to_owned())).into()),
            secrets: Environment([("STRIPE".to_owned(), "arn:aws:ssm:x".to_owned())].into()),
        }
    }

    #[test]
    fn a_file_says_what_it_was_made_from_and_then_what_the_app_is_told() {
        insta::assert_snapshot!(file().render(), @r##"
        # stackctl generation=0123456789abcdef
        # stackctl refs cache=replication-group:shop-cache database=db-cluster:shop-db
        # generated
        AWS_REGION=eu-west-1
        # environment
        LOG_LEVEL=info
        NONE=
        ODD= a=b # "c"
        # secrets
        #STRIPE=arn:aws:ssm:x
        "##);
    }

    #[test]
    fn a_file_reads_back_as_it_was_written() {
        let plain = EnvFile { secrets: Environment::default(), ..file() };
        for file in [file(), plain, EnvFile { cache: None, ..file() }, EnvFile::default()] {
            assert_eq!(EnvFile::parse(&file.render()), file);
        }
    }

    #[test]
    fn a_variable_that_was_written_down_wins_over_a_generated_one() {
        let mut file = file();
        file.environment.0.insert("AWS_REGION".into(), "us-east-1".into());
        assert!(!file.render().contains("eu-west-1"));
    }

    #[test]
    fn a_value_that_somebody_else_wrote_has_no_parts() {
        assert_eq!(EnvFile::parse("hello=world"), EnvFile::default());
        assert_eq!(EnvFile::parse(""), EnvFile::default());
    }
}
