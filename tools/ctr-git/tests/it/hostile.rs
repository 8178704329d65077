//! What a container might try. Each of these has been seen to succeed with a
//! plain `git pull`, or with the guard taken away.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::world::{NAME, Stage, files, write};

/// Commits a program in the container that leaves a trace where it is run.
fn plant(stage: &Stage, file: &str) -> std::path::PathBuf {
    let trace = stage.world.path("trace");
    let path = stage.workspace.join(file);
    write(&path, &format!("#!/bin/sh\ntouch '{}'\ncat\n", trace.display()));
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    stage.git_there(&["add", "--force", "."]);
    stage.git_there(&["commit", "--quiet", "--no-verify", "--message", file]);
    trace
}

/// Pulls and pushes; the worktree must get the commits, once the person trusts
/// them, and run nothing.
#[track_caller]
fn check_nothing_runs(stage: &Stage, trace: &Path) {
    check_told(stage);
    stage.succeeds(&["pull", "--trust"]);
    assert_eq!(stage.git(&["rev-parse", "HEAD"]), stage.git_there(&["rev-parse", "HEAD"]));
    assert!(!trace.exists(), "something ran at the pull");
    stage.git(&[
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.fsmonitor=false",
        "commit",
        "--quiet",
        "--allow-empty",
        "--message",
        "x",
    ]);
    let _ = fs::remove_file(trace);
    stage.succeeds(&["push"]);
    stage.create();
    assert!(!trace.exists(), "something ran at the push");
}

/// A pull must be refused for what it brings, and leave all as it is.
#[track_caller]
fn check_told(stage: &Stage) -> String {
    let (head, files) = (stage.git(&["rev-parse", "HEAD"]), files(&stage.worktree));
    let error = stage.fails(&["pull"], 65, "would-run");
    assert_eq!(stage.git(&["rev-parse", "HEAD"]), head);
    assert_eq!(crate::world::files(&stage.worktree), files);
    error["message"].as_str().unwrap().to_owned()
}

#[test]
fn hooks_that_came_with_the_code_do_not_run() {
    let stage = Stage::new();
    stage.create();
    stage.git(&["config", "core.hooksPath", ".hooks"]);
    for hook in ["post-merge", "reference-transaction", "pre-push", "post-checkout"] {
        plant(&stage, &format!(".hooks/{hook}"));
    }
    check_nothing_runs(&stage, &stage.world.path("trace"));
}

#[test]
fn a_file_system_monitor_that_came_with_the_code_does_not_run() {
    let stage = Stage::new();
    stage.create();
    stage.git(&["config", "core.fsmonitor", "./monitor"]);
    let trace = plant(&stage, "monitor");
    write(&stage.worktree.join("monitor"), "in the way\n");
    stage.fails(&["pull", "--trust"], 65, "worktree-dirty");
    fs::remove_file(stage.worktree.join("monitor")).unwrap();
    check_nothing_runs(&stage, &trace);
}

#[test]
fn filters_that_came_with_the_code_do_not_run() {
    for (name, key) in [("x", "smudge"), ("x", "process"), ("a=b.c", "smudge")] {
        let stage = Stage::new();
        stage.create();
        stage.git(&["config", &format!("filter.{name}.{key}"), "./filter"]);
        stage.git(&["config", &format!("filter.{name}.clean"), "./filter"]);
        stage.git(&["config", &format!("filter.{name}.required"), "true"]);
        write(&stage.workspace.join(".gitattributes"), &format!("z* filter={name}\n"));
        write(&stage.workspace.join("zoo"), "zoo\n");
        let trace = plant(&stage, "filter");
        check_told(&stage);
        stage.succeeds(&["pull", "--trust"]);
        assert!(!trace.exists(), "{name}.{key} ran");
        assert_eq!(fs::read_to_string(stage.worktree.join("zoo")).unwrap(), "zoo\n");
        write(&stage.worktree.join("zoo"), "edited\n");
        stage.commit_there("zoo", "more\n");
        stage.fails(&["pull"], 65, "worktree-dirty");
        assert!(!trace.exists(), "{name}.{key} ran for the status");
    }
}

