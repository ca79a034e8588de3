//! From a file to a plan: what `plan` shows and `up` carries out.

use super::{
    Session, certificates,
    connect::{Way, Where, here},
    consent::Stakes,
    memory::Memory,
    reading::{as_ourselves, farewells, inventory, offers, standing_zones, zones},
    turn::{LockArgs, is_of_one_moment},
    which::{Chosen, FileArgs},
};
use crate::{
    aws::{Aws, Identity, certificates::Look, lock::Standing},
    blueprint::{self, Facts},
    cost::Monthly,
    engine::{self, Graph, Inventory, Kind, Plan, Problems},
    kinds::{DbInstance, DnsRecord, HostedZone, hosted_zone::zone_id},
    sessions::{Advice, Mode, Shift, advice, impacts},
    spec::Spec,
    ui::{
        Trouble,
        plan::{Place, Shown, Summary},
        words::plural,
    },
};
use anyhow::{Result, bail, ensure};
use std::{collections::BTreeSet, path::Path, sync::Arc};
use tokio::time::Instant;

/// A plan, and what it was made from.
pub(super) struct Preview {
    pub chosen: Chosen,
    pub spec: Spec,
    pub way: Way,
    pub identity: Identity,
    /// What the file wants.
    graph: Graph<Aws>,
    /// What there is to say of it whatever the plan is.
    warnings: Vec<Advice>,
    /// What was there.
    pub inventory: Inventory<Aws>,
    pub plan: Plan<Aws>,
    pub shown: Shown,
    /// What wants consent.
    pub stakes: Stakes,
    /// What AWS would not carry out.
    problems: Problems,
    /// How it stood with the stack's lock.
    pub standing: Standing,
    /// When reading began.
    pub began: Instant,
}

impl Preview {
    /// The same for what the cloud has become.
    ///
    /// # Errors
    /// What is wrong with the way to AWS; refused replacements; what AWS would not carry out.
    pub(super) async fn anew(self) -> Result<Self> {
        let anew = self.again().await?;
        ensure!(anew.problems.0.is_empty(), anew.problems);
        Ok(anew)
    }

    /// The same if this were there.
    ///
    /// # Errors
    /// Refused replacements.
    pub(super) fn as_if(&self, inventory: &Inventory<Aws>) -> Result<(Plan<Aws>, Shown, Stakes)> {
        let Self { spec, way, identity, graph, warnings, .. } = self;
        let plan = Plan::new(graph, inventory.clone())?;
        let (shown, stakes) =
            picture(spec, &way.aws, identity, graph, inventory, &plan, warnings.clone());
        Ok((plan, shown, stakes))
    }

    /// Refuses a command that is to do one thing only, unless that `is_all` there is to do.
    ///
    /// # Errors
    /// When there is more to do, or nothing of the stack is there; `would` is what the command would do then.
    pub(super) fn refuse_more(&self, is_all: bool, would: &str) -> Result<()> {
        ensure!(
            is_all && !self.inventory.is_empty(),
            Trouble::new(
                format!("`{}` is not as its file says, and {would}", self.chosen.name),
                "see `stackctl plan`, and run `stackctl up` first",
            )
        );
        Ok(())
    }

    async fn again(self) -> Result<Self> {
        let Self { chosen, spec, way, .. } = self;
        Box::pin(look(chosen, spec, Way { aws: way.aws.afresh() })).await
    }
}

