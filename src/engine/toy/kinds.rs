//! The toy cloud's kinds, each after a trait of a real one.

use super::Toy;
use crate::engine::{
    Change, Cx, Found, Kind, Never, Pace, Phase, Plain, Probe, Problem, Ref, Refused, Swap, Table,
    Taken,
};
use anyhow::Result;
use std::{fmt, time::Duration};

/// Like a VPC: everything stands on it.
#[derive(Clone)]
pub(super) struct Net {
    pub cidr: String,
}

impl Kind for Net {
    type Cloud = Toy;
    type Live = String;
    type Edit = Never;
    const NAME: &'static str = "net";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table.fixed("cidr", |n| &n.cidr)
    }
    fn id(live: &String) -> &str {
        live
    }
    async fn discover(cloud: &Toy) -> Result<Vec<Found<Self>>> {
        Ok(cloud.all())
    }
    async fn create(&self, cx: &Cx<Toy>) -> Result<String> {
        cx.cloud.put(cx, self.clone(), vec![]).await
    }
    async fn edit(&self, edit: Never, _: &Found<Self>, _: &Cx<Toy>) -> Result<()> {
        match edit {}
    }
    async fn preflight_deletion(found: &Found<Self>, cx: &Cx<Toy>) -> Result<Vec<Problem>> {
        let holders = cx.cloud.holders(&found.live);
        let stay = holders.into_iter().filter(|id| !cx.goes::<Server>(id) && !cx.goes::<Store>(id));
        Ok(stay.map(|id| Problem::new(format!("{id} stands in it"), "remove it first")).collect())
    }
    async fn delete(found: &Found<Self>, cx: &Cx<Toy>) -> Result<()> {
        cx.cloud.remove(found).await
    }
}

/// Like an instance: replaced by making the new one first.
#[derive(Clone)]
pub(super) struct Server {
    pub net: Ref<Net>,
    pub image: String,
    pub size: u32,
}

impl Kind for Server {
    type Cloud = Toy;
    type Live = String;
    type Edit = ();
    const NAME: &'static str = "server";
    const SWAP: Swap = Swap::CreateFirst;
    const COMPLETES: Option<&'static str> = Some("size");

    fn attributes(table: Table<Self>) -> Table<Self> {
        table.fixed("net", |s| &s.net).fixed("image", |s| &s.image).tuned("size", (), |s| &s.size)
    }
    fn id(live: &String) -> &str {
        live
    }
    async fn discover(cloud: &Toy) -> Result<Vec<Found<Self>>> {
        Ok(cloud.all())
    }
    async fn taken(&self, cx: &Cx<Toy>) -> Result<Vec<Taken>> {
        // A name is unique within its net.
        let Ok(net) = cx.get(&self.net) else { return Ok(Vec::new()) };
        cx.cloud.asked.lock().unwrap().push(cx.name().to_owned());
        let taken = cx.cloud.others.lock().unwrap().contains(cx.name());
        let what = format!("server {} in {net}", cx.name());
        Ok(taken.then(|| Taken { what, whose: "somebody's".into() }).into_iter().collect())
    }
    fn disturbs((): ()) -> bool {
        true
    }
    fn goes_last(found: &Found<Self>) -> bool {
        found.spec.image.ends_with("-writer")
    }
    async fn preflight(
        &self,
        found: Option<&Found<Self>>,
        changes: &[Change],
        cx: &Cx<Toy>,
    ) -> Result<Vec<Problem>> {
        let what = if found.is_some() { "resized" } else { "made" };
        let none = !changes.is_empty() && cx.cloud.sold_out.lock().unwrap().contains(cx.name());
        let problem = || Problem::new(format!("cannot be {what}"), "choose another size");
        Ok(none.then(problem).into_iter().collect())
    }
    async fn create(&self, cx: &Cx<Toy>) -> Result<String> {
        let net = cx.get(&self.net)?;
        cx.cloud.put(cx, Self { net: Ref::found(net.clone()), ..self.clone() }, vec![net]).await
    }
    async fn edit(&self, (): (), found: &Found<Self>, cx: &Cx<Toy>) -> Result<()> {
        let net = cx.get(&self.net)?;
        let spec = Self { net: Ref::found(net.clone()), ..self.clone() };
        cx.cloud.change(found, "resize", spec, vec![net]).await
    }
    async fn delete(found: &Found<Self>, cx: &Cx<Toy>) -> Result<()> {
        cx.cloud.remove(found).await
    }
}

