//! The policies in `docs/iam` grant what the calls in `src/` need, and nothing else.

use crate::walls::files;
use regex::Regex;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::LazyLock,
};

/// What the SDK's clients are called in `src/`, and the prefix of their service's actions.
const CLIENTS: [(&str, &str); 12] = [
    ("acm", "acm"),
    ("dynamodb", "dynamodb"),
    ("ec2", "ec2"),
    ("elasticache", "elasticache"),
    ("secretsmanager", "secretsmanager"),
    ("elb", "elasticloadbalancing"),
    ("iam", "iam"),
    ("kms", "kms"),
    ("rds", "rds"),
    ("route53", "route53"),
    ("ssm", "ssm"),
    ("sts", "sts"),
];
/// How the names of operations begin that change nothing.
const READS: [&str; 3] = ["describe", "get", "list"];
/// What begins so, and is called only where something is made.
const MAKES: &str = "secretsmanager:getrandompassword";
/// AWS grants it to everyone.
const FREE: &str = "sts:getcalleridentity";
/// Characters of the inline policies of a role, blanks not counted.
const MOST: usize = 10_240;
/// How many of them what stands for the placeholders may add.
const ROOM: usize = 1000;

/// `ec2:describe_vpcs` and the like, in the form in which IAM compares actions: without case.
type Actions = BTreeMap<String, String>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `<client>.<operation>(`, wherever the client comes from.
static DIRECT: LazyLock<Regex> = LazyLock::new(|| {
    let names = CLIENTS.map(|(client, _)| client).join("|");
    Regex::new(&format!(r"\b({names}|client)(?:\(\))?\s*\.\s*([a-z][a-z0-9_]*)\(")).unwrap()
});
/// What a client has beside its operations.
const NO_OPERATION: [&str; 5] = ["as_ref", "clone", "config", "iter", "unwrap"];

/// The operations that the SDK's clients are asked for in a text.
fn calls(text: &str) -> BTreeSet<String> {
    // What is only called `client` is the one client that the text borrows.
    let lent = |(client, _): &&(&str, &str)| text.contains(&format!("&cx.cloud.{client}"));
    let lent: Vec<_> = CLIENTS.iter().filter(lent).map(|(_, prefix)| *prefix).collect();
    let mut found = BTreeSet::new();
    for call in DIRECT.captures_iter(text).filter(|call| !NO_OPERATION.contains(&&call[2])) {
        let own =
            CLIENTS.iter().filter(|(client, _)| *client == &call[1]).map(|(_, prefix)| prefix);
        for prefix in own.chain(lent.iter().filter(|_| &call[1] == "client")) {
            found.insert(format!("{prefix}:{}", &call[2]));
        }
    }
    found
}

fn after(action: &str) -> &str {
    action.split_once(':').map_or(action, |(_, name)| name)
}

/// Every operation that is called, and where.
fn called() -> Actions {
    static CALLED: LazyLock<Actions> = LazyLock::new(look);
    CALLED.clone()
}

fn look() -> Actions {
    let mut sources = Vec::new();
    files(&root().join("src"), &mut sources);
    let mut found = Actions::new();
    for source in sources {
        let text = fs::read_to_string(&source).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let text = code.collect::<Vec<_>>().join("\n");
        let place = source.strip_prefix(root()).unwrap().display().to_string();
        for call in calls(&text) {
            let action = call.replace('_', "");
            found.entry(action).or_insert_with(|| place.clone());
        }
    }
    found.remove(FREE);
    found
}

fn policy(name: &str) -> Value {
    let text = fs::read_to_string(root().join("docs/iam").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        other => panic!("{other} is no text"),
    }
}

/// What a policy allows, by its form without case.
fn granted(name: &str) -> Actions {
    let policy = policy(name);
    let mut found = Actions::new();
    for statement in policy["Statement"].as_array().unwrap() {
        for action in texts(&statement["Action"]) {
            assert!(!action.contains('*'), "{name}: {action} grants more than is called");
            found.insert(action.to_lowercase(), action.to_owned());
        }
    }
    found
}

/// The actions of the table of those that AWS asks for beside the calls.
fn dependent() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/iam/README.md")).unwrap();
    let row = Regex::new(r"(?m)^\| `([a-z0-9]+:[A-Za-z0-9]+)` \|").unwrap();
    row.captures_iter(&text).map(|row| row[1].to_lowercase()).collect()
}

fn is_read(action: &str) -> bool {
    action != MAKES && READS.iter().any(|verb| after(action).starts_with(verb))
}

/// What is called and not granted, one a line.
fn missing(called: &Actions, granted: &Actions) -> Vec<String> {
    let lacking = called.iter().filter(|(action, _)| !granted.contains_key(*action));
    lacking.map(|(action, place)| format!("{action} (called in {place})")).collect()
}

#[test]
fn calls_are_seen_however_they_are_written() {
    let text = "let ec2 = &cloud.ec2;\n ec2\n.describe_vpcs().into_paginator();\n \
                self.rds.create_db_instance(); cx.cloud.elb.set_subnets().send(); ec2.clone();";
    let wanted =
        ["ec2:describe_vpcs", "elasticloadbalancing:set_subnets", "rds:create_db_instance"];
    assert_eq!(calls(text), wanted.map(str::to_owned).into());
    let passed = "let client = &cx.cloud.elasticache; client.increase_replica_count()";
    assert_eq!(calls(passed), ["elasticache:increase_replica_count".to_owned()].into());
}

