//! What there is by the container's name, and what is made of it.

use std::{path::Path, time::Duration};

use document::{
    Container,
    container::{Label, Ssh},
    labels,
};
use engine::Summary;
use toolkit::Failure;

use super::{container, port};
use crate::{Client, Error, Plan, found::Found, spec::Spec};

fn complete() -> Container {
    let mut container = container();
    container.ports = vec![port("ssh", 22, 2201, Some("127.0.0.1"))];
    container.ssh = Some(Ssh { known_hosts: Some("/k".into()), ..Ssh::default() });
    container
}

/// Returns the document's container as an engine lists it.
fn listed(status: &str) -> Summary {
    let spec = Spec::of(&complete(), None, None).to_label();
    let labels = [
        (labels::MANAGED, "true"),
        (labels::PROJECT_HASH, "b3e5ed000000"),
        (labels::PROJECT_PATH, "/home/me/myapp"),
        (labels::SPEC, &spec),
    ];
    Summary {
        id: "a".repeat(64),
        name: "dev-myapp-b3e5ed".into(),
        status: status.into(),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..Summary::default()
    }
}

fn judge(container: &Container, summary: &Summary, has_run: bool) -> Result<Found, Error> {
    let client = Client { program: Path::new("ssh"), config: None, proxy: None };
    let plan = Plan::new(container, client, Path::new("/s"), Duration::ZERO, None).unwrap();
    plan.judge(Some(summary), |_| Ok(has_run))
}

#[track_caller]
fn check(status: &str, has_run: bool, expected: Found) {
    assert_eq!(judge(&complete(), &listed(status), has_run).unwrap(), expected, "{status}");
}

#[track_caller]
fn check_taken(change: impl FnOnce(&mut Summary), expected: Option<&str>) {
    let mut summary = listed("running");
    change(&mut summary);
    match judge(&complete(), &summary, true).unwrap_err() {
        Error::NameTaken { project, .. } => assert_eq!(project.as_deref(), expected),
        error => panic!("{error}"),
    }
}

#[test]
fn the_states_are_told_apart() {
    check("running", true, Found::Running);
    check("stopped", true, Found::Stopped);
    check("paused", true, Found::Paused);
    check("restarting", true, Found::Stopped);
    check("created", false, Found::Unstarted);
}

#[test]
fn what_ran_once_is_never_taken_for_new() {
    check("created", true, Found::Stopped);
}

#[test]
fn a_container_of_somebody_elses_is_refused() {
    check_taken(|summary| summary.labels.clear(), None);
    check_taken(|summary| drop(summary.labels.remove(labels::MANAGED)), None);
    check_taken(|summary| drop(summary.labels.insert(labels::MANAGED.into(), "no".into())), None);
}

#[test]
fn a_container_of_another_worktree_is_refused_with_its_path() {
    let other = |summary: &mut Summary| {
        summary.labels.insert(labels::PROJECT_HASH.into(), "0".into());
    };
    check_taken(other, Some("/home/me/myapp"));
}

#[test]
fn another_document_is_refused_unless_the_container_never_ran() {
    let mut container = complete();
    container.labels = vec![Label { name: "a".into(), ..Label::default() }];
    container.user = Some("me".into());
    let error = judge(&container, &listed("stopped"), true).unwrap_err();
    assert_eq!((error.kind(), error.exit().status()), ("changed", 65));
    assert!(error.to_string().ends_with("another document: user, labels changed"), "{error}");
    assert!(error.hint().unwrap().contains("ctrkit create --replace"));
    let unstarted = judge(&container, &listed("created"), false).unwrap();
    assert_eq!(unstarted, Found::Unstarted);
    let ran = judge(&container, &listed("created"), true).unwrap_err();
    assert_eq!(ran.kind(), "changed");
}
