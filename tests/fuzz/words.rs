//! What hostile files are written with: words, values, and lines.

use proptest::{collection::vec, prelude::*, sample::select};
use stackctl::spec::schema;
use std::ops::Range;

/// Words that mean something to YAML, to stack files, or to what reads them.
const WORDS: &str = "~ null -1 0 00 -0 +1 1e999 -1e-999 .nan .inf -.inf NaN 0x7fffffff 0o17 1_000 \
    255 256 65535 65536 4294967295 4294967296 18446744073709551616 \
    340282366920938463463374607431768211456 true no on Off [] {} [[]] [{}] {a:b} {} \"\" '' | > |- \
    >+ |9 &a &a &b *a *b *missing << ? - : , # % @ ` ! !! !!binary !!str !x !<x> !<tag:yaml.org,2002:str> \
    --- ... %YAML %TAG ${GIVEN} ${EMPTY} ${NUMBER} ${LONG} ${NASTY} ${UNSET} ${ ${} $${GIVEN} \
    $$${GIVEN} ${GIVEN}${UNSET} ${1} \"\\0\" \"\\e[2J\" \"\\u202e\" \"\\ud800\" \"\\U0010ffff\" \
    \"\\L\" \"\\x80\" \"\\N\" é e\u{301} \u{1f980} \u{feff} \u{2028} \u{85} \u{a0} \u{202e} \u{fffe} \
    \u{1b} \u{7} \u{7f} \u{0} \u{b} \u{c} 2001-01-01 12:30:45 10.0.0.0/0 10.0.0.0/16 10.0.0.0/33 \
    255.255.255.255/16 ::/0 ::1/129 0.0.0.0/0 1.2.3.4 99999999999999999999d 1d 1h30m 90s 0s 1s 7d \
    8d arn:aws:secretsmanager:eu-west-1:123456789012:secret:a arn:aws:acm:eu-west-1:123456789012:certificate/a \
    arn:::::: arn: off lb app memory redis valkey memcached database postgres mysql mariadb \
    aurora-postgresql aurora-mysql per-zone single none internal 8.0 7.1 17 1.6.22 db.t4g.micro \
    db.serverless cache.t4g.micro t4g.small m7i.large t3.nano a. .a . .. / /a http://a example.com \
    *.example.com xn--a.example.com ../../etc/passwd %s %n $(id) '; rm -rf /' \"\\n\" name: app: \
    secrets: env: tags: stackctl:stack aws:x";

/// Any characters; proptest's own strategy reads a regular expression for every text it makes.
pub(crate) fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..20).prop_map(String::from_iter)
}

pub(crate) fn of(alphabet: &str, length: Range<usize>) -> impl Strategy<Value = String> + use<> {
    vec(select(alphabet.chars().collect::<Vec<_>>()), length).prop_map(String::from_iter)
}

pub(crate) fn word() -> impl Strategy<Value = String> {
    select(WORDS.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>())
        .prop_map(str::to_owned)
}

pub(crate) fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => word(),
        2 => vec(word(), 0..4).prop_map(|words| words.join(" ")),
        2 => any::<i128>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_map(|number| number.to_string()),
        3 => of("0123456789", 1..6),
        2 => text(),
        // Everything a double-quoted value can hold, control characters included.
        4 => text().prop_map(|text| serde_json::Value::from(text).to_string()),
        1 => vec(0..0x30_u8, 0..6)
            .prop_map(|bytes| serde_json::Value::from(String::from_utf8(bytes).unwrap()).to_string()),
        1 => vec(value_inside(), 0..6).prop_map(|items| format!("[{}]", items.join(", "))),
        1 => vec((word(), value_inside()), 0..6).prop_map(|items| {
            let items: Vec<String> = items.iter().map(|(k, v)| format!("{k}: {v}")).collect();
            format!("{{{}}}", items.join(", "))
        }),
        1 => (select(vec!["x", "é", "\u{1f980}", "${GIVEN}", "a.", "-", "0", "\\", "\"", "'"]),
              few_or_many(10_000)).prop_map(|(unit, times)| unit.repeat(times)),
    ]
}

fn value_inside() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => word(),
        1 => text().prop_map(|text| serde_json::Value::from(text).to_string()),
    ]
}

/// A key of the schema, by its path.
pub(crate) fn path() -> impl Strategy<Value = String> {
    fn visit(keys: &[schema::Key], above: &str, paths: &mut Vec<String>) {
        for key in keys {
            let path = format!("{above}{}", key.name);
            visit(key.holds.keys().unwrap_or_default(), &format!("{path}."), paths);
            paths.push(path);
        }
    }
    let mut paths = Vec::new();
    visit(schema::FILE, "", &mut paths);
    select(paths)
}

pub(crate) fn line() -> impl Strategy<Value = String> {
    let key = path().prop_map(|path| path.rsplit('.').next().unwrap_or_default().to_owned());
    prop_oneof![
        4 => (of(" ", 0..6), key, value()).prop_map(|(indent, key, value)| format!("{indent}{key}: {value}")),
        1 => (of(" ", 0..6), value(), value()).prop_map(|(indent, key, value)| format!("{indent}{key}: {value}")),
        1 => value(),
    ]
}

/// Mostly few, so that there are many cases in a minute.
pub(crate) fn few_or_many(most: usize) -> impl Strategy<Value = usize> {
    prop_oneof![20 => 0..20_usize, 4 => 20..500_usize, 1 => 500..most]
}
