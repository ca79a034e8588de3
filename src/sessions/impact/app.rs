//! What users notice of the instances, their registrations, and what the app is told.

use super::{Deed, Impact, Step, interrupts, logs_out, repins};
use crate::spec::Store;

pub(super) fn instance(step: &Step) -> Option<Impact> {
    match (step.deed, step.today.store) {
        (Deed::Replace { .. } | Deed::Remove, Store::Memory) => {
            let share = match step.today.instances {
                0 | 1 => "all".to_owned(),
                n => format!("about 1 in {n}"),
            };
            logs_out(format!("users whose session is in its memory are logged out: {share}"))
        }
        (Deed::Replace { gap: true }, _) => {
            interrupts("it goes before its successor comes: until then others answer, or nobody")
        }
        _ => None,
    }
}

/// A registration that goes takes its users' requests elsewhere, and cuts what is longer than its
/// draining: `WebSockets` stay on their target, whatever a cookie says (ELB, "Sticky sessions for your
/// Application Load Balancer"), and at the end of `deregistration_delay` the connection is closed.
pub(super) fn target(step: &Step) -> Option<Impact> {
    // Without a stack there is no elsewhere.
    step.then?;
    let sticky = step.today.stickiness.is_on();
    match (step.deed, step.today.store) {
        (Deed::Make | Deed::Edit, _) => None,
        (_, Store::Memory) if step.today.instances > 1 => logs_out(format!(
            "users bound to it move to another instance and have to log in anew; {CUT}"
        )),
        (_, Store::Memory | Store::None) => repins(CUT),
        _ if sticky => repins(format!(
            "users bound to it move to another instance at their next request and stay logged in; \
             {CUT}"
        )),
        _ => repins(CUT),
    }
}

/// What becomes of long connections to an instance that goes.
const CUT: &str = "connections to it that last longer than load_balancer.deregistration_delay \
                   (WebSockets, long requests) are cut";

/// The app looks for sessions where it is told to.
pub(super) fn parameter(step: &Step) -> Option<Impact> {
    let (today, then) = (step.today.store, step.then?.store);
    if step.deed != Deed::Edit || today == then || today == Store::None {
        return None;
    }
    logs_out(format!(
        "the app looks for sessions in {} and no longer in {}: all users are logged out once",
        place(then),
        place(today)
    ))
}

/// Where a store is, in words.
fn place(store: Store) -> &'static str {
    match store {
        Store::None => "no store",
        Store::Memory => "its own memory",
        Store::Redis => "Redis",
        Store::Memcached => "Memcached",
        Store::Database => "the database",
        Store::Dynamodb => "DynamoDB",
        Store::Token => "signed tokens",
    }
}