/// Reads the file and the cloud, and compares them. `lock` is how long a command that writes waits
/// for others.
///
/// # Errors
/// What is wrong with the file, the credentials or the way to AWS; refused replacements; names that
/// others have; what AWS would not carry out.
pub(super) async fn preview(
    file: &FileArgs,
    to: &Where,
    lock: Option<LockArgs>,
    session: &Session,
) -> Result<Preview> {
    let (chosen, spec) = file.choose(Path::new(""))?;
    let way = Box::pin(to.open(&chosen, session)).await?;
    let mut preview = Box::pin(look(chosen, spec, way)).await?;
    while !preview.problems.0.is_empty() {
        let Preview { way, standing, began, .. } = &preview;
        if is_of_one_moment(&way.aws, standing, *began, lock, session).await? {
            bail!(preview.problems);
        }
        preview = Box::pin(preview.again()).await?;
    }
    if preview.inventory.is_empty()
        && let Some(there) =
            preview.chosen.memory.as_ref().and_then(|m| elsewhere(m, &preview.way.aws))
    {
        session.ui.warn(format_args!(
            "`{}` was brought up {there} from here; this would be a second one",
            preview.chosen.name
        ));
    }
    Ok(preview)
}

/// Where a remembered stack is, if that is not where the way leads.
fn elsewhere(memory: &Memory, aws: &Aws) -> Option<String> {
    let Memory { region, endpoint, .. } = memory;
    if (region, endpoint) == (&aws.region, &aws.endpoint) {
        return None;
    }
    let at = endpoint.as_ref().map_or(String::new(), |endpoint| format!(" at {endpoint}"));
    Some(format!("in {region}{at}"))
}

/// Reads the cloud, and compares it with what the file says.
async fn look(chosen: Chosen, spec: Spec, way: Way) -> Result<Preview> {
    let began = Instant::now();
    let reading = read(&way.aws, Some(&spec));
    let (identity, found) = as_ourselves(&way.aws, Some(&spec), reading).await?;
    let graph = wanted(&spec, &way.aws, &identity, &found)?;
    let plan = Plan::new(&graph, found.inventory.clone())?;
    let cloud = Arc::new(way.aws.clone());
    let (problems, ()) = tokio::try_join!(plan.problems(&cloud), refuse_taken(&plan, &cloud))?;
    let problems = Problems(problems);
    let mut warnings = advice(&spec);
    let of_certificate = certificates::judge(&plan, &spec, found.certificate.as_ref())?;
    warnings.extend(of_certificate.into_iter().map(Advice::from));
    let inventory = found.inventory;
    let (shown, stakes) =
        picture(&spec, &way.aws, &identity, &graph, &inventory, &plan, warnings.clone());
    let standing = way.aws.parameters().await?.standing.clone();
    Ok(Preview {
        chosen,
        spec,
        way,
        identity,
        graph,
        warnings,
        inventory,
        plan,
        shown,
        stakes,
        problems,
        standing,
        began,
    })
}

/// What is shown of a plan, and what it does to users that wants consent.
fn picture(
    spec: &Spec,
    aws: &Aws,
    identity: &Identity,
    graph: &Graph<Aws>,
    inventory: &Inventory<Aws>,
    plan: &Plan<Aws>,
    warnings: Vec<Advice>,
) -> (Shown, Stakes) {
    let then = blueprint::mode_to_be(Mode::wanted(spec), graph);
    let shown = Shown::new(plan, Place::of(aws, identity), warnings).with_mode(&then);
    let shift = Shift { today: blueprint::mode(inventory), then: Some(then) };
    let impacts = impacts(&shift, plan);
    let databases = inventory.of::<DbInstance>();
    let unsaved: Vec<_> =
        databases.filter(|db| db.spec.backup_days == Some(0)).map(engine::Found::address).collect();
    let mut stakes = Stakes::of_plan(plan, &shift, &impacts, &unsaved);
    let mut shown = shown.with_impacts(&shift, impacts).with_farewells(farewells(inventory));
    // An emulator on this machine costs nothing.
    if here(aws).is_none() {
        let monthly = Monthly::of(graph.described());
        if inventory.is_empty() {
            stakes.add(first_creation(&Place::of(aws, identity), shown.summary, &monthly));
        }
        shown = shown.with_cost(monthly);
    }
    (shown, stakes)
}

