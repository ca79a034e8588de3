//! What the engine promises, one scenario each. The list of their names is the specification.

use super::{
    kinds::{Group, Net, Seat, Server, Stickiness, Store},
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
    let mut g = Graph::default();
    let net = g.add("main", Net { cidr: "10.0.0.0/16".into() });
    let group =
        g.add("app", Group { net: net.clone(), port: 80, stickiness: None, members: vec![] });
    for i in 1..=members {
        let name = format!("app-{i}");
        g.member("app", i, |g| {
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
    let one = |i| {
        ["create server", "create seat", "delete seat", "delete server"]
            .map(|what| format!("{what}/app-{i}"))
    };
    assert_eq!(cloud.log(), [one(1), one(2), one(3)].concat());
    let watch = *cloud.watch.lock().unwrap();
    assert_eq!((watch.fewest_seats, watch.most_servers), (Some(3), 4));
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
