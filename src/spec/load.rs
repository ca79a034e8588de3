//! From a text to a stack, or to everything that is wrong with it.

use super::app::is_secret_arn;
use super::environment::{is_name, replace};
use super::mistakes::{Mistakes, Problem};
use super::reader::{Notes, Section};
use super::rules;
use super::source::Source;
use super::text::{At, LONGEST, Text, harmless};
use super::tree::{Body, Node, parse};
use super::{Spec, Wrong, overrides};

/// The most problems that are told; who has more has another kind of file in hand.
const MOST: usize = 100;

/// Reads a stack.
///
/// `sets` are the arguments of `--set`, applied in their order. `env` answers with the value of
/// an environment variable, for `${NAME}`.
///
/// # Errors
/// Everything that is wrong, each with its place. Only a text that is not YAML is not read on.
pub fn load(
    source: &Source,
    sets: &[String],
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Spec, Mistakes> {
    let text = source.text.trim_start_matches('\u{feff}');
    let mut texts = vec![Text::new(&*source.name, text)];
    texts.extend(sets.iter().map(|set| Text::new("--set", set)));

    if let Some((name, line)) = texts.iter().find_map(Text::endless_line) {
        let help = format!("no line of a stack file has more than {LONGEST} characters");
        return Err(Mistakes::one(&source.name, name, format!("line {line} is too long"), &help));
    }
    let mut problems = Vec::new();
    let start = At { text: 0, line: 1, column: 1, length: 0 };
    let root = parse(text, start, &mut problems);
    let unread = root.is_none();
    if unread && problems.is_empty() && sets.is_empty() {
        let help = "write a first one with `stackctl init`";
        return Err(Mistakes::one(&source.name, &source.name, "this file is empty".into(), help));
    }
    let broken = unread && !problems.is_empty();
    let mut root = root.unwrap_or_else(|| Node::new(start, Body::Empty));
    for (index, set) in sets.iter().enumerate() {
        overrides::apply(&mut root, set, index + 1, &mut problems);
    }
    hide_secrets(&root, &mut texts);
    if broken {
        texts[0].hide_below("secrets:");
    }
    replace(&mut root, env, &texts, &mut problems);

    let mut notes = Notes::default();
    notes.problems.extend(problems.into_iter().map(|(at, wrong)| (Some(at), String::new(), wrong)));
    // What is missing in a text that ends in the middle says nothing.
    let spec =
        if broken { None } else { Some(Spec::read(&mut Section::file(Some(&root), &mut notes))) };
    if let Some(spec) = &spec {
        rules::check(spec, &mut notes);
    }
    match spec {
        Some(spec) if notes.problems.is_empty() => Ok(spec),
        _ => Err(mistakes(source, &texts, notes.problems)),
    }
}

fn mistakes(
    source: &Source,
    texts: &[Text],
    mut problems: Vec<(Option<At>, String, Wrong)>,
) -> Mistakes {
    problems.sort_by_key(|(at, ..)| *at);
    let more = problems.len().saturating_sub(MOST);
    problems.truncate(MOST);
    let problem = |(at, key, wrong): (Option<At>, String, Wrong)| Problem {
        file: texts[at.map_or(0, |at| at.text)].name.clone(),
        at: at.map(|at| texts[at.text].place(at)),
        key: harmless(&key),
        says: harmless(&wrong.says),
        help: wrong.help.map(|help| harmless(&help)),
    };
    let problems = problems.into_iter().map(problem).collect();
    Mistakes { file: source.name.clone(), problems, more }
}

/// Blots out what was written where only ARNs may stand, so that no message shows it.
fn hide_secrets(node: &Node, texts: &mut [Text]) {
    let Body::Map(entries) = &node.body else { return };
    for entry in entries {
        // At a wrong place or a second time, they are secrets all the same.
        if entry.key == "secrets" || entry.key == "registry_secret" {
            hide(&entry.value, texts);
        } else {
            hide_secrets(&entry.value, texts);
        }
    }
}

fn hide(node: &Node, texts: &mut [Text]) {
    match &node.body {
        Body::Text(text) => {
            let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            if !name.is_some_and(is_name) && !is_secret_arn(text) {
                texts[node.at.text].hide(node.at);
            }
        }
        Body::List(items) => items.iter().for_each(|item| hide(item, texts)),
        Body::Map(entries) => entries.iter().for_each(|entry| hide(&entry.value, texts)),
        Body::Empty | Body::Refused => {}
    }
}

#[cfg(test)]
mod tests;
