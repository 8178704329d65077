//! The program as its callers see it, with stand-ins for the engines.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs::OpenOptions,
    os::unix::process::ExitStatusExt,
    process::{Command as Process, Stdio},
};

use serde_json::Value;
use stubs::{Command, World, refused};

const LIST: &str = r#"{"ID":"ab","Names":"dev-a","Image":"i","State":"exited","CreatedAt":"2026-11-22 08:00:00 +0000 UTC","Ports":"","Labels":{"ctrkit.managed":"true","ctrkit.project.hash":"0","ctrkit.project.path":"/home/ann/my app","ctrkit.ports":"ssh:22:2200 web:3000:3000 audio:4714:4714"}}
"#;

const INSPECT: &str = r#"[{"Mounts":[{"Type":"volume","Name":"dev-a-home","Destination":"/home/dev","RW":true}],"NetworkSettings":{"Ports":{}},"HostConfig":{"PortBindings":{"22/tcp":[{"HostIp":"127.0.0.1","HostPort":"2201"}],"8080/tcp":[{"HostIp":"","HostPort":"9000"}]},"Memory":4294967296,"NanoCpus":2000000000,"PidsLimit":512,"CapDrop":["CAP_NET_RAW"],"RestartPolicy":{"Name":"unless-stopped"}}}]"#;

fn world() -> World {
    let world = World::new();
    world.answer("docker-ps", LIST).answer("docker-container-inspect", INSPECT);
    world
}

fn ctr_info(world: &World, name: &str) -> Command {
    let mut command = world.command(env!("CARGO_BIN_EXE_ctr-info"));
    command.env("CTRKIT_ENGINE", "docker").arg(name);
    command
}

#[test]
fn all_is_told_in_two_calls_mappings_before_labels() {
    let world = world();
    let expected = "name:      dev-a\nstatus:    stopped\nid:        ab\nimage:     i\n\
        project:   /home/ann/my app\nbranch:    -\ncreated:   2026-11-22T08:00:00Z\nuser:      -\n\
        workspace: -\nssh:       ssh dev-a (127.0.0.1:2201)\nweb:       http://localhost:3000\n\
        port:      ssh 22 <- 127.0.0.1:2201\nport:      web 3000 <- 3000 (not published)\n\
        port:      audio 4714 <- 4714 (not published)\nport:      port-8080 8080 <- *:9000\n\
        volume:    dev-a-home -> /home/dev\nmount:     -\nmemory:    4g\ncpus:      2\n\
        pids:      512\ncap-drop:  NET_RAW\nrestart:   unless-stopped\n\
        isolation: none\n";
    ctr_info(&world, "dev-a").assert().success().stderr("").stdout(expected);
    let calls: Vec<_> = world.calls().iter().map(|call| call[1].clone()).collect();
    assert_eq!(calls, ["ps", "container"]);
}

