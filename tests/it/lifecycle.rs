//! Every worked example through its whole life: up, nothing to do, and gone without a trace.

use crate::{
    cloud::Cloud,
    emulator,
    stackctl::{Desk, REGION, stacks},
};
use std::collections::BTreeSet;

async fn lives_and_dies(name: &str) {
    let file = format!("{}/stacks/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&file).unwrap();
    let desk = value(&text, "account").map_or_else(Desk::new, Desk::of_account);
    let region = value(&text, "region").unwrap_or(REGION);
    let cloud = Cloud::new(emulator::endpoint(), &desk.account, region);
    let sets = prerequisites(&cloud, name).await;
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let before = cloud.everything().await;

    desk.ok(&[&["up", &file][..], &sets].concat());
    let plan = desk.run(&[&["plan", &file, "--detailed-exitcode"][..], &sets].concat());
    assert_eq!(plan.code, 0, "the plan is not empty: {}", plan.both());
    let standing = cloud.everything().await;
    assert!(standing.len() > before.len() + 10, "the tier is there");

    if text.contains("protect: true") {
        let refused = desk.run(&["destroy", "--yes"]);
        assert_eq!(refused.code, 1, "{}", refused.both());
        assert!(refused.err.contains("deletion protection is on"), "{}", refused.both());
        assert_eq!(cloud.everything().await, standing, "nothing was touched");
    }
    let gone = desk.ok(&["destroy", "--yes", "--unprotect"]);
    let after = cloud.everything().await;
    let left: Vec<_> = after.difference(&before).collect();
    for id in &left {
        let snapshot = id.rsplit(':').next().unwrap();
        assert!(id.contains("snapshot"), "left behind: {left:#?}");
        assert!(gone.both().contains(snapshot), "{snapshot} was not announced: {}", gone.both());
    }
    assert!(before.is_subset(&after), "something of others was taken");

    let twice = desk.ok(&["destroy", "--yes"]);
    assert!(twice.both().contains("nothing"), "a second destroy is fine: {}", twice.both());
    let stack = value(&text, "name").unwrap();
    let again = desk.ok(&["destroy", "--stack", stack, "--region", region, "--yes"]);
    assert!(again.both().contains("nothing"), "by its name, too: {}", again.both());
}

/// What an example presumes to be there, and how to tell it the ids of that.
pub(crate) async fn prerequisites(cloud: &Cloud, name: &str) -> Vec<String> {
    if name != "production" {
        return Vec::new();
    }
    let zone = cloud.dns.create_hosted_zone().name("shop.example.com").caller_reference("before");
    zone.send().await.unwrap();
    let (ami, certificate) = (cloud.ami().await, cloud.certificate().await);
    let stripe = cloud.secret("shop/stripe", "sk_live_1").await;
    let keys = cloud.secret("shop/keys", r#"{"cookie": "c00kie"}"#).await;
    [
        format!("app.ami={ami}"),
        format!("load_balancer.certificate={certificate}"),
        format!("app.secrets.STRIPE_KEY={stripe}"),
        format!("app.secrets.COOKIE_KEY='{keys}:cookie::'"),
    ]
    .into_iter()
    .flat_map(|set| ["--set".to_owned(), set])
    .collect()
}

/// The value of a top-level key, or what stands in for it where the environment has none.
pub(crate) fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    let value = line.split('#').next()?.trim().trim_matches('"');
    Some(value.split_once(":-").map_or(value, |(_, default)| default.trim_end_matches('}')))
}

macro_rules! lifecycles {
    ($($test:ident = $name:literal),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $test() {
                lives_and_dies($name).await;
            }
        )+

        #[test]
        fn no_example_is_forgotten() {
            let tested: BTreeSet<_> = [$($name),+].map(str::to_owned).into();
            let there: BTreeSet<_> = stacks()
                .iter()
                .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
                .collect();
            assert_eq!(tested, there);
        }
    };
}

lifecycles! {
    minimal_lives_and_dies = "minimal",
    demo_lives_and_dies = "demo",
    sticky_memory_lives_and_dies = "sticky-memory",
    token_lives_and_dies = "token",
    dynamodb_lives_and_dies = "dynamodb",
    memcached_lives_and_dies = "memcached",
    aurora_lives_and_dies = "aurora",
    production_lives_and_dies = "production",
}
