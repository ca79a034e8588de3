//! YAML as a tree in which every node knows its place.

use std::collections::HashMap;

use serde_yaml::granit_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::text::At;
use super::{Wrong, plural};

/// The deepest nesting that is read; a stack file needs four.
const DEPTH: usize = 16;
/// The most nodes that are read, those that aliases repeat included.
const NODES: usize = 10_000;

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) body: Body,
    /// Whether part of it came from the environment, so that it must not be shown.
    pub(super) private: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Nothing, `~` or `null`.
    Empty,
    /// A scalar, as it was written: YAML's numbers and switches are texts too.
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// A scalar whose problem has been reported already.
    Refused,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: At,
    pub(super) value: Node,
}

impl Node {
    pub(super) fn new(at: At, body: Body) -> Self {
        Self { at, body, private: false }
    }

    /// What it is, for a message.
    pub(super) fn describe(&self) -> &'static str {
        match self.body {
            Body::Empty => "nothing",
            Body::Text(_) | Body::Refused => "a single value",
            Body::List(_) => "a list",
            Body::Map(_) => "a mapping",
        }
    }

    /// The entry of a mapping that has this key.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.body {
            Body::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self.body, Body::Empty)
    }

    fn count(&self) -> usize {
        1 + match &self.body {
            Body::Empty | Body::Text(_) | Body::Refused => 0,
            Body::List(items) => items.iter().map(Self::count).sum(),
            Body::Map(entries) => entries.iter().map(|entry| entry.value.count()).sum(),
        }
    }
}

/// Reads one YAML document.
///
/// `origin` is where the text begins; the places of a `--set` value are counted from there.
/// What is wrong is added to `problems`; then the tree holds what could be read, or is `None`.
pub(super) fn parse(text: &str, origin: At, problems: &mut Vec<(At, Wrong)>) -> Option<Node> {
    let mut builder = Builder {
        origin,
        problems,
        open: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        documents: 0,
        root: None,
    };
    for event in Parser::new_from_str(text) {
        let outcome = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => {
                let mark = *error.marker();
                Err((builder.at(Span::new(mark, mark)), syntax(&error.info())))
            }
        };
        if let Err((at, wrong)) = outcome {
            builder.problems.push((at, wrong));
            return None;
        }
    }
    builder.root
}

fn syntax(info: &str) -> Wrong {
    let wrong = Wrong::new(format!("this is not YAML: {info}"));
    if info.contains("tab") {
        wrong.help("indent with spaces, never with tabs")
    } else {
        wrong.help("look for an open quote or bracket, or a wrong indentation, here or above")
    }
}

/// A list or a mapping that is not complete yet.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next.
    key: Option<(String, At)>,
}

struct Builder<'p> {
    origin: At,
    problems: &'p mut Vec<(At, Wrong)>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

type Outcome = Result<(), (At, Wrong)>;

