//! What goes into a container, and where to.

use std::{fs, path::Path};

use document::{
    Container,
    container::{Inject, Mount, Volume},
};
use tempfile::TempDir;
use toolkit::Failure;

use super::container;
use crate::{
    Files,
    archive::{Content, Owner},
    check::check,
    files::host_keys,
};

fn inject(source: Option<&Path>, target: &str, owner: &str, keep_edited: bool) -> Inject {
    Inject {
        source: source.map(Path::to_owned),
        target: target.into(),
        mode: "0600".into(),
        owner: owner.into(),
        keep_edited,
        ..Inject::default()
    }
}

/// Returns a document with two volumes, a host key and a dotfile.
fn prepared(directory: &TempDir) -> Container {
    let source = directory.path().join("source");
    fs::write(&source, "contents\n").unwrap();
    let volume = |name: &str, target: &str| Volume {
        name: name.into(),
        target: target.into(),
        ..Volume::default()
    };
    let mut container = container();
    container.volumes = vec![volume("h", "/home/dev"), volume("w", "/workspace")];
    container.inject = vec![
        inject(Some(&source), "/etc/ssh/ssh_host_ed25519_key", "root", false),
        inject(Some(&source), "/home/dev/.config/a", "dev", true),
        inject(None, "/home/dev/.ssh", "dev", true),
        inject(Some(&source), "/home/dev/.token/t", "dev", false),
    ];
    container
}

/// Returns `mode owner path` of each entry, and whether some are to be placed.
fn cargo(container: &Container, fresh: &[&str]) -> (Vec<String>, bool) {
    let files = Files::new(container, "ssh-ed25519 AAAA\n".into()).unwrap();
    let fresh: Vec<_> = fresh.iter().map(|name| (*name).to_owned()).collect();
    let cargo = files.cargo(container, &fresh).unwrap();
    let line = |entry: &crate::archive::Entry| {
        let owner = if entry.owner == Owner::Root { "root" } else { "user" };
        let slash = if entry.content == Content::Directory { "/" } else { "" };
        format!("{:o} {owner} {}{slash}", entry.mode, entry.target)
    };
    (cargo.entries.iter().map(line).collect(), cargo.to_place)
}

const SYSTEM: [&str; 5] = [
    "755 root /run/sshd/",
    "755 root /etc/ssh/ctrkit/",
    "644 root /etc/ssh/sshd_config",
    "644 root /etc/ssh/ctrkit/authorized_keys",
    "600 root /etc/ssh/ssh_host_ed25519_key",
];

const STAGED: [&str; 4] = [
    "600 user /home/dev/.token/t",
    "755 root /var/lib/ctrkit/place/",
    "400 user /var/lib/ctrkit/place/1",
    "644 root /var/lib/ctrkit/place/index",
];

#[test]
fn into_a_new_home_the_dotfiles_go_directly() {
    let directory = tempfile::tempdir().unwrap();
    let (entries, to_place) = cargo(&prepared(&directory), &["h", "w"]);
    assert!(!to_place);
    let roots = ["755 user /home/dev/", "755 user /workspace/"];
    assert_eq!(entries[..2], roots);
    assert_eq!(entries[2..7], SYSTEM);
    let home = [
        "755 user /home/dev/.token/",
        "600 user /home/dev/.token/t",
        "755 user /home/dev/.config/",
        "600 user /home/dev/.config/a",
        "600 user /home/dev/.ssh/",
        "755 user /home/dev/.local/",
        "755 user /home/dev/.local/state/",
        "755 user /home/dev/.local/state/ctrkit/",
        "644 user /home/dev/.local/state/ctrkit/dotfiles",
    ];
    assert_eq!(entries[7..], home);
}

#[test]
fn for_a_home_that_was_there_they_are_staged() {
    let directory = tempfile::tempdir().unwrap();
    let (entries, to_place) = cargo(&prepared(&directory), &["w"]);
    assert!(to_place);
    assert_eq!(entries[0], "755 user /workspace/");
    assert_eq!(entries[1..6], SYSTEM);
    assert_eq!(entries[6..], STAGED);
}

