//! Running it again, on what there is.

use std::{fs, thread};

use serde_json::{Value, json};

use crate::world::{NAME, Up, with_each_engine};

/// The labels of the document's container, but for the digest.
const OWN: [(&str, &str); 3] = [
    ("ctrkit.managed", "true"),
    ("ctrkit.project.path", "/home/me/myapp"),
    ("ctrkit.project.hash", "b3e5ed000000"),
];

#[test]
fn nothing_changed_is_one_engine_call_and_the_same_bytes() {
    with_each_engine(|up| {
        let first = up.command(&up.document()).assert().success().get_output().stdout.clone();
        let before = (up.things(), up.state());
        for named in [true, false] {
            up.heal();
            let mut again = up.command(&Value::Null);
            // The document says which engine it is, and its version.
            if !named {
                again.env_remove("CTRKIT_ENGINE");
            }
            again.write_stdin(first.clone()).assert().success().stdout(first.clone()).stderr("");
            let calls = up.world.calls();
            let engine: Vec<_> = calls.iter().filter(|call| call[0] == up.engine).collect();
            assert_eq!(engine.len(), 1, "{calls:?}");
            assert_eq!(calls.len() - engine.len(), 1, "{calls:?}");
            assert_eq!((up.things(), up.state()), before);
        }
    });
}

#[test]
fn the_document_without_a_state_finds_the_same() {
    with_each_engine(|up| {
        let first = up.up(&up.document());
        up.heal();
        assert_eq!(up.up(&up.document()), first);
        let calls = up.world.calls();
        assert_eq!(calls.iter().filter(|call| call[0] == up.engine).count(), 2, "{calls:?}");
        assert_eq!(up.things(), Up::whole());
    });
}

#[test]
fn another_document_is_refused_by_the_sections_that_differ() {
    with_each_engine(|up| {
        let mut document = up.up(&up.document());
        document["image"] = "localhost/other:1".into();
        document["env"][0]["value"] = "2".into();
        up.heal();
        let error = up.refused(&document, 65, "changed");
        let message = error["message"].as_str().unwrap();
        assert!(message.ends_with("another document: image, env changed"), "{message}");
        assert!(error["hint"].as_str().unwrap().contains("ctrkit create --replace"));
        assert!(up.changes().is_empty(), "{:?}", up.changes());
    });
}

#[test]
fn another_branch_is_no_other_document() {
    let up = Up::new("podman");
    let mut document = up.up(&up.document());
    document["project"]["branch"] = "side".into();
    document["labels"][4]["value"] = "side".into();
    assert_eq!(up.up(&document)["state"]["status"], "running");
}

#[test]
fn a_container_that_is_not_this_projects_is_left_alone() {
    with_each_engine(|up| {
        let other = [
            ("ctrkit.managed", "true"),
            ("ctrkit.project.path", "/other"),
            ("ctrkit.project.hash", "000000000000"),
        ];
        let cases: [(&[(&str, &str)], &str); 3] = [
            (&[], "rename or remove the other one"),
            (&OWN[1..], "rename or remove the other one"),
            (&other, "it belongs to the worktree '/other'"),
        ];
        for state in ["running", "created", "exited"] {
            for (labels, hint) in cases {
                up.add_container(state, labels);
                up.heal();
                let error = up.refused(&up.document(), 69, "name-taken");
                assert_eq!(error["hint"], hint);
                assert!(up.changes().is_empty(), "{:?}", up.changes());
                let mut dry = up.command(&up.document());
                stubs::refused(dry.arg("--dry-run"), 69, "name-taken");
            }
        }
    });
}

#[test]
fn a_stopped_container_is_started() {
    with_each_engine(|up| {
        let first = up.up(&up.document());
        for (state, verb) in [("exited", "start"), ("stopped", "start"), ("paused", "unpause")] {
            up.heal();
            up.world.write(format!("stub/containers/{NAME}/state"), state);
            assert_eq!(up.up(&up.document()), first);
            assert_eq!(up.changes(), [format!("{verb} {NAME}")]);
            assert_eq!(up.things(), Up::whole());
        }
    });
}

#[test]
fn one_that_is_not_started_again_is_not_removed() {
    let up = Up::new("podman");
    up.up(&up.document());
    let stopped = || up.world.write(format!("stub/containers/{NAME}/state"), "exited");
    stopped();
    up.before("start*", "fail 125 'bind: address already in use'");
    up.refused(&up.document(), 75, "port-taken");
    assert!(up.things().contains(&format!("container {NAME} exited")), "{:?}", up.things());
    assert_eq!(up.things().len(), 3);
}

#[test]
fn a_container_that_was_never_started_is_made_anew_from_any_document() {
    with_each_engine(|up| {
        up.add_container("created", &OWN);
        let document = up.up(&up.document());
        assert_eq!(document["state"]["id"], format!("{:064}", 1));
        assert!(up.changes().contains(&format!("rm --force {}", "f".repeat(64))));
        assert_eq!(up.things(), Up::whole());
    });
}

#[test]
fn one_that_ran_before_the_machine_went_down_is_never_made_anew() {
    with_each_engine(|up| {
        let first = up.up(&up.document());
        up.world.write(format!("stub/containers/{NAME}/state"), "created");
        up.heal();
        assert_eq!(up.up(&up.document()), first);
        assert!(!up.changes().iter().any(|call| call.starts_with("rm ")));
        up.add_container("created", &OWN);
        up.world.write(format!("stub/containers/{NAME}/started"), "yes");
        up.refused(&up.document(), 65, "changed");
    });
}

#[test]
fn the_labels_of_the_container_need_not_be_in_the_document() {
    let up = Up::new("podman");
    let mut document = up.document();
    document.as_object_mut().unwrap().remove("labels");
    let first = up.up(&document);
    assert_eq!(up.up(&first), first);
}

#[test]
fn of_two_at_once_one_makes_it_and_the_other_finds_it() {
    with_each_engine(|up| {
        up.before("create*", "sleep 0.3");
        let document = up.document();
        let (one, other) = thread::scope(|scope| {
            let one = scope.spawn(|| up.up(&document));
            let other = scope.spawn(|| up.up(&document));
            (one.join().unwrap(), other.join().unwrap())
        });
        assert_eq!(one, other);
        let creations = up.changes();
        let creations = creations.iter().filter(|call| call.starts_with("create ")).count();
        assert_eq!(creations, 1);
        assert_eq!(up.things(), Up::whole());
    });
}

#[test]
fn a_dry_run_makes_nothing_and_tells_what_there_is() {
    with_each_engine(|up| {
        let mut dry = up.command(&up.document());
        let run = dry.arg("--dry-run").assert().success().stderr("");
        let found: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
        assert_eq!(found["state"], json!({"status": "absent"}));
        assert!(up.things().is_empty() && up.state().is_empty());
        assert!(up.changes().is_empty(), "{:?}", up.changes());

        let first = up.up(&up.document());
        let run = up.command(&up.document()).arg("-n").assert().success();
        let found: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
        assert_eq!(found["state"], first["state"]);

        let mut document = up.document();
        document["user"] = "me".into();
        document["inject"] = json!([]);
        stubs::refused(up.command(&document).arg("-n"), 65, "changed");
    });
}

#[test]
fn a_dry_run_finds_what_a_run_would_stumble_over() {
    let up = Up::new("podman");
    let mut dry = up.command(&up.document());
    stubs::refused(dry.args(["--dry-run", "--key", "/nonexistent"]), 66, "no-ssh-key");
    fs::remove_file(up.world.path("host")).unwrap();
    stubs::refused(up.command(&up.document()).arg("-n"), 66, "cannot-read-file");
}
