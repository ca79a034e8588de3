//! Who calls at the wrong moment is killed, and nobody else.

use super::{
    super::{Befell, Moment, Weather},
    before_yes,
    toy::Client,
};
use std::{process::Command, sync::mpsc};

/// A process that calls four times, one after another.
fn caller(endpoint: &str) -> Command {
    let mut command = Command::new("python3");
    let script = "import sys, urllib.request\n\
        for n in range(4): urllib.request.urlopen(sys.argv[1], b'Action=CreateVpc')";
    command.args(["-c", script, endpoint]).env("NO_PROXY", "127.0.0.1");
    command
}

#[test]
fn the_caller_is_killed_at_its_kth_call_before_or_after_aws_did_it() {
    let (toy, proxy, mut client) = before_yes(Weather::calm());
    client.call("iam:GetRole", "").unwrap();
    for (moment, heard) in [(Moment::Before, 2), (Moment::After, 3)] {
        let (calls, before) = (proxy.calls(), toy.heard().len());
        let output = proxy.run_and_kill(&mut caller(proxy.endpoint()), 3, moment);
        assert_eq!(output.status.code(), None, "{output:?}");
        assert_eq!(proxy.calls() - calls, 3);
        assert_eq!(toy.heard().len() - before, heard);
        let last = proxy.log().last().unwrap().clone();
        assert_eq!((last.fault, last.status), (Some(Befell::Killed), None));
        assert_eq!(last.heard, moment == Moment::After);
    }
    assert_eq!(client.call("iam:GetRole", "").unwrap().0, 200);
}

#[test]
fn who_ends_before_that_call_ends_well() {
    let (_toy, proxy, mut client) = before_yes(Weather::calm());
    let output = proxy.run_and_kill(&mut caller(proxy.endpoint()), 5, Moment::Before);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(client.call("iam:GetRole", "").unwrap().0, 200, "the plan is forgotten");
}

#[test]
fn calls_of_others_go_on_while_one_is_held() {
    let (_toy, proxy, mut client) = before_yes(Weather::calm());
    let (go, wait) = mpsc::channel::<()>();
    let (held, holding) = mpsc::channel();
    proxy.at_call(1, Moment::Before, move || {
        held.send(()).unwrap();
        wait.recv().unwrap();
    });
    let endpoint = proxy.endpoint().to_owned();
    std::thread::spawn(move || Client::of(&endpoint).call("ec2:CreateVpc", ""));
    holding.recv().unwrap();
    assert_eq!(client.call("iam:GetRole", "").unwrap().0, 200);
    go.send(()).unwrap();
    proxy.quiet();
    assert_eq!(proxy.count("*"), 2);
}
