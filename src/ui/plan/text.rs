//! A plan for people: grouped, changes in full, new things in one line.

use super::{
    Deed, Line, Note, Place, Shown, Summary,
    difference::{WIDEST_VALUE, told},
    telling::{GROUPS, speaks_for_itself, telling},
};
use crate::{
    engine::Change,
    sessions::{Advice, Impact, Level},
    ui::{
        paint::{BAD, CARE, FAINT, GOOD, HINT, Painted, STRONG},
        words::{about, cut},
    },
};
use anstyle::Style;
use std::{
    fmt::{self, Display},
    time::Duration,
};

/// Names of things that are alike share lines of this width.
const WIDEST_LIST: usize = 90;

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stack, region, account, endpoint } = self;
        write!(f, "{} in {region}, account {account}", Painted(STRONG, stack))?;
        endpoint.iter().try_for_each(|endpoint| write!(f, ", at {endpoint}"))
    }
}

impl Deed {
    fn symbol(self) -> Painted<&'static str> {
        match self {
            Self::Create => Painted(GOOD, "+"),
            Self::Update => Painted(CARE, "~"),
            Self::Replace => Painted(BAD, "±"),
            Self::Delete => Painted(BAD, "-"),
            Self::Await => Painted(HINT, "…"),
        }
    }
}

impl Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.place)?;
        for (heading, kinds) in GROUPS {
            let mut lines: Vec<&Line> =
                self.lines.iter().filter(|l| kinds.contains(&l.address.kind)).collect();
            lines.sort_by_key(|l| kinds.iter().position(|kind| *kind == l.address.kind));
            write_group(f, heading, &lines, self.goes_on())?;
        }
        let others: Vec<&Line> = self
            .lines
            .iter()
            .filter(|l| GROUPS.iter().all(|(_, kinds)| !kinds.contains(&l.address.kind)))
            .collect();
        write_group(f, "other", &others, self.goes_on())?;
        write_notes(f, "to be known", CARE, &self.notes)?;
        write_notes(f, "in the way", BAD, &self.obstacles)?;
        let verdict = (self.in_use && self.changes).then(|| verdict(self.worst));
        if verdict.is_some() || self.mode.is_some() || !self.warnings.is_empty() {
            writeln!(f, "\n{}", Painted(STRONG, "sessions"))?;
            self.mode.iter().try_for_each(|mode| writeln!(f, "  {mode}"))?;
            verdict.iter().try_for_each(|verdict| writeln!(f, "  {verdict}"))?;
            self.warnings.iter().try_for_each(|advice| write_advice(f, advice))?;
        }
        write!(f, "\n{}", self.summary)?;
        self.monthly.iter().try_for_each(|monthly| {
            let prices = format!("(list prices of us-east-1 of {}, no traffic)", monthly.prices_of);
            write!(f, "\n{monthly} {}", Painted(FAINT, prices))
        })
    }
}

/// What is told of sessions, with the code by which it is explained and allowed.
fn write_advice(f: &mut fmt::Formatter<'_>, advice: &Advice) -> fmt::Result {
    match advice {
        Advice { rule: Some(rule), allowed: Some(reason), .. } => {
            writeln!(f, "  {}", Painted(FAINT, format_args!("allowed: {} ({reason})", rule.code())))
        }
        Advice { rule: Some(rule), says, .. } => {
            writeln!(f, "  {says} {}", Painted(FAINT, format_args!("[{}]", rule.code())))
        }
        Advice { rule: None, says, .. } => writeln!(f, "  {says}"),
    }
}

fn write_notes(
    f: &mut fmt::Formatter<'_>,
    heading: &str,
    style: Style,
    notes: &[Note],
) -> fmt::Result {
    if notes.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{}", Painted(STRONG, heading))?;
    notes.iter().try_for_each(|note| {
        writeln!(f, "  {} {}: {}", Painted(style, "!"), note.address, note.text)
    })
}

/// A heading and what stands below it. Of what is deleted the ids are told where the stack goes on:
/// there another one may have the same name.
fn write_group(
    f: &mut fmt::Formatter<'_>,
    heading: &str,
    lines: &[&Line],
    with_ids: bool,
) -> fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{}", Painted(STRONG, heading))?;
    let mut rest = lines;
    while let Some((first, others)) = rest.split_first() {
        let alike = others.iter().take_while(|other| other.is_like(first)).count();
        let with_id = |line: &&Line| match &line.id {
            Some(id) if with_ids => format!("{} ({id})", line.address.name),
            _ => line.address.name.to_string(),
        };
        let names: Vec<String> = rest[..=alike].iter().map(with_id).collect();
        first.write(f, &names)?;
        rest = &others[alike..];
    }
    Ok(())
}

