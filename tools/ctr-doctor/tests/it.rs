//! The program as its callers see it, with stand-ins for the engines and the
//! other tools.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Command as Process, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use stubs::{Command, World, refused};

const HASH: &str = "0123456789ab";
const NOTHING: [&str; 0] = [];
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL6hpWTBlC3jEHDRBRwXnwL0BlvBkM2vFSTfqd9GGz8k\n";

/// A world in which `dev-a` is whole.
struct Made {
    world: World,
    program: PathBuf,
}

impl Made {
    fn new() -> Self {
        let world = World::new();
        for name in ["sshcfg", "portalloc", "ssh"] {
            world.program(name);
        }
        fs::remove_file(world.path("bin/docker")).unwrap();
        let info = json!({"host": {"cgroupVersion": "v2", "cgroupManager": "systemd",
                "security": {"rootless": false}},
            "store": {"graphRoot": "/", "graphRootAllocated": 10, "graphRootUsed": 1},
            "version": {"Version": "5.4.2"}});
        world.answer("podman-info", &info.to_string());
        world.answer("podman-network-ls", "[]").answer("ssh--V", "OpenSSH_9.2p1, x\n");
        let program = world.install(env!("CARGO_BIN_EXE_ctr-doctor"));
        let made = Self { world, program };
        made.list(&[("dev-a", HASH)]);
        made.keep("dev-a");
        made.world.answer("sshcfg-list", "dev-a\t127.0.0.1:2200\t-\t/m/0\n");
        made.hold(made.world.path("home"));
        made
    }

    fn list(&self, containers: &[(&str, &str)]) {
        let container = |(name, hash): &(&str, &str)| {
            json!({"Id": name, "Names": [name], "Image": "i", "State": "running", "Labels": {
                "ctrkit.managed": "true", "ctrkit.name": name, "ctrkit.project.hash": hash}})
        };
        let list: Vec<_> = containers.iter().map(container).collect();
        self.world.answer("podman-ps", &json!(list).to_string());
    }

    fn keep(&self, name: &str) {
        let document = json!({"schema": "container/1", "name": name, "engine": {"kind": "podman"},
            "project": {"path": "/a", "name": "a", "hash": HASH}});
        self.world.write(format!("state/{name}/document.json"), &document.to_string());
    }

    /// Makes the ledger hold ports for the worktree at `path`.
    fn hold(&self, path: impl Into<PathBuf>) {
        let held = json!({"key": HASH, "name": "dev-a", "path": path.into(), "ports": []});
        let ledger = json!({"schema": "ports/1", "reservations": [held]});
        self.world.write("state/ports.json", &ledger.to_string());
    }

    /// Takes the container and its worktree away.
    fn lose(&self) {
        self.world.answer("podman-ps", "[]");
        self.hold("/no/such");
        let released = json!({"schema": "ports/1", "reservations": []}).to_string();
        let ledger = self.world.path("state/ports.json");
        self.world.on("portalloc---release", &format!("echo '{released}' >'{}'", ledger.display()));
        self.world.on("sshcfg-remove", ": >$stub/sshcfg-list.out");
    }

    fn doctor(&self, args: &[&str]) -> Command {
        let mut command = self.world.command(&self.program);
        command.args(args);
        command
    }

    /// Runs it and returns the rows with `status`, as name and subject.
    #[track_caller]
    fn rows(&self, args: &[&str], exit: i32, status: &str) -> Vec<String> {
        let run = self.doctor(args).arg("--json").assert().code(exit);
        let document: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
        assert_eq!(document["schema"], "doctor/1");
        let rows = document["checks"].as_array().unwrap().iter();
        let rows = rows.filter(|row| row["status"] == status);
        rows.map(|row| format!("{} {}", row["name"], row["subject"]).replace('"', "")).collect()
    }

    fn engine_calls(&self) -> usize {
        self.world.calls().iter().filter(|call| ["podman", "docker"].contains(&&*call[0])).count()
    }
}

#[test]
fn a_signal_while_the_engine_does_not_answer_is_heard() {
    for call in ["podman-info", "podman-ps", "podman-images"] {
        let made = Made::new();
        made.world.on(call, "kill -s TERM $PPID; exec sleep 600");
        let run = made.doctor(&[]).timeout(Duration::from_secs(60)).assert();
        assert_eq!(run.get_output().status.signal(), Some(15), "{call}");
    }
}

#[test]
fn what_is_whole_is_well() {
    let made = Made::new();
    assert_eq!(made.rows(&["--fix"], 0, "orphan"), NOTHING);
    let run = made.doctor(&[]).assert().success().stderr("");
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    assert!(text.starts_with("ok       engine            podman 5.4.2\n"), "{text}");
    assert!(text.contains("ssh               OpenSSH 9.2p1\n"), "{text}");
    assert!(text.contains("containers        1 container, 1 running\n"), "{text}");
}