#[test]
fn a_directory_of_the_host_is_never_new() {
    let directory = tempfile::tempdir().unwrap();
    for target in ["/home/dev", "/home"] {
        let mut container = prepared(&directory);
        container.volumes.remove(0);
        container.mounts = vec![Mount {
            kind: "bind".into(),
            source: Some("/srv".into()),
            target: target.into(),
            ..Mount::default()
        }];
        let (entries, to_place) = cargo(&container, &["w"]);
        assert!(to_place, "{target}");
        assert_eq!(entries[6..], STAGED, "{target}");
    }
}

#[test]
fn a_home_without_a_volume_is_always_new() {
    let directory = tempfile::tempdir().unwrap();
    let mut container = prepared(&directory);
    container.volumes.remove(0);
    let (entries, to_place) = cargo(&container, &[]);
    assert!(!to_place);
    assert_eq!(entries[..5], SYSTEM);
}

#[test]
fn without_dotfiles_there_is_nothing_to_place() {
    let directory = tempfile::tempdir().unwrap();
    let mut container = prepared(&directory);
    container.inject.truncate(1);
    let (entries, to_place) = cargo(&container, &[]);
    assert!(!to_place);
    assert_eq!(entries, SYSTEM);
}

#[test]
fn a_file_that_cannot_be_read_is_named_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let absent = directory.path().join("absent");
    let cases = [(absent.as_path(), 66), (directory.path(), 66), (Path::new("/dev/zero"), 74)];
    for (source, status) in cases {
        let mut container = container();
        container.inject = vec![inject(Some(source), "/etc/a", "root", false)];
        let error = Files::new(&container, String::new()).unwrap_err();
        assert_eq!((error.kind(), error.exit().status()), ("cannot-read-file", status));
        assert!(error.to_string().contains(&source.display().to_string()), "{error}");
    }
}

#[test]
fn the_host_keys_alone_are_renewed() {
    let directory = tempfile::tempdir().unwrap();
    let keys = host_keys(&prepared(&directory)).unwrap();
    let targets: Vec<_> = keys.iter().map(|entry| entry.target.as_str()).collect();
    assert_eq!(targets, ["/etc/ssh/ssh_host_ed25519_key"]);
    assert_eq!(keys[0].content, Content::File(b"contents\n".to_vec()));
}

#[track_caller]
fn check_refused(change: impl FnOnce(&mut Inject), rule: &str) {
    let mut entry = inject(Some(Path::new("/a")), "/home/dev/a", "dev", true);
    change(&mut entry);
    let mut container = container();
    container.inject = vec![entry];
    let error = check(&container).unwrap_err();
    assert_eq!((error.kind(), error.exit().status()), ("bad-inject", 65));
    assert!(error.to_string().contains(rule), "{error}");
}

#[test]
fn an_entry_that_could_land_elsewhere_is_refused() {
    for target in ["", "a", "/", "/a/../b", "/a//b", "/a/", "/a/./b", "/a\nb"] {
        check_refused(|entry| entry.target = target.into(), "the target must be absolute");
    }
    for target in ["/home/dev", "/home/developer/a", "/etc/a"] {
        check_refused(|entry| entry.target = target.into(), "in the user's home");
    }
}

#[test]
fn an_entry_with_a_wrong_source_mode_or_owner_is_refused() {
    check_refused(|entry| entry.source = Some("a".into()), "the source must be absolute");
    for mode in ["", "8", "0o644", "+644", "-1", "4755", "rw"] {
        check_refused(|entry| entry.mode = mode.into(), "the mode must be octal");
    }
    for owner in ["", "nobody", "0", "Dev"] {
        check_refused(|entry| entry.owner = owner.into(), "the owner must be");
    }
}
