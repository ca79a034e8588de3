//! The instances, what runs on them, and how their health is judged.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::reader::Section;
use super::values::split_type;
use super::{Seconds, Wrong};

mod image;
mod role;
mod statements;
mod variables;

pub use role::Role;

pub use variables::secret_of;
pub(super) use variables::{BUDGET, is_secret_arn};

/// The instances and what runs on them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct App {
    /// The container image, the same on every instance.
    pub image: String,
    /// The port the app listens on.
    pub port: u16,
    /// How many instances there are, 1 to 100.
    pub instances: u16,
    /// How many instances are replaced at a time, 1 to `instances`.
    pub surge: u16,
    /// The EC2 instance type, `family.size`.
    pub instance_type: String,
    /// The AMI; without one, the newest Amazon Linux 2023, looked up once, at creation.
    pub ami: Option<String>,
    /// Environment variables of the app.
    pub env: BTreeMap<String, String>,
    /// Environment variables whose values AWS keeps: name to ARN, with `:KEY::` behind it for one
    /// value of a JSON object.
    pub secrets: BTreeMap<String, String>,
    /// The ARN of the secret with the user name and the password of the image's registry.
    pub registry_secret: Option<String>,
    /// What the container runs in place of the image's own command; empty where that stays.
    pub command: Vec<String>,
    /// The IAM role of the instances.
    pub role: Role,
    /// The ARNs of managed policies that the role gets, at most 10.
    pub policies: Vec<String>,
    /// What else the role grants, as statements of IAM policies, with their elements as IAM spells
    /// them.
    pub statements: Vec<Value>,
    /// How the load balancer finds out which instances can serve.
    pub health_check: HealthCheck,
}

/// The processor architecture of an instance type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// Intel and AMD.
    X86_64,
    /// Graviton.
    Arm64,
}

impl Architecture {
    /// As AWS spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

/// How the load balancer finds out which instances can serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthCheck {
    /// The path asked for; begins with `/`.
    pub path: String,
    /// Time between two checks, 5 to 300 s.
    pub interval: Seconds,
    /// Time after which a check has failed, 2 to 120 s and shorter than the interval.
    pub timeout: Seconds,
    /// Checks passed in a row that make an instance healthy, 2 to 10.
    pub healthy_threshold: u8,
    /// Checks failed in a row that make an instance unhealthy, 2 to 10.
    pub unhealthy_threshold: u8,
    /// The HTTP codes that pass, as AWS takes them: `200`, `200,302`, `200-299`.
    pub matcher: String,
}

impl App {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            image: section.text("image", image::reference).unwrap_or_default(),
            port: section.number_or_usual("port"),
            instances: section.number_or_usual("instances"),
            surge: section.number_or_usual("surge"),
            instance_type: section.text_or_usual("instance_type", instance_type),
            ami: section.text("ami", ami),
            env: section.names("env", variables::check_name, variables::check_value),
            secrets: section.names(
                "secrets",
                variables::check_secret_name,
                variables::check_secret,
            ),
            registry_secret: section.text("registry_secret", variables::registry_secret),
            command: section.texts("command", command_word).unwrap_or_default(),
            role: section.section("role", Role::read),
            policies: section.texts("policies", role::managed_policy).unwrap_or_default(),
            statements: section.items("statements", statements::read),
            health_check: section.section("health_check", HealthCheck::read),
        }
    }

    /// How many bytes the environment takes in the file the app is started with.
    pub(super) fn environment_size(&self) -> usize {
        self.env.iter().chain(&self.secrets).map(|(name, value)| name.len() + value.len() + 3).sum()
    }

    /// The architecture of the instance type, and so of the AMI and the image.
    pub fn architecture(&self) -> Architecture {
        let family = self.instance_type.split('.').next().unwrap_or_default();
        let generation = family.trim_start_matches(|c: char| !c.is_ascii_digit());
        let attributes = generation.trim_start_matches(|c: char| c.is_ascii_digit());
        // Graviton families carry a `g` right behind the generation; `a1` is the first of them.
        if family == "a1" || attributes.starts_with('g') {
            Architecture::Arm64
        } else {
            Architecture::X86_64
        }
    }
}

impl HealthCheck {
    fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            path: section.text_or_usual("path", path),
            interval: section.duration("interval"),
            timeout: section.duration("timeout"),
            healthy_threshold: section.number_or_usual("healthy_threshold"),
            unhealthy_threshold: section.number_or_usual("unhealthy_threshold"),
            matcher: section.text_or_usual("matcher", matcher),
        }
    }
}

fn instance_type(text: &str) -> Result<String, Wrong> {
    let wrong = Wrong::new("expected an EC2 instance type: a family and a size")
        .help("such as t4g.small, m7g.large, c7i.xlarge");
    let Some((family, size)) = split_type(text) else {
        let small = text.to_lowercase();
        let near = match text.split_once('.') {
            Some(("db" | "cache", rest)) => Some(rest.to_owned()),
            None => Some(format!("{text}.small")),
            Some(_) => Some(small),
        };
        let near = near.filter(|near| split_type(near).is_some() && near != text);
        return Err(wrong.fix(near.map(|near| format!("did you mean {near}?"))));
    };
    let burstable = family.starts_with('t') && !family.starts_with("trn");
    if burstable
        && !matches!(size, "nano" | "micro" | "small" | "medium" | "large" | "xlarge" | "2xlarge")
    {
        return Err(Wrong::new("the t families end at 2xlarge")
            .help("larger instances are in the m, c and r families, such as m7g.4xlarge"));
    }
    if family.starts_with("mac") {
        return Err(
            Wrong::new("mac instances run on dedicated hosts only").help("take another family")
        );
    }
    Ok(text.to_owned())
}

/// Who may describe an instance may read its user data, which holds the command.
fn command_word(text: &str) -> Result<String, Wrong> {
    if text.contains('\0') {
        return Err(Wrong::new("a word of a command cannot hold a NUL character"));
    }
    Ok(text.to_owned())
}

fn ami(text: &str) -> Result<String, Wrong> {
    let id = text.strip_prefix("ami-").unwrap_or_default();
    let hex = id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if (8..=17).contains(&id.len()) && hex {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("expected the id of an AMI: `ami-` and 8 to 17 hexadecimal digits")
        .help("leave the key out to get the newest Amazon Linux 2023"))
}

fn path(text: &str) -> Result<String, Wrong> {
    if !text.starts_with('/') {
        return Err(
            Wrong::new("a path begins with `/`").help("only the path, without host and port")
        );
    }
    if text.len() > 1_024 {
        return Err(Wrong::new("a health check path has at most 1024 characters"));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Wrong::new("a path has no spaces and no characters beyond ASCII")
            .help("write them percent-encoded, such as %20"));
    }
    Ok(text.to_owned())
}

fn matcher(text: &str) -> Result<String, Wrong> {
    let code = |code: &str| {
        let good = code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit());
        code.parse::<u16>().ok().filter(|code| good && (200..=499).contains(code))
    };
    let good = text.split(',').all(|part| match part.split_once('-') {
        Some((from, to)) => code(from).zip(code(to)).is_some_and(|(from, to)| from <= to),
        None => code(part).is_some(),
    });
    if good {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("expected HTTP codes from 200 to 499")
        .help("such as 200, \"200,302\", \"200-299\""))
}

#[cfg(test)]
mod tests;
