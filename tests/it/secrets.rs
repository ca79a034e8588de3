//! Planted secrets, looked for in everything that a stack's life says, sends, writes and leaves.

use crate::{
    cloud::Cloud,
    emulator,
    proxy::{Proxy, Weather},
    stackctl::{Desk, REGION, Said},
};
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};

const SECRET_KEY: &str = "plantedSecretAccessKey0123456789abcdefgh";
const SESSION_TOKEN: &str = "plantedSessionToken0123456789";
const APP_SECRET: &str = "plantedAppSecret0123456789";
const APP_PASSWORD: &str = "plantedPassword0123456789";
const URL_PASSWORD: &str = "plantedUrlPassword0123456789";

/// Names and values.
type Environment<'a> = &'a [(&'a str, &'a str)];

/// Everything that was said, sent and written, each with a word about where.
#[derive(Default)]
struct Haystack(Vec<(String, String)>);

impl Haystack {
    fn add(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    fn add_run(&mut self, command: &str, said: &Said) {
        self.add(format!("stackctl {command}"), said.both());
    }

    /// The places in which a text stands.
    fn places(&self, needle: &str) -> Vec<&str> {
        let found = self.0.iter().filter(|(_, text)| text.contains(needle));
        found.map(|(place, _)| &**place).collect()
    }

    fn assert_nowhere(&self, needles: &[&str]) {
        for needle in needles {
            assert_eq!(self.places(needle), Vec::<&str>::new(), "a secret stands there: {needle}");
        }
    }
}

/// One call to the emulator's Secrets Manager, for which the tests have no SDK.
fn secrets_manager(account: &str, operation: &str, body: &serde_json::Value) -> serde_json::Value {
    let host = emulator::endpoint().trim_start_matches("http://");
    let body = body.to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: secretsmanager.{operation}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={account}/20260101/{REGION}/secretsmanager/\
         aws4_request, SignedHeaders=host, Signature=none\r\nContent-Length: {}\r\n\r\n{body}",
        body.len(),
    );
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let json = answer.find('{').and_then(|from| answer.get(from..=answer.rfind('}')?));
    let json = json.unwrap_or_else(|| panic!("no answer from Secrets Manager: {answer}"));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    serde_json::from_str(json).unwrap()
}

/// Runs the binary with every secret in its environment, and every log that could be asked for.
fn run(desk: &Desk, args: &[&str], more: Environment) -> Said {
    let mut command = desk.command(args);
    command
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_SESSION_TOKEN", SESSION_TOKEN)
        .env("APP_PASSWORD", APP_PASSWORD)
        .env("RUST_BACKTRACE", "full");
    for name in ["RUST_LOG", "AWS_LOG", "AWS_LOG_LEVEL", "AWS_SDK_LOAD_CONFIG"] {
        command.env(name, "trace");
    }
    command.envs(more.iter().copied());
    Said::of(&mut command)
}

fn file(secret: &str) -> String {
    format!(
        "name: shop\n\
         app:\n  image: ghcr.io/acme/shop:1\n  instances: 1\n\
         \x20 env: {{PASSWORD: \"${{APP_PASSWORD}}\", LOG_LEVEL: info}}\n\
         \x20 secrets: {{STRIPE_KEY: \"{secret}\"}}\n\
         load_balancer: {{deregistration_delay: 1}}\n\
         database: {{engine: postgres, protect: false, final_snapshot: false}}\n\
         tags: {{team: checkout}}\n"
    )
}

