//! How sshd is asked, checked by the real ssh(1) without a connection.

use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitStatus, Output},
};

use document::{Container, container::Ssh};
use toolkit::Failure;

use super::{container, port};
use crate::probe::{Answer, Client, Probe};

fn certified() -> Container {
    let mut container = container();
    container.ports = vec![port("ssh", 22, 2201, Some("127.0.0.1"))];
    container.ssh = Some(Ssh {
        known_hosts: Some("/c/known hosts%".into()),
        revoked_host_keys: Some("/c/revoked keys".into()),
        ..Ssh::default()
    });
    container
}

fn probe(container: &Container) -> Probe {
    let client =
        Client { program: Path::new("ssh"), config: Some(Path::new("/c/mine")), proxy: None };
    Probe::new(client, container).unwrap()
}

/// Returns what ssh makes of the arguments: a line per keyword.
#[track_caller]
fn understood(container: &Container) -> Vec<String> {
    let ssh = Command::new("ssh").arg("-G").args(probe(container).args()).output().unwrap();
    assert!(ssh.status.success(), "{}", String::from_utf8_lossy(&ssh.stderr));
    String::from_utf8(ssh.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[track_caller]
fn check(answer: &str, said: &[&str]) {
    for words in said {
        let status = ExitStatus::from_raw(255 << 8);
        let output = Output { status, stdout: Vec::new(), stderr: words.as_bytes().to_vec() };
        let found = match probe(&certified()).judge(&output) {
            Answer::Right => "right",
            Answer::Wrong(_) => "wrong",
            Answer::None(_) => "none",
        };
        assert_eq!(found, answer, "{words}");
    }
}

#[track_caller]
fn check_refused(change: impl FnOnce(&mut Container), kind: &str, says: &str) {
    let mut container = certified();
    change(&mut container);
    let client = Client { program: Path::new("ssh"), config: None, proxy: None };
    let error = Probe::new(client, &container).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn ssh_understands_what_it_is_told() {
    let understood = understood(&certified());
    for line in [
        "host dev-myapp-b3e5ed",
        "hostname 127.0.0.1",
        "port 2201",
        "user dev",
        "hostkeyalias dev-myapp-b3e5ed",
        "hostkeyalgorithms ssh-ed25519-cert-v01@openssh.com",
        "stricthostkeychecking true",
        "globalknownhostsfile none",
        "userknownhostsfile /c/known hosts%",
        "revokedhostkeys /c/revoked keys",
        "preferredauthentications none",
        "controlmaster false",
        "forwardagent no",
        "identityagent none",
    ] {
        assert!(understood.iter().any(|found| found == line), "{line}: {understood:#?}");
    }
    let exchange = understood.iter().find(|line| line.starts_with("kexalgorithms")).unwrap();
    assert!(exchange.starts_with("kexalgorithms curve25519-sha256,"), "{exchange}");
}

#[test]
fn a_refusal_of_the_user_is_the_proof() {
    check(
        "right",
        &[
            "dev@127.0.0.1: Permission denied (publickey).\r\n",
            "\
        @@@@@@@\n@ WARNING @\ndev@127.0.0.1: Permission denied (publickey,password).\n",
        ],
    );
}

#[test]
fn refusals_of_others_prove_nothing() {
    check(
        "none",
        &[
            "",
            "kex_exchange_identification: read: Connection reset by peer",
            "ssh: connect to host 127.0.0.1 port 2201: Connection refused",
            "ssh: connect to host 127.0.0.1 port 2201: Permission denied",
            "sh: 1: proxy: Permission denied",
            "me@box: Permission denied (publickey).\nConnection closed by UNKNOWN port 65535",
        ],
    );
}

#[test]
fn a_wrong_key_is_told_from_silence() {
    check(
        "wrong",
        &[
            "Host key verification failed.",
            "Unable to negotiate with 127.0.0.1 port 2201: no matching host key type found. \
         Their offer: ssh-ed25519",
            "@ WARNING: REVOKED HOST KEY DETECTED! @\nHost key verification failed.\n",
        ],
    );
}

#[test]
fn all_addresses_are_asked_at_the_loopback() {
    for (address, expected) in [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("::1", "::1")] {
        let mut container = certified();
        container.ports = vec![port("ssh", 22, 2201, Some(address))];
        assert!(understood(&container).contains(&format!("hostname {expected}")));
    }
}

#[test]
fn the_way_through_a_proxy_is_the_persons_own() {
    let mut container = certified();
    assert_eq!(probe(&container).args()[..2], ["-F", "none"]);
    let ssh = container.ssh.as_mut().unwrap();
    ssh.hostname = Some("10.0.0.2".into());
    ssh.proxy_jump = Some("box".into());
    assert_eq!(probe(&container).args()[..2], ["-F", "/c/mine"]);
    let args = probe(&container).args().join(" ");
    assert!(args.contains("ProxyJump=box") && args.contains("HostName=10.0.0.2"), "{args}");
    container.ssh.as_mut().unwrap().proxy_command = Some("nc box 22".into());
    let args = probe(&container).args().join(" ");
    assert!(args.contains("ProxyCommand=nc box 22") && !args.contains("HostName="), "{args}");
}

#[test]
fn what_the_probe_needs_is_named() {
    check_refused(|c| c.ssh = None, "missing-key", "'ssh'");
    check_refused(|c| c.ssh = Some(Ssh::default()), "missing-key", "'ssh.known_hosts'");
    check_refused(|c| c.ports.clear(), "missing-key", "'ports: ssh'");
    check_refused(|c| c.ports[0].host = None, "missing-key", "'ports: ssh: host'");
    check_refused(|c| c.ports[0].address = None, "missing-key", "'ports: ssh: address'");
    let trust = |path: &str| Ssh { known_hosts: Some(path.into()), ..Ssh::default() };
    check_refused(|c| c.ssh = Some(trust("/a\"b")), "bad-path", "double quote");
    check_refused(|c| c.ssh = Some(trust("/a${b}")), "bad-path", "variable");
}
