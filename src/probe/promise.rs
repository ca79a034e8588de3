//! What a way of keeping sessions promises to users.

use crate::sessions::{Keeping, Mode};
use serde::Serialize;

/// What is promised to users, by how sessions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promise {
    /// Sessions live on one server each, and users are bound to it.
    Sticky,
    /// Sessions live in a store that all servers use; any server may answer.
    Shared,
    /// Sessions live in a store, and users are bound to a server all the same.
    Hybrid,
    /// Sessions travel with the user; any server may answer.
    Token,
    /// Nothing.
    None,
}

impl Promise {
    /// What a stack's way of keeping sessions promises.
    pub fn of(mode: &Mode) -> Self {
        match mode.keeping() {
            Keeping::StickyOnly => Self::Sticky,
            Keeping::SharedStore => Self::Shared,
            Keeping::Hybrid => Self::Hybrid,
            Keeping::Token => Self::Token,
            Keeping::None => Self::None,
        }
    }

    /// Whether sessions are to be kept.
    pub fn keeps_sessions(self) -> bool {
        self != Self::None
    }

    /// Whether one server is to answer all requests of a user.
    pub fn binds(self) -> bool {
        matches!(self, Self::Sticky | Self::Hybrid)
    }

    /// Whether a session ends with the server it lives on.
    pub fn ends_with_server(self) -> bool {
        self == Self::Sticky
    }

    /// The promise in words.
    pub fn says(self) -> &'static str {
        match self {
            Self::Sticky => {
                "sticky only: sessions are kept as long as their server stands, and each user has one server"
            }
            Self::Shared => "shared store: sessions are kept, whichever server answers",
            Self::Hybrid => "hybrid: sessions are kept in a store, and each user has one server",
            Self::Token => "token: sessions are kept by the users, whichever server answers",
            Self::None => "nothing is promised of sessions",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Store;
    use crate::{
        sessions::Told,
        spec::{Seconds, Stickiness},
    };

    fn promised(store: Store, sticky: bool, instances: usize) -> Promise {
        let cookie = Stickiness::LbCookie { duration: Seconds(60) };
        let stickiness = if sticky { cookie } else { Stickiness::Off };
        let told = Told::default();
        Promise::of(&Mode { store, stickiness, instances, failover: false, told })
    }

    #[test]
    fn the_store_and_stickiness_together_make_the_promise() {
        assert_eq!(promised(Store::Memory, true, 2), Promise::Sticky);
        assert_eq!(promised(Store::Memory, false, 2), Promise::None);
        assert_eq!(promised(Store::Memory, false, 1), Promise::Sticky);
        assert_eq!(promised(Store::Redis, false, 2), Promise::Shared);
        assert_eq!(promised(Store::Database, true, 2), Promise::Hybrid);
        assert_eq!(promised(Store::Token, true, 2), Promise::Token);
        assert_eq!(promised(Store::None, true, 2), Promise::None);
    }
}
