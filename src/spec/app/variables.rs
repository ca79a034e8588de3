//! Environment variables of the app: their names, their values, and the ARNs of secret ones.

use crate::spec::Wrong;
use crate::spec::environment::is_name;
use crate::spec::values::Arn;

/// The variables that stackctl sets itself.
const OURS: [&str; 12] = [
    "AWS_REGION",
    "DATABASE_HOST",
    "DATABASE_NAME",
    "DATABASE_PORT",
    "DATABASE_SECRET_ARN",
    "DATABASE_SSLMODE",
    "DATABASE_USER",
    "MEMCACHED_SERVERS",
    "MEMCACHED_TLS",
    "PORT",
    "REDIS_URL",
    "SESSION_STORE",
];

/// Variables that the shell or Docker's client go by, or that a shell cannot set.
const THEIRS: [&str; 14] = [
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HOME",
    "IFS",
    "LANG",
    "PATH",
    "POSIXLY_CORRECT",
    "PPID",
    "PS4",
    "SHELLOPTS",
    "TMPDIR",
    "UID",
    "_",
];

/// The most bytes of environment; with what stackctl adds it fills an SSM parameter of 4 KB.
pub(crate) const BUDGET: usize = 3 * 1_024;

pub(super) fn check_name(name: &str) -> Result<(), Wrong> {
    if !is_name(name) {
        return Err(Wrong::new("this cannot be the name of an environment variable")
            .help("letters, digits and `_`, not beginning with a digit"));
    }
    if OURS.contains(&name) {
        return Err(Wrong::new(format!("stackctl sets `{name}` itself"))
            .help("take the line away, or choose another name"));
    }
    Ok(())
}

/// A secret's variable is in the environment of the shell and of the Docker client that start the
/// app, too.
pub(super) fn check_secret_name(name: &str) -> Result<(), Wrong> {
    check_name(name)?;
    let begins = ["BASH", "DOCKER_", "LD_"].iter().any(|begin| name.starts_with(begin));
    if begins || THEIRS.contains(&name) {
        return Err(Wrong::new(format!(
            "`{name}` means something to the shell or to Docker itself"
        ))
        .help("choose another name for this secret, and let the app read that"));
    }
    Ok(())
}

pub(super) fn check_value(value: &str) -> Result<(), Wrong> {
    if value.contains(['\n', '\r', '\0']) {
        return Err(Wrong::new("an environment variable has one line here")
            .help("encode the text, for instance as base64, or keep it as a secret"));
    }
    // "You can't include values wrapped in double brackets" (Systems Manager, PutParameter).
    if value.contains("{{") {
        return Err(Wrong::new("Systems Manager takes no value with `{{`").help(
            "write it otherwise, encode it, for instance as base64, or keep it as a secret",
        ));
    }
    Ok(())
}

pub(super) fn registry_secret(value: &str) -> Result<String, Wrong> {
    check_secret(value)?;
    if secret_of(value) != value {
        return Err(Wrong::new("the whole secret is read here, without a key behind its ARN")
            .help("it is a JSON object: {\"username\": …, \"password\": …}"));
    }
    Ok(value.to_owned())
}

/// The ARN of the secret that an ARN leads to, which may have `:KEY::` behind it, as ECS has it, for
/// one value of a JSON object.
pub fn secret_of(arn: &str) -> &str {
    let is_key = |key: &str| !key.is_empty() && !key.contains(':');
    let parts = arn.strip_suffix("::").and_then(|rest| rest.rsplit_once(':'));
    match parts {
        Some((secret, key)) if is_key(key) && secret.matches(':').count() == 6 => secret,
        _ => arn,
    }
}

pub(super) fn check_secret(value: &str) -> Result<(), Wrong> {
    if is_secret_arn(value) {
        if ends_early(secret_of(value)) {
            return Err(Wrong::new(
                "this ARN lacks the 6 characters that Secrets Manager adds to a name",
            )
            .help(
                "the role is granted exactly this ARN: write the whole one, as `aws \
                     secretsmanager describe-secret` tells it",
            ));
        }
        return Ok(());
    }
    Err(Wrong::new("the value of a secret is never written here, only its ARN")
        .help("store it with `aws secretsmanager create-secret` and write the ARN it answers with"))
}

/// Whether this names a secret of Secrets Manager or a parameter of SSM.
pub(crate) fn is_secret_arn(text: &str) -> bool {
    let word = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+=.@!-".contains(&b))
    };
    Arn::read(secret_of(text)).is_some_and(|arn| match arn.service {
        "secretsmanager" => arn.resource.strip_prefix("secret:").is_some_and(word),
        "ssm" => arn.resource.strip_prefix("parameter/").is_some_and(word),
        _ => false,
    })
}

/// Whether it is the ARN of a secret of Secrets Manager without its end, `-AbCdEf`. Calls take it
/// so, but policies don't: they are held against the whole ARN.
fn ends_early(arn: &str) -> bool {
    let of_a_secret = Arn::read(arn).is_some_and(|arn| arn.service == "secretsmanager");
    let end = arn.rsplit_once('-').map_or("", |(_, end)| end);
    of_a_secret && !(end.len() == 6 && end.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_that_are_set_anyway_cannot_be_set() {
        assert!(check_name("LOG_LEVEL").is_ok());
        assert!(check_name("_x1").is_ok());
        for bad in ["PORT", "REDIS_URL", "AWS_REGION", "1A", "A-B", "A B", "", "É"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_variables_of_the_shell_and_of_docker_are_no_secrets() {
        assert!(check_secret_name("STRIPE_KEY").is_ok());
        for bad in ["PATH", "LD_PRELOAD", "DOCKER_HOST", "BASH_ENV", "UID", "PORT"] {
            assert!(check_secret_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_registrys_secret_is_read_whole() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hub-AbCdEf";
        assert_eq!(registry_secret(arn).unwrap(), arn);
        assert!(registry_secret(&format!("{arn}:password::")).is_err());
        assert_eq!(secret_of(&format!("{arn}:password::")), arn);
    }

    #[test]
    fn a_value_is_one_line() {
        assert!(check_value("a \"quoted\" $value #1").is_ok());
        for bad in ["a\nb", "a\r", "a\0b"] {
            assert!(check_value(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_systems_manager_refuses_is_refused() {
        for good in ["{a}", "{ {a} }", "}}", r#"{"a":{"b":1}}"#] {
            assert!(check_value(good).is_ok(), "{good}");
        }
        for bad in ["{{.Time}} {{.Msg}}", "{{resolve:ssm:/shop/dsn}}", "a{{", "{{{a}}}"] {
            assert!(check_value(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_an_arn_and_its_value_is_not_repeated() {
        for good in [
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/stripe-AbCdEf",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-1234-AbCdEf",
            "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/shop/stripe",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/all-AbCdEf:stripe::",
        ] {
            assert!(check_secret(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "hunter2",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/hunter2",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hunter2-AbCdE",
            "arn:aws:s3:::hunter2",
            "arn:aws:secretsmanager:eu-west-1:1:secret:hunter2",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hunter2-AbCdEf:::",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hunter2-AbCdEf:key",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hunter2-AbCdEf:key:stage:",
            "arn:aws:ssm:eu-west-1:123456789012:parameter/hunter2:key::",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a b",
            "arn:aws:ssm:eu-west-1:123456789012:document/hunter2",
        ] {
            let wrong = check_secret(bad).unwrap_err();
            assert!(!format!("{wrong:?}").contains("hunter2"));
        }
    }
}
