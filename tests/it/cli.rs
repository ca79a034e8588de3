//! What the command line says: every help page, usage errors, exit codes, messages.

use crate::shell::Shell;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    process::Stdio,
    thread,
};

#[test]
fn every_help_page_is_as_it_was_reviewed() {
    let shell = Shell::new();
    insta::assert_snapshot!("help", shell.run(&["--help"]));
    for verb in verbs(&shell.run(&["--help"])) {
        let page = shell.run(&[&verb, "--help"]);
        insta::assert_snapshot!(format!("help-{verb}"), page);
        for inner in verbs(&page) {
            let name = format!("help-{verb}-{inner}");
            insta::assert_snapshot!(name, shell.run(&[&verb, &inner, "--help"]));
        }
    }
}

/// The commands that a help page lists.
fn verbs(page: &str) -> Vec<String> {
    page.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn usage_errors_end_with_one() {
    let shell = Shell::new();
    let said: Vec<String> = [
        &["frobnicate"][..],
        &[],
        &["up", "--frobnicate"],
        &["up", "one.yaml", "two.yaml"],
        &["list", "--localstack", "--endpoint-url", "http://localhost:1"],
        &["list", "--endpoint-url", "localhost:4566"],
        &["status", "--stack", "Not A Name"],
        &["toggle-stickiness", "--on", "--off"],
        &["toggle-stickiness", "--off", "--duration", "60"],
        &["toggle-stickiness", "--duration", "8d"],
        &["toggle-stickiness", "--duration", "0"],
        &["toggle-stickiness", "--duration", "soon"],
        &["toggle-stickiness", "--cookie", "mine"],
        &["toggle-stickiness", "--name", "AWSALB"],
        &["verify", "shop.example.com"],
        &["verify", "ftp://shop.example.com/"],
        &["verify", "http://shop.example.com/", "--session", "session_id"],
        &["verify", "http://shop.example.com/", "--session", "none"],
        &["verify", "http://shop.example.com/", "--users", "0"],
        &["verify", "http://shop.example.com/", "--rate", "0"],
        &["verify", "http://shop.example.com/", "--rate", "5", "--interval", "1s"],
        &["verify", "http://shop.example.com/", "--websocket", "ws"],
        &["verify", "http://shop.example.com/", "--resolve", "shop.example.com:80"],
        &["verify", "http://shop.example.com/", "--connect-to", "shop.example.com"],
    ]
    .iter()
    .map(|args| {
        let said = shell.run(args);
        assert!(said.starts_with("exit 1\n"), "{args:?}: {said}");
        // A bare call shows the help page, which has its own snapshot.
        let first = if args.is_empty() {
            said.lines().take(3).collect::<Vec<_>>().join("\n")
        } else {
            said
        };
        format!("$ stackctl {}\n{first}\n", args.join(" "))
    })
    .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn what_other_tools_call_a_verb_is_suggested_and_never_a_deletion() {
    let shell = Shell::new();
    for (typed, meant) in [("deploy", "up"), ("apply", "up"), ("ls", "list"), ("down", "destroy")] {
        let said = shell.run(&[typed]);
        assert!(said.contains(&format!("'{meant}'")), "{typed}: {said}");
        assert_eq!(said.contains("'destroy'"), meant == "destroy", "{typed}: {said}");
    }
    assert!(shell.run(&["destory"]).contains("'destroy'"));
    assert!(!shell.run(&["deplore"]).contains("destroy"));
}

#[test]
fn the_version_is_that_of_the_crate() {
    let said = Shell::new().run(&["--version"]);
    assert_eq!(said, format!("exit 0\nstackctl {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn init_writes_a_file_that_is_valid_and_never_overwrites_one() {
    let shell = Shell::new();
    insta::assert_snapshot!(shell.run(&["init", "blog", "--image", "ghcr.io/acme/blog:2"]), @r"
    exit 0
    ✓ wrote stack.yaml for the stack `blog`
      edit it, then run `stackctl plan`, or try it with `stackctl up --localstack`
    ");
    assert_eq!(shell.run(&["validate"]), "exit 0\n✓ stack.yaml is fine\n");
    let before = fs::read(shell.path("stack.yaml")).unwrap();
    insta::assert_snapshot!(shell.run(&["init"]), @r"
    exit 1
    --- stderr
    error: there is a ./stack.yaml already
    hint: edit it, or remove it first: init overwrites nothing
    ");
    assert_eq!(fs::read(shell.path("stack.yaml")).unwrap(), before);
}

#[test]
fn init_names_the_stack_after_the_folder() {
    let shell = Shell::in_folder("My_Shop");
    let said = shell.run(&["-o", "json", "init"]);
    insta::assert_snapshot!(said, @r#"
    exit 0
    {
      "file": "stack.yaml",
      "stack": "my-shop"
    }
    "#);
}

#[test]
fn validate_tells_programs_what_is_wrong_as_its_result() {
    let shell = Shell::new();
    fs::write(shell.path("bad.yaml"), "name: shop\napp: {imgae: nginx}\n").unwrap();
    insta::assert_snapshot!(shell.run(&["validate", "bad.yaml", "-o", "json"]));
    insta::assert_snapshot!(shell.run(&["validate", "bad.yaml"]));
}

#[test]
fn validate_without_a_file_points_at_init() {
    insta::assert_snapshot!(Shell::new().run(&["validate"]), @r"
    exit 1
    --- stderr
    error: there is no ./stack.yaml
    hint: name the stack file, or write a new one with `stackctl init`
    ");
}

#[test]
fn a_command_that_needs_no_file_says_how_to_name_a_stack() {
    insta::assert_snapshot!(Shell::new().run(&["destroy"]), @r"
    exit 1
    --- stderr
    error: no stack is named, there is no ./stack.yaml, and none was brought up from here
    hint: name one with --stack, or give its file
    ");
}

#[test]
fn without_a_region_the_ways_to_name_one_are_told() {
    insta::assert_snapshot!(Shell::new().run(&["status", "--stack", "shop"]), @r"
    exit 1
    --- stderr
    error: no region is set
    hint: name one with --region, `region:` in the file, or AWS_REGION
    ");
}

#[test]
fn missing_credentials_are_told_once() {
    let said = Shell::new().run(&["status", "--stack", "shop", "--region", "eu-west-1"]);
    insta::assert_snapshot!(said, @r"
    exit 1
    --- stderr
    error: cannot tell which AWS account this is
    caused by: NoCredentials: no credentials found in chain
    hint: log in with `aws configure` or `aws sso login`, or name a profile with --profile; for an emulator add --localstack
    ");
}

#[test]
fn an_endpoint_that_does_not_answer_is_told_at_once() {
    let said = Shell::new().run(&["list", "--endpoint-url", "http://127.0.0.1:9"]);
    insta::assert_snapshot!(said, @r"
    exit 1
    --- stderr
    error: nothing answers at http://127.0.0.1:9
    hint: start it, or use --localstack, which starts the bundled one
    ");
    let said = Shell::new().run(&["list", "--endpoint-url", "http://127.0.0.1:9", "-o", "json"]);
    insta::assert_snapshot!(said, @r#"
    exit 1
    --- stderr
    {"error":{"message":"nothing answers at http://127.0.0.1:9","hint":"start it, or use --localstack, which starts the bundled one"}}
    "#);
}

#[test]
fn an_environment_that_contradicts_what_is_remembered_is_refused() {
    let shell = Shell::new();
    fs::create_dir(shell.path(".stackctl")).unwrap();
    let memory = r#"{"name": "shop", "region": "eu-west-1", "endpoint": "http://127.0.0.1:9"}"#;
    fs::write(shell.path(".stackctl/current.json"), memory).unwrap();
    insta::assert_snapshot!(shell.run(&["status"]), @r"
    exit 1
    --- stderr
    error: nothing answers at http://127.0.0.1:9
    hint: `shop` was last brought up there: start the emulator again, or name another place with --endpoint-url (`aws` for AWS itself)
    ");
    let shell = shell.with("AWS_ENDPOINT_URL", "http://127.0.0.1:10");
    insta::assert_snapshot!(shell.run(&["status"]), @r"
    exit 1
    --- stderr
    error: `shop` was brought up at http://127.0.0.1:9, and the AWS configuration says http://127.0.0.1:10
    hint: unset AWS_ENDPOINT_URL, or say which is meant: --endpoint-url http://127.0.0.1:9
    ");
}

#[test]
fn an_endpoint_of_the_environment_that_is_no_url_is_refused() {
    for url in ["localhost:4566", "http://a b"] {
        let shell = Shell::new()
            .with("AWS_ENDPOINT_URL", url)
            .with("AWS_ACCESS_KEY_ID", "111122223333")
            .with("AWS_SECRET_ACCESS_KEY", "test");
        let said = shell.run(&["list", "--region", "eu-west-1"]);
        let expected = format!(
            "exit 1\n--- stderr\n\
             error: the AWS configuration's endpoint is `{url}`, which is no URL\n\
             hint: set AWS_ENDPOINT_URL to a whole URL such as http://localhost:4566, or unset it\n"
        );
        assert_eq!(said, expected);
    }
}

/// What `~/.aws/config` says, in a shell of its own.
fn configured(config: &str) -> Shell {
    let shell = Shell::new();
    fs::create_dir(shell.home(".aws")).unwrap();
    fs::write(shell.home(".aws/config"), config).unwrap();
    shell
}

#[test]
fn a_profile_that_is_not_there_is_told_before_anything_else() {
    let shell = configured("[profile dev]\nregion = eu-west-1\n").with("AWS_PROFILE", "dve");
    insta::assert_snapshot!(shell.run(&["list"]), @r"
    exit 1
    --- stderr
    error: the profile dve, which AWS_PROFILE names, is not in the AWS configuration
    hint: is it dev? There are: dev
    ");
    let said = shell.run(&["list", "--profile", "prod"]);
    assert!(said.contains("the profile prod, which --profile names"), "{said}");
}

#[test]
fn a_profile_without_a_region_says_so() {
    let shell = configured("[profile dev]\noutput = json\n");
    insta::assert_snapshot!(shell.run(&["list", "--profile", "dev"]), @r"
    exit 1
    --- stderr
    error: no region is set, and the profile dev names none
    hint: name one with --region, `region:` in the file, or AWS_REGION; or for good with `aws configure set region REGION --profile dev`
    ");
}

#[test]
fn an_sso_session_that_is_over_is_told_with_its_profile_and_the_way_back() {
    let shell = configured(
        "[profile dev]\nregion = eu-west-1\nsso_session = corp\nsso_account_id = 111122223333\n\
         sso_role_name = dev\n[sso-session corp]\nsso_region = eu-west-1\n\
         sso_start_url = https://corp.awsapps.com/start\n",
    );
    let said = shell.run(&["list", "--profile", "dev"]);
    assert!(said.contains("the profile dev gives no credentials"), "{said}");
    assert!(said.contains("hint: run `aws sso login --profile dev`"), "{said}");
}

#[test]
fn a_console_session_is_renewed_by_aws_login() {
    let shell = configured(
        "[profile dev]\nregion = eu-west-1\nlogin_session = arn:aws:iam::111122223333:user/eve\n",
    );
    let said = shell.with("AWS_PROFILE", "dev").run(&["list"]);
    assert!(said.contains("the profile dev gives no credentials"), "{said}");
    assert!(said.contains("hint: run `aws login --profile dev`"), "{said}");
}

#[test]
fn calls_go_through_the_proxy_of_the_environment() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let first = thread::spawn(move || {
        let mut first = String::new();
        // Whatever else is sent is refused in the same way, until the command gives up.
        for stream in listener.incoming().map(Result::unwrap) {
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            (&stream).write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
            if first.is_empty() {
                first = line;
                break;
            }
        }
        first
    });
    let shell = Shell::new()
        .with("HTTPS_PROXY", &proxy)
        .with("AWS_ACCESS_KEY_ID", "test")
        .with("AWS_SECRET_ACCESS_KEY", "test")
        .with("AWS_REGION", "eu-west-1");
    let said = shell.run(&["list", "--endpoint-url", "https://aws.invalid"]);
    assert_eq!(first.join().unwrap(), "CONNECT aws.invalid:443 HTTP/1.1\r\n");
    assert!(
        said.contains(&format!("hint: calls go through {proxy}, as HTTPS_PROXY says")),
        "{said}"
    );
}

#[test]
fn an_endpoint_and_a_profile_that_are_empty_are_none() {
    let said = Shell::new()
        .with("AWS_ENDPOINT_URL", "")
        .with("AWS_ENDPOINT_URL_STS", "")
        .with("AWS_PROFILE", "")
        .run(&["status", "--stack", "shop", "--region", "eu-west-1"]);
    assert!(said.contains("NoCredentials: no credentials found in chain"), "{said}");
    let list = Shell::new().with("AWS_ENDPOINT_URL", "").with("AWS_ACCESS_KEY_ID", "test");
    let list = list.with("AWS_SECRET_ACCESS_KEY", "test").with("HTTPS_PROXY", "http://127.0.0.1:9");
    let said = list.run(&["list", "--region", "eu-west-1"]);
    assert!(said.contains("calls go through http://127.0.0.1:9"), "AWS itself is asked: {said}");
}

#[test]
fn a_region_that_is_empty_is_none() {
    let said = Shell::new().with("AWS_REGION", "").run(&["list"]);
    assert!(said.contains("error: no region is set"), "{said}");
}

#[test]
fn a_memory_that_cannot_be_read_says_what_to_do_about_it() {
    let shell = Shell::new();
    fs::create_dir(shell.path(".stackctl")).unwrap();
    fs::write(shell.path(".stackctl/current.json"), "{").unwrap();
    let said = shell.run(&["status"]);
    assert!(said.contains("error: .stackctl/current.json is broken"), "{said}");
    assert!(said.contains("hint: remove it, and name the stack with --stack"), "{said}");
}

#[test]
fn without_python_the_emulator_says_what_it_needs() {
    let shell = Shell::new().with("PATH", "/nowhere");
    insta::assert_snapshot!(shell.run(&["localstack", "status"]), @r"
    exit 1
    --- stderr
    error: the emulator needs `python3`, which is not on the PATH
    hint: install Python 3.11, 3.12 or 3.13; or run LocalStack elsewhere and give its address with --endpoint-url
    ");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let shell = Shell::new();
    shell.run(&["init", "shop"]);
    let mut child =
        shell.command(&["validate"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let shell = Shell::new();
    shell.run(&["init", "shop"]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = shell.command(&["validate"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to stdout"));
}

#[test]
fn colors_appear_only_where_they_are_asked_for() {
    let shell = Shell::new();
    assert!(!shell.run(&["validate"]).contains('\u{1b}'));
    assert!(shell.run(&["validate", "--color", "always"]).contains('\u{1b}'));
}