#[test]
fn a_hundred_containers_are_four_calls_and_a_doubt_is_a_fifth() {
    let made = Made::new();
    let names: Vec<_> = (0..100).map(|n| (format!("dev-{n}"), format!("{n:012x}"))).collect();
    made.list(&names.iter().map(|(name, hash)| (&**name, &**hash)).collect::<Vec<_>>());
    names.iter().for_each(|(name, _)| made.keep(name));
    let entries: String =
        names.iter().map(|(name, _)| format!("{name}\t127.0.0.1:22\t-\t-\n")).collect();
    made.world.answer("sshcfg-list", &entries);
    fs::remove_file(made.world.path("state/ports.json")).unwrap();
    fs::remove_dir_all(made.world.path("state/dev-a")).unwrap();
    made.world.program("docker");
    assert_eq!(made.rows(&[], 0, "orphan"), NOTHING);
    assert_eq!(made.engine_calls(), 5);
    made.world.forget();
    made.world.answer("sshcfg-list", &format!("{entries}dev-x\t127.0.0.1:22\t-\t-\n"));
    assert_eq!(made.rows(&[], 1, "orphan"), ["ssh-entry dev-x"]);
    assert_eq!(made.engine_calls(), 6);
}

#[test]
fn orphans_are_found_without_being_touched_and_then_removed_once() {
    let made = Made::new();
    made.lose();
    let all = ["ssh-entry dev-a", "reservation dev-a", "state dev-a"];
    assert_eq!(made.rows(&[], 1, "orphan"), all);
    assert!(made.world.changes().iter().all(|call| !call.contains("re")), "only asked");
    assert_eq!(made.rows(&["--fix"], 0, "fixed"), all);
    let changes = made.world.changes();
    assert!(changes.contains(&"sshcfg remove dev-a".to_owned()), "{changes:?}");
    assert!(changes.contains(&format!("portalloc --release {HASH} --host local")), "{changes:?}");
    assert!(!made.world.path("state/dev-a").exists());
    assert_eq!(made.rows(&["--fix"], 0, "fixed"), NOTHING);
}

#[test]
fn each_is_named_before_it_goes() {
    let made = Made::new();
    made.lose();
    let run = made.doctor(&["--fix"]).assert().success();
    let told = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert_eq!(
        told,
        "ctr-doctor: removing the ssh entry 'dev-a': there is no such container\n\
         ctr-doctor: removing the reservation 'dev-a': its worktree and its container are gone\n\
         ctr-doctor: removing the state 'dev-a': its container and its reservation are gone\n"
    );
}

#[test]
fn volumes_are_never_removed_and_others_things_are_not_touched() {
    let made = Made::new();
    made.world.write("config/ca/ca_key.pub", KEY);
    let volumes = [
        json!({"name": "v", "labels": {"ctrkit.name": "dev-gone"}}),
        json!({"name": "w", "labels": {"ctrkit.name": "dev-b", "ctrkit.authority": "SHA256:x"}}),
    ];
    made.world.answer("podman-volume-ls", &volumes.map(|volume| format!("{volume}\n")).concat());
    assert_eq!(made.rows(&["--fix"], 0, "kept"), ["volume v"]);
    assert_eq!(made.rows(&["--fix"], 0, "other"), ["volume w"]);
    assert!(made.world.changes().iter().all(|call| !call.contains(" rm ")));
}

#[test]
fn what_isolated_a_container_that_is_gone_goes_in_order() {
    let made = Made::new();
    made.lose();
    let of = json!({"ctrkit.managed": "true", "ctrkit.name": "dev-a", "ctrkit.sidecar.of": HASH});
    let proxy = json!([{"Id": "p", "Names": ["c-proxy"], "Image": "i", "State": "running",
        "Labels": of}]);
    made.world.answer("podman-ps", &proxy.to_string());
    let networks = json!([{"name": "c-net", "labels": of}, {"name": "podman"}]);
    made.world.answer("podman-network-ls", &networks.to_string());
    let volume = json!({"name": "c-trust", "labels": of}).to_string();
    made.world.answer("podman-volume-ls", &format!("{volume}\n"));
    // As long as it may be made again, its proxy's authority is kept.
    made.hold(made.world.path("home"));
    assert_eq!(made.rows(&[], 1, "kept"), ["volume c-trust"]);
    made.lose();
    made.world.answer("podman-ps", &proxy.to_string());
    let all = ["container c-proxy", "network c-net", "volume c-trust"];
    assert_eq!(made.rows(&[], 1, "orphan")[..3], all);
    made.world.forget();
    assert_eq!(made.rows(&["--fix"], 0, "fixed")[..3], all);
    let expected = ["podman rm --force p", "podman network rm c-net", "podman volume rm c-trust"];
    let changes = made.world.changes();
    let changes: Vec<_> = changes.iter().filter(|call| call.contains(" rm ")).collect();
    assert_eq!(changes, expected);
}

