//! `explain`: the guidance on sessions, by rule and by way of keeping them.

use super::{Ended, Session};
use crate::{
    sessions::guide::{Topic, topics},
    spec::nearest,
    ui::{
        Trouble,
        paint::{Painted, STRONG},
    },
};
use anyhow::Result;
use serde::Serialize;
use std::fmt::{self, Display};

/// Explain a way of keeping sessions, or a rule that a plan names
#[derive(Debug, clap::Args)]
#[command(after_help = "Without a topic it lists all of them. Needs neither a stack nor AWS.")]
pub(super) struct Args {
    /// A rule such as single-node-cache, or a way: sticky-only, shared-store, hybrid, token
    #[arg(value_name = "TOPIC")]
    topic: Option<String>,
}

/// One topic, or all names.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown {
    One { topic: &'static str, text: &'static str },
    All(Vec<Line>),
}

/// A topic in the list.
#[derive(Serialize)]
struct Line {
    topic: &'static str,
    begins: String,
}

pub(super) fn run(args: &Args, session: &Session) -> Result<Ended> {
    let shown = match &args.topic {
        None => Shown::All(topics().iter().map(line).collect()),
        Some(asked) => {
            let Topic { name, text } = named(asked)?;
            Shown::One { topic: name, text }
        }
    };
    session.ui.result(&shown)?;
    Ok(Ended::Done)
}

/// The topic of this name.
///
/// # Errors
/// When there is none; the nearest is named.
fn named(asked: &str) -> Result<Topic> {
    let all = topics();
    let plain = asked.to_lowercase().replace([' ', '_'], "-");
    if let Some(topic) = all.iter().find(|topic| topic.name == plain) {
        return Ok(*topic);
    }
    let hint = nearest(&plain, all.iter().map(|topic| topic.name)).map_or_else(
        || "`stackctl explain` lists all topics".to_owned(),
        |name| format!("did you mean `{name}`?"),
    );
    Err(Trouble::new(format!("there is nothing to explain under `{asked}`"), hint).into())
}

fn line(topic: &Topic) -> Line {
    let ends = [". ", ".\n"].into_iter().filter_map(|end| topic.text.find(end)).min();
    let begins = topic.text[..ends.unwrap_or(topic.text.len())].replace('\n', " ");
    Line { topic: topic.name, begins }
}

impl Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One { topic, text } => {
                write!(f, "{}\n\n{}", Painted(STRONG, topic), text.trim_end())
            }
            Self::All(all) => {
                let widest = all.iter().map(|line| line.topic.len()).max().unwrap_or_default();
                let lines = all.iter().map(|Line { topic, begins }| {
                    let space = " ".repeat(widest - topic.len());
                    format!("{}{space}  {begins}", Painted(STRONG, topic))
                });
                f.write_str(&lines.collect::<Vec<_>>().join("\n"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_found_by_its_name_and_a_near_miss_is_told() {
        assert_eq!(named("hybrid").unwrap().name, "hybrid");
        assert_eq!(named("Shared store").unwrap().name, "shared-store");
        let error = named("single-node-cash").unwrap_err();
        let miss = crate::ui::Report::of(&error).to_string();
        assert!(miss.contains("single-node-cache"), "{miss}");
        assert!(named("xyz").is_err());
    }

    #[test]
    fn the_list_has_a_sentence_for_each() {
        assert!(topics().iter().all(|topic| !line(topic).begins.contains('\n')));
        let list = Shown::All(topics().iter().map(line).collect()).to_string();
        assert_eq!(list.lines().count(), topics().len());
    }
}
