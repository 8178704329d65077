//! What is known after a SIGKILL.

use std::fs;

use crate::journal::{Journal, Pending};

#[test]
fn what_was_noted_is_known_until_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::of(directory.path());
    assert_eq!(journal.pending(), Pending::default());
    for pending in [
        Pending { volumes: vec!["h".into(), "w".into()], place: false, ..Pending::default() },
        Pending { volumes: Vec::new(), place: true, ..Pending::default() },
    ] {
        journal.note(&pending).unwrap();
        assert_eq!(Journal::of(directory.path()).pending(), pending);
    }
    journal.end().unwrap();
    assert_eq!(journal.pending(), Pending::default());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    journal.end().unwrap();
}

#[test]
fn nothing_to_note_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    Journal::of(directory.path()).note(&Pending::default()).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_broken_journal_makes_no_volume_new() {
    let directory = tempfile::tempdir().unwrap();
    for text in ["", "{", "[]", r#"{"volumes":"h"}"#, "\0", "{}"] {
        fs::write(directory.path().join("pending.json"), text).unwrap();
        assert_eq!(Journal::of(directory.path()).pending(), Pending::default(), "{text}");
    }
}

#[test]
fn keys_of_later_versions_are_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let text = r#"{"volumes":["h"],"later":1}"#;
    fs::write(directory.path().join("pending.json"), text).unwrap();
    assert_eq!(Journal::of(directory.path()).pending().volumes, ["h"]);
}
