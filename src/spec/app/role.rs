//! The IAM role of the instances: where it stands, and what bounds it.

use serde::Serialize;

use crate::spec::Wrong;
use crate::spec::reader::Section;
use crate::spec::values::is_account;

/// The IAM role of the instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Role {
    /// The IAM path of the role and of its instance profile; begins and ends with `/`.
    pub path: String,
    /// The ARN of the managed policy that bounds what the role may do. Without one, a boundary that
    /// others set is left alone.
    pub permissions_boundary: Option<String>,
}

impl Role {
    pub(super) fn read(section: &mut Section<'_, '_>) -> Self {
        Self {
            path: section.text_or_usual("path", path),
            permissions_boundary: section.text("permissions_boundary", managed_policy),
        }
    }
}

/// `(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`, at most 512 characters (IAM API reference).
fn path(text: &str) -> Result<String, Wrong> {
    let good = text.len() <= 512 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if good && (text == "/" || text.len() > 2 && text.starts_with('/') && text.ends_with('/')) {
        return Ok(text.to_owned());
    }
    let inner = text.trim_matches('/');
    let near = format!("/{inner}/");
    Err(Wrong::new("the path of an IAM role begins and ends with `/`")
        .help("such as /teams/checkout/, without spaces and at most 512 characters")
        .fix((good && !inner.is_empty()).then(|| format!("did you mean {near}?"))))
}

pub(super) fn managed_policy(text: &str) -> Result<String, Wrong> {
    let mut parts = text.splitn(6, ':');
    let mut is = |good: &dyn Fn(&str) -> bool| parts.next().is_some_and(good);
    let partition = |part: &str| part == "aws" || part.starts_with("aws-");
    let name = |part: &str| {
        let letter = |b: u8| b.is_ascii_alphanumeric() || b"/_+=,.@-".contains(&b);
        part.strip_prefix("policy/").is_some_and(|n| !n.is_empty() && n.bytes().all(letter))
    };
    let good = is(&|part| part == "arn")
        && is(&partition)
        && is(&|part| part == "iam")
        && is(&str::is_empty)
        && is(&|part| part == "aws" || is_account(part))
        && is(&name);
    if good {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("expected the ARN of a managed policy of IAM").help(
        "such as arn:aws:iam::123456789012:policy/shop, or arn:aws:iam::aws:policy/ReadOnlyAccess",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stands_between_slashes() {
        for good in ["/", "/a/", "/teams/checkout/", &format!("/{}/", "a".repeat(510))] {
            assert!(path(good).is_ok(), "{good}");
        }
        for bad in ["", "teams", "/teams", "teams/", "//", "/a b/", "/ä/"] {
            assert!(path(bad).is_err(), "{bad}");
        }
        assert_eq!(
            path("teams/checkout").unwrap_err().fix.unwrap(),
            "did you mean /teams/checkout/?"
        );
        assert!(path(&format!("/{}/", "a".repeat(511))).is_err());
    }

    #[test]
    fn a_managed_policy_is_named_by_its_arn() {
        for good in [
            "arn:aws:iam::123456789012:policy/boundary",
            "arn:aws-us-gov:iam::123456789012:policy/teams/b_+=,.@-",
            "arn:aws:iam::aws:policy/PowerUserAccess",
        ] {
            assert!(managed_policy(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "boundary",
            "arn:aws:iam::123456789012:role/boundary",
            "arn:aws:iam::123456789012:policy/",
            "arn:aws:iam:eu-west-1:123456789012:policy/boundary",
            "arn:aws:iam::12:policy/boundary",
        ] {
            assert!(managed_policy(bad).is_err(), "{bad}");
        }
    }
}
