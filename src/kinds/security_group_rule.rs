//! What may pass to or from the members of a security group.

use super::security_group::{REVOKED, SecurityGroup};
use crate::{
    aws::{
        Aws, Failure, Sent, Tags, Tolerant,
        ec2::{SOON, tagged},
        tags,
    },
    engine::{Attribute, Cx, Found, Kind, Plain, Probe, Ref, Table, address::Link, plan::Ids},
};
use anyhow::{Result, bail};
use aws_sdk_ec2::types::{
    IpPermission, IpRange, ResourceType, SecurityGroupRule as Described, UserIdGroupPair,
};
use ipnet::Ipv4Net;
use std::fmt;

/// What may pass to or from the members of a security group.
#[derive(Clone, Debug)]
pub struct SecurityGroupRule {
    /// Whose rule it is.
    pub group: Ref<SecurityGroup>,
    /// Which way it lets pass.
    pub direction: Direction,
    /// The TCP port.
    pub port: u16,
    /// The other side.
    pub peer: Peer,
    /// The user's tags.
    pub tags: Tags,
}

/// Which way a rule lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the group's members.
    Ingress,
    /// From the group's members.
    Egress,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        })
    }
}

impl Plain for Direction {}

/// The other side of a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Peer {
    /// An address range.
    Cidr(Ipv4Net),
    /// The members of another group.
    Group(Ref<SecurityGroup>),
}

impl Attribute for Peer {
    fn show(&self) -> String {
        match self {
            Self::Cidr(cidr) => cidr.to_string(),
            Self::Group(group) => group.show(),
        }
    }
    fn met_by(&self, found: &Self, ids: &Ids) -> bool {
        match (self, found) {
            (Self::Cidr(a), Self::Cidr(b)) => a == b,
            (Self::Group(a), Self::Group(b)) => a.met_by(b, ids),
            _ => false,
        }
    }
    fn links(&self, out: &mut Vec<Link>) {
        if let Self::Group(group) = self {
            group.links(out);
        }
    }
}

/// What AWS assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleLive {
    /// The rule's id, `sgr-…`.
    pub id: String,
    /// The id of the group whose rule it is.
    pub group: String,
    /// Which way it lets pass: revoking has a call for each.
    pub direction: Direction,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `CreateTags` and `DeleteTags`.
    Tags,
}

impl Kind for SecurityGroupRule {
    type Cloud = Aws;
    type Live = RuleLive;
    type Edit = Edit;