impl Builder<'_> {
    fn at(&self, span: Span) -> At {
        let (start, end) = (span.start, span.end);
        let shift = if start.line() <= 1 { self.origin.column - 1 } else { 0 };
        At {
            text: self.origin.text,
            line: start.line().max(1),
            column: start.col() + 1 + shift,
            length: end.index().saturating_sub(start.index()),
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Outcome {
        let at = self.at(span);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err((
                        at,
                        Wrong::new("a second document begins here")
                            .help("a file describes one stack; give every stack a file of its own"),
                    ));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.check_tag(tag.as_deref(), at);
                let empty = style == ScalarStyle::Plain
                    && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let body = if empty { Body::Empty } else { Body::Text(text.into_owned()) };
                self.put(Node::new(at, body), anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), at);
                self.begin(Node::new(at, Body::List(Vec::new())), anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), at);
                self.begin(Node::new(at, Body::Map(Vec::new())), anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.put(open.node, open.anchor),
                None => Ok(()),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => {
                    let node = Node { at, ..node.clone() };
                    self.put(node, 0)
                }
                None => Err((at, Wrong::new("this refers to a value that it is itself part of"))),
            },
            _ => Ok(()),
        }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, at: At) {
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema()) {
            self.problems.push((
                at,
                Wrong::new("YAML tags have no meaning here")
                    .help("take away the word that begins with `!`, or put it in quotes"),
            ));
        }
    }

    fn begin(&mut self, node: Node, anchor: usize) -> Outcome {
        if self.open.len() == DEPTH {
            return Err((node.at, Wrong::new("this is nested deeper than any stack file needs")));
        }
        self.open.push(Open { node, anchor, key: None });
        Ok(())
    }

    /// Puts a complete node where it belongs: into the list or mapping that is open.
    fn put(&mut self, node: Node, anchor: usize) -> Outcome {
        self.nodes += node.count();
        if self.nodes > NODES {
            let limit = plural(NODES, "value");
            return Err((node.at, Wrong::new(format!("a stack file has at most {limit}"))));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        let entries = match &mut open.node.body {
            Body::List(items) => {
                items.push(node);
                return Ok(());
            }
            Body::Map(entries) => entries,
            Body::Empty | Body::Text(_) | Body::Refused => return Ok(()),
        };
        let Some((key, at)) = open.key.take() else {
            let at = node.at;
            open.key = Some(match node.body {
                Body::Text(key) => (key, at),
                Body::Empty | Body::Refused => (String::new(), at),
                Body::List(_) | Body::Map(_) => {
                    return Err((
                        at,
                        Wrong::new("a key is a single word, not a list or a mapping")
                            .help("if this was meant as `${…}`, put the value in quotes"),
                    ));
                }
            });
            return Ok(());
        };
        if let Some(first) = entries.iter().find(|entry| entry.key == key) {
            let line = first.at.line;
            self.problems.push((
                at,
                Wrong::new(format!("`{key}` stands here a second time"))
                    .help(format!("the first one is on line {line}; keep one of them")),
            ));
        }
        // What is not there has no place of its own.
        let node = if node.is_empty() { Node { at, ..node } } else { node };
        entries.push(Entry { key, at, value: node });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: At = At { text: 0, line: 1, column: 1, length: 0 };

    fn problems(text: &str) -> Vec<String> {
        let mut problems = Vec::new();
        parse(text, START, &mut problems);
        problems
            .iter()
            .map(|(at, wrong)| format!("{}:{} {}", at.line, at.column, wrong.says))
            .collect()
    }

    fn places(node: &Node, out: &mut Vec<String>) {
        match &node.body {
            Body::Empty | Body::Refused => {}
            Body::Text(text) => {
                out.push(format!("{text} {}:{}+{}", node.at.line, node.at.column, node.at.length));
            }
            Body::List(items) => items.iter().for_each(|item| places(item, out)),
            Body::Map(entries) => entries.iter().for_each(|entry| places(&entry.value, out)),
        }
    }

    #[test]
    fn every_value_keeps_its_text_and_knows_its_place() {
        let mut problems = Vec::new();
        let tree = parse("a: 012\nü: {b: \"x y\", c: [8.0, off]}\n", START, &mut problems).unwrap();
        let mut out = Vec::new();
        places(&tree, &mut out);
        assert_eq!(out, ["012 1:4+3", "x y 2:8+5", "8.0 2:19+3", "off 2:24+3"]);
        assert!(problems.is_empty());
    }

    #[test]
    fn every_key_that_stands_twice_is_reported() {
        assert_eq!(
            problems("a: 1\nb: {c: 1, c: 2}\na: 3\n"),
            ["2:11 `c` stands here a second time", "3:1 `a` stands here a second time"],
        );
    }

    #[test]
    fn an_alias_repeats_its_anchor() {
        let mut out = Vec::new();
        places(&parse("a: &x [1]\nb: *x\n", START, &mut Vec::new()).unwrap(), &mut out);
        assert_eq!(out, ["1 1:8+1", "1 1:8+1"]);
    }

    #[test]
    fn aliases_of_aliases_are_cut_off_before_they_explode() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let below = format!("*a{},", level - 1).repeat(10);
            bomb.extend([format!("a{level}: &a{level} [{below}]\n")]);
        }
        assert!(problems(&bomb)[0].contains("at most"), "{:?}", problems(&bomb));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(problems(&nested(16)).is_empty());
        assert!(problems(&nested(17))[0].contains("nested deeper"));
        for endless in ["[", "{a: ", "- ", "? "] {
            assert!(!problems(&endless.repeat(100_000)).is_empty(), "{endless}");
        }
    }

    #[test]
    fn a_value_cannot_contain_itself() {
        assert_eq!(
            problems("a: &x [*x]")[0],
            "1:8 this refers to a value that it is itself part of"
        );
    }
}
