//! Work in the container is never lost, and the error says whose it is.

use std::fs;

use stubs::refused;

use crate::world::{NAME, Stage, write};

/// Runs `push` and the pipe, which must fail with `kind` and change nothing;
/// returns the message of the first.
#[track_caller]
fn check_refused(stage: &Stage, status: i32, kind: &str) -> serde_json::Value {
    let there = stage.there();
    let error = stage.fails(&["push"], status, kind);
    let branch = stage.git(&["branch", "--show-current"]);
    refused(&mut stage.pipe(&branch), status, kind);
    assert_eq!(stage.there(), there);
    error
}

#[test]
fn edited_files_are_kept_and_named() {
    let stage = Stage::new();
    stage.create();
    stage.commit("file", "two\n");
    write(&stage.workspace.join("file"), "edited\n");
    let error = check_refused(&stage, 65, "container-dirty");
    assert_eq!(error["message"], format!("the container '{NAME}' has uncommitted changes: 'file'"));
    assert!(error["hint"].as_str().unwrap().contains("ctr-exec dev-app git stash"), "{error}");
    assert_eq!(stage.connections(), 1, "nothing was pushed");
}

#[test]
fn staged_files_are_kept_and_five_are_named() {
    let stage = Stage::new();
    stage.create();
    stage.commit("file", "two\n");
    for number in 0..7 {
        write(&stage.workspace.join(format!("n{number}")), "new\n");
    }
    stage.git_there(&["add", "."]);
    let error = check_refused(&stage, 65, "container-dirty");
    let named = "'n0', 'n1', 'n2', 'n3', 'n4' and more";
    assert!(error["message"].as_str().unwrap().ends_with(named), "{error}");
}

#[test]
fn files_that_git_does_not_know_are_kept_ignored_ones_too() {
    let stage = Stage::new();
    stage.commit(".gitignore", ".env\n/out\n");
    stage.create();
    write(&stage.workspace.join(".env"), "secret\n");
    write(&stage.workspace.join("out"), "a file\n");
    write(&stage.workspace.join("new/file"), "mine\n");
    write(&stage.workspace.join("elsewhere"), "mine\n");
    for (file, taken) in [(".env", ".env"), ("new/file", "new/file"), ("out/a/b", "out")] {
        let before = stage.git(&["rev-parse", "HEAD"]);
        stage.commit(file, "from the host\n");
        let error = check_refused(&stage, 65, "container-dirty");
        let expected = format!("the container '{NAME}' has uncommitted changes: '{taken}'");
        assert_eq!(error["message"], expected);
        assert!(error["hint"].as_str().unwrap().contains("mv FILE"), "{error}");
        stage.git(&["reset", "--quiet", "--hard", &before]);
    }
    stage.commit("another", "from the host\n");
    stage.succeeds(&["push"]);
    assert_eq!(fs::read_to_string(stage.workspace.join("elsewhere")).unwrap(), "mine\n");
    assert_eq!(fs::read_to_string(stage.workspace.join(".env")).unwrap(), "secret\n");
}

#[test]
fn they_are_kept_also_when_the_remote_was_never_seen() {
    let stage = Stage::new();
    stage.commit(".gitignore", ".env\n");
    stage.create();
    stage.git(&["remote", "remove", NAME]);
    write(&stage.workspace.join(".env"), "secret\n");
    stage.commit(".env", "from the host\n");
    let there = stage.there();
    refused(&mut stage.pipe("main"), 65, "container-dirty");
    assert_eq!(stage.there(), there);
}

#[test]
fn a_workspace_that_is_not_empty_is_not_overwritten() {
    let stage = Stage::new();
    write(&stage.workspace.join("file"), "mine\n");
    let error = refused(&mut stage.pipe("main"), 65, "container-dirty");
    assert!(error["message"].as_str().unwrap().ends_with(": 'file'"), "{error}");
    assert_eq!(fs::read_to_string(stage.workspace.join("file")).unwrap(), "mine\n");
    fs::remove_file(stage.workspace.join("file")).unwrap();
    stage.create();
}

#[test]
fn diverged_branches_are_told_and_joined_by_hand() {
    let stage = Stage::new();
    stage.create();
    stage.commit("here", "here\n");
    stage.commit_there("there", "there\n");
    let error = check_refused(&stage, 65, "diverged");
    assert_eq!(error["hint"], "take what is there first: ctrkit pull");
    let error = stage.fails(&["pull"], 65, "diverged");
    assert_eq!(error["hint"], "join the two: git merge dev-app/main");
    stage.git(&["merge", "--quiet", "--no-edit", "dev-app/main"]);
    stage.succeeds(&["push"]);
    assert_eq!(stage.git_there(&["rev-parse", "HEAD"]), stage.git(&["rev-parse", "HEAD"]));
}

