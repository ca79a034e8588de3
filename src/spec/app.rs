//! The instances, what runs on them, and how their health is judged.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Seconds;

/// The instances and what runs on them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct App {
    /// The container image, the same on every instance.
    pub image: String,
    /// The port the app listens on.
    pub port: u16,
    /// How many instances there are, 1 to 100.
    pub instances: u16,
    /// The EC2 instance type, `family.size`.
    pub instance_type: String,
    /// The AMI; without one, the newest Amazon Linux 2023, looked up once, at creation.
    pub ami: Option<String>,
    /// Environment variables of the app.
    pub env: BTreeMap<String, String>,
    /// Environment variables whose values AWS keeps: name to ARN.
    pub secrets: BTreeMap<String, String>,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn architecture(instance_type: &str) -> Architecture {
        let app = App {
            image: "shop".into(),
            port: 80,
            instances: 1,
            instance_type: instance_type.into(),
            ami: None,
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            health_check: HealthCheck {
                path: "/".into(),
                interval: Seconds(15),
                timeout: Seconds(5),
                healthy_threshold: 2,
                unhealthy_threshold: 2,
                matcher: "200".into(),
            },
        };
        app.architecture()
    }

    #[test]
    fn graviton_families_are_arm() {
        for family in
            ["a1", "t4g", "m6g", "m6gd", "c7gn", "r8g", "x2gd", "im4gn", "is4gen", "g5g", "hpc7g"]
        {
            assert_eq!(architecture(&format!("{family}.large")), Architecture::Arm64, "{family}");
        }
    }

    #[test]
    fn intel_and_amd_families_are_x86() {
        for family in
            ["t3", "t3a", "m7i", "m7i-flex", "c5n", "g4dn", "g6e", "gr6", "p4de", "x2iezn", "i4i"]
        {
            assert_eq!(architecture(&format!("{family}.large")), Architecture::X86_64, "{family}");
        }
    }
}
