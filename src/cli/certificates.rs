//! Whether the certificate that the file names can be presented, and covers the names that lead here.

use crate::{
    aws::certificates::{Certificate, Look},
    engine::{Action, Kind, Plan},
    kinds::Listener,
    spec::Spec,
    ui::Trouble,
};
use anyhow::{Result, bail};

/// Refuses a plan that would present a certificate that a load balancer does not take, and warns of
/// all else. One that is presented already stops nothing.
///
/// # Errors
/// That, with the remedy.
pub(super) fn judge<C: Send + Sync + 'static>(
    plan: &Plan<C>,
    spec: &Spec,
    look: Option<&Look>,
) -> Result<Vec<String>> {
    let presents = plan.steps().iter().any(|step| {
        let writes = matches!(step.action(), Action::Create | Action::Update);
        let named = |attribute: &str, to: &str| attribute == "certificate" && to != "(none)";
        let changes = step.changes();
        step.address().kind == Listener::NAME
            && writes
            && changes.iter().any(|change| named(change.attribute, &change.to))
    });
    let Some(look) = look else { return Ok(Vec::new()) };
    let records = spec.dns.as_ref().map_or(&[][..], |dns| &dns.records);
    match trouble(look) {
        Some(trouble) if presents => bail!(trouble),
        Some(trouble) => Ok(vec![format!("{trouble}: {}", trouble.hint())]),
        None => Ok(warnings(look, records)),
    }
}

/// Why a load balancer does not take the certificate, if it does not.
fn trouble(look: &Look) -> Option<Trouble> {
    match look {
        Look::Hidden => None,
        Look::Missing => Some(Trouble::new(
            "load_balancer.certificate is an ARN of which ACM has no certificate",
            "copy the ARN as ACM shows it, in the stack's region and account",
        )),
        Look::There(found) if found.is_issued() => None,
        Look::There(Certificate { status, reason, .. }) => {
            let why = reason.as_ref().map(|reason| format!(", {reason}")).unwrap_or_default();
            Some(Trouble::new(
                format!(
                    "load_balancer.certificate is not issued ({status}{why}), and a load balancer \
                     takes no other"
                ),
                match &**status {
                    "PENDING_VALIDATION" => {
                        "enter the CNAME records that ACM shows for it, wait until it is issued, \
                         and run this again; until then the stack can do without it"
                    }
                    _ => "request another one, and write its ARN into the file",
                },
            ))
        }
    }
}

fn warnings(look: &Look, records: &[String]) -> Vec<String> {
    match look {
        Look::Hidden => vec![
            "whether load_balancer.certificate is issued may not be looked at \
             (acm:DescribeCertificate)"
                .into(),
        ],
        Look::Missing => Vec::new(),
        Look::There(found) => {
            let bare: Vec<_> = records.iter().filter(|name| !found.covers(name)).collect();
            let named = bare.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            let warning = format!(
                "load_balancer.certificate does not cover {named}: browsers refuse to open that \
                 (it covers {})",
                found.names.join(", ")
            );
            if bare.is_empty() { Vec::new() } else { vec![warning] }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(status: &str) -> Look {
        let names = vec!["shop.test".into()];
        Look::There(Certificate { status: status.into(), reason: None, names })
    }

    #[test]
    fn one_that_is_not_issued_is_refused_with_the_way_to_have_it_issued() {
        let pending = trouble(&there("PENDING_VALIDATION")).unwrap();
        assert!(pending.to_string().contains("not issued (PENDING_VALIDATION)"), "{pending}");
        assert!(pending.hint().contains("CNAME"), "{}", pending.hint());
        assert!(trouble(&there("EXPIRED")).unwrap().hint().contains("another one"));
        assert!(trouble(&Look::Missing).unwrap().to_string().contains("no certificate"));
        assert!(trouble(&there("ISSUED")).is_none() && trouble(&Look::Hidden).is_none());
    }

    #[test]
    fn names_that_it_does_not_cover_are_told() {
        let records = ["shop.test".to_owned(), "www.shop.test".to_owned()];
        let told = warnings(&there("ISSUED"), &records).join("");
        assert!(told.contains("does not cover www.shop.test:"), "{told}");
        assert!(warnings(&there("ISSUED"), &records[..1]).is_empty());
        assert!(warnings(&Look::Hidden, &records)[0].contains("acm:DescribeCertificate"));
    }
}
