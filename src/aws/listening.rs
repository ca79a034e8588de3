//! What stands at the ports of the stack's load balancers, and what others put there.

use super::{Aws, Failure, Owned, Sent, Tolerant};
use anyhow::Result;
use aws_sdk_elasticloadbalancingv2::types::Listener;
use futures::future::try_join_all;

/// A listener of one of the stack's load balancers.
#[derive(Clone, Debug)]
pub struct Listening {
    /// As AWS describes it.
    pub listener: Listener,
    /// What its tags say; `None` where it is not the stack's.
    pub owned: Option<Owned>,
    /// The rules and certificates that it has besides its default ones, as a user knows them. The
    /// stack makes none.
    pub added: Vec<String>,
    /// The Strict-Transport-Security header that it gives to answers, if it does.
    pub hsts: Option<String>,
}

/// The listener's attribute with the value of the header Strict-Transport-Security, "" for none
/// (Application Load Balancers, "HTTP header modification").
pub const HSTS: &str = "routing.http.response.strict_transport_security.header_value";

impl Listening {
    /// Whether it stands at this port of this load balancer.
    pub fn is_at(&self, balancer: &str, port: u16) -> bool {
        self.listener.load_balancer_arn() == Some(balancer)
            && self.listener.port() == Some(port.into())
    }
}

/// What others added is good to know, and not worth a failure where it may not be listed.
const HIDDEN: &[&str] = &["AccessDenied", "AccessDeniedException"];

impl Aws {
    /// The listeners of the stack's load balancers, whosever they are, read once per inventory.
    pub async fn listening(&self) -> Result<&[Listening]> {
        let read = || Box::pin(self.read_listening());
        Ok(self.survey.listening.get_or_try_init(read).await?)
    }

    async fn read_listening(&self) -> Result<Vec<Listening>> {
        let balancers = self.balancing().await?.load_balancers.iter();
        let arns = balancers.filter_map(|(balancer, _)| balancer.load_balancer_arn());
        let all = try_join_all(arns.map(|arn| self.listeners(arn))).await?.concat();
        let arns = all.iter().filter_map(Listener::listener_arn).map(str::to_owned).collect();
        let added = try_join_all(all.iter().map(|listener| self.added(listener)));
        let added = async { Ok::<_, anyhow::Error>(added.await?) };
        let hsts = try_join_all(all.iter().map(|listener| self.hsts(listener)));
        let hsts = async { Ok(hsts.await?) };
        let (mut owned, added, hsts) = tokio::try_join!(self.owned_balancing(arns), added, hsts)?;
        let each = all.into_iter().zip(added).zip(hsts).map(|((listener, added), hsts)| {
            let owned = listener.listener_arn().and_then(|arn| owned.remove(arn));
            Listening { listener, owned, added, hsts }
        });
        Ok(each.collect())
    }

    /// All listeners of a load balancer; none when it is gone.
    pub async fn listeners(&self, balancer: &str) -> Result<Vec<Listener>, Failure> {
        let call = self.elb.describe_listeners().load_balancer_arn(balancer);
        let pages = call.into_paginator().items().send();
        let all = pages.collect::<Result<Vec<_>, _>>().await.aws().or_gone()?;
        Ok(all.unwrap_or_default())
    }

    async fn hsts(&self, listener: &Listener) -> Result<Option<String>, Failure> {
        // Browsers take the header from HTTPS only.
        let Some(arn) = listener.listener_arn().filter(|_| !listener.certificates().is_empty())
        else {
            return Ok(None);
        };
        let call = self.elb.describe_listener_attributes().listener_arn(arn);
        let answer = call.send().await.aws().or_gone()?;
        let all = answer.and_then(|answer| answer.attributes).unwrap_or_default();
        let value = all.into_iter().find(|one| one.key() == Some(HSTS)).and_then(|one| one.value);
        Ok(value.filter(|value| !value.is_empty()))
    }

