//! The few styles there are.

use anstyle::{AnsiColor, Style};
use std::fmt::{self, Display};

/// Something that comes about, or is well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Something that changes, or wants attention.
pub const CARE: Style = AnsiColor::Yellow.on_default();
/// Something that goes, or has failed.
pub const BAD: Style = AnsiColor::Red.on_default();
/// Something that is asked for or pointed at.
pub const HINT: Style = AnsiColor::Cyan.on_default();
/// What a reader looks for first.
pub const STRONG: Style = Style::new().bold();
/// What a reader may skip.
pub const FAINT: Style = Style::new().dimmed();

/// A text in a style. The streams of this room take the style away where it is not wanted.
pub struct Painted<T>(pub Style, pub T);

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.0, self.1, self.0.render_reset())
    }
}

/// The same text without any styles.
pub fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
