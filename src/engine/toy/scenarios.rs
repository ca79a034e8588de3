//! What the engine promises, one scenario each. The list of their names is the specification.

use super::{
    kinds::{Cluster, Group, Net, Seat, Server, Stickiness, Store},
    *,
};

const NONE: [&str; 0] = [];

/// net <- servers <- group.
fn tier(cidr: &str, image: &str, size: u32, sticky: u32) -> Graph<Toy> {
    let mut g = Graph::default();
    let net = g.add("main", Net { cidr: cidr.into() });
    let members = ["a", "b"]
        .map(|name| g.add(name, Server { net: net.clone(), image: image.into(), size }))
        .to_vec();
    let stickiness = Some(Stickiness { seconds: sticky });
    g.add("app", Group { net, port: 80, stickiness, members });
    g
}

/// A rolling set: net <- group <- seats -> servers.
fn rolling(members: usize, image: &str) -> Graph<Toy> {
    surging(members, image, 1)
}

/// The same, with so many replaced at a time.
fn surging(members: usize, image: &str, surge: usize) -> Graph<Toy> {
    let mut g = Graph::default();
    let net = g.add("main", Net { cidr: "10.0.0.0/16".into() });
    let group =
        g.add("app", Group { net: net.clone(), port: 80, stickiness: None, members: vec![] });
    for i in 1..=members {
        let name = format!("app-{i}");
        g.member_of(Member { set: "app".into(), index: i, surge }, |g| {
            let server = g.add(&name, Server { net: net.clone(), image: image.into(), size: 1 });
            g.add(&name, Seat { group: group.clone(), server });
        });
    }
    g
}

fn store(engine: &str) -> Store {
    Store {
        net: Graph::<Toy>::reference("main"),
        engine: engine.into(),
        storage: 20,
        protect: false,
    }
}

fn with_store(mut g: Graph<Toy>, store: Store) -> Graph<Toy> {
    if g.is_empty() {
        g.add("main", Net { cidr: "10.0.0.0/16".into() });
    }
    g.add("db", store);
    g
}

fn told(problems: Result<Vec<(Address, Problem)>>) -> Vec<String> {
    problems.unwrap().iter().map(|(at, problem)| format!("{at}: {}", problem.says)).collect()
}

async fn refusal(g: &Graph<Toy>, cloud: &Arc<Toy>) -> String {
    plan(g, cloud).await.err().expect("the plan is refused").to_string()
}

