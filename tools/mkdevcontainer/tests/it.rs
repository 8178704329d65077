//! The program as its callers see it: arguments, pipes, files, exit status.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use serde_json::{Value, json};
use stubs::{Command, World, refused};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mkdevcontainer");

fn mkdevcontainer(world: &World, arguments: &[&str], document: &Value) -> Command {
    let mut command = world.command(PROGRAM);
    command.args(arguments).write_stdin(format!("{document}\n"));
    command
}

/// A document as it comes from ctr-image, with keys that nobody knows.
fn document(world: &World) -> Value {
    let project = world.path("project");
    fs::create_dir_all(&project).unwrap();
    json!({
        "x-first": [], "schema": "container/1", "name": "dev-a-b3e5ed",
        "project": {"path": project, "name": "a", "hash": "b3e5ed000000"},
        "engine": {"kind": "podman"},
        "image": "localhost/ctrkit-base:latest", "user": "dev", "workspace": "/workspace/a",
        "ports": [
            {"service": "ssh", "container": 22, "host": 2200, "address": "127.0.0.1"},
            {"service": "audio", "container": 4714, "host": 4714},
        ],
        "volumes": [
            {"name": "dev-a-b3e5ed-home", "target": "/home/dev"},
            {"name": "dev-a-b3e5ed-workspace", "target": "/workspace"},
        ],
        "env": [{"name": "EDITOR", "value": "vi"}],
        "labels": [{"name": "ctrkit.authority", "value": "SHA256:x"}],
        "limits": {"memory": "2g", "cap_drop": ["NET_RAW"]},
        "devcontainer": {"x": 1},
        "last": 1,
    })
}

fn run(command: &mut Command) -> String {
    let run = command.assert().success().stderr("");
    String::from_utf8(run.get_output().stdout.clone()).unwrap()
}

fn file(world: &World) -> PathBuf {
    world.path("state/dev-a-b3e5ed/devcontainer/devcontainer.json")
}

fn config(world: &World, document: &Value) -> Value {
    serde_json::from_str(&run(&mut mkdevcontainer(world, &["--print"], document))).unwrap()
}

