//! A step that fails: what this run made is taken back, and nothing else.

use std::fs;

use serde_json::Value;

use crate::world::{NAME, Up, with_each_engine};

/// What can be made to fail, as a pattern of the arguments.
const MAKING: [&str; 6] = [
    "'volume create '*-home",
    "'volume create '*-workspace",
    "create*",
    "'cp -a=false - '*",
    "'cp - '*",
    "start*",
];

/// What is asked before anything is made.
const ASKING: [&str; 4] = ["version*", "ps*", "'image inspect '*", "'volume ls '*"];

const BROKEN: &str = "fail 125 'Error: it broke'";

#[test]
fn a_failure_before_anything_is_made_makes_nothing() {
    with_each_engine(|up| {
        for pattern in ASKING {
            up.before(pattern, BROKEN);
            let error = up.refused(&up.document(), 69, "engine-failed");
            assert_eq!(error["command"]["last_words"], "Error: it broke", "{pattern}");
            assert!(up.things().is_empty(), "{pattern}: {:?}", up.things());
            assert!(!up.state().contains(&"pending.json".to_owned()));
        }
    });
}

#[test]
fn a_failure_at_any_step_undoes_what_was_made() {
    with_each_engine(|up| {
        for pattern in MAKING {
            if pattern.contains("-a=false") != (up.engine == "podman") && pattern.contains("cp") {
                continue;
            }
            // Before it has done anything, and after.
            for when in [Up::before, Up::after] {
                up.heal();
                when(up, pattern, BROKEN);
                up.refused(&up.document(), 69, "engine-failed");
                let things = up.things();
                let own = |thing: &&String| !left_by_the_engine(pattern, thing);
                assert_eq!(things.iter().filter(own).count(), 0, "{pattern}: {things:?}");
                assert_eq!(up.state(), ["lock"], "{pattern}");
                for directory in ["containers", "volumes"] {
                    let _ = fs::remove_dir_all(up.world.path("stub").join(directory));
                }
            }
        }
    });
}

/// A creation that is reported as failed is not this run's to take back.
fn left_by_the_engine(pattern: &str, thing: &str) -> bool {
    match pattern {
        "create*" => thing.starts_with("container"),
        "'volume create '*-home" => thing.ends_with("-home"),
        "'volume create '*-workspace" => thing.ends_with("-workspace"),
        _ => false,
    }
}

#[test]
fn a_volume_that_was_there_is_never_removed() {
    with_each_engine(|up| {
        for owner in [Some(NAME), None] {
            up.add_volume(&format!("{NAME}-home"), owner);
            for pattern in ["create*", "'cp '*", "start*"] {
                up.heal();
                up.before(pattern, BROKEN);
                up.refused(&up.document(), 69, "engine-failed");
                assert_eq!(up.things(), [format!("volume {NAME}-home")], "{pattern}");
                let removed = up.changes();
                let removed = removed.iter().filter(|call| call.contains("volume rm"));
                assert!(removed.clone().all(|call| call.ends_with("-workspace")), "{removed:?}");
            }
        }
    });
}

#[test]
fn the_container_is_removed_by_its_id() {
    let up = Up::new("podman");
    up.before("start*", BROKEN);
    up.run(&up.document());
    assert!(up.changes().contains(&format!("rm --force {:064}", 1)));
}

