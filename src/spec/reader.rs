//! Takes values out of the tree, section by section, and goes on after every problem.

use std::collections::{BTreeMap, BTreeSet};

use super::choice::{Choice, nearest};
use super::schema::{self, Holds, Key, Usual};
use super::text::At;
use super::tree::{Body, Entry, Node};
use super::values::{parse_choice, parse_duration, parse_number, parse_switch};
use super::{Seconds, Wrong, join, list};

/// What was found out while reading: the problems, and where everything stands.
#[derive(Default)]
pub(super) struct Notes {
    /// Place, key, and what is wrong.
    pub(super) problems: Vec<(Option<At>, String, Wrong)>,
    /// The keys whose values could not be read; no rule may rely on them.
    broken: BTreeSet<String>,
    places: BTreeMap<String, At>,
}

impl Notes {
    /// Adds a problem at a node; nothing made out of a private value is told.
    fn refuse(&mut self, node: &Node, path: &str, wrong: Wrong) {
        let fix = wrong.fix.as_ref().filter(|_| !node.private).cloned();
        let wrong = match fix {
            Some(fix) => Wrong { fix: None, ..wrong }.help(fix),
            None => wrong,
        };
        self.problems.push((Some(node.at), path.to_owned(), wrong));
        self.broken.insert(path.to_owned());
    }

    /// Whether a key, what is above it, or anything below it could not be read.
    pub(super) fn is_broken(&self, path: &str) -> bool {
        let under = |inner: &str, outer: &str| {
            let rest = inner.strip_prefix(outer);
            outer.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.broken.iter().any(|broken| under(broken, path) || under(path, broken))
    }

    /// Where a key stands, or else the section it would stand in.
    pub(super) fn place(&self, path: &str) -> Option<At> {
        let mut path = path;
        loop {
            if let Some(at) = self.places.get(path) {
                return Some(*at);
            }
            path = path.rsplit_once('.')?.0;
        }
    }
}

/// A section while it is read.
pub(super) struct Section<'n, 't> {
    notes: &'n mut Notes,
    keys: &'static [Key],
    path: String,
    entries: &'t [Entry],
    /// Where it stands; `None` when it was left out.
    at: Option<At>,
    /// Whether it is so wrong that its keys are not missed.
    lost: bool,
}

impl<'n, 't> Section<'n, 't> {
    /// Begins with the whole file.
    pub(super) fn file(root: Option<&'t Node>, notes: &'n mut Notes) -> Self {
        Self::open(schema::FILE, String::new(), root, notes)
    }

    fn open(
        keys: &'static [Key],
        path: String,
        node: Option<&'t Node>,
        notes: &'n mut Notes,
    ) -> Self {
        let mut section = Self { notes, keys, path, entries: &[], at: None, lost: false };
        match node.map(|node| (node, &node.body)) {
            None | Some((_, Body::Empty)) => {}
            Some((node, Body::Map(entries))) => {
                section.at = Some(node.at);
                section.entries = entries;
                section.look_for_strangers();
            }
            Some((node, _)) => {
                section.lost = true;
                let path = section.path.clone();
                section.mistype(node, &path, &Holds::Section(keys).describe());
            }
        }
        section
    }

    /// Reports the keys that this section does not have.
    fn look_for_strangers(&mut self) {
        for entry in self.entries {
            let path = join(&self.path, &entry.key);
            if self.keys.iter().any(|key| key.name == entry.key) {
                let inside = matches!(entry.value.body, Body::Map(_));
                self.notes.places.insert(path, if inside { entry.at } else { entry.value.at });
                continue;
            }
            let known = self.keys.iter().map(|key| key.name);
            let place = if self.path.is_empty() {
                "a stack file".into()
            } else {
                format!("`{}`", self.path)
            };
            let wrong = Wrong::new(format!("`{}` is not a key of {place}", entry.key));
            let homes = schema::homes(&entry.key);
            let help = if let Some(near) = nearest(&entry.key, known.clone()) {
                self.notes.broken.insert(join(&self.path, near));
                format!("did you mean `{near}`?")
            } else if homes.iter().any(String::is_empty) {
                "it belongs to the top of the file, without indentation".to_owned()
            } else if let [home, ..] = &*homes {
                format!("it belongs into `{home}`; is the indentation right?")
            } else {
                format!("the keys here are {}", list(&known.collect::<Vec<_>>(), "and"))
            };
            self.notes.problems.push((Some(entry.at), path, wrong.help(help)));
        }
    }

