//! The program as its callers see it, with stand-ins for the engines.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs::{self, OpenOptions},
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::PathBuf,
    process::{Child, Command as Process, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;
use stubs::{Command, World, refused};

/// A stopped container with a sidecar, and one that runs.
const LIST: &str = r#"[
{"Id":"a","Names":["dev-a"],"Image":"i","State":"exited","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.project.hash":"1","ctrkit.ports":"ssh:22:2200"}},
{"Id":"p","Names":["ctrkit-1-proxy"],"Image":"i","State":"created","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.sidecar.of":"1"}},
{"Id":"b","Names":["dev-b"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true"}}
]"#;

fn world() -> World {
    let world = World::new();
    world.answer("podman-ps", LIST);
    world
}

fn ctr_start(world: &World, names: &[&str]) -> Command {
    let mut command = world.command(env!("CARGO_BIN_EXE_ctr-start"));
    command.args(names);
    command
}

#[test]
fn a_signal_while_the_engine_does_not_answer_is_heard() {
    for (call, container) in [("podman-ps", "dev-a"), ("podman-exec", "dev-b")] {
        let world = world();
        let label = r#""ctrkit.managed":"true","ctrkit.via":"devcontainer"}}"#;
        world.answer("podman-ps", &LIST.replace(r#""ctrkit.managed":"true"}}"#, label));
        world.on(call, "kill -s TERM $PPID; exec sleep 600");
        let run = ctr_start(&world, &[container]).timeout(Duration::from_secs(60)).assert();
        assert_eq!(run.get_output().status.signal(), Some(15), "{call}");
    }
}

#[test]
fn sidecars_are_started_first_and_what_runs_is_left_alone() {
    let world = world();
    ctr_start(&world, &["dev-a", "dev-b"]).assert().success().stdout("").stderr("");
    assert_eq!(world.changes(), ["podman start ctrkit-1-proxy", "podman start dev-a"]);
    assert_eq!(world.calls().len(), 3);
}

#[test]
fn what_the_engine_has_started_by_itself_gets_its_ssh_server() {
    let world = world();
    world.program("ctr-lifecycle");
    let program = world.install(env!("CARGO_BIN_EXE_ctr-start"));
    let start = || world.command(&program).arg("dev-b").assert().success().stderr("");
    let label = r#""ctrkit.managed":"true","ctrkit.via":"devcontainer"}}"#;
    world.answer("podman-ps", &LIST.replace(r#""ctrkit.managed":"true"}}"#, label));
    world.write("state/dev-b/document.json", "{}");
    let runs = |program: &str| {
        world.calls().iter().filter(|call| call[0] == program && call.len() > 2).count()
    };
    // Its ssh server runs: nothing is to be done.
    start();
    let lifecycle = || world.calls().iter().filter(|call| call[0] == "ctr-lifecycle").count();
    assert_eq!((runs("podman"), lifecycle()), (2, 0));
    world.answer("podman-exec", "started\n");
    start();
    assert_eq!((runs("podman"), lifecycle()), (4, 1));
}

#[test]
fn a_signal_that_ends_the_commands_of_a_start_ends_it_as_well() {
    let world = world();
    world.program("ctr-lifecycle");
    let program = world.install(env!("CARGO_BIN_EXE_ctr-start"));
    let label = r#""ctrkit.managed":"true","ctrkit.via":"devcontainer"}}"#;
    world.answer("podman-ps", &LIST.replace(r#""ctrkit.managed":"true"}}"#, label));
    world.write("state/dev-b/document.json", "{}");
    world.answer("podman-exec", "started\n");
    world.on("ctr-lifecycle---keep", "kill -s INT $PPID; kill -s INT $$");
    let run = world.command(&program).arg("dev-b").assert();
    assert_eq!(run.get_output().status.signal(), Some(2));
}

/// Holds the lock of `dev-a` for as long as `script` runs, and returns when it is held.
fn hold(world: &World, script: &str) -> Child {
    let lock = world.write("state/dev-a/lock", "");
    let mut holder = Process::new("flock");
    holder.arg("--no-fork").arg(&lock).args(["sh", "-c", script]);
    let holder = holder.current_dir(world.path("stub")).spawn().unwrap();
    let is_free = || {
        let mut test = Process::new("flock");
        test.arg("--nonblock").arg(&lock).arg("true").status().unwrap().success()
    };
    while is_free() {
        thread::sleep(Duration::from_millis(10));
    }
    holder
}

#[test]
fn one_that_was_never_started_is_left_to_the_run_that_makes_it() {
    let world = World::new();
    world.answer("podman-ps", &LIST.replace("exited", "created"));
    world.on("podman-start", "[ -e \"$stub/ended\" ] || echo >\"$stub/early\"");
    let mut holder = hold(&world, "sleep 0.5; echo >ended");
    ctr_start(&world, &["dev-a"]).assert().success();
    assert!(!world.path("stub/early").exists());
    assert!(world.changes().contains(&"podman start dev-a".to_owned()));
    holder.wait().unwrap();

    world.forget();
    let mut holder = hold(&world, "exec sleep 600");
    world.on("podman-ps", "(sleep 0.5; kill -s TERM $PPID) >/dev/null 2>&1 &");
    let run = ctr_start(&world, &["dev-a"]).assert();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(run.get_output().status.signal(), Some(15));
    assert!(!world.changes().contains(&"podman start dev-a".to_owned()));
}

/// A world with an isolated container that is stopped, and a secret.
fn isolated() -> (World, PathBuf) {
    let world = World::new();
    let list = LIST
        .replace(
            r#""ctrkit.project.hash":"1""#,
            r#""ctrkit.project.hash":"1","ctrkit.isolation":"proxy""#,
        )
        .replace(
            r#""ctrkit.sidecar.of":"1""#,
            r#""ctrkit.sidecar.of":"1","ctrkit.sidecar.type":"proxy""#,
        );
    world.answer("podman-ps", &list);
    let key = world.write("key", "canary\n");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let document = serde_json::json!({"schema": "container/1", "name": "dev-a",
        "project": {"path": "/w", "name": "w", "hash": "1"}, "isolation": {"mode": "proxy",
        "secrets": [{"id": "a.x", "host": "a", "header": "x", "file": key}]}});
    world.write("state/dev-a/document.json", &document.to_string());
    world.on("podman-exec", "cat >>\"$stub/told\"");
    world.answer("podman-container-inspect", r#"[{"HostConfig": {}}, {"HostConfig": {}}]"#);
    (world, key)
}

#[test]
fn the_proxy_gets_its_secrets_before_the_container_starts_and_only_others() {
    let (world, key) = isolated();
    let told = || fs::read_to_string(world.path("stub/told")).unwrap();
    ctr_start(&world, &["dev-a"]).assert().success().stdout("").stderr("");
    let keep = "podman exec --interactive p /opt/mitmproxy/bin/python3 -I \
                /etc/ctrkit/proxy/filter.py --keep-secrets /var/lib/ctrkit/secrets";
    let start = ["podman start ctrkit-1-proxy", "podman healthcheck run ctrkit-1-proxy"];
    let expected = [&start[..], &[keep, "podman start dev-a"]].concat();
    assert_eq!(world.changes(), expected);
    assert_eq!(told(), r#"{"a.x":"canary"}"#);
    ctr_start(&world, &["dev-a"]).assert().success();
    assert_eq!(told(), r#"{"a.x":"canary"}"#);
    fs::write(&key, "other\n").unwrap();
    ctr_start(&world, &["dev-a"]).assert().success();
    assert_eq!(told(), r#"{"a.x":"canary"}{"a.x":"other"}"#);
    // That it may have one is remembered: it goes with the policy.
    let path = world.path("state/dev-a/document.json");
    let without = fs::read_to_string(&path).unwrap().replace("secrets", "others");
    fs::write(&path, without).unwrap();
    ctr_start(&world, &["dev-a"]).assert().success();
    assert!(told().ends_with("{}"), "{}", told());
}

#[test]
fn without_its_secret_nothing_is_started() {
    let (world, key) = isolated();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let error = refused(&mut ctr_start(&world, &["dev-a"]), 77, "secret-exposed");
    assert_eq!(error["hint"], format!("chmod 600 {}", key.display()));
    fs::remove_file(&key).unwrap();
    refused(&mut ctr_start(&world, &["dev-a"]), 66, "secret-absent");
    assert_eq!(world.changes(), [""; 0]);
}

#[test]
fn what_is_a_link_by_now_is_not_shown_to_a_container() {
    let (world, _) = isolated();
    let path = world.path("state/dev-a/document.json");
    let project = world.write("project/fixtures/a", "").parent().unwrap().to_owned();
    let root = project.parent().unwrap().to_str().unwrap();
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("\"/w\"", &format!("\"{root}\"")))
        .unwrap();
    let mount = serde_json::json!({"Type": "bind", "Source": project, "Destination": "/x"});
    let answer = serde_json::json!([{"HostConfig": {}}, {"HostConfig": {}, "Mounts": [mount]}]);
    world.answer("podman-container-inspect", &answer.to_string());
    ctr_start(&world, &["dev-a"]).assert().success();
    let before = world.changes();
    fs::remove_dir_all(&project).unwrap();
    std::os::unix::fs::symlink("/", &project).unwrap();
    let error = refused(&mut ctr_start(&world, &["dev-a"]), 65, "mount-changed");
    assert!(error["message"].as_str().unwrap().contains("project/fixtures"), "{error}");
    assert_eq!(world.changes(), before);
}

#[test]
fn what_is_paused_goes_on() {
    let world = World::new();
    world.answer("podman-ps", &LIST.replace("running", "paused"));
    ctr_start(&world, &["dev-b"]).assert().success();
    assert_eq!(world.changes(), ["podman unpause dev-b"]);
}

#[test]
fn the_document_has_those_that_were_named_as_they_are_now() {
    let world = world();
    world.write("later", &LIST.replace("exited", "running"));
    world.on(
        "podman-start",
        &format!("cp '{}' \"$stub/podman-ps.out\"", world.path("later").display()),
    );
    let run = ctr_start(&world, &["dev-a", "--json"]).assert().success().stderr("");
    let document: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(document["containers"].as_array().unwrap().len(), 1);
    assert_eq!(document["containers"][0]["status"], "running");
}

#[test]
fn it_works_in_a_pipe() {
    let world = world();
    let script = "\"$0\" --json dev-b | grep -c '\"name\":\"dev-b\"'";
    let mut command = world.command("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_ctr-start")]);
    command.assert().success().stdout("1\n");
}

#[test]
fn a_port_that_is_taken_is_75_and_named() {
    let world = world();
    let words = "Error: unable to start container \"a\": cannot listen on the TCP port: listen tcp4 127.0.0.1:2200: bind: address already in use";
    world.on("podman-start", "case $2 in dev-a) call=taken ;; esac");
    world.refuse("taken", 125, words);
    let error = refused(&mut ctr_start(&world, &["dev-a"]), 75, "port-taken");
    assert_eq!(error["message"], "cannot start 'dev-a': port 2200 (ssh) is taken");
    assert!(error["hint"].as_str().unwrap().contains("sport = :2200"));
    assert_eq!(error["command"]["status"], 125);
    // The sidecar did not run before, so it does not afterwards.
    let undone = "podman stop -t 10 ctrkit-1-proxy";
    assert_eq!(world.changes(), ["podman start ctrkit-1-proxy", "podman start dev-a", undone]);
}

#[test]
fn one_that_fails_does_not_keep_the_others_from_starting() {
    let world = World::new();
    world.answer("podman-ps", &LIST.replace("running", "exited"));
    world.on("podman-start", "case $2 in ctrkit-1-proxy) call=fails ;; esac");
    world.refuse("fails", 125, "Error: something else");
    ctr_start(&world, &["dev-a", "dev-b"]).assert().code(69).stderr(
        "ctr-start: cannot start 'ctrkit-1-proxy': podman: something else\n\
         ctr-start: command: PODMAN start ctrkit-1-proxy (status 125)\n\
         ctr-start:   | Error: something else\n"
            .replace("PODMAN", world.path("bin/podman").to_str().unwrap()),
    );
    assert_eq!(world.changes(), ["podman start ctrkit-1-proxy", "podman start dev-b"]);
}

/// An isolated container with its two sidecars, all of them stopped.
const ISOLATED: &str = r#"[
{"Id":"a","Names":["dev-a"],"Image":"i","State":"exited","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.project.hash":"1","ctrkit.isolation":"proxy"}},
{"Id":"i","Names":["c-ingress"],"Image":"i","State":"exited","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.sidecar.of":"1","ctrkit.sidecar.type":"ingress"}},
{"Id":"p","Names":["c-proxy"],"Image":"i","State":"exited","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.sidecar.of":"1","ctrkit.sidecar.type":"proxy"}}
]"#;

/// What podman says of a container whose check has failed.
const UNHEALTHY: &str = r#"{"Running":true,"Health":{"Status":"unhealthy","Log":[{"ExitCode":1,"Output":"no \u001b[31mlistener\n"}]}}"#;

#[test]
fn the_proxy_is_healthy_before_an_isolated_container_is_started() {
    let world = World::new();
    world.answer("podman-ps", ISOLATED);
    // It is well the third time.
    world.on(
        "podman-healthcheck",
        "echo x >>$stub/asked; case $(grep -c x $stub/asked) in 3) exit 0 ;; *) exit 1 ;; esac",
    );
    world.answer("podman-container-inspect", UNHEALTHY);
    ctr_start(&world, &["dev-a"]).assert().success().stderr("");
    let check = "podman healthcheck run c-proxy";
    let starts = ["podman start c-proxy", "podman start c-ingress"];
    let expected = [&starts[..], &[check; 3], &["podman start dev-a"]].concat();
    assert_eq!(world.changes(), expected);
}

#[test]
fn without_a_healthy_proxy_nothing_runs() {
    let world = World::new();
    world.answer("podman-ps", ISOLATED).answer("podman-container-inspect", UNHEALTHY);
    world.refuse("podman-healthcheck", 1, "").answer("podman-logs", "filter: bad\u{1b}\n");
    let mut command = ctr_start(&world, &["dev-a", "--timeout", "0"]);
    let error = refused(&mut command, 69, "proxy-unhealthy");
    assert_eq!(error["command"]["last_words"], "filter: bad\u{1b}");
    assert!(error["hint"].as_str().unwrap().ends_with("ctrkit rebuild dev-a"));
    let undone = ["podman stop -t 10 c-ingress", "podman stop -t 10 c-proxy"];
    let changes = world.changes();
    assert_eq!(changes[changes.len() - 2..], undone);
    assert!(!changes.contains(&"podman start dev-a".to_owned()));
    let told = "ctr-start: cannot start 'dev-a': its proxy 'c-proxy' is not healthy: no \\u{1b}[31mlistener\n\
        ctr-start: command: podman logs c-proxy (status 0)\n\
        ctr-start:   | filter: bad\\u{1b}\n\
        ctr-start: hint: if what it wrote does not say what to do, make it anew: ctrkit rebuild dev-a\n";
    ctr_start(&world, &["dev-a", "--timeout", "0"]).assert().code(69).stderr(told);
}

#[test]
fn a_proxy_that_has_ended_is_not_waited_for() {
    let world = World::new();
    world.answer("podman-ps", ISOLATED);
    world.refuse("podman-healthcheck", 125, "Error: container p is not running");
    let error = refused(&mut ctr_start(&world, &["dev-a"]), 69, "proxy-unhealthy");
    assert!(error["message"].as_str().unwrap().ends_with(": it has ended"), "{error}");
}

#[test]
fn what_is_isolated_is_not_started_without_its_proxy() {
    let world = World::new();
    world.answer("podman-ps", &ISOLATED.replace("\"ctrkit.sidecar.type\":\"proxy\"", "\"x\":\"\""));
    let error = refused(&mut ctr_start(&world, &["dev-a"]), 69, "proxy-absent");
    assert_eq!(error["hint"], "make it anew: ctrkit rebuild dev-a");
    assert_eq!(world.changes(), Vec::<String>::new());
}

#[test]
fn what_is_isolated_is_not_started_where_nobody_has_tried_whether_it_is() {
    let world = World::new();
    world.answer("podman-ps", ISOLATED);
    for pending in [r#"{"volumes":[],"place":false,"unproven":true}"#, "{\"unpro"] {
        world.write("state/dev-a/pending.json", pending);
        let error = refused(&mut ctr_start(&world, &["dev-a"]), 69, "isolation-not-tried");
        assert!(error["hint"].as_str().unwrap().contains("ctrkit rebuild dev-a"), "{error}");
        assert_eq!(world.changes(), Vec::<String>::new());
    }
    world.write("state/dev-a/pending.json", r#"{"volumes":["v"]}"#);
    ctr_start(&world, &["dev-a"]).assert().success();
    // One that runs is left alone.
    world.forget();
    world.write("state/dev-a/pending.json", r#"{"unproven":true}"#);
    world.answer("podman-ps", &ISOLATED.replace("exited", "running"));
    ctr_start(&world, &["dev-a"]).assert().success();
}

#[test]
fn a_proxy_is_waited_for_where_it_was_the_one_that_did_not_run() {
    let world = World::new();
    world.answer("podman-ps", &ISOLATED.replacen("exited", "running", 2));
    ctr_start(&world, &["dev-a"]).assert().success();
    assert_eq!(world.changes(), ["podman start c-proxy", "podman healthcheck run c-proxy"]);
    world.forget();
    world.answer("podman-ps", &ISOLATED.replace("exited", "running"));
    ctr_start(&world, &["dev-a"]).assert().success();
    assert_eq!(world.changes(), Vec::<String>::new());
}

#[test]
fn docker_is_asked_what_it_makes_of_its_checks() {
    let world = World::new();
    let lines: Vec<Value> = serde_json::from_str(ISOLATED).unwrap();
    let line = |container: &Value| {
        let (id, name) = (&container["Id"], &container["Names"][0]);
        let labels = &container["Labels"];
        serde_json::json!({"ID": id, "Names": name, "Image": "i", "State": "exited", "CreatedAt": "", "Ports": "", "Labels": labels}).to_string() + "\n"
    };
    world.answer("docker-ps", &lines.iter().map(line).collect::<String>());
    world.answer("docker-container-inspect", r#"{"Running":true,"Health":{"Status":"healthy"}}"#);
    ctr_start(&world, &["dev-a", "--engine", "docker"]).assert().success();
    let expected = ["docker start c-proxy", "docker start c-ingress", "docker start dev-a"];
    assert_eq!(world.changes(), expected);
    let asked = "docker container inspect --format {{json .State}} c-proxy";
    assert!(world.calls().iter().any(|call| call.join(" ") == asked), "{:?}", world.calls());
    // Its first check is late, so that it is made before.
    world.forget();
    world.answer("starting", r#"{"Running":true,"Health":{"Status":"starting","Log":[]}}"#);
    world.answer("check", r#"{"Test":["CMD","probe","--listen","a b"]}"#);
    world.on(
        "docker-container-inspect",
        "case $* in *Config*) call=check ;; *) call=starting ;; esac",
    );
    ctr_start(&world, &["dev-a", "--engine", "docker"]).assert().success();
    let check = "docker exec c-proxy probe --listen a b";
    assert_eq!(world.changes(), [&expected[..2], &[check], &expected[2..]].concat());
    world.refuse("docker-exec", 1, "");
    let mut command = ctr_start(&world, &["dev-a", "--engine", "docker", "--timeout", "0"]);
    let error = refused(&mut command, 69, "proxy-unhealthy");
    assert!(error["message"].as_str().unwrap().ends_with("it is starting after 0 s"), "{error}");
}

#[test]
fn a_start_that_was_cut_off_is_told() {
    let world = world();
    world.refuse("podman-start", 125, "runc create failed: container with given ID already exists");
    let error = refused(&mut ctr_start(&world, &["dev-a"]), 69, "container-stuck");
    assert!(error["hint"].as_str().unwrap().contains("ctrkit create"));
}

#[test]
fn a_name_that_is_wrong_keeps_everything_as_it_is() {
    let world = world();
    refused(&mut ctr_start(&world, &["dev-a", "dev-z"]), 69, "no-such-container");
    let theirs =
        r#"[{"Id":"a","Names":["theirs"],"Image":"i","State":"exited","Created":1,"Labels":null}]"#;
    world.on("podman-ps", &format!("case $* in *theirs*) printf '%s' '{theirs}'; exit ;; esac"));
    refused(&mut ctr_start(&world, &["dev-a", "theirs"]), 65, "not-managed");
    assert_eq!(world.changes(), Vec::<String>::new());
}

#[test]
fn wrong_usage_is_64() {
    let world = world();
    ctr_start(&world, &[]).assert().code(64).stdout("");
    refused(ctr_start(&world, &["dev-a"]).args(["--engine", "sh"]), 64, "engine-unknown");
}

#[test]
fn an_engine_that_is_absent_is_69_and_an_answer_without_sense_74() {
    let world = World::new();
    let mut absent = ctr_start(&world, &["dev-a", "--engine", "podman-of-nowhere"]);
    refused(&mut absent, 69, "engine-absent");
    world.answer("podman-ps", "?");
    refused(&mut ctr_start(&world, &["dev-a"]), 74, "engine-answer-unreadable");
}

#[test]
fn a_wrong_configuration_is_65() {
    let world = world();
    world.write("config/config.toml", "[");
    refused(&mut ctr_start(&world, &["dev-a"]), 65, "bad-configuration");
}

#[test]
fn an_engine_that_refuses_is_77() {
    let world = World::new();
    let words = "permission denied while trying to connect to the Docker daemon socket";
    world.refuse("docker-ps", 1, words);
    refused(&mut ctr_start(&world, &["dev-a", "--engine", "docker"]), 77, "engine-permission");
}

#[test]
fn events_tell_each_step() {
    let world = world();
    let events = world.path("events");
    ctr_start(&world, &["dev-a", "dev-b"]).arg("--events").arg(&events).assert().success();
    let text = std::fs::read_to_string(events).unwrap();
    let told = text.lines().map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        format!("{} {} {}", event["subject"], event["step"], event["status"]).replace('"', "")
    });
    let expected = [
        "ctrkit-1-proxy start started",
        "ctrkit-1-proxy start done",
        "dev-a start started",
        "dev-a start done",
        "dev-b start unchanged",
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn standard_output_may_be_full_or_closed() {
    let world = world();
    let command = || {
        let mut command = Process::new(env!("CARGO_BIN_EXE_ctr-start"));
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
