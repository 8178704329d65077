//! The program as its callers see it: arguments, pipes, files, exit status.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use serde_json::{Value, json};
use stubs::{Command, World, refused};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mkcompose");

fn mkcompose(world: &World, arguments: &[&str], document: &Value) -> Command {
    let mut command = world.command(PROGRAM);
    command.args(arguments).write_stdin(format!("{document}\n"));
    command
}

/// A document as it comes from ctr-image, with keys that nobody knows.
fn document(world: &World) -> Value {
    json!({
        "x-first": [], "schema": "container/1", "name": "dev-a-b3e5ed",
        "project": {"path": world.path("project"), "name": "a", "hash": "b3e5ed000000"},
        "engine": {"kind": "podman"},
        "image": "localhost/ctrkit-base:latest", "user": "dev", "workspace": "/workspace/a",
        "ports": [
            {"service": "ssh", "container": 22, "host": 2200, "address": "127.0.0.1"},
            {"service": "web", "container": 3000, "host": 3000, "address": "127.0.0.1"},
            {"service": "audio", "container": 4714, "host": 4714},
        ],
        "volumes": [{"name": "dev-a-b3e5ed-home", "target": "/home/dev"}],
        "env": [{"name": "EDITOR", "value": "vi"}],
        "labels": [{"name": "ctrkit.authority", "value": "SHA256:x"}],
        "isolation": {"mode": "proxy", "filter": "/s/dev-a-b3e5ed/proxy/filter.py", "x": 1},
        "last": 1,
    })
}

fn run(command: &mut Command) -> String {
    let run = command.assert().success().stderr("");
    String::from_utf8(run.get_output().stdout.clone()).unwrap()
}

fn file(world: &World) -> PathBuf {
    world.path("state/dev-a-b3e5ed/compose.json")
}

fn model(world: &World, document: &Value) -> Value {
    serde_json::from_str(&run(&mut mkcompose(world, &["--print"], document))).unwrap()
}

#[test]
fn the_model_is_written_and_the_document_filled_in() {
    let world = World::new();
    let out = run(&mut mkcompose(&world, &[], &document(&world)));
    assert_eq!(out.matches('\n').count(), 1);
    assert!(out.starts_with("{\"x-first\":[],\"schema\""), "{out}");
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["compose"]["project"], "ctrkit-b3e5ed000000");
    assert_eq!(found["compose"]["file"], json!(file(&world)));
    assert_eq!(found["isolation"]["x"], 1);
    assert_eq!(found["limits"]["memory"], "4g");
    let mode = fs::metadata(file(&world)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);

    // On its own output nothing changes, and not even the file is written.
    let before = fs::metadata(file(&world)).unwrap().modified().unwrap();
    let again: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(run(&mut mkcompose(&world, &[], &again)), out);
    assert_eq!(fs::metadata(file(&world)).unwrap().modified().unwrap(), before);
}

#[test]
fn a_document_that_asks_for_no_isolation_goes_through() {
    let world = World::new();
    let mut plain = document(&world);
    plain.as_object_mut().unwrap().remove("isolation");
    assert_eq!(run(&mut mkcompose(&world, &[], &plain)), format!("{plain}\n"));
    assert!(!world.path("state/dev-a-b3e5ed").exists());
}

#[test]
fn the_container_is_on_the_internal_network_alone() {
    let world = World::new();
    let model = model(&world, &document(&world));
    let app = &model["services"]["app"];
    let place = json!({"ipv4_address": "10.208.137.132", "mac_address": "02:42:0a:d0:89:84"});
    assert_eq!(app["networks"], json!({"net": place}));
    assert_eq!(app["dns"], json!(["10.208.137.130"]));
    assert_eq!(app.get("ports"), None);
    assert_eq!(app["sysctls"]["net.ipv6.conf.all.disable_ipv6"], "1");
    let net = &model["networks"]["net"];
    assert_eq!((&net["internal"], &net["x-podman.disable_dns"]), (&json!(true), &json!(true)));
    assert_eq!(net["ipam"]["config"][0]["subnet"], "10.208.137.128/28");
    let trust = json!({"type": "volume", "source": "ctrkit-b3e5ed000000-trust",
        "target": "/etc/ctrkit/trust", "read_only": true});
    assert!(app["volumes"].as_array().unwrap().contains(&trust));
    let secret = json!("ctrkit-b3e5ed000000-proxy");
    assert!(app["volumes"].as_array().unwrap().iter().all(|mount| mount["source"] != secret));
}

