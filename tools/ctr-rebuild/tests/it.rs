//! The program as its callers see it, with stand-ins for the engines and the
//! other tools.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, os::unix::process::ExitStatusExt, path::PathBuf};

use serde_json::{Value, json};
use stubs::{Command, World, refused};

/// The calls of the tools that take a document and write one.
const PIPE: [(&str, &str); 11] = [
    ("sshca", "sshca---new-key"),
    ("dotfiles", "dotfiles-"),
    ("ghtoken", "ghtoken-"),
    ("audiotun", "audiotun-"),
    ("claudecfg", "claudecfg-"),
    ("filtergen", "filtergen-"),
    ("ctr-image", "ctr-image-"),
    ("mkcompose", "mkcompose-"),
    ("mkdevcontainer", "mkdevcontainer-"),
    ("ctr-up", "ctr-up---replace"),
    ("sshcfg", "sshcfg-add"),
];

/// A world with the containers `dev-a` and `dev-b`.
struct Made {
    world: World,
    program: PathBuf,
}

impl Made {
    fn new() -> Self {
        let world = World::new();
        for (tool, call) in PIPE {
            world.program(tool);
            world.on(call, "cat");
        }
        world.program("ctr-lifecycle");
        world.program("ctr-spec");
        world.program("portalloc");
        world.on("portalloc-", "cat");
        let program = world.install(env!("CARGO_BIN_EXE_ctr-rebuild"));
        let made = Self { world, program };
        for name in ["dev-a", "dev-b"] {
            made.keep(name, &document(name));
        }
        made.list(&[container("dev-a", "dev-a"), container("dev-b", "dev-b")]);
        made
    }

    fn keep(&self, name: &str, document: &Value) {
        self.world.write(format!("state/{name}/document.json"), &document.to_string());
    }

    fn list(&self, containers: &[Value]) {
        self.world.answer("podman-ps", &Value::from(containers).to_string());
    }

    fn rebuild(&self, args: &[&str]) -> Command {
        let mut command = self.world.command(&self.program);
        command.args(args);
        command
    }

    /// Makes `call` write down the document that it gets, and pass it on.
    fn watch(&self, call: &str) {
        self.world.on(call, "cat >\"$stub/seen\"; cat \"$stub/seen\"");
    }

    fn seen(&self) -> Value {
        serde_json::from_slice(&fs::read(self.world.path("stub/seen")).unwrap()).unwrap()
    }

    /// Returns the calls of the tools, without the engine's.
    fn tools(&self) -> Vec<String> {
        let calls = self.world.calls();
        let tools = calls.iter().filter(|call| call[0] != "podman");
        tools.map(|call| call.join(" ")).collect()
    }
}

fn document(name: &str) -> Value {
    json!({"schema": "container/1", "x-mine": 1, "name": name, "image": "localhost/ctrkit-base",
        "project": {"path": format!("/home/me/{name}"), "name": "a", "hash": "0123456789ab"},
        "ports": [{"service": "ssh", "container": 22, "host": 2200, "address": "127.0.0.1"}]})
}

fn container(name: &str, of: &str) -> Value {
    json!({"Id": "1", "Names": [name], "Image": "localhost/ctrkit-base:latest", "State": "running",
        "Labels": {"ctrkit.managed": "true", "ctrkit.name": of, "ctrkit.remote_user": "me",
            "ctrkit.project.path": format!("/home/me/{of}"), "ctrkit.port.ssh": "2200"}})
}

/// What the tools are called with, for a container.
const STEPS: [&str; 11] = [
    "sshca --new-key",
    "dotfiles",
    "ghtoken",
    "audiotun",
    "claudecfg",
    "filtergen",
    "ctr-image",
    "mkcompose",
    "mkdevcontainer",
    "ctr-up --replace",
    "sshcfg add",
];

/// Those up to the one that makes the container.
fn through_up() -> &'static [&'static str] {
    STEPS.split_last().unwrap().1
}

#[test]
fn the_kept_document_goes_through_the_pipe() {
    let made = Made::new();
    made.watch("ctr-up---replace");
    made.rebuild(&["dev-a"]).assert().success().stdout("").stderr("");
    assert_eq!(made.tools(), STEPS);
    assert_eq!(made.seen(), document("dev-a"));
    assert_eq!(made.world.calls().len(), STEPS.len(), "the engine was asked");
}