#[test]
fn what_diverged_is_told_also_of_a_kept_volume() {
    let stage = Stage::new();
    stage.create();
    stage.commit("here", "here\n");
    stage.commit_there("there", "there\n");
    stage.git(&["remote", "remove", NAME]);
    refused(&mut stage.pipe("main"), 65, "diverged");
    // The cure needs the remote.
    stage.fails(&["pull"], 65, "diverged");
}

#[test]
fn a_rewritten_branch_is_not_forced() {
    let stage = Stage::new();
    stage.create();
    stage.git(&["commit", "--quiet", "--amend", "--message", "rewritten"]);
    check_refused(&stage, 65, "diverged");
}

#[test]
fn a_switch_keeps_what_it_can_and_refuses_the_rest() {
    let stage = Stage::new();
    stage.commit("other", "one\n");
    stage.create();
    stage.git(&["switch", "--quiet", "--create", "next"]);
    stage.commit("file", "two\n");
    stage.commit(".env", "from the host\n");
    write(&stage.workspace.join("file"), "edited\n");
    write(&stage.workspace.join("other"), "edited\n");
    write(&stage.workspace.join(".git/info/exclude"), ".env\n");
    write(&stage.workspace.join(".env"), "secret\n");
    let error = stage.fails(&["push"], 65, "container-dirty");
    assert!(error["message"].as_str().unwrap().contains("'file', 'other', '.env'"), "{error}");
    assert_eq!(stage.git_there(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(fs::read_to_string(stage.workspace.join("file")).unwrap(), "edited\n");
    stage.git_there(&["checkout", "--quiet", "file"]);
    let error = stage.fails(&["push"], 65, "container-dirty");
    assert!(error["message"].as_str().unwrap().contains("'.env'"), "{error}");
    assert_eq!(fs::read_to_string(stage.workspace.join(".env")).unwrap(), "secret\n");
    fs::rename(stage.workspace.join(".env"), stage.workspace.join("kept")).unwrap();
    stage.succeeds(&["push"]);
    assert_eq!(stage.git_there(&["symbolic-ref", "HEAD"]), "refs/heads/next");
    assert_eq!(fs::read_to_string(stage.workspace.join("other")).unwrap(), "edited\n");
    assert_eq!(fs::read_to_string(stage.workspace.join("kept")).unwrap(), "secret\n");
}

#[test]
fn commits_on_no_branch_are_not_left_behind() {
    let stage = Stage::new();
    stage.create();
    stage.git_there(&["checkout", "--quiet", "--detach"]);
    let commit = stage.commit_there("loose", "loose\n");
    let error = check_refused(&stage, 75, "container-busy");
    assert!(error["message"].as_str().unwrap().contains("on no branch"), "{error}");
    stage.git_there(&["branch", "kept", &commit]);
    stage.succeeds(&["push"]);
    assert_eq!(stage.git_there(&["symbolic-ref", "HEAD"]), "refs/heads/main");
}

#[test]
fn an_operation_in_progress_is_not_disturbed() {
    let stage = Stage::new();
    stage.create();
    stage.commit_there("a", "a\n");
    stage.git_there(&[
        "-c",
        "sequence.editor=sed -i s/pick/edit/",
        "rebase",
        "--quiet",
        "-i",
        "HEAD~1",
    ]);
    stage.commit("file", "two\n");
    let error = stage.fails(&["push"], 65, "diverged");
    assert_eq!(error["exit"], 65);
    stage.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    stage.git(&["switch", "--quiet", "--create", "next"]);
    let error = check_refused(&stage, 75, "container-busy");
    assert!(
        error["message"].as_str().unwrap().ends_with("is in the middle of a rebase"),
        "{error}"
    );
}

#[test]
fn another_remote_of_that_name_is_left_alone() {
    let stage = Stage::new();
    stage.git(&["remote", "add", NAME, "git@example.org:a.git"]);
    let error = refused(&mut stage.pipe("main"), 69, "remote-taken");
    assert!(error["message"].as_str().unwrap().contains("git@example.org:a.git"), "{error}");
    stage.fails(&["push"], 69, "remote-taken");
    stage.git(&["remote", "remove", NAME]);
    stage.create();
    stage.git(&["config", &format!("remote.{NAME}.pushurl"), "git@example.org:a.git"]);
    refused(&mut stage.pipe("main"), 69, "remote-taken");
    stage.fails(&["push"], 69, "remote-taken");
}

#[test]
fn a_refusal_that_nothing_explains_gives_the_reason() {
    let stage = Stage::new();
    stage.create();
    stage.commit("file", "two\n");
    let hook = stage.workspace.join(".git/hooks/pre-receive");
    write(&hook, "#!/bin/sh\nprintf 'no \\033[31mway\\n' >&2\nexit 1\n");
    std::process::Command::new("chmod").arg("+x").arg(&hook).status().unwrap();
    let error = check_refused(&stage, 69, "push-refused");
    assert_eq!(error["causes"][0], "pre-receive hook declined");
}
