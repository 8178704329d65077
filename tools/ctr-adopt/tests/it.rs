//! The program as its callers see it, with stand-ins for the engine and the
//! other tools.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use stubs::{Command, World, refused};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL6hpWTBlC3jEHDRBRwXnwL0BlvBkM2vFSTfqd9GGz8k";

/// A world with the container `dev-a` of l8s.
struct Made {
    world: World,
    program: PathBuf,
}

impl Made {
    fn new() -> Self {
        let world = World::new();
        world.program("sshcfg");
        world.program("portalloc");
        let program = world.install(env!("CARGO_BIN_EXE_ctr-adopt"));
        let made = Self { world, program };
        made.list(&json!({"l8s.managed": "true", "l8s.ssh.port": "2201"}));
        let inspect = json!([{
            "HostConfig": {"PortBindings": {"22/tcp": [{"HostIp": "", "HostPort": "2201"}]},
                "RestartPolicy": {"Name": "no"}},
            "Mounts": [
                {"Type": "volume", "Name": "w", "Destination": "/workspace", "RW": true},
                {"Type": "volume", "Name": "h", "Destination": "/home/ann", "RW": true}],
            "Config": {"User": "", "WorkingDir": "/"}}]);
        made.world.answer("podman-container-inspect", &inspect.to_string());
        made.with_key(KEY);
        made.world.on("portalloc---adopt", "cat >$stub/portalloc---adopt.out");
        made.world.on("sshcfg-add", "cat >$stub/sshcfg-add.out");
        made
    }

    fn list(&self, labels: &Value) {
        let list = json!([{"Id": "a", "Names": ["dev-a"], "Image": "i", "State": "running",
            "Labels": labels}]);
        self.world.answer("podman-ps", &list.to_string());
    }

    /// Makes the container have `text` as its host key, without a certificate.
    fn with_key(&self, text: &str) {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        let mut builder = tar::Builder::new(Vec::new());
        builder.append_data(&mut header, "k", text.as_bytes()).unwrap();
        fs::write(self.world.path("stub/key.tar"), builder.into_inner().unwrap()).unwrap();
        self.world.on(
            "podman-cp",
            "case $2 in *cert.pub) echo 'Error: \"x\" could not be found on container' >&2; exit 125;; \
             *) cat $stub/key.tar;; esac",
        );
    }

    fn adopt(&self) -> Command {
        let mut command = self.world.command(&self.program);
        command.arg("dev-a");
        command
    }

    fn kept(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.world.path("state/dev-a").join(name)).ok()
    }
}

#[test]
fn the_engine_is_only_asked_and_all_is_kept() {
    let made = Made::new();
    let run = made.adopt().assert().success().stderr("");
    let document: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(document["user"], "ann");
    assert_eq!(document["engine"]["kind"], "podman");
    assert_eq!(made.kept("known_hosts").unwrap(), format!("dev-a {KEY}\n"));
    let kept: Value = serde_json::from_str(&made.kept("document.json").unwrap()).unwrap();
    assert_eq!(kept, document);
    let calls = made.world.calls();
    let asked: Vec<_> = calls.iter().map(|call| call[..2].join(" ")).collect();
    assert_eq!(
        asked,
        [
            "podman ps",
            "podman container",
            "podman cp",
            "podman cp",
            "portalloc --adopt",
            "sshcfg add"
        ]
    );
    for call in calls.iter().filter(|call| call[1] == "cp") {
        assert!(call[2].starts_with("dev-a:/etc/ssh/") && call[3] == "-", "{call:?}");
    }
}

#[test]
fn a_second_run_changes_nothing() {
    let made = Made::new();
    let first = made.adopt().assert().success().get_output().stdout.clone();
    let kept = made.world.path("state/dev-a/document.json");
    let before = fs::metadata(&kept).unwrap().modified().unwrap();
    made.adopt().assert().success().stdout(first);
    assert_eq!(fs::metadata(&kept).unwrap().modified().unwrap(), before);
}

#[test]
fn what_is_not_a_predecessors_is_refused_and_nothing_is_made() {
    let made = Made::new();
    for (labels, kind) in [
        (json!({"ctrkit.managed": "true", "l8s.managed": "true"}), "already-managed"),
        (json!({}), "not-foreign"),
        (json!({"devagent.managed": "true", "devagent.sidecar_type": "proxy"}), "not-foreign"),
    ] {
        made.list(&labels);
        refused(&mut made.adopt(), 65, kind);
    }
    made.world.answer("podman-ps", "[]");
    refused(&mut made.adopt(), 69, "no-such-container");
    let mut command = made.world.command(&made.program);
    refused(command.arg("Bad_Name"), 65, "bad-name");
    let mut command = made.world.command(&made.program);
    refused(command.args(["dev-a", "--worktree", "/no/such"]), 66, "no-worktree");
    assert!(!made.world.path("state/dev-a").exists());
}

#[test]
fn a_container_without_a_key_is_refused() {
    let made = Made::new();
    made.with_key("rubbish");
    refused(&mut made.adopt(), 65, "bad-host-key");
    made.world.on("podman-cp", "echo 'no such file or directory' >&2; exit 1");
    refused(&mut made.adopt(), 69, "no-host-key");
    made.world.on("podman-cp", "echo 'broken' >&2; exit 125");
    refused(&mut made.adopt(), 69, "engine-failed");
}

#[test]
fn a_first_adoption_that_fails_is_taken_back() {
    for step in ["portalloc---adopt", "sshcfg-add"] {
        let made = Made::new();
        made.world.on(step, "cat >/dev/null; echo 'sshcfg: no' >&2; exit 65");
        refused(&mut made.adopt(), 70, "tool-failed");
        assert!(!made.world.path("state/dev-a").exists(), "{step}");
        let last: Vec<_> =
            made.world.calls().iter().rev().take(2).map(|call| call.join(" ")).collect();
        assert_eq!(last, ["portalloc --release adopted:dev-a --host local", "sshcfg remove dev-a"]);
    }
}

#[test]
fn one_that_fails_later_takes_nothing_back() {
    let made = Made::new();
    made.adopt().assert().success();
    made.world.forget();
    made.world.on("sshcfg-add", "cat >/dev/null; echo 'sshcfg: no' >&2; exit 65");
    refused(&mut made.adopt(), 70, "tool-failed");
    assert!(made.kept("document.json").is_some());
    assert!(!made.world.calls().iter().any(|call| call[1] == "--release"));
}

#[test]
fn the_name_of_a_container_of_ctrkits_own_is_not_taken() {
    let made = Made::new();
    let document = json!({"schema": "container/1", "name": "dev-a",
        "project": {"path": "/a", "name": "a", "hash": "0"}});
    made.world.write("state/dev-a/document.json", &document.to_string());
    let error = refused(&mut made.adopt(), 65, "name-taken");
    assert!(error["message"].as_str().unwrap().contains("'/a'"), "{error}");
    assert_eq!(made.kept("document.json").unwrap(), document.to_string());
}
