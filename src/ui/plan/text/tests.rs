//! Plans as people read them.

use super::*;
use crate::{engine::Address, ui::paint::plain};

fn line(action: Deed, kind: &'static str, name: &str) -> Line {
    Line {
        address: Address { kind, name: name.into() },
        id: None,
        action,
        order: None,
        changes: Vec::new(),
        impact: None,
        notes: Vec::new(),
        usual_seconds: 0,
    }
}

fn change(attribute: &'static str, from: &str, to: &str, replaces: bool) -> Change {
    Change { attribute, from: Some(from.into()), to: to.into(), replaces }
}

fn plan(lines: Vec<Line>, summary: Summary) -> Shown {
    Shown {
        mode: None,
        place: Place {
            stack: "shop".into(),
            region: "eu-west-1".into(),
            account: "111122223333".into(),
            endpoint: None,
        },
        changes: !lines.is_empty(),
        summary,
        monthly: None,
        worst: None,
        in_use: false,
        warnings: Vec::new(),
        lines,
        notes: Vec::new(),
        obstacles: Vec::new(),
    }
}

#[test]
fn changes_are_told_one_by_one_and_with_what_they_do_to_users() {
    let mut group = line(Deed::Update, "target-group", "app");
    group.changes.push(change("stickiness", "off", "lb cookie for 3600s", false));
    group.impact = Some(Impact { level: Level::Repins, says: "users move once".into() });
    let mut instance = line(Deed::Replace, "instance", "app-1");
    instance.order = Some("create first");
    instance.changes.push(change("image", "shop:1", "shop:2", true));
    let mut cache = line(Deed::Await, "replication-group", "cache");
    cache.notes.push("it is creating".into());
    let summary = Summary { update: 1, replace: 1, wait: 1, seconds: 540, ..Summary::default() };
    let mut shown = plan(vec![group, instance, cache], summary);
    shown.worst = Some(Level::Repins);
    shown.in_use = true;
    shown.warnings.push("a cache of one node is empty when it fails".to_owned().into());
    insta::assert_snapshot!(plain(&shown.to_string()), @r"
    shop in eu-west-1, account 111122223333

    load balancer
      ~ target-group/app
          stickiness: off -> lb cookie for 3600s
          users: users move once

    app
      ± instance/app-1 (replaced, create first)
          image: shop:1 -> shop:2

    cache
      … replication-group/cache
          ! it is creating

    sessions
      some users get to another instance; all stay logged in
      a cache of one node is empty when it fails

    0 to create, 1 to update, 1 to replace, 0 to delete, 1 to wait for; about 9 min
    ");
}

#[test]
fn things_that_are_alike_share_a_line() {
    let names = ["private-a", "private-b", "public-a", "public-b"];
    let mut lines: Vec<Line> =
        names.iter().map(|name| line(Deed::Delete, "subnet", name)).collect();
    lines.push(line(Deed::Delete, "vpc", "main"));
    let mut database = line(Deed::Delete, "db-instance", "db");
    database.notes.push("a final snapshot is kept".into());
    lines.push(database);
    let mut shown = plan(lines, Summary { delete: 6, seconds: 5, ..Summary::default() });
    let address = Address { kind: "db-instance", name: "db".into() };
    shown.obstacles.push(Note { address, text: "deletion protection is on".into() });
    insta::assert_snapshot!(plain(&shown.to_string()), @r"
    shop in eu-west-1, account 111122223333

    network
      - vpc/main
      - subnet/private-a, private-b, public-a, public-b

    database
      - db-instance/db
          ! a final snapshot is kept

    in the way
      ! db-instance/db: deletion protection is on

    0 to create, 0 to update, 0 to replace, 6 to delete; about 5 s
    ");
}

#[test]
fn an_empty_plan_says_so() {
    let settled = plan(Vec::new(), Summary { unchanged: 24, ..Summary::default() });
    insta::assert_snapshot!(plain(&settled.to_string()), @r"
    shop in eu-west-1, account 111122223333

    nothing to do: all 24 resources are as they are wanted
    ");
    let nothing = plan(Vec::new(), Summary::default());
    assert!(nothing.to_string().ends_with("there is nothing of this stack"));
}

#[test]
fn names_are_wrapped_and_none_is_lost() {
    let names: Vec<String> = (0..40).map(|n| format!("name-{n}")).collect();
    let lines = wrapped(&names);
    assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= WIDEST_LIST + 10));
    assert_eq!(lines.join(" "), names.join(", "));
}
