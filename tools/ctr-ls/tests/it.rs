//! The program as its callers see it, with stand-ins for the engines.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs::OpenOptions,
    os::unix::process::ExitStatusExt,
    process::{Command as Process, Stdio},
};

use serde_json::Value;
use stubs::{Command, World, refused};

const PODMAN: &str = r#"[
{"Id":"ab","Names":["dev-b"],"Image":"i","State":"running","Created":1795334400,"Labels":{"ctrkit.managed":"true","ctrkit.branch":"main","ctrkit.port.ssh":"2200","x":"y"},"Ports":[{"host_ip":"127.0.0.1","container_port":22,"host_port":2201,"range":1,"protocol":"tcp"}]},
{"Id":"cd","Names":["dev-a"],"Image":"i","State":"exited","Created":1795334400,"Labels":{"ctrkit.managed":"true","ctrkit.ports":"ssh:22:2200 web:3000:3000 audio:4714:4714"},"Ports":null},
{"Id":"ef","Names":["ctrkit-1-proxy"],"Image":"i","State":"running","Created":1795334400,"Labels":{"ctrkit.managed":"true","ctrkit.sidecar.of":"1"},"Ports":null}
]"#;

const DOCKER: &str = r#"{"ID":"ab","Names":"dev-a","Image":"i","State":"exited","CreatedAt":"2026-11-22 08:00:00 +0000 UTC","Ports":"","Labels":{"ctrkit.managed":"true","ctrkit.port.ssh":"2200","ctrkit.port.web":"3000"}}
"#;

fn world() -> World {
    let world = World::new();
    world.answer("podman-ps", PODMAN).answer("docker-ps", DOCKER);
    world
}

fn ctr_ls(world: &World) -> Command {
    world.command(env!("CARGO_BIN_EXE_ctr-ls"))
}

#[test]
fn containers_are_listed_by_name_without_sidecars_in_one_call() {
    let world = world();
    let run = ctr_ls(&world).assert().success().stderr("");
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[1].starts_with("dev-a  stopped  2200  3000  4714   -       "), "{text}");
    assert!(lines[2].starts_with("dev-b  running  2201  -     -      main    "), "{text}");
    let [call] = &world.calls()[..] else { panic!("more than one call") };
    let [program, verb, ..] = &call[..] else { panic!("{call:?}") };
    assert_eq!((program.as_str(), verb.as_str()), ("podman", "ps"));
    assert!(call.ends_with(&["--filter".into(), "label=ctrkit.managed=true".into()]));
}

