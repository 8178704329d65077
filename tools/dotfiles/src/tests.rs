//! Tests of the decisions: which names, which source, which entries.

use std::path::{Path, PathBuf};

use document::{
    Container, Extra,
    container::{Inject, Project},
};

use crate::{Dotfile, Source, Warning, home, list, record, rules, summary, warning::Reason};

fn document() -> Container {
    let project = Project {
        path: "/w".into(),
        name: "w".into(),
        hash: "0".into(),
        branch: None,
        extra: Extra::new(),
    };
    Container::new("dev-w".into(), project)
}

fn dotfile(path: &str) -> Dotfile {
    Dotfile { path: path.into(), source: Some(Path::new("/d").join(path)), mode: 0o644 }
}

fn other(target: &str) -> Inject {
    Inject { source: Some("/k".into()), target: target.into(), ..Inject::default() }
}

fn targets(document: &Container) -> Vec<&str> {
    document.inject.iter().map(|entry| entry.target.as_str()).collect()
}

#[track_caller]
fn check_hidden(path: &str, hidden: bool) {
    assert_eq!(rules::is_hidden(Path::new(path)), hidden, "{path}");
}

#[test]
fn a_dot_at_any_level_counts() {
    check_hidden(".zshrc", true);
    check_hidden(".config/nvim/init.lua", true);
    check_hidden("zsh/.zshrc", true);
    check_hidden("README.md", false);
    check_hidden("bin/install.sh", false);
}

#[test]
fn droppings_are_left_out_and_look_alikes_are_not() {
    for name in [".git", ".gitmodules", ".DS_Store", "4913", ".zshrc~", ".zshrc.swp", "a.swo"] {
        assert!(rules::is_left_out(name.as_bytes()), "{name}");
    }
    for name in [".#init.el", "#init.el#"] {
        assert!(rules::is_left_out(name.as_bytes()), "{name}");
    }
    for name in [".gitconfig", ".gitignore", "swp", "#", "~a", "#a", "49130", ".config"] {
        assert!(!rules::is_left_out(name.as_bytes()), "{name}");
    }
}

#[track_caller]
fn check_private(path: &str, reason: Option<Reason>) {
    assert_eq!(rules::private_name(Path::new(path)), reason, "{path}");
}

#[test]
fn private_keys_are_known_by_name() {
    check_private(".ssh/id_ed25519", Some(Reason::PrivateKey));
    check_private(".ssh/id_ed25519.pub", None);
    check_private(".ssh/id_ed25519-cert.pub", None);
    check_private(".ssh/config", None);
    check_private(".ssh/authorized_keys", Some(Reason::AuthorizedKeys));
    check_private(".gnupg/private-keys-v1.d/AB.key", Some(Reason::PrivateKey));
    check_private("id_ed25519", None);
}

#[test]
fn private_keys_are_known_by_how_they_begin() {
    for head in [
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
        "-----BEGIN PRIVATE KEY-----\r\n",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
        "\u{feff}\n  -----BEGIN RSA PRIVATE KEY-----\n",
    ] {
        assert!(rules::is_private_key(head.as_bytes()), "{head}");
    }
    for head in [
        "",
        "-----BEGIN PUBLIC KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nPRIVATE KEY",
        "# -----BEGIN PRIVATE KEY-----\n",
    ] {
        assert!(!rules::is_private_key(head.as_bytes()), "{head}");
    }
}

#[test]
fn the_option_comes_before_the_document_and_that_before_the_rest() {
    let (a, b) = (Some(PathBuf::from("/a/./x/")), Some(PathBuf::from("/b")));
    let unasked = || panic!("the configuration directory is not needed");
    let chosen = Source::choose(a, b.clone(), unasked).unwrap();
    assert_eq!(chosen, Source::Directory("/a/x".into()));
    assert_eq!(Source::choose(None, b, unasked).unwrap(), Source::Named("/b".into()));
}

#[test]
fn the_configuration_directory_counts_only_if_it_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let place = || Ok(directory.path().to_owned());
    assert_eq!(Source::choose(None, None, place).unwrap(), Source::BuiltIn);
    let dotfiles = directory.path().join("dotfiles");
    std::os::unix::fs::symlink("nowhere", &dotfiles).unwrap();
    assert_eq!(Source::choose(None, None, place).unwrap(), Source::Directory(dotfiles));
}

#[test]
fn homes_are_where_accounts_have_them() {
    assert_eq!(home("dev").unwrap(), "/home/dev");
    assert_eq!(home("root").unwrap(), "/root");
    for user in ["", ".", "..", "a/b", "a b", "a\nb", "a:b"] {
        home(user).unwrap_err();
    }
}

#[test]
fn entries_have_owner_mode_and_the_mark() {
    let mut document = document();
    let directory = Dotfile { path: ".ssh".into(), source: None, mode: 0o700 };
    list(&mut document, vec![dotfile(".zshrc"), directory], "/home/dev", "dev");
    assert_eq!(targets(&document), ["/home/dev/.ssh", "/home/dev/.zshrc"]);
    let [directory, file] = &document.inject[..] else { panic!() };
    assert_eq!((directory.mode.as_str(), directory.source.as_deref()), ("0700", None));
    assert_eq!((file.mode.as_str(), file.owner.as_str()), ("0644", "dev"));
    assert_eq!(file.source.as_deref(), Some(Path::new("/d/.zshrc")));
    assert!(document.inject.iter().all(|entry| entry.keep_edited));
}

#[test]
fn what_has_gone_disappears_and_the_entries_of_others_stay_in_place() {
    let mut document = document();
    document.inject.push(other("/a"));
    list(&mut document, vec![dotfile(".one"), dotfile(".two")], "/home/dev", "dev");
    document.inject.push(other("/b"));
    let old = &mut document.inject[1];
    assert_eq!(old.target, "/home/dev/.one");
    old.extra.insert("x-note".into(), 1.into());

    list(&mut document, vec![dotfile(".one"), dotfile(".three")], "/home/dev", "dev");
    assert_eq!(targets(&document), ["/a", "/home/dev/.one", "/home/dev/.three", "/b"]);
    assert_eq!(document.inject[1].extra["x-note"], 1);

    let before = document.clone();
    list(&mut document, vec![dotfile(".one"), dotfile(".three")], "/home/dev", "dev");
    assert_eq!(document, before);
}

#[test]
fn what_another_tool_has_listed_wins() {
    let mut document = document();
    document.inject.push(other("/home/dev/.one"));
    let warnings = list(&mut document, vec![dotfile(".one")], "/home/dev", "dev");
    assert_eq!(document.inject, [other("/home/dev/.one")]);
    assert_eq!(warnings, [Warning { path: ".one".into(), reason: Reason::Listed }]);
}

#[test]
fn the_directory_is_recorded_unless_the_document_has_it() {
    let mut document = document();
    record(&mut document, Source::BuiltIn);
    assert_eq!(document.dotfiles, None);
    record(&mut document, Source::Directory("/d".into()));
    record(&mut document, Source::Named("/e".into()));
    let recorded = document.dotfiles.and_then(|section| section.source);
    assert_eq!(recorded.as_deref(), Some(Path::new("/d")));
}

#[test]
fn many_warnings_are_few_lines() {
    let warning = |_| Warning { path: ".x".into(), reason: Reason::Dangling };
    let lines = summary(&(0..23).map(warning).collect::<Vec<_>>());
    assert_eq!(lines.len(), 21);
    assert_eq!(lines[20], "left out 3 more");
    assert_eq!(summary(&[warning(0)]), ["left out '.x': it is a link to nothing"]);
}
