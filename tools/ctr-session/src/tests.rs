//! Tests of names, commands, lists and screens: data in, data out.

use std::ffi::OsString;

use document::{Sessions, sessions::Without};
use jiff::Timestamp;
use toolkit::Failure;

use crate::{
    Capture, Form, Screen, Sending, SessionName, create, follow, keys, list,
    tmux::{Command, command},
};

fn words(command: &Command) -> Vec<&str> {
    command.iter().map(|word| word.to_str().unwrap()).collect()
}

#[test]
fn names_are_taken_as_they_are_or_refused() {
    let long = "x".repeat(300);
    for name in
        ["dev", "-x", "=x", "@1", "%1", "a b", " ", "日本", "a;", "#{x}", "pts/x", "~", &long]
    {
        assert_eq!(SessionName::new(name).unwrap().as_str(), name);
    }
    let long = "x".repeat(1025);
    for name in [
        "",
        "a.b",
        "a:b",
        "a\nb",
        "\u{1b}",
        "a\u{85}b",
        "a\\b",
        "$(id)",
        "a$b",
        "/dev/pts/1",
        "pts/1",
        "client-12",
        "console",
        "tty1",
        &long,
    ] {
        assert_eq!(SessionName::new(name).unwrap_err().kind(), "bad-session-name", "{name:?}");
    }
}

#[test]
fn a_target_is_exact_and_a_new_name_is_no_format() {
    assert_eq!(SessionName::new("dev").unwrap().target(), "=dev:");
    for (name, format) in
        [("#(id)", "##(id)"), ("a##b", "a####b"), ("#[x]#", "#[x]##"), ("##[", "##["), ("a", "a")]
    {
        assert_eq!(SessionName::new(name).unwrap().format(), format);
    }
}

#[test]
fn a_command_is_words_and_no_line() {
    let name = SessionName::new("a#").unwrap();
    let run = ["a b", "$HOME", ";", ""].map(OsString::from);
    let new = create::new_session(&name, Some("/w#x"), &run);
    let new = words(&new);
    assert_eq!(new[5..9], ["-s", "a##", "-c", "/w##x"]);
    assert_eq!(new[9..12], ["--", "sh", "-c"]);
    assert_eq!(new[13..], ["ctr-session", "a b", "$HOME", ";", ""]);
    let shell = create::new_session(&name, None, &[]);
    assert_eq!(words(&shell)[5..], ["-s", "a##"]);
}

fn sent(text: &[u8], keys: &[&str], enter: bool) -> Vec<String> {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    let sending = Sending { text: text.to_vec(), keys, enter };
    sending.check().unwrap();
    let commands = sending.commands(&SessionName::new("s").unwrap(), "b");
    commands.iter().map(|command| words(command).join(" ")).collect()
}

#[test]
fn text_is_typed_and_long_text_is_pasted() {
    let mode = "copy-mode -q -t =s:".to_owned();
    assert_eq!(sent(b"Enter", &[], false), [&mode, "send-keys -t =s: -l -- Enter"]);
    let load = "load-buffer -b b -";
    let paste = "paste-buffer -p -d -b b -t =s:";
    for text in [&b"a\nb"[..], b"\xff", b"\t", &[b'x'; 5000]] {
        assert_eq!(sent(text, &[], false), [&mode, load, paste]);
    }
    assert_eq!(sent(b"", &["C-c", "-"], true), [&mode, "send-keys -t =s: -- C-c - Enter"]);
    let pause = "run-shell sleep 0.1";
    let both = [&mode, "send-keys -t =s: -l -- x", pause, "send-keys -t =s: -- Enter"];
    assert_eq!(sent(b"x", &[], true), both);
}

#[test]
fn what_ends_a_paste_is_refused() {
    let sending = Sending { text: b"a\x1b[201~b".to_vec(), ..Sending::default() };
    assert_eq!(sending.check().unwrap_err().kind(), "bad-text");
}

#[test]
fn keys_have_names() {
    for key in ["Enter", "enter", "C-c", "^c", "M-S-Up", "F12", "C-Space", ";", "-", "C--", "é"] {
        keys::check(key).unwrap();
    }
    for key in ["", "Entre", "F0", "F13", "C-", "C-no", "hello", "\u{3}"] {
        assert_eq!(keys::check(key).unwrap_err().kind(), "bad-key", "{key:?}");
    }
}