#[test]
fn the_file_is_written_and_the_document_filled_in() {
    let world = World::new();
    let out = run(&mut mkdevcontainer(&world, &[], &document(&world)));
    assert_eq!(out.matches('\n').count(), 1);
    assert!(out.starts_with("{\"x-first\":[],\"schema\""), "{out}");
    let found: Value = serde_json::from_str(&out).unwrap();
    let section = json!({"x": 1, "config": file(&world), "mode": "image"});
    assert_eq!(found["devcontainer"], section);
    let mode = fs::metadata(file(&world)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);

    // On its own output nothing changes, and not even the file is written.
    let before = fs::metadata(file(&world)).unwrap().modified().unwrap();
    let again: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(run(&mut mkdevcontainer(&world, &[], &again)), out);
    assert_eq!(fs::metadata(file(&world)).unwrap().modified().unwrap(), before);
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let world = World::new();
    let document = document(&world);
    let told = run(&mut mkdevcontainer(&world, &["--dry-run"], &document));
    assert!(!world.path("state/dev-a-b3e5ed").exists());
    assert_eq!(run(&mut mkdevcontainer(&world, &[], &document)), told);
    own(&world, r#"{"image": "a", "initializeCommand": "id"}"#);
    refused(&mut mkdevcontainer(&world, &["-n"], &document), 77, "untrusted");
    run(&mut mkdevcontainer(&world, &["-n", "--trust"], &document));
    refused(&mut mkdevcontainer(&world, &[], &document), 77, "untrusted");
}

#[test]
fn a_dry_run_of_an_isolated_container_needs_no_model() {
    let world = World::new();
    let mut document = document(&world);
    document["isolation"] = json!({"mode": "proxy"});
    own(&world, r#"{"image": "a", "remoteUser": "dev"}"#);
    refused(&mut mkdevcontainer(&world, &[], &document), 65, "missing-key");
    let out = run(&mut mkdevcontainer(&world, &["--dry-run"], &document));
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["devcontainer"]["service"], "app");
    assert_eq!(found["devcontainer"]["config"], json!(file(&world)));
    own(&world, r#"{"image": "a", "privileged": true}"#);
    refused(&mut mkdevcontainer(&world, &["-n", "--trust"], &document), 65, "cannot-isolate");
    assert!(!world.path("state/dev-a-b3e5ed").exists());
}

#[test]
fn a_document_that_asks_for_none_goes_through() {
    let world = World::new();
    let mut plain = document(&world);
    plain.as_object_mut().unwrap().remove("devcontainer");
    assert_eq!(run(&mut mkdevcontainer(&world, &[], &plain)), format!("{plain}\n"));
    assert!(!world.path("state/dev-a-b3e5ed").exists());
}

#[test]
fn the_container_is_as_the_engine_alone_would_make_it() {
    let world = World::new();
    let config = config(&world, &document(&world));
    assert_eq!(
        (&config["image"], &config["remoteUser"]),
        (&json!("localhost/ctrkit-base:latest"), &json!("dev"))
    );
    assert_eq!(config["workspaceFolder"], "/workspace/a");
    assert_eq!(
        config["workspaceMount"],
        "type=volume,source=dev-a-b3e5ed-workspace,target=/workspace"
    );
    assert_eq!(config["mounts"], json!(["type=volume,source=dev-a-b3e5ed-home,target=/home/dev"]));
    assert_eq!(config["containerEnv"], json!({"EDITOR": "vi"}));
    assert_eq!(config["overrideCommand"], false);
    let has = |arg: &str| config["runArgs"].as_array().unwrap().contains(&json!(arg));
    for arg in [
        "--name=dev-a-b3e5ed",
        "--label=ctrkit.managed=true",
        "--label=ctrkit.authority=SHA256:x",
        "--publish=127.0.0.1:2200:22",
        "--memory=2g",
        "--cap-drop=NET_RAW",
    ] {
        assert!(has(arg), "{arg}: {config}");
    }
    assert!(!config.to_string().contains("4714"), "a port that is only reserved is not published");
}

#[test]
fn what_a_person_wrote_or_changed_is_not_replaced() {
    let world = World::new();
    let place = world.path("out");
    let to = ["--output", place.to_str().unwrap()];
    let out = run(&mut mkdevcontainer(&world, &to, &document(&world)));
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["devcontainer"]["config"], json!(place.join("devcontainer.json")));
    // What it wrote itself is replaced.
    let mut other = document(&world);
    other["env"] = json!([]);
    run(&mut mkdevcontainer(&world, &to, &other));
    for text in ["{}", "// mine\n{}", ""] {
        fs::write(place.join("devcontainer.json"), text).unwrap();
        refused(&mut mkdevcontainer(&world, &to, &other), 65, "foreign-file");
        assert_eq!(fs::read_to_string(place.join("devcontainer.json")).unwrap(), text);
    }
}

#[test]
fn what_its_readers_would_change_is_refused_by_name() {
    let world = World::new();
    for (name, value) in [("A", "${localEnv:HOME}"), ("B", "x${devcontainerId}"), ("C", "a\0b")] {
        let mut document = document(&world);
        document["env"] = json!([{"name": name, "value": value}]);
        let error = refused(&mut mkdevcontainer(&world, &[], &document), 65, "unwritable-value");
        assert!(error["message"].as_str().unwrap().contains(&format!("containerEnv.{name}")));
    }
    let mut bad = document(&world);
    bad["name"] = json!("../a");
    refused(&mut mkdevcontainer(&world, &[], &bad), 65, "bad-name");
}

/// Puts the repository's own file, as an editor would write it.
fn own(world: &World, text: &str) {
    world.write("project/.devcontainer/devcontainer.json", text);
}

/// A file as a repository may have it, with a bit of everything.
const THEIRS: &str = r#"{
            // theirs
            "name": "theirs", "image": "mcr.microsoft.com/devcontainers/base:bookworm",
            "features": {"ghcr.io/devcontainers/features/node:1": {"version": "22"}},
            "customizations": {"vscode": {"extensions": ["a.b"]}},
            "containerEnv": {"A": "${containerWorkspaceFolder}", "EDITOR": "ed"},
            "runArgs": ["--memory=64g", "--name", "theirs", "--shm-size=1g"],
            "mounts": ["source=x-${devcontainerId},target=/x,type=volume"],
            "workspaceMount": "source=${localWorkspaceFolder},target=/src,type=bind",
            "workspaceFolder": "/src", "postCreateCommand": "make",
            "x-unknown": [1, {"y": null}],
        }"#;

