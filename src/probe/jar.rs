//! One user's cookies, kept and sent back as a browser does (RFC 6265).

use cookie::{Cookie, Expiration, time::OffsetDateTime};
use hyper::header::{HeaderMap, SET_COOKIE};
use std::{collections::BTreeMap, fmt, net::IpAddr};
use url::{Host, Url};

/// Why a cookie that was set is not sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is `Secure`, and came over plain HTTP from a host that is not this machine.
    SecureOverHttp,
    /// Its `Domain` is not that of the host.
    OtherDomain,
    /// Its name begins `__Host-` or `__Secure-`, and it is not what that promises.
    Prefix,
    /// It has expired.
    Expired,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SecureOverHttp => {
                "is Secure and came over plain HTTP, so that no browser keeps it: use HTTPS, or \
                 have the app set it without Secure"
            }
            Self::OtherDomain => "has a Domain that is not the host's, so that no browser keeps it",
            Self::Prefix => {
                "has a name that begins __Host- or __Secure-, and is not set as that demands, so \
                 that no browser keeps it"
            }
            Self::Expired => "has expired",
        })
    }
}

/// A cookie that is sent back.
#[derive(Clone, Debug)]
struct Kept {
    name: String,
    value: String,
    path: String,
    secure: bool,
    expires: Option<OffsetDateTime>,
}

/// One user's cookies of one host. No other host is ever asked, so their domain is only looked at
/// when they are set.
#[derive(Clone, Debug, Default)]
pub(super) struct Jar {
    kept: Vec<Kept>,
    refused: BTreeMap<String, Refusal>,
}

impl Jar {
    /// Keeps what an answer sets.
    pub(super) fn keep(&mut self, url: &Url, headers: &HeaderMap) {
        for header in headers.get_all(SET_COOKIE) {
            // What cannot be read is ignored, as browsers ignore it.
            let text = header.to_str().ok();
            if let Some(cookie) = text.and_then(|text| Cookie::parse(text).ok()) {
                self.set(url, &cookie, OffsetDateTime::now_utc());
            }
        }
    }

    fn set(&mut self, url: &Url, cookie: &Cookie<'_>, now: OffsetDateTime) {
        let name = cookie.name().to_owned();
        if let Some(refusal) = refusal(url, cookie) {
            self.refused.insert(name, refusal);
            return;
        }
        self.refused.remove(&name);
        let path = match cookie.path() {
            Some(path) if path.starts_with('/') => path.to_owned(),
            _ => default_path(url),
        };
        self.kept.retain(|kept| (&kept.name, &kept.path) != (&name, &path));
        let expires = match (cookie.max_age(), cookie.expires()) {
            (Some(age), _) => Some(now.saturating_add(age)),
            (None, Some(Expiration::DateTime(at))) => Some(at),
            (None, _) => None,
        };
        // Set as expired, it is deleted.
        if expires.is_none_or(|at| at > now) {
            let (value, secure) = (cookie.value().to_owned(), cookie.secure() == Some(true));
            self.kept.push(Kept { name, value, path, secure, expires });
        }
    }

    /// The `Cookie` header for a request, the longest paths first.
    pub(super) fn header(&mut self, url: &Url) -> Option<String> {
        self.header_at(url, OffsetDateTime::now_utc())
    }

    fn header_at(&mut self, url: &Url, now: OffsetDateTime) -> Option<String> {
        let refused = &mut self.refused;
        self.kept.retain(|kept| {
            let fresh = kept.expires.is_none_or(|at| at > now);
            if !fresh {
                refused.insert(kept.name.clone(), Refusal::Expired);
            }
            fresh
        });
        let safe = url.scheme() == "https" || is_loopback(url);
        let sent = |kept: &&Kept| (safe || !kept.secure) && path_matches(url.path(), &kept.path);
        let mut sent: Vec<&Kept> = self.kept.iter().filter(sent).collect();
        sent.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        let pairs: Vec<_> = sent.iter().map(|k| format!("{}={}", k.name, k.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Whether any cookie is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The cookies that were set and are not sent back, with the reason.
    pub(super) fn refused(&self) -> impl Iterator<Item = (&str, Refusal)> {
        self.refused.iter().map(|(name, refusal)| (name.as_str(), *refusal))
    }
}

fn refusal(url: &Url, cookie: &Cookie<'_>) -> Option<Refusal> {
    let secure = cookie.secure() == Some(true);
    if secure && url.scheme() != "https" && !is_loopback(url) {
        return Some(Refusal::SecureOverHttp);
    }
    if let Some(domain) = cookie.domain().filter(|domain| !domain.is_empty())
        && !is_within(url, domain)
    {
        return Some(Refusal::OtherDomain);
    }
    let name = cookie.name();
    let bound = cookie.domain().is_none() && cookie.path() == Some("/");
    let broken = name.starts_with("__Secure-") && !secure
        || name.starts_with("__Host-") && !(secure && bound);
    broken.then_some(Refusal::Prefix)
}

/// Whether a `Domain` covers the host.
fn is_within(url: &Url, domain: &str) -> bool {
    let domain = domain.trim_start_matches('.').to_ascii_lowercase();
    match url.host() {
        Some(Host::Domain(host)) => {
            let host = host.to_ascii_lowercase();
            host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
        }
        Some(Host::Ipv4(ip)) => ip.to_string() == domain,
        _ => false,
    }
}

/// Whether this is the machine itself, which browsers trust with `Secure` cookies over plain HTTP
/// ("potentially trustworthy", W3C Secure Contexts §3.1).
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.eq_ignore_ascii_case("localhost")
                || name.to_ascii_lowercase().ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => false,
    }
}

/// RFC 6265 §5.1.4.
fn default_path(url: &Url) -> String {
    match url.path().rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(at) => url.path()[..at].to_owned(),
    }
}

