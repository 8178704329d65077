//! The program as its callers see it, with stand-ins for the engines.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs::{self, OpenOptions, Permissions},
    io::Write,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::PathBuf,
    process::{Command as Process, Stdio},
};

use nix::{sys::stat::Mode, unistd::mkfifo};
use serde_json::{Value, json};
use stubs::{Command, World, refused};

const NAME: &str = "dev-myapp-b3e5ed";
const TOKEN: &str = "github_pat_11SECRET_value";

/// A world with a token and an engine that keeps what it is told.
fn world() -> World {
    let world = World::new();
    give(&world, TOKEN);
    world.on("podman-exec", "case $2 in --interactive) cat >>\"$stub/told\" ;; esac");
    world
}

fn give(world: &World, token: &str) -> PathBuf {
    let path = world.write("token", &format!("{token}\n"));
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

/// Returns a document that ctr-up has written.
fn document(world: &World) -> Value {
    json!({
        "schema": "container/1", "x-first": 1, "name": NAME,
        "project": {"path": "/w", "name": "w", "hash": "b3e5ed000000"},
        "user": "dev", "github": {"x": 2, "token_file": world.path("token")},
        "state": {"id": "f1", "status": "running"}
    })
}

fn without(document: &Value) -> Value {
    let mut document = document.clone();
    document.as_object_mut().unwrap().remove("github");
    document
}

fn ghtoken(world: &World, args: &[&str], document: &Value) -> Command {
    let mut command = world.command(env!("CARGO_BIN_EXE_ghtoken"));
    command.args(args).write_stdin(document.to_string());
    command
}

/// Pushes, which succeeds and passes the document on.
#[track_caller]
fn push(world: &World, document: &Value) -> String {
    world.forget();
    let run = ghtoken(world, &["push"], document).assert().success();
    let run = run.stdout(format!("{document}\n"));
    String::from_utf8(run.get_output().stderr.clone()).unwrap()
}

/// Returns the words of each call before the script.
fn calls(world: &World) -> Vec<String> {
    let words = |call: Vec<String>| {
        let words: Vec<_> = call.into_iter().take_while(|word| word != "-c").collect();
        words.join(" ")
    };
    world.calls().into_iter().map(words).collect()
}

const PUT: &str = "podman exec --interactive --user 0:0 f1 sh";
const REMOVE: &str = "podman exec --user 0:0 f1 sh";

#[test]
fn the_document_passes_as_it_came_and_nothing_is_called() {
    let world = world();
    for document in [document(&world), without(&document(&world))] {
        let run = ghtoken(&world, &[], &document).assert().success().stderr("");
        run.stdout(format!("{document}\n"));
    }
    assert!(world.calls().is_empty());
    assert!(!world.path("state").join(NAME).exists());
}

#[test]
fn another_kind_of_token_is_a_warning() {
    let world = world();
    give(&world, "ghp_classic");
    let document = document(&world);
    let run = ghtoken(&world, &[], &document).assert().success();
    let words = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert!(words.starts_with("ghtoken: warning: the token is not a fine-grained one"), "{words}");
    assert!(!words.contains("ghp_classic"));
    ghtoken(&world, &["--error-format", "json"], &document).assert().success().stderr("");
}

#[track_caller]
fn check_refused(world: &World, status: i32, kind: &str) -> Value {
    let document = document(world);
    let error = refused(&mut ghtoken(world, &[], &document), status, kind);
    assert_eq!(refused(&mut ghtoken(world, &["push"], &document), status, kind), error);
    assert!(!error.to_string().contains("SECRET"), "{error}");
    assert!(world.calls().is_empty());
    error
}

#[test]
fn a_token_that_is_not_there_is_named() {
    let world = world();
    let path = world.path("token");
    fs::remove_file(&path).unwrap();
    let error = check_refused(&world, 66, "token-absent");
    assert!(error["message"].as_str().unwrap().contains(path.to_str().unwrap()));
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    check_refused(&world, 66, "token-absent");
}

#[test]
fn a_token_that_others_may_read_is_refused_with_the_cure() {
    let world = world();
    let path = world.path("token");
    for mode in [0o644, 0o640, 0o604] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = check_refused(&world, 77, "token-exposed");
        assert_eq!(error["hint"], format!("chmod 600 {}", path.display()));
        assert!(error["message"].as_str().unwrap().ends_with(&format!("{mode:04o}")));
    }
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let world = world();
    let path = world.path("token");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    check_refused(&world, 66, "not-a-file");
    fs::remove_dir(&path).unwrap();
    mkfifo(&path, Mode::S_IRUSR).unwrap();
    check_refused(&world, 66, "not-a-file");
}

