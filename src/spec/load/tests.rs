//! Whole files: what they become, and that nothing makes the reading fall over.

use proptest::prelude::*;

use super::*;
use crate::spec::{CacheEngine, Spec, Stickiness, Store, join, schema};

const SMALL: &str = "name: shop\napp: {image: shop}\n";

/// Every key once.
const FULL: &str = include_str!("../../../tests/mistakes/none.yaml");

fn read(text: &str) -> Result<Spec, Mistakes> {
    load(&Source::new("stack.yaml", text), &[], &|_| None)
}

fn says(text: &str) -> Vec<String> {
    match read(text) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.problems.into_iter().map(|problem| problem.says).collect(),
    }
}

fn json(spec: &Spec) -> String {
    serde_json::to_string_pretty(spec).unwrap()
}

#[test]
fn a_name_and_an_image_are_enough() {
    insta::assert_snapshot!(json(&read(SMALL).unwrap()));
}

#[test]
fn every_key_reaches_the_spec() {
    insta::assert_snapshot!(json(&read(FULL).unwrap()));
}

#[test]
fn the_file_that_init_writes_is_good() {
    let template = include_str!("../../../templates/stack.yaml");
    let spec = read(&template.replace("{{ name }}", "my-shop")).unwrap();
    assert_eq!((&*spec.name, spec.sessions.store), ("my-shop", Store::Redis));
}

#[test]
fn every_line_that_init_comments_out_can_be_put_to_use() {
    let template = include_str!("../../../templates/stack.yaml").replace("{{ name }}", "my-shop");
    let used = |line: &str| {
        let indent = line.len() - line.trim_start().len();
        let (spaces, text) = line.split_at(indent);
        match text.strip_prefix("# ") {
            Some(key)
                if key.trim_start().split(' ').next().is_some_and(|word| {
                    word.strip_suffix(':').is_some_and(|word| {
                        word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                            || word == "STRIPE_KEY"
                    })
                }) =>
            {
                format!("{spaces}{key}")
            }
            _ => line.to_owned(),
        }
    };
    let text: Vec<String> = template.lines().map(used).collect();
    let text = text
        .join("\n")
        .replace("arn:aws:acm:…", "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b");
    let spec = read(&text).unwrap();
    assert!(spec.database.is_some() && spec.dns.is_some() && spec.region.is_some(), "{text}");
    assert!(!spec.app.secrets.is_empty() && !spec.tags.is_empty(), "{text}");
}

#[test]
fn empty_sections_are_as_good_as_none() {
    let text = "name: shop\napp: {image: shop, env: , health_check: }\nnetwork:\nload_balancer: {}\n\
                sessions:\ncache:\ndatabase:\ndns:\ntags:\n";
    assert_eq!(read(text), read(SMALL));
}

#[test]
fn an_empty_mapping_asks_for_a_cache_with_usual_values() {
    let spec = read("name: shop\napp: {image: shop}\ncache: {}\n").unwrap();
    assert_eq!(spec.cache.unwrap().engine, CacheEngine::Valkey);
    assert_eq!(spec.sessions.store, Store::Redis);
}

#[test]
fn the_store_follows_the_cache() {
    for (engine, store) in
        [("valkey", Store::Redis), ("redis", Store::Redis), ("memcached", Store::Memcached)]
    {
        let spec = read(&format!("{SMALL}cache: {{engine: {engine}}}\n")).unwrap();
        assert_eq!(spec.sessions.store, store);
        let cache = spec.cache.unwrap();
        assert_eq!(cache.port, cache.engine.port());
    }
    let spec = read(&format!("{SMALL}cache: {{}}\nsessions: {{store: valkey}}\n")).unwrap();
    assert_eq!(spec.sessions.store, Store::Redis);
}

#[test]
fn stickiness_is_off_in_every_spelling_of_off() {
    for off in ["off", "\"off\"", "false", ""] {
        let spec = read(&format!("{SMALL}load_balancer: {{stickiness: {off}}}\n")).unwrap();
        assert_eq!(spec.load_balancer.stickiness, Stickiness::Off);
    }
}

#[test]
fn each_engine_has_usual_values_that_keep_its_rules() {
    for engine in ["postgres", "mysql", "mariadb", "aurora-postgresql", "aurora-mysql"] {
        assert!(read(&format!("{SMALL}database: {{engine: {engine}}}\n")).is_ok(), "{engine}");
    }
}

