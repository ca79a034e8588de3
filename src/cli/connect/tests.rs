//! Where each mixture of flags, file, memory and environment leads.

use super::*;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};

const HERE: &str = "http://127.0.0.1:4566";

fn nothing(_: &str) -> Option<String> {
    None
}

fn memory(endpoint: Option<&str>) -> Memory {
    Memory {
        name: "shop".into(),
        region: "eu-west-1".into(),
        endpoint: endpoint.map(Into::into),
        emulated_account: endpoint.map(|_| "111111111111".into()),
        file: None,
    }
}

fn env(values: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    |name| values.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
}

fn says(flags: &Where, memory: &Memory, env: &dyn Fn(&str) -> Option<String>) -> String {
    let known = Known { region: None, memory: Some(memory) };
    flags.route(&known, env).unwrap_err().to_string()
}

#[test]
fn without_a_word_the_aws_configuration_decides() {
    let route = Where::default().route(&Known::default(), &nothing).unwrap();
    assert_eq!(route, Route { connection: Connection::default(), own: None });
}

#[test]
fn a_remembered_emulator_wins_over_an_environment_set_for_aws() {
    let memory = memory(Some(HERE));
    let known = Known { region: None, memory: Some(&memory) };
    let real = env(&[("AWS_ACCESS_KEY_ID", "AKIAREAL"), ("AWS_REGION", "us-east-1")]);
    let connection = Where::default().route(&known, &real).unwrap().connection;
    assert_eq!(connection.endpoint.as_deref(), Some(HERE));
    assert_eq!(connection.region.as_deref(), Some("eu-west-1"));
    assert_eq!(connection.emulated_account.as_deref(), Some("111111111111"));
}

