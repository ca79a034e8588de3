//! Everything that is wrong with a stack's description, shown with the lines it is about.

use std::fmt;

use serde::Serialize;

use super::plural;

/// All problems of one stack's description; at least one.
///
/// Displayed as a heading, then each problem with its line and a caret under what is meant;
/// serialised as the list of problems.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistakes {
    /// The file, as the user named it.
    pub file: String,
    /// What is wrong, in the order of the file; the first hundred.
    pub problems: Vec<Problem>,
    /// How many problems there are beyond those.
    pub more: usize,
}

impl Mistakes {
    /// A single problem with a whole text.
    pub(super) fn one(file: &str, text: &str, says: String, help: &str) -> Self {
        let help = Some(help.to_owned()).filter(|help| !help.is_empty());
        let problem = Problem { file: text.to_owned(), at: None, key: String::new(), says, help };
        Self { file: file.to_owned(), problems: vec![problem], more: 0 }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where it was written: a file's name, or `--set`.
    pub file: String,
    /// Where in the file; `None` when the file as a whole is meant, or something is missing in it.
    #[serde(flatten)]
    pub at: Option<Place>,
    /// The key it is about, from the top of the file: `app.health_check.path`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// What is wrong.
    pub says: String,
    /// What would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A stretch of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// How many characters, at least 1.
    pub length: usize,
    /// The whole line, as the user wrote it; only misplaced secrets are blotted out.
    pub text: String,
}

/// The widest line that is shown uncut.
const WIDTH: usize = 100;

impl Place {
    /// The line and the column of the caret in it, cut to what a terminal holds.
    fn excerpt(&self) -> (String, usize) {
        let text = self.text.trim_end();
        let skip = if text.chars().count() <= WIDTH { 0 } else { self.column.saturating_sub(40) };
        let mut shown: String = text.chars().skip(skip).take(WIDTH).collect();
        if text.chars().count() > skip + WIDTH {
            shown.push('…');
        }
        if skip > 0 {
            shown.insert(0, '…');
        }
        (shown, self.column - skip + usize::from(skip > 0))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(place) = &self.at else {
            write!(f, "{}: {}", self.file, self.says)?;
            return self.help.iter().try_for_each(|help| write!(f, "\n  = help: {help}"));
        };
        let (text, column) = place.excerpt();
        let number = place.line.to_string();
        let margin = " ".repeat(number.len());
        let blank = " ".repeat(column - 1);
        let caret =
            "^".repeat(place.length.min(text.chars().count().saturating_sub(column - 1)).max(1));
        writeln!(f, "{}:{number}:{}: {}", self.file, place.column, self.says)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {text}")?;
        write!(f, "{margin} | {blank}{caret}")?;
        self.help.iter().try_for_each(|help| write!(f, "\n{margin} = help: {help}"))
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len() + self.more;
        write!(f, "{} in {}", plural(count, "problem"), self.file)?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n\n{problem}"))?;
        if self.more > 0 {
            write!(f, "\n\n… and {}", plural(self.more, "further problem"))?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str, column: usize, length: usize) -> Problem {
        Problem {
            file: "stack.yaml".into(),
            at: Some(Place { line: 12, column, length, text: text.into() }),
            key: String::new(),
            says: "it is wrong".into(),
            help: None,
        }
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let shown =
            problem(&format!("a: {}HERE{}", "x".repeat(300), "y".repeat(300)), 304, 4).to_string();
        let lines: Vec<&str> = shown.lines().collect();
        let caret = lines[3].find('^').unwrap();
        let above: String = lines[2].chars().skip(caret).take(4).collect();
        assert_eq!(above, "HERE");
        assert!(lines[2].chars().count() < 120, "{shown}");
    }

    #[test]
    fn a_caret_counts_characters_and_not_bytes() {
        let shown = problem("ä: ö", 4, 1).to_string();
        assert!(shown.ends_with("12 | ä: ö\n   |    ^"), "{shown}");
    }
}