/// What stands in AWS, asked past the proxy.
async fn add_cloud(hay: &mut Haystack, cloud: &Cloud) {
    let tags = cloud.ec2.describe_tags().into_paginator().items().send();
    hay.add("tags", format!("{:?}", tags.collect::<Result<Vec<_>, _>>().await.unwrap()));
    let groups = cloud.ec2.describe_security_groups().into_paginator().items().send();
    hay.add("groups", format!("{:?}", groups.collect::<Result<Vec<_>, _>>().await.unwrap()));
    let databases = cloud.rds.describe_db_instances().send().await.unwrap();
    hay.add("databases", format!("{databases:?}"));
    for instance in cloud.instances("shop").await {
        let call =
            cloud.ec2.describe_instance_attribute().instance_id(instance.instance_id().unwrap());
        let attribute = aws_sdk_ec2::types::InstanceAttributeName::UserData;
        let answer = call.attribute(attribute).send().await.unwrap();
        let script = answer.user_data().unwrap().value().unwrap();
        let script = aws_smithy_types::base64::decode(script).unwrap();
        hay.add("user data", String::from_utf8(script).unwrap());
        hay.add("instance", format!("{instance:?}"));
    }
    for (name, value) in parameters(cloud).await {
        hay.add(format!("parameter {name}"), value);
    }
}

async fn parameters(cloud: &Cloud) -> BTreeMap<String, String> {
    let call = cloud.ssm.get_parameters_by_path().path("/stackctl").recursive(true);
    let pages = call.into_paginator().send().collect::<Result<Vec<_>, _>>().await.unwrap();
    let all = pages.into_iter().flat_map(|page| page.parameters.unwrap_or_default());
    all.map(|p| (p.name.unwrap(), p.value.unwrap())).collect()
}

/// Every call that was made, as it was sent and as it was answered.
fn add_calls(hay: &mut Haystack, proxy: &Proxy) {
    for record in proxy.log() {
        let sent = String::from_utf8_lossy(&record.request);
        let sent = percent_encoding::percent_decode_str(&sent).decode_utf8_lossy().into_owned();
        for value in sent.split('&').filter_map(|pair| pair.strip_prefix("UserData=")) {
            let script = aws_smithy_types::base64::decode(value).unwrap();
            hay.add("user data as sent", String::from_utf8(script).unwrap());
        }
        hay.add(format!("sent in {}", record.call), format!("{} {sent}", record.target));
        let answer = String::from_utf8_lossy(&record.answer);
        hay.add(format!("answer to {}", record.call), answer);
    }
}

fn add_folder(hay: &mut Haystack, folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        hay.add(path.display().to_string(), std::fs::read_to_string(&path).unwrap());
    }
}

#[tokio::test]
async fn no_secret_stands_in_anything_that_a_whole_life_says_sends_or_leaves() {
    let proxy = Proxy::start(emulator::endpoint(), Weather::calm());
    let desk = Desk::at(proxy.endpoint());
    let cloud = Cloud::new(emulator::endpoint(), &desk.account, REGION);
    let made = secrets_manager(
        &desk.account,
        "CreateSecret",
        &serde_json::json!({
            "Name": "shop/stripe",
            "SecretString": APP_SECRET,
            "ClientRequestToken": uuid::Uuid::new_v4().to_string(),
        }),
    );
    let stripe = made["ARN"].as_str().unwrap();
    desk.write("stack.yaml", file(stripe));
    let mut hay = Haystack::default();
    let mut go = |args: &str| {
        let said = run(&desk, &args.split(' ').collect::<Vec<_>>(), &[]);
        assert_eq!(said.code, 0, "stackctl {args}: {}", said.both());
        hay.add_run(args, &said);
        said.both()
    };

    for before in ["validate", "validate -o json", "plan", "plan -o json", "up -v"] {
        let said = go(before);
        assert!(before.starts_with("validate") || said.contains("shop"), "{said}");
    }
    for standing in [
        "plan --set app.env.MORE=plain",
        "up -v -o json --yes --set app.env.MORE=plain",
        "status",
        "status -v -o json",
        "outputs",
        "outputs -o json",
        "list",
        "list -o json",
        "toggle-stickiness -v",
        "toggle-stickiness -o json",
    ] {
        go(standing);
    }
    add_cloud(&mut hay, &cloud).await;
    add_folder(&mut hay, &desk.path().join(".stackctl"));
    let database = cloud.rds.describe_db_instances().send().await.unwrap();
    let secret = database.db_instances()[0].master_user_secret().unwrap().secret_arn().unwrap();
    let asked = serde_json::json!({ "SecretId": secret });
    let answer = secrets_manager(&desk.account, "GetSecretValue", &asked);
    let text = answer["SecretString"].as_str().unwrap();
    let master: serde_json::Value = serde_json::from_str(text).unwrap();
    let master = master["password"].as_str().unwrap();
    assert!(master.len() >= 8, "RDS made a password: {master}");

    let wrong = run(&desk, &["up", "--set", "account=210987654321"], &[]);
    assert_eq!(wrong.code, 1, "{}", wrong.both());
    hay.add_run("up, the wrong account", &wrong);
    let gone = run(&desk, &["destroy", "--yes", "-v"], &[]);
    assert_eq!(gone.code, 0, "{}", gone.both());
    hay.add_run("destroy", &gone);
    add_folder(&mut hay, &desk.path().join(".stackctl"));
    add_calls(&mut hay, &proxy);

    hay.assert_nowhere(&[SECRET_KEY, SESSION_TOKEN, APP_SECRET, master]);
    // What the file takes from the environment for the app, the app is told, and nobody else is.
    let told = hay.places(APP_PASSWORD);
    assert!(told.contains(&"parameter /stackctl/shop/app/env"), "{told:?}");
    assert!(told.contains(&"sent in ssm:PutParameter"), "{told:?}");
    for place in told {
        let fine = place.starts_with("parameter ") || place.contains(" ssm:");
        assert!(fine, "the app's password stands in: {place}");
    }
    assert!(!hay.places(stripe).is_empty(), "the haystack is the right one");
}

