//! The program as its callers see it, with a real git, and stand-ins for the
//! engine and for ctr-git.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf, process};

use serde_json::{Value, json};
use stubs::{Command, World, refused};
use tar::{Builder, EntryType, Header};

/// A container whose branch is one commit ahead of the worktree's.
struct Stage {
    world: World,
    program: PathBuf,
    archive: Builder<Vec<u8>>,
}

impl Stage {
    /// Makes one of which the worktree has the files `here`, and the container
    /// has also `there` in a commit.
    fn new(here: &[(&str, &str)], there: &[(&str, &str)]) -> Self {
        let world = World::new();
        world.program("ctr-git");
        world.on("ctr-git-fetch", "cp -R \"$stub/aside\" \"$5\"");
        let labels = json!({"ctrkit.managed": "true", "ctrkit.workspace": "/workspace/a"});
        let list = json!([{"Id": "ab", "Names": ["dev-a"], "State": "running", "Labels": labels}]);
        world.answer("podman-ps", &list.to_string());
        let program = world.install(env!("CARGO_BIN_EXE_ctr-diff"));
        let stage = Self { world, program, archive: Builder::new(Vec::new()) };
        fs::create_dir(stage.world.path("worktree")).unwrap();
        stage.git(&["init", "--quiet", "--initial-branch=main"]);
        stage.commit(here);
        let commit = stage.git(&["rev-parse", "HEAD"]);
        stage.commit(there);
        let aside = stage.world.path("stub/aside");
        stage.git(&["clone", "--quiet", "--bare", ".", aside.to_str().unwrap()]);
        stage.git(&[
            "--git-dir",
            aside.to_str().unwrap(),
            "update-ref",
            "refs/ctrkit/here",
            &commit,
        ]);
        stage
    }

    fn commit(&self, files: &[(&str, &str)]) {
        for (path, content) in files {
            self.world.write(format!("worktree/{path}"), content);
            self.git(&["add", "--force", "--", path]);
        }
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "x"]);
    }

    fn git(&self, args: &[&str]) -> String {
        let mut git = process::Command::new("git");
        git.env("HOME", self.world.path("home")).env("GIT_CONFIG_NOSYSTEM", "1");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b", "-C"]);
        let output = git.arg(self.world.path("worktree")).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Puts a file, link or whatever else into the container's workspace.
    fn put(&mut self, kind: EntryType, mode: u32, path: &[u8], content: &[u8]) -> &mut Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
        let name = [b"a/", path].concat();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(&name);
        if is_link {
            header.as_gnu_mut().unwrap().linkname[..content.len()].copy_from_slice(content);
        }
        let content = if is_link { b"" } else { content };
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.archive.append(&header, content).unwrap();
        self
    }

    fn file(&mut self, path: &str, content: &str) -> &mut Self {
        self.put(EntryType::Regular, 0o644, path.as_bytes(), content.as_bytes())
    }

    /// Returns the program, which finds what was put into the workspace.
    fn command(&mut self, args: &[&str]) -> Command {
        let archive = std::mem::replace(&mut self.archive, Builder::new(Vec::new()));
        let archive = archive.into_inner().unwrap();
        // The end of an archive alone is 1024 bytes.
        if archive.len() > 1024 {
            fs::write(self.world.path("stub/tar"), archive).unwrap();
        }
        self.world.on("podman-cp", "[ ! -e \"$stub/tar\" ] || cat \"$stub/tar\"");
        let mut command = self.world.command(&self.program);
        command.env("TMPDIR", self.world.path("home"));
        command.args(["-C"]).arg(self.world.path("worktree")).args(args).arg("dev-a");
        command
    }

    /// Returns state, manner and path of what is found, the class first.
    #[track_caller]
    fn found(&mut self, args: &[&str]) -> Vec<String> {
        let run = self
            .command(&[&["--json"], args].concat())
            .env("CTRKIT_ERROR_FORMAT", "json")
            .assert()
            .stderr("");
        let output = run.get_output();
        let diff: Value = serde_json::from_slice(&output.stdout).unwrap();
        let changes = diff["changes"].as_array().unwrap();
        assert_eq!(output.status.code(), Some(i32::from(!changes.is_empty())));
        assert_eq!(fs::read_dir(self.world.path("home")).unwrap().count(), 0, "something was left");
        let word = |change: &Value, key: &str| change[key].as_str().unwrap().to_owned();
        let line =
            |change| ["class", "state", "change", "path"].map(|key| word(change, key)).join(" ");
        changes.iter().map(line).collect()
    }
}

