//! The program as its callers see it: events in, a terminal or a file out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    os::{
        fd::OwnedFd,
        unix::{net::UnixDatagram, process::CommandExt},
    },
    process::{self, Child, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use assert_cmd::Command;
use nix::{
    pty::{Winsize, openpty},
    sys::{
        signal::{Signal, kill},
        stat::Mode,
    },
    unistd::{Pid, mkfifo},
};
use predicates::prelude::*;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ctr-progress");

fn event(step: &str, status: &str, more: &str) -> String {
    format!(
        "{{\"schema\":\"event/1\",\"time\":\"2026-11-22T10:00:00.000Z\",\"tool\":\"ctr-up\",\"step\":\"{step}\",\"status\":\"{status}\"{more}}}\n"
    )
}

/// Returns the program in an environment that holds nothing of the tester's.
fn progress() -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear();
    command
}

/// What is written by one call arrives as one datagram; a line in several would be mixed
/// with what the tools say meanwhile.
#[test]
fn a_line_is_written_whole() {
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    let mut command = process::Command::new(PROGRAM);
    command.env_clear().stdin(Stdio::piped()).stderr(OwnedFd::from(theirs));
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(event("create", "done", "").as_bytes()).unwrap();
    let mut line = [0; 100];
    let length = ours.recv(&mut line).unwrap();
    assert_eq!(line[..length].escape_ascii().to_string(), "ctr-up: create \\xe2\\x80\\xa6 done\\n");
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn without_a_terminal_there_is_a_line_per_step() {
    let input = [
        event("create", "started", ""),
        event("create", "done", ""),
        event("wait", "started", r#","message":"for sshd","x-new":{"a":[1]}"#),
        event("wait", "progress", r#","message":"still""#),
        event("wait", "failed", r#","message":"no answer""#),
        event("create", "undone", ""),
    ];
    let expected = "ctr-up: create … done (0.0 s)\n\
        ctr-up: wait … failed (0.0 s): no answer\n\
        ctr-up: create … taken back\n";
    progress().write_stdin(input.concat()).assert().success().stdout("").stderr(expected);
}

#[test]
fn what_is_no_event_is_ignored() {
    let mut input = b"rubbish\n\xff\xfe\n{\n\n[]\n{\"schema\":\"event/2\"}\n".to_vec();
    input.extend(br#"{"schema":"event/1","tool":"t"}"#);
    input.extend(b"\n");
    input.extend(event("x", "resting", "").bytes());
    input.extend(event("x", "done", "").replace("\"done\"", "7").bytes());
    input.extend(vec![b'x'; 1 << 20]);
    input.extend(b"\n");
    input.extend(event("good", "done", "").bytes());
    input.extend(br#"{"schema":"event/1","cut"#);
    progress().write_stdin(input).assert().success().stdout("").stderr("ctr-up: good … done\n");
}

#[test]
fn nothing_is_nothing() {
    progress().write_stdin("").assert().success().stdout("").stderr("");
}

#[test]
fn control_characters_do_not_reach_stderr() {
    let hostile = r#","message":"\u001b]0;x\u0007\u009b2J\r\n\u0000\u202e","subject":"\u001b[1m""#;
    let input = event("create", "started", r#","subject":"a""#) + &event("create", "done", hostile);
    let clean = predicate::function(|said: &str| {
        said.lines().all(|line| !line.contains(|c: char| c.is_control() || c == '\u{202e}'))
    });
    let output = progress().write_stdin(input).assert().success().stderr(clean);
    output.stderr(predicate::str::contains(r"\u{1b}]0;x\u{7}"));
}

#[test]
fn wrong_usage_is_64() {
    progress().arg("--follow").assert().code(64).stdout("");
}

#[test]
fn an_unreadable_input_is_74() {
    let mut command = process::Command::new(PROGRAM);
    let output = command.env_clear().stdin(File::open("/").unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(74));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read standard input"));
}

#[test]
fn a_full_or_closed_stderr_is_no_reason_to_fail_or_to_stop_reading() {
    let many = event("create", "done", "").repeat(10_000);
    let run = |stderr: Stdio| {
        let mut command = process::Command::new(PROGRAM);
        command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().unwrap();
        drop(child.stderr.take());
        child.stdin.take().unwrap().write_all(many.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
    };
    run(OpenOptions::new().write(true).open("/dev/full").unwrap().into());
    run(Stdio::piped());
}

#[test]
fn help_is_on_stdout() {
    let about = predicate::str::starts_with("Draw progress events for a person\n");
    progress().arg("--help").assert().success().stdout(about).stderr("");
}

/// Waits for `child`, for as long as no test should take.
fn wait(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    panic!("it does not end");
}

#[test]
fn it_ends_when_the_last_writer_dies_even_if_the_stream_is_in_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events");
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    let shell = r#"exec "$0" <"$CTRKIT_EVENTS""#;
    let mut child = process::Command::new("/bin/sh")
        .args(["-c", shell, PROGRAM])
        .env_clear()
        .env("CTRKIT_EVENTS", &path)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
    writer.write_all(event("create", "started", "").as_bytes()).unwrap();
    writer.write_all(&event("create", "done", "").as_bytes()[..20]).unwrap();
    // Killed in the middle of a line, as it were.
    drop(writer);
    assert!(wait(&mut child).success());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.starts_with("ctr-up: create … not finished ("), "{said}");
}

#[test]
fn it_outlives_an_interrupt_and_not_a_termination() {
    let start = || {
        let mut command = process::Command::new(PROGRAM);
        command.env_clear().stdin(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        // Once this has been drawn, the handler is there.
        child.stdin.as_mut().unwrap().write_all(event("a", "done", "").as_bytes()).unwrap();
        let mut line = [0; 5];
        child.stderr.as_mut().unwrap().read_exact(&mut line).unwrap();
        child
    };
    let signal = |child: &Child, signal| {
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
    };
    let mut child = start();
    signal(&child, Signal::SIGINT);
    child.stdin.as_mut().unwrap().write_all(event("b", "undone", "").as_bytes()).unwrap();
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().ends_with("ctr-up: b … taken back\n"));

    let mut child = start();
    signal(&child, Signal::SIGTERM);
    assert!(!wait(&mut child).success());
}

/// Runs the program on a terminal of `columns`; returns what it drew.
///
/// Between one event and the next there is time for a few frames.
fn on_terminal(columns: u16, variables: &[(&str, &str)], events: &[String]) -> String {
    let size = Winsize { ws_row: 10, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(Some(&size), None).unwrap();
    let mut command = process::Command::new(PROGRAM);
    command.env_clear().envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(terminal.slave);
    let mut child = command.spawn().unwrap();
    // The command holds the terminal open as long as it is there.
    drop(command);
    let drawn = thread::spawn(move || drawn(terminal.master));
    let mut stdin = child.stdin.take().unwrap();
    for event in events {
        stdin.write_all(event.as_bytes()).unwrap();
        thread::sleep(Duration::from_millis(150));
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty());
    drawn.join().unwrap()
}

/// Returns what comes out of a terminal until nobody holds its other end.
fn drawn(master: OwnedFd) -> String {
    let (mut master, mut all) = (File::from(master), Vec::new());
    let mut some = [0; 4096];
    while let Ok(length @ 1..) = master.read(&mut some) {
        all.extend(&some[..length]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

fn steps() -> Vec<String> {
    vec![
        event("create", "started", ""),
        event("create", "done", ""),
        event("wait", "started", ""),
        event("wait", "progress", &format!(r#","message":"{}""#, "for sshd ".repeat(20))),
        event("wait", "failed", r#","message":"no answer""#),
    ]
}

const XTERM: (&str, &str) = ("TERM", "xterm");

#[test]
fn a_terminal_gets_spinners_colours_and_lines_that_stay() {
    let drawn = on_terminal(80, &[XTERM], &steps());
    assert!(drawn.contains("\u{1b}[32m✔\u{1b}[0m    0.0 s ctr-up: create"), "{drawn}");
    assert!(drawn.contains("\u{1b}[31m✘\u{1b}[0m    0.0 s ctr-up: wait: no answer"), "{drawn}");
    assert!(drawn.contains("ctr-up: wait: for sshd"), "{drawn}");
    let spinners = drawn.matches(|c: char| ('\u{2800}'..='\u{28ff}').contains(&c)).count();
    assert!(spinners >= 3, "{drawn}");
    let last = drawn.trim_end().lines().last().unwrap();
    assert!(last.contains("no answer"), "{last}");
}

#[test]
fn no_colour_where_none_is_wanted() {
    for (variable, coloured) in [("1", false), ("0", false), ("", true)] {
        let drawn = on_terminal(80, &[XTERM, ("NO_COLOR", variable)], &steps());
        assert_eq!(drawn.contains("\u{1b}[32m"), coloured, "{drawn}");
        assert!(drawn.contains("✔") && drawn.contains("✘"), "{drawn}");
    }
}

#[test]
fn a_dumb_terminal_gets_plain_lines() {
    let expected = "ctr-up: create … done (0.0 s)\r\nctr-up: wait … failed (0.0 s): no answer\r\n";
    let none: &[(&str, &str)] = &[];
    for variables in [&[("TERM", "dumb")], &[("TERM", "")], none] {
        assert_eq!(on_terminal(80, variables, &steps()), expected);
    }
}

#[test]
fn a_narrow_terminal_gets_frames_that_fit() {
    let drawn = on_terminal(30, &[XTERM, ("NO_COLOR", "1")], &steps());
    let is_spinner = |c: char| ('\u{2800}'..='\u{28ff}').contains(&c);
    let frames = drawn.split(['\r', '\n', '\u{1b}']).filter(|frame| frame.starts_with(is_spinner));
    let lengths: Vec<_> = frames.map(|frame| frame.chars().count()).collect();
    assert!(!lengths.is_empty() && drawn.contains(": for s"), "{drawn}");
    assert!(lengths.iter().all(|&length| length <= 30), "{drawn}");
    assert!(drawn.contains("no answer"), "{drawn}");
    // Nothing is right at this width; it ends all the same.
    on_terminal(3, &[XTERM], &steps());
}

#[test]
fn a_terminal_on_stdin_is_refused() {
    let terminal = openpty(None, None).unwrap();
    let mut command = process::Command::new(PROGRAM);
    let output = command.env_clear().stdin(terminal.slave).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("not a terminal") && said.contains("ctr-progress"), "{said}");
}

/// The first example of ctr-progress(1).
#[test]
fn it_is_of_use_in_a_pipe() {
    let directory = tempfile::tempdir().unwrap();
    let script = r#"
        exec 9> >("$0" 2>drawn)
        drawer=$!
        echo "$1" >/dev/fd/9
        exec 9>&-
        wait "$drawer"
    "#;
    let done = event("create", "done", "");
    let mut bash = Command::new("bash");
    bash.args(["-euc", script, PROGRAM, done.trim()]).current_dir(directory.path());
    bash.assert().success().stdout("").stderr("");
    let drawn = fs::read_to_string(directory.path().join("drawn")).unwrap();
    assert_eq!(drawn, "ctr-up: create … done\n");
}
