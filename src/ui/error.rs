//! An error as the user reads it: what failed, what caused it, what to do.

use super::{
    hints,
    paint::{BAD, FAINT, HINT, Painted},
    trouble::Trouble,
};
use crate::{aws::Failure, spec::Mistakes};
use serde::Serialize;
use std::fmt::{self, Display};

/// An error, taken apart.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What failed.
    pub message: String,
    /// What caused it, the root cause last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// AWS's code, where AWS refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Everything that is wrong with a stack's description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problems: Option<Mistakes>,
}

impl Report {
    /// Takes an error apart.
    pub fn of(error: &anyhow::Error) -> Self {
        let failure = error.chain().find_map(|e| e.downcast_ref::<Failure>());
        // As a context it stands in the chain wrapped, and only anyhow finds it there.
        let trouble = error
            .downcast_ref::<Trouble>()
            .or_else(|| error.chain().find_map(|e| e.downcast_ref::<Trouble>()));
        let mut texts: Vec<String> = error.chain().map(ToString::to_string).collect();
        // What wraps an error without adding to it says the same twice.
        texts.dedup();
        Self {
            message: texts.remove(0),
            causes: texts,
            code: failure.map(|f| f.code.clone()).filter(|code| !code.is_empty()),
            hint: trouble.map(|t| t.hint().to_owned()).or_else(|| hints::of(error)),
            problems: error.chain().find_map(|e| e.downcast_ref::<Mistakes>()).cloned(),
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Painted(BAD.bold(), "error:"), self.message)?;
        for cause in &self.causes {
            write!(f, "\n{} {cause}", Painted(FAINT, "caused by:"))?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\n{} {hint}", Painted(HINT, "hint:")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::paint::plain;
    use anyhow::Context;

    #[test]
    fn an_error_is_shown_with_its_causes_and_what_to_do() {
        let mut failure = Failure::coded("AddressLimitExceeded", "The maximum number is reached.");
        failure.request = Some("8c1e".into());
        let error = Err::<(), _>(failure).context("cannot create elastic-ip/a").unwrap_err();
        assert_eq!(
            plain(&Report::of(&error).to_string()).lines().take(2).collect::<Vec<_>>(),
            [
                "error: cannot create elastic-ip/a",
                "caused by: AddressLimitExceeded: The maximum number is reached. (request 8c1e)",
            ]
        );
        assert!(Report::of(&error).hint.unwrap().contains("quota"));
    }

    #[test]
    fn a_trouble_brings_its_own_hint() {
        let error = anyhow::Error::from(Trouble::new("it is closed", "open it")).context("cannot");
        assert_eq!(Report::of(&error).hint.as_deref(), Some("open it"));
    }

    #[test]
    fn a_trouble_that_is_the_context_of_another_error_brings_its_hint() {
        let error = anyhow::anyhow!("a hinge").context(Trouble::new("it is closed", "open it"));
        assert_eq!(Report::of(&error).hint.as_deref(), Some("open it"));
        let error = error.context("cannot enter");
        assert_eq!(Report::of(&error).hint.as_deref(), Some("open it"));
    }

    #[test]
    fn an_error_without_a_remedy_has_no_hint() {
        assert_eq!(Report::of(&anyhow::anyhow!("odd")).hint, None);
    }
}
