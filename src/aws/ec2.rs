//! What the kinds of Amazon EC2 share: finding by tag, tags in a creation, and who is in the way.

use super::{Aws, Failure, Sent, Tags, tags};
use crate::engine::{Cx, Pace, Probe};
use anyhow::Result;
use aws_sdk_ec2::types::{Filter, NetworkInterface, ResourceType, TagSpecification};
use futures::future::BoxFuture;

/// How long a fresh id may be unknown to other calls.
pub const SOON: Pace = Pace::seconds(2, 120);

impl Aws {
    /// The filter that lets through what belongs to this stack.
    pub fn mine(&self) -> Filter {
        filter(&format!("tag:{}", tags::STACK), &self.stack)
    }

    /// The filters that let through what belongs to this stack and bears this name.
    pub fn mine_named(&self, name: &str) -> Vec<Filter> {
        vec![self.mine(), filter(&format!("tag:{}", tags::NAME), name)]
    }
}

/// A filter with one value.
pub fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// Every tag of the resource being made, as a creation of EC2 takes them.
pub fn tagged(cx: &Cx<Aws>, kind: ResourceType, tags: &Tags) -> TagSpecification {
    let labels = cx.cloud.labels(cx.address(), tags);
    TagSpecification::builder().resource_type(kind).set_tags(Some(tags::for_ec2(&labels))).build()
}

/// Repeats `work` while it fails because an id it uses is not known everywhere yet.
///
/// # Errors
/// The first other error; the last such one when [`SOON`] is over.
pub async fn once_known<T, F>(cx: &Cx<Aws>, mut work: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>> + Send,
{
    cx.until(SOON, || {
        let done = work();
        async move {
            match done.await {
                Ok(done) => Ok(Probe::Ready(done)),
                Err(error) => match error.downcast_ref::<Failure>() {
                    Some(failure) if failure.is_gone() => Ok(Probe::Pending(failure.in_short())),
                    _ => Err(error),
                },
            }
        }
    })
    .await
}

/// What the refusals of one deletion mean, by wire code.
#[derive(Clone, Copy, Debug)]
pub struct Refusals {
    /// The thing itself is not there (any more).
    pub gone: &'static [&'static str],
    /// The deletion can succeed later, besides those that tell of a use ([`Failure::is_in_use`]).
    pub passing: &'static [&'static str],
}

impl Refusals {
    /// These codes say that the thing itself is gone, and none but those of a use passes.
    pub const fn gone(gone: &'static [&'static str]) -> Self {
        Self { gone, passing: &[] }
    }
}

/// Repeats a deletion while something else still uses the thing, naming who is in the way if AWS
/// tells. That the thing itself is gone already is success; that something else is not found says
/// nothing of it (`ReleaseAddress` can answer `InvalidNetworkInterfaceID.NotFound` just after its
/// NAT gateway is deleted), and the deletion is tried again.
///
/// # Errors
/// A refusal for another reason; who is still in the way when the pace's limit is up.
pub async fn once_free<T, F, G>(
    cx: &Cx<Aws>,
    pace: Pace,
    refusals: Refusals,
    delete: impl Fn() -> F + Sync,
    in_the_way: impl Fn() -> G + Sync,
) -> Result<()>
where
    F: Future<Output = Result<T, Failure>> + Send,
    G: Future<Output = Result<Vec<String>>> + Send,
    T: Send,
{
    cx.until(pace, || async {
        match delete().await {
            Ok(_) => Ok(Probe::Ready(())),
            Err(failure) if failure.is(refusals.gone) => Ok(Probe::Ready(())),
            Err(failure)
                if failure.is_in_use() || failure.is_gone() || failure.is(refusals.passing) =>
            {
                let in_the_way = in_the_way().await.map(|mut names| {
                    names.sort();
                    names
                });
                Ok(Probe::Pending(match in_the_way {
                    Ok(names) if names.is_empty() => format!("in use ({})", failure.in_short()),
                    Ok(names) => format!("in use by {}", names.join(", ")),
                    // Who may delete may not be allowed to look.
                    Err(unseen) => {
                        let unseen = match unseen.downcast_ref::<Failure>() {
                            Some(unseen) => unseen.in_short(),
                            None => format!("{unseen:#}"),
                        };
                        let failure = failure.in_short();
                        format!("in use ({failure}), and who uses it is not told: {unseen}")
                    }
                }))
            }
            Err(failure) => Err(failure.into()),
        }
    })
    .await
}

