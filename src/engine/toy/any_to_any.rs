//! Any stack becomes any other, whatever breaks on the way: run again, and the plan is empty.

use super::{
    kinds::{Group, Net, Seat, Server, Stickiness},
    *,
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Shape {
    nets: Vec<(u8, u8)>,
    servers: Vec<(u8, usize, u8, u32)>,
    groups: Vec<(u8, usize, u16, u32, Vec<usize>)>,
    /// Name of the server, and which group it sits in.
    seats: Vec<(usize, usize)>,
}

fn shape() -> impl Strategy<Value = Shape> {
    let nets = prop::collection::vec((0..3u8, 0..3u8), 1..3);
    let servers = prop::collection::vec((0..4u8, 0..9usize, 0..2u8, 0..2u32), 0..5);
    let groups = prop::collection::vec(
        (0..3u8, 0..9usize, 0..2u16, 0..2u32, prop::collection::vec(0..9usize, 0..4)),
        0..3,
    );
    let seats = prop::collection::vec((0..9usize, 0..9usize), 0..4);
    (nets, servers, groups, seats).prop_map(|(nets, servers, groups, seats)| Shape {
        nets,
        servers,
        groups,
        seats,
    })
}

fn build(s: &Shape) -> Graph<Toy> {
    let mut g = Graph::default();
    let (mut nets, mut servers, mut groups) = (vec![], vec![], vec![]);
    let mut seen = BTreeSet::new();
    for (name, cidr) in &s.nets {
        if seen.insert(("n", *name)) {
            nets.push(g.add(&name.to_string(), Net { cidr: cidr.to_string() }));
        }
    }
    for (name, net, image, size) in &s.servers {
        if seen.insert(("s", *name)) {
            let net = nets[net % nets.len()].clone();
            let server = Server { net, image: image.to_string(), size: *size };
            let at = usize::from(*name);
            servers.push((at, g.member("app", at, |g| g.add(&name.to_string(), server))));
        }
    }
    for (name, net, port, sticky, members) in &s.groups {
        if seen.insert(("g", *name)) {
            let net = nets[net % nets.len()].clone();
            let picked: BTreeSet<usize> = members
                .iter()
                .filter(|_| !servers.is_empty())
                .map(|m| m % servers.len().max(1))
                .collect();
            let members = picked.into_iter().map(|m| servers[m].1.clone()).collect();
            let stickiness = Some(Stickiness { seconds: *sticky });
            let group = Group { net, port: *port, stickiness, members };
            groups.push(g.add(&name.to_string(), group));
        }
    }
    for (server, group) in s.seats.iter().filter(|_| !servers.is_empty() && !groups.is_empty()) {
        let (at, server) = servers[server % servers.len()].clone();
        if seen.insert(("seat", u8::try_from(at).unwrap())) {
            let group = groups[group % groups.len()].clone();
            g.member("app", at, |g| g.add(&at.to_string(), Seat { group, server }));
        }
    }
    g
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn any_stack_can_become_any_other(from in shape(), to in shape(), faulty in prop::collection::vec(any::<prop::sample::Index>(), 0..3)) {
        let rt = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        rt.block_on(async {
            let cloud = Arc::<Toy>::default();
            prop_assert_eq!(apply(&build(&from), &cloud, 4).await, Vec::<String>::new());
            let to = build(&to);
            let steps = plan(&to, &cloud).await.map_err(|e| TestCaseError::fail(format!("{e:#}")))?;
            let actions = steps.actions();
            let faults: BTreeSet<String> = faulty.iter().filter(|_| !actions.is_empty())
                .map(|i| i.get(&actions)).flat_map(|(a, at)| [format!("{} {at}", a.verb()), format!("register {at}")]).collect();
            let broken = !faults.is_empty();
            *cloud.faults.lock().unwrap() = faults;
            let failed = apply(&to, &cloud, 4).await;
            prop_assert!(broken || failed.is_empty(), "{:?}", failed);
            cloud.faults.lock().unwrap().clear();
            prop_assert_eq!(apply(&to, &cloud, 4).await, Vec::<String>::new());
            prop_assert!(plan(&to, &cloud).await.unwrap().is_empty());
            Ok(())
        })?;
    }
}
