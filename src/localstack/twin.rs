//! Where a tier serves on this machine: told by the emulator, whose twin runs it.

use http_body_util::{BodyExt as _, Empty};
use hyper::{StatusCode, Uri, body::Bytes};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde::Deserialize;
use std::{collections::HashMap, path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// How long a load balancer that is there may take to listen here: a few looks of the twin.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the emulator may take to answer; it answers AWS's calls, too.
const ANSWER: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);

/// A load balancer that serves on this machine, and what it stands before.
#[derive(Debug, PartialEq, Eq)]
pub struct Serving {
    /// What to open in a browser of this machine.
    pub url: String,
    /// What runs there, once something does.
    pub app: Option<App>,
    /// Why stores are not there that the app would use.
    pub missing: Vec<String>,
}

/// What an instance runs.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct App {
    /// The image that it was given.
    pub image: String,
    /// The program that runs the image; `None` where the sample app runs in its place.
    pub engine: Option<PathBuf>,
}

/// What the twin tells.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    /// By the load balancer's DNS name.
    urls: HashMap<String, String>,
    instances: HashMap<String, Instance>,
    stores: Vec<Store>,
    /// By target group and target: requests so far, and those of users who were bound to it.
    requests: HashMap<String, HashMap<String, (u64, u64)>>,
}

#[derive(Debug, Deserialize)]
struct Instance {
    stack: String,
    #[serde(flatten)]
    app: Option<App>,
}

#[derive(Debug, Deserialize)]
struct Store {
    #[serde(default)]
    stack: Option<String>,
    #[serde(default)]
    missing: Option<String>,
}

/// Where the load balancer of this DNS name serves on this machine; `None` where nothing makes it
/// serve, as on AWS.
pub async fn serving(endpoint: &str, stack: &str, dns_name: &str) -> Option<Serving> {
    ask(endpoint).await?.serving(stack, dns_name)
}

/// Waits a little until the load balancer of this DNS name serves, where something makes it serve.
pub async fn settle(endpoint: &str, dns_name: &str) {
    let until = Instant::now() + PATIENCE;
    while let Some(told) = ask(endpoint).await
        && !told.urls.contains_key(dns_name)
        && Instant::now() < until
    {
        sleep(PAUSE).await;
    }
}

/// How many requests each target of a group has had so far, and how many of them came from users
/// who were bound to it; `None` as for [`serving`].
pub async fn requests(endpoint: &str, group: &str) -> Option<HashMap<String, (u64, u64)>> {
    ask(endpoint).await?.requests.remove(group)
}

impl Told {
    fn serving(mut self, stack: &str, dns_name: &str) -> Option<Serving> {
        let url = self.urls.remove(dns_name)?;
        let app = self.instances.into_values().filter(|i| i.stack == stack).find_map(|i| i.app);
        let of_stack = self.stores.iter().filter(|s| s.stack.as_deref() == Some(stack));
        let missing = of_stack.filter_map(|store| store.missing.clone()).collect();
        Some(Serving { url, app, missing })
    }
}

/// Asks what the twin has told last. An emulator that is slow is waited for: without its answer the
/// tier would seem to serve at the load balancer's DNS name, which leads nowhere here.
async fn ask(endpoint: &str) -> Option<Told> {
    let uri: Uri = format!("{}/_twin", endpoint.trim_end_matches('/')).parse().ok()?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let answer = timeout(ANSWER, client.get(uri)).await.ok()?.ok()?;
    if answer.status() != StatusCode::OK {
        return None;
    }
    let body = answer.into_body().collect().await.ok()?.to_bytes();
    serde_json::from_slice(&body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::path::Path;

    #[test]
    fn what_is_told_of_other_stacks_does_not_count() {
        let told = json!({
            "urls": { "shop-lb.test": "http://127.0.0.1:8080/" },
            "instances": {
                "i-1": { "stack": "blog", "image": "blog:1", "engine": "/usr/bin/docker", "port": 1 },
                "i-2": { "stack": "shop" },
                "i-3": { "stack": "shop", "image": "shop:1", "engine": null },
            },
            "stores": [
                { "stack": "blog", "missing": "no memcached" },
                { "stack": "shop", "at": "localhost:1" },
            ],
        });
        let serving = |stack, name| {
            serde_json::from_value::<Told>(told.clone()).unwrap().serving(stack, name)
        };
        let shop = serving("shop", "shop-lb.test").unwrap();
        assert_eq!(shop.url, "http://127.0.0.1:8080/");
        assert_eq!(shop.app, Some(App { image: "shop:1".into(), engine: None }));
        assert!(shop.missing.is_empty());
        let blog = serving("blog", "shop-lb.test").unwrap();
        assert_eq!(blog.app.unwrap().engine.unwrap(), Path::new("/usr/bin/docker"));
        assert_eq!(blog.missing, ["no memcached"]);
        assert_eq!(serving("shop", "other-lb.test"), None);
    }
}
