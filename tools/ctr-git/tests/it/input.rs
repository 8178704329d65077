//! Bad input, and standard output that does not take the document.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
};

use stubs::refused;

use crate::world::{NAME, Stage};

#[test]
fn documents_that_are_none() {
    let stage = Stage::new();
    for (text, status, kind) in [
        (&b""[..], 66, "empty-document"),
        (b"\xff", 65, "not-utf-8"),
        (b"{", 65, "malformed-document"),
        (br#"{"schema":"container/2"}"#, 65, "unexpected-schema"),
        (br#"{"schema":"container/1","name":"dev-app","project":{"path":"/","name":"a","hash":"0"}}"#, 65, "missing-key"),
    ] {
        refused(stage.ctr_git(&[]).write_stdin(text), status, kind);
    }
    for key in ["user", "workspace", "branch"] {
        let document = stage.document("main").replace(&format!("\"{key}\":"), "\"x\":");
        refused(stage.ctr_git(&[]).write_stdin(document), 65, "missing-key");
    }
    assert_eq!(stage.engine_calls().len() + stage.connections(), 0);
}

#[test]
fn worktrees_that_cannot_be_carried() {
    let stage = Stage::new();
    let elsewhere = stage.world.path("elsewhere");
    fs::create_dir_all(elsewhere.join("sub")).unwrap();
    let at = |path: &str| {
        let path = stage.world.path(path);
        stage.document("main").replace(stage.worktree.to_str().unwrap(), path.to_str().unwrap())
    };
    refused(stage.ctr_git(&[]).write_stdin(at("elsewhere")), 66, "not-a-repository");
    refused(stage.ctr_git(&[]).write_stdin(at("nowhere")), 66, "not-a-repository");
    stage.fails(&["push", "-C", elsewhere.to_str().unwrap()], 66, "not-a-repository");
    stage.fails(&["pull", "-C", "/"], 66, "not-a-repository");
    stage.git_in(&elsewhere, "home", &["init", "--quiet"]);
    refused(stage.ctr_git(&[]).write_stdin(at("elsewhere/sub")), 66, "not-a-repository");
    refused(stage.ctr_git(&[]).write_stdin(at("elsewhere")), 65, "no-commits");
    let url = format!("{NAME}:/workspace/x");
    stage.git_in(&elsewhere, "home", &["remote", "add", NAME, &url]);
    stage.fails(&["push", NAME, "-C", elsewhere.to_str().unwrap()], 65, "no-commits");
    refused(&mut stage.pipe("no-such-branch"), 65, "no-commits");
    stage.git(&["checkout", "--quiet", "--detach"]);
    stage.fails(&["push"], 65, "detached-head");
    stage.fails(&["pull"], 65, "detached-head");
    assert_eq!(stage.engine_calls().len() + stage.connections(), 0);
}

#[test]
fn command_lines_that_are_wrong() {
    let stage = Stage::new();
    for args in [&["fetch"][..], &["-C", "."], &["push", "a", "b"], &["--force"]] {
        stage.ctr_git(args).assert().code(64).stdout("");
    }
    stage.ctr_git(&["--version"]).assert().success();
}

#[test]
fn programs_that_are_missing() {
    let stage = Stage::new();
    stage.create();
    stage.commit("file", "two\n");
    // What is on this PATH besides the engines is git and what scripts need.
    let bin = stage.world.path("bin");
    refused(stage.ctr_git(&["pull"]).env("PATH", &bin), 69, "ssh-absent");
    fs::remove_file(bin.join("git")).unwrap();
    refused(stage.ctr_git(&["push"]).env("PATH", &bin), 69, "git-absent");
    let mut command = stage.ctr_git(&["push"]);
    refused(command.env("CTRKIT_ENGINE", "podman-of-nowhere"), 69, "engine-absent");
}

#[test]
fn a_full_or_closed_output_is_no_success() {
    let stage = Stage::new();
    let template = stage.ctr_git(&[]);
    let command = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctr-git"));
        command.env_clear().envs(template.get_envs().filter_map(|(k, v)| Some((k, v?))));
        command.current_dir(&stage.worktree).stdin(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child = command().stdout(full).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stage.document("main").as_bytes()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(74));
    let mut child = command().stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(stage.document("main").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(13));
    assert!(output.stderr.is_empty());
}

#[test]
fn progress_is_told_step_by_step() {
    let stage = Stage::new();
    let events = stage.world.path("events");
    stage.pipe("main").arg("--events").arg(&events).assert().success();
    let text = fs::read_to_string(events).unwrap();
    let steps: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|event| {
            format!("{} {}", event["step"].as_str().unwrap(), event["status"].as_str().unwrap())
        })
        .collect();
    let expected = [
        "prepare started",
        "prepare done",
        "remote started",
        "remote done",
        "push started",
        "push done",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn a_state_directory_that_cannot_be_used() {
    let stage = Stage::new();
    stage.world.write("file", "");
    let mut command = stage.pipe("main");
    let run = command.env("CTRKIT_STATE_DIR", stage.world.path("file/state"));
    refused(run, 74, "cannot-write-file");
    assert_eq!(stage.git(&["remote"]), "");
}