#[test]
fn the_document_has_one_container_with_all_keys() {
    let world = world();
    let run = ctr_info(&world, "dev-a").arg("--json").assert().success().stderr("");
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    assert!(text.starts_with(r#"{"schema":"containers/1","#) && text.matches('\n').count() == 1);
    let document: Value = serde_json::from_str(&text).unwrap();
    let [container] = &document["containers"].as_array().unwrap()[..] else { panic!("{text}") };
    assert_eq!(container["limits"]["memory"], "4294967296");
    assert_eq!(container["limits"]["cap_drop"][0], "NET_RAW");
    assert_eq!(container["volumes"][0]["target"], "/home/dev");
    assert_eq!(container["restart"], "unless-stopped");
}

#[test]
fn podman_is_told_the_same_way() {
    let world = world();
    let list = r#"[{"Id":"ab","Names":["dev-a"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true"},"Ports":null}]"#;
    world.answer("podman-ps", list).answer("podman-container-inspect", INSPECT);
    let mut command = ctr_info(&world, "dev-a");
    let run = command.args(["--engine", "podman"]).assert().success().stderr("");
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    assert!(text.contains("\nport:      port-22 22 <- 127.0.0.1:2201\n"), "{text}");
}

/// A world in which `dev-a` is isolated, and podman tells it.
fn isolated() -> (World, std::path::PathBuf) {
    let world = World::new();
    let app = r#"{"Id":"ab","Names":["dev-a"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.project.hash":"0","ctrkit.isolation":"proxy","ctrkit.ports":"ssh:22:2200"}}"#;
    let sidecar = |name: &str, status: &str| {
        format!(
            r#"{{"Id":"{name}","Names":["c-{name}"],"Image":"i","State":"{status}","Created":1,"Labels":{{"ctrkit.managed":"true","ctrkit.sidecar.of":"0","ctrkit.sidecar.type":"{name}"}},"Ports":[{{"host_ip":"127.0.0.1","container_port":22,"host_port":2200,"protocol":"tcp"}}]}}"#
        )
    };
    let sidecars = format!("[{},{}]", sidecar("proxy", "running"), sidecar("ingress", "exited"));
    world.answer("podman-ps", &format!("[{app}]")).answer("sidecars", &sidecars);
    world.on("podman-ps", "case $* in *sidecar.of=0*) call=sidecars ;; esac");
    let inspect = r#"[{"NetworkSettings":{"Networks":{"net":{"IPAddress":"10.208.0.4"}}},"HostConfig":{"NetworkMode":"bridge","Memory":4294967296}}]"#;
    world.answer("podman-container-inspect", inspect);
    let network = r#"[{"name":"net","internal":true,"dns_enabled":false,"subnets":[{"subnet":"10.208.0.0/28"}]}]"#;
    world.answer("podman-network-inspect", network);
    // What the engine sends is an archive of one file.
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(6);
    archive.append_data(&mut header, "filter.py", &b"FILTER"[..]).unwrap();
    std::fs::write(world.path("stub/podman-cp.out"), archive.into_inner().unwrap()).unwrap();
    world.program("filtergen");
    let policy = r#"{"schema":"policy/1","allow":[{"name":"a.example"}]}"#;
    world.answer("filtergen---read", &format!("{policy}\n"));
    world.on("filtergen---read", "read -r given || :; [ \"$given\" = FILTER ]");
    let program = world.install(env!("CARGO_BIN_EXE_ctr-info"));
    (world, program)
}

#[track_caller]
fn isolation_of(world: &World, program: &std::path::Path) -> Value {
    let run = world.command(program).args(["--json", "dev-a"]).assert().success().stderr("");
    let document: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    let container = document["containers"][0].clone();
    assert_eq!(container["ports"][0]["address"], "127.0.0.1");
    container["isolation"].clone()
}

/// The digest of the policy above, which sha256sum(1) says.
const DIGEST: &str = "sha256:bd433dd90e81535d5cf1f1932d9808771bbe4b9ae93be62e99b49627784c9a4a";

#[test]
fn isolation_is_what_the_engine_and_the_filter_in_force_say() {
    let (world, program) = isolated();
    let found = isolation_of(&world, &program);
    assert_eq!(
        found,
        serde_json::json!({"mode": "proxy", "isolated": true, "networks": [{"name": "net",
            "internal": true, "dns": false, "address": "10.208.0.4", "subnets": ["10.208.0.0/28"]}],
            "memory": "4g", "no_new_privileges": false,
            "proxy": {"name": "c-proxy", "status": "running", "health": "healthy"},
            "ingress": {"name": "c-ingress", "status": "stopped"},
            "filter": {"digest": DIGEST, "allow": ["a.example"]}})
    );
    // Another policy than the one that was applied is told.
    let document = serde_json::json!({"schema": "container/1", "name": "dev-a",
        "project": {"path": "/", "name": "a", "hash": "0"},
        "isolation": {"mode": "proxy", "digest": "sha256:0"}});
    world.write("state/dev-a/document.json", &document.to_string());
    assert_eq!(isolation_of(&world, &program)["filter"]["applied"], "sha256:0");
    let document = document.to_string().replace("sha256:0", DIGEST);
    world.write("state/dev-a/document.json", &document);
    assert_eq!(isolation_of(&world, &program)["filter"]["applied"], Value::Null);
}

#[test]
fn a_filter_that_cannot_be_read_is_told_and_the_rest_as_well() {
    let (world, program) = isolated();
    let report = r#"{"schema":"error/1","tool":"filtergen","kind":"filter-changed","exit":65,"message":"the filter '/dev/stdin' was edited, or is not whole"}"#;
    world.refuse("filtergen---read", 65, report);
    let found = isolation_of(&world, &program);
    let problem = "the filter '/etc/ctrkit/proxy/filter.py' was edited, or is not whole";
    assert_eq!((&found["isolated"], &found["filter"]["problem"]), (&true.into(), &problem.into()));
    let words = "Error: \"/etc/ctrkit/proxy/filter.py\" could not be found on container c-proxy: no such file or directory";
    world.refuse("podman-cp", 125, words);
    let found = isolation_of(&world, &program);
    let problem = "there is no /etc/ctrkit/proxy/filter.py in 'c-proxy'";
    assert_eq!(found["filter"]["problem"], problem);
    std::fs::remove_file(world.path("stub/podman-cp.status")).unwrap();
    std::fs::remove_file(world.path("bin/filtergen")).unwrap();
    refused(world.command(&program).arg("dev-a"), 69, "tool-absent");
}

#[test]
fn a_network_that_leads_outside_and_one_that_is_gone_are_told() {
    let (world, program) = isolated();
    let inspect =
        r#"[{"NetworkSettings":{"Networks":{"net":{},"out":{},"x":{}}},"HostConfig":{}}]"#;
    let network = r#"[{"name":"out","internal":false,"dns_enabled":true,"subnets":[{"subnet":"10.0.0.0/24","gateway":"10.0.0.1"}]}]"#;
    world.answer("podman-container-inspect", inspect).answer("out", network);
    world.refuse(
        "gone",
        125,
        "Error: network x: unable to find network with name or ID x: network not found",
    );
    world.on("podman-network-inspect", "case $* in *x*) call=gone ;; *out*) call=out ;; esac");
    let found = isolation_of(&world, &program);
    assert_eq!(found["isolated"], false);
    assert_eq!(found["holes"].as_array().unwrap().len(), 3, "{found}");
    assert_eq!(found["networks"][1]["bridge"][0], "10.0.0.1");
    assert_eq!(found["networks"][2], serde_json::json!({"name": "x"}));
}

#[test]
fn without_a_proxy_there_is_no_filter() {
    let (world, program) = isolated();
    world.answer("sidecars", "[]");
    let run = world.command(&program).args(["dev-a"]).assert().success();
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    assert!(
        text.contains("\nproxy:             -\ningress:           -\nrefused:           -\npolicy:            -\n"),
        "{text}"
    );
    assert!(world.calls().iter().all(|call| call[1] != "cp" && call[1] != "healthcheck"));
}

#[test]
fn it_works_in_a_pipe() {
    let world = world();
    let script = "\"$0\" dev-a --engine docker | grep '^web'";
    let mut command = world.command("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_ctr-info")]);
    command.assert().success().stdout("web:       http://localhost:3000\n");
}

