//! The program as its callers see it: the stand-in for the engine runs the
//! command here instead of in a container.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command as Process, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use stubs::{Command, World, refused};

const LIST: &str = r#"[
{"Id":"a","Names":["dev-a"],"Image":"i","State":"running","Created":1,"Labels":{"ctrkit.managed":"true","ctrkit.remote_user":"dev","ctrkit.workspace":"/"}}
]"#;

/// Does what an engine does with `exec OPTION... NAME COMMAND...`.
const RUN: &str = r#"
shift
while :; do
    case $1 in
        --interactive) shift ;;
        --user | --env) shift 2 ;;
        *) break ;;
    esac
done
shift
exec "$@"
"#;

fn world() -> World {
    let world = World::new();
    world.answer("podman-ps", LIST).on("podman-exec", RUN);
    world
}

fn ctr_exec(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command(env!("CARGO_BIN_EXE_ctr-exec"));
    command.arg("dev-a").args(arguments);
    command
}

#[test]
fn the_engine_is_asked_once_and_called_once() {
    let world = world();
    let arguments = ["--env", "A=b c", "--", "sh", "-c", "exit 0"];
    ctr_exec(&world, &arguments).assert().success().stdout("").stderr("");
    let [ps, exec] = &world.calls()[..] else { panic!("{:?}", world.calls()) };
    assert_eq!(ps[1], "ps");
    let expected = ["podman", "exec", "--interactive", "--user", "dev", "--env", "A=b c", "dev-a"];
    assert_eq!(exec[..8], expected);
}

#[test]
fn arguments_arrive_as_they_are() {
    let world = world();
    let script = "for each; do echo \"<$each>\"; done";
    let odd = ["a b", "", "-x", "--", "--user", "'", "\"", "$HOME", "new\nline", "*", "\\"];
    let expected: String = odd.iter().map(|each| format!("<{each}>\n")).collect();
    for dashes in [&["--"][..], &[]] {
        let mut command = ctr_exec(&world, dashes);
        command.args(["sh", "-c", script, "sh"]).args(odd);
        command.assert().success().stdout(expected.clone()).stderr("");
    }
}

#[test]
fn streams_and_status_are_the_commands() {
    let world = world();
    let bytes: Vec<u8> = (0..=255).cycle().take(3 << 20).collect();
    ctr_exec(&world, &["cat"]).write_stdin(bytes.clone()).assert().success().stdout(bytes);
    for status in [1, 7, 125, 126, 127, 255] {
        let script = format!("echo out; echo err >&2; exit {status}");
        let run = ctr_exec(&world, &["sh", "-c", &script]).assert();
        run.code(status).stdout("out\n").stderr("err\n");
    }
}

#[test]
fn a_death_by_a_signal_is_128_more_and_silent() {
    let world = world();
    for (name, status) in [("TERM", 143), ("KILL", 137), ("SEGV", 139)] {
        let script = format!("kill -{name} $$");
        ctr_exec(&world, &["sh", "-c", &script]).assert().code(status).stdout("").stderr("");
    }
}

#[test]
fn a_command_that_is_not_there_is_127_and_one_that_cannot_run_126() {
    let world = world();
    ctr_exec(&world, &["no-such-command"]).assert().code(127).stdout("");
    ctr_exec(&world, &["/dev/null"]).assert().code(126).stdout("");
}

#[track_caller]
fn check_passed_on(signal: Signal) {
    let world = world();
    let name = &signal.as_str()[3..];
    let script =
        format!("trap 'echo got {name}; exit 3' {name}; echo ready; while :; do sleep 0.05; done");
    let mut command = Process::new(env!("CARGO_BIN_EXE_ctr-exec"));
    command.env_clear().env("PATH", world.search_path()).env("HOME", world.path("home"));
    command.args(["--engine", "podman", "dev-a", "--", "sh", "-c", &script]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, format!("got {name}\n"));
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn signals_reach_the_command() {
    use Signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2] {
        check_passed_on(signal);
    }
}

