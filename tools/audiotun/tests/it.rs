//! The program as its callers see it, without a container.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use assert_cmd::Command;
use serde_json::{Value, json};
use stubs::World;
use tempfile::TempDir;

const NAME: &str = "dev-myapp-b3e5ed";

fn audiotun(world: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audiotun"));
    command.args(args).env("CTRKIT_ERROR_FORMAT", "json").env_remove("CTRKIT_EVENTS");
    command.env("CTRKIT_STATE_DIR", world.path()).env("CTRKIT_CONFIG_DIR", world.path().join("c"));
    command
}

fn document(level: Option<&str>) -> Value {
    let mut document = json!({
        "schema": "container/1", "x-first": 1, "name": NAME,
        "project": {"path": "/w", "name": "w", "hash": "b3e5ed000000"}, "user": "dev",
    });
    if let Some(level) = level {
        document["audio"] = json!({"level": level, "x": 2});
    }
    document
}

fn planned(world: &TempDir, args: &[&str], document: &Value) -> Value {
    let run = audiotun(world, args).write_stdin(document.to_string()).assert().success();
    serde_json::from_slice(&run.get_output().stdout).unwrap()
}

#[track_caller]
fn check_refused(world: &TempDir, args: &[&str], input: &str, status: i32, kind: &str) {
    let run = audiotun(world, args).write_stdin(input).assert().code(status).stdout("");
    let error: Value = serde_json::from_slice(&run.get_output().stderr).unwrap();
    assert_eq!(error["kind"], kind, "{error}");
}

#[test]
fn a_document_without_sound_passes_as_it_came_and_nothing_is_made() {
    let world = TempDir::new().unwrap();
    let document = document(None);
    let run = audiotun(&world, &[]).write_stdin(document.to_string()).assert().success();
    run.stdout(format!("{document}\n"));
    assert_eq!(fs::read_dir(world.path()).unwrap().count(), 0);
}

