//! The container's branch in a repository of its own.

use std::fs;

use crate::world::{NAME, Stage, files};

/// Returns all of the worktree and of its repository but what git may write
/// whenever it looks at a file.
fn everything(stage: &Stage) -> String {
    let refs = stage.git(&["for-each-ref"]);
    let objects = stage.git(&["count-objects", "--verbose"]);
    let config = fs::read_to_string(stage.worktree.join(".git/config")).unwrap();
    format!("{refs}\n{objects}\n{config}\n{:?}", files(&stage.worktree))
}

#[test]
fn it_is_fetched_and_nothing_here_changes() {
    let stage = Stage::new();
    stage.create();
    stage.commit_there("file", "two\n");
    let commit = stage.commit_there(".envrc", "x\n");
    let here = stage.git(&["rev-parse", "HEAD"]);
    let before = everything(&stage);
    let aside = stage.world.path("aside");
    stage.world.forget();
    stage.succeeds(&["fetch", "--into", aside.to_str().unwrap()]);
    assert_eq!(everything(&stage), before);
    assert_eq!(stage.engine_calls(), ["ps"]);
    let git = |args: &[&str]| stage.git_in(&aside, "home", args);
    assert_eq!(git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(git(&["rev-parse", "HEAD", "refs/ctrkit/here"]), format!("{commit}\n{here}"));
    assert_eq!(git(&["diff", "--name-only", "refs/ctrkit/here", "HEAD"]), ".envrc\nfile");
    assert_eq!(
        git(&["config", "--list", "--local", "--name-only"]),
        "core.repositoryformatversion\ncore.filemode\ncore.bare"
    );
    assert!(!aside.join("hooks").exists());
}

#[test]
fn a_large_file_stays_where_it_is() {
    let stage = Stage::new();
    stage.create();
    let noise = "set -e; head -c 3000000 /dev/urandom >big; git add big; git commit -qm big";
    stage.git_there(&["-c", &format!("alias.noise=!{noise}"), "noise"]);
    let aside = stage.world.path("aside");
    stage.succeeds(&["fetch", "--limit", "1", "--into", aside.to_str().unwrap(), NAME]);
    let git = |args: &[&str]| stage.git_in(&aside, "home", args);
    assert!(git(&["ls-tree", "HEAD"]).contains("\tbig"));
}

#[test]
fn a_shallow_clone_is_fetched_beside_too() {
    let stage = Stage::new();
    stage.commit("file", "two\n");
    let full = stage.world.path("full");
    fs::rename(&stage.worktree, &full).unwrap();
    let from = format!("file://{}", full.display());
    stage.git_in(&stage.world.path(""), "home", &["clone", "--quiet", "--depth=1", &from, "app"]);
    stage.create();
    let commit = stage.commit_there("new", "x\n");
    let aside = stage.world.path("aside");
    stage.succeeds(&["fetch", "--into", aside.to_str().unwrap()]);
    assert_eq!(stage.git_in(&aside, "home", &["rev-parse", "HEAD"]), commit);
}

#[test]
fn a_directory_with_something_in_it_is_left_alone() {
    let stage = Stage::new();
    stage.create();
    let aside = stage.world.path("aside");
    fs::create_dir(&aside).unwrap();
    stage.world.write("aside/mine", "mine\n");
    stage.fails(&["fetch", "--into", aside.to_str().unwrap()], 65, "directory-not-empty");
    assert_eq!(files(&aside).len(), 1);
}

#[test]
fn options_of_another_verb_are_refused() {
    let stage = Stage::new();
    for args in
        [&["push", "--trust"][..], &["pull", "--into", "x"], &["fetch", "--into", "x", "--trust"]]
    {
        stage.fails(args, 64, "option-of-another-verb");
    }
    for args in
        [&["fetch"][..], &["--trust"], &["pull", "--limit", "0"], &["pull", "--limit", "-1"]]
    {
        stage.ctr_git(args).assert().code(64).stdout("");
    }
}