    async fn added(&self, listener: &Listener) -> Result<Vec<String>, Failure> {
        let Some(arn) = listener.listener_arn() else { return Ok(Vec::new()) };
        let rules = async {
            let call = self.elb.describe_rules().listener_arn(arn);
            let pages = call.into_paginator().items().send();
            let all = pages.collect::<Result<Vec<_>, _>>().await.aws().or_code(HIDDEN).or_gone()?;
            Ok::<_, Failure>(all.flatten().unwrap_or_default())
        };
        let certificates = async {
            if listener.certificates().is_empty() {
                return Ok(Vec::new());
            }
            let call = self.elb.describe_listener_certificates().listener_arn(arn);
            let pages = call.into_paginator().items().send();
            let all = pages.collect::<Result<Vec<_>, _>>().await.aws().or_code(HIDDEN).or_gone()?;
            Ok::<_, Failure>(all.flatten().unwrap_or_default())
        };
        let (rules, certificates) = tokio::try_join!(rules, certificates)?;
        let rules = rules.iter().filter(|rule| rule.is_default() == Some(false));
        let rules = rules.map(|rule| format!("rule {}", rule.priority().unwrap_or("?")));
        let more = certificates.iter().filter(|c| c.is_default() == Some(false));
        let more = more.filter_map(|c| Some(format!("certificate {}", c.certificate_arn()?)));
        Ok(rules.chain(more).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{Tags, ec2::bench::refusal, survey::Balancing, tags};
    use aws_sdk_elasticloadbalancingv2::{
        Client,
        operation::{
            describe_listener_attributes::DescribeListenerAttributesOutput,
            describe_listener_certificates::DescribeListenerCertificatesOutput,
            describe_listeners::DescribeListenersOutput,
            describe_rules::{DescribeRulesError, DescribeRulesOutput},
            describe_tags::DescribeTagsOutput,
        },
        types::{
            Certificate, ListenerAttribute, LoadBalancer, Rule as ListenerRule, TagDescription,
        },
    };
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
    use std::collections::BTreeMap;

    fn aws(rules: &[&Rule]) -> Aws {
        let elb = mock_client!(aws_sdk_elasticloadbalancingv2, RuleMode::MatchAny, rules);
        let aws = Aws { elb, ..Aws::offline("shop") };
        let balancer = LoadBalancer::builder().load_balancer_arn("arn:lb").build();
        let owned = Owned { name: "lb".into(), tags: Tags::default(), all: BTreeMap::new() };
        aws.survey.set_balancing(Balancing {
            load_balancers: vec![(balancer, owned)],
            target_groups: Vec::new(),
        });
        aws
    }

    fn listener(port: i32) -> Listener {
        let one = Listener::builder().listener_arn(format!("arn:{port}")).port(port);
        let one = one.load_balancer_arn("arn:lb");
        match port {
            443 => one.certificates(Certificate::builder().certificate_arn("arn:ours").build()),
            _ => one,
        }
        .build()
    }

    fn listed() -> Rule {
        mock!(Client::describe_listeners).then_output(|| {
            let all = vec![listener(443), listener(8443)];
            DescribeListenersOutput::builder().set_listeners(Some(all)).build()
        })
    }

    /// The tags of the listener at port 443 alone.
    fn tagged() -> Rule {
        mock!(Client::describe_tags).then_output(|| {
            let labels = vec![
                (tags::STACK.to_owned(), "shop".to_owned()),
                (tags::NAME.to_owned(), "https".to_owned()),
            ];
            let of = TagDescription::builder().resource_arn("arn:443");
            let of = of.set_tags(Some(tags::for_elb(&labels))).build();
            DescribeTagsOutput::builder().tag_descriptions(of).build()
        })
    }

    fn with_hsts(value: &'static str) -> Rule {
        mock!(Client::describe_listener_attributes).then_output(move || {
            let one = ListenerAttribute::builder().key(HSTS).value(value).build();
            DescribeListenerAttributesOutput::builder().attributes(one).build()
        })
    }

    #[tokio::test]
    async fn whose_a_listener_is_and_what_others_added_to_it_is_known() {
        let rules = mock!(Client::describe_rules)
            .match_requests(|r| r.listener_arn() == Some("arn:443"))
            .then_output(|| {
                let usual = ListenerRule::builder().is_default(true).priority("default").build();
                let theirs = ListenerRule::builder().is_default(false).priority("7").build();
                DescribeRulesOutput::builder().rules(usual).rules(theirs).build()
            });
        let none = mock!(Client::describe_rules)
            .match_requests(|r| r.listener_arn() == Some("arn:8443"))
            .then_output(|| DescribeRulesOutput::builder().build());
        let certificates = mock!(Client::describe_listener_certificates).then_output(|| {
            let one = |arn: &str, default| {
                Certificate::builder().certificate_arn(arn).is_default(default).build()
            };
            let (ours, theirs) = (one("arn:ours", true), one("arn:theirs", false));
            let all = DescribeListenerCertificatesOutput::builder().certificates(ours);
            all.certificates(theirs).build()
        });
        let (listed, tagged) = (listed(), tagged());
        let headers = with_hsts("max-age=60");
        let aws = aws(&[&listed, &tagged, &rules, &none, &certificates, &headers]);
        let [ours, theirs] = aws.listening().await.unwrap() else { panic!("there are two") };
        assert!(ours.owned.is_some() && theirs.owned.is_none());
        assert_eq!(ours.added, ["rule 7", "certificate arn:theirs"]);
        assert_eq!((ours.hsts.as_deref(), &theirs.hsts), (Some("max-age=60"), &None));
        assert!(theirs.added.is_empty() && theirs.is_at("arn:lb", 8443));
        assert_eq!(certificates.num_calls(), 1, "only HTTPS has certificates");
    }

    #[tokio::test]
    async fn where_rules_may_not_be_listed_the_listener_is_known_all_the_same() {
        let denied = mock!(Client::describe_rules)
            .then_error(|| DescribeRulesError::generic(refusal("AccessDenied")));
        let certificates = mock!(Client::describe_listener_certificates)
            .then_output(|| DescribeListenerCertificatesOutput::builder().build());
        let (listed, tagged) = (listed(), tagged());
        let headers = with_hsts("");
        let aws = aws(&[&listed, &tagged, &denied, &certificates, &headers]);
        let all = aws.listening().await.unwrap();
        assert_eq!((all.len(), &all[0].hsts), (2, &None));
    }
}