#[test]
fn submodules_are_not_fetched() {
    let stage = Stage::new();
    stage.create();
    stage.git(&["config", "submodule.recurse", "true"]);
    stage.git(&["config", "fetch.recurseSubmodules", "yes"]);
    stage.git(&["config", "protocol.ext.allow", "always"]);
    let trace = stage.world.path("trace");
    let trace_path = trace.display();
    let commit = stage.git_there(&["rev-parse", "HEAD"]);
    let modules = format!("[submodule \"s\"]\n\tpath = s\n\turl = ext::touch% {trace_path}\n");
    write(&stage.workspace.join(".gitmodules"), &modules);
    stage.git_there(&["add", ".gitmodules"]);
    stage.git_there(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},s")]);
    stage.git_there(&["commit", "--quiet", "--message", "submodule"]);
    stage.git(&["config", "submodule.s.url", &format!("ext::touch% {trace_path}")]);
    stage.git(&["config", "submodule.s.active", "true"]);
    check_told(&stage);
    stage.succeeds(&["pull", "--trust"]);
    assert!(!trace.exists());
    // A command in .gitmodules is among what fetch.fsckObjects refuses.
    stage.commit_there(".gitmodules", &format!("{modules}\tupdate = !touch {trace_path}\n"));
    let error = stage.fails(&["pull"], 69, "git-failed");
    let words = error["command"]["last_words"].as_str().unwrap();
    assert!(words.contains("gitmodulesUpdate"), "{error}");
    assert!(!trace.exists());
}

#[test]
fn a_submodule_that_is_there_is_left_alone() {
    let stage = Stage::new();
    let sub = stage.world.path("sub");
    stage.git_in(&stage.world.path(""), "home", &["init", "--quiet", "sub"]);
    stage.git_in(&sub, "home", &["commit", "--quiet", "--allow-empty", "--message", "sub"]);
    let allow = ["-c", "protocol.file.allow=always"];
    let add = ["submodule", "--quiet", "add", sub.to_str().unwrap(), "s"];
    stage.git(&[&allow[..], &add].concat());
    stage.git(&["commit", "--quiet", "--message", "s"]);
    stage.create();
    stage.git(&["config", "submodule.recurse", "true"]);
    stage.git(&["config", "fetch.recurseSubmodules", "yes"]);
    stage.git(&["config", "push.recurseSubmodules", "on-demand"]);
    // Whoever fetches or pushes it makes one more connection.
    let url = format!("{NAME}:{}", sub.display());
    stage.git_in(&stage.worktree.join("s"), "home", &["remote", "set-url", "origin", &url]);
    let other = format!("160000,{},s", "1".repeat(40));
    stage.git_there(&["update-index", "--cacheinfo", &other]);
    stage.git_there(&["commit", "--quiet", "--message", "moved"]);
    // It may not be hidden by a setting either.
    stage.git(&["config", "diff.ignoreSubmodules", "all"]);
    stage.git(&["config", "submodule.s.ignore", "all"]);
    check_told(&stage);
    stage.succeeds(&["pull", "--trust"]);
    assert_eq!(stage.connections(), 3);
    stage.commit("file", "two\n");
    stage.succeeds(&["push"]);
    assert_eq!(stage.connections(), 4);
}

#[test]
fn a_url_that_means_a_program_is_not_used() {
    let stage = Stage::new();
    stage.create();
    let trace = stage.world.path("trace");
    let key = format!("url.ext::touch {} .insteadOf", trace.display());
    stage.git(&["config", &key, &format!("{NAME}:")]);
    stage.git(&["config", "protocol.ext.allow", "always"]);
    stage.commit("file", "two\n");
    stage.fails(&["push"], 69, "git-failed");
    stage.fails(&["pull"], 69, "git-failed");
    assert!(!trace.exists());
}

