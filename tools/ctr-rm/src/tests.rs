//! Tests of what is read and decided: data in, data out.

use engine::Summary;

use crate::{
    work::{Work, parse, question},
    worktree::remotes,
};

#[test]
fn answers_are_counted_and_rubbish_is_not() {
    let id = "a".repeat(40);
    let answer = format!(
        "changed  M file\nchanged ?? b\ncommit {id}\ncommit {id}\ncommit x\n\n--x y\ncommit {id}0\n"
    );
    assert_eq!(parse(&answer), Work { changes: 2, commits: [id].into() });
    assert_eq!(parse(""), Work::default());
}

fn container(status: &str, labels: &[(&str, &str)]) -> Summary {
    let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let (name, image) = ("dev-a".into(), "image".into());
    Summary { name, image, status: status.into(), labels, ..Summary::default() }
}

#[track_caller]
fn check_question(status: &str, expected: &str) {
    let container = container(status, &[("ctrkit.remote_user", "dev")]);
    let mut words = question(&container, "/a; b");
    assert_eq!(words.pop().as_deref(), Some("/a; b"));
    let script = words.iter().position(|word| word == "-c").unwrap() + 1;
    words[script] = "SCRIPT".into();
    assert_eq!(words.join(" "), expected);
}

#[test]
fn what_runs_is_asked_itself_and_what_does_not_through_its_volumes() {
    check_question("running", "exec --user dev dev-a sh -c SCRIPT ctr-rm");
    let expected = "run --rm --pull=never --network=none --cap-drop=ALL --entrypoint=sh \
                    --volumes-from=dev-a:ro --user dev image -c SCRIPT ctr-rm";
    check_question("stopped", expected);
    check_question("paused", expected);
}

#[track_caller]
fn check_remotes(config: &[&str], expected: &[&str]) {
    let config: String = config.iter().map(|entry| format!("{entry}\0")).collect();
    assert_eq!(remotes(&config, "dev-a"), expected);
}

#[test]
fn remotes_that_lead_to_the_container_are_found_by_their_url() {
    check_remotes(
        &[
            "remote.dev-a.url\ndev-a:/workspace/a",
            "remote.dev-a.fetch\n+refs/heads/*:refs/remotes/dev-a/*",
            "remote.other.name.url\ndev-a:/workspace/a",
            "remote.origin.url\nhttps://example.org/dev-a:x",
            "remote.near.url\ndev-ab:/workspace/a",
            "core.bare\nfalse",
            "remote.pushdefault\ndev-a",
        ],
        &["dev-a", "other.name"],
    );
}

#[test]
fn a_remote_that_only_has_the_name_is_somebody_elses() {
    check_remotes(&["remote.dev-a.url\nhttps://example.org/a"], &[]);
}

#[test]
fn a_remote_that_was_cut_off_before_its_url_is_found_by_its_name() {
    check_remotes(&["remote.dev-a.fetch\n+refs/heads/*:refs/remotes/dev-a/*"], &["dev-a"]);
    check_remotes(&["remote.dev-b.fetch\n+refs/heads/*:refs/remotes/dev-b/*"], &[]);
}
