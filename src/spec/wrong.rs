//! A rule that was broken, in words, without a place.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// What is wrong with a value, and what would be right.
///
/// Neither text quotes the value itself: it may have come from the environment and be secret.
/// Whoever knows the place shows the line as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// What is wrong, as a lower-case fragment.
    pub says: Cow<'static, str>,
    /// What would be right.
    pub help: Option<Cow<'static, str>>,
    /// A better help made out of the value; shown only where the value itself may be.
    #[serde(skip)]
    pub(super) fix: Option<String>,
}

impl Wrong {
    /// Something is wrong.
    pub fn new(says: impl Into<Cow<'static, str>>) -> Self {
        Self { says: says.into(), help: None, fix: None }
    }

    /// Adds what would be right.
    #[must_use]
    pub fn help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what would be right, in words that repeat parts of the value.
    #[must_use]
    pub(super) fn fix(mut self, fix: Option<String>) -> Self {
        self.fix = fix;
        self
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Wrong {}
