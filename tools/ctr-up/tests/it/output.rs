//! Where the document goes.

use std::{
    fs,
    process::{Command as Process, Stdio},
};

use predicates::prelude::*;

use crate::world::Up;

/// Runs `script` with the program as `$1`, the document on its standard input.
fn shell(up: &Up, script: &str) -> std::process::Output {
    let document = up.world.write("document", &up.document().to_string());
    let mut bash = Process::new("bash");
    bash.args(["-c", script, "bash", env!("CARGO_BIN_EXE_ctr-up")]);
    let mut search = up.world.search_path().into_os_string();
    search.push(":");
    search.push(std::env::var_os("PATH").unwrap());
    bash.env_clear().env("PATH", search).env("HOME", up.world.path("home"));
    bash.env("CTRKIT_STATE_DIR", up.world.path("state")).env("CTRKIT_ENGINE", "podman");
    bash.stdin(fs::File::open(document).unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
    bash.spawn().unwrap().wait_with_output().unwrap()
}

#[test]
fn the_document_is_one_line() {
    let up = Up::new("podman");
    let line = predicate::str::is_match("^\\{\"schema\":\"container/1\",\"x-first\":1,[^\n]+\n$");
    up.command(&up.document()).assert().success().stdout(line.unwrap());
}

#[test]
fn a_full_and_a_closed_stdout_are_errors_and_the_container_is_there() {
    for (script, says) in [
        (r#""$1" >/dev/full"#, "cannot write standard output: No space left on device"),
        (r#""$1" >&-"#, "standard output is closed"),
    ] {
        let up = Up::new("podman");
        let output = shell(&up, script);
        assert_eq!(output.status.code(), Some(74));
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains(says), "{words}");
        assert_eq!(up.things(), Up::whole());
        up.up(&up.document());
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error_message() {
    let up = Up::new("podman");
    let output = shell(&up, r#""$1" | :; echo "${PIPESTATUS[0]}""#);
    assert_eq!(
        (String::from_utf8(output.stdout).unwrap().as_str(), output.stderr),
        ("141\n", Vec::new())
    );
    assert_eq!(up.things(), Up::whole());
}

#[test]
fn events_that_cannot_be_written_are_told_before_anything_is_made() {
    let up = Up::new("podman");
    let mut command = up.command(&up.document());
    stubs::refused(command.args(["--events", "/nonexistent/e"]), 74, "cannot-open-events");
    assert!(up.world.calls().is_empty());
}

#[test]
fn errors_for_people_name_the_cause_and_the_cure() {
    let up = Up::new("podman");
    up.before("start*", "fail 125 'Error: bind: address already in use'");
    let expected = predicate::str::is_match(
        "^ctr-up: cannot start 'dev-myapp-b3e5ed': one of its ports \\(127\\.0\\.0\\.1:\\d+:22\\) is in \
         use: podman: bind: address already in use\n\
         ctr-up: command: \\S*/podman start dev-myapp-b3e5ed \\(status 125\\)\n\
         ctr-up:   \\| Error: bind: address already in use\n\
         ctr-up: hint: see who has it [^\n]*\n$",
    );
    up.command(&up.document()).assert().code(75).stdout("").stderr(expected.unwrap());
}

#[test]
fn completion_is_written_for_each_shell() {
    let up = Up::new("podman");
    for shell in ["bash", "zsh", "fish"] {
        let mut command = up.world.command(env!("CARGO_BIN_EXE_ctr-up"));
        command.args(["--completion", shell]);
        command.assert().success().stdout(predicate::str::contains("ctr-up"));
    }
}
