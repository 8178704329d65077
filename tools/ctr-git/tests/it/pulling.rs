//! The container's commits in the worktree.

use std::fs;

use crate::world::{NAME, Stage, write};

/// Runs `pull`, which must fail with `kind` and leave the worktree as it is.
#[track_caller]
fn check_refused(stage: &Stage, kind: &str) -> String {
    let (head, files) = (stage.git(&["rev-parse", "HEAD"]), crate::world::files(&stage.worktree));
    let status = stage.git(&["status", "--porcelain", "--ignored"]);
    let error = stage.fails(&["pull"], 65, kind);
    assert_eq!(stage.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(stage.git(&["status", "--porcelain", "--ignored"]), status);
    assert_eq!(crate::world::files(&stage.worktree), files);
    error["message"].as_str().unwrap().to_owned()
}

#[test]
fn the_worktree_moves_forward_and_keeps_other_changes() {
    let stage = Stage::new();
    stage.commit("other", "one\n");
    stage.create();
    let commit = stage.commit_there("file", "two\n");
    write(&stage.worktree.join("other"), "edited\n");
    write(&stage.worktree.join("notes"), "mine\n");
    write(&stage.workspace.join("file"), "edited there\n");
    stage.world.forget();
    stage.succeeds(&["pull"]);
    assert_eq!(stage.git(&["rev-parse", "HEAD"]), commit);
    assert_eq!(stage.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(fs::read_to_string(stage.worktree.join("file")).unwrap(), "two\n");
    assert_eq!(stage.git(&["status", "--porcelain"]), " M other\n?? notes");
    assert_eq!(fs::read_to_string(stage.workspace.join("file")).unwrap(), "edited there\n");
    assert_eq!(stage.engine_calls(), ["ps"]);
    stage.succeeds(&["pull", NAME]);
    stage.commit("mine", "mine\n");
    stage.succeeds(&["pull"]);
}

#[test]
fn changes_that_would_be_overwritten_are_named_and_kept() {
    let stage = Stage::new();
    stage.commit(".gitignore", ".env\n/out\n");
    stage.create();
    stage.commit_there("file", "two\n");
    stage.commit_there(".env", "from the container\n");
    stage.commit_there("new", "new\n");
    stage.commit_there("out/a/b", "b\n");
    for (file, contents) in
        [("file", "edited\n"), (".env", "secret\n"), ("new", "mine\n"), ("out", "mine\n")]
    {
        write(&stage.worktree.join(file), contents);
        let message = check_refused(&stage, "worktree-dirty");
        assert!(message.ends_with(&format!(" has uncommitted changes: '{file}'")), "{message}");
        match file {
            "file" => drop(stage.git(&["checkout", "--quiet", "file"])),
            _ => fs::remove_file(stage.worktree.join(file)).unwrap(),
        }
    }
    stage.git(&["config", "merge.autoStash", "true"]);
    write(&stage.worktree.join("file"), "staged\n");
    stage.git(&["add", "file"]);
    check_refused(&stage, "worktree-dirty");
    stage.git(&["reset", "--quiet", "--hard"]);
    stage.succeeds(&["pull"]);
    assert_eq!(stage.git(&["rev-parse", "HEAD"]), stage.git_there(&["rev-parse", "HEAD"]));
}

#[test]
fn a_branch_that_the_container_lacks_is_told() {
    let stage = Stage::new();
    stage.create();
    stage.git(&["switch", "--quiet", "--create", "next"]);
    let error = stage.fails(&["pull"], 69, "no-such-branch");
    assert_eq!(error["message"], "the container 'dev-app' has no branch 'next'");
}

#[test]
fn only_the_one_branch_comes() {
    let stage = Stage::new();
    stage.create();
    stage.commit_there("file", "two\n");
    stage.git_there(&["tag", "v1"]);
    stage.git_there(&["branch", "secret"]);
    stage.git(&["config", &format!("remote.{NAME}.fetch"), "+refs/*:refs/*"]);
    let refs = || stage.git(&["for-each-ref", "--format=%(refname)"]);
    let before = refs();
    stage.succeeds(&["pull"]);
    assert_eq!(refs(), before);
    assert_eq!(before, "refs/heads/main\nrefs/remotes/dev-app/main");
    assert!(!stage.worktree.join(".git/FETCH_HEAD").exists());
}

#[test]
fn history_that_the_container_rewrote_has_diverged() {
    let stage = Stage::new();
    stage.create();
    stage.git_there(&["commit", "--quiet", "--amend", "--message", "rewritten"]);
    check_refused(&stage, "diverged");
}

#[test]
fn what_is_checked_out_during_the_fetch_stays_where_it_is() {
    for (meanwhile, kind) in [
        ("switch --quiet other", "worktree-changed"),
        ("switch --quiet --detach", "detached-head"),
        ("commit --quiet --allow-empty --message mine", "worktree-changed"),
    ] {
        let stage = Stage::new();
        stage.create();
        stage.commit_there("file", "two\n");
        stage.git(&["branch", "other"]);
        stage.before("fetch", &format!("\"$git\" {meanwhile}"));
        stage.fails(&["pull"], 65, kind);
        assert_eq!(fs::read_to_string(stage.worktree.join("file")).unwrap(), "one\n");
        assert_eq!(stage.git(&["rev-parse", "other"]), stage.git(&["merge-base", "main", "other"]));
    }
    // Another pull was first.
    let stage = Stage::new();
    stage.create();
    let commit = stage.commit_there("file", "two\n");
    let merge =
        format!("\"$git\" fetch -q '{}'; \"$git\" merge -q {commit}", stage.workspace.display());
    stage.before("fetch", &merge);
    stage.succeeds(&["pull"]);
}