#[test]
fn nothing_is_nothing() {
    let mut stage = Stage::new(&[(".envrc", "x")], &[("file", "y")]);
    stage.file(".envrc", "x").file("file", "z").file("other", "z");
    assert_eq!(stage.found(&[]), [""; 0]);
    stage.command(&[]).assert().code(0).stdout("").stderr("");
}

#[test]
fn both_views_are_listed_and_each_change_once() {
    let mut stage =
        Stage::new(&[(".envrc", "x"), ("Makefile", "x")], &[(".vscode/tasks.json", "y")]);
    stage.file(".envrc", "other").file(".vscode/tasks.json", "y").file(".idea/x", "z");
    stage.put(EntryType::Regular, 0o755, b"Makefile", b"x");
    let expected = [
        "by-itself committed added .vscode/tasks.json",
        "by-itself uncommitted modified .envrc",
        "by-itself uncommitted added .idea/x",
        "on-build uncommitted mode Makefile",
    ];
    assert_eq!(stage.found(&[]), expected);
    assert_eq!(stage.found(&["--committed"]), expected[..1]);
    let commit = stage.git(&["rev-parse", "HEAD"]);
    let note = format!("ctr-diff: to take what is committed: ctrkit pull --trust={commit} dev-a\n");
    stage.command(&["--committed"]).assert().code(1).stderr(note);
    let calls = stage.world.calls();
    assert_eq!(calls.iter().filter(|call| call[1] == "cp").count(), 1, "{calls:?}");
}

#[test]
fn what_the_worktree_or_the_base_has_is_not_the_containers() {
    // The container is behind: it has what was committed before.
    let mut stage = Stage::new(&[(".envrc", "old")], &[(".envrc", "new")]);
    stage.file(".envrc", "old");
    assert_eq!(stage.found(&[]), ["by-itself committed modified .envrc"]);
}

#[test]
fn what_is_no_plain_file_is_named_and_not_compared() {
    let mut stage = Stage::new(&[(".envrc", "x")], &[]);
    stage
        .put(EntryType::Link, 0o644, b".envrc", b"a/other")
        .put(EntryType::Fifo, 0o644, b".idea/pipe", b"")
        .put(EntryType::Char, 0o644, b".zed/null", b"")
        .put(EntryType::Symlink, 0o777, b"out", b"../../etc")
        .put(EntryType::Symlink, 0o777, b".vscode", b"innocent")
        .put(EntryType::Symlink, 0o777, b"in", b"file")
        .file(".mcp.json", &"x".repeat(5 << 20));
    let expected = [
        "by-itself uncommitted modified .envrc",
        "by-itself uncommitted added .idea/pipe",
        "by-itself uncommitted added .mcp.json",
        "by-itself uncommitted added .vscode",
        "by-itself uncommitted added .zed/null",
        "by-itself uncommitted added out",
    ];
    assert_eq!(stage.found(&[]), expected);
}