#[test]
fn a_configured_endpoint_that_contradicts_memory_is_refused() {
    let configured = env(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")]);
    assert_eq!(
        says(&Where::default(), &memory(Some(HERE)), &configured),
        "`shop` was brought up at http://127.0.0.1:4566, and the AWS configuration says \
         http://127.0.0.1:5000"
    );
    assert!(says(&Where::default(), &memory(None), &configured).contains("at AWS itself"));
}

#[test]
fn another_account_of_the_emulator_than_the_remembered_one_is_refused() {
    let named = env(&[("AWS_ACCESS_KEY_ID", "333333333333")]);
    let said = says(&Where::default(), &memory(Some(HERE)), &named);
    assert!(said.contains("in account 111111111111"), "{said}");
}

#[test]
fn a_configured_endpoint_that_is_empty_contradicts_nothing() {
    let memory = memory(Some(HERE));
    let known = Known { region: None, memory: Some(&memory) };
    let configured = env(&[("AWS_ENDPOINT_URL", "")]);
    let route = Where::default().route(&known, &configured).unwrap();
    assert_eq!(route.connection.endpoint.as_deref(), Some(HERE));
}

#[test]
fn an_empty_endpoint_is_none() {
    let empty = env(&[("AWS_ENDPOINT_URL", "")]);
    let route = Where::default().route(&Known::default(), &empty).unwrap();
    assert_eq!(route.connection.endpoint, None);
    let memory = memory(None);
    let known = Known { region: None, memory: Some(&memory) };
    assert!(Where::default().route(&known, &empty).is_ok(), "it contradicts no memory of AWS");
}

#[test]
fn a_profile_that_is_named_is_wanted_in_place_of_an_emulators_account() {
    let memory = memory(Some(HERE));
    let known = Known { region: None, memory: Some(&memory) };
    let flags = Where { profile: Some("dev".into()), ..Where::default() };
    let connection = flags.route(&known, &nothing).unwrap().connection;
    assert_eq!((connection.profile.as_deref(), connection.emulated_account), (Some("dev"), None));
}

#[test]
fn a_configured_endpoint_that_agrees_with_memory_is_fine() {
    let memory = memory(Some(HERE));
    let known = Known { region: None, memory: Some(&memory) };
    let configured = env(&[("AWS_ENDPOINT_URL", HERE)]);
    assert!(Where::default().route(&known, &configured).is_ok());
}

#[test]
fn a_flag_settles_every_contradiction() {
    let memory = memory(Some(HERE));
    let known = Known { region: None, memory: Some(&memory) };
    let configured = env(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")]);
    let flags = Where { endpoint_url: Some(Endpoint::Aws), ..Where::default() };
    let route = flags.route(&known, &configured).unwrap();
    assert_eq!((route.connection.endpoint, route.own), (None, Some(Own::Asked)));
    let flags = Where { localstack: true, ..Where::default() };
    let route = flags.route(&known, &configured).unwrap();
    assert_eq!(route.connection.endpoint.as_deref(), Some(HERE));
}

#[test]
fn the_bundled_emulator_is_sent_made_up_credentials_only() {
    for key in ["AKIAREAL", "test", "12345678901x"] {
        let real = move |name: &str| (name == "AWS_ACCESS_KEY_ID").then(|| key.to_owned());
        let flags = Where { localstack: true, ..Where::default() };
        let connection = flags.route(&Known::default(), &real).unwrap().connection;
        assert_eq!(connection.emulated_account.as_deref(), Some(EMULATED), "{key}");
    }
    let chosen = env(&[("AWS_ACCESS_KEY_ID", "222222222222")]);
    let flags = Where { localstack: true, ..Where::default() };
    let connection = flags.route(&Known::default(), &chosen).unwrap().connection;
    assert_eq!(connection.emulated_account.as_deref(), Some("222222222222"));
}

#[test]
fn credentials_for_other_endpoints_are_the_users_own() {
    let flags = Where { endpoint_url: Some(Endpoint::At(HERE.to_owned())), ..Where::default() };
    let connection = flags.route(&Known::default(), &nothing).unwrap().connection;
    assert_eq!(connection.emulated_account, None);
}

#[test]
fn real_credentials_are_not_sent_to_this_machine() {
    let open = |key: &str| {
        let keys = Credentials::new(key, "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .endpoint_url(HERE)
            .build();
        refuse_real_keys(key, &Aws::from_config(&config, "shop"))
    };
    assert!(open("ASIAZZZZZZZZZZZZZZZZ").is_err());
    assert!(open("AKIAZZZZZZZZZZZZZZZZ").unwrap_err().to_string().contains(HERE));
    assert!(open("test").is_ok() && open("000000000000").is_ok());
}

#[test]
fn the_region_is_the_flags_else_the_files_else_the_remembered_one() {
    let memory = memory(None);
    let region = |flag: Option<&str>, file, memory| {
        let flags = Where { region: flag.map(Into::into), ..Where::default() };
        flags.route(&Known { region: file, memory }, &nothing).unwrap().connection.region
    };
    assert_eq!(region(Some("a"), Some("b"), Some(&memory)).as_deref(), Some("a"));
    assert_eq!(region(None, Some("b"), None).as_deref(), Some("b"));
    assert_eq!(region(None, None, Some(&memory)).as_deref(), Some("eu-west-1"));
}

#[test]
fn a_file_that_moved_to_another_region_is_refused() {
    let memory = memory(None);
    let known = Known { region: Some("us-east-1"), memory: Some(&memory) };
    let error = Where::default().route(&known, &nothing).unwrap_err();
    assert!(error.to_string().contains("was brought up in eu-west-1"), "{error}");
}

#[test]
fn an_endpoint_with_a_password_is_refused_without_showing_it() {
    let with = "http://eve:hunter2@127.0.0.1:4566";
    let configured = env(&[("AWS_ENDPOINT_URL", "http://eve:hunter2@127.0.0.1:4566")]);
    let flag = Where { endpoint_url: Some(with.parse().unwrap()), ..Where::default() };
    let told = "the endpoint http://…@127.0.0.1:4566 has a user or a password in it";
    for error in [
        flag.route(&Known::default(), &nothing).unwrap_err(),
        Where::default().route(&Known::default(), &configured).unwrap_err(),
        refuse_no_url(Some(with)).unwrap_err(),
    ] {
        assert_eq!(error.to_string(), told);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
    let conflict = says(&Where::default(), &memory(Some(HERE)), &configured);
    assert!(conflict.contains("the AWS configuration says http://…@127.0.0.1:4566"), "{conflict}");
}
