//! The way back: what a stack that was found says of its sessions.

use crate::{
    aws::Aws,
    engine::Inventory,
    kinds::{
        Instance, Parameter, ReplicationGroup, TargetGroup,
        parameter::{Environment, SESSION_KEY_VARIABLE},
        target_group,
    },
    sessions::{Mode, Told},
    spec::{Seconds, Stickiness, Store},
};

/// How the stack that was found keeps its sessions; `None` where there is no such stack, or not
/// enough of one for anybody to be logged in.
pub fn mode(found: &Inventory<Aws>) -> Option<Mode> {
    let parameter = &found.of::<Parameter>().next()?.spec;
    let group = found.of::<TargetGroup>().next()?;
    Some(Mode {
        store: store(&parameter.environment),
        stickiness: stickiness(&group.spec.stickiness),
        instances: found.of::<Instance>().count(),
        failover: found.of::<ReplicationGroup>().any(|cache| cache.spec.failover),
        told: Told {
            cache: parameter.cache.is_some(),
            database: parameter.database.is_some(),
            session_key: parameter.generated.tells(SESSION_KEY_VARIABLE),
        },
    })
}

/// Where the app looks for sessions, as it is told.
pub fn store(environment: &Environment) -> Store {
    let word = environment.0.get("SESSION_STORE");
    word.and_then(|word| Store::named(word)).unwrap_or(Store::None)
}

/// Stickiness in the file's words.
pub(super) fn stickiness(found: &target_group::Stickiness) -> Stickiness {
    match found {
        target_group::Stickiness::Off => Stickiness::Off,
        target_group::Stickiness::LbCookie { seconds } => {
            Stickiness::LbCookie { duration: Seconds(*seconds) }
        }
        target_group::Stickiness::AppCookie { name, seconds } => {
            Stickiness::AppCookie { name: name.clone(), duration: Seconds(*seconds) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stickiness_says_the_same_in_both_words(seconds in 1_u32..=604_800, kind in 0..3) {
            let wanted = match kind {
                0 => Stickiness::Off,
                1 => Stickiness::LbCookie { duration: Seconds(seconds) },
                _ => Stickiness::AppCookie { name: "SID".into(), duration: Seconds(seconds) },
            };
            prop_assert_eq!(stickiness(&crate::blueprint::stickiness(&wanted)), wanted);
        }
    }
}
