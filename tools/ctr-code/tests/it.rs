//! The program as its callers see it; engine, sshcfg and editor are stand-ins.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use stubs::{Command, World, refused};

const LIST: &str = r#"[
{"Id":"a","Names":["dev-a"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.workspace":"/workspace/a b"}},
{"Id":"b","Names":["dev-b"],"Image":"i","State":"exited","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.workspace":"/workspace/b"}},
{"Id":"c","Names":["dev-c"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true"}}
]"#;

fn world() -> World {
    let world = World::new();
    world.program("sshcfg");
    world.program("code");
    world.answer("podman-ps", LIST).answer("sshcfg-list", "dev-a\ndev-b\ndev-c\n");
    world
}

fn ctr_code(world: &World, args: &[&str]) -> Command {
    let installed = world.path("bin/ctr-code");
    let program =
        if installed.exists() { installed } else { world.install(env!("CARGO_BIN_EXE_ctr-code")) };
    let mut command = world.command(program);
    command.args(args);
    command
}

#[track_caller]
fn written(world: &World, args: &[&str]) -> String {
    let run = ctr_code(world, args).assert().success();
    String::from_utf8(run.get_output().stdout.clone()).unwrap()
}

#[test]
fn the_address_by_ssh_is_the_name_and_the_workspace() {
    let world = world();
    assert_eq!(written(&world, &["dev-a"]), "vscode-remote://ssh-remote+dev-a/workspace/a%20b\n");
    // Also while it is stopped.
    assert_eq!(written(&world, &["dev-b"]), "vscode-remote://ssh-remote+dev-b/workspace/b\n");
}

#[test]
fn the_address_by_the_engine_is_what_dev_containers_writes() {
    let world = world();
    let uri = written(&world, &["--attached", "dev-a"]);
    let rest = uri.strip_prefix("vscode-remote://attached-container+").unwrap();
    let (hex, path) = rest.split_once('/').unwrap();
    assert_eq!(path, "workspace/a%20b\n");
    let digits: Vec<_> = hex.as_bytes().chunks(2).collect();
    let bytes =
        digits.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16));
    let bytes: Vec<_> = bytes.map(Result::unwrap).collect();
    let window: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(window, json!({"containerName": "/dev-a"}));
    // It needs no ssh.
    assert!(world.calls().iter().all(|call| call[0] != "sshcfg"));
}

#[test]
fn a_window_is_opened_by_the_editor_and_nothing_is_written() {
    let world = world();
    world.on("code---folder-uri", "echo noise");
    ctr_code(&world, &["--open", "dev-a"]).assert().success().stdout("").stderr("");
    let uri = "vscode-remote://ssh-remote+dev-a/workspace/a%20b";
    assert_eq!(world.calls().last().unwrap(), &["code", "--folder-uri", uri]);
    world.program("codium");
    ctr_code(&world, &["--open", "--editor", "codium", "dev-a"]).assert().success();
    assert_eq!(world.calls().last().unwrap()[0], "codium");
}

#[test]
fn what_cannot_be_opened_is_told() {
    let world = world();
    refused(&mut ctr_code(&world, &["--open", "dev-b"]), 69, "not-running");
    refused(&mut ctr_code(&world, &["dev-c"]), 65, "missing-label");
    refused(&mut ctr_code(&world, &["--attached", "dev-c"]), 65, "missing-label");
    refused(&mut ctr_code(&world, &["--", "-x"]), 69, "no-such-container");
    let absent = ["--open", "--editor", "no-such-editor", "dev-a"];
    let error = refused(&mut ctr_code(&world, &absent), 69, "editor-absent");
    assert!(error["hint"].as_str().unwrap().contains("--editor"), "{error}");
    world.refuse("code---folder-uri", 3, "no display");
    let error = refused_with_words(&mut ctr_code(&world, &["--open", "dev-a"]));
    assert_eq!((&error["kind"], &error["command"]["status"]), (&json!("editor-failed"), &json!(3)));
    world.answer("sshcfg-list", "dev-b\n");
    refused(&mut ctr_code(&world, &["dev-a"]), 69, "no-ssh-entry");
}

/// The editor says what it has to say before.
fn refused_with_words(command: &mut Command) -> Value {
    let run = command.env("CTRKIT_ERROR_FORMAT", "json").assert().code(69).stdout("");
    let words = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    serde_json::from_str(words.lines().last().unwrap()).unwrap()
}
