//! The SSM parameter that tells the app its environment: endpoints, names, ARNs of secrets, and what the user wrote.

use super::stores::{CacheRef, DatabaseRef};
use crate::engine::Plain;
use std::{collections::BTreeMap, fmt};
use crate::{
    aws::{Aws, Tags},
    engine::{Cx, Found, Kind, Table},
};
use anyhow::{Result, bail};

/// The SSM parameter that tells the app its environment: endpoints, names, ARNs of secrets, and what the user wrote.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// A digest of everything the app is told, by reference: instances wait for theirs.
    pub generation: String,
    /// What the user wrote.
    pub environment: Environment,
    /// Where sessions or cached things are.
    pub cache: Option<CacheRef>,
    /// Where the data is.
    pub database: Option<DatabaseRef>,
    /// The user's tags.
    pub tags: Tags,
}

/// Variables whose values are written down: the user's `env`, the ARNs of `secrets`, the session store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(pub BTreeMap<String, String>);

impl fmt::Display for Environment {
    /// Names only: a value may be what the user would rather not see in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.keys().map(String::as_str).collect();
        write!(f, "{{{}}}", names.join(", "))
    }
}

impl Plain for Environment {}

/// What AWS knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterLive {
    /// The parameter's name, `/stackctl/<stack>/app/env`.
    pub name: String,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// See the attribute table.
    Value,
    /// See the attribute table.
    Tags,
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
            .tuned("cache", Edit::Value, |p| &p.cache)
            .tuned("database", Edit::Value, |p| &p.database)
            .tuned("tags", Edit::Tags, |p| &p.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.name
    }

    async fn discover(_cloud: &Aws) -> Result<Vec<Found<Self>>> {
        bail!("not built")
    }

    async fn create(&self, _cx: &Cx<Aws>) -> Result<Self::Live> {
        bail!("not built")
    }

    async fn edit(&self, _edit: Edit, _found: &Found<Self>, _cx: &Cx<Aws>) -> Result<()> {
        bail!("not built")
    }

    async fn delete(_found: &Found<Self>, _cx: &Cx<Aws>) -> Result<()> {
        bail!("not built")
    }
}
