//! A failure together with what to do about it.

use std::fmt;

/// What went wrong, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    says: String,
    hint: String,
}

impl Trouble {
    /// `says` is a lower-case fragment, `hint` names the next thing to do.
    pub fn new(says: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { says: says.into(), hint: hint.into() }
    }

    /// The next thing to do.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)
    }
}

impl std::error::Error for Trouble {}