#[test]
fn numbers_and_words_are_taken_as_texts_where_a_text_is_meant() {
    let spec = read(
        "name: shop\naccount: 012345678901\n\
         app: {image: shop, env: {A: 010, B: yes, C: 1e3, D: \"\"}}\n\
         cache: {version: 8.0}\n",
    );
    let spec = spec.unwrap();
    assert_eq!(spec.account.as_deref(), Some("012345678901"));
    assert_eq!(spec.app.env.values().collect::<Vec<_>>(), ["010", "yes", "1e3", ""]);
    assert_eq!(spec.cache.unwrap().version, "8.0");
}

#[test]
fn a_value_comes_from_the_environment() {
    let source = Source::new("f", "name: shop\napp: {image: \"shop:${TAG}\", port: \"${PORT}\"}\n");
    let env = |name: &str| Some(if name == "TAG" { "1.4.2" } else { "80" }.to_owned());
    let spec = load(&source, &[], &env).unwrap();
    assert_eq!((&*spec.app.image, spec.app.port), ("shop:1.4.2", 80));
}

#[test]
fn a_rule_is_silent_when_what_it_looks_at_is_wrong_itself() {
    let balancer = "load_balancer: {slow_start: x, algorithm: weighted_random}\n";
    assert_eq!(says(&format!("{SMALL}{balancer}")), ["this is not a duration"]);
    let misspelt = "sessions: {store: redis}\nchache: {}\n";
    assert_eq!(says(&format!("{SMALL}{misspelt}")), ["`chache` is not a key of a stack file"]);
}

#[test]
fn the_usual_values_of_the_schema_are_what_is_read_when_a_key_is_left_out() {
    fn visit(keys: &[schema::Key], path: &str) {
        for key in keys {
            let path = join(path, key.name);
            if let schema::Usual::Is(value) = key.usual {
                // These are optional; any key of theirs would bring them about.
                let base = match path.rsplit_once('.') {
                    Some(("database", _)) => "database: {engine: mysql}",
                    Some(("dns", _)) => "dns: {zone: example.com, records: [example.com]}",
                    Some(("cache", _)) => "cache: {}",
                    Some(("sessions.table", _)) => "sessions: {store: dynamodb}",
                    Some(("load_balancer.stickiness", _)) => {
                        "load_balancer: {stickiness: {cookie: lb}}"
                    }
                    _ => "",
                };
                let source = Source::new("f", format!("{SMALL}{base}\n"));
                let given = load(&source, &[format!("{path}={value}")], &|_| None).unwrap();
                assert_eq!(given, load(&source, &[], &|_| None).unwrap(), "{path}");
            }
            if let Some(below) = key.holds.keys() {
                visit(below, &path);
            }
        }
    }
    visit(schema::FILE, "");
}

#[test]
fn an_endless_line_is_refused_before_anything_is_made_of_it() {
    let text = format!("name: shop\n# {}\n", "x".repeat(10_000));
    assert_eq!(says(&text), ["line 2 is too long"]);
}

#[test]
fn of_very_many_problems_the_first_are_told_and_the_others_counted() {
    let strange: Vec<String> = (0..130).map(|index| format!("strange{index}: 1\n")).collect();
    let mistakes = read(&format!("{SMALL}{}", strange.concat())).unwrap_err();
    assert_eq!((mistakes.problems.len(), mistakes.more), (100, 30));
    let shown = mistakes.to_string();
    assert!(shown.starts_with("130 problems") && shown.ends_with("… and 30 further problems"));
}

#[test]
fn no_message_repeats_the_control_characters_of_a_key() {
    for key in ["\\e[2J", "\\0", "a\\nb", "\\x9b2J", "a\\u202eb"] {
        for text in [format!("\"{key}\": 1\n"), format!("tags: {{\"{key}\": [1]}}\n")] {
            let mistakes = read(&format!("{SMALL}{text}")).unwrap_err();
            let all: Vec<String> = mistakes
                .problems
                .into_iter()
                .flat_map(|problem| [problem.key, problem.says, problem.help.unwrap_or_default()])
                .collect();
            let odd = |c: char| c.is_control() || c == '\u{202e}';
            assert!(!all.concat().contains(odd), "{all:?}");
        }
    }
}

/// Stands for a secret; no message may repeat it.
const MARK: &str = "hunter2";