#[test]
fn what_cannot_be_undone_is_told_and_does_not_hide_the_error() {
    let up = Up::new("podman");
    let events = up.world.path("events");
    up.before("start*|rm*", BROKEN);
    let mut command = up.command(&up.document());
    let error = stubs::refused(command.arg("--events").arg(&events), 69, "engine-failed");
    assert!(error["command"]["line"].as_str().unwrap().ends_with(&format!("start {NAME}")));
    let text = fs::read_to_string(events).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let undone: Vec<_> = events
        .filter(|event| event["step"] == "undo")
        .map(|event| event["status"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(undone, ["failed", "undone", "undone"]);
    assert_eq!(up.things(), [format!("container {NAME} created")]);
}

#[test]
fn a_port_that_was_taken_meanwhile_is_worth_another_try() {
    with_each_engine(|up| {
        let words = match up.engine {
            "podman" => "cannot listen on the TCP port: bind: address already in use",
            _ => "Bind for 127.0.0.1:2201 failed: port is already allocated",
        };
        up.before("start*", &format!("fail 125 'Error: {words}'"));
        let error = up.refused(&up.document(), 75, "port-taken");
        assert!(
            error["message"].as_str().unwrap().contains(&format!("(127.0.0.1:{}:22)", up.port))
        );
        assert!(error["hint"].as_str().unwrap().contains("portalloc --release"));
        assert!(up.things().is_empty());
    });
}

#[test]
fn a_name_that_was_taken_meanwhile_is_somebody_elses() {
    with_each_engine(|up| {
        let taken = "mkdir \"$stub/containers/dev-myapp-b3e5ed\"; cd \"$stub/containers/dev-myapp-b3e5ed\"; \
                     echo f >id; echo running >state; : >labels";
        up.before("create*", taken);
        up.refused(&up.document(), 69, "name-taken");
        assert_eq!(up.things(), [format!("container {NAME} running")]);
        assert!(!up.changes().iter().any(|call| call.starts_with("rm ")));
    });
}

#[test]
fn a_name_that_another_is_about_to_take_is_somebody_elses() {
    let up = Up::new("podman");
    // Taken in the storage, and listed only when that podman has come so far.
    up.world.write("stub/remnant", "");
    let late = "(sleep 0.3; mkdir x; cd x; echo f >id; echo running >state; : >labels; \
                cd ..; mv x dev-myapp-b3e5ed) >/dev/null 2>&1 &";
    up.before("create*", &format!("cd \"$stub/containers\"; {late}"));
    up.refused(&up.document(), 69, "name-taken");
    assert_eq!(up.things(), [format!("container {NAME} running")]);
    assert!(up.world.path("stub/remnant").exists(), "it was removed");
}

#[test]
fn a_name_that_a_killed_podman_left_behind_is_freed() {
    let up = Up::new("podman");
    up.world.write("stub/remnant", "");
    up.up(&up.document());
    assert_eq!(up.things(), Up::whole());
    let changes = up.changes();
    let create = changes.iter().position(|call| call.starts_with("create ")).unwrap();
    assert_eq!(changes[create + 1], format!("rm --force {NAME}"));
    assert!(changes[create + 2].starts_with("create "));
}

#[test]
fn docker_leaves_no_such_names() {
    let up = Up::new("docker");
    up.world.write("stub/remnant", "");
    up.refused(&up.document(), 69, "name-taken");
    assert!(up.things().is_empty());
    assert!(up.world.path("stub/remnant").exists());
}

#[test]
fn a_user_that_the_image_does_not_have_is_told_and_all_is_undone() {
    with_each_engine(|up| {
        let labels = r#"{"ctrkit.user":"other","ctrkit.uid":"1000","ctrkit.gid":"1000"}"#;
        for image in
            [r#"[{"Id":"i"}]"#, &format!(r#"[{{"Id":"i","Config":{{"Labels":{labels}}}}}]"#)]
        {
            up.world.write("stub/image", image);
            up.world.write("stub/passwd.tar", "");
            let error = up.refused(&up.document(), 69, "no-such-user");
            assert!(error["message"].as_str().unwrap().contains("no account 'dev'"), "{error}");
            assert!(up.things().is_empty());
        }
    });
}

#[test]
fn an_image_that_is_not_there_is_told_before_anything_is_made() {
    with_each_engine(|up| {
        let words = match up.engine {
            "podman" => "Error: inspecting object: localhost/x: image not known",
            _ => "Error response from daemon: no such image: x: No such image: x",
        };
        up.world.refuse(&format!("{}-image-inspect", up.engine), 125, words);
        let error = up.refused(&up.document(), 69, "no-such-image");
        assert!(error["hint"].as_str().unwrap().contains("ctr-image"));
        assert!(up.changes().is_empty(), "{:?}", up.changes());
    });
}

#[test]
fn a_volume_of_another_container_is_refused() {
    with_each_engine(|up| {
        up.add_volume(&format!("{NAME}-workspace"), Some("dev-other-000000"));
        let error = up.refused(&up.document(), 69, "volume-taken");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("-workspace'") && message.contains("'dev-other-000000'"));
        assert_eq!(up.things(), [format!("volume {NAME}-workspace")]);
    });
}

#[test]
fn a_script_that_fails_undoes_the_container_and_keeps_the_home() {
    let up = Up::new("podman");
    up.add_volume(&format!("{NAME}-home"), Some(NAME));
    up.before("exec*", "fail 127 'Error: sh: not found'");
    up.refused(&up.document(), 69, "engine-failed");
    assert_eq!(up.things(), [format!("volume {NAME}-home")]);
}

#[test]
fn a_new_container_with_a_wrong_certificate_is_undone_at_once() {
    with_each_engine(|up| {
        up.world.write("stub/wrong", "");
        let error = up.refused(&up.document(), 69, "wrong-certificate");
        assert!(error["message"].as_str().unwrap().contains("Host key verification failed"));
        assert!(up.things().is_empty());
        assert!(!up.changes().iter().any(|call| call.contains("HUP")));
    });
}
