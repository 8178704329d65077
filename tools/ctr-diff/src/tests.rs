//! Tests of the list: data in, text out.

use document::{
    Extra,
    diff::{Change, Class, Manner, State},
};

use crate::text;

fn change(class: Class, path: &str) -> Change {
    Change {
        class,
        state: State::Committed,
        change: Manner::Added,
        path: path.to_owned(),
        runs: "git".to_owned(),
        detail: None,
        source: None,
        patch: None,
        extra: Extra::new(),
    }
}

#[test]
fn changes_are_grouped_by_what_executes_them() {
    let changes = [
        change(Class::ByItself, ".envrc"),
        Change {
            state: State::Uncommitted,
            detail: Some("x".into()),
            ..change(Class::ByItself, "a")
        },
        change(Class::Agent, "CLAUDE.md"),
    ];
    assert_eq!(
        text(&changes),
        "Executed or obeyed by itself:\n\
         \x20 added     .envrc     git\n\
         \x20 added     a          git: x (not committed)\n\
         \n\
         Told to an agent that works here:\n\
         \x20 added     CLAUDE.md  git\n"
    );
    assert_eq!(text(&[]), "");
}

#[test]
fn control_characters_reach_no_terminal() {
    let hostile = "a\u{1b}[31m\n\tb\u{9b}\r";
    let changes = [Change {
        detail: Some(hostile.into()),
        runs: hostile.into(),
        patch: Some(format!("@@ -0,0 +1 @@\n+{hostile}\n")),
        ..change(Class::ByItself, hostile)
    }];
    let text = text(&changes);
    assert!(text.chars().all(|each| !each.is_control() || matches!(each, '\n' | '\t')), "{text:?}");
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.contains("a\\u{1b}[31m\\n\\tb\\u{9b}\\r"), "{text}");
}
