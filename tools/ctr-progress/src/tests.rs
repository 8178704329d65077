//! Tests of what is said, without a terminal.

use std::{
    io::{BufReader, Cursor},
    time::{Duration, Instant},
};

use document::Event;

use crate::{Board, State, duration, lines, plain, rich};

fn event(status: &str, more: &str) -> Event {
    let text = format!(
        r#"{{"schema":"event/1","time":"2026-11-22T10:00:00.000Z","tool":"ctr-up","step":"wait","status":"{status}"{more}}}"#
    );
    document::parse::<Event>(text.as_bytes()).unwrap().into_inner()
}

/// Returns the lines for events that come 300 ms apart.
fn lines_of(events: &[Event]) -> Vec<String> {
    let mut board = Board::default();
    let mut now = Instant::now();
    let mut said = Vec::new();
    for event in events {
        said.extend(board.take(event, now).as_ref().and_then(plain));
        now += Duration::from_millis(300);
    }
    said.extend(board.abandon(now).iter().filter_map(plain));
    said
}

#[track_caller]
fn check(events: &[(&str, &str)], expected: &[&str]) {
    let events: Vec<_> = events.iter().map(|(status, more)| event(status, more)).collect();
    assert_eq!(lines_of(&events), expected);
}

#[test]
fn a_step_that_ends_is_one_line() {
    let end = r#","message":"m""#;
    check(&[("started", ""), ("done", "")], &["ctr-up: wait … done (0.0 s)"]);
    check(&[("unchanged", "")], &["ctr-up: wait … unchanged"]);
    check(&[("started", ""), ("failed", end)], &["ctr-up: wait … failed (0.0 s): m"]);
    check(&[("done", ""), ("undone", "")], &["ctr-up: wait … done", "ctr-up: wait … taken back"]);
}

#[test]
fn what_a_killed_tool_began_is_not_finished() {
    check(&[("started", ""), ("progress", "")], &["ctr-up: wait … not finished (0.6 s)"]);
    check(&[("progress", "")], &["ctr-up: wait … not finished (0.3 s)"]);
}

#[test]
fn a_step_that_begins_again_counts_from_there() {
    check(&[("started", ""), ("started", "")], &["ctr-up: wait … not finished (0.3 s)"]);
}

#[test]
fn time_stamps_come_before_the_clock() {
    let mut done = event("done", "");
    done.time = "2026-11-22T10:02:05Z".into();
    assert_eq!(
        lines_of(&[event("started", ""), done.clone()]),
        ["ctr-up: wait … done (2 min 5 s)"]
    );
    for broken in ["soon", "2026-11-22T09:00:00Z", ""] {
        done.time = broken.into();
        assert_eq!(
            lines_of(&[event("started", ""), done.clone()]),
            ["ctr-up: wait … done (0.3 s)"]
        );
    }
}

#[test]
fn unknown_values_of_status_are_ignored() {
    check(&[("started", ""), ("resting", ""), ("done", "")], &["ctr-up: wait … done (0.0 s)"]);
}

#[test]
fn another_subject_is_named() {
    let (a, b) = (r#","subject":"a""#, r#","subject":"b""#);
    check(
        &[("started", a), ("started", b), ("done", b), ("done", a)],
        &["ctr-up: wait (b) … done (0.0 s)", "ctr-up: wait … done (0.0 s)"],
    );
}

#[test]
fn control_characters_are_escaped_and_texts_are_bounded() {
    let mut done = event("done", "");
    done.step = "wa\u{1b}[2Jit\u{202e}".into();
    done.message = Some(format!("\r\n\u{9b}31m{}\n", "x".repeat(5000)));
    let said = lines_of(&[done]).concat();
    assert!(said.starts_with(r"ctr-up: wa\u{1b}[2Jit … done: \u{9b}31mxxx"), "{said}");
    assert!(said.chars().count() < 1100);
    assert!(!said.contains(|c: char| c.is_control()));
}

#[test]
fn a_sign_says_what_a_colour_says() {
    let mut board = Board::default();
    let mut step = board.take(&event("done", ""), Instant::now()).unwrap();
    assert_eq!(rich(&step, false), "✔          ctr-up: wait");
    assert_eq!(rich(&step, true), "\u{1b}[32m✔\u{1b}[0m          ctr-up: wait");
    step.state = State::Failed;
    step.elapsed = Some(Duration::from_millis(1250));
    assert_eq!(rich(&step, false), "✘    1.2 s ctr-up: wait");
}

#[test]
fn durations_in_words() {
    assert_eq!(duration(Duration::from_millis(40)), "0.0 s");
    assert_eq!(duration(Duration::from_millis(59_940)), "59.9 s");
    assert_eq!(duration(Duration::from_secs(60)), "1 min 0 s");
}

#[test]
fn lines_of_any_length_are_read_and_long_ones_left_out() {
    let long = "x".repeat(200_000);
    let input = format!("a\n\n{long}\nb\n{}\nlast", "y".repeat(65_535));
    let mut seen = Vec::new();
    let input = BufReader::with_capacity(7, Cursor::new(input));
    lines::each(input, |line| seen.push(line.len())).unwrap();
    assert_eq!(seen, [2, 1, 2, 65_536, 4]);
}
