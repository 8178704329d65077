//! The program as its callers see it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, os::unix::fs::symlink};

use serde_json::{Value, json};
use stubs::{Command, World, refused};

fn tool(world: &World, args: &[&str]) -> Command {
    let mut command = world.command(env!("CARGO_BIN_EXE_ctr-template"));
    command.args(args);
    command
}

#[track_caller]
fn written(world: &World, args: &[&str]) -> String {
    let run = tool(world, args).assert().success();
    String::from_utf8(run.get_output().stdout.clone()).unwrap()
}

fn listed(world: &World) -> Value {
    serde_json::from_str(&written(world, &["list", "--json"])).unwrap()
}

fn document(world: &World, template: &Value) -> String {
    let path = world.path("home/my app");
    let document = json!({"schema": "container/1", "name": "dev-a-0", "user": "dev",
        "workspace": "/workspace/my app", "template": template,
        "project": {"path": path, "name": "my $app", "hash": "0123456789ab"}});
    format!("{document}\n")
}

#[test]
fn what_there_is_is_listed_and_what_is_broken_says_why() {
    let world = World::new();
    world.write("config/templates/mine/template.toml", "description = \"mine\"\n");
    world.write("config/templates/broken/template.toml", "x = 1\n");
    let list = listed(&world);
    let entry = |name: &str| {
        let list = list["templates"].as_array().unwrap();
        list.iter().find(|entry| entry["name"] == name).unwrap().clone()
    };
    assert_eq!(list["schema"], "templates/1");
    assert_eq!(list["templates"].as_array().unwrap().len(), 7);
    assert_eq!(
        (&entry("rust")["recipe"], &entry("basic")["recipe"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(entry("mine")["isolate"], json!([]));
    assert_eq!(entry("mine")["directory"], json!(world.path("config/templates/mine")));
    assert!(entry("broken")["problem"].as_str().unwrap().contains("line 1"));
    let table = written(&world, &["list"]);
    assert!(table.starts_with("TEMPLATE"), "{table}");
    assert!(table.contains("mine      own      -       none"), "{table}");
    let shown = written(&world, &["show", "mine"]);
    assert!(shown.contains("isolation    none: a container of it gets out"), "{shown}");
    refused(&mut tool(&world, &["show", "nothing"]), 66, "no-such-template");
    refused(&mut tool(&world, &["show", "broken"]), 65, "bad-template");
}

#[test]
fn a_new_one_is_whole_and_never_takes_the_place_of_another() {
    let world = World::new();
    let path = written(&world, &["new", "mine", "--from", "rust"]);
    assert_eq!(path.trim_end(), world.path("config/templates/mine").to_str().unwrap());
    assert!(world.path("config/templates/mine/image/Containerfile").is_file());
    written(&world, &["check", "mine"]);
    refused(&mut tool(&world, &["new", "mine"]), 65, "template-exists");
    symlink("nowhere", world.path("config/templates/link")).unwrap();
    refused(&mut tool(&world, &["new", "link"]), 65, "template-exists");
    refused(&mut tool(&world, &["new", "../x"]), 65, "bad-template-name");
    refused(&mut tool(&world, &["new", "proxy"]), 65, "bad-template-name");
    refused(&mut tool(&world, &["new", "b", "--from", "nothing"]), 66, "no-such-template");
    let left: Vec<_> = fs::read_dir(world.path("config/templates")).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn what_is_wrong_is_told_before_a_container_is_made() {
    let world = World::new();
    let path = "config/templates/mine";
    let check = |file: &str, text: &str, kind: &str| {
        let _ = fs::remove_dir_all(world.path(path));
        world.write(format!("{path}/template.toml"), "");
        world.write(format!("{path}/{file}"), text);
        refused(&mut tool(&world, &["check", "mine"]), 65, kind)
    };
    check("template.toml", "[container]\nimages = 1\n", "bad-template");
    check("image/Containerfile", "FROM docker.io/library/debian\n", "not-upon-base");
    check("policies/own.toml", "schema = \"policy/1\"\n", "empty-policy");
    let error = check("compose.yaml", "services:\n  a: [\n", "bad-template");
    assert!(error["message"].as_str().unwrap().contains("compose.yaml"), "{error}");
    check("devcontainer.json", "[]", "bad-template");
    check("devcontainer.json", "{", "bad-template");
    let error = check("docker-compose.yml.tmpl", "a: b\nc: {{.Nmae}}\n", "unknown-variable");
    assert!(error["message"].as_str().unwrap().contains("line 2"), "{error}");
    let _ = fs::remove_dir_all(world.path(path));
    world.write(format!("{path}/template.toml"), "[container]\nisolate = [\"own\"]\n");
    refused(&mut tool(&world, &["check", "mine"]), 66, "policy-absent");
    let policy = "schema = \"policy/1\"\n[[allow]]\nname = \"example.com\"\n";
    world.write(format!("{path}/policies/own.toml"), policy);
    written(&world, &["check", "mine", "rust", world.path(path).to_str().unwrap()]);
}

#[test]
fn files_are_filled_in_and_nobodys_are_written_over() {
    let world = World::new();
    let compose = "services: {app: {labels: {a: \"{{.ProjectName}}\"}}}\n";
    world.write("config/templates/mine/template.toml", "");
    let file = world.write("config/templates/mine/docker-compose.yml.tmpl", compose);
    world.write("config/templates/mine/filter.py.tmpl", "A = {{.TemplateName}}\n");
    world.write("config/templates/mine/Dockerfile.proxy", "FROM {{x}}\n");
    let named = document(&world, &json!({"name": "mine"}));
    let run = tool(&world, &["render", file.to_str().unwrap()]).write_stdin(named.clone()).assert();
    let text = String::from_utf8(run.success().get_output().stdout.clone()).unwrap();
    let model: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(model["services"]["app"]["labels"]["a"], "my $$app");

    let out = world.path("out");
    let args = ["render", "--output", out.to_str().unwrap()];
    for _ in 0..2 {
        let run = tool(&world, &args).write_stdin(named.clone()).assert().success();
        let paths = String::from_utf8(run.get_output().stdout.clone()).unwrap();
        assert_eq!(paths.lines().count(), 3, "{paths}");
    }
    assert_eq!(fs::read_to_string(out.join("filter.py")).unwrap(), "A = \"mine\"\n");
    assert_eq!(fs::read_to_string(out.join("Dockerfile.proxy")).unwrap(), "FROM {{x}}\n");

    fs::write(out.join("filter.py"), "mine").unwrap();
    refused(tool(&world, &args).write_stdin(named.clone()), 65, "file-exists");
    let forced = [&args[..], &["--force"]].concat();
    tool(&world, &forced).write_stdin(named.clone()).assert().success();
    let precious = world.write("precious", "precious");
    fs::remove_file(out.join("filter.py")).unwrap();
    symlink(&precious, out.join("filter.py")).unwrap();
    refused(tool(&world, &forced).write_stdin(named.clone()), 65, "file-exists");
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");

    let none = document(&world, &Value::Null).replace("\"template\":null,", "");
    refused(tool(&world, &args).write_stdin(none), 65, "no-template");
    let basic = document(&world, &json!({"name": "basic"}));
    refused(tool(&world, &args).write_stdin(basic), 65, "nothing-to-render");
    let old = document(&world, &json!({"name": "mine", "digest": "0"}));
    refused(tool(&world, &args).write_stdin(old), 65, "template-changed");
    tool(&world, &["render"]).assert().code(64);
}
