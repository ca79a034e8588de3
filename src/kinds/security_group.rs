//! A named set of network interfaces that rules can speak of; its rules are a kind of their own.

use super::{inhabitants::strangers, vpc::Vpc};
use crate::{
    aws::{
        Aws, Failure, Owned, Sent, Tags, Tolerant,
        ec2::{Refusals, filter, interfaces, once_free, once_known, tagged},
        tags,
    },
    engine::{Cx, Found, Kind, Pace, Problem, Ref, Table, Taken},
};
use anyhow::{Context, Result, bail};
use aws_sdk_ec2::types::{
    IpPermission, IpRange, ResourceType, SecurityGroup as Described, SecurityGroupRule as Rule,
};

/// A named set of network interfaces that rules can speak of; its rules are a kind of their own.
#[derive(Clone, Debug)]
pub struct SecurityGroup {
    /// Where it belongs.
    pub vpc: Ref<Vpc>,
    /// What it is for; AWS never changes it.
    pub description: String,
    /// Whether it keeps AWS's rule that lets everything out.
    pub open_egress: bool,
    /// The user's tags.
    pub tags: Tags,
}

/// The calls that change it in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// `AuthorizeSecurityGroupEgress` or `RevokeSecurityGroupEgress` of the rule to everywhere.
    OpenEgress,
    /// `CreateTags` and `DeleteTags`.
    Tags,
}

impl Kind for SecurityGroup {
    type Cloud = Aws;
    type Live = String;
    type Edit = Edit;

    const NAME: &'static str = "security-group";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("vpc", |g| &g.vpc)
            .fixed("description", |g| &g.description)
            .tuned("open_egress", Edit::OpenEgress, |g| &g.open_egress)
            .tuned("tags", Edit::Tags, |g| &g.tags)
    }

    fn id(live: &Self::Live) -> &str {
        live
    }

    async fn discover(aws: &Aws) -> Result<Vec<Found<Self>>> {
        let firewall = aws.firewall().await?;
        let seen = firewall.groups.iter().map(|(group, owned)| {
            let rules = firewall.rules.iter().filter(|rule| rule.group_id() == group.group_id());
            let foreign = rules.filter(|rule| {
                aws.owned(tags::of_ec2(rule.tags())).is_none() && !is_open_egress(rule)
            });
            Self::seen(group, owned).with_notes(foreign.map(|rule| {
                format!("{} was added by someone else; it is left alone", describe(rule))
            }))
        });
        Ok(seen.collect())
    }

    async fn taken(&self, cx: &Cx<Aws>) -> Result<Vec<Taken>> {
        // The name is unique within its VPC, and there is nothing in a new one.
        let Ok(vpc) = cx.get(&self.vpc) else { return Ok(Vec::new()) };
        let name = cx.cloud.named(cx.name());
        let there = called(&vpc, &name, &cx.cloud).await?;
        let taken = |group: &Described| {
            let what = format!("security group {name}");
            cx.cloud.taken(what, tags::of_ec2(group.tags()))
        };
        Ok(there.as_ref().and_then(taken).into_iter().collect())
    }

    async fn create(&self, cx: &Cx<Aws>) -> Result<String> {
        let vpc = cx.get(&self.vpc)?;
        let name = cx.cloud.named(cx.name());
        let id = once_known(cx, || async {
            let call = cx.cloud.ec2.create_security_group().vpc_id(&vpc).group_name(&name);
            let call = call.description(&self.description);
            let call = call.tag_specifications(tagged(cx, ResourceType::SecurityGroup, &self.tags));
            match call.send().await.aws() {
                Ok(made) => made.group_id.context("AWS made it but told no id"),
                Err(failure) if failure.is(&["InvalidGroup.Duplicate"]) => {
                    made_before(&vpc, &name, failure, cx).await
                }
                Err(failure) => Err(failure.into()),
            }
        });
        let id = id.await?;
        if !self.open_egress {
            once_known(cx, || self.set_egress(&id, &cx.cloud)).await?;
        }
        Ok(id)
    }

    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        match edit {
            Edit::OpenEgress => self.set_egress(&found.live, &cx.cloud).await,
            Edit::Tags => cx.cloud.retag_ec2(&found.live, &self.tags, &found.spec.tags).await,
        }
    }

    async fn preflight_deletion(found: &Found<Self>, cx: &Cx<Aws>) -> Result<Vec<Problem>> {
        // Where the VPC goes as well, it tells of all that is in it.
        if found.spec.vpc.id().is_some_and(|vpc| cx.goes::<Vpc>(vpc)) {
            return Ok(Vec::new());
        }
        strangers(cx, "group-id", &found.live).await
    }

    async fn delete(found: &Found<Self>, cx: &Cx<Aws>) -> Result<()> {
        let id = &found.live;
        let delete =
            || async { cx.cloud.ec2.delete_security_group().group_id(id).send().await.aws() };
        match delete().await {
            Err(failure) if failure.is_in_use() => let_go_of_groups(id, &cx.cloud).await?,
            Err(failure) if failure.is_gone() => {}
            answer => return Ok(answer.map(drop)?),
        }
        let pace = Pace::seconds(10, 900);
        once_free(cx, pace, GONE, delete, || in_the_way(id, &cx.cloud)).await
    }
}

