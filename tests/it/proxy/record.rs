//! What passed through the proxy: one record for each call.

use std::time::Duration;

/// One call, as the proxy saw it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Its place in the order of arrival, from 1.
    pub(crate) number: u64,
    /// `ec2:CreateVpc`.
    pub(crate) call: String,
    /// What went wrong with it; `None`: nothing did.
    pub(crate) fault: Option<Befell>,
    /// The status that the client was told; `None` where it was told nothing.
    pub(crate) status: Option<u16>,
    /// The wire code of the refusal, whoever refused, told or not.
    pub(crate) error: Option<String>,
    /// Whether AWS heard of it.
    pub(crate) heard: bool,
    /// When it came, from the start of the proxy.
    pub(crate) began: Duration,
    /// How long it took to be answered.
    pub(crate) took: Duration,
    /// Path and query.
    pub(crate) target: String,
    /// The body of the request.
    pub(crate) request: Vec<u8>,
    /// The body of the answer, told or not; empty where there is none.
    pub(crate) answer: Vec<u8>,
}

/// What went wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Befell {
    Throttled,
    Error,
    /// Cut off before AWS heard.
    LostCall,
    /// Cut off after AWS did it.
    LostAnswer,
    /// A refusal of the weather's.
    Refused,
    /// It named what is not known yet.
    NotFound,
    /// It got an old answer.
    Stale,
    /// Who made it was killed.
    Killed,
    /// The emulator did not answer, or not in HTTP: whatever is tested, this is the test's fault.
    NoUpstream,
}
