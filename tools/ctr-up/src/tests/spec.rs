//! What counts as another container.

use document::{
    Container,
    container::{Dotfiles, Inject, Label, Limits, Mount, Ssh, Volume},
};
use serde_json::json;

use super::{container, port, variable};
use crate::spec::Spec;

/// Returns a document with something in every section.
fn full() -> Container {
    let mut container = container();
    container.ports = vec![port("ssh", 22, 2201, Some("127.0.0.1")), port("audio", 1, 2, None)];
    container.volumes =
        vec![Volume { name: "h".into(), target: "/home/dev".into(), ..Volume::default() }];
    container.mounts = vec![Mount {
        kind: "bind".into(),
        source: Some("/a".into()),
        target: "/b".into(),
        ..Mount::default()
    }];
    container.env = vec![variable("A", "1")];
    container.limits = Some(Limits { memory: Some("4g".into()), ..Limits::default() });
    for (name, value) in [("ctrkit.branch", "main"), ("ctrkit.project.name", "myapp"), ("a", "1")] {
        container.set_label(name, value);
    }
    container.inject = vec![file("/etc/a", false), file("/home/dev/.a", true)];
    container
}

fn file(target: &str, keep_edited: bool) -> Inject {
    let (source, target) = (Some("/s".into()), target.into());
    let (mode, owner) = ("0600".into(), "dev".into());
    Inject { source, target, mode, owner, keep_edited, ..Inject::default() }
}

#[track_caller]
fn check(expected: &[&str], change: impl FnOnce(&mut Container)) {
    let before = Spec::of(&full(), None, None).to_label();
    let mut container = full();
    change(&mut container);
    assert_eq!(Spec::of(&container, None, None).changes(&before), expected);
}

#[test]
fn the_same_document_is_no_change() {
    check(&[], |_| {});
}

#[test]
fn every_section_counts_by_its_name() {
    check(&["image"], |c| c.image = Some("b".into()));
    check(&["user"], |c| c.user = Some("b".into()));
    check(&["workspace"], |c| c.workspace = Some("/b".into()));
    check(&["restart"], |c| c.restart = Some("no".into()));
    check(&["ports"], |c| c.ports[0].host = Some(2202));
    check(&["ports"], |c| c.ports[0].container = 23);
    check(&["ports"], |c| c.ports[0].address = Some("::1".into()));
    check(&["ports"], |c| c.ports[1].address = Some("::1".into()));
    check(&["volumes"], |c| c.volumes[0].name = "b".into());
    check(&["volumes"], |c| c.volumes[0].target = "/b".into());
    check(&["volumes"], |c| c.volumes.clear());
    check(&["mounts"], |c| c.mounts[0].read_only = true);
    check(&["mounts"], |c| c.mounts[0].source = Some("/b".into()));
    check(&["mounts"], |c| c.mounts.push(Mount::default()));
    check(&["env"], |c| c.env[0].value = "2".into());
    check(&["env"], |c| c.env[0].name = "B".into());
    check(&["limits"], |c| c.limits = None);
    check(&["limits"], |c| c.limits.as_mut().unwrap().cap_drop = vec!["NET_RAW".into()]);
    check(&["limits"], |c| c.limits.as_mut().unwrap().pids = Some(1));
    check(&["labels"], |c| c.set_label("a", "2"));
    check(&["labels"], |c| c.set_label("b", ""));
    check(&["inject"], |c| c.inject[0].mode = "0644".into());
    check(&["inject"], |c| c.inject[0].owner = "root".into());
    check(&["inject"], |c| c.inject[0].target = "/etc/b".into());
}

#[test]
fn several_changes_are_all_named_in_order() {
    check(&["image", "env", "labels"], |c| {
        c.set_label("a", "2");
        c.env.clear();
        c.image = None;
    });
}

#[test]
fn what_may_change_with_the_container_in_place_does_not_count() {
    check(&[], |c| c.set_label("ctrkit.branch", "side"));
    check(&[], |c| c.set_label("ctrkit.project.name", "other"));
    check(&[], |c| c.set_label("ctrkit.spec", "x"));
    check(&[], |c| c.project.branch = None);
    check(&[], |c| c.restart = Some("unless-stopped".into()));
    check(&[], |c| c.ports[1].host = Some(3));
    check(&[], |c| c.ssh = Some(Ssh { serial: Some(2), ..Ssh::default() }));
    check(&[], |c| c.dotfiles = Some(Dotfiles::default()));
    check(&[], |c| c.inject.truncate(1));
    check(&[], |c| c.inject[0].source = Some("/other".into()));
}

#[test]
fn keys_that_are_not_known_do_not_count() {
    check(&[], |c| {
        let extra = [("x".to_owned(), json!(1))];
        c.extra.extend(extra.clone());
        c.limits.as_mut().unwrap().extra.extend(extra.clone());
        c.env[0].extra.extend(extra.clone());
        c.mounts[0].extra.extend(extra.clone());
        c.labels[2].extra.extend(extra);
    });
}

#[test]
fn no_limits_and_limits_that_say_nothing_are_the_same() {
    let (mut none, mut empty) = (full(), full());
    none.limits = None;
    empty.limits = Some(Limits::default());
    assert_eq!(Spec::of(&none, None, None), Spec::of(&empty, None, None));
}

#[test]
fn the_label_is_one_line_of_sections() {
    let label = Spec::of(&full(), None, None).to_label();
    assert!(label.starts_with("image:") && !label.contains(['\n', '"', ',']), "{label}");
    for section in label.split(' ') {
        let (_, digest) = section.split_once(':').unwrap();
        assert!(digest.len() == 8 && digest.chars().all(|c| c.is_ascii_hexdigit()), "{section}");
    }
}

#[test]
fn a_label_of_another_version_is_read_as_far_as_it_goes() {
    let spec = Spec::of(&full(), None, None);
    let label = spec.to_label();
    assert!(spec.changes(&format!("later:00000000 {label} x")).is_empty());
    assert_eq!(spec.changes(&label.replace(" env:", " environment:")), ["env"]);
    assert_eq!(spec.changes("").len(), label.split(' ').count());
    assert_eq!(spec.changes(": :: image user:").len(), label.split(' ').count());
    let mut labelled = full();
    labelled.labels.push(Label::default());
    assert_eq!(Spec::of(&labelled, None, None).changes(&label), ["labels"]);
    // It was isolated, and is to be no longer.
    assert_eq!(spec.changes(&format!("{label} isolation:00000000")), ["isolation"]);
}
