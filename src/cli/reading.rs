//! What AWS has to be asked before anything is decided, asked all at once.

use crate::{
    aws::{Aws, Identity, Sent, Tolerant, ec2::filter},
    blueprint::place,
    engine::{Address, AnyFound, AnyKind, Inventory},
    kinds::{self, DbCluster, DbInstance, Instance, Subnet},
    spec::{Spec, Zones},
    ui::Trouble,
};
use anyhow::{Result, ensure};
use aws_sdk_ec2::types::LocationType;
use futures::future::{BoxFuture, Either, select};
use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::Arc,
};

/// Reads something together with who we are; whatever is wrong with the credentials is told once,
/// and in place of all that fails because of it.
///
/// # Errors
/// Bad or missing credentials; an account the file does not allow; what `reading` fails with.
pub(super) async fn as_ourselves<T>(
    aws: &Aws,
    spec: Option<&Spec>,
    reading: impl Future<Output = Result<T>>,
) -> Result<(Identity, T)> {
    let identity = async {
        let identity = aws.identity().await?;
        guard(identity, spec)?;
        Ok::<_, anyhow::Error>(identity.clone())
    };
    match select(pin!(identity), pin!(reading)).await {
        Either::Left((identity, reading)) => Ok((identity?, reading.await?)),
        Either::Right((read, identity)) => Ok((identity.await?, read?)),
    }
}

/// The account that a file names is the only one it may be used in.
fn guard(identity: &Identity, spec: Option<&Spec>) -> Result<()> {
    let account = spec.and_then(|spec| spec.account.as_ref());
    ensure!(
        account.is_none_or(|account| *account == identity.account),
        Trouble::new(
            format!(
                "the file is for account {}, and these credentials are of account {}",
                account.map_or("", String::as_str),
                identity.account
            ),
            "choose other credentials, with AWS_PROFILE say, or change `account` in the file",
        )
    );
    Ok(())
}

/// Everything of the stack.
///
/// # Errors
/// The first listing that fails.
pub(super) async fn inventory(aws: &Aws) -> Result<Inventory<Aws>> {
    inventory_of(kinds::all(), aws).await
}

/// What there is of some kinds.
///
/// # Errors
/// The first listing that fails.
pub(super) async fn inventory_of(
    kinds: Vec<Box<dyn AnyKind<Aws>>>,
    aws: &Aws,
) -> Result<Inventory<Aws>> {
    let metered = kinds.into_iter().map(|kind| Box::new(Metered(kind)) as Box<dyn AnyKind<Aws>>);
    Inventory::take(&metered.collect::<Vec<_>>(), aws).await
}

/// A kind whose listing is one row of calls.
struct Metered(Box<dyn AnyKind<Aws>>);

impl AnyKind<Aws> for Metered {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn discover<'a>(
        &'a self,
        cloud: &'a Aws,
    ) -> BoxFuture<'a, Result<Vec<Arc<dyn AnyFound<Aws>>>>> {
        Box::pin(cloud.meter.chain(self.0.discover(cloud)))
    }
}

/// What databases leave behind when they are deleted.
pub(super) fn farewells(inventory: &Inventory<Aws>) -> Vec<(Address, String)> {
    let instances = inventory.of::<DbInstance>();
    let instances = instances.filter_map(|d| Some((d.address(), DbInstance::final_snapshot(d)?)));
    let clusters = inventory.of::<DbCluster>();
    let clusters = clusters.filter_map(|c| Some((c.address(), DbCluster::final_snapshot(c)?)));
    instances.chain(clusters).collect()
}

/// The names of the zones that are open to everyone in the region, sorted.
///
/// # Errors
/// What AWS refuses.
pub(super) async fn zones(aws: &Aws) -> Result<Vec<String>> {
    let answer = aws.ec2.describe_availability_zones().send().await.aws()?;
    let zones = answer.availability_zones.unwrap_or_default().into_iter();
    let mut names: Vec<String> = zones
        .filter(|zone| zone.state().is_none_or(|state| state.as_str() == "available"))
        // Local and wavelength zones have no NAT gateways and few instance types.
        .filter(|zone| zone.zone_type().is_none_or(|kind| kind == "availability-zone"))
        .filter_map(|zone| zone.zone_name)
        .collect();
    names.sort();
    Ok(names)
}