#[derive(Clone, PartialEq)]
pub(super) struct Stickiness {
    pub seconds: u32,
}

impl fmt::Display for Stickiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lb cookie for {}s", self.seconds)
    }
}

impl Plain for Stickiness {}

/// Like a target group that lists its members: it lets go of them at any time.
#[derive(Clone)]
pub(super) struct Group {
    pub net: Ref<Net>,
    pub port: u16,
    pub stickiness: Option<Stickiness>,
    pub members: Vec<Ref<Server>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Edit {
    Attributes,
    Members,
}

impl Group {
    fn as_found(&self, cx: &Cx<Toy>) -> Result<(Self, Vec<String>)> {
        let net = cx.get(&self.net)?;
        let members = self.members.iter().map(|m| cx.get(m)).collect::<Result<Vec<_>>>()?;
        let holds = vec![net.clone()];
        let members = members.into_iter().map(Ref::found).collect();
        Ok((Self { net: Ref::found(net), members, ..self.clone() }, holds))
    }
}

impl Kind for Group {
    type Cloud = Toy;
    type Live = String;
    type Edit = Edit;
    const NAME: &'static str = "group";

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("net", |g| &g.net)
            .fixed("port", |g| &g.port)
            .tuned("stickiness", Edit::Attributes, |g| &g.stickiness)
            .tuned("members", Edit::Members, |g| &g.members)
    }
    fn id(live: &String) -> &str {
        live
    }
    async fn discover(cloud: &Toy) -> Result<Vec<Found<Self>>> {
        Ok(cloud.all())
    }
    async fn create(&self, cx: &Cx<Toy>) -> Result<String> {
        let (spec, holds) = self.as_found(cx)?;
        cx.cloud.put(cx, spec, holds).await
    }
    async fn edit(&self, edit: Edit, found: &Found<Self>, cx: &Cx<Toy>) -> Result<()> {
        let (spec, holds) = self.as_found(cx)?;
        let what = match edit {
            Edit::Attributes => "tune",
            Edit::Members => "register",
        };
        cx.cloud.change(found, what, spec, holds).await
    }
    async fn delete(found: &Found<Self>, cx: &Cx<Toy>) -> Result<()> {
        cx.cloud.remove(found).await
    }
}

/// Like one registration with a target group: as long as it stands, its server is in service.
#[derive(Clone)]
pub(super) struct Seat {
    pub group: Ref<Group>,
    pub server: Ref<Server>,
}

impl Kind for Seat {
    type Cloud = Toy;
    type Live = String;
    type Edit = Never;
    const NAME: &'static str = "seat";
    const SWAP: Swap = Swap::CreateFirst;

    fn attributes(table: Table<Self>) -> Table<Self> {
        table.fixed("group", |s| &s.group).fixed("server", |s| &s.server)
    }
    fn id(live: &String) -> &str {
        live
    }
    async fn discover(cloud: &Toy) -> Result<Vec<Found<Self>>> {
        Ok(cloud.all())
    }
    async fn create(&self, cx: &Cx<Toy>) -> Result<String> {
        let (group, server) = (cx.get(&self.group)?, cx.get(&self.server)?);
        let spec = Self { group: Ref::found(group.clone()), server: Ref::found(server.clone()) };
        cx.cloud.put(cx, spec, vec![group, server]).await
    }
    async fn edit(&self, edit: Never, _: &Found<Self>, _: &Cx<Toy>) -> Result<()> {
        match edit {}
    }
    async fn delete(found: &Found<Self>, cx: &Cx<Toy>) -> Result<()> {
        cx.cloud.remove(found).await
    }
}

/// Like the other kind of database that the same stack could have.
#[derive(Clone)]
pub(super) struct Cluster {
    pub net: Ref<Net>,
}

impl Kind for Cluster {
    type Cloud = Toy;
    type Live = String;
    type Edit = Never;
    const NAME: &'static str = "cluster";
    const SWAP: Swap = Swap::Refuse("its data");
    const ROLE: Option<&'static str> = Some("database");