#[test]
fn names_with_blanks_and_terminals_that_look_are_read() {
    let text = "$0 1 1795785390 1795785400 a b \n$10 12 1795785390 1795785400 client $0 0\n\
                client $10 0\nclient $10 1\nclient $1 0\n";
    let sessions = list::parse("dev-a", text);
    let found: Vec<_> =
        sessions.iter().map(|each| (each.name.as_str(), each.windows, each.attached)).collect();
    assert_eq!(found, [("a b ", 1, 0), ("client $0 0", 12, 1)]);
    assert_eq!(sessions[0].created.as_deref(), Some("2026-11-27T13:16:30Z"));
}

#[test]
fn the_table_has_reasons_below_it() {
    let sessions = list::parse("dev-a", "$0 1 1795785390 1795785400 日\n");
    let without =
        Without { container: "dev-b".into(), reason: "no\u{1b}".into(), ..Without::default() };
    let list = Sessions::new(sessions, vec![without]);
    let now: Timestamp = "2026-11-27T13:17:40Z".parse().unwrap();
    let expected = "CONTAINER  SESSION  WINDOWS  ATTACHED  AGE  IDLE\n\
                    dev-a      日       1        0         1m   1m\n\
                    dev-b: no\\u{1b}\n";
    assert_eq!(Form::default().text(&list, now).as_deref(), Some(expected));
    let plain = Form { plain: true, ..Form::default() };
    let line = "dev-a\t日\t1\t0\t2026-11-27T13:16:30Z\t2026-11-27T13:16:40Z\n";
    assert_eq!(plain.text(&list, now).as_deref(), Some(line));
    assert_eq!(Form { json: true, ..Form::default() }.text(&list, now), None);
}

#[test]
fn the_last_lines_are_exactly_so_many() {
    let text = "1 \n\n2\n\n\n";
    for (lines, expected) in [
        (None, &["1", "", "2"][..]),
        (Some(2), &["", "2"]),
        (Some(9), &["1", "", "2"]),
        (Some(0), &[]),
    ] {
        assert_eq!(Capture { lines, escapes: false }.lines(text), expected);
    }
}

#[test]
fn frames_are_taken_apart_wherever_they_are_cut() {
    let bytes = b"  3\nabc2 80 24\n\n\n0\n";
    for size in 1..bytes.len() {
        let mut frames = follow::Frames::default();
        let mut found = Vec::new();
        for piece in bytes.chunks(size) {
            frames.bytes.extend_from_slice(piece);
            found.extend(frames.by_ref());
        }
        let found: Vec<_> = found.into_iter().map(|frame| (frame.size, frame.bytes)).collect();
        let expected =
            [(None, b"abc".to_vec()), (Some((80, 24)), b"\n\n".to_vec()), (None, Vec::new())];
        assert_eq!(found, expected);
    }
}

#[test]
fn commands_are_of_known_words() {
    assert_eq!(words(&command(["a", "b c"])), ["a", "b c"]);
}

/// The lines that come of `writes`, after each of which the pane rests where
/// it is `~`; the pane has 10 columns and 4 rows.
#[track_caller]
fn check_lines(writes: &[&str], expected: &[&str]) {
    let mut screen = Screen::new(10, 4);
    let mut found = Vec::new();
    for write in writes {
        match *write {
            "~" => screen.rest(),
            bytes => screen.write(bytes.as_bytes()),
        }
        found.extend(screen.lines());
    }
    screen.finish();
    found.extend(screen.lines());
    assert_eq!(found, expected);
}

#[test]
fn a_line_is_told_when_it_ends() {
    check_lines(&["a\r\nb\r\n\r\nc\r\nd\r\ne\r\nf"], &["a", "b", "", "c", "d", "e", "f"]);
    check_lines(&["10%\r20%\r", "100%\n"], &["100%"]);
    check_lines(&["\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}x\r\n"], &["red x"]);
    check_lines(&["ab\u{8}c\r\n", "long\rx\u{1b}[K\r\n", "a\tb\r\n"], &["ac", "x", "a       b"]);
}