#[test]
fn the_workspace_is_where_it_runs_and_home_while_there_is_none() {
    let world = world();
    ctr_exec(&world, &["sh", "-c", "pwd"]).assert().success().stdout("/\n");
    world.answer("podman-ps", &LIST.replace("\"/\"", "\"/nowhere\""));
    let home = format!("{}\n", world.path("home").display());
    ctr_exec(&world, &["sh", "-c", "pwd"]).assert().success().stdout(home).stderr("");
    let config = world.path("config");
    let mut command = ctr_exec(&world, &["--workdir", config.to_str().unwrap()]);
    command.args(["sh", "-c", "pwd"]).assert().success().stdout(format!("{}\n", config.display()));
}

#[test]
fn without_a_command_it_is_the_login_shell() {
    let world = world();
    world.program("id");
    world.program("getent");
    world.answer("id--un", "ann\n");
    // /etc/profile asks for it.
    world.answer("id--u", "1000\n");
    world.answer("getent-passwd", "ann:x:1:1::/:/bin/sh\n");
    let mut command = ctr_exec(&world, &[]);
    command.write_stdin("echo $0 $SHELL $USER $LOGNAME\n");
    command.assert().success().stdout("/bin/sh /bin/sh ann ann\n").stderr("");
}

#[test]
fn it_works_in_a_pipe() {
    let world = world();
    let script = "echo hello | \"$0\" dev-a cat | grep -c hello";
    let mut command = world.command("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_ctr-exec")]);
    command.assert().success().stdout("1\n");
}

#[test]
fn what_keeps_the_engine_from_the_command_is_an_error_of_its_own() {
    let world = world();
    let mut command = ctr_exec(&world, &["--workdir", "/no/where", "sh", "-c", "exit 0"]);
    let error = refused(&mut command, 69, "no-such-directory");
    assert_eq!(error["message"], "cannot enter the directory '/no/where' in the container 'dev-a'");
    let words = "Error: unable to find user nobody-here: no matching entries in passwd file";
    world.on("podman-exec", &format!("echo '{words}'; exit 126"));
    let run = ctr_exec(&world, &["--user", "nobody-here", "true"]).assert();
    let stderr = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert_eq!(run.get_output().status.code(), Some(69));
    assert!(stderr.starts_with("ctr-exec: podman: unable to find user nobody-here"), "{stderr}");
}

#[test]
fn a_container_that_does_not_run_is_69() {
    let world = world();
    world.answer("podman-ps", &LIST.replace("running", "exited"));
    let error = refused(&mut ctr_exec(&world, &["true"]), 69, "not-running");
    assert_eq!(error["hint"], "start it: ctr-start dev-a");
    world.answer("podman-ps", "[]");
    refused(&mut ctr_exec(&world, &["true"]), 69, "no-such-container");
    world.answer("podman-ps", &LIST.replace("\"ctrkit.managed\"", "\"x\""));
    refused(&mut ctr_exec(&world, &["true"]), 65, "not-managed");
    assert_eq!(world.changes(), Vec::<String>::new());
}

#[test]
fn wrong_usage_is_64() {
    let world = world();
    world.command(env!("CARGO_BIN_EXE_ctr-exec")).assert().code(64).stdout("");
    ctr_exec(&world, &["--env", "A", "true"]).assert().code(64).stdout("");
    ctr_exec(&world, &["--tty", "perhaps", "true"]).assert().code(64).stdout("");
    refused(&mut ctr_exec(&world, &["--tty", "always", "true"]), 64, "not-a-terminal");
    refused(&mut ctr_exec(&world, &["--engine", "sh", "true"]), 64, "engine-unknown");
}

#[test]
fn what_the_engine_and_the_configuration_have_wrong_keeps_its_kind() {
    let world = world();
    world.answer("podman-ps", "?");
    refused(&mut ctr_exec(&world, &["true"]), 74, "engine-answer-unreadable");
    world.refuse("docker-ps", 1, "permission denied: the Docker daemon socket");
    refused(&mut ctr_exec(&world, &["--engine", "docker", "true"]), 77, "engine-permission");
    world.write("config/config.toml", "[");
    refused(&mut ctr_exec(&world, &["true"]), 65, "bad-configuration");
}