#[test]
fn a_plan_makes_the_files_that_it_names_and_a_second_one_nothing() {
    let world = TempDir::new().unwrap();
    let first = planned(&world, &[], &document(Some("play")));
    assert_eq!((&first["x-first"], &first["audio"]["x"]), (&json!(1), &json!(2)));
    for inject in first["inject"].as_array().unwrap() {
        let Some(source) = inject["source"].as_str() else { continue };
        assert_eq!(fs::metadata(source).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let path = first["audio"]["cookie"].as_str().unwrap();
    let cookie = fs::read(path).unwrap();
    assert_eq!(planned(&world, &[], &first), first);
    assert_eq!(fs::read(path).unwrap(), cookie);
}

#[test]
fn a_dry_run_says_the_same_and_makes_nothing() {
    let world = TempDir::new().unwrap();
    let dry = planned(&world, &["--dry-run"], &document(Some("duplex")));
    assert_eq!(fs::read_dir(world.path()).unwrap().count(), 0);
    assert_eq!(planned(&world, &[], &document(Some("duplex"))), dry);
}

#[test]
fn what_cannot_be_is_told_by_a_kind() {
    let world = TempDir::new().unwrap();
    check_refused(&world, &[], "", 66, "empty-document");
    check_refused(&world, &[], "{", 65, "malformed-document");
    let mut bad = document(Some("play"));
    bad["name"] = json!("../x");
    check_refused(&world, &[], &bad.to_string(), 65, "bad-name");
    let mut bad = document(Some("play"));
    bad.as_object_mut().unwrap().remove("user");
    check_refused(&world, &[], &bad.to_string(), 65, "missing-key");
    for verb in ["up", "down", "status", "guard"] {
        check_refused(&world, &[verb, "a/b"], "", 65, "bad-name");
    }
    for verb in ["up", "status", "guard"] {
        check_refused(&world, &[verb, NAME], "", 66, "not-applied");
    }
    fs::create_dir(world.path().join(NAME)).unwrap();
    let applied = world.path().join(NAME).join("document.json");
    fs::write(&applied, document(None).to_string()).unwrap();
    check_refused(&world, &["guard", NAME], "", 69, "no-audio");
    fs::write(&applied, "{").unwrap();
    check_refused(&world, &["status", NAME], "", 65, "malformed-document");
    let long = world.path().join("x".repeat(100));
    let mut command = audiotun(&world, &[]);
    command.env("CTRKIT_STATE_DIR", &long).write_stdin(document(Some("play")).to_string());
    let run = command.assert().code(65);
    let error: Value = serde_json::from_slice(&run.get_output().stderr).unwrap();
    assert_eq!(error["kind"], "bad-socket");
}

#[test]
fn a_machine_without_a_sound_server_is_told_the_cure() {
    let world = TempDir::new().unwrap();
    let socket = world.path().join("none");
    let socket = socket.to_str().unwrap();
    check_refused(&world, &["setup", "--server", socket], "", 69, "no-sound-server");
}

/// audiotun on a machine whose person has the configuration in `own`, and no sound server.
fn alone(world: &TempDir, args: &[&str]) -> Command {
    let mut command = audiotun(world, args);
    command.env("XDG_CONFIG_HOME", world.path().join("own"));
    command.env("HOME", world.path()).env("PULSE_RUNTIME_PATH", world.path());
    for variable in ["XDG_RUNTIME_DIR", "PULSE_SERVER", "CTRKIT_AUDIO_SERVER"] {
        command.env_remove(variable);
    }
    command
}

#[test]
fn a_port_that_every_account_of_the_machine_may_use_is_refused() {
    let world = TempDir::new().unwrap();
    let script = world.path().join("own/pulse/default.pa");
    fs::create_dir_all(script.parent().unwrap()).unwrap();
    let open = "load-module module-native-protocol-tcp listen=127.0.0.1 auth-anonymous=1\n";
    fs::write(&script, open).unwrap();
    let said = alone(&world, &["setup"]).assert().code(77).stdout("");
    let error: Value = serde_json::from_slice(&said.get_output().stderr).unwrap();
    assert_eq!(error["kind"], "sound-server-exposed", "{error}");
}

#[test]
fn setup_writes_one_file_where_the_socket_is_switched_off_and_undo_takes_it_away() {
    let world = TempDir::new().unwrap();
    let own = [
        ("pulse/default.pa", "load-module module-null-sink\n"),
        ("pipewire/pipewire-pulse.conf", "pulse.properties = { server.address = [ ] }\n"),
    ];
    for (name, text) in own {
        let path = world.path().join("own").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let written = world.path().join("own/pipewire/pipewire-pulse.conf.d/ctrkit.conf");
    // A server was there, and is not any more: others of this machine's do not count.
    drop(UnixListener::bind(world.path().join("native")).unwrap());
    let run = |args: &[&str]| alone(&world, args).assert();
    run(&["setup", "--undo"]).success().stdout("");
    run(&["setup"]).success().stdout("");
    let first = fs::read_to_string(&written).unwrap();
    assert!(first.contains("unix:native"), "{first}");
    // A second time nothing is left to be done but to start it.
    let said = run(&["setup"]).code(69);
    let error: Value = serde_json::from_slice(&said.get_output().stderr).unwrap();
    assert_eq!(error["kind"], "no-sound-server");
    assert_eq!(fs::read_to_string(&written).unwrap(), first);
    // What a person has changed is theirs.
    fs::write(&written, format!("{first}# mine\n")).unwrap();
    let said = run(&["setup", "--undo"]).code(65);
    let error: Value = serde_json::from_slice(&said.get_output().stderr).unwrap();
    assert_eq!(error["kind"], "edited-file");
    fs::write(&written, first).unwrap();
    run(&["setup", "--undo"]).success().stdout(format!("{}\n", written.display()));
    assert!(!written.exists());
    for (name, text) in own {
        assert_eq!(fs::read_to_string(world.path().join("own").join(name)).unwrap(), text);
    }
}

/// A machine on which the other programs are stand-ins.
struct Machine {
    world: World,
    audiotun: PathBuf,
}

impl Machine {
    /// One with a container whose sound goes by `transport`, and somebody who listens
    /// where its guard should.
    fn new(transport: &str) -> (Self, UnixListener) {
        let world = World::new();
        let audiotun = world.install(env!("CARGO_BIN_EXE_audiotun"));
        for name in ["audioguard", "sshcfg", "ssh"] {
            world.program(name);
        }
        world.on("audioguard---until-eof", "exec cat >/dev/null");
        let machine = Self { world, audiotun };
        let mut asked = document(Some("play"));
        asked["audio"]["transport"] = json!(transport);
        let filled = machine.planned(&asked);
        machine.world.write(format!("state/{NAME}/document.json"), &filled.to_string());
        let guard = UnixListener::bind(filled["audio"]["guard"].as_str().unwrap()).unwrap();
        (machine, guard)
    }

    fn planned(&self, document: &Value) -> Value {
        let mut command = self.world.command(&self.audiotun);
        let run = command.write_stdin(document.to_string()).assert().success();
        serde_json::from_slice(&run.get_output().stdout).unwrap()
    }

    fn run(&self, args: &[&str]) {
        self.world.command(&self.audiotun).args(args).arg(NAME).assert().success();
    }

    /// Has the container's block say that its control socket is `path`.
    fn control(&self, path: &str) {
        self.world.answer("sshcfg-list", &format!("{NAME}\t127.0.0.1:1\t-\t{path}\n"));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.world.path("state").join(NAME).join(name)
    }

    /// Returns the calls of `program`, as lines.
    fn calls(&self, program: &str) -> Vec<String> {
        let calls = self.world.calls().into_iter().filter(|call| call[0] == program);
        calls.map(|call| call.join(" ")).collect()
    }

    /// Waits until a call of `program` has `words`.
    #[track_caller]
    fn was_called(&self, program: &str, words: &str) {
        let begun = Instant::now();
        while !self.calls(program).iter().any(|call| call.contains(words)) {
            let calls = self.calls(program);
            assert!(begun.elapsed() < Duration::from_secs(60), "{words:?} in {calls:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_guard_is_made_anew_for_another_server_and_for_another_cookie() {
    let (machine, _guard) = Machine::new("bind");
    machine.run(&["guard"]);
    machine.was_called("audioguard", "--lock");
    machine.run(&["guard", "--server", "/other"]);
    machine.was_called("audioguard", "--server /other");
    machine.world.forget();
    // It counts until it is taken down, and what is made anew is for a reason.
    machine.run(&["guard"]);
    assert!(machine.calls("audioguard").is_empty());
    fs::remove_file(machine.file("audio/cookie")).unwrap();
    machine.planned(&document(Some("play")));
    machine.run(&["guard"]);
    machine.was_called("audioguard", "--server /other");
    machine.run(&["down"]);
    assert!(!machine.file("audio.pid").exists());
}

#[test]
fn a_control_socket_that_is_another_after_a_rebuild_is_asked() {
    let (machine, _guard) = Machine::new("ssh");
    machine.control("/one");
    machine.run(&["guard"]);
    machine.was_called("ssh", "ControlPath=\"/one\" -O check");
    machine.control("/two");
    machine.was_called("ssh", "ControlPath=\"/two\" -O check");
    machine.run(&["down"]);
}

#[test]
fn an_up_that_fails_holds_nothing() {
    let (machine, _guard) = Machine::new("bind");
    machine.world.refuse("audioguard---probe", 70, "broken");
    let mut up = machine.world.command(&machine.audiotun);
    stubs::refused(up.args(["up", NAME]), 70, "tool-failed");
    machine.was_called("audioguard", "--probe");
    assert!(!machine.file("audio.held").exists());
    machine.run(&["down"]);
}

#[test]
fn what_a_question_left_that_was_killed_is_taken_away() {
    let (machine, _guard) = Machine::new("ssh");
    machine.control("/mux");
    machine.world.on("ssh--F", "echo 'Master running (pid=1)' >&2");
    let left = machine.file("audio/p999999999");
    let _listener = UnixListener::bind(&left).unwrap();
    machine.run(&["status"]);
    let there = format!("-O cancel -L {}:/run/ctrkit-audio/native", left.display());
    machine.was_called("ssh", &there);
    assert!(!left.exists());
}

#[test]
fn an_undo_takes_away_nothing_where_it_cannot_take_all() {
    let world = TempDir::new().unwrap();
    let script = world.path().join("own/pulse/default.pa");
    fs::create_dir_all(script.parent().unwrap()).unwrap();
    let fragment = world.path().join("own/pipewire/pipewire-pulse.conf");
    fs::create_dir_all(fragment.parent().unwrap()).unwrap();
    fs::write(&fragment, "pulse.properties = { server.address = [ ] }\n").unwrap();
    fs::write(&script, "load-module module-null-sink\n").unwrap();
    alone(&world, &["setup"]).assert().success();
    let written = world.path().join("own/pipewire/pipewire-pulse.conf.d/ctrkit.conf");
    let ours = fs::read_to_string(&written).unwrap();
    fs::write(&script, format!("{ours}# mine\n")).unwrap();
    alone(&world, &["setup", "--undo"]).assert().code(65).stdout("");
    assert!(written.exists());
}

#[test]
fn to_end_what_never_was_is_no_error() {
    let world = TempDir::new().unwrap();
    let bin = world.path().join("bin");
    fs::create_dir(&bin).unwrap();
    // What sshcfg says where there are no blocks.
    let program = bin.join("sshcfg");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    audiotun(&world, &["down", NAME]).env("PATH", &bin).assert().success();
}