#[test]
fn no_refusal_repeats_a_secret() {
    let desk = Desk::offline();
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/stripe-AbCdEf";
    desk.write("stack.yaml", file(arn));
    desk.write("value.yaml", file(APP_SECRET));
    desk.write("torn.yaml", format!("{}\t: [", file(APP_SECRET)));
    desk.write("filled.yaml", file(arn).replace("ghcr.io/acme/shop:1", "\"${APP_PASSWORD} x\""));
    std::fs::create_dir(desk.path().join(".aws")).unwrap();
    let url = format!("http://eve:{URL_PASSWORD}@127.0.0.1:9");
    desk.write(
        ".aws/config",
        format!(
            "[profile url]\nendpoint_url = {url}\n\
             [profile process]\ncredential_process = echo '{{\"SecretAccessKey\": \"{SECRET_KEY}\"'\n\
             [profile torn]\naws_secret_access_key {SECRET_KEY}\n"
        ),
    );
    let set = format!("app.secrets.STRIPE_KEY={APP_SECRET}");
    let here = [("AWS_ENDPOINT_URL", "http://127.0.0.1:9")];
    let there = [("AWS_ENDPOINT_URL", &*url)];
    let profile = |name| [("AWS_PROFILE", name)];
    let own =
        |name| [("AWS_PROFILE", name), ("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
    let runs: [(&[&str], Environment); 13] = [
        (&["validate", "value.yaml"], &[]),
        (&["validate", "value.yaml", "-o", "json"], &[]),
        (&["validate", "torn.yaml"], &[]),
        (&["validate", "filled.yaml"], &[]),
        (&["validate", "filled.yaml", "-o", "json"], &[]),
        (&["validate", "--set", &set], &[]),
        (&["plan", "-v"], &here),
        (&["plan", "--endpoint-url", &url], &[]),
        (&["plan", "-o", "json", "--endpoint-url", &url], &[]),
        (&["plan"], &there),
        (&["plan"], &profile("url")),
        (&["plan", "-v"], &own("process")),
        (&["plan", "-v"], &own("torn")),
    ];
    let mut hay = Haystack::default();
    for (args, more) in runs {
        let said = run(&desk, args, more);
        assert_eq!(said.code, 1, "{args:?} {more:?}: {}", said.both());
        hay.add(format!("{args:?} {more:?}"), said.both());
    }
    hay.assert_nowhere(&[SECRET_KEY, SESSION_TOKEN, APP_SECRET, APP_PASSWORD, URL_PASSWORD]);
}
