//! The lines a user wrote, kept so that messages can show them.

use super::mistakes::Place;

/// A stretch of one of the texts that make up a stack's description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    /// Which text: 0 is the file, the others are `--set` arguments.
    pub(super) text: usize,
    /// The line, from 1.
    pub(super) line: usize,
    /// The column, from 1, in characters.
    pub(super) column: usize,
    /// How many characters; it may reach beyond the line.
    pub(super) length: usize,
}

/// A text and the name it goes by in messages.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// `stack.yaml`, or `--set`.
    pub(super) name: String,
    lines: Vec<String>,
}

/// The longest line that is read. Hostile ones would make every message about them costly.
pub(super) const LONGEST: usize = 8_192;

impl Text {
    /// The name, and the first line that is longer than any line of a stack file.
    pub(super) fn endless_line(&self) -> Option<(&str, usize)> {
        let long = |line: &String| line.chars().count() > LONGEST;
        Some((&self.name, self.lines.iter().position(long)? + 1))
    }

    pub(super) fn new(name: impl Into<String>, text: &str) -> Self {
        // YAML ends a line at a lone carriage return too.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let lines = text.lines().map(ToOwned::to_owned).collect();
        Self { name: name.into(), lines }
    }

    /// The same place, narrowed to the first `words` found from its beginning on.
    pub(super) fn narrow(&self, at: At, words: &str) -> At {
        let Some(line) = self.lines.get(at.line - 1) else { return at };
        let from = line.char_indices().nth(at.column - 1).map_or(line.len(), |(index, _)| index);
        match line[from..].find(words) {
            Some(found) => At {
                column: at.column + line[from..from + found].chars().count(),
                length: words.chars().count(),
                ..at
            },
            None => at,
        }
    }

    /// Makes a stretch unreadable, whatever is later said about its lines.
    pub(super) fn hide(&mut self, at: At) {
        let mut left = at.length;
        let mut column = at.column - 1;
        for line in self.lines.iter_mut().skip(at.line - 1) {
            if left == 0 {
                break;
            }
            let end = column.saturating_add(left);
            let hidden = |(index, c): (usize, char)| {
                if (column..end).contains(&index) && !c.is_whitespace() { '*' } else { c }
            };
            let length = line.chars().count();
            *line = line.chars().enumerate().map(hidden).collect();
            // The line break counts as a character too.
            left = left.saturating_sub(length.saturating_sub(column) + 1);
            column = 0;
        }
    }

    /// Makes everything unreadable that looks as if it stood below a key, in a text that is not
    /// YAML and so has no places.
    pub(super) fn hide_below(&mut self, key: &str) {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let mut inside: Option<usize> = None;
        for line in &mut self.lines {
            let blank = line.trim().is_empty();
            if inside.is_some_and(|outer| !blank && indent(line) <= outer) {
                inside = None;
            }
            let name = match inside {
                Some(_) => line.find(": ").map_or(0, |colon| colon + 2),
                None => match line.find(key) {
                    Some(found) => {
                        inside = Some(indent(line));
                        found + key.len()
                    }
                    None => continue,
                },
            };
            let hidden = line[name..].chars().map(|c| if c.is_whitespace() { c } else { '*' });
            *line = line[..name].chars().chain(hidden).collect();
        }
    }

    /// The place as it is shown: its line, and how much of the line is meant.
    pub(super) fn place(&self, at: At) -> Place {
        let line = self.lines.get(at.line - 1).map_or("", String::as_str);
        let text = harmless(line);
        let room = text.trim_end().chars().count().saturating_sub(at.column - 1);
        Place { line: at.line, column: at.column, length: at.length.min(room).max(1), text }
    }
}

/// The text without what could move the cursor of the reader's terminal or turn the direction of
/// its words around; every character keeps its column.
pub(super) fn harmless(text: &str) -> String {
    let turns = |c| matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: At = At { text: 0, line: 1, column: 4, length: 20 };

    #[test]
    fn a_place_never_reaches_beyond_its_line() {
        let place = Text::new("f", "a: [1,\n 2]").place(AT);
        assert_eq!((place.column, place.length), (4, 3));
    }

    #[test]
    fn what_is_hidden_over_several_lines_cannot_be_read() {
        let mut text = Text::new("f", "a: one\n  two # c\nb: three");
        text.hide(At { length: 9, ..AT });
        assert_eq!(text.lines, ["a: ***", "  *** # c", "b: three"]);
    }

    #[test]
    fn what_looks_like_a_section_is_hidden_to_its_end() {
        let mut text =
            Text::new("f", "a:\n  secrets:\n    B: c d\n\n    e\n  f: g\nsecrets: {H: i}");
        text.hide_below("secrets:");
        let hidden = ["a:", "  secrets:", "    B: * *", "", "    *", "  f: g", "secrets: *** **"];
        assert_eq!(text.lines, hidden);
    }

    #[test]
    fn control_characters_are_not_shown() {
        assert_eq!(Text::new("f", "a: \u{1b}[2J").place(AT).text, "a:  [2J");
    }

    #[test]
    fn characters_that_turn_the_direction_of_words_are_not_shown() {
        assert_eq!(harmless("a\u{202e}b\u{2066}c\u{2028}\u{e9}"), "a b c \u{e9}");
    }
}
