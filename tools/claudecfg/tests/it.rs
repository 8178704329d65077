//! The program as its callers see it, with a stand-in for Claude Code.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs::{self, Permissions},
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    process::{Command as Process, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use stubs::{Command, World, refused};

const PROGRAM: &str = env!("CARGO_BIN_EXE_claudecfg");
const TOKEN: &str = "sk-ant-oat01-canary_0123456789-abcdef";

fn document() -> Value {
    json!({
        "x-first": 1, "schema": "container/1", "name": "dev-a-b3e5ed",
        "project": {"path": "/a", "name": "a", "hash": "b3e5ed000000"},
        "user": "dev", "claude": {"x": 2}, "last": 3,
    })
}

fn claudecfg(world: &World, args: &[&str], document: &Value) -> Command {
    let mut command = world.command(PROGRAM);
    command.env("CTRKIT_DATA_DIR", world.path("data"));
    command.args(args).write_stdin(format!("{document}\n"));
    command
}

/// Runs it, and returns the document that it writes and what it warns of.
#[track_caller]
fn run(world: &World, args: &[&str], document: &Value) -> (Value, String) {
    let run = claudecfg(world, args, document).assert().success();
    let output = run.get_output();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(!out.contains("canary") && !err.contains("canary"), "{out}{err}");
    (serde_json::from_str(&out).unwrap(), err)
}

fn token_file(world: &World) -> PathBuf {
    world.path("home/.config/claude/.ctrkit-claude-token")
}

fn give(world: &World, path: &str, contents: &str) -> PathBuf {
    let path = world.write(path, contents);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

/// A world in which `claude setup-token` does what `script` says.
fn asking(script: &str) -> World {
    let world = World::new();
    world.program("claude");
    world.on("claude-setup-token", script);
    world
}

#[test]
fn a_document_that_has_neither_passes_as_it_came() {
    let world = World::new();
    let mut document = document();
    document.as_object_mut().unwrap().remove("claude");
    let run = claudecfg(&world, &[], &document).assert().success().stderr("");
    run.stdout(format!("{document}\n"));
    assert!(!world.path("data").exists());
}

#[test]
fn the_document_is_filled_in_and_its_own_output_is_not_changed() {
    let world = World::new();
    give(&world, "home/.claude/.devagent-claude-token", TOKEN);
    let (out, warnings) = run(&world, &[], &document());
    assert_eq!(warnings, "");
    let directory = world.path("data/claude/b3e5ed000000");
    assert_eq!(out["claude"]["directory"], json!(directory));
    assert_eq!(out["claude"]["x"], 2);
    let file = world.path("home/.claude/.devagent-claude-token");
    assert_eq!(out["claude"]["token_file"], json!(file));
    assert!(directory.is_dir());
    assert_eq!(run(&world, &[], &out).0, out);
    // One's own file comes before a predecessor's.
    give(&world, "home/.claude/.ctrkit-claude-token", TOKEN);
    let (out, _) = run(&world, &[], &document());
    assert_eq!(out["claude"]["token_file"], json!(world.path("home/.claude/.ctrkit-claude-token")));
}

#[test]
fn a_dry_run_makes_nothing_and_asks_nobody() {
    let world = asking("echo called >\"$stub/called\"");
    let (out, warnings) = run(&world, &["-n"], &document());
    assert_eq!(warnings, "");
    assert_eq!(out["claude"]["target"], "/home/dev/.claude");
    assert!(!world.path("data").exists() && !world.path("stub/called").exists());
    assert_eq!(fs::read_dir(world.path("state")).unwrap().count(), 0);
}

#[test]
fn a_token_is_asked_for_where_there_is_none_and_kept() {
    let world = asking(&format!("echo 'Welcome'; echo 'Your token is {TOKEN}.'; echo noise >&2"));
    let (out, warnings) = run(&world, &[], &document());
    assert_eq!(warnings, "");
    assert_eq!(out["claude"]["token_file"], json!(token_file(&world)));
    assert_eq!(fs::read_to_string(token_file(&world)).unwrap(), format!("{TOKEN}\n"));
    let mode = fs::metadata(token_file(&world)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    // It is asked for once.
    run(&world, &[], &document());
    assert_eq!(world.calls().len(), 1);
}

#[test]
fn several_at_once_ask_once() {
    let world = asking(&format!("sleep 1; echo {TOKEN}"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| run(&world, &[], &document()));
        }
    });
    assert_eq!(world.calls().len(), 1);
}

#[test]
fn that_there_is_no_token_is_told_and_no_reason_to_fail() {
    let warned = |world: &World, args: &[&str], why: &str| {
        let (out, warnings) = run(world, args, &document());
        assert!(warnings.contains(why), "{warnings}");
        assert_eq!(out["claude"].get("token_file"), None);
        assert!(!token_file(world).exists());
    };
    warned(&World::new(), &[], "there is no program 'claude'");
    warned(&asking(&format!("echo {TOKEN}; exit 1")), &[], "failed with status 1");
    warned(&asking("echo sk-ant-; echo noise"), &[], "said none");
    warned(&asking(":"), &[], "said none");
    warned(&asking("echo noise; exit 3"), &[], "failed with status 3");
    // One that hangs, and has started something that would outlive it.
    let begun = Instant::now();
    warned(&asking("sleep 600 & sleep 600"), &["--setup-timeout", "1"], "none after 1 s");
    assert!(begun.elapsed() < Duration::from_secs(120));
}

#[test]
fn a_person_is_asked_on_the_terminal() {
    // It shows a long line, asks, and wants a terminal on all three.
    let world = asking(&format!(
        "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] || exit 9
         printf 'Paste the code: '; read -r code; printf '\\033[1m{TOKEN}-%s\\033[0m\\r\\n' \"$code\""
    ));
    let (input, output) = (world.write("in.json", &document().to_string()), world.path("out.json"));
    let line = format!("exec {PROGRAM} <{} >{}", input.display(), output.display());
    let mut script = Process::new("/usr/bin/script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_clear();
    script.env("PATH", world.search_path()).env("HOME", world.path("home")).env("SHELL", "/bin/sh");
    script.env("CTRKIT_STATE_DIR", world.path("state")).env("CTRKIT_DATA_DIR", world.path("data"));
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // The keys wait in the terminal until they are asked for.
    child.stdin.as_mut().unwrap().write_all(b"code42\n").unwrap();
    let run = child.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{shown}");
    assert!(shown.contains("Paste the code: "), "{shown}");
    assert_eq!(fs::read_to_string(token_file(&world)).unwrap(), format!("{TOKEN}-code42\n"));
    assert!(!fs::read_to_string(output).unwrap().contains("canary"));
}

/// Runs it on `document`, which is refused before anything is made.
#[track_caller]
fn refuse(world: &World, document: &Value, status: i32, kind: &str) {
    let error = refused(&mut claudecfg(world, &[], document), status, kind);
    assert!(!error.to_string().contains("canary"), "{error}");
    assert!(!world.path("data").exists());
}

fn with(key: &str, value: Value) -> Value {
    let mut document = document();
    document[key] = value;
    document
}

fn with_token(path: PathBuf) -> Value {
    with("claude", json!({"token_file": path}))
}

#[test]
fn a_token_file_that_cannot_be_used_is_refused() {
    let world = World::new();
    let refuse = |document: &Value, status, kind| refuse(&world, document, status, kind);
    refuse(&with_token(world.path("none")), 66, "secret-absent");
    refuse(&with_token(world.path("home")), 66, "secret-not-a-file");
    refuse(&with_token(give(&world, "empty", "")), 65, "bad-secret");
    refuse(&with_token(give(&world, "lines", "canary\ncanary\n")), 65, "bad-secret");
    let open = give(&world, "open", TOKEN);
    fs::set_permissions(&open, Permissions::from_mode(0o644)).unwrap();
    refuse(&with_token(open.clone()), 77, "secret-exposed");
    symlink(&open, world.path("link")).unwrap();
    refuse(&with_token(world.path("link")), 77, "secret-exposed");
    symlink("nowhere", world.path("dangling")).unwrap();
    refuse(&with_token(world.path("dangling")), 66, "secret-absent");
    // One of the usual files is used whatever it is, and not passed over.
    give(&world, "home/.config/claude/.ctrkit-claude-token", "");
    refuse(&document(), 65, "bad-secret");
    fs::remove_file(token_file(&world)).unwrap();
    symlink("nowhere", token_file(&world)).unwrap();
    refuse(&document(), 66, "secret-absent");
}

#[test]
fn names_that_could_mean_something_else_are_refused() {
    let world = World::new();
    let good = give(&world, "good", TOKEN);
    let secrets = |name: &str, env: Value| {
        let mut document = with_token(good.clone());
        document["secrets"] = json!([{"name": name, "file": good, "env": env}]);
        document
    };
    for name in ["", "..", ".variables", "a/b", "a b", "$(id)", "a\n"] {
        refuse(&world, &secrets(name, json!(null)), 65, "bad-secret-name");
    }
    refuse(&world, &secrets("a", json!("A=B")), 65, "bad-secret-name");
    refuse(&world, &with("name", json!("../a")), 65, "bad-name");
    let project = json!({"path": "/a", "name": "a", "hash": "../../etc"});
    refuse(&world, &with("project", project), 65, "bad-hash");
    // A link in the place of the directory could lead anywhere.
    fs::create_dir_all(world.path("data/claude")).unwrap();
    symlink(world.path("home"), world.path("data/claude/b3e5ed000000")).unwrap();
    refused(&mut claudecfg(&world, &[], &with_token(good)), 66, "not-a-directory");
}