#[test]
fn what_cannot_be_a_token_is_refused_and_not_shown() {
    let world = world();
    for text in ["", "SECRET\r", "SECRET\nSECRET", "SEC\u{1b}RET", "SECRET SECRET", "SECRET: x"] {
        give(&world, text);
        check_refused(&world, 65, "bad-token");
    }
    give(&world, &"SECRET".repeat(200));
    check_refused(&world, 65, "bad-token");
    let path = world.path("token");
    fs::write(&path, b"SECRET\xff").unwrap();
    check_refused(&world, 65, "bad-token");
}

#[test]
fn it_goes_in_by_one_call_on_standard_input() {
    let world = world();
    let document = document(&world);
    assert_eq!(push(&world, &document), "");
    assert_eq!(calls(&world), [PUT]);
    assert_eq!(fs::read_to_string(world.path("stub/told")).unwrap(), format!("{TOKEN}\n"));
    for word in world.calls().concat() {
        assert!(!word.contains(TOKEN), "{word}");
    }
    let record = fs::read_to_string(world.path("state").join(NAME).join("github.json")).unwrap();
    assert!(!record.contains(TOKEN));
}

#[test]
fn what_has_not_changed_is_no_call_and_what_has_is_one() {
    let world = world();
    let document = document(&world);
    push(&world, &document);
    push(&world, &document);
    assert!(world.calls().is_empty());
    give(&world, "github_pat_other");
    push(&world, &document);
    assert_eq!(calls(&world), [PUT]);
    let told = fs::read_to_string(world.path("stub/told")).unwrap();
    assert_eq!(told, format!("{TOKEN}\ngithub_pat_other\n"));
}

#[test]
fn another_container_of_the_same_name_gets_it_too() {
    let world = world();
    let mut document = document(&world);
    push(&world, &document);
    document["state"]["id"] = "f2".into();
    push(&world, &document);
    assert_eq!(calls(&world), [PUT.replace("f1", "f2")]);
}

#[test]
fn it_is_taken_out_once() {
    let world = world();
    let document = document(&world);
    let none = without(&document);
    push(&world, &none);
    assert!(world.calls().is_empty());
    assert!(!world.path("state").join(NAME).exists());
    push(&world, &document);
    push(&world, &none);
    assert_eq!(calls(&world), [REMOVE]);
    push(&world, &none);
    assert!(world.calls().is_empty());
    push(&world, &document);
    assert_eq!(calls(&world), [PUT]);
    world.forget();
    ghtoken(&world, &["push", "--no-token"], &document).assert().success();
    assert_eq!(calls(&world), [REMOVE]);
}

#[test]
fn a_push_that_failed_is_made_again_and_can_be_taken_back() {
    let world = world();
    let document = document(&world);
    world.refuse("podman-exec", 125, "Error: something");
    let error = refused(&mut ghtoken(&world, &["push"], &document), 69, "engine-failed");
    assert_eq!(error["message"], format!("cannot change the GitHub token in '{NAME}'"));
    // The scripts are left out of what is shown.
    assert!(error["command"]["line"].as_str().unwrap().ends_with("sh -c …"), "{error}");
    for name in ["err", "status"] {
        fs::remove_file(world.path(format!("stub/podman-exec.{name}"))).unwrap();
    }
    push(&world, &without(&document));
    assert_eq!(calls(&world), [REMOVE]);
    push(&world, &document);
    assert_eq!(calls(&world), [PUT]);
}

#[test]
fn a_container_that_does_not_run_is_told() {
    let world = world();
    let words =
        "Error: can only create exec sessions on running containers: container state improper";
    world.refuse("podman-exec", 255, words);
    let error = refused(&mut ghtoken(&world, &["push"], &document(&world)), 69, "not-running");
    assert_eq!(error["hint"], format!("start it: ctr-start {NAME}"));
}

