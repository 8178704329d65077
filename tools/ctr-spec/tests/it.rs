//! The program as its callers see it, with a real git.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::{Path, PathBuf},
    process::Command as Process,
};

use assert_cmd::Command;
use predicates::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A directory with repositories and an empty home.
struct World {
    directory: TempDir,
}

impl World {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(name)
    }

    fn git(&self, directory: &Path, args: &[&str]) {
        let git = Process::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-C"])
            .arg(directory)
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(git.status.success(), "{}", String::from_utf8_lossy(&git.stderr));
    }

    /// Makes a repository with one commit on the branch `main`.
    fn repository(&self, name: impl AsRef<Path>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        self.git(&path, &["init", "-q", "-b", "main"]);
        self.git(&path, &["commit", "-q", "--allow-empty", "-m", "start"]);
        path
    }

    /// Returns the program in an environment that holds nothing of the tester's.
    fn ctr_spec(&self, path: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctr-spec"));
        let search = std::env::var_os("PATH").unwrap();
        command.env_clear().env("PATH", search).env("HOME", self.path("home")).arg(path);
        command
    }

    fn described(&self, path: &Path) -> Value {
        let output = self.ctr_spec(path).assert().success().stderr("");
        serde_json::from_slice(&output.get_output().stdout).unwrap()
    }

    #[track_caller]
    fn check_refused(&self, command: &mut Command, status: i32, kind: &str) {
        let output = command.args(["--error-format", "json"]).assert().code(status).stdout("");
        let error: Value = serde_json::from_slice(&output.get_output().stderr).unwrap();
        assert_eq!(error["kind"], kind, "{error}");
    }
}

