//! Statements of IAM policies, with their elements as IAM spells them.

use serde_json::{Map, Value};

use crate::spec::Wrong;
use crate::spec::choice::nearest;
use crate::spec::tree::{Body, Node};

/// The elements of a statement of an identity-based policy (IAM JSON policy elements reference).
const ELEMENTS: [&str; 7] =
    ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// What is wrong, each with the element it is wrong at; "" is the statement itself.
type Wrongs = Vec<(String, Wrong)>;

/// Reads a statement, or all that is wrong with it.
pub(super) fn read(node: &Node) -> Result<Value, Wrongs> {
    let Body::Map(entries) = &node.body else {
        let wrong = Wrong::new(format!("expected a statement of IAM, found {}", node.describe()));
        return Err(vec![(String::new(), wrong.help(EXAMPLE))]);
    };
    let mut wrongs = Vec::new();
    let mut statement = Map::new();
    for entry in entries {
        match element(&entry.key, &entry.value) {
            Ok(value) => _ = statement.insert(entry.key.clone(), value),
            Err(wrong) => wrongs.push((entry.key.clone(), wrong)),
        }
    }
    if wrongs.is_empty() {
        wrongs.extend(missing(&statement).map(|wrong| (String::new(), wrong)));
    }
    if wrongs.is_empty() { Ok(Value::Object(statement)) } else { Err(wrongs) }
}

const EXAMPLE: &str =
    "such as {Effect: Allow, Action: s3:GetObject, Resource: \"arn:aws:s3:::uploads/*\"}";

