//! Which stack is meant: by name, by file, or the one last brought up from this folder.

use super::memory::Memory;
use crate::{
    spec::{self, Source, Spec, stack_name},
    ui::Trouble,
};
use anyhow::{Result, bail, ensure};
use std::{
    borrow::Cow,
    env,
    path::{Path, PathBuf},
};

/// The file looked for where none is named.
pub(super) const USUAL_FILE: &str = "stack.yaml";

/// Flags of commands that read a file.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct FileArgs {
    /// The stack file [default: ./stack.yaml, else the one last brought up from this folder]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Override a value of the file, such as app.image=nginx:1.27; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Flags of commands for which a name is enough.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct StackArgs {
    /// The stack's name; no file is needed then
    #[arg(long, value_name = "NAME", value_parser = stack_name)]
    pub stack: Option<String>,
    #[command(flatten)]
    pub file: FileArgs,
}

/// The stack that is meant.
#[derive(Debug)]
pub(super) struct Chosen {
    /// Its name.
    pub name: String,
    /// What its file says, if there is one.
    pub spec: Option<Spec>,
    /// The file.
    pub file: Option<PathBuf>,
    /// What is remembered of it, if it was last brought up from here.
    pub memory: Option<Memory>,
}

/// Nothing says which stack is meant.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotNamed;

impl std::fmt::Display for NotNamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "no stack is named, there is no ./stack.yaml, and none was brought up from here",
        )
    }
}

impl std::error::Error for NotNamed {}

impl FileArgs {
    /// As it was typed, for a command that is to be repeated.
    pub(super) fn typed(&self) -> Vec<String> {
        let file = self.file.iter().map(|file| word(&file.to_string_lossy()));
        let sets = self.set.iter().flat_map(|set| ["--set".to_owned(), word(&unsecret(set))]);
        file.chain(sets).collect()
    }

    /// The file that is meant, and what is in it.
    ///
    /// # Errors
    /// Everything that is wrong with the file; [`NotNamed`] when there is none.
    pub(super) fn choose(&self, folder: &Path) -> Result<(Chosen, Spec)> {
        let memory = Memory::read(folder)?;
        let remembered = || memory.as_ref().and_then(|m| m.file.clone());
        let file = self.named(folder).or_else(remembered).ok_or_else(|| {
            Trouble::new(
                "there is no ./stack.yaml",
                "name the stack file, or write a new one with `stackctl init`",
            )
        })?;
        let spec = self.load(folder, &file)?;
        let chosen = Chosen {
            name: spec.name.clone(),
            memory: memory.filter(|m| m.name == spec.name),
            spec: Some(spec.clone()),
            file: Some(file),
        };
        Ok((chosen, spec))
    }

    /// The file given, else the usual one if it is there.
    fn named(&self, folder: &Path) -> Option<PathBuf> {
        let usual = || folder.join(USUAL_FILE).exists().then(|| PathBuf::from(USUAL_FILE));
        self.file.clone().or_else(usual)
    }

    pub(super) fn load(&self, folder: &Path, file: &Path) -> Result<Spec> {
        // Messages show the name as it was given.
        let source = if file.is_absolute() || folder == Path::new("") {
            Source::read(file)?
        } else {
            Source::read(&folder.join(file))?
        };
        Ok(spec::load(&source, &self.set, &|name| env::var(name).ok())?)
    }
}

/// Values of the app's environment may be secrets, and are not repeated.
fn unsecret(set: &str) -> Cow<'_, str> {
    match set.split_once('=') {
        Some((key, _)) if key.trim().starts_with("app.env") => format!("{key}=…").into(),
        _ => set.into(),
    }
}

/// A word as a shell takes it.
pub(super) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%_+=:,./-…".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

impl StackArgs {
    /// As it was typed, for a command that is to be repeated.
    pub(super) fn typed(&self) -> Vec<String> {
        let stack = self.stack.iter().flat_map(|stack| ["--stack".to_owned(), word(stack)]);
        stack.chain(self.file.typed()).collect()
    }

    /// The stack that is meant; its file is read if there is one, but need not be.
    ///
    /// # Errors
    /// Everything that is wrong with a file that was to name the stack; a file that is about
    /// another stack than the one named; [`NotNamed`].
    pub(super) fn choose(&self, folder: &Path) -> Result<Chosen> {
        let memory = Memory::read(folder)?;
        let named = self.file.named(folder);
        let of = |name: &str| memory.clone().filter(|m| m.name == name);
        let Some(name) = &self.stack else {
            return match (named, memory) {
                (Some(_), _) => Ok(self.file.choose(folder)?.0),
                (None, Some(memory)) => {
                    let (spec, file) = self.beside(folder, &memory.name, memory.file.as_deref());
                    Ok(Chosen { name: memory.name.clone(), spec, file, memory: Some(memory) })
                }
                (None, None) => bail!(NotNamed),
            };
        };
        if let Some(file) = &self.file.file {
            let spec = self.file.load(folder, file)?;
            ensure!(
                spec.name == *name,
                Trouble::new(
                    format!("--stack says `{name}`, and {} says `{}`", file.display(), spec.name),
                    "leave one of the two out",
                )
            );
            let (spec, file) = (Some(spec), Some(file.clone()));
            return Ok(Chosen { name: name.clone(), spec, file, memory: of(name) });
        }
        let memory = of(name);
        let file = named.or_else(|| memory.as_ref().and_then(|m| m.file.clone()));
        let (spec, file) = self.beside(folder, name, file.as_deref());
        Ok(Chosen { name: name.clone(), spec, file, memory })
    }