#[test]
fn the_operator_may_do_what_is_called() {
    let missing = missing(&called(), &granted("operator.json"));
    assert!(missing.is_empty(), "add to docs/iam/operator.json:\n{}", missing.join("\n"));
}

#[test]
fn the_reader_may_read_what_is_read() {
    let reads = called().into_iter().filter(|(action, _)| is_read(action)).collect();
    let missing = missing(&reads, &granted("reader.json"));
    assert!(missing.is_empty(), "add to docs/iam/reader.json:\n{}", missing.join("\n"));
}

#[test]
fn nothing_is_granted_that_nobody_needs() {
    let (called, dependent) = (called(), dependent());
    for name in ["operator.json", "reader.json"] {
        for (action, written) in granted(name) {
            let needed = called.contains_key(&action) || dependent.contains(&action);
            assert!(needed, "docs/iam/{name}: no call in src/ needs {written}: take it out");
        }
    }
    for action in granted("reader.json").keys() {
        assert!(is_read(action), "docs/iam/reader.json: {action} writes");
    }
}

#[test]
fn what_calls_ask_for_beside_themselves_is_granted() {
    let granted = granted("operator.json");
    for action in dependent() {
        assert!(granted.contains_key(&action), "add to docs/iam/operator.json: {action}");
    }
    let (called, dependent) = (called(), dependent());
    for (call, needs) in [
        ("ec2:runinstances", "iam:passrole"),
        ("ec2:runinstances", "ec2:createtags"),
        ("elasticloadbalancing:createloadbalancer", "elasticloadbalancing:addtags"),
        ("elasticloadbalancing:createloadbalancer", "iam:createservicelinkedrole"),
        ("rds:createdbinstance", "rds:addtagstoresource"),
        ("rds:createdbinstance", "secretsmanager:createsecret"),
        ("rds:createdbinstance", "secretsmanager:tagresource"),
        ("rds:createdbinstance", "kms:describekey"),
        ("rds:deletedbinstance", "rds:createdbsnapshot"),
        ("rds:deletedbcluster", "rds:createdbclustersnapshot"),
        ("elasticache:createreplicationgroup", "elasticache:addtagstoresource"),
        ("iam:createrole", "iam:tagrole"),
        ("iam:createinstanceprofile", "iam:taginstanceprofile"),
        ("ssm:putparameter", "ssm:addtagstoresource"),
    ] {
        assert!(called.contains_key(call), "nobody calls {call}");
        assert!(granted.contains_key(needs), "{call} needs {needs}");
        let known = called.contains_key(needs) || dependent.contains(needs);
        assert!(known, "docs/iam/README.md does not say that {call} needs {needs}");
    }
}

#[test]
fn a_policy_fits_into_what_iam_takes_and_each_of_its_statements_is_explained() {
    let readme = fs::read_to_string(root().join("docs/iam/README.md")).unwrap();
    for name in ["operator.json", "reader.json"] {
        let policy = policy(name);
        let size = policy.to_string().split_whitespace().collect::<String>().len();
        assert!(size + ROOM <= MOST, "{name} has {size} characters of {MOST}");
        assert_eq!(policy["Version"], "2012-10-17");
        for statement in policy["Statement"].as_array().unwrap() {
            let sid = statement["Sid"].as_str().unwrap();
            assert!(readme.contains(&format!("`{sid}`")), "docs/iam/README.md: {sid} is missing");
        }
    }
}

#[test]
fn a_role_may_be_passed_to_instances_alone_and_made_by_services_that_need_it() {
    let policy = policy("operator.json");
    let statements = policy["Statement"].as_array().unwrap();
    let of = |action: &str| {
        let mut some = statements.iter().filter(|s| texts(&s["Action"]).contains(&action));
        let one = some.next().unwrap();
        assert!(some.next().is_none(), "{action} is granted twice");
        one
    };
    let pass = of("iam:PassRole");
    assert_eq!(pass["Condition"]["StringEquals"]["iam:PassedToService"], "ec2.amazonaws.com");
    assert_eq!(texts(&pass["Resource"]), ["arn:aws:iam::ACCOUNT:role/PREFIX*"]);
    let linked = &of("iam:CreateServiceLinkedRole")["Condition"]["StringEquals"];
    assert_eq!(texts(&linked["iam:AWSServiceName"]).len(), 3);
    for statement in statements {
        let writes = texts(&statement["Action"]).into_iter().find(|a| !is_read(&a.to_lowercase()));
        // Zones have no names of ours, and what AWS's generator makes is nowhere yet.
        let widely = ["Name", "LetAwsMakeAKey"].iter().any(|name| statement["Sid"] == *name);
        let (Some(action), false) = (writes, widely) else { continue };
        assert!(!texts(&statement["Resource"]).contains(&"*"), "{action} holds for everything");
    }
}
