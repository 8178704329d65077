//! Values that no container could have.

use document::{
    Container,
    container::{Label, Mount, Volume},
};
use toolkit::Failure;

use super::{container, port, variable};
use crate::check::{check, check_arguments};

#[track_caller]
fn check_refused(key: &str, values: &[&str], set: impl Fn(&mut Container, &str)) {
    for value in values {
        let mut container = container();
        set(&mut container, value);
        let error = check(&container).unwrap_err();
        assert_eq!((error.kind(), error.exit().status()), ("bad-value", 65), "{value:?}");
        let expected = format!("the document's '{key}' cannot be '{value}': it must");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}

#[track_caller]
fn check_taken(values: &[&str], set: impl Fn(&mut Container, &str)) {
    for value in values {
        let mut container = container();
        set(&mut container, value);
        check(&container).unwrap();
    }
}

const PATHS: [&str; 9] = ["", "a", "/", "/a/", "//a", "/a/../b", "/./a", "/a\nb", "/a\u{1b}[1m"];

fn volume(name: &str, target: &str) -> Volume {
    Volume { name: name.into(), target: target.into(), ..Volume::default() }
}

#[test]
fn a_name_is_safe_as_a_directory_and_as_a_pattern() {
    let set = |c: &mut Container, value: &str| c.name = value.into();
    check_refused("name", &["", ".", "..", "../x", "a/b", "-x", "a.b", "*", "A", "a\n"], set);
    check_taken(&["dev-myapp-b3e5ed", "a"], set);
}

#[test]
fn an_image_is_no_option() {
    let set = |c: &mut Container, value: &str| c.image = Some(value.into());
    check_refused("image", &["", "-x", "--privileged", "a b", "a\n", "a\0"], set);
    check_taken(&["localhost/a:latest", "a@sha256:0", "sha256:0"], set);
}

#[test]
fn a_user_is_no_second_argument() {
    let set = |c: &mut Container, value: &str| c.user = Some(value.into());
    let long = "a".repeat(33);
    check_refused("user", &["", "a b", "a\nb", "a:b", "-a", "*", "../a", "a/b", "é", &long], set);
    check_taken(&["root", "dev", "_a", "1000", "first.last", &long[1..]], set);
}

#[test]
fn paths_are_absolute_and_written_in_one_way() {
    let set = |c: &mut Container, value: &str| c.workspace = Some(value.into());
    check_refused("workspace", &PATHS, set);
    check_taken(&["/w", "/w/a b", "/w/日本", "/w/..a", "/w/-x"], set);
    check_refused("volumes.target", &PATHS, |c, value| c.volumes = vec![volume("v", value)]);
    check_refused("mounts.target", &PATHS, |c, value| {
        c.mounts = vec![Mount { target: value.into(), ..Mount::default() }];
    });
}

#[test]
fn a_volume_is_neither_an_option_nor_an_expression() {
    let set = |c: &mut Container, value: &str| c.volumes = vec![volume(value, "/a")];
    check_refused("volumes.name", &["", "-f", "a|b", "^a$", "a/b", ".", "a b", "é"], set);
    check_taken(&["a", "A_1.b-c"], set);
}

#[test]
fn an_address_is_one() {
    let set = |c: &mut Container, value: &str| c.ports = vec![port("a", 1, 2, Some(value))];
    check_refused("ports.address", &["", "localhost", "1.2.3", "[::1]", "::1%lo"], set);
    check_taken(&["127.0.0.1", "::", "fd00::1"], set);
}

#[test]
fn names_of_variables_and_labels_end_where_they_end() {
    let set = |c: &mut Container, value: &str| c.env = vec![variable(value, "x")];
    check_refused("env.name", &["", "A=B", "1A", "A B", "A\n", "-x"], set);
    check_taken(&["A", "_a1"], set);
    let set = |c: &mut Container, value: &str| {
        c.labels = vec![Label { name: value.into(), ..Label::default() }];
    };
    check_refused("labels.name", &["", "a=b", "="], set);
    check_taken(&["a", "-a", "org.example/a b"], set);
}

#[test]
fn no_program_can_be_given_a_nul() {
    assert!(check_arguments(&["a".into(), "b\n".into()]).is_ok());
    let error = check_arguments(&["a".into(), "b\0c".into()]).unwrap_err();
    assert_eq!(error.kind(), "bad-value");
}

#[test]
fn what_every_container_has_is_missed_by_its_name() {
    for key in ["image", "user", "workspace"] {
        let mut container = container();
        match key {
            "image" => container.image = None,
            "user" => container.user = None,
            _ => container.workspace = None,
        }
        let error = check(&container).unwrap_err();
        assert_eq!(error.kind(), "missing-key");
        assert!(error.to_string().contains(&format!("'{key}'")), "{error}");
    }
}