#[test]
fn each_engine_has_its_own_word_for_a_bridge_without_an_address() {
    let world = World::new();
    let mut document = document(&world);
    document["engine"]["kind"] = json!("docker");
    let model = model(&world, &document);
    let net = &model["networks"]["net"];
    assert_eq!(net["driver_opts"]["com.docker.network.bridge.inhibit_ipv4"], "true");
    assert_eq!(net.get("x-podman.disable_dns"), None);
    assert_eq!(model.get("x-podman"), None);
}

#[test]
fn ports_are_published_by_the_forwarder() {
    let world = World::new();
    let model = model(&world, &document(&world));
    let ingress = &model["services"]["ingress"];
    let ssh = json!({"target": 22, "published": "2200", "host_ip": "127.0.0.1", "protocol": "tcp"});
    assert_eq!(ingress["ports"][0], ssh);
    assert_eq!(ingress["ports"].as_array().unwrap().len(), 2);
    let command: Vec<_> = ingress["command"].as_array().unwrap().iter().skip(2).collect();
    assert_eq!(command, ["--to", "10.208.137.132", "22", "3000"]);
}

#[test]
fn sidecars_have_nothing_that_they_do_not_need() {
    let world = World::new();
    let model = model(&world, &document(&world));
    for service in ["proxy", "ingress"] {
        let sidecar = &model["services"][service];
        assert_eq!(sidecar["cap_drop"], json!(["ALL"]), "{service}");
        assert_eq!(sidecar["read_only"], true, "{service}");
        assert_eq!(sidecar["security_opt"], json!(["no-new-privileges:true"]), "{service}");
        assert_eq!(sidecar["user"], "10001:10001", "{service}");
        assert_eq!(sidecar["sysctls"]["net.ipv4.ip_forward"], "0", "{service}");
        assert_eq!(sidecar["sysctls"]["net.ipv4.conf.all.accept_source_route"], "0", "{service}");
        assert_eq!(sidecar["labels"]["ctrkit.sidecar.type"], service);
        assert_eq!(sidecar["labels"]["ctrkit.authority"], "SHA256:x");
    }
}

#[test]
fn limits_of_the_document_are_kept_and_capabilities_are_added() {
    let world = World::new();
    let mut document = document(&world);
    document["limits"] = json!({"memory": "8g", "cap_drop": ["CHOWN", "NET_RAW"]});
    let model = model(&world, &document);
    let app = &model["services"]["app"];
    assert_eq!((&app["mem_limit"], &app["cpus"]), (&json!("8g"), &json!("2")));
    assert_eq!(app["pids_limit"], 512);
    let dropped = app["cap_drop"].as_array().unwrap();
    assert_eq!(dropped.iter().filter(|cap| **cap == "NET_RAW").count(), 1);
    assert!(["CHOWN", "SYS_ADMIN", "NET_ADMIN"].iter().all(|cap| dropped.contains(&json!(cap))));
    assert_eq!(app.get("security_opt"), None);
    document["isolation"]["no_new_privileges"] = json!(true);
    let model = self::model(&world, &document);
    assert_eq!(model["services"]["app"]["security_opt"], json!(["no-new-privileges:true"]));
}

