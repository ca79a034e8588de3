//! Who may know whom: the rooms of the house import only what `ARCHITECTURE.md` allows them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Each room below the command line, and the rooms it may know besides itself.
const MAY_KNOW: [(&str, &[&str]); 10] = [
    ("balancer", &[]),
    ("spec", &[]),
    ("engine", &[]),
    ("aws", &["engine"]),
    ("sessions", &["spec", "engine"]),
    ("cost", &["engine"]),
    ("probe", &["sessions", "spec", "engine"]),
    ("kinds", &["engine", "aws"]),
    ("blueprint", &["spec", "kinds", "engine", "sessions", "aws"]),
    ("ui", &["engine", "sessions", "spec", "aws", "cost"]),
];

/// The rooms, and what is exported at the root of the crate for all.
const ROOMS: [&str; 12] = [
    "spec",
    "engine",
    "aws",
    "sessions",
    "cost",
    "probe",
    "kinds",
    "blueprint",
    "ui",
    "cli",
    "localstack",
    "balancer",
];

pub(crate) fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.file_stem().is_some_and(|stem| stem != "tests") {
            into.push(path);
        }
    }
}

/// The names right behind each `crate::` of a text, those in braces included.
fn known(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, rest) in text.match_indices("crate::").map(|(at, _)| text.split_at(at + 7)) {
        let Some(braced) = rest.strip_prefix('{') else {
            names.insert(word(rest));
            continue;
        };
        let mut depth = 1;
        let mut begins = true;
        for (at, c) in braced.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => begins = true,
                c if depth == 1 && begins && c.is_alphabetic() => {
                    names.insert(word(&braced[at..]));
                    begins = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn no_room_knows_more_than_it_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut trespasses = Vec::new();
    for (room, may) in MAY_KNOW {
        let mut all = vec![src.join(format!("{room}.rs"))];
        files(&src.join(room), &mut all);
        for file in all {
            let text = fs::read_to_string(&file).unwrap();
            // Tests may look at what they compare with.
            let text = text.split("#[cfg(test)]").next().unwrap();
            let foreign = known(text).into_iter().filter(|name| ROOMS.contains(&name.as_str()));
            let foreign = foreign.filter(|name| name != room && !may.contains(&name.as_str()));
            trespasses.extend(foreign.map(|name| format!("{} knows {name}", file.display())));
        }
    }
    assert!(trespasses.is_empty(), "{}", trespasses.join("\n"));
}

#[test]
fn what_a_room_knows_is_read_from_every_form_of_import() {
    let text = "use crate::{\n  aws::{Aws, Tags},\n  engine::Kind,\n};\nlet x = crate::ui::say();";
    assert_eq!(known(text), ["aws", "engine", "ui"].map(str::to_owned).into());
}

#[test]
fn the_engine_knows_no_cloud() {
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine"), &mut all);
    for file in all {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("aws_sdk") && !text.contains("aws_smithy"), "{}", file.display());
    }
}