#[test]
fn an_image_that_was_built_for_a_container_goes_after_it() {
    let made = Made::new();
    let image = "localhost/ctrkit-dev-dev-a:latest";
    let line = json!({"name": image, "id": "sha256:1"});
    made.world.answer("podman-images", &format!("{line}\n"));
    assert_eq!(made.rows(&["--fix"], 0, "fixed"), [""; 0]);
    made.lose();
    assert_eq!(made.rows(&[], 1, "orphan")[0], format!("image {image}"));
    made.world.refuse("podman-rmi", 2, "Error: image is in use by a container");
    assert_eq!(made.rows(&[], 1, "orphan")[0], format!("image {image}"));
    made.rows(&["--fix"], 0, "fixed");
    let made = Made::new();
    made.lose();
    made.world.answer("podman-images", &format!("{line}\n"));
    assert_eq!(made.rows(&["--fix"], 0, "fixed")[0], format!("image {image}"));
    assert!(made.world.changes().contains(&format!("podman rmi {image}")));
}

#[test]
fn the_program_for_isolated_containers_is_told_with_its_version() {
    let made = Made::new();
    let row = |text: &str| {
        let run = made.doctor(&[]).assert().success();
        let told = String::from_utf8(run.get_output().stdout.clone()).unwrap();
        assert!(told.contains(text), "{told}");
    };
    row("compose           not installed; it is needed for isolated containers alone\n");
    made.world.program("podman-compose");
    made.world.answer("podman-compose---version", "podman-compose version 1.6.0\n");
    row("ok       compose           podman-compose 1.6.0\n");
    made.world.answer("podman-compose---version", "podman-compose version 1.0.3\n");
    row("compose           podman-compose 1.0.3 is too old for isolated containers: 1.4 is needed");
    row("cure: pipx install podman-compose\n");
}

#[test]
fn what_cannot_be_removed_is_told_and_the_rest_goes() {
    let made = Made::new();
    made.lose();
    made.world.on("sshcfg-remove", "echo 'sshcfg: no' >&2; exit 74");
    assert_eq!(made.rows(&["--fix"], 1, "failed"), ["ssh-entry dev-a"]);
    assert!(!made.world.path("state/dev-a").exists());
}

#[test]
fn a_silent_engine_is_an_answer_and_nothing_is_judged() {
    let made = Made::new();
    made.lose();
    made.world.refuse("podman-info", 125, "Error: unable to connect to Podman socket");
    assert_eq!(made.rows(&["--fix"], 1, "failed"), ["engine null"]);
    assert!(made.world.path("state/dev-a").exists());
    let made = Made::new();
    made.lose();
    made.world.refuse("podman-ps", 125, "Error: broken");
    assert_eq!(made.rows(&["--fix"], 1, "failed"), ["containers null"]);
    assert!(made.world.path("state/dev-a").exists());
}

#[test]
fn a_silent_other_engine_may_have_what_is_not_here() {
    let made = Made::new();
    made.lose();
    fs::remove_file(made.world.path("state/dev-a/document.json")).unwrap();
    made.world.write("state/dev-a/lock", "");
    made.world.program("docker");
    made.world.refuse("docker-ps", 1, "Cannot connect to the Docker daemon");
    assert_eq!(made.rows(&["--fix"], 0, "unknown"), ["other-engine docker"]);
    assert!(made.world.path("state/dev-a").exists());
}

#[test]
fn a_docker_client_without_an_engine_is_no_engine() {
    let made = Made::new();
    made.world.program("docker");
    let info = json!({"ServerErrors": ["Cannot connect to the Docker daemon at x"]});
    made.world.answer("docker-info", &info.to_string());
    assert_eq!(made.rows(&["--engine", "docker"], 1, "failed"), ["engine null"]);
}

#[test]
fn a_signal_ends_it_between_two_removals() {
    let made = Made::new();
    made.lose();
    made.world.on("sshcfg-remove", ": >$stub/removing; sleep 1; : >$stub/sshcfg-list.out");
    let mut command = Process::new(&made.program);
    command.env_clear().env("PATH", made.world.search_path()).env("HOME", made.world.path("home"));
    command.env("CTRKIT_CONFIG_DIR", made.world.path("config"));
    command.env("CTRKIT_STATE_DIR", made.world.path("state")).env("CTRKIT_ENGINE", "podman");
    let piped = command.arg("--fix").stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = piped.spawn().unwrap();
    while !made.world.path("stub/removing").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    Process::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(made.world.path("state/dev-a/document.json").exists());
    // The next run does the rest.
    assert_eq!(made.rows(&["--fix"], 0, "fixed"), ["reservation dev-a", "state dev-a"]);
}

#[test]
fn bad_input_is_refused() {
    let made = Made::new();
    for args in [&["x"][..], &["--fix=1"], &["--jsn"]] {
        made.doctor(args).assert().code(64).stdout("");
    }
    made.world.write("config/config.toml", "motor = 1\n");
    refused(&mut made.doctor(&[]), 65, "bad-configuration");
}

#[test]
fn a_broken_ledger_is_told_and_nothing_is_fixed() {
    let made = Made::new();
    made.lose();
    made.world.write("state/ports.json", "rubbish");
    assert_eq!(made.rows(&["--fix"], 1, "failed"), ["containers null"]);
    assert!(made.world.path("state/dev-a").exists());
}