#[test]
fn each_proxy_that_runs_is_asked_once_for_what_it_refused() {
    let world = world();
    let isolated = r#""ctrkit.managed":"true","ctrkit.isolation":"proxy","ctrkit.project.hash":"#;
    let list = PODMAN.replacen(r#""ctrkit.managed":"true""#, &format!(r#"{isolated}"1""#), 1);
    let list = list.replace(
        r#""ctrkit.sidecar.of":"1""#,
        r#""ctrkit.sidecar.of":"1","ctrkit.sidecar.type":"proxy""#,
    );
    world.answer("podman-ps", &list);
    let text = r#"{"since":"2026-11-27T08:00:00.000Z","refused":7}"#;
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    archive.append_data(&mut header, "count.json", text.as_bytes()).unwrap();
    std::fs::write(world.path("stub/podman-cp.out"), archive.into_inner().unwrap()).unwrap();
    let run = ctr_ls(&world).arg("--json").assert().success().stderr("");
    let document: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(document["containers"][1]["isolation"]["refused"], 7);
    assert_eq!(document["containers"][0].get("isolation"), None);
    assert_eq!(document["containers"][1]["isolation"].get("probes"), None);
    assert_eq!(world.changes(), ["podman cp ef:/var/lib/ctrkit/status/count.json -"]);
    // What ctr-verify has asked for since the proxy's start is counted apart.
    let noted = r#"{"proxy":"ef","records":["{\"time\":\"2026-11-27T07:59:59.999Z\"}","{\"time\":\"2026-11-27T08:00:00.000Z\"}"]}"#;
    world.write("state/dev-b/verified.json", noted);
    let run = ctr_ls(&world).arg("--json").assert().success().stderr("");
    let document: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(document["containers"][1]["isolation"]["refused"], 6);
    assert_eq!(document["containers"][1]["isolation"]["probes"], 1);
    // Names and lines for programs are there at once.
    world.forget();
    for form in ["--plain", "--names"] {
        ctr_ls(&world).arg(form).assert().success();
    }
    assert_eq!(world.calls().len(), 2);
    // One that does not answer is no reason to list nothing.
    world.refuse("podman-cp", 125, "Error: no");
    ctr_ls(&world).assert().success().stderr("");
}

#[test]
fn the_document_has_the_schema_first_and_addresses_of_mappings_alone() {
    let world = world();
    let run = ctr_ls(&world).arg("--json").assert().success().stderr("");
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    assert!(text.starts_with(r#"{"schema":"containers/1","containers":[{"name":"dev-a","#));
    assert!(text.ends_with("}\n") && text.matches('\n').count() == 1);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["containers"][1]["ports"][0]["address"], "127.0.0.1");
    assert_eq!(document["containers"][0]["ports"][0].get("address"), None);
    assert_eq!(document["containers"][0]["created"], "2026-11-22T08:00:00Z");
}

#[test]
fn docker_is_listed_the_same_way() {
    let expected = "dev-a\tstopped\t2200\t3000\t-\t-\t2026-11-22T08:00:00Z\n";
    let world = world();
    let mut command = ctr_ls(&world);
    command.args(["--plain", "--engine", "docker"]).assert().success().stdout(expected);
}

#[test]
fn the_configuration_names_the_engine() {
    let world = world();
    world.write("config/config.toml", "engine = \"docker\"\n");
    ctr_ls(&world).env_remove("CTRKIT_ENGINE").arg("--names").assert().stdout("dev-a\n");
    world.write("config/config.toml", "motor = \"docker\"\n");
    refused(ctr_ls(&world).env_remove("CTRKIT_ENGINE"), 65, "bad-configuration");
}

#[test]
fn names_go_through_a_pipe_whatever_they_are() {
    let world = world();
    let script = "\"$0\" --names -0 | xargs -0 -n 1 sh -c 'echo \"<$1>\"' sh";
    let run = world.command("sh").args(["-c", script, env!("CARGO_BIN_EXE_ctr-ls")]).assert();
    run.success().stdout("<dev-a>\n<dev-b>\n");
}

#[test]
fn a_second_run_writes_the_same() {
    let world = world();
    let first = ctr_ls(&world).arg("--json").assert().success().get_output().stdout.clone();
    ctr_ls(&world).arg("--json").assert().success().stdout(first);
}

#[test]
fn forms_exclude_each_other() {
    let world = world();
    for options in [&["--json", "--plain"][..], &["--names", "--json"], &["-0"], &["x"]] {
        ctr_ls(&world).args(options).assert().code(64).stdout("");
    }
}

#[test]
fn an_engine_that_is_absent_or_silent_is_69() {
    let world = World::new();
    refused(ctr_ls(&world).args(["--engine", "podman-of-nowhere"]), 69, "engine-absent");
    world.refuse("docker-ps", 1, "Cannot connect to the Docker daemon at unix:///x.");
    let error = refused(ctr_ls(&world).args(["--engine", "docker"]), 69, "engine-not-running");
    assert_eq!(error["command"]["status"], 1);
}

#[test]
fn an_engine_that_is_none_is_64() {
    let world = World::new();
    refused(ctr_ls(&world).args(["--engine", "sh"]), 64, "engine-unknown");
}

#[test]
fn an_answer_that_cannot_be_read_is_74() {
    let world = World::new();
    world.answer("podman-ps", "[{\"Id\":1}]");
    refused(&mut ctr_ls(&world), 74, "engine-answer-unreadable");
}

#[test]
fn a_full_standard_output_is_74() {
    let world = world();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Process::new(env!("CARGO_BIN_EXE_ctr-ls"));
    command.env_clear().env("PATH", world.search_path()).env("HOME", world.path("home"));
    let output = command.env("CTRKIT_ENGINE", "podman").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(74));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write standard output"));
}

#[test]
fn a_closed_standard_output_is_silent() {
    let world = world();
    let mut command = Process::new(env!("CARGO_BIN_EXE_ctr-ls"));
    command.env_clear().env("PATH", world.search_path()).env("HOME", world.path("home"));
    command.env("CTRKIT_ENGINE", "podman").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(13));
    assert!(output.stderr.is_empty());
}

/// Containers of the predecessors', beside one of ctrkit's that says so too.
const FOREIGN: &str = r#"[
{"Id":"1","Names":["dev-b"],"Image":"i","State":"running","Created":1795334400,"Labels":{"l8s.managed":"true","l8s.ssh.port":"2200","l8s.web.port":"3000"},"Ports":[{"host_ip":"","container_port":22,"host_port":2205,"range":1,"protocol":"tcp"}]},
{"Id":"2","Names":["dev-a"],"Image":"i","State":"exited","Created":1795334400,"Labels":{"l8s.managed":"true","l8s.ssh.port":"2200"},"Ports":null},
{"Id":"3","Names":["p"],"Image":"i","State":"running","Created":1795334400,"Labels":{"devagent.managed":"true","devagent.sidecar_type":"proxy"},"Ports":null},
{"Id":"4","Names":["app"],"Image":"i","State":"running","Created":1795334400,"Labels":{"devagent.managed":"true","devagent.remote_user":"vscode"},"Ports":[{"host_ip":"127.0.0.1","container_port":3000,"host_port":3007,"range":1,"protocol":"tcp"}]},
{"Id":"5","Names":["ours"],"Image":"i","State":"running","Created":1795334400,"Labels":{"l8s.managed":"true","ctrkit.managed":"true"},"Ports":null}
]"#;

#[test]
fn the_predecessors_containers_are_listed_the_same_way_in_two_calls() {
    let world = World::new();
    world.answer("podman-ps", FOREIGN);
    let run = ctr_ls(&world).arg("--foreign").assert().success().stderr("");
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[1].starts_with("app    running  -             3007  -"), "{text}");
    assert!(lines[2].starts_with("dev-a  stopped  2200          -     -"), "{text}");
    assert!(lines[3].starts_with("dev-b  running  0.0.0.0:2205  3000  -"), "{text}");
    let filters: Vec<_> = world.calls().iter().map(|call| call.last().unwrap().clone()).collect();
    assert_eq!(filters, ["label=l8s.managed=true", "label=devagent.managed=true"]);
    let run = ctr_ls(&world).args(["--foreign", "--json"]).assert().success();
    let document: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(document["containers"][0]["manager"], "devagent");
    assert_eq!(document["containers"][0]["user"], "vscode");
    assert_eq!(document["containers"][1]["manager"], "l8s");
    assert_eq!(document["containers"][2]["ports"][1].get("address"), None);
}
