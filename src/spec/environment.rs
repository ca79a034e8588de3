//! `${NAME}` and `${NAME:-default}` in a value are replaced from the environment.

use super::Wrong;
use super::text::{At, Text};
use super::tree::{Body, Node};

/// Replaces every `${NAME}` in the values below a node; `$${` stands for the characters `${`. As in a
/// shell, the default of `${NAME:-default}` stands for a variable that is not set or empty.
///
/// A value that came from the environment is marked as private. What is wrong is added to `problems`.
pub(super) fn replace(
    node: &mut Node,
    env: &dyn Fn(&str) -> Option<String>,
    texts: &[Text],
    problems: &mut Vec<(At, Wrong)>,
) {
    match &mut node.body {
        Body::List(items) => items.iter_mut().for_each(|item| replace(item, env, texts, problems)),
        Body::Map(entries) => {
            for entry in entries {
                replace(&mut entry.value, env, texts, problems);
            }
        }
        Body::Text(text) if text.contains("${") => {
            let known = problems.len();
            let (filled, private) = fill(text, env, &mut |words, wrong| {
                // The same words once: that is what `narrow` finds.
                let at = texts[node.at.text].narrow(node.at, words);
                if problems[known..].iter().all(|(other, _)| *other != at) {
                    problems.push((at, wrong));
                }
            });
            node.private = private;
            node.body = if problems.len() == known { Body::Text(filled) } else { Body::Refused };
        }
        Body::Empty | Body::Text(_) | Body::Refused => {}
    }
}

/// The text with everything replaced, and whether anything came from the environment.
fn fill(
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
    refuse: &mut dyn FnMut(&str, Wrong),
) -> (String, bool) {
    let mut filled = String::new();
    let mut private = false;
    let mut rest = text;
    while let Some(dollar) = rest.find("${") {
        let (before, from) = rest.split_at(dollar);
        if let Some(before) = before.strip_suffix('$') {
            filled += before;
            filled += "${";
            rest = &from[2..];
            continue;
        }
        filled += before;
        rest = &from[2..];
        let inside = rest.split_once('}').map(|(inside, after)| (variable(inside), after));
        let Some(((name, default), after)) = inside.filter(|((name, _), _)| is_name(name)) else {
            refuse(
                "${",
                Wrong::new("`${` begins the name of an environment variable, and here is none")
                    .help("write `${NAME}`, or `$${` for the characters themselves"),
            );
            filled += "${";
            private = true;
            continue;
        };
        rest = after;
        match (env(name), default) {
            (Some(value), _) if default.is_none() || !value.is_empty() => {
                filled += &value;
                private = true;
            }
            (_, Some(default)) => filled += default,
            (_, None) => refuse(
                &format!("${{{name}}}"),
                Wrong::new(format!("the environment variable `{name}` is not set"))
                    .help(format!("set it, or write `$${{{name}}}` for the characters themselves")),
            ),
        }
    }
    filled += rest;
    (filled, private)
}

/// The name and the default of what stands in the braces.
pub(super) fn variable(inside: &str) -> (&str, Option<&str>) {
    inside.split_once(":-").map_or((inside, None), |(name, default)| (name, Some(default)))
}

/// Whether a shell would take this as the name of a variable.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> (String, Vec<String>) {
        let env = |name: &str| (name == "TAG").then(|| "1.4.2".to_owned());
        let mut wrongs = Vec::new();
        let (filled, _) =
            fill(text, &env, &mut |words, wrong| wrongs.push(format!("{words}: {}", wrong.says)));
        (filled, wrongs)
    }

    #[test]
    fn a_name_in_braces_is_replaced_wherever_it_stands() {
        assert_eq!(filled("shop:${TAG}-${TAG}").0, "shop:1.4.2-1.4.2");
        assert_eq!(filled("$TAG $ {TAG}").0, "$TAG $ {TAG}");
    }

    #[test]
    fn a_doubled_dollar_keeps_the_characters() {
        assert_eq!(filled("$${TAG} $$${TAG}"), ("${TAG} $${TAG}".into(), vec![]));
    }

    #[test]
    fn what_is_not_set_or_not_a_name_is_refused() {
        assert_eq!(filled("${NOPE}").1, ["${NOPE}: the environment variable `NOPE` is not set"]);
        for text in ["${", "${}", "${1A}", "${A-B}", "${ TAG }"] {
            assert_eq!(filled(text).1.len(), 1, "{text}");
        }
    }

    #[test]
    fn a_default_stands_for_what_is_not_set_or_empty() {
        assert_eq!(filled("${TAG:-9}.${NOPE:-a.b}${NOPE:-}"), ("1.4.2.a.b".into(), vec![]));
        let empty = |_: &str| Some(String::new());
        assert_eq!(fill("${A:-b}", &empty, &mut |_, _| panic!()), ("b".into(), false));
        assert_eq!(fill("${A}", &empty, &mut |_, _| panic!()), (String::new(), true));
    }

    #[test]
    fn a_replaced_value_is_not_replaced_again() {
        let env = |_: &str| Some("${TAG}".to_owned());
        assert_eq!(fill("${A}", &env, &mut |_, _| panic!()).0, "${TAG}");
    }
}
