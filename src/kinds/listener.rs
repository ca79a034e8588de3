//! A port of the load balancer and what happens to requests that come in there.

use super::{load_balancer::LoadBalancer, target_group::TargetGroup};
use crate::{
    aws::{
        Aws, Failure, Owned, Sent, Tags, Tolerant,
        ec2::once_known,
        eventually,
        listening::{HSTS, Listening},
        tags,
    },
    engine::{
        Attribute, Cx, Found, Kind, Pace, Plain, Ref, Table, Taken, address::Link, plan::Ids,
    },
};
use anyhow::{Context, Result, bail};
use aws_sdk_elasticloadbalancingv2::types::{
    Action as Does, ActionTypeEnum, Certificate, ListenerAttribute, ProtocolEnum,
    RedirectActionConfig, RedirectActionStatusCodeEnum,
};
use std::fmt;

#[cfg(test)]
mod tests;

/// A port of the load balancer and what happens to requests that come in there.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Whose port it is.
    pub load_balancer: Ref<LoadBalancer>,
    /// The port.
    pub port: u16,
    /// The ACM certificate, which makes it HTTPS.
    pub certificate: Option<String>,
    /// Which versions and ciphers of TLS it takes, where it takes any.
    pub tls: Option<Tls>,
    /// The Strict-Transport-Security header that answers get.
    pub hsts: Hsts,
    /// What happens to a request.
    pub action: Action,
    /// Where a redirect leads, which must be there first.
    pub https: Option<Ref<Listener>>,
    /// The user's tags.
    pub tags: Tags,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A target of the group answers it.
    Forward(Ref<TargetGroup>),
    /// The client is sent to port 443 of the same host.
    RedirectToHttps,
    /// Something that is never wanted, in AWS's word: found where somebody changed it by hand.
    Other(String),
}

impl Attribute for Action {
    fn show(&self) -> String {
        match self {
            Self::Forward(group) => format!("forward to {}", group.show()),
            Self::RedirectToHttps => "redirect to HTTPS".into(),
            Self::Other(what) => what.clone(),
        }
    }
    fn met_by(&self, found: &Self, ids: &Ids) -> bool {
        match (self, found) {
            (Self::Forward(a), Self::Forward(b)) => a.met_by(b, ids),
            (a, b) => a == b,
        }
    }
    fn links(&self, out: &mut Vec<Link>) {
        if let Self::Forward(group) = self {
            group.links(out);
        }
    }
}

/// The value of the header Strict-Transport-Security, if answers get one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hsts(pub Option<String>);

impl fmt::Display for Hsts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("off"))
    }
}

impl Plain for Hsts {}

/// Which versions and ciphers of TLS a listener takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// What AWS recommends, or in partitions without that what comes next.
    Recommended,
    /// A policy by its name.
    Named(String),
}

impl Attribute for Tls {
    fn show(&self) -> String {
        match self {
            Self::Recommended => POLICIES[0].into(),
            Self::Named(policy) => policy.clone(),
        }
    }
    fn met_by(&self, found: &Self, _: &Ids) -> bool {
        match (self, found) {
            (Self::Recommended, Self::Named(policy)) => POLICIES.contains(&policy.as_str()),
            (wanted, found) => wanted == found,
        }
    }
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `ModifyListener` with protocol, certificate and TLS policy.
    Protocol,
    /// `ModifyListener` with the default action.
    Action,
    /// `ModifyListenerAttributes`.
    Attributes,
    /// `AddTags` and `RemoveTags`.
    Tags,
}

/// TLS 1.3 and 1.2 with post-quantum key exchange, as AWS recommends (Application Load Balancers,
/// "Security policies"); and what every partition knows.
const POLICIES: [&str; 2] =
    ["ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", "ELBSecurityPolicy-TLS13-1-2-2021-06"];

/// Fresh certificates and target groups are not known everywhere at once, and a target group lets
/// go of its last load balancer some time after the listener there is gone.
const SOON: Pace = Pace::seconds(5, 120);

impl Kind for Listener {
    type Cloud = Aws;
    type Live = String;
    type Edit = Edit;

