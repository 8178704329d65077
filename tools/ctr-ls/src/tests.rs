//! Tests of the forms: data in, text out.

use document::{
    container::Port,
    containers::{Listed, ListedIsolation},
};
use jiff::Timestamp;

use crate::Form;

fn listed(name: &str, status: &str, branch: Option<&str>) -> Listed {
    let port =
        |service: &str, host| Port { service: service.into(), host: Some(host), ..Port::default() };
    Listed {
        name: name.into(),
        status: status.into(),
        branch: branch.map(str::to_owned),
        created: Some("2026-11-22T08:00:00Z".into()),
        ports: vec![port("ssh", 2200), port("web", 3000)],
        ..Listed::default()
    }
}

#[track_caller]
fn check(form: &Form, terminal: bool, containers: &[Listed], expected: &str) {
    let now: Timestamp = "2026-11-22T11:59:59Z".parse().unwrap();
    assert_eq!(form.text(containers, terminal, now).as_deref(), Some(expected));
}

#[test]
fn the_table_has_a_dash_where_there_is_none() {
    let containers = [listed("dev-a", "running", Some("main")), listed("b", "stopped", None)];
    check(
        &Form::default(),
        false,
        &containers,
        "NAME   STATUS   SSH   WEB   AUDIO  BRANCH  AGE\n\
         dev-a  running  2200  3000  -      main    3h\n\
         b      stopped  2200  3000  -      -       3h\n",
    );
}

#[test]
fn an_address_that_others_get_at_is_shown() {
    let mut open = listed("dev-a", "running", None);
    open.ports[0].address = Some("0.0.0.0".into());
    open.ports[1].address = Some("127.0.0.1".into());
    let expected = "NAME   STATUS   SSH           WEB   AUDIO  BRANCH  AGE\n\
                    dev-a  running  0.0.0.0:2200  3000  -      -       3h\n";
    check(&Form::default(), false, &[open], expected);
}

#[test]
fn what_was_refused_has_a_column_where_any_is_isolated() {
    let mut isolated = listed("dev-a", "running", None);
    let isolation = ListedIsolation { refused: Some(12), ..Default::default() };
    isolated.isolation = Some(isolation);
    let expected = "NAME   STATUS   SSH   WEB   AUDIO  REFUSED  BRANCH  AGE\n\
                    dev-a  running  2200  3000  -      12       -       3h\n\
                    dev-b  stopped  2200  3000  -      -        -       3h\n";
    check(&Form::default(), false, &[isolated, listed("dev-b", "stopped", None)], expected);
}

#[test]
fn sound_that_is_heard_is_shown_with_its_level() {
    let mut heard = listed("dev-a", "running", None);
    heard.audio = Some("duplex".into());
    let expected = "NAME   STATUS   SSH   WEB   AUDIO   BRANCH  AGE\n\
                    dev-a  running  2200  3000  duplex  -       3h\n";
    check(&Form::default(), false, &[heard], expected);
}

#[test]
fn nothing_is_a_line_of_headings() {
    check(&Form::default(), true, &[], "NAME  STATUS  SSH  WEB  AUDIO  BRANCH  AGE\n");
}

#[test]
fn a_terminal_gets_colours_unless_it_wants_none() {
    let containers = [listed("dev-a", "running", None)];
    let expected = "NAME   STATUS   SSH   WEB   AUDIO  BRANCH  AGE\n\
                    dev-a  \u{1b}[32mrunning\u{1b}[0m  2200  3000  -      -       3h\n";
    check(&Form::default(), true, &containers, expected);
    let without = expected.replace("\u{1b}[32m", "").replace("\u{1b}[0m", "");
    let form = Form { no_color: Some("1".into()), ..Form::default() };
    check(&form, true, &containers, &without);
    let form = Form { no_color: Some(String::new()), ..Form::default() };
    check(&form, true, &containers, expected);
}

#[test]
fn control_characters_reach_no_terminal() {
    let containers = [listed("dev-a", "running", Some("a\u{1b}[31m\n\tb"))];
    let text = Form::default().text(&containers, false, Timestamp::UNIX_EPOCH).unwrap();
    assert!(text.contains("a\\u{1b}[31m\\n\\tb"), "{text}");
    assert!(text.ends_with("0s\n"), "{text}");
}

#[test]
fn wide_characters_take_two_columns() {
    let containers = [listed("a", "running", Some("日本")), listed("b", "running", Some("x"))];
    let text = Form::default().text(&containers, false, Timestamp::UNIX_EPOCH).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[1].ends_with("日本    0s"), "{text}");
    assert!(lines[2].ends_with("x       0s"), "{text}");
}

#[test]
fn plain_lines_have_seven_fields_whatever_is_in_them() {
    let form = Form { plain: true, ..Form::default() };
    let containers = [listed("dev-a", "running", Some("a\tb\nc\\d"))];
    let expected = "dev-a\trunning\t2200\t3000\t-\ta\\tb\\nc\\\\d\t2026-11-22T08:00:00Z\n";
    check(&form, true, &containers, expected);
}

#[test]
fn names_end_as_asked() {
    let containers = [listed("a", "running", None), listed("b", "running", None)];
    let form = Form { names: true, ..Form::default() };
    check(&form, false, &containers, "a\nb\n");
    check(&Form { null: true, ..form }, false, &containers, "a\0b\0");
}

#[test]
fn the_document_is_no_text() {
    let form = Form { json: true, ..Form::default() };
    assert_eq!(form.text(&[], true, Timestamp::UNIX_EPOCH), None);
}

#[test]
fn ages_are_in_their_largest_unit() {
    let created = "2026-11-22T08:00:00Z".parse::<Timestamp>().unwrap();
    for (seconds, expected) in [(59, "59s"), (60, "1m"), (7199, "1h"), (86_400 * 400, "400d")] {
        let now = created + jiff::SignedDuration::from_secs(seconds);
        let text = Form::default().text(&[listed("a", "x", None)], false, now).unwrap();
        assert!(text.trim_end().ends_with(&format!("  {expected}")), "{text}");
    }
}