/// All messages, in every form in which a user could see them.
fn shown(mistakes: &Mistakes) -> String {
    format!("{mistakes}\n{}\n{mistakes:?}", serde_json::to_string(mistakes).unwrap())
}

#[test]
fn a_value_where_an_arn_belongs_is_never_shown() {
    for secrets in [
        "{A: hunter2}",
        "{A: hunter2, prot: [hunter2, {b: hunter2}]}",
        "hunter2",
        "[hunter2]",
        "{A: \"hunter2\\n\", A: hunter2}",
        "{A: @hunter2}",
        "\n    A: @hunter2",
        "\n    A: 'a'hunter2\n    B: \"hunter2",
        "\n    A: |\n      hunter2\n      hunter2\n    B: 'hunter2\n      hunter2'",
    ] {
        let mistakes = read(&format!("name: shop\napp:\n  image: shop\n  secrets: {secrets}\n"));
        let shown = shown(&mistakes.unwrap_err());
        assert!(!shown.contains(MARK), "{shown}");
    }
    for set in ["app.secrets.A=hunter2", "app.secrets=hunter2", "app.secrets={A: hunter2}"] {
        let source = Source::new("f", SMALL);
        let shown = shown(&load(&source, &[set.to_owned()], &|_| None).unwrap_err());
        assert!(!shown.contains(MARK), "{shown}");
    }
}

/// Where a value of the full file begins: the line, and the byte in it.
fn values() -> Vec<(usize, usize)> {
    let begins = |(line, text): (usize, &'static str)| {
        text.match_indices(": ").map(move |(at, _)| (line, at + 2))
    };
    FULL.lines().enumerate().flat_map(begins).collect()
}

/// The full file with the value at one place replaced.
fn with(place: (usize, usize), value: &str) -> String {
    let line = |(index, text): (usize, &str)| {
        if index != place.0 {
            return text.to_owned();
        }
        let rest = &text[place.1..];
        let end = rest.find([',', '}', ']']).unwrap_or(rest.len());
        format!("{}{value}{}", &text[..place.1], &rest[end..])
    };
    FULL.lines().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// Reads a text; whatever is wrong with it must be shown, at places that exist.
fn check(text: &str) {
    let Err(mistakes) = read(text) else { return };
    assert!(!mistakes.problems.is_empty());
    assert!(!shown(&mistakes).is_empty());
    for place in mistakes.problems.iter().filter_map(|problem| problem.at.as_ref()) {
        let width = place.text.chars().count();
        assert!(place.column + place.length <= width.max(place.column) + 1, "{place:?}");
    }
}

proptest! {
    #[test]
    fn no_message_repeats_what_came_from_the_environment(
        place in proptest::sample::select(values()),
        value in "(|-|[0-9]|db\\.|cache\\.|https://|arn:aws:|/|\\n)hunter2(|\\.small|/33|-1a|\n|:A B)",
    ) {
        let env = |_: &str| Some(value.clone());
        let source = Source::new("f", with(place, "\"${SECRET}\""));
        if let Err(mistakes) = load(&source, &[], &env) {
            let shown = shown(&mistakes);
            prop_assert!(!shown.contains(MARK), "{}", shown);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}|[a-z:{}\\[\\]&*!|>'\"%@#,?\n -]{0,200}") {
        check(&text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_good_file_with_a_changed_value_is_read_or_refused(
        place in proptest::sample::select(values()),
        value in "\\PC{0,12}|~|\\[\\]|\\{\\}|\\[x, y\\]|\\{a: b\\}|-?[0-9]{1,12}|\\$\\{A\\}|\\*a|!x y",
    ) {
        check(&with(place, &value));
    }

    #[test]
    fn a_good_file_with_a_hole_is_read_or_refused(from in 0..FULL.len(), length in 0_usize..80) {
        let to = (from + length).min(FULL.len());
        if let (Some(before), Some(after)) = (FULL.get(..from), FULL.get(to..)) {
            check(&format!("{before}{after}"));
        }
    }

    #[test]
    fn any_set_argument_is_taken_or_refused(
        argument in "\\PC{0,40}|[a-z.]{0,20}=[a-z{}\\[\\], :0-9]{0,20}",
    ) {
        if let Err(mistakes) = load(&Source::new("f", FULL), &[argument], &|_| None) {
            prop_assert!(!shown(&mistakes).is_empty());
        }
    }
}