impl SecurityGroup {
    /// A described group in the words in which it was wanted.
    fn seen(group: &Described, owned: &Owned) -> Found<Self> {
        let open = |p: &IpPermission| {
            p.ip_protocol() == Some(ANY_PROTOCOL)
                && p.ip_ranges().iter().any(|range| range.cidr_ip() == Some(EVERYWHERE))
        };
        let spec = Self {
            vpc: Ref::found(group.vpc_id().unwrap_or_default()),
            description: group.description().unwrap_or_default().to_owned(),
            open_egress: group.ip_permissions_egress().iter().any(open),
            tags: owned.tags.clone(),
        };
        Found::ready(&*owned.name, spec, group.group_id().unwrap_or_default().to_owned())
    }

    /// Gives or takes the rule that AWS puts into every new group.
    async fn set_egress(&self, id: &str, aws: &Aws) -> Result<()> {
        let everywhere = IpRange::builder().cidr_ip(EVERYWHERE).build();
        let rule = IpPermission::builder().ip_protocol(ANY_PROTOCOL).ip_ranges(everywhere).build();
        if self.open_egress {
            let call = aws.ec2.authorize_security_group_egress().group_id(id).ip_permissions(rule);
            call.send().await.aws().or_code(&["InvalidPermission.Duplicate"])?;
        } else {
            let call = aws.ec2.revoke_security_group_egress().group_id(id).ip_permissions(rule);
            call.send().await.aws().or_code(&["InvalidPermission.NotFound"])?;
        }
        Ok(())
    }
}

const GONE: Refusals =
    Refusals::gone(&["InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound"]);
/// What says of rules that they are gone: one of them, or the group they were in.
pub(super) const REVOKED: [&str; 4] = [
    "InvalidSecurityGroupRuleId.NotFound",
    "InvalidPermission.NotFound",
    "InvalidGroup.NotFound",
    "InvalidSecurityGroupID.NotFound",
];
const ANY_PROTOCOL: &str = "-1";
const EVERYWHERE: &str = "0.0.0.0/0";

/// The group that has the name already, if it is ours: the answer to its creation was lost.
async fn made_before(vpc: &str, name: &str, refusal: Failure, cx: &Cx<Aws>) -> Result<String> {
    let Some(group) = called(vpc, name, &cx.cloud).await? else {
        // Not listed yet; the caller tries again.
        return Err(Failure::coded("InvalidGroup.NotFound", refusal.to_string()).into());
    };
    let owned = cx.cloud.owned(tags::of_ec2(group.tags()));
    if owned.is_none_or(|owned| owned.name != cx.name()) {
        bail!("{} stands in its place; remove or rename it", identify(&group));
    }
    group.group_id.context("AWS tells of a group without an id")
}

/// The group of this name in a VPC.
async fn called(vpc: &str, name: &str, aws: &Aws) -> Result<Option<Described>, Failure> {
    let call = aws.ec2.describe_security_groups();
    let call = call.filters(filter("vpc-id", vpc)).filters(filter("group-name", name));
    Ok(call.send().await.aws()?.security_groups.and_then(|mut all| all.pop()))
}

