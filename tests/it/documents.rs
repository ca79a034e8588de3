//! What the documents name is there.

use regex::Regex;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Every file below a folder whose name ends so.
fn sources(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| if path.is_dir() { sources(&path, extension) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}

/// Every test there is, by the name of its function.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let name = Regex::new(r"\b(?:fn|def) ([a-z_0-9]+)\(").unwrap();
    [("src", "rs"), ("tests", "rs"), ("localstack/tests", "py")]
        .into_iter()
        .flat_map(|(folder, extension)| sources(&root.join(folder), extension))
        .map(|path| fs::read_to_string(path).unwrap())
        .flat_map(|text| {
            let names: Vec<_> =
                name.captures_iter(&text).map(|found| found[1].to_owned()).collect();
            names
        })
        .collect()
}

#[test]
fn every_test_that_the_table_of_reliability_names_exists() {
    let text = include_str!("../../RELIABILITY.md");
    let (_, table) = text.split_once("## What AWS does and emulators forgive").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let tests = tests();
    let rows: Vec<_> = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| AWS"))
        .map(|line| line.trim_end_matches('|').rsplit_once('|').unwrap().1)
        .collect();
    assert!(rows.len() > 60, "{} rows", rows.len());
    for named in rows {
        for name in named.split(',').map(|name| name.trim().trim_matches('`')) {
            assert!(tests.contains(name), "there is no test `{name}`");
        }
    }
}
