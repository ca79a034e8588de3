//! The boot script: what an instance runs first, so that it becomes one that serves the app.

use minijinja::{Environment, value::Serde};
use serde::Serialize;

const TEMPLATE: &str = include_str!("../../templates/user-data.sh");

/// What the boot script of an instance is made from. Nothing here is secret: whoever may describe
/// an instance may read its user data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Boot {
    /// The stack's name.
    pub stack: String,
    /// The region that the parameter is in.
    pub region: String,
    /// The app image, as `docker pull` takes it.
    pub image: String,
    /// The port that the app listens on, inside the container and outside.
    pub port: u16,
    /// The name of the SSM parameter that holds the app's environment.
    pub parameter: String,
    /// The generation of the environment that the app is to be started with: the instance waits
    /// until the parameter's first line says it.
    pub generation: String,
    /// The ARN of the secret with the user name and the password of the image's registry; "" where
    /// there is none.
    pub registry_secret: String,
    /// What the container runs in place of the image's own command; empty where that stays.
    pub command: Vec<String>,
}

/// The boot script, a script for cloud-init on Amazon Linux 2023.
///
/// # Panics
/// When the template is broken, which its tests rule out.
pub fn user_data(boot: &Boot) -> String {
    let mut templates = Environment::new();
    templates.add_filter("shell", |value: &str| quoted(value));
    templates.add_filter("words", |words: Vec<String>| {
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    });
    let script = templates.render_str(TEMPLATE, Serde(boot));
    script.expect("the template is part of the program and tested") + "\n"
}

/// One word to a shell, whatever is in it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::instance::USER_DATA_LIMIT;

    fn boot() -> Boot {
        Boot {
            stack: "shop".into(),
            region: "eu-west-1".into(),
            image: "ghcr.io/acme/shop:1.4.2".into(),
            port: 3000,
            parameter: "/stackctl/shop/app/env".into(),
            generation: "0123456789abcdef".into(),
            registry_secret: String::new(),
            command: vec!["serve".into(), "--greeting=it's me".into()],
        }
    }

    #[test]
    fn every_value_stands_in_the_script_as_one_word() {
        let script = user_data(&boot());
        assert!(script.starts_with("#!/bin/bash\n") && script.ends_with("esac\n"));
        for line in [
            "stack='shop'",
            "region='eu-west-1'",
            "image='ghcr.io/acme/shop:1.4.2'",
            "port=3000",
            "parameter='/stackctl/shop/app/env'",
            "generation='0123456789abcdef'",
            "registry_secret=''",
            r"command=('serve' '--greeting=it'\''s me')",
        ] {
            assert!(script.lines().any(|l| l == line), "{line}");
        }
        assert!(!script.contains("{{ ") && !script.contains("{%"), "nothing is left to fill in");
    }

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        let image = "it's; $(reboot) `reboot` \"x\" \\ {{ port }}".to_owned();
        let script = user_data(&Boot { image, ..boot() });
        let line = r#"image='it'\''s; $(reboot) `reboot` "x" \ {{ port }}'"#;
        assert!(script.lines().any(|l| l == line));
    }

    #[test]
    fn the_script_fits_the_limit_of_user_data_with_room_to_spare() {
        let longest = "x".repeat(2048);
        let script = user_data(&Boot { image: longest.clone(), parameter: longest, ..boot() });
        assert!(script.len() <= USER_DATA_LIMIT, "{}", script.len());
    }
}