    /// A file that is of use if it can be read and is about this stack.
    fn beside(
        &self,
        folder: &Path,
        name: &str,
        file: Option<&Path>,
    ) -> (Option<Spec>, Option<PathBuf>) {
        let spec = file.and_then(|file| self.file.load(folder, file).ok());
        let spec = spec.filter(|spec| spec.name == name);
        let file = file.filter(|_| spec.is_some()).map(Path::to_owned);
        (spec, file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (file, name) in files {
            let text = format!("name: {name}\napp: {{image: nginx:1.27}}\n");
            fs::write(folder.path().join(file), text).unwrap();
        }
        folder
    }

    fn remember(folder: &Path, name: &str, file: &str) {
        let region = "eu-west-1".to_owned();
        let file = Some(file.into());
        let (endpoint, emulated_account) = (None, None);
        let memory = Memory { name: name.into(), region, endpoint, emulated_account, file };
        memory.write(folder).unwrap();
    }

    fn args(stack: Option<&str>, file: Option<&str>) -> StackArgs {
        StackArgs {
            stack: stack.map(Into::into),
            file: FileArgs { file: file.map(Into::into), set: vec![] },
        }
    }

    fn name(folder: &Path, args: &StackArgs) -> String {
        args.choose(folder).unwrap().name
    }

    #[test]
    fn a_command_is_repeated_as_a_shell_takes_it_and_without_secrets() {
        let file = FileArgs {
            file: Some("my stack.yaml".into()),
            set: vec!["app.image=nginx:1.27".into(), "app.env.KEY=hunter2".into()],
        };
        assert_eq!(
            StackArgs { stack: Some("shop".into()), file }.typed().join(" "),
            "--stack shop 'my stack.yaml' --set app.image=nginx:1.27 --set app.env.KEY=…"
        );
        assert_eq!(word("it's"), r"'it'\''s'");
    }

    #[test]
    fn a_name_beats_a_file_beats_the_usual_file_beats_memory() {
        let folder = folder(&[("stack.yaml", "usual"), ("other.yaml", "other")]);
        remember(folder.path(), "before", "gone.yaml");
        assert_eq!(name(folder.path(), &args(Some("named"), None)), "named");
        assert_eq!(name(folder.path(), &args(None, Some("other.yaml"))), "other");
        assert_eq!(name(folder.path(), &args(None, None)), "usual");
        fs::remove_file(folder.path().join("stack.yaml")).unwrap();
        assert_eq!(name(folder.path(), &args(None, None)), "before");
    }

    #[test]
    fn a_name_and_a_file_of_another_stack_are_refused() {
        let folder = folder(&[("other.yaml", "other")]);
        let error = args(Some("named"), Some("other.yaml")).choose(folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "--stack says `named`, and other.yaml says `other`");
    }

    #[test]
    fn without_anything_no_stack_is_guessed() {
        let folder = folder(&[]);
        assert!(args(None, None).choose(folder.path()).unwrap_err().is::<NotNamed>());
    }

    #[test]
    fn what_is_remembered_of_another_stack_is_not_used() {
        let folder = folder(&[("stack.yaml", "usual")]);
        remember(folder.path(), "before", "before.yaml");
        assert_eq!(args(None, None).choose(folder.path()).unwrap().memory, None);
        assert_eq!(args(Some("x"), None).choose(folder.path()).unwrap().memory, None);
        assert!(args(Some("before"), None).choose(folder.path()).unwrap().memory.is_some());
    }

    #[test]
    fn a_file_that_names_the_stack_must_be_right() {
        let folder = folder(&[("stack.yaml", "NOT RIGHT")]);
        assert!(args(None, None).choose(folder.path()).is_err());
        let chosen = args(Some("shop"), None).choose(folder.path()).unwrap();
        assert!(chosen.spec.is_none() && chosen.file.is_none());
    }

    #[test]
    fn the_remembered_file_is_read_again_when_it_is_still_there() {
        let folder = folder(&[("shop.yaml", "shop")]);
        remember(folder.path(), "shop", "shop.yaml");
        let chosen = args(None, None).choose(folder.path()).unwrap();
        assert_eq!(chosen.file.as_deref(), Some(Path::new("shop.yaml")));
        assert_eq!(chosen.spec.unwrap().name, "shop");
    }
}
