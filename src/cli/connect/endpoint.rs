//! Endpoints as flags give them, and whether they are on this machine.

use crate::spec::Wrong;
use std::str::FromStr;

/// Where calls go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Endpoint {
    /// AWS's own endpoints.
    Aws,
    /// All services at this URL.
    At(String),
}

impl FromStr for Endpoint {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        if text == "aws" {
            return Ok(Self::Aws);
        }
        match Host::of(text) {
            Some(_) => Ok(Self::At(text.to_owned())),
            // Refusing it here would repeat it, password and all; the route refuses it later.
            None if text.contains('@') => Ok(Self::At(text.to_owned())),
            None => Err(Wrong::new("expected a URL such as http://localhost:4566, or `aws`")),
        }
    }
}

/// A URL as it may be shown: without what stands before its host.
pub(super) fn shown(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((before, host)) => match before.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://…@{host}"),
            None => format!("…@{host}"),
        },
        None => url.to_owned(),
    }
}

/// The host and port of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub name: String,
    pub port: u16,
}

impl Host {
    pub(super) fn of(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let usual = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        // A bracketed IPv6 address has colons of its own.
        let after = authority.rfind(']').map_or(0, |at| at + 1);
        let (name, port) = match authority[after..].rfind(':') {
            Some(at) => (&authority[..after + at], authority[after + at + 1..].parse().ok()?),
            None => (authority, usual),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let whole = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b'@');
        whole.then_some(Self { name, port })
    }

    /// Whether it is this machine, where there may be an emulator, but no AWS.
    pub(super) fn is_here(&self) -> bool {
        let Self { name, .. } = self;
        let address = name.parse::<std::net::IpAddr>();
        address.is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
            || name == "localhost"
            || name.ends_with(".localhost")
            // LocalStack's own name for 127.0.0.1.
            || name == "localhost.localstack.cloud"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(url: &str) -> Option<(String, u16)> {
        Host::of(url).map(|h| (h.name, h.port))
    }

    #[test]
    fn host_and_port_are_taken_from_a_url() {
        assert_eq!(host("http://localhost:4566/x"), Some(("localhost".into(), 4566)));
        assert_eq!(host("https://ec2.example"), Some(("ec2.example".into(), 443)));
        assert_eq!(host("http://[::1]:4566"), Some(("::1".into(), 4566)));
        assert_eq!(host("http://[::1]"), Some(("::1".into(), 80)));
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in ["localhost:4566", "ftp://x", "http://", "http://x:port", "", "http://a b"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_neither_taken_nor_shown() {
        for (url, safe) in [
            ("http://eve:hunter2@host:1/x", "http://…@host:1/x"),
            ("http://hunter2@host", "http://…@host"),
            ("http://eve:hunter2/@hunter2@host", "http://…@host"),
            ("eve:hunter2@host", "…@host"),
            ("http://host", "http://host"),
        ] {
            assert_eq!(shown(url), safe);
            assert_eq!(Host::of(url).is_none(), url.contains('@'), "{url}");
        }
    }

    #[test]
    fn this_machine_is_known_by_all_its_names() {
        for url in ["http://127.0.0.1:1", "http://127.1.2.3", "http://LOCALHOST", "http://[::1]:1"]
        {
            assert!(Host::of(url).unwrap().is_here(), "{url}");
        }
        for url in ["https://ec2.eu-west-1.amazonaws.com", "http://10.0.0.1:4566"] {
            assert!(!Host::of(url).unwrap().is_here(), "{url}");
        }
    }
}