#[test]
fn options_reach_the_proxy_and_stay_in_the_document() {
    let world = World::new();
    let arguments = ["--dns", "10.1.1.1", "--dns", "10.1.1.2", "--upstream-ca", "/ca.pem"];
    let out = run(&mut mkcompose(&world, &arguments, &document(&world)));
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["isolation"]["dns"], json!(["10.1.1.1", "10.1.1.2"]));
    let model: Value = serde_json::from_slice(&fs::read(file(&world)).unwrap()).unwrap();
    let proxy = &model["services"]["proxy"];
    // It serves the internal network alone.
    assert!(proxy["command"].as_array().unwrap().contains(&json!("10.208.137.130:8080")));
    assert_eq!(proxy["dns"], json!(["10.1.1.1", "10.1.1.2"]));
    assert!(proxy["volumes"].as_array().unwrap().iter().any(|mount| mount["source"] == "/ca.pem"));
    assert_eq!(run(&mut mkcompose(&world, &[], &found)), out);
}

#[test]
fn another_program_is_another_proxy_and_another_policy_is_not() {
    let world = World::new();
    let mut document = document(&world);
    document["isolation"]["program"] = json!("sha256:1");
    let before = model(&world, &document);
    document["isolation"]["digest"] = json!("sha256:2");
    assert_eq!(model(&world, &document), before);
    document["isolation"]["program"] = json!("sha256:3");
    assert_ne!(model(&world, &document)["services"]["proxy"], before["services"]["proxy"]);
}

#[test]
fn the_agents_configuration_is_the_one_place_that_may_be_written_to() {
    let world = World::new();
    let own = world.path("data/claude/b3e5ed000000");
    fs::create_dir_all(&own).unwrap();
    let shut = |mode| fs::set_permissions(own.parent().unwrap(), fs::Permissions::from_mode(mode));
    shut(0o700).unwrap();
    let mut document = document(&world);
    let target = "/home/dev/.claude";
    document["claude"] = json!({"directory": own, "target": target});
    document["mounts"] = json!([{"type": "bind", "source": own, "target": target}]);
    let data = world.path("data").display().to_string();
    let compose = |document: &Value| mkcompose(&world, &["--data-dir", &data], document);
    let model: Value = serde_json::from_str(&run(compose(&document).arg("--print"))).unwrap();
    let mounts = model["services"]["app"]["volumes"].as_array().unwrap();
    assert!(mounts.iter().any(|mount| mount["target"] == target && mount["source"] == json!(own)));
    let refuse = |change: &dyn Fn(&mut Value)| {
        let mut changed = document.clone();
        change(&mut changed);
        refused(&mut compose(&changed), 65, "writable-mount");
    };
    // What the document says of where it is counts for nothing.
    let other = world.path("data/claude/0123456789ab");
    fs::create_dir(&other).unwrap();
    refuse(&|d| {
        (d["claude"]["directory"], d["mounts"][0]["source"]) = (json!(other), json!(other))
    });
    refuse(&|d| d["mounts"][0]["source"] = json!(world.path("data/claude")));
    refuse(&|d| d["mounts"][0]["source"] = json!(own.join("..").join("b3e5ed000000/x")));
    refuse(&|d| d["mounts"][0]["target"] = json!("/etc"));
    refuse(&|d| (d["claude"]["target"], d["mounts"][0]["target"]) = (json!("/etc"), json!("/etc")));
    refuse(&|d| d["claude"] = json!(null));
    refuse(&|d| d["project"]["hash"] = json!(".."));
    shut(0o755).unwrap();
    refused(&mut compose(&document), 77, "open-directory");
    shut(0o700).unwrap();
    fs::remove_dir(&own).unwrap();
    refused(&mut compose(&document), 77, "open-directory");
    std::os::unix::fs::symlink(&other, &own).unwrap();
    refused(&mut compose(&document), 77, "open-directory");
}