#[tokio::test(start_paused = true)]
async fn applying_twice_does_nothing_the_second_time() {
    let cloud = Arc::<Toy>::default();
    let g = tier("10.0.0.0/16", "v1", 1, 60);
    assert_eq!(apply(&g, &cloud, 8).await, NONE);
    assert_eq!(
        cloud.log(),
        ["create net/main", "create server/a", "create server/b", "create group/app"]
    );
    assert!(plan(&g, &cloud).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn destroying_is_planning_towards_nothing() {
    let cloud = Arc::<Toy>::default();
    apply(&with_store(tier("10.0.0.0/16", "v1", 1, 60), store("pg")), &cloud, 8).await;
    assert_eq!(apply(&Graph::default(), &cloud, 8).await, NONE);
    assert_eq!(cloud.log().last().unwrap(), "delete net/main");
    assert!(cloud.rows.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_tuned_attribute_is_edited_in_place() {
    let cloud = Arc::<Toy>::default();
    apply(&tier("10.0.0.0/16", "v1", 1, 60), &cloud, 8).await;
    apply(&tier("10.0.0.0/16", "v1", 2, 90), &cloud, 1).await;
    assert_eq!(cloud.log(), ["resize server/a", "resize server/b", "tune group/app"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_image_replaces_the_servers_under_a_standing_group() {
    let cloud = Arc::<Toy>::default();
    apply(&tier("10.0.0.0/16", "v1", 1, 60), &cloud, 8).await;
    let g = tier("10.0.0.0/16", "v2", 1, 60);
    assert_eq!(apply(&g, &cloud, 8).await, NONE);
    assert_eq!(
        cloud.log(),
        [
            "create server/a",
            "create server/b",
            "register group/app",
            "delete server/a",
            "delete server/b"
        ]
    );
    assert!(plan(&g, &cloud).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_nothing_refers_to_is_still_created_before_its_predecessor_goes() {
    let cloud = Arc::<Toy>::default();
    let lone = |image: &str| {
        let mut g = Graph::default();
        let net = g.add("main", Net { cidr: "10.0.0.0/16".into() });
        g.add("a", Server { net, image: image.into(), size: 1 });
        g
    };
    apply(&lone("v1"), &cloud, 8).await;
    assert_eq!(apply(&lone("v2"), &cloud, 8).await, NONE);
    assert_eq!(cloud.log(), ["create server/a", "delete server/a"]);
}

#[tokio::test(start_paused = true)]
async fn what_must_go_first_goes_only_when_all_is_there_that_its_successor_needs() {
    let cloud = Arc::<Toy>::default();
    let serving = |port, server: &str| {
        let mut g = Graph::default();
        let net = g.add("main", Net { cidr: "10.0.0.0/16".into() });
        let one = g.add(server, Server { net: net.clone(), image: "v1".into(), size: 1 });
        g.add("app", Group { net, port, stickiness: None, members: vec![one] });
        g
    };
    apply(&serving(80, "a"), &cloud, 8).await;
    assert_eq!(apply(&serving(81, "b"), &cloud, 8).await, NONE);
    assert_eq!(
        cloud.log(),
        ["create server/b", "delete group/app", "create group/app", "delete server/a"]
    );
}

#[tokio::test(start_paused = true)]
async fn members_of_a_rolling_set_are_replaced_one_after_another_and_never_fewer_in_service() {
    let cloud = Arc::<Toy>::default();
    apply(&rolling(3, "v1"), &cloud, 8).await;
    let g = rolling(3, "v2");
    assert_eq!(apply(&g, &cloud, 8).await, NONE);
    let log = cloud.log();
    let place = |what: &str| log.iter().position(|l| l == what).unwrap();
    for i in 1..=3 {
        let one = ["create server", "create seat", "delete seat", "delete server"];
        let one = one.map(|what| place(&format!("{what}/app-{i}")));
        assert!(one.is_sorted(), "{log:?}");
        // The next one is begun once the one before serves nobody any more.
        assert!(i == 3 || one[2] < place(&format!("create server/app-{}", i + 1)), "{log:?}");
    }
    let watch = *cloud.watch.lock().unwrap();
    assert_eq!(watch.fewest_seats, Some(3));
    assert!(watch.most_servers <= 5, "one more in service, one that is being terminated");
    assert!(plan(&g, &cloud).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_fails_stops_the_roll_and_leaves_the_others_in_service() {
    let cloud = Arc::<Toy>::default();
    apply(&rolling(3, "v1"), &cloud, 8).await;
    cloud.faults.lock().unwrap().insert("create seat/app-2".into());
    let failed = apply(&rolling(3, "bad"), &cloud, 8).await;
    assert!(failed.contains(&"create server/app-3: waits for seat/app-2".into()), "{failed:?}");
    assert_eq!(cloud.watch.lock().unwrap().fewest_seats, Some(3));
    cloud.faults.lock().unwrap().clear();
    assert_eq!(apply(&rolling(3, "v1"), &cloud, 8).await, NONE);
    assert!(plan(&rolling(3, "v1"), &cloud).await.unwrap().is_empty());
    assert_eq!(cloud.all::<Server>().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_rolling_set_shrinks_only_after_what_stays_is_renewed() {
    let cloud = Arc::<Toy>::default();
    apply(&rolling(4, "v1"), &cloud, 8).await;
    assert_eq!(apply(&rolling(1, "v2"), &cloud, 8).await, NONE);
    let log = cloud.log();
    let place = |what: &str| log.iter().position(|l| l == what).unwrap();
    assert!(place("create seat/app-1") < place("delete seat/app-4"));
    assert_eq!(cloud.watch.lock().unwrap().fewest_seats, Some(1));
}

#[tokio::test(start_paused = true)]
async fn replacing_the_network_replaces_what_stands_on_it_in_reverse_and_back() {
    let cloud = Arc::<Toy>::default();
    apply(&tier("10.0.0.0/16", "v1", 1, 60), &cloud, 8).await;
    let g = tier("10.9.0.0/16", "v1", 1, 60);
    assert_eq!(apply(&g, &cloud, 8).await, NONE);
    assert_eq!(
        cloud.log(),
        [
            "delete group/app",
            "delete server/a",
            "delete server/b",
            "delete net/main",
            "create net/main",
            "create server/a",
            "create server/b",
            "create group/app"
        ]
    );
    assert!(plan(&g, &cloud).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_store_is_never_replaced_and_every_refusal_is_told_at_once() {
    let cloud = Arc::<Toy>::default();
    let two = |engine: &str, storage| {
        let mut g = with_store(Graph::default(), Store { storage, ..store("pg15") });
        g.add("second", store(engine));
        g
    };
    apply(&two("pg15", 50), &cloud, 8).await;
    assert_eq!(
        refusal(&two("pg16", 20), &cloud).await,
        "store/db would have to be replaced, and with it its data (storage: 50 -> 20); \
         store/second would have to be replaced, and with it its data (engine: pg15 -> pg16)"
    );
}

#[tokio::test(start_paused = true)]
async fn an_attribute_is_edited_where_it_may_and_refused_where_it_may_not() {
    let cloud = Arc::<Toy>::default();
    let sized = |storage| with_store(Graph::default(), Store { storage, ..store("pg") });
    apply(&sized(20), &cloud, 8).await;
    assert_eq!(apply(&sized(50), &cloud, 8).await, NONE);
    assert_eq!(cloud.log(), ["modify store/db"]);
    assert!(refusal(&sized(20), &cloud).await.contains("storage: 50 -> 20"));
}

#[tokio::test(start_paused = true)]
async fn a_guarded_resource_is_an_obstacle_to_the_plan_that_deletes_it() {
    let cloud = Arc::<Toy>::default();
    let g = with_store(Graph::default(), Store { protect: true, ..store("pg") });
    apply(&g, &cloud, 8).await;
    let plan = plan(&Graph::default(), &cloud).await.unwrap();
    let obstacles: Vec<_> = plan.obstacles().iter().map(|(a, why)| format!("{a}: {why}")).collect();
    assert_eq!(obstacles, ["store/db: it is protected"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_holds_back_only_what_needs_it_and_the_next_run_finishes() {
    let cloud = Arc::<Toy>::default();
    cloud.faults.lock().unwrap().insert("create server/b".into());
    let g = with_store(tier("10.0.0.0/16", "v1", 1, 60), store("pg"));
    let failed = apply(&g, &cloud, 8).await;
    assert_eq!(
        failed,
        [
            "cannot create server/b: create server/b was refused",
            "create group/app: waits for server/b"
        ]
    );
    cloud.faults.lock().unwrap().clear();
    apply(&g, &cloud, 8).await;
    assert_eq!(cloud.log(), ["create server/b", "create group/app"]);
    assert!(plan(&g, &cloud).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_more_than_allowed_run_at_once() {
    let cloud = Arc::<Toy>::default();
    let mut g = Graph::default();
    (0..20).for_each(|i| drop(g.add(&i.to_string(), Net { cidr: i.to_string() })));
    apply(&g, &cloud, 3).await;
    assert_eq!(cloud.watch.lock().unwrap().most_calls, 3);
}

#[tokio::test(start_paused = true)]
async fn the_longest_pole_is_started_first() {
    let cloud = Arc::<Toy>::default();
    let g = with_store(tier("10.0.0.0/16", "v1", 1, 60), store("pg"));
    apply(&g, &cloud, 1).await;
    assert_eq!(cloud.log()[..2], ["create net/main", "create store/db"]);
}

#[tokio::test(start_paused = true)]
async fn a_removed_resource_is_deleted_after_it_was_let_go() {
    let cloud = Arc::<Toy>::default();
    apply(&tier("10.0.0.0/16", "v1", 1, 60), &cloud, 8).await;
    let mut g = Graph::default();
    let net = g.add("main", Net { cidr: "10.0.0.0/16".into() });
    let a = g.add("a", Server { net: net.clone(), image: "v1".into(), size: 1 });
    g.add("app", Group { net, port: 80, stickiness: None, members: vec![a] });
    assert_eq!(apply(&g, &cloud, 8).await, NONE);
    assert_eq!(cloud.log(), ["register group/app", "delete server/b"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_longer_wanted_stays_until_what_stands_in_for_it_is_there() {
    let cloud = Arc::<Toy>::default();
    apply(&with_store(Graph::default(), store("pg")), &cloud, 8).await;
    let mut g = Graph::default();
    let net = g.add("main", Net { cidr: "10.0.0.0/16".into() });
    g.add("a", Server { net, image: "v1".into(), size: 1 });
    cloud.faults.lock().unwrap().insert("create server/a".into());
    assert_eq!(apply(&g, &cloud, 8).await.len(), 2);
    assert_eq!(cloud.all::<Store>().len(), 1);
    cloud.faults.lock().unwrap().clear();
    assert_eq!(apply(&g, &cloud, 8).await, NONE);
    assert_eq!(cloud.log(), ["create server/a", "delete store/db"]);
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_left_on_its_way_is_waited_for() {
    let cloud = Arc::<Toy>::default();
    let g = with_store(Graph::default(), store("pg"));
    apply(&g, &cloud, 8).await;
    let id = cloud.all::<Store>()[0].live.clone();
    cloud.coming.lock().unwrap().insert(id.clone(), 99);
    let late = apply(&g, &cloud, 8).await;
    assert_eq!(late, ["cannot wait for store/db: still creating after 60s"]);
    cloud.coming.lock().unwrap().insert(id, 3);
    assert_eq!(
        plan(&g, &cloud).await.unwrap().actions(),
        [(Action::Await, "store/db".to_string())]
    );
    assert_eq!(apply(&g, &cloud, 8).await, NONE);
    assert!(plan(&g, &cloud).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_failed_for_good_is_made_anew_by_the_next_run() {
    let cloud = Arc::<Toy>::default();
    let g = with_store(Graph::default(), store("pg"));
    cloud.broken.lock().unwrap().insert("store-2".into());
    let failed = apply(&g, &cloud, 8).await;
    assert_eq!(failed, ["cannot create store/db: create-failed: no capacity"]);
    assert_eq!(apply(&g, &cloud, 8).await, NONE);
    assert_eq!(cloud.log(), ["delete store/db", "create store/db"]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_starts_nothing_new_and_the_next_one_finishes() {
    let cloud = Arc::<Toy>::default();
    let g = with_store(tier("10.0.0.0/16", "v1", 1, 60), store("pg"));
    let stop = Stop::default();
    let raise = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        stop.raise();
    };
    let (left, ()) = tokio::join!(apply_until(&g, &cloud, 2, stop.clone()), raise);
    // At 1.5 s the network stands, and the store and one server are in flight: their calls end.
    assert_eq!(cloud.log(), ["create net/main", "create store/db", "create server/a"]);
    assert_eq!(
        left,
        [
            "create server/b: interrupted",
            "create store/db: interrupted",
            "create group/app: interrupted"
        ]
    );
    assert_eq!(apply(&g, &cloud, 8).await, NONE);
    assert!(plan(&g, &cloud).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_end_is_left_when_the_grace_is_over() {
    let stop = Stop::default();
    stop.raise();
    let cloud = Arc::<Toy>::default();
    let before = tokio::time::Instant::now();
    let left = apply_until(&tier("10.0.0.0/16", "v1", 1, 60), &cloud, 8, stop).await;
    assert_eq!((left.len(), cloud.log()), (4, vec![]));
    assert!(before.elapsed() <= crate::engine::run::GRACE);
}

#[tokio::test(start_paused = true)]
async fn names_that_others_have_are_told_before_anything_is_made_under_them() {
    let cloud = Arc::new(Toy::default());
    cloud.others.lock().unwrap().insert("b".into());
    let tier = tier("10.0.0.0/16", "v1", 1, 60);
    let told = async || -> Vec<String> {
        let taken = plan(&tier, &cloud).await.unwrap().taken(&cloud).await.unwrap();
        taken.iter().map(|(at, taken)| format!("{at}: {taken}")).collect()
    };
    assert_eq!(told().await, NONE, "there is nobody in a net that is not there yet");
    let mut net = Graph::default();
    net.add("main", Net { cidr: "10.0.0.0/16".into() });
    assert_eq!(apply(&net, &cloud, 8).await, NONE);
    assert_eq!(told().await, ["server/b: server b in net-1 (somebody's)"]);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_about_to_be_made_or_completed_is_asked_about() {
    let cloud = Arc::new(Toy::default());
    assert_eq!(apply(&tier("10.0.0.0/16", "v1", 1, 60), &cloud, 8).await, NONE);
    let asked = async |graph: &Graph<Toy>| {
        plan(graph, &cloud).await.unwrap().taken(&cloud).await.unwrap();
        std::mem::take(&mut *cloud.asked.lock().unwrap())
    };
    assert_eq!(asked(&tier("10.0.0.0/16", "v1", 1, 60)).await, NONE, "nothing changes");
    assert_eq!(asked(&tier("10.0.0.0/16", "v1", 1, 90)).await, NONE, "nothing is made");
    assert_eq!(asked(&Graph::default()).await, NONE, "all goes");
    assert_eq!(asked(&tier("10.0.0.0/16", "v2", 1, 60)).await, ["a", "b"], "replaced");
    assert_eq!(asked(&tier("10.0.0.0/16", "v1", 2, 60)).await, ["a", "b"], "completed");
}

#[tokio::test(start_paused = true)]
async fn a_roll_does_not_wait_for_what_is_out_of_service_to_be_cleared_away() {
    let cloud = Arc::<Toy>::default();
    apply(&rolling(3, "v1"), &cloud, 8).await;
    let plan = plan(&rolling(3, "v2"), &cloud).await.unwrap();
    let at = |what: (Action, &str)| {
        plan.actions().iter().position(|(a, at)| (*a, at.as_str()) == what).unwrap()
    };
    let next = &plan.steps()[at((Action::Create, "server/app-2"))];
    assert!(next.after().contains(&at((Action::Delete, "seat/app-1"))), "drained");
    assert!(!next.after().contains(&at((Action::Delete, "server/app-1"))), "not yet terminated");
}

#[tokio::test(start_paused = true)]
async fn a_surge_replaces_some_members_at_a_time() {
    let cloud = Arc::<Toy>::default();
    apply(&surging(6, "v1", 2), &cloud, 8).await;
    let began = tokio::time::Instant::now();
    assert_eq!(apply(&surging(6, "v2", 2), &cloud, 8).await, NONE);
    let by_two = began.elapsed();
    let watch = *cloud.watch.lock().unwrap();
    assert_eq!(watch.fewest_seats, Some(6));
    assert!(watch.most_servers <= 10, "{} at most", watch.most_servers);
    let began = tokio::time::Instant::now();
    apply(&surging(6, "v3", 1), &cloud, 8).await;
    assert!(by_two * 3 < began.elapsed() * 2, "by two it takes about half as long");
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_is_in_service_before_the_next_member_is_replaced() {
    let cloud = Arc::<Toy>::default();
    apply(&rolling(2, "v1"), &cloud, 8).await;
    // An earlier run has replaced the first member, and it is not in service yet.
    for row in cloud.rows.lock().unwrap().values_mut() {
        if let Some(found) = row.found.downcast_ref::<Found<Server>>()
            && &*found.name == "app-1"
        {
            let spec = Server { image: "v2".into(), ..found.spec.clone() };
            row.found = Arc::new(Found { spec, phase: Phase::Coming, ..found.clone() });
        }
    }
    let plan = plan(&rolling(2, "v2"), &cloud).await.unwrap();
    let at = |what: (Action, &str)| {
        plan.actions().iter().position(|(a, at)| (*a, at.as_str()) == what).unwrap()
    };
    let next = &plan.steps()[at((Action::Create, "server/app-2"))];
    assert!(next.after().contains(&at((Action::Await, "server/app-1"))));
}

#[tokio::test(start_paused = true)]
async fn members_are_changed_one_after_another_where_that_interrupts_and_the_writer_last() {
    let cloud = Arc::<Toy>::default();
    let cluster = |size| {
        let mut g = Graph::default();
        let net = g.add("main", Net { cidr: "10.0.0.0/16".into() });
        for (i, image) in ["v1-writer", "v1", "v1"].iter().enumerate() {
            g.member("db", i, |g| {
                let server = Server { net: net.clone(), image: (*image).into(), size };
                g.add(&format!("db-{i}"), server);
            });
        }
        g
    };
    apply(&cluster(1), &cloud, 8).await;
    assert_eq!(apply(&cluster(2), &cloud, 8).await, NONE);
    assert_eq!(cloud.log(), ["resize server/db-1", "resize server/db-2", "resize server/db-0"]);
    assert_eq!(cloud.watch.lock().unwrap().most_calls, 1);
}

#[tokio::test(start_paused = true)]
async fn a_copy_with_the_tags_of_the_stack_is_told_of_and_left_alone() {
    let cloud = Arc::<Toy>::default();
    let g = with_store(Graph::default(), store("pg"));
    apply(&g, &cloud, 8).await;
    let copy = Store { engine: "copy".into(), ..store("pg") };
    let note = ["store-9 is a copy".to_owned()];
    let row = Found::ready("db", copy, "store-9".to_owned()).with_notes(note);
    let row = Row { found: Arc::new(row), holds: vec![] };
    cloud.rows.lock().unwrap().insert("store-9".into(), row);
    let plan = plan(&g, &cloud).await.unwrap();
    assert!(plan.is_empty());
    assert_eq!(plan.notes()[0].1, "store-9 is a copy");
    assert_eq!(apply(&Graph::default(), &cloud, 8).await, NONE);
    assert!(cloud.rows.lock().unwrap().contains_key("store-9"), "not even a destroy takes it");
}

#[tokio::test(start_paused = true)]
async fn a_store_of_another_kind_in_place_of_one_with_data_is_refused() {
    let cloud = Arc::<Toy>::default();
    apply(&with_store(Graph::default(), store("pg")), &cloud, 8).await;
    let mut other = Graph::default();
    let net = other.add("main", Net { cidr: "10.0.0.0/16".into() });
    other.add("db", Cluster { net });
    assert_eq!(
        refusal(&other, &cloud).await,
        "store/db would have to go for cluster/db, and with it what is in this database"
    );
    let mut without = Graph::default();
    without.add("main", Net { cidr: "10.0.0.0/16".into() });
    assert_eq!(apply(&without, &cloud, 8).await, NONE, "taken out on purpose");
    assert_eq!(apply(&other, &cloud, 8).await, NONE);
    assert!(plan(&other, &cloud).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_a_kind_refuses_is_told_with_its_own_remedy() {
    let cloud = Arc::<Toy>::default();
    let sized = |storage| with_store(Graph::default(), Store { storage, ..store("pg") });
    apply(&sized(2000), &cloud, 8).await;
    let error = plan(&sized(20), &cloud).await.err().unwrap();
    assert_eq!(error.to_string(), "store/db has grown by itself (storage: 2000 -> 20)");
    let refusals = error.downcast_ref::<Refusals>().unwrap();
    assert_eq!(refusals.remedies(), "write `storage: 2000` into the file");
}

#[tokio::test(start_paused = true)]
async fn what_the_cloud_would_refuse_is_told_before_anything_is_done() {
    let cloud = Arc::<Toy>::default();
    apply(&tier("10.0.0.0/16", "v1", 1, 60), &cloud, 8).await;
    cloud.sold_out.lock().unwrap().insert("b".into());
    let problems =
        async |g: &Graph<Toy>| told(plan(g, &cloud).await.unwrap().problems(&cloud).await);
    assert_eq!(
        problems(&tier("10.0.0.0/16", "v1", 1, 90)).await,
        NONE,
        "only what changes is asked"
    );
    assert_eq!(problems(&tier("10.0.0.0/16", "v2", 1, 60)).await, ["server/b: cannot be made"]);
    assert_eq!(problems(&tier("10.0.0.0/16", "v1", 2, 60)).await, ["server/b: cannot be resized"]);
}

#[tokio::test(start_paused = true)]
async fn what_goes_with_the_plan_keeps_nothing_from_going() {
    let cloud = Arc::<Toy>::default();
    apply(&with_store(Graph::default(), store("pg")), &cloud, 8).await;
    let nothing = Graph::default();
    assert_eq!(told(plan(&nothing, &cloud).await.unwrap().problems(&cloud).await), NONE);
    let net = cloud.all::<Net>()[0].live.clone();
    let row = Found::ready("db", Store { engine: "copy".into(), ..store("pg") }, "store-9".into());
    let row = Row { found: Arc::new(row), holds: vec![net] };
    cloud.rows.lock().unwrap().insert("store-9".into(), row);
    let plan = plan(&nothing, &cloud).await.unwrap();
    assert_eq!(told(plan.problems(&cloud).await), ["net/main: store-9 stands in it"]);
}