    fn attributes(table: Table<Self>) -> Table<Self> {
        table.fixed("net", |c| &c.net)
    }
    fn id(live: &String) -> &str {
        live
    }
    async fn discover(cloud: &Toy) -> Result<Vec<Found<Self>>> {
        Ok(cloud.all())
    }
    async fn create(&self, cx: &Cx<Toy>) -> Result<String> {
        let net = cx.get(&self.net)?;
        cx.cloud.put(cx, Self { net: Ref::found(net.clone()) }, vec![net]).await
    }
    async fn edit(&self, edit: Never, _: &Found<Self>, _: &Cx<Toy>) -> Result<()> {
        match edit {}
    }
    async fn delete(found: &Found<Self>, cx: &Cx<Toy>) -> Result<()> {
        cx.cloud.remove(found).await
    }
}

/// Like a database: slow to come up, never replaced, guarded, and its storage only grows.
#[derive(Clone)]
pub(super) struct Store {
    pub net: Ref<Net>,
    pub engine: String,
    pub storage: u32,
    pub protect: bool,
}

impl Kind for Store {
    type Cloud = Toy;
    type Live = String;
    type Edit = ();
    const NAME: &'static str = "store";
    const SWAP: Swap = Swap::Refuse("its data");
    const ROLE: Option<&'static str> = Some("database");
    const USUAL: Duration = Duration::from_mins(9);

    fn attributes(table: Table<Self>) -> Table<Self> {
        table
            .fixed("net", |s| &s.net)
            .fixed("engine", |s| &s.engine)
            .tuned_if("storage", (), |s| &s.storage, |w, f| w.storage >= f.storage)
            .tuned("protect", (), |s| &s.protect)
    }
    fn id(live: &String) -> &str {
        live
    }
    fn refuse(&self, found: &Found<Self>, changes: &[Change]) -> Option<Refused> {
        let shrinks = changes.iter().any(|c| c.attribute == "storage");
        (shrinks && found.spec.storage > 1000).then(|| Refused {
            says: "has grown by itself".into(),
            remedy: format!("write `storage: {}` into the file", found.spec.storage),
        })
    }
    fn guard(found: &Found<Self>) -> Option<String> {
        found.spec.protect.then(|| "it is protected".into())
    }
    async fn discover(cloud: &Toy) -> Result<Vec<Found<Self>>> {
        let (coming, broken) = (cloud.coming.lock().unwrap(), cloud.broken.lock().unwrap());
        let phase = |f: &Found<Self>| match &f.live {
            _ if f.spec.engine == "copy" => Phase::Copy,
            id if broken.contains(id) => Phase::Broken,
            id if coming.contains_key(id) => Phase::Coming,
            _ => f.phase,
        };
        Ok(cloud.all::<Self>().into_iter().map(|f| Found { phase: phase(&f), ..f }).collect())
    }
    async fn create(&self, cx: &Cx<Toy>) -> Result<String> {
        let net = cx.get(&self.net)?;
        let spec = Self { net: Ref::found(net.clone()), ..self.clone() };
        let id = cx.cloud.put(cx, spec, vec![net]).await?;
        cx.cloud.coming.lock().unwrap().insert(id.clone(), 5);
        Ok(id)
    }
    async fn settle(id: String, cx: &Cx<Toy>) -> Result<String> {
        cx.until(Pace::seconds(30, 60), async || {
            let mut coming = cx.cloud.coming.lock().unwrap();
            Ok(match coming.get_mut(&id) {
                _ if cx.cloud.broken.lock().unwrap().contains(&id) => {
                    Probe::Failed("create-failed: no capacity".into())
                }
                Some(looks) if *looks > 0 => {
                    *looks -= 1;
                    Probe::Pending("creating".into())
                }
                _ => {
                    coming.remove(&id);
                    Probe::Ready(id.clone())
                }
            })
        })
        .await
    }
    async fn edit(&self, (): (), found: &Found<Self>, cx: &Cx<Toy>) -> Result<()> {
        let net = cx.get(&self.net)?;
        let spec = Self { net: Ref::found(net.clone()), ..self.clone() };
        cx.cloud.change(found, "modify", spec, vec![net]).await
    }
    async fn delete(found: &Found<Self>, cx: &Cx<Toy>) -> Result<()> {
        cx.cloud.remove(found).await?;
        cx.cloud.broken.lock().unwrap().remove(&found.live);
        cx.cloud.coming.lock().unwrap().remove(&found.live);
        Ok(())
    }
}
