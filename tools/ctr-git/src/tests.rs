//! Tests of what is decided: data in, data out.

use std::path::Path;

use document::{Ports, ports::Reservation};
use toolkit::Failure;

use crate::{Cargo, Config, Error, Plan, Report, Target, container_of, decide, report};

const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222";

/// Decides for the branch `main`, which is at [`NEW`] on the host; of the
/// container's commits, [`OLD`] alone is known there.
fn decided(report: &Report) -> Result<Plan, Error> {
    let cargo = Cargo { name: "dev-a", branch: "main", commit: NEW };
    decide(cargo, report, |tip| Ok(tip == OLD))
}

#[track_caller]
fn check(report: &Report, push: bool, checkout: bool) {
    assert_eq!(decided(report).unwrap(), Plan { push, checkout });
}

#[track_caller]
fn check_refused(report: &Report, kind: &str) -> String {
    let error = decided(report).unwrap_err();
    assert_eq!(error.kind(), kind);
    error.to_string()
}

/// A container with `main` at `tip`, checked out.
fn at(tip: &str) -> Report {
    let tip = Some(tip.to_owned());
    Report { head: Some("main".into()), commit: tip.clone(), tip, ..Report::default() }
}

#[test]
fn what_is_missing_is_done() {
    check(&Report { head: Some("main".into()), ..Report::default() }, true, false);
    check(&at(OLD), true, false);
    check(&at(NEW), false, false);
    check(&Report { contains: true, ..at("3") }, false, false);
    check(&Report { head: Some("other".into()), ..at(OLD) }, true, true);
    check(&Report { head: Some("other".into()), ..at(NEW) }, false, true);
    check(&Report { head: None, ..at(NEW) }, false, true);
}

#[test]
fn nothing_is_in_the_way_of_nothing() {
    let work = Report {
        dirty: vec!["a".into()],
        blocked: vec!["b".into()],
        busy: Some("a merge"),
        loose: true,
        ..at(NEW)
    };
    check(&work, false, false);
}

#[test]
fn whose_work_is_in_the_way_is_told() {
    check_refused(&at("3"), "diverged");
    let message = check_refused(&Report { dirty: vec!["a".into()], ..at(OLD) }, "container-dirty");
    assert_eq!(message, "the container 'dev-a' has uncommitted changes: 'a'");
    check_refused(&Report { blocked: vec!["a".into()], ..at(OLD) }, "container-dirty");
    check_refused(&Report { busy: Some("a merge"), ..at(OLD) }, "container-busy");
    check_refused(&Report { head: None, loose: true, ..at(NEW) }, "container-busy");
    check_refused(&Report { dirty: vec!["a".into()], ..at("3") }, "diverged");
}

#[test]
fn files_of_another_branch_are_left_to_git() {
    let other = Report { head: Some("other".into()), dirty: vec!["a".into()], ..at(OLD) };
    check(&other, true, true);
}

#[test]
fn a_report_is_read_to_its_end() {
    let text = format!(
        "ctr-git 1\nhead refs/heads/a b\ncommit {OLD}\ntip {NEW}\ncontains\nbusy MERGE_HEAD\n\
         loose\norigin x y\nrefused\ndirty  M a b\ndirty ?? c\nblocked d e\nend\n"
    );
    let report = report::parse(&text).unwrap();
    assert_eq!(report.head.as_deref(), Some("a b"));
    assert_eq!((report.commit.as_deref(), report.tip.as_deref()), (Some(OLD), Some(NEW)));
    assert!(report.contains && report.loose && report.refused);
    assert_eq!(report.busy, Some("a merge"));
    assert_eq!(report.origin.as_deref(), Some("x y"));
    assert_eq!(report.dirty, ["a b", "c"]);
    assert_eq!(report.blocked, ["d e"]);
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        assert_eq!(report::parse(&text[..end]), None, "{end}");
    }
}

#[test]
fn a_report_with_anything_else_is_none() {
    for line in
        ["tip 12", "tip -x", "commit --all", "head main", "x", "dirty", "dirty M", "", "tip \u{e9}"]
    {
        assert_eq!(report::parse(&format!("ctr-git 1\n{line}\nend\n")), None, "{line}");
    }
    assert_eq!(report::parse("end\n"), None);
    assert_eq!(report::parse("ctr-git 12\nend\n"), None);
    assert!(report::parse("ctr-git 1\nend\n").is_some());
    assert!(report::begun("ctr-git 1\n") && !report::begun("Error: ctr-git 1\n"));
}

#[test]
fn a_long_list_of_files_is_cut() {
    let lines = "dirty  M a\n".repeat(1000);
    let report = report::parse(&format!("ctr-git 1\n{lines}end\n")).unwrap();
    assert_eq!(report.dirty.len(), report::FILES + 1);
}

#[test]
fn the_last_of_several_settings_counts() {
    let config = Config::parse("a.b\nx\0a.b\ny\nz\0c.d\0filter.a=b.smudge\ne\0filterx.y\nz\0");
    assert_eq!(config.get("a.b"), Some("y\nz"));
    assert_eq!(config.get("c.d"), Some(""));
    assert_eq!(config.get("e"), None);
    assert_eq!(config.filters().collect::<Vec<_>>(), ["filter.a=b.smudge"]);
}

#[test]
fn a_url_is_read_as_it_was_written() {
    let target = Target::new("dev-a", "/workspace/a b").unwrap();
    assert_eq!(target.url(), "dev-a:/workspace/a b");
    assert_eq!(Target::of_remote("dev-a", &target.url()), Some(target));
    for url in ["dev-b:/workspace", "dev-a:workspace", "dev-a", "ssh://dev-a/w", "dev-a:/a\nb"] {
        assert_eq!(Target::of_remote("dev-a", url), None, "{url}");
    }
}

#[test]
fn the_ledger_tells_whose_worktree_it_is() {
    let mut ledger = Ports::empty();
    for (name, path) in [("plain", None), ("dev-a", Some("/a")), ("dev-b", Some("/b"))] {
        let (name, path) = (name.to_owned(), path.map(Into::into));
        ledger.reservations.push(Reservation { name, path, ..Reservation::default() });
    }
    assert_eq!(container_of(&ledger, Path::new("/b")), Some("dev-b"));
    assert_eq!(container_of(&ledger, Path::new("/b/c")), None);
}