    const NAME: &'static str = "listener";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("load_balancer", |l| &l.load_balancer)
            .fixed("port", |l| &l.port)
            .tuned("certificate", Edit::Protocol, |l| &l.certificate)
            .tuned("tls", Edit::Protocol, |l| &l.tls)
            .tuned("hsts", Edit::Attributes, |l| &l.hsts)
            .tuned("action", Edit::Action, |l| &l.action)
            .needs(|l| &l.https)
            .tuned("tags", Edit::Tags, |l| &l.tags)
    }

    fn id(live: &Self::Live) -> &str {
        live
    }

    async fn discover(cloud: &Aws) -> Result<Vec<Found<Self>>> {
        let all = cloud.listening().await?.iter();
        // What others put at a port of the load balancer is theirs.
        let ours = all.filter_map(|one| Some(Self::read(one, one.owned.as_ref()?)));
        ours.collect()
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        let Ok(balancer) = cx.get(&self.load_balancer) else { return Ok(Vec::new()) };
        let mut all = cx.cloud.listening().await?.iter().filter(|one| one.owned.is_none());
        let there = all.find(|one| one.is_at(&balancer.arn, self.port));
        let what = format!("port {} of the load balancer", self.port);
        cx.cloud.taken_balancing(&what, there.and_then(|one| one.listener.listener_arn())).await
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<Self::Live> {
        let aws = &cx.cloud;
        let balancer = cx.get(&self.load_balancer)?.arn;
        let labels = aws.labels(cx.address(), &self.tags);
        let call = aws
            .elb
            .create_listener()
            .load_balancer_arn(&balancer)
            .port(self.port.into())
            .protocol(self.protocol())
            .set_certificates(self.certificates())
            .default_actions(self.action.does(cx)?)
            .set_tags(Some(tags::for_elb(&labels)));
        let made = self
            .with_policy(cx, |policy| {
                let call = call.clone().set_ssl_policy(policy);
                async move { call.send().await.aws().or_code(&["DuplicateListener"]) }
            })
            .await?;
        if let Some(made) = made {
            let made = made.listeners.unwrap_or_default().into_iter().next();
            let arn = made.and_then(|l| l.listener_arn);
            let arn = arn.context("made, but AWS does not show it")?;
            self.put_first_attributes(cx, &arn).await?;
            return Ok(arn);
        }
        // An answer was lost on the way, or somebody else was there first.
        let all = aws.listeners(&balancer).await?;
        let same = all.into_iter().find(|l| l.port() == Some(self.port.into()));
        let arn = same.and_then(|l| l.listener_arn);
        let arn = arn.with_context(|| format!("port {} is taken, but not shown", self.port))?;
        aws.claim(&arn, &format!("a listener at port {}", self.port)).await?;
        self.put_protocol(cx, &arn).await?;
        self.put_action(cx, &arn).await?;
        self.put_first_attributes(cx, &arn).await?;
        let call = aws.elb.add_tags().resource_arns(&arn);
        call.set_tags(Some(tags::for_elb(&labels))).send().await.aws()?;
        Ok(arn)
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        match edit {
            Edit::Protocol => self.put_protocol(cx, &found.live).await,
            Edit::Action => self.put_action(cx, &found.live).await,
            Edit::Attributes => self.put_attributes(cx, &found.live).await,
            Edit::Tags => cx.cloud.retag_elb(&found.live, &self.tags, &found.spec.tags).await,
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let call = cx.cloud.elb.delete_listener().listener_arn(&found.live);
        call.send().await.aws().or_gone()?;
        Ok(())
    }
}

impl Listener {
    /// What the listener at this port is called: `http`, `https`, or by its number.
    pub fn name_of(port: u16) -> String {
        match port {
            80 => "http".into(),
            443 => "https".into(),
            other => format!("port-{other}"),
        }
    }

    fn read(here: &Listening, owned: &Owned) -> Result<Found<Self>> {
        let one = &here.listener;
        let arn = one.listener_arn().context("a listener without an ARN")?;
        let port = u16::try_from(one.port().context("a listener without a port")?)?;
        let balancer = one.load_balancer_arn().context("a listener without a load balancer")?;
        let spec = Self {
            load_balancer: Ref::found(balancer),
            port,
            certificate: one
                .certificates()
                .first()
                .and_then(Certificate::certificate_arn)
                .map(str::to_owned),
            tls: one.ssl_policy().map(|policy| Tls::Named(policy.into())),
            hsts: Hsts(here.hsts.clone()),
            action: Action::seen(one.default_actions()),
            https: None,
            tags: owned.tags.clone(),
        };
        let found = Found::ready(Self::name_of(port), spec, arn.to_owned());
        Ok(match &*here.added {
            [] => found,
            added => found.with_notes([format!(
                "others added {}: that is left alone, and goes when the listener goes",
                added.join(", ")
            )]),
        })
    }

    fn protocol(&self) -> ProtocolEnum {
        if self.certificate.is_some() { ProtocolEnum::Https } else { ProtocolEnum::Http }
    }

    fn certificates(&self) -> Option<Vec<Certificate>> {
        let arn = self.certificate.as_ref()?;
        Some(vec![Certificate::builder().certificate_arn(arn).build()])
    }

    /// Sends with the TLS policy that is wanted, which is the best that AWS knows here unless it is
    /// named; or with none where there is no TLS.
    async fn with_policy<T, F>(&self, cx: &Cx<Aws>, call: impl Fn(Option<String>) -> F) -> Result<T>
    where
        F: Future<Output = Result<T, Failure>> + Send,
    {
        let [best, known] = match &self.tls {
            None => [None, None],
            Some(Tls::Named(policy)) => [Some(policy.clone()), Some(policy.clone())],
            Some(Tls::Recommended) => POLICIES.map(|policy| Some(policy.to_owned())),
        };
        let sent = eventually(cx, SOON, is_too_early, || {
            let answer = Box::pin(call(best.clone()));
            async move { answer.await.or_code(&["SSLPolicyNotFound"]) }
        })
        .await?;
        match sent {
            Some(answer) => Ok(answer),
            None => eventually(cx, SOON, is_too_early, || Box::pin(call(known.clone()))).await,
        }
    }

    async fn put_protocol(&self, cx: &Cx<Aws>, arn: &str) -> Result<()> {
        let call = cx.cloud.elb.modify_listener().listener_arn(arn).protocol(self.protocol());
        let call = call.set_certificates(self.certificates());
        self.with_policy(cx, |policy| {
            let call = call.clone().set_ssl_policy(policy);
            async move { call.send().await.aws().map(drop) }
        })
        .await
    }

    /// A new listener has none.
    async fn put_first_attributes(&self, cx: &Cx<Aws>, arn: &str) -> Result<()> {
        if self.hsts.0.is_some() { self.put_attributes(cx, arn).await } else { Ok(()) }
    }

    async fn put_attributes(&self, cx: &Cx<Aws>, arn: &str) -> Result<()> {
        let value = self.hsts.0.clone().unwrap_or_default();
        let hsts = ListenerAttribute::builder().key(HSTS).value(value).build();
        let call = cx.cloud.elb.modify_listener_attributes().listener_arn(arn).attributes(hsts);
        // One that was made a moment ago may be unknown yet.
        once_known(cx, || {
            let call = call.clone();
            async move { Ok(call.send().await.aws().map(drop)?) }
        })
        .await
    }

    async fn put_action(&self, cx: &Cx<Aws>, arn: &str) -> Result<()> {
        let call = cx.cloud.elb.modify_listener().listener_arn(arn);
        let call = call.default_actions(self.action.does(cx)?);
        eventually(cx, SOON, is_too_early, || {
            let call = call.clone();
            async move { call.send().await.aws().map(drop) }
        })
        .await
    }
}

impl Action {
    fn does(&self, cx: &Cx<Aws>) -> Result<Does> {
        let does = Does::builder();
        Ok(match self {
            Self::Forward(group) => {
                does.r#type(ActionTypeEnum::Forward).target_group_arn(cx.get(group)?.arn).build()
            }
            Self::RedirectToHttps => {
                does.r#type(ActionTypeEnum::Redirect).redirect_config(to_https()).build()
            }
            Self::Other(what) => bail!("{what} cannot be asked for"),
        })
    }

    fn seen(actions: &[Does]) -> Self {
        let [action] = actions else { return Self::Other(format!("{} actions", actions.len())) };
        let weighted = action.forward_config().map_or(0, |f| f.target_groups().len());
        match (action.r#type(), action.target_group_arn(), action.redirect_config()) {
            (Some(ActionTypeEnum::Forward), Some(group), _) if weighted <= 1 => {
                Self::Forward(Ref::found(group))
            }
            (Some(ActionTypeEnum::Redirect), _, Some(to)) if *to == to_https() => {
                Self::RedirectToHttps
            }
            (does, ..) => Self::Other(does.map_or("nothing", ActionTypeEnum::as_str).to_owned()),
        }
    }
}

/// To the same place by HTTPS, for good.
fn to_https() -> RedirectActionConfig {
    RedirectActionConfig::builder()
        .protocol("HTTPS")
        .port("443")
        .host("#{host}")
        .path("/#{path}")
        .query("#{query}")
        .status_code(RedirectActionStatusCodeEnum::Http301)
        .build()
}

fn is_too_early(failure: &Failure) -> bool {
    failure.is(&[
        "CertificateNotFound",
        "UnsupportedCertificate",
        "TargetGroupNotFound",
        "TargetGroupAssociationLimit",
    ])
}