#[test]
fn a_second_run_writes_the_same() {
    let world = world();
    let run =
        || ctr_info(&world, "dev-a").arg("--json").assert().success().get_output().stdout.clone();
    assert_eq!(run(), run());
}

#[test]
fn an_absent_container_is_69_and_a_strange_one_65() {
    let world = World::new();
    refused(&mut ctr_info(&world, "dev-a"), 69, "no-such-container");
    refused(&mut ctr_info(&world, "^(.*"), 69, "no-such-container");
    refused(&mut ctr_info(&world, ""), 69, "no-such-container");
    world.answer("docker-ps", &LIST.replace("\"ctrkit.managed\":\"true\"", "\"x\":\"\""));
    let error = refused(&mut ctr_info(&world, "dev-a"), 65, "not-managed");
    assert_eq!(error["message"], "the container 'dev-a' is not ctrkit's");
}

#[test]
fn a_container_that_goes_between_the_calls_is_69() {
    let world = world();
    world.refuse("docker-container-inspect", 1, "Error: No such container: dev-a");
    refused(&mut ctr_info(&world, "dev-a"), 69, "no-such-container");
}

#[test]
fn wrong_usage_is_64() {
    let world = world();
    ctr_info(&world, "a").arg("b").assert().code(64).stdout("");
    refused(ctr_info(&world, "a").args(["--engine", "sh"]), 64, "engine-unknown");
}

#[test]
fn a_wrong_configuration_is_65() {
    let world = world();
    world.write("config/config.toml", "[");
    refused(&mut ctr_info(&world, "dev-a"), 65, "bad-configuration");
}

#[test]
fn an_answer_that_cannot_be_read_is_74() {
    let world = world();
    world.answer("docker-container-inspect", "[]");
    refused(&mut ctr_info(&world, "dev-a"), 74, "engine-answer-unreadable");
}

#[test]
fn an_engine_that_refuses_is_77() {
    let world = World::new();
    let words = "permission denied while trying to connect to the Docker daemon socket";
    world.refuse("docker-ps", 1, words);
    refused(&mut ctr_info(&world, "dev-a"), 77, "engine-permission");
}

#[test]
fn standard_output_may_be_full_or_closed() {
    let world = world();
    let command = || {
        let mut command = Process::new(env!("CARGO_BIN_EXE_ctr-info"));
        command.env_clear().env("PATH", world.search_path()).env("HOME", world.path("home"));
        command.args(["--engine", "docker", "dev-a"]).stderr(Stdio::piped());
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
