//! The program as its callers see it, with stand-ins for the engines: what a real
//! container withstands is seen in the end-to-end tests.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::Value;
use stubs::{Command, World, refused};

const LIST: &str = r#"{"ID":"ab","Names":"dev-a","Image":"i","State":"running","CreatedAt":"2026-11-22 08:00:00 +0000 UTC","Ports":"","Labels":{"ctrkit.managed":"true","ctrkit.project.hash":"0"}}
"#;

const INSPECT: &str = r#"[{"Mounts":[],"State":{"Pid":0},"Config":{"Env":["https_proxy=http://10.0.0.2:8080"]},"NetworkSettings":{"Ports":{},"Networks":{"n":{"IPAddress":"10.0.0.4"}}},"HostConfig":{"PidsLimit":512,"RestartPolicy":{"Name":"no"}}}]"#;

const NETWORK: &str = r#"[{"Name":"n","Id":"c0","Driver":"bridge","Internal":true,"IPAM":{"Config":[{"Subnet":"10.0.0.0/28"}]},"Options":{"com.docker.network.bridge.inhibit_ipv4":"true"}}]"#;

fn world() -> World {
    let world = World::new();
    world.answer("docker-ps", LIST).answer("docker-container-inspect", INSPECT);
    world.answer("docker-network-inspect", NETWORK);
    world
}

fn ctr_verify(world: &World, args: &[&str]) -> Command {
    let mut command = world.command(env!("CARGO_BIN_EXE_ctr-verify"));
    command.env("CTRKIT_ENGINE", "docker").args(args);
    command
}

#[test]
fn a_helper_that_does_not_answer_proves_nothing() {
    let world = world();
    let run = ctr_verify(&world, &["dev-a", "--quick", "--json"]).assert().code(69);
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&document["schema"], &document["verdict"]),
        (&"verify/1".into(), &"untested".into())
    );
    let container = &document["containers"][0];
    assert_eq!(container["proxy"], "10.0.0.2:8080");
    let probes = container["probes"].as_array().unwrap();
    let verdict =
        |id: &str| probes.iter().find(|probe| probe["id"] == id).unwrap()["verdict"].clone();
    for id in ["outside-address", "proxy-refuses", "capabilities", "authority-key", "ipv6"] {
        assert_eq!(verdict(id), "untested", "{id}");
    }
    // What the engine says by itself is known.
    assert_eq!((verdict("networks"), verdict("pids-limit")), ("held".into(), "held".into()));
}

#[test]
fn a_helper_that_never_ends_a_line_is_ended() {
    let world = world();
    world.answer("docker-create", "be\n");
    world.on("docker-cp", "/bin/cat >/dev/null");
    world.on("docker-start", "while printf '%65536s'; do :; done");
    let run = ctr_verify(&world, &["dev-a", "--quick", "--json"]).assert().code(69);
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    assert!(text.contains("the helper ended before it had answered"), "{text}");
}

#[test]
fn for_prove_what_was_not_tried_is_a_failure() {
    let world = world();
    let run = ctr_verify(&world, &["dev-a", "--quick"]).assert().code(69);
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    assert!(text.starts_with("TAP version 13\n"), "{text}");
    assert!(text.contains(" # SKIP helper-failed: "), "{text}");
    let last: Vec<_> = text.lines().rev().take(2).collect();
    let number = last[0].strip_prefix("1..").unwrap();
    assert_eq!(last[1], format!("not ok {number} - each probe could be made"));
}

#[test]
fn what_was_put_in_is_taken_out_again() {
    let world = world();
    ctr_verify(&world, &["dev-a", "--quick"]).assert().code(69);
    let calls: Vec<_> = world.calls().iter().map(|call| call[1..].join(" ")).collect();
    let at = |part: &str| calls.iter().position(|call| call.contains(part));
    let put = at("cp - ab:/").unwrap();
    let removed = at("exec --user 0:0 ab /.ctrkit-verify remove").unwrap();
    assert!(put < removed, "{calls:?}");
}

#[test]
fn what_cannot_be_verified_is_refused() {
    let stopped = LIST.replace("running", "exited");
    let foreign = LIST.replace("ctrkit.managed", "x");
    for (list, args, status, kind) in [
        (stopped.as_str(), &["dev-a"][..], 69, "not-running"),
        (foreign.as_str(), &["dev-a"], 65, "not-managed"),
        (LIST, &["dev-b"], 69, "no-such-container"),
        (LIST, &["--container", "\u{1b}[31m"], 69, "no-such-container"),
        ("", &["--project", "p"], 69, "empty-project"),
        (LIST, &["dev-a", "--proxy", "nowhere"], 64, "bad-proxy"),
        (LIST, &["dev-a", "--proxy", "10.0.0.2"], 64, "bad-proxy"),
        (LIST, &["dev-a", "--secret-check"], 66, "no-secret"),
        (LIST, &["dev-a", "--secret-check", "--secret", "/nowhere"], 66, "cannot-read-file"),
    ] {
        let world = World::new();
        world.answer("docker-ps", list).answer("docker-container-inspect", INSPECT);
        world.answer("docker-network-inspect", NETWORK);
        refused(&mut ctr_verify(&world, args), status, kind);
    }
}

#[test]
fn a_wrong_command_line_is_one() {
    let world = world();
    for args in [
        &["dev-a", "--container", "x"][..],
        &["--project", "p", "--container", "x"],
        &["dev-a", "--secret", "f"],
        &["dev-a", "--secret-check", "--quick"],
        &["dev-a", "dev-b"],
    ] {
        ctr_verify(&world, args).assert().code(64);
    }
}
