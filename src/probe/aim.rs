//! Where connections go in place of the URL's own host: `--connect-to` and `--resolve`, as curl has them.

use std::{net::IpAddr, str::FromStr};

/// `HOST1:PORT1:HOST2:PORT2`: what is meant for the first goes to the second. What is empty means
/// any, or the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectTo {
    from: (String, Option<u16>),
    to: (String, Option<u16>),
}

/// `HOST:PORT:ADDRESS[,ADDRESS]`: the addresses of a host, in place of what the DNS says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolve {
    host: String,
    port: Option<u16>,
    addresses: Vec<IpAddr>,
}

/// Where connections go.
#[derive(Clone, Debug, Default)]
pub struct Aim {
    /// First of all.
    pub connect_to: Vec<ConnectTo>,
    /// For the host that results.
    pub resolve: Vec<Resolve>,
}

/// What to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A host that the DNS knows.
    Named(String, u16),
    /// The first of these that answers.
    At(Vec<IpAddr>, u16),
}

impl Aim {
    /// What to connect to for this host, written without brackets, and port.
    pub fn at(&self, host: &str, port: u16) -> Target {
        let meant = self.connect_to.iter().find(|rule| {
            let (from, at) = &rule.from;
            (from.is_empty() || from.eq_ignore_ascii_case(host)) && at.is_none_or(|at| at == port)
        });
        let (host, port) = match meant {
            Some(ConnectTo { to: (to, at), .. }) => {
                (if to.is_empty() { host } else { to }, at.unwrap_or(port))
            }
            None => (host, port),
        };
        let known = self.resolve.iter().find(|known| {
            (known.host == "*" || known.host.eq_ignore_ascii_case(host))
                && known.port.is_none_or(|at| at == port)
        });
        match (known, host.parse()) {
            (Some(known), _) => Target::At(known.addresses.clone(), port),
            (None, Ok(ip)) => Target::At(vec![ip], port),
            (None, Err(_)) => Target::Named(host.to_owned(), port),
        }
    }
}

/// Cuts `HOST:PORT` off, where the host may be an IPv6 address in brackets.
fn host_and_port(text: &str) -> Result<(String, Option<u16>, Option<&str>), String> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or("an IPv6 address wants a closing bracket")?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let rest = rest.strip_prefix(':').ok_or("a colon is missing")?;
    let (port, rest) = match rest.split_once(':') {
        Some((port, rest)) => (port, Some(rest)),
        None => (rest, None),
    };
    let port = match port {
        "" => None,
        port => Some(port.parse().map_err(|_| format!("`{port}` is not a port"))?),
    };
    Ok((host.to_owned(), port, rest))
}

impl FromStr for ConnectTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = |why: String| format!("{why}; the form is HOST1:PORT1:HOST2:PORT2");
        let read = || {
            let (from, at, rest) = host_and_port(text)?;
            // As short as it can be: HOST:PORT for everything.
            let Some(rest) = rest else { return Ok(((String::new(), None), (from, at))) };
            match host_and_port(rest)? {
                (to, to_port, None) => Ok(((from, at), (to, to_port))),
                _ => Err("there is too much".to_owned()),
            }
        };
        let (from, to) = read().map_err(form)?;
        Ok(Self { from, to })
    }
}

impl FromStr for Resolve {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = |why: String| format!("{why}; the form is HOST:PORT:ADDRESS[,ADDRESS]");
        let read = || {
            let (host, port, rest) = host_and_port(text)?;
            let address = |text: &str| {
                let bare = text.trim_start_matches('[').trim_end_matches(']');
                bare.parse().map_err(|_| format!("`{text}` is not an IP address"))
            };
            let addresses = rest.ok_or("the address is missing")?.split(',').map(address);
            Ok(Self { host, port, addresses: addresses.collect::<Result<_, String>>()? })
        };
        read().map_err(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aim(connect_to: &[&str], resolve: &[&str]) -> Aim {
        Aim {
            connect_to: connect_to.iter().map(|text| text.parse().unwrap()).collect(),
            resolve: resolve.iter().map(|text| text.parse().unwrap()).collect(),
        }
    }

    fn named(host: &str, port: u16) -> Target {
        Target::Named(host.into(), port)
    }

    #[test]
    fn a_connection_goes_where_it_is_sent() {
        let aim = aim(&["shop.test:443:lb.test:8443", "::other.test:"], &[]);
        assert_eq!(aim.at("shop.test", 443), named("lb.test", 8443));
        assert_eq!(aim.at("shop.test", 80), named("other.test", 80));
        let short = super::tests::aim(&["127.0.0.1:8080"], &[]);
        assert_eq!(short.at("shop.test", 80), Target::At(vec!["127.0.0.1".parse().unwrap()], 8080));
    }

    #[test]
    fn an_address_takes_the_place_of_the_dns() {
        let aim = aim(&["shop.test::lb.test:"], &["lb.test:443:192.0.2.1,[2001:db8::1]"]);
        let addresses = ["192.0.2.1", "2001:db8::1"].map(|ip| ip.parse().unwrap()).to_vec();
        assert_eq!(aim.at("shop.test", 443), Target::At(addresses, 443));
        assert_eq!(aim.at("shop.test", 80), named("lb.test", 80));
        let all = super::tests::aim(&[], &["*:80:::1"]);
        assert_eq!(all.at("shop.test", 80), Target::At(vec!["::1".parse().unwrap()], 80));
    }

    #[test]
    fn an_ipv6_address_stands_in_brackets() {
        let aim = aim(&["shop.test:80:[::1]:8080"], &[]);
        assert_eq!(aim.at("shop.test", 80), Target::At(vec!["::1".parse().unwrap()], 8080));
    }

    #[test]
    fn what_has_another_form_is_refused() {
        for text in ["", "host", "a:b:c:d", "a:1:b:2:3", "[::1:80"] {
            assert!(text.parse::<ConnectTo>().is_err(), "{text}");
        }
        for text in ["", "host:80", "host:80:name", "host:x:127.0.0.1"] {
            assert!(text.parse::<Resolve>().unwrap_err().contains("HOST:PORT:ADDRESS"), "{text}");
        }
    }
}
