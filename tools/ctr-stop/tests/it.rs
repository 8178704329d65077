//! The program as its callers see it, with stand-ins for the engines and ssh.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs::OpenOptions,
    os::unix::process::ExitStatusExt,
    process::{Command as Process, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use stubs::{Command, World, refused};

/// A running container with a sidecar, and one that is stopped.
const LIST: &str = r#"[
{"Id":"a","Names":["dev-a"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.project.hash":"1"}},
{"Id":"p","Names":["ctrkit-1-proxy"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.sidecar.of":"1"}},
{"Id":"b","Names":["dev-b"],"Image":"i","State":"exited","Created":1,"Labels":{"ctrkit.managed":"true"}}
]"#;

fn world() -> World {
    let world = World::new();
    world.answer("podman-ps", LIST).program("ssh");
    world
}

fn ctr_stop(world: &World, names: &[&str]) -> Command {
    let mut command = world.command(env!("CARGO_BIN_EXE_ctr-stop"));
    command.args(names);
    command
}

#[test]
fn a_signal_while_the_engine_does_not_answer_is_heard() {
    let world = world();
    world.on("podman-ps", "kill -s TERM $PPID; exec sleep 600");
    let run = ctr_stop(&world, &["dev-a"]).timeout(Duration::from_secs(60)).assert();
    assert_eq!(run.get_output().status.signal(), Some(15));
}

#[test]
fn sidecars_are_stopped_last_and_what_is_stopped_is_left_alone() {
    let world = world();
    ctr_stop(&world, &["dev-a", "dev-b"]).assert().success().stdout("").stderr("");
    let expected = [
        "podman stop -t 10 dev-a",
        "ssh -O exit dev-a",
        "podman stop -t 10 ctrkit-1-proxy",
        "ssh -O exit dev-b",
    ];
    assert_eq!(world.changes(), expected);
}

#[test]
fn ssh_reads_the_file_that_it_is_told_to() {
    let world = world();
    let mut command = ctr_stop(&world, &["dev-b"]);
    command.env("CTRKIT_SSH_CONFIG", "/a b/c").assert().success();
    let [ssh] = &world.calls()[1..] else { panic!("{:?}", world.calls()) };
    assert_eq!(ssh, &["ssh", "-F", "/a b/c", "-O", "exit", "dev-b"]);
}

#[test]
fn without_ssh_and_without_a_connection_containers_stop() {
    let world = world();
    world.refuse("ssh--O", 255, "Control socket connect(/x): No such file or directory");
    ctr_stop(&world, &["dev-a"]).assert().success().stderr("");
    std::fs::remove_file(world.path("bin/ssh")).unwrap();
    ctr_stop(&world, &["dev-a"]).assert().success().stderr("");
}

#[test]
fn an_ssh_that_hangs_is_not_waited_for() {
    let world = world();
    world.on("ssh--O", "exec sleep 60");
    let begun = Instant::now();
    ctr_stop(&world, &["dev-b"]).assert().success();
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn the_time_that_it_is_given_is_passed_on() {
    let world = world();
    ctr_stop(&world, &["dev-a", "--timeout", "0"]).assert().success();
    assert_eq!(world.changes()[0], "podman stop -t 0 dev-a");
    for wrong in ["-1", "x", "1.5"] {
        ctr_stop(&world, &["dev-a", "--timeout", wrong]).assert().code(64).stdout("");
    }
}

#[test]
fn what_is_paused_goes_on_to_be_stopped() {
    let world = world();
    world.answer("podman-ps", &LIST.replace("exited", "paused"));
    ctr_stop(&world, &["dev-b"]).assert().success();
    let expected = ["podman unpause dev-b", "podman stop -t 10 dev-b", "ssh -O exit dev-b"];
    assert_eq!(world.changes(), expected);
}

#[test]
fn the_document_has_those_that_were_named_as_they_are_now() {
    let world = world();
    let later = world.write("later", &LIST.replace("running", "exited"));
    world.on("podman-stop", &format!("cp '{}' \"$stub/podman-ps.out\"", later.display()));
    let run = ctr_stop(&world, &["dev-a", "--json"]).assert().success().stderr("");
    let document: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(document["schema"], "containers/1");
    assert_eq!(document["containers"].as_array().unwrap().len(), 1);
    assert_eq!(document["containers"][0]["status"], "stopped");
}

#[test]
fn it_works_in_a_pipe() {
    let world = world();
    let script = "echo dev-b | xargs \"$0\" --json | grep -c '\"status\":\"stopped\"'";
    let mut command = world.command("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_ctr-stop")]);
    command.assert().success().stdout("1\n");
}

#[test]
fn one_that_fails_does_not_keep_the_others_from_stopping() {
    let world = world();
    world.answer("podman-ps", &LIST.replace("exited", "running"));
    world.on("podman-stop", "case $4 in dev-a) call=fails ;; esac");
    world.refuse("fails", 125, "Error: it does not end");
    let error = refused(&mut ctr_stop(&world, &["dev-a", "dev-b"]), 69, "engine-failed");
    assert_eq!(error["message"], "cannot stop 'dev-a'");
    assert_eq!(error["causes"][0], "podman: it does not end");
    assert_eq!(world.changes()[1], "podman stop -t 10 dev-b");
}

#[test]
fn a_name_that_is_wrong_keeps_everything_as_it_is() {
    let world = world();
    refused(&mut ctr_stop(&world, &["dev-a", "dev-z"]), 69, "no-such-container");
    let theirs = r#"[{"Id":"a","Names":["theirs"],"Image":"i","State":"running","Created":1,"Labels":null}]"#;
    world.on("podman-ps", &format!("case $* in *theirs*) printf '%s' '{theirs}'; exit ;; esac"));
    refused(&mut ctr_stop(&world, &["dev-a", "theirs"]), 65, "not-managed");
    assert_eq!(world.changes(), Vec::<String>::new());
}

#[test]
fn wrong_usage_is_64() {
    let world = world();
    ctr_stop(&world, &[]).assert().code(64).stdout("");
    refused(ctr_stop(&world, &["dev-a"]).args(["--engine", "sh"]), 64, "engine-unknown");
}

#[test]
fn an_engine_that_is_absent_is_69_and_an_answer_without_sense_74() {
    let world = World::new();
    let mut absent = ctr_stop(&world, &["dev-a", "--engine", "podman-of-nowhere"]);
    refused(&mut absent, 69, "engine-absent");
    world.answer("podman-ps", "?");
    refused(&mut ctr_stop(&world, &["dev-a"]), 74, "engine-answer-unreadable");
}

#[test]
fn a_wrong_configuration_is_65_and_an_engine_that_refuses_77() {
    let world = world();
    let words = "permission denied while trying to connect to the Docker daemon socket";
    world.refuse("docker-ps", 1, words);
    refused(&mut ctr_stop(&world, &["dev-a", "--engine", "docker"]), 77, "engine-permission");
    world.write("config/config.toml", "[");
    refused(&mut ctr_stop(&world, &["dev-a"]), 65, "bad-configuration");
}

#[test]
fn a_signal_ends_it_between_two_steps() {
    let world = world();
    world.on("podman-stop", "kill -TERM \"$PPID\"");
    let mut command = Process::new(env!("CARGO_BIN_EXE_ctr-stop"));
    command.env_clear().env("PATH", world.search_path()).env("HOME", world.path("home"));
    let status = command.args(["--engine", "podman", "dev-a"]).status().unwrap();
    assert_eq!(status.signal(), Some(15));
    // What was begun is done, and nothing after it.
    assert_eq!(world.changes(), ["podman stop -t 10 dev-a", "ssh -O exit dev-a"]);
}

#[test]
fn standard_output_may_be_full_or_closed() {
    let world = world();
    let command = || {
        let mut command = Process::new(env!("CARGO_BIN_EXE_ctr-stop"));
        command.env_clear().env("PATH", world.search_path()).env("HOME", world.path("home"));
        command.args(["--engine", "podman", "--json", "dev-b"]).stderr(Stdio::piped());
        command
    };
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert_eq!(command().stdout(full).output().unwrap().status.code(), Some(74));
    let mut child = command().stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(13));
    assert!(output.stderr.is_empty());
}
