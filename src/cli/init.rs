//! `init`: a first stack file to start from.

use super::{Ended, Session, which::USUAL_FILE};
use crate::{
    spec::stack_name,
    ui::{Trouble, paint::GOOD, paint::Painted},
};
use anyhow::{Context, Result};
use serde::Serialize;
use std::{
    env,
    fmt::{self, Display},
    fs::OpenOptions,
    io::{self, Write},
};

/// Write a first stack file, ./stack.yaml, to start from
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The stack's name [default: the folder's]
    #[arg(value_name = "NAME", value_parser = stack_name)]
    name: Option<String>,
    /// The container image of the app
    #[arg(long, value_name = "IMAGE", default_value = IMAGE)]
    image: String,
}

/// The image the template names.
const IMAGE: &str = "nginx:1.27";
const TEMPLATE: &str = include_str!("../../templates/stack.yaml");

#[derive(Debug, Serialize)]
struct Written {
    file: &'static str,
    stack: String,
}

pub(super) fn run(args: &Args, session: &Session) -> Result<Ended> {
    let name = args.name.clone().or_else(folder_name).unwrap_or_else(|| "shop".to_owned());
    let text = filled(&name, &args.image);
    let file = OpenOptions::new().write(true).create_new(true).open(USUAL_FILE);
    let mut file = file.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => anyhow::Error::from(Trouble::new(
            "there is a ./stack.yaml already",
            "edit it, or remove it first: init overwrites nothing",
        )),
        _ => anyhow::Error::from(error).context("cannot write ./stack.yaml"),
    })?;
    file.write_all(text.as_bytes()).context("cannot write ./stack.yaml")?;
    session.ui.result(&Written { file: USUAL_FILE, stack: name })?;
    Ok(Ended::Done)
}

/// The template with its blanks filled in.
fn filled(name: &str, image: &str) -> String {
    TEMPLATE.replace("{{ name }}", name).replace(IMAGE, image)
}

/// The current folder's name, if a stack can be called so.
fn folder_name() -> Option<String> {
    let folder = env::current_dir().ok()?;
    stack_name(&folder.file_name()?.to_str()?.to_ascii_lowercase().replace(['_', ' ', '.'], "-"))
        .ok()
}

impl Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, stack } = self;
        write!(f, "{} wrote {file} for the stack `{stack}`\n  ", Painted(GOOD, "✓"))?;
        f.write_str("edit it, then run `stackctl plan`, or try it with `stackctl up --localstack`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{self, Source};

    #[test]
    fn what_init_writes_is_a_valid_stack_with_the_name_and_image_given() {
        let source = Source::new("stack.yaml", filled("blog", "ghcr.io/acme/blog:2"));
        let spec = spec::load(&source, &[], &|_| None).unwrap();
        assert_eq!((spec.name.as_str(), spec.app.image.as_str()), ("blog", "ghcr.io/acme/blog:2"));
    }
}