#[test]
fn broken_objects_are_refused() {
    let stage = Stage::new();
    stage.create();
    let blob = stage.git_there(&["rev-parse", "HEAD:file"]);
    let script = format!(
        "tree=$(printf '100644 blob {blob}\\t.git\\n' | git mktree); \
         git update-ref HEAD $(git commit-tree -p HEAD -m x $tree)"
    );
    stage.git_there(&["-c", &format!("alias.bad=!{script}"), "bad"]);
    let error = stage.fails(&["pull"], 69, "git-failed");
    assert!(error["command"]["last_words"].as_str().unwrap().contains("hasDotgit"), "{error}");
    assert_eq!(
        stage.git(&["for-each-ref", "--format=%(refname)"]),
        "refs/heads/main\nrefs/remotes/dev-app/main"
    );
}

/// Replaces git's other side by `script`, run for each command over ssh but
/// for the probe, which is `true`.
fn impostor(stage: &Stage, script: &str) {
    let script = format!("#!/bin/sh\n[ \"$SSH_ORIGINAL_COMMAND\" != true ] || exit 0\n{script}\n");
    let path = stage.world.write("sshd/impostor", &script);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let config = stage.world.path("sshd/sshd_config");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}ForceCommand {}\n", path.display())).unwrap();
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let stage = Stage::new();
    stage.create();
    stage.commit("file", "two\n");
    // ERR packets, gitprotocol-pack(5): four hex digits of length, then text.
    impostor(
        &stage,
        "printf '\\033[31mhello\\007\\n' >&2; printf '0013ERR \\033[31mbad\\007\\233\\n'",
    );
    for verb in ["push", "pull"] {
        let run = stage.ctr_git(&[verb]).assert().code(69).stdout("");
        let stderr = &run.get_output().stderr;
        assert!(stderr.windows(3).any(|word| word == b"bad"), "{stderr:?}");
        assert!(stderr.iter().all(|byte| *byte == b'\n' || !byte.is_ascii_control()), "{stderr:?}");
    }
    stage.world.on(
        "podman-exec",
        "printf '\\033[31mhello\\007\\n'; printf '\\033[31mhi\\n' >&2; exit 1\n",
    );
    let run = stage.ctr_git(&["push"]).assert().code(69).stdout("");
    let stderr = &run.get_output().stderr;
    assert!(stderr.iter().all(|byte| *byte == b'\n' || !byte.is_ascii_control()), "{stderr:?}");
}

#[test]
fn a_flood_fills_no_memory() {
    let stage = Stage::new();
    stage.create();
    stage.commit("file", "two\n");
    impostor(&stage, "head -c 300000000 /dev/zero >&2");
    let limit = format!("ulimit -v 400000; exec '{}' push", env!("CARGO_BIN_EXE_ctr-git"));
    let mut command = stage.ctr_git(&[]);
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", &limit]).current_dir(&stage.worktree);
    limited.env_clear().envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let output = limited.output().unwrap();
    drop(command.ok());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{stderr}");
    assert!(output.stderr.len() < 1 << 20);
}

#[test]
fn answers_that_are_none_are_refused() {
    for answer in [
        "ctr-git 1\n",
        "ctr-git 1\nhead refs/heads/main\n",
        "ctr-git 1\nhead main\nend\n",
        "ctr-git 1\ntip --output=x\nend\n",
        "ctr-git 1\nsurprise\nend\n",
        "ctr-git 1\nhead refs/heads/main\ncontains\nend\n",
    ] {
        let stage = Stage::new();
        stage.world.write("answer", answer);
        let cat = format!("cat '{}'; exit 0\n", stage.world.path("answer").display());
        stage.world.on("podman-exec", &cat);
        stubs::refused(&mut stage.pipe("main"), 74, "container-answer-unreadable");
        assert_eq!(stage.git(&["remote"]), "", "{answer}");
    }
}

