//! Small surgery on XML answers, as text: find an element, look into it, write something else there.

use std::ops::Range;

/// An element: where it stands in the text with its tags, and where what is inside it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) whole: Range<usize>,
    pub(super) inside: Range<usize>,
    /// How many elements it is in.
    depth: usize,
}

/// Every element of a text, in the order in which they begin.
pub(super) fn elements(text: &str) -> Vec<Element> {
    let mut all: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(from) = text[at..].find('<').map(|found| at + found) {
        let Some(to) = text[from..].find('>').map(|found| from + found + 1) else { break };
        let tag = &text[from + 1..to - 1];
        at = to;
        if tag.starts_with(['?', '!']) {
            continue;
        }
        if tag.starts_with('/') {
            if let Some(ended) = open.pop() {
                all[ended].inside.end = from;
                all[ended].whole.end = to;
            }
            continue;
        }
        let name = tag.trim_end_matches('/').split_whitespace().next().unwrap_or_default();
        let (whole, inside) = (from..to, to..to);
        all.push(Element { name: name.to_owned(), whole, inside, depth: open.len() });
        if !tag.ends_with('/') {
            open.push(all.len() - 1);
        }
    }
    all
}

/// What stands in every element of this name.
pub(super) fn texts<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let named = elements(text).into_iter().filter(|e| e.name == name);
    named.map(|e| &text[e.inside]).collect()
}

/// The elements that have a child of this name that says just this.
pub(super) fn holders(text: &str, name: &str, says: &str) -> Vec<Element> {
    let all = elements(text);
    let says = |e: &&Element| e.name == name && &text[e.inside.clone()] == says;
    let around = |child: &Element| {
        let parent = |e: &&Element| {
            e.depth + 1 == child.depth
                && e.inside.start <= child.whole.start
                && child.whole.end <= e.inside.end
        };
        all.iter().find(parent).cloned()
    };
    all.iter().filter(says).filter_map(around).collect()
}

/// The element at a path such as `State/Code` inside another.
pub(super) fn at(text: &str, of: &Element, path: &str) -> Option<Element> {
    let all = elements(text);
    path.split('/').try_fold(of.clone(), |outer, name| {
        let child = |e: &&Element| {
            e.name == name
                && e.depth == outer.depth + 1
                && outer.inside.start <= e.whole.start
                && e.whole.end <= outer.inside.end
        };
        all.iter().find(child).cloned()
    })
}

/// Writes this text at a path inside an element, making what is not there.
pub(super) fn put(text: &mut String, of: &Element, path: &str, says: &str) {
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    match at(text, of, first) {
        Some(there) if rest.is_empty() => fill(text, &there, there.inside.clone(), says),
        Some(there) => put(text, &there, rest, says),
        None => {
            let wrap = |inner, name| format!("<{name}>{inner}</{name}>");
            let made = path.rsplit('/').fold(says.to_owned(), wrap);
            fill(text, of, of.inside.end..of.inside.end, &made);
        }
    }
}

/// Writes into an element, which may be one that was closed at once.
fn fill(text: &mut String, element: &Element, place: Range<usize>, says: &str) {
    if text[element.whole.clone()].ends_with("/>") && element.inside.is_empty() {
        let name = &element.name;
        text.replace_range(element.whole.clone(), &format!("<{name}>{says}</{name}>"));
    } else {
        text.replace_range(place, says);
    }
}
