//! AWS takes its time, knows things late, refuses for a while, or gives a thing up: a run waits and
//! tries again, or ends with AWS's reason, and the next one mends it.

use super::{Calm, Site, for_each, tell};
use crate::proxy::{
    Befell, Thing, Until, Weather,
    refusals::{BUSY, IN_USE, NOT_KNOWN_YET, Passing},
};
use std::{collections::BTreeSet, sync::Mutex};

/// Everything is still being made for so many looks.
fn held(reads: u32) -> Weather {
    let hold = |weather: Weather, thing| weather.hold(thing, Until::Reads(reads));
    Thing::ALL.into_iter().fold(Weather::calm(), hold)
}

#[test]
fn states_that_last_and_answers_that_lag_are_waited_out() {
    let calm = Calm::of("demo");
    let slow = [
        ("everything took long", held(4), None),
        ("nothing new was known", Weather::calm().newborn(3), Some(Befell::NotFound)),
        ("reads were old", Weather::calm().stale(3), Some(Befell::Stale)),
        ("all took long and was known late", held(2).newborn(2).stale(2), Some(Befell::Stale)),
    ];
    for_each(slow, |(what, weather, sign)| {
        let site = Site::new("demo", weather.clone());
        site.up();
        match sign {
            Some(sign) => assert!(site.proxy.faults().contains_key(&sign), "{what}"),
            None => assert!(site.proxy.count("rds:DescribeDBInstances") > 4, "{what}"),
        }
        site.proxy.set(Weather::calm());
        site.assert_stands(&calm, &what);
        site.proxy.set(weather);
        site.destroy();
        site.assert_gone(&calm, &what);
    });
}

/// What can be refused in a life, each so many times; what was is noted.
fn refused(example: &'static str, with: &[Passing], times: u64, met: &Mutex<BTreeSet<Refused>>) {
    let calm = Calm::of(example);
    let refuse = |weather: Weather, passing| weather.refuse(passing, times);
    let site = Site::new(example, with.iter().fold(Weather::calm(), refuse));
    let after = format!("{times} refusals of each of {} calls for {example}", with.len());
    site.live(&calm, &after);

    let log = site.proxy.log();
    let refused = log.iter().filter(|record| record.fault == Some(Befell::Refused));
    let said: Vec<_> = refused.map(|r| (r.call.clone(), r.error.clone())).collect();
    let was = |passing: &&Passing| {
        let on = passing.on.trim_end_matches('*');
        said.iter()
            .any(|(call, code)| call.starts_with(on) && code.as_deref() == Some(passing.code))
    };
    met.lock().unwrap().extend(with.iter().filter(was).map(|passing| (passing.on, passing.code)));
}

/// A call and a wire code.
type Refused = (&'static str, &'static str);

#[test]
fn whatever_is_refused_for_a_while_is_tried_until_it_is_done() {
    let all = [&IN_USE[..], &NOT_KNOWN_YET, &BUSY].concat();
    let met = Mutex::new(BTreeSet::new());
    let lives: [(_, &[_], _); 5] = [
        ("demo", &IN_USE, 3),
        ("demo", &NOT_KNOWN_YET, 3),
        ("demo", &BUSY, 2),
        ("memcached", &all, 2),
        ("aurora", &all, 2),
    ];
    for_each(lives, |(example, with, times)| refused(example, with, times, &met));

    let met = met.into_inner().unwrap();
    let known: BTreeSet<_> = all.iter().map(|passing| (passing.on, passing.code)).collect();
    let unmet: Vec<_> = known.difference(&met).collect();
    // It is for an instance that AWS started without its profile.
    assert_eq!(unmet, [&("ec2:AssociateIamInstanceProfile", "InvalidParameterValue")]);
    tell("refusals", format_args!("{} passing refusals waited out", met.len()));
}

#[test]
fn what_aws_gives_up_is_told_with_its_reason_and_made_anew_by_the_next_run() {
    let calm = Weather::calm;
    let dooms = [
        ("demo", calm().doom(Thing::NatGateway), "nat-gateway/", "insufficient free addresses"),
        ("demo", calm().doom(Thing::LoadBalancer), "load-balancer/", "too few free addresses"),
        ("demo", calm().doom(Thing::ReplicationGroup), "replication-group/", "create-failed"),
        ("demo", calm().doom(Thing::Instance), "instance/", "Server.InsufficientInstanceCapacity"),
        ("demo", calm().doom(Thing::DbInstance), "db-instance/", "failed"),
        (
            "demo",
            calm().doom_as(Thing::DbInstance, "incompatible-network"),
            "db-instance/",
            "incompatible-network",
        ),
        ("memcached", calm().doom(Thing::CacheCluster), "cache-cluster/", "incompatible-network"),
        ("aurora", calm().doom(Thing::DbCluster), "db-cluster/", "failed"),
        (
            "aurora",
            calm().doom_as(Thing::DbInstance, "incompatible-parameters"),
            "db-instance/",
            "incompatible-parameters",
        ),
    ];
    let all = dooms.len();
    for_each(dooms, |(example, weather, what, why)| {
        let calm = Calm::of(example);
        let site = Site::new(example, weather);
        let after = format!("a {what} of {example} that AWS gave up ({why})");
        let up = site.desk.run(&["up", &site.file, "--yes"]);
        assert_eq!(up.code, 1, "{after}: {}", up.both());
        let said = up.err.contains(&format!("cannot create {what}")) && up.err.contains(why);
        assert!(said, "{after}: {}", up.err);
        // What failed goes on being shown as failed, and the next of its kind comes to be.
        site.live(&calm, &after);
    });
    tell("dooms", format_args!("{all} failures for good, told and mended"));
}