/// RFC 6265 §5.1.4.
fn path_matches(path: &str, cookie: &str) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cookie::time::Duration;

    fn at(url: &str) -> Url {
        url.parse().unwrap()
    }

    fn jar(url: &str, set: &[&str]) -> Jar {
        let mut jar = Jar::default();
        let mut headers = HeaderMap::new();
        for set in set {
            headers.append(SET_COOKIE, set.parse().unwrap());
        }
        jar.keep(&at(url), &headers);
        jar
    }

    #[test]
    fn what_is_set_is_sent_back_and_the_last_value_counts() {
        let mut jar = jar("http://shop.test/", &["AWSALB=a; Path=/", "SID=1", "AWSALB=b; Path=/"]);
        assert_eq!(jar.header(&at("http://shop.test/cart")).unwrap(), "SID=1; AWSALB=b");
    }

    #[test]
    fn a_secure_cookie_over_plain_http_is_refused_and_told() {
        let mut plain = jar("http://shop.test/", &["SID=1; Secure"]);
        assert_eq!(plain.header(&at("http://shop.test/")), None);
        assert_eq!(plain.refused().next(), Some(("SID", Refusal::SecureOverHttp)));
        let mut secure = jar("https://shop.test/", &["SID=1; Secure"]);
        assert_eq!(secure.header(&at("http://shop.test/")), None);
        assert_eq!(secure.header(&at("https://shop.test/")).unwrap(), "SID=1");
    }

    #[test]
    fn the_machine_itself_is_trusted_with_secure_cookies() {
        for url in
            ["http://127.0.0.1:8080/", "http://localhost/", "http://[::1]/", "http://a.localhost/"]
        {
            assert_eq!(jar(url, &["SID=1; Secure"]).header(&at(url)).unwrap(), "SID=1", "{url}");
        }
        assert!(jar("http://localhost.test/", &["SID=1; Secure"]).is_empty());
    }

    #[test]
    fn a_cookie_of_another_domain_is_refused() {
        assert!(jar("http://shop.test/", &["a=1; Domain=other.test"]).is_empty());
        assert!(jar("http://shop.test/", &["a=1; Domain=op.test"]).is_empty());
        assert!(!jar("http://www.shop.test/", &["a=1; Domain=.shop.test"]).is_empty());
        assert!(!jar("http://127.0.0.1/", &["a=1; Domain=127.0.0.1"]).is_empty());
    }

    #[test]
    fn a_path_is_sent_below_itself_only_and_the_longest_first() {
        let mut jar = jar("http://shop.test/a/b", &["x=1; Path=/a", "y=1", "z=1; Path=/a/b"]);
        assert_eq!(jar.header(&at("http://shop.test/a/b/c")).unwrap(), "z=1; x=1; y=1");
        assert_eq!(jar.header(&at("http://shop.test/ab")), None);
    }

    #[test]
    fn an_expired_cookie_is_gone_and_max_age_outweighs_expires() {
        let long_ago = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        assert!(jar("http://shop.test/", &["a=1", &format!("a=; {long_ago}")]).is_empty());
        let mut jar = jar("http://shop.test/", &[&format!("a=1; Max-Age=60; {long_ago}")]);
        assert!(jar.header(&at("http://shop.test/")).is_some());
        let later = OffsetDateTime::now_utc() + Duration::seconds(61);
        assert_eq!(jar.header_at(&at("http://shop.test/"), later), None);
        assert_eq!(jar.refused().next(), Some(("a", Refusal::Expired)));
    }

    #[test]
    fn prefixes_hold_what_they_promise() {
        let https = "https://shop.test/";
        assert!(jar(https, &["__Host-a=1; Secure"]).is_empty());
        assert!(jar(https, &["__Secure-a=1"]).is_empty());
        assert!(!jar(https, &["__Host-a=1; Secure; Path=/"]).is_empty());
    }
}
