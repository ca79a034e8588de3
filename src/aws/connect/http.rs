//! The HTTP client: through the proxy that the environment names, but never to this machine or its metadata.

use aws_sdk_sts::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_http_client::{Builder, Connector, proxy::ProxyConfig, tls};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
};
use std::net::IpAddr;

/// The variables that name a proxy, those for HTTPS first: what the AWS CLI reads, and curl.
const PROXIES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"];

/// The client that every call goes through. `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
/// `NO_PROXY` count, in either case.
pub(super) fn client() -> SharedHttpClient {
    SharedHttpClient::new(Ways {
        straight: through(ProxyConfig::disabled),
        proxied: through(ProxyConfig::from_env),
    })
}

fn through(proxy: fn() -> ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder()
            .proxy_config(proxy())
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring));
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.build()
    })
}

/// Two ways to send, for each request one of them.
#[derive(Clone, Debug)]
struct Ways<T> {
    straight: T,
    proxied: T,
}

impl HttpClient for Ways<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Ways {
            straight: self.straight.http_connector(settings, components),
            proxied: self.proxied.http_connector(settings, components),
        })
    }
}

impl HttpConnector for Ways<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if is_near(request.uri()) {
            self.straight.call(request)
        } else {
            self.proxied.call(request)
        }
    }
}

/// Whether a URL leads to this machine, or to its link-local metadata service: a proxy that was
/// asked for them would answer with its own.
fn is_near(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split(']').next(),
        None => authority.split(':').next(),
    };
    let host = host.unwrap_or_default();
    match host.parse() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_link_local() || ip.is_unspecified(),
        // The second range is where EC2 and EKS have their metadata over IPv6.
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.segments()[..2] == [0xfd00, 0xec2],
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// The variable that names a proxy for calls to AWS, and the proxy without its password; `env`
/// answers with the value of an environment variable.
pub fn proxy(env: &dyn Fn(&str) -> Option<String>) -> Option<(&'static str, String)> {
    let set = |name: &'static str| Some((name, env(name).filter(|url| !url.is_empty())?));
    let (name, url) = PROXIES[..4].iter().find_map(|name| set(name))?;
    let shown = match url.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            let colon = if scheme.is_empty() { "" } else { "://" };
            format!("{scheme}{colon}…@{host}")
        }
        None => url,
    };
    Some((name, shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_its_metadata_are_asked_without_a_proxy() {
        for url in [
            "http://127.0.0.1:4566/",
            "http://localhost:4566/x?y",
            "http://s3.localhost:4566/",
            "http://[::1]:4566/",
            "http://169.254.169.254/latest/meta-data/",
            "http://169.254.170.2/creds",
            "http://[fd00:ec2::254]/latest",
        ] {
            assert!(is_near(url), "{url}");
        }
        for url in ["https://ec2.eu-west-1.amazonaws.com/", "http://10.0.0.7:4566/"] {
            assert!(!is_near(url), "{url}");
        }
    }

    #[test]
    fn a_proxy_is_told_without_its_password() {
        let env = |name: &str| match name {
            "HTTPS_PROXY" => Some(String::new()),
            "https_proxy" => Some("http://eve:hunter2@proxy:8080".to_owned()),
            _ => None,
        };
        assert_eq!(proxy(&env), Some(("https_proxy", "http://…@proxy:8080".to_owned())));
        assert_eq!(proxy(&|_| None), None);
    }
}