/// The network interfaces that a filter lets through, as a user can recognise them.
pub async fn interfaces(aws: &Aws, name: &str, value: &str) -> Result<Vec<String>> {
    Ok(network_interfaces(aws, name, value).await?.iter().map(interface).collect())
}

/// Those of a VPC's network interfaces that have a public address.
pub async fn public_interfaces(aws: &Aws, vpc: &str) -> Result<Vec<String>> {
    let all = network_interfaces(aws, "vpc-id", vpc).await?;
    Ok(all.iter().filter(|i| i.association().is_some()).map(interface).collect())
}

/// The network interfaces that a filter lets through.
pub fn network_interfaces<'a>(
    aws: &'a Aws,
    name: &str,
    value: &str,
) -> BoxFuture<'a, Result<Vec<NetworkInterface>, Failure>> {
    let call = aws.ec2.describe_network_interfaces().filters(filter(name, value));
    Box::pin(async { call.into_paginator().items().send().collect::<Result<_, _>>().await.aws() })
}

/// `network interface eni-1 ("ELB app/shop/1", managed by amazon-elb)`.
pub fn interface(of: &NetworkInterface) -> String {
    let id = of.network_interface_id().unwrap_or("(no id)");
    let instance = of.attachment().and_then(|a| a.instance_id());
    let holder = match (instance, of.requester_managed(), of.requester_id()) {
        (Some(instance), ..) => format!(", attached to {instance}"),
        (None, Some(true), Some(service)) => format!(", managed by {service}"),
        _ => of.owner_id().map(|owner| format!(", of account {owner}")).unwrap_or_default(),
    };
    format!("network interface {id} (\"{}\"{holder})", of.description().unwrap_or_default())
}

/// What the tests of EC2 kinds share.
#[cfg(test)]
pub mod bench {
    use super::*;
    use crate::engine::{Address, Kind};
    use aws_sdk_ec2::{Client, types::Tag};
    use aws_smithy_types::error::ErrorMetadata;
    use std::sync::Arc;

    /// A context of stack `shop` for `K`'s resource of this name, with this client.
    pub fn cx<K: Kind>(ec2: Client, name: &str) -> Cx<Aws> {
        Cx::alone(Arc::new(aws(ec2)), Address::of::<K>(name))
    }

    /// The world of stack `shop` with this client.
    pub fn aws(ec2: Client) -> Aws {
        Aws { ec2, ..Aws::offline("shop") }
    }

    /// The user's tags of [`labels`].
    pub fn team() -> Tags {
        [("team".into(), "checkout".into())].into()
    }

    /// The tags of stack `shop`'s resource of this name, with [`team`] for the user's.
    pub fn labels<K: Kind>(name: &str) -> Vec<Tag> {
        tags::for_ec2(&Aws::offline("shop").labels(&Address::of::<K>(name), &team()))
    }