    fn key(&self, name: &str) -> &'static Key {
        self.keys
            .iter()
            .find(|key| key.name == name)
            .expect("the schema has every key that is read")
    }

    /// The value of a key, unless it was left out.
    fn find(&mut self, name: &str) -> Option<&'t Node> {
        let entry = self.entries.iter().find(|entry| entry.key == name);
        if let Some(entry) = entry.filter(|entry| !entry.value.is_empty()) {
            return Some(&entry.value);
        }
        let path = join(&self.path, name);
        let key = self.key(name);
        // A required section is opened even so, and then misses its own keys.
        let missed = !self.lost && !self.notes.is_broken(&path);
        if missed && matches!(key.usual, Usual::Required) && key.holds.keys().is_none() {
            let at = entry.map(|entry| entry.at).or_else(|| self.notes.place(&path));
            let help = match key.holds {
                Holds::Choice(_) => format!("{}: {}", key.says, key.holds.describe()),
                _ => key.says.to_owned(),
            };
            let wrong = Wrong::new(format!("`{path}` is missing")).help(help);
            self.notes.problems.push((at, path.clone(), wrong));
            self.notes.broken.insert(path);
        }
        None
    }

    fn mistype(&mut self, node: &Node, path: &str, expected: &str) {
        if matches!(node.body, Body::Refused) {
            self.notes.broken.insert(path.to_owned());
            return;
        }
        let found = node.describe();
        self.notes.refuse(node, path, Wrong::new(format!("expected {expected}, found {found}")));
    }

    /// Reads a single value with `parse`.
    fn single<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str, Holds) -> Result<T, Wrong>,
    ) -> Option<T> {
        let holds = self.key(name).holds;
        let node = self.find(name)?;
        let path = join(&self.path, name);
        let Body::Text(text) = &node.body else {
            self.mistype(node, &path, &holds.describe());
            return None;
        };
        parse(text, holds).map_err(|wrong| self.notes.refuse(node, &path, wrong)).ok()
    }

    /// What the schema says a key is when left out.
    fn usual<T>(&self, name: &str, parse: impl Fn(&str, Holds) -> Result<T, Wrong>) -> T {
        let key = self.key(name);
        match key.usual {
            Usual::Is(text) => parse(text, key.holds).ok(),
            _ => None,
        }
        .expect("the schema has a good value for every key that may be left out")
    }

    /// A text, if it was given and is good.
    pub(super) fn text<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.single(name, |text, _| parse(text))
    }

    /// A text, or what it usually is.
    pub(super) fn text_or_usual<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> T {
        self.text(name, &parse).unwrap_or_else(|| self.usual(name, |text, _| parse(text)))
    }

    /// A number, if it was given and is in range.
    pub(super) fn number<T: TryFrom<u32>>(&mut self, name: &str) -> Option<T> {
        self.single(name, parse_number)
    }

    /// A number, or what it usually is.
    pub(super) fn number_or_usual<T: TryFrom<u32>>(&mut self, name: &str) -> T {
        self.number(name).unwrap_or_else(|| self.usual(name, parse_number))
    }

    /// A duration, or what it usually is.
    pub(super) fn duration(&mut self, name: &str) -> Seconds {
        self.single(name, parse_duration).unwrap_or_else(|| self.usual(name, parse_duration))
    }

    /// One word of a few, if it was given.
    pub(super) fn choice<C: Choice>(&mut self, name: &str) -> Option<C> {
        self.single(name, parse_choice)
    }

    /// One word of a few, or what it usually is.
    pub(super) fn choice_or_usual<C: Choice>(&mut self, name: &str) -> C {
        self.choice(name).unwrap_or_else(|| self.usual(name, parse_choice))
    }

    /// A switch, or what it usually is.
    pub(super) fn switch(&mut self, name: &str) -> bool {
        self.single(name, parse_switch).unwrap_or_else(|| self.usual(name, parse_switch))
    }

    /// A switch, if it was given.
    pub(super) fn switch_if_given(&mut self, name: &str) -> Option<bool> {
        self.single(name, parse_switch)
    }

    /// A list of texts; `None` when it was left out.
    pub(super) fn texts<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<Vec<T>> {
        let node = self.find(name)?;
        let path = join(&self.path, name);
        let Body::List(items) = &node.body else {
            self.mistype(node, &path, &Holds::Texts.describe());
            return None;
        };
        let mut good = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = join(&path, &index.to_string());
            self.notes.places.insert(path.clone(), item.at);
            match &item.body {
                Body::Text(text) => match parse(text) {
                    Ok(value) => good.push(value),
                    Err(wrong) => self.notes.refuse(item, &path, wrong),
                },
                _ => self.mistype(item, &path, &Holds::Text.describe()),
            }
        }
        Some(good)
    }

    /// A list of items that are read one by one, each from its node; those that are wrong are
    /// reported at the key that `read` names below the item, "" for the item itself.
    pub(super) fn items<T>(
        &mut self,
        name: &str,
        read: impl Fn(&Node) -> Result<T, Vec<(String, Wrong)>>,
    ) -> Vec<T> {
        let mut good = Vec::new();
        let Some(node) = self.find(name) else { return good };
        let path = join(&self.path, name);
        let Body::List(items) = &node.body else {
            let expected = self.key(name).holds.describe();
            self.mistype(node, &path, &expected);
            return good;
        };
        for (index, item) in items.iter().enumerate() {
            let path = join(&path, &index.to_string());
            self.notes.places.insert(path.clone(), item.at);
            match read(item) {
                Ok(value) => good.push(value),
                Err(wrongs) => {
                    for (key, wrong) in wrongs {
                        let at = item.entry(&key).map_or(item, |entry| &entry.value);
                        let path = if key.is_empty() { path.clone() } else { join(&path, &key) };
                        self.notes.refuse(at, &path, wrong);
                    }
                }
            }
        }
        good
    }

    /// A list of texts where something else may stand as well; `None` when it is no list.
    pub(super) fn texts_if_list<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<Vec<T>> {
        let node = self.find(name)?;
        let Body::List(items) = &node.body else { return None };
        if let Holds::NumberOrTexts(from, to) = self.key(name).holds
            && !(from as usize..=to as usize).contains(&items.len())
        {
            self.refuse(name, node, Wrong::new(format!("expected {from} to {to} of them")));
        }
        self.texts(name, parse)
    }

    /// Names of the user's own choice with their texts.
    pub(super) fn names(
        &mut self,
        name: &str,
        check_name: impl Fn(&str) -> Result<(), Wrong>,
        check_value: impl Fn(&str) -> Result<(), Wrong>,
    ) -> BTreeMap<String, String> {
        let mut good = BTreeMap::new();
        let Some(node) = self.find(name) else { return good };
        let path = join(&self.path, name);
        let Body::Map(entries) = &node.body else {
            self.mistype(node, &path, &Holds::Names.describe());
            return good;
        };
        for Entry { key, at, value } in entries {
            let path = join(&path, key);
            self.notes.places.insert(path.clone(), value.at);
            if let Err(wrong) = check_name(key) {
                self.notes.refuse(&Node::new(*at, Body::Empty), &path, wrong);
            }
            match &value.body {
                Body::Text(text) => match check_value(text) {
                    Ok(()) => {
                        good.insert(key.clone(), text.clone());
                    }
                    Err(wrong) => self.notes.refuse(value, &path, wrong),
                },
                Body::Empty => {
                    let wrong = Wrong::new(format!("`{key}` has no value"));
                    self.notes.refuse(value, &path, wrong.help("for an empty text write \"\""));
                }
                Body::Map(entries)
                    if entries.first().is_some_and(|e| e.key.starts_with("arn:")) =>
                {
                    let wrong =
                        Wrong::new("YAML takes a text with a colon at its end for a mapping");
                    self.notes.refuse(value, &path, wrong.help("put the ARN into quotes"));
                }
                _ => self.mistype(value, &path, &Holds::Text.describe()),
            }
        }
        good
    }

    /// A section, also when it was left out.
    pub(super) fn section<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Section<'_, 't>) -> T,
    ) -> T {
        let keys = self.key(name).holds.keys().expect("the schema has keys for every section");
        let node = self.find(name);
        let mut section = Section::open(keys, join(&self.path, name), node, self.notes);
        section.lost |= self.lost;
        read(&mut section)
    }

    /// A section, if it was given.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Section<'_, 't>) -> T,
    ) -> Option<T> {
        self.find(name)?;
        Some(self.section(name, read))
    }

    /// The text of a key that may also be a section.
    pub(super) fn word(&mut self, name: &str) -> Option<(&'t Node, &'t str)> {
        match self.find(name)? {
            node @ Node { body: Body::Text(text), .. } => Some((node, text)),
            _ => None,
        }
    }

    /// Reports a problem at the value of a key.
    pub(super) fn refuse(&mut self, name: &str, node: &Node, wrong: Wrong) {
        self.notes.refuse(node, &join(&self.path, name), wrong);
    }
}