#[test]
fn what_is_in_the_home_moves_with_the_account() {
    let world = World::new();
    let mut document = document(&world);
    document["claude"] = json!({"target": "/home/dev/.claude"});
    document["env"] = json!([
        {"name": "CLAUDE_CONFIG_DIR", "value": "/home/dev/.claude"},
        {"name": "OTHER", "value": "/home/dev"},
    ]);
    let file = json!({"target": "/home/dev/.x", "mode": "0600", "owner": "dev"});
    document["inject"] = json!([file]);
    own(&world, r#"{"image": "b", "remoteUser": "root"}"#);
    let out = run(&mut mkdevcontainer(&world, &[], &document));
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&found["user"], &found["volumes"][0]["target"]), (&json!("root"), &json!("/root")));
    assert_eq!(found["claude"]["target"], "/root/.claude");
    let values = [&found["env"][0]["value"], &found["env"][1]["value"]];
    assert_eq!(values, ["/root/.claude", "/home/dev"]);
    let file = &found["inject"][0];
    assert_eq!((&file["target"], &file["owner"]), (&json!("/root/.x"), &json!("root")));
}

#[test]
fn the_repositorys_own_file_is_honoured() {
    let world = World::new();
    let document = document(&world);
    own(&world, THEIRS);
    let out = run(&mut mkdevcontainer(&world, &[], &document));
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["user"], "vscode");
    assert_eq!(found["volumes"][0]["target"], "/home/vscode");
    assert_eq!(found["devcontainer"]["mode"], "image");
    let path = world.path("project/.devcontainer/devcontainer.json");
    assert_eq!(found["devcontainer"]["own"], json!(path));
    assert_eq!(run(&mut mkdevcontainer(&world, &[], &found)), out);

    let config: Value = serde_json::from_slice(&fs::read(file(&world)).unwrap()).unwrap();
    assert_eq!(config["name"], "dev-a-b3e5ed");
    assert_eq!(config["image"], "mcr.microsoft.com/devcontainers/base:bookworm");
    assert_eq!(
        config["features"],
        json!({"ghcr.io/devcontainers/features/node:1": {"version": "22"}})
    );
    assert_eq!(config["customizations"]["vscode"], json!({"extensions": ["a.b"]}));
    assert_eq!(config["containerEnv"], json!({"A": "${containerWorkspaceFolder}", "EDITOR": "vi"}));
    assert_eq!(
        (&config["remoteUser"], &config["postCreateCommand"]),
        (&json!("vscode"), &json!("make"))
    );
    assert_eq!(config["workspaceFolder"], "/workspace/a");
    assert_eq!(config["mounts"].as_array().unwrap().len(), 2);
    assert_eq!(config["x-unknown"], json!([1, {"y": null}]));
    assert_eq!(config.get("overrideCommand"), None);
    let args: Vec<_> =
        config["runArgs"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(!args.contains(&"theirs") && args.contains(&"--shm-size=1g"), "{args:?}");
    // Of two options the last counts.
    let at = |arg| args.iter().position(|found| *found == arg).unwrap();
    assert!(at("--memory=64g") < at("--memory=2g"), "{args:?}");
}

