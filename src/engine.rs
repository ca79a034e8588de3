//! The engine: compares what is wanted with what was found, and carries out the difference.
//!
//! It knows nothing of AWS and never prints. A [`Kind`] tells it how one type of resource is
//! described, listed, made, changed and removed; a [`Graph`] holds what is wanted, an
//! [`Inventory`] what was found, a [`Plan`] the steps from one to the other. `ARCHITECTURE.md`
//! explains the words and the ordering rules.

pub mod address;
pub mod attribute;
pub mod clash;
pub mod context;
mod erased;
pub mod event;
pub mod graph;
pub mod inventory;
pub mod kind;
mod order;
pub mod plan;
pub mod preflight;
pub mod run;
pub mod sealed;
pub mod step;
pub mod stop;
#[cfg(test)]
mod toy;

pub use address::{Address, Ref};
pub use attribute::{Attribute, Plain, Table};
pub use clash::Taken;
pub use context::{Cx, Pace, Probe};
pub use erased::{AnyFound, AnyKind};
pub use event::{Event, Reporter};
pub use graph::{Graph, Member};
pub use inventory::Inventory;
pub use kind::{Found, Kind, Never, Phase, Swap};
pub use plan::Plan;
pub use preflight::{Problem, Problems, Refusals, Refused};
pub use run::Outcome;
pub use sealed::Sealed;
pub use step::{Action, Change, Step};
pub use stop::{Interrupted, Stop};

/// The kinds an inventory asks, one mention each.
#[macro_export]
macro_rules! erased_kinds {
    ($($kind:ty),+ $(,)?) => {
        [$(Box::new(std::marker::PhantomData::<fn() -> $kind>) as Box<dyn $crate::engine::AnyKind<_>>),+]
    };
}
