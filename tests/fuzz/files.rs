//! Hostile files: bytes, tokens of YAML in any order, and good files with something done to them.

use crate::{
    towers::towers,
    words::{few_or_many, line, of, path, text, value, word},
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use std::{fmt, fs, path::Path};

/// What is done to the lines of a good file.
#[derive(Clone, Debug)]
enum Edit {
    Delete(Index),
    Duplicate(Index, Index),
    Swap(Index, Index),
    Repeat(Index, usize),
    Value(Index, String),
    Key(Index, String),
    Indent(Index, String),
    Insert(Index, String),
    /// Bytes put in place of others, anywhere.
    Splice(Index, usize, Vec<u8>),
    Whole(Whole),
}

/// What is done to the file as a whole.
#[derive(Clone, Copy, Debug)]
enum Whole {
    Crlf,
    LoneReturns,
    Mark,
    Tabs,
    Wide,
    Twice,
    Open,
}

/// A file, and the arguments of `--set`.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) file: Vec<u8>,
    pub(crate) sets: Vec<String>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.file.escape_ascii().map(char::from).take(4_000).collect();
        let sets: Vec<String> = self.sets.iter().map(|s| s.chars().take(500).collect()).collect();
        write!(f, "{} bytes: {text}\n--set {sets:?}", self.file.len())
    }
}

pub(crate) fn cases() -> BoxedStrategy<Case> {
    let file = prop_oneof![
        1 => vec(any::<u8>(), 0..2_000),
        1 => text().prop_map(String::into_bytes),
        3 => tokens(),
        1 => towers().prop_map(String::into_bytes),
        14 => edited(),
    ];
    let sets = prop_oneof![5 => Just(vec![]), 1 => vec(set(), 1..4)];
    (file, sets).prop_map(|(file, sets)| Case { file, sets }).boxed()
}

/// Somewhat more than is read.
const LARGEST: usize = 1_100_000;

fn edited() -> impl Strategy<Value = Vec<u8>> {
    (select(good_files()), vec(edit(), 0..6)).prop_map(|(file, edits)| {
        let mut lines: Vec<Vec<u8>> = file.lines().map(|line| line.as_bytes().to_vec()).collect();
        for edit in &edits {
            apply(edit, &mut lines);
        }
        let mut file = lines.join(&b'\n');
        file.truncate(LARGEST);
        file
    })
}

fn good_files() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![root.join("tests/mistakes/none.yaml")];
    paths.extend(fs::read_dir(root.join("stacks")).unwrap().map(|entry| entry.unwrap().path()));
    // A seed has to mean the same everywhere.
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        2 => at().prop_map(Edit::Delete),
        2 => (at(), at()).prop_map(|(from, to)| Edit::Duplicate(from, to)),
        2 => (at(), at()).prop_map(|(one, other)| Edit::Swap(one, other)),
        1 => (at(), few_or_many(20_000)).prop_map(|(line, times)| Edit::Repeat(line, times)),
        12 => (at(), value()).prop_map(|(line, value)| Edit::Value(line, value)),
        3 => (at(), value()).prop_map(|(line, key)| Edit::Key(line, key)),
        2 => (at(), of(" \t", 0..12)).prop_map(|(line, spaces)| Edit::Indent(line, spaces)),
        3 => (at(), prop_oneof![6 => line(), 1 => towers()])
            .prop_map(|(line, text)| Edit::Insert(line, text)),
        2 => (at(), 0..40_usize, vec(any::<u8>(), 0..20))
            .prop_map(|(at, length, bytes)| Edit::Splice(at, length, bytes)),
        1 => select(vec![
            Whole::Crlf, Whole::LoneReturns, Whole::Mark, Whole::Tabs, Whole::Wide, Whole::Twice,
            Whole::Open,
        ]).prop_map(Edit::Whole),
    ]
}

fn apply(edit: &Edit, lines: &mut Vec<Vec<u8>>) {
    if lines.is_empty() {
        lines.push(Vec::new());
    }
    let count = lines.len();
    match edit {
        Edit::Delete(line) => drop(lines.remove(line.index(count))),
        Edit::Duplicate(from, to) => {
            lines.insert(to.index(count), lines[from.index(count)].clone());
        }
        Edit::Swap(one, other) => lines.swap(one.index(count), other.index(count)),
        Edit::Repeat(line, times) => {
            let at = line.index(count);
            let copies = vec![lines[at].clone(); *times];
            lines.splice(at..at, copies);
        }
        Edit::Value(line, value) => {
            let line = &mut lines[line.index(count)];
            let colon = line.windows(2).position(|pair| pair == b": " || pair == b"- ");
            line.truncate(colon.map_or(line.len(), |at| at + 2));
            line.extend_from_slice(value.as_bytes());
        }
        Edit::Key(line, key) => {
            let line = &mut lines[line.index(count)];
            let indent = line.iter().take_while(|byte| **byte == b' ').count();
            let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            line.splice(indent.min(colon)..colon, key.bytes());
        }
        Edit::Indent(line, spaces) => {
            let line = &mut lines[line.index(count)];
            let indent = line.iter().take_while(|byte| **byte == b' ').count();
            line.splice(..indent, spaces.bytes());
        }
        Edit::Insert(line, text) => lines.insert(line.index(count), text.as_bytes().to_vec()),
        Edit::Splice(at, length, bytes) => {
            let mut file = lines.join(&b'\n');
            let at = at.index(file.len() + 1);
            let end = (at + length).min(file.len());
            file.splice(at..end, bytes.iter().copied());
            *lines = split(&file);
        }
        Edit::Whole(whole) => *lines = split(&whole.of(&lines.join(&b'\n'))),
    }
}

fn split(file: &[u8]) -> Vec<Vec<u8>> {
    file.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

impl Whole {
    fn of(self, file: &[u8]) -> Vec<u8> {
        let replaced = |from: u8, to: &[u8]| {
            file.iter()
                .flat_map(|byte| if *byte == from { to.to_vec() } else { vec![*byte] })
                .collect::<Vec<u8>>()
        };
        match self {
            Self::Crlf => replaced(b'\n', b"\r\n"),
            Self::LoneReturns => replaced(b'\n', b"\r"),
            Self::Mark => ["\u{feff}".as_bytes(), file].concat(),
            Self::Tabs => replaced(b' ', b"\t"),
            Self::Wide => file.iter().flat_map(|byte| [*byte, 0]).collect(),
            Self::Twice => [file, b"\n---\n", file].concat(),
            Self::Open => [file, b"\n\""].concat(),
        }
    }
}

fn set() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (path(), value()).prop_map(|(path, value)| format!("{path}={value}")),
        1 => (path(), word(), value()).prop_map(|(path, step, value)| format!("{path}.{step}={value}")),
        1 => text(),
        1 => of("abcdeimnoprst.=[{:, ", 0..30),
    ]
}

/// Tokens in any order.
fn tokens() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        6 => select(vec![
            " ", "  ", "\n", "\n  ", "\t", "\r", "\r\n", ": ", ":", "- ", "-", "? ", ", ", ",", "[", "]", "{",
            "}", "&a ", "*a", "!x ", "|", ">", "|2-\n", "'", "\"", "\\", "#", " #", "%", "---", "...",
            "\n---\n", "\n...\n", "a", "name: shop\n", "app: {image: shop}\n", "app:\n  image: shop\n",
            "secrets:", "\n    A: ", "<<: ",
        ]).prop_map(str::to_owned),
        2 => word(),
        1 => path(),
        1 => text(),
    ];
    vec(token, 0..60).prop_map(|tokens| tokens.concat().into_bytes())
}