impl Line {
    /// Whether one line can stand for both.
    fn is_like(&self, other: &Self) -> bool {
        matches!(self.action, Deed::Create | Deed::Delete | Deed::Await)
            && (self.action, self.address.kind) == (other.action, other.address.kind)
            && self.notes.is_empty()
            && other.notes.is_empty()
            && self.impact == other.impact
            && self.telling() == other.telling()
    }

    /// What tells a new resource from others of its kind.
    fn telling(&self) -> String {
        if self.action != Deed::Create {
            return String::new();
        }
        let change = |name: &&str| self.changes.iter().find(|c| c.attribute == *name);
        let shown =
            telling(self.address.kind).iter().filter_map(change).filter(|c| c.to != "(none)");
        let value = |c: &Change| {
            if speaks_for_itself(c.attribute) {
                cut(&c.to, WIDEST_VALUE)
            } else {
                format!("{}: {}", c.attribute, cut(&c.to, WIDEST_VALUE))
            }
        };
        shown.map(value).collect::<Vec<_>>().join(", ")
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, names: &[String]) -> fmt::Result {
        let indent = "  ";
        for (at, list) in wrapped(names).iter().enumerate() {
            match at {
                0 => write!(f, "{indent}{} {}/{list}", self.action.symbol(), self.address.kind)?,
                _ => write!(f, "\n{indent}{indent}{indent}{list}")?,
            }
        }
        if let Some(order) = self.order {
            write!(f, " {}", Painted(BAD, format_args!("(replaced, {order})")))?;
        }
        let telling = self.telling();
        if !telling.is_empty() {
            write!(f, "  {}", Painted(FAINT, telling))?;
        }
        writeln!(f)?;
        if matches!(self.action, Deed::Update | Deed::Replace) {
            for change in &self.changes {
                write_change(f, change, self.action)?;
            }
        }
        if let Some(Impact { level, says }) = &self.impact {
            writeln!(f, "      {} {says}", Painted(style(*level), "users:"))?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "      {} {note}", Painted(CARE, "!")))
    }
}

fn write_change(f: &mut fmt::Formatter<'_>, change: &Change, deed: Deed) -> fmt::Result {
    let style = if deed == Deed::Replace && change.replaces { BAD } else { Style::new() };
    writeln!(f, "      {}: {}", Painted(style, change.attribute), told(change))
}

/// What a plan does to those who are logged in, in a sentence.
fn verdict(worst: Option<Level>) -> Painted<&'static str> {
    let says = match worst {
        None => return Painted(GOOD, "nobody who is logged in notices anything"),
        Some(Level::Repins) => "some users get to another instance; all stay logged in",
        Some(Level::Interrupts) => "some requests fail for a while; all users stay logged in",
        Some(Level::BeginsEmpty) => "a store is gone, with what was in it, and begins empty",
        Some(Level::LogsOut) => "some or all users have to log in anew",
        Some(Level::LosesData) => "more than sessions is lost for good",
    };
    Painted(worst.map(style).unwrap_or_default(), says)
}

fn style(level: Level) -> Style {
    match level {
        Level::Repins => HINT,
        Level::Interrupts => CARE,
        Level::BeginsEmpty | Level::LogsOut | Level::LosesData => BAD,
    }
}

/// Names joined with commas, in lines that are not too long.
fn wrapped(names: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for (at, name) in names.iter().enumerate() {
        let comma = if at + 1 < names.len() { "," } else { "" };
        let line = lines.last_mut().expect("there is always one line");
        if line.is_empty() {
            *line = format!("{name}{comma}");
        } else if line.chars().count() + name.chars().count() < WIDEST_LIST {
            *line = format!("{line} {name}{comma}");
        } else {
            lines.push(format!("{name}{comma}"));
        }
    }
    lines
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { create, update, replace, delete, wait, unchanged, seconds } = self;
        if self.is_empty() {
            return match unchanged {
                0 => f.write_str("nothing to do: there is nothing of this stack"),
                _ => write!(f, "nothing to do: all {unchanged} resources are as they are wanted"),
            };
        }
        write!(
            f,
            "{create} to create, {update} to update, {replace} to replace, {delete} to delete"
        )?;
        if *wait > 0 {
            write!(f, ", {wait} to wait for")?;
        }
        write!(f, "; about {}", about(Duration::from_secs(*seconds)))
    }
}

#[cfg(test)]
mod tests;