#[test]
fn a_repositorys_own_directory_is_looked_at() {
    let mut stage = Stage::new(&[], &[]);
    stage
        .file(".git/config", "[core]\n\tbare = false\n\tfsmonitor = ./x\n[include]\n\tpath = /etc/x\n[alias]\n\tl = log\n")
        .file(".git/hooks/pre-push", "x")
        .file(".git/hooks/pre-push.sample", "x")
        .file(".git/info/attributes", "* filter=x")
        .file(".git/objects/ab/cd", "x")
        .file(".git/modules/s/config", "[core]\n\tworktree = ../../../s\n\tsshCommand = x\n")
        .file("s/.git", "gitdir: ../.git/modules/s\n")
        .file("t/.git", "gitdir: /tmp/x\n")
        .file("u/.git/config", "not a [config")
        .put(EntryType::Symlink, 0o777, b"v/.git", b"../innocent");
    let expected = [
        ".git/config",
        ".git/config",
        ".git/hooks/pre-push",
        ".git/info/attributes",
        ".git/modules/s/config",
        "t/.git",
        "u/.git/config",
        "v/.git",
    ];
    let expected = expected.map(|path| format!("by-itself uncommitted added {path}"));
    assert_eq!(stage.found(&[]), expected);
    let run = stage.command(&[]).assert().code(1);
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    for part in
        ["core.fsmonitor = ./x", "include.path = /etc/x", "core.sshcommand = x", "cannot be read"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn what_tools_fill_is_passed_over_unless_a_commit_has_it() {
    let mut stage = Stage::new(&[("node_modules/a/.envrc", "x")], &[]);
    stage.file("node_modules/a/.envrc", "y").file("node_modules/b/.envrc", "y");
    assert_eq!(stage.found(&[]), ["by-itself uncommitted modified node_modules/a/.envrc"]);
}

#[test]
fn the_configuration_of_the_worktree_counts_and_is_never_run() {
    let mut stage =
        Stage::new(&[], &[("build/hooks/post-checkout", "x"), ("show", "y"), (".envrc", "z")]);
    let trace = stage.world.path("trace");
    let run = format!("touch '{}'; false", trace.display());
    stage.git(&["config", "core.hooksPath", "build/hooks"]);
    stage.git(&["config", "diff.external", &run]);
    stage.git(&["config", "core.fsmonitor", &run]);
    stage.world.write("home/.gitconfig", &format!("[diff]\n\texternal = {run}\n[core]\n\tpager = {run}\n[diff \"x\"]\n\ttextconv = {run}\n"));
    let run = stage.command(&["--committed", "--patch"]).assert().code(1);
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    assert!(text.contains("build/hooks/post-checkout  git, by core.hookspath"), "{text}");
    assert!(text.contains("    | +z\n"), "{text}");
    assert!(!text.contains("show"), "{text}");
    assert!(!trace.exists());
}

#[test]
fn texts_are_shown_with_their_control_characters_escaped() {
    let mut stage = Stage::new(&[], &[(".envrc", "a\u{1b}[31m\u{9b}\r\nb\u{7}\n")]);
    stage.put(EntryType::Regular, 0o644, b"n\nl\x1b[2J\xff/.envrc", b"x");
    let run = stage.command(&["--patch"]).assert().code(1);
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    assert!(text.chars().all(|each| each == '\n' || !each.is_control()), "{text:?}");
    assert!(text.contains("+a\\u{1b}[31m\\u{9b}"), "{text}");
    assert!(text.contains("n\\nl\\u{1b}[2J\u{fffd}/.envrc"), "{text}");
}

#[test]
fn what_cannot_be_looked_at_is_an_error_and_no_list() {
    let mut stage = Stage::new(&[], &[(".envrc", "x")]);
    stage.file("large", &"x".repeat(2 << 20));
    refused(&mut stage.command(&["--limit", "1"]), 65, "workspace-too-large");
    stage.found(&["--limit", "1", "--committed"]);
    stage.world.write("stub/tar", &"x".repeat(1024));
    refused(&mut stage.command(&[]), 74, "engine-answer-unreadable");
    fs::remove_file(stage.world.path("stub/tar")).unwrap();
    stage.world.refuse("podman-cp", 125, "Error: no such thing");
    refused(&mut stage.command(&[]), 69, "engine-failed");
    stage.world.refuse("ctr-git-fetch", 69, "ctr-git: cannot reach the container");
    refused(&mut stage.command(&[]), 70, "tool-failed");
}

#[test]
fn a_container_that_cannot_be_asked_is_told() {
    let mut stage = Stage::new(&[], &[]);
    let list = |status: &str, labels: Value| {
        json!([{"Id": "ab", "Names": ["dev-a"], "State": status, "Labels": labels}]).to_string()
    };
    let ours = json!({"ctrkit.managed": "true"});
    for (status, labels, exit, kind) in [
        ("exited", ours.clone(), 69, "not-running"),
        ("running", json!({}), 65, "not-managed"),
        ("running", ours, 65, "missing-label"),
    ] {
        stage.world.answer("podman-ps", &list(status, labels));
        refused(&mut stage.command(&[]), exit, kind);
    }
    stage.world.answer("podman-ps", "[]");
    refused(&mut stage.command(&[]), 69, "no-such-container");
}

#[test]
fn a_wrong_command_line_is_refused() {
    let stage = Stage::new(&[], &[]);
    for args in
        [&[][..], &["a", "b"], &["--limit", "0", "a"], &["--limit", "x", "a"], &["--nothing", "a"]]
    {
        stage.world.command(&stage.program).args(args).assert().code(64).stdout("");
    }
}