#[test]
fn what_became_of_ghs_own_file_is_told() {
    let world = world();
    let document = document(&world);
    world.answer("podman-exec", "linked\n");
    assert_eq!(push(&world, &document), "");
    for (answer, says) in [("own\n", "hosts.yml in its home"), ("unplaced\n", "could not tell gh")]
    {
        world.answer("podman-exec", answer);
        give(&world, &format!("github_pat_{}", answer.trim()));
        let words = push(&world, &document);
        assert!(words.contains(says), "{words}");
    }
}

#[test]
fn by_name_it_is_pushed_in_any_case() {
    let world = world();
    let document = document(&world);
    world.write(format!("state/{NAME}/document.json"), &format!("{document}\n"));
    for _ in 0..2 {
        world.forget();
        ghtoken(&world, &["push", NAME], &Value::Null).assert().success().stdout("").stderr("");
        assert_eq!(calls(&world), [PUT]);
    }
    world.forget();
    let mut remove = ghtoken(&world, &["push", "--no-token", NAME], &Value::Null);
    remove.assert().success().stdout("");
    assert_eq!(calls(&world), [REMOVE]);
}

#[test]
fn names_of_nothing_are_told_and_the_others_get_it() {
    let world = world();
    world.write(format!("state/{NAME}/document.json"), &document(&world).to_string());
    let mut both = ghtoken(&world, &["push", "dev-gone", NAME], &Value::Null);
    refused(&mut both, 66, "not-applied");
    assert_eq!(calls(&world), [PUT]);
    for name in ["../x", "", "a b"] {
        refused(&mut ghtoken(&world, &["push", name], &Value::Null), 65, "bad-name");
    }
}

#[test]
fn documents_that_cannot_be_used_are_refused() {
    let world = world();
    let mut document = document(&world);
    document["name"] = "../x".into();
    refused(&mut ghtoken(&world, &["push"], &document), 65, "bad-name");
    document["name"] = NAME.into();
    document.as_object_mut().unwrap().remove("state");
    let error = refused(&mut ghtoken(&world, &["push"], &document), 65, "missing-key");
    assert_eq!(error["hint"], "pipe the document through ctr-up first");
    for args in [&[][..], &["push"]] {
        let mut none = world.command(env!("CARGO_BIN_EXE_ghtoken"));
        refused(none.args(args), 66, "empty-document");
    }
    assert!(world.calls().is_empty());
}

#[test]
fn an_engine_that_is_absent_is_69() {
    let world = world();
    let args = ["push", "--engine", "podman-of-nowhere"];
    refused(&mut ghtoken(&world, &args, &document(&world)), 69, "engine-absent");
}

#[test]
fn it_works_in_a_pipe() {
    let world = world();
    let script = "\"$0\" | \"$0\" push | grep -c '\"x-first\":1'";
    let mut command = world.command("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_ghtoken")]);
    command.write_stdin(document(&world).to_string()).assert().success().stdout("1\n");
    assert_eq!(calls(&world), [PUT]);
}

#[test]
fn events_tell_each_step_and_not_the_token() {
    let world = world();
    let document = document(&world);
    let events = world.path("events");
    let run = |document: &Value| {
        ghtoken(&world, &["push", "--events", events.to_str().unwrap()], document)
            .assert()
            .success();
    };
    run(&document);
    run(&document);
    run(&without(&document));
    let text = fs::read_to_string(events).unwrap();
    assert!(!text.contains(TOKEN));
    let told = text.lines().map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        format!("{} {} {}", event["subject"], event["step"], event["status"]).replace('"', "")
    });
    let expected = ["push started", "push done", "push unchanged", "remove started", "remove done"]
        .map(|step| format!("{NAME} {step}"));
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn standard_output_may_be_full_or_closed() {
    let world = world();
    let input = world.write("document", &document(&world).to_string());
    let command = || {
        let mut command = Process::new(env!("CARGO_BIN_EXE_ghtoken"));
        command.env_clear().env("HOME", world.path("home")).stderr(Stdio::piped());
        command
    };
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut onto_full = command();
    let onto_full = onto_full.stdin(fs::File::open(&input).unwrap()).stdout(full);
    assert_eq!(onto_full.output().unwrap().status.code(), Some(74));
    let mut child = command().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(&fs::read(&input).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(13));
    assert!(output.stderr.is_empty());
}