#[test]
fn a_container_that_runs_gets_its_token_and_its_commands() {
    let made = Made::new();
    made.world.on("ctr-up---replace", r#"sed 's/}$/,"state":{"status":"running"}}/'"#);
    made.world.on("ghtoken-push", "cat");
    made.world.on("ctr-lifecycle---keep", "cat");
    made.rebuild(&["dev-a"]).assert().success();
    assert_eq!(made.tools().last().unwrap(), "ctr-lifecycle --keep");
    let tools = made.tools();
    let (to_up, after) = tools.split_at(through_up().len());
    assert_eq!(to_up, through_up());
    assert_eq!(after, ["ghtoken push", "sshcfg add", "ctr-lifecycle --keep"]);
}

#[test]
fn what_is_asked_of_the_image_is_passed_on() {
    let made = Made::new();
    made.world.on("ctr-image---pull", "cat");
    made.watch("ctr-up---replace");
    made.rebuild(&["--image", "localhost/other:1", "--pull", "--build", "dev-a"])
        .assert()
        .success();
    assert!(made.tools().contains(&"ctr-image --pull --build".to_owned()), "{:?}", made.tools());
    assert_eq!(made.seen()["image"], "localhost/other:1");
    assert_eq!(made.seen()["x-mine"], 1);
}

#[test]
fn the_tools_use_the_same_places_and_the_same_engine() {
    let made = Made::new();
    let log = made.world.path("events");
    made.world.on("sshca---new-key", "cat; export -p >\"$stub/env\"");
    let mut command = made.rebuild(&["dev-a", "--events"]);
    command.arg(&log).args(["--ssh-config", "/s"]).assert().success();
    let env = fs::read_to_string(made.world.path("stub/env")).unwrap();
    for line in [
        format!("CTRKIT_CONFIG_DIR={}", made.world.path("config").display()),
        format!("CTRKIT_STATE_DIR={}", made.world.path("state").display()),
        format!("CTRKIT_EVENTS={}", log.display()),
        "CTRKIT_ENGINE=podman".to_owned(),
        "CTRKIT_SSH_CONFIG=/s".to_owned(),
    ] {
        let (name, value) = line.split_once('=').unwrap();
        assert!(env.contains(&format!("export {name}='{value}'\n")), "{line}: {env}");
    }
}

#[test]
fn a_step_that_fails_ends_it_with_the_words_and_the_status_of_the_tool() {
    let kinds = [
        "cannot-certify",
        "cannot-choose-dotfiles",
        "cannot-push-token",
        "cannot-prepare-sound",
        "cannot-configure-agent",
        "cannot-make-filter",
        "cannot-make-image",
        "cannot-compose",
        "cannot-make-devcontainer",
        "cannot-replace",
        "cannot-configure-ssh",
    ];
    for (index, ((tool, call), kind)) in PIPE.into_iter().zip(kinds).enumerate() {
        let made = Made::new();
        let report = json!({"schema": "error/1", "tool": tool, "kind": "k", "exit": 75,
            "message": "it broke", "causes": ["why"], "hint": "mend it"});
        made.world.on(call, "").refuse(call, 75, &report.to_string());
        let error = refused(&mut made.rebuild(&["dev-a"]), 75, kind);
        assert_eq!(error["message"], format!("cannot rebuild 'dev-a': {tool}: it broke: why"));
        assert_eq!(error["hint"], "mend it");
        assert_eq!(made.tools(), STEPS[..=index]);
    }
}

#[test]
fn of_all_the_others_are_rebuilt_when_one_fails() {
    let made = Made::new();
    let refuse = "read -r line; case $line in *'\"name\":\"dev-a\"'*) exit 69 ;; esac; \
                  printf '%s\\n' \"$line\"";
    made.world.on("ctr-up---replace", refuse);
    // One whose state is not here may be another person's.
    made.list(&[
        container("dev-b", "dev-b"),
        container("dev-a", "dev-a"),
        container("dev-other", "dev-other"),
    ]);
    refused(&mut made.rebuild(&["--all"]), 70, "cannot-replace");
    assert_eq!(made.tools(), [through_up(), &STEPS[..]].concat());
    made.world.on("ctr-up---replace", "cat");
    made.rebuild(&["--all"]).assert().success();
}

#[test]
fn one_that_is_being_replaced_is_one_of_all() {
    let made = Made::new();
    made.list(&[container("dev-a-replaced", "dev-a"), container("dev-b", "dev-b")]);
    made.rebuild(&["--all"]).assert().success();
    assert_eq!(made.tools(), [STEPS, STEPS].concat());
}

#[test]
fn one_that_was_isolated_by_a_run_that_was_cut_off_does_not_lose_that() {
    let made = Made::new();
    let mut isolated = container("dev-a", "dev-a");
    isolated["Labels"]["ctrkit.isolation"] = json!("proxy");
    made.list(&[isolated]);
    made.world.write("state/dev-a/pending.json", r#"{"replacing":{"good":true}}"#);
    refused(&mut made.rebuild(&["dev-a"]), 65, "no-policy");
    assert!(made.tools().is_empty(), "{:?}", made.tools());
    // What is pending of one that is not isolated is ctr-up's to see to.
    made.list(&[container("dev-a", "dev-a")]);
    made.rebuild(&["dev-a"]).assert().success();
}

#[test]
fn a_document_that_is_lost_is_written_anew() {
    for broken in [None, Some("{")] {
        let made = Made::new();
        match broken {
            None => fs::remove_file(made.world.path("state/dev-a/document.json")).unwrap(),
            Some(text) => drop(made.world.write("state/dev-a/document.json", text)),
        }
        let mut described = document("dev-a");
        let web =
            json!({"service": "web", "container": 3000, "host": 3000, "address": "127.0.0.1"});
        described["ports"].as_array_mut().unwrap().push(web);
        made.world.write("described", &described.to_string());
        // Its first argument is a path, by which no answer can be found.
        let spec = made.world.path("bin/ctr-spec");
        let script = format!(
            "#!/bin/sh\nprintf '%s\\0' ctr-spec \"$@\" \"$(printf '\\036')\" >>'{}'\ncat '{}'\n",
            made.world.path("stub/calls").display(),
            made.world.path("described").display()
        );
        fs::write(&spec, script).unwrap();
        made.watch("ctr-up---replace");
        made.rebuild(&["dev-a"]).assert().success().stderr("");
        let options = "--user=me --image=localhost/ctrkit-base:latest";
        assert_eq!(
            made.tools()[..2],
            [format!("ctr-spec /home/me/dev-a {options}"), "portalloc".into()]
        );
        assert_eq!(made.tools()[2..], STEPS);
        // The web port, which the container does not have, is not published.
        assert_eq!(made.seen()["ports"], document("dev-a")["ports"]);
        assert_eq!(made.seen()["engine"]["kind"], "podman");
    }
}

#[test]
fn what_an_isolated_container_may_reach_is_not_guessed() {
    let made = Made::new();
    fs::remove_file(made.world.path("state/dev-a/document.json")).unwrap();
    let mut isolated = container("dev-a", "dev-a");
    isolated["Labels"]["ctrkit.isolation"] = json!("proxy");
    made.list(&[isolated]);
    let error = refused(&mut made.rebuild(&["dev-a"]), 65, "no-policy");
    assert!(error["hint"].as_str().unwrap().contains("--isolate"), "{error}");
    assert!(made.tools().is_empty());
}

#[test]
fn what_is_nothing_is_refused_before_anything_is_run() {
    let made = Made::new();
    made.list(&[]);
    for name in ["dev-c", "../dev-a", ".", "-x"] {
        refused(&mut made.rebuild(&["--", name]), 69, "no-such-container");
    }
    assert!(made.tools().is_empty());
    let nothing = made.rebuild(&[]).assert().code(64).stdout("");
    let said = String::from_utf8_lossy(&nothing.get_output().stderr);
    assert!(said.contains("<NAME|--all>"), "{said}");
    made.rebuild(&["--all", "dev-a"]).assert().code(64).stdout("");
}

#[test]
fn one_of_another_engine_is_refused() {
    let made = Made::new();
    let mut other = document("dev-a");
    other["engine"] = json!({"kind": "docker"});
    made.keep("dev-a", &other);
    let error = refused(&mut made.rebuild(&["dev-a"]), 65, "other-engine");
    assert_eq!(error["hint"], "say --engine docker");
    other["engine"] = json!({"kind": "podman", "host": "ssh://me@box"});
    made.keep("dev-a", &other);
    let error = refused(&mut made.rebuild(&["dev-a", "--host", "local"]), 65, "other-engine");
    assert_eq!(error["hint"], "say --host ssh://me@box");
    assert!(made.tools().is_empty());
}

#[test]
fn a_signal_ends_it_with_the_tool_that_is_at_work() {
    let made = Made::new();
    made.world.on("ctr-up---replace", "kill -s TERM $PPID; exec sleep 60");
    let run = made.rebuild(&["--all"]).assert();
    let output = run.get_output();
    assert_eq!(output.status.signal(), Some(15));
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(words, "ctr-rebuild: interrupted by signal 15\n");
    assert_eq!(made.tools(), through_up());
}

#[test]
fn a_tool_that_is_not_installed_is_named() {
    let made = Made::new();
    fs::remove_file(made.world.path("bin/dotfiles")).unwrap();
    let error = refused(&mut made.rebuild(&["dev-a"]), 69, "tool-absent");
    assert_eq!(error["message"], "cannot find the tool 'dotfiles'");
}

#[test]
fn the_containers_are_written_as_one_document() {
    let made = Made::new();
    let run = made.rebuild(&["--json", "dev-b"]).assert().success();
    let written: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(written["schema"], "containers/1");
    assert_eq!(written["containers"][0]["name"], "dev-b");
}
