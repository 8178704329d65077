//! What arrives.

use std::fs;

use crate::world::{NAME, Stage, write};

#[test]
fn the_code_arrives_and_the_document_says_so() {
    let stage = Stage::new();
    stage.git(&["remote", "add", "origin", "https://ann:s3cret@example.org/ann/app.git"]);
    let document = stage.create();
    let commit = stage.git(&["rev-parse", "HEAD"]);
    assert_eq!(document["git"]["remote"], NAME);
    assert_eq!(document["git"]["url"], format!("{NAME}:{}", stage.workspace.display()));
    assert_eq!(document["git"]["branch"], "main");
    assert_eq!(document["git"]["commit"], commit);
    assert_eq!(document["git"]["origin"], "https://example.org/ann/app.git");
    assert_eq!(stage.git_there(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(stage.git_there(&["rev-parse", "HEAD"]), commit);
    assert_eq!(fs::read_to_string(stage.workspace.join("file")).unwrap(), "one\n");
    assert_eq!(stage.git_there(&["status", "--porcelain"]), "");
    assert_eq!(stage.git_there(&["config", "user.name"]), "Ann O'Hara");
    assert_eq!(stage.git_there(&["config", "user.email"]), "ann@example.org");
    assert_eq!(stage.git_there(&["config", "receive.denyCurrentBranch"]), "updateInstead");
    assert_eq!(
        stage.git_there(&["remote", "get-url", "origin"]),
        "https://example.org/ann/app.git"
    );
    assert!(!stage.there().contains("s3cret"));
    assert_eq!(stage.engine_calls(), ["prepare"]);
    assert_eq!(stage.connections(), 1);
}

#[test]
fn a_second_run_changes_nothing_and_connects_to_nothing() {
    let stage = Stage::new();
    let first = stage.pipe("main").assert().success().get_output().stdout.clone();
    write(&stage.workspace.join("file"), "edited\n");
    write(&stage.workspace.join("notes"), "mine\n");
    let (there, config) = (stage.there(), fs::read(stage.worktree.join(".git/config")).unwrap());
    stage.world.forget();
    stage.ctr_git(&[]).write_stdin(first.clone()).assert().success().stderr("").stdout(first);
    assert_eq!(stage.there(), there);
    assert_eq!(fs::read(stage.worktree.join(".git/config")).unwrap(), config);
    assert_eq!(stage.engine_calls(), ["prepare"]);
    assert_eq!(stage.connections(), 1);
}

#[test]
fn all_other_keys_stay_where_they_were() {
    let stage = Stage::new();
    let run = stage.pipe("main").assert().success();
    let out = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let begin = stage.document("main").trim_end().strip_suffix("}}").unwrap().to_owned();
    assert!(out.starts_with(&begin) && out.ends_with("\"}}\n"), "{out}");
    assert_eq!(out.matches('\n').count(), 1);
}

#[test]
fn a_push_brings_new_commits_by_two_engine_calls_and_one_connection() {
    let stage = Stage::new();
    stage.create();
    write(&stage.workspace.join("notes"), "mine\n");
    stage.commit("file", "two\n");
    let commit = stage.commit("dir/new", "new\n");
    stage.world.forget();
    stage.succeeds(&["push"]);
    assert_eq!(stage.git_there(&["rev-parse", "HEAD"]), commit);
    assert_eq!(fs::read_to_string(stage.workspace.join("file")).unwrap(), "two\n");
    assert_eq!(fs::read_to_string(stage.workspace.join("notes")).unwrap(), "mine\n");
    assert_eq!(stage.engine_calls(), ["ps", "prepare"]);
    assert_eq!(stage.connections(), 2);
    stage.succeeds(&["push", NAME]);
    assert_eq!(stage.connections(), 2);
}

#[test]
fn another_branch_is_pushed_and_checked_out() {
    let stage = Stage::new();
    stage.create();
    stage.git(&["switch", "--quiet", "--create", "next"]);
    let commit = stage.commit("next", "next\n");
    stage.world.forget();
    stage.succeeds(&["push"]);
    assert_eq!(stage.git_there(&["symbolic-ref", "HEAD"]), "refs/heads/next");
    assert_eq!(stage.git_there(&["rev-parse", "HEAD"]), commit);
    assert_eq!(stage.engine_calls(), ["ps", "prepare", "checkout"]);
    // And back, with nothing to push.
    stage.git(&["switch", "--quiet", "main"]);
    let connections = stage.connections();
    stage.succeeds(&["push"]);
    assert_eq!(stage.git_there(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(stage.connections(), connections);
}

#[test]
fn a_container_that_is_ahead_is_left_alone() {
    let stage = Stage::new();
    stage.create();
    let commit = stage.commit_there("more", "more\n");
    let there = stage.there();
    let document = stage.create();
    assert_eq!(document["git"]["commit"], commit);
    stage.succeeds(&["push"]);
    assert_eq!(stage.there(), there);
    assert_eq!(stage.connections(), 1);
}

#[test]
fn settings_follow_the_host_unless_somebody_there_chose_others() {
    let stage = Stage::new();
    stage.git(&["remote", "add", "origin", "git@example.org:a.git"]);
    stage.create();
    stage.git(&["config", "user.name", "Bea"]);
    stage.git(&["remote", "set-url", "origin", "git@example.org:b.git"]);
    assert_eq!(stage.create()["git"]["origin"], "git@example.org:b.git");
    assert_eq!(stage.git_there(&["config", "user.name"]), "Bea");
    stage.git_there(&["config", "user.name", "Bot"]);
    stage.git_there(&["remote", "set-url", "origin", "https://bot:t0ken@example.org/c.git"]);
    stage.git(&["config", "user.name", "Cy"]);
    stage.git(&["remote", "set-url", "origin", "git@example.org:d.git"]);
    assert_eq!(stage.create()["git"]["origin"], "https://example.org/c.git");
    assert_eq!(stage.git_there(&["config", "user.name"]), "Bot");
}

#[test]
fn an_origin_is_what_the_host_makes_of_it() {
    let stage = Stage::new();
    stage.git(&["config", "url.https://ann:s3cret@example.org/.insteadOf", "eg:"]);
    stage.git(&["remote", "add", "origin", "eg:app"]);
    assert_eq!(stage.create()["git"]["origin"], "https://example.org/app");
}

#[test]
fn without_an_origin_and_an_identity_there_is_none() {
    let stage = Stage::new();
    fs::remove_file(stage.world.path("home/.gitconfig")).unwrap();
    let document = stage.create();
    assert_eq!(document["git"].get("origin"), None);
    let config = fs::read_to_string(stage.workspace.join(".git/config")).unwrap();
    assert!(!config.contains("[user]") && !config.contains("origin"), "{config}");
}

#[test]
fn a_shallow_clone_and_another_hash_are_carried_too() {
    for clone in [&["--depth=1"][..], &[]] {
        let stage = Stage::new();
        if clone.is_empty() {
            fs::remove_dir_all(&stage.worktree).unwrap();
            let init = ["init", "--quiet", "--object-format=sha256", "app"];
            stage.git_in(&stage.world.path(""), "home", &init);
            stage.commit("file", "one\n");
        } else {
            stage.commit("file", "two\n");
            let full = stage.world.path("full");
            fs::rename(&stage.worktree, &full).unwrap();
            let from = format!("file://{}", full.display());
            let args = [&["clone", "--quiet"], clone, &[&from, "app"]].concat();
            stage.git_in(&stage.world.path(""), "home", &args);
            assert_eq!(stage.git(&["rev-list", "--count", "HEAD"]), "1");
        }
        let commit = stage.git(&["rev-parse", "HEAD"]);
        assert_eq!(stage.create()["git"]["commit"], commit);
        assert_eq!(stage.git_there(&["rev-parse", "HEAD"]), commit);
    }
}

#[test]
fn a_plain_git_push_is_taken_too() {
    let stage = Stage::new();
    stage.create();
    let commit = stage.commit("file", "two\n");
    let ssh = format!("ssh -F '{}'", stage.world.path("ssh config").display());
    stage.git(&["-c", &format!("core.sshCommand={ssh}"), "push", "--quiet", NAME, "main"]);
    assert_eq!(stage.git_there(&["rev-parse", "HEAD"]), commit);
    assert_eq!(fs::read_to_string(stage.workspace.join("file")).unwrap(), "two\n");
}

#[test]
fn a_linked_worktree_has_a_remote_of_its_own() {
    let stage = Stage::new();
    let linked = stage.world.path("linked");
    stage.git(&["worktree", "add", "--quiet", linked.to_str().unwrap()]);
    // All at once, to one configuration.
    let children: Vec<_> = (0..6)
        .map(|number| {
            let name = format!("dev-{number}");
            let workspace = stage.world.path(format!("there/workspace/{number}"));
            let document = stage
                .document("linked")
                .replace(&format!("\"name\":\"{NAME}\""), &format!("\"name\":\"{name}\""));
            let document = document
                .replace(stage.workspace.to_str().unwrap(), workspace.to_str().unwrap())
                .replace(stage.worktree.to_str().unwrap(), linked.to_str().unwrap());
            let mut run = stage.ctr_git(&[]);
            run.write_stdin(document);
            (name, workspace, run)
        })
        .collect();
    let config = fs::read_to_string(stage.world.path("ssh config")).unwrap();
    stage.world.write("ssh config", &config.replacen(NAME, "dev-*", 1));
    let threads: Vec<_> = children
        .into_iter()
        .map(|(name, workspace, mut run)| {
            std::thread::spawn(move || {
                run.assert().success();
                (name, workspace)
            })
        })
        .collect();
    for thread in threads {
        let (name, workspace) = thread.join().unwrap();
        let url = format!("{name}:{}", workspace.display());
        assert_eq!(stage.git(&["remote", "get-url", &name]), url);
        let refs = format!("+refs/heads/*:refs/remotes/{name}/*");
        assert_eq!(stage.git(&["config", &format!("remote.{name}.fetch")]), refs);
        assert_eq!(stage.git(&["config", &format!("remote.{name}.tagOpt")]), "--no-tags");
        let head = stage.git_in(&workspace, "there/home", &["symbolic-ref", "HEAD"]);
        assert_eq!(head, "refs/heads/linked");
    }
}
