//! What users notice of the way to the app: stickiness, load balancer, listeners and names.

use super::{Deed, Impact, Step, interrupts, logs_out, repins};
use crate::spec::{Stickiness, Store};

pub(super) fn target_group(step: &Step) -> Option<Impact> {
    match step.deed {
        Deed::Edit => step.change("stickiness").and_then(|_| stickiness(step)),
        Deed::Replace { .. } => rebound(step, "the new group does not know the old one's cookies"),
        Deed::Make | Deed::Remove => None,
    }
}

/// Stickiness changes without a replacement, and takes effect at each user's next request.
fn stickiness(step: &Step) -> Option<Impact> {
    let (today, then) = (step.today, step.then?);
    // One instance answers all, bound or not.
    if today.instances.max(then.instances) <= 1 {
        return None;
    }
    let what = match (&today.stickiness, &then.stickiness) {
        (Stickiness::Off, Stickiness::Off) => return None,
        (from, Stickiness::AppCookie { name, .. }) if !from.follows(name) => {
            return to_app_cookie(step, name);
        }
        (Stickiness::Off, _) => {
            return match today.store {
                Store::None => None,
                Store::Memory if today.instances > 1 => logs_out(
                    "each user is bound to the instance that answers next: a session that is in \
                     another one's memory is lost",
                ),
                _ => repins("from the next request on each user stays on one instance"),
            };
        }
        (_, Stickiness::Off) => {
            return match today.store {
                Store::None => None,
                Store::Memory if today.instances > 1 => logs_out(
                    "any instance answers, and only one of them holds the session: users are \
                     logged out",
                ),
                _ => repins("any instance answers from now on; users stay logged in"),
            };
        }
        (Stickiness::LbCookie { duration: today }, Stickiness::LbCookie { duration: then })
            if then < today =>
        {
            format!("users idle for more than {then}")
        }
        (
            Stickiness::AppCookie { name: a, duration: today },
            Stickiness::AppCookie { name: b, duration: then },
        ) if a == b && then < today => format!("users idle for more than {then}"),
        (Stickiness::LbCookie { .. }, Stickiness::LbCookie { .. }) => return None,
        (Stickiness::AppCookie { name: a, .. }, Stickiness::AppCookie { name: b, .. })
            if a == b =>
        {
            return None;
        }
        _ => return rebound(step, "the cookies that bind users count no longer"),
    };
    match today.store {
        Store::None => None,
        Store::Memory if today.instances > 1 => {
            logs_out(format!("{what} are bound anew, and logged out if another instance gets them"))
        }
        _ => repins(format!("{what} are bound anew; they stay logged in")),
    }
}

/// The load balancer binds a user when an answer of the app sets the cookie, and not before (ELB,
/// "Sticky sessions for your Application Load Balancer"): most apps set it once, at the login.
fn to_app_cookie(step: &Step, name: &str) -> Option<Impact> {
    match step.today.store {
        Store::None => None,
        Store::Memory if step.today.instances > 1 => logs_out(format!(
            "until the app sets {name} again, whoever is logged in is bound to no instance, and any \
             may answer: nearly all are logged out"
        )),
        _ => repins(format!(
            "any instance answers until the app sets {name} again; from then on each user stays on \
             one, and all stay logged in"
        )),
    }
}

/// All users are bound to instances anew.
fn rebound(step: &Step, why: &str) -> Option<Impact> {
    match step.today.store {
        Store::Memory if step.today.instances > 1 => logs_out(format!(
            "{why}: users who get to another instance, about {0} in {1}, are logged out",
            step.today.instances - 1,
            step.today.instances
        )),
        Store::Memory | Store::None => None,
        _ if step.today.stickiness.is_on() => {
            repins(format!("{why}: all are bound anew, once, and stay logged in"))
        }
        _ => None,
    }
}

pub(super) fn load_balancer(step: &Step) -> Option<Impact> {
    match step.deed {
        Deed::Remove => interrupts("nobody reaches the app any more"),
        Deed::Replace { .. } => {
            let away = "the app cannot be reached for some minutes, and then under a new DNS name, \
                        which the stack's own records follow";
            if step.today.store == Store::Memory && step.today.instances > 1 {
                return logs_out(format!(
                    "{away}; the old cookies count no longer, so users are logged out"
                ));
            }
            interrupts(away)
        }
        Deed::Edit => shorter_silence(step),
        Deed::Make => None,
    }
}

/// A silent connection is closed when its idle time-out is over, one of a WebSocket too.
fn shorter_silence(step: &Step) -> Option<Impact> {
    let change = step.change("idle_timeout")?;
    let before: u32 = change.from.as_deref()?.parse().ok()?;
    let after: u32 = change.to.parse().ok()?;
    (after < before).then_some(())?;
    repins(format!(
        "connections that are silent for longer than {after}s are closed, WebSockets too; clients \
         connect anew"
    ))
}

pub(super) fn listener(step: &Step) -> Option<Impact> {
    // Without a stack the load balancer's line says it all.
    step.then?;
    let to = step.change("action").map(|change| change.to.as_str()).unwrap_or_default();
    match (step.name, step.deed) {
        ("https", Deed::Remove) => logs_out(
            "HTTPS ends: bookmarks and cookies marked Secure work no longer, so users are logged \
             out",
        ),
        ("http", Deed::Edit) if to.starts_with("redirect") => interrupts(
            "users are sent to HTTPS and stay logged in; a form sent over HTTP at that moment is \
             lost",
        ),
        _ => None,
    }
}

/// A range that may no longer come in is a rule that goes.
pub(super) fn rule(step: &Step) -> Option<Impact> {
    step.then?;
    if step.deed == Deed::Remove && step.name.starts_with("lb-in-") {
        return interrupts("users whom no other rule lets in are shut out");
    }
    None
}

pub(super) fn record(step: &Step) -> Option<Impact> {
    match step.deed {
        Deed::Remove => interrupts(format!("nobody finds the app as {} any more", step.name)),
        Deed::Replace { .. } if step.change("zone").is_some() => interrupts(
            "the name goes from one zone to another: who asks meanwhile, or asks name servers to \
             which nobody delegates yet, does not find it, and may remember that for 15 minutes",
        ),
        Deed::Replace { .. } => interrupts(
            "the name is gone for some seconds, and for who asks then for up to 15 minutes",
        ),
        // One change of Route 53's puts the new target in the old one's place.
        Deed::Make | Deed::Edit => None,
    }
}

pub(super) fn zone(step: &Step) -> Option<Impact> {
    match step.deed {
        Deed::Remove => interrupts("no name in this zone is found any more"),
        Deed::Replace { .. } => interrupts(
            "the zone gets other name servers: its names are found again once the parent domain \
             delegates to them",
        ),
        Deed::Make | Deed::Edit => None,
    }
}
