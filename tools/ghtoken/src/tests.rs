//! Tests of the decisions: what a token is, what is remembered of it, and
//! what the helper answers.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use crate::{Error, Token};

const GOOD: &str = "github_pat_11ABC_xyz";

fn token(text: &str) -> Token {
    Token::parse(text.as_bytes()).unwrap()
}

#[test]
fn a_token_is_one_line_whose_newline_may_be_missing() {
    for text in [GOOD, "github_pat_11ABC_xyz\n"] {
        assert_eq!(token(text).reveal(), GOOD);
    }
    for text in ["ghp_abc", "ghs_1.a-b_c", "0123456789abcdef", "a==", "gho_~+/x"] {
        assert_eq!(token(text).reveal(), text);
    }
}

#[track_caller]
fn check_refused(contents: &[u8], says: &str) {
    let what = Token::parse(contents).unwrap_err();
    assert!(what.contains(says), "{what}");
}

#[test]
fn what_cannot_be_a_token_is_told_without_showing_it() {
    for empty in ["", "\n", " ", " \n", "\r\n"] {
        check_refused(empty.as_bytes(), "empty");
    }
    check_refused(&[b'a'; 1025], "more than 1024 bytes");
    assert!(Token::parse(&[b'a'; 1024]).is_ok());
    check_refused(b"a\xffb", "UTF-8");
    for lines in ["a\nb", "a\n\n", "a\r\n", "a\rb", "\na"] {
        check_refused(lines.as_bytes(), "one line");
    }
    for control in ["a\0b", "a\tb", "a\u{1b}[31mb", "a\u{85}b"] {
        check_refused(control.as_bytes(), "control character");
    }
    for odd in ["a b", "a: b", "'a'", "\"a", "a#b", "-a", "~", "=", "é", "{a}", "a\\b", "=a", "a=b"]
    {
        check_refused(odd.as_bytes(), "no token has");
    }
}

#[test]
fn a_fine_grained_token_is_known_by_how_it_begins() {
    assert!(token(GOOD).is_fine_grained());
    assert!(!token("ghp_abc").is_fine_grained());
    assert!(!token("xgithub_pat_abc").is_fine_grained());
}

#[test]
fn a_token_is_not_shown() {
    assert_eq!(format!("{:?}", token(GOOD)), "Token(…)");
}

#[track_caller]
fn check_file(mode: u32, kind: fn(&Error) -> bool) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, GOOD).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    let error = Token::read(&path).unwrap_err();
    assert!(kind(&error), "{error}");
    assert!(!format!("{error:?}").contains(GOOD));
}

#[test]
fn a_file_that_others_may_use_is_refused() {
    for mode in [0o604, 0o640, 0o620, 0o602, 0o601, 0o644, 0o777] {
        check_file(mode, |error| matches!(error, Error::Exposed { .. }));
    }
}

#[test]
fn a_file_of_its_owner_alone_is_read_also_by_a_link() {
    let directory = tempfile::tempdir().unwrap();
    let (path, link) = (directory.path().join("token"), directory.path().join("link"));
    fs::write(&path, format!("{GOOD}\n")).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for mode in [0o600, 0o400, 0o700] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(Token::read(&link).unwrap(), token(GOOD));
    }
}

#[test]
fn where_the_proxy_has_the_token_the_container_gets_a_placeholder() {
    let file = |host: &str, env: Option<&str>| {
        let env = env.map(|env| format!(r#","env":"{env}""#)).unwrap_or_default();
        format!(
            r#"{{"schema":"container/1","name":"dev-a","project":{{"path":"/w","name":"w","hash":"0"}},
            "github":{{"token_file":"/none"}},
            "isolation":{{"mode":"proxy","secrets":[{{"id":"x","host":"{host}","header":"x","file":"/none"{env}}}]}}}}"#
        )
    };
    let checked = |text: String| crate::check(&serde_json::from_str(&text).unwrap());
    for (host, env) in
        [("api.github.com", None), ("github.com", None), ("a.example", Some("GH_TOKEN"))]
    {
        assert_eq!(checked(file(host, env)).unwrap().unwrap().reveal(), "ctrkit-placeholder");
    }
    assert!(matches!(checked(file("a.example", Some("OTHER"))), Err(Error::Absent { .. })));
}

/// Asks the helper, with `hosts` for gh's file.
fn helper(hosts: &str, verb: &str, question: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hosts.yml");
    fs::write(&file, hosts).unwrap();
    answer(&file, verb, question)
}

fn answer(file: &Path, verb: &str, question: &str) -> String {
    let script = crate::HELPER.replace("/etc/ctrkit/github/hosts.yml", file.to_str().unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", &script, "helper", verb]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    // One that does not read what it is told has gone already.
    let _ = child.stdin.take().unwrap().write_all(question.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

const HOSTS: &str = "github.com:\n    git_protocol: https\n    oauth_token: T\n";

#[test]
fn the_helper_answers_for_github_over_https_alone() {
    for host in ["github.com", "gist.github.com"] {
        let question = format!("protocol=https\nhost={host}\n\n");
        let told = "username=x-access-token\npassword=T\n";
        assert_eq!(helper(HOSTS, "get", &question), told);
        assert_eq!(helper(HOSTS, "store", &question), "");
        assert_eq!(helper(HOSTS, "erase", &question), "");
    }
    for (protocol, host) in [
        ("http", "github.com"),
        ("https", "github.com:443"),
        ("https", "github.com.evil.org"),
        ("https", "evilgithub.com"),
        ("https", "github.com="),
        ("https", "api.github.com"),
        ("https", "GitHub.com"),
        ("https", "*"),
        ("https", ""),
        ("", "github.com"),
    ] {
        let question = format!("protocol={protocol}\nhost={host}\n\n");
        assert_eq!(helper(HOSTS, "get", &question), "", "{question}");
    }
    // What comes last counts, as it does for git; what comes behind the end does not.
    let twice = "protocol=https\nhost=github.com\nhost=evil.org\n\nhost=github.com\n";
    assert_eq!(helper(HOSTS, "get", twice), "");
}

#[test]
fn the_helper_leaves_a_user_that_is_asked_for() {
    let question = "protocol=https\nhost=github.com\nusername=me\n\n";
    assert_eq!(helper(HOSTS, "get", question), "password=T\n");
}

#[test]
fn the_helper_understands_the_file_as_newer_ghs_write_it() {
    let hosts = "github.com:\n    git_protocol: https\n    users:\n        me:\n            \
                 oauth_token: T\n    user: me\n    oauth_token: T\n";
    let question = "protocol=https\nhost=github.com\n\n";
    for hosts in [hosts, hosts.trim_end(), HOSTS.trim_end()] {
        assert!(helper(hosts, "get", question).ends_with("\npassword=T\n"));
    }
}

#[test]
fn the_helper_says_nothing_where_there_is_no_token() {
    let question = "protocol=https\nhost=github.com\n\n";
    assert_eq!(helper("github.com:\n", "get", question), "");
    assert_eq!(helper("", "get", question), "");
    assert_eq!(answer(Path::new("/nowhere/hosts.yml"), "get", question), "");
}
