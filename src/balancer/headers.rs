//! What the balancer adds to a request's headers, and takes out of both sides'.

use hyper::{
    HeaderMap,
    header::{self, HeaderName, HeaderValue},
};
use ring::rand::{SecureRandom as _, SystemRandom};
use std::{net::IpAddr, time::UNIX_EPOCH};

/// Who answers where no target does.
pub(super) const AWS: HeaderValue = HeaderValue::from_static("awselb/2.0");

/// Headers that are for one connection only.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

const TRACE: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

pub(super) fn strip(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}

/// Leaves out the headers whose names have other signs than letters, digits and hyphens.
pub(super) fn drop_invalid(headers: &mut HeaderMap) {
    let valid =
        |name: &&HeaderName| !name.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let invalid: Vec<_> = headers.keys().filter(valid).cloned().collect();
    for name in invalid {
        headers.remove(name);
    }
}

/// Tells the target who asks, and how.
pub(super) fn forwarded(headers: &mut HeaderMap, peer: IpAddr, https: bool, port: u16) {
    let so_far = headers.get(FOR).and_then(|value| value.to_str().ok());
    let all = so_far.map_or_else(|| peer.to_string(), |before| format!("{before}, {peer}"));
    if let Ok(all) = HeaderValue::try_from(all) {
        headers.insert(FOR, all);
    }
    headers.insert(PROTO, HeaderValue::from_static(if https { "https" } else { "http" }));
    headers.insert(PORT, port.into());
    let trace = headers.get(TRACE).and_then(|value| value.to_str().ok());
    // The part that a client sent stays, and the balancer's own goes before it.
    let trace = trace.map_or_else(
        || format!("Root={}", trace_id()),
        |sent| {
            let rest: Vec<_> = sent.split(';').filter(|part| !part.starts_with("Self=")).collect();
            format!("Self={};{}", trace_id(), rest.join(";"))
        },
    );
    if let Ok(trace) = HeaderValue::try_from(trace) {
        headers.insert(TRACE, trace);
    }
}

fn trace_id() -> String {
    use std::fmt::Write as _;

    let mut random = [0; 12];
    SystemRandom::new().fill(&mut random).expect("the system has random bytes");
    let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
    let mut id = format!("1-{now:08x}-");
    for byte in random {
        write!(id, "{byte:02x}").expect("a string takes everything");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sent: &[(&'static str, &str)]) -> HeaderMap {
        let sent = sent.iter().map(|(n, v)| (HeaderName::from_static(n), v.parse().unwrap()));
        let mut headers = sent.collect();
        forwarded(&mut headers, [127, 0, 0, 1].into(), true, 443);
        headers
    }

    #[test]
    fn a_target_is_told_who_asks_and_how() {
        let headers = told(&[("x-forwarded-for", "10.0.0.1"), ("x-forwarded-proto", "ftp")]);
        assert_eq!(headers["x-forwarded-for"], "10.0.0.1, 127.0.0.1");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(headers["x-forwarded-port"], "443");
        assert!(headers["x-amzn-trace-id"].to_str().unwrap().starts_with("Root=1-"));
    }

    #[test]
    fn a_trace_that_a_client_began_goes_on() {
        let headers =
            told(&[("x-amzn-trace-id", "Self=1-0;Root=1-67891233-abcdef;CalledFrom=app")]);
        let trace = headers["x-amzn-trace-id"].to_str().unwrap();
        assert!(trace.starts_with("Self=1-") && !trace.contains("Self=1-0;"), "{trace}");
        assert!(trace.ends_with(";Root=1-67891233-abcdef;CalledFrom=app"), "{trace}");
    }

    #[test]
    fn header_names_with_other_signs_are_dropped() {
        let mut headers: HeaderMap = ["good-one", "bad_one"]
            .map(|name| (HeaderName::from_static(name), HeaderValue::from_static("1")))
            .into_iter()
            .collect();
        drop_invalid(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["good-one"]);
    }
}