    const NAME: &'static str = "security-group-rule";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("group", |r| &r.group)
            .fixed("direction", |r| &r.direction)
            .fixed("port", |r| &r.port)
            .fixed("peer", |r| &r.peer)
            .tuned("tags", Edit::Tags, |r| &r.tags)
    }

    fn id(live: &Self::Live) -> &str {
        &live.id
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        Ok(aws.firewall().await?.rules.iter().filter_map(|rule| Self::seen(aws, rule)).collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<RuleLive> {
        let group = cx.get(&self.group)?;
        let permission = self.permission(cx)?;
        let id = cx
            .until(SOON, || async {
                match self.authorize(&group, &permission, cx).await {
                    Ok(id) => Ok(Probe::Ready(id)),
                    Err(failure) if failure.is(&["InvalidPermission.Duplicate"]) => {
                        let twin = self.adopt(&group, &permission, cx).await?;
                        Ok(twin.map_or_else(|| Probe::Pending(failure.in_short()), Probe::Ready))
                    }
                    Err(failure) if failure.is_gone() => Ok(Probe::Pending(failure.in_short())),
                    Err(failure) => Err(failure.into()),
                }
            })
            .await?;
        Ok(RuleLive { id, group, direction: self.direction })
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        match edit {
            Edit::Tags => cx.cloud.retag_ec2(&found.live.id, &self.tags, &found.spec.tags).await,
        }
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let RuleLive { id, group, direction } = &found.live;
        Ok(revoke(id, group, *direction, cx).await?)
    }
}

/// The only protocol that anything of a stack speaks.
const TCP: &str = "tcp";

impl SecurityGroupRule {
    /// A described rule in the words in which it was wanted, if its tags say that it is ours.
    fn seen(aws: &Aws, rule: &Described) -> Option<Found<Self>> {
        let owned = aws.owned(tags::of_ec2(rule.tags()))?;
        let (id, group) = (rule.security_group_rule_id()?, rule.group_id()?);
        let direction = direction(rule);
        let spec = Self {
            group: Ref::found(group),
            direction,
            port: port(rule),
            peer: Peer::seen(rule),
            tags: owned.tags,
        };
        let live = RuleLive { id: id.to_owned(), group: group.to_owned(), direction };
        Some(Found::ready(owned.name, spec, live))
    }

    /// What it lets pass, in the words of the call that makes it.
    fn permission(&self, cx: &Cx<Aws>) -> Result<IpPermission> {
        let port = i32::from(self.port);
        let tcp = IpPermission::builder().ip_protocol(TCP).from_port(port).to_port(port);
        Ok(match &self.peer {
            Peer::Cidr(cidr) => {
                tcp.ip_ranges(IpRange::builder().cidr_ip(cidr.to_string()).build()).build()
            }
            Peer::Group(group) => {
                let pair = UserIdGroupPair::builder().group_id(cx.get(group)?).build();
                tcp.user_id_group_pairs(pair).build()
            }
        })
    }

    async fn authorize(
        &self,
        group: &str,
        permission: &IpPermission,
        cx: &Cx<Aws>,
    ) -> Result<String, Failure> {
        let ec2 = &cx.cloud.ec2;
        let tags = tagged(cx, ResourceType::SecurityGroupRule, &self.tags);
        let made = match self.direction {
            Direction::Ingress => {
                let call = ec2.authorize_security_group_ingress().group_id(group);
                let call = call.ip_permissions(permission.clone()).tag_specifications(tags);
                call.send().await.aws()?.security_group_rules
            }
            Direction::Egress => {
                let call = ec2.authorize_security_group_egress().group_id(group);
                let call = call.ip_permissions(permission.clone()).tag_specifications(tags);
                call.send().await.aws()?.security_group_rules
            }
        };
        let id = made.and_then(|mut rules| rules.pop()?.security_group_rule_id);
        id.ok_or_else(|| Failure::coded("InvalidPermission.Duplicate", "AWS told no id"))
    }

    /// Deals with the rule that says the same already, and tells the id of the one that counts.
    ///
    /// It may come from an attempt whose answer was lost, or from a hand that did what this stack
    /// wants. One that bears another name in this stack is on its way out: it is replaced, so that
    /// what is about to revoke it by its id finds nothing.
    async fn adopt(
        &self,
        group: &str,
        permission: &IpPermission,
        cx: &Cx<Aws>,
    ) -> Result<Option<String>> {
        let rules = cx.cloud.rules_in(group).await?;
        let Some(twin) = rules.iter().find(|rule| self.is_said_by(rule, permission)) else {
            return Ok(None);
        };
        let Some(id) = twin.security_group_rule_id() else { return Ok(None) };
        let stack = twin.tags().iter().find(|tag| tag.key() == Some(tags::STACK));
        match (stack.and_then(|tag| tag.value()), cx.cloud.owned(tags::of_ec2(twin.tags()))) {
            (_, Some(owned)) if owned.name == cx.name() => {}
            (_, Some(_)) => {
                revoke(id, group, self.direction, cx).await?;
                return Ok(Some(self.authorize(group, permission, cx).await?));
            }
            (Some(other), None) if other != &*cx.cloud.stack => {
                bail!("rule {id} of security group {group} says the same but is of stack {other}")
            }
            (_, None) => {
                let labels = tags::for_ec2(&cx.cloud.labels(cx.address(), &self.tags));
                cx.cloud
                    .ec2
                    .create_tags()
                    .resources(id)
                    .set_tags(Some(labels))
                    .send()
                    .await
                    .aws()?;
            }
        }
        Ok(Some(id.to_owned()))
    }

    fn is_said_by(&self, rule: &Described, permission: &IpPermission) -> bool {
        let peer = match Peer::seen(rule) {
            Peer::Cidr(cidr) => {
                permission.ip_ranges().iter().any(|r| r.cidr_ip() == Some(&cidr.to_string()))
            }
            Peer::Group(group) => {
                permission.user_id_group_pairs().iter().any(|p| p.group_id() == group.id())
            }
        };
        peer && direction(rule) == self.direction && port(rule) == self.port
    }
}

impl Peer {
    /// The other side of a described rule; one that is neither group nor IPv4 range is shown by
    /// its own id and equals nothing that can be wanted.
    fn seen(rule: &Described) -> Self {
        if let Some(cidr) = rule.cidr_ipv4().and_then(|cidr| cidr.parse().ok()) {
            return Self::Cidr(cidr);
        }
        let group = rule.referenced_group_info().and_then(|group| group.group_id());
        let other = group.or(rule.prefix_list_id()).or(rule.cidr_ipv6());
        Self::Group(Ref::found(other.unwrap_or_default()))
    }
}

/// Removes a rule by its id, if it is there.
async fn revoke(id: &str, group: &str, direction: Direction, cx: &Cx<Aws>) -> Result<(), Failure> {
    let ec2 = &cx.cloud.ec2;
    match direction {
        Direction::Ingress => {
            let call = ec2.revoke_security_group_ingress().group_id(group);
            call.security_group_rule_ids(id).send().await.aws().or_code(&REVOKED)?;
        }
        Direction::Egress => {
            let call = ec2.revoke_security_group_egress().group_id(group);
            call.security_group_rule_ids(id).send().await.aws().or_code(&REVOKED)?;
        }
    }
    Ok(())
}

fn direction(rule: &Described) -> Direction {
    if rule.is_egress() == Some(true) { Direction::Egress } else { Direction::Ingress }
}

/// The rule's TCP port; 0, which is never wanted, if it is for anything else.
fn port(rule: &Described) -> u16 {
    let one = rule
        .from_port()
        .filter(|from| rule.ip_protocol() == Some(TCP) && rule.to_port() == Some(*from));
    one.and_then(|port| u16::try_from(port).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
