//! The program as its callers see it: arguments, pipes, exit statuses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    fs::{self, File, Permissions},
    io::Write,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, symlink},
        process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{self, Stdio},
};

use assert_cmd::Command;
use predicates::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dotfiles");
const INPUT: &str = r#"{"x-first":[],"schema":"container/1","name":"dev-app-b3e5ed","project":{"path":"/p","name":"app","hash":"b3e5ed000000","x":null},"user":"dev","inject":[{"target":"/etc/k","source":"/k","mode":"0600","owner":"root","x":false}],"last":1}"#;

/// A person's machine: a home, a configuration directory, a state directory.
struct World {
    directory: TempDir,
}

impl World {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, path: &str) -> PathBuf {
        fs::canonicalize(self.directory.path()).unwrap().join(path)
    }

    fn write(&self, path: &str, contents: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    /// Returns the program in an environment that holds nothing of the tester's.
    fn dotfiles(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.env_clear().current_dir(self.path(""));
        command.env("HOME", self.path("home"));
        command.env("CTRKIT_CONFIG_DIR", self.path("config"));
        command.env("CTRKIT_STATE_DIR", self.path("state"));
        command.write_stdin(INPUT);
        command
    }

    fn run(&self, arguments: &[&str]) -> Value {
        parse(&self.dotfiles().args(arguments).assert().success().stderr("").get_output().stdout)
    }
}