/// The zones that the stack stands in, each at its place.
pub(super) fn standing_zones(inventory: &Inventory<Aws>) -> BTreeMap<u8, String> {
    let subnets = inventory.of::<Subnet>();
    subnets.filter_map(|subnet| Some((place(&subnet.name)?, subnet.spec.zone.clone()))).collect()
}

/// The zones that offer the instance type, where an instance is to be made or a zone to be chosen.
/// Nothing is known where it may not be asked.
///
/// # Errors
/// What AWS refuses.
pub(super) async fn offers(
    aws: &Aws,
    spec: &Spec,
    inventory: &Inventory<Aws>,
) -> Result<Option<BTreeSet<String>>> {
    let kind = &*spec.app.instance_type;
    let runs = inventory.of::<Instance>().filter(|found| found.spec.instance_type == kind).count();
    let stands = standing_zones(inventory);
    let chosen = match &spec.network.zones {
        Zones::Count(count) => stands.len() >= usize::from(*count),
        Zones::Named(names) => names.iter().all(|name| stands.values().any(|zone| zone == name)),
    };
    if chosen && runs >= usize::from(spec.app.instances) {
        return Ok(None);
    }
    let pages = aws
        .ec2
        .describe_instance_type_offerings()
        .location_type(LocationType::AvailabilityZone)
        .filters(filter("instance-type", kind))
        .into_paginator();
    let offers = pages.items().send().collect::<Result<Vec<_>, _>>().await.aws();
    let offers = offers.or_code(&["UnauthorizedOperation", "AccessDenied"])?;
    Ok(offers.map(|offers| offers.into_iter().filter_map(|offer| offer.location).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::ec2::bench::refusal;
    use aws_sdk_ec2::{
        Client,
        operation::describe_instance_type_offerings::{
            DescribeInstanceTypeOfferingsError, DescribeInstanceTypeOfferingsOutput,
        },
        types::InstanceTypeOffering,
    };
    use aws_smithy_mocks::{RuleMode, mock, mock_client};

    #[test]
    fn another_account_than_the_files_is_refused() {
        let source = crate::spec::Source::new(
            "stack.yaml",
            "name: shop\naccount: '111122223333'\napp: {image: nginx}\n",
        );
        let spec = crate::spec::load(&source, &[], &|_| None).unwrap();
        let identity = |account: &str| Identity { account: account.into(), arn: String::new() };
        assert!(guard(&identity("111122223333"), Some(&spec)).is_ok());
        assert!(guard(&identity("999999999999"), None).is_ok());
        let error = guard(&identity("999999999999"), Some(&spec)).unwrap_err();
        assert!(error.to_string().contains("account 111122223333"), "{error}");
    }

    fn spec(network: &str) -> Spec {
        let text = format!("name: shop\napp: {{image: nginx}}\nnetwork: {network}\n");
        crate::spec::load(&crate::spec::Source::new("stack.yaml", text), &[], &|_| None).unwrap()
    }

    fn asked(offers: &aws_smithy_mocks::Rule) -> Aws {
        Aws {
            ec2: mock_client!(aws_sdk_ec2, RuleMode::MatchAny, &[offers]),
            ..Aws::offline("shop")
        }
    }

    #[tokio::test]
    async fn a_new_stack_asks_which_zones_offer_its_instance_type() {
        let offer = |zone: &str| InstanceTypeOffering::builder().location(zone).build();
        let offered = mock!(Client::describe_instance_type_offerings)
            .match_requests(|r| {
                r.location_type() == Some(&LocationType::AvailabilityZone)
                    && r.filters()[0].name() == Some("instance-type")
                    && r.filters()[0].values() == ["t4g.small"]
            })
            .then_output(move || {
                let some = DescribeInstanceTypeOfferingsOutput::builder();
                some.instance_type_offerings(offer("eu-west-1c")).build()
            });
        let found = offers(&asked(&offered), &spec("{zones: 2}"), &Inventory::default()).await;
        assert_eq!(found.unwrap(), Some(["eu-west-1c".to_owned()].into()));
    }

    #[tokio::test]
    async fn who_may_not_ask_for_offers_plans_without_them() {
        let denied = mock!(Client::describe_instance_type_offerings).then_error(|| {
            DescribeInstanceTypeOfferingsError::generic(refusal("UnauthorizedOperation"))
        });
        let found = offers(&asked(&denied), &spec("{zones: 2}"), &Inventory::default()).await;
        assert_eq!(found.unwrap(), None);
    }
}
