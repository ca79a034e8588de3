//! What ACM says of a certificate that is to be presented.

use super::{Aws, Sent, Tolerant};
use anyhow::Result;
use aws_sdk_acm::types::{CertificateDetail, CertificateStatus};

/// What one look at a certificate tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It is there.
    There(Certificate),
    /// There is none of this ARN.
    Missing,
    /// It may not be looked at.
    Hidden,
}

/// A certificate as ACM describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// In AWS's word: `ISSUED`, `PENDING_VALIDATION`.
    pub status: String,
    /// Why it was not issued, in AWS's word.
    pub reason: Option<String>,
    /// The names that it covers, in lower case; a star stands for one label.
    pub names: Vec<String>,
}

impl Certificate {
    /// Whether a load balancer takes it.
    pub fn is_issued(&self) -> bool {
        self.status == CertificateStatus::Issued.as_str()
    }

    /// Whether a browser takes it for this name. A star covers exactly one label (RFC 6125, 6.4.3),
    /// and so a record that is a star itself.
    pub fn covers(&self, name: &str) -> bool {
        let above = name.split_once('.').map(|(_, above)| above);
        self.names.iter().any(|covered| {
            covered == name || covered.strip_prefix("*.").is_some_and(|rest| Some(rest) == above)
        })
    }

    fn of(detail: &CertificateDetail) -> Self {
        let names = detail.domain_name().into_iter();
        let names = names.chain(detail.subject_alternative_names().iter().map(String::as_str));
        Self {
            status: detail.status().map_or_else(String::new, |s| s.as_str().to_owned()),
            reason: detail.failure_reason().map(|reason| reason.as_str().to_owned()),
            names: names.map(str::to_ascii_lowercase).collect(),
        }
    }
}

impl Aws {
    /// Looks at the ACM certificate of this ARN.
    ///
    /// # Errors
    /// What AWS refuses, save that it may not be looked at.
    pub async fn certificate(&self, arn: &str) -> Result<Look> {
        let call = self.acm.describe_certificate().certificate_arn(arn);
        let answer = call.send().await.aws().or_gone();
        let Some(answer) = answer.or_code(&["AccessDenied", "AccessDeniedException"])? else {
            return Ok(Look::Hidden);
        };
        let detail = answer.and_then(|answer| answer.certificate);
        Ok(detail.map_or(Look::Missing, |detail| Look::There(Certificate::of(&detail))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::ec2::bench::refusal;
    use aws_sdk_acm::{
        Client,
        operation::describe_certificate::{DescribeCertificateError, DescribeCertificateOutput},
    };
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

    async fn look(rule: Rule) -> Look {
        let acm = mock_client!(aws_sdk_acm, RuleMode::MatchAny, [&rule]);
        let aws = Aws { acm, ..Aws::offline("shop") };
        aws.certificate("arn:aws:acm:eu-west-1:111122223333:certificate/1").await.unwrap()
    }

    fn refused(code: &'static str) -> Rule {
        mock!(Client::describe_certificate)
            .then_error(|| DescribeCertificateError::generic(refusal(code)))
    }

    #[tokio::test]
    async fn its_status_and_its_names_are_read() {
        let there = mock!(Client::describe_certificate).then_output(|| {
            let detail = CertificateDetail::builder()
                .status(CertificateStatus::PendingValidation)
                .domain_name("Shop.test")
                .subject_alternative_names("*.shop.test")
                .build();
            DescribeCertificateOutput::builder().certificate(detail).build()
        });
        let Look::There(found) = look(there).await else { panic!("it is there") };
        assert!(!found.is_issued());
        assert_eq!(found.names, ["shop.test", "*.shop.test"]);
    }

    #[tokio::test]
    async fn one_that_is_not_there_is_told_from_one_that_may_not_be_seen() {
        assert_eq!(look(refused("ResourceNotFoundException")).await, Look::Missing);
        assert_eq!(look(refused("AccessDeniedException")).await, Look::Hidden);
    }

    #[test]
    fn a_star_covers_one_label() {
        let names = vec!["shop.test".into(), "*.shop.test".into()];
        let certificate = Certificate { status: "ISSUED".into(), reason: None, names };
        for covered in ["shop.test", "www.shop.test", "*.shop.test"] {
            assert!(certificate.covers(covered), "{covered}");
        }
        for bare in ["a.www.shop.test", "test", "myshop.test", "*.www.shop.test"] {
            assert!(!certificate.covers(bare), "{bare}");
        }
    }
}