#[test]
fn a_long_line_is_one_line() {
    let long = "0123456789".repeat(9) + "end";
    check_lines(&[&long, "\r\n", "x\r\n"], &[&long, "x"]);
    check_lines(&["0123456789\r\nx\r\n"], &["0123456789", "x"]);
    check_lines(&["日本語日本語\r\n"], &["日本語日本語"]);
}

#[test]
fn what_is_drawn_again_is_told_once_it_rests() {
    let up = "\u{1b}[2A\r";
    // As it was: nothing.
    check_lines(&["a\r\nb\r\n", up, "a\r\nb\r\n", "~"], &["a", "b"]);
    // Ever another: what it came to.
    check_lines(&["1\r\nb\r\n", up, "2\r\n", up, "3\r\n", "\u{1b}[1B", "~"], &["1", "b", "3"]);
    // What leaves the pane meanwhile is told when it does.
    let rest = ["p\r\nq\r\nr\r\ns\r\nt\r\n", "~"];
    check_lines(&["a\r\n\u{1b}[A", rest[0], rest[1]], &["a", "p", "q", "r", "s", "t"]);
}

#[test]
fn a_pane_that_is_cleared_loses_no_line() {
    let clear = "\u{1b}[H\u{1b}[2J";
    check_lines(&["a\r\n", clear, "b\r\nc\r\n", clear, "d\r\n", "~"], &["a", "b", "c", "d"]);
    check_lines(&["a\r\n\u{1b}[H\u{1b}[J", "b\r\n\u{1b}[H\u{1b}[J", "~"], &["a", "b"]);
}

#[test]
fn the_alternate_screen_has_no_lines() {
    let editor = "\u{1b}[?1049h\u{1b}[2J\u{1b}[Hx\r\ny\r\nz\r\n\u{1b}[?1049l";
    check_lines(&["a\r\nb", editor, "c\r\n"], &["a", "bc"]);
}

#[test]
fn rows_that_are_moved_keep_their_lines() {
    let insert = "\u{1b}[2;1H\u{1b}[Lnew\u{1b}[4;1H";
    check_lines(&["a\r\nb\r\nc\r\n", insert, "~"], &["a", "b", "c", "new"]);
    let region = "\u{1b}[1;2r\u{1b}[2;1Hx\r\ny\u{1b}[r\u{1b}[4;1H";
    check_lines(&["a\r\nb\r\nc\r\n", region, "~"], &["a", "b", "c", "x", "y"]);
}

#[test]
fn nonsense_moves_nothing_out_of_the_pane() {
    let mut screen = Screen::new(1, 1);
    for byte in 0..=255 {
        screen.write(&[0x1b, b'[', b'9', b'9', b';', b'9', b'9', byte, b'x', 0xc3]);
        screen.write(&[0x1b, byte, b'\n', 0xe3, 0x81, 0x82, b'\t', 8]);
        screen.resize(usize::from(byte % 7), usize::from(byte % 5));
    }
    screen.finish();
}

#[test]
fn a_pane_that_shows_something_goes_on_from_there() {
    let text = "10 4 2 3 0\nold\nabcdefghijkl\n\n$ \nabcdefghij\nkl\n\n$\n";
    let (mut screen, lines) = Screen::start(text.as_bytes());
    assert_eq!(lines, ["old", "abcdefghijkl", ""]);
    screen.write(b"ls\r\n\r\n");
    assert_eq!(screen.lines(), ["$ ls", ""]);
}

#[test]
fn a_line_that_is_half_there_is_told_whole() {
    let text = "10 3 2 1 0\nabcdefghijkl\nabcdefghij\nkl\n\n";
    let (mut screen, lines) = Screen::start(text.as_bytes());
    assert!(lines.is_empty());
    screen.write(b"m\r\n");
    assert_eq!(screen.lines(), ["abcdefghijklm"]);
    // A full row that ends a line is not the beginning of the next.
    let text = "10 3 2 1 0\nabcdefghij\nkl\nabcdefghij\nkl\n\n";
    let (mut screen, lines) = Screen::start(text.as_bytes());
    assert_eq!(lines, ["abcdefghij"]);
    screen.write(b"m\r\n");
    assert_eq!(screen.lines(), ["klm"]);
}
