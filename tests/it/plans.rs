//! The plan of every stack in `stacks/` on an account that has nothing of it yet.

use stackctl::{
    blueprint::{Facts, draw},
    cost::Monthly,
    engine::{Action, Inventory, Plan},
    kinds,
    sessions::{Mode, Shift, advice, impacts},
    spec::{Source, Spec, load, schema},
    ui::plan::{Place, Shown},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, iter,
    path::PathBuf,
};

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "stacks"].iter().collect()
}

/// The names of all worked examples, so that none is forgotten.
pub(crate) fn stacks() -> BTreeSet<String> {
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name());
    files
        .map(|name| name.into_string().unwrap().strip_suffix(".yaml").unwrap().to_owned())
        .collect()
}

pub(crate) fn spec(stack: &str) -> Spec {
    let source = Source::read(&folder().join(format!("{stack}.yaml"))).unwrap();
    load(&source, &[], &|_| None).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

pub(crate) fn facts(spec: &Spec) -> Facts {
    let region = spec.region.clone().unwrap_or_else(|| "eu-west-1".into());
    Facts {
        zones: ["a", "b", "c"].map(|letter| format!("{region}{letter}")).into(),
        stands: BTreeMap::new(),
        offers: None,
        hosted_zone: Some("Z0123456789ABCDEFGHIJ".into()),
        account: "123456789012".into(),
        partition: "aws".into(),
        region,
    }
}

fn plan(spec: &Spec) -> Plan<stackctl::aws::Aws> {
    Plan::new(&draw(spec, &facts(spec)).unwrap(), Inventory::default()).unwrap()
}

fn snapshots() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../plans");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

#[test]
fn every_example_has_the_plan_that_was_reviewed() {
    snapshots().bind(|| {
        for stack in stacks() {
            let spec = spec(&stack);
            let Facts { region, account, .. } = facts(&spec);
            let place = Place { stack: spec.name.clone(), region, account, endpoint: None };
            let monthly = Monthly::of(draw(&spec, &facts(&spec)).unwrap().described());
            let shown = Shown::new(&plan(&spec), place, advice(&spec))
                .with_mode(&Mode::wanted(&spec))
                .with_cost(monthly);
            let shown = shown.to_string();
            insta::assert_snapshot!(&*stack, anstream::adapter::strip_str(&shown).to_string());
        }
    });
}

/// What the plan leaves out for brevity: whether things are encrypted, private, protected.
#[test]
fn every_attribute_of_the_fullest_example_is_as_it_was_reviewed() {
    let plan = plan(&spec("production"));
    let lines = plan.steps().iter().flat_map(|step| {
        let changes = step.changes().iter().map(|change| format!("  {change}"));
        iter::once(step.address().to_string()).chain(changes)
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    // The boot script's digest changes with the script, which has tests of its own.
    let mut settings = snapshots();
    settings.add_filter("boot: [0-9a-f]{16}", "boot: (sealed)");
    settings.bind(|| insta::assert_snapshot!("production-in-full", text));
}

#[test]
fn every_example_has_a_name_and_a_domain_of_its_own() {
    let specs: Vec<Spec> = stacks().iter().map(|stack| spec(stack)).collect();
    let names: BTreeSet<_> = specs.iter().map(|spec| &spec.name).collect();
    assert_eq!(names.len(), specs.len());
    let zones: Vec<_> = specs.iter().filter_map(|spec| spec.dns.as_ref()).collect();
    let different: BTreeSet<_> = zones.iter().map(|dns| &dns.zone).collect();
    assert_eq!(different.len(), zones.len());
}

#[test]
fn the_fullest_example_and_that_of_a_table_write_every_key() {
    fn names(keys: &[schema::Key]) -> Vec<&'static str> {
        let below = |key: &schema::Key| names(key.holds.keys().unwrap_or_default());
        keys.iter().flat_map(|key| [vec![key.name], below(key)].concat()).collect()
    }
    // A table takes the place of the sessions' cache, and has keys of its own.
    let texts = ["production.yaml", "dynamodb.yaml"];
    let text = texts.map(|file| fs::read_to_string(folder().join(file)).unwrap()).concat();
    let missing: Vec<_> = names(schema::FILE)
        .into_iter()
        .filter(|name| !text.contains(&format!("{name}:")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_examples_together_need_every_kind_there_is() {
    let needed: BTreeSet<&str> = stacks()
        .iter()
        .flat_map(|stack| {
            let plan = plan(&spec(stack));
            plan.steps().iter().map(|step| step.address().kind).collect::<Vec<_>>()
        })
        .collect();
    let all: BTreeSet<&str> = kinds::all().iter().map(|kind| kind.name()).collect();
    assert_eq!(needed, all);
}

#[test]
fn bringing_up_a_new_stack_creates_only_and_disturbs_nobody() {
    for stack in stacks() {
        let spec = spec(&stack);
        let plan = plan(&spec);
        assert!(plan.steps().iter().all(|step| step.action() == Action::Create), "{stack}");
        let shift = Shift { today: None, then: Some(Mode::wanted(&spec)) };
        assert_eq!(impacts(&shift, &plan), [], "{stack}");
    }
}

#[test]
fn instances_boot_while_the_database_comes_up_and_serve_once_they_are_told_of_it() {
    let plan = plan(&spec("production"));
    let position = |kind: &str| {
        let found = plan.steps().iter().position(|step| step.address().kind == kind);
        found.unwrap_or_else(|| panic!("no {kind}"))
    };
    assert!(!waits_for(&plan, position("instance"), position("db-instance")));
    assert!(waits_for(&plan, position("target"), position("db-instance")));
}

/// Whether a step waits for another, however many steps lie between.
fn waits_for(plan: &Plan<stackctl::aws::Aws>, step: usize, other: usize) -> bool {
    let after = plan.steps()[step].after();
    after.contains(&other) || after.iter().any(|&before| waits_for(plan, before, other))
}
