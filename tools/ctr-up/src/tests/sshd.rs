//! The configuration, read by the real sshd(8).

use std::{collections::BTreeSet, fs, process::Command};

use document::{Container, container::Port};
use toolkit::Failure;

use super::{container, variable};
use crate::sshd::config;

/// Returns the configuration as sshd understands it: a line per keyword.
#[track_caller]
fn understood(container: &Container) -> BTreeSet<String> {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    let mut keygen = Command::new("ssh-keygen");
    assert!(keygen.args(["-qt", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap().success());
    let file = directory.path().join("sshd_config");
    let text = config(container).unwrap();
    // Of all paths the key alone must be there for sshd to answer.
    let text = text.replace("/etc/ssh/ssh_host_ed25519_key-cert.pub", "none");
    let text = text.replace("/etc/ssh/ssh_host_ed25519_key", key.to_str().unwrap());
    fs::write(&file, text).unwrap();
    let _ = fs::create_dir("/run/sshd");
    let sshd = Command::new("/usr/sbin/sshd").arg("-T").arg("-f").arg(&file).output().unwrap();
    assert!(sshd.status.success(), "{}", String::from_utf8_lossy(&sshd.stderr));
    String::from_utf8(sshd.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[track_caller]
fn check_environment(variables: &[(&str, &str)], expected: &[&str]) {
    let mut container = container();
    container.env = variables.iter().map(|(name, value)| variable(name, value)).collect();
    let understood = understood(&container);
    let found = understood.iter().filter_map(|line| line.strip_prefix("setenv "));
    let own = ["CTRKIT_NAME=dev-myapp-b3e5ed", "CTRKIT_WORKSPACE=/workspace/myapp"];
    let expected: BTreeSet<_> = expected.iter().copied().chain(own).collect();
    assert_eq!(found.collect::<BTreeSet<_>>(), expected);
}

#[test]
fn sshd_takes_the_configuration() {
    let understood = understood(&container());
    for line in [
        "port 22",
        "authorizedkeysfile /etc/ssh/ctrkit/authorized_keys .ssh/authorized_keys",
        "allowusers dev",
        "permitrootlogin no",
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "x11forwarding no",
        "usedns no",
        "subsystem sftp internal-sftp",
    ] {
        assert!(understood.contains(line), "{line}");
    }
}

#[test]
fn root_logs_in_by_key_where_root_is_the_user() {
    let mut container = container();
    container.user = Some("root".into());
    let understood = understood(&container);
    assert!(understood.contains("permitrootlogin without-password"), "{understood:?}");
    assert!(understood.contains("allowusers root"));
}

#[test]
fn sshd_listens_where_the_document_says() {
    let mut container = container();
    container.ports = vec![Port { service: "ssh".into(), container: 2222, ..Port::default() }];
    assert!(understood(&container).contains("port 2222"));
}

#[test]
fn every_variable_reaches_the_sessions() {
    check_environment(&[], &[]);
    check_environment(&[("A", "1"), ("B", ""), ("C", "=")], &["A=1", "B=", "C=="]);
}

#[test]
fn hostile_values_come_out_as_they_are() {
    for value in [
        "two  words ",
        r#"a "b" 'c'"#,
        r"\ \\ \' \n C:\new\",
        r#"\"#,
        r#"\""#,
        "# no comment",
        "${HOME} %h $(id) `id` *",
        "a\tb",
        "日本 é",
    ] {
        check_environment(&[("A", value), ("B", "b")], &[&format!("A={value}"), "B=b"]);
    }
}

#[test]
fn of_a_variable_that_is_there_twice_the_last_counts() {
    let twice = [("A", "1"), ("B", "b"), ("A", "2"), ("CTRKIT_NAME", "another")];
    check_environment(&twice, &["A=2", "B=b"]);
}

#[test]
fn a_value_that_would_begin_a_line_is_refused() {
    for (name, value) in [("A", "b\nPermitRootLogin yes"), ("A", "\r"), ("A", "\0"), ("A\n", "")] {
        let mut container = container();
        container.env = vec![variable(name, value)];
        let error = config(&container).unwrap_err();
        assert_eq!(error.kind(), "bad-variable", "{name:?} {value:?}");
        assert!(!error.to_string().contains("PermitRootLogin"), "{error}");
    }
}
