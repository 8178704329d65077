//! Tests of the plan: data in, data out.

use super::*;

fn container(name: &str, status: &str, labels: &[(&str, &str)]) -> Summary {
    let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Summary { name: name.into(), status: status.into(), labels, ..Summary::default() }
}

#[track_caller]
fn check(managed: &Managed, name: &str, expected: &[&str]) {
    let found = plan(managed, name);
    let found = found.iter().map(|(container, verbs)| format!("{} {verbs:?}", container.name));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn sidecars_come_last_in_the_opposite_order_of_the_start() {
    let of = ("ctrkit.sidecar.of", "a");
    let managed = Managed::from(vec![
        container("in", "stopped", &[of, ("ctrkit.sidecar.type", "ingress")]),
        container("out", "running", &[of, ("ctrkit.sidecar.type", "proxy")]),
        container("app", "running", &[("ctrkit.project.hash", "a")]),
    ]);
    check(&managed, "app", &[r#"app ["stop"]"#, "in []", r#"out ["stop"]"#]);
}

#[test]
fn what_does_not_run_is_left_alone() {
    for (status, expected) in [
        ("created", "app []"),
        ("stopped", "app []"),
        ("paused", r#"app ["unpause", "stop"]"#),
        ("restarting", r#"app ["stop"]"#),
    ] {
        check(&Managed::from(vec![container("app", status, &[])]), "app", &[expected]);
    }
}
