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