fn parse(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

fn sources(document: &Value) -> Vec<&str> {
    let entries = document["inject"].as_array().unwrap().iter().skip(1);
    entries.map(|entry| entry["source"].as_str().unwrap()).collect()
}

#[test]
fn the_built_in_set_is_written_out_and_listed() {
    let world = World::new();
    let document = world.run(&[]);
    let sources = sources(&document);
    assert!(sources.len() >= 6, "{sources:?}");
    for entry in document["inject"].as_array().unwrap().iter().skip(1) {
        let path = Path::new(entry["source"].as_str().unwrap());
        assert!(path.starts_with(world.path("state/dotfiles")), "{path:?}");
        assert!(fs::metadata(path).unwrap().len() > 0, "{path:?}");
        assert_eq!(entry["mode"], "0644");
        assert_eq!(entry["owner"], "dev");
        assert_eq!(entry["keep_edited"], true);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(entry["target"], format!("/home/dev/{name}"));
    }
    assert_eq!(fs::metadata(world.path("state")).unwrap().mode() & 0o777, 0o700);
    assert!(document.get("dotfiles").is_none());
}

#[test]
fn a_built_in_file_that_was_damaged_is_mended_and_a_whole_one_is_not_touched() {
    let world = World::new();
    let document = world.run(&[]);
    let paths = sources(&document);
    let inode = fs::metadata(paths[1]).unwrap().ino();
    let contents = fs::read(paths[0]).unwrap();
    fs::write(paths[0], &contents[..10]).unwrap();
    world.run(&[]);
    assert_eq!(fs::read(paths[0]).unwrap(), contents);
    assert_eq!(fs::metadata(paths[1]).unwrap().ino(), inode);
}

#[test]
fn a_dry_run_touches_nothing_and_says_the_same() {
    let world = World::new();
    let dry = world.run(&["--dry-run"]);
    assert!(!world.path("state").exists());
    assert_eq!(dry, world.run(&[]));
}

#[test]
fn many_at_once_agree() {
    let world = World::new();
    let start = || {
        let mut command = process::Command::new(PROGRAM);
        command.env_clear().env("CTRKIT_CONFIG_DIR", world.path("config"));
        command.env("CTRKIT_STATE_DIR", world.path("state"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(INPUT.as_bytes()).unwrap();
        child
    };
    let children: Vec<_> = (0..20).map(|_| start()).collect();
    let mut outputs: Vec<_> = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap())
        .map(|output| output.status.success().then_some(output.stdout))
        .collect();
    outputs.dedup();
    assert_eq!(outputs.len(), 1);
    assert!(outputs[0].is_some());
}

#[test]
fn the_order_of_the_sources() {
    let world = World::new();
    for source in ["option", "variable", "document", "config/dotfiles"] {
        world.write(&format!("{source}/.x"), source);
    }
    let input = |section: &str| INPUT.replace(r#""last":1"#, section);
    let named = input(r#""dotfiles":{"source":"DIR","x":1}"#)
        .replace("DIR", world.path("document").to_str().unwrap());
    let check = |command: &mut Command, expected: &str| {
        let document = parse(&command.assert().success().stderr("").get_output().stdout);
        assert_eq!(sources(&document), [world.path(expected).join(".x").to_str().unwrap()]);
        let recorded = document["dotfiles"]["source"].as_str();
        assert_eq!(recorded, Some(world.path(expected).to_str().unwrap()));
    };
    let variable = world.path("variable");
    let mut all = world.dotfiles();
    all.env("CTRKIT_DOTFILES", &variable).args(["--source", "option"]).write_stdin(named.clone());
    check(&mut all, "option");
    let mut some = world.dotfiles();
    check(some.env("CTRKIT_DOTFILES", &variable).write_stdin(named.clone()), "variable");
    let mut empty = world.dotfiles();
    check(empty.env("CTRKIT_DOTFILES", "").write_stdin(named), "document");
    check(&mut world.dotfiles(), "config/dotfiles");
}

#[test]
fn a_tilde_is_the_home_directory() {
    let world = World::new();
    world.write("home/d/.x", "");
    world.write("d/.y", "");
    let mut command = world.dotfiles();
    command.env("CTRKIT_DOTFILES", "~/d");
    let document = parse(&command.assert().success().get_output().stdout);
    assert_eq!(sources(&document), [world.path("home/d/.x").to_str().unwrap()]);
    let document = world.run(&["--source", "~/d"]);
    assert_eq!(document["dotfiles"]["source"], world.path("home/d").to_str().unwrap());
}

#[test]
fn hostile_paths_are_data() {
    let world = World::new();
    let source = "so $(x)`y`'\" #;\nurce";
    let names = ["'; rm -rf ~; '", "$(touch x)", "-rf", "日本 \"x\""];
    for name in names {
        world.write(&format!("{source}/.d/{name}"), "");
    }
    let document = world.run(&["--source", source]);
    let mut expected = names.map(|name| world.path(source).join(".d").join(name));
    expected.sort();
    assert_eq!(sources(&document), expected.each_ref().map(|path| path.to_str().unwrap()));
}

#[test]
fn everything_else_is_passed_on_in_its_place() {
    let world = World::new();
    world.write("d/.x", "");
    let output = world.dotfiles().args(["--source", "d"]).assert().success();
    let source = world.path("d");
    let entry = format!(
        r#","x":false}},{{"source":"{0}/.x","target":"/home/dev/.x","mode":"0644","owner":"dev","keep_edited":true}}],"last":1,"dotfiles":{{"source":"{0}"}}}}"#,
        source.display()
    );
    let expected = INPUT.replace(r#","x":false}],"last":1}"#, &entry) + "\n";
    output.stdout(expected);
}

#[test]
fn a_second_run_changes_nothing() {
    let world = World::new();
    world.write("d/.x", "");
    world.write("d/.y/z", "");
    fs::set_permissions(world.path("d/.y"), Permissions::from_mode(0o700)).unwrap();
    for arguments in [vec!["--source", "d"], vec![]] {
        let first = world.dotfiles().args(arguments).assert().success().get_output().clone();
        world.dotfiles().write_stdin(first.stdout.clone()).assert().success().stdout(first.stdout);
    }
}

#[test]
fn a_dotfile_that_has_gone_disappears() {
    let world = World::new();
    world.write("d/.x", "");
    world.write("d/.y", "");
    let first = world.dotfiles().args(["--source", "d"]).assert().success().get_output().clone();
    fs::remove_file(world.path("d/.x")).unwrap();
    let second = world.dotfiles().write_stdin(first.stdout).assert().success();
    let document = parse(&second.get_output().stdout);
    assert_eq!(sources(&document), [world.path("d/.y").to_str().unwrap()]);
    assert_eq!(document["inject"][0]["target"], "/etc/k");
}

#[test]
fn root_has_a_home_of_its_own() {
    let world = World::new();
    world.write("d/.x", "");
    let input = INPUT.replace(r#""user":"dev""#, r#""user":"root""#);
    let output = world.dotfiles().args(["--source", "d"]).write_stdin(input).assert().success();
    assert_eq!(parse(&output.get_output().stdout)["inject"][1]["target"], "/root/.x");
}

#[test]
fn what_is_left_out_is_said() {
    let world = World::new();
    world.write("d/.ssh/id_rsa", "x");
    symlink("/etc/\u{1b}[31mpasswd", world.path("d/.gone")).unwrap();
    symlink("/etc/passwd", world.path("d/.out")).unwrap();
    let said = "dotfiles: warning: left out '.gone': it is a link to nothing\n\
        dotfiles: warning: left out '.out': it is a link to '/etc/passwd', which is outside the source\n\
        dotfiles: warning: left out '.ssh/id_rsa': it is a private key; reach it by agent forwarding instead\n";
    world.dotfiles().args(["--source", "d"]).assert().success().stderr(said);
    let json = ["--source", "d", "--error-format", "json"];
    world.dotfiles().args(json).assert().success().stderr("");
}

/// Checks that the program fails with nothing on standard output.
#[track_caller]
fn check_refused(command: &mut Command, exit: u8, kind: &str) -> Value {
    command.args(["--error-format", "json"]);
    let output = command.assert().code(i32::from(exit)).stdout("").get_output().clone();
    let error = parse(&output.stderr);
    assert_eq!((&error["kind"], &error["exit"]), (&kind.into(), &exit.into()));
    error
}

#[test]
fn wrong_usage_is_64() {
    World::new().dotfiles().arg("--sauce").assert().code(64).stdout("");
}

#[test]
fn wrong_documents_are_65() {
    let world = World::new();
    let check = |input: &[u8], kind: &str| {
        check_refused(world.dotfiles().write_stdin(input), 65, kind);
    };
    check(b"\xff", "not-utf-8");
    check(b"{", "malformed-document");
    check(&INPUT.as_bytes()[..80], "malformed-document");
    check(INPUT.replace("container/1", "container/2").as_bytes(), "unexpected-schema");
    check(INPUT.replace(r#""user":"dev","#, "").as_bytes(), "missing-key");
    check(INPUT.replace(r#""user":"dev""#, r#""user":"../x""#).as_bytes(), "bad-user");
    check(&vec![b' '; 17 << 20], "document-too-large");
}

#[test]
fn names_that_cannot_travel_are_65() {
    let world = World::new();
    world.write("d/.a\tb", "");
    let error = check_refused(world.dotfiles().args(["--source", "d"]), 65, "bad-file-name");
    assert!(error["message"].as_str().unwrap().contains(r"'.a"), "{error}");
}

#[test]
fn too_many_are_65_and_the_cure_is_said() {
    let world = World::new();
    world.write("d/.zshrc", "");
    let cache = world.path("d/.cache/big");
    fs::create_dir_all(&cache).unwrap();
    for number in 0..10_000 {
        File::create(cache.join(format!("f{number}"))).unwrap();
    }
    let error = check_refused(world.dotfiles().args(["--source", "d"]), 65, "too-many-dotfiles");
    let largest = cache.to_str().unwrap();
    assert!(error["message"].as_str().unwrap().contains(largest), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("move"), "{error}");
    fs::remove_file(world.path("d/.zshrc")).unwrap();
    let document = world.run(&["--source", "d"]);
    assert_eq!(sources(&document).len(), 10_000);
}

#[test]
fn too_large_is_65() {
    let world = World::new();
    world.write("d/.x", "");
    let file = File::create(world.path("d/.iso")).unwrap();
    file.set_len(64 << 20).unwrap();
    world.run(&["--source", "d"]);
    file.set_len((64 << 20) + 1).unwrap();
    check_refused(world.dotfiles().args(["--source", "d"]), 65, "too-many-dotfiles");
}

#[test]
fn what_is_not_there_is_66() {
    let world = World::new();
    world.write("file", "");
    check_refused(world.dotfiles().write_stdin(""), 66, "empty-document");
    check_refused(world.dotfiles().args(["--source", "nowhere"]), 66, "dotfiles-absent");
    check_refused(world.dotfiles().env("CTRKIT_DOTFILES", "~/no"), 66, "dotfiles-absent");
    check_refused(world.dotfiles().args(["--source", "file"]), 66, "not-a-directory");
    assert!(!world.path("state").exists());
}

#[test]
fn a_source_that_the_document_names_must_be_there() {
    let world = World::new();
    let input = INPUT.replace(r#""last":1"#, r#""dotfiles":{"source":"/nowhere"}"#);
    let error = check_refused(world.dotfiles().write_stdin(input), 66, "dotfiles-absent");
    assert!(error["message"].as_str().unwrap().contains("'/nowhere'"), "{error}");
}

#[test]
fn a_disk_that_is_full_is_74() {
    let world = World::new();
    // With no file allowed to have a byte, every write fails.
    let mut command = Command::new("/bin/sh");
    command.args(["-c", r#"trap "" XFSZ; ulimit -f 0; exec "$0" "$@""#, PROGRAM]);
    command.env_clear().env("CTRKIT_CONFIG_DIR", world.path("config"));
    command.env("CTRKIT_STATE_DIR", world.path("state")).write_stdin(INPUT);
    check_refused(&mut command, 74, "cannot-write-file");
    let left = fs::read_dir(world.path("state/dotfiles")).unwrap().next().unwrap().unwrap();
    assert_eq!(fs::read_dir(left.path()).unwrap().count(), 0);
}

#[test]
fn what_may_not_be_read_is_77() {
    let world = World::new();
    world.write("d/.x", "");
    fs::set_permissions(world.path("d/.x"), Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(world.path(""), Permissions::from_mode(0o755)).unwrap();
    // Root may read everything, so the program runs as somebody else.
    let copy = world.path("dotfiles");
    fs::copy(PROGRAM, &copy).unwrap();
    let mut command = process::Command::new(copy);
    command.env_clear().args(["--source", world.path("d").to_str().unwrap()]);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(INPUT.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(77));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("dotfiles: cannot read '/") && said.contains("/d/.x'"), "{said}");
}

/// Starts the program with `stdout` and returns how it ended and what it said.
fn with_stdout(stdout: Stdio) -> (process::ExitStatus, String) {
    let world = World::new();
    let mut command = process::Command::new(PROGRAM);
    command.env_clear().env("CTRKIT_CONFIG_DIR", world.path("config"));
    command.env("CTRKIT_STATE_DIR", world.path("state"));
    let mut child =
        command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(INPUT.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_closed_stdout_is_silent() {
    let (status, said) = with_stdout(Stdio::piped());
    assert_eq!((status.signal(), said.as_str()), (Some(13), ""));
}

#[test]
fn a_full_stdout_is_74() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (status, said) = with_stdout(full.into());
    assert_eq!(status.code(), Some(74));
    assert!(said.contains("cannot write standard output"), "{said}");
}

#[test]
fn without_any_home_it_is_69() {
    let world = World::new();
    let mut command = world.dotfiles();
    command.env_remove("CTRKIT_CONFIG_DIR").env_remove("CTRKIT_STATE_DIR").env("HOME", "");
    let output = command.args(["--error-format", "json"]).output().unwrap();
    // The password database knows a home directory for most accounts.
    match output.status.code() {
        Some(69) => assert_eq!(parse(&output.stderr)["kind"], "no-home"),
        code => assert_eq!(code, Some(0)),
    }
}

#[test]
fn events_name_the_step() {
    let world = World::new();
    world.run(&["--events", "events"]);
    let text = fs::read_to_string(world.path("events")).unwrap();
    let events: Vec<_> = text.lines().map(|line| parse(line.as_bytes())).collect();
    let seen: Vec<_> = events.iter().map(|event| (&event["step"], &event["status"])).collect();
    let choose = Value::from("choose");
    assert_eq!(seen, [(&choose, &"started".into()), (&choose, &"done".into())]);
    assert_eq!(events[0]["subject"], "dev-app-b3e5ed");
}

#[test]
fn help_and_version_are_on_stdout() {
    let world = World::new();
    let about = predicate::str::starts_with("Choose the dotfiles of a container and list them\n");
    world.dotfiles().arg("--help").assert().success().stdout(about).stderr("");
    world.dotfiles().arg("--version").assert().success().stderr("");
}

/// The example of dotfiles(1).
#[test]
fn it_is_of_use_in_a_pipe() {
    let world = World::new();
    world.write("d/.zshrc", "");
    world.write("d/.config/git/config", "");
    let mut shell = Command::new("/bin/sh");
    let script = r#""$0" -n --source d | jq -r '.inject[] | select(.keep_edited) | .target'"#;
    shell.args(["-c", script, PROGRAM]).current_dir(world.path(""));
    shell.env("CTRKIT_STATE_DIR", world.path("state")).write_stdin(INPUT);
    let expected = "/home/dev/.config/git/config\n/home/dev/.zshrc\n";
    shell.assert().success().stdout(expected).stderr("");
}

/// Gives the world a template `mine` with files of the home.
fn templated(world: &World) {
    let own = "config/templates/mine";
    world.write(&format!("{own}/template.toml"), "");
    world.write(&format!("{own}/home/.bashrc"), "template");
    world.write(&format!("{own}/home/.tool/config"), "template");
    world.write(&format!("{own}/home/bin/x"), "template");
    world.write(&format!("{own}/home/.claude/settings.json"), "template");
    world.write(&format!("{own}/home/.ssh/id_rsa"), "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    fs::set_permissions(world.path(own).join("home/bin/x"), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_home_files_of_a_template_lie_between_the_persons_own_and_the_built_in() {
    let world = World::new();
    templated(&world);
    let input = |more: &str| {
        INPUT.replace("\"last\"", &format!("\"template\":{{\"name\":\"mine\"}}{more},\"last\""))
    };
    let listed = |input: &str| {
        let mut command = world.dotfiles();
        let output = command.write_stdin(input.to_owned()).assert().success();
        let document = parse(&output.get_output().stdout);
        let entry = |entry: &Value| {
            let source = entry["source"].as_str().unwrap();
            let text = fs::read_to_string(source).unwrap();
            (entry["target"].as_str().unwrap().to_owned(), text, entry["mode"].clone())
        };
        document["inject"].as_array().unwrap().iter().skip(1).map(entry).collect::<Vec<_>>()
    };
    let text = |list: &[(String, String, Value)], target: &str| {
        list.iter().find(|entry| entry.0 == target).map(|entry| (entry.1.clone(), entry.2.clone()))
    };
    let built_in = listed(&input(""));
    let of_template = |mode: &str| Some(("template".to_owned(), Value::from(mode)));
    assert_eq!(text(&built_in, "/home/dev/.bashrc"), of_template("0644"));
    assert_eq!(text(&built_in, "/home/dev/bin/x"), of_template("0755"));
    assert_eq!(text(&built_in, "/home/dev/.claude/settings.json"), of_template("0644"));
    assert_eq!(text(&built_in, "/home/dev/.ssh/id_rsa"), None);
    assert!(text(&built_in, "/home/dev/.zshrc").is_some());

    world.write("config/dotfiles/.bashrc", "own");
    let own = listed(&input(""));
    assert_eq!(text(&own, "/home/dev/.bashrc").unwrap().0, "own");
    assert_eq!(text(&own, "/home/dev/.tool/config"), of_template("0644"));
    assert_eq!(text(&own, "/home/dev/.zshrc"), None);

    // What is the agent's own directory is claudecfg's to fill.
    let agent = listed(&input(",\"claude\":{}"));
    assert_eq!(text(&agent, "/home/dev/.claude/settings.json"), None);
    let changed = input("").replace("{\"name\":\"mine\"}", "{\"name\":\"mine\",\"digest\":\"0\"}");
    world.dotfiles().write_stdin(changed).assert().code(65).stdout("");
}