fn element(name: &str, node: &Node) -> Result<Value, Wrong> {
    let value = value(node)?;
    let words = match &value {
        Value::String(word) => vec![word.as_str()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is_list = !words.is_empty() && value.as_array().is_none_or(|all| all.len() == words.len());
    let good = match name {
        "Sid" => value.as_str().is_some_and(|s| s.bytes().all(|b| b.is_ascii_alphanumeric())),
        "Effect" => matches!(value.as_str(), Some("Allow" | "Deny")),
        "Action" | "NotAction" => is_list && words.iter().all(|word| is_action(word)),
        "Resource" | "NotResource" => {
            is_list && words.iter().all(|word| *word == "*" || word.starts_with("arn:"))
        }
        "Condition" => value.as_object().is_some_and(|all| all.values().all(Value::is_object)),
        "Principal" | "NotPrincipal" => {
            return Err(Wrong::new(format!("a policy of a role has no `{name}`"))
                .help("whoever it is for is the role of the instances; take the line away"));
        }
        _ => {
            let near = nearest(name, ELEMENTS).map(|near| format!("did you mean `{near}`?"));
            let known = format!("the elements are {}", crate::spec::list(&ELEMENTS, "and"));
            return Err(Wrong::new(format!("`{name}` is not an element of a statement of IAM"))
                .help(near.unwrap_or(known)));
        }
    };
    if good {
        return Ok(value);
    }
    let (says, help) = match name {
        "Sid" => ("a `Sid` has letters and digits only", "such as ReadUploads"),
        "Effect" => ("`Effect` is Allow or Deny", "spell it with a capital letter"),
        "Action" | "NotAction" => (
            "expected actions, each with its service: `s3:GetObject`",
            "one of them or a list; `*` stands for any letters",
        ),
        "Resource" | "NotResource" => (
            "expected the ARNs of resources, or \"*\"",
            "one of them or a list, such as \"arn:aws:s3:::uploads/*\"",
        ),
        _ => (
            "expected operators, each with its keys and values",
            "such as {StringEquals: {\"s3:x-amz-acl\": private}}",
        ),
    };
    Err(Wrong::new(says).help(help))
}

/// `*`, or `service:Action` with wildcards.
fn is_action(text: &str) -> bool {
    let word = |text: &str, more: &[u8]| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    };
    text == "*" || text.split_once(':').is_some_and(|(s, a)| word(s, b"-") && word(a, b"*?"))
}

/// What a statement lacks, or has twice.
fn missing(statement: &Map<String, Value>) -> Option<Wrong> {
    let has = |name: &str| statement.contains_key(name);
    if !has("Effect") {
        return Some(Wrong::new("a statement of IAM has an `Effect`").help(EXAMPLE));
    }
    for (one, other) in [("Action", "NotAction"), ("Resource", "NotResource")] {
        if has(one) == has(other) {
            let says = format!("a statement of IAM has either `{one}` or `{other}`");
            return Some(Wrong::new(says).help(EXAMPLE));
        }
    }
    None
}

/// YAML as JSON. Numbers and switches stay texts, which IAM takes in their place.
fn value(node: &Node) -> Result<Value, Wrong> {
    Ok(match &node.body {
        Body::Text(text) => Value::String(text.clone()),
        Body::List(items) => Value::Array(items.iter().map(value).collect::<Result<_, _>>()?),
        Body::Map(entries) => {
            let pair = |entry: &crate::spec::tree::Entry| {
                value(&entry.value).map(|value| (entry.key.clone(), value))
            };
            Value::Object(entries.iter().map(pair).collect::<Result<_, _>>()?)
        }
        Body::Empty | Body::Refused => return Err(Wrong::new("this has no value")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Source, load};
    use serde_json::json;

    fn statements(text: &str) -> Result<Vec<Value>, String> {
        let text = format!("name: shop\napp:\n  image: shop\n  statements: {text}\n");
        let spec = load(&Source::new("stack.yaml", text), &[], &|_| None);
        spec.map(|spec| spec.app.statements).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn a_statement_is_taken_as_it_is_written() {
        let read = statements(
            "[{Sid: Read1, Effect: Allow, Action: [s3:Get*, 's3:ListBucket'], Resource: '*', \
             Condition: {Bool: {'aws:SecureTransport': true}}}]",
        );
        let wanted = json!([{
            "Sid": "Read1", "Effect": "Allow", "Action": ["s3:Get*", "s3:ListBucket"],
            "Resource": "*", "Condition": { "Bool": { "aws:SecureTransport": "true" } },
        }]);
        assert_eq!(json!(read.unwrap()), wanted);
        assert!(
            statements("[{Effect: Deny, NotAction: '*', NotResource: 'arn:aws:s3:::a'}]").is_ok()
        );
        assert_eq!(statements("[]").unwrap(), Vec::<Value>::new());
    }

    #[test]
    fn what_iam_would_refuse_is_told_at_its_place() {
        for (text, says) in [
            ("{Effect: Allow}", "expected a list such as"),
            ("[allow]", "expected a statement of IAM, found a single value"),
            ("[{Action: 's3:Get*', Resource: '*'}]", "has an `Effect`"),
            ("[{Effect: allow, Action: '*', Resource: '*'}]", "`Effect` is Allow or Deny"),
            ("[{Effect: Allow, Resource: '*'}]", "either `Action` or `NotAction`"),
            ("[{Effect: Allow, Action: '*'}]", "either `Resource` or `NotResource`"),
            ("[{Effect: Allow, Action: GetObject, Resource: '*'}]", "each with its service"),
            ("[{Effect: Allow, Action: [], Resource: '*'}]", "each with its service"),
            ("[{Effect: Allow, Action: [{a: b}], Resource: '*'}]", "each with its service"),
            ("[{Effect: Allow, Action: '*', Resource: uploads}]", "expected the ARNs"),
            ("[{Effect: Allow, Action: '*', Resource: '*', Sid: a b}]", "letters and digits"),
            ("[{Effect: Allow, Action: '*', Resource: '*', Condition: {a: b}}]", "operators"),
            ("[{Effect: Allow, Actions: '*', Resource: '*'}]", "did you mean `Action`?"),
            ("[{Effect: Allow, Action: '*', Principal: '*'}]", "a policy of a role has no"),
            ("[{Effect: Allow, Action: , Resource: '*'}]", "this has no value"),
        ] {
            let said = statements(text).unwrap_err();
            assert!(said.contains(says), "{text}: {said}");
        }
    }
}
