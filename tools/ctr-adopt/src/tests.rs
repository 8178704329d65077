//! What a document says, out of what the engine says; and the key's line.

use std::path::Path;

use document::container::Volume;
use engine::{Inspection, Published, Summary};
use toolkit::Failure;

use crate::{Error, Wishes, describe, hostkey};

const STATE: &str = "/s/dev-a";

fn container(labels: &[(&str, &str)]) -> Summary {
    let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Summary {
        name: "dev-a".into(),
        image: "i".into(),
        labels: labels.collect(),
        ..Summary::default()
    }
}

fn published(container: u16, host: u16) -> Published {
    Published { container, host, address: "127.0.0.1".into() }
}

fn l8s() -> (Summary, Inspection) {
    let volume = |name: &str, target: &str| Volume {
        name: name.into(),
        target: target.into(),
        ..Volume::default()
    };
    let inspection = Inspection {
        published: vec![published(22, 2201)],
        volumes: vec![volume("h", "/home/ann"), volume("w", "/workspace")],
        ..Inspection::default()
    };
    (container(&[("l8s.managed", "true"), ("l8s.ssh.port", "2201")]), inspection)
}

#[test]
fn what_l8s_has_made_says_all_that_is_needed() {
    let (container, inspection) = l8s();
    let found = describe(&container, &inspection, &Wishes::default(), Path::new(STATE)).unwrap();
    assert_eq!(found.user.as_deref(), Some("ann"));
    assert_eq!(found.workspace.as_deref(), Some("/workspace/project"));
    assert_eq!(found.ports.len(), 1, "no web port: none is reserved");
    assert_eq!(found.port("ssh").unwrap().host, Some(2201));
    assert_eq!(found.ssh.unwrap().known_hosts.unwrap(), Path::new("/s/dev-a/known_hosts"));
    assert_eq!(found.project.path, Path::new(STATE));
    assert_eq!(found.volumes.len(), 2);
    assert!(found.env.is_empty());
}

#[test]
fn wishes_come_first() {
    let (container, inspection) = l8s();
    let wishes = Wishes {
        user: Some("bob".into()),
        workspace: Some("/w".into()),
        worktree: Some("/Users/you/projects/myapp".into()),
        identity_file: Some("/k".into()),
    };
    let found = describe(&container, &inspection, &wishes, Path::new(STATE)).unwrap();
    assert_eq!((found.user.as_deref(), found.workspace.as_deref()), (Some("bob"), Some("/w")));
    assert_eq!((&*found.project.name, &found.project.hash[..6]), ("myapp", "b3e5ed"));
    assert_eq!(found.ssh.unwrap().identity_file.unwrap(), Path::new("/k"));
}

#[track_caller]
fn check_refused(container: &Summary, inspection: &Inspection, kind: &str) {
    let refused = describe(container, inspection, &Wishes::default(), Path::new(STATE));
    let error: Error = refused.unwrap_err();
    assert_eq!(error.kind(), kind);
    assert!(error.hint().is_some());
}

#[test]
fn what_cannot_be_reached_is_refused() {
    let (found, mut inspection) = l8s();
    check_refused(
        &found,
        &Inspection { published: Vec::new(), ..inspection.clone() },
        "no-ssh-port",
    );
    inspection.volumes.remove(0);
    check_refused(&found, &inspection, "no-user");
    let devagent = container(&[("devagent.managed", "true"), ("devagent.remote_user", "vscode")]);
    check_refused(&devagent, &Inspection::default(), "no-ssh-port");
    inspection.user = Some("1000:1000".into());
    check_refused(&found, &inspection, "no-user");
}

/// Returns a tar stream of one file.
fn tar(text: &str) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, "key.pub", text.as_bytes()).unwrap();
    builder.into_inner().unwrap()
}

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL6hpWTBlC3jEHDRBRwXnwL0BlvBkM2vFSTfqd9GGz8k";

#[test]
fn a_key_is_pinned_under_the_name_without_its_comment() {
    let expected = format!("dev-a {KEY}\n");
    for text in [format!("{KEY} root@host\n"), format!("{KEY}\n"), KEY.to_owned()] {
        assert_eq!(hostkey::line("dev-a", &tar(&text)).as_deref(), Some(expected.as_str()));
    }
}

#[test]
fn what_is_no_key_is_not_pinned() {
    let second_line = format!("{KEY}\nevil {KEY}\n");
    let cut = &KEY[..40];
    for text in ["", "rubbish", cut, &second_line, "ssh-ed25519-cert-v01@openssh.com AAAA"] {
        let line = hostkey::line("dev-a", &tar(text));
        assert!(line.is_none_or(|line| line == format!("dev-a {KEY}\n")), "{text:?}");
    }
    assert_eq!(hostkey::line("dev-a", b"no tar stream"), None);
}

#[test]
fn of_a_certificate_that_is_valid_for_ever_the_key_is_pinned() {
    // Type, nonce and key, as OpenSSH's PROTOCOL.certkeys has them; the rest
    // is for whoever asks more.
    let string =
        |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let kind = "ssh-ed25519-cert-v01@openssh.com";
    let public = ssh_key::PublicKey::from_openssh(KEY).unwrap();
    let key = public.key_data().ed25519().unwrap().0;
    let blob = [string(kind.as_bytes()), string(&[7; 32]), string(&key)].concat();
    let text = format!("{kind} {} comment\n", base64(&blob));
    assert_eq!(hostkey::line("dev-a", &tar(&text)).unwrap(), format!("dev-a {KEY}\n"));
}

fn base64(bytes: &[u8]) -> String {
    use base64ct::Encoding;

    base64ct::Base64::encode_string(bytes)
}

#[test]
fn a_container_on_another_machine_is_reached_as_it_is_published() {
    let place = engine::Place::parse("me@box:2222").unwrap();
    for (address, hostname, jump) in [
        ("127.0.0.1", None, Some("me@box:2222")),
        ("0.0.0.0", Some("box"), None),
        ("192.168.1.10", None, None),
    ] {
        let (container, mut inspection) = l8s();
        inspection.published[0].address = address.into();
        let wishes = Wishes::default();
        let mut found = describe(&container, &inspection, &wishes, Path::new(STATE)).unwrap();
        crate::adopt::reach(&mut found, &place);
        let ssh = found.ssh.unwrap();
        assert_eq!((ssh.hostname.as_deref(), ssh.proxy_jump.as_deref()), (hostname, jump));
    }
}
