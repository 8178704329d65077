//! Names of branches and of everything else are data.

use std::fs;

use stubs::refused;

use crate::world::{NAME, Stage};

/// Names that git allows, and that a shell, git's options or revisions would
/// make something else of.
const HOSTILE: &[&str] = &[
    "x;touch${IFS}pwned",
    "a$(touch${IFS}pwned)",
    "`touch${IFS}pwned`",
    "a'b\"c",
    "a|b&c>d",
    "日本/é",
    "+x",
    "%s%n",
    "-",
    "--upload-pack=touch",
    "refs/heads/x",
    "0123456789012345678901234567890123456789",
    "#!",
    "$HOME",
    "main\u{202e}niam",
];

#[test]
fn a_branch_may_have_any_name_that_git_allows() {
    let stage = Stage::new();
    let mut carried = 0;
    for branch in HOSTILE {
        let allowed = !branch.starts_with('-');
        let reference = format!("refs/heads/{branch}");
        stage.git(&["update-ref", &reference, "HEAD"]);
        stage.git(&["symbolic-ref", "HEAD", &reference]);
        if !allowed {
            let error = refused(&mut stage.pipe(branch), 65, "bad-branch");
            assert!(error["message"].as_str().unwrap().contains(branch), "{error}");
            stage.fails(&["push", NAME], 65, "bad-branch");
            stage.fails(&["pull", NAME], 65, "bad-branch");
            continue;
        }
        let run = stage.pipe(branch).assert().success().stderr("");
        let document: serde_json::Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
        assert_eq!(document["git"]["branch"], *branch);
        assert_eq!(stage.git_there(&["symbolic-ref", "HEAD"]), reference);
        let commit = stage.commit("file", branch);
        stage.succeeds(&["push"]);
        assert_eq!(stage.git_there(&["rev-parse", "HEAD"]), commit, "{branch}");
        let commit = stage.commit_there("there", branch);
        stage.succeeds(&["pull"]);
        assert_eq!(stage.git(&["rev-parse", "HEAD"]), commit, "{branch}");
        carried += 1;
    }
    assert_eq!(carried, HOSTILE.len() - 2);
    for directory in [&stage.worktree, &stage.workspace, &stage.world.path("there/home")] {
        assert!(!directory.join("pwned").exists());
    }
}

#[test]
fn a_branch_that_git_would_expand_or_refuse_is_refused_by_name() {
    let stage = Stage::new();
    stage.git(&["switch", "--quiet", "--create", "other"]);
    stage.git(&["switch", "--quiet", "main"]);
    let names =
        ["@{-1}", "@", "HEAD", "-x", "a..b", "a b", "a\nb", "a:b", "x.lock", "", "a\\b", "a*"];
    for branch in names {
        let error = refused(&mut stage.pipe(branch), 65, "bad-branch");
        assert_eq!(error["message"], format!("'{branch}' cannot be the name of a branch"));
    }
    assert_eq!(stage.engine_calls().len() + stage.connections(), 0);
}

#[test]
fn a_name_or_a_workspace_that_could_be_something_else_is_refused() {
    let stage = Stage::new();
    for name in ["-oProxyCommand=x", "a/b", "..", "a b", "ä", "user@host", ""] {
        let document = stage.document("main");
        let document = document.replace(&format!("\"{NAME}\""), &format!("\"{name}\""));
        refused(stage.ctr_git(&[]).write_stdin(document), 65, "bad-name");
    }
    for workspace in ["app", "", "-x", "/a\\nb"] {
        let document = stage.document("main");
        let document = document.replace(stage.workspace.to_str().unwrap(), workspace);
        refused(stage.ctr_git(&[]).write_stdin(document), 65, "bad-workspace");
    }
    assert_eq!(stage.engine_calls().len() + stage.connections(), 0);
}

#[test]
fn a_workspace_may_have_spaces_quotes_and_dollars() {
    let stage = Stage::new();
    let workspace = stage.world.path("there/work $(touch pwned) 'q'/日本");
    let document = stage.document("main");
    let document = document.replace(stage.workspace.to_str().unwrap(), workspace.to_str().unwrap());
    stage.ctr_git(&[]).write_stdin(document).assert().success();
    let head = stage.git_in(&workspace, "there/home", &["rev-parse", "HEAD"]);
    assert_eq!(head, stage.git(&["rev-parse", "HEAD"]));
    let commit = stage.commit("file", "two\n");
    stage.succeeds(&["push"]);
    assert_eq!(stage.git_in(&workspace, "there/home", &["rev-parse", "HEAD"]), commit);
    assert!(!fs::exists(stage.worktree.join("pwned")).unwrap());
    assert!(!fs::exists(stage.world.path("there/home/pwned")).unwrap());
}

#[test]
fn a_worktree_may_lie_anywhere() {
    let mut stage = Stage::new();
    let worktree = stage.world.path("a b/#$(id)'\"\n日本");
    fs::create_dir_all(worktree.parent().unwrap()).unwrap();
    fs::rename(&stage.worktree, &worktree).unwrap();
    stage.worktree = worktree;
    stage.hold(&stage.worktree, NAME);
    stage.create();
    let commit = stage.commit("sub/file", "two\n");
    stage.ctr_git(&["push", "-C", "sub"]).assert().success();
    assert_eq!(stage.git_there(&["rev-parse", "HEAD"]), commit);
}
