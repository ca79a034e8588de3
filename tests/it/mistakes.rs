//! The exact message that every bad file earns: `tests/mistakes/<what>.yaml` and the snapshot beside it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use stackctl::spec::{Source, load};

/// The files with the given ending, by the name before it.
fn files(ending: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(ending).map(ToOwned::to_owned)).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes")
}

fn messages(fixture: &str) -> String {
    let name = format!("{fixture}.yaml");
    let text = fs::read_to_string(folder().join(&name)).unwrap();
    let env = |name: &str| (name == "GIVEN").then(|| "gIvEn".to_owned());
    match load(&Source::new(name, text), &[], &env) {
        Ok(_) => "nothing is wrong".to_owned(),
        Err(mistakes) => format!("error: {mistakes}"),
    }
}

#[test]
fn every_bad_file_is_told_all_that_is_wrong_with_it() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../mistakes");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for fixture in files(".yaml") {
            insta::assert_snapshot!(&*fixture, messages(&fixture));
        }
    });
}

#[test]
fn every_message_has_its_file() {
    assert_eq!(files(".snap"), files(".yaml"));
}

#[test]
fn only_one_file_has_nothing_wrong_and_no_value_of_the_environment_is_shown() {
    for fixture in files(".yaml") {
        let messages = messages(&fixture);
        assert_eq!(messages == "nothing is wrong", fixture == "none", "{fixture}");
        assert!(!messages.contains("gIvEn"), "{fixture}");
    }
}