#[test]
fn an_image_that_is_built_has_its_paths() {
    let world = World::new();
    let document = document(&world);
    own(&world, r#"{"build": {"dockerfile": "Dockerfile", "context": "..", "args": {"A": "b"}}}"#);
    let error = refused(&mut mkdevcontainer(&world, &[], &document), 66, "missing-file");
    assert!(error["message"].as_str().unwrap().contains("Dockerfile"), "{error}");
    let dockerfile = world.write("project/.devcontainer/Dockerfile", "FROM a\n");
    let config = config(&world, &document);
    let build =
        json!({"dockerfile": dockerfile, "context": world.path("project"), "args": {"A": "b"}});
    assert_eq!(config["build"], build);
    assert_eq!(config.get("image"), None);
}

#[test]
fn what_reaches_the_machine_has_to_be_trusted() {
    let world = World::new();
    let document = document(&world);
    own(&world, r#"{"image": "a", "initializeCommand": "id", "runArgs": ["--privileged"]}"#);
    let error = refused(&mut mkdevcontainer(&world, &[], &document), 77, "untrusted");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("initializeCommand") && message.contains("runArgs[0]"), "{message}");
    let hint = error["hint"].as_str().unwrap();
    let digest = hint.split("--trust=").nth(1).unwrap().split(',').next().unwrap();
    assert_eq!(digest.len(), 64, "{hint}");
    // People are told in a line each.
    let told = mkdevcontainer(&world, &[], &document).assert().code(77).get_output().stderr.clone();
    let told = String::from_utf8(told).unwrap();
    assert!(
        told.contains("mkdevcontainer: initializeCommand: \"id\": it runs on this machine, "),
        "{told}"
    );
    assert_eq!(told.lines().count(), 4, "{told}");

    let wrong = format!("--trust={}", "0".repeat(64));
    refused(&mut mkdevcontainer(&world, &[&wrong], &document), 77, "untrusted");
    let right = format!("--trust={digest}");
    let out = run(&mut mkdevcontainer(&world, &[&right], &document));
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["devcontainer"]["trusted"], digest);
    // It is remembered, as long as what is trusted stays.
    run(&mut mkdevcontainer(&world, &[], &document));
    own(&world, r#"{"image": "b", "initializeCommand": "id", "runArgs": ["--privileged"]}"#);
    run(&mut mkdevcontainer(&world, &[], &document));
    own(&world, r#"{"image": "b", "initializeCommand": "id -u", "runArgs": ["--privileged"]}"#);
    refused(&mut mkdevcontainer(&world, &[], &document), 77, "untrusted");
    refused(&mut mkdevcontainer(&world, &[], &found), 77, "untrusted");
    let mut any = document.clone();
    any["devcontainer"]["trusted"] = json!("any");
    run(&mut mkdevcontainer(&world, &[], &any));
}

#[test]
fn what_is_trusted_besides_the_file_is_for_its_image() {
    let world = World::new();
    let document = document(&world);
    let section = |trust: &str, document: &Value| -> Value {
        let out = run(&mut mkdevcontainer(&world, &[trust], document));
        serde_json::from_str::<Value>(&out).unwrap()["devcontainer"].take()
    };
    own(&world, r#"{"image": "a"}"#);
    let found = section("--trust", &document);
    assert_eq!((found.get("trusted"), &found["trusted_image"]), (None, &json!("any")));
    own(&world, r#"{"image": "a", "initializeCommand": "id"}"#);
    let found = section("--trust", &document);
    assert_eq!(found["trusted_image"], "any");
    let digest = found["trusted"].as_str().unwrap();
    let found = section(&format!("--trust={digest}"), &document);
    assert_eq!(found.get("trusted_image"), None);
    let both = format!("{digest},{}", "1".repeat(64));
    let found = section(&format!("--trust={both}"), &document);
    assert_eq!((&found["trusted"], &found["trusted_image"]), (&json!(digest), &json!(both)));
    // On its own output nothing is lost.
    let mut again = document.clone();
    again["devcontainer"] = found.clone();
    let out = run(&mut mkdevcontainer(&world, &[], &again));
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["devcontainer"], found);
}

/// A document as it comes from mkcompose, and the model that it names.
fn isolated(world: &World) -> Value {
    let mut document = document(world);
    // Who works in it changes no more: for that the model is made anew.
    document["user"] = json!("vscode");
    let model = json!({
        "name": "ctrkit-b3e5ed000000",
        "services": {
            "app": {
                "container_name": "dev-a-b3e5ed", "image": "localhost/ctrkit-base:latest",
                "pull_policy": "never", "user": "0:0",
                "environment": {"https_proxy": "http://10.0.0.2:8080", "PS1": "$x"},
                "volumes": [{"type": "volume", "source": "dev-a-b3e5ed-home", "target": "/home/dev"}],
                "networks": {"net": {"ipv4_address": "10.0.0.4"}},
                "depends_on": {"proxy": {"condition": "service_healthy"}},
            },
            "proxy": {"image": "localhost/ctrkit-proxy:latest", "networks": {"net": {}, "edge": {}}},
        },
        "networks": {"net": {"name": "ctrkit-b3e5ed000000-net", "internal": true}, "edge": {}},
        "volumes": {"dev-a-b3e5ed-home": {"name": "dev-a-b3e5ed-home"}, "secret": {}},
        "x-podman": {"in_pod": false},
    });
    let text = compose::to_text(&model).unwrap();
    let path = world.write("state/dev-a-b3e5ed/compose.json", &text);
    document["isolation"] = json!({"mode": "proxy"});
    let digest = format!("sha256:{:x}", <sha2::Sha256 as sha2::Digest>::digest(&text));
    document["compose"] = json!({"file": path, "digest": digest});
    document
}

fn service(world: &World) -> Value {
    let path = world.path("state/dev-a-b3e5ed/devcontainer/ctrkit.compose.json");
    compose::from_text(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn an_isolated_container_is_a_service_of_its_own() {
    let world = World::new();
    let document = isolated(&world);
    let out = run(&mut mkdevcontainer(&world, &[], &document));
    let found: Value = serde_json::from_str(&out).unwrap();
    let section = &found["devcontainer"];
    let place = world.path("state/dev-a-b3e5ed/devcontainer/ctrkit.compose.json");
    assert_eq!((&section["mode"], &section["service"]), (&json!("compose"), &json!("app")));
    assert_eq!(section["compose_files"], json!([place]));
    assert_eq!(section["project"], "ctrkit-b3e5ed000000-dev");
    assert_eq!(run(&mut mkdevcontainer(&world, &[], &found)), out);

    let model = service(&world);
    assert_eq!(model["services"].as_object().unwrap().len(), 1);
    assert_eq!(model["x-podman"], json!({"in_pod": false}));
    let app = &model["services"]["app"];
    assert_eq!(app["image"], "localhost/ctrkit-base:latest");
    assert_eq!(app["environment"]["PS1"], "$x");
    assert_eq!(app.get("depends_on"), None);
    let net = json!({"net": {"name": "ctrkit-b3e5ed000000-net", "external": true}});
    assert_eq!(model["networks"], net);
    let home = json!({"dev-a-b3e5ed-home": {"name": "dev-a-b3e5ed-home", "external": true}});
    assert_eq!(model["volumes"], home);
    let config: Value = serde_json::from_slice(&fs::read(file(&world)).unwrap()).unwrap();
    assert_eq!(config["dockerComposeFile"], json!([place]));
    assert_eq!(
        (&config["overrideCommand"], &config["remoteUser"]),
        (&json!(false), &json!("vscode"))
    );
    assert_eq!((config.get("image"), config.get("runArgs")), (None, None));
}

#[test]
fn isolation_is_laid_over_the_repositorys_own_file() {
    let world = World::new();
    let document = isolated(&world);
    own(
        &world,
        r#"{"image": "theirs:1", "containerEnv": {"https_proxy": "http://x", "A": "b"}, "init": false,
            "containerUser": "vscode", "overrideCommand": true, "appPort": 3000,
            "runArgs": ["--init"], "postCreateCommand": "make"}"#,
    );
    run(&mut mkdevcontainer(&world, &[], &document));
    assert_eq!(service(&world)["services"]["app"]["image"], "theirs:1");
    let config: Value = serde_json::from_slice(&fs::read(file(&world)).unwrap()).unwrap();
    assert_eq!(config["containerEnv"], json!({"A": "b"}));
    assert_eq!(
        (&config["overrideCommand"], &config["postCreateCommand"]),
        (&json!(false), &json!("make"))
    );
    for key in ["containerUser", "runArgs", "appPort", "init", "image"] {
        assert_eq!(config.get(key), None, "{key}");
    }
}

#[test]
fn what_isolation_cannot_be_laid_over_is_refused_also_if_it_is_trusted() {
    let world = World::new();
    let document = isolated(&world);
    for text in [
        r#""privileged": true"#,
        r#""capAdd": ["NET_ADMIN"]"#,
        r#""runArgs": ["--network=host"]"#,
        r#""mounts": ["type=bind,source=/,target=/x"]"#,
        r#""features": {"ghcr.io/devcontainers/features/docker-in-docker": {}}"#,
    ] {
        own(&world, &format!("{{\"image\": \"a\", {text}}}"));
        refused(&mut mkdevcontainer(&world, &["--trust"], &document), 65, "cannot-isolate");
    }
    world.write("project/.devcontainer/Dockerfile", "FROM a\n");
    own(&world, r#"{"build": {"dockerfile": "Dockerfile", "target": "x"}}"#);
    refused(&mut mkdevcontainer(&world, &[], &document), 77, "untrusted");
    run(&mut mkdevcontainer(&world, &["--trust"], &document));
    let app = &service(&world)["services"]["app"];
    assert_eq!(app["image"], "localhost/ctrkit-dev-b3e5ed000000:latest");
    let directory = world.path("project/.devcontainer");
    let build =
        json!({"context": directory, "dockerfile": directory.join("Dockerfile"), "target": "x"});
    assert_eq!((&app["build"], app.get("pull_policy")), (&build, None));
    let mut changed = document.clone();
    changed["compose"]["digest"] = json!("sha256:0");
    refused(&mut mkdevcontainer(&world, &["--trust"], &changed), 65, "model-changed");
    changed.as_object_mut().unwrap().remove("compose");
    refused(&mut mkdevcontainer(&world, &["--trust"], &changed), 65, "missing-key");
}

#[test]
fn a_service_of_the_repositorys_own_compose_files() {
    let world = World::new();
    let document = document(&world);
    own(
        &world,
        r#"{"dockerComposeFile": ["../compose.yml", "more.yml"], "service": "dev", "runServices": ["db"],
            "containerEnv": {"EDITOR": "ed", "A": "b"}}"#,
    );
    refused(&mut mkdevcontainer(&world, &[], &document), 66, "missing-file");
    let first = world.write("project/compose.yml", "services: {dev: {image: a}, db: {image: b}}\n");
    let text = "services: {dev: {network_mode: 'service:db'}}\n";
    let second = world.write("project/.devcontainer/more.yml", text);
    let out = run(&mut mkdevcontainer(&world, &[], &document));
    let found: Value = serde_json::from_str(&out).unwrap();
    let place = world.path("state/dev-a-b3e5ed/devcontainer/ctrkit.compose.json");
    let section = &found["devcontainer"];
    assert_eq!(section["compose_files"], json!([first, second, place]));
    assert_eq!(section["compose_digest"].as_str().unwrap().len(), 64);
    assert_eq!((&section["mode"], &section["service"]), (&json!("compose"), &json!("dev")));
    assert_eq!(run(&mut mkdevcontainer(&world, &[], &found)), out);

    let model = service(&world);
    let dev = &model["services"]["dev"];
    assert_eq!((&dev["container_name"], &dev["mem_limit"]), (&json!("dev-a-b3e5ed"), &json!("2g")));
    assert_eq!(dev["volumes"][0]["target"], "/home/vscode");
    // It is in the network of the other, which has the ports then.
    assert_eq!((dev.get("ports"), dev.get("hostname")), (None, None));
    assert_eq!(model["services"]["db"]["ports"][0]["published"], "2200");
    let config: Value = serde_json::from_slice(&fs::read(file(&world)).unwrap()).unwrap();
    assert_eq!(config["dockerComposeFile"], json!([first, second, place]));
    assert_eq!((&config["service"], &config["runServices"]), (&json!("dev"), &json!(["db"])));
    assert_eq!(config["workspaceFolder"], "/workspace/a");
    assert_eq!(config["containerEnv"], json!({"A": "b"}));
    assert_eq!(dev["environment"], json!({"EDITOR": "vi"}));

    world.write("project/compose.yml", "services: {dev: {image: a, volumes: ['.:/src']}}\n");
    let error = refused(&mut mkdevcontainer(&world, &[], &document), 77, "untrusted");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("compose.yml: services.dev.volumes[0]"), "{message}");
    world.write("project/compose.yml", "services: {dev: [}\n");
    refused(&mut mkdevcontainer(&world, &[], &document), 65, "override-broken");
}

#[test]
fn a_template_adds_what_nobody_else_says() {
    let world = World::new();
    let additions = r#"{
        // comments are taken
        "features": {"ghcr.io/x/y:1": {}},
        "containerEnv": {"EDITOR": "emacs", "MORE": "m"},
        "postCreateCommand": "echo template",
    }"#;
    world.write("config/templates/mine/template.toml", "");
    let file = world.write("config/templates/mine/devcontainer.json", additions);
    let mut document = document(&world);
    document["template"] = json!({"name": "mine"});
    let found = config(&world, &document);
    assert_eq!(found["postCreateCommand"], "echo template");
    assert_eq!(found["containerEnv"], json!({"EDITOR": "vi", "MORE": "m"}));
    assert!(found["features"].get("ghcr.io/x/y:1").is_some());

    world.write(
        "project/.devcontainer.json",
        r#"{"postCreateCommand": ["own"], "containerEnv": {"MORE": "o"}}"#,
    );
    let found = config(&world, &document);
    assert_eq!(found["postCreateCommand"], json!(["own"]));
    assert_eq!(found["containerEnv"]["MORE"], "o");

    fs::write(file, r#"{"runArgs": ["--privileged"]}"#).unwrap();
    refused(&mut mkdevcontainer(&world, &["--print"], &document), 65, "bad-template");
}
