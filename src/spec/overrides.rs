//! `--set app.image=…` changes one value before anything is read.

use super::Wrong;
use super::schema::{FILE, Holds};
use super::text::At;
use super::tree::{Body, Entry, Node, parse};

/// Puts one `--set` argument into the tree; `text` is its place among the texts.
pub(super) fn apply(root: &mut Node, argument: &str, text: usize, problems: &mut Vec<(At, Wrong)>) {
    let whole = At { text, line: 1, column: 1, length: argument.chars().count() };
    let Some((path, value)) = argument.split_once('=') else {
        problems.push((
            whole,
            Wrong::new("expected a key, `=` and a value")
                .help("such as --set app.image=ghcr.io/acme/shop:1.4.2"),
        ));
        return;
    };
    // Places are counted in the first line.
    if path.contains(['\n', '\r']) {
        let help = "the key and its `=` stand in one line: --set app.port=80";
        problems.push((whole, Wrong::new("a line ends in the middle of this key").help(help)));
        return;
    }
    let steps = steps(path, text);
    if let Some((_, at)) = steps.iter().find(|(step, _)| step.is_empty()) {
        let at = At { length: 1, ..*at };
        problems
            .push((at, Wrong::new("here is no key").help("keys are joined with dots: app.image")));
        return;
    }
    let origin = At { column: path.chars().count() + 2, length: 0, ..whole };
    let known = problems.len();
    let value = parse(value, origin, problems);
    if problems.len() == known {
        let value = value.unwrap_or_else(|| Node::new(whole, Body::Empty));
        insert(root, &steps, value, problems);
    }
}

/// The keys of a path, each with its place. A name of the user's own choice may contain dots.
fn steps(path: &str, text: usize) -> Vec<(String, At)> {
    let mut keys = Some(FILE);
    let mut steps = Vec::new();
    let mut rest = Some(path);
    let mut column = 1;
    while let Some(left) = rest {
        let own = keys.is_none();
        let (step, after) = match left.split_once('.') {
            Some((step, after)) if !own => (step, Some(after)),
            _ => (left, None),
        };
        let length = step.chars().count();
        steps.push((step.to_owned(), At { text, line: 1, column, length }));
        column += length + 1;
        rest = after;
        let key = keys.and_then(|keys| keys.iter().find(|key| key.name == step));
        keys = match key.map(|key| key.holds) {
            Some(Holds::Names) => None,
            Some(holds) => Some(holds.keys().unwrap_or_default()),
            None => Some(&[]),
        };
    }
    steps
}

fn insert(node: &mut Node, steps: &[(String, At)], value: Node, problems: &mut Vec<(At, Wrong)>) {
    let [(step, at), below @ ..] = steps else {
        *node = value;
        return;
    };
    if matches!(node.body, Body::List(_)) {
        problems.push((
            *at,
            Wrong::new("an item of a list cannot be set by itself")
                .help("set the whole list: --set 'load_balancer.allow=[10.0.0.0/8]'"),
        ));
        return;
    }
    if !matches!(node.body, Body::Map(_)) {
        *node = Node::new(*at, Body::Map(Vec::new()));
    }
    let Body::Map(entries) = &mut node.body else { return };
    let index = entries.iter().position(|entry| entry.key == *step).unwrap_or_else(|| {
        let value = Node::new(*at, Body::Empty);
        entries.push(Entry { key: step.clone(), at: *at, value });
        entries.len() - 1
    });
    let entry = &mut entries[index];
    if below.is_empty() {
        entry.at = *at;
    }
    insert(&mut entry.value, below, value, problems);
}

#[cfg(test)]
mod tests {
    use crate::spec::{Mistakes, Source, Spec, Stickiness, load};

    const FILE: &str = "name: shop\napp: {image: shop, port: 80, env: {A: b}}\n\
                        load_balancer: {stickiness: off, allow: [10.0.0.0/8]}\n";

    fn set(arguments: &[&str]) -> Result<Spec, Mistakes> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        load(&Source::new("stack.yaml", FILE), &arguments, &|_| None)
    }

    #[test]
    fn a_value_is_replaced_and_its_neighbours_stay() {
        let spec = set(&["app.image=ghcr.io/acme/shop:2", "app.instances=3"]).unwrap();
        assert_eq!((&*spec.app.image, spec.app.port), ("ghcr.io/acme/shop:2", 80));
        assert_eq!(spec.app.instances, 3);
    }

    #[test]
    fn a_section_that_is_not_there_is_made() {
        assert_eq!(set(&["database.engine=mysql"]).unwrap().database.unwrap().version, "8.4");
        let on = set(&["load_balancer.stickiness.duration=1h"]).unwrap().load_balancer.stickiness;
        assert!(matches!(on, Stickiness::LbCookie { duration } if duration.0 == 3_600));
    }

    #[test]
    fn lists_and_mappings_are_set_whole() {
        let spec =
            set(&["load_balancer.allow=[10.1.0.0/16, 10.2.0.0/16]", "cache={engine: redis}"]);
        let spec = spec.unwrap();
        assert_eq!(spec.load_balancer.allow.len(), 2);
        assert_eq!(spec.cache.unwrap().version, "7.1");
    }

    #[test]
    fn a_name_of_the_users_own_choice_may_contain_dots() {
        assert_eq!(set(&["tags.a.b=c=d"]).unwrap().tags["a.b"], "c=d");
    }

    #[test]
    fn nothing_takes_a_value_away() {
        assert_eq!(set(&["app.port="]).unwrap().app.port, 3_000);
    }

    #[test]
    fn the_last_of_several_wins() {
        assert_eq!(set(&["app.port=1", "app.port=2"]).unwrap().app.port, 2);
    }

    #[test]
    fn what_is_wrong_with_an_argument_is_shown_in_the_argument() {
        for (argument, says) in [
            ("app.prot=1", "--set:1:5: `prot` is not a key of `app`"),
            ("app.port=x", "--set:1:10: expected a whole number from 1 to 65535"),
            ("app.image", "--set:1:1: expected a key, `=` and a value"),
            ("app..port=1", "--set:1:5: here is no key"),
            ("=1", "--set:1:1: here is no key"),
            ("load_balancer.allow.0=x", "--set:1:21: an item of a list cannot be set by itself"),
            ("app.image=[", "--set:1:11: this is not YAML"),
            ("\n=!x", "--set:1:1: a line ends in the middle of this key"),
            ("name.x=1", "--set:1:6: expected a single value, found a mapping"),
        ] {
            let shown = set(&[argument]).unwrap_err().to_string();
            assert!(shown.contains(says), "{shown}");
        }
    }
}