#[test]
fn the_document_is_one_line_with_the_schema_first() {
    let world = World::new();
    let path = world.repository("myapp");
    let expected = predicate::str::starts_with(r#"{"schema":"container/1","name":"dev-myapp-"#)
        .and(predicate::str::is_match("^[^\n]+\n$").unwrap());
    world.ctr_spec(&path).assert().success().stdout(expected);
    assert!(!world.path("home").exists(), "a plan tool made something");
}

#[test]
fn a_subdirectory_and_a_symbolic_link_lead_to_the_same_worktree() {
    let world = World::new();
    let path = world.repository("myapp");
    fs::create_dir_all(path.join("a/b")).unwrap();
    symlink(&path, world.path("link")).unwrap();
    let whole = world.described(&path);
    assert_eq!(world.described(&path.join("a/b")), whole);
    assert_eq!(world.described(&world.path("link")), whole);
}

#[test]
fn a_linked_worktree_is_its_own_project() {
    let world = World::new();
    let path = world.repository("myapp");
    let linked = world.path("linked");
    world.git(&path, &["worktree", "add", "-q", "-b", "side", linked.to_str().unwrap()]);
    let (main, side) = (world.described(&path), world.described(&linked));
    assert_eq!(side["project"]["branch"], "side");
    assert_ne!(side["project"]["hash"], main["project"]["hash"]);
}

#[test]
fn an_origin_added_later_does_not_rename_what_the_ledger_knows() {
    let world = World::new();
    let path = world.repository("myapp");
    let before = world.described(&path);
    let state = world.path("home/.local/state/ctrkit");
    fs::create_dir_all(&state).unwrap();
    let ledger = serde_json::json!({"schema": "ports/1", "reservations": [
        {"key": before["project"]["hash"], "name": before["name"], "ports": []}
    ]});
    fs::write(state.join("ports.json"), ledger.to_string()).unwrap();
    world.git(&path, &["remote", "add", "origin", "https://example.org/team/other.git"]);
    let after = world.described(&path);
    assert_eq!(after["name"], before["name"]);
    assert_eq!(after["project"]["name"], "other");
}

#[test]
fn hostile_paths_come_out_as_they_are() {
    let world = World::new();
    for name in ["with space", "a#b", "a$(id)`id`", "it's \"quoted\"", "new\nline\n", "日本", "-x"]
    {
        let path = world.repository(name);
        let found = world.described(&path);
        assert_eq!(found["project"]["path"], path.to_str().unwrap());
        let name = found["name"].as_str().unwrap();
        assert!(name.len() <= 63 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
    }
}

#[test]
fn a_path_that_is_not_utf8_is_refused() {
    let world = World::new();
    let path = world.repository(std::ffi::OsStr::from_bytes(b"a\xff"));
    world.check_refused(&mut world.ctr_spec(&path), 65, "not-utf-8");
}

#[test]
fn what_is_no_worktree_with_a_commit_is_told_apart() {
    let world = World::new();
    let plain = world.path("plain");
    fs::create_dir(&plain).unwrap();
    // Git looks in the parents too; the ceiling keeps it in here.
    let mut command = world.ctr_spec(&plain);
    command.env("GIT_CEILING_DIRECTORIES", world.path(""));
    world.check_refused(&mut command, 66, "not-a-repository");
    let absent = world.path("absent");
    world.check_refused(&mut world.ctr_spec(&absent), 66, "bad-path");
    let why = predicate::str::contains("No such file or directory")
        .and(predicate::str::contains("hint: name a directory in a git worktree"));
    world.ctr_spec(&absent).assert().stderr(why);

    let empty = world.path("empty");
    fs::create_dir(&empty).unwrap();
    world.git(&empty, &["init", "-q"]);
    world.check_refused(&mut world.ctr_spec(&empty), 65, "no-commits");

    let detached = world.repository("detached");
    world.git(&detached, &["checkout", "-q", "--detach"]);
    world.check_refused(&mut world.ctr_spec(&detached), 65, "detached-head");
    world.check_refused(&mut world.ctr_spec(&detached.join(".git")), 66, "not-a-worktree");
}

#[test]
fn a_hook_that_calls_does_not_lead_astray() {
    let world = World::new();
    let (here, there) = (world.repository("here"), world.repository("there"));
    let output = world.ctr_spec(&here).env("GIT_DIR", there.join(".git")).assert().success();
    let found: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(found["project"]["path"], here.to_str().unwrap());
}

#[test]
fn without_git_it_says_so() {
    let world = World::new();
    let path = world.repository("myapp");
    let mut command = world.ctr_spec(&path);
    command.env("PATH", "/nonexistent");
    world.check_refused(&mut command, 69, "git-absent");
}

#[test]
fn flags_win_over_environment_and_that_over_the_file() {
    let world = World::new();
    let path = world.repository("myapp");
    let file = world.path("home/.config/ctrkit/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "prefix = \"file\"\nimage = \"file\"\nuser = \"file\"\n").unwrap();
    let mut command = world.ctr_spec(&path);
    command.env("CTRKIT_IMAGE", "variable").env("CTRKIT_USER", "variable");
    let output = command.args(["--user", "flag"]).assert().success();
    let found: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert!(found["name"].as_str().unwrap().starts_with("file-"));
    assert_eq!((&found["image"], &found["user"]), (&"variable".into(), &"flag".into()));
}

#[test]
fn a_wrong_configuration_is_refused_with_its_line() {
    let world = World::new();
    let path = world.repository("myapp");
    let file = world.path("home/.config/ctrkit/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    for (text, says) in [
        (&b"user = \"dev\"\nimagee = \"x\"\n"[..], "at line 2"),
        (b"user = \"d", "at line 1"),
        (b"user = \"\xff\"", "not UTF-8"),
        (b"\0", "at line 1"),
    ] {
        fs::write(&file, text).unwrap();
        world.ctr_spec(&path).assert().code(65).stdout("").stderr(predicate::str::contains(says));
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    world.check_refused(&mut world.ctr_spec(&path), 66, "cannot-read-file");
}

#[test]
fn a_broken_ledger_is_somebody_elses_business() {
    let world = World::new();
    let path = world.repository("myapp");
    let state = world.path("home/.local/state/ctrkit");
    fs::create_dir_all(&state).unwrap();
    for text in ["", "{", r#"{"schema":"ports/9"}"#] {
        fs::write(state.join("ports.json"), text).unwrap();
        world.described(&path);
    }
}

#[test]
fn what_takes_an_option_back_wins_over_its_variable() {
    let world = World::new();
    let path = world.repository("myapp");
    let token = world.path("token");
    let spec = |args: &[&str]| -> Value {
        let mut command = world.ctr_spec(&path);
        command.env("CTRKIT_TEMPLATE", "basic").env("CTRKIT_ISOLATE", "claude");
        let output = command.env("CTRKIT_CLAUDE_TOKEN_FILE", &token).args(args).assert().success();
        serde_json::from_slice(&output.get_output().stdout).unwrap()
    };
    let sections = ["template", "isolation", "claude"];
    let is_there = |args: &[&str]| sections.map(|key| spec(args).get(key).is_some());
    assert_eq!(is_there(&[]), [true; 3]);
    assert_eq!(is_there(&["--no-template", "--no-isolation", "--no-claude"]), [false; 3]);
}

#[test]
fn the_name_alone() {
    let world = World::new();
    let path = world.repository("myapp");
    let name = predicate::str::is_match("^dev-myapp-[0-9a-f]{6}\n$").unwrap();
    world.ctr_spec(&path).arg("--name-only").assert().success().stdout(name);
}

#[test]
fn wrong_usage_is_64() {
    let world = World::new();
    for args in [["--service", "db"], ["--address", "here"], ["--env", "A"], ["--pids", "-1"]] {
        world.ctr_spec(&world.path("x")).args(args).assert().code(64).stdout("");
    }
}

#[test]
fn a_bad_setting_is_65() {
    let world = World::new();
    let path = world.repository("myapp");
    world.check_refused(world.ctr_spec(&path).args(["--user", "a b"]), 65, "bad-setting");
    world.check_refused(world.ctr_spec(&path).args(["--memory", "lots"]), 65, "bad-setting");
    let mut via = world.ctr_spec(&path);
    world.check_refused(via.args(["--via", "devcontainer", "--trust=xyz"]), 65, "bad-setting");
    world.check_refused(world.ctr_spec(&path).args(["--engine", "foo"]), 64, "engine-unknown");
}

#[test]
fn without_a_home_the_places_can_be_given() {
    let world = World::new();
    let path = world.repository("myapp");
    let mut command = world.ctr_spec(&path);
    command.env_remove("HOME").env("CTRKIT_CONFIG_DIR", world.path("c"));
    command.env("CTRKIT_STATE_DIR", world.path("s")).assert().success();
}

#[test]
fn the_configuration_is_where_xdg_says() {
    let world = World::new();
    let path = world.repository("myapp");
    let file = world.path("xdg/ctrkit/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "prefix = \"xdg\"\n").unwrap();
    let mut command = world.ctr_spec(&path);
    command.env("XDG_CONFIG_HOME", world.path("xdg")).assert().success();
    let named = predicate::str::contains(r#""name":"xdg-myapp-"#);
    command.assert().success().stdout(named);
}

#[test]
fn the_usual_token_file_is_named_if_it_is_there() {
    let world = World::new();
    let path = world.repository("myapp");
    assert!(world.described(&path).get("github").is_none());
    let file = world.path("home/.config/ctrkit/github-token");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    // It is not looked at: that is ghtoken's to do.
    symlink("nowhere", &file).unwrap();
    let named = world.described(&path)["github"]["token_file"].clone();
    assert_eq!(named, file.to_str().unwrap());
    let mut without = world.ctr_spec(&path);
    let none = predicate::str::contains("github").not();
    without.arg("--no-token").assert().success().stdout(none);
    let mut other = world.ctr_spec(&path);
    let other = other.env("CTRKIT_GITHUB_TOKEN_FILE", "/t").assert().success();
    other.stdout(predicate::str::contains(r#""github":{"token_file":"/t"}"#));
}

#[test]
fn where_there_is_a_token_for_claude_there_is_claude() {
    let world = World::new();
    let path = world.repository("myapp");
    assert!(world.described(&path).get("claude").is_none());
    let with = |args: &[&str]| {
        let run = world.ctr_spec(&path).args(args).assert().success();
        serde_json::from_slice::<Value>(&run.get_output().stdout).unwrap()["claude"].clone()
    };
    assert_eq!(with(&["--claude"]), json!({}));
    assert_eq!(with(&["--claude-token-file", "/t"]), json!({"token_file": "/t"}));
    let file = world.path("home/.claude/.devagent-claude-token");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    // It is not looked at: that is claudecfg's to do.
    symlink("nowhere", &file).unwrap();
    assert_eq!(with(&[]), json!({}));
    assert_eq!(with(&["--no-claude"]), json!(null));
    let config = world.path("home/.config/ctrkit/config.toml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    fs::write(&config, "[claude]\nenabled = false\n").unwrap();
    assert_eq!(with(&[]), json!(null));
    assert_eq!(with(&["--claude"]), json!({}));
    fs::write(&config, "[claude]\ntoken_file = \"~/t\"\n").unwrap();
    assert_eq!(with(&[]), json!({"token_file": world.path("home/t")}));
    assert_eq!(with(&["--no-claude"]), json!(null));
}

#[test]
fn a_secret_names_its_file_and_its_variable() {
    let world = World::new();
    let path = world.repository("myapp");
    let config = world.path("home/.config/ctrkit/config.toml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    let text = "[[secrets]]\nname = \"a\"\nfile = \"/old\"\n[[secrets]]\nname = \"b\"\n\
                file = \"~/b\"\nenv = \"B\"\n";
    fs::write(&config, text).unwrap();
    let args = ["--secret", "a:A=/x=y:z", "--secret", "c=/c"];
    let run = world.ctr_spec(&path).args(args).assert().success();
    let document: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    let expected = json!([
        {"name": "b", "file": world.path("home/b"), "env": "B"},
        {"name": "a", "file": "/x=y:z", "env": "A"},
        {"name": "c", "file": "/c"},
    ]);
    assert_eq!(document["secrets"], expected);
    // The last one has the variable of the configured one.
    for wrong in ["=/a", ".a=/a", "a/b=/a", "a b=/a", "a:=/a", "a:1=/a", "a:B C=/a", "d:B=/a"] {
        world.ctr_spec(&path).args(["--secret", wrong]).assert().code(65).stdout("");
    }
    world.ctr_spec(&path).args(["--secret", "d=/a", "--secret", "d=/b"]).assert().code(65);
    for wrong in ["a", "a=", ""] {
        world.ctr_spec(&path).args(["--secret", wrong]).assert().code(64).stdout("");
    }
}

#[test]
fn a_full_and_a_closed_stdout_are_errors() {
    let world = World::new();
    let path = world.repository("myapp");
    let run = |script: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_ctr-spec")]).arg(&path);
        shell.env("HOME", world.path("home")).assert().code(74)
    };
    run(r#""$1" "$2" >/dev/full"#).stderr(predicate::str::contains("No space left on device"));
    run(r#""$1" "$2" >&-"#).stderr(predicate::str::contains("standard output is closed"));
    run(r#""$1" --help >/dev/full"#).stderr(predicate::str::contains("No space left on device"));
    run(r#""$1" --help >&-"#).stderr(predicate::str::contains("standard output is closed"));
}

#[test]
fn a_reader_that_goes_away_is_no_error_message() {
    let world = World::new();
    let path = world.repository("myapp");
    let script = r#""$1" "$2" | true; echo "${PIPESTATUS[0]}""#;
    let mut shell = Command::new("bash");
    shell.args(["-c", script, "bash", env!("CARGO_BIN_EXE_ctr-spec")]).arg(&path);
    let gone = predicate::in_iter(["0\n", "141\n"]);
    shell.env("HOME", world.path("home")).assert().success().stdout(gone).stderr("");
}

#[test]
fn completion_is_written_for_each_shell() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctr-spec"));
        command.env("HOME", world.path("home")).args(["--completion", shell]);
        command.assert().success().stdout(predicate::str::contains("ctr-spec"));
    }
}

/// Gives the world a template `mine`, which its configuration names.
fn templated(world: &World) {
    let write = |name: &str, text: &str| {
        let path = world.path("home/.config/ctrkit").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let own = "[container]\nuser = \"tom\"\nisolate = [\"base\"]\n\
               [container.limits]\nmemory = \"6g\"\npids = 7\ncap_drop = [\"MKNOD\"]\n\
               [[container.env]]\nname = \"A\"\nvalue = \"t\"\n\
               [[container.env]]\nname = \"B\"\nvalue = \"t\"\n\
               [[container.service]]\nname = \"docs\"\ncontainer = 8000\nstart = 8000\n";
    write("templates/mine/template.toml", own);
    write("templates/mine/image/Containerfile", "ARG BASE\nFROM ${BASE}\n");
    let config = "[container]\ntemplate = \"mine\"\n[limits]\nmemory = \"5g\"\ncap_drop = [\"NET_RAW\"]\n\
                  [[env]]\nname = \"A\"\nvalue = \"c\"\n";
    write("config.toml", config);
}

#[test]
fn a_template_fills_in_what_nobody_else_says() {
    let world = World::new();
    let path = world.repository("myapp");
    templated(&world);
    let found = world.described(&path);
    assert_eq!(found["template"]["name"], "mine");
    assert_eq!(found["template"]["base"], "localhost/ctrkit-base:latest");
    assert!(found["image"].as_str().unwrap().starts_with("localhost/ctrkit-mine:"), "{found}");
    assert_eq!((&found["user"], &found["limits"]["memory"]), (&"tom".into(), &"5g".into()));
    assert_eq!(found["limits"]["pids"], 7);
    assert_eq!(found["limits"]["cap_drop"], serde_json::json!(["MKNOD", "NET_RAW"]));
    assert_eq!(found["isolation"]["policies"], serde_json::json!(["base"]));
    assert_eq!(found["env"][0]["value"], "c");
    assert_eq!(found["env"][1]["value"], "t");
    assert_eq!(found["ports"][3]["service"], "docs");
    let label = found["labels"].as_array().unwrap().iter().find(|l| l["name"] == "ctrkit.template");
    assert_eq!(label.unwrap()["value"], "mine");

    // The command line says it before either, and is asked for no name.
    let args = ["--memory", "1g", "--isolate", "github", "--image", "me/x:1", "--env", "B=o"];
    let output = world.ctr_spec(&path).args(args).assert().success().stderr("");
    let asked: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(
        (&asked["limits"]["memory"], &asked["env"][1]["value"]),
        (&"1g".into(), &"o".into())
    );
    assert_eq!(asked["isolation"]["policies"], serde_json::json!(["github"]));
    assert_eq!(asked["template"]["base"], "me/x:1");
    assert_ne!(asked["image"], found["image"]);
    let output = world.ctr_spec(&path).arg("--no-template").assert().success();
    let without: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!((&without["template"], &without["user"]), (&Value::Null, &"dev".into()));
}

#[test]
fn a_template_that_isolates_nothing_says_so() {
    let world = World::new();
    let path = world.repository("myapp");
    let mine = world.path("home/.config/ctrkit/templates/mine");
    fs::create_dir_all(&mine).unwrap();
    fs::write(mine.join("template.toml"), "").unwrap();
    let says = predicate::str::contains("the template 'mine' isolates nothing");
    world.ctr_spec(&path).args(["--template", "mine"]).assert().success().stderr(says);
    for more in [["--isolate", "base"].as_slice(), &["--no-isolation"]] {
        let mut command = world.ctr_spec(&path);
        command.args(["--template", "mine"]).args(more).assert().success().stderr("");
    }
}

#[test]
fn a_template_that_cannot_be_used_is_refused() {
    let world = World::new();
    let path = world.repository("myapp");
    let own = world.path("home/.config/ctrkit/templates");
    fs::create_dir_all(own.join("empty")).unwrap();
    fs::create_dir_all(own.join("wrong")).unwrap();
    fs::write(own.join("wrong/template.toml"), "[container]\nusr = \"x\"\n").unwrap();
    fs::create_dir_all(own.join("leaks/home")).unwrap();
    fs::write(own.join("leaks/template.toml"), "").unwrap();
    symlink("/etc/passwd", own.join("leaks/home/.x")).unwrap();
    for (name, status, kind) in [
        ("nothing", 66, "no-such-template"),
        ("../empty", 65, "bad-template-name"),
        ("empty", 66, "not-a-template"),
        ("wrong", 65, "bad-template"),
        ("leaks", 65, "link-outside"),
    ] {
        world.check_refused(world.ctr_spec(&path).args(["--template", name]), status, kind);
        world.ctr_spec(&path).args(["--template", name, "--name-only"]).assert().success();
    }
}

#[test]
fn the_devcontainers_cli_is_asked_for_by_option_variable_or_configuration() {
    let world = World::new();
    let path = world.repository("myapp");
    assert_eq!(world.described(&path).get("devcontainer"), None);
    let section = |command: &mut Command| {
        let output = command.assert().success().get_output().stdout.clone();
        let document: Value = serde_json::from_slice(&output).unwrap();
        (document["devcontainer"].clone(), document["user"].clone())
    };
    let empty = (serde_json::json!({}), serde_json::json!("dev"));
    assert_eq!(section(world.ctr_spec(&path).args(["--via", "devcontainer"])), empty);
    assert_eq!(section(world.ctr_spec(&path).env("CTRKIT_VIA", "devcontainer")), empty);
    let config = world.path("home/.config/ctrkit");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.toml"), "[container]\nvia = \"devcontainer\"\n").unwrap();
    assert_eq!(section(&mut world.ctr_spec(&path)), empty);
    assert_eq!(section(world.ctr_spec(&path).args(["--via", "engine"])).0, Value::Null);
    world.check_refused(world.ctr_spec(&path).args(["--via", "podman"]), 65, "bad-setting");
}

#[test]
fn the_account_is_that_of_the_worktrees_own_devcontainer_json() {
    let world = World::new();
    let path = world.repository("myapp");
    let own = path.join(".devcontainer.json");
    fs::write(&own, "{\"image\": \"a\", \"remoteUser\": \"me\", // mine\n}").unwrap();
    assert_eq!(world.described(&path)["user"], "dev", "it is not asked for");
    let mut command = world.ctr_spec(&path);
    let digest = "ab".repeat(32);
    command.arg("--devcontainer-config").arg(&own).arg(format!("--trust={digest}"));
    let output = command.assert().success().get_output().stdout.clone();
    let document: Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(document["user"], "me");
    assert_eq!(document["volumes"][0]["target"], "/home/me");
    let section = serde_json::json!({"own": own, "trusted": digest});
    assert_eq!(document["devcontainer"], section);
    fs::write(&own, "{").unwrap();
    let mut broken = world.ctr_spec(&path);
    world.check_refused(broken.args(["--via", "devcontainer"]), 65, "devcontainer-broken");
    // Its name is known all the same: nothing else could be done with the container.
    let mut broken = world.ctr_spec(&path);
    broken.args(["--via", "devcontainer", "--name-only"]).assert().success();
}