/// Revokes the rules in a group that is about to go that refer to other groups: where two groups
/// refer to each other, neither could go.
async fn let_go_of_groups(id: &str, aws: &Aws) -> Result<()> {
    let rules = aws.rules_in(id).await?;
    let ids = |egress| {
        let rules = rules.iter().filter(|rule| rule.referenced_group_info().is_some());
        let rules = rules.filter(|rule| rule.is_egress() == Some(egress));
        rules.filter_map(Rule::security_group_rule_id).map(str::to_owned).collect::<Vec<_>>()
    };
    let (ingress, egress) = (ids(false), ids(true));
    if !ingress.is_empty() {
        let call = aws.ec2.revoke_security_group_ingress().group_id(id);
        call.set_security_group_rule_ids(Some(ingress)).send().await.aws().or_code(&REVOKED)?;
    }
    if !egress.is_empty() {
        let call = aws.ec2.revoke_security_group_egress().group_id(id);
        call.set_security_group_rule_ids(Some(egress)).send().await.aws().or_code(&REVOKED)?;
    }
    Ok(())
}

/// The network interfaces in a group, and the other groups whose rules refer to it.
async fn in_the_way(id: &str, aws: &Aws) -> Result<Vec<String>> {
    let referring = async |name| {
        let pages = aws.ec2.describe_security_groups().filters(filter(name, id)).into_paginator();
        let all = pages.items().send().collect::<Result<Vec<_>, _>>().await.aws()?;
        Ok(all)
    };
    let (mut names, ingress, egress) = futures::try_join!(
        interfaces(aws, "group-id", id),
        referring("ip-permission.group-id"),
        referring("egress.ip-permission.group-id"),
    )?;
    let mut groups: Vec<_> = ingress
        .iter()
        .chain(&egress)
        .filter(|group| group.group_id() != Some(id))
        .map(|group| format!("a rule of {}", identify(group)))
        .collect();
    groups.sort();
    groups.dedup();
    names.extend(groups);
    Ok(names)
}

/// `security group sg-1 (their-app, of stack other)`.
fn identify(group: &Described) -> String {
    let stack = group.tags().iter().find(|tag| tag.key() == Some(tags::STACK));
    let owner = match (stack.and_then(|tag| tag.value()), group.owner_id()) {
        (Some(stack), _) => format!(", of stack {stack}"),
        (None, Some(account)) => format!(", made outside any stack in account {account}"),
        (None, None) => String::new(),
    };
    let id = group.group_id().unwrap_or("(no id)");
    format!("security group {id} ({}{owner})", group.group_name().unwrap_or_default())
}

/// Whether it is the rule that AWS puts into every new group.
fn is_open_egress(rule: &Rule) -> bool {
    rule.is_egress() == Some(true)
        && rule.ip_protocol() == Some(ANY_PROTOCOL)
        && rule.cidr_ipv4() == Some(EVERYWHERE)
}

/// `rule sgr-1 (ingress tcp 22 from 203.0.113.0/24)`.
fn describe(rule: &Rule) -> String {
    let id = rule.security_group_rule_id().unwrap_or("(no id)");
    let protocol = match rule.ip_protocol() {
        Some(ANY_PROTOCOL) | None => "everything",
        Some(protocol) => protocol,
    };
    let ports = match (rule.from_port(), rule.to_port()) {
        (Some(-1) | None, _) => String::new(),
        (Some(from), Some(to)) if from != to => format!(" {from}-{to}"),
        (Some(port), _) => format!(" {port}"),
    };
    let group = rule.referenced_group_info().and_then(|group| group.group_id());
    let peer = rule.cidr_ipv4().or(rule.cidr_ipv6()).or(group).or(rule.prefix_list_id());
    let peer = peer.unwrap_or("somewhere");
    match rule.is_egress() {
        Some(true) => format!("rule {id} (egress {protocol}{ports} to {peer})"),
        _ => format!("rule {id} (ingress {protocol}{ports} from {peer})"),
    }
}

#[cfg(test)]
mod tests;
