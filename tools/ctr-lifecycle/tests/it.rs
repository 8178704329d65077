//! The program as its callers see it, with stand-ins for the engine, the
//! devcontainers CLI and ctr-rm(1).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use stubs::{Command, World, refused};

/// The container as an engine lists it.
const LIST: &str = r#"[{"Id":"12ab","Names":["dev-a"],"Image":"i","State":"running","Created":1,
"Labels":{"ctrkit.managed":"true"}}]"#;

/// What the CLI answers with where all is well.
const GOOD: &str = r#"{"outcome":"success","result":"done"}"#;

/// And where a command has failed, of which the output was shown before.
const BAD: &str = r#"{"outcome":"error","message":"Command failed: sh -c false",
"description":"The postCreateCommand in the devcontainer.json failed."}"#;

/// What a command wrote, as the CLI says it.
const OUTPUT: &str =
    r#"printf '%s\n' '{"type":"raw","level":3,"text":"hello\r\n","channel":"postCreate"}' >&2"#;

struct Made {
    world: World,
    program: PathBuf,
}

impl Made {
    fn new() -> Self {
        let world = World::new();
        world.program("devcontainer");
        world.program("ctr-rm");
        world.answer("podman-ps", LIST);
        world.answer("devcontainer-run-user-commands", GOOD);
        world.on("devcontainer-run-user-commands", OUTPUT);
        let program = world.install(env!("CARGO_BIN_EXE_ctr-lifecycle"));
        Self { world, program }
    }

    /// A world in which a command fails.
    fn failing() -> Self {
        let made = Self::new();
        let answer = BAD.replace('\n', "");
        made.world.answer("devcontainer-run-user-commands", &answer);
        made.world.on("devcontainer-run-user-commands", ":");
        made.world.write("stub/devcontainer-run-user-commands.status", "1\n");
        made
    }

    fn run(&self, args: &[&str], input: impl Into<Vec<u8>>) -> Command {
        let mut command = self.world.command(&self.program);
        command.args(args).write_stdin(input);
        command
    }

    /// Returns the calls of what is not the engine.
    fn calls(&self, program: &str) -> Vec<Vec<String>> {
        self.world.calls().into_iter().filter(|call| call[0] == program).collect()
    }
}

/// A document as ctr-up(1) has written it, which had to make `made`.
fn document(made: &[&str]) -> Value {
    json!({"schema": "container/1", "name": "dev-a", "unknown": [1],
        "project": {"path": "/p", "name": "p", "hash": "0123456789ab"},
        "devcontainer": {"config": "/c/devcontainer.json", "mode": "image", "own": "/p/.devcontainer.json"},
        "state": {"status": "running", "made": made}})
}

fn text(document: &Value) -> String {
    document.to_string()
}

#[test]
fn a_document_without_a_devcontainer_goes_through() {
    let made = Made::new();
    let mut plain = document(&["dev-a"]);
    plain.as_object_mut().unwrap().remove("devcontainer");
    let run = made.run(&[], text(&plain)).assert().success().stderr("");
    let out: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(out, plain);
    assert!(made.world.calls().is_empty());
}

#[test]
fn commands_are_run_in_the_container_and_what_they_write_is_shown() {
    let made = Made::new();
    let document = document(&["dev-a"]);
    let run = made.run(&[], text(&document)).assert().success();
    let out: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(out, document);
    let shown = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(shown.lines().any(|line| line == "hello"), "{shown}");
    let calls = made.calls("devcontainer");
    assert_eq!(calls.len(), 1);
    let has = |pair: [&str; 2]| calls[0].windows(2).any(|words| words == pair);
    assert_eq!(calls[0][1], "run-user-commands");
    assert!(has(["--container-id", "12ab"]) && has(["--workspace-folder", "/p"]), "{calls:?}");
    assert!(has(["--id-label", "devcontainer.config_file=/p/.devcontainer.json"]), "{calls:?}");
    assert!(made.calls("ctr-rm").is_empty());
}

#[test]
fn a_command_that_fails_takes_back_what_was_made_for_it() {
    let made = Made::failing();
    let input = text(&document(&["dev-a", "vol-a"]));
    let error = refused(&mut made.run(&[], input), 69, "command-failed");
    assert!(error["message"].as_str().unwrap().contains("postCreateCommand"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("--keep"), "{error}");
    assert_eq!(made.calls("ctr-rm"), [["ctr-rm", "dev-a"]]);
    assert!(made.world.changes().contains(&"podman volume rm vol-a".to_owned()));
}

#[test]
fn what_was_there_before_stays_and_so_does_what_is_to_be_kept() {
    for (args, made_before) in [(&["--keep"][..], &["dev-a", "vol-a"][..]), (&[], &[])] {
        let made = Made::failing();
        let input = text(&document(made_before));
        refused(&mut made.run(args, input), 69, "command-failed");
        assert!(made.calls("ctr-rm").is_empty(), "{args:?}");
        assert!(!made.world.changes().iter().any(|call| call.contains("volume rm")), "{args:?}");
    }
}

#[test]
fn that_it_cannot_be_taken_back_is_told() {
    let made = Made::failing();
    made.world.refuse("ctr-rm-dev-a", 69, "ctr-rm: error: work would be lost");
    let run = made.run(&[], text(&document(&["dev-a"]))).assert().code(69).stdout("");
    let told = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(told.contains("cannot remove 'dev-a' again"), "{told}");
}

#[test]
fn what_is_no_failure_of_a_command_takes_nothing_back() {
    let input = text(&document(&["dev-a"]));
    let made = Made::new();
    fs::remove_file(made.world.path("bin/devcontainer")).unwrap();
    let error = refused(&mut made.run(&[], input.clone()), 69, "no-devcontainer-cli");
    assert!(error["hint"].as_str().unwrap().contains("scripts/devcontainers install"));
    let made = Made::new();
    made.world.answer("podman-ps", &LIST.replace("running", "exited"));
    let error = refused(&mut made.run(&[], input.clone()), 69, "not-running");
    assert_eq!(error["hint"], "start it: ctr-start dev-a");
    let made = Made::new();
    made.world.answer("podman-ps", "[]");
    refused(&mut made.run(&[], input), 69, "no-such-container");
    assert!(made.calls("ctr-rm").is_empty() && made.calls("devcontainer").is_empty());
}

#[test]
fn what_is_no_document_is_refused() {
    let rows: [(&[u8], i32, &str); 5] = [
        (b"", 66, "empty-document"),
        (b"{", 65, "malformed-document"),
        (b"\xff", 65, "not-utf-8"),
        (br#"{"schema":"container/2"}"#, 65, "unexpected-schema"),
        (br#"{"schema":"container/1","name":"a"}"#, 65, "malformed-document"),
    ];
    for (input, status, kind) in rows {
        let made = Made::new();
        refused(&mut made.run(&[], input), status, kind);
        assert!(made.world.calls().is_empty());
    }
    let made = Made::new();
    made.run(&["--nonsense"], "").assert().code(64).stdout("");
}
