//! Tests of the command lines: data in, data out.

use std::time::{Duration, UNIX_EPOCH};

use engine::Summary;
use toolkit::Failure;

use super::*;

fn options(command: &[&str]) -> Options {
    Options {
        name: "dev-a".into(),
        command: command.iter().map(Into::into).collect(),
        user: None,
        workdir: None,
        env: Vec::new(),
        tty: Tty::Auto,
    }
}

fn container(status: &str, labels: &[(&str, &str)]) -> Summary {
    let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Summary { name: "dev-a".into(), status: status.into(), labels, ..Summary::default() }
}

/// The arguments, with `SCRIPT` for what follows `-c`.
fn arguments(options: &Options, terminal: bool) -> Vec<String> {
    let labels = [("ctrkit.remote_user", "dev"), ("ctrkit.workspace", "/workspace/a")];
    let container = container("running", &labels);
    let request = Request::new(options, &container, terminal, "7f".into()).unwrap();
    let mut arguments: Vec<_> =
        request.arguments().iter().map(|word| word.to_str().unwrap().to_owned()).collect();
    let script = arguments.iter().position(|word| word == "-c").unwrap() + 1;
    assert!(arguments[script].contains("cd -- \"$2\""));
    arguments[script] = "SCRIPT".into();
    arguments
}

#[test]
fn the_labels_say_who_and_where() {
    let expected =
        "exec --interactive --user dev dev-a sh -c SCRIPT ctr-exec x7f  /workspace/a ls -la";
    assert_eq!(arguments(&options(&["ls", "-la"]), false).join(" "), expected);
}

#[test]
fn options_outweigh_the_labels() {
    let options = Options {
        user: Some("root".into()),
        workdir: Some("/a b".into()),
        env: vec!["A=b c".parse().unwrap(), "B=".parse().unwrap()],
        ..options(&[])
    };
    let expected = [
        "exec",
        "--interactive",
        "--user",
        "root",
        "--env",
        "A=b c",
        "--env",
        "B=",
        "dev-a",
        "sh",
        "-c",
        "SCRIPT",
        "ctr-exec",
        "x7f",
        "/a b",
        "/workspace/a",
    ];
    assert_eq!(arguments(&options, false), expected);
}

#[test]
fn a_terminal_takes_the_place_of_the_shell_that_stays() {
    let found = arguments(&options(&["vi"]), true).join(" ");
    let expected =
        "exec --interactive --tty --user dev dev-a sh -c SCRIPT ctr-exec  /workspace/a vi";
    assert_eq!(found, expected);
}

#[test]
fn a_container_without_labels_has_the_users_of_its_image() {
    let request = Request::new(&options(&[]), &container("running", &[]), false, "7f".into());
    let arguments = request.unwrap().arguments();
    assert!(arguments.iter().all(|word| word != "--user"));
}

#[test]
fn a_signal_does_not_find_those_who_look_for_it() {
    let request = Request::new(&options(&[]), &container("running", &[]), false, "7f".into());
    let arguments = request.unwrap().signal("TERM", true);
    assert_eq!(arguments[..4], ["exec", "--user", "0", "dev-a"]);
    assert_eq!(arguments[arguments.len() - 2..], ["7f", "TERM"]);
    assert!(arguments.iter().all(|word| !word.to_str().unwrap().contains("x7f")));
}

#[test]
fn what_does_not_run_is_told_with_its_cure() {
    for status in ["stopped", "created", "paused"] {
        let container = container(status, &[]);
        let error = Request::new(&options(&[]), &container, false, "7f".into()).unwrap_err();
        let message = format!("the container 'dev-a' is not running but {status}");
        assert_eq!((error.kind(), error.to_string()), ("not-running", message));
        assert_eq!(error.hint().as_deref(), Some("start it: ctr-start dev-a"));
    }
}

#[test]
fn a_terminal_is_for_who_has_two_ends_of_one() {
    assert!(Tty::Auto.is_wanted(true, true).unwrap());
    assert!(!Tty::Auto.is_wanted(true, false).unwrap());
    assert!(!Tty::Auto.is_wanted(false, true).unwrap());
    assert!(!Tty::Never.is_wanted(true, true).unwrap());
    assert!(Tty::Always.is_wanted(true, false).unwrap());
    assert_eq!(Tty::Always.is_wanted(false, true).unwrap_err().kind(), "not-a-terminal");
}

#[test]
fn variables_have_a_name() {
    assert_eq!("A=b=c".parse::<Variable>().unwrap().as_str(), "A=b=c");
    for text in ["A", "", "=b"] {
        assert!(text.parse::<Variable>().is_err(), "{text}");
    }
}

#[test]
fn tokens_differ() {
    let at = |nanoseconds| UNIX_EPOCH + Duration::from_nanos(nanoseconds);
    assert_eq!(token(1, at(255)), "00000001ff");
    assert_ne!(token(0x11, at(1)), token(1, at(0x11)));
}