/// What the first creation of a stack wants consent for.
fn first_creation(place: &Place, summary: Summary, monthly: &Monthly) -> String {
    let Place { stack, region, account, .. } = place;
    let resources = plural(summary.create, "resource");
    format!("makes {resources} of `{stack}` in {region}, account {account}, for {monthly}")
}

/// What a plan is made from besides the file.
pub(super) struct Found {
    pub inventory: Inventory<Aws>,
    zones: Vec<String>,
    /// The zones that offer the instance type, where that had to be asked.
    offers: Option<BTreeSet<String>>,
    /// The zone that was there before the stack, if its records go into one.
    hosted_zone: Option<String>,
    /// What ACM says of the certificate that the file names.
    certificate: Option<Look>,
}

/// Reads it, all at once.
///
/// # Errors
/// The first listing that fails.
pub(super) async fn read(aws: &Aws, spec: Option<&Spec>) -> Result<Found> {
    let hosted_zone = async {
        match spec.and_then(|spec| spec.dns.as_ref()).filter(|dns| !dns.create_zone) {
            Some(dns) => zone_id(aws, &dns.zone).await,
            None => Ok(None),
        }
    };
    let certificate = async {
        match spec.and_then(|spec| spec.load_balancer.certificate.as_deref()) {
            Some(arn) => aws.certificate(arn).await.map(Some),
            None => Ok(None),
        }
    };
    let (inventory, zones, hosted_zone, certificate) = tokio::try_join!(
        inventory(aws),
        Box::pin(zones(aws)),
        Box::pin(hosted_zone),
        Box::pin(certificate)
    )?;
    let offers = match spec {
        Some(spec) => Box::pin(offers(aws, spec, &inventory)).await?,
        None => None,
    };
    Ok(Found { inventory, zones, offers, hosted_zone, certificate })
}

/// Names that others have are refused now, all of them, not one by one in the middle of a run.
async fn refuse_taken(plan: &Plan<Aws>, aws: &Arc<Aws>) -> Result<()> {
    let taken = plan.taken(aws).await?;
    let of = |kind| taken.iter().any(|(at, _)| at.kind == kind);
    let rename = taken
        .iter()
        .any(|(at, _)| !matches!(at.kind, DnsRecord::NAME | HostedZone::NAME))
        .then_some(
            "remove what has a name of this stack's if nobody needs it, or give the stack another \
             name: what is others' is never touched",
        );
    let repoint = of(DnsRecord::NAME).then_some(
        "for a DNS record: remove that record, or take the name out of `dns.records`; records of \
         others are never overwritten",
    );
    let zone = of(HostedZone::NAME).then_some(
        "for the hosted zone: take `create_zone: true` out, and the records go into the one that \
         is there",
    );
    let hint: Vec<_> = [rename, repoint, zone].into_iter().flatten().collect();
    let hint = hint.join(". ");
    let told: Vec<_> = taken.iter().map(|(_, taken)| format!("\n  {taken}")).collect();
    let all = if let [_] = &*taken { "a name" } else { "names" };
    ensure!(
        taken.is_empty(),
        Trouble::new(
            format!(
                "nothing was changed, for others have {all} that this stack needs:{}",
                told.concat()
            ),
            hint,
        )
    );
    Ok(())
}

/// What the file wants.
///
/// # Errors
/// When the region cannot hold it.
pub(super) fn wanted(
    spec: &Spec,
    aws: &Aws,
    identity: &Identity,
    found: &Found,
) -> Result<Graph<Aws>> {
    let facts = Facts {
        zones: found.zones.clone(),
        stands: standing_zones(&found.inventory),
        offers: found.offers.clone(),
        hosted_zone: found.hosted_zone.clone(),
        region: aws.region.clone(),
        account: identity.account.clone(),
        partition: identity.partition().to_owned(),
    };
    let mut graph = blueprint::draw(spec, &facts)?;
    blueprint::recall(&mut graph, &found.inventory, &aws.region);
    blueprint::keep_held(&mut graph, &found.inventory, spec.load_balancer.algorithm);
    Ok(graph)
}
