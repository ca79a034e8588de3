//! What AWS has to be asked before anything is decided, asked all at once.

use crate::{
    aws::{Aws, Identity, Sent},
    engine::{Address, AnyFound, AnyKind, Inventory},
    kinds::{self, DbCluster, DbInstance, Subnet},
    spec::Spec,
    ui::Trouble,
};
use anyhow::{Result, ensure};
use futures::future::{BoxFuture, Either, select};
use std::{pin::pin, sync::Arc};

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

/// The zones in the order in which the stack uses them: what it stands in keeps its place.
pub(super) fn zones_in_order(inventory: &Inventory<Aws>, available: Vec<String>) -> Vec<String> {
    let stood: Vec<(usize, String)> = inventory
        .of::<Subnet>()
        .filter_map(|subnet| Some((place(&subnet.name)?, subnet.spec.zone.clone())))
        .collect();
    in_order(&stood, available)
}

/// The place in the order that the last letter of a subnet's name stands for.
fn place(name: &str) -> Option<usize> {
    match name.rsplit_once('-')?.1.as_bytes() {
        [letter @ b'a'..=b'z'] => Some(usize::from(letter - b'a')),
        _ => None,
    }
}

fn in_order(stood: &[(usize, String)], available: Vec<String>) -> Vec<String> {
    let taken = |zone: &String| stood.iter().any(|(_, stood)| stood == zone);
    let mut free = available.into_iter().filter(|zone| !taken(zone));
    let last = stood.iter().map(|(place, _)| place + 1).max().unwrap_or_default();
    let mut zones: Vec<String> = (0..last)
        .map_while(|at| match stood.iter().find(|(place, _)| *place == at) {
            Some((_, zone)) => Some(zone.clone()),
            None => free.next(),
        })
        .collect();
    zones.extend(free);
    zones
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones(stood: &[(usize, &str)], available: &[&str]) -> String {
        let stood: Vec<_> = stood.iter().map(|(at, zone)| (*at, (*zone).to_owned())).collect();
        in_order(&stood, available.iter().map(|z| (*z).to_owned()).collect()).join(" ")
    }

    #[test]
    fn a_new_stack_uses_the_zones_in_their_order() {
        assert_eq!(zones(&[], &["1a", "1b", "1c"]), "1a 1b 1c");
    }

    #[test]
    fn a_zone_keeps_its_place_whatever_becomes_available() {
        let stood = [(0, "1b"), (1, "1c"), (0, "1b")];
        assert_eq!(zones(&stood, &["1a", "1b", "1c"]), "1b 1c 1a");
    }

    #[test]
    fn a_gap_is_filled_with_another_zone() {
        assert_eq!(zones(&[(1, "1a")], &["1a", "1b", "1c"]), "1b 1a 1c");
    }

    #[test]
    fn a_zone_that_is_out_of_order_is_still_the_stacks() {
        assert_eq!(zones(&[(0, "1d")], &["1a", "1b"]), "1d 1a 1b");
    }

    #[test]
    fn only_names_that_end_in_one_letter_tell_a_place() {
        assert_eq!(place("private-b"), Some(1));
        assert_eq!(place("main"), None);
        assert_eq!(place("private-old"), None);
    }

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
}