#[test]
fn what_cannot_be_isolated_is_refused() {
    let world = World::new();
    let refuse = |change: &dyn Fn(&mut Value), status, kind| {
        let mut document = document(&world);
        change(&mut document);
        refused(&mut mkcompose(&world, &[], &document), status, kind)
    };
    refuse(&|d| d["isolation"]["mode"] = json!("none"), 65, "bad-mode");
    refuse(&|d| d["isolation"] = json!({"mode": "proxy"}), 65, "missing-key");
    refuse(&|d| d["engine"] = json!(null), 65, "missing-key");
    refuse(&|d| d["ports"] = json!([]), 65, "missing-key");
    refuse(&|d| d["name"] = json!("../a"), 65, "bad-name");
    refuse(&|d| d["engine"]["host"] = json!("ssh://box"), 69, "isolation-elsewhere");
    let bind = |read_only: bool| json!([{"type": "bind", "source": "/src/app", "target": "/app", "read_only": read_only}]);
    let error = refuse(&|d| d["mounts"] = bind(false), 65, "writable-mount");
    assert_eq!(error["message"], "the isolated container may not write to '/src/app'");
    let mut readable = document(&world);
    readable["mounts"] = bind(true);
    let model = model(&world, &readable);
    let mounts = model["services"]["app"]["volumes"].as_array().unwrap();
    assert!(mounts.iter().any(|mount| mount["target"] == "/app" && mount["read_only"] == true));
    mkcompose(&world, &["--dns", "name"], &document(&world)).assert().code(64).stdout("");
    assert!(!world.path("state/dev-a-b3e5ed").exists());
}

#[test]
fn a_template_adds_to_the_model_and_a_persons_own_file_lies_over_it() {
    let world = World::new();
    let additions = "services:\n  app:\n    environment: {T: t}\n  db:\n    image: db\n\
                     volumes:\n  data: {}\n";
    world.write("config/templates/mine/template.toml", "");
    world.write("config/templates/mine/compose.yaml", additions);
    let over = "services:\n  app:\n    environment: {O: o}\n  cache:\n    image: cache\n";
    let over = world.write("over.yaml", over);
    let mut document = document(&world);
    document["template"] = json!({"name": "mine"});
    let services =
        |model: &Value| model["services"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let alone = model(&world, &document);
    assert_eq!(alone["services"]["app"]["environment"]["T"], "t");
    assert!(services(&alone).contains(&"db".to_owned()));
    document["compose"] = json!({"override": over});
    let both = model(&world, &document);
    let app = &both["services"]["app"];
    assert_eq!((&app["environment"]["T"], &app["environment"]["O"]), (&json!("t"), &json!("o")));
    assert!(app["environment"]["no_proxy"].as_str().unwrap().ends_with("db,cache"), "{app}");
    let address = |name: &str| both["services"][name]["networks"]["net"]["ipv4_address"].clone();
    assert!(address("db").is_string() && address("db") != address("cache"), "{both}");
    assert!(both["volumes"].get("data").is_some());
    let hosts = app["extra_hosts"].to_string();
    assert!(hosts.contains("db") && hosts.contains("cache"), "{hosts}");

    let open = "services:\n  app:\n    privileged: true\n";
    world.write("config/templates/mine/compose.yaml", open);
    let error = refused(&mut mkcompose(&world, &[], &document), 65, "override-refused");
    assert!(error["message"].as_str().unwrap().contains("templates/mine/compose.yaml"), "{error}");
}

#[test]
fn a_volume_that_is_added_is_none_of_the_containers_own() {
    let world = World::new();
    let mut document = document(&world);
    let over = "services:\n  db:\n    image: db\n    volumes: ['VOLUME:/d']\nvolumes: {VOLUME: }\n";
    for (name, is_good) in [("home", false), ("dev-a-b3e5ed-home", false), ("homes", true)] {
        let over = world.write("over.yaml", &over.replace("VOLUME", name));
        document["compose"] = json!({"override": over});
        if is_good {
            let name = &model(&world, &document)["volumes"][name]["name"];
            assert_eq!(name, &json!("dev-a-b3e5ed-homes"));
        } else {
            let error = refused(&mut mkcompose(&world, &[], &document), 65, "override-refused");
            assert!(error["message"].as_str().unwrap().contains(&format!("volumes.{name}")));
        }
    }
}
