//! Every worked example through its whole life: up, nothing to do, and gone without a trace.

use crate::{
    cloud::Cloud,
    emulator,
    stackctl::{Desk, REGION, stacks},
};
use std::collections::BTreeSet;

/// The environment that examples may ask for.
const VARIABLES: [(&str, &str); 0] = [];

async fn lives_and_dies(name: &str) {
    let desk = Desk::new();
    let cloud = Cloud::new(emulator::endpoint(), &desk.account, REGION);
    let before = cloud.everything().await;
    let file = format!("{}/stacks/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let run = |args: &[&str]| {
        let mut command = desk.command(args);
        crate::stackctl::Said::of(command.envs(VARIABLES))
    };
    prerequisites(&cloud, name).await;
    let given = cloud.everything().await;

    let up = run(&["up", &file, "--yes"]);
    assert_eq!(up.code, 0, "{}", up.both());
    let plan = run(&["plan", &file, "--detailed-exitcode"]);
    assert_eq!(plan.code, 0, "{}", plan.both());
    assert!(cloud.everything().await.len() > given.len() + 10, "the tier is there");

    let protected = std::fs::read_to_string(&file).unwrap().contains("protect: true");
    if protected {
        let standing = cloud.everything().await;
        let refused = run(&["destroy", "--yes"]);
        assert_eq!(refused.code, 1, "{}", refused.both());
        assert!(refused.both().contains("protect"), "{}", refused.both());
        assert_eq!(cloud.everything().await, standing, "nothing was touched");
    }
    let gone =
        run(if protected { &["destroy", "--yes", "--unprotect"] } else { &["destroy", "--yes"] });
    assert_eq!(gone.code, 0, "{}", gone.both());
    let left: BTreeSet<_> = cloud.everything().await.difference(&given).cloned().collect();
    let snapshots = |id: &String| id.contains("snapshot");
    assert!(left.iter().all(snapshots), "left behind: {left:#?}");
    for snapshot in &left {
        let name = snapshot.rsplit(':').next().unwrap();
        assert!(gone.both().contains(name), "{name} was not announced: {}", gone.both());
    }
    assert!(before.is_subset(&cloud.everything().await), "something of others was taken");

    let again = run(&["destroy", "--stack", name_of(&file).as_str(), "--yes"]);
    assert_eq!(again.code, 0, "a second destroy is fine: {}", again.both());
}

/// What an example presumes: a zone that is there before the stack.
async fn prerequisites(cloud: &Cloud, name: &str) {
    if name == "production" {
        let zone = cloud.dns.create_hosted_zone().name("example.com").caller_reference("before");
        zone.send().await.unwrap();
    }
}

fn name_of(file: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("name:")).unwrap();
    line.split('#').next().unwrap().trim().trim_matches('"').to_owned()
}

macro_rules! lifecycles {
    ($($test:ident = $name:literal),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $test() {
                lives_and_dies($name).await;
            }
        )+

        #[test]
        fn no_example_is_forgotten() {
            let tested: BTreeSet<_> = [$($name),+].map(str::to_owned).into();
            let there: BTreeSet<_> = stacks()
                .iter()
                .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
                .collect();
            assert_eq!(tested, there);
        }
    };
}

lifecycles! {
    minimal_lives_and_dies = "minimal",
    demo_lives_and_dies = "demo",
    sticky_memory_lives_and_dies = "sticky-memory",
    memcached_lives_and_dies = "memcached",
    aurora_lives_and_dies = "aurora",
    production_lives_and_dies = "production",
}
