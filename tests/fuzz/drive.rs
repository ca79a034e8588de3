//! What `validate` and `plan` do with a file before AWS is asked, and what has to be true of it.

use crate::{
    files::Case,
    worker::{Ending, Verdict},
};
use stackctl::{
    blueprint::{self, Facts},
    engine::{Action, Inventory, Plan},
    sessions::{Mode, Shift, advice, impacts},
    spec::{Mistakes, Problem, Source, Spec, load},
    ui::{
        Report,
        plan::{Place, Shown},
    },
};
use std::{collections::BTreeMap, fs, slice};
use tempfile::{NamedTempFile, TempPath};

/// The environment that `${…}` is filled from.
fn variable(name: &str) -> Option<String> {
    Some(match name {
        "GIVEN" => "given".into(),
        "EMPTY" => String::new(),
        "NUMBER" => "3".into(),
        "LONG" => "x".repeat(100_000),
        "NASTY" => "${GIVEN}\n: [\u{1b}[2J\u{0}".into(),
        _ => return None,
    })
}

thread_local! {
    /// Each thread's own, written anew for every case.
    static FILE: TempPath = NamedTempFile::new().unwrap().into_temp_path();
}

/// Reads the file and does all that follows.
pub(crate) fn drive(case: &Case) -> Verdict {
    let read = FILE.with(|file| {
        fs::write(file, &case.file).unwrap();
        Source::read(file).and_then(|source| load(&source, &case.sets, &variable))
    });
    match read {
        Ok(spec) => accepted(&spec).map(|()| Ending::Accepted),
        Err(mistakes) => refused(mistakes, case).map(|()| Ending::Refused),
    }
}

fn ensure(holds: bool, says: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(says()) }
}

/// Only words: no cursor moves, and no line ends but our own.
fn is_plain(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(|c| c.is_control() && c != '\n')
}

fn accepted(spec: &Spec) -> Result<(), String> {
    let region = spec.region.clone().unwrap_or_else(|| "eu-west-1".into());
    let facts = Facts {
        zones: ["a", "b", "c", "d", "e", "f"].map(|letter| format!("{region}{letter}")).into(),
        stands: BTreeMap::new(),
        offers: None,
        hosted_zone: Some("Z0123456789ABCDEFGHIJ".into()),
        account: "123456789012".into(),
        partition: "aws".into(),
        region: region.clone(),
    };
    let graph = match blueprint::draw(spec, &facts) {
        Ok(graph) => graph,
        Err(error) => {
            let report = Report::of(&error);
            let texts = [vec![report.message], report.causes].concat();
            return ensure(texts.iter().all(|text| is_plain(text)), || format!("{texts:?}"));
        }
    };
    let plan = Plan::new(&graph, Inventory::default()).map_err(|e| format!("no plan: {e:#}"))?;
    ensure(plan.steps().iter().all(|step| step.action() == Action::Create), || {
        "a new stack is more than created".into()
    })?;
    let place = Place { stack: spec.name.clone(), region, account: facts.account, endpoint: None };
    let shift = Shift { today: None, then: Some(Mode::wanted(spec)) };
    let shown = Shown::new(&plan, place, advice(spec)).with_impacts(&shift, impacts(&shift, &plan));
    let text = anstream::adapter::strip_str(&shown.to_string()).to_string();
    ensure(is_plain(&text), || format!("the plan is not plain: {text:?}"))?;
    serde_json::to_string(&shown).map_err(|error| format!("no JSON: {error}"))?;
    serde_json::to_string(spec).map_err(|error| format!("no JSON: {error}"))?;
    Ok(())
}

fn refused(mistakes: Mistakes, case: &Case) -> Result<(), String> {
    ensure(!mistakes.problems.is_empty(), || "refused without a reason".into())?;
    let file = String::from_utf8_lossy(&case.file);
    let file = lines(file.trim_start_matches('\u{feff}'));
    let sets: Vec<Vec<String>> = case.sets.iter().map(|set| lines(set)).collect();
    for problem in &mistakes.problems {
        let texts = match &*problem.file {
            "--set" => &sets[..],
            _ => slice::from_ref(&file),
        };
        check(problem, texts).map_err(|says| format!("{says}: {problem:?}"))?;
    }
    let shown = mistakes.to_string();
    ensure(is_plain(&shown), || format!("the message is not plain: {shown:?}"))?;
    let report = Report::of(&mistakes.into());
    ensure(!report.to_string().is_empty(), || "the report is empty".into())?;
    let json = serde_json::to_value(&report).map_err(|error| format!("no JSON: {error}"))?;
    ensure(json["problems"]["problems"].is_array(), || format!("without problems: {json}"))
}

fn lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.split('\n').map(str::to_owned).collect()
}

fn check(problem: &Problem, texts: &[Vec<String>]) -> Result<(), String> {
    ensure(!problem.says.trim().is_empty(), || "it says nothing".into())?;
    let help = problem.help.as_ref();
    ensure(help.is_none_or(|help| !help.trim().is_empty()), || "it helps with nothing".into())?;
    let Some(at) = &problem.at else { return Ok(()) };
    let inside = |lines: &Vec<String>| {
        at.line.checked_sub(1).and_then(|index| lines.get(index)).is_some_and(|line| {
            let width = line.chars().count();
            at.text.chars().count() == width
                && (1..=width + 1).contains(&at.column)
                && (1..=(width + 1 - at.column).max(1)).contains(&at.length)
        })
    };
    ensure(texts.iter().any(inside), || "it points out of the text".into())
}