#[test]
fn variables_of_a_hook_do_not_lead_elsewhere() {
    let stage = Stage::new();
    stage.create();
    let commit = stage.commit("file", "two\n");
    let elsewhere = stage.world.path("elsewhere");
    stage.git_in(&stage.world.path(""), "home", &["init", "--quiet", "elsewhere"]);
    stage
        .ctr_git(&["push"])
        .env("GIT_DIR", elsewhere.join(".git"))
        .env("GIT_WORK_TREE", &elsewhere)
        .env("GIT_INDEX_FILE", elsewhere.join("index"))
        .env("GIT_SSH", "false")
        .env("GIT_SSH_COMMAND", "false")
        .env("GIT_CONFIG_PARAMETERS", "'core.sshcommand=false'")
        .assert()
        .success();
    assert_eq!(stage.git_there(&["rev-parse", "HEAD"]), commit);
}

#[test]
fn settings_of_the_user_do_not_change_what_is_pushed() {
    let stage = Stage::new();
    stage.create();
    stage.git(&["tag", "v1"]);
    for (key, value) in [
        ("push.followTags", "true"),
        ("push.gpgSign", "true"),
        ("push.pushOption", "x"),
        ("push.default", "matching"),
        ("remote.pushDefault", "elsewhere"),
        ("color.ui", "always"),
        ("core.askPass", "false"),
        ("status.branch", "true"),
        ("status.relativePaths", "false"),
        ("diff.noprefix", "true"),
    ] {
        stage.git(&["config", key, value]);
    }
    stage.git(&["config", &format!("remote.{NAME}.push"), "+refs/*:refs/*"]);
    stage.git(&["tag", "--annotate", "--message", "v2", "v2"]);
    let commit = stage.commit("file", "two\n");
    stage.succeeds(&["push"]);
    assert_eq!(stage.git_there(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main");
    assert_eq!(stage.git_there(&["rev-parse", "HEAD"]), commit);
}

#[test]
fn what_is_executed_here_by_itself_comes_only_if_it_is_trusted() {
    let stage = Stage::new();
    stage.create();
    for file in [
        ".vscode/tasks.json",
        "a/.ENVRC",
        ".claude/settings.json",
        "-C/.idea/workspace.xml",
        "a\nb\u{1b}[31m/.envrc",
    ] {
        stage.commit_there(file, "x\n");
        let message = check_told(&stage);
        assert!(message.ends_with(&format!("by itself: '{file}'")), "{message}");
        stage.succeeds(&["pull", "--trust"]);
        assert_eq!(fs::read_to_string(stage.worktree.join(file)).unwrap(), "x\n");
    }
    // What is there already needs no trust again, nor does taking it away.
    stage.commit_there("other", "more\n");
    stage.git_there(&["rm", "--quiet", "--", ".vscode/tasks.json"]);
    stage.git_there(&["commit", "--quiet", "--message", "gone"]);
    stage.succeeds(&["pull"]);
    stage.commit_there("n\nl\u{1b}[2J/.envrc", "x\n");
    let text = stage.ctr_git(&["pull"]).assert().code(65).get_output().stderr.clone();
    assert!(text.iter().all(|byte| *byte == b'\n' || !byte.is_ascii_control()), "{text:?}");
}

#[test]
fn links_that_lead_elsewhere_are_told() {
    let stage = Stage::new();
    stage.create();
    for (link, target) in
        [("a", "/etc/passwd"), ("d/a", "../../x"), ("b", ".git/hooks"), (".vscode", "b")]
    {
        let path = stage.workspace.join(link);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
        stage.git_there(&["add", "--", link]);
        stage.git_there(&["commit", "--quiet", "--message", "link"]);
        check_told(&stage);
        stage.git_there(&["reset", "--quiet", "--hard", "HEAD^"]);
    }
}

#[test]
fn a_few_trees_that_stand_for_a_million_paths_are_not_unfolded() {
    let stage = Stage::new();
    stage.create();
    // Ten trees, each with the one before ten times.
    let script = "set -e; below=$(git hash-object -w --stdin </dev/null); kind='100644 blob'; \
        for level in 1 2 3 4 5 6 7 8 9 10; do \
          below=$(for name in 0 1 2 3 4 5 6 7 8 9; do printf '%s %s\\t%s\\n' \"$kind\" $below $name; done | git mktree); \
          kind='040000 tree'; \
        done; \
        git update-ref HEAD $(git commit-tree -p HEAD -m bomb $below)";
    stage.git_there(&["-c", &format!("alias.bomb=!{script}"), "bomb"]);
    stage.fails(&["pull"], 65, "too-many-changes");
}

#[test]
fn a_container_cannot_send_without_end() {
    let stage = Stage::new();
    stage.create();
    let noise = "set -e; head -c 3000000 /dev/urandom >big; git add big; git commit -qm big";
    stage.git_there(&["-c", &format!("alias.noise=!{noise}"), "noise"]);
    let packs = stage.worktree.join(".git/objects/pack");
    let before = fs::read_dir(&packs).unwrap().count();
    stage.fails(&["pull", "--limit", "1"], 65, "fetch-too-large");
    assert_eq!(fs::read_dir(&packs).unwrap().count(), before, "something was left");
    stage.succeeds(&["pull", "--limit", "8"]);
}

#[test]
fn trust_in_a_commit_is_not_trust_in_the_next() {
    let stage = Stage::new();
    stage.create();
    let commit = stage.commit_there(".envrc", "looked at\n");
    let error = stage.fails(&["pull"], 65, "would-run");
    let trust = format!("--trust={commit}");
    assert!(error["hint"].as_str().unwrap().ends_with(&format!("{trust} {NAME}")), "{error}");
    // It sees that somebody looks, and goes on.
    stage.commit_there(".envrc", "not looked at\n");
    stage.fails(&["pull", &trust], 65, "moved-on");
    assert!(!stage.worktree.join(".envrc").exists());
    stage.git_there(&["reset", "--quiet", "--hard", &commit]);
    stage.succeeds(&["pull", &trust]);
    assert_eq!(fs::read_to_string(stage.worktree.join(".envrc")).unwrap(), "looked at\n");
    // Ids that begin alike are soon found.
    for trust in ["--trust=HEAD", &trust[..20], "--trust=-x", &trust.to_uppercase()[..]] {
        stage.ctr_git(&["pull", trust]).assert().code(64).stdout("");
    }
}

#[test]
fn what_a_link_here_leads_to_is_told_too() {
    let stage = Stage::new();
    fs::create_dir(stage.worktree.join("tools")).unwrap();
    for (link, target) in
        [(".envrc", "tools/env"), (".vscode", "tools/editor"), ("CLAUDE.md", "README")]
    {
        std::os::unix::fs::symlink(target, stage.worktree.join(link)).unwrap();
    }
    stage.commit("tools/editor/x", "x\n");
    stage.git(&["add", "."]);
    stage.git(&["commit", "--quiet", "--message", "links"]);
    stage.create();
    stage.commit_there("README", "an instruction, and not run\n");
    stage.succeeds(&["pull"]);
    for file in ["tools/env", "tools/editor/tasks.json"] {
        let commit = stage.commit_there(file, "x\n");
        check_told(&stage);
        stage.succeeds(&["pull", &format!("--trust={commit}")]);
    }
    stage.commit_there("tools/other", "x\n");
    stage.succeeds(&["pull"]);
}

#[test]
fn the_configuration_of_a_repository_in_the_tree_is_told() {
    let stage = Stage::new();
    stage.commit("fixture/HEAD", "ref: refs/heads/main\n");
    stage.commit("config", "of something else\n");
    stage.create();
    stage.commit_there("config", "more\n");
    stage.succeeds(&["pull"]);
    stage.commit_there("fixture/config", "[core]\n\tfsmonitor = ./x\n");
    check_told(&stage);
}
