//! Which keys may log in.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use document::container::Ssh;

use super::{NoKey, Sources, find};

const ED: &str = "ssh-ed25519 AAAAC3ed me@home";
const SK: &str = "sk-ssh-ed25519@openssh.com AAAAGnsk me@home";
const ECDSA_SK: &str = "sk-ecdsa-sha2-nistp256@openssh.com AAAAInec";
const RSA: &str = "ssh-rsa AAAAB3rsa";
const DSA: &str = "ssh-dss AAAAB3dsa me@home";

/// A person with files and an agent.
#[derive(Default)]
struct Person {
    files: HashMap<PathBuf, String>,
    agent: Option<String>,
    homeless: bool,
}

impl Person {
    fn with(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| (path.into(), (*text).to_owned()));
        Self { files: files.collect(), ..Self::default() }
    }

    fn agent(mut self, lines: &[&str]) -> Self {
        self.agent = Some(lines.join("\n") + "\n");
        self
    }
}

impl Sources for Person {
    fn file(&self, path: &Path) -> Option<String> {
        self.files.get(path).cloned()
    }

    fn agent(&self) -> Option<String> {
        self.agent.clone()
    }

    fn directory(&self) -> Option<PathBuf> {
        (!self.homeless).then(|| "/me/.ssh".into())
    }
}

fn ssh(authorized_key: Option<&str>, identity_file: Option<&str>) -> Ssh {
    Ssh {
        authorized_key: authorized_key.map(PathBuf::from),
        identity_file: identity_file.map(PathBuf::from),
        ..Ssh::default()
    }
}

#[track_caller]
fn check(person: &Person, asked: Option<&str>, ssh: &Ssh, expected: &[&str]) {
    let found = find(asked.map(Path::new), Some(ssh), person).unwrap();
    assert_eq!(found, expected.join("\n") + "\n");
}

#[track_caller]
fn check_none(person: &Person, asked: Option<&str>, ssh: &Ssh, expected: &NoKey) {
    let error = find(asked.map(Path::new), Some(ssh), person).unwrap_err();
    assert_eq!(&error, expected);
}

#[test]
fn the_first_source_that_is_named_counts() {
    let person = Person::with(&[
        ("/asked", ED),
        ("/configured", SK),
        ("/identity.pub", ECDSA_SK),
        ("/me/.ssh/id_rsa.pub", RSA),
    ])
    .agent(&["ssh-ed25519 AAAAagent"]);
    let both = ssh(Some("/configured"), Some("/identity"));
    check(&person, Some("/asked"), &both, &[ED]);
    check(&person, None, &both, &[SK]);
    check(&person, None, &ssh(None, Some("/identity")), &[ECDSA_SK]);
    check(&person, None, &ssh(None, None), &["ssh-ed25519 AAAAagent"]);
    assert_eq!(find(None, None, &person).unwrap(), "ssh-ed25519 AAAAagent\n");
}

#[test]
fn a_source_that_is_named_and_has_no_key_is_an_error() {
    let person = Person::with(&[("/empty", ""), ("/me/.ssh/id_rsa.pub", RSA)]).agent(&[ED]);
    let in_file = |path: &str| NoKey::InFile(path.into());
    check_none(&person, Some("/absent"), &ssh(None, None), &in_file("/absent"));
    check_none(&person, Some("/empty"), &ssh(None, None), &in_file("/empty"));
    check_none(&person, None, &ssh(Some("/absent"), None), &in_file("/absent"));
    check_none(&person, None, &ssh(None, Some("/absent")), &in_file("/absent.pub"));
}

#[test]
fn without_an_agent_all_usual_files_count() {
    let files = [
        ("/me/.ssh/id_rsa.pub", RSA),
        ("/me/.ssh/id_ed25519_sk.pub", SK),
        ("/me/.ssh/id_ecdsa_sk.pub", ECDSA_SK),
        ("/me/.ssh/other.pub", "ssh-rsa AAAAother"),
    ];
    let person = Person::with(&files);
    check(&person, None, &ssh(None, None), &[SK, ECDSA_SK, RSA]);
    let empty = Person::with(&files).agent(&["The agent has no identities."]);
    check(&empty, None, &ssh(None, None), &[SK, ECDSA_SK, RSA]);
}

#[test]
fn nothing_anywhere_is_told() {
    check_none(&Person::default(), None, &ssh(None, None), &NoKey::Anywhere);
    let homeless = Person { homeless: true, ..Person::default() };
    check_none(&homeless, None, &ssh(None, None), &NoKey::Anywhere);
}

#[test]
fn keys_that_sshd_takes_are_taken_and_others_are_not() {
    let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END";
    let options = format!("command=\"rm -rf ~\",no-pty {ED}");
    let certificate = "ssh-ed25519-cert-v01@openssh.com AAAAIHNz";
    for text in ["", "\n", "garbage", "ssh-ed25519", "ssh-ed25519 BBBB", "AAAA", DSA, private]
        .into_iter()
        .chain([options.as_str(), certificate, "# comment", "ssh-rsaAAAAB3"])
    {
        let person = Person::with(&[("/k", text)]);
        check_none(&person, Some("/k"), &ssh(None, None), &NoKey::InFile("/k".into()));
    }
    for key in [ED, SK, ECDSA_SK, RSA, "ecdsa-sha2-nistp521 AAAAE2 é"] {
        check(&Person::with(&[("/k", key)]), Some("/k"), &ssh(None, None), &[key]);
    }
}

#[test]
fn the_keys_are_picked_out_of_the_rest() {
    let text =
        format!("# mine\r\n\n  {ED}  \r\n{DSA}\n{options} {RSA}\n\t{SK}\n", options = "no-pty");
    let person = Person::with(&[("/k", &text)]);
    check(&person, Some("/k"), &ssh(None, None), &[ED, SK]);
}
