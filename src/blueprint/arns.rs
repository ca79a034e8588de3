//! ARNs of the file against where the stack is, which the file alone need not say.

use super::Facts;
use crate::spec::{Arn, Spec};
use anyhow::{Result, ensure};

/// Makes sure that what the file names by ARN can be used where the stack is.
pub(super) fn check(spec: &Spec, facts: &Facts) -> Result<()> {
    let wrong: Vec<_> = spec
        .arns()
        .into_iter()
        .filter_map(|(key, arn)| {
            Some(format!("{key} is of {}", elsewhere(&Arn::read(arn)?, facts)?))
        })
        .collect();
    ensure!(
        wrong.is_empty(),
        "{}, and the stack is in account {}, region {}, partition {}: none of it can be used from \
         elsewhere; write the ARN of one that is there",
        wrong.join("; "),
        facts.account,
        facts.region,
        facts.partition,
    );
    Ok(())
}

/// Where else it is.
fn elsewhere(arn: &Arn<'_>, facts: &Facts) -> Option<String> {
    if arn.partition != facts.partition {
        return Some(format!("partition {}", arn.partition));
    }
    if arn.region != facts.region {
        return Some(format!("region {}", arn.region));
    }
    // A secret may be shared between accounts, a certificate may not.
    (arn.service == "acm" && arn.account != facts.account)
        .then(|| format!("account {}", arn.account))
}