    /// A refusal with this wire code.
    pub fn refusal(code: &str) -> ErrorMetadata {
        ErrorMetadata::builder().code(code).message("AWS's words").build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Address;
    use aws_sdk_ec2::types::NetworkInterfaceAttachment;
    use std::{
        future::{Ready, ready},
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering::Relaxed},
        },
    };

    const GONE: Refusals = Refusals::gone(&["InvalidSubnetID.NotFound"]);

    fn cx() -> Cx<Aws> {
        let address = Address { kind: "subnet", name: "app-a".into() };
        Cx::alone(Arc::new(Aws::offline("shop")), address)
    }

    /// A deletion that is refused so many times, since something uses the thing.
    fn in_use(asked: &AtomicU32, times: u32) -> Ready<Result<(), Failure>> {
        ready(if asked.fetch_add(1, Relaxed) < times {
            Err(Failure::coded("DependencyViolation", "it has dependencies"))
        } else {
            Ok(())
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_deletion_is_repeated_until_nothing_is_in_the_way() {
        let asked = AtomicU32::new(0);
        let in_the_way = || async { Ok(vec!["eni-1".into()]) };
        let delete = || in_use(&asked, 2);
        once_free(&cx(), Pace::seconds(10, 600), GONE, delete, in_the_way).await.unwrap();
        assert_eq!(asked.load(Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn who_stays_in_the_way_is_named_in_the_error() {
        let asked = AtomicU32::new(0);
        let delete = || in_use(&asked, u32::MAX);
        let in_the_way = || async { Ok(vec!["network interface eni-1".into()]) };
        let error =
            once_free(&cx(), Pace::seconds(10, 60), GONE, delete, in_the_way).await.unwrap_err();
        assert_eq!(error.to_string(), "still in use by network interface eni-1 after 60s");
    }

    #[tokio::test(start_paused = true)]
    async fn that_nobody_may_look_who_is_in_the_way_ends_no_wait() {
        let asked = AtomicU32::new(0);
        let in_the_way = || async {
            let denied = Failure::coded("UnauthorizedOperation", "you may not look");
            Err::<Vec<_>, _>(denied.into())
        };
        once_free(&cx(), Pace::seconds(10, 60), GONE, || in_use(&asked, 2), in_the_way)
            .await
            .unwrap();
        let stays = || in_use(&asked, u32::MAX);
        let error =
            once_free(&cx(), Pace::seconds(10, 60), GONE, stays, in_the_way).await.unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("it has dependencies") && error.contains("you may not look"),
            "{error}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn deleting_what_is_gone_already_succeeds() {
        let delete = || async { Err::<(), _>(Failure::coded("InvalidSubnetID.NotFound", "")) };
        let in_the_way = || async { Ok(vec![]) };
        once_free(&cx(), Pace::seconds(10, 60), GONE, delete, in_the_way).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn that_something_else_is_not_found_says_nothing_of_the_thing_itself() {
        let asked = AtomicU32::new(0);
        let delete = || {
            ready(match asked.fetch_add(1, Relaxed) {
                0 => Err(Failure::coded("InvalidNetworkInterfaceID.NotFound", "no eni-1")),
                _ => Ok(()),
            })
        };
        let in_the_way = || async { Ok(vec![]) };
        once_free(&cx(), Pace::seconds(10, 60), GONE, delete, in_the_way).await.unwrap();
        assert_eq!(asked.load(Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_told_in_the_same_words_whatever_the_requests_id_and_the_order_of_names() {
        let refusal = |request: &str| Failure {
            request: Some(request.into()),
            ..Failure::coded("DependencyViolation", "it has dependencies")
        };
        let told = async |request, names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            let delete = || ready(Err::<(), _>(refusal(request)));
            let in_the_way = || ready(Ok(names.clone()));
            let pace = Pace::seconds(10, 60);
            once_free(&cx(), pace, GONE, delete, in_the_way).await.unwrap_err().to_string()
        };
        assert_eq!(told("1", &["eni-1", "eni-2"]).await, told("2", &["eni-2", "eni-1"]).await);
        let alone = told("1", &[]).await;
        assert_eq!(alone, "still in use (DependencyViolation: it has dependencies) after 60s");
        assert_eq!(told("2", &[]).await, alone);
    }

    #[tokio::test(start_paused = true)]
    async fn an_id_that_is_not_known_yet_is_waited_for() {
        let asked = AtomicU32::new(0);
        let cx = cx();
        let made = once_known(&cx, || async {
            match asked.fetch_add(1, Relaxed) {
                0 => Err(Failure::coded("InvalidVpcID.NotFound", "no such VPC").into()),
                n => Ok(n),
            }
        });
        assert_eq!(made.await.unwrap(), 1);
    }

    #[test]
    fn a_network_interface_is_named_with_its_description_and_its_holder() {
        let balancer = NetworkInterface::builder()
            .network_interface_id("eni-1")
            .description("ELB app/shop/1")
            .requester_managed(true)
            .requester_id("amazon-elb");
        assert_eq!(
            interface(&balancer.build()),
            "network interface eni-1 (\"ELB app/shop/1\", managed by amazon-elb)"
        );
        let instance = NetworkInterface::builder()
            .network_interface_id("eni-2")
            .attachment(NetworkInterfaceAttachment::builder().instance_id("i-1").build());
        assert_eq!(interface(&instance.build()), "network interface eni-2 (\"\", attached to i-1)");
    }
}
